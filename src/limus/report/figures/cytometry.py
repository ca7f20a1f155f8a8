"""Flow cytometry: events with gates on them, and dye histograms with fitted generations and residuals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from limus.kernel.tables import Table
from limus.report.figures.base import (
    Drawing,
    add_legend,
    drawing_style,
    in_words,
    new_panels,
    require_columns,
    to_svg,
    unique_texts,
)
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MOST_HISTOGRAMS", "draw_gating", "draw_generations"]

MOST_HISTOGRAMS = 9  # with heading and caption they fit a page
_GATE, _INK, _BARS, _GREY = "#D55E00", "#1b1f24", "#c8ced6", "#8a929c"
_CELLS = ("panel", "x", "y", "width", "height", "count")
_OUTLINES = ("panel", "x", "y")
_TICKS = ("panel", "axis", "place", "label")
_LABELS = ("panel", "x_label", "y_label", "note")
_BINS = ("panel", "left", "right", "count", "expected", "residual")
_PEAKS = ("panel", "generation", "x", "expected")


def draw_gating(cells: Table, outlines: Table, ticks: Table, labels: Table) -> Drawing:
    """Draw where events lie, one panel a gate, with the gate's outline on them.

    Parameters
    ----------
    cells : Table
        ``panel, x, y`` (lower left corner), ``width, height, count``: a grid of counted events, empty cells left out.
    outlines : Table
        ``panel, x, y``: vertices of each gate, in order; the outline closes itself.
    ticks : Table
        ``panel, axis`` (``x`` or ``y``), ``place, label``: values at places of the scale.
    labels : Table
        ``panel, x_label, y_label, note``: one row a panel, in the order drawn.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or a table is empty.
    """
    for table, names, what in ((cells, _CELLS, "events"), (labels, _LABELS, "labels")):
        require_columns(table, names, f"gating figure, {what}")
    panels = unique_texts(labels["panel"])
    with drawing_style():
        figure, axes = new_panels(len(panels), columns=2, height_in=3.1)
        mesh = None
        largest = float(np.max(cells["count"]))
        for panel, one, row in zip(panels, axes, labels.rows(), strict=True):
            mesh = _draw_events(one, cells.where(cells["panel"] == panel), largest)
            own = outlines.where(outlines["panel"] == panel) if len(outlines) else outlines
            if len(own):
                x, y = np.append(own["x"], own["x"][0]), np.append(own["y"], own["y"][0])
                one.plot(x, y, color=_GATE, linewidth=1.6, zorder=4)
            _put_ticks(one, ticks.where(ticks["panel"] == panel) if len(ticks) else ticks)
            one.set_xlabel(row["x_label"])
            one.set_ylabel(row["y_label"])
            one.set_title(f"{panel}: {row['note']}", fontsize=8.5)
        if mesh is not None:
            bar = figure.colorbar(mesh, ax=axes, shrink=0.6, pad=0.02, aspect=30)
            bar.outline.set_visible(False)
            bar.set_label("Events")
            if bar.solids is not None:
                bar.solids.set_rasterized(False)
                bar.solids.set_edgecolor("face")
        svg = to_svg(figure)
    return Drawing(svg, _describe_gates(labels), _with_kind(cells, outlines))


def _draw_events(axes: Axes, own: Table, largest: float) -> Any:
    from matplotlib.collections import PolyCollection  # noqa: PLC0415
    from matplotlib.colors import LogNorm  # noqa: PLC0415

    corners = []
    for row in own.rows():
        x, y, w, h = row["x"], row["y"], row["width"], row["height"]
        corners.append([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
    mesh = PolyCollection(corners, array=own["count"], cmap="viridis", norm=LogNorm(1, max(largest, 2.0)), linewidth=0)
    axes.add_collection(mesh)
    if len(own):
        x_pad, y_pad = 2 * float(np.max(own["width"])), 2 * float(np.max(own["height"]))
        axes.set_xlim(float(np.min(own["x"])) - x_pad, float(np.max(own["x"])) + 2 * x_pad)
        axes.set_ylim(float(np.min(own["y"])) - y_pad, float(np.max(own["y"])) + 2 * y_pad)
    axes.grid(False)
    return mesh


def _put_ticks(axes: Axes, own: Table) -> None:
    for name, axis, limits in (("x", axes.xaxis, axes.get_xlim()), ("y", axes.yaxis, axes.get_ylim())):
        rows = [r for r in own.rows() if r["axis"] == name and limits[0] <= r["place"] <= limits[1]] if len(own) else []
        if rows:
            axis.set_ticks([r["place"] for r in rows], [r["label"] for r in rows])


def _describe_gates(labels: Table) -> str:
    said = [f"{row['panel']} on {row['x_label']} and {row['y_label']}: {row['note']}" for row in labels.rows()]
    return f"Events of the control wells with the gates drawn on them. {'; '.join(said)}."


def _with_kind(cells: Table, outlines: Table) -> Table:
    rows = [{"kind": "events", **row} for row in cells.rows()]
    rows += [{"kind": "gate", **row} for row in outlines.rows()]
    return Table.from_rows(rows, ("kind", *_CELLS))


def draw_generations(bins: Table, peaks: Table, ticks: Table, labels: Table) -> Drawing:
    """Draw dye histograms with the fitted generations, and below each its residuals.

    Parameters
    ----------
    bins : Table
        ``panel, left, right`` (places on the scale), ``count, expected, residual`` (in standard deviations); NaN where
        there is no fit.
    peaks : Table
        ``panel, generation, x`` (place), ``expected``: the curve of each generation; may be empty.
    ticks : Table
        ``panel, axis, place, label`` for the x axis.
    labels : Table
        ``panel, x_label, y_label, note``; at most :data:`MOST_HISTOGRAMS` rows are drawn.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or a table is empty.
    """
    for table, names, what in ((bins, _BINS, "bins"), (labels, _LABELS, "labels")):
        require_columns(table, names, f"generation figure, {what}")
    panels = unique_texts(labels["panel"])[:MOST_HISTOGRAMS]
    numbers = sorted({int(g) for g in peaks["generation"]}) if len(peaks) else []
    colours = _generation_colours(max(numbers, default=0) + 1)
    with drawing_style():
        figure, upper, lower = _stacked(len(panels))
        rows = dict(zip(unique_texts(labels["panel"]), labels.rows(), strict=True))
        for index, (panel, above, below) in enumerate(zip(panels, upper, lower, strict=True)):
            own = bins.where(bins["panel"] == panel)
            _draw_histogram(above, own)
            for number in numbers:
                curve = peaks.where((peaks["panel"] == panel) & (peaks["generation"] == number))
                if len(curve):
                    above.plot(curve["x"], curve["expected"], color=colours[number], linewidth=1.2, zorder=3)
                    above.fill_between(curve["x"], 0, curve["expected"], color=colours[number], alpha=0.25, linewidth=0)
            _draw_residuals(below, own)
            _finish_pair(above, below, rows[panel], ticks.where(ticks["panel"] == panel), index % 3 == 0)
            above.set_title(panel, fontsize=8.5)
        add_legend(figure, _generation_legend(numbers, colours), most_columns=8)
        svg = to_svg(figure)
    return Drawing(svg, _describe_generations(panels, rows), _generation_data(bins, peaks, panels))


def _generation_colours(count: int) -> list[Any]:
    from matplotlib import colormaps  # noqa: PLC0415

    return [colormaps["viridis"](0.92 * k / max(count - 1, 1)) for k in range(count)]


def _stacked(count: int) -> tuple[Figure, list[Axes], list[Axes]]:
    """Panels in rows of three, each with a low one for residuals under it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    across = min(3, count)
    down = math.ceil(count / across)
    figure = Figure(figsize=(7.2 if count > 1 else 5.0, 2.35 * down), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2 * down, across, height_ratios=[3.2, 1.0] * down)
    upper, lower = [], []
    for index in range(count):
        row, column = divmod(index, across)
        upper.append(figure.add_subplot(grid[2 * row, column]))
        lower.append(figure.add_subplot(grid[2 * row + 1, column], sharex=upper[-1]))
    return figure, upper, lower


