"""Forest plots as a journal prints them: text at both sides of one axis, squares by weight, diamonds, a prediction bar.

The table of the figure has one line a row, in the order of drawing:

==============  ===========================================================================================
``kind``        ``heading``, ``study``, ``subtotal``, ``total``, ``prediction``, ``line`` (no weight), ``note``
``label``       the name, or the text of a note
``group_1``     text of the first group, such as ``93/267``; ``group_2`` of the second
``estimate``    with ``lower`` and ``upper``, as shown (a ratio as a ratio); NaN where there is none
``text``        what stands at the right, such as ``0.41 (0.13 to 1.26)``
``weight``      percent; NaN where there is none
==============  ===========================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, drawing_style, require_columns, to_svg, unique_texts
from limus.report.figures.effect_axis import effect_limits, format_effect_axis
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ForestText", "draw_forest"]

_COLUMNS = ("kind", "label", "group_1", "group_2", "estimate", "lower", "upper", "text", "weight")
_KINDS = ("heading", "study", "subtotal", "total", "prediction", "line", "note")
_WIDTH_IN = 7.4
_ROW_IN = 0.19
_HEAD_IN = 0.44
_FOOT_IN = 0.72
_EDGE_IN = 0.06
_GAP_IN = 0.14
_NARROWEST_PLOT_IN = 1.9
_WIDEST_LABEL_IN = 2.4
_SIZE = 7.6
_INK, _STUDY, _POOLED, _PREDICTION = "#1b1f24", "#33658a", "#12324f", "#d55e00"


@dataclass(frozen=True, slots=True)
class ForestText:
    """What is written around a forest plot.

    Attributes
    ----------
    label, group_1, group_2, effect : str
        Heads of the columns; an empty head of a group leaves its column out.
    axis : str
        Under the axis.
    low, high : str
        What lower and higher effects mean, left and right under the axis.
    null : float
        The value of no difference.
    log : bool
        Whether the axis is logarithmic.
    """

    label: str
    effect: str
    axis: str
    low: str = ""
    high: str = ""
    group_1: str = ""
    group_2: str = ""
    null: float = 1.0
    log: bool = True


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the columns stand, inch from the left; right ends for groups and weight, left end for the effect."""

    label: float
    group_1: float
    group_2: float
    plot: tuple[float, float]
    effect: float
    weight: float


def draw_forest(data: Table, words: ForestText) -> Drawing:
    """Draw a forest plot.

    Parameters
    ----------
    data : Table
        As the module says.
    words : ForestText

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, the table is empty, a kind is unknown, or a ratio is not positive.
    """
    require_columns(data, _COLUMNS, "forest plot")
    for kind in unique_texts(data["kind"]):
        if kind not in _KINDS:
            raise ValueRangeError("forest plot, kind", kind, ", ".join(_KINDS), "use one of these words")
    if words.log and np.nanmin(data["estimate"]) <= 0:
        raise ValueRangeError("forest plot", float(np.nanmin(data["estimate"])), "positive ratios", "use a plain axis")
    rows = list(data.rows())
    with drawing_style():
        figure, layout = _new_figure(rows, words)
        page = figure.add_axes((0, 0, 1, 1))
        page.set_axis_off()
        height = figure.get_figheight()
        page.set_xlim(0, _WIDTH_IN)
        page.set_ylim(0, height)
        left, right = layout.plot
        body = _ROW_IN * len(rows)
        axes = figure.add_axes((left / _WIDTH_IN, _FOOT_IN / height, (right - left) / _WIDTH_IN, body / height))
        _prepare(axes, data, rows, words)
        _write_heads(page, layout, words, height)
        for at, row in enumerate(rows):
            _write_row(page, layout, row, height - _HEAD_IN - (at + 0.5) * _ROW_IN)
            _draw_row(axes, row, at)
        _write_directions(page, layout, words)
        svg = to_svg(figure)
    return Drawing(svg, _describe(rows, words), data)


def _new_figure(rows: list[dict[str, Any]], words: ForestText) -> tuple[Figure, _Layout]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(_WIDTH_IN, _HEAD_IN + _FOOT_IN + _ROW_IN * len(rows)))
    FigureCanvasAgg(figure)
    named = [row for row in rows if row["kind"] != "note"]

    def widest(name: str, head: str) -> float:
        return max([_text_width(line, bold=True) for line in head.split("\n")] + [_text_width(r[name]) for r in named])

    label = min(max(widest("label", words.label) + _GAP_IN, 0.8), _WIDEST_LABEL_IN)
    x = _EDGE_IN + label
    ends = []
    for name, head in (("group_1", words.group_1), ("group_2", words.group_2)):
        if head:
            x += _GAP_IN + widest(name, head)
        ends.append(x)
    weighted = any(not np.isnan(row["weight"]) for row in rows)
    weight = _text_width("Weight", bold=True) if weighted else 0.0
    effect = widest("text", words.effect)
    right = _WIDTH_IN - _EDGE_IN - weight - effect - (2 if weighted else 1) * _GAP_IN
    left = min(x + _GAP_IN, right - _NARROWEST_PLOT_IN)
    return figure, _Layout(_EDGE_IN, ends[0], ends[1], (left, right), right + _GAP_IN, _WIDTH_IN - _EDGE_IN)


