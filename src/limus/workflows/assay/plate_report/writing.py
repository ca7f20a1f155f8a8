"""What the reports of all bench assays have in common: findings, quality, heat map, and how everything is written.

A workflow builds its sections and tables; this file adds what every plate has and writes the run directory::

    OUT/report.html, OUT/report.pdf   the content tree
    OUT/tables.xlsx                   every table as a sheet
    OUT/results/NAME.parquet, .csv    every table
    OUT/figures/NAME.svg, .csv        every figure with its data
    OUT/cells.json                    every cell of the report
    OUT/result.toml                   what can go on into a model (written by the workflow)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from limus.assay.plate.uncertainty import Estimate
from limus.assay.quality.controls import ControlQuality
from limus.assay.quality.position import PositionEffect
from limus.assay.reader.wells import PlateWells
from limus.kernel.checks import Finding
from limus.kernel.provenance import Directness, RunStamp, load_bibliography
from limus.kernel.tables import Table as TidyTable
from limus.kernel.tables import library_folder, write_csv, write_parquet
from limus.report.content import (
    Cell,
    ColumnHead,
    Figure,
    Guide,
    Paragraph,
    Row,
    Section,
    Table,
    cells,
    number_cell,
    text_cell,
    walk_blocks,
)
from limus.report.figures import Drawing, save
from limus.report.figures.plates import draw_heat_map
from limus.report.html import write_html
from limus.report.markup import escape_markup
from limus.report.numbers import format_quantity
from limus.report.pdf import write_pdf
from limus.workflows.assay.plate_report.workbook import write_workbook
from limus.workflows.request import json_value

__all__ = [
    "estimate_cell",
    "figure_block",
    "findings_section",
    "flat_row",
    "key_of",
    "plate_section",
    "stated_cell",
    "write_assay_report",
]

_HERE = "measured on this plate"
_LEVELS = {"error": "Error", "warning": "Warning", "note": "Note"}


def key_of(text: str) -> str:
    """Turn a text into a key of the content tree.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in text)
    return plain if plain[:1].isalnum() else f"x{plain}"


def estimate_cell(
    estimate: Estimate, unit: str, *, n: int | None = None, missing: str = "\N{EN DASH}", note: str = ""
) -> Cell:
    """Show a measured number with its interval, or words where there is none.

    Parameters
    ----------
    estimate : Estimate
    unit : str
    n : int, optional
        Wells.
    missing : str
        Shown where there is no number.
    note : str
        Plain text; that the plate was measured by default.

    Returns
    -------
    Cell
    """
    note = note or _HERE
    if not estimate.known:
        if math.isfinite(estimate.upper):
            limit = format_quantity(estimate.upper, unit)
            return text_cell(f"< {limit}", directness=Directness.MEASURED, n=n, note=note)
        return text_cell(missing, note="" if note == _HERE else note)
    interval = None
    if math.isfinite(estimate.lower) and math.isfinite(estimate.upper):
        interval = (estimate.lower, estimate.upper)
    return number_cell(estimate.value, unit, Directness.MEASURED, n=n, interval=interval, note=note)


def stated_cell(value: float, unit: str = "", missing: str = "\N{EN DASH}") -> Cell:
    """Show a number that was set or stated, not measured.

    Parameters
    ----------
    value : float
        NaN where there is none.
    unit : str
    missing : str
        Shown where there is none.

    Returns
    -------
    Cell
    """
    return text_cell(format_quantity(value, unit) if math.isfinite(value) else missing)


def figure_block(key: str, title: str, drawing: Drawing, caption: str) -> Figure:
    """Put a drawing into the tree.

    Parameters
    ----------
    key, title : str
    drawing : Drawing
    caption : str
        Markup.

    Returns
    -------
    Figure
    """
    return Figure(key, title, drawing.svg, drawing.alt, caption, drawing.data)


def findings_section(findings: Sequence[Finding]) -> Section:
    """Build the section that lists what the checks found, the worst first.

    Parameters
    ----------
    findings : sequence of Finding

    Returns
    -------
    Section
    """
    order = list(_LEVELS)
    ranked = sorted(findings, key=lambda f: order.index(str(f.severity)))
    if not ranked:
        return Section("findings", "What to look at", (Paragraph("The checks found nothing."),))
    rows = tuple(
        Row(
            f"finding-{number}",
            f"{_LEVELS[str(f.severity)]}: {f.check.replace('-', ' ')}",
            tuple(text_cell(text or "\N{EN DASH}") for text in (f.where, f.got, f.allowed, f.do)),
        )
        for number, f in enumerate(ranked, start=1)
    )
    columns = tuple(
        ColumnHead(key, title)
        for key, title in (("where", "Where"), ("got", "Found"), ("allowed", "Expected"), ("do", "What to do"))
    )
    note = "Nothing here stopped the rest of the plate from being analysed."
    return Section("findings", "What to look at", (Table("checks", "Findings", columns, rows, note, "Check"),))


