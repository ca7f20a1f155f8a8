"""Units of an event table: NONMEM's tables carry none, so the caller gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from limus.kernel.errors import UnitError
from limus.kernel.units import convert, same_dimension
from limus.pharmacokinetics.event_table.records import EventTable

__all__ = [
    "TableUnits",
    "amount_in_mg",
    "check_concentration",
    "override_units",
    "time_in_h",
    "units_line",
    "with_concentration_unit",
]

_CONCENTRATIONS = frozenset({"ng/mL", "ug/L", "mg/L", "nM"})  # known without asking the registry, which takes 0.4 s
_FIELDS = {"AMT": "amount", "DV": "concentration", "TIME": "time"}


@dataclass(frozen=True, slots=True)
class TableUnits:
    """Units in which a table's numbers are meant.

    Attributes
    ----------
    amount : str
        Of AMT, and of RATE per time; ``ug``, ``mg``, or ``umol`` with a molar mass.
    concentration : str
        Of DV and LLOQ; kept as it is.
    time : str
        Of TIME, II and DUR.
    molar_mass_g_per_mol : float, optional
        Needed where amounts are by amount of substance.
    """

    amount: str
    concentration: str
    time: str = "h"
    molar_mass_g_per_mol: float | None = None


def override_units(units: TableUnits, settings: Sequence[str]) -> TableUnits:
    """Change units by texts such as ``AMT=ug``, the values of ``--unit``.

    Parameters
    ----------
    units : TableUnits
    settings : sequence of str
        ``AMT=``, ``DV=`` or ``TIME=`` with a unit.

    Returns
    -------
    TableUnits

    Raises
    ------
    UnitError
        Another name, or a unit that is unknown.

    Examples
    --------
    >>> override_units(TableUnits("mg", "ng/mL"), ["AMT=ug"]).amount
    'ug'
    """
    for setting in settings:
        name, _, unit = setting.partition("=")
        if name.strip().upper() not in _FIELDS or not unit.strip():
            raise UnitError("--unit", setting, "AMT=, DV= or TIME= with a unit", "write for example AMT=ug")
        change: dict[str, Any] = {_FIELDS[name.strip().upper()]: unit.strip()}
        units = replace(units, **change)
    amount_in_mg(units)
    time_in_h(units)
    check_concentration(units)
    return units


def check_concentration(units: TableUnits) -> None:
    """Check that levels are in a unit of concentration.

    Parameters
    ----------
    units : TableUnits

    Raises
    ------
    UnitError
        Not mass or amount of substance per volume.
    """
    unit = units.concentration
    if unit not in _CONCENTRATIONS and not (same_dimension(unit, "ng/mL") or same_dimension(unit, "nM")):
        raise UnitError("unit of DV", unit, "mass or amount of substance per volume, such as ng/mL", "correct the unit")


def amount_in_mg(units: TableUnits) -> float:
    """Return what one unit of AMT is in mg.

    Parameters
    ----------
    units : TableUnits

    Returns
    -------
    float

    Raises
    ------
    UnitError
        Not a unit of mass, or an amount of substance without a molar mass.
    """
    if units.amount == "mg":
        return 1.0
    return convert(1.0, units.amount, "mg", molar_mass_g_per_mol=units.molar_mass_g_per_mol, where="unit of AMT")


def time_in_h(units: TableUnits) -> float:
    """Return what one unit of TIME is in h.

    Parameters
    ----------
    units : TableUnits

    Returns
    -------
    float

    Raises
    ------
    UnitError
        Not a unit of time.
    """
    return 1.0 if units.time == "h" else convert(1.0, units.time, "h", where="unit of TIME")


def units_line(units: TableUnits) -> str:
    """Return the first line of a table that limus writes: type, version and units.

    Parameters
    ----------
    units : TableUnits

    Returns
    -------
    str
    """
    return f"# limus event table 1; AMT {units.amount}; TIME {units.time}; DV {units.concentration}"


def with_concentration_unit(table: EventTable, unit: str, *, molar_mass_g_per_mol: float | None = None) -> EventTable:
    """Convert levels and limits of quantification to another unit.

    Parameters
    ----------
    table : EventTable
    unit : str
        Unit wanted.
    molar_mass_g_per_mol : float, optional
        Needed between mass and amount of substance.

    Returns
    -------
    EventTable

    Raises
    ------
    UnitError
        Units of different kinds, or mass against amount without a molar mass.
    """
    if unit == table.concentration_unit:
        return table
    factor = convert(1.0, table.concentration_unit, unit, molar_mass_g_per_mol=molar_mass_g_per_mol, where="unit of DV")
    levels = table.observations
    levels = replace(levels, value=levels.value * factor, limit=levels.limit * factor)
    return replace(table, observations=levels, concentration_unit=unit)
