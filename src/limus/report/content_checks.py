"""Checks of a content tree: small named sentences, run when a guide is created."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from limus.kernel.checks import Check, Finding, Severity
from limus.kernel.errors import near_names
from limus.kernel.provenance import Directness
from limus.report.blocks import NOTICE_LEVELS, Cell, Figure, Notice, Section, Table, markup_texts, walk_blocks
from limus.report.blocks import walk_sections as _walk_sections
from limus.report.markup import Citation, Placeholder, parse_markup, walk_inlines

__all__ = ["CONTENT_CHECKS", "Draft", "result_cells"]

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ACTIVE_TAGS = ("script", "foreignobject", "image", "iframe", "animate", "set")
_OUTSIDE = re.compile(r"url\(\s*[\"']?(?!#)|@import", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Draft:
    """A guide before it is checked: sections, free values and the keys that may be cited."""

    sections: tuple[Section, ...]
    values: Mapping[str, Cell]
    bibliography: frozenset[str]


def result_cells(sections: tuple[Section, ...], values: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return every cell that prose can name: free values, and table cells under ``table.row.column``.

    Parameters
    ----------
    sections : tuple of Section
        The tree.
    values : mapping of str to Cell
        Results that stand in no table.

    Returns
    -------
    dict of str to Cell
    """
    found = dict(values)
    for _, block in walk_blocks(sections):
        if isinstance(block, Table):
            for row in block.rows:
                for head, cell in zip(block.columns, row.cells, strict=False):
                    found[f"{block.key}.{row.key}.{head.key}"] = cell
    return found


def _error(check: str, where: str, got: object, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, where, str(got), allowed, do)


def _placed_texts(draft: Draft) -> Iterator[tuple[str, str]]:
    for section, block in walk_blocks(draft.sections):
        key = getattr(block, "key", "")
        place = f"section {section.key}, {type(block).__name__.lower()}" + (f" {key}" if key else "")
        for text in markup_texts(block):
            yield place, text


def _placed_cells(draft: Draft) -> Iterator[tuple[str, Cell]]:
    for section, block in walk_blocks(draft.sections):
        if isinstance(block, Table):
            for row in block.rows:
                for head, cell in zip(block.columns, row.cells, strict=False):
                    yield f"section {section.key}, table {block.key}, row {row.key}, column {head.key}", cell
    for key, cell in draft.values.items():
        yield f"value {key}", cell


def _ask_keys(draft: Draft) -> Iterator[Finding]:
    blocks = [block for _, block in walk_blocks(draft.sections) if isinstance(block, Table | Figure)]
    keys = [section.key for section in _walk_sections(draft.sections)] + [block.key for block in blocks]
    groups = [("guide", keys)]
    for block in blocks:
        if isinstance(block, Table):
            groups.append((f"table {block.key}, columns", [head.key for head in block.columns]))
            groups.append((f"table {block.key}, rows", [row.key for row in block.rows]))
    for where, members in groups:
        for key, count in Counter(members).items():
            if count > 1:
                yield _error("keys-unique", where, key, "each key once", "rename one of the two")
            if not _KEY.fullmatch(key):
                allowed = "letters, digits, hyphen and underscore"
                yield _error("keys-plain", where, key, allowed, "write the key without other characters")
    for key in sorted(set(draft.values) & set(result_cells(draft.sections, {}))):
        yield _error("keys-unique", "values", key, "a key that is no table cell's address", "rename the value")


def _ask_citations(draft: Draft) -> Iterator[Finding]:
    cited = [
        (where, key)
        for where, text in _placed_texts(draft)
        for inline in walk_inlines(parse_markup(text, where))
        if isinstance(inline, Citation)
        for key in inline.keys
    ]
    cited += [(f"{where}, source", key) for where, cell in _placed_cells(draft) for key in cell.source]
    for where, key in cited:
        if key not in draft.bibliography:
            near = ", ".join(near_names(key, draft.bibliography)) or "a key of the bibliography"
            yield _error("citations-known", where, key, near, "correct the key or add the source to the bibliography")


def _ask_placeholders(draft: Draft) -> Iterator[Finding]:
    known = result_cells(draft.sections, draft.values)
    for where, text in _placed_texts(draft):
        for inline in walk_inlines(parse_markup(text, where)):
            if not isinstance(inline, Placeholder):
                continue
            cell = known.get(inline.key)
            if cell is None:
                near = ", ".join(near_names(inline.key, known)) or "a result key"
                yield _error("placeholders-resolve", where, inline.key, near, "correct the key or add the value")
            elif (inline.part == "interval" and cell.interval is None) or (inline.part == "n" and cell.n is None):
                got = f"{inline.key} has no {inline.part}"
                yield _error("placeholders-resolve", where, got, f"a cell with {inline.part}", "leave the part out")


