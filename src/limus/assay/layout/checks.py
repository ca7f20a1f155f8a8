"""Checks of a layout before any signal is read: each a named question with a list of findings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from limus.assay.layout.records import LayoutWell, Quantity, Role
from limus.assay.plate.findings import error, note, warning
from limus.assay.plate.format import PlateFormat, well_name
from limus.kernel.checks import Check, Finding
from limus.kernel.errors import UnitError
from limus.kernel.units import dimension

__all__ = ["LAYOUT_CHECKS", "LayoutDraft", "list_wells", "wells_named_twice"]

_AMOUNTS = {Role.STANDARD, Role.QUALITY_CONTROL}


@dataclass(frozen=True, eq=False)
class LayoutDraft:
    """All wells that a layout names, also wrong and doubled ones, and the plate."""

    plate: PlateFormat
    wells: tuple[LayoutWell, ...]


def wells_named_twice(wells: Iterable[LayoutWell]) -> set[tuple[int, int]]:
    """Return rows and columns that more than one entry names.

    Parameters
    ----------
    wells : iterable of LayoutWell

    Returns
    -------
    set of (int, int)
    """
    counts = Counter((well.row, well.column) for well in wells)
    return {place for place, count in counts.items() if count > 1}


def list_wells(names: Sequence[str], most: int = 8) -> str:
    """Write wells for a finding: the first few, and how many more.

    Parameters
    ----------
    names : sequence of str
    most : int
        Names written at most.

    Returns
    -------
    str
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _unknown(draft: LayoutDraft) -> Iterator[Finding]:
    for where, names in _by_entry(w for w in draft.wells if not draft.plate.holds(w.row, w.column)):
        allowed = f"A1 to {draft.plate.wells[-1]} of a {draft.plate.label}"
        yield error("unknown-well", where, list_wells(names), allowed, "correct wells or plate")


def _twice(draft: LayoutDraft) -> Iterator[Finding]:
    for row, column in sorted(wells_named_twice(draft.wells)):
        wheres = [w.where for w in draft.wells if (w.row, w.column) == (row, column)]
        yield warning(
            "well-named-twice",
            f"well {well_name(row, column)}",
            " and ".join(dict.fromkeys(wheres)),
            "one entry for a well",
            "correct the layout; the well is left out until then",
        )


def _not_named(draft: LayoutDraft) -> Iterator[Finding]:
    named = {(w.row, w.column) for w in draft.wells}
    missing = [
        well_name(r, c) for r in range(draft.plate.rows) for c in range(draft.plate.columns) if (r, c) not in named
    ]
    if missing:
        yield note(
            "well-not-named",
            f"{len(missing)} wells",
            list_wells(missing),
            "every well in the layout, with role empty or excluded where it is not used",
            "they are not analysed",
        )


def _units_missing(draft: LayoutDraft) -> Iterator[Finding]:
    for name in ("concentration", "time", "enzyme", "spike"):
        bare = [w for w in draft.wells if _lacks_unit(getattr(w, name))]
        for where, names in _by_entry(bare):
            got = f"no unit in {list_wells(names)}"
            do = "write the unit behind the number"
            yield error("unit-missing", f"{where}, {name}", got, "a unit such as nM", do)


def _lacks_unit(quantity: Quantity) -> bool:
    return quantity.given and quantity.value != 0 and not quantity.unit


def _units_unknown(draft: LayoutDraft) -> Iterator[Finding]:
    for unit, where in _units(draft.wells).items():
        try:
            dimension(unit, where=where)
        except UnitError as problem:
            yield error("unit-unknown", problem.where, problem.got, problem.allowed, problem.do)


def _units(wells: Iterable[LayoutWell]) -> dict[str, str]:
    found: dict[str, str] = {}
    for well in wells:
        for name in ("concentration", "time", "enzyme", "spike"):
            quantity: Quantity = getattr(well, name)
            if quantity.given and quantity.unit:
                found.setdefault(quantity.unit, f"{well.where}, {name}")
    return found


def _units_mixed(draft: LayoutDraft) -> Iterator[Finding]:
    groups: dict[str, dict[str, str]] = {}
    for well in draft.wells:
        if well.concentration.given and well.concentration.unit:
            name = "the standards" if well.role in _AMOUNTS else (well.compound or "a compound without a name")
            groups.setdefault(name, {}).setdefault(well.concentration.unit, well.where)
    for name, units in groups.items():
        if len(units) == 1:
            continue
        try:
            kinds = {dimension(unit) for unit in units}
        except UnitError:
            continue  # said by unit-unknown
        written = ", ".join(units)
        where = next(reversed(units.values()))
        if len(kinds) == 1:
            yield warning("units-mixed", where, f"{name} in {written}", "one unit", "converted to one; check")
        else:
            yield error("units-mixed", where, f"{name} in {written}", "units of one kind", "correct the units")


def _levels(draft: LayoutDraft) -> Iterator[Finding]:
    for well in draft.wells:
        quantity = well.concentration
        if quantity.given and (quantity.value < 0 or not math.isfinite(quantity.value)):
            got = f"{quantity.value:g} {quantity.unit} in {well.name}"
            yield error("concentration-negative", well.where, got, "zero or more", "correct the layout")
        if well.dilution < 1 or not math.isfinite(well.dilution):
            got = f"{well.dilution:g} in {well.name}"
            yield error("dilution-below-one", well.where, got, "a fold, 1 or more", "correct the layout")
    lacking = [
        w
        for w in draft.wells
        if not w.concentration.given and (w.role in _AMOUNTS or (w.role is Role.SAMPLE and w.compound and not w.sample))
    ]
    for where, names in _by_entry(lacking):
        yield error("concentration-missing", where, list_wells(names), "a concentration with its unit", "add it")


def _by_entry(wells: Iterable[LayoutWell]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for well in wells:
        found.setdefault(well.where, []).append(well.name)
    return list(found.items())


LAYOUT_CHECKS: tuple[Check[LayoutDraft], ...] = (
    Check("unknown-well", "Every well named is a well of the plate.", _unknown),
    Check("unit-missing", "Every number that needs a unit has one.", _units_missing),
    Check("unit-unknown", "Every unit is known.", _units_unknown),
    Check("units-mixed", "A compound, and the standards, have one unit.", _units_mixed),
    Check("levels", "Standards and compounds have concentrations of zero or more.", _levels),
    Check("well-named-twice", "No well is named by two entries.", _twice),
    Check("well-not-named", "Every well of the plate is named.", _not_named),
)
