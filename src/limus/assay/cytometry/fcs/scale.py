"""From the numbers in a file to values of a scale: the amplifier ($PnE) and its gain ($PnG) are taken off.

FCS 3.1, section 3.2.20 (Spidlen 2010, Cytometry A 77:97): a channel ``x`` of a logarithmic amplifier with ``f1``
decades from ``f2`` and range ``r`` is ``10**(f1 x / r) f2``; one of a linear amplifier with gain g is ``x / g``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.fcs.channels import FcsChannel

__all__ = ["scale_channel", "unscale_channel"]

Floats = NDArray[np.float64]


def scale_channel(stored: NDArray[Any], channel: FcsChannel) -> Floats:
    """Return values of the scale.

    Parameters
    ----------
    stored : (N,) numpy.ndarray
        Numbers of the file.
    channel : FcsChannel

    Returns
    -------
    (N,) numpy.ndarray
        Too large a number of a damaged file becomes infinite; what is no number stays so.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values = stored.astype(np.float64)
        if channel.logarithmic:
            return np.asarray(10.0 ** (channel.decades * values / channel.range) * channel.at_zero)
        return values if channel.gain == 1 else values / channel.gain


def unscale_channel(values: Floats, channel: FcsChannel) -> Floats:
    """Return the numbers of the file that have given values; the inverse of :func:`scale_channel`.

    Parameters
    ----------
    values : (N,) numpy.ndarray
        Positive where the channel is logarithmic.
    channel : FcsChannel

    Returns
    -------
    (N,) numpy.ndarray
    """
    if channel.logarithmic:
        return np.asarray(np.log10(values / channel.at_zero) * channel.range / channel.decades)
    return values * channel.gain
