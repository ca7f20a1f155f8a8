"""Limits and provenance: what the model cannot say, and where each of its numbers stands."""

from __future__ import annotations

import math

from limus.kernel.provenance import Kind
from limus.report.content import BulletList, ColumnHead, Paragraph, Row, Section, Table, number_cell, text_cell
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.signalling.culture import drugs_of
from limus.workflows.cells import certainty, key_of, unit_words
from limus.workflows.comparison.data import Comparison

__all__ = ["limits", "provenance"]


def limits(data: Comparison) -> Section:
    """Build the section that says what the model cannot say."""
    verified = {p.compound for p in data.observations if p.kind is Kind.MEASURED and p.use == "fit"}
    unverified = [c.name for c in data.compounds if c.name not in verified]
    items = [escape_markup(text) for text in data.model.validity.cannot_say]
    if unverified:
        names = escape_markup(", ".join(unverified))
        items.insert(0, f"**No verified potency on human T cells was found for {names}.**")
    return Section("limits", "What the model cannot say", (BulletList(tuple(items)),))


def _label(name: str) -> str:
    return name.replace(".", ": ").replace("_", " ")


def provenance(data: Comparison) -> Section:
    """Build the section with every parameter of the model."""
    columns = (ColumnHead("value", "Value"), ColumnHead("kind", "Kind"), ColumnHead("origin", "Stands in"))
    skipped = tuple(f"{drug}." for drug in drugs_of(data.model) if drug not in data.modelled)
    rows = []
    for p in data.model.parameters.values():
        if p.name.startswith(skipped):
            continue
        note = p.sourced.note or p.sourced.conditions or str(p.sourced.kind)
        interval = None
        if p.at_bound:
            allowed = f"{format_number(p.lower)} to {format_number(p.upper)}"
            note = f"fitted, and stopped by its bound (allowed: {allowed}), so without an interval; {note}"
        elif math.isfinite(p.log10_standard_error):
            half = 1.645 * p.log10_standard_error
            interval = (p.value * 10.0**-half, p.value * 10.0**half)
            note = f"{'measured on a bench' if p.is_measured_here else 'fitted'}, 90 % interval; {note}"
        cell = number_cell(
            p.value,
            unit_words(p.unit),
            p.sourced.directness,
            interval=interval,
            source=p.sourced.source,
            certainty=certainty(p.sourced),
            note=note,
        )
        rows.append(
            Row(
                key_of(p.name),
                _label(p.name),
                (cell, text_cell(str(p.sourced.kind)), text_cell(p.origin.replace(":", ": "))),
            )
        )
    table = Table("parameters", f"Parameters of model {data.model.name}", columns, tuple(rows), stub="Parameter")
    changes = BulletList(tuple(escape_markup(text) for text in data.model.changes))
    papers = " ".join(f"[@{key}]" for key in data.model.papers)
    intro = Paragraph(f"{escape_markup(data.model.summary)} Built on {papers}, with these changes:")
    return Section("provenance", "The model and its numbers", (intro, changes, table))
