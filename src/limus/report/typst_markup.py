"""A guide as Typst text: calls of the functions in ``templates/guide.typ``, every written text as a string."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import resources

from limus.kernel.provenance import Directness
from limus.report.blocks import Block, BulletList, Cell, ColumnHead, Figure, Notice, Paragraph, Row, Section, Table
from limus.report.content import RESEARCH_USE, Guide
from limus.report.markup import Citation, Emphasis, Inline, Placeholder, Strong, Text, parse_markup
from limus.report.numbering import (
    DIRECTNESS_WORDS,
    PROVENANCE_WORDS,
    interval_text,
    number_blocks,
    number_references,
    number_sections,
    placed_cells,
    placeholder_text,
    reference_texts,
    shown_unit,
    stamp_lines,
    table_notes,
    with_unit,
)
from limus.report.numbers import format_count

__all__ = ["render_typst", "typst_string"]

_PORTRAIT_COLUMNS = 5
_MOST_COLUMNS = 9
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def typst_string(text: str) -> str:
    r"""Return text as a Typst string literal; nothing inside it is interpreted.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str

    Examples
    --------
    >>> typst_string('a "quoted" #word')
    '"a \\"quoted\\" #word"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return '"' + _CONTROL.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", escaped).replace("\t", "\\t") + '"'


def render_typst(guide: Guide) -> str:
    """Render a guide as one Typst text that needs no other file and no network.

    Parameters
    ----------
    guide : Guide
        The checked tree.

    Returns
    -------
    str

    Raises
    ------
    ContentError
        The markup of a text is broken; cannot happen in a guide made by ``Guide.create``.
    """
    template = resources.files("limus.report").joinpath("templates/guide.typ").read_text(encoding="utf-8")
    start = (
        f"#show: guide.with(title: {typst_string(guide.title)}, subtitle: {typst_string(guide.subtitle)}, "
        f"research-use: {typst_string(RESEARCH_USE)})"
    )
    return "\n".join([template, start, "#{", *_Paper(guide).statements(), "}", ""])


def _array(items: Iterable[str]) -> str:
    listed = list(items)
    return "(" + ", ".join(listed) + ("," if len(listed) == 1 else "") + ")"


