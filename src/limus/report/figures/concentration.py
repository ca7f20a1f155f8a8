"""Levels over time: one panel a subject, with what was measured, a range and the spread of virtual copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
from limus.report.figures.drug_styles import drug_style
from limus.report.numbers import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_concentration"]


def draw_concentration(
    data: Table, *, drug: str, unit: str, target: tuple[float, float] | None = None, predicted: str = "model"
) -> Drawing:
    """Draw levels of one or more subjects.

    Parameters
    ----------
    data : Table
        ``subject, kind, time_h, level, lower, upper``: ``kind`` is ``predicted`` or ``measured``; the band is NaN where
        there is none. Rows of one subject are in order of time.
    drug : str
        Gives the colour.
    unit : str
        Of the levels.
    target : (float, float), optional
        Range of levels that is shaded.
    predicted : str
        What the line is called.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    require_columns(data, ("subject", "kind", "time_h", "level", "lower", "upper"), "concentration figure")
    subjects = unique_texts(data["subject"])
    with drawing_style():
        columns = 1 if len(subjects) == 1 else 2 if len(subjects) in (2, 4) else 3
        size = {"width_in": 6.4, "height_in": 3.2} if len(subjects) == 1 else {}
        figure, panels = new_panels(len(subjects), columns=columns, **size)
        for axes, subject in zip(panels, subjects, strict=True):
            _draw_subject(axes, data.where(data["subject"] == subject), drug, target, predicted)
            if len(subjects) > 1:
                axes.set_title(f"ID {subject}")
            axes.set_xlabel("Time (h)")
            axes.set_ylabel(f"{drug[0].upper()}{drug[1:]} ({unit})")
        add_legend(figure, [labelled_lines(panels)], most_columns=4)
        svg = to_svg(figure)
    begins, ends = (format_quantity(float(limit), "h") for limit in (data["time_h"].min(), data["time_h"].max()))
    top = format_quantity(float(np.nanmax(data["level"])), unit)
    shown = in_words([f"ID {subject}" for subject in subjects]) if len(subjects) > 1 else "one subject"
    return Drawing(svg, f"Level of {drug} from {begins} to {ends} in {shown}; the highest is {top}.", data)


def _draw_subject(axes: Axes, rows: Table, drug: str, target: tuple[float, float] | None, predicted: str) -> None:
    style = drug_style(drug)
    course = rows.where(rows["kind"] == "predicted")
    measured = rows.where(rows["kind"] == "measured")
    if target is not None:
        axes.axhspan(*target, color="#9aa3ad", alpha=0.22, linewidth=0, label="target range", zorder=0)
    if np.isfinite(course["lower"]).any():
        axes.fill_between(
            course["time_h"],
            course["lower"],
            course["upper"],
            color=style.colour,
            alpha=0.18,
            linewidth=0,
            label="90 % of virtual subjects",
        )
    axes.plot(course["time_h"], course["level"], color=style.colour, linestyle=style.line, label=predicted, zorder=3)
    if len(measured):
        axes.plot(
            measured["time_h"],
            measured["level"],
            linestyle="none",
            marker="o",
            markersize=4,
            markerfacecolor="white",
            markeredgecolor="#1b2733",
            label="measured",
            zorder=4,
        )
    axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
