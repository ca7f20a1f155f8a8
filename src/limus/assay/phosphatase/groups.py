"""The wells of a phosphatase plate in groups of replicates, with dose, time and enzyme in canonical units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.layout.records import LayoutWell, Quantity, Role
from limus.assay.phosphatase.conditions import PhosphataseConditions
from limus.assay.plate.uncertainty import InputBlock
from limus.assay.quality.noise import PlateNoise
from limus.assay.reader.wells import PlateWells, WellState
from limus.kernel.errors import InputError, UnitError
from limus.kernel.units import same_dimension
from limus.molecule.catalogue import known_compound

__all__ = ["WellGroup", "group_wells", "match_background", "match_control", "standard_wells"]

_READ = (Role.CONTROL, Role.SAMPLE, Role.NO_ENZYME, Role.BLANK)


@dataclass(frozen=True, eq=False)
class WellGroup:
    """Replicate wells.

    Attributes
    ----------
    role : Role
        A compound at dose zero is a control.
    compound : str
        The library's name where it has the compound; empty for controls.
    written : str
        The compound as the layout writes it.
    dose_nM : float
    time_min, enzyme_ug : float
        NaN where nothing says.
    label : str
        The layout's group.
    wells : tuple of str
        All wells.
    signals : (n,) numpy.ndarray
        Those that may be used.
    mean, variance, degrees_of_freedom : float
        Mean absorbance, variance of that mean and its degrees of freedom by the plate's noise; NaN without.
    saturated : int
        Wells beyond the reader's range; the mean of the others would be too low, so the group is not analysed.
    """

    role: Role
    compound: str
    written: str
    dose_nM: float  # noqa: N815
    time_min: float
    enzyme_ug: float
    label: str
    wells: tuple[str, ...]
    signals: NDArray[np.float64]
    mean: float
    variance: float
    degrees_of_freedom: float
    saturated: int

    @property
    def usable(self) -> bool:
        """Whether the mean stands for the group."""
        return len(self.signals) > 0 and self.saturated == 0

    @property
    def block(self) -> InputBlock:
        """The mean as an input whose uncertainty is carried."""
        variance = self.variance if math.isfinite(self.variance) else 0.0
        return InputBlock.create(self.mean, variance, self.degrees_of_freedom)


def standard_wells(
    plate: PlateWells, conditions: PhosphataseConditions
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the usable standard wells and their phosphate.

    Blanks are the standard of zero where the standards have none of their own.

    Parameters
    ----------
    plate : PlateWells
    conditions : PhosphataseConditions

    Returns
    -------
    tuple of ((N,) array of int, (N,) array)
        Places among the plate's wells, and nmol.

    Raises
    ------
    InputError
        No standards, or standards by concentration without ``standard_volume``.
    UnitError
        A unit that is neither an amount nor a concentration.
    """
    named = np.flatnonzero(plate.having(Role.STANDARD))
    if not len(named):
        raise InputError(
            f"{plate.layout.path}, standards",
            "no well with role standard",
            "phosphate standards of known amount",
            "name them; without them absorbance cannot become phosphate",
        )
    places = [int(i) for i in named if plate.used[i]]
    amounts = [_phosphate_nmol(plate.wells[i], conditions) for i in places]
    if 0.0 not in amounts:
        blanks = [int(i) for i in np.flatnonzero(plate.having(Role.BLANK) & plate.used)]
        places, amounts = places + blanks, amounts + [0.0] * len(blanks)
    return np.array(places, dtype=np.intp), np.array(amounts, dtype=np.float64)


def _phosphate_nmol(well: LayoutWell, conditions: PhosphataseConditions) -> float:
    where = f"{well.where}, standard in {well.name}"
    quantity = well.concentration
    if quantity.value == 0:
        return 0.0
    if same_dimension(quantity.unit, "nmol"):
        return quantity.in_unit("nmol", where=where)
    if not same_dimension(quantity.unit, "nM"):
        raise UnitError(where, quantity.unit, "nmol in the well, or a concentration such as uM", "correct the unit")
    if conditions.standard_volume_L is None:
        raise InputError(
            where, f"{quantity.value:g} {quantity.unit}", "a volume too", "write standard_volume under [phosphatase]"
        )
    return quantity.in_unit("nM", where=where) * conditions.standard_volume_L


