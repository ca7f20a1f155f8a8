r"""Logarithms of ratios from what papers print: a ratio with its interval, with its p-value, or a log-rank p-value.

::

    interval      se = (ln upper - ln lower)/(2 z)
    p-value       se = |ln ratio|/z_p,  z_p = the normal quantile of 1 - p/2
    log-rank p    V = E n1 n2/(n1 + n2)^2,  ln HR = +/- z_p/sqrt(V),  se = 1/sqrt(V)

E is the number of events in both arms together; the sign is not in the p-value and must be given.

Source: Parmar, Torri and Stewart 1998, Stat Med 17:2815; Tierney and others 2007, Trials 8:16.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling.intervals import normal_quantile

__all__ = ["interval_asymmetry", "ratio_from_interval", "ratio_from_log_rank", "ratio_from_p"]

Floats = NDArray[np.float64]


def ratio_from_interval(
    ratio: ArrayLike, lower: ArrayLike, upper: ArrayLike, level_percent: float = 95.0
) -> tuple[Floats, Floats]:
    """Return the logarithm of a ratio and its variance, from the printed interval.

    Parameters
    ----------
    ratio, lower, upper : (K,) array_like
        Positive, lower < upper.
    level_percent : float
        Of the interval.

    Returns
    -------
    tuple of two (K,) arrays

    Raises
    ------
    ValueRangeError
        A number is not positive, or the ends are not in order around the ratio.

    Examples
    --------
    >>> effect, variance = ratio_from_interval([0.72], [0.57], [0.91])
    >>> round(float(effect[0]), 4), round(float(variance[0]), 5)
    (-0.3285, 0.01424)
    """
    r, low, high = (np.atleast_1d(np.asarray(x, dtype=float)) for x in (ratio, lower, upper))
    bad = ~((low > 0) & (low <= r) & (r <= high) & (low < high) & np.isfinite(high))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        got = f"{r[at]:g} ({low[at]:g} to {high[at]:g})"
        allowed = "a positive ratio inside its positive interval"
        raise ValueRangeError(f"study {at + 1}", got, allowed, "correct or leave out the study")
    return np.log(r), ((np.log(high) - np.log(low)) / (2 * normal_quantile(level_percent))) ** 2


def interval_asymmetry(ratio: Floats, lower: Floats, upper: Floats) -> Floats:
    """Return how far a ratio stands from the geometric middle of its interval, as a share of its half-width.

    Parameters
    ----------
    ratio, lower, upper : (K,) array
        Positive.

    Returns
    -------
    (K,) array
        0 for an interval that is symmetric on the log scale, as Wald's is; 1 where the ratio stands at an end.
    """
    half = 0.5 * (np.log(upper) - np.log(lower))
    return np.abs(np.log(ratio) - 0.5 * (np.log(upper) + np.log(lower))) / half


def ratio_from_p(ratio: ArrayLike, p: ArrayLike) -> tuple[Floats, Floats]:
    """Return the logarithm of a ratio and its variance, from a two-sided p-value of a Wald test.

    Parameters
    ----------
    ratio : (K,) array_like
        Positive, not 1.
    p : (K,) array_like
        Between 0 and 1, both excluded.

    Returns
    -------
    tuple of two (K,) arrays

    Raises
    ------
    ValueRangeError
        A ratio is not positive or is 1, or a p-value is not between 0 and 1.
    """
    r, p_value = (np.atleast_1d(np.asarray(x, dtype=float)) for x in (ratio, p))
    bad = ~((r > 0) & (r != 1) & np.isfinite(r))
    if bad.any():
        raise ValueRangeError("ratio", r[bad][0], "positive and not 1", "give the interval instead of the p-value")
    effect = np.log(r)
    return effect, (effect / _z_of_p(p_value)) ** 2


def ratio_from_log_rank(
    p: ArrayLike, events: ArrayLike, n_1: ArrayLike, n_2: ArrayLike, sign: ArrayLike
) -> tuple[Floats, Floats]:
    """Return an approximate log hazard ratio and its variance from a log-rank p-value and the number of events.

    Parameters
    ----------
    p : (K,) array_like
        Two-sided, between 0 and 1.
    events : (K,) array_like
        In both arms together, positive.
    n_1, n_2 : (K,) array_like
        Participants; only their ratio counts.
    sign : (K,) array_like
        -1 where arm 1 has the lower hazard, 1 where it has the higher one.

    Returns
    -------
    tuple of two (K,) arrays

    Raises
    ------
    ValueRangeError
        A p-value is not between 0 and 1, a count not positive, or a sign not -1 or 1.
    """
    p_value, e, first, second, s = (np.atleast_1d(np.asarray(x, dtype=float)) for x in (p, events, n_1, n_2, sign))
    if not ((e > 0) & (first > 0) & (second > 0)).all():
        raise ValueRangeError("log-rank", "a count that is not positive", "positive counts", "correct the study")
    if not np.isin(s, (-1.0, 1.0)).all():
        raise ValueRangeError("log-rank, sign", s[~np.isin(s, (-1.0, 1.0))][0], "-1 or 1", "say which arm did better")
    information = e * first * second / (first + second) ** 2
    return s * _z_of_p(p_value) / np.sqrt(information), 1 / information


def _z_of_p(p: Floats) -> Floats:
    from scipy.special import ndtri  # noqa: PLC0415

    bad = ~((p > 0) & (p < 1))
    if bad.any():
        raise ValueRangeError("p-value", p[bad][0], "between 0 and 1", "give the interval instead of the p-value")
    return np.asarray(-ndtri(p / 2))
