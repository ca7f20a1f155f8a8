"""The figure in the report of ``limus assay curve``: points, fits, bands and IC50s gathered for drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limus.assay.curve.quality import predict
from limus.assay.curve.records import DoseStatus, take_fits
from limus.kernel.tables import Table as TidyTable
from limus.report.content import Figure, Section
from limus.report.figures.curves import MOST_PANELS, draw_curves
from limus.report.numbers import format_number
from limus.workflows.assay.curve_report.rows import point_rows

if TYPE_CHECKING:
    from limus.workflows.assay.curve_report.analysis import Analysis, Group

__all__ = ["fitted_curves"]

LINE_POINTS = 120


def fitted_curves(analysis: Analysis) -> Section:
    """Build the section with the fitted curves, as many as there are panels.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    Section
        Without blocks where nothing was fitted.
    """
    drawn: dict[str, tuple[Group, int]] = {
        name: (group, i) for group in analysis.groups for i, name in enumerate(group.fits.names)
    }
    order = [row["curve"] for row in analysis.rows if row["curve"] in drawn]
    chosen = order[:MOST_PANELS]
    if not chosen:
        return Section("figures", "Figures")
    rows = {row["curve"]: row for row in analysis.rows}
    wanted = set(chosen)
    points = [p for group in analysis.groups for p in point_rows(group) if p["curve"] in wanted]
    points.sort(key=lambda p: chosen.index(p["curve"]))
    lines: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for name in chosen:
        lines += _line(*drawn[name])
        marks += _marks(rows[name], *drawn[name])
    notes = [{"curve": name, **_note(rows[name])} for name in chosen]
    units = sorted({rows[name]["dose_unit"] for name in chosen})
    label = f"Dose ({units[0]})" if units != [""] and len(units) == 1 else "Dose"
    drawing = draw_curves(
        TidyTable.from_rows(points),
        TidyTable.from_rows(lines),
        TidyTable.from_rows(marks),
        TidyTable.from_rows(notes),
        dose_label=label,
    )
    said = (
        "Responses, fitted curve with its pointwise 95 % band, IC50s; the response at dose 0 stands apart on the left."
    )
    if len(order) > len(chosen):
        said += f" The first {len(chosen)} of {len(order)} curves."
    figure = Figure("curves-fitted", "Fitted curves", drawing.svg, drawing.alt, said, drawing.data)
    return Section("figures", "Figures", (figure,))


def _line(group: Group, curve: int) -> list[dict[str, Any]]:
    fits = group.fits
    if np.isnan(fits.parameters[curve]).any() or str(fits.status[curve]) in {"flat", "not_converged"}:
        return []
    low, high = (float(end[curve]) for end in fits.data.dose_range)
    grid = np.linspace(low, high, LINE_POINTS)
    zero = bool(((fits.data.doses[curve] == 0) & (fits.weights[curve] > 0)).any())
    doses = np.concatenate([[-1e8], grid]) if zero else grid
    response, lower, upper = predict(take_fits(fits, [curve]), doses[np.newaxis])
    return [
        {
            "curve": fits.names[curve],
            "dose": 0.0 if t < -1e7 else float(np.exp(t)),
            "response": float(response[0, i]),
            "lower": float(lower[0, i]),
            "upper": float(upper[0, i]),
        }
        for i, t in enumerate(doses)
    ]


def _marks(row: dict[str, Any], group: Group, curve: int) -> list[dict[str, Any]]:
    fits = group.fits
    found = []
    for key, kind in (("ic50_relative", "relative"), ("ic50_absolute", "absolute")):
        if row[f"{key}_status"] == str(DoseStatus.OK):
            columns = [np.array([[value]]) for value in fits.parameters[curve]]
            with np.errstate(over="ignore"):
                response = fits.model.family.formula(columns, np.log(np.array([[row[key]]])))[0][0, 0]
            found.append({"curve": row["curve"], "dose": row[key], "response": float(response), "kind": kind})
    return found


def _note(row: dict[str, Any]) -> dict[str, Any]:
    status = row["status"]
    said = []
    for key, word in (("ic50_relative", "rel."), ("ic50_absolute", "abs.")):
        if row[f"{key}_status"] == str(DoseStatus.OK):
            said.append(f"{word} {format_number(row[key])}")
        elif row[f"{key}_relation"] == "between":
            low, high = row["intervals"][key]
            said.append(f"{word} {format_number(low)} to {format_number(high)}")
        elif row[f"{key}_relation"] in {"<", ">"}:
            said.append(f"{word} {row[f'{key}_relation']} {format_number(row[f'{key}_limit'])}")
    if len(said) == 2 and row["ic50_relative_relation"] == row["ic50_absolute_relation"] == "between":
        said = [said[0].removeprefix("rel. ")]
    first = "IC50 " + ", ".join(said) if said else ""
    warning = status != "ok"
    lines = [first] if first else []
    lines += [status.replace("_", " ")] if warning and not status.startswith("ic50_") else []
    return {"note": "; ".join(lines), "warning": 1.0 if warning else 0.0}
