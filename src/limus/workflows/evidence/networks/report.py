"""The report of networks: one content tree, written as HTML and PDF beside its figures, tables and data."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from limus.evidence.measures import MEASURE_WORDS
from limus.kernel.checks import Finding, Severity
from limus.kernel.provenance import load_bibliography, stamp_run
from limus.kernel.tables import Table, library_folder, write_csv, write_parquet
from limus.report.content import (
    BulletList,
    ColumnHead,
    Figure,
    Guide,
    Notice,
    Paragraph,
    Row,
    Section,
    cells,
    text_cell,
    walk_blocks,
)
from limus.report.content import Table as ContentTable
from limus.report.html import write_html
from limus.report.markup import escape_markup
from limus.report.pdf import write_pdf
from limus.workflows.evidence.networks.analysis import NetworkAnalysis
from limus.workflows.evidence.networks.as_json import league_rows, networks_as_dict, ranking_rows, split_rows
from limus.workflows.evidence.networks.sections import component_sections, how_fitted
from limus.workflows.evidence.pooling.cells import key_of
from limus.workflows.request import json_value

__all__ = ["build_report", "write_report"]


def build_report(analysis: NetworkAnalysis, findings: Sequence[Finding], *, seed: int) -> Guide:
    """Build the content tree.

    Parameters
    ----------
    analysis : NetworkAnalysis
    findings : sequence of Finding
    seed : int

    Returns
    -------
    Guide

    Raises
    ------
    ContentError
        A check of the content tree failed.
    """
    sections = [_overview(analysis, findings)]
    for at, component in enumerate(analysis.components, start=1):
        sections += component_sections(analysis, component, at)
    sections += [_studies(analysis), _methods(analysis, findings)]
    scale = ", ".join(analysis.table.scale.values())
    words = MEASURE_WORDS[analysis.plan.measure]
    return Guide.create(
        f"Network meta-analysis: {scale or ' and '.join(analysis.table.names)}",
        f"{words[0].upper()}{words[1:]} from published studies",
        sections,
        values={},
        stamp=stamp_run(seed),
        bibliography=load_bibliography(library_folder() / "references.bib"),
    )


def write_report(analysis: NetworkAnalysis, findings: Sequence[Finding], path: Path, *, seed: int) -> tuple[Path, Path]:
    """Write the report, its figures with their data, and the rows as tables.

    Parameters
    ----------
    analysis : NetworkAnalysis
    findings : sequence of Finding
    path : Path
        The run directory.
    seed : int

    Returns
    -------
    tuple of (Path, Path)
        HTML and PDF.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    guide = build_report(analysis, findings, seed=seed)
    for at, component in enumerate(analysis.components, start=1):
        for name, rows in (
            ("league", league_rows(analysis, component)),
            ("ranking", ranking_rows(component)),
            ("splits", split_rows(analysis.plan.measure, component.splits)),
        ):
            table = Table.from_rows([_flat(row) for row in rows])
            write_parquet(table, path / "results" / f"{name}-{at}.parquet")
            write_csv(table, path / "results" / f"{name}-{at}.csv")
    figures = path / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            (figures / f"{block.key}.svg").write_text(block.svg, encoding="utf-8")
            write_csv(block.data, figures / f"{block.key}.csv")
    (path / "cells.json").write_text(json.dumps(json_value(cells(guide)), indent=1) + "\n", encoding="utf-8")
    return write_html(guide, path / "report.html"), write_pdf(guide, path / "report.pdf")


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row without nesting: the ends of an interval in columns of their own; ranks' probabilities left out."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if key in ("ci", "prediction_interval", "rank_interval"):
            low, high = value if value is not None else (math.nan, math.nan)
            flat |= {f"{key}_low": low, f"{key}_high": high}
        elif key != "rank_probabilities":
            flat[key] = math.nan if value is None else value
    return flat


def _overview(analysis: NetworkAnalysis, findings: Sequence[Finding]) -> Section:
    found = networks_as_dict(analysis)["networks"]
    scale = ", ".join(analysis.table.scale.values())
    said = f"{escape_markup(scale[0].upper() + scale[1:])}: " if scale else ""
    if len(found) == 1:
        said += "one connected network." if said else "One connected network."
    else:
        said += (
            f"{len(found)} networks that no study connects. Each is analysed apart, and nothing is said across them."
        )
    blocks: list[Paragraph | Notice] = [Paragraph(said)]
    if analysis.elsewhere:
        names = escape_markup("; ".join(analysis.elsewhere))
        text = f"Not in this network, but in other outcomes or times of the same tables: {names}. They are not bridged."
        blocks.append(Notice("note", text))
    warnings = [finding for finding in findings if finding.severity is not Severity.NOTE]
    if warnings:
        shown = "; ".join(escape_markup(f"{f.where} ({f.got})") for f in warnings[:6])
        more = f", and {len(warnings) - 6} more" if len(warnings) > 6 else ""
        blocks.append(Notice("warning", f"To be looked at: {shown}{more}. All are listed at the end."))
    return Section("overview", "What is compared", tuple(blocks))


def _studies(analysis: NetworkAnalysis) -> Section:
    heads = (ColumnHead("arms", "Treatments"), ColumnHead("n", "Participants"), ColumnHead("status", "Status"))
    rows = []
    for at, used in enumerate(analysis.table.studies):
        n = text_cell("not given" if math.isnan(used.participants) else f"{used.participants:.0f}")
        certainty = "assumed" if used.assumed else ""
        arms = text_cell("; ".join(used.treatments) or "none", certainty=certainty)
        rows.append(Row(key_of(used.name, at), used.name, (arms, n, text_cell(used.status.replace("-", " ")))))
    table = ContentTable("studies", "The studies", heads, tuple(rows), stub="Study")
    return Section("studies-used", "The studies", (table,))


def _methods(analysis: NetworkAnalysis, findings: Sequence[Finding]) -> Section:
    items = [
        f"Generalised least squares over all contrasts, with the covariance within a study: {how_fitted(analysis)}.",
        "One heterogeneity variance for all comparisons; arms of a study with random effects share half of it.",
        "Direct and indirect evidence are taken apart by back-calculation with the network's heterogeneity variance.",
        "Zero cells: 0.5 is added to all arms of a study only where the measure cannot bear one of its cells.",
        "Certainty of the evidence (risk of bias, GRADE) is not judged.",
        "Formulae and their sources stand in docs/network_meta_analysis.md.",
    ]
    blocks: list[BulletList | Paragraph] = [BulletList(tuple(items))]
    if findings:
        blocks += [Paragraph("What the checks found:"), BulletList(tuple(escape_markup(f.message) for f in findings))]
    return Section("methods", "What was done", tuple(blocks))
