"""Inhibition measured on plates: points, intervals and fitted curve; viability below, cytotoxic points marked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.base import (
    Drawing,
    add_legend,
    drawing_style,
    format_log_axis,
    in_words,
    labelled_lines,
    require_columns,
    require_positive,
    to_svg,
    unique_texts,
)
from limus.report.figures.drug_styles import drug_style
from limus.report.numbers import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_inhibition"]

_POINTS = ("compound", "concentration", "value", "lower", "upper", "mark")
_MARKS = ("used", "limit", "masked", "left out")
_WARN, _GREY = "#B22222", "#8a929c"
_WORDS = {
    "used": "mean, 95 % interval",
    "limit": "beyond the range of the assay",
    "masked": "cytotoxic: not used",
    "left out": "left out",
}


def draw_inhibition(
    points: Table,
    curves: Table,
    marks: Table,
    *,
    x_label: str,
    y_label: str,
    viability: Table | None = None,
    threshold: float = math.nan,
) -> Drawing:
    """Draw response against concentration, one panel a compound, and viability below it.

    Parameters
    ----------
    points : Table
        ``compound, concentration`` (above 0), ``value, lower, upper`` (per cent of control; NaN where not known) and
        ``mark``: ``used``; ``limit`` (known only to lie beyond the value); ``masked`` (cytotoxic); ``left out``.
    curves : Table
        ``compound, concentration, value``; may be empty.
    marks : Table
        ``compound, ic50``; NaN where there is none.
    x_label, y_label : str
        With units.
    viability : Table, optional
        As ``points``, per cent.
    threshold : float
        Viability below which a concentration counts as cytotoxic, per cent.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, there are no points, a concentration is not positive, or a mark is unknown.
    """
    where = "inhibition figure"
    require_columns(points, _POINTS, where)
    require_positive(points["concentration"], f"{where}, concentration")
    for mark in unique_texts(points["mark"]):
        if mark not in _MARKS:
            raise ValueRangeError(f"{where}, mark", mark, ", ".join(_MARKS), "use one of these words")
    compounds = unique_texts(points["compound"])
    with drawing_style():
        figure, upper, lower = _panels(len(compounds), viability is not None)
        for axes, compound in zip(upper, compounds, strict=True):
            own = points.where(points["compound"] == compound)
            _draw_points(axes, own, compound)
            line = curves.where(curves["compound"] == compound) if len(curves) else curves
            style = drug_style(compound)
            if len(line):
                axes.plot(line["concentration"], line["value"], color=style.colour, linestyle=style.line, zorder=2)
            axes.axhline(50, color=_GREY, linewidth=0.8, zorder=1)
            axes.set_ylim(min(-5.0, _floor(points)), max(115.0, _ceiling(points)))
            _draw_ic50(axes, compound, marks)
            axes.set_title(compound)
        for axes, compound in zip(lower, compounds, strict=False):
            assert viability is not None
            own = viability.where(viability["compound"] == compound)
            _draw_points(axes, own, compound)
            if math.isfinite(threshold):
                axes.axhline(threshold, color=_WARN, linewidth=0.9, linestyle=(0, (4, 2)), label="viability threshold")
            axes.set_ylim(min(0.0, _floor(viability)), max(115.0, _ceiling(viability)))
        _finish(upper, lower, x_label, y_label)
        add_legend(figure, [_legend([*upper, *lower])], most_columns=4)
        svg = to_svg(figure)
    return Drawing(svg, _describe(compounds, points, marks), _together(points, viability, curves))


def _panels(count: int, with_viability: bool) -> tuple[Figure, list[Axes], list[Axes]]:
    """Panels of responses, with a lower panel of viability under each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    across = min(3, count)
    down = math.ceil(count / across)
    one = 4.0 if with_viability else 2.8
    figure = Figure(figsize=(7.2 if count > 1 else 5.0, one * down), layout="constrained")
    FigureCanvasAgg(figure)
    heights = [2.4, 1.3] * down if with_viability else [1.0] * down
    grid = figure.add_gridspec(len(heights), across, height_ratios=heights)
    step = 2 if with_viability else 1
    upper, lower = [], []
    for index in range(count):
        row, column = divmod(index, across)
        upper.append(figure.add_subplot(grid[step * row, column]))
        if with_viability:
            lower.append(figure.add_subplot(grid[step * row + 1, column], sharex=upper[-1]))
    return figure, upper, lower


