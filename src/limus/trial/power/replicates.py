"""Many replicates of a design: simulated and analysed in chunks on any executor, kept as they finish.

Each replicate has its own generator, so neither the size of a chunk nor the number of workers changes a number. It is
simulated with its visit windows and analysed as its data sets would be. A chunk returns a few numbers a replicate and
analysis; subjects stay on the worker.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution, RunDirectory, split_chunks
from limus.kernel.statistics.allocation import guess_probability, imbalance
from limus.trial.design.analysis_plan import AnalysisPlan, plan_of
from limus.trial.design.checks import allocation_ratio
from limus.trial.design.design import Analysis, Design
from limus.trial.design.hazard_library import KIDNEY_VALUES
from limus.trial.design.scenario import Scenario
from limus.trial.exposure.draws import replicate_generators
from limus.trial.power.analyses import analyse_replicates
from limus.trial.simulation.replicates import SimulatedTrial, simulate_replicates

__all__ = ["RESULT_FIELDS", "ChunkTask", "run_replicates", "simulate_chunk"]

Floats = NDArray[np.float64]
STREAM = "trial power"
SUBJECTS_AT_ONCE = 8000
RESULT_FIELDS = ("estimate", "standard_error", "low", "high", "shown", "status")


@dataclass(frozen=True, eq=False)
class ChunkTask:
    """What a worker needs to simulate some replicates.

    Attributes
    ----------
    design : Design
    scenario : Scenario
    analyses : tuple of str
        Names of the analyses to run.
    subjects : int
    seed : int
    first, last : int
        Replicates ``first <= r < last``.
    arm_factors : mapping of str to (A,) array
    """

    design: Design
    scenario: Scenario
    analyses: tuple[str, ...]
    subjects: int
    seed: int
    first: int
    last: int
    arm_factors: Mapping[str, Floats]


def simulate_chunk(task: ChunkTask) -> dict[str, Any]:
    """Simulate and analyse some replicates, and reduce them.

    Parameters
    ----------
    task : ChunkTask

    Returns
    -------
    dict
        JSON object: for each analysis, lists over replicates; for each quantity and arm, lists over replicates.

    Raises
    ------
    LimusError
        As :func:`limus.trial.simulation.replicates.simulate_replicates`.
    """
    generators = replicate_generators(task.seed, task.first, task.last, stream=STREAM)
    trial = simulate_replicates(
        task.design,
        task.scenario,
        generators,
        subjects=task.subjects,
        arm_factors=task.arm_factors,
        with_area=False,
        with_laboratory=_needs_laboratory(task.design),
    )
    plan = plan_of(task.design)
    analyses = {name: _analysed(trial, plan, _named(task.design, name)) for name in task.analyses}
    return {
        "first": task.first,
        "last": task.last,
        "analyses": analyses,
        "arms": _arm_means(trial),
        "allocation": _allocation(trial),
    }


def _analysed(trial: SimulatedTrial, plan: AnalysisPlan, analysis: Analysis) -> dict[str, list[Any]]:
    """Reduce one analysis to what is kept of a replicate."""
    found = analyse_replicates(trial, plan, analysis)
    kept = {field: getattr(found.compared, field) for field in RESULT_FIELDS if field != "shown"}
    return {field: _listed(values) for field, values in {**kept, "shown": found.shown}.items()}


def _listed(values: NDArray[Any]) -> list[Any]:
    return [None if isinstance(value, float) and not math.isfinite(value) else value for value in values.tolist()]


def _named(design: Design, name: str) -> Analysis:
    return next(analysis for analysis in design.analyses if analysis.name == name)


def _needs_laboratory(design: Design) -> bool:
    return any(endpoint.variable not in {"", *KIDNEY_VALUES} for endpoint in design.endpoints)


def _allocation(trial: SimulatedTrial) -> dict[str, list[float]]:
    """How far arms were out of balance, and how often the next allocation could be guessed, per replicate."""
    ratio, shape = allocation_ratio(trial.design), (trial.replicates, -1)
    arm, strata = trial.arm.reshape(shape), trial.cohort.strata.reshape(shape)
    return {
        "imbalance": _listed(imbalance(ratio, arm)),
        "imbalance_within_strata": _listed(imbalance(ratio, arm, strata)),
        "guess_fraction": _listed(guess_probability(ratio, arm, strata)),
    }


def _arm_means(trial: SimulatedTrial) -> dict[str, list[list[float]]]:
    """Events by one year and kidney function at the last visit by then: per quantity, per arm, per replicate."""
    shape = (trial.replicates, -1)
    day = min(365.0, trial.design.duration_days)
    visit = int(np.flatnonzero(trial.visit_day <= day)[-1])
    quantities = {f"{name} by day {day:g}": 100.0 * (when <= day) for name, when in trial.event_day.items()}
    quantities[f"eGFR at day {trial.visit_day[visit]:g}"] = trial.egfr[:, visit]
    for compound, history in trial.exposure.items():
        at = int(np.flatnonzero(history.visit_day <= day)[-1])
        treated = history.dose_mg_per_day[:, max(at - 1, 0)] > 0
        level = np.where(treated, history.trough_true_ng_per_ml[:, at], np.nan)
        quantities[f"{compound} trough on treatment at day {history.visit_day[at]:g}"] = level
    result = {}
    for name, values in quantities.items():
        rows = []
        for number in range(len(trial.design.arms)):
            use = ((trial.arm == number) & np.isfinite(values)).reshape(shape)
            with np.errstate(invalid="ignore", divide="ignore"):
                mean = np.where(use, values.reshape(shape), 0.0).sum(axis=1) / use.sum(axis=1)
            rows.append(_listed(mean))
        result[name] = rows
    return result


def run_replicates(
    design: Design,
    scenario: Scenario,
    *,
    replicates: int,
    analyses: Sequence[str],
    subjects: int,
    execution: Execution,
    arm_factors: Mapping[str, Floats] | None = None,
    directory: RunDirectory | None = None,
    label: str = "replicates",
) -> list[dict[str, Any]]:
    """Simulate replicates in chunks on any executor, keeping each chunk as it finishes.

    Parameters
    ----------
    design : Design
    scenario : Scenario
    replicates : int
    analyses : sequence of str
        Names in the design.
    subjects : int
        In each replicate.
    execution : Execution
        Its seed makes the generators; results do not depend on its workers.
    arm_factors : mapping of str to (A,) array, optional
    directory : RunDirectory, optional
        Where finished chunks are kept and looked for.
    label : str
        Shown by the progress, and part of the names of kept chunks.

    Returns
    -------
    list of dict
        Chunks in order.

    Raises
    ------
    LimusError
        As :func:`simulate_chunk`, or cancelled.
    """
    each = max(1, SUBJECTS_AT_ONCE // subjects)
    bounds = [(chunk[0], chunk[-1] + 1) for chunk in split_chunks(range(replicates), each)]
    names = [f"{label.replace(' ', '_')}_{first:07d}_{last:07d}" for first, last in bounds]
    kept = [None if directory is None else directory.kept_part(name) for name in names]
    missing = [k for k, part in enumerate(kept) if part is None]
    tasks = [
        ChunkTask(design, scenario, tuple(analyses), subjects, execution.seed, *bounds[k], dict(arm_factors or {}))
        for k in missing
    ]

    def keep(index: int, part: dict[str, Any]) -> None:
        if directory is not None:
            directory.part(names[missing[index]], lambda: part)

    found = execution.map(simulate_chunk, tasks, label=label, finished=keep)
    for k, part in zip(missing, found, strict=True):
        kept[k] = part
    return [part for part in kept if part is not None]
