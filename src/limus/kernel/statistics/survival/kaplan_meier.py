r"""The Kaplan-Meier estimate of survival, with Greenwood's variance.

At the distinct times t_j with n_j at risk (watched before t_j and not yet gone) and d_j events

::

    S(t) = prod over t_j <= t of (1 - d_j/n_j),      var ln S(t) = sum over t_j <= t of d_j/(n_j (n_j - d_j))

and se S = S sqrt(var ln S). The median is the first time at which S falls to 1/2 or below, the middle of the step where
S is exactly 1/2; the ends of its interval are where the interval of S does the same (Brookmeyer and Crowley). Weights
count as repeated rows.

Source: Kaplan and Meier 1958, J Am Stat Assoc 53:457; Greenwood 1926; Brookmeyer and Crowley 1982, Biometrics 38:29.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.survival.observations import Observations, check_observations, freeze
from limus.kernel.statistics.survival.survival_interval import SurvivalInterval, survival_interval

__all__ = ["KaplanMeier", "SurvivalAt", "kaplan_meier", "survival_at", "survival_quantile"]

Floats = NDArray[np.float64]

# as a difference of survivals: below this S counts as equal to the share asked for
_EQUAL = 2.0**-26


@dataclass(frozen=True, slots=True, eq=False)
class KaplanMeier:
    """A survival curve at its K distinct times, of events and of censoring.

    Attributes
    ----------
    time : (K,)
        Ascending, in the unit of the data.
    n_at_risk, n_event, n_censored : (K,)
        Just before, at and at the time; sums of weights.
    survival : (K,)
        From the time on.
    log_variance : (K,)
        Greenwood's variance of ln S; infinite where S is 0.
    low, high : (K,)
        Interval of S; NaN where it does not exist (S is 0; log-log also where S is 1).
    n, events : float
        Subjects and events; sums of weights.
    interval : SurvivalInterval
    level_percent : float
    """

    time: Floats
    n_at_risk: Floats
    n_event: Floats
    n_censored: Floats
    survival: Floats
    log_variance: Floats
    low: Floats
    high: Floats
    n: float
    events: float
    interval: SurvivalInterval
    level_percent: float

    @property
    def standard_error(self) -> Floats:
        """Greenwood's standard error of S; 0 where S is 1 or 0."""
        return np.sqrt(np.where(self.survival > 0, self.log_variance, 0.0)) * self.survival


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalAt:
    """A survival curve read at T times.

    Attributes
    ----------
    time, survival, standard_error, low, high : (T,)
        NaN beyond follow-up.
    n_at_risk : (T,)
        Still watched just before the time.
    events : (T,)
        Up to and including the time.
    followed : (T,) of bool
        False beyond the last observed time, unless the curve has reached 0.
    """

    time: Floats
    survival: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    n_at_risk: Floats
    events: Floats
    followed: NDArray[np.bool_]


def kaplan_meier(
    time: ArrayLike,
    event: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    interval: SurvivalInterval = SurvivalInterval.LOG_LOG,
    level_percent: float = 95.0,
) -> KaplanMeier:
    """Estimate survival.

    Parameters
    ----------
    time : (N,) array
        Observed times, at least 0, any unit.
    event : (N,) array
        1 or true where the event happened, 0 where the subject was censored.
    weights : (N,) array, optional
        How many subjects a row stands for.
    entry : (N,) array, optional
        Start of watching, for delayed entry (left truncation).
    interval : SurvivalInterval
    level_percent : float

    Returns
    -------
    KaplanMeier

    Raises
    ------
    ValueRangeError
        A value or level that is not allowed.

    Examples
    --------
    >>> found = kaplan_meier([1, 2, 2, 3], [1, 1, 0, 0])
    >>> found.survival.tolist()
    [0.75, 0.5, 0.5]
    """
    seen = check_observations(time, event, weights=weights, entry=entry)
    z = normal_quantile(level_percent)
    levels, n_at_risk, n_event, n_all = count_at_times(seen)
    hazard = event_share(n_event, n_at_risk)
    left = n_at_risk * (n_at_risk - n_event)
    terms = np.divide(n_event, left, out=np.zeros(len(left)), where=(n_event > 0) & (hazard < 1))
    terms[hazard >= 1] = np.inf
    survival = np.cumprod(1.0 - hazard, dtype=np.float64)
    log_variance = np.cumsum(terms)
    low, high = survival_interval(survival, log_variance, interval, z)
    return KaplanMeier(
        freeze(levels),
        freeze(n_at_risk),
        freeze(n_event),
        freeze(n_all - n_event),
        freeze(survival),
        freeze(log_variance),
        freeze(low),
        freeze(high),
        float(seen.weight.sum()),
        float(n_event.sum()),
        interval,
        level_percent,
    )


