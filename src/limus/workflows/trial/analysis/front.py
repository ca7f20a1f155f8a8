"""The first pages: the question as estimands, and the answers side by side."""

from __future__ import annotations

import math
from collections.abc import Collection

from limus.kernel.tables import Table as TidyTable
from limus.report.content import (
    Block,
    BulletList,
    ColumnHead,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    text_cell,
)
from limus.report.figures.trial_values import draw_effects
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.trial.analysis.results import EstimandResult
from limus.workflows.cells import figure, key_of
from limus.workflows.trial.analysis.outcome import TrialOutcome
from limus.workflows.trial.analysis.words import effect_cell, p_text, value_cell

__all__ = ["answers_section", "question_section"]

_DASH = "\N{EN DASH}"


def question_section(outcome: TrialOutcome, citable: Collection[str]) -> Section:
    """Say what was asked: arms, estimands with their five attributes, and where the data come from.

    Parameters
    ----------
    outcome : TrialOutcome
    citable : collection of str
        Keys of the bibliography; a source of a design of one's own that is not there is named as it stands.

    Returns
    -------
    Section
    """
    plan, origin = outcome.analysis.plan, outcome.origin
    blocks: list[Block] = []
    if origin.simulated:
        title = f": {escape_markup(origin.scenario_title)}" if origin.scenario_title else ""
        blocks.append(
            Notice(
                "warning",
                f"**No patient took part.** Everything here is {escape_markup(origin.words)}{title}. It shows what "
                "such a trial could look like under the scenario's assumptions; it is no evidence about drugs.",
            )
        )
    arms = [f"**{escape_markup(arm.code)}**: {escape_markup(arm.label)}" for arm in plan.arms]
    known = [key for key in plan.source if key in citable]
    cited = f" [{'; '.join(f'@{key}' for key in known)}]" if known else ""
    others = [escape_markup(key) for key in plan.source if key not in citable]
    cited += f" (source: {', '.join(others)})" if others else ""
    blocks += [Paragraph(f"{escape_markup(plan.title)}{cited}."), BulletList(tuple(arms))]
    if not plan.estimands:
        said = "No design was given: nothing is tested and no estimand is named; every event is described by arm."
        return Section("the-question", "The question", (*blocks, Notice("note", said)))
    attributes = [
        ("population", "Population"),
        ("treatment", "Treatment"),
        ("variable", "Variable"),
        ("intercurrent", "Intercurrent events"),
        ("summary", "Summary"),
    ]
    rows = []
    for number, estimand in enumerate(plan.estimands, start=1):
        endpoint = plan.endpoint_named(estimand.endpoint)
        strategies = "; ".join(f"{one.event}: {one.strategy}" for one in estimand.intercurrent_events) or "none named"
        words = (estimand.population, estimand.treatment, endpoint.label, strategies, estimand.summary)
        cells = tuple(text_cell(text) for text in words)
        rows.append(Row(f"estimand-{number}", f"{number}. {estimand.name}", cells))
    heads = tuple(ColumnHead(key, title) for key, title in attributes)
    note = "The five attributes of ICH E9(R1), as the design states them."
    table = Table("estimands", "Estimands", heads, tuple(rows), note=note, stub="Estimand")
    return Section("the-question", "The question", (*blocks, table))


def answers_section(outcome: TrialOutcome) -> Section | None:
    """Give every analysis of the plan with its interval, margin and what it shows.

    Parameters
    ----------
    outcome : TrialOutcome

    Returns
    -------
    Section or None
        None without a plan.
    """
    results = outcome.analysis.estimands
    if not results:
        return None
    blocks: list[Block] = []
    primary = next((one for one in results if one.primary), results[0])
    blocks.append(Paragraph(_primary_words(primary)))
    blocks.append(_answers(outcome))
    drawn = [one for one in results if one.unit == "fraction" and math.isfinite(one.effect)]
    if drawn:
        data = TidyTable.from_rows(
            {
                "label": one.name,
                "effect": 100.0 * one.effect,
                "low": 100.0 * one.low,
                "high": 100.0 * one.high,
                "margin": 100.0 * one.margin,
                "primary": float(one.primary),
            }
            for one in drawn
        )
        first = drawn[0]
        test = f"in {first.test}" if len({one.test for one in drawn}) == 1 else "under test"
        axis = "Difference of risks (percentage points)"
        drawing = draw_effects(data, axis=axis, low=f"fewer {test}", high=f"more {test}")
        caption = (
            f"Differences of risks, arm under test minus reference, with the intervals of the plan "
            f"({first.level_percent:g} % two-sided for the first); thick: primary. {_sentence(outcome)}"
        )
        blocks.append(figure("effects", "Differences of risks and their margins", drawing, caption))
    blocks += [*_handled(outcome), *_sensitivities(outcome)]
    return Section("the-answers", "The answers", tuple(blocks))


def _sentence(outcome: TrialOutcome) -> str:
    said = escape_markup(outcome.origin.sentence)
    if outcome.origin.simulated:
        said += (
            " A single trial has no Monte Carlo error: its intervals are those that a trial of this size would print."
        )
    return said


