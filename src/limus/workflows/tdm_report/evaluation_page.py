"""The page of an evaluation: every method beside two baselines, on all levels and on troughs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limus.kernel.execution import Execution
from limus.kernel.provenance import Directness
from limus.kernel.tables import Table as TidyTable
from limus.patient.methods import HALF, LEARNED, RATIO
from limus.patient.scores import Difference, Scores
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
from limus.report.figures.drug_monitoring import draw_forecast_errors
from limus.workflows.comparison.cells import figure, key_of
from limus.workflows.tdm_report.blocks import banner, plain, save_page, warnings_list

if TYPE_CHECKING:
    from limus.workflows.tdm_evaluate import TdmEvaluateRequest, TdmEvaluateResult

__all__ = ["write_evaluation"]

_WORDS = {
    "mape_percent": ("Mean size of error", "%"),
    "mdape_percent": ("Median size of error", "%"),
    "rmse": ("Root mean square error", ""),
    "within_20": ("Within 20 %", "%"),
    "within_30": ("Within 30 %", "%"),
    "crps": ("CRPS", ""),
}


def write_evaluation(
    request: TdmEvaluateRequest, result: TdmEvaluateResult, out: Path, execution: Execution
) -> tuple[Path, Path]:
    """Write the page of an evaluation.

    Parameters
    ----------
    request : TdmEvaluateRequest
    result : TdmEvaluateResult
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
    sections = [
        Section("what", "What was done", (*banner(result.overrides), *_what(request, result))),
        Section("of-troughs", "Troughs, beside both baselines", (_errors(result), _scores(result, "troughs"))),
        Section("against-ratio", "Against the last trough times the dose ratio", (_differences(result),)),
        Section("of-all", "All levels", (_scores(result, "all"),)),
        Section("mind", "Warnings", (warnings_list(result.findings),)),
    ]
    rows: list[dict[str, Any]] = []
    for method in result.methods:
        rows += [{"method": method.name, "kind": method.kind} | row for row in result.rows(method)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    tables = {"forecasts": {name: [_number(row.get(name)) for row in rows] for name in names}}
    drug = result.sources[0].model.drug
    title = f"Forecasts of {drug}: {len(result.subjects)} patients"
    return save_page(request, "tdm_evaluate", result.sources, title, sections, tables, out, execution)


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, bool) else value


def _what(request: TdmEvaluateRequest, result: TdmEvaluateResult) -> list[Block]:
    models = ", ".join(f"**{plain(s.model.name)}** [@{s.model.paper}]" for s in result.sources)
    count, occasions = len(result.occasions.lane), len(result.occasions.patient)
    blocks: list[Block] = [
        Paragraph(
            f"{count} levels on {occasions} occasions of {len(result.subjects)} patients, each forecast from the "
            f"levels of the patient's earlier occasions, by {models}. Doses and covariates of the forecast occasion "
            "are taken as known, as they stand in the table."
        ),
        Paragraph(
            "A model's forecast is the level at the mode of the patient's effects, those of the new occasion 0. The "
            "average weighs the models by the marginal likelihood of the earlier levels. Baselines: a model without "
            f"the patient's levels (population), and the {RATIO}, which forecasts troughs only. Two ways of joining "
            "the average and the ratio stand below: half each, and a share that is learned from all other patients."
        ),
    ]
    options = []
    if request.recency is not None:
        options.append(f"a level counts half after {request.recency:g} days")
    if request.last_occasions is not None:
        options.append(f"only the last {request.last_occasions} occasions are used")
    if request.residual != "model":
        options.append(f"residual error {request.residual}")
    if options:
        blocks.append(Paragraph(f"Asked for: {'; '.join(options)}."))
    return blocks


def _errors(result: TdmEvaluateResult) -> Figure:
    rows = []
    for method in result.methods:
        known = result.trough & np.isfinite(method.predicted)
        error = 100.0 * (method.predicted[known] - result.occasions.observed[known]) / result.occasions.observed[known]
        rows += [
            {"method": method.name.replace("_", " "), "kind": method.kind, "error_percent": one}
            for one in error.tolist()
        ]
    drawing = draw_forecast_errors(TidyTable.from_rows(rows))
    caption = (
        f"Errors of forecast troughs, {int(result.trough.sum())} levels; bars hold the middle half, marks are medians; "
        "shaded: 20 and 30 %. Blue: models and their average; grey: baselines; green: joined with the ratio. "
        f"Simulated, seed {result.seed}."
    )
    return figure("errors", "Errors by method", drawing, caption)


def _scores(result: TdmEvaluateResult, which: str) -> Table:
    unit = result.sources[0].model.units.DV
    scores = result.trough_scores if which == "troughs" else result.scores
    heads = (
        ColumnHead("bias", "Mean error", "%"),
        ColumnHead("mape", "Mean size of error", "%"),
        ColumnHead("mdape", "Median size of error", "%"),
        ColumnHead("rmse", "Root mean square error", unit),
        ColumnHead("within20", "Within 20 %", "%"),
        ColumnHead("within30", "Within 30 %", "%"),
        ColumnHead("coverage", "Inside 90 % band", "%"),
        ColumnHead("crps", "CRPS", unit),
    )
    rows = []
    for method in result.methods:
        one = scores[method.name]
        if one.n:
            rows.append(Row(key_of(f"{which}-{method.name}"), method.name.replace("_", " "), _cells(one, unit)))
    note = (
        "Errors are forecast less measured, over measured. Bands of models come from their posterior and residual "
        "error; those of the ratio and of what is joined with it from their errors on all other patients."
    )
    title = "Scores on troughs" if which == "troughs" else "Scores on all levels that a method forecasts"
    return Table(f"scores-{which}", title, heads, tuple(rows), note=note, stub="Method")


def _cells(one: Scores, unit: str) -> tuple[Cell, ...]:
    def cell(value: float, its: str) -> Cell:
        if not np.isfinite(value):
            return text_cell("none")
        return number_cell(value, its, Directness.SIMULATED, n=one.n, note=f"{one.n} levels of {one.patients} patients")

    return (
        cell(one.bias_percent, "%"),
        cell(one.mape_percent, "%"),
        cell(one.mdape_percent, "%"),
        cell(one.rmse, unit),
        cell(one.within_20, "%"),
        cell(one.within_30, "%"),
        cell(one.coverage_percent, "%"),
        cell(one.crps, unit),
    )


def _differences(result: TdmEvaluateResult) -> Table:
    unit = result.sources[0].model.units.DV
    measures = list(_WORDS)
    heads = tuple(ColumnHead(key_of(m), _WORDS[m][0], _WORDS[m][1] or unit) for m in measures)
    rows = []
    for method in result.methods:
        found = {one.measure: one for one in result.differences.get(method.name, ())}
        if found and method.kind != "population":
            cells = tuple(_difference(found[m], _WORDS[m][1] or unit) for m in measures)
            rows.append(Row(key_of(f"less-{method.name}"), method.name.replace("_", " "), cells))
    note = (
        "Score of the method less that of the ratio, on the troughs that both forecast, with the 95 % interval from "
        "2000 draws of patients with replacement. Below 0 is better, but for the shares within 20 and 30 %. An "
        f"interval that holds 0 leaves it open which is better. {plain(HALF).capitalize()} and {plain(LEARNED)} "
        "use the ratio."
    )
    return Table("less-ratio", "Differences from the ratio", heads, tuple(rows), note=note, stub="Method")


def _difference(one: Difference, unit: str) -> Cell:
    return number_cell(
        one.difference, unit, Directness.SIMULATED, interval=(one.lower, one.upper), note="patients drawn again"
    )
