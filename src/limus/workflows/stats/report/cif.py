"""The report of ``limus stats cif``."""

from __future__ import annotations

from pathlib import Path

from limus.report.content import Block, BulletList, ColumnHead, Row, Table
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.stats.as_json import cif_as_dict
from limus.workflows.stats.cif import StatsCifResult
from limus.workflows.stats.report.figures import incidence_curves
from limus.workflows.stats.report.writing import (
    Page,
    Paths,
    chi_square_text,
    count_cell,
    estimate_cell,
    figure_block,
    write_page,
)

__all__ = ["write_cif_report"]

_METHODS = (
    "Cumulative incidences are Aalen and Johansen's, exact with ties; standard errors are by the infinitesimal "
    "jackknife. Incidences of all causes and the share without any event add up to one. A test of cause-specific "
    "hazards is not a test of incidences, since a cause's incidence depends on the hazards of all; Gray's test is."
)


def write_cif_report(result: StatsCifResult, path: Path, *, seed: int) -> Paths:
    """Write the report.

    Parameters
    ----------
    result : StatsCifResult
    path : Path
        The run directory.
    seed : int
        Stamped; nothing here is random.

    Returns
    -------
    tuple of (key, path)

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    drawing = incidence_curves(result)
    rows = cif_as_dict(result)["estimates"]
    level, origin = f"{result.request.level:g} % CI", f"from {result.subjects.path.name}"
    heads = (
        ColumnHead("incidence", f"Incidence ({level})"),
        ColumnHead("events", "Events"),
        ColumnHead("risk", "At risk"),
    )
    lines = []
    for i, row in enumerate(rows):
        where = row["cause"] if len(result.groups) == 1 else f"{row['cause']}, {row['group']}"
        cells = (
            estimate_cell((row["estimate"], *row["ci"]), origin, otherwise="not followed", decimals=4),
            count_cell(row["events"], origin),
            count_cell(row["n_at_risk"], origin),
        )
        lines.append(Row(f"e{i + 1}", f"{where}, at {format_number(row['time'])}", cells))
    caption = (
        f"Cumulative incidence (Aalen-Johansen), n = {result.subjects.n}; bands: {result.request.level:g} % intervals "
        f"({result.request.interval.value}). Measured."
    )
    blocks: list[Block] = [
        figure_block("incidence", "Cumulative incidence", drawing, caption),
        Table("incidence-at", "Cumulative incidence at given times", heads, tuple(lines), stub="Cause, group, time"),
    ]
    if result.tests:
        found = [
            f"{escape_markup(name)}, Gray's test of the cumulative incidences: "
            f"{chi_square_text(test.chi_square, test.degrees_of_freedom, test.p)}."
            for name, test in result.gray_tests
        ]
        found += [
            f"{escape_markup(name)}, log-rank test of the cause-specific hazards: "
            f"{chi_square_text(test.chi_square, test.degrees_of_freedom, test.p)}."
            for name, test in result.tests
        ]
        blocks.append(BulletList(tuple(found)))
    page = Page(
        f"Competing risks: {result.subjects.path.stem}",
        "Cumulative incidence",
        _METHODS,
        tuple(blocks),
        (("incidence", drawing),),
        tuple(rows),
        result.findings,
    )
    return write_page(page, path, seed=seed)
