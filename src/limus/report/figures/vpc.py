"""A visual predictive check: measured levels, their percentiles, and the intervals that a model gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.tables import Table
from limus.report.figures.base import (
    Drawing,
    add_legend,
    drawing_style,
    labelled_lines,
    new_panels,
    require_columns,
    to_svg,
)
from limus.report.figures.drug_styles import drug_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_vpc"]

_MEASURED = "#1b2733"
_POINT = "#8a94a0"


def draw_vpc(
    points: Table, percentiles: Table, below: Table, *, drug: str, unit: str, axis: str, corrected: bool = False
) -> Drawing:
    """Draw levels with the percentiles of bins, and under them the share of levels below their limit.

    Parameters
    ----------
    points : Table
        ``time_h, level``, one row a level; NaN is not drawn.
    percentiles : Table
        ``percentile, time_h, low_h, high_h, observed, lower, median, upper``, one row a percentile and bin, in order of
        time; NaN where a number lies below the limit of quantification.
    below : Table
        ``time_h, low_h, high_h, observed, lower, median, upper``: shares in per cent, one row a bin; without rows there
        is no second panel.
    drug : str
        Gives the colour.
    unit : str
        Of the levels.
    axis : str
        Title of the axis of time, with its unit.
    corrected : bool
        Whether levels are prediction-corrected.

    Returns
    -------
    Drawing
        Its data are ``percentiles``.

    Raises
    ------
    ValueRangeError
        A column is missing or there are no percentiles.
    """
    bins = ("time_h", "low_h", "high_h", "observed", "lower", "median", "upper")
    require_columns(percentiles, ("percentile", *bins), "visual predictive check")
    with drawing_style():
        wanted = 2 if len(below) else 1
        figure, panels = new_panels(wanted, columns=1, height_in=3.6 if wanted == 1 else 2.6, width_in=6.6)
        _draw_levels(panels[0], points, percentiles, drug)
        name = f"{drug[0].upper()}{drug[1:]}"
        panels[0].set_ylabel(f"{name} ({unit})" + ("\nprediction-corrected" if corrected else ""))
        if len(below):
            _draw_below(panels[1], below, drug)
            panels[1].set_ylabel("Below the limit (%)")
        for axes in panels:
            axes.set_xlabel(axis)
            axes.set_ylim(bottom=0)
            axes.margins(x=0.03)
        if len(below):
            panels[1].set_xlim(panels[0].get_xlim())
        add_legend(figure, [labelled_lines(panels)], most_columns=2)
        svg = to_svg(figure)
    return Drawing(svg, _describe(percentiles, drug, corrected), percentiles)


def _draw_levels(axes: Axes, points: Table, percentiles: Table, drug: str) -> None:
    style = drug_style(drug)
    axes.plot(points["time_h"], points["level"], "o", ms=2.6, mfc="none", mec=_POINT, mew=0.6, label="measured level")
    kinds = sorted(set(percentiles["percentile"].tolist()))
    middle = kinds[len(kinds) // 2]
    for kind in kinds:
        rows = percentiles.where(percentiles["percentile"] == kind)
        inner = kind == middle
        label = f"model, {kind:g}th percentile" if inner else f"model, {_others(kinds, middle)} percentile"
        _band(axes, rows, style.colour, 0.42 if inner else 0.2, label)
    for kind in kinds:
        rows = percentiles.where(percentiles["percentile"] == kind)
        inner = kind == middle
        label = f"measured, {kind:g}th percentile" if inner else f"measured, {_others(kinds, middle)} percentile"
        _line(axes, rows, "-" if inner else "--", label)


def _others(kinds: Sequence[float], middle: float) -> str:
    return " and ".join(f"{kind:g}th" for kind in kinds if kind != middle)


def _draw_below(axes: Axes, below: Table, drug: str) -> None:
    _band(axes, below, drug_style(drug).colour, 0.42, "model, share below the limit")
    _line(axes, below, "-", "measured, share below the limit", colour="#B00020")


def _band(axes: Axes, rows: Table, colour: str, alpha: float, label: str) -> None:
    """Fill between the ends of the intervals; an end below the limit of quantification goes to the axis."""
    lower = np.where(np.isnan(rows["lower"]) & np.isfinite(rows["upper"]), 0.0, rows["lower"])
    style: dict[str, Any] = {"color": colour, "alpha": alpha, "linewidth": 0, "label": label}
    x, low, high = _stretched(rows, lower, rows["upper"])
    axes.fill_between(x, low, high, **style)


def _line(axes: Axes, rows: Table, dashes: str, label: str, colour: str = _MEASURED) -> None:
    if len(rows) == 1:
        x, level, _ = _stretched(rows, rows["observed"], rows["observed"])
        axes.plot(x, level, color=colour, linestyle=dashes, linewidth=1.5, label=label)
        return
    axes.plot(
        rows["time_h"], rows["observed"], color=colour, linestyle=dashes, linewidth=1.5, marker="o", ms=3, label=label
    )


def _stretched(
    rows: Table, low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Points of a band: the middles of the bins, or both ends of a single one."""
    if len(rows) > 1:
        return rows["time_h"], low, high
    pad = max(0.5 * float(rows["high_h"][0] - rows["low_h"][0]), 0.25)
    middle = 0.5 * float(rows["high_h"][0] + rows["low_h"][0])
    return np.array([middle - pad, middle + pad]), np.repeat(low, 2), np.repeat(high, 2)


def _describe(percentiles: Table, drug: str, corrected: bool) -> str:
    known = np.isfinite(percentiles["observed"]) & np.isfinite(percentiles["upper"])
    within = known & (percentiles["observed"] <= percentiles["upper"])
    within &= (percentiles["observed"] >= percentiles["lower"]) | np.isnan(percentiles["lower"])
    kind = "Prediction-corrected visual" if corrected else "Visual"
    bins = len(set(percentiles["time_h"].tolist()))
    return (
        f"{kind} predictive check of {drug} in {bins} {'bin' if bins == 1 else 'bins'}: "
        f"{int(within.sum())} of {int(known.sum())} measured percentiles lie within the intervals of the model."
    )
