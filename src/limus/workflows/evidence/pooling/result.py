"""The first sections of a pooling's report: the result with what to be careful of, the forest plot, the studies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from limus.evidence.measures import MEASURE_WORDS
from limus.evidence.plan import Model
from limus.evidence.study_table import TableForm
from limus.kernel.checks import Severity
from limus.kernel.provenance import Directness
from limus.report.content import (
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
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.evidence.pooling.analysis import Analysis
from limus.workflows.evidence.pooling.as_json import study_rows
from limus.workflows.evidence.pooling.cells import figure, how_pooled, key_of, pooled_cell, study_cell
from limus.workflows.evidence.pooling.figures import forest, interval_words, p_words

__all__ = ["forest_section", "result_section"]

_TAU2 = "\N{GREEK SMALL LETTER TAU}\N{SUPERSCRIPT TWO}"
_I2 = "I\N{SUPERSCRIPT TWO}"


def result_section(analysis: Analysis) -> Section:
    """Build the section with the pooled effect and what a reader must know to use it."""
    comparison, summary, plan = analysis.comparison, analysis.summary, analysis.plan
    words = MEASURE_WORDS[plan.measure]
    scale = ", ".join(comparison.scale.values())
    sides = f"{escape_markup(comparison.treatment_name)} against {escape_markup(comparison.reference)}"
    said = f"{_capital(sides)}{', ' + escape_markup(scale) if scale else ''}: "
    said += f"{words} {{result.effect.value}}, interval {{result.effect.value:interval}}, from "
    said += "{result.effect.value:n} studies" if summary.studies > 1 else "one study"
    said += f" ({escape_markup(how_pooled(analysis))})."
    if "prediction" in {row.key for row in _rows(analysis)}:
        said += " In a new study like these the effect would lie within {result.prediction.value}."
    blocks: list[Paragraph | Table | BulletList | Notice] = [Paragraph(said)]
    warnings = [f for f in analysis.findings if f.severity is not Severity.NOTE]
    if warnings:
        shown = "; ".join(escape_markup(f"{f.where} ({f.got})") for f in warnings[:4])
        more = f", and {len(warnings) - 4} more" if len(warnings) > 4 else ""
        blocks.append(Notice("warning", f"To be looked at: {shown}{more}. All are listed at the end."))
    table = Table("result", "The pooled effect", (ColumnHead("value", "Value"),), _rows(analysis), stub="Quantity")
    return Section("pooled-effect", "The pooled effect", (*blocks, table))


def _rows(analysis: Analysis) -> tuple[Row, ...]:
    summary, plan = analysis.summary, analysis.plan
    measure = plan.measure
    rows = [Row("effect", _capital(MEASURE_WORDS[measure]), (_effect(analysis),))]
    prediction = summary.predictions.get(str(plan.prediction))
    if prediction is not None:
        low, high = (measure.shown(end) for end in prediction)
        note = f"inferred from tau2 and the standard error: {plan.prediction.replace('_', ' ')}"
        text = interval_words(low, low, high).partition("(")[2].strip(")")
        cell = Cell(None, text, "", Directness.INFERRED, None, (low, high), (), "", note)
        rows.append(Row("prediction", f"{plan.level_percent:g} % prediction interval", (cell,)))
    else:
        reason = summary.reasons.get("prediction_interval", "none")
        rows.append(Row("no-prediction", "Prediction interval", (text_cell(f"none: {reason}"),)))
    note = f"against no difference: {how_pooled(analysis)}"
    rows.append(Row("p", "p-value", (_number(summary.p, "", note, text=p_words(summary.p).removeprefix("p = ")),)))
    if math.isnan(summary.tau2):
        rows.append(Row("no-tau2", _TAU2, (text_cell(f"none: {summary.reasons.get('tau2', 'not estimated')}"),)))
        return tuple(rows)
    if plan.model is Model.RANDOM:
        scale = "on the log scale" if measure.is_ratio else "in the square of the effect's unit"
        note = f"estimated from the studies, {scale}; interval by Q-profile"
        rows.append(Row("tau2", f"Heterogeneity variance {_TAU2}", (_number(summary.tau2, "", note, summary.tau2_ci),)))
    definition = "100 tau2/(tau2 + typical variance)" if plan.model is Model.RANDOM else "100 max(0, 1 - df/Q)"
    if math.isfinite(summary.i2_percent):
        note = f"estimated from the studies: {definition}"
        rows.append(Row("i2", _I2, (_number(summary.i2_percent, "%", note, summary.i2_ci),)))
    note = f"Cochran's Q with {summary.degrees_of_freedom:.0f} degrees of freedom, {p_words(summary.q_p)}"
    rows.append(Row("q", "Cochran's Q", (_number(summary.q, "", note),)))
    return tuple(rows)


def _effect(analysis: Analysis) -> Cell:
    s = analysis.summary
    return pooled_cell(analysis, s.estimate, *s.ci, s.studies)


def _number(
    value: float, unit: str, note: str, interval: tuple[float, float] = (math.nan, math.nan), text: str = ""
) -> Cell:
    ends = interval if all(map(math.isfinite, interval)) else None
    return number_cell(value, unit, Directness.INFERRED, interval=ends, note=note, text=text)


def forest_section(analysis: Analysis, better: str | None, known: frozenset[str]) -> Section:
    """Build the section with the forest plot and the table of studies."""
    corrected = any(row["status"] in ("corrected", "variance_corrected") for row in study_rows(analysis))
    caption = f"Inferred from {analysis.summary.studies} studies of {escape_markup(analysis.comparison.name)}: "
    caption += f"{escape_markup(how_pooled(analysis))}. Squares by weight; the diamond is the pooled effect"
    prediction = str(analysis.plan.prediction) in analysis.summary.predictions
    caption += ", the bar under it the prediction interval." if prediction else "."
    caption += " An asterisk marks a study with a zero cell that was corrected." if corrected else ""
    parts = forest(analysis, better)
    drawings = []
    for at, drawing in enumerate(parts, start=1):
        of = f", part {at} of {len(parts)}" if len(parts) > 1 else ""
        key = "forest" if at == 1 else f"forest-{at}"
        drawings.append(figure(key, f"Forest plot{of}", drawing, caption))
    return Section("studies", "The studies", (*drawings, _studies_table(analysis, known)))


def _studies_table(analysis: Analysis, known: frozenset[str]) -> Table:
    form = analysis.comparison.form
    heads = (
        [ColumnHead("reported", "Reported")]
        if not form.by_arm
        else [
            ColumnHead("first", analysis.comparison.treatment_name),
            ColumnHead("second", analysis.comparison.reference),
        ]
    )
    heads += [ColumnHead("effect", _capital(MEASURE_WORDS[analysis.plan.measure])), ColumnHead("weight", "Weight", "%")]
    heads.append(ColumnHead("status", "Status"))
    studies = {study.name: study for study in analysis.comparison.studies}
    rows = []
    for at, row in enumerate(study_rows(analysis)):
        study = studies[row["study"]]
        texts = _reported(form, row)
        cells = [study_cell(analysis, study, side, text, known) for side, text in enumerate(texts)]
        status = text_cell(str(row["status"]).replace("_", " ").replace("-", " "))
        if row["estimate"] is None:
            rows.append(Row(key_of(study.name, at), study.name, (*cells, text_cell("none"), text_cell("none"), status)))
            continue
        estimate, (low, high) = row["estimate"], row["ci"]
        words = interval_words(estimate, low, high).partition(" ")[0]
        note = f"computed from what the study reports; {analysis.plan.level_percent:g} % Wald interval"
        effect = number_cell(estimate, "", Directness.INFERRED, interval=(low, high), note=note, text=words)
        weight = text_cell("none")
        if math.isfinite(row["weight_percent"]):
            weight = number_cell(row["weight_percent"], "%", Directness.INFERRED, note="weight in the pooled effect")
        rows.append(Row(key_of(study.name, at), study.name, (*cells, effect, weight, status)))
    return Table("study-effects", "What each study reports", tuple(heads), tuple(rows), stub="Study")


def _reported(form: TableForm, row: Mapping[str, Any]) -> tuple[str, ...]:
    """What a study reports, in the words of its form; one text a column."""
    said = row["reported"]
    if not said:
        return ("none",) * (2 if form.by_arm else 1)
    shown = {name: format_number(value) if math.isfinite(value) else "none" for name, value in said.items()}
    if form is TableForm.EVENTS:
        return tuple(f"{shown[f'events_{s}']}/{shown[f'n_{s}']}" for s in (1, 2))
    if form is TableForm.MEANS:
        return tuple(f"{shown[f'mean_{s}']} (SD {shown[f'sd_{s}']}), n = {shown[f'n_{s}']}" for s in (1, 2))
    if form is TableForm.CONTRASTS:
        return (f"{shown['effect']}, standard error {shown['se']}",)
    if form is TableForm.ESTIMATES:
        by_interval = shown.get("ci_low", "none") != "none"
        ends = f" ({shown['ci_low']} to {shown['ci_high']})" if by_interval else f", p = {shown['p']}"
        return (f"{shown['estimate']}{ends}",)
    return (f"log-rank p = {shown['p']}, {shown['events']} events of {said['n_1'] + said['n_2']:.0f}",)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
