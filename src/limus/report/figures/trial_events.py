"""Curves of risk over time by arm, with the numbers at risk under them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from limus.kernel.tables import Table
from limus.report.figures.base import (
    Drawing,
    add_legend,
    drawing_style,
    labelled_lines,
    require_columns,
    to_svg,
    unique_texts,
)
from limus.report.figures.drug_styles import DrugStyle
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_event_curves"]

_DAYS_PER_MONTH = 365.0 / 12.0
_ROW_IN = 0.2
_MOST_BANDS = 2  # of more arms the intervals would hide each other


def draw_event_curves(
    curves: Table, at_risk: Table, *, event: str, styles: Mapping[str, DrugStyle], method: str
) -> Drawing:
    """Draw the risk of an event over time.

    Parameters
    ----------
    curves : Table
        ``arm, label, day, risk_percent, low_percent, high_percent``; steps.
    at_risk : Table
        ``arm, label, day, n_at_risk, events``.
    event : str
        What happens, for the axis.
    styles : mapping of str to DrugStyle
        By arm.
    method : str
        For the alternative text.

    Returns
    -------
    Drawing
        Its data are the curves; intervals are drawn with two arms at most.

    Raises
    ------
    ValueRangeError
        A column is missing or a table is empty.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    require_columns(curves, ("arm", "label", "day", "risk_percent", "low_percent", "high_percent"), "curves of risk")
    require_columns(at_risk, ("arm", "label", "day", "n_at_risk", "events"), "numbers at risk")
    arms = unique_texts(curves["arm"])
    table_in = _ROW_IN * (len(arms) + 1.2)
    with drawing_style():
        figure = Figure(figsize=(7.2, 2.75 + table_in), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(2, 1, height_ratios=(2.75, table_in), hspace=0.02)
        axes, below = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
        last = float(at_risk["day"].max()) / _DAYS_PER_MONTH
        few = len(arms) <= _MOST_BANDS
        said = [_curve(axes, curves, arm, styles[arm], band=few) for arm in arms]
        highest = float(np.nanmax(curves["risk_percent"]))
        bands = curves["high_percent"][np.isfinite(curves["high_percent"]) & few]
        top = max(1.35 * highest, min(float(np.percentile(bands, 90)) if len(bands) else 0.0, 2.5 * highest), 2.0)
        axes.set_ylim(0, min(100.0, 1.05 * top))
        axes.set_ylabel("Risk so far (%)")
        axes.set_xlabel("Months after randomisation")
        axes.set_title(event)
        if few:
            axes.legend(loc="upper left", fontsize=8)
        else:
            add_legend(figure, [labelled_lines([axes])], most_columns=2)
        ticks = np.unique(at_risk["day"]) / _DAYS_PER_MONTH
        for one in (axes, below):
            one.set_xlim(-0.025 * last, 1.025 * last)
        axes.set_xticks(ticks, [format_number(round(float(tick), 1)) for tick in ticks])
        _numbers(below, at_risk, arms, styles)
        svg = to_svg(figure)
    return Drawing(svg, f"{event}: {method} estimate of the risk so far by arm. " + "; ".join(said) + ".", curves)


def _curve(axes: Axes, curves: Table, arm: str, style: DrugStyle, *, band: bool) -> str:
    rows = curves.where(curves["arm"] == arm)
    month, label = rows["day"] / _DAYS_PER_MONTH, str(rows["label"][0])
    axes.step(month, rows["risk_percent"], where="post", color=style.colour, linestyle=style.line, label=label)
    low, high = rows["low_percent"], rows["high_percent"]
    known = np.isfinite(low) & np.isfinite(high) & band
    axes.fill_between(
        month, np.where(known, low, np.nan), np.where(known, high, np.nan), step="post", color=style.colour, alpha=0.13,
        linewidth=0,
    )  # fmt: skip
    end = float(rows["risk_percent"][-1])
    if not np.isfinite(end):
        return f"arm {arm} not followed to the end"
    return f"arm {arm} {format_number(end)} % at month {format_number(round(float(month[-1]), 1))}"


def _numbers(axes: Axes, at_risk: Table, arms: list[str], styles: Mapping[str, DrugStyle]) -> None:
    axes.set_ylim(len(arms) - 0.4, -1.6)
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks(range(len(arms)), arms)
    axes.tick_params(length=0, pad=24)
    for tick, arm in zip(axes.get_yticklabels(), arms, strict=True):
        tick.set_color(styles[arm].colour)
        tick.set_fontweight("bold")
    axes.text(0.0, -1.1, "At risk (events so far)", ha="left", va="center", fontsize=8, color="#57606a")
    for k, arm in enumerate(arms):
        for row in at_risk.where(at_risk["arm"] == arm).rows():
            words = f"{row['n_at_risk']:.0f} ({row['events']:.0f})"
            axes.text(row["day"] / _DAYS_PER_MONTH, k, words, ha="center", va="center", fontsize=8)
