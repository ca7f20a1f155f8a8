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

from limus.kernel.errors import LimusError, RefusedError
from limus.kernel.statistics.risk_difference import DifferenceMethod, risk_difference
from limus.trial.analysis.incidence import compare_incidence, outcome_by_day
from limus.trial.analysis.results import ArmEstimate, EstimandResult, Sensitivity
from limus.trial.analysis.times import EventTimes
from limus.trial.design.design import Analysis, AnalysisMethod, Strategy

__all__ = ["COUNT_METHODS", "compare_counts"]

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]

# those who were lost have no outcome whatever the estimand says of them
_LOSS = ("loss to follow-up", "lost to follow-up", "withdrawal")
COUNT_METHODS = {
    AnalysisMethod.NEWCOMBE: DifferenceMethod.NEWCOMBE,
    AnalysisMethod.MIETTINEN_NURMINEN: DifferenceMethod.MIETTINEN_NURMINEN,
}


def compare_counts(
    result: EstimandResult, analysis: Analysis, both: EventTimes, below: Mapping[str, float] | None
) -> EstimandResult:
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
    EstimandResult

    Raises
    ------
    RefusedError
        An intercurrent event is imagined away, so that some subjects have no outcome to count.
    ValueRangeError
        No stratum holds both arms.
    """
    _refuse_hypothetical(result, analysis)
    event, unknown = _outcome(both, result.day, below)
    strata = both.strata if analysis.stratified else None
    method = COUNT_METHODS[analysis.method]
    events, n = _table(both, event, strata, result)
    margin = None if math.isnan(result.margin) else result.margin
    found = risk_difference(events, n, method, margin=margin, level_percent=result.level_percent)
    arms = tuple(_counted_arm(both, arm, event, unknown) for arm in (result.test, result.reference))
    others, warnings = [], list(result.warnings)
    missing = sum(arm.unknown for arm in arms)
    if missing:
        others.append(_worst_case(both, event, unknown, strata, result, method))
        warnings.append(
            f"{missing} subjects were not followed to day {result.day:g} without an event; they count as without it"
        )
    if strata is not None:
        plain = risk_difference(*_table(both, event, None, result), method, level_percent=result.level_percent)
        others.append(Sensitivity("not stratified", plain.estimate, plain.low, plain.high))
    if below is None:
        others += _incidence_beside(result, analysis, both)
    return replace(
        result,
        unit="fraction",
        effect=found.estimate,
        standard_error=found.standard_error,
        low=found.low,
        high=found.high,
        p=found.p if margin is None else found.p_non_inferiority,
        arms=arms,
        sensitivities=(*result.sensitivities, *others),
        warnings=tuple(warnings),
    )


def _refuse_hypothetical(result: EstimandResult, analysis: Analysis) -> None:
    """Counts cannot leave follow-up open where an intercurrent event is imagined away."""
    imagined = [one.event for one in result.handled if one.strategy == Strategy.HYPOTHETICAL and _total(one.counts)]
    if [event for event in imagined if event.casefold() not in _LOSS]:
        allowed = f"{AnalysisMethod.KAPLAN_MEIER_DIFFERENCE}, {AnalysisMethod.CUMULATIVE_INCIDENCE}"
        where, do = f"analysis {analysis.name}, method", "subjects censored at the event have no outcome to count"
        raise RefusedError(where, f"{analysis.method} with hypothetical {', '.join(imagined)}", allowed, do)


def _total(counts: tuple[tuple[str, int], ...]) -> int:
    """Subjects over all arms."""
    return sum(count for _, count in counts)


def _outcome(both: EventTimes, day: float, below: Mapping[str, float] | None) -> tuple[Marks, Marks]:
    """Who had the event by the day, and of whom it is not known."""
    event, unknown = outcome_by_day(both, day)
    if below is None:
        return event, unknown
    value = np.array([below.get(subject, np.nan) for subject in both.subject.tolist()])
    event = event | (value == 1.0)
    ruled_out = (both.cause == 2) & (both.time <= day)
    return event, ~event & ~ruled_out & (unknown | np.isnan(value))


def _table(
    both: EventTimes, event: Marks, strata: NDArray[np.object_] | None, result: EstimandResult
) -> tuple[Floats, Floats]:
    """Events and subjects, (strata, 2): arm under test, reference."""
    names = ["all"] if strata is None else sorted(set(strata.tolist()))
    place = np.zeros(len(event), dtype=np.int64)
    if strata is not None:
        place = np.array([names.index(one) for one in strata.tolist()])
    events, n = np.zeros((len(names), 2)), np.zeros((len(names), 2))
    for k, arm in enumerate((result.test, result.reference)):
        member = both.arm == arm
        n[:, k] = np.bincount(place[member], minlength=len(names))
        events[:, k] = np.bincount(place[member & event], minlength=len(names))
    return events, n


def _counted_arm(both: EventTimes, arm: str, event: Marks, unknown: NDArray[np.bool_]) -> ArmEstimate:
    member = both.arm == arm
    n, count = int(member.sum()), int((member & event).sum())
    risk = count / n if n else math.nan
    error = math.sqrt(risk * (1.0 - risk) / n) if n else math.nan
    return ArmEstimate(arm, n, count, int((member & unknown).sum()), risk, error)


def _worst_case(
    both: EventTimes,
    event: Marks,
    unknown: Marks,
    strata: NDArray[np.object_] | None,
    result: EstimandResult,
    method: DifferenceMethod,
) -> Sensitivity:
    worst = event | (unknown & (both.arm == result.test))
    found = risk_difference(*_table(both, worst, strata, result), method, level_percent=result.level_percent)
    name = "worst case: unknown count as events in the arm under test only"
    return Sensitivity(name, found.estimate, found.low, found.high)


def _incidence_beside(result: EstimandResult, analysis: Analysis, both: EventTimes) -> list[Sensitivity]:
    try:
        found = compare_incidence(result, analysis, both)
    except LimusError:
        return []
    name = "cumulative incidence, Aalen-Johansen" if both.competing else "Kaplan-Meier, Greenwood"
    return [Sensitivity(name, found.effect, found.low, found.high)]
