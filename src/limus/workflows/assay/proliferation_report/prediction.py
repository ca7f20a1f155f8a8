"""Generations as predicted: read from a table, or found by the T-cell model, for the treatments of a plate.

A prediction says of each treatment what share of the cells at harvest is in each generation. It is laid over the
measured generations and changes nothing in the analysis.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from limus.assay.layout.records import LayoutWell, Role
from limus.kernel.errors import InputError, RefusedError
from limus.kernel.execution import Execution
from limus.kernel.tables import Column, read_csv
from limus.kernel.units import convert
from limus.molecule.catalogue import find_compound
from limus.signalling.culture import Culture, check_culture, drugs_of, run_culture
from limus.signalling.model_library import load_model
from limus.signalling.protocol import find_protocol
from limus.signalling.sourced_model import SourcedModel

__all__ = ["MODEL", "PredictedGenerations", "Prediction", "predict_with_model", "read_prediction"]

MODEL = "t_cell"
_UNDIVIDED, _DIVIDED = "undivided_relative", re.compile(r"growth\.generation_([0-9]+)")
_RESPONDING = "responding_share"
_COLUMNS = (
    Column("generation", number=True, meaning="0 for undivided cells"),
    Column("fraction", number=True, meaning="of the cells at harvest, 0 to 1"),
    Column("compound", required=False, blank=True, meaning="as in the layout; empty for the stimulated controls"),
    Column("concentration", number=True, required=False, blank=True, meaning="in the unit beside it"),
    Column("unit", required=False, blank=True, meaning="of the concentration"),
)
_MOST_GENERATIONS = 30
_WHOLE = 0.01  # by which fractions of one treatment may miss 1: printed numbers are rounded
_SAME_DOSE = 1e-3  # relative


@dataclass(frozen=True, slots=True)
class PredictedGenerations:
    """One treatment.

    Attributes
    ----------
    compound : str
        Empty for stimulated controls.
    concentration : float
    unit : str
    fractions : tuple of float
        Of the cells at harvest in generations 0, 1, ...; their sum is 1.
    """

    compound: str
    concentration: float
    unit: str
    fractions: tuple[float, ...]

    def is_of(self, well: LayoutWell) -> bool:
        """Whether a well had this treatment."""
        untreated = well.role is Role.CONTROL or (well.role is Role.SAMPLE and well.concentration.value == 0)
        if not self.compound or untreated:
            return not self.compound and untreated
        if well.role is not Role.SAMPLE or well.compound.casefold() != self.compound.casefold():
            return False
        dose = well.concentration.in_unit(self.unit, where=well.where)
        return math.isclose(dose, self.concentration, rel_tol=_SAME_DOSE)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Treatments with their predicted generations, and where these come from, in words."""

    treatments: tuple[PredictedGenerations, ...]
    source: str

    def for_well(self, well: LayoutWell) -> PredictedGenerations | None:
        """Return what is predicted of a well, None where nothing is."""
        return next((t for t in self.treatments if t.is_of(well)), None)


def read_prediction(path: Path) -> Prediction:
    """Read a table ``generation, fraction[, compound, concentration, unit]``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Prediction

    Raises
    ------
    FileReadError
        Not such a table.
    InputError
        Generations that are no whole numbers, come twice or are missing, or fractions of a treatment that do not sum
        to 1.
    """
    table = read_csv(path, _COLUMNS)
    found: dict[tuple[str, float, str], dict[int, float]] = {}
    for row in table.rows():
        compound, unit = str(row.get("compound", "")).strip(), str(row.get("unit", "")).strip()
        concentration = float(row.get("concentration", math.nan))
        where = f"{path}, generation {row['generation']:g}" + (f" of {compound}" if compound else "")
        if compound and not (concentration > 0 and unit):
            got = f"concentration {concentration:g} {unit}".strip()
            raise InputError(where, got, "a concentration above 0 and its unit", "complete the row")
        generation = float(row["generation"])
        if generation != int(generation) or not 0 <= generation <= _MOST_GENERATIONS or not row["fraction"] >= 0:
            got = f"generation {generation:g}, fraction {row['fraction']:g}"
            raise InputError(where, got, f"0 to {_MOST_GENERATIONS}, and 0 to 1", "correct the row")
        own = found.setdefault((compound, concentration if compound else 0.0, unit if compound else ""), {})
        if int(generation) in own:
            raise InputError(where, "twice", "each generation once for each treatment", "leave one row out")
        own[int(generation)] = float(row["fraction"])
    if not found:
        raise InputError(str(path), "no rows", "generation, fraction", "add the prediction")
    return Prediction(tuple(_treatment(path, *key, own) for key, own in found.items()), path.name)


