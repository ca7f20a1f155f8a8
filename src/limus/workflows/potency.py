"""``limus potency``: the simulated potency of a drug in a culture, with an interval from the fit's uncertainty."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.errors import RefusedError
from limus.kernel.execution import Execution
from limus.kernel.provenance import Directness, Kind
from limus.kernel.tables import Table, write_parquet
from limus.molecule.catalogue import find_compound
from limus.molecule.compound import Compound
from limus.signalling.accepted_fit import library_inputs
from limus.signalling.blood_level import blood_map
from limus.signalling.culture import Culture, drugs_of, run_responses
from limus.signalling.model_library import load_model
from limus.signalling.observations import Potency, load_potencies
from limus.signalling.potency import FLAT_HILL, CurveSummary, concentration_grid, summarise_curve
from limus.signalling.sourced_model import SourcedModel, draw_fitted
from limus.workflows.culture_request import CultureRequest, conditions_of, set_up_culture
from limus.workflows.request import open_run

__all__ = ["Curve", "PotencyRequest", "PotencyResult", "require_modelled", "run", "simulate_curves"]

_WITH_INTERVAL = ("ic50_absolute_nM", "ic50_relative_nM", "hill", "max_inhibition_fraction")
LOWEST_NM, HIGHEST_NM, PER_DECADE = 1e-4, 1e4, 4
INTERVAL = (5.0, 95.0)


class PotencyRequest(CultureRequest):
    """A drug and a readout in a culture."""

    compound: str
    readout: str
    draws: int = Field(default=40, ge=0, le=1000, description="parameter sets drawn for the interval")


@dataclass(frozen=True, eq=False)
class Curve:
    """A simulated dose-response of one readout with its band.

    Attributes
    ----------
    concentrations : (C,) array
        nM.
    percent : (C,) array
        Of control, at the fitted values.
    lower, upper : (C,) array
        5th and 95th percentile over the draws; NaN without draws.
    summary : CurveSummary
    intervals : mapping of str to tuple of float
        5th and 95th percentile over the draws of ``ic50_absolute_nM``, ``ic50_relative_nM``, ``hill`` and
        ``max_inhibition_fraction``; NaN where fewer than half of the draws have it. Draws that do not reach half are
        infinite among absolute IC50s, so that its upper end is infinite where more than 5 % do not.
    draws_by_status : mapping of str to int
        How many draws have each status.
    """

    concentrations: NDArray[np.float64]
    percent: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    summary: CurveSummary
    intervals: Mapping[str, tuple[float, float]]
    draws_by_status: Mapping[str, int]

    @property
    def interval(self) -> tuple[float, float]:
        """That of the absolute IC50, nM."""
        return self.intervals["ic50_absolute_nM"]


def require_modelled(model: SourcedModel, compound: Compound) -> str:
    """Return the model's name of a compound.

    Parameters
    ----------
    model : SourcedModel
    compound : Compound

    Returns
    -------
    str

    Raises
    ------
    RefusedError
        The model does not contain the compound.
    """
    if compound.name not in drugs_of(model):
        raise RefusedError(
            f"compound in model {model.name}",
            compound.name,
            ", ".join(drugs_of(model)),
            "the library has no binding constants that would put it into the model; nothing is substituted",
        )
    return compound.name


def simulate_curves(
    model: SourcedModel,
    culture: Culture,
    drug: str,
    readouts: Mapping[str, float],
    *,
    draws: int,
    in_blood: bool = False,
    execution: Execution,
    label: str = "",
) -> dict[str, Curve]:
    """Simulate the dose-response of several readouts with bands from the fit's covariance.

    Parameters
    ----------
    model : SourcedModel
    culture : Culture
        What it overrides is not drawn.
    drug : str
    readouts : mapping of str to float
        Readout to hours from stimulus to harvest.
    draws : int
        Parameter sets drawn from the fit; 0 gives no band.
    in_blood : bool
        Whether concentrations are levels in whole blood; each draw has its own uptake.
    execution : Execution
        Its seed decides the draws.
    label : str
        Shown by the progress.

    Returns
    -------
    dict of str to Curve

    Raises
    ------
    SolveError
        A simulation failed.
    """
    grid = concentration_grid(LOWEST_NM, HIGHEST_NM, PER_DECADE)
    sets = draw_fitted(model, draws, execution.seed, fixed=culture.overrides)
    outside = blood_map(model, drug, sets).plasma(grid) if in_blood else grid
    answer = run_responses(model, culture, drug, outside, readouts, parameters=sets, execution=execution, label=label)
    return {name: _curve(grid, answer.percent[name]) for name in readouts}


def _curve(grid: NDArray[np.float64], percent: NDArray[np.float64]) -> Curve:
    """The first row is at the fitted values, the others are draws."""
    draws = percent[1:]
    empty = np.full(len(grid), np.nan)
    lower, upper = (np.percentile(draws, INTERVAL, axis=0)) if len(draws) else (empty, empty)
    found = [summarise_curve(grid, row) for row in draws]
    summary = summarise_curve(grid, percent[0])
    drawn = {name: np.array([getattr(one, name) for one in found]) for name in _WITH_INTERVAL}
    drawn["ic50_absolute_nM"] = np.array([one.ic50_or_bound_nM for one in found])
    intervals = {
        name: _interval(values) if math.isfinite(getattr(summary, name)) else (math.nan, math.nan)
        for name, values in drawn.items()
    }
    by_status = Counter(str(one.status) for one in found)
    return Curve(grid, percent[0], lower, upper, summary, MappingProxyType(intervals), MappingProxyType(by_status))


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Percentiles over what is no NaN, where half of the draws have a number."""
    if len(values) == 0 or np.isfinite(values).sum() * 2 < len(values):
        return math.nan, math.nan
    known = np.sort(values[~np.isnan(values)])
    if np.isinf(known[math.ceil(INTERVAL[1] / 100.0 * (len(known) - 1) - 1e-9)]):  # the upper one of its neighbours
        return float(np.percentile(known, INTERVAL[0])), math.inf
    lower, upper = np.percentile(known, INTERVAL)
    return float(lower), float(upper)


