"""Many parameter sets of one model: the fast engine for all, the reference solver for what it could not finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.dosing import Impulse, plan_stops, same_time
from limus.kernel.simulation.engine.native import Batch, build_native, solve_batch
from limus.kernel.simulation.hybrid import solve_with_events
from limus.kernel.simulation.lsoda import solve_trajectory

__all__ = ["ENGINE", "REFERENCE", "Solution", "Work", "solve"]

ENGINE, REFERENCE = "rodas5p", "lsoda"
_OK = 1


@dataclass(frozen=True, eq=False)
class Work:
    """Parameter sets to solve, complete, so that they can travel to another process.

    Attributes
    ----------
    model : CompiledModel
    inputs : (N, I) array
    impulses : tuple of tuple of Impulse
        For each set; the same tuple object where sets share a schedule.
    times : (T,) array
    relative_tolerance, absolute_tolerance : float
    """

    model: CompiledModel
    inputs: NDArray[np.float64]
    impulses: tuple[tuple[Impulse, ...], ...]
    times: NDArray[np.float64]
    relative_tolerance: float
    absolute_tolerance: float


@dataclass(frozen=True, eq=False)
class Solution:
    """Values (N, T, O), status and solver of each set, and the time of failure (NaN where none)."""

    values: NDArray[np.float64]
    status: tuple[str, ...]
    failure_times: NDArray[np.float64]
    solver: tuple[str, ...]


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
    count = len(work.inputs)
    values = np.full((count, len(work.times), len(work.model.outputs)), np.nan)
    status = np.zeros(count, dtype=np.int64)
    given_up = np.full(count, np.nan)
    has_events = bool(work.model.system.events)
    native = build_native(work.model) if count and not has_events else None
    reference = solve_with_events if has_events else solve_trajectory
    if native is not None:
        batch = _batch(work, values, status, given_up)
        solve_batch(
            native,
            batch,
            relative_tolerance=work.relative_tolerance,
            absolute_tolerance=work.absolute_tolerance,
            threads=threads,
            after_chunk=after_chunk,
        )
    words = ["ok"] * count
    solver = [ENGINE] * count
    failure_times = np.full(count, np.nan)
    for i in np.flatnonzero((status != _OK) | ~np.isfinite(values).all(axis=(1, 2))).tolist():
        trajectory = reference(
            work.model,
            work.inputs[i].tolist(),
            work.times,
            work.impulses[i],
            relative_tolerance=work.relative_tolerance,
            absolute_tolerance=work.absolute_tolerance,
        )
        values[i], words[i], solver[i] = trajectory.values, trajectory.status, REFERENCE
        if trajectory.status != "ok":  # the engine stops nearer to where a solution ends
            failure_times[i] = np.fmin(trajectory.failure_time, given_up[i])
        if native is None:
            after_chunk(1)
    return Solution(values, tuple(words), failure_times, tuple(solver))


def _batch(
    work: Work, values: NDArray[np.float64], status: NDArray[np.int64], failure_times: NDArray[np.float64]
) -> Batch:
    """Lay out inputs and events for the engine; sets that share schedule and switches share the plan."""
    model, times = work.model, work.times
    plans: dict[tuple[int, tuple[float, ...]], list[tuple[float, int, float, float]]] = {}
    events: list[tuple[float, int, float, float]] = []
    offsets = np.zeros(len(work.inputs) + 1, dtype=np.int64)
    for i, row in enumerate(work.inputs):
        switches = tuple(model.evaluate("switches", float(times[0]), [], row.tolist())) if model.has_switches else ()
        key = (id(work.impulses[i]), switches)
        if key not in plans:
            plans[key] = _events(model, work.impulses[i], switches, times)
        events += plans[key]
        offsets[i + 1] = len(events)
    columns = np.array(events, dtype=np.float64).reshape(-1, 4)
    return Batch(
        inputs=np.ascontiguousarray(work.inputs),
        times=np.ascontiguousarray(times),
        offsets=offsets,
        event_times=np.ascontiguousarray(columns[:, 0]),
        event_states=columns[:, 1].astype(np.int64),
        event_amounts=np.ascontiguousarray(columns[:, 2]),
        event_rates=np.ascontiguousarray(columns[:, 3]),
        values=values,
        status=status,
        failure_times=failure_times,
        steps=np.zeros(len(work.inputs)),
        margin=2.0 * same_time(times),
    )


def _events(
    model: CompiledModel, impulses: Sequence[Impulse], switches: Sequence[float], times: NDArray[np.float64]
) -> list[tuple[float, int, float, float]]:
    """Rows of time, state, amount and rate; a stop at which nothing is given has zeros."""
    rows: list[tuple[float, int, float, float]] = []
    for time, group in plan_stops(impulses, switches, times):
        rows += [(time, model.states.index(i.target), i.amount, i.rate) for i in group] or [(time, 0, 0.0, 0.0)]
    return rows
