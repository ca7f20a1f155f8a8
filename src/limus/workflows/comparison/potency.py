"""Potency: measured and simulated side by side, with fold error and figures."""

from __future__ import annotations

import math

import numpy as np

from limus.kernel.provenance import Directness, Kind
from limus.kernel.tables import Table as TidyTable
from limus.report.content import (
    Cell,
    ColumnHead,
    Figure,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    number_cell,
    text_cell,
)
from limus.report.figures import draw_dose_response, draw_potency_comparison, draw_time_course
from limus.report.markup import escape_markup
from limus.signalling.observations import Potency
from limus.signalling.potency import CurveStatus
from limus.signalling.protocol import find_protocol
from limus.workflows.cells import figure, key_of
from limus.workflows.comparison.data import Comparison, Condition
from limus.workflows.potency import HIGHEST_NM, LOWEST_NM

__all__ = ["potency", "simulated", "words"]


_STATUS_WORDS = {
    CurveStatus.NO_SIGNAL: "no signal to inhibit",
    CurveStatus.NO_EFFECT: "no effect",
    CurveStatus.HALF_NOT_REACHED: "half inhibition not reached",
    CurveStatus.BELOW_RANGE: "below 0.0001 nM",
}


def words(condition: Condition, data: Comparison) -> str:
    """Name a condition in short."""
    return f"{data.model.readout(condition.readout).short}, {find_protocol(condition.stimulus).short}"


def simulated(data: Comparison, drug: str, condition: Condition) -> Cell:
    """Show a simulated IC50 with its interval, or in words why there is none."""
    if drug not in data.modelled:
        return text_cell("not in the model")
    curve = data.curves[drug, condition.key]
    assumed = _assumed(data, drug)
    note = f"simulated: {data.simulation_note}"
    if assumed:
        note += f"; assumed and held: {', '.join(name.replace('_', ' ') for name in assumed)}"
    certainty = "assumed binding" if "dissociation_constant" in assumed else ""
    status = curve.summary.status
    if status is not CurveStatus.OK:
        return text_cell(_STATUS_WORDS[status], directness=Directness.SIMULATED, certainty=certainty, note=note)
    interval = None if math.isnan(curve.interval[0]) else curve.interval
    return number_cell(
        curve.summary.ic50_absolute_nM,
        "nM",
        Directness.SIMULATED,
        n=data.draws or None,
        interval=interval,
        certainty=certainty,
        note=f"{note}; absolute IC50, interval is the 5th to 95th percentile",
    )


def _assumed(data: Comparison, drug: str) -> tuple[str, ...]:
    """Which of the numbers that set a drug's potency are only assumed, and so not in the interval."""
    decisive = ("dissociation_constant", "fraction_unbound_plasma", "complex_dissociation_constant")
    kinds = {name: data.model.parameters[f"{drug}.{name}"].sourced.kind for name in decisive}
    return tuple(name for name, kind in kinds.items() if kind is Kind.ASSUMED)


def _measured(data: Comparison, drug: str, condition: Condition) -> tuple[Cell, Potency | None]:
    found = [
        p
        for p in data.observations
        if (p.compound, p.readout, p.stimulus) == (drug, condition.readout, condition.stimulus)
        and p.metric in {"ic50", "range"}
        and p.kind is Kind.MEASURED
    ]
    if not found:
        return text_cell("no verified value"), None
    first = found[0]
    others = "".join(f"; another source: {p.printed}" for p in found[1:])
    middle = "; the number kept for the range is its geometric middle" if first.is_interval else ""
    note = f"printed as {first.printed}; {first.cells}; {first.conditions}{others}{middle}"
    source = tuple(dict.fromkeys(key for p in found for key in p.source))
    interval = (first.lower_nM, first.upper_nM) if first.is_interval else None
    text = "" if interval is None else f"{first.lower_nM:.3g} to {first.upper_nM:.3g}"
    cell = number_cell(
        first.centre_nM, "nM", Directness.MEASURED, interval=interval, source=source, note=note, text=text
    )
    return cell, first


def potency(data: Comparison) -> Section:
    """Build the section with the potency table and its figures."""
    columns = (
        ColumnHead("measured", "Measured IC50", "nM"),
        ColumnHead("simulated", "Simulated IC50", "nM"),
        ColumnHead("fold", "Fold error"),
        ColumnHead("relative", "Simulated, relative IC50", "nM"),
        ColumnHead("max", "Largest inhibition", "%"),
    )
    rows, points = [], []
    for condition in data.plan.potencies:
        for drug in data.modelled:
            measured, observation = _measured(data, drug, condition)
            rows.append(_potency_row(data, drug, condition, measured, observation))
            points += _points(data, drug, condition, observation)
    blocks: list[Paragraph | Table | Figure | Notice] = []
    if rows:
        note = (
            "Absolute IC50: half of the control; relative: half of the largest effect. Fold error is how far the "
            "simulated value lies from the measured one, 1 inside a measured range. Density, serum and hours of the "
            "measurements were not read in their sources; the simulations use the usual values of each protocol. "
            "Intervals cover the fitted constants alone; assumed ones are held. " + _explained(data)
        )
        blocks.append(
            Table("potency", "Potency, measured and simulated", columns, tuple(rows), note=note, stub="Readout")
        )
        blocks += _potency_figures(data, points)
    guessed = [drug for drug in data.modelled if "dissociation_constant" in _assumed(data, drug)]
    if guessed:
        words_of = f"The binding constants of {', '.join(guessed)} in the model are assumed: what is simulated for them"
        blocks.insert(0, Notice("warning", f"{words_of} shows how the model behaves and does not rank the compounds."))
    unmodelled = [c.name for c in data.compounds if c.name not in data.modelled]
    if unmodelled:
        blocks.append(Notice("note", f"Not in the model, so not simulated: {', '.join(unmodelled)}."))
    return Section("potencies", "Potency", tuple(blocks))


