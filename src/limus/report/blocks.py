"""What a guide is made of: cells, tables, paragraphs, lists, notices, figures and sections. Values, no behaviour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limus.kernel import tables
from limus.kernel.provenance import Directness

__all__ = [
    "NOTICE_LEVELS",
    "Block",
    "BulletList",
    "Cell",
    "ColumnHead",
    "Figure",
    "Notice",
    "Paragraph",
    "Row",
    "Section",
    "Table",
    "markup_texts",
    "walk_blocks",
    "walk_sections",
]

NOTICE_LEVELS = ("note", "warning", "research-use")


@dataclass(frozen=True, slots=True)
class Cell:
    """One result with everything that says where it came from.

    Attributes
    ----------
    value : float or None
        The number in ``unit``; None where there is only text.
    text : str
        What the reader sees, without the unit.
    unit : str
        Unit of value and interval ('' for a pure number or for text).
    directness : Directness or None
        measured, inferred or simulated; None only for text that claims nothing.
    n : int or None
        Number of donors, wells, subjects or replicates; the note says which.
    interval : tuple of two floats, or None
        Lower and upper end in ``unit``; an infinite end is open; the note of cell or table says the level.
    source : tuple of str
        Keys in the bibliography.
    certainty : str
        One word or a few, such as ``high``, ``low``, ``assumed``.
    note : str
        Plain text: inferred from what, simulated with which model and seed, conditions, caveats.
    """

    value: float | None
    text: str
    unit: str = ""
    directness: Directness | None = None
    n: int | None = None
    interval: tuple[float, float] | None = None
    source: tuple[str, ...] = ()
    certainty: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ColumnHead:
    """Head of a column: a key (no dots), the title, and the unit of cells that do not show one of their own."""

    key: str
    title: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: a key (no dots), the label, one cell for each column."""

    key: str
    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``note`` is markup, ``stub`` is the title of the column of row labels."""

    key: str
    title: str
    columns: tuple[ColumnHead, ...]
    rows: tuple[Row, ...]
    note: str = ""
    stub: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of markup."""

    text: str


@dataclass(frozen=True, slots=True)
class BulletList:
    """A list; every item is markup."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A framed remark: level ``note``, ``warning`` or ``research-use``; the text is markup."""

    level: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A drawing with its data.

    Attributes
    ----------
    key, title : str
        Key (also the name of the saved files) and plain title.
    svg : str
        A whole SVG document without scripts and outside references.
    alt : str
        What the drawing shows, in words.
    caption : str
        Markup; says n, model, seed and directness.
    data : limus.kernel.tables.Table
        The numbers that are drawn.
    """

    key: str
    title: str
    svg: str
    alt: str
    caption: str
    data: tables.Table


Block = Paragraph | BulletList | Notice | Table | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """A section: blocks first, then subsections."""

    key: str
    title: str
    blocks: tuple[Block, ...] = ()
    subsections: tuple[Section, ...] = ()


def walk_sections(sections: Sequence[Section]) -> Iterator[Section]:
    """Yield every section and subsection in reading order.

    Parameters
    ----------
    sections : sequence of Section
        The top level.

    Yields
    ------
    Section
    """
    for section in sections:
        yield section
        yield from walk_sections(section.subsections)


def walk_blocks(sections: Sequence[Section]) -> Iterator[tuple[Section, Block]]:
    """Yield every block with the section that holds it, in reading order.

    Parameters
    ----------
    sections : sequence of Section
        The top level.

    Yields
    ------
    tuple of (Section, Block)
    """
    for section in walk_sections(sections):
        for block in section.blocks:
            yield section, block


def markup_texts(block: Block) -> tuple[str, ...]:
    """Return the texts of a block that are written in markup, in reading order.

    Parameters
    ----------
    block : Block
        Any block.

    Returns
    -------
    tuple of str
    """
    if isinstance(block, Paragraph | Notice):
        return (block.text,)
    if isinstance(block, BulletList):
        return block.items
    return (block.note,) if isinstance(block, Table) else (block.caption,)
