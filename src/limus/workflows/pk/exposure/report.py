"""The report on a simulated exposure: what was simulated, the course, the numbers, what to bear in mind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
from limus.workflows.cells import figure, key_of, unit_words
from limus.workflows.pk.exposure.course import LAST, MOST_COPIES, WHOLE
from limus.workflows.pk.exposure.rows import ExposureFindings

__all__ = ["exposure_sections", "findings_blocks", "name_of", "overrides_blocks"]

_MOST_ROWS = 24
_DEFINITIONS = (
    "An **interval** runs from a dose to the next one, or as long as the dose's own interval (II) where that ends "
    "first; the last as long as the one before it, or to the subject's last row.",
    "**Area**: the integral of the level over the interval, solved with the equations, not summed over samples.",
    "**Trough**: the level at the end of the interval, just before the next dose.",
    "**Peak**: the highest level in the interval; its time counts from the dose.",
)


def exposure_sections(
    model: PopulationModel, table: EventTable, found: ExposureFindings, course: TidyTable
) -> tuple[Section, ...]:
    """Build the sections of the report in reading order.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
    found : ExposureFindings
    course : Table
        What :func:`limus.report.figures.concentration.draw_concentration` wants.

    Returns
    -------
    tuple of Section
    """
    sections = [
        Section("what", "What was simulated", tuple(_what(model, table, found))),
        Section("levels", "Level over time", tuple(_course(model, course, found))),
        Section("intervals", "Exposure", (BulletList(_DEFINITIONS), _exposure(model, found))),
    ]
    if found.uncertain is not None:
        sections.append(Section("uncertain", "Uncertainty of the model", tuple(_uncertain(model, found))))
    return (*sections, Section("mind", "What to bear in mind", tuple(findings_blocks(table))))


def name_of(model: PopulationModel) -> str:
    """Return the name of a model for prose.

    Parameters
    ----------
    model : PopulationModel

    Returns
    -------
    str
        Markup.
    """
    return escape_markup(model.name.replace("_", " "))


def _what(model: PopulationModel, table: EventTable, found: ExposureFindings) -> list[Block]:
    subjects, intervals = len(table.subjects), len(found.exposure.auc)
    words = (
        f"{subjects} {'subject' if subjects == 1 else 'subjects'}, {intervals} dosing "
        f"{'interval' if intervals == 1 else 'intervals'}, under **{name_of(model)}** "
        f"[@{model.paper}]: {escape_markup(model.structure)}; levels in {escape_markup(model.matrix)}."
    )
    if subjects == 1 and table.records.names:
        first = [values[np.isfinite(values)][:1] for values in table.records.values.T]
        said = [
            f"{name} {format_number(float(value[0]))} {unit_words(model.covariates[name].unit)}".rstrip()
            for name, value in zip(table.records.names, first, strict=True)
            if len(value)
        ]
        words += f" At first: {escape_markup(', '.join(said))}."
    return [Paragraph(words), *overrides_blocks(found.overrides)]


def overrides_blocks(overrides: tuple[str, ...]) -> list[Block]:
    """Say which validity limits were overridden.

    Parameters
    ----------
    overrides : tuple of str

    Returns
    -------
    list of Block
    """
    named = ", ".join(escape_markup(name) for name in overrides)
    said = f"The model is used outside its validity limits, by override of: {named}."
    return [Notice("warning", said)] if overrides else []


def _course(model: PopulationModel, course: TidyTable, found: ExposureFindings) -> list[Block]:
    if not len(course):
        return [Paragraph("No dosing interval has an end, so nothing is drawn.")]
    drawing = draw_concentration(
        course, drug=model.drug, unit=model.units.DV, target=found.target, predicted="typical for these covariates"
    )
    words = "Simulated levels without random effects"
    shown, all_ = len(set(course["subject"].tolist())), len(found.exposure.subjects)
    if shown < all_:
        words += f" of the first {shown} of {all_} subjects"
    if found.copies:
        words += f", with 90 % of {min(found.copies, MOST_COPIES)} virtual copies of each subject (seed {found.seed})"
    words += "; circles are measured levels" if "measured" in course["kind"] else ""
    most = int(np.bincount(found.exposure.subject).max(initial=0))
    words += f". Beyond {WHOLE} intervals of a subject only the last {LAST}" if most > WHOLE else ""
    words += f". Model {name_of(model)}."
    return [figure("course", "Level over time", drawing, words)]


def _exposure(model: PopulationModel, found: ExposureFindings) -> Table:
    exposure, target, virtual, unit = found.exposure, found.target, found.virtual, model.units.DV
    heads = [
        ColumnHead("dose", "Dose", "mg"),
        ColumnHead("auc", "Area", f"{unit}\N{MIDDLE DOT}h"),
        ColumnHead("trough", "Trough", unit),
        ColumnHead("cmax", "Peak", unit),
        ColumnHead("tmax", "Time of peak", "h"),
    ]
    inside = None
    if target is not None:
        heads.append(ColumnHead("inside", f"Time in {target[0]:g} to {target[1]:g}", "%"))
    if virtual is not None and target is not None:
        heads.append(ColumnHead("share", f"Troughs in {target[0]:g} to {target[1]:g}", "%"))
        inside = virtual.share_within("trough", target)
    chosen, bands = _chosen(exposure), _bands(virtual)
    note = f"Simulated with {name_of(model)}: the subject without random effects."
    if virtual is not None:
        note += f" Intervals: 5th to 95th percentile of {found.copies} virtual copies, seed {found.seed}; they vary"
        note += " as subjects and occasions do" + (", and with the model's numbers." if found.value_sets else ".")
        note += " There is no residual error in them: levels, not measurements."
    if len(chosen) < len(exposure.auc):
        note += f" Last intervals only; all {len(exposure.auc)} stand in results/exposure.csv."

    def one(k: int) -> Row:
        status = exposure.status[k]
        cells = [_cell(float(exposure.dose_mg[k]), "mg", None, status)]
        cells += _measures(model, exposure, bands, k)
        cells.append(_cell(float(exposure.tmax_h[k]), "h", None, status, model))
        if target is not None:
            cells.append(_cell(float(exposure.time_in_range_percent[k]), "%", None, status, model))
        if inside is not None:
            cells.append(_cell(float(inside[k]), "%", None, status, model))
        return _row(exposure, k, cells)

    return Table(
        "exposure", "Exposure by dosing interval", tuple(heads), tuple(map(one, chosen)), note=note, stub="Interval"
    )


def _row(exposure: Exposure, k: int, cells: list[Cell]) -> Row:
    who, number = exposure.subjects[int(exposure.subject[k])], int(exposure.number[k])
    label = f"ID {who}, interval {number}, from {format_number(float(exposure.start_h[k]), 6)} h"
    # the place of the subject keeps keys apart where IDs differ in signs that a key cannot hold
    return Row(key_of(f"{int(exposure.subject[k]) + 1}-{who}-{number}"), label, tuple(cells))


def _bands(virtual: VirtualExposure | None) -> dict[str, NDArray[np.float64]]:
    return {} if virtual is None else {name: virtual.percentiles(name) for name in ("auc", "trough", "cmax")}


def _measures(model: PopulationModel, exposure: Exposure, bands: dict[str, NDArray[np.float64]], k: int) -> list[Cell]:
    """Area, trough and peak of an interval, with the spread of virtual copies."""
    unit = model.units.DV
    cells = []
    for name, its in (("auc", f"{unit}\N{MIDDLE DOT}h"), ("trough", unit), ("cmax", unit)):
        band = (float(bands[name][0, k]), float(bands[name][2, k])) if name in bands else None
        cells.append(_cell(float(getattr(exposure, name)[k]), its, band, exposure.status[k], model))
    return cells


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
    note = f"simulated: model {model.name}"
    return number_cell(
        value, unit, Directness.SIMULATED, interval=known, source=[model.paper], note=note, significant=4
    )


def _chosen(exposure: Exposure) -> list[int]:
    """All intervals where they fit on a page, else the last of each subject."""
    count = len(exposure.auc)
    if count <= _MOST_ROWS:
        return list(range(count))
    last = np.append(exposure.subject[1:] != exposure.subject[:-1], True)
    return np.flatnonzero(last).tolist()[:_MOST_ROWS]


def _uncertain(model: PopulationModel, found: ExposureFindings) -> list[Block]:
    """What the uncertainty of the typical values does, without random effects."""
    drawn = ", ".join(escape_markup(name) for name in found.value_sets)
    fixed = ", ".join(escape_markup(name) for name in model.values if name not in found.value_sets)
    source = "the standard errors and intervals that the source prints, each value by itself"
    if found.uncertainty != "published":
        source = f"the sets of {escape_markup(found.uncertainty)}"
    words = f"Drawn from {source}: {drawn}. Kept as they are: {fixed or 'none'}."
    heads = (
        ColumnHead("auc", "Area", f"{model.units.DV}\N{MIDDLE DOT}h"),
        ColumnHead("trough", "Trough", model.units.DV),
        ColumnHead("cmax", "Peak", model.units.DV),
    )
    exposure, bands = found.exposure, _bands(found.uncertain)
    rows = [_row(exposure, k, _measures(model, exposure, bands, k)) for k in _chosen(exposure)]
    note = f"Intervals: 5th to 95th percentile of {found.copies} sets of values, seed {found.seed}, no random effects."
    table = Table("uncertainty", "The typical subject, uncertain", heads, tuple(rows), note=note, stub="Interval")
    return [Paragraph(words), table]


def findings_blocks(table: EventTable) -> list[Block]:
    """Say what the checks of the table and the covariates found, the grave first, each kind once.

    Parameters
    ----------
    table : EventTable

    Returns
    -------
    list of Block
    """
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
    kinds: dict[str, list[str]] = {}
    for found in sorted(table.findings, key=lambda one: order[one.severity]):
        said = f"{found.where}: {found.got}" + (f"; {found.do}" if found.do else "")
        kinds.setdefault(f"{found.severity}: {found.check}", []).append(said)
    items = tuple(
        f"**{escape_markup(kind.replace('-', ' '))}:** {escape_markup(texts[0])}"
        + (f" (and {len(texts) - 1} more of the kind)" if len(texts) > 1 else "")
        for kind, texts in kinds.items()
    )
    return [BulletList(items)] if items else [Paragraph("The checks found nothing to remark.")]
