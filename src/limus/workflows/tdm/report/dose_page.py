"""The page of a dose search: chances by dose, candidates, starting doses, when to sample, what it rests on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from limus.kernel.execution import Execution
from limus.kernel.tables import Table as TidyTable
from limus.patient.dose_search import CandidateDose
from limus.report.content import (
    Block,
    BulletList,
    ColumnHead,
    Figure,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
)
from limus.report.figures.drug_monitoring import draw_dose_chances
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.cells import figure, key_of
from limus.workflows.tdm.report.blocks import (
    banner,
    effects_table,
    models_table,
    plain,
    save_page,
    share,
    simulated,
    warnings_list,
)
from limus.workflows.tdm.report.forecast_page import what_was_done

if TYPE_CHECKING:
    from limus.workflows.tdm.dose import TdmDoseRequest, TdmDoseResult

__all__ = ["write_dose"]

_SHOWN = 12


def write_dose(request: TdmDoseRequest, result: TdmDoseResult, out: Path, execution: Execution) -> tuple[Path, Path]:
    """Write the page of a dose search.

    Parameters
    ----------
    request : TdmDoseRequest
    result : TdmDoseResult
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
    doses = [_chances(result), _candidates(result), *_said(result)]
    sections = [
        Section("what", "What was done", (*banner(result.overrides), *what_was_done(case, request))),
        Section("search", f"Doses for a {_target_words(result)}", tuple(doses)),
        *([Section("starting", "Starting doses by guideline", tuple(_starting(result)))] if result.starting else []),
        *([Section("sampling", "When to sample next", (_plans(result),))] if result.plans else []),
        Section("rests", "What the estimate rests on", (models_table(case), effects_table(case))),
        Section("mind", "Warnings", (warnings_list(case.findings),)),
    ]
    rows = result.as_dict()["doses"]
    tables: dict[str, dict[str, list[Any]]] = {"doses": {key: [row[key] for row in rows] for key in rows[0]}}
    title = f"Doses: {case.estimates[0].model.drug}, ID {case.label}"
    return save_page(request, "tdm_dose", case.sources, title, sections, tables, out, execution)


def _target_words(result: TdmDoseResult) -> str:
    target, unit = result.target, result.case.estimates[0].model.units.DV
    low, high = format_number(target.lower), format_number(target.upper)
    if target.measure == "trough":
        return f"trough of {low} to {high} {unit}"
    every = format_number(result.interval_h)
    return f"area under the level of {low} to {high} {unit}\N{MIDDLE DOT}h over {every} h"


def _chances(result: TdmDoseResult) -> Figure:
    rows = [
        {
            "dose_mg": one.dose_mg,
            "inside": one.probability_percent,
            "below": one.below_percent,
            "above": one.above_percent,
        }
        for one in result.search.candidates
    ]
    current = None if result.case.regimen is None else result.case.regimen.dose_mg
    drawing = draw_dose_chances(
        TidyTable.from_rows(rows),
        drug=result.case.estimates[0].model.drug,
        measure=_target_words(result),
        best=result.search.candidates[result.search.best].dose_mg,
        current=current if result.current is not None else None,
    )
    models = ", ".join(plain(e.model.name) for e in result.case.estimates)
    caption = (
        f"Probability that the {_target_words(result)} is met, and missed on either side, by dose every "
        f"{format_number(result.interval_h)} h, {_when(result)}. Simulated with {models}, seed {result.seed}."
    )
    return figure("chances", "Chance of each dose", drawing, caption)


def _when(result: TdmDoseResult) -> str:
    if result.after_h is None:
        return "at the dose's steady state"
    return f"in the interval that ends {format_number(result.after_h)} h after the first new dose"


