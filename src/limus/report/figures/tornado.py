"""Tornado figures: what each constant does to an answer, the largest on top."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.base import (
    Drawing,
    add_legend,
    drawing_style,
    in_words,
    new_panels,
    require_columns,
    to_svg,
)
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_tornado", "draw_variance_shares"]

_MOST = 18  # rows that a reader can take in
_ROW_IN = 0.21
_KINDS = {"measured": "#0072B2", "compiled": "#56B4E9", "fitted": "#E69F00", "assumed": "#999999"}
_INK = "#444444"
_FIRST, _TOTAL = "#0072B2", "#D55E00"


def draw_tornado(data: Table, *, answer: str) -> Drawing:
    """Draw the elasticity of each constant beside the fold change of the answer over the constant's spread.

    Parameters
    ----------
    data : Table
        ``parameter, kind, elasticity, fold_spread_down, fold_spread_up, spread_factor``: most influential first; NaN
        where the answer is lost. The first 18 rows are drawn.
    answer : str
        What changes, such as ``IC50``.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, the table is empty, or a kind is unknown.
    """
    columns = ("parameter", "kind", "elasticity", "fold_spread_down", "fold_spread_up", "spread_factor")
    require_columns(data, columns, "tornado")
    rows = list(data.rows())[:_MOST]
    for row in rows:
        if row["kind"] not in _KINDS:
            raise ValueRangeError("tornado, kind", row["kind"], ", ".join(_KINDS), "use one of these words")
    places = np.arange(len(rows))
    colours = [_KINDS[row["kind"]] for row in rows]
    with drawing_style():
        figure, (left, right) = new_panels(2, columns=2, height_in=1.0 + _ROW_IN * len(rows))
        slopes = np.array([row["elasticity"] for row in rows])
        left.barh(places, np.nan_to_num(slopes), color=colours, height=0.7)
        left.axvline(0.0, color=_INK, linewidth=0.8)
        left.set_yticks(places, [row["parameter"] for row in rows], fontsize=6.8)
        left.set_xlabel(f"d ln({answer}) / d ln(constant)")
        left.set_title("Elasticity")
        ends = np.array([[row["fold_spread_down"], row["fold_spread_up"]] for row in rows])
        _draw_spans(right, places, ends, colours)
        right.set_yticks(places, [f"\N{MULTIPLICATION SIGN}/\N{DIVISION SIGN} {r['spread_factor']:.2g}" for r in rows])
        right.tick_params(axis="y", labelsize=6.8)
        right.set_xlabel(f"{answer}, fold of the base")
        right.set_title("Over its spread")
        for axes in (left, right):
            axes.set_ylim(len(rows) - 0.4, -0.6)
            axes.grid(visible=False, axis="y")
        shown = [kind for kind in _KINDS if kind in {row["kind"] for row in rows}]
        sides = {"constant higher": _patch(_INK), "constant lower": _patch(_INK, hollow=True)}
        add_legend(figure, [{kind: _patch(_KINDS[kind]) for kind in shown}, sides], most_columns=4)
        svg = to_svg(figure)
    names = in_words([row["parameter"] for row in rows[:3]])
    alt = (
        f"Tornado of {len(rows)} constants, most influential first: {names}. Left the elasticity of the {answer}, "
        "right its fold change when the constant moves up or down by its spread."
    )
    return Drawing(svg, alt, data)


def _draw_spans(axes: Axes, places: np.ndarray, ends: np.ndarray, colours: list[str]) -> None:
    """A bar from the lower to the higher fold, hollow where the constant is lower, filled where it is higher."""
    logs = np.log10(np.where(ends > 0, ends, np.nan))
    for side, (face, width) in enumerate((("white", 1.1), (None, 1.1))):
        reach = np.nan_to_num(logs[:, side])
        axes.barh(places, reach, color=face or colours, edgecolor=colours, linewidth=width, height=0.7)
    for place, pair in zip(places, logs, strict=True):
        if np.isnan(pair).any():
            axes.text(0.0, float(place), " lost", va="center", fontsize=6.5)
    axes.axvline(0.0, color=_INK, linewidth=0.8)
    largest = max(float(np.nanmax(np.abs(logs))) if np.isfinite(logs).any() else 0.0, math.log10(1.2))
    steps = (1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0)
    outer = next((step for step in steps if math.log10(step) >= 0.75 * largest), steps[-1])
    ticks = [1.0 / outer, 1.0, outer]
    axes.set_xticks([math.log10(tick) for tick in ticks], [format_number(tick, 2) for tick in ticks])
    axes.set_xlim(-1.1 * max(largest, math.log10(outer)), 1.1 * max(largest, math.log10(outer)))


def _patch(colour: str, *, hollow: bool = False) -> object:
    from matplotlib.patches import Patch  # noqa: PLC0415

    return Patch(facecolor="white" if hollow else colour, edgecolor=colour)


def draw_variance_shares(data: Table, *, answer: str, level_percent: float) -> Drawing:
    """Draw first-order and total indices with their intervals.

    Parameters
    ----------
    data : Table
        ``parameter, first_order, first_order_lower, first_order_upper, total, total_lower, total_upper``: largest
        total first.
    answer : str
        Whose variance is divided, such as ``log10 IC50``.
    level_percent : float
        Of the intervals.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, or the table is empty.
    """
    kinds = {"first_order": ("first order: alone", _FIRST, -0.18), "total": ("total: with interactions", _TOTAL, 0.18)}
    columns = tuple(f"{kind}{end}" for kind in kinds for end in ("", "_lower", "_upper"))
    require_columns(data, ("parameter", *columns), "variance shares")
    rows = list(data.rows())[:_MOST]
    places = np.arange(len(rows))
    with drawing_style():
        figure, (axes,) = new_panels(1, height_in=1.1 + 1.3 * _ROW_IN * len(rows))
        for kind, (label, colour, shift) in kinds.items():
            middle, low, high = (np.array([row[f"{kind}{end}"] for row in rows]) for end in ("", "_lower", "_upper"))
            axes.barh(places + shift, np.nan_to_num(middle), height=0.34, color=colour, label=label)
            axes.hlines(places + shift, low, high, color="#1b1f24", linewidth=1.0)
        axes.axvline(0.0, color=_INK, linewidth=0.8)
        axes.set_yticks(places, [row["parameter"] for row in rows], fontsize=7)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"share of the variance of {answer}; line: {level_percent:g} % bootstrap interval")
        handles, labels = axes.get_legend_handles_labels()
        add_legend(figure, [dict(zip(labels, handles, strict=True))], most_columns=2)
        svg = to_svg(figure)
    named = [f"{row['parameter']} ({row['total']:.2f})" for row in rows[:3] if math.isfinite(row["total"])]
    alt = f"First-order and total shares of the variance of {answer} for {len(rows)} constants"
    return Drawing(svg, f"{alt}; largest totals: {in_words(named)}." if named else f"{alt}.", data)
