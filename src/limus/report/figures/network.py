"""Network plots: treatments on a circle, a line for every comparison that studies make, as wide as it has studies.

The table of the figure holds nodes and lines: ``kind`` (``node`` or ``line``), ``label`` (the treatment, or one end),
``other`` (the other end), ``studies``, and ``participants`` (of a node; NaN where unknown, then its size says studies).
"""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, drawing_style, new_panels, require_columns, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_network"]

_NODE, _LINE, _INK = "#33658a", "#9fb3c4", "#1b1f24"
_MOST_COUNTED = 20  # lines whose number of studies is written
_LONGEST_LINE = 18
_OUTSIDE = 1.16


def draw_network(data: Table) -> Drawing:
    """Draw a network.

    Parameters
    ----------
    data : Table
        As the module says.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, or there are fewer than two nodes.
    """
    require_columns(data, ("kind", "label", "other", "studies", "participants"), "network plot")
    nodes = [row for row in data.rows() if row["kind"] == "node"]
    lines = [row for row in data.rows() if row["kind"] == "line"]
    if len(nodes) < 2:
        raise ValueRangeError("network plot", f"{len(nodes)} nodes", "two or more", "leave the figure out")
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(nodes)) / len(nodes)
    if len(nodes) == 2:
        angles = np.array([np.pi, 0.0])
    places = {row["label"]: (math.cos(a), math.sin(a)) for row, a in zip(nodes, angles, strict=True)}
    crowded = len(nodes) > 30
    with drawing_style():
        height = 2.2 if len(nodes) == 2 else 6.8 if crowded else 4.6
        _, (axes,) = new_panels(1, width_in=7.2 if not crowded else 6.8, height_in=height)
        figure = axes.figure
        axes.set_axis_off()
        axes.set_aspect("equal")
        most = max((row["studies"] for row in lines), default=1.0)
        for row in lines:
            _draw_line(axes, row, places, most, counted=len(lines) <= _MOST_COUNTED)
        sizes = _sizes(nodes)
        for row, size, angle in zip(nodes, sizes, angles, strict=True):
            _draw_node(axes, row["label"], places[row["label"]], size, float(angle), small=crowded)
        wide = 1.9 if not crowded else 1.45
        axes.set_xlim(-wide, wide)
        axes.set_ylim(*((-0.45, 0.45) if len(nodes) == 2 else (-1.4, 1.4)))
        svg = to_svg(figure)  # type: ignore[arg-type]
    busiest = max(lines, key=lambda row: row["studies"]) if lines else None
    said = f"Network of {len(nodes)} treatments with {len(lines)} direct comparisons."
    if busiest is not None:
        said += f" Most studies, {busiest['studies']:.0f}: {busiest['label']} against {busiest['other']}."
    return Drawing(svg, said, data)


def _sizes(nodes: list[dict[str, Any]]) -> list[float]:
    people = [row["participants"] for row in nodes]
    counts = [row["studies"] for row in nodes] if any(map(math.isnan, people)) else people
    most = max(*counts, 1e-9)
    largest, smallest = (26.0, 7.0) if len(nodes) <= 30 else (10.0, 4.0)
    return [smallest + (largest - smallest) * math.sqrt(count / most) for count in counts]


def _draw_line(
    axes: Axes, row: dict[str, Any], places: dict[str, tuple[float, float]], most: float, *, counted: bool
) -> None:
    (x_1, y_1), (x_2, y_2) = places[row["label"]], places[row["other"]]
    width = 1.0 + 7.0 * math.sqrt(row["studies"] / most) if counted else 0.4 + 2.5 * row["studies"] / most
    axes.plot([x_1, x_2], [y_1, y_2], color=_LINE, linewidth=width, solid_capstyle="butt", zorder=1)
    if counted:
        at = 0.5 if math.hypot(x_1 + x_2, y_1 + y_2) > 0.2 else 0.36  # lines through the middle cross there
        axes.text(
            x_1 + at * (x_2 - x_1),
            y_1 + at * (y_2 - y_1),
            f"{row['studies']:.0f}",
            ha="center",
            va="center",
            fontsize=7.5,
            color=_INK,
            zorder=2,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"},
        )


def _draw_node(axes: Axes, label: str, place: tuple[float, float], size: float, angle: float, *, small: bool) -> None:
    x, y = place
    axes.plot([x], [y], "o", markersize=size, color=_NODE, markeredgecolor="white", markeredgewidth=1.0, zorder=3)
    if small:
        turn = math.degrees(angle) % 360
        flipped = 90 < turn < 270
        axes.text(
            1.05 * x,
            1.05 * y,
            label,
            fontsize=5.5,
            ha="right" if flipped else "left",
            va="center",
            rotation=turn - 180 if flipped else turn,
            rotation_mode="anchor",
        )
        return
    side = "center" if abs(x) < 0.15 else "left" if x > 0 else "right"
    up = "center" if abs(y) < 0.6 else "bottom" if y > 0 else "top"
    name = "\n".join(textwrap.wrap(label, _LONGEST_LINE))
    axes.text(_OUTSIDE * x, _OUTSIDE * y, name, ha=side, va=up, fontsize=8, zorder=4)
