"""Intercurrent events of a time to event: the strategy of the estimand applied to what ADTTE holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.tables import Table
from limus.trial.analysis.results import HandledEvent
from limus.trial.analysis.strategies import Happened, imagined, times_under, words_for_time
from limus.trial.analysis.times import EventTimes, event_times
from limus.trial.design.analysis_plan import AnalysisPlan, event_names, parameter_of
from limus.trial.design.design import Estimand, Strategy

__all__ = ["handle_events", "time_of_event"]

Floats = NDArray[np.float64]


def time_of_event(adtte: Table, code: str, subjects: Sequence[str], population: str) -> Floats:
    """Return when an event happened to each subject, days; infinite where it did not.

    Parameters
    ----------
    adtte : Table
    code : str
        PARAMCD.
    subjects : sequence of str
    population : str
        Flag.

    Returns
    -------
    (N,) array

    Raises
    ------
    UnknownNameError
        No such parameter.
    """
    found = event_times(adtte, code, population=population)
    when = {
        subject: time
        for subject, time, cause in zip(found.subject.tolist(), found.time.tolist(), found.cause.tolist(), strict=True)
        if cause == 1
    }
    return np.array([when.get(subject, np.inf) for subject in subjects], dtype=np.float64)


def handle_events(
    adtte: Table, plan: AnalysisPlan, events: Sequence[str], estimand: Estimand, population: str, day: float
) -> tuple[EventTimes, tuple[HandledEvent, ...], tuple[str, ...]]:
    """Take the time to an endpoint with the intercurrent events of its estimand handled.

    Parameters
    ----------
    adtte : Table
    plan : AnalysisPlan
    events : sequence of str
        Components of the endpoint.
    estimand : Estimand
    population : str
        Flag of the population.
    day : float
        Of the endpoint: intercurrent events are counted until then, that day included.

    Returns
    -------
    tuple of (EventTimes, tuple of HandledEvent, tuple of str)
        Times with causes, what was done, warnings.

    Raises
    ------
    RefusedError
        A strategy that the data cannot answer.
    UnknownNameError
        An event that ADTTE does not hold.
    """
    code, label = parameter_of(plan, events)
    base = replace(event_times(adtte, code, population=population), label=label)
    subjects = base.subject.tolist()
    event = np.where(base.cause == 1, base.time, np.inf)
    rival = np.where(base.cause == 2, base.time, np.inf)
    censored = np.where(base.cause == 0, base.time, np.inf)
    handled, warnings, happened = [], [], []
    for one in estimand.intercurrent_events:
        known = plan.words.event(one.event)
        if known.name in event_names(plan, events):
            continue  # a component of the endpoint counts as it is
        when = time_of_event(adtte, known.code, subjects, population)
        first = (when <= base.time_on(day)) & (when < event)
        counts = tuple((arm, int((first & (base.arm == arm)).sum())) for arm in plan.codes)
        handled.append(HandledEvent(one.event, str(one.strategy), words_for_time(one, known.name, base.label), counts))
        happened.append(Happened(one.strategy, known.name, when))
        if one.strategy is Strategy.HYPOTHETICAL:
            said = f"{one.event}: censored, as if those who had it were like those who had not"
            warnings.append(f"{said}{' within a stratum' if base.strata is not None else ''}; the data cannot show it")
    warnings += _silent(plan, events, estimand, base)
    time, cause = times_under(event, rival, censored, happened)
    lost = base.lost & (cause == 0)
    if base.left_out:
        warnings.append(f"{base.left_out} subjects have no time in ADTTE and are left out")
    away = bool(imagined(event, happened, base.time_on(day)).any())
    return replace(base, time=time, cause=cause, lost=lost, imagined=away), tuple(handled), tuple(warnings)


def _silent(plan: AnalysisPlan, events: Sequence[str], estimand: Estimand, base: EventTimes) -> list[str]:
    """Name events that rule the endpoint out and that the estimand does not mention."""
    said = {plan.words.event(one.event).name for one in estimand.intercurrent_events}
    names = event_names(plan, events)
    rivals = {rival for name in names for rival in plan.words.event(name).ruled_out_by} - names - said
    if not rivals or not base.competing:
        return []
    return [f"the estimand does not say what {' or '.join(sorted(rivals))} means; taken as a competing event"]
