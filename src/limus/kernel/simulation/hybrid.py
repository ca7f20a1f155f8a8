"""Models with triggered events, solved by the reference solver with the meaning that SBML gives to events.

When a trigger turns from false to true its event is due after its delay. Of the events due at one time the one with
the highest priority is executed; all its assignments are made at once; then the triggers are looked at again, which may
make further events due, or cancel one that is not persistent. An output at the time of an event is the value after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import spawn_generators
from limus.kernel.simulation.lsoda import Task, Trajectory, begin_run, happen
from limus.kernel.simulation.schedule import group_stops, rounding

__all__ = ["solve_with_events"]

_LOOKS = 8  # at the triggers within a step
_MOST_EXECUTIONS = 100_000
Floats = NDArray[np.float64]


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
        self.chance = spawn_generators(1, 1, stream="events of equal priority")[0]
        starts = np.cumsum([0, *(len(event.targets) for event in self.events)]).tolist()
        self.slices = [slice(a, b) for a, b in pairwise(starts)]
        self.true = np.array([event.initial_value for event in self.events])

    def triggers(self, t: float, state: Floats) -> NDArray[np.bool_]:
        return np.array(self.model.evaluate("triggers", t, state.tolist(), self.p), dtype=float) != 0.0

    def notice(self, t: float) -> None:
        """Look at the triggers: what turned true is due, what turned false cancels if it does not persist."""
        now = self.triggers(t, self.state)
        for i in np.flatnonzero(now & ~self.true).tolist():
            y = self.state.tolist()
            delay = self.model.evaluate("delays", t, y, self.p)[i]
            values = None
            if self.events[i].values_from_trigger_time:
                values = self.model.evaluate("kicks", t, y, self.p)[self.slices[i]]
            self.due.append(_Due(t + delay, i, values))
        self.true = now
        self.due = [d for d in self.due if self.events[d.event].persistent or now[d.event]]

    def execute(self, t: float) -> None:
        """Execute what is due at a time, one after the other, looking at the triggers in between."""
        while ready := [d for d in self.due if d.time <= t]:
            priorities = self.model.evaluate("priorities", t, self.state.tolist(), self.p)
            best = max(priorities[d.event] for d in ready)
            chosen = self.choose([d for d in ready if priorities[d.event] == best])
            self.due.remove(chosen)
            values = chosen.values
            if values is None:
                values = self.model.evaluate("kicks", t, self.state.tolist(), self.p)[self.slices[chosen.event]]
            self.state[list(self.events[chosen.event].targets)] = values
            self.executions += 1
            if self.executions > _MOST_EXECUTIONS:
                raise _EndlessError
            self.notice(t)

    def choose(self, equals: list[_Due]) -> _Due:
        """Of equal priorities SBML wants a choice by chance."""
        return equals[0] if len(equals) == 1 else equals[int(self.chance.integers(len(equals)))]

    def advance(self, t: float, stop: float, asked: Floats, rows: list[list[float]]) -> tuple[float, str]:
        """Integrate to ``stop``, or to the first event before it; put out what is asked strictly before that time."""
        from scipy.integrate import LSODA  # noqa: PLC0415

        if len(self.state) == 0:
            return self._advance_without_states(t, stop, asked, rows)
        if stop - t <= rounding(stop, self.run.start):  # too short a way for a solver
            return stop, "ok"
        solver = LSODA(
            self.run.derivatives,
            t,
            self.state,
            stop,
            rtol=self.run.relative_tolerance,
            atol=self.run.absolute_tolerance,
            jac=self.run.jacobian,
            max_step=max((stop - t) / 4.0, 1e-300),
        )
        while solver.status == "running":
            message = solver.step()
            if message is not None or not np.isfinite(solver.y).all():
                return float(solver.t), message or "not finite"
            path = solver.dense_output()
            found = self._first_change(float(solver.t_old), float(solver.t), path)
            end = float(solver.t) if found is None else found
            self._put_out(asked, rows, end, path)
            if found is not None:
                self.state = path(found)
                return found, "ok"
        self.state = np.array(solver.y)
        return stop, "ok"

    def _advance_without_states(
        self, t: float, stop: float, asked: Floats, rows: list[list[float]]
    ) -> tuple[float, str]:
        def nothing(_: float) -> Floats:
            return self.state

        found = self._first_change(t, stop, nothing)
        self._put_out(asked, rows, stop if found is None else found, nothing)
        return stop if found is None else found, "ok"

    def _put_out(self, asked: Floats, rows: list[list[float]], end: float, path: _Path) -> None:
        while len(rows) < len(asked) and asked[len(rows)] < end:
            time = float(asked[len(rows)])
            rows.append(self.model.evaluate("outputs", time, path(time).tolist(), self.p))

    def _first_change(self, begin: float, end: float, path: _Path) -> float | None:
        """First time in (begin, end] at which a trigger differs from what it was; on its far side."""

        def changed(time: float) -> bool:
            return bool((self.triggers(time, path(time)) != self.true).any())

        left = begin
        for right in np.linspace(begin, end, _LOOKS + 1)[1:].tolist():
            if changed(right):
                return _bisect(changed, left, right)
            left = right
        return None


def _bisect(changed: Callable[[float], bool], left: float, right: float) -> float:
    """The first number after which ``changed`` is true, to rounding."""
    while left < (middle := 0.5 * (left + right)) < right:
        left, right = (left, middle) if changed(middle) else (middle, right)
    return right


class _EndlessError(Exception):
    """Events that trigger each other without end."""


def solve_with_events(task: Task) -> Trajectory:
    """Solve one parameter set of a model with triggered events.

    Parameters
    ----------
    task : Task

    Returns
    -------
    Trajectory
        Outputs are the values after events and before doses of the same time.
    """
    hybrid, times = _Hybrid(task), task.times
    t, rows = task.start, list[list[float]]()
    if hybrid.status != "ok":
        return _ended(hybrid, times, rows, hybrid.status, t)
    try:
        hybrid.notice(t)
        hybrid.execute(t)
        for stop, group in group_stops(task.happenings, times, task.start, float(times[-1])):
            while t < stop:
                wait = min((d.time for d in hybrid.due), default=stop)
                t, status = hybrid.advance(t, min(stop, max(wait, t)), times, rows)
                if status != "ok":
                    return _ended(hybrid, times, rows, status, t)
                hybrid.notice(t)
                hybrid.execute(t)
            while len(rows) < len(times) and times[len(rows)] <= stop:
                rows.append(hybrid.model.evaluate("outputs", float(times[len(rows)]), hybrid.state.tolist(), hybrid.p))
            happen(hybrid.run, hybrid.state, stop, group)
            if group:
                hybrid.notice(t)
                hybrid.execute(t)
    except _EndlessError:
        return _ended(hybrid, times, rows, "events trigger each other without end", t)
    return _ended(hybrid, times, rows, "ok", float("nan"))


def _ended(hybrid: _Hybrid, times: Floats, rows: list[list[float]], status: str, at: float) -> Trajectory:
    values = np.full((len(times), len(hybrid.model.outputs)), np.nan)
    values[: len(rows)] = np.array(rows).reshape(len(rows), len(hybrid.model.outputs))
    return Trajectory(values, status, at, hybrid.state)
