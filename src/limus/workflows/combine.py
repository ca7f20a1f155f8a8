"""``limus combine``: two drugs on one culture, the model's surface beside Loewe additivity and Bliss independence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.kernel.provenance import Directness
from limus.kernel.tables import Table, write_parquet
from limus.molecule.catalogue import find_compound
from limus.report.figures.base import Drawing, save
from limus.report.figures.combination import draw_combination
from limus.signalling.accepted_fit import library_inputs
from limus.signalling.blood_level import blood_map
from limus.signalling.combination import Surface, combine_drugs
from limus.signalling.model_library import load_model
from limus.signalling.potency import CurveSummary
from limus.signalling.sourced_model import draw_fitted
from limus.workflows.culture_request import CultureRequest, Setup, conditions_of, set_up_culture
from limus.workflows.potency import HIGHEST_NM, require_modelled, simulate_curves
from limus.workflows.request import open_run

__all__ = ["CombineRequest", "CombineResult", "run"]

_INTERVAL = (5.0, 95.0)
_SPAN = 30.0  # the grid reaches from a thirtieth of the relative IC50 to 30 times the absolute one
_WITHOUT_IC50_NM = 10.0  # middle of the grid of a drug without an IC50
_ALIKE = 0.05  # largest difference of inhibition (fraction) that is called agreement


class CombineRequest(CultureRequest):
    """Two drugs and a readout in a culture."""

    first: str
    second: str
    readout: str
    concentrations_first: tuple[float, ...] = Field(default=(), description="nM; by default around the IC50")
    concentrations_second: tuple[float, ...] = Field(default=(), description="nM; by default around the IC50")
    points: int = Field(default=10, ge=4, le=40, description="concentrations of each drug, where none are given")
    draws: int = Field(default=20, ge=0, le=1000, description="parameter sets drawn for the intervals")


@dataclass(frozen=True, eq=False)
class CombineResult:
    """A surface with its summary; concentrations as asked."""

    request: CombineRequest
    drugs: tuple[str, str]
    setup: Setup
    surface: Surface
    alone: tuple[CurveSummary, CurveSummary]
    model: str
    fit_status: str
    files: dict[str, str]

    @property
    def table(self) -> Table:
        """One row a pair."""
        s = self.surface
        one, two = (x.ravel() for x in np.meshgrid(s.first, s.second, indexing="ij"))
        return Table.create(
            {
                "first_nM": one,
                "second_nM": two,
                "inhibition_percent": 100.0 * s.inhibition[0].ravel(),
                "loewe_percent": 100.0 * s.loewe[0].ravel(),
                "bliss_percent": 100.0 * s.bliss[0].ravel(),
                "combination_index": s.index[0].ravel(),
            }
        )

    def _over_draws(self, values: NDArray[np.float64]) -> tuple[float, float, float]:
        """Value at the fit and interval over the draws of a number for each set."""
        inside = values[1:][np.isfinite(values[1:])]
        lower, upper = np.percentile(inside, _INTERVAL) if len(inside) * 2 > len(values) - 1 else (math.nan, math.nan)
        return float(values[0]), float(lower), float(upper)

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; fractions 0 to 1, surfaces [first][second]."""
        s = self.surface
        pairs = s.inhibition[:, 1:, 1:]
        excess = {
            name: self._over_draws(np.mean(pairs - expected[:, 1:, 1:], axis=(1, 2)))
            for name, expected in (("loewe", s.loewe), ("bliss", s.bliss))
        }
        half = self._over_draws(np.array([_index_at_half(s.inhibition[k], s.index[k]) for k in range(len(pairs))]))
        return {
            "first": self.drugs[0],
            "second": self.drugs[1],
            "readout": self.request.readout,
            "stimulus": self.setup.culture.protocol.name,
            "medium": self.request.medium,
            "first_nM": s.first,
            "second_nM": s.second,
            "inhibition_fraction": s.inhibition[0],
            "loewe_fraction": s.loewe[0],
            "bliss_fraction": s.bliss[0],
            "combination_index": s.index[0],
            "alone": {
                drug: {
                    "ic50_absolute_nM": one.ic50_absolute_nM,
                    "max_inhibition_fraction": one.max_inhibition_fraction,
                    "status": str(one.status),
                }
                for drug, one in zip(self.drugs, self.alone, strict=True)
            },
            "excess_over_loewe_fraction": excess["loewe"][0],
            "excess_over_loewe_ci": list(excess["loewe"][1:]),
            "excess_over_bliss_fraction": excess["bliss"][0],
            "excess_over_bliss_ci": list(excess["bliss"][1:]),
            "combination_index_at_half": half[0],
            "combination_index_at_half_ci": list(half[1:]),
            "ci_level_percent": 90,
            "verdict_loewe": _verdict(pairs[0] - s.loewe[0, 1:, 1:]),
            "verdict_bliss": _verdict(pairs[0] - s.bliss[0, 1:, 1:]),
            "directness": str(Directness.SIMULATED),
            "model": self.model,
            "fit": self.fit_status,
            "draws": self.request.draws,
            "seed": self.request.seed,
            "conditions": conditions_of(self.setup.culture, self.request.cell_type, self.setup.changed),
            "files": self.files,
        }


