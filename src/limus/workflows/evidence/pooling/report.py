"""The report of a pooling: one content tree, written as HTML and PDF beside its figures, tables and data."""

from __future__ import annotations

import json
from pathlib import Path

from limus.kernel.provenance import load_bibliography, stamp_run
from limus.kernel.tables import Table, library_folder, write_csv, write_parquet
from limus.report.content import Figure, Guide, cells, walk_blocks
from limus.report.html import write_html
from limus.report.pdf import write_pdf
from limus.workflows.evidence.pooling.analysis import Analysis
from limus.workflows.evidence.pooling.as_json import analysis_as_dict
from limus.workflows.evidence.pooling.further import (
    certainty_section,
    explanation_section,
    methods_section,
    sensitivity_section,
    small_study_section,
)
from limus.workflows.evidence.pooling.result import forest_section, result_section
from limus.workflows.request import json_value

__all__ = ["build_report", "write_report"]


def build_report(analysis: Analysis, *, better: str | None, seed: int) -> Guide:
    """Build the content tree.

    Parameters
    ----------
    analysis : Analysis
    better : str, optional
        ``lower`` or ``higher`` effects favour the treatment.
    seed : int
        Stamped; nothing here is random.

    Returns
    -------
    Guide

    Raises
    ------
    ContentError
        A check of the content tree failed.
    """
    bibliography = load_bibliography(library_folder() / "references.bib")
    comparison = analysis.comparison
    sections = [
        result_section(analysis),
        forest_section(analysis, better, frozenset(bibliography)),
        explanation_section(analysis),
        sensitivity_section(analysis, better),
        small_study_section(analysis),
        certainty_section(),
        methods_section(analysis),
    ]
    title = f"{comparison.treatment_name} against {comparison.reference}"
    scale = ", ".join(comparison.scale.values())
    return Guide.create(
        title[0].upper() + title[1:],
        "A meta-analysis of published studies" + (f": {scale}" if scale else ""),
        [section for section in sections if section is not None],
        values={},
        stamp=stamp_run(seed),
        bibliography=bibliography,
    )


def write_report(analysis: Analysis, path: Path, *, better: str | None, seed: int) -> tuple[Path, Path]:
    """Write the report, its figures with their data, and the rows as tables.

    Parameters
    ----------
    analysis : Analysis
    path : Path
        The run directory.
    better : str, optional
        ``lower`` or ``higher`` effects favour the treatment.
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
    guide = build_report(analysis, better=better, seed=seed)
    found = analysis_as_dict(analysis)
    flat = [_flat(row) for row in found["studies"]]
    write_parquet(Table.from_rows(flat), path / "results" / "studies.parquet")
    for name in ("sensitivity", "leave_one_out", "cumulative", "influence"):
        if found[name]:
            write_parquet(Table.from_rows([_flat(row) for row in found[name]]), path / "results" / f"{name}.parquet")
    figures = path / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for _, block in walk_blocks(guide.sections):
        if isinstance(block, Figure):
            (figures / f"{block.key}.svg").write_text(block.svg, encoding="utf-8")
            write_csv(block.data, figures / f"{block.key}.csv")
    (path / "cells.json").write_text(json.dumps(json_value(cells(guide)), indent=1) + "\n", encoding="utf-8")
    return write_html(guide, path / "report.html"), write_pdf(guide, path / "report.pdf")


def _flat(row: dict[str, object]) -> dict[str, object]:
    """A row without nesting: the ends of an interval in columns of their own, lists as text."""
    flat: dict[str, object] = {}
    for key, value in row.items():
        if key == "ci":
            low, high = value if isinstance(value, list) else (None, None)
            flat |= {"ci_low": low, "ci_high": high}
        elif isinstance(value, dict):
            flat |= {f"reported_{name}": number for name, number in value.items()}
        else:
            flat[key] = "; ".join(map(str, value)) if isinstance(value, list) else value
    return flat
