"""Dose-response curves: one panel a readout, one line a drug, the IC50 marked on the axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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
    require_positive,
    to_svg,
    unique_texts,
)
from limus.report.figures.drug_styles import drug_style
from limus.report.numbers import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_dose_response"]

_MOST_MARKED_POINTS = 15


def draw_dose_response(data: Table, marks: Table | None = None) -> Drawing:
    """Draw response against concentration.

    Parameters
    ----------
    data : Table
        ``drug, readout, concentration_nM`` (above 0), ``response_percent`` (of control), and, if known,
        ``lower_percent, upper_percent`` (drawn as a band). Up to 15 points of a drug are marked, more only joined.
    marks : Table, optional
        ``drug, readout, ic50_nM``; NaN where none was reached.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, the table is empty, or a concentration is not positive.
    """
    require_columns(data, ("drug", "readout", "concentration_nM", "response_percent"), "dose-response figure")
    require_positive(data["concentration_nM"], "dose-response figure, concentration_nM")
    if marks is not None and len(marks):
        require_columns(marks, ("drug", "readout", "ic50_nM"), "dose-response figure, marks")
        require_positive(marks["ic50_nM"], "dose-response figure, ic50_nM")
    readouts = unique_texts(data["readout"])
    with drawing_style():
        figure, panels = new_panels(len(readouts))
        top = _top(data)
        for axes, readout in zip(panels, readouts, strict=True):
            _draw_panel(axes, data.where(data["readout"] == readout), top, labels=5 if len(readouts) > 1 else 8)
            for drug, ic50_nm in _panel_marks(marks, readout):
                _draw_mark(axes, drug, ic50_nm)
            axes.set_title(readout)
        across = min(3, len(readouts))
        for index, axes in enumerate(panels):
            axes.set_ylabel("Response (% of control)" if index % across == 0 else "")
        add_legend(figure, [labelled_lines(panels)], most_columns=5)
        svg = to_svg(figure)
    return Drawing(svg, _describe(readouts, unique_texts(data["drug"]), marks), data)


def _top(data: Table) -> float:
    """Upper end of the axis, percent: 110, or above the highest point if that is higher."""
    names = [name for name in ("response_percent", "upper_percent") if name in data.columns]
    highest = max(float(np.nanmax(data[name])) for name in names)
    return max(110.0, 10.0 * math.ceil(highest / 10))


def _draw_panel(axes: Axes, rows: Table, top: float, *, labels: int) -> None:
    axes.set_xscale("log")
    axes.set_ylim(0, top)
    axes.axhline(50, color="#8a929c", linewidth=0.8, zorder=1)
    for drug in unique_texts(rows["drug"]):
        style = drug_style(drug)
        own = rows.where(rows["drug"] == drug)
        order = np.argsort(own["concentration_nM"], kind="stable")
        x, y = own["concentration_nM"][order], own["response_percent"][order]
        if "lower_percent" in own.columns and "upper_percent" in own.columns:
            band = (own["lower_percent"][order], own["upper_percent"][order])
            axes.fill_between(x, *band, color=style.colour, alpha=0.15, linewidth=0)
        marker = style.marker if len(x) <= _MOST_MARKED_POINTS else ""
        axes.plot(x, y, color=style.colour, linestyle=style.line, marker=marker, label=drug, clip_on=False, zorder=3)
    format_log_axis(axes.xaxis, most=labels)
    axes.set_xlabel("Concentration (nM)")


def _panel_marks(marks: Table | None, readout: str) -> list[tuple[str, float]]:
    if marks is None or not len(marks):
        return []
    own = marks.where(marks["readout"] == readout)
    return [(row["drug"], row["ic50_nM"]) for row in own.rows() if not math.isnan(row["ic50_nM"])]


def _draw_mark(axes: Axes, drug: str, ic50_nm: float) -> None:
    """Draw the IC50: a thin line down from one half to the axis, with a tick that is thicker than those of the axis."""
    style = drug_style(drug)
    axes.plot([ic50_nm, ic50_nm], [0, 50], color=style.colour, linewidth=0.8, alpha=0.7, zorder=2)
    axes.plot([ic50_nm, ic50_nm], [0, 5], color=style.colour, linewidth=3, solid_capstyle="butt", zorder=4)


def _describe(readouts: list[str], drugs: list[str], marks: Table | None) -> str:
    panels = "one panel" if len(readouts) == 1 else f"{len(readouts)} panels"
    said = f"Dose-response curves of {in_words(drugs)} in {panels}: {in_words(readouts)}."
    for readout in readouts:
        found = [f"{drug} {format_quantity(ic50, 'nM')}" for drug, ic50 in _panel_marks(marks, readout)]
        if found:
            said += f" Half-maximal concentrations for {readout}: {', '.join(found)}."
    return said
