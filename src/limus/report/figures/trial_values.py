"""Means of laboratory values by visit and arm, with 95 % intervals; and effects beside their margins."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from limus.kernel.tables import Table
from limus.report.figures.base import (
    Drawing,
    add_legend,
    drawing_style,
    labelled_lines,
    new_panels,
    require_columns,
    to_svg,
    unique_texts,
)
from limus.report.figures.drug_styles import DrugStyle
from limus.report.numbers import format_number

__all__ = ["draw_effects", "draw_values_by_visit"]

_DAYS_PER_MONTH = 365.0 / 12.0
_INK, _MARGIN = "#1b1f24", "#D55E00"


def draw_values_by_visit(data: Table, *, styles: Mapping[str, DrugStyle], labels: Mapping[str, str]) -> Drawing:
    """Draw means by visit, a panel for each test.

    Parameters
    ----------
    data : Table
        ``code, label, arm, day, n, mean, low, high``; NaN where there is no interval.
    styles : mapping of str to DrugStyle
        By arm.
    labels : mapping of str to str
        Arm to words.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    require_columns(data, ("code", "label", "arm", "day", "n", "mean", "low", "high"), "values by visit")
    codes = unique_texts(data["code"])
    said = []
    with drawing_style():
        figure, panels = new_panels(len(codes), columns=2, height_in=2.9 if len(codes) == 1 else 2.5)
        for axes, code in zip(panels, codes, strict=True):
            rows = data.where(data["code"] == code)
            arms = unique_texts(rows["arm"])
            for k, arm in enumerate(arms):
                one, style = rows.where(rows["arm"] == arm), styles[arm]
                # arms side by side, so that one interval does not hide the other
                month = one["day"] / _DAYS_PER_MONTH + 0.12 * (k - (len(arms) - 1) / 2.0)
                error = np.maximum(np.nan_to_num([one["mean"] - one["low"], one["high"] - one["mean"]]), 0.0)
                axes.errorbar(
                    month, one["mean"], yerr=error, color=style.colour, linestyle=style.line, marker=style.marker,
                    markersize=4, elinewidth=0.9, capsize=2, label=labels.get(arm, arm),
                )  # fmt: skip
                last = f"{format_number(float(one['mean'][-1]))} in arm {arm} at day {one['day'][-1]:.0f}"
                said.append(f"{rows['label'][0]}: mean {last}")
            name = str(rows["label"][0])
            title, _, unit = name.removesuffix(")").rpartition(" (")
            axes.set_title((title or code) if len(title) < 44 else code)
            axes.set_ylabel(unit or code)
            axes.set_xlabel("Months after transplantation")
        add_legend(figure, [labelled_lines(panels)], most_columns=2)
        svg = to_svg(figure)
    return Drawing(svg, "Means with 95 % intervals by visit. " + "; ".join(said) + ".", data)


def draw_effects(data: Table, *, axis: str, low: str, high: str) -> Drawing:
    """Draw effects with intervals, one under the other, and the margins that they are held against.

    Parameters
    ----------
    data : Table
        ``label, effect, low, high, margin, primary`` (1 or 0); a margin that is NaN is not drawn.
    axis : str
        Under the axis, with the unit.
    low, high : str
        What lower and higher effects mean.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    require_columns(data, ("label", "effect", "low", "high", "margin", "primary"), "effects")
    with drawing_style():
        figure, (axes,) = new_panels(1, height_in=0.42 * len(data) + 1.05)
        axes.axvline(0.0, color=_INK, linewidth=0.9)
        marked = False
        for k, row in enumerate(data.rows()):
            bold = row["primary"] == 1
            axes.plot([row["low"], row["high"]], [k, k], color=_INK, linewidth=2.2 if bold else 1.4)
            axes.plot([row["effect"]], [k], marker="s", markersize=6.5 if bold else 5, color=_INK)
            if np.isfinite(row["margin"]):
                axes.plot(
                    [row["margin"]] * 2, [k - 0.33, k + 0.33], color=_MARGIN, linewidth=2, linestyle="--",
                    label=None if marked else "margin",
                )  # fmt: skip
                marked = True
        axes.set_yticks(range(len(data)), [str(one) for one in data["label"]])
        axes.set_ylim(len(data) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        ends = np.concatenate([data["low"], data["high"], data["margin"][np.isfinite(data["margin"])], [0.0]])
        reach = 1.12 * float(np.nanmax(np.abs(ends)))
        axes.set_xlim(-reach, reach)
        axes.set_xlabel(f"{axis}\n\N{LEFTWARDS ARROW} {low}      {high} \N{RIGHTWARDS ARROW}")
        if marked:
            axes.legend(loc="best", fontsize=8)
        svg = to_svg(figure)
    said = [
        f"{row['label']}: {format_number(row['effect'])} ({format_number(row['low'])} to {format_number(row['high'])})"
        + (f", margin {format_number(row['margin'])}" if np.isfinite(row["margin"]) else "")
        for row in data.rows()
    ]
    return Drawing(svg, f"{axis}. " + "; ".join(said) + ".", data)
