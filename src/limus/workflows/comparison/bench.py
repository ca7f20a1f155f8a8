"""Measured on a bench: the user's own values, where they stand in the place of the model's, and their files."""

from __future__ import annotations

import math

from limus.kernel.provenance import Directness
from limus.molecule.bench_result import BenchValue
from limus.report.content import Cell, ColumnHead, Paragraph, Row, Section, Table, number_cell, text_cell
from limus.workflows.cells import key_of
from limus.workflows.comparison.data import Comparison, bench_key

__all__ = ["bench_section"]

_WORDS = {
    "complex_dissociation_constant": "Ki of the complex with its immunophilin",
    "ic50_absolute": "IC50, half of the controls",
    "ic50_relative": "IC50, half of the effect",
}


def bench_section(data: Comparison) -> Section:
    """Build the section with the values that the user measured.

    Parameters
    ----------
    data : Comparison
        With at least one such value.

    Returns
    -------
    Section
    """
    columns = (
        ColumnHead("value", "Measured"),
        ColumnHead("library", "Model's own value"),
        ColumnHead("use", "Use in this guide"),
    )
    rows = tuple(
        Row(f"{key_of(v.compound)}-{key_of(v.quantity)}-{k}", _label(v), (_cell(v), _own(v, data), _use(v, data)))
        for k, v in enumerate(data.bench, start=1)
    )
    table = Table("bench-values", "Values from the bench", columns, rows, stub="Quantity")
    said = Paragraph(
        "These values were measured by whoever asked for this guide, and are read from result files of limus. Where "
        "the model has the same quantity, the measured value takes its place in every simulation here; the model's "
        "other fitted values stay as they were fitted with the value that is replaced."
    )
    return Section("bench", "Measured on a bench", (said, table))


def _label(value: BenchValue) -> str:
    return f"{value.compound}: {_WORDS.get(value.quantity, value.quantity.replace('_', ' '))}, {value.readout}"


def _cell(value: BenchValue) -> Cell:
    known = math.isfinite(value.lower) and math.isfinite(value.upper)
    return number_cell(
        value.value,
        value.unit,
        Directness.MEASURED,
        n=value.n,
        interval=(value.lower, value.upper) if known else None,
        source=(bench_key(value),),
        note=value.origin,
    )


def _own(value: BenchValue, data: Comparison) -> Cell:
    own = data.accepted.parameters.get(f"{value.compound}.{value.quantity}")
    if own is None:
        return text_cell("none")
    note = own.sourced.note or own.sourced.conditions or str(own.sourced.kind)
    return number_cell(own.value, own.unit, own.sourced.directness, source=own.sourced.source, note=note)


def _use(value: BenchValue, data: Comparison) -> Cell:
    return text_cell("in the model" if value in data.bench_used else "shown only")