def _draw_points(axes: Axes, rows: Table, compound: str) -> None:
    axes.set_xscale("log")
    style = drug_style(compound)
    for row in rows.rows():
        x, y, mark = row["concentration"], row["value"], row["mark"]
        if math.isnan(y):
            continue
        colour = _WARN if mark == "masked" else _GREY if mark == "left out" else style.colour
        if math.isfinite(row["lower"]) and math.isfinite(row["upper"]):
            axes.plot([x, x], [row["lower"], row["upper"]], color=colour, linewidth=1.1, zorder=2)
        symbol = {"masked": "X", "limit": "v", "left out": "x"}.get(mark, style.marker)
        face = "white" if mark in ("masked", "limit") else colour
        axes.plot(
            [x], [y], linestyle="", marker=symbol, mec=colour, mfc=face, zorder=3, clip_on=False, label=_WORDS[mark]
        )


def _draw_ic50(axes: Axes, compound: str, marks: Table) -> None:
    for row in marks.rows() if len(marks) else ():
        if row["compound"] == compound and math.isfinite(row["ic50"]):
            colour = drug_style(compound).colour
            axes.plot([row["ic50"]] * 2, [axes.get_ylim()[0], 50], color=colour, linewidth=0.8, alpha=0.7, zorder=1)


def _finish(upper: list[Axes], lower: list[Axes], x_label: str, y_label: str) -> None:
    across = min(3, len(upper))
    for index, axes in enumerate(upper):
        axes.set_ylabel(y_label if index % across == 0 else "")
        format_log_axis(axes.xaxis, most=5 if across > 1 else 8)
        if lower:
            axes.tick_params(labelbottom=False)
    for index, axes in enumerate(lower):
        axes.set_ylabel("Viability (%)" if index % across == 0 else "")
    for axes in lower or upper:
        axes.set_xlabel(x_label)


def _legend(panels: list[Axes]) -> dict[str, Any]:
    """Each kind of mark once, in grey where its colour is that of a compound."""
    from matplotlib.lines import Line2D  # noqa: PLC0415

    found = labelled_lines(panels)
    own = _WORDS["used"]
    if own in found:
        found[own] = Line2D([], [], linestyle="", marker="o", color="#3d444d")
    return dict(
        sorted(
            found.items(), key=lambda item: list(_WORDS.values()).index(item[0]) if item[0] in _WORDS.values() else 9
        )
    )


def _floor(points: Table) -> float:
    low = np.concatenate([points["value"], points["lower"]])
    low = low[np.isfinite(low)]
    return 10.0 * math.floor(float(np.min(low)) / 10) if low.size else 0.0


def _ceiling(points: Table) -> float:
    high = np.concatenate([points["value"], points["upper"]])
    high = high[np.isfinite(high)]
    return 10.0 * math.ceil(float(np.max(high)) / 10) if high.size else 0.0


def _together(points: Table, viability: Table | None, curves: Table) -> Table:
    rows: list[dict[str, Any]] = [{"kind": "response", **r} for r in points.rows()]
    rows += [{"kind": "viability", **r} for r in viability.rows()] if viability is not None else []
    rows += [{"kind": "curve", **r} for r in curves.rows()]
    return Table.from_rows(rows, ("kind", *_POINTS))


def _describe(compounds: list[str], points: Table, marks: Table) -> str:
    said = f"Response against concentration of {in_words(compounds)}, with fitted curves."
    found = [f"{r['compound']} {format_quantity(r['ic50'], '')}" for r in marks.rows() if math.isfinite(r["ic50"])]
    said += f" Half-maximal concentrations: {', '.join(found)}." if found else ""
    masked = points.where(points["mark"] == "masked")
    if len(masked):
        names = [f"{r['compound']} at {format_quantity(r['concentration'], '')}" for r in masked.rows()]
        said += f" Marked as cytotoxic and not used: {', '.join(names)}."
    return said
