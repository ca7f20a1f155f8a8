"""Profile likelihoods: a panel for each constant, with the prior and by the observations alone."""

from __future__ import annotations

from typing import Any

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
    require_positive,
    to_svg,
    unique_texts,
)
from limus.report.numbers import format_number

__all__ = ["draw_profiles"]

_CURVES = (
    ("rise_with_prior", "with the prior", "#1F5FA8", "-"),
    ("rise_without_prior", "observations alone", "#C4501B", "--"),
)
_HIGHEST = 10.0


def draw_profiles(data: Table, *, limit: float) -> Drawing:
    """Draw profiles of constants.

    Parameters
    ----------
    data : Table
        ``parameter, label, value, rise_with_prior, rise_without_prior, fit``: each parameter's points together, in
        increasing order of ``value``; ``fit`` is the fitted value.
    limit : float
        Rise at which the 95 % interval ends.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, the table is empty, or a value is not positive.
    """
    require_columns(
        data, ("parameter", "label", "value", "rise_with_prior", "rise_without_prior", "fit"), "profile figure"
    )
    require_positive(data["value"], "profile figure, value")
    names = unique_texts(data["parameter"])
    open_ones = []
    with drawing_style():
        figure, panels = new_panels(len(names), height_in=1.9)
        for axes, name in zip(panels, names, strict=True):
            rows = data["parameter"] == name
            value = data["value"][rows]
            for column, label, colour, dashes in _CURVES:
                axes.plot(value, data[column][rows], dashes, marker="o", ms=3, color=colour, label=label)
            axes.axhline(limit, color="#444444", linewidth=0.8, linestyle=":", label="95 %")
            axes.axvline(float(data["fit"][rows][0]), color="#9aa3ad", linewidth=0.8, label="fit")
            axes.set_ylim(-0.4, _HIGHEST)
            axes.set_xscale("log")
            _label_ones_and_threes(axes.xaxis)
            axes.set_title(name.replace("_", " ").replace(".", ",\n"), fontsize=7.5)
            axes.set_xlabel(str(data["label"][rows][0]).replace("*h**-1", "/h"), fontsize=7.5)
            alone = data["rise_without_prior"][rows]
            least = int(np.argmin(alone))
            if alone[: least + 1].max() < limit or alone[least:].max() < limit:
                open_ones.append(name)
        for axes in panels[::3]:
            axes.set_ylabel("Rise")
        add_legend(figure, [labelled_lines(panels)], most_columns=4)
        svg = to_svg(figure)
    said = f"Profile likelihoods of {len(names)} constants, with the prior and by the observations alone. "
    ends = in_words(open_ones) if open_ones else "none"
    return Drawing(svg, f"{said}Left open on a side by the observations alone: {ends}.", data)


def _label_ones_and_threes(axis: Any) -> None:
    """Label a logarithmic axis of a decade or two with 1, 3, 10, ..."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    axis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value) if value > 0 else ""))
    axis.set_minor_formatter(NullFormatter())
