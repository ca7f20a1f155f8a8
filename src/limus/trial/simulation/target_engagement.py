"""What troughs mean at the target: immunophilin occupancy, calcineurin and mTORC1 inhibition, and the competition.

Whole blood to plasma by saturable binding to red cells, plasma to unbound, unbound to the lymphocyte's immunophilin,
its complex to calcineurin or mTORC1. Blood is a reservoir: unbound drug is not used up by lymphocytes, so within a cell

``P_total = P (1 + sum a_i / K_i) + sum T_i``, ``T_i = T_total x_i / (Q_i + x_i)``, ``x_i = P a_i / K_i``

with P the free immunophilin, a_i the unbound drugs, K_i their constants and Q_i those of the complexes for the target.

Two drugs that share FKBP12 compete twice: for the red cells' sites (one raises the other's unbound level) and for the
lymphocyte's. :func:`show_competition` computes both; nothing is assumed negligible. Which constant holds inside cells
is said in ``library/constants/blood_binding.toml``: everolimus' for purified FKBP12 contradicts how red cells bind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from limus.kernel.errors import UnknownNameError
from limus.kernel.tables import Entry, library_folder, read_toml
from limus.molecule.catalogue import find_compound
from limus.signalling.model_library import load_model
from limus.trial.design.schema import Sourced
from limus.trial.simulation.replicates import SimulatedTrial

__all__ = [
    "ArmEngagement",
    "Competition",
    "Engagement",
    "arm_engagement",
    "find_engagement",
    "show_competition",
]

Floats = NDArray[np.float64]
_MODEL = "t_cell"
_POOLS = {"FKBP12": "fkbp12_total", "cyclophilin A": "cyclophilin_a_total"}
_TARGETS = {"tacrolimus": "calcineurin", "ciclosporin": "calcineurin", "sirolimus": "mTORC1", "everolimus": "mTORC1"}
_TOTALS = {"calcineurin": "calcineurin_total", "mTORC1": "mtorc1_total"}
_STEPS = 80


@dataclass(frozen=True, eq=False)
class Engagement:
    """Target engagement of N subjects.

    Attributes
    ----------
    unbound_nM : mapping of str to (N,) array
        Unbound drug in plasma.
    occupancy_percent : mapping of str to (N,) array
        Of the immunophilin in lymphocytes, by drug.
    calcineurin_inhibition_percent, mtorc1_inhibition_percent : (N,) array
        Share of the target that is held by a complex.
    """

    unbound_nM: Mapping[str, Floats]  # noqa: N815
    occupancy_percent: Mapping[str, Floats]
    calcineurin_inhibition_percent: Floats
    mtorc1_inhibition_percent: Floats


@dataclass(frozen=True, slots=True)
class Competition:
    """What a second drug on FKBP12 does to the first at given troughs.

    Attributes
    ----------
    drug, other : str
    unbound_change_percent : float
        Of the drug, because the other takes sites of red cells.
    occupancy_change_percent : float
        Of the drug's complex in lymphocytes, both ways of competing together.
    inhibition_alone_percent, inhibition_together_percent : float
        Of the drug's target.
    """

    drug: str
    other: str
    unbound_change_percent: float
    occupancy_change_percent: float
    inhibition_alone_percent: float
    inhibition_together_percent: float


@dataclass(frozen=True, slots=True)
class ArmEngagement:
    """Target engagement of an arm's subjects on treatment at a day: medians, and 10th and 90th percentiles.

    Attributes
    ----------
    arm : str
    day : float
    n : int
    trough_ng_per_ml : mapping of str to float
        Median, by compound.
    calcineurin_inhibition_percent, mtorc1_inhibition_percent : tuple of three float
        10th percentile, median, 90th percentile.
    competition : tuple of Competition
        At the median troughs, where the arm gives two drugs on FKBP12.
    """

    arm: str
    day: float
    n: int
    trough_ng_per_ml: Mapping[str, float]
    calcineurin_inhibition_percent: tuple[float, float, float]
    mtorc1_inhibition_percent: tuple[float, float, float]
    competition: tuple[Competition, ...]


class _Binding(Sourced):
    immunophilin: Literal["FKBP12", "cyclophilin A"]
    capacity_ug_per_l: float = Field(ge=0)
    affinity_ug_per_l: float = Field(gt=0)
    partition: float = Field(ge=0)
    constant_in_cells: Literal["model", "red cells"]


class _File(Entry):
    limus_blood_binding: Literal[1]
    haematocrit_percent: float = Field(gt=0, lt=100)
    drugs: dict[str, _Binding]


@lru_cache(maxsize=1)
def _binding() -> _File:
    return read_toml(library_folder() / "constants" / "blood_binding.toml", _File)


@lru_cache(maxsize=1)
def _cell() -> Mapping[str, float]:
    return {name: float(value) for name, value in load_model(_MODEL).model.values.items()}


def _constant(name: str) -> float:
    values = _cell()
    if name not in values:
        raise UnknownNameError(f"model {_MODEL}", name, "its parameters", "correct the name")
    return values[name]


def find_engagement(
    troughs_ng_per_ml: Mapping[str, ArrayLike], *, haematocrit_percent: float | None = None, shared_sites: bool = True
) -> Engagement:
    """Turn troughs in whole blood into occupancy and inhibition in lymphocytes.

    Parameters
    ----------
    troughs_ng_per_ml : mapping of str to (N,) array_like
        By compound; NaN or 0 where it is not given.
    haematocrit_percent : float, optional
        The library's by default.
    shared_sites : bool
        Whether drugs on the same immunophilin compete for the red cells' sites.

    Returns
    -------
    Engagement

    Raises
    ------
    UnknownNameError
        A compound without constants.
    """
    file = _binding()
    for name in troughs_ng_per_ml:
        if name not in file.drugs:
            raise UnknownNameError("target engagement", name, ", ".join(file.drugs), "use one of these")
    blood = {name: _nanomolar(name, values) for name, values in troughs_ng_per_ml.items()}
    red = (file.haematocrit_percent if haematocrit_percent is None else haematocrit_percent) / 100.0
    plasma = _plasma(blood, red, shared=shared_sites)
    unbound = {name: plasma[name] * _constant(f"{name}.fraction_unbound_plasma") for name in blood}
    complexes, occupancy = _in_cells(unbound)
    inhibition = {}
    for target in _TOTALS:
        held: Floats | float = 0.0
        for name in blood:
            if _TARGETS[name] == target:
                held = held + complexes[name] / _constant(f"{name}.complex_dissociation_constant")
        inhibition[target] = 100.0 * np.asarray(held / (1.0 + held)) * np.ones(_size(blood))
    return Engagement(unbound, occupancy, inhibition["calcineurin"], inhibition["mTORC1"])


def _size(blood: Mapping[str, Floats]) -> int:
    return len(next(iter(blood.values())))


def _nanomolar(name: str, values: ArrayLike) -> Floats:
    level = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return np.where(np.isfinite(level), level, 0.0) * 1000.0 / find_compound(name).molar_mass_g_per_mol


def _plasma(blood: Mapping[str, Floats], red: float, *, shared: bool) -> dict[str, Floats]:
    """Total plasma concentrations, by bisection of the free sites: each drug's plasma falls as more sites are free."""
    file = _binding()
    found = {}
    for immunophilin in _POOLS:
        drugs = [name for name in blood if file.drugs[name].immunophilin == immunophilin]
        groups = [drugs] if shared else [[name] for name in drugs]
        for group in groups:
            if group:
                found.update(_share_sites({name: blood[name] for name in group}, red))
    return found


