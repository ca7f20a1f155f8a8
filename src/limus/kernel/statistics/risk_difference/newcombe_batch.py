"""Newcombe's interval of a difference of two risks in many trials at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import normal_quantile

__all__ = ["newcombe_batch"]

Floats = NDArray[np.float64]


def newcombe_batch(events: ArrayLike, n: ArrayLike, *, level_percent: float = 95.0) -> tuple[Floats, Floats, Floats]:
    """Return differences of two risks and the ends of Newcombe's interval (method 10) in each of R trials.

    ``D - sqrt((p1 - l1)^2 + (u2 - p2)^2)`` and ``D + sqrt((u1 - p1)^2 + (p2 - l2)^2)``, l and u Wilson's limits.

    Parameters
    ----------
    events, n : (R, 2) array_like
        Of the arm under test, then of the control.
    level_percent : float

    Returns
    -------
    tuple of three (R,) arrays
        Estimate, lower and upper end, fractions.

    Raises
    ------
    ValueRangeError
        Impossible counts.

    Notes
    -----
    Newcombe 1998, Stat Med 17:873.

    Examples
    --------
    >>> [round(float(part[0]), 4) for part in newcombe_batch([[56, 48]], [[70, 80]])]
    [0.2, 0.0524, 0.3339]
    """
    e, m = np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if e.shape != m.shape or e.ndim != 2 or e.shape[1] != 2:
        raise ValueRangeError("events, n", f"{e.shape}, {m.shape}", "(R, 2)", "give equal shapes")
    if not (np.all(e >= 0) and np.all(e <= m) and np.all(m >= 1)):
        raise ValueRangeError("events, n", "impossible counts", "0 <= events <= n, n at least 1", "correct the counts")
    z = normal_quantile(level_percent)
    p = e / m
    centre = (p + z * z / (2 * m)) / (1 + z * z / m)
    half = z * np.sqrt(p * (1 - p) / m + z * z / (4 * m * m)) / (1 + z * z / m)
    low, high = np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
    estimate = p[:, 0] - p[:, 1]
    below = np.sqrt((p[:, 0] - low[:, 0]) ** 2 + (high[:, 1] - p[:, 1]) ** 2)
    above = np.sqrt((high[:, 0] - p[:, 0]) ** 2 + (p[:, 1] - low[:, 1]) ** 2)
    return estimate, estimate - below, estimate + above