def _near(result: TdmDoseResult) -> list[CandidateDose]:
    """The best dose and those around it, and the present one."""
    every = result.search.candidates
    first = max(0, min(result.search.best - _SHOWN // 2, len(every) - _SHOWN))
    chosen = list(every[first : first + _SHOWN])
    if result.current is not None and result.current not in chosen:
        chosen.append(result.current)
    return sorted(chosen, key=lambda one: one.dose_mg)


def _candidates(result: TdmDoseResult) -> Table:
    unit = result.case.estimates[0].model.units.DV
    model = " and ".join(e.model.name for e in result.case.estimates)
    heads = (
        ColumnHead("trough", "Trough", unit),
        ColumnHead("auc", "Area", f"{unit}\N{MIDDLE DOT}h"),
        ColumnHead("inside", "In the target", "%"),
        ColumnHead("below", "Below", "%"),
        ColumnHead("above", "Above", "%"),
    )
    best = result.search.candidates[result.search.best]
    rows = []
    for one in _near(result):
        label = f"{format_number(one.dose_mg)} mg every {format_number(one.interval_h)} h: {one.capsules}"
        label += " (most probable)" if one is best else ""
        label += " (present dose)" if one is result.current else ""
        rows.append(
            Row(
                key_of(f"dose-{one.dose_mg:g}"),
                label,
                (
                    simulated(float(one.trough[1]), unit, model, interval=(float(one.trough[0]), float(one.trough[2]))),
                    simulated(
                        float(one.auc[1]),
                        f"{unit}\N{MIDDLE DOT}h",
                        model,
                        interval=(float(one.auc[0]), float(one.auc[2])),
                    ),
                    share(one.probability_percent, model),
                    share(one.below_percent, model),
                    share(one.above_percent, model),
                ),
            )
        )
    note = (
        f"Medians with the band that holds 90 %: what is not known of the patient and of a new occasion, without "
        f"residual error. Doses that capsules of {_strengths(result)} make up, {_when(result)}; the largest looked at: "
        f"{escape_markup(result.limit)}."
    )
    return Table("doses", "Candidate doses", heads, tuple(rows), note=note, stub="Dose")


def _strengths(result: TdmDoseResult) -> str:
    return ", ".join(format_number(one) for one in result.strengths_mg) + " mg"


def _said(result: TdmDoseResult) -> list[Block]:
    best = result.search.candidates[result.search.best]
    blocks: list[Block] = []
    if result.search.limited:
        blocks.append(
            Notice(
                "warning", f"The best dose stands at the limit ({escape_markup(result.limit)}): more might do better."
            )
        )
    if best.probability_percent < 50.0:
        blocks.append(Notice("note", "No dose is more likely than not to meet the target: too little is known."))
    if result.form is not None:
        origin = result.form.origin
        cited = f" [@{'; @'.join(origin.source)}]" if origin.source else ""
        blocks.append(
            Paragraph(
                f"Strengths: {escape_markup(result.form.name)}, {origin.kind}{cited}. {escape_markup(origin.note)}."
            )
        )
    return blocks


def _starting(result: TdmDoseResult) -> list[Block]:
    items = []
    for one in result.starting:
        cited = f" [@{'; @'.join(one.source)}]" if one.source else ""
        capped = "; held at the limit" if one.capped else ""
        items.append(
            f"{escape_markup(one.setting)}: {escape_markup(one.reason)}: {format_number(one.daily_mg)} mg a day"
            f"{capped}; in capsules {format_number(one.dose_mg)} mg every {format_number(one.interval_h)} h "
            f"({escape_markup(one.capsules)}){cited}."
        )
    lead = "What guidelines give before any level is known, by body weight and genotype; it does not use the levels."
    return [Paragraph(lead), BulletList(tuple(items))]


def _plans(result: TdmDoseResult) -> Table:
    weights = result.case.weights
    model = f"{result.case.estimates[weights.index(max(weights))].model.name}, seed {result.seed}"
    heads = (
        ColumnHead("before", "Area uncertain now", "%"),
        ColumnHead("after", "After these levels", "%"),
    )
    rows = tuple(
        Row(
            f"plan-{k}",
            " and ".join(f"{format_number(time)} h" for time in plan.times_h) + " after the dose",
            (
                simulated(plan.cv_before_percent, "%", model),
                simulated(plan.cv_after_percent, "%", model),
            ),
        )
        for k, plan in enumerate(result.plans, start=1)
    )
    note = (
        "Expected standard deviation of the area over one interval, as a share of it, under the model of the largest "
        "weight and the present dose; linear around draws of the posterior. 0 h is the trough."
    )
    return Table("plans", "Times that tell most", heads, rows, note=note, stub="Levels at")
