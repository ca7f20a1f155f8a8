"""Kidney function over time, and troughs beside their targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from limus.kernel.tables import Table as TidyTable
from limus.report.content import Block, Cell, ColumnHead, Figure, Notice, Paragraph, Row, Section, Table, text_cell
from limus.report.figures.drug_styles import DrugStyle
from limus.report.figures.trial_levels import draw_trough_ribbons
from limus.report.figures.trial_values import draw_values_by_visit
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.trial.analysis.laboratory import LaboratoryVisit
from limus.workflows.cells import figure, key_of
from limus.workflows.trial.analysis.outcome import TrialOutcome
from limus.workflows.trial.analysis.words import spread

__all__ = ["KIDNEY", "kidney_section", "laboratory_figure", "laboratory_table", "troughs_section"]

_DASH = "\N{EN DASH}"
_CHANGE_DIGITS = 2
KIDNEY = ("EGFR", "CREATCLR", "CREAT")


def kidney_section(outcome: TrialOutcome, styles: Mapping[str, DrugStyle]) -> Section | None:
    """Show kidney function by visit among those who have a value, and say what that leaves out.

    Parameters
    ----------
    outcome : TrialOutcome
    styles : mapping of str to DrugStyle

    Returns
    -------
    Section or None
        None without values.
    """
    rows = [one for one in outcome.analysis.laboratory if one.code in KIDNEY[:2]]
    if not rows:
        return None
    words = (
        "Means of those alive with a working graft who came to the visit. Arms can differ in who that is: the analysis "
        "of the plan, with its estimand's rule for death and graft loss, stands under The answers. There is no "
        "baseline of kidney function before transplantation"
    )
    if outcome.analysis.plan.randomisation_day > 0:
        words += "; changes are from the last value before randomisation"
    blocks: list[Block] = [Paragraph(f"{words}.")]
    kinds = list(dict.fromkeys(one.code for one in rows))
    if len(kinds) > 1:
        said = (
            "Creatinine clearance by Cockcroft and Gault (mL/min) and eGFR (mL/min/1.73 m2) are not the same quantity."
        )
        blocks.append(Notice("note", said))
    blocks.append(laboratory_figure(outcome, rows, styles, "kidney", "Kidney function by visit"))
    egfr = [one for one in rows if one.code == kinds[0]]
    blocks.append(laboratory_table(outcome, egfr, "kidney-visits", f"{egfr[0].label} by visit"))
    return Section("kidney-function", "Kidney function", tuple(blocks))


def laboratory_figure(
    outcome: TrialOutcome, rows: Sequence[LaboratoryVisit], styles: Mapping[str, DrugStyle], key: str, title: str
) -> Figure:
    """Draw means by visit.

    Parameters
    ----------
    outcome : TrialOutcome
    rows : sequence of LaboratoryVisit
    styles : mapping of str to DrugStyle
    key, title : str

    Returns
    -------
    Figure
    """
    plan = outcome.analysis.plan
    names = ("code", "label", "arm", "visit", "day", "n", "mean", "low", "high")
    data = TidyTable.from_rows({name: getattr(one, name) for name in names} for one in rows)
    labels = {arm.code: f"{arm.code}: {arm.label}" for arm in plan.arms}
    drawing = draw_values_by_visit(data, styles=styles, labels=labels)
    least, most = int(np.min(data["n"])), int(np.max(data["n"]))
    words = outcome.origin.words
    caption = (
        f"Mean with 95 % interval (Student's t) of {least} to {most} subjects an arm and visit; {escape_markup(words)}."
    )
    return figure(key, title, drawing, caption)


def laboratory_table(outcome: TrialOutcome, rows: Sequence[LaboratoryVisit], key: str, title: str) -> Table:
    """Give means by visit and arm, with the change from baseline where there is one.

    Parameters
    ----------
    outcome : TrialOutcome
    rows : sequence of LaboratoryVisit
        Of one test.
    key, title : str

    Returns
    -------
    Table
    """
    codes = outcome.analysis.plan.codes
    by_place = {(one.visit, one.arm): one for one in rows}
    visits = list(dict.fromkeys(one.visit for one in sorted(rows, key=lambda one: one.day)))
    changes = any(one.n_change for one in rows)
    heads = [ColumnHead(key_of(code), code) for code in codes]
    if changes:
        heads += [ColumnHead(f"{key_of(code)}-change", f"{code}, change") for code in codes]
    lines = []
    for number, visit in enumerate(visits, start=1):
        cells = [_mean(by_place.get((visit, code))) for code in codes]
        if changes:
            cells += [_change(by_place.get((visit, code))) for code in codes]
        lines.append(Row(f"visit-{number}", visit, tuple(cells)))
    note = "Mean (standard deviation), n"
    note += "; change from baseline with 95 % interval. " if changes else ". "
    note += escape_markup(outcome.origin.sentence)
    return Table(key, title, tuple(heads), tuple(lines), note=note, stub="Visit")


def _mean(one: LaboratoryVisit | None) -> Cell:
    if one is None:
        return text_cell(_DASH)
    return text_cell(f"{spread(one.mean, one.sd)}, {one.n}")


def _change(one: LaboratoryVisit | None) -> Cell:
    if one is None or not math.isfinite(one.change):
        return text_cell(_DASH)
    change, low, high = (round(value, _CHANGE_DIGITS) for value in (one.change, one.change_low, one.change_high))
    if not math.isfinite(low):
        return text_cell(format_number(change))
    return text_cell(f"{format_number(change)} ({format_number(low)} to {format_number(high)})")


def troughs_section(outcome: TrialOutcome) -> Section | None:
    """Show troughs by visit beside the target windows.

    Parameters
    ----------
    outcome : TrialOutcome

    Returns
    -------
    Section or None
        None without levels.
    """
    levels = outcome.analysis.levels
    if not levels:
        return None
    names = (
        "arm", "drug", "visit", "day", "n", "p10", "p25", "median", "p75", "p90", "low_target", "high_target", "below",
        "inside", "above", "inside_low", "inside_high",
    )  # fmt: skip
    data = TidyTable.from_rows({name: getattr(one, name) for name in names} for one in levels)
    drawing = draw_trough_ribbons(data)
    caption = (
        "Above: measured troughs of subjects on treatment, by planned day (square-root axis); dashed: target window. "
        f"Below: share inside the window with 95 % interval (Wilson). {escape_markup(outcome.origin.sentence)}"
    )
    blocks: list[Block] = [figure("troughs", "Troughs and the share in target", drawing, caption)]
    if not any(math.isfinite(one.low_target) for one in levels):
        blocks.append(Notice("note", "No design was given, so there is no target window and no share inside it."))
    blocks.append(_troughs_table(outcome))
    return Section("in-range", "Troughs in range", tuple(blocks))


def _troughs_table(outcome: TrialOutcome) -> Table:
    visits = {visit.name for visit in outcome.analysis.plan.visits}
    rows = []
    for number, one in enumerate(outcome.analysis.levels, start=1):
        if one.visit not in visits:
            continue
        band = f"{format_number(one.p10)} to {format_number(one.p90)}"
        window = share = outside = _DASH
        if math.isfinite(one.low_target):
            window = f"{format_number(one.low_target)} to {format_number(one.high_target)}"
            share = f"{one.inside:.0f} ({one.inside_low:.0f} to {one.inside_high:.0f})"
            outside = f"{one.below:.0f} / {one.above:.0f}"
        cells = (str(one.n), f"{format_number(one.median)} ({band})", window, share, outside)
        label = f"{one.arm}, {one.drug}, {one.visit}"
        rows.append(Row(f"level-{number}", label, tuple(text_cell(cell) for cell in cells)))
    heads = (
        ColumnHead("n", "n"),
        ColumnHead("level", "Median (10th to 90th)", "ng/mL"),
        ColumnHead("window", "Target", "ng/mL"),
        ColumnHead("inside", "Inside", "%"),
        ColumnHead("outside", "Below / above", "%"),
    )
    note = "Study visits only; all dosing visits stand in figures/troughs.csv."
    return Table("trough-visits", "Troughs at study visits", heads, tuple(rows), note=note, stub="Arm, drug, visit")
