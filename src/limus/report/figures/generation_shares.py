"""Share of the cells in each generation: measured, and as predicted beside it, one panel a treatment."""

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

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_PANELS", "draw_generation_shares"]

MOST_PANELS = 12
_BARS, _INK, _PREDICTED = "#9aa3ad", "#1b1f24", "#D55E00"
_MEASURED = ("panel", "generation", "percent", "lower", "upper")
_EXPECTED = ("panel", "generation", "percent")


def draw_generation_shares(measured: Table, predicted: Table) -> Drawing:
    """Draw measured shares as bars with intervals, and predicted ones as points joined by a line.

    Parameters
    ----------
    measured : Table
        ``panel, generation, percent, lower, upper``: per cent of the cells at harvest; NaN where there is no interval.
    predicted : Table
        ``panel, generation, percent``.

    Returns
    -------
    Drawing
        At most :data:`MOST_PANELS` panels.

    Raises
    ------
    ValueRangeError
        A column is missing or a table is empty.
    """
    for table, names, what in ((measured, _MEASURED, "measured"), (predicted, _EXPECTED, "predicted")):
        require_columns(table, names, f"generation shares, {what}")
    panels = unique_texts(measured["panel"])[:MOST_PANELS]
    last = int(max(measured["generation"].max(), predicted["generation"].max()))
    with drawing_style():
        figure, axes = new_panels(len(panels), columns=3, height_in=2.0)
        for number, (panel, one) in enumerate(zip(panels, axes, strict=True)):
            own, expected = (t.where(t["panel"] == panel) for t in (measured, predicted))
            _draw(one, own, expected, last)
            one.set_title(panel, fontsize=8.5)
            one.set_ylabel("cells (%)" if number % 3 == 0 else "")
            one.set_xlabel("generation")
        add_legend(figure, [labelled_lines(axes)], most_columns=3)
        svg = to_svg(figure)
    rows = [{"kind": "measured", **row} for row in measured.rows()]
    rows += [{"kind": "predicted", **row} for row in predicted.rows()]
    alt = f"Per cent of the cells in each generation of {in_words(panels)}: measured as bars, predicted as points."
    return Drawing(svg, alt, Table.from_rows(rows, ("kind", *_MEASURED)))


def _draw(axes: Axes, own: Table, expected: Table, last: int) -> None:
    axes.bar(own["generation"], own["percent"], width=0.8, color=_BARS, label="measured", zorder=2)
    known = np.isfinite(own["lower"]) & np.isfinite(own["upper"])
    if known.any():
        x, y = own["generation"][known], own["percent"][known]
        # an interval is drawn from its ends: it need not hold the mean of the wells
        below, above = np.maximum(y - own["lower"][known], 0.0), np.maximum(own["upper"][known] - y, 0.0)
        axes.errorbar(x, y, yerr=[below, above], fmt="none", ecolor=_INK, elinewidth=0.9, zorder=3)
    axes.plot(
        expected["generation"], expected["percent"], color=_PREDICTED, marker="o", markersize=3.5, linewidth=1.2,
        label="predicted", zorder=4,
    )  # fmt: skip
    axes.set_xticks(range(last + 1))
    axes.set_xlim(-0.6, last + 0.6)
    axes.set_ylim(bottom=0)
    axes.grid(False, axis="x")
