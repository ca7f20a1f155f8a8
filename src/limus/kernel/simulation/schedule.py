"""A treatment written out: what happens to each subject at which time, in the order in which it happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.dosing import EVERY, DoseTable, Treatment

__all__ = ["Action", "Happening", "Schedule", "Switches", "group_stops", "rounding", "same_time", "write_out"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_SAME_TIME = 1e-13  # of the longest time: what rounding makes of k*interval + lag


class Action(IntEnum):
    """What happens; at one time in this order."""

    RESET = 0  # all states take their initial values, infusions end
    INPUT = 1  # an input takes `amount`
    STATE = 2  # a state takes `amount`, in its own unit
    SHIFT = 3  # a state changes by `amount`, in its own unit
    DOSE = 4  # a state changes by `amount` and its input rate by `rate`, in amounts
    STOP = 5  # nothing, but the solver must not step over the time
    SWITCH = 6  # a condition on time changes; `target` is a parameter of which the time has the derivative `amount`


@dataclass(frozen=True, slots=True)
class Happening:
    """One row of a schedule: ``target`` is the place of a state, or of an input for ``Action.INPUT``."""

    time: float
    action: Action
    target: int
    amount: float
    rate: float


@dataclass(frozen=True, eq=False)
class Schedule:
    """Rows for G groups of subjects, in time order within a group.

    Attributes
    ----------
    offsets : (G + 1,) array of int
        Where each group's rows begin. One group serves all subjects where all get the same.
    time, amount, rate : (E,) array
    action, target : (E,) array of int
    """

    offsets: Integers
    time: Floats
    action: Integers
    target: Integers
    amount: Floats
    rate: Floats

    def ranges(self, count: int) -> tuple[Integers, Integers]:
        """First row and the row after the last of each of ``count`` subjects."""
        if len(self.offsets) == 2:
            return np.full(count, self.offsets[0]), np.full(count, self.offsets[1])
        return self.offsets[:-1].copy(), self.offsets[1:].copy()

    def rows(self, first: int, last: int) -> list[Happening]:
        """Rows as records."""
        columns = (self.time, self.action, self.target, self.amount, self.rate)
        return [
            Happening(t, Action(a), i, x, r)
            for t, a, i, x, r in zip(*(column[first:last].tolist() for column in columns), strict=True)
        ]


@dataclass(frozen=True, eq=False)
class Switches:
    """K times at which a condition on time changes.

    Attributes
    ----------
    subject : (K,) array of int
        Or ``EVERY``.
    time : (K,) array
    slopes : (K, P) array
        Derivatives of the times by parameters.
    """

    subject: Integers
    time: Floats
    slopes: Floats


class _Rows:
    """Columns that are still being gathered: subject, time of the order, time, action, target, amount, rate."""

    def __init__(self) -> None:
        self.parts: list[tuple[Integers | Floats, ...]] = []

    def add(
        self,
        subject: Integers,
        ordered: Floats,
        time: Floats,
        action: Action,
        target: Integers,
        amount: Floats,
        rate: Floats | None = None,
    ) -> None:
        """Add rows; a reset between ``ordered`` and ``time`` cancels one."""
        actions = np.full(len(time), int(action), dtype=np.int64)
        self.parts.append(
            (subject, ordered, time, actions, target, amount, np.zeros(len(time)) if rate is None else rate)
        )


def write_out(
    treatment: Treatment,
    *,
    states: Sequence[str],
    inputs: Sequence[str],
    count: int,
    ends: Floats,
    switches: Switches | None = None,
    steady_states: Floats | None = None,
    just_before: float = 0.0,
) -> Schedule:
    """Write out repeats, infusions, lags and steady states.

    Parameters
    ----------
    treatment : Treatment
        Checked.
    states, inputs : sequence of str
        Names of the model, whose places the rows hold.
    count : int
        Subjects, N.
    ends : (N,) array
        Last time of each subject; what is later is left out.
    switches : Switches, optional
        When conditions on time change.
    steady_states : (D, S) array, optional
        For each dose with ``steady_state``, the state at its time; rows of other doses are not looked at.
    just_before : float
        A steady state is taken up so much before its dose's time: an output at that time is its trough.

    Returns
    -------
    Schedule
    """
    rows = _Rows()
    _add_resets(rows, treatment, just_before)
    changes = treatment.changes
    places = np.array([list(inputs).index(name) for name in changes.inputs] or [0], dtype=np.int64)
    rows.add(changes.subject, changes.time, changes.time, Action.INPUT, places[changes.input], changes.value)
    _add_doses(rows, treatment.doses, states, float(ends.max()) if count else 0.0)
    if steady_states is not None:
        _add_steady_states(rows, treatment.doses, steady_states, just_before)
    if switches is not None:
        never = np.full(len(switches.time), np.inf)  # no reset cancels a switch
        zeros = np.zeros(len(switches.time))
        rows.add(switches.subject, never, switches.time, Action.STOP, zeros.astype(np.int64), zeros)
        k, parameter = np.nonzero(switches.slopes)
        moved = (switches.subject[k], never[k], switches.time[k])
        rows.add(*moved, Action.SWITCH, parameter.astype(np.int64), switches.slopes[k, parameter])
    return _sort(rows, count)


def _add_resets(rows: _Rows, treatment: Treatment, just_before: float) -> None:
    doses = treatment.doses
    fresh = doses.steady_state == 1
    subject = np.concatenate([treatment.resets.subject, doses.subject[fresh]])
    time = np.concatenate([treatment.resets.time, doses.time[fresh] - just_before])
    zeros = np.zeros(len(time))
    rows.add(subject, np.full(len(time), np.inf), time, Action.RESET, zeros.astype(np.int64), zeros)


def _add_doses(rows: _Rows, doses: DoseTable, states: Sequence[str], end: float) -> None:
    """Administrations, with the pending ones of a steady state whose lag is longer than its interval."""
    repeats = doses.additional + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = np.floor((end - doses.time - doses.lag) / doses.interval) + 1.0
        pending = np.where(doses.steady_state > 0, np.floor(doses.lag / doses.interval), 0.0).astype(np.int64)
    # what is after the end is left out before it takes memory
    repeats = np.where(doses.interval > 0.0, np.minimum(repeats, np.maximum(fit, 0.0)), repeats).astype(np.int64)
    number = repeats + pending
    row = np.repeat(np.arange(len(number)), number)
    k = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number) - pending[row]
    time = doses.time[row] + k * doses.interval[row] + doses.lag[row]
    place = np.array([list(states).index(name) for name in doses.targets] or [0], dtype=np.int64)
    target = place[doses.target[row]]
    amount = doses.amount[row] * doses.bioavailability[row]
    duration, subject, given = doses.duration[row], doses.subject[row], doses.time[row]
    bolus = duration == 0.0
    rows.add(subject[bolus], given[bolus], time[bolus], Action.DOSE, target[bolus], amount[bolus])
    slow = ~bolus
    rate = amount[slow] / duration[slow]
    nothing = np.zeros(len(rate))
    begin = np.asarray(time[slow], dtype=np.float64)
    rows.add(subject[slow], given[slow], begin, Action.DOSE, target[slow], nothing, rate)
    rows.add(subject[slow], given[slow], begin + duration[slow], Action.DOSE, target[slow], nothing, -rate)
    _add_running(rows, doses, place)


def _add_running(rows: _Rows, doses: DoseTable, place: Integers) -> None:
    """Infusions of a steady state's past that still run at its time."""
    steady = (doses.steady_state > 0) & (doses.duration > 0.0)
    for i in np.flatnonzero(steady).tolist():
        interval, duration = doses.interval[i], doses.duration[i]
        into = doses.lag[i] % interval  # the next entry after the dose's time
        rate = doses.amount[i] * doses.bioavailability[i] / duration
        begun = 1
        while into - begun * interval + duration > 0.0:
            ending = doses.time[i] + into - begun * interval + duration
            one = (doses.subject[[i]], doses.time[[i]])
            target = place[doses.target[[i]]]
            rows.add(*one, doses.time[[i]], Action.DOSE, target, np.zeros(1), np.array([rate]))
            rows.add(*one, np.array([ending]), Action.DOSE, target, np.zeros(1), np.array([-rate]))
            begun += 1


