"""Many parameter sets of one model: the fast engine for all, the reference solver for what it could not finish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.engine.batch import Batch
from limus.kernel.simulation.engine.native import build_native, solve_batch
from limus.kernel.simulation.hybrid import solve_with_events
from limus.kernel.simulation.lsoda import Task, solve_trajectory
from limus.kernel.simulation.schedule import Schedule

__all__ = ["ENGINE", "LINEAR", "REFERENCE", "Solution", "Work", "solve"]

ENGINE, LINEAR, REFERENCE = "rodas5p", "exact", "lsoda"
_OK = 1


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
    model, count = work.model, len(work.inputs)
    by_engine = count > 0 and not model.system.events and not work.only_reference
    native = build_native(model) if by_engine else None
    batch = Batch.create(
        inputs=work.inputs,
        schedule=work.schedule,
        starts=work.starts,
        times=work.times,
        outputs=len(model.outputs),
        states=len(model.states),
    )
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
        trajectory = (solve_with_events if model.system.events else solve_trajectory)(_task(work, batch, i))
        asked = int(batch.time_counts[i])
        batch.values[i, :asked], words[i], solver[i] = trajectory.values, trajectory.status, REFERENCE
        batch.end_states[i] = trajectory.end_state
        if trajectory.status != "ok":  # the engine stops nearer to where a solution ends
            failure_times[i] = np.fmin(trajectory.failure_time, batch.failure_times[i])
        if native is None:
            after_chunk(1)
    return Solution(batch.values, tuple(words), failure_times, tuple(solver), batch.end_states)


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
