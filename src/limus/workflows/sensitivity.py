"""``limus sensitivity``: which constants of the model a potency depends on, one by one or all together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from limus.kernel.errors import NothingSucceededError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.provenance import Directness
from limus.kernel.tables import Table, write_parquet
from limus.molecule.catalogue import find_compound
from limus.report.figures.base import Drawing, save
from limus.report.figures.tornado import draw_tornado, draw_variance_shares
from limus.signalling.accepted_fit import library_inputs
from limus.signalling.blood_level import BLOOD, blood_map
from limus.signalling.constant_spread import MovableConstant, movable_constants
from limus.signalling.model_library import load_model
from limus.signalling.potency import CurveStatus, CurveSummary, concentration_grid
from limus.signalling.sensitivity import (
    FLAT_TAIL_FOLD,
    STEP,
    LocalEffect,
    LocalSensitivity,
    Question,
    move_one_by_one,
)
from limus.signalling.variance_sensitivity import VarianceSensitivity, most_influential, vary_together
from limus.workflows.culture_request import CultureRequest, Setup, conditions_of, set_up_culture
from limus.workflows.potency import HIGHEST_NM, LOWEST_NM, PER_DECADE, require_modelled
from limus.workflows.request import open_run

__all__ = ["SensitivityRequest", "SensitivityResult", "run"]

_LEVEL_PERCENT = 90.0
_NEAR = 3.2  # around the IC50, fold, the curve is followed closely
_CLOSE_POINTS = 17


class SensitivityRequest(CultureRequest):
    """A drug and a readout in a culture, and how the constants are moved."""

    compound: str
    readout: str
    method: Literal["local", "sobol"] = "local"
    samples: int = Field(default=256, ge=16, le=65536, description="points of the design (sobol), a power of two")
    parameters: tuple[str, ...] = Field(default=(), description="constants; by default all (local), or the strongest")
    most: int = Field(default=12, ge=1, le=40, description="constants that are varied together (sobol)")


@dataclass(frozen=True, eq=False)
class SensitivityResult:
    """What the constants do to a potency."""

    request: SensitivityRequest
    compound: str
    setup: Setup
    local: LocalSensitivity
    together: VarianceSensitivity | None
    fit_status: str
    files: dict[str, str]

    @property
    def status(self) -> str:
        """``ok``; ``half_not_reached`` and others where the largest inhibition stands for the IC50."""
        return str(self.local.base.status)

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        base, culture = self.local.base, self.setup.culture
        return {
            "compound": self.compound,
            "readout": self.request.readout,
            "stimulus": culture.protocol.name,
            "method": self.request.method,
            "response": self.local.response if self.together is None else self.together.response,
            "ic50_absolute_nM": base.ic50_absolute_nM,
            "max_inhibition_fraction": base.max_inhibition_fraction,
            **(self._local() if self.together is None else _together(self.together)),
            "status": self.status,
            "medium": self.request.medium,
            "directness": str(Directness.SIMULATED),
            "model": self.setup.model.name,
            "fit": self.fit_status,
            "seed": self.request.seed,
            "conditions": conditions_of(culture, self.request.cell_type, self.setup.changed),
            "files": self.files,
        }

    def _local(self) -> dict[str, Any]:
        effects = self.local.effects
        return {
            "step_factor": STEP,
            "flat_tail_fold": FLAT_TAIL_FOLD,
            "flat_tail": [e.constant.name for e in effects if e.flat_tail],
            "rows": [_local_row(e) for e in effects],
            "n_failed": sum(e.status != "ok" for e in effects),
        }


def _about(constant: MovableConstant) -> dict[str, Any]:
    return {
        "parameter": constant.name,
        "kind": str(constant.kind),
        "value": constant.value,
        "unit": constant.unit,
        "source": list(constant.source),
        "is_condition": constant.is_condition,
        "spread_log10_sd": constant.log10_sd,
        "spread_from": constant.spread_from,
    }


def _local_row(effect: LocalEffect) -> dict[str, Any]:
    return _about(effect.constant) | {
        "elasticity": effect.elasticity,
        "fold_up": effect.fold_up,
        "fold_down": effect.fold_down,
        "fold_spread_up": effect.fold_spread_up,
        "fold_spread_down": effect.fold_spread_down,
        "status": effect.status,
        "flat_tail": effect.flat_tail,
    }


def _together(found: VarianceSensitivity) -> dict[str, Any]:
    indices = found.indices
    rows = [
        _about(constant)
        | {
            "first_order": float(indices.first[j]),
            "first_order_ci": indices.first_interval[j].tolist(),
            "total": float(indices.total[j]),
            "total_ci": indices.total_interval[j].tolist(),
            "lower": constant.lower,
            "upper": constant.upper,
        }
        for j, constant in enumerate(found.constants)
    ]
    return {
        "rows": sorted(rows, key=lambda row: -row["total"]),
        "ci_level_percent": _LEVEL_PERCENT,
        "distribution": "each constant log-normal about its value with its spread, cut off at its bounds, independent "
        "of the others; the correlations of the fit's posterior are left out; points "
        "where a control shows no signal are left out",
        "response_percentiles": {"5": found.percentiles[0], "50": found.percentiles[1], "95": found.percentiles[2]},
        "variance": found.indices.variance,
        "sum_first_order": float(np.sum(indices.first)),
        "sets": found.sets,
        "points": indices.points,
        "without_ic50": found.without_ic50,
        "n_failed": found.failed_points,
        "failed_sets": found.failed_sets,
        "silent_sets": found.silent_sets,
    }


def run(
    request: SensitivityRequest, *, out: Path | None = None, execution: Execution | None = None
) -> SensitivityResult:
    """Find which constants a potency depends on.

    Parameters
    ----------
    request : SensitivityRequest
    out : Path, optional
        Run directory: ``results/sensitivity.parquet``, ``figures/tornado.svg``.
    execution : Execution, optional
        How to run; its seed decides the design.

    Returns
    -------
    SensitivityResult

    Raises
    ------
    UnknownNameError
        Unknown compound, readout, stimulus or constant.
    InputError
        A constant that the answer cannot depend on, or that cannot be varied.
    ValueRangeError
        A number that no culture can have, or samples that are no power of two.
    RefusedError
        The model does not contain the compound, or the culture lies outside its validity domain.
    NothingSucceededError
        The culture shows no signal, so there is no potency.
    SolveError
        The model as it is cannot be simulated.
    """
    execution = execution or Execution(seed=request.seed)
    if request.method == "sobol" and request.samples & (request.samples - 1):
        raise ValueRangeError("--samples", request.samples, "a power of two, such as 256", "take the next one")
    compound = find_compound(request.compound)
    drug = require_modelled(load_model("t_cell"), compound)
    setup = set_up_culture(request, request.readout, [drug], HIGHEST_NM)
    fixed = BLOOD if request.medium == "blood" else ()
    constants = movable_constants(setup.model, setup.culture, drug, request.parameters, fixed=fixed)
    directory = None
    if out is not None:
        directory = open_run(out, "sensitivity", request.as_dict(), execution, library_inputs(setup.model.name))
    coarse = concentration_grid(LOWEST_NM, HIGHEST_NM, PER_DECADE)
    first = move_one_by_one(_question(request, setup, drug, coarse), (), execution).base
    if first.status is CurveStatus.NO_SIGNAL:
        got = f"{request.readout} under {setup.culture.protocol.name}: control and background do not differ"
        raise NothingSucceededError("sensitivity", got, "a readout with a signal", "choose another stimulus")
    close = _question(request, setup, drug, _close_to(first, coarse))
    local = move_one_by_one(close, constants, execution)
    together = None
    if request.method == "sobol":
        chosen = constants if request.parameters else most_influential(local, request.most)
        together = vary_together(
            _question(request, setup, drug, coarse), chosen, local.base, request.samples, execution
        )
    local = LocalSensitivity(local.base, local.response, tuple(sorted(local.effects, key=_by_elasticity)))
    result = SensitivityResult(request, compound.name, setup, local, together, setup.model.fit_status, {})
    if directory is not None:
        drawing, table = _figure(result), _table(result)
        kept = directory.path / "results" / "sensitivity.parquet"
        write_parquet(table, kept)
        svg, _ = save(drawing, directory.path / "figures", "tornado")
        result.files.update(figure=str(svg), table=str(kept))
    return result


def _by_elasticity(effect: LocalEffect) -> float:
    return -math.inf if math.isnan(effect.elasticity) else -abs(effect.elasticity)


def _question(request: SensitivityRequest, setup: Setup, drug: str, grid: np.ndarray) -> Question:
    outside = blood_map(setup.model, drug).plasma(grid) if setup.in_blood else grid
    return Question(setup.model, setup.culture, drug, request.readout, grid, outside)


def _close_to(base: CurveSummary, coarse: np.ndarray) -> np.ndarray:
    """Concentrations with more of them around the IC50, so that a change by a few per cent is seen."""
    if base.status is not CurveStatus.OK:
        return coarse
    near = np.geomspace(base.ic50_absolute_nM / _NEAR, base.ic50_absolute_nM * _NEAR, _CLOSE_POINTS)
    inside = near[(near > coarse[0]) & (near < coarse[-1])]
    apart = coarse[(coarse < near[0] / 1.05) | (coarse > near[-1] * 1.05)]
    return np.sort(np.concatenate([apart, inside]))


def _table(result: SensitivityResult) -> Table:
    rows = result.as_dict()["rows"]
    flat = [
        {key: value for key, value in row.items() if not isinstance(value, list | bool)} | _ends(row) for row in rows
    ]
    return Table.from_rows(flat)


def _ends(row: dict[str, Any]) -> dict[str, float]:
    return {
        f"{kind}_{end}": row[f"{kind}_ci"][at]
        for kind in ("first_order", "total")
        if f"{kind}_ci" in row
        for at, end in enumerate(("lower", "upper"))
    }


def _figure(result: SensitivityResult) -> Drawing:
    if result.together is not None:
        answer = "log10 IC50" if result.together.response.startswith("log10") else "largest inhibition"
        return draw_variance_shares(_table(result), answer=answer, level_percent=_LEVEL_PERCENT)
    ranked = sorted(result.local.effects, key=lambda effect: -effect.influence)
    table = Table.from_rows(
        {
            "parameter": effect.constant.name,
            "kind": str(effect.constant.kind),
            "elasticity": effect.elasticity,
            "fold_spread_down": effect.fold_spread_down,
            "fold_spread_up": effect.fold_spread_up,
            "spread_factor": 10.0**effect.constant.log10_sd,
        }
        for effect in ranked
    )
    answer = "IC50" if result.local.response == "ic50_absolute_nM" else "largest inhibition"
    return draw_tornado(table, answer=answer)
