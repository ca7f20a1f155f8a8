"""What the commands of drug monitoring have in common: their request, the tables for each model, the estimates."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.patient.estimate import EstimateOptions, PatientEstimate
from limus.patient.model_choice import with_carry, with_occasion_factor
from limus.patient.patient_table import PatientFile, PatientTable, check_overrides, read_patients
from limus.patient.residual_choice import describe_residual, with_residual_choice
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.workflows.request import Request

__all__ = [
    "NOTICE",
    "MonitoringRequest",
    "Source",
    "choices_in_words",
    "estimate_options",
    "findings_once",
    "model_as_dict",
    "read_sources",
]

Floats = NDArray[np.float64]
NOTICE = "Research use only; not for diagnosis, treatment or dosing."


class MonitoringRequest(Request):
    """Event table and models; limits of the models hold unless an override is named."""

    files: tuple[str, ...] = Field(min_length=1)
    models: tuple[str, ...] = Field(min_length=1)
    units: tuple[str, ...] = ()
    settings: tuple[str, ...] = Field(default=(), description="covariates and limits that hold for all, as NAME=value")
    columns: tuple[str, ...] = Field(default=(), description="covariates made of columns, as NAME=formula")
    overrides: tuple[str, ...] = ()
    occasions: str = Field(default="column", description="column (OCC), or gap:H")
    residual: str = Field(default="model", description="model, additive, proportional, one with :SD, or a name")
    carry: str | None = Field(default=None, description="rule for covariates between rows; each model's own by default")
    occasion_factor: float = Field(default=1.0, gt=0, description="of the standard deviations between occasions")
    assay_sd: float = Field(default=0.0, ge=0, description="further standard deviation, in the unit of DV")
    assay_cv: float = Field(default=0.0, ge=0, description="further coefficient of variation, per cent")
    time_sd: float = Field(default=0.0, ge=0, description="standard deviation of sampling times, minutes")
    recency: float | None = Field(default=None, gt=0, description="half-life of a level's weight, days")
    last_occasions: int | None = Field(default=None, ge=1, description="use levels of so many occasions only")
    starts: int = Field(default=16, ge=1, le=1000)
    draws: int = Field(default=1000, ge=20, le=100_000)
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Source:
    """A model with the residual error that was asked for, and its table."""

    model: PopulationModel
    patients: PatientTable


def read_sources(request: MonitoringRequest, *, subjects: tuple[str, ...] = ()) -> tuple[Source, ...]:
    """Read the table for each model.

    Parameters
    ----------
    request : MonitoringRequest
    subjects : tuple of str
        IDs wanted; all by default.

    Returns
    -------
    tuple of Source

    Raises
    ------
    InputError
        Models of different drugs or units of levels, or a table that is wrong.
    RefusedError
        A covariate outside a model's limits that is not overridden.
    """
    models = [_model(name, request) for name in request.models]
    first = models[0]
    for model in models[1:]:
        if (model.drug, model.units.DV, model.matrix) != (first.drug, first.units.DV, first.matrix):
            got = f"{model.name} ({model.drug}, {model.units.DV}, {model.matrix})"
            allowed = f"{first.drug} in {first.units.DV}, {first.matrix}, as {first.name}"
            raise InputError("--model", got, allowed, "ask for models of one drug")
    twice = [name for name in request.models if request.models.count(name) > 1]
    if twice:
        raise InputError("--model", f"{twice[0]} twice", "each model once", "leave one out")
    file = PatientFile(
        paths=tuple(Path(path) for path in request.files),
        units=request.units,
        settings=_settings(request.settings),
        columns=request.columns,
        overrides=request.overrides,
        occasions=request.occasions,
        subjects=subjects,
    )
    check_overrides(models, file)
    return tuple(Source(model, read_patients(model, file)) for model in models)


def _model(name: str, request: MonitoringRequest) -> PopulationModel:
    model = with_carry(load_population_model(name), request.carry)
    return with_residual_choice(with_occasion_factor(model, request.occasion_factor), request.residual)


def _settings(texts: Sequence[str]) -> dict[str, float | str]:
    """Numbers, and words for limits such as the formulation."""
    found: dict[str, float | str] = {}
    for text in texts:
        match = re.fullmatch(r"\s*(\w+)\s*=\s*(\S.*?)\s*", text)
        if match is None:
            do = "limus pk show lists covariates and limits"
            raise InputError("--set", text, "NAME=number, in the covariate's unit, or NAME=words for a limit", do)
        try:
            value: float | str = float(match[2])
        except ValueError:
            value = match[2]
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError("--set", text, "a finite number", "correct it")
        found[match[1]] = value
    return found


def estimate_options(request: MonitoringRequest) -> EstimateOptions:
    """Turn a request into the options of an estimate: h, fractions."""
    return EstimateOptions(
        assay_sd=request.assay_sd,
        assay_cv=request.assay_cv / 100.0,
        time_sd_h=request.time_sd / 60.0,
        recency_half_life_h=None if request.recency is None else 24.0 * request.recency,
        starts=request.starts,
        draws=request.draws,
        seed=request.seed,
    )


def findings_once(sources: Sequence[Source], more: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """Return the findings of all tables, each once, the grave ones first, and limits before the rest."""
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
    every = [finding for source in sources for finding in source.patients.table.findings]
    limits = [finding for finding in every if finding.check == "validity-limit"]
    once = dict.fromkeys([*more, *limits, *every])
    return tuple(sorted(once, key=lambda finding: order[finding.severity]))


def choices_in_words(request: MonitoringRequest) -> tuple[str, ...]:
    """Say what a request changes about the models and the levels; nothing where it changes nothing."""
    said = []
    if request.residual != "model":
        said.append(f"residual error {request.residual}")
    if request.assay_sd:
        said.append(f"an assay's standard deviation of {request.assay_sd:g}, in the unit of the levels, added")
    if request.assay_cv:
        said.append(f"an assay's coefficient of variation of {request.assay_cv:g} % added")
    if request.time_sd:
        said.append(f"sampling times uncertain by {request.time_sd:g} min (standard deviation)")
    if request.recency is not None:
        said.append(f"a level counts half after {request.recency:g} days")
    if request.last_occasions is not None:
        count = request.last_occasions
        said.append(f"levels of the last {'occasion' if count == 1 else f'{count} occasions'} with levels only")
    if request.carry is not None:
        said.append(f"covariates carried by the rule {request.carry.replace('_', ' ')}")
    if request.occasion_factor != 1.0:
        said.append(f"standard deviations between occasions times {request.occasion_factor:g}")
    if request.occasions != "column":
        said.append(f"occasions by the rule {request.occasions}")
    return tuple(said)


def model_as_dict(estimate: PatientEstimate, weight: float, subject: int = 0) -> dict[str, Any]:
    """What one model says of one patient, as JSON holds it.

    Parameters
    ----------
    estimate : PatientEstimate
        With draws.
    weight : float
        In the average.
    subject : int

    Returns
    -------
    dict
        Effects between subjects by name, those of occasions as ``name[1]``, ``name[2]``, ...
    """
    modes, draws, space = estimate.modes, estimate.draws, estimate.posterior.prediction.space
    sd = np.sqrt(np.einsum("kk->k", modes.covariance[subject]))
    left = estimate.shrinkage_percent[subject]
    second = None
    if np.isfinite(modes.second_objective[subject]):
        lower = modes.second_objective[subject] - modes.objective[subject]
        second = {
            "eta": dict(zip(space.names, modes.second[subject].tolist(), strict=True)),
            "relative_height": float(np.exp(-0.5 * lower)),
        }
    assert draws is not None
    return {
        "model": estimate.model.name,
        "weight": weight,
        "status": modes.status[subject],
        "eta": dict(zip(space.names, modes.effects[subject].tolist(), strict=True)),
        "eta_sd": dict(zip(space.names, sd.tolist(), strict=True)),
        "prior_sd": dict(zip(space.names, np.sqrt(np.diag(space.covariance)).tolist(), strict=True)),
        "prior_variance_left_percent": dict(zip(space.names, left.tolist(), strict=True)),
        "residual": describe_residual(estimate.model),
        "objective": float(modes.objective[subject]),
        "log_marginal": float(draws.log_marginal[subject]),
        "log_marginal_error": float(draws.log_marginal_error[subject]),
        "effective_draws": float(draws.effective[subject]),
        "draws": int(draws.drawn[subject]),
        "second_mode": second,
    }


def progress_over(sources: Sequence[Source], execution: Execution, label: str) -> Any:
    """Yield each source, showing how far the work has come."""
    execution.progress.start(label, len(sources))
    try:
        for source in sources:
            yield source
            execution.progress.advance()
    finally:
        execution.progress.finish()
