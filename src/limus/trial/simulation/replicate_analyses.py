"""The analyses of a design on many simulated replicates at once, without data sets: for power, never for a report.

Each gives an estimate, an interval at the analysis' level, and whether the hypothesis is shown. Methods whose kernel
function takes one trial (Cox, restricted mean, cumulative incidence) run replicate by replicate; a replicate that a
method cannot judge has a status and counts as not shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import LimusError
from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.regression.adjusted_differences import adjusted_difference_batch
from limus.kernel.statistics.risk_difference.newcombe_batch import newcombe_batch
from limus.kernel.statistics.risk_difference.score import risk_difference_batch
from limus.kernel.statistics.survival.aalen_johansen import aalen_johansen, incidence_at
from limus.kernel.statistics.survival.cox import cox
from limus.kernel.statistics.survival.kaplan_meier_difference import kaplan_meier_difference_batch
from limus.kernel.statistics.survival.log_rank_batch import log_rank_batch
from limus.kernel.statistics.survival.restricted_mean import compare_restricted_means
from limus.trial.design.design import Analysis, AnalysisMethod, Endpoint, EndpointKind, Hypothesis
from limus.trial.simulation.replicates import SimulatedTrial

__all__ = ["FAILED", "FALLBACK", "OK", "ReplicateResults", "analyse_replicates", "endpoint_times", "endpoint_values"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
OK, FALLBACK, FAILED = 0, 1, 2


@dataclass(frozen=True, eq=False)
class ReplicateResults:
    """One analysis in R replicates.

    Attributes
    ----------
    estimate, standard_error, low, high : (R,) array
        In the unit of the effect (logarithm of a hazard ratio); NaN where there is none. The interval has the level
        that the hypothesis is judged at: 1 - 2 alpha for non-inferiority, 1 - alpha else.
    shown : (R,) array of bool
    status : (R,) array of int8
        ``OK``, ``FALLBACK`` (strata left out because one lacked an arm) or ``FAILED``.
    """

    estimate: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    shown: Flags
    status: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class _Compared:
    """Two arms of R replicates: who belongs, who is under test, and the level of intervals."""

    present: Flags
    test: NDArray[np.int64]
    strata: NDArray[np.int64]
    level_percent: float


def endpoint_times(trial: SimulatedTrial, endpoint: Endpoint) -> tuple[Floats, Flags, Flags]:
    """Return observed time, whether the endpoint happened, and whether something else ruled it out, each (R, N).

    Parameters
    ----------
    trial : SimulatedTrial
    endpoint : Endpoint
        A time to event.

    Returns
    -------
    tuple of three (R, N) arrays
    """
    day, hazards = trial.events.day, trial.scenario.hazards.events
    first = np.minimum.reduce([day[name] for name in endpoint.events])
    rivals = {other for name in endpoint.events for other in hazards[name].ruled_out_by if other in hazards}
    rivals -= set(endpoint.events)
    against = np.minimum.reduce([day[name] for name in sorted(rivals)]) if rivals else np.full_like(first, np.inf)
    if not np.isnan(endpoint.threshold):
        failed = endpoint_values(trial, endpoint).reshape(-1) < endpoint.threshold
        first = np.where(failed, np.minimum(first, endpoint.day), first)
    end = np.minimum(trial.end_day, endpoint.day)
    time = np.minimum(np.minimum(first, against), end)
    shape = (trial.replicates, -1)
    happened = first <= np.minimum(end, against)
    return time.reshape(shape), happened.reshape(shape), ((against <= end) & ~happened).reshape(shape)


def endpoint_values(trial: SimulatedTrial, endpoint: Endpoint) -> Floats:
    """Return the value of an endpoint with what stands for death and graft loss; NaN where missing; (R, N)."""
    visit = int(np.flatnonzero(trial.visit_day == endpoint.day)[0])
    table = trial.egfr if endpoint.variable == "egfr" else trial.labs[endpoint.variable]
    gone = np.minimum(trial.events.day["death"], trial.events.day["graft loss"]) <= endpoint.day
    value = np.where(gone, endpoint.graft_loss_value, table[:, visit])
    return np.asarray(value.reshape(trial.replicates, -1))


def analyse_replicates(trial: SimulatedTrial, analysis: Analysis) -> ReplicateResults:
    """Run one analysis on every replicate.

    Parameters
    ----------
    trial : SimulatedTrial
    analysis : Analysis

    Returns
    -------
    ReplicateResults
    """
    names = [arm.name for arm in trial.design.arms]
    arm = trial.arm.reshape(trial.replicates, -1)
    test, control = names.index(analysis.test_arm), names.index(analysis.reference_arm)
    one_sided = analysis.hypothesis is Hypothesis.NON_INFERIORITY
    compared = _Compared(
        present=(arm == test) | (arm == control),
        test=(arm == test).astype(np.int64),
        strata=trial.cohort.strata.reshape(arm.shape),
        level_percent=100 * (1 - (2 * analysis.alpha if one_sided else analysis.alpha)),
    )
    endpoint = trial.design.endpoint_named(analysis.endpoint)
    if endpoint.kind is EndpointKind.VALUE:
        return _value_difference(trial, analysis, endpoint, compared)
    time, happened, ruled_out = endpoint_times(trial, endpoint)
    # an absent subject is censored at 0: it is at risk of nothing
    time, happened = np.where(compared.present, time, 0.0), happened & compared.present
    if analysis.method in {AnalysisMethod.NEWCOMBE, AnalysisMethod.MIETTINEN_NURMINEN}:
        return _risk_difference(analysis, happened, compared)
    if analysis.method is AnalysisMethod.KAPLAN_MEIER_DIFFERENCE:
        found = kaplan_meier_difference_batch(time, happened, compared.test, endpoint.day)
        return _normal(analysis, found.estimate, found.standard_error, compared)
    if analysis.method is AnalysisMethod.LOG_RANK:
        ranks = log_rank_batch(time, happened, compared.test, strata=compared.strata if analysis.stratified else None)
        error = np.where(ranks.variance > 0, 1 / np.sqrt(np.maximum(ranks.variance, 1e-12)), np.nan)
        result = _normal(analysis, ranks.log_hazard_ratio, error, compared)
        shown = np.abs(ranks.z) > normal_quantile(compared.level_percent)
        return replace(result, shown=shown & (result.status == OK))
    if analysis.method is AnalysisMethod.COX:
        return _each(analysis, compared, lambda r: _cox(trial, analysis, time[r], happened[r], compared, r))
    if analysis.method is AnalysisMethod.RESTRICTED_MEAN:
        return _each(analysis, compared, lambda r: _restricted(time[r], happened[r], endpoint.day, compared, r))
    cause = np.where(happened, 1, np.where(ruled_out, 2, 0))
    return _each(analysis, compared, lambda r: _incidence(time[r], cause[r], endpoint.day, compared, r))


def _risk_difference(analysis: Analysis, happened: Flags, compared: _Compared) -> ReplicateResults:
    groups = compared.strata if analysis.stratified else np.zeros_like(compared.strata)
    count = int(groups.max(initial=0)) + 1
    members = np.stack([compared.present & (compared.test == g) for g in (1, 0)], axis=-1)
    n = np.stack([(members & (groups == s)[..., None]).sum(axis=1) for s in range(count)], axis=1)
    e = np.stack([(members & (happened & (groups == s))[..., None]).sum(axis=1) for s in range(count)], axis=1)
    status = np.zeros(len(n), dtype=np.int8)
    if count > 1:
        lacking = (n == 0).any(axis=(1, 2))
        status[lacking] = FALLBACK
        whole_n, whole_e = n.sum(axis=1), e.sum(axis=1)
        results = [np.full(len(n), np.nan) for _ in range(3)]
        for rows, events, sizes in ((~lacking, e, n), (lacking, whole_e[:, None], whole_n[:, None])):
            if rows.any():
                found = risk_difference_batch(events[rows], sizes[rows], level_percent=compared.level_percent)
                for into, part in zip(results, (found.estimate, found.low, found.high), strict=True):
                    into[rows] = part
        estimate, low, high = results
    elif analysis.method is AnalysisMethod.NEWCOMBE:
        estimate, low, high = newcombe_batch(e[:, 0], n[:, 0], level_percent=compared.level_percent)
    else:
        found = risk_difference_batch(e[:, 0], n[:, 0], level_percent=compared.level_percent)
        estimate, low, high = found.estimate, found.low, found.high
    risk = e.sum(axis=1) / n.sum(axis=1)
    error = np.sqrt((risk * (1 - risk) / n.sum(axis=1)).sum(axis=1))
    return ReplicateResults(estimate, error, low, high, _shown(analysis, low, high, better_low=True), status)


def _normal(analysis: Analysis, estimate: Floats, error: Floats, compared: _Compared) -> ReplicateResults:
    z = normal_quantile(compared.level_percent)
    low, high = estimate - z * error, estimate + z * error
    usable = np.isfinite(estimate) & np.isfinite(error) & (error > 0)
    status = np.where(usable, OK, FAILED).astype(np.int8)
    return ReplicateResults(
        np.where(usable, estimate, np.nan),
        np.where(usable, error, np.nan),
        np.where(usable, low, np.nan),
        np.where(usable, high, np.nan),
        usable & _shown(analysis, low, high, better_low=True),
        status,
    )


def _shown(analysis: Analysis, low: Floats, high: Floats, *, better_low: bool) -> Flags:
    """Whether the interval shows what the analysis sets out to show."""
    if analysis.hypothesis is Hypothesis.NON_INFERIORITY and analysis.margin is not None:
        margin = analysis.margin.value
        return np.asarray(high < margin if better_low else low > -margin)
    return np.asarray((low > 0) | (high < 0))


def _value_difference(
    trial: SimulatedTrial, analysis: Analysis, endpoint: Endpoint, compared: _Compared
) -> ReplicateResults:
    values = endpoint_values(trial, endpoint)
    present = compared.present & np.isfinite(values)
    covariates = None
    if analysis.covariates:
        shape = (trial.replicates, -1)
        covariates = np.stack([trial.cohort.columns[name].reshape(shape) for name in analysis.covariates], axis=-1)
    found = adjusted_difference_batch(values, compared.test, covariates, present=present)
    from scipy.special import stdtrit  # noqa: PLC0415

    usable = np.isfinite(found.estimate)
    t = stdtrit(np.where(usable, found.degrees_of_freedom, 1.0), 0.5 + compared.level_percent / 200.0)
    low, high = found.estimate - t * found.standard_error, found.estimate + t * found.standard_error
    shown = usable & _shown(analysis, low, high, better_low=not endpoint.higher_is_better)
    status = np.where(usable, OK, FAILED).astype(np.int8)
    return ReplicateResults(found.estimate, found.standard_error, low, high, shown, status)


def _each(analysis: Analysis, compared: _Compared, fit: Callable[[int], tuple[float, float]]) -> ReplicateResults:
    """Run a method for one trial at a time; what it cannot fit becomes NaN."""
    found = np.full((len(compared.test), 2), np.nan)
    for r in range(len(found)):
        try:
            found[r] = fit(r)
        except LimusError:
            continue
    return _normal(analysis, found[:, 0], found[:, 1], compared)


def _cox(
    trial: SimulatedTrial, analysis: Analysis, time: Floats, happened: Flags, compared: _Compared, r: int
) -> tuple[float, float]:
    rows = compared.present[r]
    shape = (trial.replicates, -1)
    columns = [compared.test[r].astype(np.float64)]
    columns += [trial.cohort.columns[name].reshape(shape)[r] for name in analysis.covariates]
    strata = compared.strata[r][rows] if analysis.stratified else None
    fit = cox(time[rows], happened[rows], np.stack(columns, axis=1)[rows], strata=strata)
    finite = np.isfinite(fit.coefficient[0])
    return (float(fit.coefficient[0]), float(fit.standard_error[0])) if finite else (np.nan, np.nan)


def _restricted(time: Floats, happened: Flags, day: float, compared: _Compared, r: int) -> tuple[float, float]:
    rows = compared.present[r]
    found = compare_restricted_means(time[rows], happened[rows], compared.test[r][rows], day)
    return -found.difference.estimate, found.difference.standard_error


def _incidence(time: Floats, cause: NDArray[np.int64], day: float, compared: _Compared, r: int) -> tuple[float, float]:
    risks, variance = [], 0.0
    for group in (1, 0):
        rows = compared.present[r] & (compared.test[r] == group)
        curve = aalen_johansen(time[rows], cause[rows])
        read = incidence_at(curve, [day])
        place = np.flatnonzero(curve.causes == 1)
        risks.append(float(read.incidence[place[0], 0]) if len(place) else 0.0)
        variance += float(read.standard_error[place[0], 0]) ** 2 if len(place) else 0.0
    return risks[0] - risks[1], float(np.sqrt(variance))