def _share_sites(blood: Mapping[str, Floats], red: float) -> dict[str, Floats]:
    """``blood = plasma (1 - h + h (partition + free / K))``, ``free = sites - bound``; the smallest capacity counts."""
    drugs = {name: _binding().drugs[name] for name in blood}
    molar = {name: 1000.0 / find_compound(name).molar_mass_g_per_mol for name in blood}
    sites = min(drugs[name].capacity_ug_per_l * molar[name] for name in blood)
    # each drug keeps its own plasma-to-blood ratio when alone: affinity is scaled with the sites that are counted
    constants = {
        name: entry.affinity_ug_per_l * molar[name] * sites / max(entry.capacity_ug_per_l * molar[name], 1e-300)
        for name, entry in drugs.items()
    }
    low, high = np.zeros(_size(blood)), np.full(_size(blood), sites)
    for _ in range(_STEPS if sites > 0 else 0):
        free = 0.5 * (low + high)
        plasma = {name: _plasma_at(blood[name], drugs[name], free, constants[name], red) for name in blood}
        bound = sum((plasma[name] * free / constants[name] for name in blood), np.zeros(_size(blood)))
        more = free + bound < sites
        low, high = np.where(more, free, low), np.where(more, high, free)
    free = 0.5 * (low + high)
    return {name: _plasma_at(blood[name], drugs[name], free, constants[name], red) for name in blood}


def _plasma_at(blood: Floats, entry: _Binding, free: Floats, constant: float, red: float) -> Floats:
    held = entry.partition + (free / constant if entry.capacity_ug_per_l > 0 else 0.0)
    return np.asarray(blood / (1.0 - red + red * held))


