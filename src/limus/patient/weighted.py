"""Quantiles of weighted draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["weighted_quantiles"]

Floats = NDArray[np.float64]


def weighted_quantiles(values: Floats, weights: Floats, probabilities: Sequence[float]) -> Floats:
    """Return quantiles of a weighted sample, interpolated between the middles of the weights.

    Parameters
    ----------
    values : (n,) array
        Finite.
    weights : (n,) array
        0 or more.
    probabilities : sequence of float
        0 to 1.

    Returns
    -------
    array
        NaN without values or weight.

    Examples
    --------
    >>> import numpy as np
    >>> weighted_quantiles(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0]), [0.5]).tolist()
    [2.0]
    """
    total = float(weights.sum())
    if not len(values) or not total > 0.0:
        return np.full(len(probabilities), np.nan)
    order = np.argsort(values, kind="stable")
    ordered = weights[order]
    middle = (np.cumsum(ordered) - 0.5 * ordered) / total
    return np.asarray(np.interp(probabilities, middle, values[order]), dtype=np.float64)
