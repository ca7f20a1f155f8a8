"""Check of units: a concentration that is printed twice, by mass and by amount, and factors that a slip leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from limus.evidence.consistency.judgement import Consistency, Judgement
from limus.evidence.consistency.printed import Printed, read_printed
from limus.evidence.consistency.reported import Reported, Row
from limus.kernel.errors import LimusError
from limus.molecule.catalogue import find_compound
from limus.molecule.compound import Compound
from limus.molecule.conversion import convert_for_compound

__all__ = ["check_units"]

_COMPOUND = ("compound", "drug", "substance")
_PRINTED_PAIR = ("value", "unit"), ("value_printed", "unit_printed"), ("value_reported", "unit_reported")
_IN_NAME = re.compile(r"^(?P<what>.+?)[ _(\[]+(?P<unit>[pnum]?M|[pnumk]?g[/_](?:m|d|u)?L|[pnum]?mol[/_]L)[)\]]?$")
_SLIPS = {
    1000.0: "a thousand times too large",
    1e-3: "a thousand times too small",
    1e6: "a million times too large",
    1e-6: "a million times too small",
}
_TOLERANCE = 0.02  # of a factor, for rounding and for molar masses that differ by a hydrate


def check_units(reported: Reported) -> Iterator[Judgement]:
    """A concentration given in two units is the same in both, through the molar mass of its compound."""
    for row in reported.rows:
        compound, said = _compound_of(row)
        readings = _readings(row)
        if len(readings) < 2:
            continue
        if compound is None:
            yield Judgement("units-agree", row.where, Consistency.NOT_JUDGED, said)
            continue
        for at, (name, value, unit) in enumerate(readings):
            for other_name, other, other_unit in readings[at + 1 :]:
                if unit != other_unit:
                    yield _compare(row, compound, (name, value, unit), (other_name, other, other_unit))


def _compound_of(row: Row) -> tuple[Compound | None, str]:
    column = next((name for name in row.cells if name.casefold() in _COMPOUND), "")
    if not column:
        return None, "no column names the compound, whose molar mass is needed"
    try:
        return find_compound(row.cells[column]), ""
    except LimusError as error:
        return None, f"{error.where} {error.got}: {error.do}"


def _readings(row: Row) -> list[tuple[str, Printed, str]]:
    found = []
    cells: Mapping[str, str] = row.cells
    for value_column, unit_column in _PRINTED_PAIR:
        value = read_printed(cells.get(value_column, ""))
        unit = cells.get(unit_column, "")
        if value and re.fullmatch(r"[pnum]?M|[pnumk]?g/(?:m|d|u)?L|[pnum]?mol/L", unit):
            found.append((value_column, value, unit))
    for name, cell in cells.items():
        match = _IN_NAME.match(name)
        value = read_printed(cell)
        if match and value:
            found.append((name, value, match["unit"].replace("_", "/")))
    stems = {_stem(name) for name, _, _ in found}
    return found if len(stems) == 1 else []


def _stem(name: str) -> str:
    match = _IN_NAME.match(name)
    text = match["what"] if match else name
    return re.sub(r"[_ ]?(printed|reported)$", "", text)


def _compare(row: Row, compound: Compound, one: tuple[str, Printed, str], two: tuple[str, Printed, str]) -> Judgement:
    (value, unit), (other, other_unit) = one[1:], two[1:]
    try:
        ends = [convert_for_compound(x, unit, other_unit, compound) for x in (value.lowest, value.highest)]
        converted = convert_for_compound(value.value, unit, other_unit, compound)
    except LimusError as error:
        return Judgement("units-agree", row.where, Consistency.NOT_JUDGED, error.message)
    said = f"{value.text} {unit} of {compound.name} is {converted:.4g} {other_unit}; printed {other.text} {other_unit}"
    if ends[0] * (1 - _TOLERANCE) <= other.highest and other.lowest <= ends[1] * (1 + _TOLERANCE):
        return Judgement("units-agree", row.where, Consistency.CONSISTENT, said)
    if value.agrees(other.value):
        return Judgement(
            "units-agree", row.where, Consistency.INCONSISTENT, f"{said}: the number was copied, the unit changed"
        )
    ratio = other.value / converted if converted else 0.0
    slip = next((words for factor, words in _SLIPS.items() if abs(ratio / factor - 1) < _TOLERANCE), "")
    if not slip:
        back = converted / value.value if value.value else 0.0
        if back and abs(ratio * back * back - 1) < _TOLERANCE:
            slip = "multiplied where it had to be divided by the molar mass"
    return Judgement("units-agree", row.where, Consistency.INCONSISTENT, said + (f": {slip}" if slip else ""))
