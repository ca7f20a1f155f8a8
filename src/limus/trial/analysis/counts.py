"""Risk differences of counts: who had the event by the day, of whom it is not known, and what that could change.

Subjects who were censored before the day without the event count as without it and are named as unknown; the worst case
(all unknown in the arm under test with the event, none in the reference) and the difference of risks over time stand
beside the result. A composite with a laboratory value counts a subject whose value at the visit lies below the
threshold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import LimusError
from limus.kernel.statistics.risk_difference import risk_difference
from limus.trial.analysis.compare_times import COUNT_METHODS, TrialTimes, count_tables
from limus.trial.analysis.comparisons import Comparisons
from limus.trial.analysis.incidence import compare_incidence, outcome_by_day
from limus.trial.analysis.one_trial import compare_one, trial_times, with_comparison
from limus.trial.analysis.results import ArmEstimate, EstimandResult, Sensitivity
from limus.trial.analysis.times import EventTimes
from limus.trial.design.design import Analysis

__all__ = ["compare_counts"]

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]


def compare_counts(
    result: EstimandResult, analysis: Analysis, both: EventTimes, below: Mapping[str, float] | None
) -> tuple[EstimandResult, Comparisons]:
    """Compare the shares of two arms that had the event by the day of the endpoint.

    Parameters
    ----------
    result : EstimandResult
        What is known before: arms, day, level, margin, intercurrent events.
    analysis : Analysis
    both : EventTimes
        Of the two arms.
    below : mapping of str to float or None
        1 where a subject's laboratory value is below the threshold, 0 where it is not; None without a value.

    Returns
    -------
    tuple of (EstimandResult, Comparisons)

    Raises
    ------
    RefusedError
        An intercurrent event is imagined away, so that some subjects have no outcome to count.
    ValueRangeError
        No stratum holds both arms.
    """
    times, _ = trial_times(analysis, both, below=below)
    found = compare_one(result, analysis, times)
    event, unknown = _outcome(both, result.day, times)
    arms = tuple(_counted_arm(both, arm, event, unknown) for arm in (result.test, result.reference))
    others, warnings = [], []
    missing = sum(arm.unknown for arm in arms)
    if missing:
        worst = event | (unknown & (both.arm == result.test))
        name = "worst case: unknown count as events in the arm under test only"
        others.append(_other(name, result, analysis, times, worst, stratified=True))
        warnings.append(
            f"{missing} subjects were not followed to day {result.day:g} without an event; they count as without it"
        )
    if times.stratum is not None:
        others.append(_other("not stratified", result, analysis, times, event, stratified=False))
    if below is None:
        others += _incidence_beside(result, analysis, both)
    begun = replace(
        result,
        arms=arms,
        sensitivities=(*result.sensitivities, *others),
        warnings=(*result.warnings, *warnings),
    )
    return with_comparison(begun, found, "fraction"), found


def _outcome(both: EventTimes, day: float, times: TrialTimes) -> tuple[Marks, Marks]:
    """Who had the event by the day, and of whom it is not known."""
    event, unknown = outcome_by_day(both, day)
    if times.below is None:
        return event, unknown
    value = times.below[0]
    event = event | (value == 1.0)
    ruled_out = (both.cause == 2) & (both.time <= both.time_on(day))
    return event, ~event & ~ruled_out & (unknown | np.isnan(value))


def _counted_arm(both: EventTimes, arm: str, event: Marks, unknown: Marks) -> ArmEstimate:
    member = both.arm == arm
    n, count = int(member.sum()), int((member & event).sum())
    risk = count / n if n else math.nan
    error = math.sqrt(risk * (1.0 - risk) / n) if n else math.nan
    return ArmEstimate(arm, n, count, int((member & unknown).sum()), risk, error)


def _other(
    name: str, result: EstimandResult, analysis: Analysis, times: TrialTimes, event: Marks, *, stratified: bool
) -> Sensitivity:
    """The same comparison of other events, or without strata."""
    events, n = count_tables(times, event[None], stratified=stratified)
    found = risk_difference(events[0], n[0], COUNT_METHODS[analysis.method], level_percent=result.level_percent)
    return Sensitivity(name, found.estimate, found.low, found.high)


def _incidence_beside(result: EstimandResult, analysis: Analysis, both: EventTimes) -> list[Sensitivity]:
    try:
        found, _ = compare_incidence(result, analysis, both)
    except LimusError:
        return []
    name = "cumulative incidence, Aalen-Johansen" if both.competing else "Kaplan-Meier, Greenwood"
    return [Sensitivity(name, found.effect, found.low, found.high)]
