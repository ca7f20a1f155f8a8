"""Risks by a day and their difference: Kaplan-Meier with Greenwood's variance, Aalen-Johansen where events compete."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.survival.kaplan_meier_difference import kaplan_meier_difference
from limus.trial.analysis.results import ArmEstimate, EstimandResult
from limus.trial.analysis.times import EventTimes, risk_at
from limus.trial.design.design import Analysis, AnalysisMethod

__all__ = ["compare_incidence", "outcome_by_day", "p_value"]

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]

_NOT_STRATIFIED = "a stratum was not followed to the day; the difference is not stratified"


def compare_incidence(result: EstimandResult, analysis: Analysis, both: EventTimes) -> EstimandResult:
    """Compare the risks of two arms by the day of the endpoint.

    Parameters
    ----------
    result : EstimandResult
        What is known before: arms, day, level, margin.
    analysis : Analysis
    both : EventTimes
        Of the two arms.

    Returns
    -------
    EstimandResult
        Where other events compete, cumulative incidences whatever method was named, with a warning.

    Raises
    ------
    ValueRangeError
        An arm was not followed to the day, or no arm has an event, so that there is no variance.
    """
    warnings = list(result.warnings)
    arms = tuple(_risk_of_arm(both, arm, result) for arm in (result.test, result.reference))
    short = [arm.arm for arm in arms if not math.isfinite(arm.estimate)]
    if short:
        raise ValueRangeError(f"analysis {analysis.name}", f"day {result.day:g}", "a day within follow-up of each arm")
    warnings += _without_events(arms, analysis)
    strata = both.strata if analysis.stratified else None
    if both.competing:
        if analysis.method is AnalysisMethod.KAPLAN_MEIER_DIFFERENCE:
            said = "other events compete, so 1 - Kaplan-Meier would be too high: cumulative incidence taken instead"
            warnings.append(said)
        effect, error = _difference_in_strata(both, strata, result)
        if not math.isfinite(effect):
            warnings.append(_NOT_STRATIFIED)
            effect, error = _difference_in_strata(both, None, result)
    else:
        group = (both.arm == result.test).astype(np.float64)
        try:
            found = kaplan_meier_difference(both.time, both.cause == 1, group, result.day, strata=strata)
        except ValueRangeError:
            if strata is None:
                raise
            warnings.append(_NOT_STRATIFIED)
            found = kaplan_meier_difference(both.time, both.cause == 1, group, result.day)
        effect, error = found.estimate, found.standard_error
    half = normal_quantile(result.level_percent) * error
    return replace(
        result,
        unit="fraction",
        effect=effect,
        standard_error=error,
        low=effect - half,
        high=effect + half,
        p=p_value(effect, error, result.margin),
        arms=arms,
        warnings=tuple(warnings),
    )


def _without_events(arms: tuple[ArmEstimate, ...], analysis: Analysis) -> list[str]:
    """Say where a variance is that of one arm only; refuse where there is none at all."""
    empty = [arm.arm for arm in arms if not arm.events]
    if len(empty) == len(arms):
        do = "describe it: without an event the interval would have no width"
        raise ValueRangeError(f"analysis {analysis.name}", "no event in either arm", "an event", do)
    return [f"no event in arm {arm}: its risk of 0 enters with no variance" for arm in empty]


def _risk_of_arm(both: EventTimes, arm: str, result: EstimandResult) -> ArmEstimate:
    one = both.of_arm(arm)
    (mark,) = risk_at(one, [result.day], result.level_percent, competing=both.competing)
    _, unknown = outcome_by_day(one, result.day)
    return ArmEstimate(
        arm, len(one.time), int(mark.events), int(unknown.sum()), mark.risk, mark.standard_error, mark.low, mark.high
    )


def _difference_in_strata(
    both: EventTimes, strata: NDArray[np.object_] | None, result: EstimandResult
) -> tuple[float, float]:
    """Difference of cumulative incidences with its standard error, strata weighted by n1 n2/n; NaN past follow-up."""
    parts = []
    for name in [None] if strata is None else sorted(set(strata.tolist())):
        chosen = both if name is None else both.where(both.stratum == name)
        test, reference = chosen.of_arm(result.test), chosen.of_arm(result.reference)
        if not len(test.time) or not len(reference.time):
            continue
        a, b = (risk_at(one, [result.day], competing=True)[0] for one in (test, reference))
        weight = len(test.time) * len(reference.time) / len(chosen.time)
        parts.append((weight, a.risk - b.risk, a.standard_error**2 + b.standard_error**2))
    weights, effects, variances = (np.array(column) for column in zip(*parts, strict=True))
    total = weights.sum()
    return float(weights @ effects / total), float(np.sqrt(weights**2 @ variances) / total)


def p_value(effect: float, error: float, margin: float) -> float:
    """Return the two-sided p value against no difference, or the one-sided one against a margin.

    Parameters
    ----------
    effect, error, margin : float
        The effect with its standard error; NaN for no margin. Events are bad.

    Returns
    -------
    float
        NaN without a standard error.
    """
    if not error > 0:
        return math.nan
    if math.isnan(margin):
        return math.erfc(abs(effect) / error / math.sqrt(2.0))
    return math.erfc(-(effect - margin) / error / math.sqrt(2.0)) / 2.0


def outcome_by_day(both: EventTimes, day: float) -> tuple[Marks, Marks]:
    """Tell who had the event by a day, and of whom it is not known.

    Parameters
    ----------
    both : EventTimes
    day : float

    Returns
    -------
    tuple of two (N,) arrays of bool
    """
    event = (both.cause == 1) & (both.time <= day)
    settled = event | ((both.cause == 2) & (both.time <= day)) | (both.time >= day)
    return event, ~settled
