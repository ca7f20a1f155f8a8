"""Analyses of times to events by the methods that a plan may name: counts, risks over time, log-rank, Cox, areas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from limus.kernel.errors import RefusedError
from limus.kernel.statistics.survival.kaplan_meier import kaplan_meier
from limus.kernel.statistics.survival.restricted_mean import restricted_mean
from limus.kernel.tables import Table
from limus.trial.analysis.compare_times import COUNT_METHODS
from limus.trial.analysis.comparisons import Comparisons
from limus.trial.analysis.counts import compare_counts
from limus.trial.analysis.incidence import compare_incidence
from limus.trial.analysis.one_trial import compare_one, trial_times, with_comparison
from limus.trial.analysis.results import ArmEstimate, EstimandResult
from limus.trial.analysis.times import EventTimes, followed_until, risk_at
from limus.trial.design.design import Analysis, AnalysisMethod

__all__ = ["analyse_times", "refuse_value_over_time"]

_RATIO = "hazard ratio"
_OVER_TIME = (AnalysisMethod.KAPLAN_MEIER_DIFFERENCE, AnalysisMethod.CUMULATIVE_INCIDENCE)


def analyse_times(
    result: EstimandResult,
    analysis: Analysis,
    times: EventTimes,
    adsl: Table,
    below: Mapping[str, float] | None = None,
    *,
    characteristics: Mapping[str, str] | None = None,
) -> tuple[EstimandResult, Comparisons]:
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
    tuple of (EstimandResult, Comparisons)

    Raises
    ------
    RefusedError
        The method cannot answer the estimand.
    LimusError
        The statistics cannot be computed; the caller makes it a status.
    """
    both = times.where((times.arm == analysis.test_arm) | (times.arm == analysis.reference_arm))
    if analysis.method in COUNT_METHODS:
        return compare_counts(result, analysis, both, below)
    if analysis.method in _OVER_TIME:
        return compare_incidence(result, analysis, both)
    batch, lacking = trial_times(analysis, both, adsl, characteristics)
    found = compare_one(result, analysis, batch)
    warnings = [f"{lacking} subjects without a covariate are left out"] if lacking else []
    if found.ratio and both.competing:
        warnings.append("the hazard ratio is cause-specific: it is not a ratio of risks")
    if analysis.method is AnalysisMethod.LOG_RANK:
        chi_square = float((found.estimate[0] / found.standard_error[0]) ** 2)
        warnings.append(
            f"log-rank chi-squared {chi_square:.4g} on 1 degree of freedom; the hazard ratio is Peto's one-step "
            "estimate from the test"
        )
    arms = tuple(_arm(both, arm, result, analysis.method) for arm in (result.test, result.reference))
    begun = replace(result, arms=arms, warnings=(*result.warnings, *warnings))
    return with_comparison(begun, found, _RATIO if found.ratio else "days"), found


def refuse_value_over_time(analysis: Analysis) -> None:
    """Refuse a method that looks at times for an endpoint that a value at a visit is part of.

    Parameters
    ----------
    analysis : Analysis

    Raises
    ------
    RefusedError
    """
    if analysis.method not in COUNT_METHODS:
        allowed = ", ".join(str(one) for one in COUNT_METHODS)
        where = f"analysis {analysis.name}, method"
        raise RefusedError(where, str(analysis.method), allowed, "a value has no time of its own")


def _arm(both: EventTimes, arm: str, result: EstimandResult, method: AnalysisMethod) -> ArmEstimate:
    """Events of an arm until the day, with its risk, or with its days free of the event."""
    own = both.of_arm(arm)
    one = followed_until(own, result.day)
    (mark,) = risk_at(own, [result.day], result.level_percent, competing=both.competing)
    events, lost = int((one.cause == 1).sum()), int(one.lost.sum())
    numbers = (mark.risk, mark.standard_error, mark.low, mark.high)
    if method is AnalysisMethod.RESTRICTED_MEAN:
        mean = restricted_mean(kaplan_meier(own.time, own.cause == 1), result.day, level_percent=result.level_percent)
        numbers = (mean.estimate, mean.standard_error, mean.low, mean.high)
    return ArmEstimate(arm, len(own.time), events, lost, *numbers)