def _draw_histogram(axes: Axes, own: Table) -> None:
    edges = np.append(own["left"], own["right"][-1])
    axes.stairs(own["count"], edges, fill=True, color=_BARS, zorder=1)
    if np.isfinite(own["expected"]).any():
        middle = 0.5 * (own["left"] + own["right"])
        axes.plot(middle, own["expected"], color=_INK, linewidth=1.1, zorder=4)
    axes.set_ylim(0, 1.4 * max(float(np.max(own["count"])), 1.0))  # room for the words above the highest peak


def _draw_residuals(axes: Axes, own: Table) -> None:
    middle = 0.5 * (own["left"] + own["right"])
    for level in (-2, 2):
        axes.axhline(level, color=_GREY, linewidth=0.6, linestyle=(0, (3, 2)), zorder=1)
    axes.plot(middle, np.clip(own["residual"], -5, 5), color=_INK, linewidth=0.7, zorder=2)
    axes.set_ylim(-5.5, 5.5)
    axes.set_yticks([-4, 0, 4])
    axes.tick_params(labelsize=6.5)


def _finish_pair(above: Axes, below: Axes, row: dict[str, Any], ticks: Table, first: bool) -> None:
    above.tick_params(labelbottom=False, labelsize=7)
    places = [r for r in ticks.rows() if r["axis"] == "x"]
    below.set_xticks([r["place"] for r in places], [r["label"] for r in places], fontsize=7)
    below.set_xlabel(row["x_label"], fontsize=7.5)
    if first:
        above.set_ylabel(row["y_label"], fontsize=7.5)
        below.set_ylabel("residual", fontsize=6.5)
    above.annotate(
        row["note"], (0.0, 1.0), xycoords="axes fraction", xytext=(3, -2), textcoords="offset points", ha="left",
        va="top", fontsize=6.5, color="#3d444d", zorder=6,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.8},
    )  # fmt: skip


def _generation_legend(numbers: list[int], colours: list[Any]) -> list[dict[str, Any]]:
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    whole: dict[str, Any] = {
        "cells": Patch(facecolor=_BARS),
        "fit": Line2D([], [], color=_INK, linewidth=1.1),
        "2 standard deviations": Line2D([], [], color=_GREY, linewidth=0.8, linestyle=(0, (3, 2))),
    }
    return [whole, {f"gen. {number}": Patch(facecolor=colours[number]) for number in numbers}]


def _describe_generations(panels: list[str], rows: dict[str, Any]) -> str:
    said = [f"{panel}: {str(rows[panel]['note']).replace(chr(10), ', ')}" for panel in panels]
    return f"Dye histograms of {in_words(panels)} with fitted generations and residuals. {'; '.join(said)}."


def _generation_data(bins: Table, peaks: Table, panels: list[str]) -> Table:
    rows = [{"kind": "bin", **row} for row in bins.rows() if row["panel"] in panels]
    rows += [{"kind": "peak", **row} for row in peaks.rows() if row["panel"] in panels]
    return Table.from_rows(rows, ("kind", *_BINS, "generation", "x"))


def tick_label(value: float) -> str:
    """Write a value at a tick: powers of ten from 1000 on as 1k, 10k, 100k.

    Parameters
    ----------
    value : float

    Returns
    -------
    str
    """
    return f"{format_number(value / 1000)}k" if abs(value) >= 1000 else format_number(value)