class _Paper:
    """The statements of one guide."""

    def __init__(self, guide: Guide) -> None:
        self.guide = guide
        self.section_numbers = number_sections(guide.sections)
        self.block_numbers = number_blocks(guide)
        self.reference_numbers = number_references(guide)
        self.placed = tuple(placed_cells(guide))

    def statements(self) -> Iterator[str]:
        """Yield the document, a statement at a time."""
        used = [kind for kind in Directness if any(one.cell.directness is kind for one in self.placed)]
        if used:
            rows = (_array([typst_string(str(kind)), typst_string(DIRECTNESS_WORDS[kind])]) for kind in used)
            yield f"legend({_array(rows)});"
        for section in self.guide.sections:
            yield from self._section(section, 1)
        if self.guide.references:
            yield 'heading(level: 1, "References");'
            for number, text in enumerate(reference_texts(self.guide), start=1):
                parts = (typst_string(part) for part in (text.before, text.doi, text.url, text.after))
                yield f"reference({number}, {', '.join(parts)});"
        yield from self._provenance()

    def _section(self, section: Section, level: int) -> Iterator[str]:
        title = f"{self.section_numbers[section.key]}  {section.title}"
        yield f"heading(level: {level}, {typst_string(title)});"
        for block in section.blocks:
            yield from self._block(block)
        for subsection in section.subsections:
            yield from self._section(subsection, level + 1)

    def _block(self, block: Block) -> Iterator[str]:
        match block:
            case Paragraph(text):
                yield f"par({self._prose(text)});"
            case BulletList(items):
                yield f"list({', '.join(self._prose(item) for item in items)});"
            case Notice(level, text):
                yield f"notice(level: {typst_string(level)}, {self._prose(text)});"
            case Figure():
                name = f"Figure {self.block_numbers[block.key]}"
                yield (
                    f"drawing(name: {typst_string(name)}, title: {typst_string(block.title)}, "
                    f"alt: {typst_string(block.alt)}, caption: {self._prose(block.caption)}, "
                    f"svg: {typst_string(block.svg)});"
                )
            case Table():
                yield from self._table(block)

    def _prose(self, text: str) -> str:
        return self._inlines(parse_markup(text))

    def _inlines(self, inlines: tuple[Inline, ...]) -> str:
        return "{" + " ".join(self._inline(inline) + ";" for inline in inlines) + "}" if inlines else '""'

    def _inline(self, inline: Inline) -> str:
        match inline:
            case Text(text):
                return typst_string(text)
            case Placeholder():
                shown = placeholder_text(self.guide, inline).replace(" ", "\N{NO-BREAK SPACE}")
                return typst_string(shown)
            case Citation(keys):
                return f"cite-numbers({self._numbers(keys)})"
            case Emphasis(children):
                return f"emph({self._inlines(children)})"
            case Strong(children):
                return f"strong({self._inlines(children)})"

    def _numbers(self, keys: Iterable[str]) -> str:
        return _array(str(self.reference_numbers[key]) for key in keys)

    def _table(self, table: Table) -> Iterator[str]:
        """Yield a table: upright up to five columns, then on a landscape page, above nine in parts."""
        count = len(table.columns)
        parts = [range(at, min(at + _MOST_COLUMNS, count)) for at in range(0, count, _MOST_COLUMNS)]
        for number, part in enumerate(parts, start=1):
            said = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
            call = self._table_part(table, part, said, last=number == len(parts))
            yield f"page(flipped: true, {call});" if len(part) > _PORTRAIT_COLUMNS else f"{call};"

    def _table_part(self, table: Table, part: range, said: str, *, last: bool) -> str:
        heads = [table.columns[index] for index in part]
        notes = table_notes(table)
        titles = [table.stub, *(f"{head.title} ({head.unit})" if head.unit else head.title for head in heads)]
        rows = (self._row(row, part, heads, notes) for row in table.rows)
        widths = "(1.3fr, " + ", ".join("1fr" for _ in part) + ")"
        size = "8.5pt" if len(part) <= 4 or len(part) > _PORTRAIT_COLUMNS else "8pt"
        shown_notes = _array(_array([typst_string(letter), typst_string(note)]) for note, letter in notes.items())
        remark = self._prose(table.note) if table.note and last else "none"
        return (
            f"data-table(name: {typst_string(f'Table {self.block_numbers[table.key]}')}, "
            f"title: {typst_string(table.title)}, part: {typst_string(said)}, columns: {widths}, size: {size}, "
            f"head: {_array(typst_string(title) for title in titles)}, rows: {_array(rows)}, remark: {remark}, "
            f"notes: {shown_notes if last else '()'})"
        )

    def _row(self, row: Row, part: range, heads: list[ColumnHead], notes: dict[str, str]) -> str:
        shown = (self._cell(row.cells[index], head, notes) for index, head in zip(part, heads, strict=True))
        return _array([typst_string(row.label), *shown])

    def _cell(self, cell: Cell, head: ColumnHead, notes: dict[str, str]) -> str:
        count = "" if cell.n is None else f"n = {format_count(cell.n)}"
        ranges = "; ".join(text for text in (interval_text(cell), count) if text)
        return (
            f"cell(value: {typst_string(cell.text)}, number: {'false' if cell.value is None else 'true'}, "
            f"unit: {typst_string(shown_unit(cell, head))}, note: {typst_string(notes.get(cell.note, ''))}, "
            f"sources: {self._numbers(cell.source)}, range: {typst_string(ranges)}, "
            f"kind: {typst_string(str(cell.directness or ''))}, certainty: {typst_string(cell.certainty)})"
        )

    def _provenance(self) -> Iterator[str]:
        yield "page(flipped: true, {"
        yield f'heading(level: 1, "Provenance"); par({typst_string(PROVENANCE_WORDS)});'
        if self.placed:
            yield f"{self._provenance_table()};"
        rows = (_array([typst_string(name), typst_string(text)]) for name, text in stamp_lines(self.guide))
        yield f'heading(level: 2, "Made with"); made-with({_array(rows)});'
        yield "});"

    def _provenance_table(self) -> str:
        titles = ("Table", "Row", "Column", "Value", "Known", "Interval", "n", "Certainty", "Source", "Note")
        rows = []
        for one in self.placed:
            cell = one.cell
            kind = typst_string(str(cell.directness))
            number = str(self.block_numbers[one.table_key]) if one.table_key else "text"
            texts = [number, one.row_label, one.column_title, with_unit(cell)]
            after = [interval_text(cell), "" if cell.n is None else format_count(cell.n), cell.certainty]
            shown = [*map(typst_string, texts), f'{{mark({kind}); " " + {kind}}}', *map(typst_string, after)]
            rows.append(_array([*shown, f"cite-numbers({self._numbers(cell.source)})", typst_string(cell.note)]))
        widths = "(auto, 1.6fr, 1fr, 1fr, auto, auto, auto, auto, auto, 2.4fr)"
        return (
            f'data-table(name: "Provenance", title: "Every number", columns: {widths}, size: 7pt, '
            f"head: {_array(typst_string(title) for title in titles)}, rows: {_array(rows)})"
        )