def _treatment(
    path: Path, compound: str, concentration: float, unit: str, own: dict[int, float]
) -> PredictedGenerations:
    fractions = np.array([own.get(g, 0.0) for g in range(max(own) + 1)])
    total = float(fractions.sum())
    if abs(total - 1.0) > _WHOLE:
        where = f"{path}, {compound or 'controls'}"
        raise InputError(where, f"fractions sum to {total:g}", "1", "give fractions of the cells at harvest")
    return PredictedGenerations(compound, concentration, unit, tuple((fractions / total).tolist()))


def predict_with_model(
    wells: Sequence[LayoutWell],
    stimulus: str,
    hours: float | None,
    *,
    model: SourcedModel | None = None,
    execution: Execution | None = None,
) -> Prediction:
    """Let the T-cell model predict the generations of every treatment that it knows.

    Parameters
    ----------
    wells : sequence of LayoutWell
    stimulus : str
        Protocol of the library.
    hours : float or None
        From stimulus to harvest; the protocol's for proliferation where left out.
    model : SourcedModel, optional
        The library's T-cell model where left out.
    execution : Execution, optional

    Returns
    -------
    Prediction
        Without the compounds that the model does not contain.

    Raises
    ------
    UnknownNameError
        No such stimulus.
    RefusedError
        Outside the model's validity domain, or a model that does not count cells by generation.
    UnitError
        A concentration that is none.
    """
    used = load_model(MODEL) if model is None else model
    protocol = find_protocol(stimulus)
    culture = Culture.usual(protocol, "proliferation")
    if hours is not None:
        culture = Culture(protocol, hours, culture.cells_per_ml, culture.serum_percent)
    symbols = _symbols(used)
    treatments: list[PredictedGenerations] = []
    for drug, doses in (("", [_Dose("", 0.0, "", 0.0)]), *_doses(wells, used).items()):
        given, levels = drug or drugs_of(used)[0], np.array([dose.level_nM for dose in doses])
        check_culture(used, culture, (given,), float(levels.max()))
        found = run_culture(used, culture, {given: levels}, symbols, [0.0, culture.hours], execution=execution)
        cells = np.stack([found.output(symbol)[:, -1] for symbol in symbols], axis=1)
        cells[:, 0] += 1.0 - _responding(used, culture)
        shares = np.maximum(cells, 0.0) / np.maximum(cells, 0.0).sum(axis=1, keepdims=True)
        treatments += [
            PredictedGenerations(dose.compound, dose.concentration, dose.unit, tuple(own.tolist()))
            for dose, own in zip(doses, shares, strict=True)
        ]
    return Prediction(tuple(treatments), f"model {used.name}, {protocol.label}, {culture.hours:g} h")


@dataclass(frozen=True, slots=True)
class _Dose:
    """A concentration as the layout writes it, and in nM."""

    compound: str
    concentration: float
    unit: str
    level_nM: float  # noqa: N815


def _symbols(model: SourcedModel) -> tuple[str, ...]:
    """The model's cells by generation, in order."""
    names = [*model.model.values, *(rule.variable for rule in model.model.rules)]
    numbered = {int(match[1]): name for name in names if (match := _DIVIDED.fullmatch(name))}
    if _UNDIVIDED not in names or sorted(numbered) != list(range(1, len(numbered) + 1)) or not numbered:
        do = "give the prediction as a table"
        raise RefusedError(
            f"model {model.name}", "no cells by generation", f"{_UNDIVIDED}, growth.generation_1, ...", do
        )
    return (_UNDIVIDED, *(numbered[g] for g in sorted(numbered)))


def _responding(model: SourcedModel, culture: Culture) -> float:
    """Share of the cells that can respond; the others stay undivided and are in the histogram too."""
    own = model.model.values.get(_RESPONDING, 1.0)
    return float(culture.inputs().get(_RESPONDING, own))


def _doses(wells: Sequence[LayoutWell], model: SourcedModel) -> dict[str, list[_Dose]]:
    """Concentrations of each compound that the model contains, each once."""
    found: dict[str, dict[_Dose, None]] = {}
    known = drugs_of(model)
    for well in wells:
        if well.role is not Role.SAMPLE or not well.compound or not well.concentration.value > 0:
            continue
        try:
            compound = find_compound(well.compound)
        except InputError:
            continue  # a compound of the user's own: nothing is predicted, nothing is substituted
        if compound.name in known:
            value, unit = well.concentration.value, well.concentration.unit
            level = convert(value, unit, "nM", molar_mass_g_per_mol=compound.molar_mass_g_per_mol, where=well.where)
            found.setdefault(compound.name, {})[_Dose(well.compound, value, unit, float(level))] = None
    return {name: list(doses) for name, doses in found.items()}
