"""Operating characteristics: power and coverage of each analysis, each with its Monte Carlo error."""

from __future__ import annotations

import numpy as np

from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, drawing_style, new_panels, require_columns, to_svg
from limus.report.numbers import format_number

__all__ = ["draw_operating_characteristics"]

_INK, _NOMINAL = "#1b1f24", "#D55E00"
_Z = 1.96


def draw_operating_characteristics(data: Table, *, shown: str) -> Drawing:
    """Draw the share of replicates that show the hypothesis, and the coverage of the intervals.

    Parameters
    ----------
    data : Table
        ``analysis, shown_percent, shown_mcse, coverage_percent, coverage_mcse, level_percent``; percentages, their
        Monte Carlo standard errors in percentage points; NaN where there is none.
    shown : str
        What the first panel is of: ``Power`` or ``Type I error``.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    names = ("analysis", "shown_percent", "shown_mcse", "coverage_percent", "coverage_mcse", "level_percent")
    require_columns(data, names, "operating characteristics")
    place = np.arange(len(data))
    with drawing_style():
        figure, (left, right) = new_panels(2, columns=2, height_in=0.42 * len(data) + 1.0)
        for axes, name, title in ((left, "shown", shown), (right, "coverage", "Coverage of the interval")):
            value, error = data[f"{name}_percent"], np.nan_to_num(data[f"{name}_mcse"])
            known = np.isfinite(value)
            axes.errorbar(
                value[known], place[known], xerr=_Z * error[known], fmt="s", markersize=5, color=_INK, elinewidth=1.5,
                capsize=3,
            )  # fmt: skip
            axes.set_ylim(len(data) - 0.4, -0.6)
            axes.set_title(title)
            axes.set_xlabel("% of replicates")
        for k, level in enumerate(data["level_percent"]):
            if np.isfinite(level):
                right.plot([level] * 2, [k - 0.3, k + 0.3], color=_NOMINAL, linestyle="--", linewidth=1.6)
        left.set_yticks(place, [str(one) for one in data["analysis"]])
        right.set_yticks(place, [""] * len(data))
        svg = to_svg(figure)
    said = [
        f"{row['analysis']} {format_number(row['shown_percent'])} % (Monte Carlo standard error "
        f"{format_number(row['shown_mcse'])})"
        for row in data.rows()
        if np.isfinite(row["shown_percent"]) and np.isfinite(row["shown_mcse"])
    ]
    return Drawing(svg, f"{shown} of each analysis: " + "; ".join(said) + ".", data)
