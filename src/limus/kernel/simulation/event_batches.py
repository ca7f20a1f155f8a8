"""Many parameter sets of a model with events: the engine goes along the stretches of all of them at once.

Each round solves one stretch of every trajectory that is not at its end: to where something happens from outside, or to
events that the engine cannot let happen by itself. These are decided by
:func:`limus.kernel.simulation.hybrid.follow`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from limus.kernel.simulation.compiled import CompiledModel
from limus.kernel.simulation.engine.batch import Batch
from limus.kernel.simulation.engine.native import NativeModel, solve_batch
from limus.kernel.simulation.hybrid import ENDLESS, Flow, Reached, Stretch, follow
from limus.kernel.simulation.lsoda import Task, Trajectory
from limus.kernel.simulation.schedule import Action, Schedule

__all__ = ["solve_event_batch"]

_OK, _EVENT, _ENDLESS = 1, 4, 5
Floats = NDArray[np.float64]


def solve_event_batch(native: NativeModel, tasks: Sequence[Task], threads: int) -> list[Trajectory | None]:
    """Solve parameter sets of a model with events.

    Parameters
    ----------
    native : NativeModel
    tasks : sequence of Task
        Of one model, with the same tolerances.
    threads : int

    Returns
    -------
    list of Trajectory or None
        None where the engine gave up a stretch.
    """
    found: list[Trajectory | None] = [None] * len(tasks)
    flows = [follow(task) for task in tasks]
    open_ = dict(_answers(found, ((k, flow, None) for k, flow in enumerate(flows))))
    while open_:
        stretches = list(open_.values())
        batch = _lay_out(tasks[0].model, stretches)
        solve_batch(
            native,
            batch,
            relative_tolerance=tasks[0].relative_tolerance,
            absolute_tolerance=tasks[0].absolute_tolerance,
            threads=threads,
        )
        reached = {k: _reached(batch, n, stretch) for n, (k, stretch) in enumerate(open_.items())}
        going = ((k, flows[k], answer) for k, answer in reached.items() if answer is not None)
        open_ = dict(_answers(found, going))
    return found


def _answers(
    found: list[Trajectory | None], going: Iterator[tuple[int, Flow, Reached | None]]
) -> Iterator[tuple[int, Stretch]]:
    """Send what was reached; give the next stretches, and keep the trajectories that came to their end."""
    for k, flow, reached in going:
        try:
            yield k, next(flow) if reached is None else flow.send(reached)
        except StopIteration as end:
            found[k] = end.value


def _lay_out(model: CompiledModel, stretches: Sequence[Stretch]) -> Batch:
    width = 1 + max(len(stretch.asked) for stretch in stretches)
    times = np.full((len(stretches), width), np.nan)
    for row, stretch in zip(times, stretches, strict=True):
        row[: len(stretch.asked)] = stretch.asked
        row[len(stretch.asked)] = stretch.end
    begins = np.array([stretch.begin for stretch in stretches])
    return Batch.create(
        inputs=np.array([stretch.run.p for stretch in stretches], dtype=np.float64).reshape(len(stretches), -1),
        schedule=_beginning(stretches, begins),
        starts=begins,
        times=times,
        outputs=len(model.outputs),
        states=len(model.states),
        triggers=np.array([stretch.triggers for stretch in stretches], dtype=np.float64),
    )


def _beginning(stretches: Sequence[Stretch], begins: Floats) -> Schedule:
    """What sets the states, and the infusions that run, at the begin of each stretch."""
    count, size = len(stretches), len(stretches[0].state)
    states = np.array([stretch.state for stretch in stretches])
    rates = np.array([stretch.run.infused for stretch in stretches])
    target = np.tile(np.arange(size), 2 * count)
    action = np.tile(np.repeat([int(Action.STATE), int(Action.DOSE)], size), count)
    nothing = np.zeros_like(states)
    amount = np.concatenate([states, nothing], axis=1).reshape(-1)
    rate = np.concatenate([nothing, rates], axis=1).reshape(-1)
    kept = (action == int(Action.STATE)) | (rate != 0.0)
    offsets = np.concatenate([[0], np.cumsum(kept.reshape(count, -1).sum(axis=1))])
    time = np.repeat(begins, 2 * size)
    return Schedule(offsets, time[kept], action[kept], target[kept], amount[kept], rate[kept])


def _reached(batch: Batch, n: int, stretch: Stretch) -> Reached | None:
    """What the engine made of a stretch; None where it gave up or a value is not finite."""
    status = batch.status[n]
    if status not in {_OK, _EVENT, _ENDLESS}:
        return None
    time = stretch.end if status == _OK else float(batch.failure_times[n])
    outputs = batch.values[n, : int(np.searchsorted(stretch.asked, time))]
    state = batch.end_states[n].copy()
    if not (np.isfinite(outputs).all() and np.isfinite(state).all()):
        return None
    known, now = batch.triggers[n] != 0.0
    words = ENDLESS if status == _ENDLESS else "ok"
    return Reached(time, state, outputs, known, now if status == _EVENT else None, words)
