"""Rankograms: a panel for each treatment with the probability of every rank, and of that rank or a better one."""

from __future__ import annotations

import textwrap

import numpy as np

from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, drawing_style, new_panels, require_columns, to_svg, unique_texts

__all__ = ["draw_rankogram"]

_BAR, _CURVE = "#9fb3c4", "#12324f"


def draw_rankogram(data: Table) -> Drawing:
    """Draw the ranks of up to about a dozen treatments.

    Parameters
    ----------
    data : Table
        ``treatment, rank, probability`` (0 to 1), all ranks of each treatment in order.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, or the table is empty.
    """
    require_columns(data, ("treatment", "rank", "probability"), "rankogram")
    names = unique_texts(data["treatment"])
    best = []
    with drawing_style():
        figure, panels = new_panels(len(names), columns=4 if len(names) > 6 else 3, height_in=1.45)
        for at, (axes, name) in enumerate(zip(panels, names, strict=True)):
            mask = np.array([str(cell) == name for cell in data["treatment"]])
            ranks, shares = data["rank"][mask], data["probability"][mask]
            axes.bar(ranks, shares, color=_BAR, width=0.8)
            axes.plot(ranks, np.cumsum(shares), color=_CURVE, linewidth=1.3, marker="o", markersize=2.5)
            axes.set_ylim(0, 1.03)
            axes.set_xlim(0.4, len(ranks) + 0.6)
            axes.set_xticks(ranks if len(ranks) <= 6 else ranks[::2])
            lines = textwrap.wrap(name, 26, max_lines=2, placeholder="\N{HORIZONTAL ELLIPSIS}")
            axes.set_title("\n".join(lines), fontsize=8)
            across = 4 if len(names) > 6 else 3
            if at % across == 0:
                axes.set_ylabel("Probability")
            if at + across >= len(names):
                axes.set_xlabel("Rank (1 is best)")
            best.append(f"{name} {shares[0]:.2f}")
        svg = to_svg(figure)
    return Drawing(svg, f"Rankogram of {len(names)} treatments. Probability of rank 1: {', '.join(best)}.", data)
