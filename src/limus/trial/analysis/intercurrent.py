"""Intercurrent events of a time to event: the strategy of the estimand applied to what ADTTE holds.

====================  ============================================================================================
treatment policy      the event counts whether or not it came after; impossible for death
composite             the intercurrent event counts as the event
while on treatment,   follow-up ends with it: what happens later does not count, and the risk is the cumulative
while alive           incidence with it as a competing event
hypothetical          as if it could not happen: follow-up is censored there, which is right only where those who had
                      it are like those who had not (of the same stratum); refused for death and graft loss, since
                      no data say what the dead would have had
principal stratum     refused: who would never have the event is not in the data
====================  ============================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import RefusedError
from limus.kernel.tables import Table
from limus.trial.analysis.results import HandledEvent
from limus.trial.analysis.times import EventTimes, event_times
from limus.trial.design.analysis_plan import AnalysisPlan, event_names, in_running_text, parameter_of
from limus.trial.design.design import Estimand, IntercurrentEvent, Strategy

__all__ = ["handle_events", "time_of_event"]

Floats = NDArray[np.float64]

_TERMINAL = ("death", "graft loss")
_WHILE = (Strategy.WHILE_ON_TREATMENT, Strategy.WHILE_ALIVE)


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
        Of the endpoint: intercurrent events are counted until then.

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
    handled, warnings = [], []
    for one in estimand.intercurrent_events:
        known = plan.words.event(one.event)
        if known.name in event_names(plan, events):
            continue  # a component of the endpoint counts as it is
        when = time_of_event(adtte, known.code, subjects, population)
        first = (when <= day) & (when < event)
        counts = tuple((arm, int((first & (base.arm == arm)).sum())) for arm in plan.codes)
        handled.append(HandledEvent(one.event, str(one.strategy), _words(one, known.name, base), counts))
        if one.strategy is Strategy.COMPOSITE:
            event = np.minimum(event, when)
        elif one.strategy in _WHILE:
            rival = np.minimum(rival, when)
        elif one.strategy is Strategy.HYPOTHETICAL:
            censored = np.minimum(censored, when)
            said = f"{one.event}: censored, as if those who had it were like those who had not"
            warnings.append(f"{said}{' within a stratum' if base.strata is not None else ''}; the data cannot show it")
    warnings += _silent(plan, events, estimand, base)
    time = np.minimum(np.minimum(event, rival), censored)
    cause = np.where(event <= time, 1, np.where(rival <= time, 2, 0)).astype(np.int64)
    lost = base.lost & (cause == 0)
    if base.left_out:
        warnings.append(f"{base.left_out} subjects have no time in ADTTE and are left out")
    return replace(base, time=time, cause=cause, lost=lost), tuple(handled), tuple(warnings)


def _words(one: IntercurrentEvent, name: str, base: EventTimes) -> str:
    """Say what is done, or refuse."""
    if one.strategy is Strategy.TREATMENT_POLICY:
        if name == "death":
            allowed = "composite or while alive"
            raise RefusedError("estimand, death", "treatment policy", allowed, "after death there is no outcome")
        return "counted whether or not it came first"
    if one.strategy is Strategy.COMPOSITE:
        return f"counts as {in_running_text(base.label)}"
    if one.strategy in _WHILE:
        return "ends follow-up; competes with the endpoint"
    if one.strategy is Strategy.HYPOTHETICAL:
        if name in _TERMINAL:
            do = "no data say what would have happened without it"
            raise RefusedError(f"estimand, {name}", "hypothetical", "composite or while alive", do)
        return "follow-up censored there"
    do = "who would never have the event is not in the data; choose another strategy"
    raise RefusedError(f"estimand, {one.event}", str(one.strategy), "one of the other strategies", do)


def _silent(plan: AnalysisPlan, events: Sequence[str], estimand: Estimand, base: EventTimes) -> list[str]:
    """Name events that rule the endpoint out and that the estimand does not mention."""
    said = {plan.words.event(one.event).name for one in estimand.intercurrent_events}
    names = event_names(plan, events)
    rivals = {rival for name in names for rival in plan.words.event(name).ruled_out_by} - names - said
    if not rivals or not base.competing:
        return []
    return [f"the estimand does not say what {' or '.join(sorted(rivals))} means; taken as a competing event"]
