"""The figures of the survival commands: tables for the drawing functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.survival import CoxFit
from limus.kernel.tables import Table
from limus.report.figures.base import Drawing
from limus.report.figures.forest import ForestText, draw_forest
from limus.report.figures.survival import CurveText, draw_step_curves
from limus.report.numbers import format_number
from limus.workflows.stats.cif import StatsCifResult
from limus.workflows.stats.cox import StatsCoxResult
from limus.workflows.stats.design import Term, curve_name
from limus.workflows.stats.km import StatsKmResult
from limus.workflows.stats.times import round_times

__all__ = ["hazard_ratios", "incidence_curves", "interval_text", "p_text", "survival_curves"]

_MOST_TICKS = 400
_MINUS = "\N{MINUS SIGN}"


def p_text(p: float) -> str:
    """Write a p value: ``p = 0.012`` or ``p < 0.001``."""
    if math.isnan(p):
        return "no p"
    return "p < 0.001" if p < 0.001 else f"p = {format_number(p, 2)}"


def interval_text(estimate: float, low: float, high: float, decimals: int = 2) -> str:
    """Write an estimate with its interval; a dash for what is not there."""

    def one(value: float) -> str:
        if math.isnan(value):
            return "\N{EN DASH}"
        if math.isinf(value):
            return "\N{INFINITY}" if value > 0 else f"{_MINUS}\N{INFINITY}"
        return f"{value:.{decimals}f}".replace("-", _MINUS) if abs(value) < 1e5 else format_number(value)

    return f"{one(estimate)} ({one(low)} to {one(high)})"


def survival_curves(result: StatsKmResult) -> Drawing:
    """Draw the survival curves with the numbers at risk."""
    rows: list[dict[str, Any]] = []
    last = max(float(group.curve.time[-1]) for group in result.groups)
    for group in result.groups:
        curve, name = group.curve, curve_name(result.request.group, group.group)
        rows += _curve_rows(name, curve.time, curve.survival, curve.low, curve.high)
        censored = np.flatnonzero(curve.n_censored > 0)
        if len(censored) <= _MOST_TICKS:
            rows += [_row("censored", name, float(curve.time[i]), float(curve.survival[i])) for i in censored]
        rows += _risk_rows(name, curve.time, curve.n_at_risk, last)
    note = ""
    if result.test is not None:
        name = "log-rank" if result.request.rho == result.request.gamma == 0 else "weighted log-rank"
        note = f"{'stratified ' if result.request.strata else ''}{name} {p_text(result.test.p)}"
    words = CurveText(result.request.time, "Survival without the event", "survival", note)
    return draw_step_curves(Table.from_rows(rows), words)


def incidence_curves(result: StatsCifResult) -> Drawing:
    """Draw the cumulative incidences, a curve a group and cause."""
    rows: list[dict[str, Any]] = []
    last = max(float(group.curves.time[-1]) for group in result.groups)
    for i, cause in enumerate(result.causes):
        for group in result.groups:
            found = np.flatnonzero(group.curves.causes == i + 1)
            if len(found):
                name = f"cause {cause}" if cause.isdigit() else cause
                name = name if len(result.groups) == 1 else f"{name}, {curve_name(result.request.group, group.group)}"
                curves, at = group.curves, int(found[0])
                rows += _curve_rows(name, curves.time, curves.incidence[at], curves.low[at], curves.high[at])
    for group in result.groups:
        name = curve_name(result.request.group, group.group)
        rows += _risk_rows(name, group.curves.time, group.curves.n_at_risk, last)
    words = CurveText(result.request.time, "Cumulative incidence", "cumulative incidence", from_zero=True)
    return draw_step_curves(Table.from_rows(rows), words)


def _curve_rows(
    name: str,
    time: NDArray[np.float64],
    value: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> list[dict[str, Any]]:
    kept = np.flatnonzero(np.concatenate([[True], np.diff(value) != 0, [True]])[: len(value)])
    kept = np.unique(np.append(kept, len(value) - 1))
    return [_row("curve", name, float(time[i]), float(value[i]), float(low[i]), float(high[i])) for i in kept]


def _risk_rows(name: str, time: NDArray[np.float64], at_risk: NDArray[np.float64], last: float) -> list[dict[str, Any]]:
    times = np.array((0.0, *round_times(last)))
    counts = np.append(at_risk, 0.0)[np.searchsorted(time, times)]
    return [_row("at risk", name, float(t), float(n)) for t, n in zip(times, counts, strict=True)]


def _row(
    kind: str, curve: str, time: float, value: float, low: float = math.nan, high: float = math.nan
) -> dict[str, Any]:
    return {"kind": kind, "curve": curve, "time": time, "value": value, "low": low, "high": high}


def hazard_ratios(result: StatsCoxResult) -> Drawing | None:
    """Draw the hazard ratios as a forest; None where none is finite."""
    fit, rows, reference = result.fit, [], ""
    for i, term in enumerate(result.terms):
        if term.level and reference != term.column:
            rows.append(_forest_row("heading", f"{term.column}, against {term.reference}"))
        reference = term.column if term.level else ""
        rows.append(_term_row(fit, i, term))
    if not any(math.isfinite(row["estimate"]) for row in rows):
        return None
    words = ForestText(
        "Covariate", f"Hazard ratio\n({fit.level_percent:g} % CI)", "hazard ratio", "fewer events", "more events"
    )
    return draw_forest(Table.from_rows(rows), words)


def _term_row(fit: CoxFit, i: int, term: Term) -> dict[str, Any]:
    label = term.level or f"{term.column}, per unit"
    beta, low, high = (float(values[i]) for values in (fit.coefficient, fit.low, fit.high))
    if not math.isfinite(beta):
        return _forest_row("line", label, text=str(fit.coefficient_status[i]))
    ratio, ends = math.exp(beta), (math.exp(low), math.exp(high))
    return _forest_row(
        "line", label, ratio, *ends, text=interval_text(ratio, *ends, 3 if ends[1] - ends[0] < 0.1 else 2)
    )


def _forest_row(
    kind: str, label: str, estimate: float = math.nan, lower: float = math.nan, upper: float = math.nan, text: str = ""
) -> dict[str, Any]:
    return {
        "kind": kind,
        "label": label,
        "group_1": "",
        "group_2": "",
        "estimate": estimate,
        "lower": lower,
        "upper": upper,
        "text": text,
        "weight": math.nan,
    }
