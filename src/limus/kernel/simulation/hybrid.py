"""Models with triggered events, with the meaning that SBML gives to them.

When a trigger turns from false to true its event is due after its delay. Of the events due at one time the one with
the highest priority is executed; all its assignments are made at once; then the triggers are looked at again, which may
make further events due, or cancel one that is not persistent. An output at the time of an event is the value after it.

This is decided here for both solvers: :func:`follow` yields the stretches between events and is sent what a solver
reached. The engine lets simple events happen by itself (:mod:`limus.kernel.simulation.engine.watch`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import spawn_generators
from limus.kernel.language import Expression, evaluate_arrays
from limus.kernel.simulation.equations import TIME, assigned_symbol, input_symbol, state_symbol
from limus.kernel.simulation.lsoda import Run, Task, Trajectory, begin_run, happen
from limus.kernel.simulation.schedule import group_stops, rounding
from limus.kernel.simulation.settling import NOT_FAST, NOT_SETTLED, is_fast_enough, settle

__all__ = [
    "ENDLESS",
    "LONGEST_STEP",
    "LOOKS",
    "MOST_EXECUTIONS",
    "Flow",
    "Reached",
    "Stretch",
    "follow",
    "solve_with_events",
]

LOOKS = 8  # at the triggers within a step
LONGEST_STEP = 0.25  # of a stretch, so that the looks are not too far apart
MOST_EXECUTIONS = 100_000
_SHORT = 4.0  # times what rounding makes of a time: too short a way for a solver
_MOST_STEPS = 50_000  # of the reference solver in a stretch
ENDLESS = "events trigger each other without end"
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Stretch:
    """A way to go as long as no trigger changes.

    Attributes
    ----------
    run : Run
        Inputs and infusions that hold.
    begin, end : float
    state : (S,) array
        At the begin.
    triggers : (E,) array of bool
        What they are after the begin.
    asked : (K,) array
        Output times strictly inside.
    """

    run: Run
    begin: float
    end: float
    state: Floats
    triggers: NDArray[np.bool_]
    asked: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Reached:
    """How far a solver came.

    Attributes
    ----------
    time : float
        The end, the first time at which a trigger differs, or where the solver failed.
    state : (S,) array
    outputs : (K, O) array
        At the times asked before that time.
    known, triggers : (E,) array of bool or None
        What triggers were known to be after events that the solver let happen, and what it then found them to be; None
        where it let nothing happen and found nothing.
    status : str
        'ok' or the reason.
    """

    time: float
    state: Floats
    outputs: Floats
    known: NDArray[np.bool_] | None = None
    triggers: NDArray[np.bool_] | None = None
    status: str = "ok"


Flow: TypeAlias = Generator[Stretch, Reached, Trajectory]


class _Path(Protocol):
    """Dense output: the state at a time."""

    def __call__(self, time: float, /) -> Floats: ...


@dataclass(slots=True)
class _Due:
    """An event that waits to be executed."""

    time: float
    event: int
    values: list[float] | None  # decided at trigger time, or at execution


class _Hybrid:
    """One trajectory."""

    def __init__(self, task: Task) -> None:
        self.model = task.model
        self.events = task.model.system.events
        self.run, self.state, self.status = begin_run(task)
        self.p = self.run.p
        self.due: list[_Due] = []
        self.executions = 0
        self.chance: np.random.Generator | None = None
        starts = np.cumsum([0, *(len(event.targets) for event in self.events)]).tolist()
        self.slices = [slice(a, b) for a, b in pairwise(starts)]
        self.true = np.array([event.initial_value for event in self.events])

    def triggers(self, t: float, state: Floats) -> NDArray[np.bool_]:
        return _triggers(self.run, t, state)

    def outputs(self, t: float) -> list[float]:
        return self.model.evaluate("outputs", t, self.state.tolist(), self.p)

    def notice(self, t: float, seen: NDArray[np.bool_] | None = None) -> None:
        """Look at the triggers: what turned true is due, what turned false cancels if it does not persist."""
        now = self.triggers(t, self.state) if seen is None else seen
        for i in np.flatnonzero(now & ~self.true).tolist():
            y = self.state.tolist()
            delay = self.model.evaluate("delays", t, y, self.p)[i]
            if not delay >= 0.0:
                raise _StopError(f"delay of event {self.events[i].name} is {delay:g}")
            values = None
            if self.events[i].made:
                values = self.evaluate(self.events[i].assigned, t)
            elif self.events[i].values_from_trigger_time:
                values = self.model.evaluate("kicks", t, y, self.p)[self.slices[i]]
            self.due.append(_Due(t + delay, i, values))
        self.true = now
        self.due = [d for d in self.due if self.events[d.event].persistent or now[d.event]]

    def execute(self, t: float) -> None:
        """Execute what is due at a time, one after the other, looking at the triggers in between."""
        until = t + rounding(t, self.run.start)  # 0.1 + 0.2 is the same time as 0.3
        while ready := [d for d in self.due if d.time <= until]:
            priorities = self.model.evaluate("priorities", t, self.state.tolist(), self.p)
            best = max(priorities[d.event] for d in ready)
            chosen = self.choose([d for d in ready if priorities[d.event] == best])
            self.due.remove(chosen)
            event, values = self.events[chosen.event], chosen.values
            if values is None:
                values = self.model.evaluate("kicks", t, self.state.tolist(), self.p)[self.slices[chosen.event]]
            elif event.made:
                values = self.evaluate(event.made, t, values)
            if not np.isfinite(values).all():
                raise _StopError(f"event {event.name} sets what is not finite")
            self.state[list(event.targets)] = values
            self.settle(t)
            self.executions += 1
            if self.executions > MOST_EXECUTIONS:
                raise _StopError(ENDLESS)
            self.notice(t)

    def evaluate(self, expressions: Sequence[Expression], t: float, assigned: Sequence[float] = ()) -> list[float]:
        """Values of expressions now; ``assigned`` are those that an event kept."""
        system = self.model.system
        known = {TIME: t} | dict(zip(map(input_symbol, system.inputs), self.p, strict=True))
        known |= dict(zip(map(state_symbol, system.states), self.state.tolist(), strict=True))
        known |= {assigned_symbol(k): value for k, value in enumerate(assigned)}
        arrays = {symbol: np.asarray(value) for symbol, value in known.items()}
        return [float(evaluate_arrays(expression, arrays)) for expression in expressions]

    def settle(self, t: float) -> None:
        """What holds at every moment holds again after a jump."""
        found = settle(self.model.system, self.p, t, self.state)
        if found is None:
            raise _StopError(NOT_SETTLED)
        self.state = found
        if not is_fast_enough(self.model.system, self.p, t, found):
            raise _StopError(NOT_FAST)

    def choose(self, equals: list[_Due]) -> _Due:
        """Of equal priorities SBML wants a choice by chance."""
        if len(equals) == 1:
            return equals[0]
        if self.chance is None:
            self.chance = spawn_generators(1, 1, stream="events of equal priority")[0]
        return equals[int(self.chance.integers(len(equals)))]


def _triggers(run: Run, t: float, state: Floats) -> NDArray[np.bool_]:
    return np.array(run.model.evaluate("triggers", t, state.tolist(), run.p), dtype=float) != 0.0


def _advance(stretch: Stretch) -> Reached:
    """Go along a stretch with LSODA."""
    from scipy.integrate import LSODA  # noqa: PLC0415

    run, begin, end = stretch.run, stretch.begin, stretch.end
    rows: list[list[float]] = []
    if len(stretch.state) == 0:

        def nothing(_: float) -> Floats:
            return stretch.state

        found = _first_change(stretch, begin, end, nothing)
        _put_out(stretch, rows, end if found is None else found, nothing)
        return _reached(stretch, end if found is None else found, stretch.state, rows)
    solver = LSODA(
        run.derivatives,
        begin,
        stretch.state,
        end,
        rtol=run.relative_tolerance,
        atol=run.absolute_tolerance,
        jac=run.jacobian,
        max_step=max((end - begin) * LONGEST_STEP, 1e-300),
    )
    steps = 0
    while solver.status == "running":
        before, steps = float(solver.t), steps + 1
        message = solver.step()
        if message is None and not np.isfinite(solver.y).all():
            message = "not finite"
        if message is None and (solver.t == before or steps > _MOST_STEPS):
            message = "the step became too small"  # LSODA itself goes on
        if message is not None:
            return _reached(stretch, float(solver.t), np.array(solver.y), rows, message)
        path = solver.dense_output()
        found = _first_change(stretch, float(solver.t_old), float(solver.t), path)
        _put_out(stretch, rows, float(solver.t) if found is None else found, path)
        if found is not None:
            return _reached(stretch, found, path(found), rows)
    return _reached(stretch, end, np.array(solver.y), rows)


def _reached(stretch: Stretch, time: float, state: Floats, rows: list[list[float]], status: str = "ok") -> Reached:
    outputs = np.array(rows, dtype=np.float64).reshape(len(rows), len(stretch.run.model.outputs))
    return Reached(time, state, outputs, status=status)


def _put_out(stretch: Stretch, rows: list[list[float]], end: float, path: _Path) -> None:
    while len(rows) < len(stretch.asked) and stretch.asked[len(rows)] < end:
        time = float(stretch.asked[len(rows)])
        rows.append(stretch.run.model.evaluate("outputs", time, path(time).tolist(), stretch.run.p))


def _first_change(stretch: Stretch, begin: float, end: float, path: _Path) -> float | None:
    """First time in (begin, end] at which a trigger differs from what it was; on its far side."""

    def changed(time: float) -> bool:
        return bool((_triggers(stretch.run, time, path(time)) != stretch.triggers).any())

    left = begin
    for right in np.linspace(begin, end, LOOKS + 1)[1:].tolist():
        if changed(right):
            return _bisect(changed, left, right)
        left = right
    return None


def _bisect(changed: Callable[[float], bool], left: float, right: float) -> float:
    """The first number after which ``changed`` is true, to rounding."""
    while left < (middle := 0.5 * (left + right)) < right:
        left, right = (left, middle) if changed(middle) else (middle, right)
    return right


class _StopError(Exception):
    """Why a trajectory cannot go on."""


def solve_with_events(task: Task) -> Trajectory:
    """Solve one parameter set of a model with triggered events by the reference solver.

    Parameters
    ----------
    task : Task

    Returns
    -------
    Trajectory
        Outputs are the values after events and before doses of the same time.
    """
    flow = follow(task)
    try:
        stretch = next(flow)
        while True:
            stretch = flow.send(_advance(stretch))
    except StopIteration as end:
        found: Trajectory = end.value
        return found


def follow(task: Task) -> Flow:
    """Follow a trajectory from event to event.

    Parameters
    ----------
    task : Task

    Yields
    ------
    Stretch
        To be answered by what a solver reached.

    Returns
    -------
    Trajectory
        As :func:`solve_with_events`.
    """
    hybrid, times = _Hybrid(task), task.times
    t, rows = task.start, list[Sequence[float]]()
    if hybrid.status != "ok":
        return _ended(hybrid, times, rows, hybrid.status, t)
    try:
        hybrid.settle(t)
        hybrid.notice(t)
        hybrid.execute(t)
        for stop, group in group_stops(task.happenings, times, task.start, float(times[-1])):
            while t < stop:
                end = min(stop, max(t, min((d.time for d in hybrid.due), default=stop)))
                seen = None
                short = _SHORT * rounding(end, task.start)
                if end - t > short:
                    while times[len(rows)] <= t + short:
                        rows.append(hybrid.outputs(float(times[len(rows)])))
                    asked = times[len(rows) : int(np.searchsorted(times, end))]
                    reached = yield Stretch(hybrid.run, t, end, hybrid.state, hybrid.true, asked)
                    rows += reached.outputs.tolist()
                    t, hybrid.state, seen = reached.time, reached.state, reached.triggers
                    hybrid.true = hybrid.true if reached.known is None else reached.known
                    if reached.status != "ok":
                        return _ended(hybrid, times, rows, reached.status, t)
                else:
                    t = end
                hybrid.notice(t, seen)
                hybrid.execute(t)
            while len(rows) < len(times) and times[len(rows)] <= stop:
                rows.append(hybrid.outputs(float(times[len(rows)])))
            happen(hybrid.run, hybrid.state, stop, group)
            if group:
                hybrid.settle(t)
                hybrid.notice(t)
                hybrid.execute(t)
    except _StopError as stop_:
        return _ended(hybrid, times, rows, str(stop_), t)
    return _ended(hybrid, times, rows, "ok", float("nan"))


def _ended(hybrid: _Hybrid, times: Floats, rows: Sequence[Sequence[float]], status: str, at: float) -> Trajectory:
    values = np.full((len(times), len(hybrid.model.outputs)), np.nan)
    values[: len(rows)] = np.array(rows).reshape(len(rows), len(hybrid.model.outputs))
    return Trajectory(values, status, at, hybrid.state)
