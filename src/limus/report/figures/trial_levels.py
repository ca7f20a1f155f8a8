"""Troughs by visit: a ribbon of percentiles beside the target window, and the share inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limus.kernel.tables import Table
from limus.report.figures.base import Drawing, drawing_style, require_columns, to_svg
from limus.report.figures.drug_styles import drug_style
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_trough_ribbons"]

_TARGET = "#1b1f24"
_COLUMNS = (
    "arm", "drug", "day", "n", "p10", "p25", "median", "p75", "p90", "low_target", "high_target", "inside",
    "inside_low", "inside_high",
)  # fmt: skip
_TICKS = (3.0, 7.0, 14.0, 28.0, 60.0, 90.0, 180.0, 365.0, 730.0, 1095.0, 1825.0)


def draw_trough_ribbons(data: Table, *, unit: str = "ng/mL") -> Drawing:
    """Draw troughs by visit, a column of panels for each drug of each arm.

    Parameters
    ----------
    data : Table
        ``arm, drug, day, n``, percentiles ``p10, p25, median, p75, p90``, ``low_target, high_target`` (NaN without a
        window), and the share ``inside`` with ``inside_low, inside_high`` in per cent.
    unit : str

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing or the table is empty.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    require_columns(data, _COLUMNS, "troughs by visit")
    pairs = list(dict.fromkeys(zip(data["arm"].tolist(), data["drug"].tolist(), strict=True)))
    across = min(3, len(pairs))
    down = -(-len(pairs) // across)
    with drawing_style():
        figure = Figure(figsize=(7.4, 3.7 * down + 0.25), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(2 * down, across, height_ratios=[2.2, 1.2] * down)
        said = []
        for k, (arm, drug) in enumerate(pairs):
            rows = data.where((data["arm"] == arm) & (data["drug"] == drug))
            upper = figure.add_subplot(grid[2 * (k // across), k % across])
            lower = figure.add_subplot(grid[2 * (k // across) + 1, k % across])
            _ribbon(upper, rows, drug)
            upper.set_title(f"{arm}: {drug}")
            _share(lower, rows, drug)
            if k % across == 0:
                upper.set_ylabel(f"Trough ({unit})")
                lower.set_ylabel("In target (%)")
            lower.set_xlabel("Day")
            said.append(_words(arm, drug, rows))
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
        svg = to_svg(figure)
    return Drawing(svg, "Troughs by visit. " + "; ".join(said) + ".", data)


def _place(day: NDArray[np.float64]) -> NDArray[np.float64]:
    """Early visits are dense, late ones sparse: the axis is the square root of the day, below 0 as above it."""
    return np.asarray(np.sign(day) * np.sqrt(np.abs(day)))


def _axis(axes: Axes, rows: Table) -> None:
    ticks = np.array([*(-tick for tick in reversed(_TICKS)), *_TICKS])
    ticks = ticks[(ticks >= rows["day"].min() - 1) & (ticks <= rows["day"].max() + 1)]
    places = _place(ticks)
    first, last = min(0.0, float(_place(rows["day"]).min())), float(_place(rows["day"]).max())
    span = max(last - first, 1e-9)
    # labels that would touch are left out, from the left
    kept: list[int] = []
    for k in reversed(range(len(ticks))):
        if not kept or places[kept[-1]] - places[k] > 0.105 * span:
            kept.append(k)
    axes.set_xticks(places[kept], [format_number(day) for day in ticks[kept].tolist()])
    axes.set_xlim(first - 0.04 * span * (first < 0), last + 0.04 * span)


def _ribbon(axes: Axes, rows: Table, drug: str) -> None:
    style, x = drug_style(drug), _place(rows["day"])
    for low, high, alpha, label in (("p10", "p90", 0.16, "10th to 90th"), ("p25", "p75", 0.3, "25th to 75th")):
        axes.fill_between(x, rows[low], rows[high], color=style.colour, alpha=alpha, linewidth=0, label=label)
    for name in ("low_target", "high_target"):
        axes.step(
            x, rows[name], where="mid", color=_TARGET, linestyle=(0, (4, 2)), linewidth=1.1,
            label="target window" if name == "low_target" else None,
        )  # fmt: skip
    axes.plot(x, rows["median"], color=style.colour, marker=style.marker, markersize=3.2, linewidth=1.4, label="median")
    axes.set_ylim(bottom=0)
    _axis(axes, rows)
    axes.tick_params(labelbottom=False)


def _share(axes: Axes, rows: Table, drug: str) -> None:
    style, x = drug_style(drug), _place(rows["day"])
    error = np.array([rows["inside"] - rows["inside_low"], rows["inside_high"] - rows["inside"]])
    axes.errorbar(
        x, rows["inside"], yerr=np.maximum(error, 0.0), color=style.colour, fmt=style.marker, markersize=3.2,
        elinewidth=0.9, capsize=1.5,
    )  # fmt: skip
    axes.set_ylim(0, 100)
    axes.set_yticks((0, 50, 100))
    _axis(axes, rows)


def _words(arm: str, drug: str, rows: Table) -> str:
    last = len(rows) - 1
    said = f"arm {arm}, {drug}: median {format_number(float(rows['median'][last]))} at day {rows['day'][last]:.0f}"
    if np.isfinite(rows["inside"][last]):
        low, high = float(rows["low_target"][last]), float(rows["high_target"][last])
        share = format_number(float(rows["inside"][last]))
        said += f", {share} % within {format_number(low)} to {format_number(high)}"
    return said
