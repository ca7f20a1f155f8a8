"""Cells and small blocks that every section of the comparison uses."""

from __future__ import annotations

from collections.abc import Sequence

from limus.kernel.provenance import Kind, SourcedValue
from limus.molecule.compound import Compound, CompoundConstant
from limus.report.content import Cell, ColumnHead, Figure, number_cell, text_cell
from limus.report.figures import Drawing

__all__ = ["certainty", "columns", "figure", "first_constant", "key_of", "missing", "sourced_cell", "unit_words"]


_UNIT_WORDS = {
    "dimensionless": "",
    "percent": "%",
    "angstrom**2": "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}\N{SUPERSCRIPT TWO}",
    "pg/megacells": "pg per million cells",
    "pg/megacells/(ng/mL)": "pg per million cells per ng/mL",
}


def unit_words(unit: str) -> str:
    """Write a unit for people."""
    words = _UNIT_WORDS.get(unit, unit)
    words = words.replace("**-1", "\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ONE}").replace("**2", "\N{SUPERSCRIPT TWO}")
    return words.replace("*", "\N{MIDDLE DOT}")


def key_of(text: str) -> str:
    """Turn a name into a key of the content tree."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in text)


def sourced_cell(value: SourcedValue) -> Cell:
    """Show a library value: its number or text as printed, its kind, source and caveats."""
    note = "; ".join(part for part in (value.spread, value.conditions, value.note) if part) or f"{value.kind}"
    unit = unit_words(value.unit)
    if value.value is None:
        said = value.printed if unit and value.printed.endswith(unit) else f"{value.printed} {unit}".strip()
        return text_cell(
            said,
            directness=value.directness,
            source=value.source,
            certainty=certainty(value),
            note=note,
        )
    return number_cell(
        value.value,
        unit,
        value.directness,
        source=value.source,
        certainty=certainty(value),
        note=note,
        text=value.printed if value.printed.startswith(("<", ">")) else "",  # a limit is not a value
        significant=6,
    )


def certainty(value: SourcedValue) -> str:
    """The kind of a library value, where it says more than its directness."""
    return "" if value.kind is Kind.MEASURED else str(value.kind)


def columns(compounds: Sequence[Compound]) -> tuple[ColumnHead, ...]:
    """One column a compound."""
    return tuple(ColumnHead(key_of(c.name), c.name) for c in compounds)


def missing(text: str = "not known here") -> Cell:
    """A cell for what is not known."""
    return text_cell(text)


def first_constant(compound: Compound, *properties: str) -> CompoundConstant | None:
    """The first constant that has one of the properties and is not merely assumed, else the first at all."""
    found = [c for name in properties for c in compound.constants if c.property == name and c.value.value is not None]
    supported = [c for c in found if c.value.kind is not Kind.ASSUMED]
    ranked = supported or found
    return ranked[0] if ranked else None


def figure(key: str, title: str, drawing: Drawing, caption: str) -> Figure:
    """Put a drawing into the tree."""
    return Figure(key, title, drawing.svg, drawing.alt, caption, drawing.data)
