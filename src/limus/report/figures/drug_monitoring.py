"""Drug monitoring: a patient's levels beside what models say, the forecast with bands, the chance of each dose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limus.kernel.tables import Table
from limus.report.figures.base import (
    Drawing,
    add_legend,
    drawing_style,
    labelled_lines,
    new_panels,
    require_columns,
    to_svg,
    unique_texts,
)
from limus.report.figures.drug_styles import drug_style
from limus.report.numbers import format_number, format_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_dose_chances", "draw_forecast_errors", "draw_monitoring"]

_INK = "#1b2733"
_GREY = "#6b7580"
_RANGE = "#9aa3ad"
_MOST_LABELS = 9
_SHORT_H = 72.0  # of a course whose levels are named by hours
_BESIDE = 0.12  # of the room of a level: measured to the left, models to the right


def draw_monitoring(
    data: Table, *, drug: str, unit: str, target: tuple[float, float] | None = None, range_name: str = "target range"
) -> Drawing:
    """Draw the levels of one patient, and the forecast.

    Parameters
    ----------
    data : Table
        ``part`` (``level`` or ``course``), ``kind`` (``used``, ``hidden``, ``below``, ``left_out`` or ``course``),
        ``time_h`` (since the first row; of a course, since the next dose), ``observed``, ``predicted``, ``population``,
        and ``lower, upper`` of the level in blood, ``measured_lower, measured_upper`` with residual error.
    drug, unit : str
    target : (float, float), optional
        Range of levels.
    range_name : str

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    bands = ("lower", "upper", "measured_lower", "measured_upper")
    require_columns(
        data, ("part", "kind", "time_h", "observed", "predicted", "population", *bands), "monitoring figure"
    )
    levels, course = (data.where(data["part"] == part) for part in ("level", "course"))
    parts = [part for part in (levels, course) if len(part)]
    name = f"{drug[0].upper()}{drug[1:]} ({unit})"
    with drawing_style():
        figure, panels = new_panels(len(parts), columns=2, height_in=3.1)
        for axes, part in zip(panels, parts, strict=True):
            if target is not None:
                axes.axhspan(*target, color=_RANGE, alpha=0.22, linewidth=0, label=range_name, zorder=0)
            if part is course:
                _course(axes, part, drug)
            else:
                _levels(axes, part, drug)
            axes.set_ylabel(name)
            axes.set_ylim(bottom=0)
        if len(panels) > 1:
            top = max(axes.get_ylim()[1] for axes in panels)
            for axes in panels:
                axes.set_ylim(0, top)
        add_legend(figure, [labelled_lines(panels)], most_columns=3)
        svg = to_svg(figure)
    known = levels.where(np.isfinite(levels["observed"])) if len(levels) else levels
    said = f"{len(known)} levels of {drug}" if len(known) else f"No level of {drug}"
    if len(course):
        low, high = float(course["measured_lower"].min()), float(course["measured_upper"].max())
        said += f"; forecast from {format_quantity(low, unit)} to {format_quantity(high, unit)}"
    return Drawing(svg, f"{said}.", data)


