"""The typical profile of a population model: one dosing interval, with the band between subjects."""

from __future__ import annotations

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
)
from limus.report.figures.drug_styles import drug_style
from limus.report.numbers import format_quantity

__all__ = ["draw_typical_profile"]


def draw_typical_profile(data: Table, *, drug: str, unit: str) -> Drawing:
    """Draw a dosing interval.

    Parameters
    ----------
    data : Table
        ``time_h, typical``, and ``lower, upper`` (NaN where there is no band).
    drug : str
        Gives the colour.
    unit : str
        Of the levels.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    require_columns(data, ("time_h", "typical", "lower", "upper"), "typical profile")
    style = drug_style(drug)
    banded = bool(np.isfinite(data["lower"]).all() and np.isfinite(data["upper"]).all())
    with drawing_style():
        figure, (axes,) = new_panels(1, width_in=6.2, height_in=3.1)
        if banded:
            band = "90 % of virtual subjects"
            axes.fill_between(
                data["time_h"], data["lower"], data["upper"], color=style.colour, alpha=0.18, linewidth=0, label=band
            )
        axes.plot(data["time_h"], data["typical"], color=style.colour, linestyle=style.line, label="typical subject")
        axes.set_ylim(bottom=0)
        axes.set_xlim(float(data["time_h"][0]), float(data["time_h"][-1]))
        axes.set_xlabel("Time after the dose (h)")
        axes.set_ylabel(f"{drug[0].upper()}{drug[1:]} ({unit})")
        add_legend(figure, [labelled_lines([axes])], most_columns=2)
        svg = to_svg(figure)
    return Drawing(svg, _describe(data, drug, unit, banded), data)


def _describe(data: Table, drug: str, unit: str, banded: bool) -> str:
    best = int(np.argmax(data["typical"]))
    peak, trough = (format_quantity(float(data["typical"][at]), unit) for at in (best, -1))
    said = f"Level of {drug} over one dosing interval: the typical subject peaks at {peak} after "
    said += f"{format_quantity(float(data['time_h'][best]), 'h')} and ends at {trough}."
    if banded:
        lower, upper = (format_quantity(float(data[name][-1]), unit) for name in ("lower", "upper"))
        said += f" At the end 90 % of virtual subjects lie between {lower} and {upper}."
    return said
