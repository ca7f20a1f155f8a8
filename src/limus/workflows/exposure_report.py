"""The report on a simulated exposure: what was simulated, the course, the numbers, what to bear in mind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from limus.kernel.checks import Severity
from limus.kernel.provenance import Directness
from limus.kernel.tables import Table as TidyTable
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.exposure import Exposure
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.virtual_exposure import VirtualExposure
from limus.report.content import (
    Block,
    BulletList,
    Cell,
    ColumnHead,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    number_cell,
    text_cell,
)
from limus.report.figures.concentration import draw_concentration
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.comparison.cells import figure, key_of
from limus.workflows.exposure_course import MOST_COPIES

__all__ = ["exposure_sections"]

_MOST_ROWS = 60


def exposure_sections(
    model: PopulationModel,
    table: EventTable,
    exposure: Exposure,
    course: TidyTable,
    target: tuple[float, float] | None,
    virtual: VirtualExposure | None,
    copies: int,
    overrides: Sequence[str],
    seed: int,
) -> tuple[Section, ...]:
    """Build the sections of the report in reading order.

    Parameters
    ----------
    model, table, exposure, target, virtual, copies, overrides, seed
        As the workflow has them.
    course : Table
        What :func:`limus.report.figures.concentration.draw_concentration` wants.

    Returns
    -------
    tuple of Section
    """
    return (
        Section("what", "What was simulated", tuple(_what(model, table, exposure, overrides))),
        Section("course", "Level over time", tuple(_course(model, course, target, copies, seed))),
        Section("exposure", "Exposure", (_exposure(model, exposure, target, virtual, copies, seed),)),
        Section("mind", "What to bear in mind", tuple(_mind(table))),
    )


def _what(model: PopulationModel, table: EventTable, exposure: Exposure, overrides: Sequence[str]) -> list[Block]:
    subjects, intervals = len(table.subjects), len(exposure.auc)
    words = (
        f"{subjects} {'subject' if subjects == 1 else 'subjects'}, {intervals} dosing "
        f"{'interval' if intervals == 1 else 'intervals'}, under **{escape_markup(model.name.replace('_', ' '))}** "
        f"[@{model.paper}]: {escape_markup(model.structure)}; levels in {escape_markup(model.matrix)}."
    )
    blocks: list[Block] = [
        Notice("research-use", "Research use only; not for diagnosis, treatment or dosing."),
        Paragraph(words),
    ]
    if overrides:
        named = ", ".join(escape_markup(name) for name in overrides)
        blocks.append(Notice("warning", f"The model is used outside its validity limits, by override of: {named}."))
    return blocks


def _course(
    model: PopulationModel, course: TidyTable, target: tuple[float, float] | None, copies: int, seed: int
) -> list[Block]:
    if not len(course):
        return [Paragraph("No dosing interval has an end, so nothing is drawn.")]
    drawing = draw_concentration(
        course, drug=model.drug, unit=model.units.DV, target=target, predicted="typical for these covariates"
    )
    words = "Simulated levels without random effects"
    if copies:
        words += f", with 90 % of {min(copies, MOST_COPIES)} virtual copies of each subject (seed {seed})"
    return [figure("course", "Level over time", drawing, f"{words}; circles are measured levels.")]


def _exposure(
    model: PopulationModel,
    exposure: Exposure,
    target: tuple[float, float] | None,
    virtual: VirtualExposure | None,
    copies: int,
    seed: int,
) -> Table:
    unit = model.units.DV
    heads = [
        ColumnHead("dose", "Dose", "mg"),
        ColumnHead("auc", "Area", f"{unit}\N{MIDDLE DOT}h"),
        ColumnHead("trough", "Trough", unit),
        ColumnHead("cmax", "Peak", unit),
        ColumnHead("tmax", "Time of peak", "h"),
    ]
    if target is not None:
        heads.append(ColumnHead("inside", f"Time in {target[0]:g} to {target[1]:g}", "%"))
    if virtual is not None and target is not None:
        heads.append(ColumnHead("share", f"Troughs in {target[0]:g} to {target[1]:g}", "%"))
    rows = _chosen(exposure)
    spread = {} if virtual is None else {name: virtual.percentiles(name) for name in ("auc", "trough", "cmax")}
    inside = virtual.share_within("trough", target) if virtual is not None and target is not None else None
    note = f"Simulated with {escape_markup(model.name.replace('_', ' '))}; the area comes from the equations."
    if virtual is not None:
        note += f" Intervals are the 5th to 95th percentile of {copies} virtual copies, seed {seed}."
    if len(rows) < len(exposure.auc):
        note += f" The last interval of each subject is shown; all {len(exposure.auc)} stand in results/exposure.csv."

    def one(k: int) -> Row:
        who = exposure.subjects[int(exposure.subject[k])]
        label = f"ID {who}, interval {int(exposure.number[k])}, from {format_number(float(exposure.start_h[k]), 6)} h"
        cells = [_cell(float(exposure.dose_mg[k]), "mg", None, exposure.status[k])]
        for name, column, its in (
            ("auc", exposure.auc, f"{unit}\N{MIDDLE DOT}h"),
            ("trough", exposure.trough, unit),
            ("cmax", exposure.cmax, unit),
        ):
            band = (float(spread[name][0, k]), float(spread[name][2, k])) if name in spread else None
            cells.append(_cell(float(column[k]), its, band, exposure.status[k], model))
        cells.append(_cell(float(exposure.tmax_h[k]), "h", None, exposure.status[k], model))
        if target is not None:
            cells.append(_cell(float(exposure.time_in_range_percent[k]), "%", None, exposure.status[k], model))
        if inside is not None:
            cells.append(_cell(float(inside[k]), "%", None, exposure.status[k], model))
        return Row(key_of(f"{who}-{int(exposure.number[k])}"), label, tuple(cells))

    return Table(
        "exposure", "Exposure by dosing interval", tuple(heads), tuple(map(one, rows)), note=note, stub="Interval"
    )


def _cell(
    value: float,
    unit: str,
    interval: tuple[float, float] | None,
    status: str,
    model: PopulationModel | None = None,
) -> Cell:
    if not np.isfinite(value):
        return text_cell("none", note=status)
    if model is None:
        return text_cell(format_number(value, 4))
    known = interval if interval is not None and np.isfinite(interval).all() else None
    return number_cell(
        value, unit, Directness.SIMULATED, interval=known, source=[model.paper], note=model.name, significant=4
    )


def _chosen(exposure: Exposure) -> list[int]:
    """All intervals where they fit on a page, else the last of each subject."""
    count = len(exposure.auc)
    if count <= _MOST_ROWS:
        return list(range(count))
    last = np.append(exposure.subject[1:] != exposure.subject[:-1], True)
    return np.flatnonzero(last).tolist()[:_MOST_ROWS]


def _mind(table: EventTable) -> list[Block]:
    """Findings of the table and the covariates, the grave ones first, each kind once."""
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
    kinds: dict[str, list[str]] = {}
    for found in sorted(table.findings, key=lambda one: order[one.severity]):
        kinds.setdefault(f"{found.severity}: {found.check}", []).append(f"{found.where}: {found.got}. {found.do}")
    items = tuple(
        f"**{escape_markup(kind.replace('-', ' '))}:** {escape_markup(texts[0])}"
        + (f" (and {len(texts) - 1} more of the kind)" if len(texts) > 1 else "")
        for kind, texts in kinds.items()
    )
    return [BulletList(items)] if items else [Paragraph("The checks found nothing to remark.")]
