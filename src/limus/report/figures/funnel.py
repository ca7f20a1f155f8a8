"""Funnel plots: effect against standard error, with regions of significance and the studies that would be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, add_legend, drawing_style, new_panels, require_columns, to_svg
from limus.report.figures.effect_axis import effect_limits, format_effect_axis
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_funnel"]

_CONTOURS = (
    (1.644854, "#eef2f6", "p > 0.10"),
    (1.959964, "#d3dde7", "p 0.05\N{EN DASH}0.10"),
    (2.575829, "#b3c4d4", "p 0.01\N{EN DASH}0.05"),
)
_BEYOND = ("#ffffff", "p < 0.01")
_POOLED, _STUDY, _FILLED, _LINE = "#12324f", "#33658a", "#d55e00", "#d55e00"
_KINDS = ("study", "filled")


def draw_funnel(
    data: Table,
    *,
    pooled: float,
    filled: float | None = None,
    regression: tuple[float, float] | None = None,
    axis: str,
    log: bool,
) -> Drawing:
    """Draw a contour-enhanced funnel plot.

    Parameters
    ----------
    data : Table
        ``label, kind, effect, standard_error``; kind ``study`` or ``filled``; effects on the scale of pooling.
    pooled : float
        Pooled effect, on the scale of pooling.
    filled : float, optional
        Pooled effect with the filled studies.
    regression : tuple of two floats, optional
        Effect at standard error 0, and its change with the standard error (Egger's line).
    axis : str
        Name of the effect.
    log : bool
        Whether effects are logarithms of what is shown.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, the table is empty, a kind is unknown, or a standard error is not positive.
    """
    require_columns(data, ("label", "kind", "effect", "standard_error"), "funnel plot")
    for kind in data["kind"]:
        if kind not in _KINDS:
            raise ValueRangeError("funnel plot, kind", kind, ", ".join(_KINDS), "use one of these words")
    if not (data["standard_error"] > 0).all():
        worst = float(data["standard_error"].min())
        raise ValueRangeError("funnel plot, standard error", worst, "above zero", "leave the study out")
    largest = 1.06 * float(data["standard_error"].max())
    shown = np.exp if log else np.asarray
    with drawing_style():
        figure, (axes,) = new_panels(1, width_in=6.4, height_in=3.9)
        _set_axes(axes, data, largest, pooled, log)
        _draw_contours(axes, largest, shown)
        at = np.array([0.0, largest])
        axes.plot(shown([pooled, pooled]), at, color=_POOLED, linewidth=1.1, label="pooled effect")
        for sign in (-1, 1):
            edge = shown(pooled + sign * 1.959964 * at)
            label = "\N{PLUS-MINUS SIGN} 1.96 se" if sign < 0 else None
            axes.plot(edge, at, color=_POOLED, linewidth=0.9, linestyle=(0, (4, 2)), label=label)
        if regression is not None:
            axes.plot(shown(regression[0] + regression[1] * at), at, color=_LINE, linewidth=1.1, label="Egger's line")
        if filled is not None:
            style: dict[str, Any] = {"color": _FILLED, "linewidth": 1.1, "linestyle": (0, (1, 1.5))}
            axes.plot(shown([filled, filled]), at, label="pooled, filled", **style)
        _draw_studies(axes, data, shown)
        axes.set_xlabel(axis)
        axes.set_ylabel("Standard error")
        _add_legends(figure, axes)
        svg = to_svg(figure)
    return Drawing(svg, _describe(data, pooled, log), data)


def _set_axes(axes: Axes, data: Table, largest: float, pooled: float, log: bool) -> None:
    shown = np.exp if log else np.asarray
    reach = 1.959964 * largest
    ends = [pooled - reach, pooled + reach]
    points = shown(data["effect"]).tolist()
    low, high = effect_limits(
        [*points, float(shown(pooled))], *([float(shown(x))] for x in ends), null=float(shown(0)), log=log
    )
    format_effect_axis(axes, (low, high), log=log)
    axes.set_ylim(largest, 0)
    axes.grid(False)


def _draw_contours(axes: Axes, largest: float, shown: Any) -> None:
    low, high = axes.get_xlim()
    axes.set_facecolor(_BEYOND[0])
    at = np.array([0.0, largest])
    for z, colour, label in reversed(_CONTOURS):
        left, right = shown(-z * at), shown(z * at)
        axes.fill_betweenx(at, left, right, facecolor=colour, linewidth=0, zorder=0, label=label)
    axes.set_xlim(low, high)
    axes.plot(shown([0, 0]), at, color="#6b7480", linewidth=0.7, zorder=1)


def _draw_studies(axes: Axes, data: Table, shown: Any) -> None:
    common: dict[str, Any] = {"linestyle": "", "marker": "o", "ms": 5, "mew": 0.9, "zorder": 4, "clip_on": False}
    styles = {"study": {"mfc": _STUDY, "mec": "white"}, "filled": {"mfc": "white", "mec": _FILLED}}
    for kind, style in styles.items():
        rows = data.where(data["kind"] == kind)
        if len(rows):
            label = "study" if kind == "study" else "filled study"
            axes.plot(shown(rows["effect"]), rows["standard_error"], label=label, **(common | style))


def _add_legends(figure: Any, axes: Axes) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415

    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    regions = [label for _, _, label in _CONTOURS]
    lines = {label: handle for label, handle in handles.items() if label not in regions}
    patches: dict[str, Any] = {
        label: Patch(facecolor=c, edgecolor="#9aa5b1", linewidth=0.4) for _, c, label in _CONTOURS
    }
    patches[_BEYOND[1]] = Patch(facecolor=_BEYOND[0], edgecolor="#9aa5b1", linewidth=0.4)
    add_legend(figure, [lines, patches], most_columns=4)


def _describe(data: Table, pooled: float, log: bool) -> str:
    shown = np.exp if log else np.asarray
    studies, filled = (int((data["kind"] == kind).sum()) for kind in _KINDS)
    said = f"Funnel plot of {studies} studies, pooled effect {format_number(float(shown(pooled)))}."
    left = int((data["effect"][data["kind"] == "study"] < pooled).sum())
    said += f" {left} studies lie below the pooled effect and {studies - left} above it."
    return said + (f" {filled} filled studies." if filled else "")