def plate_section(
    plate: PlateWells, quality: ControlQuality, positions: Sequence[PositionEffect], *, signal: str
) -> Section:
    """Build the section on the plate: heat map, controls, effects of position.

    Parameters
    ----------
    plate : PlateWells
    quality : ControlQuality
    positions : sequence of PositionEffect
    signal : str
        What was read, such as ``Absorbance at 620 nm``.

    Returns
    -------
    Section
    """
    form = plate.layout.plate
    drawing = draw_heat_map(plate.table(), rows=form.rows, columns=form.columns, label=signal)
    unused = int((~plate.used).sum())
    caption = (
        f"{escape_markup(signal)} of the {escape_markup(form.label)}, {len(plate.wells)} wells with a role, {unused} "
        "of them not used (crosses). Letters: S standard, B blank, C control, N no enzyme, U unstimulated, P spiked, "
        "Q quality control; a dot is a sample."
    )
    return Section(
        "plate",
        "The plate",
        (
            figure_block("heat-map", "Signals on the plate", drawing, caption),
            _quality_table(quality),
            _position_table(positions),
        ),
    )


def _quality_table(q: ControlQuality) -> Table:
    def number(value: float, unit: str = "", n: int | None = None) -> Cell:
        return estimate_cell(Estimate(value), unit, n=n)

    rows = (
        Row("high", f"Mean, {q.high}", (number(q.high_mean, n=q.high_wells), text_cell("signal"))),
        Row("low", f"Mean, {q.low}", (number(q.low_mean, n=q.low_wells), text_cell("signal"))),
        Row("high-cv", f"CV, {q.high}", (number(q.high_cv_percent, "%"), text_cell("100 s / m"))),
        Row("low-cv", f"CV, {q.low}", (number(q.low_cv_percent, "%"), text_cell("100 s / m"))),
        Row("z-prime", "Z'", (number(q.z_prime), _from("1 - 3 (s_h + s_l) / |m_h - m_l|", "zhang_1999"))),
        Row("robust-z-prime", "Robust Z'", (number(q.robust_z_prime), _from("with median, MAD", "birmingham_2009"))),
        Row("ssmd", "SSMD", (number(q.ssmd), _from("(m_h - m_l) / sqrt(s_h^2 + s_l^2)", "zhang_2007"))),
        Row("robust-ssmd", "Robust SSMD", (number(q.robust_ssmd), _from("with median, MAD", "zhang_2007"))),
        Row("ratio", "Signal to background", (number(q.signal_to_background), text_cell("m_h / m_l"))),
    )
    columns = (ColumnHead("value", "Value"), ColumnHead("formula", "Formula"))
    note = f"Status: {str(q.status).replace('_', ' ')}. m mean, s standard deviation, h {q.high}, l {q.low}."
    return Table("quality", "Quality of the controls", columns, rows, escape_markup(note), "Quantity")


def _from(formula: str, key: str) -> Cell:
    return text_cell(formula, source=(key,))


def _position_table(positions: Sequence[PositionEffect]) -> Table:
    names = {
        "edge": "Edge against interior",
        "row": "First to last row",
        "column": "First to last column",
        "order": "First to last read",
    }
    rows = tuple(
        Row(
            p.name,
            names[p.name],
            (
                estimate_cell(Estimate(p.percent), "%", n=p.wells, missing="not testable"),
                estimate_cell(Estimate(p.p_value), ""),
                text_cell(p.status.replace("_", " ")),
            ),
        )
        for p in positions
    )
    columns = (ColumnHead("effect", "Effect, % of the controls"), ColumnHead("p", "p"), ColumnHead("status", "Status"))
    note = (
        "Wells of one treatment are compared with each other; p by permutation within treatments (n: wells that tell)."
    )
    return Table("positions", "Does the place on the plate matter?", columns, rows, note, "Position")


def flat_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Make a row of a table from a row of the result: an interval becomes two columns, a list a text.

    Parameters
    ----------
    row : mapping

    Returns
    -------
    dict
    """
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_ci"):
            flat |= {f"{name.removesuffix('_ci')}_lower": value[0], f"{name.removesuffix('_ci')}_upper": value[1]}
        else:
            flat[name] = " ".join(map(str, value)) if isinstance(value, list) else value
    return flat


def write_assay_report(
    path: Path,
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    tables: Mapping[str, TidyTable],
    stamp: RunStamp,
) -> tuple[Path, Path, Guide]:
    """Write report, tables and figures of an assay into its run directory.

    Parameters
    ----------
    path : Path
        The run directory.
    title, subtitle : str
        Plain text.
    sections : sequence of Section
    tables : mapping of str to Table
        Every table of results, by file name.
    stamp : RunStamp

    Returns
    -------
    tuple of (Path, Path, Guide)
        HTML, PDF and the checked tree.

    Raises
    ------
    ContentError
        The tree is wrong.
    OutputError
        A file cannot be written.
    """
    bibliography = load_bibliography(library_folder() / "references.bib")
    guide = Guide.create(title, subtitle, sections, values={}, stamp=stamp, bibliography=bibliography)
    filled = {name: table for name, table in tables.items() if len(table)}
    for name, table in filled.items():
        write_parquet(table, path / "results" / f"{name}.parquet")
        write_csv(table, path / "results" / f"{name}.csv")
    if filled:
        write_workbook(filled, path / "tables.xlsx")
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            save(Drawing(block.svg, block.alt, block.data), path / "figures", block.key)
    (path / "cells.json").write_text(json.dumps(json_value(cells(guide)), indent=1) + "\n", encoding="utf-8")
    return write_html(guide, path / "report.html"), write_pdf(guide, path / "report.pdf"), guide
