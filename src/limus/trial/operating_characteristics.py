"""Operating characteristics of a design: power, type I error, bias and coverage over replicates, with their errors.

Replicates are simulated in chunks, each replicate from its own generator, so that neither the size of a chunk nor the
number of workers changes a number. A chunk returns a few numbers a replicate and analysis; subjects stay on the worker.

Each simulated figure has its Monte Carlo standard error (Morris, White and Crowther 2019, Stat Med 38:2074, table 6):
``sqrt(p (1 - p) / R)`` of a share, ``sd / sqrt(R)`` of a bias, ``sd / sqrt(2 (R - 1))`` of an empirical error.
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
from limus.trial.arm_factors import Reference, average_risks, true_values
from limus.trial.design import Analysis, AnalysisMethod, Design, EndpointKind, Hypothesis
from limus.trial.design_checks import allocation_ratio
from limus.trial.hazard_library import KIDNEY_VALUES
from limus.trial.replicate_analyses import FAILED, FALLBACK, analyse_replicates
from limus.trial.replicate_draws import replicate_generators
from limus.trial.replicates import SimulatedTrial, simulate_replicates
from limus.trial.scenario import Scenario

__all__ = [
    "ArmSummary",
    "Characteristics",
    "ChunkTask",
    "run_replicates",
    "simulate_chunk",
    "summarise",
    "summarise_allocation",
    "true_effect",
]

Floats = NDArray[np.float64]
STREAM = "trial power"
SUBJECTS_AT_ONCE = 8000
_FIELDS = ("estimate", "standard_error", "low", "high", "shown", "status")


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


@dataclass(frozen=True, slots=True)
class Characteristics:
    """How one analysis does over R replicates.

    Attributes
    ----------
    analysis : str
    replicates : int
    shown_fraction, shown_mcse : float
        Share of replicates that show the hypothesis: power, or type I error under a null.
    truth : float
        True effect; NaN where it has no closed form here (hazard ratios).
    mean_estimate, bias, bias_mcse : float
    empirical_se, empirical_se_mcse, model_se : float
        Standard deviation of the estimates, and the root mean square of their standard errors.
    coverage_fraction, coverage_mcse : float
        Of the interval at the analysis' own level.
    coverage_level_percent : float
    not_converged, unstratified : int
        Replicates without a result (they count as not shown), and those analysed without strata.
    """

    analysis: str
    replicates: int
    shown_fraction: float
    shown_mcse: float
    truth: float
    mean_estimate: float
    bias: float
    bias_mcse: float
    empirical_se: float
    empirical_se_mcse: float
    model_se: float
    coverage_fraction: float
    coverage_mcse: float
    coverage_level_percent: float
    not_converged: int
    unstratified: int


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """Mean over replicates of what an arm shows, with its Monte Carlo standard error; percentages 0 to 100."""

    arm: str
    quantity: str
    unit: str
    mean: float
    mcse: float


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
        As :func:`limus.trial.replicates.simulate_replicates`.
    """
    generators = replicate_generators(task.seed, task.first, task.last, stream=STREAM)
    trial = simulate_replicates(
        task.design,
        task.scenario,
        generators,
        subjects=task.subjects,
        arm_factors=task.arm_factors,
        visit_windows=False,
        with_area=False,
        with_laboratory=_needs_laboratory(task.design),
    )
    analyses = {}
    for name in task.analyses:
        found = analyse_replicates(trial, _named(task.design, name))
        analyses[name] = {field: _listed(getattr(found, field)) for field in _FIELDS}
    return {
        "first": task.first,
        "last": task.last,
        "analyses": analyses,
        "arms": _arm_means(trial),
        "allocation": _allocation(trial),
    }


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


def summarise(
    design: Design, chunks: Sequence[Mapping[str, Any]], truths: Mapping[str, float]
) -> tuple[tuple[Characteristics, ...], tuple[ArmSummary, ...]]:
    """Reduce chunks to operating characteristics.

    Parameters
    ----------
    design : Design
    chunks : sequence of mapping
        From :func:`run_replicates`.
    truths : mapping of str to float
        True effect of each analysis; NaN where unknown.

    Returns
    -------
    tuple of (tuple of Characteristics, tuple of ArmSummary)
    """
    characteristics = []
    for name in chunks[0]["analyses"]:
        joined = {field: _joined(chunks, name, field) for field in _FIELDS}
        characteristics.append(_characterise(_named(design, name), joined, truths.get(name, math.nan)))
    return tuple(characteristics), _summarise_arms(design, chunks)