def count_at_times(seen: Observations) -> tuple[Floats, Floats, Floats, Floats]:
    """Count at each distinct time.

    Parameters
    ----------
    seen : Observations

    Returns
    -------
    tuple of four (K,)
        Times; weight at risk just before; weight of events (any cause); weight of all who leave.
    """
    levels, place = np.unique(seen.time, return_inverse=True)
    k = len(levels)
    leaving: Floats = np.bincount(place, weights=seen.weight, minlength=k).astype(np.float64)
    happened: Floats = np.bincount(place, weights=seen.weight * (seen.event > 0), minlength=k).astype(np.float64)
    at_risk: Floats = np.cumsum(leaving[::-1])[::-1].copy()
    if seen.entry is not None:
        # not at risk at t_j: those whose watching begins at t_j or later
        late = np.searchsorted(levels, seen.entry, side="right")
        at_risk -= np.cumsum(np.bincount(late, weights=seen.weight, minlength=k + 1)[::-1])[::-1][1:]
    return levels, at_risk, happened, leaving


def event_share(n_event: Floats, n_at_risk: Floats) -> Floats:
    """Return the share of those at risk that has an event: d/n, exactly 1 where that is all but rounding.

    Parameters
    ----------
    n_event, n_at_risk : (K,)
        Sums of weights.

    Returns
    -------
    (K,)
    """
    share = np.divide(n_event, n_at_risk, out=np.zeros(len(n_event)), where=n_event > 0)
    return np.where(share > 1 - 1e-12, 1.0, share)


def survival_at(curve: KaplanMeier, times: ArrayLike) -> SurvivalAt:
    """Read a survival curve at given times.

    Parameters
    ----------
    curve : KaplanMeier
    times : (T,) array
        At least 0, in the unit of the data.

    Returns
    -------
    SurvivalAt

    Raises
    ------
    ValueRangeError
        A time that is negative or not finite.

    Notes ----- Beyond the last observed time nothing is known, and nothing is carried forward. With delayed entry the
    number at risk is that at the next observed time.
    """
    at = np.atleast_1d(np.array(times, dtype=np.float64))
    if at.ndim != 1 or not np.all(np.isfinite(at) & (at >= 0)):
        raise ValueRangeError("times", f"{at}", "0 or more, finite", "correct the times")
    ended = bool(curve.survival[-1] == 0.0)
    followed = (at <= curve.time[-1] * (1 + _EQUAL)) | ended
    place = np.searchsorted(curve.time * (1 - _EQUAL), at, side="right")  # number of observed times up to it

    def read(values: Floats, before: float) -> Floats:
        return np.where(followed, np.concatenate([[before], values])[place], np.nan)

    no_interval = math.nan if curve.interval is SurvivalInterval.LOG_LOG else 1.0
    at_risk = np.concatenate([curve.n_at_risk, [0.0]])[np.searchsorted(curve.time * (1 + _EQUAL), at, side="left")]
    return SurvivalAt(
        at,
        read(curve.survival, 1.0),
        read(curve.standard_error, 0.0),
        read(curve.low, no_interval),
        read(curve.high, no_interval),
        at_risk,
        np.concatenate([[0.0], np.cumsum(curve.n_event)])[place],
        followed,
    )


def survival_quantile(curve: KaplanMeier, share: float = 0.5) -> tuple[float, float, float]:
    """Return the time by which a share has had the event, with its interval.

    Parameters
    ----------
    curve : KaplanMeier
    share : float
        Between 0 and 1; 0.5 for the median.

    Returns
    -------
    tuple of (float, float, float)
        Time, lower and upper end; NaN where the curve does not come down so far.

    Raises
    ------
    ValueRangeError
        The share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueRangeError("share", share, "between 0 and 1", "use 0.5 for the median")
    estimate, low, high = (
        _first_at_or_below(curve.time, v, 1 - share) for v in (curve.survival, curve.low, curve.high)
    )
    return estimate, low, high


def _first_at_or_below(time: Floats, values: Floats, left: float) -> float:
    reached = np.flatnonzero(np.nan_to_num(values, nan=2.0) < left + _EQUAL)
    if len(reached) == 0:
        return math.nan
    first = int(reached[0])
    below = np.flatnonzero(np.nan_to_num(values, nan=2.0) < left - _EQUAL)
    if abs(values[first] - left) < _EQUAL and len(below):
        return float((time[first] + time[below[0]]) / 2)
    return float(time[first])
