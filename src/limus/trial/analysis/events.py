"""Every time to an event described and compared: risks with intervals, log-rank, Cox, restricted mean, curves.

Where an event can be ruled out by another (death before rejection) the risk is the cumulative incidence of Aalen and
Johansen; 1 - Kaplan-Meier is computed beside it to say by how much it would have been wrong. Hazard ratios are then
cause-specific, and Gray's test compares the incidences themselves. The restricted mean is of the time free of the
event, and is given where nothing competes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival.cox import CoxStatus, cox
from limus.kernel.statistics.survival.gray import gray_test
from limus.kernel.statistics.survival.log_rank import log_rank
from limus.kernel.statistics.survival.restricted_mean import compare_restricted_means
from limus.kernel.tables import Table
from limus.trial.analysis.times import (
    EventTimes,
    Landmark,
    event_times,
    followed_until,
    one_minus_survival,
    risk_at,
)
from limus.trial.design.analysis_plan import AnalysisPlan

__all__ = ["ArmEvents", "EventComparison", "EventSummary", "curve_table", "risk_table", "summarise_events"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ArmEvents:
    """One event in one arm; ``risks`` at each landmark, ``naive_risk`` is 1 - Kaplan-Meier at the first."""

    arm: str
    n: int
    events: int
    competing: int
    lost: int
    risks: tuple[Landmark, ...]
    naive_risk: float


@dataclass(frozen=True, slots=True)
class EventComparison:
    """Two arms compared over the whole follow-up; NaN with the reason in ``status`` where it cannot be done.

    Attributes
    ----------
    test, reference : str
    log_rank_p, log_rank_chi_square : float
    gray_p, gray_chi_square : float
        Gray's test of equal cumulative incidences; NaN where nothing competes, because there it is the log-rank's.
    hazard_ratio, low, high : float
        Test over reference, Cox with Efron's ties; cause-specific where events compete.
    rmst_day, rmst_difference, rmst_low, rmst_high : float
        Days free of the event until ``rmst_day``; NaN where events compete.
    stratified : bool
    status : str
    """

    test: str
    reference: str
    log_rank_p: float = math.nan
    log_rank_chi_square: float = math.nan
    gray_p: float = math.nan
    gray_chi_square: float = math.nan
    hazard_ratio: float = math.nan
    low: float = math.nan
    high: float = math.nan
    rmst_day: float = math.nan
    rmst_difference: float = math.nan
    rmst_low: float = math.nan
    rmst_high: float = math.nan
    stratified: bool = False
    status: str = ""


@dataclass(frozen=True, eq=False)
class EventSummary:
    """One event in all arms.

    Attributes
    ----------
    code, label : str
    method : str
        ``Aalen-Johansen`` or ``Kaplan-Meier``.
    arms : tuple of ArmEvents
    comparisons : tuple of EventComparison
    times : EventTimes
    warning : str
        What 1 - Kaplan-Meier would have said; empty where nothing competes.
    """

    code: str
    label: str
    method: str
    arms: tuple[ArmEvents, ...]
    comparisons: tuple[EventComparison, ...]
    times: EventTimes
    warning: str = ""


def summarise_events(adtte: Table, plan: AnalysisPlan, landmarks: Sequence[float]) -> list[EventSummary]:
    """Describe and compare every parameter of ADTTE among randomised subjects.

    Parameters
    ----------
    adtte : Table
    plan : AnalysisPlan
        Its reference is what other arms are compared with.
    landmarks : sequence of float
        Days at which risks are read.

    Returns
    -------
    list of EventSummary
        In the order of ADTTE.
    """
    codes = dict.fromkeys(adtte["PARAMCD"].tolist())
    return [summarise_event(adtte, code, plan.codes, landmarks, plan.reference) for code in codes]


def summarise_event(
    adtte: Table, code: str, codes: Sequence[str], landmarks: Sequence[float], reference: str | None = None
) -> EventSummary:
    """Describe and compare one parameter of ADTTE.

    Parameters
    ----------
    adtte : Table
    code : str
        PARAMCD.
    codes : sequence of str
        Arms.
    landmarks : sequence of float
    reference : str, optional
        Arm that the others are compared with; the first by default.

    Returns
    -------
    EventSummary

    Raises
    ------
    UnknownNameError
        No such parameter.
    """
    times = event_times(adtte, code)
    arms = []
    for arm in codes:
        one = times.of_arm(arm)
        counts = (len(one.time), int((one.cause == 1).sum()), int((one.cause == 2).sum()), int(one.lost.sum()))
        arms.append(
            ArmEvents(
                arm,
                *counts,
                tuple(risk_at(one, landmarks, competing=times.competing)),
                one_minus_survival(one, landmarks[0]),
            )
        )
    base = reference or codes[0]
    comparisons = tuple(compare_arms(times, arm, base) for arm in codes if arm != base)
    method = "Aalen-Johansen" if times.competing else "Kaplan-Meier"
    return EventSummary(code, times.label, method, tuple(arms), comparisons, times, _warning(times, arms, landmarks[0]))


def _warning(times: EventTimes, arms: Sequence[ArmEvents], day: float) -> str:
    excess = [(one.naive_risk - one.risks[0].risk, one) for one in arms if np.isfinite(one.risks[0].risk)]
    if not times.competing or not excess:
        return ""
    most, one = max(excess, key=lambda pair: pair[0])
    if not most > 1e-9:
        return ""
    return (
        f"1 - Kaplan-Meier would give {100.0 * one.naive_risk:.3g} % instead of {100.0 * one.risks[0].risk:.3g} % in "
        f"arm {one.arm} at day {day:g}"
    )


def compare_arms(times: EventTimes, test: str, reference: str, *, stratified: bool = True) -> EventComparison:
    """Compare two arms by log-rank, Cox and Gray's test where events compete, else by restricted mean as well.

    Parameters
    ----------
    times : EventTimes
    test, reference : str
    stratified : bool
        By the strata of the randomisation, where there are any.

    Returns
    -------
    EventComparison
    """
    both = times.where((times.arm == test) | (times.arm == reference))
    strata = both.strata if stratified else None
    event, group = both.cause == 1, (both.arm == test).astype(np.float64)
    nothing = EventComparison(test, reference, stratified=strata is not None)
    if not event.any():
        return replace(nothing, status="no event in either arm")
    if len(set(group.tolist())) != 2:
        return replace(nothing, status="an arm without subjects")
    ranked = log_rank(both.time, event, group, strata=strata)
    fit = cox(both.time, event, group[:, None], names=("arm",), strata=strata)
    found = replace(nothing, log_rank_p=ranked.p, log_rank_chi_square=ranked.chi_square, status="ok")
    if both.competing:
        tested = gray_test(both.time, both.cause, group, strata=strata)
        found = replace(found, gray_p=tested.p, gray_chi_square=tested.chi_square)
    if fit.status is CoxStatus.OK:
        ratio, low, high = (float(np.exp(values[0])) for values in (fit.coefficient, fit.low, fit.high))
        found = replace(found, hazard_ratio=ratio, low=low, high=high)
    else:
        one_sided = len(set(group[event].tolist())) == 1
        words = "no hazard ratio: no event in one arm" if one_sided else f"no hazard ratio: {fit.status}"
        found = replace(found, status=words)
    return found if both.competing else _with_restricted_mean(found, both, group)


def _with_restricted_mean(found: EventComparison, both: EventTimes, group: Floats) -> EventComparison:
    """Add the difference of days free of the event, up to the end of the shorter follow-up."""
    day = float(min(both.time[group == g].max() for g in (0.0, 1.0)))
    try:
        mean = compare_restricted_means(both.time, both.cause == 1, group, day).difference
    except ValueRangeError:
        return replace(found, rmst_day=day)
    return replace(found, rmst_day=day, rmst_difference=mean.estimate, rmst_low=mean.low, rmst_high=mean.high)


def curve_table(summary: EventSummary, labels: dict[str, str], last_day: float) -> Table:
    """Return the curves of risk as steps, with intervals, for a figure.

    Parameters
    ----------
    summary : EventSummary
    labels : dict of str to str
        Arm to words.
    last_day : float

    Returns
    -------
    Table
        ``arm, label, day, risk_percent, low_percent, high_percent``; day 0 is there with risk 0.
    """
    rows: list[dict[str, float | str]] = []
    for arm in summary.arms:
        one = summary.times.of_arm(arm.arm)
        end = min(last_day, float(one.time.max(initial=one.first)) - one.first)
        days = np.unique(one.time[(one.cause > 0) & (one.time <= one.time_on(end))]) - one.first
        rows.append(_point(arm.arm, labels, Landmark(0.0, 0.0, 0.0, 0.0, 0.0, float(len(one.time)), 0.0)))
        rows += [_point(arm.arm, labels, mark) for mark in _marks(summary, one, [*days.tolist(), end])]
    return Table.from_rows(rows)


def _marks(summary: EventSummary, one: EventTimes, days: Sequence[float]) -> list[Landmark]:
    return risk_at(one, days, competing=summary.times.competing)


def _point(arm: str, labels: dict[str, str], mark: Landmark) -> dict[str, float | str]:
    return {
        "arm": arm,
        "label": labels.get(arm, arm),
        "day": mark.day,
        "risk_percent": 100.0 * mark.risk,
        "low_percent": 100.0 * mark.low,
        "high_percent": 100.0 * mark.high,
    }


def risk_table(summary: EventSummary, labels: dict[str, str], days: Sequence[float]) -> Table:
    """Return numbers at risk and events so far at given days.

    Parameters
    ----------
    summary : EventSummary
    labels : dict of str to str
    days : sequence of float

    Returns
    -------
    Table
        ``arm, label, day, n_at_risk, events``.
    """
    rows = []
    for arm in summary.arms:
        one = summary.times.of_arm(arm.arm)
        for day in days:
            seen = followed_until(one, day)
            rows.append(
                {
                    "arm": arm.arm,
                    "label": labels.get(arm.arm, arm.arm),
                    "day": float(day),
                    "n_at_risk": float((one.time >= one.time_on(day)).sum()),
                    "events": float((seen.cause == 1).sum()),
                }
            )
    return Table.from_rows(rows)
