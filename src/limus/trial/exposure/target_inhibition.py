r"""Immunophilin occupancy and target inhibition of blood cells from whole-blood levels, drugs together.

Blood. Red cells hold most of the drug, and every cell sees the same plasma. For plasma concentrations :math:`C_i`, and
:math:`S = 1 + \sum_j C_j/K_j` over the drugs of one immunophilin,

.. math:: B_i = u_i C_i + h\,B_{max,i}\,\frac{C_i/K_i}{S}

with haematocrit h and :math:`u_i` for what is not saturable. Blood is a reservoir: lymphocytes do not use it up.

Cell. :math:`x_i = (C_i/k_i)/(1 + \sum_j C_j/k_j)` is the share of drug i of the immunophilin that no target holds.
Complexes hold their target with Q; the target sees the immunophilin total P with the apparent constant
:math:`Q_i/x_i`, and all targets share P (:func:`limus.molecule.equilibrium.bind_competitively`).

So two drugs on FKBP12 compete three times: for sites of red cells, for sites in the cell, and by their targets, which
take FKBP12 from each other. Nothing is assumed negligible. Which constant k holds inside cells is said for each drug
in ``library/constants/blood_binding.toml``: that of the purified immunophilin against unbound drug, or the K of red
cells. The two disagree, so a caller may ask for the other one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from limus.kernel.errors import InputError, UnknownNameError, ValueRangeError
from limus.kernel.tables import Entry, library_folder, read_toml
from limus.kernel.units import convert
from limus.molecule.catalogue import load_compounds
from limus.molecule.equilibrium import bind_competitively, bind_in_blood
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.signalling.model_library import load_model
from limus.trial.design.schema import Sourced

__all__ = [
    "CALCINEURIN",
    "MTORC1",
    "PURIFIED",
    "RED_CELLS",
    "TargetInhibition",
    "drugs_with_binding",
    "target_inhibition",
]

Floats = NDArray[np.float64]
PURIFIED, RED_CELLS = "purified", "red cells"
CALCINEURIN, MTORC1 = "calcineurin", "mTORC1"
_POOLS = {"FKBP12": "fkbp12_total", "cyclophilin A": "cyclophilin_a_total"}
_TARGET_TOTALS = {CALCINEURIN: "calcineurin_total", MTORC1: "mtorc1_total"}
_ROUNDS = 60
_CLOSE = 1e-12


class _RedCells(Entry):
    model: str | None = None
    capacity_ug_per_l: float | None = Field(default=None, gt=0)
    affinity_ug_per_l: float | None = Field(default=None, gt=0)
    partition: float = Field(default=0.0, ge=0)


class _Drug(Sourced):
    immunophilin: Literal["FKBP12", "cyclophilin A"]
    target: Literal["calcineurin", "mTORC1"]
    blood: _RedCells | None = None
    in_cells: Literal["purified", "red cells"]


class _File(Entry):
    limus_blood_binding: Literal[2]
    drugs: dict[str, _Drug]


@dataclass(frozen=True, eq=False)
class TargetInhibition:
    """What levels do to the targets of blood cells.

    Attributes
    ----------
    immunophilin_occupancy : mapping of str to array
        Share of its immunophilin that each drug holds, with and without a target, 0 to 1.
    inhibition : mapping of str to array
        ``calcineurin`` and ``mTORC1``: share held by a complex, 0 to 1; a target that no drug of the levels has is
        left out.
    content_nM : mapping of str to array
        Drug that a cell holds on immunophilin.
    plasma_ng_per_ml : mapping of str to array
        Plasma concentration of each drug.
    in_cells : mapping of str to str
        ``purified`` or ``red cells``: whose constant was taken, for each drug.
    """

    immunophilin_occupancy: Mapping[str, Floats]
    inhibition: Mapping[str, Floats]
    content_nM: Mapping[str, Floats]  # noqa: N815
    plasma_ng_per_ml: Mapping[str, Floats]
    in_cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Blood:
    """A drug in blood: capacity per volume of red cells and K in ng/mL (NaN: not saturable), what is not saturable."""

    capacity: float
    constant: float
    partition: float
    in_plasma_water: bool  # whether plasma is diluted by the red cells in the equation
    ratio: float


@lru_cache(maxsize=1)
def _library() -> Mapping[str, _Drug]:
    return read_toml(library_folder() / "constants" / "blood_binding.toml", _File).drugs


def drugs_with_binding() -> Mapping[str, tuple[str, str]]:
    """Return immunophilin and target of every drug whose binding is known, by name."""
    return {name: (entry.immunophilin, entry.target) for name, entry in _library().items()}


def target_inhibition(
    levels_ng_per_ml: Mapping[str, ArrayLike],
    haematocrit_percent: ArrayLike,
    *,
    in_cells: Mapping[str, str] | None = None,
) -> TargetInhibition:
    """Find occupancy of immunophilins and inhibition of targets from whole-blood levels.

    Parameters
    ----------
    levels_ng_per_ml : mapping of str to array_like
        Tacrolimus, ciclosporin, sirolimus, everolimus; shapes that broadcast.
    haematocrit_percent : array_like
    in_cells : mapping of str to str, optional
        ``purified`` or ``red cells`` for some drugs, in place of what the library says.

    Returns
    -------
    TargetInhibition

    Raises
    ------
    InputError
        No levels, or a drug without a ratio of blood to plasma, or without constants of red cells that were asked for.
    UnknownNameError
        Another drug, or another constant.
    ValueRangeError
        A level that is negative or not finite, or a haematocrit outside 0 to 100 per cent.

    Examples
    --------
    >>> alone = target_inhibition({"tacrolimus": 5.0}, 35.0)
    >>> both = target_inhibition({"tacrolimus": 5.0, "everolimus": 5.0}, 35.0)
    >>> bool(abs(both.inhibition["calcineurin"] - alone.inhibition["calcineurin"]) < 0.02)
    True
    """
    known = ", ".join(_library())
    if not levels_ng_per_ml:
        raise InputError("target_inhibition, levels", "none", f"levels of {known}", "give them")
    for name in (*levels_ng_per_ml, *(in_cells or {})):
        if name not in _library():
            raise UnknownNameError("target_inhibition, levels", name, known, "leave the drug out")
    percent = np.asarray(haematocrit_percent, dtype=np.float64)
    if not ((percent > 0) & (percent < 100)).all():
        raise ValueRangeError("haematocrit", percent.min(), "above 0 and below 100 per cent", "give per cent")
    levels = {name: np.asarray(values, dtype=np.float64) for name, values in levels_ng_per_ml.items()}
    for name, values in levels.items():
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ValueRangeError(f"level of {name}", values.min(), "finite levels of 0 or more", "correct the levels")
    taken = {name: str((in_cells or {}).get(name, _library()[name].in_cells)) for name in levels}
    plasma = _plasma(levels, percent / 100.0)
    shares = {name: plasma[name] / _in_cell_constant(name, taken[name]) for name in levels}
    taking: dict[str, Floats] = {}
    for name in levels:
        pool = [other for other in levels if _library()[other].immunophilin == _library()[name].immunophilin]
        taking[name] = np.asarray(shares[name] / (1.0 + sum(shares[other] for other in pool)))
    inhibition, content = _in_cell(taking)
    total = {name: _cell()[_POOLS[_library()[name].immunophilin]] for name in levels}
    occupancy = {name: np.asarray(content[name] / total[name]) for name in levels}
    return TargetInhibition(occupancy, inhibition, content, plasma, taken)


# ---- blood


def _plasma(levels: Mapping[str, Floats], haematocrit: Floats) -> dict[str, Floats]:
    """Plasma concentrations, ng/mL; drugs of one immunophilin compete for the sites of red cells."""
    blood = {name: _blood(name) for name in levels}
    held = [name for name in levels if not np.isnan(blood[name].constant)]
    plasma = {name: np.asarray(level / blood[name].ratio) for name, level in levels.items() if name not in held}
    shape = np.broadcast_shapes(haematocrit.shape, *(level.shape for level in levels.values()))
    plasma |= {name: np.zeros(shape) for name in held}
    for _ in range(_ROUNDS):
        before = dict(plasma)
        for name in held:
            others = np.asarray(sum(before[other] / blood[other].constant for other in held if other != name))
            plasma[name] = _bind(blood[name], levels[name], haematocrit, 1.0 + others)
        if all(np.abs(plasma[name] - before[name]).max(initial=0.0) <= _CLOSE for name in held):
            break
    return {name: np.broadcast_to(plasma[name], shape) for name in levels}


def _bind(drug: _Blood, level: Floats, haematocrit: Floats, crowding: Floats) -> Floats:
    free = haematocrit * drug.partition + (1.0 - haematocrit if drug.in_plasma_water else 1.0)
    sites = drug.capacity * haematocrit / free
    return bind_in_blood(level / free, sites, drug.constant * crowding).plasma


@lru_cache(maxsize=8)
def _blood(name: str) -> _Blood:
    entry = _library()[name].blood
    if entry is None:
        ratio = load_compounds()[name].constant("blood_to_plasma_ratio").value.value
        if ratio is None:
            do = "give it in the compound's file"
            raise InputError(f"{name}, blood_to_plasma_ratio", "no number", "a ratio of whole blood to plasma", do)
        return _Blood(float("nan"), float("nan"), 0.0, False, ratio)
    if entry.model is None:
        if entry.capacity_ug_per_l is None or entry.affinity_ug_per_l is None:
            where = f"blood_binding.toml, {name}, blood"
            raise InputError(where, "no model and not both constants", "a model, or capacity and affinity", "give them")
        return _Blood(entry.capacity_ug_per_l, entry.affinity_ug_per_l, entry.partition, True, float("nan"))
    values = load_population_model(entry.model).values
    keys = ("red_cell_capacity", "red_cell_affinity")
    capacity, constant = (convert(values[key].value or 0.0, values[key].unit, "ng/mL") for key in keys)
    linear = values.get("red_cell_partition")
    partition = 0.0 if linear is None else linear.value or 0.0
    return _Blood(capacity, constant, partition, linear is not None, float("nan"))


# ---- cell


@lru_cache(maxsize=1)
def _cell() -> dict[str, float]:
    """Constants of the T-cell model, nM and pure numbers."""
    return {name: parameter.value for name, parameter in load_model("t_cell").parameters.items()}


def _in_cell_constant(name: str, reading: str) -> float:
    """Dissociation constant inside cells against total plasma drug, ng/mL."""
    if reading == RED_CELLS:
        constant = _blood(name).constant
        if np.isnan(constant):
            do = "take that of the purified immunophilin"
            raise InputError(
                f"target_inhibition, in_cells, {name}", reading, "a drug that red cells saturably hold", do
            )
        return constant
    if reading != PURIFIED:
        raise UnknownNameError("target_inhibition, in_cells", reading, f"{PURIFIED} or {RED_CELLS}", "choose one")
    cell = _cell()
    total_nM = cell[f"{name}.dissociation_constant"] / cell[f"{name}.fraction_unbound_plasma"]
    return convert(total_nM, "nM", "ng/mL", molar_mass_g_per_mol=load_compounds()[name].molar_mass_g_per_mol)


def _in_cell(taking: Mapping[str, Floats]) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Share of each target that complexes hold, and each drug's content, nM; targets of one immunophilin share it."""
    cell, drugs = _cell(), _library()
    free: dict[str, Floats] = {}
    content: dict[str, Floats] = {}
    for immunophilin in dict.fromkeys(drugs[name].immunophilin for name in taking):
        own = [name for name in taking if drugs[name].immunophilin == immunophilin]
        targets = list(dict.fromkeys(str(drugs[name].target) for name in own))
        holding = {name: taking[name] / cell[f"{name}.complex_dissociation_constant"] for name in own}
        all_holding = {
            target: np.asarray(sum(holding[name] for name in own if drugs[name].target == target)) for target in targets
        }
        with np.errstate(divide="ignore"):
            apparent = [1.0 / all_holding[target] for target in targets]
        totals = np.array([cell[_TARGET_TOTALS[target]] for target in targets])
        pool = cell[_POOLS[immunophilin]]
        found = bind_competitively(totals, pool, np.stack(np.broadcast_arrays(*apparent), axis=-1)).complexes
        bare = pool - found.sum(axis=-1)
        for k, target in enumerate(targets):
            # two immunophilins (ciclosporin with tacrolimus) act one after the other on what is left
            free[target] = np.asarray(free.get(target, 1.0) * (1.0 - found[..., k] / totals[k]))
        for name in own:
            target = str(drugs[name].target)
            with np.errstate(invalid="ignore"):
                part = np.nan_to_num(holding[name] / all_holding[target])
            content[name] = np.asarray(taking[name] * bare + part * found[..., targets.index(target)])
    return {target: np.asarray(1.0 - rest) for target, rest in free.items()}, content
