"""Time courses: one panel a quantity, one line a drug and concentration; stronger colour is a higher concentration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from limus.kernel.errors import UnitError
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
from limus.report.figures.drug_styles import drug_style, mix_with_white
from limus.report.numbers import format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_time_course"]

_PALEST = 0.4
_CONTROL_COLOUR = "#6b7480"
_CONTROL_LABEL = "no drug"


def draw_time_course(data: Table) -> Drawing:
    """Draw quantities over time.

    Parameters
    ----------
    data : Table
        ``drug, concentration_nM, quantity, time_h, value, unit``. A concentration of 0 is the control and is drawn
        once, in grey; NaN where a concentration has no meaning.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    UnitError
        One quantity comes in two units.
    """
    names = ("drug", "concentration_nM", "quantity", "time_h", "value", "unit")
    require_columns(data, names, "time-course figure")
    quantities = unique_texts(data["quantity"])
    with drawing_style():
        figure, panels = new_panels(len(quantities), columns=2 if len(quantities) in (2, 4) else 3)
        for axes, quantity in zip(panels, quantities, strict=True):
            rows = data.where(data["quantity"] == quantity)
            _draw_panel(axes, rows)
            axes.set_ylabel(_only_unit(rows, quantity))
            axes.set_title(quantity)
            axes.set_xlabel("Time (h)")
        add_legend(figure, _legend_groups(panels, unique_texts(data["drug"])), most_columns=4)
        svg = to_svg(figure)
    lasts = f"from {format_quantity(float(np.min(data['time_h'])), 'h')}"
    lasts += f" to {format_quantity(float(np.max(data['time_h'])), 'h')}"
    drugs = in_words(unique_texts(data["drug"]))
    return Drawing(svg, f"Time courses {lasts} of {in_words(quantities)} with {drugs}.{_describe(data)}", data)


def _only_unit(rows: Table, quantity: str) -> str:
    units = unique_texts(rows["unit"])
    if len(units) > 1:
        where = f"time-course figure, quantity {quantity}"
        raise UnitError(where, ", ".join(units), "one unit a quantity", "convert the values first")
    return units[0]


def _draw_panel(axes: Axes, rows: Table) -> None:
    controlled = False
    for drug in unique_texts(rows["drug"]):
        style = drug_style(drug)
        own = rows.where(rows["drug"] == drug)
        levels = sorted({value for value in own["concentration_nM"].tolist() if not math.isnan(value)})
        positive = [level for level in levels if level > 0]
        for level in levels or [math.nan]:
            course = own if math.isnan(level) else own.where(own["concentration_nM"] == level)
            order = np.argsort(course["time_h"], kind="stable")
            x, y = course["time_h"][order], course["value"][order]
            if level == 0:
                if not controlled:
                    axes.plot(x, y, color=_CONTROL_COLOUR, linewidth=1.2, label=_CONTROL_LABEL, zorder=2)
                controlled = True
                continue
            share = 1.0 if level not in positive else _share(positive.index(level), len(positive))
            label = drug if math.isnan(level) else f"{drug} {format_quantity(level, 'nM')}"
            colour = mix_with_white(style.colour, share)
            axes.plot(x, y, color=colour, linestyle=style.line, label=label, zorder=3)
    lowest = float(np.nanmin(rows["value"]))
    if lowest >= 0:
        axes.set_ylim(bottom=0)
    axes.margins(x=0.02)


def _legend_groups(panels: list[Axes], drugs: list[str]) -> list[dict[str, Any]]:
    """Return the lines of each drug as a group, the control last."""
    lines = labelled_lines(panels)
    return [
        {label: handle for label, handle in lines.items() if name in (label, label.rsplit(" ", 2)[0])}
        for name in (*drugs, _CONTROL_LABEL)
    ]


def _share(index: int, count: int) -> float:
    return 1.0 if count == 1 else _PALEST + (1 - _PALEST) * index / (count - 1)


def _describe(data: Table) -> str:
    said = ""
    for quantity in unique_texts(data["quantity"]):
        rows = data.where(data["quantity"] == quantity)
        best = int(np.nanargmax(rows["value"]))
        row = list(rows.rows())[best]
        peak = format_quantity(row["value"], row["unit"])
        name = _CONTROL_LABEL if row["concentration_nM"] == 0 else row["drug"]
        said += f" {quantity} is highest with {name}, {peak} at {format_quantity(row['time_h'], 'h')}."
    return said
