"""Panels that set residuals or measured levels against what a model predicts."""

from __future__ import annotations

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
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_distribution_errors", "draw_goodness_of_fit"]

Floats = NDArray[np.float64]
_LIMIT = 1.959963984540054  # 95 % of a standard normal variable
_EXPECTED = "#B00020"
_TREND = "#1b2733"
_FEWEST = 10  # points, for a trend


def draw_distribution_errors(data: Table, *, drug: str, unit: str, axis: str) -> Drawing:
    """Draw npde: quantiles, histogram, against time and against the typical level.

    Parameters
    ----------
    data : Table
        ``time_h, typical, npde``; NaN is not drawn.
    drug : str
        Gives the colour.
    unit : str
        Of the levels.
    axis : str
        Title of the axis of time, with its unit.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    require_columns(data, ("time_h", "typical", "npde"), "npde figure")
    z = data["npde"][np.isfinite(data["npde"])]
    with drawing_style():
        figure, panels = new_panels(4, columns=2, height_in=2.5)
        colour = drug_style(drug).colour
        _quantiles(panels[0], np.sort(z), colour)
        _histogram(panels[1], z, colour)
        for axes, name in ((panels[2], "time_h"), (panels[3], "typical")):
            _residuals(axes, data[name], data["npde"], colour)
            axes.set_ylabel("npde")
        panels[2].set_xlabel(axis)
        _level_axis(panels[3], f"Typical level ({unit})")
        add_legend(figure, [labelled_lines(panels)], most_columns=4)
        svg = to_svg(figure)
    mean, deviation = (format_number(float(value)) for value in (z.mean(), z.std(ddof=1) if len(z) > 1 else 0.0))
    said = f"{len(z)} normalised prediction distribution errors: mean {mean}, standard deviation {deviation}; a right "
    return Drawing(svg, f"{said}model gives 0 and 1.", data)


def draw_goodness_of_fit(data: Table, *, drug: str, unit: str, axis: str) -> Drawing:
    """Draw measured against predicted levels, and weighted residuals against time and prediction.

    Parameters
    ----------
    data : Table
        ``time_h, measured, typical, expected, weighted, weighted_simulated``; NaN is not drawn.
    drug, unit, axis
        As :func:`draw_distribution_errors`.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    needed = ("time_h", "measured", "typical", "expected", "weighted", "weighted_simulated")
    require_columns(data, needed, "goodness of fit")
    with drawing_style():
        figure, panels = new_panels(4, columns=2, height_in=2.5)
        colour = drug_style(drug).colour
        for axes, name, words in ((panels[0], "typical", "Typical level"), (panels[1], "expected", "Expected level")):
            _levels(axes, data[name], data["measured"], colour)
            axes.set_xlabel(f"{words} ({unit})")
            axes.set_ylabel(f"Measured ({unit})")
        _residuals(panels[2], data["time_h"], data["weighted_simulated"], colour)
        panels[2].set_xlabel(axis)
        _residuals(panels[3], data["typical"], data["weighted_simulated"], colour)
        _level_axis(panels[3], f"Typical level ({unit})")
        for axes in panels[2:]:
            axes.set_ylabel("Weighted residual")
        add_legend(figure, [labelled_lines(panels)], most_columns=4)
        svg = to_svg(figure)
    both = np.isfinite(data["measured"]) & (data["measured"] > 0) & (data["typical"] > 0)
    ratio = np.median(data["measured"][both] / data["typical"][both]) if both.any() else np.nan
    middle = f"; the median level is {format_number(float(ratio))} times the typical one" if both.any() else ""
    return Drawing(svg, f"{int(both.sum())} measured levels against predicted ones{middle}.", data)


def _level_axis(axes: Axes, title: str) -> None:
    axes.set_xscale("log")
    _plain_numbers(axes.xaxis)
    axes.set_xlabel(title)


def _plain_numbers(axis: Any) -> None:
    """Label a logarithmic axis of less than a few decades with 1, 2, 5, 10, ..."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value) if value > 0 else ""))
    axis.set_minor_formatter(NullFormatter())


def _quantiles(axes: Axes, ordered: Floats, colour: str) -> None:
    """Ordered npde against normal quantiles, with the 95 % interval of each order statistic."""
    from scipy.special import betaincinv, ndtri  # noqa: PLC0415

    n = len(ordered)
    rank = np.arange(1, n + 1)
    at = ndtri((rank - 0.5) / n)
    low, high = (ndtri(betaincinv(rank, n - rank + 1, q)) for q in (0.025, 0.975))
    axes.fill_between(at, low, high, color="#9aa3ad", alpha=0.3, linewidth=0, label="95 % of a right model")
    axes.plot(at, at, color=_EXPECTED, linewidth=1.0)
    axes.plot(at, ordered, "o", ms=2.4, mfc="none", mec=colour, mew=0.7)
    axes.set_xlabel("Normal quantile")
    axes.set_ylabel("npde")


def _histogram(axes: Axes, z: Floats, colour: str) -> None:
    bins = int(np.clip(np.sqrt(len(z)), 5, 30))
    axes.hist(z, bins=bins, density=True, color=colour, alpha=0.45)
    at = np.linspace(-3.5, 3.5, 141)
    axes.plot(at, np.exp(-0.5 * at**2) / np.sqrt(2 * np.pi), color=_EXPECTED, linewidth=1.2, label="standard normal")
    axes.set_xlabel("npde")
    axes.set_ylabel("Density")


def _residuals(axes: Axes, x: Floats, y: Floats, colour: str) -> None:
    known = np.isfinite(x) & np.isfinite(y)
    axes.plot(x[known], y[known], "o", ms=2.4, mfc="none", mec=colour, mew=0.7, label="level")
    for at, dashes in ((0.0, "-"), (-_LIMIT, ":"), (_LIMIT, ":")):
        axes.axhline(at, color=_EXPECTED, linestyle=dashes, linewidth=1.0)
    _trend(axes, x[known], y[known])


def _trend(axes: Axes, x: Floats, y: Floats) -> None:
    """Medians of up to eight groups of about equally many points; equal places stay together."""
    groups = min(8, len(x) // _FEWEST)
    if groups < 2 or np.ptp(x) == 0:
        return
    edges = np.unique(np.quantile(x, np.arange(1, groups) / groups))
    place = np.searchsorted(edges, x, side="left")
    parts = [place == k for k in np.unique(place)]
    middle = [float(np.median(x[part])) for part in parts]
    axes.plot(middle, [float(np.median(y[part])) for part in parts], color=_TREND, linewidth=1.3, label="median")


def _levels(axes: Axes, x: Floats, y: Floats, colour: str) -> None:
    known = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
    axes.plot(x[known], y[known], "o", ms=2.4, mfc="none", mec=colour, mew=0.7, label="level")
    if known.any():
        ends = [float(min(x[known].min(), y[known].min())), float(max(x[known].max(), y[known].max()))]
        axes.plot(ends, ends, color=_EXPECTED, linewidth=1.0)
    _level_axis(axes, "")
    axes.set_yscale("log")
    _plain_numbers(axes.yaxis)
