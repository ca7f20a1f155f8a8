"""Measured against simulated potency: a dot plot on a logarithmic axis, shapes as in the tables of a guide."""

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
    new_panels,
    require_columns,
    require_positive,
    to_svg,
    unique_texts,
)
from limus.report.figures.drug_styles import drug_style
from limus.report.numbers import format_interval, format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_potency_comparison"]

_KINDS = ("measured", "interval", "simulated")
_LEGEND_GREY = "#3d444d"
_OFFSETS = {"measured": -0.17, "interval": -0.17, "simulated": 0.17}


def draw_potency_comparison(data: Table) -> Drawing:
    """Draw potencies as dots, one row a label, drugs by colour, measured and simulated by shape.

    Parameters
    ----------
    data : Table
        ``row_label, drug, kind, value_nM, lower_nM, upper_nM``. ``measured``: a filled circle with its interval if
        known (NaN if not); ``interval``: a published range as a bar, without a value; ``simulated``: an open triangle
        with its interval. All above 0.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, the table is empty, a kind is unknown, or a number is not positive.
    """
    where = "potency comparison"
    require_columns(data, ("row_label", "drug", "kind", "value_nM", "lower_nM", "upper_nM"), where)
    for name in ("value_nM", "lower_nM", "upper_nM"):
        require_positive(data[name], f"{where}, {name}")
    for kind in unique_texts(data["kind"]):
        if kind not in _KINDS:
            raise ValueRangeError(f"{where}, kind", kind, ", ".join(_KINDS), "use one of these words")
    labels = unique_texts(data["row_label"])
    with drawing_style():
        figure, (axes,) = new_panels(1, height_in=1.3 + 0.42 * len(labels))
        axes.set_xscale("log")
        axes.grid(False, axis="y")
        for at in range(len(labels)):
            axes.axhspan(at - 0.5, at + 0.5, color="#f5f7f9" if at % 2 == 0 else "#ffffff", zorder=0, linewidth=0)
        for row in data.rows():
            _draw_row(axes, row, labels.index(row["row_label"]))
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        format_log_axis(axes.xaxis)
        axes.set_xlabel("Half-maximal concentration (nM)")
        add_legend(figure, _legend_groups(data), most_columns=5)
        svg = to_svg(figure)
    return Drawing(svg, _describe(data, labels), data)


def _draw_row(axes: Axes, row: dict[str, Any], at: int) -> None:
    colour = drug_style(row["drug"]).colour
    y = at + _OFFSETS[row["kind"]]
    lower, upper, value = row["lower_nM"], row["upper_nM"], row["value_nM"]
    if not (math.isnan(lower) or math.isnan(upper)):
        wide = row["kind"] == "interval"
        line: dict[str, Any] = {"linewidth": 6, "alpha": 0.35} if wide else {"linewidth": 1.3}
        axes.plot([lower, upper], [y, y], color=colour, solid_capstyle="butt", zorder=2, **line)
    if not math.isnan(value):
        axes.plot([value], [y], linestyle="", zorder=3, **_marker(row["kind"], colour))


def _marker(kind: str, colour: str) -> dict[str, Any]:
    if kind == "simulated":
        return {"marker": "^", "markersize": 6.5, "markeredgewidth": 1.5, "mfc": "white", "mec": colour}
    return {"marker": "o", "markersize": 6, "mfc": colour, "mec": colour}


def _legend_groups(data: Table) -> list[dict[str, Any]]:
    from matplotlib.lines import Line2D  # noqa: PLC0415

    kinds: dict[str, Any] = {}
    for kind in _KINDS:
        if not np.any(data["kind"] == kind):
            continue
        if kind == "interval":
            kinds["published range"] = Line2D([], [], color=_LEGEND_GREY, alpha=0.35, linewidth=6)
        else:
            kinds[kind] = Line2D([], [], linestyle="", **_marker(kind, _LEGEND_GREY))
    drugs = {drug: Line2D([], [], linewidth=4, color=drug_style(drug).colour) for drug in unique_texts(data["drug"])}
    return [kinds, drugs]


def _describe(data: Table, labels: list[str]) -> str:
    said = "Dot plot of half-maximal concentrations, measured against simulated."
    for label in labels:
        found = []
        for row in data.where(data["row_label"] == label).rows():
            lower, upper = row["lower_nM"], row["upper_nM"]
            if math.isnan(row["value_nM"]):
                shown = "" if math.isnan(lower) or math.isnan(upper) else f"{format_interval(lower, upper)} nM"
            else:
                shown = format_quantity(row["value_nM"], "nM")
            kind = "measured range" if row["kind"] == "interval" else row["kind"]
            found.append(f"{row['drug']} {kind} {shown}".rstrip())
        said += f" {label}: {', '.join(found)}."
    return said
