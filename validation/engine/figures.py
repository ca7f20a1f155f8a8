"""The figures of the proof, from the table of outcomes: one panel a problem, all on the same axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limus.kernel.tables import Table
from limus.report.figures.base import (
    Drawing,
    add_legend,
    drawing_style,
    in_words,
    labelled_lines,
    new_panels,
    to_svg,
    unique_texts,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_against_error", "draw_against_tolerance"]

LIMUS, ACCEPTED, BEYOND = "#0072B2", "#6b7480", "#D55E00"
COLUMNS = 4
MOST_ERROR, LEAST_ERROR = 3.0, 3e-13
Values = NDArray[np.float64]


def draw_against_tolerance(data: Table) -> Drawing:
    """Draw the error over the tolerance with the limit that is accepted; a point beyond it is a cross."""
    labels = unique_texts(data["label"])
    with drawing_style():
        figure, panels = new_panels(len(labels), columns=COLUMNS, height_in=1.75)
        for axes, label in zip(panels, labels, strict=True):
            rows = data.where(data["label"] == label)
            tolerance, error, limit = rows["relative_tolerance"], rows["error"], rows["limit"]
            axes.plot(tolerance, limit, color=ACCEPTED, linestyle="--", linewidth=1.0, label="accepted at most")
            _draw_points(axes, tolerance, error, error > limit)
            axes.set_ylim(LEAST_ERROR, MOST_ERROR)
        _finish(panels, labels, "Relative tolerance", "Relative error")
        add_legend(figure, [labelled_lines(panels)], most_columns=3)
        svg = to_svg(figure)
    beyond = unique_texts(data.where(data["error"] > data["limit"])["label"])
    alt = f"Largest relative error over relative tolerance for {len(labels)} problems, with the accepted limit."
    return Drawing(svg, alt + (f" Beyond it: {in_words(beyond)}." if beyond else " No error is beyond it."), data)


def draw_against_error(data: Table, column: str, work: str) -> Drawing:
    """Draw work, such as time or steps, over the error that it bought; a row without the work is left out."""
    shown = ("problem", "label", "relative_tolerance", "error", "limit", column)
    known = Table.create({name: data[name] for name in shown}).where(np.isfinite(data[column]))
    labels = unique_texts(known["label"])
    with drawing_style():
        figure, panels = new_panels(len(labels), columns=COLUMNS, height_in=1.75)
        for axes, label in zip(panels, labels, strict=True):
            rows = known.where(known["label"] == label)
            _draw_points(axes, rows["error"], rows[column], rows["error"] > rows["limit"])
            axes.set_xlim(MOST_ERROR, LEAST_ERROR)
            axes.set_ylim(0.5 * known[column].min(), 2.0 * known[column].max())
        _finish(panels, labels, "Relative error", work)
        add_legend(figure, [labelled_lines(panels)], most_columns=3)
        svg = to_svg(figure)
    alt = f"{work} over the largest relative error, relative tolerance 1e-4 to 1e-10, for {len(labels)} problems."
    return Drawing(svg, alt, known)


def _draw_points(axes: Axes, x: Values, y: Values, beyond: NDArray[np.bool_]) -> None:
    axes.plot(x, y, color=LIMUS, linewidth=1.2, zorder=2)
    axes.plot(x[~beyond], y[~beyond], "o", color=LIMUS, markersize=4, label="limus", zorder=3)
    if beyond.any():
        axes.plot(x[beyond], y[beyond], "X", color=BEYOND, label="limus, beyond what is accepted", zorder=4)


def _finish(panels: list[Axes], labels: list[str], across: str, up: str) -> None:
    """Logarithmic axes with few marks; words below the last panel of a column and left of the first of a row."""
    from matplotlib.ticker import LogLocator, NullLocator  # noqa: PLC0415

    for k, (axes, label) in enumerate(zip(panels, labels, strict=True)):
        axes.set_title(label, fontsize=8.5)
        axes.tick_params(labelsize=7)
        for axis, scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
            scale("log")
            axis.set_major_locator(LogLocator(base=10, numticks=5))
            axis.set_minor_locator(NullLocator())
        if k >= len(panels) - COLUMNS:
            axes.set_xlabel(across)
        if k % COLUMNS == 0:
            axes.set_ylabel(up)
