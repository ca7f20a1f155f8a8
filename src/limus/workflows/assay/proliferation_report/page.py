"""The report of a proliferation plate: sections, figures and tables from an analysis; nothing is computed here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from limus.assay.cytometry.generation.indices import index_words
from limus.assay.cytometry.proliferation.records import DoseResponse, ProliferationAnalysis, WellResult
from limus.kernel.provenance import Directness
from limus.kernel.tables import Table as TidyTable
from limus.report.content import (
    Block,
    Cell,
    ColumnHead,
    Figure,
    Row,
    Section,
    Table,
    number_cell,
    text_cell,
)
from limus.report.figures.inhibition import draw_inhibition
from limus.report.figures.plates import draw_heat_map
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.assay.plate_report.writing import (
    estimate_cell,
    figure_block,
    findings_section,
    key_of,
    stated_cell,
)
from limus.workflows.assay.proliferation_report.figures import GateEvents
from limus.workflows.assay.proliferation_report.prediction import Prediction
from limus.workflows.assay.proliferation_report.prediction_section import prediction_section
from limus.workflows.assay.proliferation_report.sections import (
    controls_section,
    gates_section,
    generations_section,
    method_section,
    well_label,
)

__all__ = ["build_sections", "result_tables"]

_DASH = "\N{EN DASH}"
_CELLS = "inferred from the dye of the cells of this well"


def build_sections(
    a: ProliferationAnalysis, events: GateEvents, prediction: Prediction | None = None
) -> tuple[Section, ...]:
    """Build the report's sections in reading order.

    Parameters
    ----------
    a : ProliferationAnalysis
    events : GateEvents
        Of the wells that the gates are drawn on.
    prediction : Prediction, optional
        To be laid over the measured generations.

    Returns
    -------
    tuple of Section
    """
    doses = _doses(a)
    return (
        *((doses,) if doses is not None else ()),
        findings_section(a.findings),
        _indices(a),
        generations_section(a),
        *((prediction_section(a, prediction),) if prediction is not None else ()),
        gates_section(a, events),
        controls_section(a),
        method_section(a),
    )


def _title(index: str) -> str:
    return index_words()[index].title


def _doses(a: ProliferationAnalysis) -> Section | None:
    if not a.doses:
        return None
    columns = (
        ColumnHead("absolute", "IC50, half of the controls"),
        ColumnHead("relative", "IC50, half of the effect"),
        ColumnHead("hill", "Slope"),
        ColumnHead("control", "Controls"),
        ColumnHead("lowest", "No proliferation"),
    )
    rows = []
    for number, d in enumerate(a.doses, start=1):
        wells = sum(len(group) for group in d.wells)
        c = d.curve
        lowest = estimate_cell(d.lowest, "") if d.lowest_measured else stated_cell(d.lowest.value)
        cells = (
            estimate_cell(c.ic50_absolute, d.unit, n=wells, missing=c.absolute_status.replace("_", " ")),
            estimate_cell(c.ic50_relative, d.unit, n=wells, missing=c.relative_status.replace("_", " ")),
            estimate_cell(c.hill, ""),
            estimate_cell(d.control, ""),
            lowest,
        )
        rows.append(Row(f"{key_of(d.compound)}-{number}", f"{_series(d)}, {_title(d.index).lower()}", cells))
    note = (
        "Per cent of the stimulated controls above the unstimulated wells (or, without such wells, above what the "
        "index is without division). Intervals: 95 %, from the scatter of wells; n wells."
    )
    blocks: list[Block] = [Table("potency", "Inhibition of proliferation", columns, tuple(rows), note, "Compound")]
    blocks += [_curves(a, index) for index in dict.fromkeys(d.index for d in a.doses)]
    return Section("dose-response", "Dose-response", tuple(blocks))


def _series(d: DoseResponse) -> str:
    return f"{d.compound} ({d.group})" if d.group else d.compound


def _curves(a: ProliferationAnalysis, index: str) -> Figure:
    points, curves, marks = [], [], []
    own = [d for d in a.doses if d.index == index]
    for d in own:
        name = _series(d)
        for dose, percent, wells in zip(d.doses, d.percent, d.wells, strict=True):
            used = percent.known and any(w.usable for w in wells)
            points.append(
                {
                    "compound": name,
                    "concentration": dose,
                    "value": percent.value,
                    "lower": percent.lower,
                    "upper": percent.upper,
                    "mark": "used" if used else "left out",
                }
            )
        line = d.curve.line(d.doses[0] / 1.5, d.doses[-1] * 1.5) if d.doses else ((), ())
        curves += [{"compound": name, "concentration": x, "value": y} for x, y in zip(*line, strict=True)]
        marks.append({"compound": name, "ic50": d.curve.ic50_absolute.value})
    unit = next((d.unit for d in own if d.unit), "")
    drawing = draw_inhibition(
        TidyTable.from_rows(points),
        TidyTable.from_rows(curves, ("compound", "concentration", "value")),
        TidyTable.from_rows(marks),
        x_label=f"Concentration ({unit})" if unit else "Concentration",
        y_label=f"{_title(index).partition(' (')[0]} (% of controls)",
    )
    caption = (
        f"{escape_markup(_title(index))}, per cent of the stimulated controls, means of wells with 95 % intervals; "
        "line: fitted log-logistic curve; thin line: IC50 at half of the controls."
    )
    return figure_block(f"curves-{key_of(index)}", f"Dose-response of the {_title(index).lower()}", drawing, caption)


def _indices(a: ProliferationAnalysis) -> Section:
    words = index_words()
    names = [name for name in words if name != "percent_divided_cells"]
    names.sort(key=lambda name: name not in a.settings.indices)
    columns = (
        *(ColumnHead(name, words[name].title, words[name].unit) for name in names),
        ColumnHead("cells", "Cells"),
        ColumnHead("status", "Status"),
    )
    rows = []
    for w in a.wells:
        cells = (
            *(_index_cell(w, name, name in a.settings.indices) for name in names),
            text_cell(str(w.gated.get(a.population, _DASH))),
            text_cell(w.status.replace("_", " ")),
        )
        rows.append(Row(w.well.name, well_label(w), cells))
    note = (
        "*Inferred* from the dye of the cells in the gate "
        f"{escape_markup(a.population)}. Brackets: 95 % intervals of one well's cells (bootstrap); what differs "
        "between wells is not in them. More digits stand in results/wells.csv."
    )
    blocks: list[Block] = [Table("wells", "Indices of each well", columns, tuple(rows), note, "Well")]
    blocks += [_formulae(), *_heat_map(a)]
    return Section("indices", "Indices", tuple(blocks))


def _index_cell(w: WellResult, name: str, main: bool) -> Cell:
    """The indices that were asked for are results of the report, the others are shown beside them."""
    e = w.index(name)
    if not e.known:
        return text_cell(_DASH)
    ends = (e.lower, e.upper) if math.isfinite(e.lower) and math.isfinite(e.upper) else None
    if main:
        unit = index_words()[name].unit
        return number_cell(e.value, unit, Directness.INFERRED, interval=ends, note=_CELLS)
    said = format_number(e.value)
    return text_cell(said if ends is None else f"{said} ({format_number(ends[0])} to {format_number(ends[1])})")


def _formulae() -> Table:
    columns = (
        ColumnHead("formula", "Formula"),
        ColumnHead("meaning", "Meaning"),
        ColumnHead("synonyms", "Called elsewhere"),
        ColumnHead("beware", "Beware"),
    )
    rows = []
    for name, words in index_words().items():
        called = "; ".join(f"{s.program}: {s.name}" for s in words.synonyms) or _DASH
        sources = tuple(dict.fromkeys([*words.source, *(s.source for s in words.synonyms)]))
        cells = (
            text_cell(words.formula),
            text_cell(words.meaning, source=sources),
            text_cell(called),
            text_cell(words.warning or _DASH),
        )
        rows.append(Row(key_of(name), words.title, cells))
    note = "n_g: cells found in generation g; p_g = n_g / 2^g: cells of the beginning that ended there; no cell dies."
    return Table("formulae", "What the indices are", columns, tuple(rows), note, "Index")


def _heat_map(a: ProliferationAnalysis) -> Iterator[Figure]:
    index = a.settings.indices[0]
    rows = [
        {
            "row": w.well.row + 1,
            "column": w.well.column + 1,
            "signal": w.index(index).value,
            "role": str(w.well.role),
            "state": "used" if w.index(index).known else "missing",
        }
        for w in a.wells
    ]
    if not any(row["state"] == "used" for row in rows):
        return
    form = a.layout.plate
    drawing = draw_heat_map(TidyTable.from_rows(rows), rows=form.rows, columns=form.columns, label=_title(index))
    caption = (
        f"{escape_markup(_title(index))} on the {escape_markup(form.label)}; crosses: wells without a number. Letters: "
        "C stimulated control, U unstimulated; a dot is a sample."
    )
    yield figure_block("heat-map", f"{_title(index)} on the plate", drawing, caption)


def result_tables(a: ProliferationAnalysis) -> dict[str, TidyTable]:
    """Return the tables that are kept beside the report.

    Parameters
    ----------
    a : ProliferationAnalysis

    Returns
    -------
    dict of str to Table
    """
    return {
        "wells": TidyTable.from_rows(_flat(w.as_dict()) for w in a.wells),
        "generations": TidyTable.from_rows(_generation_rows(a.wells)),
        "bins": TidyTable.from_rows(_bin_rows(a.wells)),
        "dose_response": TidyTable.from_rows(_flat(d.as_dict()) for d in a.doses),
        "findings": TidyTable.from_rows(f.as_dict() for f in a.findings),
    }


def _generation_rows(wells: Sequence[WellResult]) -> Iterator[dict[str, Any]]:
    for w in wells:
        if w.fit is None or w.estimates is None or not w.usable:
            continue
        total = float(w.fit.counts.sum())
        for g, e in enumerate(w.estimates.generations):
            yield {
                "well": w.well.name,
                "generation": g,
                "cells": e.value,
                "lower": e.lower,
                "upper": e.upper,
                "cells_fraction": e.value / total,
                "precursors": e.value / 2.0**g,
            }


def _bin_rows(wells: Sequence[WellResult]) -> Iterator[dict[str, Any]]:
    for w in wells:
        if w.fit is None:
            continue
        h = w.fit.histogram
        expected = w.fit.expected().sum(axis=0) if w.usable else None
        for k, count in enumerate(h.counts):
            yield {
                "well": w.well.name,
                "low": h.edges[k - 1] if k else math.nan,
                "high": h.edges[k] if k < len(h.edges) else math.nan,
                "cells": count,
                "expected": math.nan if expected is None else expected[k],
            }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """One cell a value: an interval becomes two columns, a list or a mapping a text."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_ci") and isinstance(value, list) and len(value) == 2 and not isinstance(value[0], list):
            flat |= {f"{name.removesuffix('_ci')}_lower": value[0], f"{name.removesuffix('_ci')}_upper": value[1]}
        elif isinstance(value, dict):
            flat |= {f"{name}_{key}": item for key, item in value.items()}
        elif isinstance(value, list):
            flat[name] = " ".join(f"{x:.6g}" if isinstance(x, float) else str(x) for x in value)
        else:
            flat[name] = value
    return flat
