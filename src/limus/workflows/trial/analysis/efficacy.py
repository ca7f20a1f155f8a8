"""Every event over time: curves with numbers at risk, and the table of risks and comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from limus.report.content import Block, Cell, ColumnHead, Figure, Paragraph, Row, Section, Table, text_cell
from limus.report.figures.drug_styles import DrugStyle
from limus.report.figures.trial_events import draw_event_curves
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.trial.analysis.events import EventComparison, EventSummary, curve_table, risk_table
from limus.trial.design.analysis_plan import AnalysisPlan
from limus.workflows.cells import figure, key_of
from limus.workflows.trial.analysis.outcome import TrialOutcome
from limus.workflows.trial.analysis.words import p_text, percent

__all__ = ["efficacy_section", "event_blocks"]

_DASH = "\N{EN DASH}"
EFFICACY = ("BPAR", "GRFTLOSS", "DEATH", "EFFFAIL", "REJGLDTH", "GRAFTSUR", "SUBCLREJ")
_DRAWN = ("BPAR", "EFFFAIL", "GRAFTSUR")
_RISK_TIMES = 7
_TESTS = (
    "log-rank p, of hazards, and where events compete Gray's p, of cumulative incidences; within strata, not adjusted "
    "for the number of tests."
)


def efficacy_section(outcome: TrialOutcome, styles: Mapping[str, DrugStyle]) -> Section:
    """Describe rejection, graft and patient survival and their composites.

    Parameters
    ----------
    outcome : TrialOutcome
    styles : mapping of str to DrugStyle
        By arm.

    Returns
    -------
    Section
    """
    events = outcome.analysis.events
    chosen = [one for one in events if one.code in EFFICACY]
    known = {word.code for word in outcome.analysis.plan.words.events}
    chosen += [one for one in events if one.code not in EFFICACY and one.code not in known]
    drawn = [one for one in chosen if one.code in _DRAWN or one.code not in EFFICACY]
    words = (
        "Risks are cumulative incidences of Aalen and Johansen where another event rules the one in question out "
        "(death, or the loss of the graft), otherwise 1 - Kaplan-Meier; intervals are log-log. Hazard ratios are by "
        "Cox's model with Efron's ties, cause-specific where events compete, within the strata of the randomisation; "
        "where events compete, Gray's test compares the cumulative incidences. "
    )
    words += _origin(outcome.analysis.plan)
    blocks: list[Block] = [Paragraph(words), *event_blocks(outcome, chosen, drawn, styles, "efficacy", "Efficacy")]
    return Section("over-time", "Efficacy over time", tuple(blocks))


def _origin(plan: AnalysisPlan) -> str:
    """Say from which day times count."""
    said = "Times count from the day of randomisation, which is day 0 of the figures"
    if plan.randomisation_day > 0:
        said += f" and day {plan.randomisation_day:g} after transplantation; what came before it is not counted"
    return f"{said}; a risk by a day counts the events of that day."


def event_blocks(
    outcome: TrialOutcome,
    chosen: Sequence[EventSummary],
    drawn: Sequence[EventSummary],
    styles: Mapping[str, DrugStyle],
    key: str,
    title: str,
) -> list[Block]:
    """Return curves of some events and the table of others.

    Parameters
    ----------
    outcome : TrialOutcome
    chosen, drawn : sequence of EventSummary
        What stands in the table, and what is drawn.
    styles : mapping of str to DrugStyle
    key, title : str
        Of the table.

    Returns
    -------
    list of Block
    """
    blocks: list[Block] = [_curves(outcome, one, styles) for one in drawn if any(arm.events for arm in one.arms)]
    if not chosen:
        return blocks
    blocks.append(_table(outcome, chosen, key, title))
    if len(outcome.analysis.plan.codes) > 2:
        blocks.append(_comparisons(outcome, chosen, key, title))
    blocks += _days_free(outcome, chosen, key)
    warnings = [f"{escape_markup(one.label)}: {escape_markup(one.warning)}" for one in chosen if one.warning]
    if warnings:
        said = (
            "**Where 1 - Kaplan-Meier would have been wrong**, as if those who died or lost the graft could still have "
            f"the event. {'; '.join(warnings)}."
        )
        blocks.append(Paragraph(said))
    return blocks


def _curves(outcome: TrialOutcome, one: EventSummary, styles: Mapping[str, DrugStyle]) -> Figure:
    plan = outcome.analysis.plan
    labels = {arm.code: f"{arm.code}: {arm.label}" for arm in plan.arms}
    last = plan.duration_days
    days = np.linspace(0.0, last, _RISK_TIMES) if last > 400 else np.linspace(0.0, last, 5)
    curves, at_risk = curve_table(one, labels, last), risk_table(one, labels, [float(day) for day in days])
    drawing = draw_event_curves(curves, at_risk, event=one.label, styles=styles, method=one.method)
    n = ", ".join(f"{arm.arm} {arm.n}" for arm in one.arms)
    caption = (
        f"Risk by {one.method}{_bands(one)}; n: {n}. Below: subjects at risk and, in brackets, events so "
        f"far. {escape_markup(outcome.origin.sentence)}"
    )
    return figure(f"curve-{key_of(one.code)}", one.label, drawing, caption)


def _bands(one: EventSummary) -> str:
    return " with log-log intervals" if len(one.arms) <= 2 else ", intervals in the table"


def _comparisons(outcome: TrialOutcome, chosen: Sequence[EventSummary], key: str, title: str) -> Table:
    """Hazard ratios of every other arm over the reference."""
    base = outcome.analysis.plan.reference
    others = [code for code in outcome.analysis.plan.codes if code != base]
    heads = tuple(ColumnHead(key_of(code), f"{code} over {base}") for code in others)
    rows = tuple(
        Row(key_of(one.code), one.label, tuple(text_cell(_hazard(compared)) for compared in one.comparisons))
        for one in chosen
    )
    note = f"Hazard ratio with 95 % interval; {_TESTS} {escape_markup(outcome.origin.sentence)}"
    return Table(f"comparisons-{key}", f"{title}: arms compared", heads, rows, note=note, stub="Event")


def _days_free(outcome: TrialOutcome, chosen: Sequence[EventSummary], key: str) -> list[Block]:
    """Restricted means, of what nothing rules out."""
    known = [one for one in chosen if any(math.isfinite(c.rmst_difference) for c in one.comparisons)]
    if not known:
        return []
    base = outcome.analysis.plan.reference
    heads = tuple(ColumnHead(key_of(c.test), f"{c.test} minus {base}", "days") for c in known[0].comparisons)
    rows = tuple(Row(key_of(one.code), one.label, tuple(_days(c) for c in one.comparisons)) for one in known)
    note = (
        "Difference of restricted means with 95 % interval, up to the day in brackets, the end of the shorter "
        f"follow-up; not stratified. {escape_markup(outcome.origin.sentence)}"
    )
    return [Table(f"days-{key}", "Days free of the event", heads, rows, note=note, stub="Event")]


def _days(one: EventComparison) -> Cell:
    if not math.isfinite(one.rmst_difference):
        return text_cell(_DASH)
    ends = f"{format_number(one.rmst_low)} to {format_number(one.rmst_high)}"
    return text_cell(f"{format_number(one.rmst_difference)} ({ends}) [{one.rmst_day:.0f}]")


def _table(outcome: TrialOutcome, chosen: Sequence[EventSummary], key: str, title: str) -> Table:
    landmarks, codes = outcome.analysis.landmarks, outcome.analysis.plan.codes
    heads = [
        ColumnHead(f"{key_of(code)}-{day:.0f}", f"{code}, day {day:.0f}", "%") for day in landmarks for code in codes
    ]
    two = len(codes) == 2
    if two:
        heads.append(ColumnHead("hazard", "Hazard ratio; log-rank p; Gray p"))
    rows = []
    for one in chosen:
        cells = [
            _risk(arm.risks[k].risk, arm.risks[k].low, arm.risks[k].high, arm.risks[k].events)
            for k in range(len(landmarks))
            for arm in one.arms
        ]
        cells += [text_cell(_hazard(compared)) for compared in one.comparisons if two]
        rows.append(Row(key_of(one.code), one.label, tuple(cells)))
    note = f"Risk with 95 % interval, and events, among all randomised. {escape_markup(outcome.origin.sentence)}"
    if two:
        note += f" Hazard ratio over {outcome.analysis.plan.reference} over the whole follow-up; {_TESTS}"
    return Table(f"events-{key}", f"{title}: risks by arm", tuple(heads), tuple(rows), note=note, stub="Event")


def _risk(risk: float, low: float, high: float, events: float) -> Cell:
    if not math.isfinite(risk):
        return text_cell("not followed")
    said = percent(risk)
    if math.isfinite(low) and math.isfinite(high):
        said += f" ({percent(low)} to {percent(high)})"
    return text_cell(f"{said}; {events:.0f}")


def _hazard(one: EventComparison) -> str:
    tests = p_text(one.log_rank_p)
    if math.isfinite(one.gray_p):
        tests += f"; Gray {p_text(one.gray_p)}"
    if not math.isfinite(one.hazard_ratio):
        return f"{one.status.removeprefix('no hazard ratio: ')}; {tests}"
    ends = f"{format_number(one.low)} to {format_number(one.high)}"
    return f"{format_number(one.hazard_ratio)} ({ends}); {tests}"