def _text_width(text: str, *, bold: bool = False) -> float:
    """Width of a text in inch."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415
    from matplotlib.textpath import TextPath  # noqa: PLC0415

    if not text.strip():
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return float(TextPath((0, 0), text.replace("$", r"\$"), size=_SIZE, prop=font).get_extents().width / 72)


def _prepare(axes: Axes, data: Table, rows: list[dict[str, Any]], words: ForestText) -> None:
    limits = effect_limits(
        data["estimate"].tolist(), data["lower"].tolist(), data["upper"].tolist(), null=words.null, log=words.log
    )
    format_effect_axis(axes, limits, log=words.log)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", labelsize=_SIZE)
    axes.set_xlabel(words.axis, fontsize=_SIZE, labelpad=2)
    axes.axvline(words.null, color="#6b7480", linewidth=0.8, zorder=1)
    totals = [row for row in rows if row["kind"] == "total" and not np.isnan(row["estimate"])]
    if totals:
        axes.axvline(totals[-1]["estimate"], color=_POOLED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)


def _write_heads(page: Axes, layout: _Layout, words: ForestText, height: float) -> None:
    y = height - _HEAD_IN + 0.07
    style: dict[str, Any] = {"fontsize": _SIZE, "fontweight": "bold", "va": "bottom", "linespacing": 1.15}
    page.text(layout.label, y, words.label, ha="left", **style)
    for x, head in ((layout.group_1, words.group_1), (layout.group_2, words.group_2)):
        if head:
            page.text(x, y, head, ha="right", **style)
    page.text(layout.effect, y, words.effect, ha="left", **style)
    if layout.weight > layout.effect + _text_width(words.effect, bold=True) + 0.2:
        page.text(layout.weight, y, "Weight", ha="right", **style)
    page.plot([_EDGE_IN, _WIDTH_IN - _EDGE_IN], [height - _HEAD_IN + 0.02] * 2, color="#444444", linewidth=0.8)


def _write_row(page: Axes, layout: _Layout, row: dict[str, Any], y: float) -> None:
    kind = row["kind"]
    style: dict[str, Any] = {"fontsize": _SIZE, "va": "center", "color": _INK}
    if kind == "note":
        page.text(layout.label, y, row["label"], ha="left", **(style | {"fontsize": _SIZE - 0.8, "color": "#4d5661"}))
        return
    if kind in ("heading", "subtotal", "total"):
        style["fontweight"] = "bold"
    page.text(layout.label, y, _shortened(row["label"], layout), ha="left", **style)
    page.text(layout.group_1, y, row["group_1"], ha="right", **style)
    page.text(layout.group_2, y, row["group_2"], ha="right", **style)
    page.text(layout.effect, y, row["text"], ha="left", **style)
    if not np.isnan(row["weight"]):
        page.text(layout.weight, y, f"{row['weight']:.1f} %", ha="right", **style)


def _shortened(label: str, layout: _Layout) -> str:
    """Cut a name that would run into the next column."""
    room = _WIDEST_LABEL_IN
    while len(label) > 4 and _text_width(label) > room:
        label = label.rstrip("\N{HORIZONTAL ELLIPSIS}")[:-1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    return label


def _draw_row(axes: Axes, row: dict[str, Any], at: int) -> None:
    estimate, lower, upper = row["estimate"], row["lower"], row["upper"]
    if row["kind"] in ("heading", "note") or np.isnan(lower) or np.isnan(upper):
        return
    low, high = axes.get_xlim()
    if row["kind"] in ("subtotal", "total"):
        half = 0.32 if row["kind"] == "total" else 0.26
        corners = ([lower, estimate, upper, estimate], [at, at - half, at, at + half])
        axes.fill(*corners, facecolor=_POOLED if row["kind"] == "total" else _STUDY, linewidth=0, zorder=3)
        return
    prediction = row["kind"] == "prediction"
    colour = _PREDICTION if prediction else _STUDY
    shown = (max(lower, low), min(upper, high))
    axes.plot(shown, [at, at], color=colour, linewidth=3.2 if prediction else 1.1, solid_capstyle="butt", zorder=2)
    for end, limit, marker in ((lower, low, "<"), (upper, high, ">")):
        beyond = end < limit if marker == "<" else end > limit
        if beyond:
            axes.plot([limit], [at], marker=marker, markersize=4.5, color=colour, clip_on=False, zorder=4)
    if prediction or np.isnan(estimate):
        return
    weight = row["weight"]
    size = 4.2 if np.isnan(weight) else 2.6 + 6.4 * np.sqrt(min(weight, 60.0) / 60.0)
    if low <= estimate <= high:
        marker = "o" if row["kind"] == "line" else "s"
        axes.plot([estimate], [at], marker=marker, markersize=size, color=colour, markeredgewidth=0, zorder=3)


def _write_directions(page: Axes, layout: _Layout, words: ForestText) -> None:
    left, right = layout.plot
    middle, y = (left + right) / 2, 0.1
    style: dict[str, Any] = {"fontsize": _SIZE - 0.4, "va": "center", "color": "#4d5661"}
    if words.low:
        page.text(middle - 0.08, y, f"\N{LEFTWARDS ARROW} {words.low}", ha="right", **style)
    if words.high:
        page.text(middle + 0.08, y, f"{words.high} \N{RIGHTWARDS ARROW}", ha="left", **style)


def _describe(rows: list[dict[str, Any]], words: ForestText) -> str:
    effect = words.effect.replace("\n", " ")
    studies = [row for row in rows if row["kind"] in ("study", "line") and not np.isnan(row["estimate"])]
    said = f"Forest plot of {len(studies)} lines, {effect}."
    if studies:
        estimates = [row["estimate"] for row in studies]
        said += f" Estimates from {format_number(min(estimates))} to {format_number(max(estimates))}."
    for row in rows:
        if row["kind"] in ("subtotal", "total") and row["text"]:
            said += f" {row['label']}: {row['text']}."
        if row["kind"] == "prediction" and row["text"]:
            said += f" Prediction interval {row['text']}."
    return said
