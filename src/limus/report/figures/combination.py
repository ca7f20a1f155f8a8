"""Two drugs together: inhibition over both concentrations, and the isobologram at half inhibition."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, add_legend, drawing_style, new_panels, require_columns, to_svg
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_combination"]

_COLUMNS = ("first_nM", "second_nM", "inhibition_percent", "loewe_percent", "bliss_percent")
_LEVELS = (10.0, 25.0, 50.0, 75.0, 90.0)
_HALF = 50.0
_MOST_TICKS = 6
_FINE = 300  # doses of each drug along an isobole
_MARGIN = 1.05
_EDGE = 1e-3
_GREY = "#4d5661"
_STYLES = {
    "inhibition_percent": ("model", "#0072B2", "-"),
    "loewe_percent": ("Loewe additivity", "#D55E00", "--"),
    "bliss_percent": ("Bliss independence", "#009E73", ":"),
}


def draw_combination(data: Table, *, first: str, second: str, what: str, said: str = "") -> Drawing:
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
    said : str
        Over both panels: culture, model, seed.

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
        drawn = _draw_isoboles(isoboles, one, two, surfaces)
        isoboles.set_xlabel(f"{first}, nM")
        isoboles.set_ylabel(f"{second}, nM")
        isoboles.set_title("Isobologram at 50 % inhibition")
        if said:
            figure.suptitle(said, fontsize=7.5, color=_GREY, x=0.01, ha="left")
        handles, labels = isoboles.get_legend_handles_labels()
        add_legend(figure, [dict(zip(labels, handles, strict=True))], most_columns=3)
        svg = to_svg(figure)
    largest = float(np.nanmax(surfaces["inhibition_percent"])) if np.isfinite(surfaces["bliss_percent"]).any() else 0.0
    alt = (
        f"Left: inhibition of {what} over concentrations of {first} and {second}, largest {largest:.0f} %. Right: "
        + (f"pairs of concentrations with half inhibition by {', '.join(drawn)}." if drawn else "half is not reached.")
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
    for axis, places, doses in ((axes.xaxis, x, one), (axes.yaxis, y, two)):
        every = math.ceil(len(places) / _MOST_TICKS)
        axis.set_ticks(places[::every], [format_number(dose, 2) for dose in doses[::every]])
    axes.grid(False)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
    bar.outline.set_visible(False)


def _draw_isoboles(
    axes: Axes, one: NDArray[np.float64], two: NDArray[np.float64], surfaces: dict[str, NDArray[np.float64]]
) -> list[str]:
    """Lines of half inhibition over linear doses, where additivity is straight; the model's line decides the limits."""
    reach: list[NDArray[np.float64]] = []
    drawn: list[str] = []
    alone = _half_alone(one, two, surfaces["inhibition_percent"])
    for name, (label, colour, style) in _STYLES.items():
        if not np.isfinite(surfaces[name]).all() or not np.ptp(np.sign(surfaces[name] - _HALF)) > 0:
            continue
        if name == "loewe_percent" and all(map(math.isfinite, alone)):
            axes.plot([alone[0], 0.0], [0.0, alone[1]], color=colour, linestyle=style, label=label)  # by definition
        else:
            x, y, z = _refined(one, two, surfaces[name])
            lines = axes.contour(x, y, z.T, levels=[0.0], colors=colour, linestyles=style, linewidths=1.6)
            axes.plot([], [], color=colour, linestyle=style, label=label)
            reach = reach or [line for line in lines.allsegs[0] if len(line) > 1]
        drawn.append(label)
    if not reach:
        axes.text(0.5, 0.5, "50 % is not reached", transform=axes.transAxes, ha="center")
        return drawn
    right, top = np.concatenate(reach).max(axis=0)
    axes.set_xlim(0.0, _MARGIN * (right or one[-1]))
    axes.set_ylim(0.0, _MARGIN * (top or two[-1]))
    return drawn


def _half_alone(
    one: NDArray[np.float64], two: NDArray[np.float64], surface: NDArray[np.float64]
) -> tuple[float, float]:
    """Dose of each drug alone with half inhibition; NaN where it is not reached."""
    if not np.isfinite(surface).all():
        return math.nan, math.nan
    x, y, z = _refined(one, two, surface)
    crossings = []
    for doses, edge in ((x, z[:, 0]), (y, z[0, :])):
        above = np.flatnonzero(edge >= 0.0)
        at = int(above[0]) if len(above) else 0
        share = -edge[at - 1] / (edge[at] - edge[at - 1]) if at else math.nan
        crossings.append(float(doses[at - 1] + share * (doses[at] - doses[at - 1])))
    return crossings[0], crossings[1]


def _refined(
    one: NDArray[np.float64], two: NDArray[np.float64], surface: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Logit of a surface with many doses, by monotone interpolation over log(1 + dose/lowest dose)."""
    from scipy.interpolate import PchipInterpolator  # noqa: PLC0415

    share = np.clip(surface / 100.0, _EDGE, 1.0 - _EDGE)
    surface, fine = np.log(share / (1.0 - share)), []
    for axis, doses in enumerate((one, two)):
        t = np.log1p(doses / doses[1])
        between = np.linspace(0.0, t[-1], _FINE)
        surface = PchipInterpolator(t, surface, axis=axis)(between)
        fine.append(doses[1] * np.expm1(between))
    return fine[0], fine[1], surface
