"""Calibration: what the model was fitted to and how far off it is, as it is."""

from __future__ import annotations

from limus.kernel.provenance import Directness
from limus.report.content import BulletList, ColumnHead, Notice, Paragraph, Row, Section, Table, number_cell, text_cell
from limus.report.markup import escape_markup
from limus.signalling.potency import CurveStatus
from limus.signalling.protocol import find_protocol
from limus.workflows.cells import key_of
from limus.workflows.comparison.data import Comparison

__all__ = ["calibration"]


def calibration(data: Comparison) -> Section:
    """Build the section that prints observed against predicted, used or not, and what was left out."""
    columns = (
        ColumnHead("compound", "Compound"),
        ColumnHead("observed", "Observed", "nM"),
        ColumnHead("predicted", "Predicted", "nM"),
        ColumnHead("fold", "Fold error"),
        ColumnHead("used", "Used"),
    )
    rows = []
    for row in data.calibration:
        p = row.observation
        text = f"{p.lower_nM:.3g} to {p.upper_nM:.3g}" if p.is_interval else ""
        interval = (p.lower_nM, p.upper_nM) if p.is_interval else None
        middle = "; the number kept for the range is its geometric middle" if p.is_interval else ""
        observed = number_cell(
            p.centre_nM,
            "nM",
            Directness.MEASURED,
            interval=interval,
            source=p.source,
            note=p.conditions + middle,
            text=text,
        )
        note = f"simulated: model {data.model.name} at its accepted fit"
        predicted, fold = text_cell("\N{EN DASH}"), text_cell("\N{EN DASH}")
        if row.status is CurveStatus.OK:
            predicted = number_cell(row.predicted_nM, "nM", Directness.SIMULATED, note=note)
            fold = number_cell(row.fold, "", Directness.SIMULATED, note=note)
        used = text_cell("fitted" if p.use == "fit" else "not fitted", note=p.reason)
        label = f"{p.id}: {data.model.readout(p.readout).short}, {find_protocol(p.stimulus).short}"
        rows.append(Row(key_of(p.id), label, (text_cell(p.compound), observed, predicted, fold, used)))
    fitted = [row for row in data.calibration if row.observation.use == "fit"]
    within = sum(row.fold <= 3.0 for row in fitted)
    paragraph = Paragraph(
        f"The unknown constants of the model were fitted to {len(fitted)} published potencies; {within} of them are "
        "met within a factor of three. The table is printed as it is; the command limus calibrate makes it anew."
    )
    table = Table("calibration", "Calibration of the model", columns, tuple(rows), stub="Observation")
    left = tuple(
        f"{escape_markup(p.id)}, {escape_markup(p.compound)}: {escape_markup(p.reason)}."
        for p in data.observations
        if p.id not in {row.observation.id for row in data.calibration}
    )
    blocks: list[Paragraph | Table | BulletList | Notice] = [paragraph, table]
    if data.model.fit_status != "accepted":
        words = f"The fit of model {data.model.name} is not current ({data.model.fit_status})"
        blocks.insert(0, Notice("warning", f"{words}: run limus calibrate --accept."))
    if left:
        blocks += [Paragraph("Published values of these compounds that were left out, and why:"), BulletList(left)]
    return Section("model-calibration", "Calibration", tuple(blocks))
