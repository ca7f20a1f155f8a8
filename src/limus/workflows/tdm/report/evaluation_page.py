"""The page of an evaluation: every method beside two baselines, on all levels and on troughs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from limus.report.markup import escape_markup
from limus.workflows.cells import figure, key_of
from limus.workflows.tdm.input import choices_in_words
from limus.workflows.tdm.report.blocks import banner, named, plain, save_page, warnings_list

if TYPE_CHECKING:
    from limus.workflows.tdm.evaluate import TdmEvaluateRequest, TdmEvaluateResult

__all__ = ["write_evaluation"]

_ERRORS = {
    "bias_percent": ("Mean error", "%"),
    "mdpe_percent": ("Median error", "%"),
    "mape_percent": ("Mean size of error", "%"),
    "mdape_percent": ("Median size of error", "%"),
    "rmse": ("Root mean square error", ""),
}
_HITS = {
    "within_20": ("Within 20 %", "%"),
    "within_30": ("Within 30 %", "%"),
    "coverage_percent": ("Inside 90 % band", "%"),
    "crps": ("CRPS", ""),
}
_COMPARED = {  # the median of the sizes stands in result.json
    "mape_percent": ("Mean size of error", "%"),
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
        Section("of-troughs", "Troughs, beside both baselines", (_errors(result), *_scores(result, "troughs"))),
        Section("against", "Against the baselines", (_from_ratio(result), _from_population(result))),
        Section("of-all", "All levels", tuple(_scores(result, "all"))),
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
    models = ", ".join(named(s.model) for s in result.sources)
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
    options = choices_in_words(request)
    if options:
        blocks.append(Paragraph(f"By choice: {escape_markup('; '.join(options))}."))
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


def _scores(result: TdmEvaluateResult, which: str) -> list[Block]:
    """Two tables, each narrow enough for an upright page."""
    levels = "troughs" if which == "troughs" else "all levels that a method forecasts"
    errors = "Errors are forecast less measured, over measured."
    bands = (
        "Bands of models come from their posterior and residual error; those of the ratio and of what is joined with "
        "it from their errors on all other patients."
    )
    return [
        _table(result, which, "errors", f"Errors on {levels}", errors, _ERRORS),
        _table(result, which, "hits", f"Near the measured level, on {levels}", bands, _HITS),
    ]


def _table(
    result: TdmEvaluateResult, which: str, key: str, title: str, note: str, columns: Mapping[str, tuple[str, str]]
) -> Table:
    unit = result.sources[0].model.units.DV
    scores = result.trough_scores if which == "troughs" else result.scores
    heads = tuple(ColumnHead(key_of(name), words, of or unit) for name, (words, of) in columns.items())
    rows = []
    for method in result.methods:
        one = scores[method.name]
        if one.n:
            cells = tuple(_cell(one, name, of or unit) for name, (_, of) in columns.items())
            rows.append(Row(key_of(f"{which}-{key}-{method.name}"), method.name.replace("_", " "), cells))
    return Table(f"scores-{which}-{key}", title, heads, tuple(rows), note=note, stub="Method")


def _cell(one: Scores, name: str, unit: str) -> Cell:
    value = getattr(one, name)
    if not np.isfinite(value):
        return text_cell("none")
    shown = round(value, 1 if unit == "%" else 2)
    return number_cell(shown, unit, Directness.SIMULATED, n=one.n, note=f"{one.n} levels of {one.patients} patients")


def _from_ratio(result: TdmEvaluateResult) -> Table:
    note = (
        "Score of the method less that of the ratio, on the troughs that both forecast, with the 95 % interval from "
        "2000 draws of patients with replacement. Below 0 is better, but for the shares within 20 and 30 %. An "
        f"interval that holds 0 leaves it open which is better. {plain(HALF).capitalize()} and {plain(LEARNED)} "
        "use the ratio."
    )
    shown = {method.name for method in result.methods if method.kind != "population"}
    found = {name: all_ for name, all_ in result.differences.items() if name in shown}
    return _differences(result, "less-ratio", "Differences from the ratio", found, note)


def _from_population(result: TdmEvaluateResult) -> Table:
    note = "As above, less the same model without the patient's levels."
    title = "Differences from the population's prediction"
    return _differences(result, "less-population", title, result.from_population, note)


def _differences(
    result: TdmEvaluateResult, key: str, title: str, found: Mapping[str, Sequence[Difference]], note: str
) -> Table:
    unit = result.sources[0].model.units.DV
    heads = tuple(ColumnHead(key_of(m), words, of or unit) for m, (words, of) in _COMPARED.items())
    rows = []
    for name, differences in found.items():
        by_measure = {one.measure: one for one in differences}
        if by_measure:
            cells = tuple(_difference(by_measure[m], of or unit) for m, (_, of) in _COMPARED.items())
            rows.append(Row(key_of(f"{key}-{name}"), name.replace("_", " "), cells))
    return Table(key, title, heads, tuple(rows), note=note, stub="Method")


def _difference(one: Difference, unit: str) -> Cell:
    value, low, high = (round(part, 1 if unit == "%" else 2) for part in (one.difference, one.lower, one.upper))
    return number_cell(value, unit, Directness.SIMULATED, interval=(low, high), note="patients drawn again")
