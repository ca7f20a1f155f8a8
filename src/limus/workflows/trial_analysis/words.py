"""Numbers and phrases of the trial report, written one way everywhere."""

from __future__ import annotations

import math

from limus.kernel.provenance import Directness
from limus.report.content import Cell, number_cell, text_cell
from limus.report.numbers import format_number
from limus.trial.analysis.results import EstimandResult
from limus.workflows.trial_analysis.outcome import Origin

__all__ = ["count_share", "effect_cell", "p_text", "percent", "spread", "value_cell"]

_DASH = "\N{EN DASH}"


def count_share(count: int, n: int) -> str:
    """Write a count with its share: ``12 (40 %)``."""
    return f"{count} ({percent(count / n)} %)" if n else f"{count} of 0"


def percent(fraction: float) -> str:
    """Write a fraction in per cent with one decimal below ten."""
    value = 100.0 * fraction
    return f"{value:.1f}" if abs(value) < 10 else f"{value:.0f}"


def spread(mean: float, sd: float) -> str:
    """Write a mean with its standard deviation: ``45 (12.9)``."""
    if not math.isfinite(mean):
        return _DASH
    return f"{format_number(mean)} ({format_number(sd) if math.isfinite(sd) else _DASH})"


def p_text(p: float) -> str:
    """Write a p value as journals do."""
    if not math.isfinite(p):
        return _DASH
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def value_cell(
    value: float, unit: str, origin: Origin, *, low: float = math.nan, high: float = math.nan, n: int | None = None
) -> Cell:
    """A number of the trial with its interval; a dash where there is none."""
    if not math.isfinite(value):
        return text_cell(_DASH)
    known = (low, high) if math.isfinite(low) and math.isfinite(high) else None
    directness = Directness.SIMULATED if origin.simulated else Directness.INFERRED
    return number_cell(value, unit, directness, n=n, interval=known, note=origin.words)


def effect_cell(result: EstimandResult, origin: Origin) -> Cell:
    """The effect of an analysis; risks in percentage points."""
    if result.status != "ok":
        return text_cell(result.status)
    scale = 100.0 if result.unit == "fraction" else 1.0
    unit = {"fraction": "points", "hazard ratio": ""}.get(result.unit, result.unit)
    return value_cell(scale * result.effect, unit, origin, low=scale * result.low, high=scale * result.high)
