"""The report of ``limus assay curve``: results, figures, quality control and methods as one content tree."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from limus.assay.curve.models import MODELS, find_model
from limus.assay.curve.records import DoseStatus
from limus.assay.curve.status import NO_EFFECT_LEVEL, RUNAWAY_FOLD
from limus.kernel.provenance import Directness, RunStamp, load_bibliography
from limus.kernel.tables import library_folder
from limus.report.content import (
    Block,
    BulletList,
    Cell,
    ColumnHead,
    Guide,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    number_cell,
    text_cell,
)
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.assay.curve_report.figures import fitted_curves
from limus.workflows.assay.curve_report.rows import FAILED

if TYPE_CHECKING:
    from limus.workflows.assay.curve_report.analysis import Analysis, Plan

__all__ = ["build_page"]

MOST_ROWS = 200
EN_DASH = "\N{EN DASH}"
STATUS_WORDS = {
    "ok": "an IC50 with its interval",
    "ic50_below_doses": "the relative IC50 lies below the lowest dose tested; it is given as a limit",
    "ic50_above_doses": "the relative IC50 lies above the highest dose tested; it is given as a limit",
    "flat": f"no effect of the dose (F-test against a constant, p above {NO_EFFECT_LEVEL:g}); no IC50",
    "runaway": f"the fitted half dose lies more than {RUNAWAY_FOLD:g}-fold outside the doses, or at its bound; no IC50",
    "steep": "most of the effect lies between two neighbouring doses and the slope is not determined; so does the IC50",
    "undetermined": "some parameter has no influence on the fit; no IC50",
    "at_bound": "a parameter stands at its bound; no IC50 unless the bound was given",
    "too_few_doses": "fewer different doses than fitted parameters, or no response to spare",
    "not_converged": "the search did not arrive; no numbers are to be used",
    "invalid_data": "the rows could not be used; the reason is listed",
}
WEIGHT_WORDS = {
    "none": "All responses have the same weight.",
    "1/y": "Weights are 1/y of the fitted value, iterated with the fit.",
    "1/y2": "Weights are 1/y\N{SUPERSCRIPT TWO} of the fitted value, iterated with the fit.",
    "power": "The variance is a power of the fitted value; the power is fitted over all curves by pseudo-likelihood.",
    "weight": "Weights are those of the column weight.",
    "n": "Weights are the numbers of readings in the column n.",
    "se": "Weights are 1/SE\N{SUPERSCRIPT TWO} with the known standard errors of the column se; intervals use the "
    "normal distribution.",
}
INTERVAL_WORDS = {
    "wald": "Intervals are Wald intervals by the delta method with all parameters, doses on the logarithm",
    "wald-linear": "Intervals are Wald intervals by the delta method with all parameters, IC50s on the dose itself",
    "profile": "Intervals are profile-likelihood intervals (weights of a variance model held)",
}


def build_page(analysis: Analysis, plan: Plan, stamp: RunStamp) -> Guide:
    """Build the report.

    Parameters
    ----------
    analysis : Analysis
    plan : Plan
    stamp : RunStamp

    Returns
    -------
    Guide

    Raises
    ------
    ContentError
        A check of the content tree failed.
    """
    origin = f"fitted to {analysis.path.name}"
    sections = [_results(analysis, plan, origin), fitted_curves(analysis)]
    comparison = _comparison(analysis, origin)
    if comparison is not None:
        sections.append(comparison)
    sections += [_quality(analysis, origin), _methods(analysis, plan)]
    return Guide.create(
        f"Dose-response curves: {analysis.path.stem}",
        "Relative and absolute IC50 with intervals and statuses",
        [section for section in sections if section.blocks],
        values={},
        stamp=stamp,
        bibliography=load_bibliography(library_folder() / "references.bib"),
    )


def _results(analysis: Analysis, plan: Plan, origin: str) -> Section:
    counts = Counter(row["status"] for row in analysis.rows)
    failed = sum(count for status, count in counts.items() if status in FAILED)
    spelled = "; ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.most_common())
    blocks: list[Block] = [
        Paragraph(
            f"{len(analysis.rows)} curves from {escape_markup(analysis.path.name)}: {spelled}. "
            f"{failed} of them have no IC50."
        )
    ]
    if not analysis.controls.startswith("given"):
        words = f"Controls of the absolute IC50: {escape_markup(analysis.controls)}; --top and --bottom give others."
        blocks.append(Notice("note", words))
    columns = (
        ColumnHead("relative", "Relative IC50"),
        ColumnHead("absolute", "Absolute IC50"),
        ColumnHead("slope", "Slope"),
        ColumnHead("status", "Status"),
    )
    rows = tuple(_row(i, row, origin) for i, row in enumerate(analysis.rows[:MOST_ROWS]))
    note = (
        "Relative IC50: half-way between the fitted plateaus. Absolute IC50: half-way between the controls "
        f"({escape_markup(analysis.controls)}). Brackets: {100 * plan.level:g} % interval. "
        "A slope above 0 falls with the dose (Weibull 2: rises); it is the Hill slope of Prism with its sign turned."
    )
    blocks.append(Table("curves", "Curves", columns, rows, note=note, stub="Curve"))
    if len(analysis.rows) > MOST_ROWS:
        more = len(analysis.rows) - MOST_ROWS
        blocks.append(Notice("note", f"{more} more curves stand in results/curves.csv."))
    seen = [status for status in STATUS_WORDS if counts.get(status) and status != "ok"]
    if seen:
        items = tuple(f"**{status.replace('_', ' ')}**: {STATUS_WORDS[status]}." for status in seen)
        blocks += [Paragraph("What the statuses mean:"), BulletList(items)]
    return Section("results", "Results", tuple(blocks))


def _row(place: int, row: dict[str, Any], origin: str) -> Row:
    note = f"{origin}, model {row['model']}, {row['n']} responses" if row["model"] else origin
    cells: list[Cell] = [_dose_cell(row, key, note) for key in ("ic50_relative", "ic50_absolute")]
    cells += [_parameter_cell(row, "slope", note), text_cell(row["status"].replace("_", " "), note=row["reason"])]
    return Row(f"c{place + 1}", row["curve"] or "(no name)", tuple(cells))


def _parameter_cell(row: dict[str, Any], name: str, note: str) -> Cell:
    value = row["parameters"].get(name)
    if row["ic50_relative_status"] == str(DoseStatus.NO_FIT) or value is None or not math.isfinite(value):
        return text_cell(EN_DASH)
    if name in row.get("fixed", ()):
        said = f"{format_number(value)} (fixed)"
        return number_cell(value, "", Directness.INFERRED, note="fixed by the user or the model", text=said)
    interval = _interval(row["intervals"].get(name))
    return number_cell(value, "", Directness.MEASURED, interval=interval, note=note)


def _dose_cell(row: dict[str, Any], key: str, note: str) -> Cell:
    unit = row["dose_unit"]
    if row[f"{key}_status"] == str(DoseStatus.OK):
        interval = _interval(row["intervals"][key])
        return number_cell(row[key], unit, Directness.MEASURED, n=row["n"], interval=interval, note=note)
    if row[f"{key}_relation"] == "between":
        low, high = row["intervals"][key]
        said = f"{format_number(low)} to {format_number(high)} {unit}".strip()
        return text_cell(said, directness=Directness.MEASURED, n=row["n"], note=f"between two doses; {note}")
    if row[f"{key}_relation"] in {"<", ">"}:
        said = f"{row[f'{key}_relation']} {format_number(row[f'{key}_limit'])} {unit}".strip()
        reason = f"{row[f'{key}_status'].replace('_', ' ')}; {note}"
        return text_cell(said, directness=Directness.MEASURED, n=row["n"], note=reason)
    return text_cell(EN_DASH, note=row[f"{key}_status"].replace("_", " "))


def _interval(ends: list[float] | None) -> tuple[float, float] | None:
    """Ends for a cell; an end that is not closed is open."""
    if ends is None or (math.isnan(ends[0]) and math.isnan(ends[1])):
        return None
    return (-math.inf if math.isnan(ends[0]) else ends[0], math.inf if math.isnan(ends[1]) else ends[1])


def _comparison(analysis: Analysis, origin: str) -> Section | None:
    blocks: list[Block] = []
    for fit, words in (
        (analysis.shared, "in common as asked"),
        (analysis.parallel, "in common: are the curves parallel?"),
    ):
        if fit is None:
            continue
        shared = ", ".join(name.removeprefix("log_") for name in fit.shared)
        p = f"p = {format_number(fit.f_p_value)}" if math.isfinite(fit.f_p_value) else "no F-test (known errors)"
        blocks.append(
            Paragraph(
                f"{escape_markup(shared)} {words} Against curves fitted one by one: F = "
                f"{format_number(fit.f_statistic) if math.isfinite(fit.f_statistic) else EN_DASH}, {p}; chi-square = "
                f"{format_number(fit.chi_square)}, p = {format_number(fit.chi_square_p_value)}."
            )
        )
    rows = analysis.potency_rows()
    if rows:
        columns = (ColumnHead("ratio", "Relative potency"), ColumnHead("status", "Status"))
        table_rows = []
        for i, row in enumerate(rows):
            cell: Cell = text_cell(EN_DASH)
            if math.isfinite(row["ratio"]):
                note = f"{origin}, parallel curves, {row['method'].replace('_', ' ')} interval"
                interval = _interval(row["interval"])
                cell = number_cell(row["ratio"], "", Directness.MEASURED, interval=interval, note=note)
            table_rows.append(Row(f"p{i + 1}", row["curve"], (cell, text_cell(row["status"].replace("_", " ")))))
        note = (
            f"Dose of {escape_markup(rows[0]['reference'])} over dose of the curve, from curves that differ in this "
            "dose alone. It means something only where the curves are parallel."
        )
        blocks.append(Table("potencies", "Relative potency", columns, tuple(table_rows), note=note, stub="Curve"))
    return Section("comparison", "Comparison of curves", tuple(blocks)) if blocks else None


def _quality(analysis: Analysis, origin: str) -> Section:
    blocks: list[Block] = []
    columns = (
        ColumnHead("lower", "Lower plateau"),
        ColumnHead("upper", "Upper plateau"),
        ColumnHead("model", "Model"),
        ColumnHead("tests", "No effect; lack of fit (p)"),
        ColumnHead("responses", "Responses"),
    )
    rows = []
    for i, row in enumerate(analysis.rows[:MOST_ROWS]):
        if not row["model"]:
            continue
        note = f"{origin}, model {row['model']}, {row['n']} responses"
        said = [f"{row['n']}"]
        said += [f"{row['n_censored']} censored"] if row["n_censored"] else []
        said += [f"{row['n_outliers']} outliers"] if row["n_outliers"] else []
        deviation = _plain(row["residual_standard_deviation"])
        source = MODELS[row["model"]].source if row["model"] in MODELS else ()
        cells = (
            _parameter_cell(row, "lower", note),
            _parameter_cell(row, "upper", note),
            text_cell(f"{row['model']}, residual SD {deviation}", source=source),
            text_cell(f"{_plain(row['no_effect_p_value'])}; {_plain(row['lack_of_fit_p_value'])}"),
            text_cell(", ".join(said)),
        )
        rows.append(Row(f"q{i + 1}", row["curve"] or "(no name)", cells))
    if rows:
        words = "Lack of fit is tested against replicates; a dash where there are none, or where rows are censored."
        blocks.append(
            Table("quality", "Plateaus and quality of the fits", columns, tuple(rows), note=words, stub="Curve")
        )
    if analysis.candidates:
        blocks.append(_model_table(analysis))
    flags = analysis.source.flags
    if flags:
        items = tuple(
            f"line {flag.line}, curve {escape_markup(flag.curve)}, {flag.column}: "
            f"{escape_markup(repr(flag.got))}, {escape_markup(flag.reason)}"
            for flag in flags[:50]
        )
        blocks += [Notice("warning", f"{len(flags)} rows were flagged:"), BulletList(items)]
    aside = analysis.source.set_aside
    if aside:
        items = tuple(f"{escape_markup(name)}: {escape_markup(reason)}" for name, reason in list(aside.items())[:50])
        blocks += [Notice("warning", f"{len(aside)} curves were not fitted:"), BulletList(items)]
    return Section("quality-control", "Quality control", tuple(blocks))


def _plain(value: float) -> str:
    return format_number(value, 2) if math.isfinite(value) else EN_DASH


def _model_table(analysis: Analysis) -> Table:
    columns = (
        ColumnHead("aicc", "AICc"),
        ColumnHead("difference", "Difference"),
        ColumnHead("weight", "Akaike weight"),
        ColumnHead("lack", "Lack of fit (p)"),
        ColumnHead("status", "Status"),
    )
    rows = []
    for i, row in enumerate(analysis.candidates[:MOST_ROWS]):
        height = format_number(row["aicc"], 5) if math.isfinite(row["aicc"]) else EN_DASH
        numbers = [_plain(row[k]) for k in ("aicc_difference", "akaike_weight", "lack_of_fit_p_value")]
        status = row["status"].replace("_", " ") + (", chosen" if row["chosen"] == "yes" else "")
        cells = tuple(text_cell(said) for said in (height, *numbers, status))
        rows.append(Row(f"m{i + 1}", f"{row['curve']}: {row['model']}", cells))
    return Table("models", "Models tried", columns, tuple(rows), note="Small-sample AIC [@hurvich_1989].", stub="Model")


def _methods(analysis: Analysis, plan: Plan) -> Section:
    used = dict.fromkeys(group.fits.model.name for group in analysis.groups)
    equations = tuple(
        f"**{name}**, {find_model(name).family.label}: {escape_markup(find_model(name).family.equation)}"
        + "".join(f" [@{key}]" for key in find_model(name).source)
        for name in used
    )
    exponents = {f"{group.fits.exponent:.2f}" for group in analysis.groups if plan.weights == "power"}
    weights = WEIGHT_WORDS[plan.weights] + (f" Fitted power: {', '.join(sorted(exponents))}." if exponents else "")
    robust = (
        ""
        if plan.robust == "none"
        else (
            f" A robust loss ({plan.robust}, 95 % efficiency with normal errors) takes the place of squares; standard "
            "errors are Huber's."
        )
    )
    outliers = {
        "report": "Outliers (distance from a robust curve, false discovery rate 1 %) are marked and kept",
        "exclude": "Outliers (distance from a robust curve, false discovery rate 1 %) were excluded",
        "off": "No search for outliers was made",
    }[plan.outliers]
    outliers += "." if plan.outliers == "off" else " [@motulsky_2006]."
    text = (
        f"Curves were fitted by least squares (Levenberg-Marquardt from {plan.starts} starts each, analytic "
        f"derivatives, bounds) to a relative offset of 1e-8. {weights}{robust} Responses beyond what can be "
        f"measured enter the likelihood as such (Tobin) and are never dropped. {INTERVAL_WORDS[plan.interval]}, level "
        f"{100 * plan.level:g} %. {outliers} Names and formulae follow the R package drc [@ritz_2015]."
    )
    blocks: list[Block] = [Paragraph(text)]
    if equations:
        blocks.append(BulletList(equations))
    return Section("methods", "Methods", tuple(blocks))
