"""Section of the report that lays a prediction over the measured generations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from limus.assay.cytometry.generation.indices import compute_indices
from limus.assay.cytometry.proliferation.records import ProliferationAnalysis, WellResult
from limus.kernel.provenance import Directness
from limus.kernel.tables import Table as TidyTable
from limus.report.content import Block, ColumnHead, Paragraph, Row, Section, Table, number_cell
from limus.report.figures.generation_shares import MOST_PANELS, draw_generation_shares
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.assay.plate_report.writing import figure_block, key_of
from limus.workflows.assay.proliferation_report.prediction import PredictedGenerations, Prediction

__all__ = ["prediction_rows", "prediction_section"]


_WELLS = "mean of the wells, inferred from the dye of their cells"


def _compared(
    a: ProliferationAnalysis, prediction: Prediction
) -> Iterator[tuple[str, PredictedGenerations, list[WellResult]]]:
    """Each predicted treatment that has wells with generations, with its name."""
    for treatment in prediction.treatments:
        wells = [w for w in a.wells if w.usable and treatment.is_of(w.well)]
        if wells:
            said = f"{treatment.compound} {format_number(treatment.concentration)} {treatment.unit}"
            yield said if treatment.compound else "stimulated controls", treatment, wells


def _shares(wells: list[WellResult], count: int) -> np.ndarray[Any, Any]:
    """Per cent of the cells in each generation, a row a well."""
    rows = np.zeros((len(wells), count))
    for row, w in zip(rows, wells, strict=True):
        assert w.fit is not None
        row[: len(w.fit.counts)] = 100.0 * w.fit.counts / w.fit.counts.sum()
    return rows


def prediction_rows(a: ProliferationAnalysis, prediction: Prediction) -> tuple[list[dict[str, Any]], ...]:
    """Return measured and predicted shares as rows.

    Parameters
    ----------
    a : ProliferationAnalysis
    prediction : Prediction

    Returns
    -------
    list of dict
        ``panel, generation, percent, lower, upper``: mean of the wells and their least and greatest; of one well the
        interval of its fit.
    list of dict
        ``panel, generation, percent``.
    """
    measured: list[dict[str, Any]] = []
    predicted: list[dict[str, Any]] = []
    for name, treatment, wells in _compared(a, prediction):
        count = max(len(treatment.fractions), *(w.fit.generations + 1 for w in wells if w.fit is not None))
        shares = _shares(wells, count)
        for g in range(count):
            low, high = float(shares[:, g].min()), float(shares[:, g].max())
            if len(wells) == 1:
                low, high = _interval(wells[0], g)
            mean = float(shares[:, g].mean())
            measured.append({"panel": name, "generation": float(g), "percent": mean, "lower": low, "upper": high})
            share = treatment.fractions[g] if g < len(treatment.fractions) else 0.0
            predicted.append({"panel": name, "generation": float(g), "percent": 100.0 * share})
    return measured, predicted


def _interval(w: WellResult, generation: int) -> tuple[float, float]:
    if w.estimates is None or w.fit is None or generation >= len(w.estimates.generations):
        return math.nan, math.nan
    e, total = w.estimates.generations[generation], float(w.fit.counts.sum())
    return 100.0 * max(e.lower, 0.0) / total, 100.0 * e.upper / total


def prediction_section(a: ProliferationAnalysis, prediction: Prediction) -> Section:
    """Show the prediction over what was measured.

    Parameters
    ----------
    a : ProliferationAnalysis
    prediction : Prediction

    Returns
    -------
    Section
    """
    source = escape_markup(prediction.source)
    measured, predicted = prediction_rows(a, prediction)
    if not measured:
        text = f"The prediction ({source}) is of no treatment of this plate that has generations."
        return Section("prediction", "Prediction", (Paragraph(text),))
    drawing = draw_generation_shares(TidyTable.from_rows(measured), TidyTable.from_rows(predicted))
    names = list(dict.fromkeys(row["panel"] for row in measured))
    rest = f" The first {MOST_PANELS} of {len(names)} treatments." if len(names) > MOST_PANELS else ""
    caption = (
        f"Per cent of the cells at harvest in each generation. Bars: mean of the wells, with their least and greatest, "
        f"or the 95 % interval of one well (*inferred*). Points: predicted (*simulated*: {source}).{rest}"
    )
    rows = []
    for number, (name, treatment, wells) in enumerate(_compared(a, prediction), start=1):
        expected = float(compute_indices(np.array(treatment.fractions))["division_index"])
        found = [w.index("division_index").value for w in wells]
        cells = (
            number_cell(float(np.mean(found)), "", Directness.INFERRED, n=len(wells), note=_WELLS),
            number_cell(expected, "", Directness.SIMULATED, note=prediction.source),
        )
        rows.append(Row(f"{key_of(name)}-{number}", name, cells))
    columns = (ColumnHead("measured", "Division index, measured"), ColumnHead("predicted", "Division index, predicted"))
    note = "Measured: mean of the wells. The prediction was not fitted to this plate and changes no other number."
    blocks: list[Block] = [
        figure_block("generation-shares", "Generations, measured and predicted", drawing, caption),
        Table("predicted", "Division index, measured and predicted", columns, tuple(rows), note, "Treatment"),
    ]
    return Section("prediction", "Prediction", tuple(blocks))