def _ask_tables(draft: Draft) -> Iterator[Finding]:
    for section, block in walk_blocks(draft.sections):
        if not isinstance(block, Table):
            continue
        where = f"section {section.key}, table {block.key}"
        if not block.columns or not block.rows:
            yield _error("tables-filled", where, "no rows or columns", "at least one of each", "leave the table out")
        for row in block.rows:
            if len(row.cells) != len(block.columns):
                got = f"{len(row.cells)} cells"
                allowed = f"{len(block.columns)} cells, one a column"
                yield _error("tables-rectangular", f"{where}, row {row.key}", got, allowed, "add or remove cells")


def _ask_cells(draft: Draft) -> Iterator[Finding]:
    for where, cell in _placed_cells(draft):
        if not cell.text.strip():
            yield _error(
                "cells-shown", where, "no text", "what the reader sees", "write the number, or 'no value found'"
            )
        if cell.value is not None and not math.isfinite(cell.value):
            yield _error(
                "cells-finite", where, cell.value, "a finite number or None", "use None and say why in the text"
            )
        if cell.interval is not None:
            lower, upper = cell.interval
            if math.isnan(lower) or math.isnan(upper) or lower > upper:
                yield _error("intervals-ordered", where, cell.interval, "lower end, then upper end", "correct the ends")
        if cell.value is not None and cell.directness is None:
            allowed = "measured, inferred or simulated"
            yield _error("directness-said", where, "a number without directness", allowed, "say how it is known")
        if cell.directness is Directness.MEASURED and not (cell.source or cell.note):
            allowed = "a source, or a note that names the data"
            yield _error("origin-said", where, "measured, without source or note", allowed, "add source or note")
        if cell.directness is Directness.INFERRED and not (cell.source or cell.note):
            yield _error("origin-said", where, "inferred, without basis", "inferred from what", "add a note or source")
        if cell.directness is Directness.SIMULATED and not cell.note:
            yield _error("origin-said", where, "simulated, without model", "the model and the seed", "add a note")


def _ask_notices(draft: Draft) -> Iterator[Finding]:
    for section, block in walk_blocks(draft.sections):
        if isinstance(block, Notice) and block.level not in NOTICE_LEVELS:
            allowed = ", ".join(NOTICE_LEVELS)
            yield _error("notice-levels", f"section {section.key}, notice", block.level, allowed, "use one of these")


def _ask_figures(draft: Draft) -> Iterator[Finding]:
    for section, block in walk_blocks(draft.sections):
        if not isinstance(block, Figure):
            continue
        where = f"section {section.key}, figure {block.key}"
        if not block.alt.strip():
            yield _error("figures-described", where, "no alternative text", "what it shows, in words", "describe it")
        try:
            root = ElementTree.fromstring(block.svg)
        except ElementTree.ParseError as error:
            yield _error("figures-plain", where, error, "a well-formed SVG document", "correct the drawing")
            continue
        got = _not_plain(root)
        if got:
            yield _error("figures-plain", where, got, "SVG without scripts or outside references", "remove it")


def _not_plain(root: ElementTree.Element) -> str:
    """Return the first thing in a drawing that could run or load something; empty if there is none."""
    if _local(root.tag) != "svg":
        return root.tag
    for element in root.iter():
        if _local(element.tag) in _ACTIVE_TAGS:
            return element.tag
        if _local(element.tag) == "style" and _OUTSIDE.search(element.text or ""):
            return "style that loads something"
        for name, value in element.attrib.items():
            local = _local(name)
            refers = local in ("href", "src") and not value.startswith("#")
            if refers or local.startswith("on") or _OUTSIDE.search(value):
                return f"{local}={value!r}"
    return ""


def _local(name: str) -> str:
    return name.rpartition("}")[2].casefold()


CONTENT_CHECKS: tuple[Check[Draft], ...] = (
    Check("keys", "Keys are unique and plain.", _ask_keys),
    Check("tables", "Every row has one cell a column.", _ask_tables),
    Check("cells", "Every number is finite and says how it is known and from what.", _ask_cells),
    Check("citations", "Every cited source is in the bibliography.", _ask_citations),
    Check("placeholders", "Every placeholder names a result.", _ask_placeholders),
    Check("notices", "Every notice has a known level.", _ask_notices),
    Check("figures", "Every figure is described, and plain SVG.", _ask_figures),
)