def _primary_words(one: EstimandResult) -> str:
    row = f"answers.{key_of(one.name)}"
    if one.status != "ok":
        return f"The primary analysis was **{one.status}**: {escape_markup('; '.join(one.warnings))}."
    if not math.isfinite(one.effect):
        said = f"{escape_markup(one.endpoint_label)}: {escape_markup(one.conclusion)}, p {p_text(one.p)}"
        return f"Primary analysis, {said}."
    said = (
        f"Primary analysis, {escape_markup(one.endpoint_label)} ({escape_markup(one.done)}): {one.test} against "
        f"{one.reference} {{{row}.effect}}, {one.level_percent:g} % interval {{{row}.effect:interval}}"
    )
    if math.isfinite(one.margin):
        scale = 100.0 if one.unit == "fraction" else 1.0
        said += f", margin {scale * one.margin:g}"
    return f"{said}: **{escape_markup(one.conclusion)}**."


def _answers(outcome: TrialOutcome) -> Table:
    heads = (
        ColumnHead("test", "Under test"),
        ColumnHead("reference", "Reference"),
        ColumnHead("effect", "Effect"),
        ColumnHead("p", "Margin; p"),
        ColumnHead("says", "The interval says"),
    )
    rows = []
    for one in outcome.analysis.estimands:
        primary = ", primary" if one.primary and one.name != "primary" else ""
        label = f"{one.name}{primary}: {one.done}, {one.level_percent:g} %"
        scale = 100.0 if one.unit == "fraction" else 1.0
        margin = f"{scale * one.margin:g}; " if math.isfinite(one.margin) else ""
        reason = one.conclusion if one.status == "ok" else "; ".join(one.warnings)
        cells = (
            text_cell(_arm_words(one, 0)),
            text_cell(_arm_words(one, 1)),
            effect_cell(one, outcome.origin),
            text_cell(f"{margin}{p_text(one.p)}"),
            text_cell(reason or _DASH),
        )
        rows.append(Row(key_of(one.name), label, cells))
    note = (
        "Effect: under test minus reference (points: percentage points; hazard ratio: over reference). p: one-sided "
        "against the margin for non-inferiority, otherwise two-sided against no difference; not adjusted for the "
        "number of analyses."
    )
    return Table("answers", "Analyses of the plan", heads, tuple(rows), note=note, stub="Analysis")


def _arm_words(one: EstimandResult, place: int) -> str:
    if not one.arms:
        return _DASH
    arm = one.arms[place]
    if arm.events >= 0:
        said = f"{arm.arm}: {arm.events} of {arm.n}"
        return f"{said}, {arm.unknown} unknown" if arm.unknown else said
    value = format_number(arm.estimate) if math.isfinite(arm.estimate) else _DASH
    return f"{arm.arm}: {value} (n = {arm.n})"


def _handled(outcome: TrialOutcome) -> list[Block]:
    heads = (
        ColumnHead("strategy", "Strategy"),
        ColumnHead("done", "What was done"),
        ColumnHead("counts", "Subjects who had it first"),
    )
    rows = []
    seen: set[str] = set()
    for number, one in enumerate(outcome.analysis.estimands, start=1):
        if one.estimand in seen:
            continue
        seen.add(one.estimand)
        for place, event in enumerate(one.handled, start=1):
            counts = ", ".join(f"{arm}: {count}" for arm, count in event.counts) or _DASH
            cells = (text_cell(event.strategy), text_cell(event.done), text_cell(counts))
            rows.append(Row(f"event-{number}-{place}", f"{one.estimand}: {event.event}", cells))
    title = "Intercurrent events and what was done"
    return [Table("handled", title, heads, tuple(rows), stub="Estimand and event")] if rows else []


def _sensitivities(outcome: TrialOutcome) -> list[Block]:
    rows, warnings = [], []
    for number, one in enumerate(outcome.analysis.estimands, start=1):
        scale = 100.0 if one.unit == "fraction" else 1.0
        unit = {"fraction": "points", "hazard ratio": ""}.get(one.unit, one.unit)
        for place, other in enumerate(one.sensitivities, start=1):
            share = other.name.startswith("probability")
            factor, its = (1.0, "") if share else (scale, unit)
            low, high = factor * other.low, factor * other.high
            cell = value_cell(factor * other.estimate, its, outcome.origin, low=low, high=high)
            rows.append(Row(f"other-{number}-{place}", f"{one.name}: {other.name}", (cell,)))
        warnings += [f"**{escape_markup(one.name)}**: {escape_markup(text)}" for text in one.warnings]
    blocks: list[Block] = []
    if rows:
        heads = (ColumnHead("effect", "Effect"),)
        title = "The same by other methods and assumptions"
        blocks.append(Table("sensitivity", title, heads, tuple(rows), stub="Analysis and what differs"))
    if warnings:
        blocks += [Paragraph("What to bear in mind with the analyses:"), BulletList(tuple(dict.fromkeys(warnings)))]
    return blocks
