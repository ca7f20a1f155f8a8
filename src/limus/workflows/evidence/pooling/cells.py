"""Cells that the sections of a pooling's report share."""

from __future__ import annotations

import math

from limus.evidence.comparison import Study
from limus.evidence.plan import CiMethod, Method, Model
from limus.evidence.sensitivity import Line
from limus.kernel.provenance import Directness
from limus.report.content import Cell, ColumnHead, Figure, Row, Table, number_cell, text_cell
from limus.report.figures.base import Drawing
from limus.workflows.evidence.pooling.analysis import Analysis
from limus.workflows.evidence.pooling.figures import interval_words

__all__ = ["LINE_COLUMNS", "figure", "how_pooled", "key_of", "line_table", "pooled_cell", "study_cell"]

LINE_COLUMNS = (
    ColumnHead("studies", "Studies"),
    ColumnHead("estimate", "Pooled effect (interval)"),
    ColumnHead("tau2", "\N{GREEK SMALL LETTER TAU}\N{SUPERSCRIPT TWO}"),
    ColumnHead("i2", "I\N{SUPERSCRIPT TWO}", "%"),
)
_DASH = "\N{EN DASH}"
_CI_WORDS = {
    CiMethod.WALD: "Wald interval",
    CiMethod.HK: "Hartung-Knapp interval",
    CiMethod.HK_CORRECTED: "Hartung-Knapp interval, factor at least 1",
}
_METHOD_WORDS = {
    Method.IV: "inverse variance",
    Method.MH: "Mantel-Haenszel",
    Method.PETO: "Peto",
    Method.GLMM: "logistic model with fixed study effects",
}


def key_of(text: str, at: int) -> str:
    """Return a key of the content tree for a row: its number and what is plain of its name."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in text)
    return f"{at + 1}-{plain}".rstrip("-")


def how_pooled(analysis: Analysis) -> str:
    """Say in words how the effect was pooled: for notes and captions."""
    plan = analysis.plan
    model = "common effect"
    if plan.model is Model.RANDOM:
        by = "ML" if plan.method is Method.GLMM else str(plan.tau2_method)
        model = f"random effects (tau2 by {by})"
    return f"{model}, {_METHOD_WORDS[plan.method]}, {plan.level_percent:g} % {_CI_WORDS[plan.ci]}"


def pooled_cell(analysis: Analysis, estimate: float, lower: float, upper: float, studies: int, note: str = "") -> Cell:
    """Make the cell of a pooled effect, as shown; inferred from the studies."""
    measure = analysis.plan.measure
    shown = [measure.shown(x) for x in (estimate, lower, upper)]
    if not math.isfinite(shown[0]):
        return text_cell("none", note=note)
    interval = (shown[1], shown[2]) if math.isfinite(shown[1]) and math.isfinite(shown[2]) else None
    text = interval_words(*shown).partition(" ")[0] if interval else ""
    said = f"pooled from the studies: {note or how_pooled(analysis)}"
    return number_cell(shown[0], "", Directness.INFERRED, n=studies, interval=interval, note=said, text=text)


def study_cell(analysis: Analysis, study: Study, side: int, text: str, known: frozenset[str]) -> Cell:
    """Make the cell of what one side of a study reports, with its kind and source where the table names them."""
    if not study.origins:
        return text_cell(text)
    origin = study.origins[side]
    keys = tuple(key for key in origin["source"].split(";") if key in known)
    assumed = origin["kind"] == "assumed"
    directness = Directness.INFERRED if assumed or origin["kind"] == "compiled" else Directness.MEASURED
    said = origin["note"] or f"from {analysis.comparison.name}"
    note = f"assumed: {said}" if assumed else said
    return text_cell(text, directness=directness, source=keys, certainty="assumed" if assumed else "", note=note)


def line_table(analysis: Analysis, key: str, title: str, stub: str, lines: tuple[Line, ...], note: str = "") -> Table:
    """Make a table of pooled effects, one line each; a failed one says why."""
    rows = []
    for at, line in enumerate(lines):
        if line.status == "failed":
            cells = (text_cell(_DASH), text_cell("failed", note=line.reason), text_cell(_DASH), text_cell(_DASH))
        else:
            effect = pooled_cell(analysis, line.estimate, line.lower, line.upper, line.studies, line.label)
            cells = (text_cell(str(line.studies)), effect, _number(line.tau2, ""), _number(line.i2_percent, "%"))
        rows.append(Row(key_of(line.label, at), line.label, cells))
    return Table(key, title, LINE_COLUMNS, tuple(rows), note=note, stub=stub)


def _number(value: float, unit: str) -> Cell:
    if not math.isfinite(value):
        return text_cell(_DASH)
    return number_cell(value, unit, Directness.INFERRED, note="estimated from the studies")


def figure(key: str, title: str, drawing: Drawing, caption: str) -> Figure:
    """Put a drawing into the tree."""
    return Figure(key, title, drawing.svg, drawing.alt, caption, drawing.data)