def _joined(chunks: Sequence[Mapping[str, Any]], name: str, field: str) -> Floats:
    values = [value for chunk in chunks for value in chunk["analyses"][name][field]]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _characterise(analysis: Analysis, found: Mapping[str, Floats], truth: float) -> Characteristics:
    count = len(found["shown"])
    shown = float(found["shown"].mean())
    usable = np.isfinite(found["estimate"])
    estimates, errors = found["estimate"][usable], found["standard_error"][usable]
    number = len(estimates)
    spread = float(estimates.std(ddof=1)) if number > 1 else math.nan
    covered = (found["low"] <= truth) & (truth <= found["high"])
    coverage = float(covered[usable].mean()) if number and math.isfinite(truth) else math.nan
    two_sided = 2 * analysis.alpha if analysis.hypothesis is Hypothesis.NON_INFERIORITY else analysis.alpha
    mean = float(estimates.mean()) if number else math.nan
    return Characteristics(
        analysis=analysis.name,
        replicates=count,
        shown_fraction=shown,
        shown_mcse=math.sqrt(shown * (1 - shown) / count),
        truth=truth,
        mean_estimate=mean,
        bias=mean - truth,
        bias_mcse=spread / math.sqrt(number) if number > 1 else math.nan,
        empirical_se=spread,
        empirical_se_mcse=spread / math.sqrt(2 * (number - 1)) if number > 1 else math.nan,
        model_se=float(np.sqrt((errors**2).mean())) if number else math.nan,
        coverage_fraction=coverage,
        coverage_mcse=math.sqrt(coverage * (1 - coverage) / number) if number else math.nan,
        coverage_level_percent=100 * (1 - two_sided),
        not_converged=int((found["status"] == FAILED).sum()),
        unstratified=int((found["status"] == FALLBACK).sum()),
    )


def _summarise_arms(design: Design, chunks: Sequence[Mapping[str, Any]]) -> tuple[ArmSummary, ...]:
    rows = []
    for quantity in chunks[0]["arms"]:
        unit = "percent" if " by day " in quantity else "mL/min/1.73m2" if quantity.startswith("eGFR") else "ng/mL"
        for number, arm in enumerate(design.arms):
            listed = [value for chunk in chunks for value in chunk["arms"][quantity][number]]
            values = np.array([np.nan if value is None else value for value in listed], dtype=np.float64)
            values = values[np.isfinite(values)]
            if not len(values):
                continue
            mcse = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
            rows.append(ArmSummary(arm.name, quantity, unit, float(values.mean()), mcse))
    return tuple(rows)


def summarise_allocation(chunks: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Reduce the measures of the allocation: mean over replicates, its Monte Carlo standard error, and the largest.

    Parameters
    ----------
    chunks : sequence of mapping
        From :func:`run_replicates`.

    Returns
    -------
    dict of str to dict
        ``imbalance`` and ``imbalance_within_strata`` in units of the ratio; ``guess_fraction``.
    """
    found = {}
    for name in chunks[0]["allocation"]:
        values = np.array([value for chunk in chunks for value in chunk["allocation"][name]])
        mcse = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
        found[name] = {"mean": float(values.mean()), "mcse": mcse, "largest": float(values.max())}
    return found


def true_effect(reference: Reference, analysis: Analysis) -> float:
    """Return the effect that an analysis estimates, test minus reference, on a reference cohort.

    Parameters
    ----------
    reference : Reference
    analysis : Analysis

    Returns
    -------
    float
        NaN for ratios, for composites with a value, and where protocol biopsies count.
    """
    design = reference.trial.design
    endpoint = design.endpoint_named(analysis.endpoint)
    names = [arm.name for arm in design.arms]
    test, control = names.index(analysis.test_arm), names.index(analysis.reference_arm)
    if endpoint.kind is EndpointKind.VALUE:
        values = true_values(reference, endpoint)
        return float(values[test] - values[control])
    ratios = {AnalysisMethod.LOG_RANK, AnalysisMethod.COX, AnalysisMethod.RESTRICTED_MEAN}
    if analysis.method in ratios or endpoint.variable or "subclinical rejection" in endpoint.events:
        return math.nan
    competing = analysis.method is not AnalysisMethod.KAPLAN_MEIER_DIFFERENCE
    risks = average_risks(reference, list(endpoint.events), endpoint.day, competing=competing)
    return float(risks[test] - risks[control])
