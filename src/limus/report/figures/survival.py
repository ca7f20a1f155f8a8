"""Step curves with a risk table: survival by Kaplan-Meier, or cumulative incidence.

The table of the figure has one line a row:

==============  ===========================================================================================
``kind``        ``curve`` (a step to ``value`` at ``time``), ``censored`` (a tick on the curve), ``at risk``
``curve``       name of the curve, as in the legend; of ``at risk`` the name of the row
``time``        in the unit of the axis
``value``       fraction; of ``at risk`` the number
``low, high``   interval of a curve's value; NaN for none
==============  ===========================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.base import (
    Drawing,
    drawing_style,
    in_words,
    labelled_lines,
    require_columns,
    to_svg,
    unique_texts,
)
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CurveText", "draw_step_curves"]

_COLUMNS = ("kind", "curve", "time", "value", "low", "high")
_KINDS = ("curve", "censored", "at risk")
# Okabe and Ito's colours, each with a line style of its own
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d", "#999933")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
_MOST_BANDS = 4
_WIDTH_IN, _PLOT_IN, _ROW_IN, _FOOT_IN = 6.8, 3.1, 0.17, 0.48


@dataclass(frozen=True, slots=True)
class CurveText:
    """What is written on the axes.

    Attributes
    ----------
    x, y : str
        Names of the axes.
    what : str
        What the curves show, for the text alternative, such as ``survival``.
    note : str
        In the corner of the plot, such as a test; may be empty.
    from_zero : bool
        Whether curves start at 0 (incidence) or 1 (survival).
    """

    x: str
    y: str
    what: str
    note: str = ""
    from_zero: bool = False


def draw_step_curves(data: Table, words: CurveText) -> Drawing:
    """Draw step curves, intervals as bands, censoring as ticks and the numbers at risk below.

    Parameters
    ----------
    data : Table
        As the module says.
    words : CurveText

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, the table is empty, or a kind is unknown.
    """
    require_columns(data, _COLUMNS, "step curves")
    for kind in unique_texts(data["kind"]):
        if kind not in _KINDS:
            raise ValueRangeError("step curves, kind", kind, ", ".join(_KINDS), "use one of these words")
    drawn = data["kind"] == "curve"
    names = unique_texts(data["curve"][drawn])
    risk = data["kind"] == "at risk"
    rows = unique_texts(data["curve"][risk])
    with drawing_style():
        figure, axes = _new_axes(len(rows))
        ends = float(np.max(data["time"][drawn | risk]))
        bands = len(names) <= _MOST_BANDS
        for i, name in enumerate(names):
            style = {"color": _COLOURS[i % len(_COLOURS)], "linestyle": _DASHES[i % len(_DASHES)]}
            mine = drawn & (data["curve"] == name)
            _draw_curve(axes, _steps(data, mine, words.from_zero), name, style, bands=bands)
            ticks = (data["kind"] == "censored") & (data["curve"] == name)
            marks: dict[str, Any] = {"marker": "|", "markersize": 5, "markeredgewidth": 0.8, "linestyle": ""}
            axes.plot(data["time"][ticks], data["value"][ticks], color=style["color"], **marks)
        _set_axes(axes, data, drawn, words, ends)
        if len(names) > 1:
            found = labelled_lines([axes])
            place: Any = "upper left" if words.from_zero else "lower left" if words.note else "best"
            axes.legend(handles=list(found.values()), labels=list(found), loc=place)
        if rows:
            axes.set_xticks(sorted(set(data["time"][risk].tolist())))
            _write_risk_table(figure, axes, data, risk, rows, names)
        svg = to_svg(figure)
    return Drawing(svg, _describe(data, drawn, names, words), data)


def _new_axes(rows: int) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    below = _FOOT_IN + (_ROW_IN * (rows + 1) + 0.1 if rows else 0.0)
    height = _PLOT_IN + below + 0.12
    figure = Figure(figsize=(_WIDTH_IN, height))
    FigureCanvasAgg(figure)
    left = 1.2 / _WIDTH_IN
    return figure, figure.add_axes((left, below / height, 0.98 - left, _PLOT_IN / height))


def _steps(data: Table, mine: NDArray[np.bool_], from_zero: bool) -> dict[str, NDArray[np.float64]]:
    start = 0.0 if from_zero else 1.0
    found = {name: np.concatenate([[start], data[name][mine]]) for name in ("value", "low", "high")}
    found["time"] = np.concatenate([[0.0], data["time"][mine]])
    return found


def _draw_curve(
    axes: Axes, steps: dict[str, NDArray[np.float64]], name: str, style: dict[str, Any], *, bands: bool
) -> None:
    axes.step(steps["time"], steps["value"], where="post", label=name, linewidth=1.5, **style)
    if bands:
        known = np.isfinite(steps["low"]) & np.isfinite(steps["high"])
        axes.fill_between(
            steps["time"], steps["low"], steps["high"], where=known.tolist(), step="post", color=style["color"],
            alpha=0.13, linewidth=0,
        )  # fmt: skip


def _set_axes(axes: Axes, data: Table, drawn: NDArray[np.bool_], words: CurveText, ends: float) -> None:
    top = 1.0
    if words.from_zero:
        highest = float(np.nanmax(np.concatenate([data["value"][drawn], data["high"][drawn]])))
        top = min(1.0, max(0.05, 1.08 * highest))
    axes.set_ylim(0, top * 1.01)
    axes.set_xlim(0, ends * 1.01)
    axes.set_xlabel(words.x)
    axes.set_ylabel(words.y)
    axes.grid(axis="x", visible=False)
    if words.note:
        spot = (0.985, 0.03) if words.from_zero and top == 1.0 else (0.985, 0.97)
        vertical = "bottom" if spot[1] < 0.5 else "top"
        axes.text(*spot, words.note, transform=axes.transAxes, ha="right", va=vertical, fontsize=8)


def _write_risk_table(
    figure: Figure, axes: Axes, data: Table, risk: NDArray[np.bool_], rows: list[str], names: list[str]
) -> None:
    height_in = figure.get_figheight()
    box = axes.get_position()
    across = axes.get_xlim()
    top = _ROW_IN * (len(rows) + 1)
    figure.text(0.012, (top + 0.04) / height_in, "At risk", fontsize=7.6, fontweight="bold", va="center")
    for i, row in enumerate(rows):
        y = (top - _ROW_IN * (i + 1) + 0.04) / height_in
        colour = _COLOURS[names.index(row) % len(_COLOURS)] if row in names else "#1b1f24"
        figure.text(0.012, y, row if len(row) <= 18 else f"{row[:17]}\N{HORIZONTAL ELLIPSIS}", fontsize=7.6,
                    color=colour, va="center")  # fmt: skip
        mine = risk & (data["curve"] == row)
        for time, number in zip(data["time"][mine], data["value"][mine], strict=True):
            x = box.x0 + box.width * (time - across[0]) / (across[1] - across[0])
            figure.text(x, y, f"{number:g}", fontsize=7.6, ha="center", va="center")


def _describe(data: Table, drawn: NDArray[np.bool_], names: list[str], words: CurveText) -> str:
    parts = []
    for name in names:
        mine = drawn & (data["curve"] == name)
        time, value = float(data["time"][mine][-1]), float(data["value"][mine][-1])
        parts.append(f"{name} {format_number(value)} at {format_number(time)}")
    note = f" {words.note}." if words.note else ""
    return f"Step curves of {words.what} against {words.x}; last values: {in_words(parts)}.{note}"
