"""Heat maps of shares: rows and columns with names, a colour and, where there is room, a number for each cell."""

from __future__ import annotations

import math

import numpy as np

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, drawing_style, new_panels, require_columns, to_svg, unique_texts

__all__ = ["draw_heat_map"]

_MOST_WRITTEN = 18  # columns whose cells have numbers
_DARK = 55.0  # percent from which the number is white


def draw_heat_map(data: Table, *, row_title: str, column_title: str, what: str) -> Drawing:
    """Draw percentages by row and column.

    Parameters
    ----------
    data : Table
        ``row, column, percent``: every row with every column, in the order of drawing.
    row_title, column_title : str
        What rows and columns are.
    what : str
        What a cell says, for the bar of colours.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column of the table is missing, it is empty, or a cell is not there once.
    """
    from matplotlib import colormaps  # noqa: PLC0415

    require_columns(data, ("row", "column", "percent"), "heat map")
    rows, columns = unique_texts(data["row"]), unique_texts(data["column"])
    if len(data) != len(rows) * len(columns):
        raise ValueRangeError("heat map", f"{len(data)} cells", f"{len(rows)} x {len(columns)}", "give each cell once")
    values = np.full((len(rows), len(columns)), np.nan)
    for cell in data.rows():
        values[rows.index(cell["row"]), columns.index(cell["column"])] = cell["percent"]
    longest = max(len(name) for name in columns)
    with drawing_style():
        foot = 0.055 * longest + 0.5 if longest > 3 else 0.5
        height = min(max(0.2 * len(rows), 1.0), 7.0) + foot
        _, (axes,) = new_panels(1, height_in=height)
        figure = axes.figure
        # cells as paths and few colours: a picture inside an SVG is refused
        image = axes.pcolormesh(values, cmap=colormaps["Blues"].resampled(20), vmin=0, vmax=100)
        axes.invert_yaxis()
        size = 7.0 if max(len(rows), len(columns)) <= 25 else max(3.0, 175.0 / max(len(rows), len(columns)))
        turned = longest > 3
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=90 if turned else 0, fontsize=size)
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=size)
        axes.tick_params(length=0)
        axes.grid(False)
        axes.set_xlabel(column_title)
        axes.set_ylabel(row_title)
        for spine in axes.spines.values():
            spine.set_visible(False)
        if len(columns) <= _MOST_WRITTEN:
            for at, line in enumerate(values):
                for to, value in enumerate(line):
                    if not math.isnan(value) and value >= 0.5:
                        ink = "white" if value > _DARK else "#1b1f24"
                        axes.text(
                            to + 0.5, at + 0.5, f"{value:.0f}", ha="center", va="center", fontsize=size - 0.5, color=ink
                        )
        bar = figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02)
        bar.set_label(f"{what}, %")
        bar.outline.set_visible(False)
        svg = to_svg(figure)  # type: ignore[arg-type]
    top = np.unravel_index(int(np.nanargmax(values)), values.shape)
    said = (
        f"Heat map of {len(rows)} rows and {len(columns)} columns: {what}. Largest: {rows[top[0]]}, {columns[top[1]]}, "
    )
    return Drawing(svg, said + f"{values[top]:.0f} %.", data)
