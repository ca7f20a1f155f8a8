"""What the reports of the survival commands share: their cells, and writing them beside figure and data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.checks import Finding, Severity
from limus.kernel.provenance import Directness, load_bibliography, stamp_run
from limus.kernel.tables import Table as DataTable
from limus.kernel.tables import library_folder, write_csv
from limus.report.content import (
    Block,
    BulletList,
    Cell,
    Figure,
    Guide,
    Notice,
    Paragraph,
    Section,
    number_cell,
    text_cell,
)
from limus.report.figures.base import Drawing, save
from limus.report.html import write_html
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.report.pdf import write_pdf
from limus.workflows.stats.report.figures import p_text

__all__ = ["DASH", "Page", "Paths", "chi_square_text", "count_cell", "estimate_cell", "figure_block", "write_page"]

Paths = tuple[tuple[str, Path], ...]

DASH = "\N{EN DASH}"
_CHI2 = "\N{GREEK SMALL LETTER CHI}\N{SUPERSCRIPT TWO}"


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What a report is made of.

    Attributes
    ----------
    title, subtitle, methods : str
    blocks : tuple of Block
    figures : tuple of (name, Drawing)
    estimates : tuple of mapping
        Rows of ``results/estimates.csv``; intervals under ``ci``.
    findings : tuple of Finding
    """

    title: str
    subtitle: str
    methods: str
    blocks: tuple[Block, ...]
    figures: tuple[tuple[str, Drawing], ...]
    estimates: tuple[Mapping[str, Any], ...]
    findings: tuple[Finding, ...]


def write_page(page: Page, path: Path, *, seed: int) -> Paths:
    """Write a report as HTML and PDF, its figures with their data, and its estimates.

    Parameters
    ----------
    page : Page
    path : Path
        The run directory.
    seed : int
        Stamped; nothing here is random.

    Returns
    -------
    tuple of (key, path)
        As they stand in the result.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    warnings = [f for f in page.findings if f.severity is Severity.WARNING]
    notices = [Notice("warning", escape_markup(f"{f.where}: {f.got}; {f.do}.")) for f in warnings]
    notes = tuple(escape_markup(f"{f.where}: {f.got}") for f in page.findings if f.severity is Severity.NOTE)
    said: list[Block] = [Paragraph(page.methods), *([BulletList(notes)] if notes else [])]
    guide = Guide.create(
        page.title,
        page.subtitle,
        [
            Section("results", "Results", (*notices, *page.blocks)),
            Section("methods", "Methods and coding", tuple(said)),
        ],
        values={},
        stamp=stamp_run(seed),
        bibliography=load_bibliography(library_folder() / "references.bib"),
    )
    for name, drawing in page.figures:
        save(drawing, path / "figures", name)
    estimates = write_csv(
        DataTable.from_rows([_flat(row) for row in page.estimates]), path / "results" / "estimates.csv"
    )
    html, pdf = write_html(guide, path / "report.html"), write_pdf(guide, path / "report.pdf")
    return (("report_html", html), ("report_pdf", pdf), ("estimates_csv", estimates))


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, list):
            flat |= {f"{key}_low": value[0], f"{key}_high": value[1]}
        else:
            flat[key] = "" if value is None else value
    return flat


def figure_block(key: str, title: str, drawing: Drawing, caption: str) -> Figure:
    """Put a drawing into the content tree."""
    return Figure(key, title, drawing.svg, drawing.alt, caption, drawing.data)


def estimate_cell(
    values: tuple[float, float, float],
    note: str,
    *,
    directness: Directness = Directness.MEASURED,
    otherwise: str = DASH,
    decimals: int | None = None,
) -> Cell:
    """Make a cell of an estimate with its interval; words where there is no estimate, four digits by default."""
    estimate, low, high = values
    if not math.isfinite(estimate):
        return text_cell(otherwise)
    known = math.isfinite(low) or math.isfinite(high)
    ends = (low if math.isfinite(low) else -math.inf, high if math.isfinite(high) else math.inf) if known else None
    text = format_number(estimate, 4)
    if decimals is not None:
        text = f"{estimate:.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    return number_cell(estimate, "", directness, interval=ends, text=text, note=note)


def count_cell(value: float, note: str) -> Cell:
    """Make a cell of a count; a dash where it is not known."""
    return (
        number_cell(value, "", Directness.MEASURED, note=note, significant=7)
        if math.isfinite(value)
        else text_cell(DASH)
    )


def chi_square_text(chi_square: float, degrees_of_freedom: int, p: float) -> str:
    """Write a chi-squared test, or that there is none."""
    if not math.isfinite(chi_square):
        return "none, without a finite coefficient"
    plural = "degree" if degrees_of_freedom == 1 else "degrees"
    return f"{_CHI2} = {format_number(chi_square, 4)} on {degrees_of_freedom} {plural} of freedom, {p_text(p)}"
