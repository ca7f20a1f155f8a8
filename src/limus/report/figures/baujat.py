"""Baujat plots: which studies make the heterogeneity, and which of them move the pooled effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, drawing_style, in_words, new_panels, require_columns, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_baujat"]

_MOST_NAMED = 6
_STUDY = "#33658a"


def draw_baujat(data: Table) -> Drawing:
    """Draw each study by its part of Cochran's Q and by its pull on the pooled effect.

    Parameters
    ----------
    data : Table
        ``label, q_contribution, shift``; the shift is squared, in standard errors.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, or the table is empty.
    """
    require_columns(data, ("label", "q_contribution", "shift"), "Baujat plot")
    x, y = data["q_contribution"], data["shift"]
    reach = np.hypot(x / max(float(x.max()), 1e-300), y / max(float(y.max()), 1e-300))
    named = np.argsort(-reach, kind="stable")[:_MOST_NAMED]
    with drawing_style():
        figure, (axes,) = new_panels(1, width_in=5.6, height_in=3.4)
        axes.plot(x, y, "o", color=_STUDY, ms=5, mec="white", mew=0.8, clip_on=False)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.08, y=0.12)
        axes.set_xlabel("Contribution to Cochran's Q")
        axes.set_ylabel("Squared shift of the pooled effect\nwithout the study, in standard errors")
        _name_points(figure, axes, data, named)
        svg = to_svg(figure)
    most = in_words([str(data["label"][at]) for at in named[:3]])
    said = f"Baujat plot of {len(data)} studies. Furthest out: {most}."
    return Drawing(svg, said, data)


def _name_points(figure: Figure, axes: Axes, data: Table, named: NDArray[np.intp]) -> None:
    """Write the names of the outermost studies, as far as they do not cover one another."""
    renderer: Any = figure.canvas
    renderer = renderer.get_renderer()
    figure.draw_without_rendering()
    middle = float(data["q_contribution"].max()) / 2
    taken: list[Any] = []
    for at in named:
        x, y = float(data["q_contribution"][at]), float(data["shift"][at])
        offset, side = ((-6, 0), "right") if x > middle else ((6, 0), "left")
        text = axes.annotate(
            str(data["label"][at]),
            (x, y),
            xytext=offset,
            textcoords="offset points",
            fontsize=7.5,
            ha=side,
            va="center",
        )
        box = text.get_window_extent(renderer).expanded(1.02, 1.1)
        if any(box.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(box)
