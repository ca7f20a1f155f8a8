"""Plates and standard curves: the heat map of a plate, and standards with their curve, band and limits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from limus.kernel.tables import Table
from limus.report.figures.base import (
    Drawing,
    add_legend,
    drawing_style,
    format_log_axis,
    in_words,
    labelled_lines,
    new_panels,
    require_columns,
    to_svg,
    unique_texts,
)
from limus.report.numbers import format_number, format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_heat_map", "draw_standard_curve"]

_INITIALS = {
    "blank": "B",
    "standard": "S",
    "control": "C",
    "no_enzyme": "N",
    "unstimulated": "U",
    "sample": "\N{MIDDLE DOT}",
    "spike": "P",
    "maximum": "M",
    "quality_control": "Q",
    "excluded": "",
}
_INK, _PALE, _CURVE, _SAMPLE = "#1b1f24", "#e9ecef", "#0072B2", "#D55E00"
_MOST_LETTERED = 400
_UNUSED_WORDS = {
    "saturated": "saturated",
    "below": "below the range",
    "missing": "without a number",
    "unreadable": "unreadable",
    "zero_line": "in a line of zeros",
    "excluded": "excluded",
}


def draw_heat_map(data: Table, *, rows: int, columns: int, label: str) -> Drawing:
    """Draw the signals of a plate where they stand.

    Parameters
    ----------
    data : Table
        ``row, column`` (from 1), ``signal`` (NaN where there is none), ``role``, ``state`` (``used`` or why not).
    rows, columns : int
        Of the plate.
    label : str
        What the signal is, with its unit.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    require_columns(data, ("row", "column", "signal", "role", "state"), "heat map")
    signal = np.full((rows, columns), np.nan)
    for row in data.rows():
        signal[int(row["row"]) - 1, int(row["column"]) - 1] = row["signal"]
    wide = 7.2
    with drawing_style():
        figure, (axes,) = new_panels(1, width_in=wide, height_in=0.9 + (wide - 1.3) * rows / columns)
        mesh = axes.pcolormesh(signal, cmap="cividis", edgecolors="white", linewidth=0.8 if columns <= 24 else 0.2)
        axes.set_facecolor(_PALE)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.grid(False)
        for side in axes.spines.values():
            side.set_visible(False)
        every = 1 if columns <= 24 else 4
        letters = [_row_letters(row) for row in range(rows)]
        axes.set_yticks(np.arange(0, rows, every) + 0.5, letters[::every])
        axes.set_xticks(np.arange(0, columns, every) + 0.5, [str(c + 1) for c in range(0, columns, every)])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        if rows * columns <= _MOST_LETTERED:
            _write_wells(axes, data, signal, size=8.0 if columns <= 12 else 4.8)
        bar = figure.colorbar(mesh, ax=axes, shrink=0.85, pad=0.02, aspect=24)
        bar.outline.set_visible(False)
        assert bar.solids is not None
        bar.solids.set_rasterized(False)  # a raster would stand in the SVG as a picture of its own
        bar.solids.set_edgecolor("face")
        bar.set_label(label)
        svg = to_svg(figure)
    return Drawing(svg, _describe_map(data, label), data)


