"""The tables of validity limits and of every number of the equations with its source."""

from __future__ import annotations

import math

from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.validity_limits import Covariate, limits_in_words
from limus.report.content import ColumnHead, Row, Table, number_cell, text_cell
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.cells import certainty, key_of, unit_words

__all__ = ["limits_table", "values_table"]


def limits_table(model: PopulationModel) -> Table:
    """Build the table of validity limits: what is allowed, where that is known from, and what happens without it."""
    columns = (
        ColumnHead("what", "What"),
        ColumnHead("allowed", "Allowed"),
        ColumnHead("known", "Known from"),
        ColumnHead("absent", "If missing"),
    )
    rows = []
    for entry in model.limited:
        allowed = limits_in_words(entry)
        if entry.unit and not (isinstance(entry, Covariate) and entry.codes):
            allowed = allowed.replace(entry.unit, unit_words(entry.unit))
        absent = "not checked"
        if isinstance(entry, Covariate):
            absent = "refused"
            if entry.default is not None:
                default = f"{format_number(entry.default)} {unit_words(entry.unit)}".rstrip()
                absent = f"{default}: {entry.default_reason}"
        known = f"{entry.kind}: {entry.note}" if entry.note else str(entry.kind)
        cells = (text_cell(entry.meaning), text_cell(allowed, source=entry.source), text_cell(known), text_cell(absent))
        rows.append(Row(key_of(entry.name), entry.name, cells))
    rules = dict.fromkeys(c.carry.replace("_", " ") for c in model.covariates.values())
    carried = " or ".join(rules) or "next observation backward"
    note = (
        "Outside these limits the model is refused; an override is given by the name in the first column, and printed. "
        f"What is refused when missing enters the equations; between records it is carried by {carried}."
    )
    return Table("validity", "Validity limits", columns, tuple(rows), note=escape_markup(note), stub="Name")


def values_table(model: PopulationModel) -> Table:
    """Build the table of every number of the equations, each with its source."""
    columns = (ColumnHead("value", "Value"), ColumnHead("note", "Note"))
    rows = []
    for name, value in model.values.items():
        printed = f"printed as {value.printed}" if value.printed else ""
        note = "; ".join(part for part in (value.note, printed, value.spread) if part)
        cell = number_cell(
            math.nan if value.value is None else value.value,
            unit_words(value.unit),
            value.directness,
            source=value.source,
            certainty=certainty(value),
            note="" if value.source else "assumed",
            significant=6,
        )
        rows.append(Row(key_of(name), name, (cell, text_cell(note or "\N{EN DASH}"))))
    return Table("values-table", "Every number of the equations", columns, tuple(rows), stub="Name in the equations")
