r"""Immunophilin occupancy and target inhibition of blood cells from whole-blood levels, drugs together.

Blood. Immunophilins of red cells hold most of the drug, and of every cell see the same plasma. For plasma
concentrations :math:`C_i`, and :math:`S = 1 + \sum_j C_j/K_j` over the drugs of one immunophilin,

.. math:: B_i = u_i C_i + h\,B_{max,i}\,\frac{C_i/K_i}{S}

with haematocrit h and :math:`u_i` for what is not saturable. :math:`x_i = (C_i/K_i)/S` is the share of the immunophilin
that drug i occupies.

Cell. Complexes hold their target with Q; the target sees the immunophilin total P with the apparent constant
:math:`Q_i/x_i`, and all targets share P (:func:`limus.molecule.equilibrium.bind_competitively`).

Two readings of K stand beside each other. ``blood``: the constants that whole-blood and plasma levels of patients or
blood gave (tacrolimus Jusko 1995 as in Storset 2014, everolimus ter Heine 2018). ``purified``: binding to the isolated
protein, with unbound plasma drug (the T-cell model's constants). A drug without blood constants is read as purified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import InputError, UnknownNameError, ValueRangeError
from limus.kernel.units import convert
from limus.molecule.catalogue import load_compounds
from limus.molecule.equilibrium import bind_competitively, bind_in_blood
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.signalling.model_library import load_model
from limus.trial.design.titration_library import course_at, load_practice
from limus.trial.exposure.history import ExposureHistory

__all__ = ["READINGS", "TargetInhibition", "target_inhibition", "visit_inhibition"]

Floats = NDArray[np.float64]
READINGS = ("blood", "purified")
_POOLS = {
    "tacrolimus": ("fkbp12_total", "calcineurin"),
    "sirolimus": ("fkbp12_total", "mtor"),
    "everolimus": ("fkbp12_total", "mtor"),
    "ciclosporin": ("cyclophilin_a_total", "calcineurin"),
}
_TARGET_TOTALS = {"calcineurin": "calcineurin_total", "mtor": "mtorc1_total"}
_RED_CELLS = {"tacrolimus": "Storset_2014", "everolimus": "TerHeine_2018"}
_ROUNDS = 60
_CLOSE = 1e-12


@dataclass(frozen=True, eq=False)
class TargetInhibition:
    """What levels do to the targets of blood cells.

    Attributes
    ----------
    immunophilin_occupancy : mapping of str to array
        Share of its immunophilin that each drug occupies, 0 to 1.
    inhibition : mapping of str to array
        ``calcineurin`` and ``mtor``: share held by a complex, 0 to 1; a target that no drug of the levels has is
        left out.
    plasma_ng_per_ml : mapping of str to array
        Plasma concentration of each drug.
    reading : mapping of str to str
        ``blood`` or ``purified``, for each drug.
    """

    immunophilin_occupancy: Mapping[str, Floats]
    inhibition: Mapping[str, Floats]
    plasma_ng_per_ml: Mapping[str, Floats]
    reading: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Blood:
    """A drug in blood: capacity per volume of red cells and K in ng/mL (NaN: not saturable), what is not saturable."""

    capacity: float
    constant: float
    partition: float
    in_plasma_water: bool  # whether plasma is diluted by the red cells in the equation
    ratio: float


def target_inhibition(
    levels_ng_per_ml: Mapping[str, ArrayLike], haematocrit_percent: ArrayLike, *, reading: str = "blood"
) -> TargetInhibition:
    """Find occupancy of immunophilins and inhibition of targets from whole-blood levels.

    Parameters
    ----------
    levels_ng_per_ml : mapping of str to array_like
        Tacrolimus, ciclosporin, sirolimus, everolimus; shapes that broadcast, such as troughs (N, V) of a trial.
    haematocrit_percent : array_like
    reading : str
        ``blood`` or ``purified``: which dissociation constants hold.

    Returns
    -------
    TargetInhibition

    Raises
    ------
    InputError
        No levels, or a drug without a ratio of blood to plasma.
    UnknownNameError
        Another drug, or another reading.
    ValueRangeError
        A level that is negative or not finite, or a haematocrit outside 0 to 100 per cent.

    Examples
    --------
    >>> alone = target_inhibition({"tacrolimus": 5.0}, 35.0)
    >>> both = target_inhibition({"tacrolimus": 5.0, "everolimus": 5.0}, 35.0)
    >>> bool(abs(both.inhibition["calcineurin"] - alone.inhibition["calcineurin"]) < 0.03)
    True
    """
    if not levels_ng_per_ml:
        raise InputError("target_inhibition, levels", "none", f"levels of {', '.join(_POOLS)}", "give them")
    if reading not in READINGS:
        raise UnknownNameError("target_inhibition, reading", reading, " or ".join(READINGS), "choose one")
    for name in levels_ng_per_ml:
        if name not in _POOLS:
            raise UnknownNameError("target_inhibition, levels", name, ", ".join(_POOLS), "leave the drug out")
    percent = np.asarray(haematocrit_percent, dtype=np.float64)
    if not ((percent > 0) & (percent < 100)).all():
        raise ValueRangeError("haematocrit", percent.min(), "above 0 and below 100 per cent", "give per cent")
    levels = {name: np.asarray(values, dtype=np.float64) for name, values in levels_ng_per_ml.items()}
    for name, values in levels.items():
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ValueRangeError(f"level of {name}", values.min(), "finite levels of 0 or more", "correct the levels")
    readings = {name: reading if name in _RED_CELLS else "purified" for name in levels}
    plasma, constants = _plasma(levels, percent / 100.0, readings)
    shares = {name: plasma[name] / constants[name] for name in levels}
    occupied: dict[str, Floats] = {}
    for name in levels:
        pool = [other for other in levels if _POOLS[other][0] == _POOLS[name][0]]
        occupied[name] = np.asarray(shares[name] / (1.0 + sum(shares[other] for other in pool)))
    return TargetInhibition(occupied, _inhibition(occupied), plasma, readings)


def visit_inhibition(
    histories: Mapping[str, ExposureHistory], haematocrit_percent: ArrayLike, *, reading: str = "blood"
) -> TargetInhibition:
    """Find occupancy and inhibition at every visit of a trial, from the true troughs of drugs given together.

    Parameters
    ----------
    histories : mapping of str to ExposureHistory
        By compound, of the same N subjects at the same V visits.
    haematocrit_percent : (N,) or (N, V) array_like
        One value a subject takes the library's course, as the exposure did.
    reading : str
        As :func:`target_inhibition`.

    Returns
    -------
    TargetInhibition
        Arrays (N, V).

    Raises
    ------
    ValueRangeError
        Histories or haematocrits of different subjects or visits.
    InputError, UnknownNameError
        As :func:`target_inhibition`.
    """
    troughs = {name: history.trough_true_ng_per_ml for name, history in histories.items()}
    shapes = {levels.shape for levels in troughs.values()}
    percent = np.asarray(haematocrit_percent, dtype=np.float64)
    if len(shapes) > 1 or (shapes and percent.shape not in {(shape := next(iter(shapes)))[:1], shape}):
        got = f"troughs {sorted(shapes)}, haematocrit {percent.shape}"
        raise ValueRangeError("visit_inhibition", got, "the same subjects and visits", "give one arm's histories")
    if percent.ndim == 1 and histories:
        course = load_practice().courses["HCT"]
        percent = percent[:, None] + course_at(course, next(iter(histories.values())).actual_day)
    return target_inhibition(troughs, percent, reading=reading)


# ---- blood


def _plasma(
    levels: Mapping[str, Floats], haematocrit: Floats, readings: Mapping[str, str]
) -> tuple[dict[str, Floats], dict[str, float]]:
    """Plasma concentrations and constants against them, ng/mL; drugs compete for the sites of red cells."""
    blood = {name: _blood(name) for name in levels}
    constants = {
        name: blood[name].constant if readings[name] == "blood" else _purified_constant(name) for name in levels
    }
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
    return {name: np.broadcast_to(plasma[name], shape) for name in levels}, constants


def _bind(drug: _Blood, level: Floats, haematocrit: Floats, crowding: Floats) -> Floats:
    free = haematocrit * drug.partition + (1.0 - haematocrit if drug.in_plasma_water else 1.0)
    sites = drug.capacity * haematocrit / free
    return bind_in_blood(level / free, sites, drug.constant * crowding).plasma


@lru_cache(maxsize=8)
def _blood(name: str) -> _Blood:
    if name in _RED_CELLS:
        values = load_population_model(_RED_CELLS[name]).values
        keys = ("red_cell_capacity", "red_cell_affinity")
        capacity, constant = (convert(values[key].value or 0.0, values[key].unit, "ng/mL") for key in keys)
        linear = values.get("red_cell_partition")
        partition = 0.0 if linear is None else linear.value or 0.0
        return _Blood(capacity, constant, partition, linear is not None, float("nan"))
    ratio = load_compounds()[name].constant("blood_to_plasma_ratio").value.value
    if ratio is None:
        do = "give it in the compound's file"
        raise InputError(f"{name}, blood_to_plasma_ratio", "no number", "a ratio of whole blood to plasma", do)
    return _Blood(float("nan"), float("nan"), 0.0, False, ratio)


# ---- cell


@lru_cache(maxsize=1)
def _cell() -> dict[str, float]:
    """Constants of the T-cell model, nM and pure numbers."""
    return {name: parameter.value for name, parameter in load_model("t_cell").parameters.items()}


def _purified_constant(name: str) -> float:
    """Dissociation constant against total plasma drug, ng/mL."""
    cell = _cell()
    total_nM = cell[f"{name}.dissociation_constant"] / cell[f"{name}.fraction_unbound_plasma"]
    molar_mass = load_compounds()[name].molar_mass_g_per_mol
    return convert(total_nM, "nM", "ng/mL", molar_mass_g_per_mol=molar_mass)


def _inhibition(occupied: Mapping[str, Floats]) -> dict[str, Floats]:
    """Share of each target that complexes hold; targets of one immunophilin share it."""
    cell = _cell()
    free: dict[str, Floats] = {}
    for pool in dict.fromkeys(_POOLS[name][0] for name in occupied):
        drugs = [name for name in occupied if _POOLS[name][0] == pool]
        targets = list(dict.fromkeys(_POOLS[name][1] for name in drugs))
        apparent = []
        for target in targets:
            holding = sum(
                occupied[name] / cell[f"{name}.complex_dissociation_constant"]
                for name in drugs
                if _POOLS[name][1] == target
            )
            with np.errstate(divide="ignore"):
                apparent.append(1.0 / np.asarray(holding))
        totals = np.array([cell[_TARGET_TOTALS[target]] for target in targets])
        found = bind_competitively(totals, cell[pool], np.stack(np.broadcast_arrays(*apparent), axis=-1))
        for k, target in enumerate(targets):
            held = found.complexes[..., k] / totals[k]
            # two immunophilins (ciclosporin with tacrolimus) act one after the other on what is left
            free[target] = np.asarray(free.get(target, 1.0) * (1.0 - held))
    return {target: np.asarray(1.0 - rest) for target, rest in free.items()}
