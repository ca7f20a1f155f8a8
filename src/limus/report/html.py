"""A guide as one HTML file: no network, no script, inline figures, light, dark and print."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from limus.kernel.errors import OutputError
from limus.kernel.provenance import Directness
from limus.report.blocks import Block, Cell, ColumnHead, Figure, Table
from limus.report.content import RESEARCH_USE, Guide
from limus.report.markup import Citation, Emphasis, Inline, Placeholder, Strong, Text, parse_markup
from limus.report.numbering import (
    DIRECTNESS_WORDS,
    PROVENANCE_WORDS,
    cell_details,
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

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["render_html", "write_html"]

_MOST_BACK_LINKS = 8
_MARK_SHAPES = {
    Directness.MEASURED: '<circle cx="5" cy="5" r="4"/>',
    Directness.INFERRED: '<path d="M5 .6 9.4 5 5 9.4 .6 5Z"/>',
    Directness.SIMULATED: '<path d="M5 1.2 9 8.6H1Z"/>',
}


def render_html(guide: Guide) -> str:
    """Render a guide as one HTML document.

    Parameters
    ----------
    guide : Guide
        The checked tree.

    Returns
    -------
    str
        The document; nothing in it is loaded from elsewhere.

    Raises
    ------
    ContentError
        The markup of a text is broken; cannot happen in a guide made by ``Guide.create``.
    """
    page = _Page(guide)
    template = _environment().get_template("guide.html.j2")
    css = resources.files("limus.report").joinpath("templates/guide.css").read_text(encoding="utf-8")
    return template.render(page=page, guide=guide, css=css, research_use=RESEARCH_USE)


def write_html(guide: Guide, path: Path) -> Path:
    """Write a guide as one HTML file.

    Parameters
    ----------
    guide : Guide
        The checked tree.
    path : Path
        The file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render_html(guide), encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another --out") from None
    return path


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=PackageLoader("limus.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


class _Page:
    """What the template asks for; it counts citations on the way, the references at the end link back to them."""

    def __init__(self, guide: Guide) -> None:
        self.guide = guide
        self.section_numbers = number_sections(guide.sections)
        self.block_numbers = number_blocks(guide)
        self.reference_numbers = number_references(guide)
        self.short_names = {reference.key: reference.short for reference in guide.references}
        self.references = reference_texts(guide)
        self.stamp = stamp_lines(guide)
        self.placed = tuple(placed_cells(guide))
        self.used_directness = [kind for kind in Directness if any(one.cell.directness is kind for one in self.placed)]
        self.words = DIRECTNESS_WORDS
        self.provenance_words = PROVENANCE_WORDS
        self._citations = dict.fromkeys(self.reference_numbers, 0)

    def kind(self, block: Block) -> str:
        """Name of a block's class, for the template to choose by."""
        return type(block).__name__

    def inline(self, text: str) -> Markup:
        """Prose as HTML."""
        return self._inlines(parse_markup(text))

    def _inlines(self, inlines: tuple[Inline, ...]) -> Markup:
        from markupsafe import Markup  # noqa: PLC0415

        return Markup("").join(self._inline(inline) for inline in inlines)

    def _inline(self, inline: Inline) -> Markup:
        from markupsafe import Markup, escape  # noqa: PLC0415

        match inline:
            case Text(text):
                return escape(text)
            case Placeholder():
                shown = placeholder_text(self.guide, inline)
                return Markup('<span class="result" data-key="{}">{}</span>').format(inline.key, shown)
            case Citation(keys):
                return self.cite(keys)
            case Emphasis(children):
                return Markup("<em>{}</em>").format(self._inlines(children))
            case Strong(children):
                return Markup("<strong>{}</strong>").format(self._inlines(children))

    def cite(self, keys: tuple[str, ...], *, link_back: bool = True) -> Markup:
        """Numbered links to references, as in [1, 3]."""
        from markupsafe import Markup  # noqa: PLC0415

        links = []
        for key in keys:
            number = self.reference_numbers[key]
            anchor = Markup("")
            if link_back:
                self._citations[key] += 1
                anchor = Markup(' id="cite-{}-{}"').format(number, self._citations[key])
            title = self.short_names[key]
            links.append(Markup('<a href="#ref-{}"{} title="{}">{}</a>').format(number, anchor, title, number))
        return Markup('<span class="cite">[{}]</span>').format(Markup(", ").join(links)) if links else Markup("")

    def back_links(self, key: str) -> list[str]:
        """Anchors of the places that cite a reference, the first few."""
        number = self.reference_numbers[key]
        return [f"cite-{number}-{index}" for index in range(1, min(self._citations[key], _MOST_BACK_LINKS) + 1)]

    def mark(self, directness: Directness) -> Markup:
        """The shape of a directness; the word stands beside it."""
        from markupsafe import Markup  # noqa: PLC0415

        shape = Markup(_MARK_SHAPES[directness])
        pattern = '<svg class="mark {}" viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">{}</svg>'
        return Markup(pattern).format(str(directness), shape)

    def notes(self, table: Table) -> dict[str, str]:
        """Letter of each cell note of a table."""
        return table_notes(table)

    def details(self, cell: Cell) -> str:
        """Everything behind a cell, for its title."""
        return cell_details(cell, self.short_names)

    def unit(self, cell: Cell, head: ColumnHead) -> str:
        """Unit to print in the cell."""
        return shown_unit(cell, head)

    def with_unit(self, cell: Cell) -> str:
        """Text and unit of a cell."""
        return with_unit(cell)

    def interval(self, cell: Cell) -> str:
        """Interval without unit."""
        return interval_text(cell)

    def count(self, n: int) -> str:
        """A count in full."""
        return format_count(n)

    def drawing(self, figure: Figure) -> Markup:
        """The SVG of a figure, ready to stand inside the page."""
        from markupsafe import Markup  # noqa: PLC0415

        return Markup(_inline_svg(figure.svg, figure.key, figure.alt))


def _inline_svg(svg: str, key: str, alt: str) -> str:
    """Make an SVG document fit to stand beside others: own ids, no prologue, no page-wide style, described."""
    from markupsafe import escape  # noqa: PLC0415

    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata\b.*?</metadata>|<style\b[^>]*>.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\sid=")([^"]+")', rf"\g<1>{key}-\g<2>", svg)
    svg = re.sub(r'(\b(?:xlink:)?href="#)([^"]+")', rf"\g<1>{key}-\g<2>", svg)
    svg = re.sub(r"(url\([\"']?#)", rf"\g<1>{key}-", svg)
    svg = re.sub(r'\s(?:role|aria-[a-z]+)="[^"]*"', "", svg)
    opening = f'<svg role="img" aria-label="{escape(alt)}"'
    if "stroke-linejoin=" not in svg[: svg.index(">")]:
        opening += ' stroke-linejoin="round"'
    return opening + svg[len("<svg") :].rstrip()
