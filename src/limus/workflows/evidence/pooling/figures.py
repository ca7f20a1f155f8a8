"""The figures of a pooling: tables for the drawing functions, and what is written around them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np

from limus.evidence.measures import MEASURE_WORDS, Measure
from limus.evidence.plan import Model
from limus.evidence.sensitivity import Line
from limus.evidence.study_table import TableForm
from limus.kernel.tables import Table
from limus.report.figures.base import Drawing
from limus.report.figures.baujat import draw_baujat
from limus.report.figures.forest import ForestText, draw_forest, forest_limits
from limus.report.figures.funnel import draw_funnel
from limus.report.numbers import format_number
from limus.workflows.evidence.pooling.analysis import Analysis
from limus.workflows.evidence.pooling.as_json import study_rows

__all__ = ["baujat", "forest", "forest_of_lines", "funnel", "interval_words", "p_words"]

_LONGEST_NAME = 34
_HEAD_WIDTH = 15
_MOST_ROWS = 48
NAN = math.nan


def p_words(p: float) -> str:
    """Write a p-value: ``p = 0.012`` or ``p < 0.001``.

    Parameters
    ----------
    p : float

    Returns
    -------
    str
    """
    return "p < 0.001" if p < 0.001 else f"p = {format_number(p, 2)}"


def interval_words(estimate: float, lower: float, upper: float) -> str:
    """Write an estimate with its interval as a forest plot does: two decimals, more where they say something.

    Parameters
    ----------
    estimate, lower, upper : float
        As shown.

    Returns
    -------
    str

    Examples
    --------
    >>> interval_words(2.0462, 1.5151, 2.7633)
    '2.05 (1.52 to 2.76)'
    """
    numbers = (estimate, lower, upper)
    largest = max(abs(x) for x in numbers)
    decimals = 2 if largest < 100 else 1 if largest < 1000 else 0
    if 0 < largest < 0.1:
        decimals = min(6, 1 - math.floor(math.log10(largest)))
    minus = "\N{MINUS SIGN}"
    texts = [f"{x:.{decimals}f}".replace("-", minus) if abs(x) < 1e6 else format_number(x) for x in numbers]
    texts = [text.removeprefix(minus) if not any(c in "123456789" for c in text) else text for text in texts]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def forest(analysis: Analysis, better: str | None) -> tuple[Drawing, ...]:
    """Draw the forest plot of the studies, with subgroups where asked for, in parts that fit on a page.

    Parameters
    ----------
    analysis : Analysis
    better : str, optional
        ``lower`` or ``higher`` effects favour the treatment.

    Returns
    -------
    tuple of Drawing
        All with the same axis.
    """
    measure = analysis.plan.measure
    by_name = {row["study"]: row for row in study_rows(analysis) if row["estimate"] is not None}
    rows: list[dict[str, Any]] = []
    if analysis.subgroups is None:
        rows += [_study(analysis, row) for row in by_name.values()]
    else:
        labels = dict(zip(by_name, analysis.subgroups.labels, strict=True))
        for line in analysis.subgroups.lines:
            rows.append(_row("heading", f"{analysis.subgroups.column}: {line.label}"))
            rows += [_study(analysis, row) for name, row in by_name.items() if labels[name] == line.label]
            rows.append(_pooled_row("subtotal", f"Subtotal, {_studies(line.studies)}", measure, line))
            if line.studies > 1:
                rows.append(_row("note", _spread_words(line.tau2, line.i2_percent, analysis.plan.model)))
        found = analysis.subgroups
        p = p_words(found.q_between_p)
        said = f"Between subgroups: Q = {found.q_between:.2f}, df = {found.degrees_of_freedom}, {p}"
        rows.append(_row("note", said))
    summary = analysis.summary
    effect = "Random effects" if analysis.plan.model is Model.RANDOM else "Common effect"
    label = f"{effect}, {_studies(summary.studies)}"
    total = Line(label, summary.studies, summary.estimate, *summary.ci, summary.tau2, summary.i2_percent)
    rows.append(_totalled(analysis, _pooled_row("total", label, measure, total)))
    prediction = summary.predictions.get(str(analysis.plan.prediction))
    if prediction is not None:
        low, high = (measure.shown(end) for end in prediction)
        text = interval_words(measure.shown(summary.estimate), low, high).partition(" ")[2].strip("()")
        rows.append(
            _row(
                "prediction", f"{analysis.plan.level_percent:g} % prediction interval", text=text, lower=low, upper=high
            )
        )
    if summary.studies > 1:
        spread = _spread_words(summary.tau2, summary.i2_percent, analysis.plan.model)
        q = f"Q = {summary.q:.1f}, df = {summary.degrees_of_freedom:.0f}, {p_words(summary.q_p)}"
        rows.append(_row("note", f"{spread}; {q}"))
    words, whole = _words(analysis, better), Table.from_rows(rows, _COLUMNS)
    limits, count = forest_limits(whole, words), math.ceil(len(rows) / _MOST_ROWS)
    size = math.ceil(len(rows) / count)
    parts = (rows[at : at + size] for at in range(0, len(rows), size))
    return tuple(draw_forest(Table.from_rows(part, _COLUMNS), words, limits) for part in parts)


_COLUMNS = ("kind", "label", "group_1", "group_2", "estimate", "lower", "upper", "text", "weight")


def forest_of_lines(analysis: Analysis, lines: Iterable[Line], head: str, better: str | None) -> Drawing:
    """Draw pooled effects one under the other: without one study, added one by one, by other methods.

    Parameters
    ----------
    analysis : Analysis
    lines : iterable of Line
        Those that failed are left out.
    head : str
        Head of the column of labels.
    better : str, optional

    Returns
    -------
    Drawing
    """
    measure, summary = analysis.plan.measure, analysis.summary
    rows = [_pooled_row("line", line.label, measure, line) for line in lines if np.isfinite(line.estimate)]
    total = Line("All studies", summary.studies, summary.estimate, *summary.ci, summary.tau2, summary.i2_percent)
    rows.append(_pooled_row("total", "All studies", measure, total))
    words = _words(analysis, better)
    words = ForestText(head, words.effect, words.axis, words.low, words.high, null=words.null, log=words.log)
    return draw_forest(Table.from_rows(rows, _COLUMNS), words)


def funnel(analysis: Analysis) -> Drawing:
    """Draw the funnel plot with Egger's line and the filled studies.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    Drawing
    """
    effects, measure, small = analysis.effects, analysis.plan.measure, analysis.small_studies
    rows = [
        {"label": study.name, "kind": "study", "effect": effect, "standard_error": math.sqrt(variance)}
        for study, effect, variance in zip(effects.studies, effects.effect, effects.variance, strict=True)
    ]
    filled = None
    if small.filled is not None and small.filled.missing:
        found = small.filled
        filled = float(found.pooled.estimate[0])
        pairs = zip(found.filled_effects, found.filled_variances, strict=True)
        rows += [
            {"label": "filled", "kind": "filled", "effect": float(y), "standard_error": math.sqrt(v)} for y, v in pairs
        ]
    egger = next((test for test in small.tests if test.name == "egger"), None)
    line = (egger.limit, egger.coefficient) if egger is not None else None
    return draw_funnel(
        Table.from_rows(rows),
        pooled=analysis.summary.estimate,
        filled=filled,
        regression=line,
        axis=_axis_words(measure),
        log=measure.is_ratio,
    )


def baujat(analysis: Analysis) -> Drawing | None:
    """Draw the Baujat plot; none without diagnostics of influence.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    Drawing or None
    """
    found = analysis.influence
    if found is None:
        return None
    names = [study.name for study in analysis.effects.studies]
    return draw_baujat(Table.create({"label": names, "q_contribution": found.q_contribution, "shift": found.shift}))


def _row(kind: str, label: str, **cells: Any) -> dict[str, Any]:
    empty = {"group_1": "", "group_2": "", "estimate": NAN, "lower": NAN, "upper": NAN, "text": "", "weight": NAN}
    return {"kind": kind, "label": label} | empty | cells


def _study(analysis: Analysis, row: dict[str, Any]) -> dict[str, Any]:
    estimate, (lower, upper) = row["estimate"], row["ci"]
    label = row["study"] + (" *" if row["status"] in ("corrected", "variance_corrected") else "")
    cells = {"estimate": estimate, "lower": lower, "upper": upper, "text": interval_words(estimate, lower, upper)}
    first, second = (_group(analysis.comparison.form, row, side) for side in (1, 2))
    return _row("study", label, group_1=first, group_2=second, weight=row["weight_percent"], **cells)


def _group(form: TableForm, row: dict[str, Any], side: int) -> str:
    said = row["reported"]
    if form is TableForm.EVENTS:
        return f"{said[f'events_{side}']:.0f}/{said[f'n_{side}']:.0f}"
    if form is TableForm.MEANS:
        mean, sd = (format_number(said[f"{name}_{side}"]) for name in ("mean", "sd"))
        return f"{mean} ({sd}), {said[f'n_{side}']:.0f}"
    return ""


def _pooled_row(kind: str, label: str, measure: Measure, line: Line) -> dict[str, Any]:
    estimate, lower, upper = (measure.shown(x) for x in (line.estimate, line.lower, line.upper))
    if not np.isfinite(lower):
        return _row(kind, label, estimate=estimate, text=format_number(estimate))
    return _row(kind, label, estimate=estimate, lower=lower, upper=upper, text=interval_words(estimate, lower, upper))


def _totalled(analysis: Analysis, row: dict[str, Any]) -> dict[str, Any]:
    if np.isfinite(analysis.summary.weights_percent).any():
        row["weight"] = 100.0
    if analysis.comparison.form is TableForm.EVENTS:
        numbers = [study.numbers for study in analysis.effects.studies]
        for side in (1, 2):
            events, n = (sum(row[f"{name}_{side}"] for row in numbers) for name in ("events", "n"))
            row[f"group_{side}"] = f"{events:.0f}/{n:.0f}"
    return row


def _studies(count: int) -> str:
    return f"{count} studies" if count != 1 else "1 study"


def _spread_words(tau2: float, i2_percent: float, model: Model) -> str:
    i2 = f"I\N{SUPERSCRIPT TWO} = {i2_percent:.0f} %"
    if model is Model.COMMON or math.isnan(tau2):
        return f"Heterogeneity: {i2}"
    return f"Heterogeneity: \N{GREEK SMALL LETTER TAU}\N{SUPERSCRIPT TWO} = {format_number(tau2)}, {i2}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"


def _axis_words(measure: Measure) -> str:
    words = MEASURE_WORDS[measure]
    return words[0].upper() + words[1:] + (", logarithmic scale" if measure.is_ratio else "")


def _words(analysis: Analysis, better: str | None) -> ForestText:
    measure, comparison = analysis.plan.measure, analysis.comparison
    treatment, reference = _short(comparison.treatment_name), _short(comparison.reference)
    low, high = f"lower with {treatment}", f"higher with {treatment}"
    if better is not None:
        favoured = {"lower": (treatment, reference), "higher": (reference, treatment)}[better]
        low, high = (f"favours {name}" for name in favoured)
    under = {TableForm.EVENTS: "events/n", TableForm.MEANS: "mean (SD), n"}.get(comparison.form)
    words = MEASURE_WORDS[measure].partition(" (")[0]
    return ForestText(
        label="Study",
        effect=f"{words[0].upper()}{words[1:]}\n({analysis.plan.level_percent:g} % CI)",
        axis=_axis_words(measure),
        low=low,
        high=high,
        group_1=f"{_wrapped(comparison.treatment_name)}\n{under}" if under else "",
        group_2=f"{_wrapped(comparison.reference)}\n{under}" if under else "",
        null=measure.null,
        log=measure.is_ratio,
    )


def _wrapped(name: str) -> str:
    """A name on at most two lines of a column's head."""
    lines = textwrap.wrap(name, _HEAD_WIDTH, max_lines=2, placeholder="\N{HORIZONTAL ELLIPSIS}")
    return "\n".join(lines)