def _verdict(difference: NDArray[np.float64]) -> str:
    """Word for what the model does beside an expectation, over all pairs."""
    if not np.isfinite(difference).all():
        return "no signal"
    above, below = float(difference.max()) > _ALIKE, float(difference.min()) < -_ALIKE
    words = {
        (True, True): "both",
        (True, False): "synergy",
        (False, True): "antagonism",
        (False, False): "no interaction",
    }
    return words[above, below]


def _index_at_half(inhibition: NDArray[np.float64], index: NDArray[np.float64]) -> float:
    """Median combination index of the pairs nearest to half inhibition, within 30 and 70 %."""
    near = (inhibition > 0.3) & (inhibition < 0.7) & np.isfinite(index)
    return float(np.median(index[near])) if near.any() else math.nan


def run(request: CombineRequest, *, out: Path | None = None, execution: Execution | None = None) -> CombineResult:
    """Simulate two drugs together.

    Parameters
    ----------
    request : CombineRequest
    out : Path, optional
        Run directory: ``results/surface.parquet``, ``figures/combination.svg``.
    execution : Execution, optional
        How to run; its seed decides the draws.

    Returns
    -------
    CombineResult

    Raises
    ------
    InputError
        One drug twice, or concentrations that are not positive and increasing.
    UnknownNameError
        Unknown compound, readout, stimulus or constant.
    ValueRangeError
        A number that no culture can have.
    RefusedError
        The model does not contain a compound, or the culture lies outside its validity domain.
    SolveError
        A simulation failed.
    """
    execution = execution or Execution(seed=request.seed)
    library = load_model("t_cell")
    compounds = [find_compound(name) for name in (request.first, request.second)]
    one, two = (require_modelled(library, compound) for compound in compounds)
    if one == two:
        raise InputError("drugs", f"{one} twice", "two drugs", "name another one")
    given = (request.concentrations_first, request.concentrations_second)
    highest = max([HIGHEST_NM, *given[0], *given[1]])
    setup = set_up_culture(request, request.readout, [one, two], highest)
    directory = None
    if out is not None:
        directory = open_run(out, "combine", request.as_dict(), execution, library_inputs(library.name))
    readouts = {request.readout: setup.culture.hours}
    alone = tuple(
        simulate_curves(
            setup.model,
            setup.culture,
            drug,
            readouts,
            draws=0,
            in_blood=setup.in_blood,
            execution=execution,
            label=drug,
        )[request.readout].summary
        for drug in (one, two)
    )
    levels = tuple(_levels(asked, summary, request.points) for asked, summary in zip(given, alone, strict=True))
    sets = draw_fitted(setup.model, request.draws, execution.seed, fixed=setup.culture.overrides)
    maps = [blood_map(setup.model, drug, sets) for drug in (one, two)] if setup.in_blood else []
    surface = combine_drugs(
        setup.model,
        setup.culture,
        (one, two),
        (levels[0], levels[1]),
        request.readout,
        outside=(maps[0].plasma, maps[1].plasma) if maps else None,
        parameters=sets,
        execution=execution,
    )
    result = CombineResult(
        request,
        (one, two),
        setup,
        surface,
        (alone[0], alone[1]),
        library.name,
        library.fit_status,
        {},
    )
    if directory is not None:
        drawing = _figure(result)
        write_parquet(result.table, directory.path / "results" / "surface.parquet")
        svg, _ = save(drawing, directory.path / "figures", "combination")
        result.files.update(figure=str(svg), surface=str(directory.path / "results" / "surface.parquet"))
    return result


def _figure(result: CombineResult) -> Drawing:
    culture = result.setup.culture
    said = f"{culture.protocol.short}, {culture.hours:g} h; simulated, model {result.model}, seed {result.request.seed}"
    if result.request.medium == "blood":
        said = f"levels in whole blood; {said}"
    label = result.setup.model.readout(result.request.readout).short
    return draw_combination(result.table, first=result.drugs[0], second=result.drugs[1], what=label, said=said)


def _levels(asked: tuple[float, ...], alone: CurveSummary, points: int) -> NDArray[np.float64]:
    if asked:
        values = np.array(asked)
        if not (values > 0).all() or not (np.diff(values) > 0).all() or len(values) < 2:
            got = ", ".join(f"{v:g}" for v in asked)
            raise InputError("concentrations", got, "two or more, positive and increasing, nM", "correct them")
        return values
    found = [c for c in (alone.ic50_relative_nM, alone.ic50_absolute_nM) if math.isfinite(c)] or [_WITHOUT_IC50_NM]
    return np.geomspace(min(found) / _SPAN, min(max(found) * _SPAN, HIGHEST_NM), points)
