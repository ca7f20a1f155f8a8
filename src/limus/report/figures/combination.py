"""Two drugs together: inhibition over both concentrations, and the isobologram at half inhibition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, add_legend, drawing_style, new_panels, require_columns, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_combination"]

_COLUMNS = ("first_nM", "second_nM", "inhibition_percent", "loewe_percent", "bliss_percent")
_LEVELS = (10.0, 25.0, 50.0, 75.0, 90.0)
_STYLES = {
    "inhibition_percent": ("model", "#0072B2", "-"),
    "loewe_percent": ("Loewe additivity", "#D55E00", "--"),
    "bliss_percent": ("Bliss independence", "#009E73", ":"),
}


def draw_combination(data: Table, *, first: str, second: str, what: str) -> Drawing:
    """Draw a surface of two drugs and the lines of half inhibition.

    Parameters
    ----------
    data : Table
        ``first_nM, second_nM, inhibition_percent, loewe_percent, bliss_percent``: every pair of concentrations once,
        zero among them.
    first, second : str
        The drugs.
    what : str
        What is inhibited.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, or a pair is not there once.
    """
    require_columns(data, _COLUMNS, "combination")
    one, two = (np.unique(data[name]) for name in _COLUMNS[:2])
    if len(data) != len(one) * len(two):
        raise ValueRangeError("combination", f"{len(data)} pairs", f"{len(one)} x {len(two)}", "give each pair once")
    order = np.lexsort((data["second_nM"], data["first_nM"]))
    surfaces = {name: np.asarray(data[name])[order].reshape(len(one), len(two)) for name in _COLUMNS[2:]}
    with drawing_style():
        figure, (surface, isoboles) = new_panels(2, columns=2, height_in=3.3)
        _draw_surface(surface, one, two, surfaces["inhibition_percent"])
        surface.set_xlabel(f"{first}, nM")
        surface.set_ylabel(f"{second}, nM")
        surface.set_title(f"Inhibition of {what}, %")
        drawn = [_draw_isobole(isoboles, one, two, surfaces[name], *_STYLES[name]) for name in _COLUMNS[2:]]
        isoboles.set_xlabel(f"{first}, nM")
        isoboles.set_ylabel(f"{second}, nM")
        isoboles.set_title("Isobologram at 50 % inhibition")
        if any(drawn):
            isoboles.set_xlim(left=0)
            isoboles.set_ylim(bottom=0)
        else:
            isoboles.text(0.5, 0.5, "50 % is not reached", transform=isoboles.transAxes, ha="center")
        handles, labels = isoboles.get_legend_handles_labels()
        add_legend(figure, [dict(zip(labels, handles, strict=True))], most_columns=3)
        svg = to_svg(figure)
    largest = float(np.nanmax(surfaces["inhibition_percent"])) if np.isfinite(surfaces["bliss_percent"]).any() else 0.0
    alt = (
        f"Left: inhibition of {what} over concentrations of {first} and {second}, largest {largest:.0f} %. Right: "
        "pairs of concentrations with half inhibition by the model, by Loewe additivity and by Bliss independence."
    )
    return Drawing(svg, alt, data)


def _steps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positions on an axis of equal steps: zero takes the first."""
    return np.arange(len(values), dtype=np.float64)


def _draw_surface(
    axes: Axes, one: NDArray[np.float64], two: NDArray[np.float64], inhibition: NDArray[np.float64]
) -> None:
    from matplotlib import colormaps  # noqa: PLC0415

    x, y = _steps(one), _steps(two)
    image = axes.pcolormesh(
        np.append(x, len(x)) - 0.5,
        np.append(y, len(y)) - 0.5,
        inhibition.T,
        cmap=colormaps["Blues"].resampled(20),
        vmin=0,
        vmax=100,
    )
    if np.isfinite(inhibition).all() and np.ptp(inhibition) > _LEVELS[0]:
        lines = axes.contour(x, y, inhibition.T, levels=_LEVELS, colors="#1b1f24", linewidths=0.7)
        axes.clabel(lines, fmt="%.0f", fontsize=6.5)
    axes.set_xticks(x[:: max(1, len(x) // 6)], [f"{v:.2g}" for v in one[:: max(1, len(x) // 6)]])
    axes.set_yticks(y[:: max(1, len(y) // 6)], [f"{v:.2g}" for v in two[:: max(1, len(y) // 6)]])
    axes.grid(False)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
    bar.outline.set_visible(False)


def _draw_isobole(
    axes: Axes,
    one: NDArray[np.float64],
    two: NDArray[np.float64],
    surface: NDArray[np.float64],
    label: str,
    colour: str,
    style: str,
) -> bool:
    """The line of half inhibition: for each concentration of the first drug, the second's that reaches it."""
    x, y = [], []
    for dose, row in zip(one, surface, strict=True):
        above = np.flatnonzero(row >= 50.0)
        if not np.isfinite(row).all() or len(above) == 0:
            continue
        at = int(above[0])
        if at == 0:
            x.append(_where_alone(one, surface[:, 0]))
            y.append(0.0)
            break
        share = (50.0 - row[at - 1]) / (row[at] - row[at - 1])
        x.append(float(dose))
        y.append(float(two[at - 1] + share * (two[at] - two[at - 1])))
    if len(x) < 2:
        return False
    axes.plot(x, y, color=colour, linestyle=style, label=label)
    return True


def _where_alone(doses: NDArray[np.float64], effects: NDArray[np.float64]) -> float:
    at = int(np.flatnonzero(effects >= 50.0)[0])
    share = (50.0 - effects[at - 1]) / (effects[at] - effects[at - 1])
    return float(doses[at - 1] + share * (doses[at] - doses[at - 1]))
