"""Fitted dose-response curves: one panel a curve, responses with replicates, fit with band, IC50s, dose 0 set apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

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
    require_columns,
    to_svg,
    unique_texts,
)
from limus.report.figures.drug_styles import known_styles
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_PANELS", "draw_curves"]

MOST_PANELS = 40
_LARGE = 6
_COLOUR, _RELATIVE, _ABSOLUTE, _WARNING = "#0072B2", "#D55E00", "#009E73", "#B00020"
_ZERO_GAP = 0.13
_POINTS = ("curve", "dose", "response", "kind")
_LINES = ("curve", "dose", "response", "lower", "upper")
_MARKS = ("curve", "dose", "response", "kind")
_KINDS = {
    "measured": ("o", "response"),
    "below": ("v", "below what can be measured"),
    "above": ("^", "above what can be measured"),
    "outlier": ("x", "outlier"),
}


def draw_curves(points: Table, lines: Table, marks: Table, notes: Table, *, dose_label: str = "Dose") -> Drawing:
    """Draw fitted curves.

    Parameters
    ----------
    points : Table
        ``curve, dose, response, kind``; kind is ``measured``, ``below``, ``above`` (censored at this response) or
        ``outlier``. Up to 40 curves; up to six get large panels, more get small multiples.
    lines : Table
        ``curve, dose, response, lower, upper``: the fit with its band (NaN for none); dose 0 is the plateau there.
    marks : Table
        ``curve, dose, response, kind``: IC50s, ``relative`` or ``absolute``.
    notes : Table
        ``curve, note, warning``: a line of text for each panel; warning 1 draws it in red.
    dose_label : str
        Of the horizontal axis, with the unit.

    Returns
    -------
    Drawing
        Its data are the points, with the fit at each.

    Raises
    ------
    ValueRangeError
        A column is missing or there are no points.
    """
    require_columns(points, _POINTS, "curve figure")
    for table, names in ((lines, _LINES), (marks, _MARKS), (notes, ("curve", "note", "warning"))):
        if len(table):
            require_columns(table, names, "curve figure")
    curves = unique_texts(points["curve"])[:MOST_PANELS]
    large = len(curves) <= _LARGE
    across = min(len(curves), 3 if large else 5)
    with drawing_style():
        width = 7.2 if across > 1 else 4.6
        figure, panels = new_panels(len(curves), columns=across, width_in=width, height_in=2.9 if large else 1.75)
        for index, (axes, curve) in enumerate(zip(panels, curves, strict=True)):
            own = [_rows(table, curve) for table in (points, lines, marks, notes)]
            _draw_panel(axes, curve, *own, large=large)
            axes.set_ylabel("Response" if index % across == 0 else "")
            last_row = index + across >= len(curves)
            axes.set_xlabel(dose_label if last_row else "")
        add_legend(figure, [labelled_lines(panels)], most_columns=4)
        svg = to_svg(figure)
    return Drawing(svg, _describe(curves, len(unique_texts(points["curve"])), notes), points)


def _rows(table: Table, curve: str) -> Table:
    return table.where(table["curve"] == curve) if len(table) else table


def _draw_panel(
    axes: Axes, curve: str, points: Table, lines: Table, marks: Table, notes: Table, *, large: bool
) -> None:
    scale = _DoseAxis.create(points["dose"])
    colour = known_styles()[curve.casefold()].colour if curve.casefold() in known_styles() else _COLOUR
    _draw_fit(axes, lines, scale, colour)
    size = 22 if large else 9
    for kind, (marker, label) in _KINDS.items():
        own = points.where(points["kind"] == kind)
        if len(own):
            hollow = kind in {"below", "above"}
            look: dict[str, Any] = {"c": _WARNING, "linewidths": 1.1}
            if marker != "x":
                edge = colour if hollow else "white"
                look = {"facecolors": "white" if hollow else colour, "edgecolors": edge}
                look |= {"linewidths": 0.9 if hollow else 0.4, "alpha": 0.9}
            axes.scatter(
                scale.place(own["dose"]), own["response"], s=size, marker=marker, label=label, zorder=4, **look
            )
    _draw_marks(axes, marks, scale)
    scale.draw(axes, labels=6 if large else 4)
    axes.margins(y=0.12)
    widest = 40 if large else 20
    said = curve if len(curve) <= widest else f"{curve[: widest - 2]}\N{HORIZONTAL ELLIPSIS}"
    axes.set_title(said, fontsize=9.5 if large else 7, pad=13 if large else 9)
    if not large:
        axes.tick_params(labelsize=6)
        axes.xaxis.label.set_fontsize(7)
        axes.yaxis.label.set_fontsize(7)
    for row in notes.rows() if len(notes) else ():
        note = axes.annotate(
            row["note"] if large else row["note"].removeprefix("IC50 "),
            (0.0, 1.0),
            xycoords="axes fraction",
            xytext=(0, 2.5),
            textcoords="offset points",
            fontsize=7.5 if large else 5.4,
            color=_WARNING if row["warning"] else "#444444",
            annotation_clip=False,
        )
        note.set_in_layout(False)


def _draw_fit(axes: Axes, lines: Table, scale: _DoseAxis, colour: str) -> None:
    if not len(lines):
        return
    positive = lines.where(lines["dose"] > 0)
    order = np.argsort(positive["dose"], kind="stable")
    x = scale.place(positive["dose"][order])
    if np.isfinite(positive["lower"]).any():
        low, high = positive["lower"][order], positive["upper"][order]
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0, label="95 % band of the fit", zorder=2)
    axes.plot(x, positive["response"][order], color=colour, label="fit", zorder=3)
    zero = lines.where(lines["dose"] == 0)
    if len(zero) and scale.zero is not None:
        half = 0.35 * scale.gap
        level = float(zero["response"][0])
        ends = [scale.zero - half, scale.zero + half]
        axes.plot(ends, [level, level], color=colour, zorder=3)
        if np.isfinite(zero["lower"][0]):
            axes.fill_between(ends, zero["lower"][0], zero["upper"][0], color=colour, alpha=0.15, linewidth=0, zorder=2)


def _draw_marks(axes: Axes, marks: Table, scale: _DoseAxis) -> None:
    if not len(marks):
        return
    for kind, colour, dashes in (("relative", _RELATIVE, (0, (4, 2))), ("absolute", _ABSOLUTE, (0, (1, 1.2)))):
        for row in marks.where(marks["kind"] == kind).rows():
            if math.isfinite(row["dose"]) and row["dose"] > 0:
                x = float(scale.place(np.array([row["dose"]]))[0])
                axes.axvline(x, color=colour, linestyle=dashes, linewidth=1.1, label=f"IC50 {kind}", zorder=2.5)
                axes.plot([x], [row["response"]], marker="D", markersize=3.2, color=colour, zorder=5)


class _DoseAxis:
    """A logarithmic axis with the zero dose set apart on its left."""

    def __init__(self, low: float, high: float, zero: float | None, gap: float) -> None:
        self.low, self.high, self.zero, self.gap = low, high, zero, gap

    @classmethod
    def create(cls, doses: NDArray[np.float64]) -> _DoseAxis:
        """Lay out the axis for some doses."""
        positive = doses[doses > 0]
        if not positive.size:
            return cls(0.0, 1.0, 0.0, 0.3)
        low, high = float(np.log10(positive.min())), float(np.log10(positive.max()))
        span = max(high - low, 0.5)
        gap = max(0.25, _ZERO_GAP * span)
        return cls(low, high, low - 2 * gap if (doses == 0).any() else None, gap)

    def place(self, doses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where doses stand."""
        with np.errstate(divide="ignore"):
            return np.where(doses > 0, np.log10(doses), np.nan if self.zero is None else self.zero)

    def draw(self, axes: Axes, *, labels: int) -> None:
        """Set ticks and limits and break the axis between 0 and the lowest dose."""
        pad = 0.35 * self.gap
        left = self.zero if self.zero is not None else self.low
        axes.set_xlim(left - pad, self.high + pad)
        step = max(1, math.ceil((self.high - self.low + 1e-9) / max(1, labels - 1)))
        first = math.ceil(self.low - 1e-9)
        powers = [p for p in range(first, math.floor(self.high + 1e-9) + 1) if (p - first) % step == 0]
        ticks = [float(p) for p in powers] if len(powers) > 1 else [self.low, self.high]
        names = [format_number(float(f"{10.0**tick:.2g}")) for tick in ticks]
        if self.zero is not None:
            ticks, names = [self.zero, *ticks], ["0", *names]
            middle = self.zero + 0.9 * self.gap
            for shift in (-0.08, 0.08):
                x = middle + shift * self.gap
                axes.plot(
                    [x - 0.06 * self.gap, x + 0.06 * self.gap],
                    [-0.02, 0.02],
                    transform=axes.get_xaxis_transform(),
                    color="#444444",
                    linewidth=0.9,
                    clip_on=False,
                    zorder=7,
                )
        axes.set_xticks(ticks, names)
        if step == 1:
            minor = [p + math.log10(k) for p in range(first - 1, math.ceil(self.high) + 1) for k in range(2, 10)]
            axes.set_xticks([m for m in minor if self.low - 1e-9 <= m <= self.high + 1e-9], minor=True)


def _describe(curves: list[str], count: int, notes: Table) -> str:
    shown = f"Dose-response of {in_words(curves)}" if len(curves) <= _LARGE else f"{len(curves)} dose-response curves"
    said = f"{shown} with fitted curves and bands, one panel a curve; dose 0 stands apart on the left."
    if count > len(curves):
        said += f" {count - len(curves)} further curves are not drawn."
    if len(notes) and len(curves) <= _LARGE:
        said += " " + " ".join(f"{row['curve']}: {row['note']}." for row in notes.rows())
    return said