def _add_steady_states(rows: _Rows, doses: DoseTable, steady_states: Floats, just_before: float) -> None:
    width = steady_states.shape[1]
    for kind, action in ((1, Action.STATE), (2, Action.SHIFT)):
        chosen = np.flatnonzero(doses.steady_state == kind)
        subject, time = np.repeat(doses.subject[chosen], width), np.repeat(doses.time[chosen], width)
        places = np.tile(np.arange(width), len(chosen))
        rows.add(subject, time, time - just_before, action, places, steady_states[chosen].reshape(-1))


def _sort(rows: _Rows, count: int) -> Schedule:
    subject, *columns = [np.concatenate(column) for column in zip(*rows.parts, strict=True)]
    groups = 1
    if (subject == EVERY).all():
        subject = np.zeros(len(subject), dtype=np.int64)
    else:
        groups, own, shared = count, np.flatnonzero(subject != EVERY), np.flatnonzero(subject == EVERY)
        index = np.concatenate([own, np.tile(shared, count)])
        subject = np.concatenate([subject[own], np.repeat(np.arange(count), len(shared))])
        columns = [column[index] for column in columns]
    time, action = columns[1], columns[2]
    if not _is_sorted(subject, time, action):
        order = np.lexsort((action, time, subject))
        subject, columns = subject[order], [column[order] for column in columns]
    if (columns[2] == Action.RESET).any():
        kept = ~_is_cancelled(subject, *columns[:3])
        subject, columns = subject[kept], [column[kept] for column in columns]
    _, time, action, target, amount, rate = columns
    offsets = np.searchsorted(subject, np.arange(groups + 1)).astype(np.int64)
    return Schedule(offsets, time, action, target, amount, rate)


