"""Exposure of many replicates of a trial arm: chunks of whole replicates on any executor, reduced on the worker.

A replicate's numbers come from its own generator, so they depend neither on the chunk nor on the workers; what comes
back of a chunk is the trough's percentiles and the share in the window of each replicate, never the histories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import Execution, spawn_generators, split_chunks
from limus.trial.design.treatment import DrugPlan
from limus.trial.exposure.draws import ReplicateDraws
from limus.trial.exposure.simulate import simulate_exposure

__all__ = ["ArmTask", "ReplicateTroughs", "simulate_replicates"]

Floats = NDArray[np.float64]
STREAM = "exposure replicates"
_CHUNK_SUBJECTS = 16_384  # of whole replicates: bounds memory, and fills the processor's cache


@dataclass(frozen=True, eq=False)
class ArmTask:
    """What every replicate of an arm simulates.

    Attributes
    ----------
    plan : DrugPlan
    columns : mapping of str to (N,) array
        The cohort of one replicate; the same in all.
    visit_days : tuple of float
    companions, overrides : tuple of str
    with_area : bool
    """

    plan: DrugPlan
    columns: Mapping[str, Floats]
    visit_days: tuple[float, ...]
    companions: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    with_area: bool = True


@dataclass(frozen=True, eq=False)
class ReplicateTroughs:
    """Summary of R replicates at V visits.

    Attributes
    ----------
    visit_day : (V,) array
    percentiles : (R, 3, V) array
        P10, median and P90 of the measured levels, ng/mL; NaN where none was measured.
    within : (R, V) array
        Share of the measured levels inside the window of the visit before, 0 to 1.
    mean_dose_mg_per_day : (R, V) array
    """

    visit_day: Floats
    percentiles: Floats
    within: Floats
    mean_dose_mg_per_day: Floats


@dataclass(frozen=True, eq=False)
class _Chunk:
    task: ArmTask
    seed: int
    replicates: tuple[int, ...]


def simulate_replicates(
    task: ArmTask, replicates: int, *, execution: Execution | None = None, chunk_subjects: int = _CHUNK_SUBJECTS
) -> ReplicateTroughs:
    """Simulate replicates of an arm and summarise the troughs of each.

    Parameters
    ----------
    task : ArmTask
    replicates : int
        1 or more.
    execution : Execution, optional
        Seed, workers or executor, progress.
    chunk_subjects : int
        Subjects at once, at least one replicate; results do not depend on it.

    Returns
    -------
    ReplicateTroughs

    Raises
    ------
    ValueRangeError
        No replicate, or columns of different length.
    InputError, RefusedError
        As :func:`limus.trial.exposure.simulate.simulate_exposure`.
    CancelledError
        The execution was cancelled.
    """
    if replicates < 1:
        raise ValueRangeError("replicates", replicates, "1 or more", "ask for one at least")
    used = Execution() if execution is None else execution
    sizes = {len(np.asarray(values)) for values in task.columns.values()}
    if len(sizes) != 1:
        raise ValueRangeError("cohort columns", f"lengths {sorted(sizes)}", "one length", "correct the columns")
    each = max(1, chunk_subjects // max(sizes.pop(), 1))
    chunks = [_Chunk(task, used.seed, part) for part in split_chunks(range(replicates), each)]
    parts = used.map(_run_chunk, chunks, label=f"exposure to {task.plan.compound}")
    return ReplicateTroughs(
        np.asarray(task.visit_days),
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
    )


def _run_chunk(chunk: _Chunk) -> tuple[Floats, Floats, Floats]:
    task, places = chunk.task, chunk.replicates
    generators = _generators(chunk.seed, places)
    count = len(places)
    columns = {name: np.tile(np.asarray(values), count) for name, values in task.columns.items()}
    history = simulate_exposure(
        task.plan,
        columns,
        task.visit_days,
        ReplicateDraws(generators),
        companions=task.companions,
        overrides=task.overrides,
        with_area=task.with_area,
    )
    visits = len(task.visit_days)
    levels = history.trough_measured_ng_per_ml.reshape(count, -1, visits)
    percentiles = np.full((count, 3, visits), np.nan)
    within = np.full((count, visits), np.nan)
    for v in range(visits):
        known = levels[:, :, v]
        some = ~np.isnan(known).all(axis=1)
        if not some.any():
            continue
        percentiles[some, :, v] = np.nanpercentile(known[some], [10, 50, 90], axis=1).T
        window = task.plan.window_at(float(task.visit_days[max(v - 1, 0)]))
        if window is not None:
            inside = (known >= window.low_ng_per_ml) & (known <= window.high_ng_per_ml)
            within[some, v] = inside[some].sum(axis=1) / (~np.isnan(known[some])).sum(axis=1)
    doses = history.dose_mg_per_day.reshape(count, -1, visits).mean(axis=1)
    return percentiles, within, doses


def _generators(seed: int, places: Sequence[int]) -> list[np.random.Generator]:
    """Generators of consecutive replicates."""
    return spawn_generators(seed, max(places) + 1, stream=STREAM)[min(places) :]
