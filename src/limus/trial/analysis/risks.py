"""Analyses of times to events by the methods that a plan may name: counts, risks over time, log-rank, Cox, areas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from limus.kernel.errors import InputError, RefusedError, ValueRangeError
from limus.kernel.statistics.survival.cox import CoxStatus, cox
from limus.kernel.statistics.survival.log_rank import log_rank
from limus.kernel.statistics.survival.restricted_mean import compare_restricted_means
from limus.kernel.tables import Table
from limus.trial.analysis.counts import COUNT_METHODS, compare_counts
from limus.trial.analysis.covariates import covariate_columns
from limus.trial.analysis.incidence import compare_incidence, p_value
from limus.trial.analysis.results import ArmEstimate, EstimandResult
from limus.trial.analysis.times import EventTimes, followed_until, risk_at
from limus.trial.design.design import Analysis, AnalysisMethod

__all__ = ["analyse_times"]


def analyse_times(
    result: EstimandResult,
    analysis: Analysis,
    times: EventTimes,
    adsl: Table,
    below: Mapping[str, float] | None = None,
    *,
    characteristics: Mapping[str, str] | None = None,
) -> EstimandResult:
    """Run one analysis of a time to event.

    Parameters
    ----------
    result : EstimandResult
        What is known before: names, arms, day, level, margin.
    analysis : Analysis
    times : EventTimes
        With intercurrent events handled.
    adsl : Table
        For covariates.
    below : mapping of str to float, optional
        For an endpoint with a laboratory value: 1 where the subject's value is below the threshold, 0 where it is
        not; subjects without a value are left out.
    characteristics : mapping of str to str, optional
        Variable of ADSL for each covariate name.

    Returns
    -------
    EstimandResult

    Raises
    ------
    RefusedError
        The method cannot answer the estimand.
    LimusError
        The statistics cannot be computed; the caller makes it a status.
    """
    both = times.where((times.arm == analysis.test_arm) | (times.arm == analysis.reference_arm))
    method = analysis.method
    if below is not None and method not in COUNT_METHODS:
        allowed = ", ".join(str(one) for one in COUNT_METHODS)
        raise RefusedError(f"analysis {analysis.name}, method", str(method), allowed, "a value has no time of its own")
    if method in COUNT_METHODS:
        return compare_counts(result, analysis, both, below)
    run: dict[AnalysisMethod, Callable[[EstimandResult, Analysis, EventTimes], EstimandResult]] = {
        AnalysisMethod.KAPLAN_MEIER_DIFFERENCE: compare_incidence,
        AnalysisMethod.CUMULATIVE_INCIDENCE: compare_incidence,
        AnalysisMethod.LOG_RANK: _by_log_rank,
        AnalysisMethod.RESTRICTED_MEAN: _by_restricted_mean,
    }
    if method in run:
        return run[method](result, analysis, both)
    if method is AnalysisMethod.COX:
        return _by_cox(result, analysis, both, adsl, characteristics or {})
    raise InputError(f"analysis {analysis.name}, method", str(method), "a method for a time to event", "choose another")


def _counts(both: EventTimes, result: EstimandResult) -> tuple[ArmEstimate, ArmEstimate]:
    found = []
    for arm in (result.test, result.reference):
        one = followed_until(both.of_arm(arm), result.day)
        (mark,) = risk_at(both.of_arm(arm), [result.day], result.level_percent, competing=both.competing)
        events, lost = int((one.cause == 1).sum()), int(one.lost.sum())
        found.append(ArmEstimate(arm, len(one.time), events, lost, mark.risk, mark.standard_error, mark.low, mark.high))
    return found[0], found[1]


def _require_events(seen: EventTimes, analysis: Analysis) -> None:
    if not (seen.cause == 1).any():
        do = "describe it: there is nothing to compare"
        raise ValueRangeError(f"analysis {analysis.name}", "no event in either arm", "an event", do)


def _by_log_rank(result: EstimandResult, analysis: Analysis, both: EventTimes) -> EstimandResult:
    seen = followed_until(both, result.day)
    _require_events(seen, analysis)
    strata = both.strata if analysis.stratified else None
    found = log_rank(seen.time, seen.cause == 1, (seen.arm == result.test).astype(np.float64), strata=strata)
    said = f"chi-squared {found.chi_square:.4g} on {found.degrees_of_freedom} degree of freedom"
    return replace(result, unit="", p=found.p, arms=_counts(both, result), conclusion=said)


def _by_cox(
    result: EstimandResult, analysis: Analysis, both: EventTimes, adsl: Table, characteristics: Mapping[str, str]
) -> EstimandResult:
    seen = followed_until(both, result.day)
    _require_events(seen, analysis)
    group = (seen.arm == result.test).astype(np.float64)
    columns, names, known = covariate_columns(adsl, seen.subject.tolist(), analysis.covariates, characteristics)
    warnings = list(result.warnings)
    if not known.all():
        warnings.append(f"{int((~known).sum())} subjects without a covariate are left out")
    strata = both.strata if analysis.stratified else None
    fit = cox(
        seen.time[known],
        seen.cause[known] == 1,
        np.column_stack([group, columns])[known],
        names=("arm", *names),
        strata=None if strata is None else strata[known],
        level_percent=result.level_percent,
    )
    if fit.coefficient_status[0] != CoxStatus.OK:
        words = "events in both arms, and covariates that do not give the arm away"
        raise ValueRangeError(f"analysis {analysis.name}", str(fit.coefficient_status[0]), words)
    if both.competing:
        warnings.append("the hazard ratio is cause-specific: it is not a ratio of risks")
    return replace(
        result,
        unit="hazard ratio",
        effect=float(np.exp(fit.coefficient[0])),
        standard_error=float(fit.standard_error[0]),
        low=float(np.exp(fit.low[0])),
        high=float(np.exp(fit.high[0])),
        p=float(fit.p[0])
        if math.isnan(result.margin)
        else p_value(float(fit.coefficient[0]), float(fit.standard_error[0]), math.log(result.margin)),
        arms=_counts(both, result),
        warnings=tuple(warnings),
    )


def _by_restricted_mean(result: EstimandResult, analysis: Analysis, both: EventTimes) -> EstimandResult:
    if both.competing:
        do = "compare cumulative incidences, or make the events a composite"
        raise RefusedError(f"analysis {analysis.name}", "events compete", "a time that nothing rules out", do)
    group = (both.arm == result.test).astype(np.float64)
    level = result.level_percent
    found = compare_restricted_means(both.time, both.cause == 1, group, result.day, level_percent=level)
    reference, test = found.means
    arms = []
    for counted, mean in zip(_counts(both, result), (test, reference), strict=True):
        arms.append(
            replace(counted, estimate=mean.estimate, standard_error=mean.standard_error, low=mean.low, high=mean.high)
        )
    contrast = found.difference
    # more days free of the event are better: the margin is of days lost
    p = contrast.p if math.isnan(result.margin) else p_value(-contrast.estimate, contrast.standard_error, result.margin)
    return replace(
        result,
        unit="days",
        effect=contrast.estimate,
        standard_error=contrast.standard_error,
        low=contrast.low,
        high=contrast.high,
        p=p,
        arms=tuple(arms),
    )