def _levels(axes: Axes, rows: Table, drug: str) -> None:
    style = drug_style(drug)
    place = np.arange(len(rows))
    known = np.isfinite(rows["measured_lower"])
    axes.errorbar(
        place[known] + _BESIDE,
        rows["predicted"][known],
        yerr=np.maximum(
            [
                (rows["predicted"] - rows["measured_lower"])[known],
                (rows["measured_upper"] - rows["predicted"])[known],
            ],
            0.0,
        ),
        fmt="s",
        markersize=4.5,
        color=style.colour,
        elinewidth=1.4,
        capsize=2.5,
        label="by the models, with 90 % band",
        zorder=2,
    )
    axes.plot(
        place,
        rows["population"],
        linestyle="none",
        marker="_",
        markersize=11,
        color=_GREY,
        label="population",
        zorder=2,
    )
    highest = _highest(rows)
    for kind, label, marker, face in (
        ("used", "measured, used", "o", "white"),
        ("hidden", "measured, to be forecast", "D", "#F0E442"),
        ("below", "below the limit", "v", "white"),
        ("left_out", "measured, left out (at the top: beyond)", "x", "none"),
    ):
        chosen = rows["kind"] == kind
        if not chosen.any():
            continue
        axes.plot(
            place[chosen] - _BESIDE,
            np.minimum(rows["observed"][chosen], highest) if kind == "left_out" else rows["observed"][chosen],
            linestyle="none",
            marker=marker,
            markersize=5,
            markerfacecolor=face,
            markeredgecolor=_INK,
            label=label,
            zorder=4,
        )
    step = max(1, -(-len(rows) // _MOST_LABELS))
    short = float(rows["time_h"].max()) < _SHORT_H
    axes.set_xticks(place[::step], [format_number(time / (1.0 if short else 24.0)) for time in rows["time_h"][::step]])
    axes.set_xlabel(f"{'Hour' if short else 'Day'} of each level (not to scale)")
    axes.set_title("Levels so far")
    axes.margins(x=0.06)


def _highest(rows: Table) -> float:
    """Where a level that was left out is drawn at most: it must not set the scale."""
    shown = np.concatenate([rows["observed"][rows["kind"] != "left_out"], rows["measured_upper"], rows["population"]])
    shown = shown[np.isfinite(shown)]
    return 1.1 * float(shown.max()) if len(shown) else np.inf


def _course(axes: Axes, rows: Table, drug: str) -> None:
    style = drug_style(drug)
    time = rows["time_h"]
    axes.fill_between(
        time,
        rows["measured_lower"],
        rows["measured_upper"],
        color=style.colour,
        alpha=0.12,
        linewidth=0,
        label="90 % of levels measured",
    )
    axes.fill_between(
        time, rows["lower"], rows["upper"], color=style.colour, alpha=0.25, linewidth=0, label="90 % of levels in blood"
    )
    axes.plot(time, rows["predicted"], color=style.colour, linestyle=style.line, label="forecast, median")
    axes.set_xlabel("Time after the next dose (h)")
    axes.set_title("Forecast")
    axes.margins(x=0.02)


def draw_dose_chances(data: Table, *, drug: str, measure: str, best: float, current: float | None = None) -> Drawing:
    """Draw the chance of each dose to meet a target, and to miss it on either side.

    Parameters
    ----------
    data : Table
        ``dose_mg, inside, below, above`` in per cent.
    drug : str
    measure : str
        What the target is of, such as ``trough of 5 to 10 ng/mL``.
    best : float
        Dose that is marked, mg.
    current : float, optional
        Present dose, mg.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    require_columns(data, ("dose_mg", "inside", "below", "above"), "figure of doses")
    style = drug_style(drug)
    dose = data["dose_mg"]
    with drawing_style():
        figure, (axes,) = new_panels(1, width_in=6.2, height_in=2.8)
        axes.plot(dose, data["inside"], color=style.colour, marker="o", markersize=4, label="inside the target")
        axes.plot(dose, data["below"], color=_GREY, linestyle="--", label="below")
        axes.plot(dose, data["above"], color="#D55E00", linestyle=":", label="above")
        axes.axvline(best, color=style.colour, linewidth=1.0, alpha=0.6)
        axes.annotate("best", (best, 99), xytext=(3, 0), textcoords="offset points", va="top", color=style.colour)
        if current is not None and current != best:
            axes.axvline(current, color=_INK, linewidth=1.0, alpha=0.5, linestyle="--")
            axes.annotate("now", (current, 90), xytext=(3, 0), textcoords="offset points", va="top", color=_INK)
        axes.set_ylim(0, 100)
        axes.set_xlabel("Dose, each time (mg)")
        axes.set_ylabel("Probability (%)")
        add_legend(figure, [labelled_lines([axes])], most_columns=3)
        svg = to_svg(figure)
    most = float(data["inside"][int(np.argmin(np.abs(dose - best)))])
    alt = f"Probability of a {measure} by dose; highest at {format_number(best)} mg with {format_number(most)} %."
    return Drawing(svg, alt, data)


def draw_forecast_errors(data: Table, *, limits: tuple[float, ...] = (20.0, 30.0)) -> Drawing:
    """Draw the errors of forecasts by method: every error, the middle half, the median.

    Parameters
    ----------
    data : Table
        ``method, kind, error_percent``, a row a forecast.
    limits : tuple of float
        Drawn on both sides, per cent.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    require_columns(data, ("method", "kind", "error_percent"), "figure of errors")
    methods = unique_texts(data["method"])
    with drawing_style():
        figure, (axes,) = new_panels(1, height_in=0.42 * len(methods) + 0.9)
        for limit in limits:
            axes.axvspan(-limit, limit, color=_RANGE, alpha=0.16, linewidth=0)
        axes.axvline(0.0, color=_INK, linewidth=0.8)
        middles = []
        for k, method in enumerate(methods):
            rows = data.where(data["method"] == method)
            error = np.clip(rows["error_percent"], -100.0, 160.0)
            low, middle, high = np.percentile(rows["error_percent"], (25, 50, 75))
            colour = "#0072B2" if str(rows["kind"][0]) in {"model", "average"} else "#6b7580"
            colour = "#009E73" if str(rows["kind"][0]) in {"half", "learned"} else colour
            spread = 0.16 * np.sin(np.arange(len(error)) * 2.399963)  # golden angle: no two neighbours alike
            axes.plot(error, k + spread, linestyle="none", marker=".", markersize=2.5, color=colour, alpha=0.4)
            axes.plot([low, high], [k, k], color=colour, linewidth=5, alpha=0.55, solid_capstyle="butt")
            axes.plot([middle], [k], marker="|", markersize=12, markeredgewidth=2, color=_INK)
            middles.append(f"{method} {format_number(float(middle))} %")
        axes.set_yticks(range(len(methods)), methods)
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.set_xlim(-105, 165)
        axes.set_xlabel("Error of the forecast (%), above 160 drawn at 160")
        svg = to_svg(figure)
    return Drawing(svg, "Errors of forecasts by method; medians: " + "; ".join(middles) + ".", data)
