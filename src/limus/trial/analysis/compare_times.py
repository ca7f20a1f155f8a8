"""Two arms compared by times to an event, in R trials at once, by every method that a plan may name.

======================================  ==============================================================================
risk difference, Newcombe and           shares with the event by the day, in strata weighted by n1 n2/(n1 + n2); who was
Miettinen-Nurminen                      censored before counts as without it
Kaplan-Meier difference, cumulative     risks by the day by Aalen and Johansen, which is 1 - Kaplan-Meier with
incidence                               Greenwood's variance where nothing competes; strata likewise
log-rank                                the test, with Peto's one-step logarithm of the hazard ratio, (O - E)/V, 1/V
Cox                                     logarithm of the hazard ratio, Efron's ties, covariates, strata
restricted mean survival time           days free of the event until the day; not where events compete
======================================  ==============================================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError
from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.risk_difference import DifferenceMethod, risk_difference_batch
from limus.kernel.statistics.survival.cox import CoxStatus
from limus.kernel.statistics.survival.cox_batch import cox_batch
from limus.kernel.statistics.survival.incidence_batch import incidence_difference_batch
from limus.kernel.statistics.survival.log_rank_batch import log_rank_batch
from limus.kernel.statistics.survival.restricted_mean_batch import restricted_mean_batch
from limus.trial.analysis.comparisons import Comparisons, Status, normal_comparisons
from limus.trial.design.design import AnalysisMethod

__all__ = ["COUNT_METHODS", "TrialTimes", "compare_times", "count_tables"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

COUNT_METHODS = {
    AnalysisMethod.NEWCOMBE: DifferenceMethod.NEWCOMBE,
    AnalysisMethod.MIETTINEN_NURMINEN: DifferenceMethod.MIETTINEN_NURMINEN,
}


@dataclass(frozen=True, eq=False)
class TrialTimes:
    """Times of N subjects in each of R trials, intercurrent events handled.

    Attributes
    ----------
    time : (R, N) array
        Days, as AVAL of ADTTE.
    cause : (R, N) array of int
        0 censored, 1 the event, 2 an event that rules it out.
    test, present : (R, N) array of bool
        Whether of the arm under test; whether of either arm and the analysed population.
    stratum : (R, N) array of int or None
        None: not to be stratified.
    covariates : (R, N, P) array or None
        Finite where ``known``.
    known : (R, N) array of bool or None
        Subjects with all covariates.
    below : (R, N) array or None
        1 where a laboratory value lies below the endpoint's threshold, 0 where not, NaN where there is none.
    imagined : (R,) array of bool or None
        Trials in which an intercurrent event is imagined away that some subject had.
    first : float
        Time of an event on the day of randomisation.
    """

    time: Floats
    cause: Ints
    test: Flags
    present: Flags
    stratum: Ints | None = None
    covariates: Floats | None = None
    known: Flags | None = None
    below: Floats | None = None
    imagined: Flags | None = None
    first: float = 1.0

    def time_on(self, day: float) -> float:
        """Return the time of an event on a day after randomisation."""
        return day + self.first


def compare_times(
    times: TrialTimes, method: AnalysisMethod, *, day: float, level_percent: float, margin: float = math.nan
) -> Comparisons:
    """Compare two arms.

    Parameters
    ----------
    times : TrialTimes
    method : AnalysisMethod
        For a time to event.
    day : float
        Of the endpoint, after randomisation; events on it count. A restricted mean is of the ``day`` days to it.
    level_percent : float
        Of the interval.
    margin : float
        Of non-inferiority; NaN without one.

    Returns
    -------
    Comparisons

    Raises
    ------
    InputError
        A method for something else.
    """
    z, last = normal_quantile(level_percent), times.time_on(day)
    if method in COUNT_METHODS:
        return _counts(times, COUNT_METHODS[method], last, level_percent, margin)
    if method in (AnalysisMethod.KAPLAN_MEIER_DIFFERENCE, AnalysisMethod.CUMULATIVE_INCIDENCE):
        return _incidence(times, last, z, margin)
    if method is AnalysisMethod.LOG_RANK:
        return _log_rank(times, last, z, margin)
    if method is AnalysisMethod.COX:
        return _cox(times, last, z, margin)
    if method is AnalysisMethod.RESTRICTED_MEAN:
        return _restricted_mean(times, day, z, margin)
    raise InputError("analysis, method", str(method), "a method for a time to event", "choose another")


def count_tables(times: TrialTimes, event: Flags, *, stratified: bool) -> tuple[Floats, Floats]:
    """Count events and subjects by stratum and arm.

    Parameters
    ----------
    times : TrialTimes
    event : (R, N) array of bool
    stratified : bool
        Without, all subjects are one stratum.

    Returns
    -------
    tuple of two (R, S, 2) arrays
        Events and subjects of the arm under test, then of the reference.
    """
    stratum = times.stratum if stratified and times.stratum is not None else np.zeros(event.shape, dtype=np.int64)
    count = int(stratum.max(initial=0)) + 1
    replicates = len(event)
    key = (np.arange(replicates)[:, None] * count + stratum) * 2 + ~times.test
    size, shape = replicates * count * 2, (replicates, count, 2)
    events, n = (np.bincount(key[rows], minlength=size) for rows in (times.present & event, times.present))
    return events.reshape(shape).astype(np.float64), n.reshape(shape).astype(np.float64)


def _nothing_wrong(count: int) -> NDArray[np.int8]:
    return np.zeros(count, dtype=np.int8)


def _counts(
    times: TrialTimes, method: DifferenceMethod, last: float, level_percent: float, margin: float
) -> Comparisons:
    event = (times.cause == 1) & (times.time <= last)
    if times.below is not None:
        event = event | (times.below == 1.0)
    e, n = count_tables(times, event, stratified=True)
    tested = 0.0 if math.isnan(margin) else margin
    found = risk_difference_batch(e, n, method, margin=tested, level_percent=level_percent)
    status = _nothing_wrong(len(e))
    status[((n.sum(axis=2) > 0) & (n == 0).any(axis=2)).any(axis=1)] = Status.STRATA_LEFT_OUT
    if times.imagined is not None:
        status[times.imagined] = Status.IMAGINED
    status[np.isnan(found.estimate)] = Status.NO_COMPARISON
    usable = status < Status.NO_EVENT
    p = found.p if math.isnan(margin) else found.p_non_inferiority
    columns = (found.estimate, found.standard_error, found.low, found.high, p)
    estimate, error, low, high, p = (np.where(usable, column, np.nan) for column in columns)
    return Comparisons(estimate, error, low, high, p, status)


def _incidence(times: TrialTimes, last: float, z: float, margin: float) -> Comparisons:
    group, kept = times.test.astype(np.int64), times.present
    whole = incidence_difference_batch(times.time, times.cause, group, last, present=kept)
    estimate, error, status = whole.estimate, whole.standard_error, _nothing_wrong(len(group))
    if times.stratum is not None:
        apart = incidence_difference_batch(times.time, times.cause, group, last, present=kept, strata=times.stratum)
        known = np.isfinite(apart.estimate)
        estimate, error = np.where(known, apart.estimate, estimate), np.where(known, apart.standard_error, error)
        status[known & (apart.strata_left_out > 0)] = Status.STRATA_LEFT_OUT
        status[~known] = Status.NOT_STRATIFIED
    status[np.isnan(whole.estimate)] = Status.NOT_FOLLOWED
    happened = kept & (times.cause == 1) & (times.time <= last)
    status[~happened.any(axis=1)] = Status.NO_EVENT
    return normal_comparisons(estimate, error, status, z=z, margin=margin)


def _until(times: TrialTimes, last: float) -> tuple[Floats, Flags]:
    """Times with follow-up ended on a day, and who had the event until then."""
    return np.minimum(times.time, last), times.present & (times.cause == 1) & (times.time <= last)


def _strata_of(times: TrialTimes, kept: Flags) -> Ints | None:
    """Strata, with those who do not count in one of their own."""
    if times.stratum is None and kept.all():
        return None
    stratum = np.zeros(kept.shape, dtype=np.int64) if times.stratum is None else times.stratum
    return np.asarray(np.where(kept, stratum, int(stratum.max(initial=0)) + 1))


def _log_rank(times: TrialTimes, last: float, z: float, margin: float) -> Comparisons:
    time, event = _until(times, last)
    found = log_rank_batch(time, event, times.test, strata=_strata_of(times, times.present))
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(found.variance > 0, 1 / np.sqrt(found.variance), np.nan)
    status = np.where(event.any(axis=1), Status.OK, Status.NO_EVENT).astype(np.int8)
    return normal_comparisons(found.log_hazard_ratio, error, status, z=z, margin=_log(margin), ratio=True)


def _cox(times: TrialTimes, last: float, z: float, margin: float) -> Comparisons:
    time, event = _until(times, last)
    kept = times.present if times.known is None else times.present & times.known
    columns = times.test.astype(np.float64)[..., None]
    if times.covariates is not None:
        columns = np.concatenate([columns, times.covariates], axis=2)
    found = cox_batch(time, event, columns, present=kept, strata=times.stratum)
    status = np.where(event.any(axis=1), Status.OK, Status.NO_EVENT).astype(np.int8)
    status[(status == Status.OK) & (found.status[:, 0] != CoxStatus.OK)] = Status.NO_COMPARISON
    estimate, error = found.coefficient[:, 0], found.standard_error[:, 0]
    return normal_comparisons(estimate, error, status, z=z, margin=_log(margin), ratio=True)


def _restricted_mean(times: TrialTimes, day: float, z: float, margin: float) -> Comparisons:
    event = times.present & (times.cause == 1)
    found = restricted_mean_batch(times.time, event, times.test, day, present=times.present)
    status = np.where(np.isfinite(found.estimate), Status.OK, Status.NOT_FOLLOWED).astype(np.int8)
    status[~(event & (times.time < day)).any(axis=1)] = Status.NO_EVENT
    status[(times.present & (times.cause == 2)).any(axis=1)] = Status.COMPETING
    estimate, error = found.estimate, found.standard_error
    return normal_comparisons(estimate, error, status, z=z, margin=margin, higher_is_better=True)


def _log(margin: float) -> float:
    return math.nan if math.isnan(margin) else math.log(margin)
