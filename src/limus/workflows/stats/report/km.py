"""The report of ``limus stats km``."""

from __future__ import annotations

from pathlib import Path

from limus.report.content import Block, BulletList, ColumnHead, Row, Table
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.stats.as_json import km_as_dict
from limus.workflows.stats.design import curve_name
from limus.workflows.stats.km import StatsKmResult
from limus.workflows.stats.report.figures import interval_text, p_text, survival_curves
from limus.workflows.stats.report.writing import (
    Page,
    Paths,
    chi_square_text,
    count_cell,
    estimate_cell,
    figure_block,
    write_page,
)

__all__ = ["write_km_report"]

_METHODS = (
    "Survival is the product-limit estimate with Greenwood's variance; the median's interval is where the interval of"
    " the curve crosses a half (Brookmeyer and Crowley). Restricted means are areas under the curves. Risks at a time"
    " are compared with Greenwood's variances. None of them assumes proportional hazards."
)


def write_km_report(result: StatsKmResult, path: Path, *, seed: int) -> Paths:
    """Write the report.

    Parameters
    ----------
    result : StatsKmResult
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
    drawing = survival_curves(result)
    caption = (
        f"Kaplan-Meier curves from {escape_markup(result.subjects.path.name)}, n = {result.subjects.n}; bands: "
        f"{result.request.level:g} % intervals ({result.request.interval.value}); ticks: censored. Measured."
    )
    blocks: list[Block] = [
        _groups(result),
        figure_block("survival", "Survival", drawing, caption),
        _at_times(result),
    ]
    if result.test is not None:
        blocks.append(BulletList(tuple(_comparisons(result))))
    page = Page(
        f"Survival: {result.subjects.path.stem}",
        "Kaplan-Meier curves and their comparison",
        _METHODS,
        tuple(blocks),
        (("survival", drawing),),
        tuple(km_as_dict(result)["estimates"]),
        result.findings,
    )
    return write_page(page, path, seed=seed)


def _groups(result: StatsKmResult) -> Table:
    level, origin = f"{result.request.level:g} % CI", f"from {result.subjects.path.name}"
    heads = (
        ColumnHead("n", "n"),
        ColumnHead("events", "Events"),
        ColumnHead("median", f"Median ({level})"),
        ColumnHead("mean", f"Mean to {format_number(result.tau)} ({level})"),
    )
    rows: list[Row] = []
    for i, group in enumerate(result.groups):
        mean = group.mean
        unknown = (float("nan"),) * 3
        cells = (
            count_cell(group.curve.n, origin),
            count_cell(group.curve.events, origin),
            estimate_cell(group.median, origin, otherwise="not reached"),
            estimate_cell((mean.estimate, mean.low, mean.high) if mean else unknown, origin, otherwise="not followed"),
        )
        rows.append(Row(f"g{i + 1}", curve_name(result.request.group, group.group), cells))
    return Table("groups", "Groups", heads, tuple(rows), stub="Group")


def _at_times(result: StatsKmResult) -> Table:
    origin = f"from {result.subjects.path.name}"
    heads = (ColumnHead("survival", f"Survival ({result.request.level:g} % CI)"), ColumnHead("risk", "At risk"))
    rows: list[Row] = []
    for group in result.groups:
        at = group.at
        for j, time in enumerate(at.time):
            read = (float(at.survival[j]), float(at.low[j]), float(at.high[j]))
            cells = (
                estimate_cell(read, origin, otherwise="not followed", decimals=3),
                count_cell(float(at.n_at_risk[j]), origin),
            )
            rows.append(
                Row(
                    f"t{len(rows) + 1}",
                    f"{curve_name(result.request.group, group.group)}, at {format_number(float(time))}",
                    cells,
                )
            )
    return Table("at-times", "Survival at given times", heads, tuple(rows), stub="Group and time")


def _comparisons(result: StatsKmResult) -> list[str]:
    test = result.test
    assert test is not None
    found = [f"Log-rank test: {chi_square_text(test.chi_square, test.degrees_of_freedom, test.p)}."]
    if result.means is None:
        return found
    first, second = (escape_markup(curve_name(result.request.group, group.group)) for group in result.groups)
    d, r = result.means.difference, result.means.ratio
    found.append(
        f"Restricted mean to {format_number(result.tau)}, {second} less {first}: "
        f"{interval_text(d.estimate, d.low, d.high)}, {p_text(d.p)}; "
        f"ratio {interval_text(r.estimate, r.low, r.high)}."
    )
    return found + [
        f"Risk at {format_number(x.at)}, {second} less {first}: {interval_text(x.estimate, x.low, x.high, 3)}."
        for x in result.differences
    ]
