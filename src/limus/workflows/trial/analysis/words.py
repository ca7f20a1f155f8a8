"""Numbers and phrases of the trial report, written one way everywhere."""

from __future__ import annotations

import math

from limus.kernel.provenance import Directness
from limus.report.content import Cell, number_cell, text_cell
from limus.report.numbers import format_number
from limus.trial.analysis.results import EstimandResult
from limus.workflows.trial.analysis.outcome import Origin

__all__ = ["count_share", "decimals_text", "effect_cell", "p_text", "percent", "spread", "value_cell"]

_DASH, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


def count_share(count: int, n: int) -> str:
    """Write a count with its share: ``12 (40.0 %)``."""
    return f"{count} ({percent(count / n)} %)" if n else f"{count} of 0"


def percent(fraction: float) -> str:
    """Write a fraction in per cent with one decimal, as all numbers of a column have."""
    return decimals_text(100.0 * fraction, 1)


def decimals_text(value: float, decimals: int) -> str:
    """Write a number with that many decimals and a true minus sign.

    Examples
    --------
    >>> decimals_text(-5.46, 1), decimals_text(-0.01, 1)
    ('\u22125.5', '0.0')
    """
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if not float(text) else text.replace("-", _MINUS)


def spread(mean: float, sd: float) -> str:
    """Write a mean with its standard deviation, both with the decimals of two digits of the deviation, at least one.

    Examples
    --------
    >>> spread(60.0, 23.81), spread(1.751, 0.642), spread(45.2, float("nan"))
    ('60.0 (23.8)', '1.75 (0.64)', '45.2 (\u2013)')
    """
    if not math.isfinite(mean):
        return _DASH
    if not (math.isfinite(sd) and sd > 0):
        return f"{format_number(mean)} ({format_number(sd) if math.isfinite(sd) else _DASH})"
    decimals = min(max(1, 1 - math.floor(math.log10(sd))), 6)
    return f"{decimals_text(mean, decimals)} ({decimals_text(sd, decimals)})"


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
    """A number of the trial, to two digits of its interval's half width, with the interval; a dash without a number."""
    if not math.isfinite(value):
        return text_cell(_DASH)
    known = None
    if math.isfinite(low) and math.isfinite(high):
        decimals = 6 if high <= low else min(6, 1 - math.floor(math.log10((high - low) / 2.0)))
        value, low, high = (round(number, decimals) for number in (value, low, high))
        known = (low, high)
    directness = Directness.SIMULATED if origin.simulated else Directness.INFERRED
    return number_cell(value, unit, directness, n=n, interval=known, note=origin.words)


def effect_cell(result: EstimandResult, origin: Origin) -> Cell:
    """The effect of an analysis; risks in percentage points."""
    if result.status != "ok":
        return text_cell(result.status)
    scale = 100.0 if result.unit == "fraction" else 1.0
    unit = {"fraction": "points", "hazard ratio": ""}.get(result.unit, result.unit)
    return value_cell(scale * result.effect, unit, origin, low=scale * result.low, high=scale * result.high)
