r"""Cumulative incidence with competing risks: the Aalen-Johansen estimate, exact with ties.

At the distinct times t_j with n_j at risk and d_kj events of cause k (d_j of any cause)::

    F_k(t) = sum over t_j <= t of S(t_j-) d_kj/n_j,      S the Kaplan-Meier survival of any event

so that S and all F_k add up to 1; 1 - KM with other causes censored is too high. The variance is that of the
infinitesimal jackknife, the sum of squared influences of the subjects on F_k(t): a subject at risk until T adds

::

    - sum over t_j <= min(t, T) of [S(t_j-) d_kj/n_j - d_j (F_k(t) - F_k(t_j))/(n_j - d_j)]/n_j
    + [S(T-) 1{of cause k} - (F_k(t) - F_k(T)) n_T/(n_T - d_T)]/n_T    where it has an event at T <= t

and is linear in F_k(t), so one pass over the times gives it everywhere. For one cause it is Greenwood's.

Source: Aalen and Johansen 1978, Scand J Stat 5:141; Therneau, Crowson and Atkinson, Multi-state models and competing
risks (2024), section 3, for the variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.survival.influence import influences_of
from limus.kernel.statistics.survival.kaplan_meier import count_at_times, event_share
from limus.kernel.statistics.survival.observations import check_observations, freeze
from limus.kernel.statistics.survival.survival_interval import SurvivalInterval, survival_interval

__all__ = ["CumulativeIncidence", "IncidenceAt", "aalen_johansen", "incidence_at"]

Floats = NDArray[np.float64]

_EQUAL = 2.0**-26


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeIncidence:
    """Cumulative incidences of C causes at K distinct times.

    Attributes
    ----------
    time : (K,)
        Ascending.
    causes : (C,) of int
        Codes of the causes, ascending.
    n_at_risk, n_censored : (K,)
        Sums of weights.
    n_event : (C, K)
    incidence, standard_error, low, high : (C, K)
        From the time on; no interval (NaN) where the incidence is 0.
    survival, survival_standard_error : (K,)
        Free of any event.
    n : float
    interval : SurvivalInterval
    level_percent : float
    """

    time: Floats
    causes: NDArray[np.int64]
    n_at_risk: Floats
    n_censored: Floats
    n_event: Floats
    incidence: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    survival: Floats
    survival_standard_error: Floats
    n: float
    interval: SurvivalInterval
    level_percent: float


@dataclass(frozen=True, slots=True, eq=False)
class IncidenceAt:
    """Cumulative incidences read at T times; NaN beyond follow-up.

    Attributes
    ----------
    time : (T,)
    incidence, standard_error, low, high, events : (C, T)
    survival, survival_standard_error, n_at_risk : (T,)
    followed : (T,) of bool
    """

    time: Floats
    incidence: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    events: Floats
    survival: Floats
    survival_standard_error: Floats
    n_at_risk: Floats
    followed: NDArray[np.bool_]


def aalen_johansen(
    time: ArrayLike,
    cause: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    interval: SurvivalInterval = SurvivalInterval.LOG_LOG,
    level_percent: float = 95.0,
) -> CumulativeIncidence:
    """Estimate the cumulative incidence of each cause.

    Parameters
    ----------
    time : (N,) array
        Observed times, at least 0, any unit.
    cause : (N,) array
        0 where censored, 1, 2 ... for the causes.
    weights : (N,) array, optional
        How many subjects a row stands for.
    entry : (N,) array, optional
        Start of watching.
    interval : SurvivalInterval
        Of the incidence; log-log is symmetric in ln(-ln F).
    level_percent : float

    Returns
    -------
    CumulativeIncidence

    Raises
    ------
    ValueRangeError
        No event, or values that are not allowed.

    Examples
    --------
    >>> found = aalen_johansen([1, 2, 2, 3], [1, 2, 0, 1])
    >>> found.incidence.tolist()
    [[0.25, 0.25, 0.75], [0.0, 0.25, 0.25]]
    """
    seen = check_observations(time, cause, weights=weights, entry=entry, causes=True)
    z = normal_quantile(level_percent)
    causes = np.unique(seen.event[seen.event > 0])
    if len(causes) == 0:
        raise ValueRangeError("cause", "no events", "at least one event", "there is no incidence without an event")
    levels, n, d, leaving = count_at_times(seen)
    place = np.searchsorted(levels, seen.time)
    by_cause = np.stack(
        [np.bincount(place, weights=seen.weight * (seen.event == c), minlength=len(levels)) for c in causes]
    ).astype(np.float64)
    hazard = event_share(d, n)
    cause_hazard = np.divide(by_cause, n, out=np.zeros(by_cause.shape), where=by_cause > 0)
    survival = np.cumprod(1 - hazard, dtype=np.float64)
    before = np.concatenate([[1.0], survival[:-1]])
    incidence = np.cumsum(before * cause_hazard, axis=1)
    influences = influences_of(seen, levels, n, d, before, hazard)
    variance = np.stack([influences.of_incidence(int(c), cause_hazard[i], incidence[i]) for i, c in enumerate(causes)])
    log_variance = np.divide(variance, incidence**2, out=np.zeros(variance.shape), where=incidence > 0)
    low, high = survival_interval(incidence, log_variance, interval, z)
    free = np.sqrt(influences.of_survival(survival))
    return CumulativeIncidence(
        freeze(levels),
        freeze(causes),
        freeze(n),
        freeze(leaving - d),
        freeze(by_cause),
        freeze(incidence),
        freeze(np.sqrt(variance)),
        freeze(low),
        freeze(high),
        freeze(survival),
        freeze(free),
        float(seen.weight.sum()),
        interval,
        level_percent,
    )


def incidence_at(curves: CumulativeIncidence, times: ArrayLike) -> IncidenceAt:
    """Read cumulative incidences at given times.

    Parameters
    ----------
    curves : CumulativeIncidence
    times : (T,) array
        At least 0, in the unit of the data.

    Returns
    -------
    IncidenceAt

    Raises
    ------
    ValueRangeError
        A time that is negative or not finite.
    """
    at = np.atleast_1d(np.array(times, dtype=np.float64))
    if at.ndim != 1 or not np.all(np.isfinite(at) & (at >= 0)):
        raise ValueRangeError("times", f"{at}", "0 or more, finite", "correct the times")
    followed = (at <= curves.time[-1] * (1 + _EQUAL)) | bool(curves.survival[-1] == 0.0)
    place = np.searchsorted(curves.time * (1 - _EQUAL), at, side="right")

    def read(values: Floats, before: float) -> Floats:
        start = np.full((*values.shape[:-1], 1), before)
        return np.where(followed, np.concatenate([start, values], axis=-1)[..., place], np.nan)

    later = np.searchsorted(curves.time * (1 + _EQUAL), at, side="left")
    return IncidenceAt(
        at,
        read(curves.incidence, 0.0),
        read(curves.standard_error, 0.0),
        read(curves.low, np.nan),
        read(curves.high, np.nan),
        read(np.cumsum(curves.n_event, axis=1), 0.0),
        read(curves.survival, 1.0),
        read(curves.survival_standard_error, 0.0),
        np.concatenate([curves.n_at_risk, [0.0]])[later],
        followed,
    )