def _row_letters(row: int) -> str:
    return chr(65 + row) if row < 26 else chr(64 + row // 26) + chr(65 + row % 26)


def _write_wells(axes: Axes, data: Table, signal: Any, size: float) -> None:
    finite = signal[np.isfinite(signal)]
    middle = (float(np.min(finite)) + float(np.max(finite))) / 2 if finite.size else 0.0
    for row in data.rows():
        x, y = row["column"] - 0.5, row["row"] - 0.5
        if row["state"] != "used":
            axes.plot([x], [y], marker="x", color=_INK, markersize=size * 0.8, markeredgewidth=1.1)
            continue
        colour = "white" if row["signal"] < middle else _INK
        axes.text(x, y, _INITIALS.get(row["role"], ""), ha="center", va="center", fontsize=size, color=colour)


def _describe_map(data: Table, label: str) -> str:
    used = data["signal"][np.isfinite(data["signal"])]
    said = f"Heat map of {label} over the plate"
    if used.size:
        said += f", from {format_number(float(np.min(used)))} to {format_number(float(np.max(used)))}"
    for state, words in _UNUSED_WORDS.items():
        count = int(np.sum(data["state"] == state))
        said += f"; {count} {'well' if count == 1 else 'wells'} {words}" if count else ""
    return f"{said}. Roles: {in_words(unique_texts(data['role']))}."


def draw_standard_curve(
    points: Table,
    curve: Table,
    *,
    x_label: str,
    y_label: str,
    logarithmic: bool = False,
    limits: tuple[float, float] | None = None,
    samples: Table | None = None,
) -> Drawing:
    """Draw standards with their fitted curve, its confidence band, and where the samples read.

    Parameters
    ----------
    points : Table
        ``x, y`` and ``used`` (``yes`` or ``no``), one row a standard well.
    curve : Table
        ``x, y, lower, upper``.
    x_label, y_label : str
        With units.
    logarithmic : bool
        Whether x is drawn on a logarithmic axis; standards of zero then stand at its left end.
    limits : tuple of (float, float), optional
        Lower and upper limit of quantification; NaN where there is none.
    samples : Table, optional
        ``y`` of the samples' means, drawn as ticks on the right.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or a table is empty.
    """
    require_columns(points, ("x", "y", "used"), "standard curve, points")
    require_columns(curve, ("x", "y", "lower", "upper"), "standard curve, curve")
    with drawing_style():
        figure, (axes,) = new_panels(1, width_in=5.6, height_in=3.4)
        zero = float(np.min(points["x"][points["x"] > 0])) / 4 if logarithmic else 0.0
        if logarithmic:
            axes.set_xscale("log")
        shown = curve.where(curve["x"] > 0) if logarithmic else curve
        axes.fill_between(shown["x"], shown["lower"], shown["upper"], color=_CURVE, alpha=0.18, linewidth=0)
        axes.plot(shown["x"], shown["y"], color=_CURVE, label="fitted curve, 95 % band")
        for used, style in (("yes", {"mfc": "white"}), ("no", {"mfc": _PALE, "alpha": 0.6})):
            own = points.where(points["used"] == used)
            if len(own):
                words = "standards" if used == "yes" else "standards left out"
                x = np.maximum(own["x"], zero)
                axes.plot(x, own["y"], "o", mec=_CURVE, label=words, zorder=4, clip_on=False, **style)
        for limit, words in zip(limits or (), ("LLOQ", "ULOQ"), strict=False):
            if math.isfinite(limit):
                axes.axvline(limit, color=_INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)
                axes.annotate(
                    f"{words} {format_number(limit)}", (limit, 1.0), xycoords=("data", "axes fraction"),
                    xytext=(3, -2), textcoords="offset points", fontsize=7.5, va="top",
                )  # fmt: skip
        if samples is not None and len(samples):
            axes.plot(
                np.full(len(samples), 1.0), samples["y"], marker=0, linestyle="", markersize=7, color=_SAMPLE,
                markeredgewidth=1.1, transform=axes.get_yaxis_transform(), label="samples", zorder=5,
            )  # fmt: skip
        if logarithmic:
            format_log_axis(axes.xaxis)
            if np.any(points["x"] == 0):
                axes.annotate(
                    "0", (zero, 0.0), xycoords=("data", "axes fraction"), xytext=(0, -3), textcoords="offset points",
                    ha="center", va="top",
                )  # fmt: skip
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        add_legend(figure, [labelled_lines([axes])], most_columns=4)
        svg = to_svg(figure)
    return Drawing(svg, _describe_curve(points, limits, x_label, y_label), _together(points, curve))


def _together(points: Table, curve: Table) -> Table:
    rows: list[dict[str, Any]] = [
        {"kind": f"standard, used {r['used']}", "x": r["x"], "y": r["y"]} for r in points.rows()
    ]
    rows += [{"kind": "curve", **r} for r in curve.rows()]
    return Table.from_rows(rows, ("kind", "x", "y", "lower", "upper"))


def _describe_curve(points: Table, limits: tuple[float, float] | None, x_label: str, y_label: str) -> str:
    said = (
        f"Standard curve of {y_label} against {x_label}: {len(points)} standard wells with the fitted curve and band."
    )
    found = [format_quantity(limit, "") for limit in limits or () if math.isfinite(limit)]
    return said + (f" Limits of quantification: {in_words(found)}." if found else "")