def _in_cells(unbound: Mapping[str, Floats]) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Binary complexes (nM) and occupancy (percent) of the lymphocyte's immunophilins, by drug."""
    complexes: dict[str, Floats] = {}
    occupancy: dict[str, Floats] = {}
    for immunophilin, pool in _POOLS.items():
        drugs = [name for name in unbound if _binding().drugs[name].immunophilin == immunophilin]
        if not drugs:
            continue
        total = _constant(pool)
        ratio = {name: unbound[name] / _in_cell_constant(name) for name in drugs}
        low, high = np.zeros(_size(unbound)), np.full(_size(unbound), total)
        for _ in range(_STEPS):
            free = 0.5 * (low + high)
            used = free + sum((_held(name, free * ratio[name]) for name in drugs), np.zeros(_size(unbound)))
            low, high = np.where(used < total, free, low), np.where(used < total, high, free)
        for name in drugs:
            complexes[name] = 0.5 * (low + high) * ratio[name]
            occupancy[name] = 100.0 * _held(name, complexes[name]) / total
    return complexes, occupancy


def _in_cell_constant(name: str) -> float:
    """Constant of the drug and its immunophilin inside cells, against unbound drug outside, nM."""
    entry = _binding().drugs[name]
    if entry.constant_in_cells == "model":
        return _constant(f"{name}.dissociation_constant")
    molar = 1000.0 / find_compound(name).molar_mass_g_per_mol
    return entry.affinity_ug_per_l * molar * _constant(f"{name}.fraction_unbound_plasma")


def _held(name: str, complexed: Floats) -> Floats:
    """Immunophilin held by a drug: in its complex, and in the complex on its target."""
    target = _constant(_TOTALS[_TARGETS[name]])
    constant = _constant(f"{name}.complex_dissociation_constant")
    return np.asarray(complexed + target * complexed / (constant + complexed))


def show_competition(drug: str, trough_ng_per_ml: float, other: str, other_trough_ng_per_ml: float) -> Competition:
    """Compare a drug alone with the drug together with another on the same immunophilin.

    Parameters
    ----------
    drug, other : str
    trough_ng_per_ml, other_trough_ng_per_ml : float
        In whole blood.

    Returns
    -------
    Competition

    Raises
    ------
    UnknownNameError
        A compound without constants.
    """
    alone = find_engagement({drug: [trough_ng_per_ml]})
    together = find_engagement({drug: [trough_ng_per_ml], other: [other_trough_ng_per_ml]})
    field = "calcineurin_inhibition_percent" if _TARGETS[drug] == "calcineurin" else "mtorc1_inhibition_percent"

    def change(before: Floats, after: Floats) -> float:
        return float(100.0 * (after[0] / before[0] - 1.0))

    return Competition(
        drug=drug,
        other=other,
        unbound_change_percent=change(alone.unbound_nM[drug], together.unbound_nM[drug]),
        occupancy_change_percent=change(alone.occupancy_percent[drug], together.occupancy_percent[drug]),
        inhibition_alone_percent=float(getattr(alone, field)[0]),
        inhibition_together_percent=float(getattr(together, field)[0]),
    )


def arm_engagement(trial: SimulatedTrial, day: float) -> tuple[ArmEngagement, ...]:
    """Summarise target engagement in each arm at the last dosing visit by a day.

    Parameters
    ----------
    trial : SimulatedTrial
    day : float

    Returns
    -------
    tuple of ArmEngagement
        Subjects who have all drugs that the arm gives on that day.
    """
    rows = []
    for number, arm in enumerate(trial.design.arms):
        days = next(iter(trial.exposure.values())).visit_day
        visit = int(np.flatnonzero(days <= day)[-1])
        given = [plan.compound for plan in arm.drugs if plan.start_day < days[visit] <= plan.stop_day]
        members = trial.arm == number
        troughs = {name: trial.exposure[name].trough_true_ng_per_ml[members, visit] for name in given}
        treated = np.all([trial.exposure[name].dose_mg_per_day[members, visit - 1] > 0 for name in given], axis=0)
        troughs = {name: values[treated] for name, values in troughs.items()}
        if not given or not treated.any():
            continue
        found = find_engagement(troughs)
        middle = {name: float(np.median(values)) for name, values in troughs.items()}
        shared = [name for name in given if _binding().drugs[name].immunophilin == "FKBP12"]
        pairs = [(one, other) for one in shared for other in shared if one != other]
        rows.append(
            ArmEngagement(
                arm=arm.name,
                day=float(days[visit]),
                n=int(treated.sum()),
                trough_ng_per_ml=middle,
                calcineurin_inhibition_percent=_spread(found.calcineurin_inhibition_percent),
                mtorc1_inhibition_percent=_spread(found.mtorc1_inhibition_percent),
                competition=tuple(show_competition(one, middle[one], other, middle[other]) for one, other in pairs),
            )
        )
    return tuple(rows)


def _spread(values: Floats) -> tuple[float, float, float]:
    low, middle, high = np.percentile(values, (10.0, 50.0, 90.0)).tolist()
    return low, middle, high
