"""What both writers print in the same way: numbers of tables, figures and references, notes of a table, details."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from limus.kernel.provenance import Directness
from limus.report.blocks import Cell, ColumnHead, Figure, Section, Table, walk_blocks
from limus.report.content import Guide, find_result, values_outside_tables
from limus.report.markup import Placeholder
from limus.report.numbers import format_count, format_interval, format_number

__all__ = [
    "DIRECTNESS_WORDS",
    "PROVENANCE_WORDS",
    "PlacedCell",
    "ReferenceText",
    "cell_details",
    "interval_text",
    "number_blocks",
    "number_references",
    "number_sections",
    "placed_cells",
    "placeholder_text",
    "reference_texts",
    "shown_unit",
    "stamp_lines",
    "table_notes",
    "with_unit",
]

DIRECTNESS_WORDS: dict[Directness, str] = {
    Directness.MEASURED: "read in the named source, or in the user's own data",
    Directness.INFERRED: "derived from something else, which the note names, or assumed",
    Directness.SIMULATED: "computed by the model and with the seed that the note names",
}

PROVENANCE_WORDS = (
    "Where each number comes from. The list is made from the same cells as the tables; results that stand "
    "in the text alone come last."
)


@dataclass(frozen=True, slots=True)
class PlacedCell:
    """A cell with the table, row and column that it stands in; no table for a result that stands in prose alone."""

    table_key: str
    row_label: str
    column_title: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class ReferenceText:
    """A reference cut at its DOI, which becomes a link: text before, ``doi:...`` with its address, text after."""

    key: str
    before: str
    doi: str
    url: str
    after: str


def reference_texts(guide: Guide) -> list[ReferenceText]:
    """Return the references in their order; a DOI that the citation does not print is put behind it."""
    texts = []
    for reference in guide.references:
        doi = f"doi:{reference.doi}" if reference.doi else ""
        before, _, after = reference.citation.partition(doi) if doi else (reference.citation, "", "")
        if doi and doi not in reference.citation:
            before += " "
        texts.append(ReferenceText(reference.key, before, doi, f"https://doi.org/{quote(reference.doi)}", after))
    return texts


def number_references(guide: Guide) -> dict[str, int]:
    """Return the number of each reference, from 1, in the order of first citation."""
    return {reference.key: number for number, reference in enumerate(guide.references, start=1)}


def number_blocks(guide: Guide) -> dict[str, int]:
    """Return the number of each table and each figure by its key; the two are counted apart."""
    numbers: dict[str, int] = {}
    for kind in (Table, Figure):
        found = [block.key for _, block in walk_blocks(guide.sections) if isinstance(block, kind)]
        numbers.update({key: number for number, key in enumerate(found, start=1)})
    return numbers


def number_sections(sections: tuple[Section, ...], before: str = "") -> dict[str, str]:
    """Return the number of each section, such as ``2.1``, by its key."""
    numbers: dict[str, str] = {}
    for index, section in enumerate(sections, start=1):
        numbers[section.key] = f"{before}{index}"
        numbers.update(number_sections(section.subsections, f"{before}{index}."))
    return numbers


def table_notes(table: Table) -> dict[str, str]:
    """Return the letter of each different cell note of a table, in reading order: a, b, ..., z, aa, ab, ..."""
    notes = dict.fromkeys(cell.note for row in table.rows for cell in row.cells if cell.note)
    return {note: _letter(index) for index, note in enumerate(notes)}


def _letter(index: int) -> str:
    first, second = divmod(index, 26)
    return (chr(ord("a") + first - 1) if first else "") + chr(ord("a") + second)


def shown_unit(cell: Cell, head: ColumnHead) -> str:
    """Return the unit to print in a cell: none where the head of the column already says it."""
    return "" if cell.unit == head.unit else cell.unit


def with_unit(cell: Cell) -> str:
    """Return the text of a cell with its unit."""
    return f"{cell.text} {cell.unit}".rstrip()


def interval_text(cell: Cell) -> str:
    """Return the interval of a cell without unit, with the digits that the value deserves; empty without one."""
    return "" if cell.interval is None else format_interval(*cell.interval)


def placeholder_text(guide: Guide, placeholder: Placeholder) -> str:
    """Return what a placeholder shows.

    Parameters
    ----------
    guide : Guide
        The checked tree.
    placeholder : Placeholder
        Key and part.

    Returns
    -------
    str

    Raises
    ------
    ContentError
        The key names no result; cannot happen in a guide made by ``Guide.create``.
    """
    cell = find_result(guide, placeholder.key)
    parts = {
        "": with_unit(cell),
        "number": cell.text,
        "unit": cell.unit,
        "interval": f"{interval_text(cell)} {cell.unit}".rstrip(),
        "n": "" if cell.n is None else format_count(cell.n),
    }
    return parts[placeholder.part]


def cell_details(cell: Cell, short_names: dict[str, str]) -> str:
    """Return everything behind a cell as one line of plain text.

    Parameters
    ----------
    cell : Cell
        The cell.
    short_names : dict of str to str
        Authors and year by source key.

    Returns
    -------
    str
    """
    parts = [with_unit(cell)]
    if cell.directness is not None:
        parts.append(str(cell.directness))
    if cell.value is not None and cell.text != format_number(cell.value):
        parts.append(f"value {format_number(cell.value, 6)}")
    if cell.interval is not None:
        parts.append(f"interval {interval_text(cell)} {cell.unit}".rstrip())
    if cell.n is not None:
        parts.append(f"n = {format_count(cell.n)}")
    if cell.certainty:
        parts.append(f"certainty: {cell.certainty}")
    if cell.source:
        parts.append("source: " + ", ".join(short_names.get(key, key) for key in cell.source))
    if cell.note:
        parts.append(cell.note)
    return "; ".join(parts)


def placed_cells(guide: Guide) -> Iterator[PlacedCell]:
    """Yield every cell that claims something, tables first, then results in prose, for the table of provenance.

    Parameters
    ----------
    guide : Guide
        The checked tree.

    Yields
    ------
    PlacedCell
    """
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Table):
            for row in block.rows:
                for head, cell in zip(block.columns, row.cells, strict=True):
                    if cell.directness is not None:
                        yield PlacedCell(block.key, row.label, head.title, cell)
    for key, cell in values_outside_tables(guide).items():
        if cell.directness is not None:
            yield PlacedCell("", key, "", cell)


def stamp_lines(guide: Guide) -> list[tuple[str, str]]:
    """Return what the guide was made with, as pairs of name and text; no time, no machine, no folder.

    Parameters
    ----------
    guide : Guide
        The checked tree.

    Returns
    -------
    list of tuple of (str, str)
    """
    stamp = guide.stamp
    lines = [("limus", stamp.limus), ("Python", stamp.python), ("Seed", str(stamp.seed))]
    if stamp.packages:
        lines.append(("Packages", ", ".join(f"{name} {version}" for name, version in sorted(stamp.packages.items()))))
    for path, digest in stamp.inputs.items():
        lines.append((f"Input {path.replace(chr(92), '/').rpartition('/')[2]}", f"SHA-256 {digest[:16]}"))
    return lines
