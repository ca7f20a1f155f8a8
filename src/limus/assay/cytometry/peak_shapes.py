r"""The shape of a generation's peak: dye that halves, on a floor of autofluorescence.

A cell of generation g shows ``X = D + A``: dye ``D``, log-normal with median ``d 2**-g`` and the variance
``s**2 + g w**2`` of its logarithm (w: unequal sharing, added at each division), and autofluorescence with noise ``A``.
The sum has no closed form; the shifted log-normal with the same mean, variance and third central moment is used. It is
exact without floor and without dye, and smooth in all parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["Floor", "peak_cumulative", "peak_moments", "peak_probabilities"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Floor:
    """Autofluorescence and noise of cells without dye, on the scale of the channel.

    Attributes
    ----------
    mean, variance, third : float
        Mean, variance and third central moment (0 or above).
    events : int
        Cells of the unstained control behind it; 0 where it is not measured.
    """

    mean: float
    variance: float
    third: float = 0.0
    events: int = 0

    @classmethod
    def measure(cls, values: ArrayLike) -> Floor:
        """Take the moments of an unstained control, the outermost 0.5 % on each side drawn in.

        Parameters
        ----------
        values : (N,) array_like
            Dye channel of unstained cells; two or more different values.

        Returns
        -------
        Floor

        Raises
        ------
        ValueRangeError
            Fewer than two different finite values.
        """
        cells = np.asarray(values, dtype=np.float64)
        cells = cells[np.isfinite(cells)]
        if len(cells) < 2 or cells.min() == cells.max():
            got = f"{len(cells)} cells"
            raise ValueRangeError("unstained control", got, "two or more different values", "measure more cells")
        inside = np.clip(cells, *np.quantile(cells, (0.005, 0.995)))
        centred = inside - inside.mean()
        return cls(float(inside.mean()), float(np.mean(centred**2)), max(0.0, float(np.mean(centred**3))), len(cells))

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.variance)


def peak_moments(log_dye: Floats, log_variance: Floats, floor: Floats) -> tuple[Floats, Floats, Floats]:
    """Return mean, variance and third central moment of peaks.

    Parameters
    ----------
    log_dye, log_variance : numpy.ndarray
        Mean and variance of the logarithm of the dye.
    floor : (3, ...) numpy.ndarray
        Mean, variance and third central moment of the floor, to be broadcast.

    Returns
    -------
    tuple of three numpy.ndarray
    """
    spread = np.expm1(log_variance)
    mean = np.exp(log_dye + 0.5 * log_variance)
    variance = mean**2 * spread
    third = mean**3 * spread**2 * (spread + 3.0)
    return mean + floor[0], variance + floor[1], third + floor[2]


def peak_cumulative(log_dye: Floats, log_variance: Floats, floor: Floats, edges: Floats) -> Floats:
    """Return the share of each peak below the edges.

    Parameters
    ----------
    log_dye, log_variance : (...) numpy.ndarray
        As for :func:`peak_moments`.
    floor : (3, ...) numpy.ndarray
    edges : (J,) numpy.ndarray
        On the scale of the channel.

    Returns
    -------
    (..., J) numpy.ndarray
    """
    from scipy.special import ndtr  # noqa: PLC0415

    mean, variance, third = peak_moments(log_dye, log_variance, floor)
    # the skewness t**3 + 3 t of a log-normal with t**2 = exp(s**2) - 1; below 1e-3 it is normal to rounding
    half = 0.5 * np.maximum(third / variance**1.5, 1e-3)
    root = np.cbrt(half + np.sqrt(half**2 + 1.0))
    tangent = root - 1.0 / root
    growth = 1.0 + tangent**2
    width = np.sqrt(np.log(growth))
    scale = np.sqrt(variance / growth) / tangent
    shift = mean - scale * np.sqrt(growth)
    with np.errstate(divide="ignore"):
        distance = np.log(np.maximum((edges - shift[..., np.newaxis]) / scale[..., np.newaxis], 0.0))
    return np.asarray(ndtr(distance / width[..., np.newaxis]))


def peak_probabilities(log_dye: Floats, log_variance: Floats, floor: Floats, edges: Floats) -> Floats:
    """Return the share of each peak in the bins that the edges make, with an open bin at each end.

    Parameters
    ----------
    log_dye, log_variance, floor, edges
        As for :func:`peak_cumulative`.

    Returns
    -------
    (..., J + 1) numpy.ndarray
        Sums to 1 over the bins.
    """
    below = peak_cumulative(log_dye, log_variance, floor, edges)
    shares = np.empty((*below.shape[:-1], below.shape[-1] + 1))
    shares[..., 0] = below[..., 0]
    np.subtract(below[..., 1:], below[..., :-1], out=shares[..., 1:-1])
    shares[..., -1] = 1.0 - below[..., -1]
    return shares
