"""Risks by a day and their difference: Kaplan-Meier with Greenwood's variance, Aalen-Johansen where events compete."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limus.trial.analysis.comparisons import Comparisons
from limus.trial.analysis.one_trial import compare_one, trial_times, with_comparison
from limus.trial.analysis.results import ArmEstimate, EstimandResult
from limus.trial.analysis.times import EventTimes, risk_at
from limus.trial.design.design import Analysis, AnalysisMethod

__all__ = ["compare_incidence", "outcome_by_day"]

Marks = NDArray[np.bool_]


def compare_incidence(
    result: EstimandResult, analysis: Analysis, both: EventTimes
) -> tuple[EstimandResult, Comparisons]:
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
    tuple of (EstimandResult, Comparisons)
        Where other events compete, cumulative incidences whatever method was named, with a warning.

    Raises
    ------
    ValueRangeError
        An arm was not followed to the day, or no arm has an event, so that there is no variance.
    """
    times, _ = trial_times(analysis, both)
    found = compare_one(result, replace(analysis, method=AnalysisMethod.CUMULATIVE_INCIDENCE), times)
    arms = tuple(_risk_of_arm(both, arm, result) for arm in (result.test, result.reference))
    warnings = [f"no event in arm {arm.arm}: its risk of 0 enters with no variance" for arm in arms if not arm.events]
    if both.competing and analysis.method is AnalysisMethod.KAPLAN_MEIER_DIFFERENCE:
        said = "other events compete, so 1 - Kaplan-Meier would be too high: cumulative incidence taken instead"
        warnings.append(said)
    done = AnalysisMethod.CUMULATIVE_INCIDENCE if both.competing else AnalysisMethod.KAPLAN_MEIER_DIFFERENCE
    begun = replace(result, arms=arms, done=str(done), warnings=(*result.warnings, *warnings))
    return with_comparison(begun, found, "fraction"), found


def _risk_of_arm(both: EventTimes, arm: str, result: EstimandResult) -> ArmEstimate:
    one = both.of_arm(arm)
    (mark,) = risk_at(one, [result.day], result.level_percent, competing=both.competing)
    _, unknown = outcome_by_day(one, result.day)
    return ArmEstimate(
        arm, len(one.time), int(mark.events), int(unknown.sum()), mark.risk, mark.standard_error, mark.low, mark.high
    )


def outcome_by_day(both: EventTimes, day: float) -> tuple[Marks, Marks]:
    """Tell who had the event by a day after randomisation, that day included, and of whom it is not known.

    Parameters
    ----------
    both : EventTimes
    day : float

    Returns
    -------
    tuple of two (N,) arrays of bool
    """
    last = both.time_on(day)
    event = (both.cause == 1) & (both.time <= last)
    settled = event | ((both.cause == 2) & (both.time <= last)) | (both.time >= last)
    return event, ~settled
