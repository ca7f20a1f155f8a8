"""Baujat plots: which studies make the heterogeneity, and which of them move the pooled effect."""

from __future__ import annotations

import numpy as np

from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, drawing_style, in_words, new_panels, require_columns, to_svg

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
        middle = float(x.max()) / 2
        for at in named:
            left = x[at] > middle
            offset, side = ((-6, 4), "right") if left else ((6, 4), "left")
            axes.annotate(
                str(data["label"][at]), (x[at], y[at]), xytext=offset, textcoords="offset points", fontsize=7.5, ha=side
            )
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.08, y=0.12)
        axes.set_xlabel("Contribution to Cochran's Q")
        axes.set_ylabel("Squared shift of the pooled effect\nwithout the study, in standard errors")
        svg = to_svg(figure)
    most = in_words([str(data["label"][at]) for at in named[:3]])
    said = f"Baujat plot of {len(data)} studies. Furthest out: {most}."
    return Drawing(svg, said, data)
