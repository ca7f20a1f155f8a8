"""The content tree of a guide: one checked value from which every writer and the list of cells are made.

A number in prose is a placeholder for a result key, a citation is a key of the bibliography, and the list of
references is computed from what was cited; so prose, tables, figures and references cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from limus.kernel.checks import raise_on_errors, run_checks
from limus.kernel.provenance import Directness, RunStamp
from limus.report.blocks import (
    Block,
    BulletList,
    Cell,
    ColumnHead,
    Figure,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    markup_texts,
    walk_blocks,
    walk_sections,
)
from limus.report.content_checks import CONTENT_CHECKS, Draft, result_cells
from limus.report.markup import Citation, ContentError, parse_markup, walk_inlines
from limus.report.numbers import format_number

__all__ = [
    "RESEARCH_USE",
    "Block",
    "BulletList",
    "Cell",
    "ColumnHead",
    "ContentError",
    "Figure",
    "Guide",
    "Notice",
    "Paragraph",
    "ReferenceLike",
    "Row",
    "Section",
    "Table",
    "cells",
    "find_result",
    "number_cell",
    "text_cell",
    "values_outside_tables",
    "walk_blocks",
    "walk_sections",
]

RESEARCH_USE = (
    "Research use only. Not a medical device, not medical advice: nothing here may be used to diagnose, to treat "
    "or to choose a dose for a patient."
)


class ReferenceLike(Protocol):
    """What the writers need of a reference."""

    @property
    def key(self) -> str:
        """Key in the bibliography."""

    @property
    def citation(self) -> str:
        """The reference in full, as one line."""

    @property
    def short(self) -> str:
        """Authors and year."""

    @property
    def doi(self) -> str:
        """Digital object identifier, or empty."""


@dataclass(frozen=True, slots=True, eq=False)
class Guide:
    """A whole guide; make one with :meth:`create`.

    Attributes
    ----------
    title, subtitle : str
        Plain text.
    sections : tuple of Section
        The tree.
    values : mapping of str to Cell
        Results named in prose that stand in no table.
    stamp : RunStamp
        What the run was made with. Its time and machine are not printed, so that two reports of one request are the
        same bytes; they stand in the run's ``provenance.json``.
    references : tuple of ReferenceLike
        What was cited, in the order of first citation.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    values: Mapping[str, Cell]
    stamp: RunStamp
    references: tuple[ReferenceLike, ...] = field(default=())

    @classmethod
    def create(
        cls,
        title: str,
        subtitle: str,
        sections: Sequence[Section],
        *,
        values: Mapping[str, Cell],
        stamp: RunStamp,
        bibliography: Mapping[str, ReferenceLike],
    ) -> Guide:
        """Check a tree and make the guide.

        Parameters
        ----------
        title, subtitle : str
            Plain text.
        sections : sequence of Section
            The tree.
        values : mapping of str to Cell
            Results named in prose that stand in no table.
        stamp : RunStamp
            What the run was made with.
        bibliography : mapping of str to reference
            Everything that may be cited, by key.

        Returns
        -------
        Guide

        Raises
        ------
        ContentError
            A check of :data:`limus.report.content_checks.CONTENT_CHECKS` failed; the message says where.
        """
        tree = tuple(sections)
        draft = Draft(tree, values, frozenset(bibliography))
        raise_on_errors(run_checks(draft, CONTENT_CHECKS), ContentError)
        cited = dict.fromkeys(_cited_keys(tree, values))
        references = tuple(bibliography[key] for key in cited)
        return cls(title, subtitle, tree, MappingProxyType(dict(values)), stamp, references)


def _cited_keys(sections: tuple[Section, ...], values: Mapping[str, Cell]) -> Iterator[str]:
    for _, block in walk_blocks(sections):
        if isinstance(block, Table):
            for row in block.rows:
                for cell in row.cells:
                    yield from cell.source
        for text in markup_texts(block):
            for inline in walk_inlines(parse_markup(text)):
                if isinstance(inline, Citation):
                    yield from inline.keys
    for cell in values.values():
        yield from cell.source