def _is_sorted(subject: Integers, time: Floats, action: Integers) -> bool:
    later = np.diff(subject) > 0
    same = np.diff(subject) == 0
    after, equal = np.diff(time) > 0, np.diff(time) == 0
    return bool((later | (same & (after | (equal & (np.diff(action) >= 0))))).all())


def _is_cancelled(subject: Integers, ordered: Floats, time: Floats, action: Integers) -> NDArray[np.bool_]:
    """Whether a reset of the same subject lies after a row's order and not after the row itself."""
    resets = np.flatnonzero(action == Action.RESET)

    def resets_until(times: Floats) -> Integers:
        """Resets at or before a time, of this subject and all before it."""
        who = np.concatenate([subject[resets], subject])
        when = np.concatenate([time[resets], times])
        is_reset = np.arange(len(who)) < len(resets)
        order = np.lexsort((~is_reset, when, who))
        until = np.empty(len(who), dtype=np.int64)
        until[order] = np.cumsum(is_reset[order])
        return until[len(resets) :]

    return resets_until(time) > resets_until(np.minimum(ordered, time))


def group_stops(
    happenings: Sequence[Happening], times: Floats, start: float, end: float
) -> list[tuple[float, list[Happening]]]:
    """Return the times to stop at with what happens at each, ``end`` last.

    A time that equals an output time, or the stop before it, but for rounding is made equal to it: an output at a
    dose's time is then always before the dose, and no step is too short for the solver.

    Parameters
    ----------
    happenings : sequence of Happening
        In time order.
    times : (T,) array
        Output times.
    start, end : float
        Of the trajectory; what happens at the end or later is left out.

    Returns
    -------
    list of (float, list of Happening)
        In time order.
    """
    stops: list[tuple[float, list[Happening]]] = []
    for happening in happenings:
        nearest = float(times[np.argmin(np.abs(times - happening.time))])
        tolerance = rounding(happening.time, start)
        time = nearest if abs(nearest - happening.time) <= tolerance else happening.time
        if time >= end:
            break
        if stops and time - stops[-1][0] <= tolerance:
            stops[-1][1].append(happening)
        else:
            stops.append((time, [happening]))
    return [*stops, (end, [])]


def rounding(time: float, start: float) -> float:
    """Return what rounding may make of a time, as of k times interval plus lag since a start."""
    return _SAME_TIME * max(abs(time), abs(start))


def same_time(times: Floats) -> float:
    """Return the difference below which two times of a simulation are the same but for rounding."""
    return _SAME_TIME * float(np.nanmax(np.abs(times))) if times.size else 0.0
