"""``limus potency``: the simulated potency of a drug in a culture, with an interval from the fit's uncertainty."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
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
from limus.signalling.blood_level import BloodMap
from limus.signalling.culture import Culture, drugs_of, run_responses
from limus.signalling.model_library import load_model
from limus.signalling.observations import Potency, load_potencies
from limus.signalling.potency import CurveSummary, concentration_grid, summarise_curve
from limus.signalling.sourced_model import SourcedModel, draw_fitted
from limus.workflows.culture_request import CultureRequest, set_up_culture
from limus.workflows.request import open_run

__all__ = ["Curve", "PotencyRequest", "PotencyResult", "require_modelled", "run", "simulate_curves"]

_WITH_INTERVAL = ("ic50_absolute_nM", "ic50_relative_nM", "hill", "max_inhibition_fraction")
LOWEST_NM, HIGHEST_NM, PER_DECADE = 1e-4, 1e4, 4
INTERVAL = (5.0, 95.0)
_FLAT = 0.3


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
        ``max_inhibition_fraction``; NaN where fewer than half of the draws have it.
    """

    concentrations: NDArray[np.float64]
    percent: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    summary: CurveSummary
    intervals: Mapping[str, tuple[float, float]]

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
    fixed: Collection[str] = (),
    blood: BloodMap | None = None,
    execution: Execution,
    label: str = "",
) -> dict[str, Curve]:
    """Simulate the dose-response of several readouts with bands from the fit's covariance.

    Parameters
    ----------
    model : SourcedModel
    culture : Culture
    drug : str
    readouts : mapping of str to float
        Readout to hours from stimulus to harvest.
    draws : int
        Parameter sets drawn from the fit; 0 gives no band.
    fixed : collection of str
        Constants that are not drawn, because the user set them.
    blood : BloodMap, optional
        Where concentrations are levels in whole blood.
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
    drawn = draw_fitted(model, draws, execution.seed)
    sets = {name: values for name, values in drawn.items() if name not in fixed}
    outside = grid if blood is None else blood.plasma(grid)
    answer = run_responses(model, culture, drug, outside, readouts, parameters=sets, execution=execution, label=label)
    return {name: _curve(grid, answer.percent[name]) for name in readouts}


def _curve(grid: NDArray[np.float64], percent: NDArray[np.float64]) -> Curve:
    """The first row is at the fitted values, the others are draws."""
    draws = percent[1:]
    empty = np.full(len(grid), np.nan)
    lower, upper = (np.percentile(draws, INTERVAL, axis=0)) if len(draws) else (empty, empty)
    found = [summarise_curve(grid, row) for row in draws]
    summary = summarise_curve(grid, percent[0])
    intervals = {
        name: _interval(np.array([getattr(one, name) for one in found]))
        if math.isfinite(getattr(summary, name))
        else (math.nan, math.nan)
        for name in _WITH_INTERVAL
    }
    return Curve(grid, percent[0], lower, upper, summary, MappingProxyType(intervals))


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    reached = values[np.isfinite(values)]
    if len(values) == 0 or len(reached) * 2 < len(values):
        return math.nan, math.nan
    lower, upper = np.percentile(reached, INTERVAL)
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
        if self.curve.summary.hill < _FLAT:
            found.append(
                f"the curve is flatter than a slope of {_FLAT:g} at its IC50: small changes of the constants move it "
                "several-fold (limus sensitivity shows which)"
            )
        return tuple(found)

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; ``ci`` is the 5th and 95th percentile over the draws."""
        summary, inputs = self.curve.summary, self.culture.inputs()
        return {
            "compound": self.compound,
            "readout": self.readout,
            "stimulus": self.culture.protocol.name,
            "ic50_absolute_nM": summary.ic50_absolute_nM,
            "ic50_relative_nM": summary.ic50_relative_nM,
            "ci": list(self.curve.interval),
            "ci_level_percent": 90,
            "intervals": {name: list(pair) for name, pair in self.curve.intervals.items()},
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
            "conditions": {
                "cells_per_ml": self.culture.cells_per_ml,
                "serum_percent": self.culture.serum_percent,
                "hours": self.culture.hours,
                "add_at_hours": self.culture.add_at_hours,
                "stimulus_strength": inputs["stimulus_strength"],
                "costimulation": inputs["costimulation"],
                "cell_type": self.cell_type,
                "changed": dict(self.changed),
                "note": self.culture.protocol.note,
            },
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
        fixed=setup.changed,
        blood=setup.blood[0] if setup.blood else None,
        execution=execution,
        label=f"{compound.name} on {request.readout}",
    )
    published = [
        p
        for p in load_potencies()
        if (p.compound, p.readout, p.stimulus) == (compound.name, request.readout, culture.protocol.name)
        and p.metric in {"ic50", "range"}
    ]
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
