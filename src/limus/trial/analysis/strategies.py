"""The strategies of ICH E9(R1) as operations on arrays, for a trial's data sets and for replicates alike.

====================  ============================================================================================
treatment policy      the event counts whether or not it came after; impossible for death
composite             the intercurrent event counts as the event, or gives the value that stands for it
while on treatment,   follow-up ends with it: what happens later does not count, and the risk is the cumulative
while alive           incidence with it as a competing event; of values, the last one before it, or none
hypothetical          as if it could not happen: follow-up is censored there, which is right only where those who had
                      it are like those who had not (of the same stratum); refused for death and graft loss, since
                      no data say what the dead would have had, and for values, which need a model
principal stratum     refused: who would never have the event is not in the data
====================  ============================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import RefusedError
from limus.trial.design.analysis_plan import in_running_text
from limus.trial.design.design import Endpoint, IntercurrentEvent, Strategy

__all__ = ["Happened", "imagined", "times_under", "values_under", "words_for_time", "words_for_value"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_TERMINAL = ("death", "graft loss")
_WHILE = (Strategy.WHILE_ON_TREATMENT, Strategy.WHILE_ALIVE)
# those who were lost have no outcome whatever the estimand says of them
_LOSS = "loss to follow-up"


@dataclass(frozen=True, eq=False)
class Happened:
    """An intercurrent event: its strategy, its name in the library, and when subjects had it (infinite for never)."""

    strategy: Strategy
    name: str
    when: Floats


def times_under(event: Floats, rival: Floats, censored: Floats, happened: Sequence[Happened]) -> tuple[Floats, Ints]:
    """Apply strategies to times.

    Parameters
    ----------
    event, rival, censored : (...) array
        When the endpoint happened, was ruled out, or follow-up ended; one of them finite.
    happened : sequence of Happened
        Those that are no component of the endpoint.

    Returns
    -------
    tuple of two (...) arrays
        Time, and cause: 0 censored, 1 the event, 2 ruled out.
    """
    for one in happened:
        if one.strategy is Strategy.COMPOSITE:
            event = np.minimum(event, one.when)
        elif one.strategy in _WHILE:
            rival = np.minimum(rival, one.when)
        elif one.strategy is Strategy.HYPOTHETICAL:
            censored = np.minimum(censored, one.when)
    time = np.minimum(np.minimum(event, rival), censored)
    return time, np.where(event <= time, 1, np.where(rival <= time, 2, 0)).astype(np.int64)


def imagined(event: Floats, happened: Sequence[Happened], last: float) -> Flags:
    """Tell who had an event by the day, before the endpoint, that the estimand imagines away; loss does not count.

    Parameters
    ----------
    event : (...) array
        When the endpoint happened.
    happened : sequence of Happened
    last : float
        AVAL of the last day of the endpoint.

    Returns
    -------
    (...) array of bool
    """
    found = np.zeros(event.shape, dtype=np.bool_)
    for one in happened:
        if one.strategy is Strategy.HYPOTHETICAL and one.name != _LOSS:
            found |= (one.when <= last) & (one.when < event)
    return found


def values_under(
    value: Floats,
    happened: Sequence[Happened],
    *,
    last_time: float,
    stands_for: float,
    last_before: Callable[[Floats], Floats],
) -> tuple[Floats, Flags, Flags]:
    """Apply strategies to values at a visit.

    Parameters
    ----------
    value : (...) array
        NaN where missing.
    happened : sequence of Happened
    last_time : float
        AVAL of the last day of the visit's window: what happened until then came before the value.
    stands_for : float
        Value of a composite.
    last_before : callable
        Last value up to given times.

    Returns
    -------
    tuple of three (...) arrays
        Value, whether left out by rule, whether the composite's value stands for the subject.
    """
    left_out, replaced = np.zeros(value.shape, dtype=np.bool_), np.zeros(value.shape, dtype=np.bool_)
    for one in happened:
        had = one.when <= last_time
        if one.strategy is Strategy.COMPOSITE:
            value, replaced = np.where(had, stands_for, value), replaced | had
        elif one.strategy is Strategy.WHILE_ALIVE or (one.strategy in _WHILE and one.name in _TERMINAL):
            left_out = left_out | had
        elif one.strategy is Strategy.WHILE_ON_TREATMENT:
            value = np.where(had, last_before(one.when), value)
    return value, left_out & ~replaced, replaced


def words_for_time(one: IntercurrentEvent, name: str, endpoint_label: str) -> str:
    """Say what is done with an intercurrent event of a time to event.

    Parameters
    ----------
    one : IntercurrentEvent
    name : str
        Of the event in the library.
    endpoint_label : str

    Returns
    -------
    str

    Raises
    ------
    RefusedError
        A strategy that the data cannot answer.
    """
    if one.strategy is Strategy.TREATMENT_POLICY:
        if name == "death":
            allowed = "composite or while alive"
            raise RefusedError("estimand, death", "treatment policy", allowed, "after death there is no outcome")
        return "counted whether or not it came first"
    if one.strategy is Strategy.COMPOSITE:
        return f"counts as {in_running_text(endpoint_label)}"
    if one.strategy in _WHILE:
        return "ends follow-up; competes with the endpoint"
    if one.strategy is Strategy.HYPOTHETICAL:
        if name in _TERMINAL:
            do = "no data say what would have happened without it"
            raise RefusedError(f"estimand, {name}", "hypothetical", "composite or while alive", do)
        return "follow-up censored there"
    do = "who would never have the event is not in the data; choose another strategy"
    raise RefusedError(f"estimand, {one.event}", str(one.strategy), "one of the other strategies", do)


def words_for_value(one: IntercurrentEvent, name: str, endpoint: Endpoint) -> str:
    """Say what is done with an intercurrent event of a value.

    Parameters
    ----------
    one : IntercurrentEvent
    name : str
        Of the event in the library.
    endpoint : Endpoint

    Returns
    -------
    str

    Raises
    ------
    RefusedError
        A strategy that the data cannot answer.
    """
    where = f"estimand, {one.event}"
    if one.strategy is Strategy.COMPOSITE:
        if math.isnan(endpoint.graft_loss_value):
            do = f"give graft_loss_value of endpoint {endpoint.name}"
            raise RefusedError(where, "composite without a value", "the value that stands for it", do)
        return f"the value {endpoint.graft_loss_value:g} stands for it"
    if one.strategy is Strategy.TREATMENT_POLICY:
        if name == "death":
            do = "the dead have no value; choose a composite, or while alive"
            raise RefusedError(where, str(one.strategy), "composite or while alive", do)
        return "the value as measured"
    if one.strategy in _WHILE:
        if one.strategy is Strategy.WHILE_ALIVE or name in _TERMINAL:
            return "left out: values of those alive with a working graft"
        return "the last value before it"
    do = "it needs a model of values that nobody saw; choose another strategy"
    raise RefusedError(where, str(one.strategy), "another strategy", do)
