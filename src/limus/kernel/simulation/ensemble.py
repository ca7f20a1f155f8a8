"""Many parameter sets of one model: the fast engine for all, the reference solver for what it could not finish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.engine.batch import Batch
from limus.kernel.simulation.engine.native import build_native, solve_batch
from limus.kernel.simulation.event_batches import solve_event_batch
from limus.kernel.simulation.hybrid import solve_with_events
from limus.kernel.simulation.lsoda import Task, Trajectory, solve_trajectory
from limus.kernel.simulation.schedule import Schedule

__all__ = ["ENGINE", "LINEAR", "REFERENCE", "Solution", "Work", "solve"]

ENGINE, LINEAR, REFERENCE = "rodas5p", "exact", "lsoda"
_OK = 1
_TOGETHER = 512  # sets of a model with events, which go from event to event


@dataclass(frozen=True, eq=False)
class Work:
    """Parameter sets to solve, complete, so that they can travel to another process.

    Attributes
    ----------
    model : CompiledModel
    inputs : (N, I) array
    schedule : Schedule
        Of one group, or of N.
    starts : (N,) array
    times : (1, T) or (N, T) array
        Output times; NaN after a subject's last.
    relative_tolerance, absolute_tolerance : float
    only_reference : bool
        Whether the engine is left out.
    sensitivity_errors : bool
        Whether the engine's error control looks at sensitivities too; the reference solver's does.
    """

    model: CompiledModel
    inputs: NDArray[np.float64]
    schedule: Schedule
    starts: NDArray[np.float64]
    times: NDArray[np.float64]
    relative_tolerance: float
    absolute_tolerance: float
    only_reference: bool = False
    sensitivity_errors: bool = True

    def part(self, sets: range) -> Work:
        """Some neighbouring sets as work of their own."""
        own = slice(sets.start, sets.stop)
        schedule = self.schedule
        if len(schedule.offsets) > 2:
            schedule = replace(schedule, offsets=schedule.offsets[sets.start : sets.stop + 1])
        times = self.times if len(self.times) == 1 else self.times[own]
        return replace(self, inputs=self.inputs[own], schedule=schedule, starts=self.starts[own], times=times)


@dataclass(frozen=True, eq=False)
class Solution:
    """Values (N, T, O), status and solver of each set, time of failure (NaN where none), state (N, S) at the end."""

    values: NDArray[np.float64]
    status: tuple[str, ...]
    failure_times: NDArray[np.float64]
    solver: tuple[str, ...]
    end_states: NDArray[np.float64]


def solve(work: Work, *, threads: int = 1, after_chunk: Callable[[int], None] = lambda count: None) -> Solution:
    """Solve every set of a piece of work.

    Parameters
    ----------
    work : Work
    threads : int
        How many work at once; the numbers do not depend on it.
    after_chunk : callable
        Told from time to time how many sets more are done.

    Returns
    -------
    Solution
        A set that the engine gave up is solved by the reference solver, and says so.
    """
    if work.model.system.events:
        return _solve_events(work, threads, after_chunk)
    model, count = work.model, len(work.inputs)
    native = build_native(model) if count > 0 and not work.only_reference else None
    batch = _batch(work)
    if native is not None:
        solve_batch(
            native,
            batch,
            relative_tolerance=work.relative_tolerance,
            absolute_tolerance=work.absolute_tolerance,
            sensitivity_errors=work.sensitivity_errors,
            threads=threads,
            after_chunk=after_chunk,
        )
    words = ["ok"] * count
    solver = [LINEAR if native is not None and native.is_linear else ENGINE] * count
    given_up = np.flatnonzero((batch.status != _OK) | ~_is_finite(batch))
    failure_times = np.full(count, np.nan)
    for i in given_up.tolist():
        trajectory = solve_trajectory(_task(work, batch, i))
        words[i], solver[i] = trajectory.status, REFERENCE
        _take(batch, i, trajectory)
        if trajectory.status != "ok":  # the engine stops nearer to where a solution ends
            failure_times[i] = np.fmin(trajectory.failure_time, batch.failure_times[i])
        if native is None:
            after_chunk(1)
    return Solution(batch.values, tuple(words), failure_times, tuple(solver), batch.end_states)


def _solve_events(work: Work, threads: int, after_chunk: Callable[[int], None]) -> Solution:
    """Solve a model with triggered events, some sets together."""
    model, count = work.model, len(work.inputs)
    by_engine = count > 0 and not work.only_reference and len(model.states) > 0
    native = build_native(model) if by_engine else None
    batch = _batch(work)
    words, solver, failure_times = ["ok"] * count, [ENGINE] * count, np.full(count, np.nan)
    for begin in range(0, count, _TOGETHER):
        tasks = [_task(work, batch, i) for i in range(begin, min(begin + _TOGETHER, count))]
        found = [None] * len(tasks) if native is None else solve_event_batch(native, tasks, threads)
        for i, (task, trajectory) in enumerate(zip(tasks, found, strict=True), begin):
            solver[i] = ENGINE if trajectory else REFERENCE
            done = trajectory or solve_with_events(task)
            _take(batch, i, done)
            words[i], failure_times[i] = done.status, done.failure_time
        after_chunk(len(tasks))
    return Solution(batch.values, tuple(words), failure_times, tuple(solver), batch.end_states)


def _batch(work: Work) -> Batch:
    return Batch.create(
        inputs=work.inputs,
        schedule=work.schedule,
        starts=work.starts,
        times=work.times,
        outputs=len(work.model.outputs),
        states=len(work.model.states),
    )


def _take(batch: Batch, i: int, trajectory: Trajectory) -> None:
    batch.values[i, : int(batch.time_counts[i])] = trajectory.values
    batch.end_states[i] = trajectory.end_state


def _is_finite(batch: Batch) -> NDArray[np.bool_]:
    """Whether every value that was asked for is finite."""
    if len(batch.times) == 1:
        return np.asarray(np.isfinite(batch.values).all(axis=(1, 2)))
    asked = np.arange(batch.times.shape[1]) < batch.time_counts[:, None]
    return np.asarray((np.isfinite(batch.values).all(axis=2) | ~asked).all(axis=1))


def _task(work: Work, batch: Batch, i: int) -> Task:
    times = work.times[i if len(work.times) > 1 else 0][: batch.time_counts[i]]
    return Task(
        model=work.model,
        inputs=tuple(work.inputs[i].tolist()),
        start=float(work.starts[i]),
        times=times,
        happenings=tuple(work.schedule.rows(int(batch.first_rows[i]), int(batch.last_rows[i]))),
        relative_tolerance=work.relative_tolerance,
        absolute_tolerance=work.absolute_tolerance,
    )
