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

__all__ = ["ForestText", "draw_forest", "forest_limits"]

_COLUMNS = ("kind", "label", "group_1", "group_2", "estimate", "lower", "upper", "text", "weight")
_KINDS = ("heading", "study", "subtotal", "total", "prediction", "line", "note")
_BOLD = ("heading", "subtotal", "total")
_WIDTH_IN = 7.4
_ROW_IN = 0.19
_HEAD_LINE_IN = 0.135
_HEAD_EDGE_IN = 0.16
_FOOT_IN = 0.62
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
    """Where the columns stand, inch from the left; right ends for groups and weight, left end for the effect.

    ``weight`` is None where no row has one; ``head`` is the height of the heads, ``width`` that of the page.
    """

    label: float
    group_1: float
    group_2: float
    plot: tuple[float, float]
    effect: float
    weight: float | None
    head: float
    width: float


def draw_forest(data: Table, words: ForestText, limits: tuple[float, float] | None = None) -> Drawing:
    """Draw a forest plot.

    Parameters
    ----------
    data : Table
        As the module says.
    words : ForestText
    limits : tuple of two floats, optional
        Ends of the axis, where several parts must have the same; see :func:`forest_limits`.

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
        page.set_xlim(0, layout.width)
        page.set_ylim(0, height)
        left, right = layout.plot
        body = _ROW_IN * len(rows)
        width = layout.width
        axes = figure.add_axes((left / width, _FOOT_IN / height, (right - left) / width, body / height))
        _prepare(axes, rows, words, limits or forest_limits(data, words))
        _write_heads(page, layout, words, height)
        for at, row in enumerate(rows):
            _write_row(page, layout, row, height - layout.head - (at + 0.5) * _ROW_IN)
            _draw_row(axes, row, at)
        _write_directions(page, axes, layout, words)
        svg = to_svg(figure)
    return Drawing(svg, _describe(rows, words), data)


def _new_figure(rows: list[dict[str, Any]], words: ForestText) -> tuple[Figure, _Layout]:
    """Make a page on which the columns have room: wider than usual where the texts need it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    named = [row for row in rows if row["kind"] != "note"]

    def widest(name: str, title: str) -> float:
        written = [_text_width(row[name], bold=row["kind"] in _BOLD) for row in named]
        return max([_text_width(line, bold=True) for line in title.split("\n")] + written)

    x = _EDGE_IN + min(widest("label", words.label), _WIDEST_LABEL_IN)
    ends = []
    for name, title in (("group_1", words.group_1), ("group_2", words.group_2)):
        x += _GAP_IN + widest(name, title) if title else 0.0
        ends.append(x)
    weighted = any(not np.isnan(row["weight"]) for row in rows)
    behind = _GAP_IN + widest("text", words.effect) + _EDGE_IN
    behind += _GAP_IN + _text_width("100.0 %", bold=True) if weighted else 0.0
    width = max(_WIDTH_IN, x + _GAP_IN + _NARROWEST_PLOT_IN + behind)
    plot = (x + _GAP_IN, width - behind)
    titles = (words.label, words.group_1, words.group_2, words.effect)
    head = _HEAD_EDGE_IN + _HEAD_LINE_IN * max(text.count("\n") + 1 for text in titles)
    figure = Figure(figsize=(width, head + _FOOT_IN + _ROW_IN * len(rows)))
    FigureCanvasAgg(figure)
    weight = width - _EDGE_IN if weighted else None
    return figure, _Layout(_EDGE_IN, ends[0], ends[1], plot, plot[1] + _GAP_IN, weight, head, width)


def _text_width(text: str, *, bold: bool = False) -> float:
    """Width of a text in inch."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415
    from matplotlib.textpath import TextPath  # noqa: PLC0415

    if not text.strip():
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return float(TextPath((0, 0), text.replace("$", r"\$"), size=_SIZE, prop=font).get_extents().width / 72)


def forest_limits(data: Table, words: ForestText) -> tuple[float, float]:
    """Return the ends of the axis of a forest plot.

    Parameters
    ----------
    data : Table
        All rows, also those of other parts.
    words : ForestText

    Returns
    -------
    tuple of two floats
    """
    ends = (data[name].tolist() for name in ("estimate", "lower", "upper"))
    return effect_limits(*ends, null=words.null, log=words.log)


def _prepare(axes: Axes, rows: list[dict[str, Any]], words: ForestText, limits: tuple[float, float]) -> None:
    format_effect_axis(axes, limits, log=words.log)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    axes.grid(False)
    axes.patch.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", labelsize=_SIZE)
    axes.set_xlabel(words.axis, fontsize=_SIZE, labelpad=1.5)
    axes.axvline(words.null, color="#6b7480", linewidth=0.8, zorder=1)
    totals = [row for row in rows if row["kind"] == "total" and not np.isnan(row["estimate"])]
    if totals:
        axes.axvline(totals[-1]["estimate"], color=_POOLED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)


def _write_heads(page: Axes, layout: _Layout, words: ForestText, height: float) -> None:
    y = height - layout.head + 0.07
    style: dict[str, Any] = {"fontsize": _SIZE, "fontweight": "bold", "va": "bottom", "linespacing": 1.15}
    page.text(layout.label, y, words.label, ha="left", **style)
    for x, head in ((layout.group_1, words.group_1), (layout.group_2, words.group_2)):
        if head:
            page.text(x, y, head, ha="right", **style)
    page.text(layout.effect, y, words.effect, ha="left", **style)
    if layout.weight is not None:
        page.text(layout.weight, y, "Weight", ha="right", **style)
    page.plot([_EDGE_IN, layout.width - _EDGE_IN], [height - layout.head + 0.02] * 2, color="#444444", linewidth=0.8)


def _write_row(page: Axes, layout: _Layout, row: dict[str, Any], y: float) -> None:
    kind = row["kind"]
    style: dict[str, Any] = {"fontsize": _SIZE, "va": "center", "color": _INK}
    if kind == "note":
        page.text(layout.label, y, row["label"], ha="left", **(style | {"fontsize": _SIZE - 0.8, "color": "#4d5661"}))
        return
    if kind in _BOLD:
        style["fontweight"] = "bold"
    page.text(layout.label, y, _shortened(row["label"], layout), ha="left", **style)
    page.text(layout.group_1, y, row["group_1"], ha="right", **style)
    page.text(layout.group_2, y, row["group_2"], ha="right", **style)
    page.text(layout.effect, y, row["text"], ha="left", **style)
    if layout.weight is not None and not np.isnan(row["weight"]):
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


def _write_directions(page: Axes, axes: Axes, layout: _Layout, words: ForestText) -> None:
    """Write what lower and higher effects mean at the two sides of the null, as far as the page has room."""
    left, right = layout.plot
    low, high = axes.get_xlim()
    change = np.log if words.log else np.asarray
    share = float((change(words.null) - change(low)) / (change(high) - change(low)))
    at = left + min(max(share, 0.0), 1.0) * (right - left)
    size, y, gap = _SIZE - 0.4, 0.09, 0.07
    texts = (f"\N{LEFTWARDS ARROW} {words.low}", f"{words.high} \N{RIGHTWARDS ARROW}")
    widths = [_text_width(text) for text in texts]
    at = min(max(at, _EDGE_IN + widths[0] + gap), layout.width - _EDGE_IN - widths[1] - gap)
    style: dict[str, Any] = {"fontsize": size, "va": "center", "color": "#4d5661"}
    if words.low:
        page.text(at - gap, y, texts[0], ha="right", **style)
    if words.high:
        page.text(at + gap, y, texts[1], ha="left", **style)


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