def number_cell(
    value: float,
    unit: str,
    directness: Directness,
    *,
    n: int | None = None,
    interval: tuple[float, float] | None = None,
    source: Sequence[str] = (),
    certainty: str = "",
    note: str = "",
    text: str = "",
    significant: int = 3,
) -> Cell:
    """Make a cell from a number; the text is printed by the one rule of :mod:`limus.report.numbers`.

    Parameters
    ----------
    value : float
        Finite number in ``unit``.
    unit : str
        Unit of value and interval.
    directness : Directness
        How it is known.
    n, interval, source, certainty, note
        As in :class:`Cell`.
    text : str
        What the reader sees instead of the printed number, such as ``'12 +/- 0.8'``.
    significant : int
        Significant digits at most.

    Returns
    -------
    Cell

    Raises
    ------
    ValueRangeError
        The number is not finite.

    Examples
    --------
    >>> number_cell(0.0600, "nM", Directness.MEASURED, source=["yoshimura_1989"]).text
    '0.06'
    """
    shown = text or format_number(value, significant)
    return Cell(value, shown, unit, directness, n, interval, tuple(source), certainty, note)


def text_cell(
    text: str,
    *,
    directness: Directness | None = None,
    n: int | None = None,
    source: Sequence[str] = (),
    certainty: str = "",
    note: str = "",
) -> Cell:
    """Make a cell that holds words, such as ``'no value found'``.

    Parameters
    ----------
    text : str
        What the reader sees.
    directness, n, source, certainty, note
        As in :class:`Cell`.

    Returns
    -------
    Cell
    """
    return Cell(None, text, "", directness, n, None, tuple(source), certainty, note)


def cells(guide: Guide) -> list[dict[str, Any]]:
    """Return every cell of the guide as one flat list, in reading order, ready for JSON.

    Parameters
    ----------
    guide : Guide
        The checked tree.

    Returns
    -------
    list of dict
        ``section, row, column, value, unit, directness, source, n`` (keys of section, row and column), and further
        ``table, section_title, row_label, column_title, text, interval, certainty, note``. Open interval ends are
        None. Values that stand in no table come last, with the section ``values``.
    """
    found: list[dict[str, Any]] = []
    for section, block in walk_blocks(guide.sections):
        if not isinstance(block, Table):
            continue
        for row in block.rows:
            for head, cell in zip(block.columns, row.cells, strict=True):
                place = {"section": section.key, "row": row.key, "column": head.key, "table": block.key}
                titles = {"section_title": section.title, "row_label": row.label, "column_title": head.title}
                found.append(_as_record(cell, place, titles))
    for key, cell in values_outside_tables(guide).items():
        place = {"section": "values", "row": key, "column": "value", "table": ""}
        titles = {"section_title": "Values", "row_label": key, "column_title": "Value"}
        found.append(_as_record(cell, place, titles))
    return found


def values_outside_tables(guide: Guide) -> dict[str, Cell]:
    """Return the free values that are not also a cell of a table.

    Parameters
    ----------
    guide : Guide
        The checked tree.

    Returns
    -------
    dict of str to Cell
        By result key.
    """
    in_tables = set(result_cells(guide.sections, {}).values())
    return {key: cell for key, cell in guide.values.items() if cell not in in_tables}


def _as_record(cell: Cell, place: dict[str, str], titles: dict[str, str]) -> dict[str, Any]:
    interval = None
    if cell.interval is not None:
        interval = [end if math.isfinite(end) else None for end in cell.interval]
    return {
        "section": place["section"],
        "row": place["row"],
        "column": place["column"],
        "value": cell.value,
        "unit": cell.unit,
        "directness": None if cell.directness is None else str(cell.directness),
        "source": list(cell.source),
        "n": cell.n,
        "table": place["table"],
        **titles,
        "text": cell.text,
        "interval": interval,
        "certainty": cell.certainty,
        "note": cell.note,
    }


def find_result(guide: Guide, key: str) -> Cell:
    """Return the cell that a placeholder names.

    Parameters
    ----------
    guide : Guide
        The checked tree.
    key : str
        Key of a free value, or ``table.row.column``.

    Returns
    -------
    Cell

    Raises
    ------
    ContentError
        No such result.
    """
    found = result_cells(guide.sections, guide.values)
    if key not in found:
        raise ContentError("result key", key, "a key of values, or table.row.column", "correct the key")
    return found[key]