def _explained(data: Comparison) -> str:
    """What the short names of readouts and stimuli stand for."""
    readouts = dict.fromkeys(data.model.readout(c.readout) for c in data.plan.potencies)
    protocols = {c.stimulus: find_protocol(c.stimulus) for c in data.plan.potencies}
    names = [f"{r.short}: {r.label}" for r in readouts]
    for stimulus, protocol in protocols.items():
        asked = [c.readout for c in data.plan.potencies if c.stimulus == stimulus]
        hours = {name: protocol.hours_for(name) for name in asked}
        if len(set(hours.values())) == 1:
            said = f"{hours[asked[0]]:g} h"
        else:
            said = ", ".join(f"{data.model.readout(name).short} {h:g} h" for name, h in hours.items())
        names.append(f"{protocol.short}: {protocol.label}, {said}")
    return escape_markup("; ".join(names)) + "."


def _potency_row(data: Comparison, drug: str, condition: Condition, measured: Cell, observation: Potency | None) -> Row:
    summary = data.curves[drug, condition.key].summary
    note = f"simulated: {data.simulation_note}"
    fold: Cell = text_cell("\N{EN DASH}")
    if observation is not None and summary.status is CurveStatus.OK:
        error = 10.0 ** abs(observation.log10_misfit(summary.ic50_absolute_nM))
        fold = number_cell(error, "", Directness.SIMULATED, note=note, source=observation.source)
    relative: Cell = text_cell("\N{EN DASH}")
    if math.isfinite(summary.ic50_relative_nM):
        relative = number_cell(summary.ic50_relative_nM, "nM", Directness.SIMULATED, note=note)
    largest: Cell = text_cell("\N{EN DASH}")
    if math.isfinite(summary.max_inhibition_fraction):
        largest = number_cell(round(100.0 * summary.max_inhibition_fraction, 2), "%", Directness.SIMULATED, note=note)
    key = key_of(f"{drug}_{condition.readout}_{condition.stimulus}")
    cells = (measured, simulated(data, drug, condition), fold, relative, largest)
    return Row(key, f"{drug}: {words(condition, data)}", cells)


def _points(data: Comparison, drug: str, condition: Condition, observation: Potency | None) -> list[dict[str, object]]:
    label = words(condition, data)
    base = {"row_label": label, "drug": drug}
    points: list[dict[str, object]] = []
    if observation is not None:
        kind = "interval" if observation.is_interval else "measured"
        points.append(
            base
            | {
                "kind": kind,
                "value_nM": math.nan if observation.is_interval else observation.centre_nM,
                "lower_nM": observation.lower_nM,
                "upper_nM": observation.upper_nM,
            }
        )
    curve = data.curves[drug, condition.key]
    if curve.summary.status is CurveStatus.OK:
        lower, upper = np.clip(curve.interval, LOWEST_NM, HIGHEST_NM).tolist()  # an open end is drawn to the edge
        value = curve.summary.ic50_absolute_nM
        points.append(base | {"kind": "simulated", "value_nM": value, "lower_nM": lower, "upper_nM": upper})
    return points


def _potency_figures(data: Comparison, points: list[dict[str, object]]) -> list[Figure]:
    names = ("row_label", "drug", "kind", "value_nM", "lower_nM", "upper_nM")
    chosen = [c for c in data.plan.potencies if c.key in data.plan.dose_response.panels]
    curves: list[dict[str, object]] = []
    marks: list[dict[str, object]] = []
    for condition in chosen:
        label = words(condition, data)
        for drug in data.modelled:
            curve = data.curves[drug, condition.key]
            if curve.summary.status is CurveStatus.NO_SIGNAL:
                continue
            marks.append({"drug": drug, "readout": label, "ic50_nM": curve.summary.ic50_absolute_nM})
            for i, concentration in enumerate(curve.concentrations):
                row = {"drug": drug, "readout": label, "concentration_nM": concentration}
                row |= {"response_percent": curve.percent[i]}
                if data.draws:
                    row |= {"lower_percent": curve.lower[i], "upper_percent": curve.upper[i]}
                curves.append(row)
    return [
        figure(
            "potency-comparison",
            "Measured and simulated potency",
            draw_potency_comparison(TidyTable.from_rows(points, names)),
            f"Filled: measured; bar: measured range; open: simulated with its 90 % interval ({data.simulation_note}).",
        ),
        figure(
            "dose-response",
            "Simulated dose-response",
            draw_dose_response(TidyTable.from_rows(curves), TidyTable.from_rows(marks)),
            f"Per cent of the control culture; band: 5th to 95th percentile; simulated, {data.simulation_note}.",
        ),
        figure(
            "time-course",
            "Simulated time course after the stimulus",
            draw_time_course(data.time_course),
            f"Mixed lymphocyte reaction; drug added with the stimulus; simulated, model {data.model.name}.",
        ),
    ]