@dataclass(frozen=True, eq=False)
class PotencyResult:
    """A simulated potency, what was measured under the same stimulus, and what is only recalled or quoted."""

    compound: str
    readout: str
    culture: Culture
    curve: Curve
    draws: int
    seed: int
    model: str
    fit_status: str
    cell_type: str
    medium: str
    changed: Mapping[str, float]
    molar_mass_g_per_mol: float
    measured: tuple[Potency, ...]
    unverified: tuple[Potency, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the number doubtful."""
        found = []
        if self.curve.summary.is_flat:
            found.append(
                f"the curve is flatter than a slope of {FLAT_HILL:g} at its IC50: small changes of the constants move "
                "it several-fold (limus sensitivity shows which)"
            )
        return tuple(found)

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; ``ci`` is the 5th and 95th percentile over the draws."""
        summary = self.curve.summary
        return {
            "compound": self.compound,
            "readout": self.readout,
            "stimulus": self.culture.protocol.name,
            "ic50_absolute_nM": summary.ic50_absolute_nM,
            "ic50_relative_nM": summary.ic50_relative_nM,
            "ci": list(self.curve.interval),
            "ci_level_percent": 90,
            "intervals": {name: list(pair) for name, pair in self.curve.intervals.items()},
            "draws_by_status": dict(self.curve.draws_by_status),
            "medium": self.medium,
            "ic50_absolute_ng_per_mL": summary.ic50_absolute_nM * self.molar_mass_g_per_mol / 1000.0,
            "hill": summary.hill,
            "max_inhibition_fraction": summary.max_inhibition_fraction,
            "status": str(summary.status),
            "warnings": list(self.warnings),
            "directness": str(Directness.SIMULATED),
            "model": self.model,
            "fit": self.fit_status,
            "draws": self.draws,
            "seed": self.seed,
            "conditions": conditions_of(self.culture, self.cell_type, self.changed),
            "measured": [_published(p) for p in self.measured],
            "unverified": [_published(p) for p in self.unverified],
        }


def _published(p: Potency) -> dict[str, Any]:
    return {
        "id": p.id,
        "printed": p.printed,
        "value_nM": p.centre_nM,
        "kind": str(p.kind),
        "source": list(p.source),
        "cells": p.cells,
    }


def _published_for(compound: str, request: PotencyRequest) -> list[Potency]:
    """What was published under this stimulus, unless the question is of blood, washed cells or another stimulus."""
    other = (request.wash_at, request.strength, request.costimulation)
    if request.medium == "blood" or any(value is not None for value in other):
        return []
    asked = (compound, request.readout, request.stimulus)
    return [
        p for p in load_potencies() if (p.compound, p.readout, p.stimulus) == asked and p.metric in {"ic50", "range"}
    ]


def run(request: PotencyRequest, *, out: Path | None = None, execution: Execution | None = None) -> PotencyResult:
    """Simulate a potency.

    Parameters
    ----------
    request : PotencyRequest
    out : Path, optional
        Run directory; the curve is kept in ``results/curve.parquet``.
    execution : Execution, optional
        How to run; the request's seed is used.

    Returns
    -------
    PotencyResult

    Raises
    ------
    UnknownNameError
        Unknown compound, readout or stimulus.
    ValueRangeError
        A number that no culture can have.
    RefusedError
        The model does not contain the compound, or the culture lies outside its validity domain.
    SolveError
        A simulation failed.
    """
    execution = execution or Execution(seed=request.seed)
    compound = find_compound(request.compound)
    drug = require_modelled(load_model("t_cell"), compound)
    setup = set_up_culture(request, request.readout, [drug], HIGHEST_NM)
    model, culture = setup.model, setup.culture
    directory = (
        open_run(out, "potency", request.as_dict(), execution, library_inputs(model.name)) if out is not None else None
    )
    curves = simulate_curves(
        model,
        culture,
        drug,
        {request.readout: culture.hours},
        draws=request.draws,
        in_blood=setup.in_blood,
        execution=execution,
        label=f"{compound.name} on {request.readout}",
    )
    published = _published_for(compound.name, request)
    result = PotencyResult(
        compound=compound.name,
        readout=request.readout,
        culture=culture,
        curve=curves[request.readout],
        draws=request.draws,
        seed=request.seed,
        model=model.name,
        fit_status=model.fit_status,
        cell_type=request.cell_type,
        medium=request.medium,
        changed=setup.changed,
        molar_mass_g_per_mol=compound.molar_mass_g_per_mol,
        measured=tuple(p for p in published if p.kind is Kind.MEASURED),
        unverified=tuple(p for p in published if p.kind is not Kind.MEASURED),
    )
    if directory is not None:
        curve = result.curve
        table = Table.create(
            {
                "concentration_nM": curve.concentrations,
                "response_percent": curve.percent,
                "lower_percent": curve.lower,
                "upper_percent": curve.upper,
            }
        )
        write_parquet(table, directory.path / "results" / "curve.parquet")
    return result
