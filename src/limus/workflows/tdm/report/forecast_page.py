"""The page of one patient: levels, forecast, what it rests on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limus.kernel.execution import Execution
from limus.kernel.provenance import Directness
from limus.kernel.tables import Table as TidyTable
from limus.report.content import (
    Block,
    Cell,
    ColumnHead,
    Figure,
    Paragraph,
    Row,
    Section,
    Table,
    number_cell,
    text_cell,
)
from limus.report.figures.drug_monitoring import draw_monitoring
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.cells import figure, key_of
from limus.workflows.tdm.case import Case
from limus.workflows.tdm.input import MonitoringRequest, choices_in_words
from limus.workflows.tdm.report.blocks import (
    banner,
    effects_table,
    in_days,
    models_table,
    named,
    plain,
    save_page,
    simulated,
    warnings_list,
)

if TYPE_CHECKING:
    from limus.workflows.tdm.forecast import TdmForecastRequest, TdmForecastResult

__all__ = ["monitoring_figure", "what_was_done", "write_forecast"]

_MOST_ROWS = 40
_FROM_TABLE = "the patient's event table"


def write_forecast(
    request: TdmForecastRequest, result: TdmForecastResult, out: Path, execution: Execution
) -> tuple[Path, Path]:
    """Write the page of a forecast.

    Parameters
    ----------
    request : TdmForecastRequest
    result : TdmForecastResult
    out : Path
    execution : Execution

    Returns
    -------
    tuple of (Path, Path)
        HTML and PDF.

    Raises
    ------
    OutputError
        The folder cannot be written, or holds something else.
    """
    case = result.case
    forecast = result.forecast_rows()
    sections = [
        Section("what", "What was done", (*banner(result.overrides), *what_was_done(case, request))),
        Section("ahead", "Levels and forecast", (monitoring_figure(result), *_forecast_table(result, forecast))),
        Section("so-far", "Levels so far", (_levels_table(result),)),
        Section("rests", "What the estimate rests on", (models_table(case), effects_table(case))),
        Section("mind", "Warnings", (warnings_list(case.findings),)),
    ]
    levels = result.level_rows()
    tables: dict[str, dict[str, list[Any]]] = {}
    for name, rows in (("levels", levels), ("forecast", forecast)):
        if rows:
            tables[name] = {key: [_plain_number(row[key]) for row in rows] for key in rows[0]}
    title = f"Drug monitoring: {case.estimates[0].model.drug}, ID {case.label}"
    return save_page(request, "tdm_forecast", case.sources, title, sections, tables, out, execution)


def _plain_number(value: Any) -> Any:
    return float(value) if isinstance(value, bool) else value


def what_was_done(case: Case, request: MonitoringRequest) -> list[Block]:
    """Say which levels, models and regimen the page is about."""
    used = int(case.estimates[0].levels.used[0].sum())
    models = "; ".join(f"{named(e.model)}, {escape_markup(e.model.structure)}" for e in case.estimates)
    words = f"ID {escape_markup(case.label)}, {used} {'level' if used == 1 else 'levels'} used. Models: {models}."
    if case.regimen is not None:
        words += (
            f" Present regimen: {format_number(case.regimen.dose_mg)} mg every "
            f"{format_number(case.regimen.interval_h)} h."
        )
    how = (
        "Random effects between subjects and between occasions were estimated together from the full likelihood of "
        "the levels and the population's distribution; bands come from draws of the posterior. What comes next is an "
        "occasion of its own, whose effects are not known and are drawn."
    )
    choices = "; ".join(choices_in_words(request))
    own = [Paragraph(f"By choice: {escape_markup(choices)}.")] if choices else []
    return [Paragraph(words), *own, Paragraph(how)]


def monitoring_figure(result: TdmForecastResult) -> Figure:
    """The figure of levels and forecast."""
    case, unit = result.case, result.case.estimates[0].model.units.DV
    rows: list[dict[str, Any]] = []
    for level in result.level_rows():
        kind = "hidden" if level["hidden"] else "below" if level["below_limit"] else "used"
        kind = "left_out" if not (level["hidden"] or level["used"]) else kind
        rows.append(
            {
                "part": "level",
                "kind": kind,
                "time_h": level["time"],
                "observed": level["observed"],
                "predicted": level["predicted"],
                "population": level["population"],
                "lower": np.nan,
                "upper": np.nan,
                "measured_lower": level["lower"],
                "measured_upper": level["upper"],
            }
        )
    if result.course is not None:
        course = result.course
        for t, time_h in enumerate(course.time_h.tolist()):
            low, _, middle, _, high = course.quantiles[:, t].tolist()
            rows.append(
                {
                    "part": "course",
                    "kind": "course",
                    "time_h": time_h - case.begins_h,
                    "observed": np.nan,
                    "predicted": middle,
                    "population": np.nan,
                    "lower": low,
                    "upper": high,
                    "measured_lower": float(course.measured[0, t]),
                    "measured_upper": float(course.measured[4, t]),
                }
            )
    target = None
    if result.target is not None and result.target.measure == "trough":
        target = result.target.lower, result.target.upper
    drawing = draw_monitoring(
        TidyTable.from_rows(rows),
        drug=case.estimates[0].model.drug,
        unit=unit,
        target=target,
        range_name="target range of troughs",
    )
    models = ", ".join(plain(e.model.name) for e in case.estimates)
    assert case.estimates[0].draws is not None
    count = case.estimates[0].draws.effects.shape[1]
    ahead = "" if result.course is None else "; right, the present regimen carried on"
    caption = (
        f"Measured levels, what the models make of them after estimation (squares; forecasts for levels that were not "
        f"used), and the population's prediction{ahead}. Simulated with {models}, {count} draws of the posterior each, "
        f"seed {result.seed}; bands hold 90 %."
    )
    return figure("monitoring", "Levels and forecast", drawing, caption)


def _forecast_table(result: TdmForecastResult, rows: list[dict[str, Any]]) -> list[Block]:
    unit, case = result.case.estimates[0].model.units.DV, result.case
    course = [row for row in rows if row["occasion"] is None]
    chosen = [row for row in rows if row["occasion"] is not None]
    if case.regimen is not None and course:
        every = case.regimen.interval_h
        due = [row for row in course if abs(((row["time"] - case.begins_h) / every + 0.5) % 1.0 - 0.5) < 1e-9]
        first = [row for row in course if row["time"] < case.begins_h + every]
        peak = max(first or course, key=lambda row: row["median"])
        chosen += sorted([*due, *([] if peak in due else [peak | {"peak": True}])], key=lambda row: row["time"])
    if not chosen:
        return [Paragraph("Nothing lies ahead: the table gives no regimen that goes on.")]
    with_observed = any(np.isfinite(row["observed"]) for row in chosen)
    heads = (
        ColumnHead("median", "Level in blood, median", unit),
        ColumnHead("measured", "Measured level, 90 % band", unit),
        *([ColumnHead("observed", "Measured", unit)] if with_observed else []),
    )
    note = (
        "Intervals hold 90 %: of the level in blood by what is not known of the patient and of a new occasion; of a "
        "measured level with the residual error on top."
    )
    shown = tuple(_forecast_row(row, case, unit, with_observed) for row in chosen[:_MOST_ROWS])
    return [Table("forecast", "Forecast levels", heads, shown, note=note, stub="When")]


def _forecast_row(row: dict[str, Any], case: Case, unit: str, with_observed: bool) -> Row:
    if row["occasion"] is not None:
        label = f"occasion {row['occasion']}, {in_days(row['time'])}"
    else:
        label = f"{format_number(row['time'] - case.begins_h)} h after the next dose is due"
        label += " (peak)" if row.get("peak") else ""
    model = " and ".join(e.model.name for e in case.estimates)
    band = f"{format_number(row['measured_lower'])} to {format_number(row['measured_upper'])}"
    observed: Cell = text_cell("none")
    if np.isfinite(row["observed"]):
        observed = number_cell(row["observed"], unit, Directness.MEASURED, note=_FROM_TABLE)
    return Row(
        key_of(f"{row['time']:.6g}-{row['occasion']}"),
        label,
        (
            simulated(row["median"], unit, model, interval=(row["lower"], row["upper"])),
            text_cell(band, directness=Directness.SIMULATED, note=model),
            *([observed] if with_observed else []),
        ),
    )


def _levels_table(result: TdmForecastResult) -> Block:
    unit, case = result.case.estimates[0].model.units.DV, result.case
    model = " and ".join(e.model.name for e in case.estimates)
    heads = (
        ColumnHead("observed", "Measured", unit),
        ColumnHead("predicted", "By the models", unit),
        ColumnHead("population", "By the population", unit),
        ColumnHead("used", "Used"),
    )
    rows = []
    for number, level in enumerate(result.level_rows()[-_MOST_ROWS:], start=1):
        sign = "<" if level["below_limit"] else ""
        said = "no: to be forecast" if level["hidden"] else "no" if not level["used"] else "yes"
        if level["used"] and level["weight"] < 1.0:
            said = f"yes, weight {format_number(level['weight'])}"
        rows.append(
            Row(
                f"level-{number}",
                f"occasion {level['occasion']}, {in_days(level['time'])}",
                (
                    number_cell(
                        level["observed"],
                        unit,
                        Directness.MEASURED,
                        note=_FROM_TABLE,
                        text=f"{sign}{format_number(level['observed'])}" if sign else "",
                    ),
                    simulated(level["predicted"], unit, model),
                    simulated(level["population"], unit, model),
                    text_cell(said),
                ),
            )
        )
    if not rows:
        return Paragraph("The table holds no measured level: everything below is the population's.")
    note = "By the models: at the mode of each, by weight. By the population: covariates only."
    return Table("levels", "Levels so far", heads, tuple(rows), note=note, stub="Level")