def group_wells(
    plate: PlateWells, conditions: PhosphataseConditions, noise: PlateNoise | None
) -> tuple[WellGroup, ...]:
    """Group the wells that hold enzyme or its background.

    Parameters
    ----------
    plate : PlateWells
    conditions : PhosphataseConditions
    noise : PlateNoise or None

    Returns
    -------
    tuple of WellGroup
        In the order of the plate.

    Raises
    ------
    UnitError
        A dose that is not a concentration, or one by mass of a compound without a known molar mass.
    InputError
        Role or unit that this assay does not have.
    """
    alike: dict[_Alike, list[int]] = {}
    for index, well in enumerate(plate.wells):
        if well.role in _READ and plate.state[index] is not WellState.EXCLUDED:
            alike.setdefault(_alike(well, conditions), []).append(index)
    return tuple(_group(key, places, plate, noise) for key, places in alike.items())


@dataclass(frozen=True, slots=True)
class _Alike:
    """What replicate wells share; an unknown time or enzyme is the one object ``math.nan``, so that it is found."""

    role: Role
    compound: str
    written: str
    dose_nM: float  # noqa: N815
    time_min: float
    enzyme_ug: float
    label: str


def _alike(well: LayoutWell, conditions: PhosphataseConditions) -> _Alike:
    compound = known_compound(well.compound) if well.compound else None
    dose = _dose_nm(well)
    role = Role.CONTROL if well.role is Role.SAMPLE and dose == 0 else well.role
    name = (compound.name if compound else well.compound) if role is Role.SAMPLE else ""
    written = well.compound if role is Role.SAMPLE else ""
    time = _value(well.time, "min", well.where, conditions.reaction_time_min)
    enzyme = _value(well.enzyme, "ug", well.where, conditions.enzyme_mass_ug)
    return _Alike(role, name, written, dose, time, enzyme, well.group)


def _dose_nm(well: LayoutWell) -> float:
    if well.role is not Role.SAMPLE or not well.concentration.given:
        return 0.0
    compound = known_compound(well.compound)
    known = compound is not None and any(c.property == "molar_mass" for c in compound.constants)
    mass = compound.molar_mass_g_per_mol if compound is not None and known else None
    return well.concentration.in_unit("nM", molar_mass_g_per_mol=mass, where=f"{well.where}, {well.name}")


def _value(quantity: Quantity, unit: str, where: str, default: float | None) -> float:
    if quantity.given:
        return quantity.in_unit(unit, where=where)
    return math.nan if default is None else default


def _group(key: _Alike, places: Sequence[int], plate: PlateWells, noise: PlateNoise | None) -> WellGroup:
    used = [i for i in places if plate.used[i]]
    signals = plate.signal[used]
    mean = float(np.mean(signals)) if used else math.nan
    variance, freedom = math.nan, math.nan
    if used and noise is not None:
        variance = float(noise.variance(mean)) / len(used)
        freedom = float(noise.freedom(mean))
    return WellGroup(
        role=key.role,
        compound=key.compound,
        written=key.written,
        dose_nM=key.dose_nM,
        time_min=key.time_min,
        enzyme_ug=key.enzyme_ug,
        label=key.label,
        wells=tuple(plate.wells[i].name for i in places),
        signals=signals,
        mean=mean,
        variance=variance,
        degrees_of_freedom=freedom,
        saturated=sum(plate.state[i] is WellState.SATURATED for i in places),
    )


def match_background(group: WellGroup, groups: Sequence[WellGroup]) -> tuple[WellGroup, ...]:
    """Return the groups whose signal is the background of a group: no enzyme at its time, else any, else blanks.

    Parameters
    ----------
    group : WellGroup
    groups : sequence of WellGroup

    Returns
    -------
    tuple of WellGroup
        Empty where the plate has neither.
    """
    without = [g for g in groups if g.role is Role.NO_ENZYME and g.usable]
    same = [g for g in without if g.time_min == group.time_min or math.isnan(g.time_min)]
    blanks = [g for g in groups if g.role is Role.BLANK and g.usable]
    return tuple(same or without or blanks)


def match_control(group: WellGroup, groups: Sequence[WellGroup]) -> tuple[WellGroup, ...]:
    """Return the controls of a group: the same time, enzyme and label; controls without a label serve all.

    Parameters
    ----------
    group : WellGroup
    groups : sequence of WellGroup

    Returns
    -------
    tuple of WellGroup
        Empty where the plate has none.
    """

    def same(a: float, b: float) -> bool:
        return a == b or (math.isnan(a) and math.isnan(b))

    fitting = [
        g
        for g in groups
        if g.role is Role.CONTROL
        and g.usable
        and same(g.time_min, group.time_min)
        and same(g.enzyme_ug, group.enzyme_ug)
    ]
    own = [g for g in fitting if g.label == group.label]
    return tuple(own or [g for g in fitting if not g.label])
