"""The report of a phosphatase plate: sections, figures and tables from an analysis; nothing is computed here."""

from __future__ import annotations

import math

import numpy as np

from limus.assay.phosphatase.conditions import Affinity
from limus.assay.phosphatase.result import Inhibitor, PhosphataseAnalysis
from limus.assay.plate.uncertainty import Estimate
from limus.kernel.provenance import Directness, Kind
from limus.kernel.tables import Table as TidyTable
from limus.report.content import ColumnHead, Figure, Notice, Paragraph, Row, Section, Table, number_cell, text_cell
from limus.report.figures.inhibition import draw_inhibition
from limus.report.figures.plates import draw_standard_curve
from limus.report.markup import escape_markup
from limus.workflows.assay.plate_report.writing import (
    estimate_cell,
    figure_block,
    findings_section,
    flat_row,
    key_of,
    plate_section,
    stated_cell,
)

__all__ = ["build_sections", "result_tables"]

_DASH = "\N{EN DASH}"
_UG = "\N{MICRO SIGN}g"


def build_sections(a: PhosphataseAnalysis) -> tuple[Section, ...]:
    """Build the report's sections in reading order.

    Parameters
    ----------
    a : PhosphataseAnalysis

    Returns
    -------
    tuple of Section
    """
    nm = a.plate.reading.wavelength_nm
    signal = f"Absorbance at {nm:g} nm" if math.isfinite(nm) else "Absorbance"
    return (
        *((_inhibition(a),) if a.inhibitors else ()),
        findings_section(a.findings),
        _activities(a),
        _standards(a),
        plate_section(a.plate, a.quality, a.positions, signal=signal),
        _method(a),
    )


def _name(one: Inhibitor) -> str:
    s = one.curve.series
    extra = [f"group {s.label}"] if s.label else []
    extra += [f"{s.time_min:g} min"] if math.isfinite(s.time_min) else []
    return f"{s.compound} ({', '.join(extra)})" if extra else s.compound


def _inhibition(a: PhosphataseAnalysis) -> Section:
    columns = (
        ColumnHead("absolute", "IC50, half of the controls", "nM"),
        ColumnHead("relative", "IC50, half of the effect", "nM"),
        ColumnHead("hill", "Slope"),
        ColumnHead("ki", "Ki of the complex", "nM"),
        ColumnHead("half", "IC50 against half the enzyme"),
    )
    rows = []
    for index, one in enumerate(a.inhibitors):
        c, b = one.curve, one.binding
        wells = sum(len(g.signals) for g in c.series.doses)
        missing = b.status.replace("_", " ")
        cells = (
            estimate_cell(c.fit.ic50_absolute, "nM", n=wells, missing=c.fit.absolute_status.replace("_", " ")),
            estimate_cell(c.fit.ic50_relative, "nM", n=wells, missing=c.fit.relative_status.replace("_", " ")),
            estimate_cell(c.fit.hill, ""),
            estimate_cell(b.ki_nM, "nM", n=wells, missing=missing, note=b.reason),
            text_cell(_DASH if b.half_enzyme is None else str(b.half_enzyme).replace("_", " ")),
        )
        rows.append(Row(f"{key_of(c.series.compound)}-{index + 1}", _name(one), cells))
    note = "Intervals: 95 %, everything that was measured carried in (standards, background, controls, wells); n wells."
    table = Table("potency", "Inhibition", columns, tuple(rows), note, "Compound")
    return Section("inhibition", "Inhibition", (table, *_refusals(a), _curves(a)))


def _refusals(a: PhosphataseAnalysis) -> tuple[Notice, ...]:
    refused = {i.binding.reason: i.curve.series.compound for i in a.inhibitors if i.binding.status == "refused"}
    return tuple(
        Notice("note", f"No inhibition constant for {escape_markup(name)}: {escape_markup(reason)}.")
        for reason, name in refused.items()
    )


def _curves(a: PhosphataseAnalysis) -> Figure:
    points, curves, marks = [], [], []
    for one in a.inhibitors:
        name = _name(one) if len({i.curve.series.compound for i in a.inhibitors}) < len(a.inhibitors) else ""
        compound = name or one.curve.series.compound
        rows = {id(x.group): x for x in a.activities}
        for g in (*one.curve.series.doses, *one.curve.series.left_out):
            inhibition = rows[id(g)].inhibition_percent
            points.append(
                {
                    "compound": compound,
                    "concentration": g.dose_nM,
                    "value": 100.0 - inhibition.value,
                    "lower": 100.0 - inhibition.upper,
                    "upper": 100.0 - inhibition.lower,
                    "mark": "used" if g.usable else "left out",
                }
            )
        doses = [g.dose_nM for g in one.curve.series.doses]
        line = one.curve.fit.line(doses[0] / 1.5, doses[-1] * 1.5) if doses else ((), ())
        curves += [{"compound": compound, "concentration": x, "value": y} for x, y in zip(*line, strict=True)]
        marks.append({"compound": compound, "ic50": one.curve.fit.ic50_absolute.value})
    drawing = draw_inhibition(
        TidyTable.from_rows(points),
        TidyTable.from_rows(curves, ("compound", "concentration", "value")),
        TidyTable.from_rows(marks),
        x_label="Concentration (nM)",
        y_label="Activity (% of controls)",
    )
    caption = (
        "Activity above the no-enzyme background, per cent of the controls, with 95 % intervals; line: fitted "
        "log-logistic curve; thin line: IC50 at half of the controls. *Measured* on this plate."
    )
    return figure_block("inhibition-curves", "Inhibition curves", drawing, caption)


def _activities(a: PhosphataseAnalysis) -> Section:
    columns = (
        ColumnHead("dose", "Dose", "nM"),
        ColumnHead("time", "Time", "min"),
        ColumnHead("phosphate", "Phosphate", "nmol"),
        ColumnHead("released", "Released", "nmol"),
        ColumnHead("activity", "Activity", f"pmol/min/{_UG}"),
        ColumnHead("inhibition", "Inhibition", "%"),
        ColumnHead("status", "Status"),
    )
    rows = tuple(
        Row(
            f"group-{number}",
            f"{x.group.compound or str(x.group.role).replace('_', ' ')} {x.group.label}".strip(),
            (
                stated_cell(x.group.dose_nM if x.group.compound else math.nan),
                stated_cell(x.group.time_min),
                estimate_cell(x.phosphate_nmol, "nmol", n=len(x.group.signals)),
                estimate_cell(x.released_nmol, "nmol"),
                estimate_cell(x.activity, f"pmol/min/{_UG}"),
                estimate_cell(x.inhibition_percent, "%"),
                text_cell(x.status.replace("_", " ")),
            ),
        )
        for number, x in enumerate(a.activities, start=1)
    )
    note = f"1 pmol/min/{_UG} is 1 nmol/min/mg. Intervals: 95 %; n wells. Released: above the background."
    table = Table("activities", "Activities", columns, rows, note, "Wells")
    return Section("activity", "Activities", (_linearity(a), table))


def _linearity(a: PhosphataseAnalysis) -> Table:
    rows = []
    for one, unit in ((a.time, "min"), (a.enzyme, _UG)):
        tested = one.status != "not_tested"
        rows.append(
            Row(
                one.quantity,
                f"Against {one.quantity}",
                (
                    stated_cell(one.levels[-1] if tested else math.nan, unit),
                    estimate_cell(Estimate(one.loss_percent), "%"),
                    estimate_cell(Estimate(one.p_value), ""),
                    text_cell(one.status.replace("_", " ")),
                ),
            )
        )
    used = estimate_cell(Estimate(a.substrate_used_percent), "%")
    rows.append(
        Row("substrate", "Substrate used by the controls", (text_cell(_DASH), used, text_cell(_DASH), text_cell(_DASH)))
    )
    columns = (
        ColumnHead("highest", "Highest level"),
        ColumnHead("loss", "Below the initial line"),
        ColumnHead("p", "p"),
        ColumnHead("status", "Status"),
    )
    note = "Phosphate that the controls release, straight line against parabola through zero."
    return Table("linearity", "Are these initial rates?", columns, tuple(rows), note, "Controls")


def _standards(a: PhosphataseAnalysis) -> Section:
    s = a.standard
    x = np.linspace(0.0, s.largest_nmol * 1.03, 101)
    lower, upper = s.band(x)
    curve = TidyTable.create({"x": x, "y": s.absorbance(x), "lower": lower, "upper": upper})
    points = TidyTable.create({"x": s.amounts_nmol, "y": s.absorbances, "used": ["yes"] * len(s.amounts_nmol)})
    samples = TidyTable.create({"y": [v.group.mean for v in a.activities if v.group.compound and v.group.usable]})
    drawing = draw_standard_curve(
        points, curve, x_label="Phosphate (nmol in the well)", y_label="Absorbance", samples=samples
    )
    words = "straight line" if s.form == "line" else "parabola"
    caption = f"{len(s.amounts_nmol)} standard wells, weighted {words} with its 95 % band; ticks on the right: samples."
    errors = np.sqrt(np.diag(s.covariance))
    names = (("Intercept", ""), ("Slope", "per nmol"), ("Curvature", "per nmol\N{SUPERSCRIPT TWO}"))
    rows = tuple(
        Row(f"b{k}", name, (estimate_cell(Estimate(float(value)), unit), estimate_cell(Estimate(float(error)), unit)))
        for k, ((name, unit), value, error) in enumerate(zip(names, s.coefficients, errors, strict=False))
    )
    p = (s.curvature_p, s.lack_of_fit_p)
    rows += tuple(
        Row(key, words, (estimate_cell(Estimate(value), ""), text_cell(_DASH)))
        for key, words, value in zip(("bend", "lack"), ("p of curvature", "p of lack of fit"), p, strict=True)
    )
    note = f"{s.degrees_of_freedom} degrees of freedom; weighted by the scatter of replicates."
    columns = (ColumnHead("value", "Value"), ColumnHead("error", "Standard error"))
    table = Table("coefficients", "Standard curve", columns, rows, note, "Coefficient")
    return Section(
        "standards", "Phosphate standards", (figure_block("standard-curve", "Standards", drawing, caption), table)
    )


def _method(a: PhosphataseAnalysis) -> Section:
    texts = [
        "Phosphate is read off the malachite green standard curve [@carter_1982]; what wells without enzyme hold is "
        "subtracted. Replicates scatter by a constant and a proportional part [@rocke_1995], fitted to the plate.",
        "The uncertainty of standards, background, controls and wells is carried into every number by the delta "
        "method. The two IC50s are named for what half means: of the controls (absolute), or of the fitted effect "
        "(relative).",
        "The inhibition constant is that of the drug-immunophilin complex, by Morrison's equation [@morrison_1969] on "
        "the complex that drug and immunophilin form. " + _mechanism(a.conditions.mechanism),
    ]
    return Section("method", "How the numbers were made", (*(Paragraph(text) for text in texts), _conditions(a)))


def _mechanism(stated: str) -> str:
    if stated == "competitive":
        return "The layout says that it competes with the substrate: corrected after Cheng and Prusoff [@cheng_1973]."
    return "No correction for the substrate is made: FKBP12-FK506 binds away from the active site [@kissinger_1995]."


def _conditions(a: PhosphataseAnalysis) -> Table:
    c, noise = a.conditions, a.noise
    stated: list[tuple[str, str, float | None, str]] = [
        ("time", "Reaction time", c.reaction_time_min, "min"),
        ("mass", "Enzyme in a well", c.enzyme_mass_ug, _UG),
        ("enzyme", "Active enzyme", c.enzyme_nM, "nM"),
        ("immunophilin", c.immunophilin or "Immunophilin", c.immunophilin_nM, "nM"),
        ("substrate", "Substrate", c.substrate_nM, "nM"),
        ("michaelis", "Michaelis constant", c.michaelis_nM, "nM"),
    ]
    if noise is not None:
        stated += [
            ("constant", "Scatter of a well, constant part", math.sqrt(noise.constant), "absorbance"),
            ("proportional", "Scatter of a well, proportional part", 100 * math.sqrt(noise.proportional), "%"),
        ]
    rows = [
        Row(key, label, (stated_cell(math.nan if value is None else value, unit, "not stated"),))
        for key, label, value, unit in stated
    ]
    for one in {i.curve.series.compound: i for i in a.inhibitors}.values():
        found = one.binding.affinity
        cell = text_cell("none used")
        if found.value_nM is not None:
            cell = number_cell(found.value_nM, "nM", _directness(found), source=found.source, note=found.origin)
        name = one.curve.series.compound
        rows.append(Row(f"affinity-{key_of(name)}", f"Dissociation constant of {name}", (cell,)))
    note = "As the layout states it; scatter as fitted to the replicates; dissociation constants as their notes say."
    return Table("conditions", "Conditions", (ColumnHead("value", "Value"),), tuple(rows), note, "Condition")


def _directness(found: Affinity) -> Directness:
    return Directness.MEASURED if found.kind in (None, Kind.MEASURED) else Directness.INFERRED


def result_tables(a: PhosphataseAnalysis) -> dict[str, TidyTable]:
    """Return the tables that are kept beside the report.

    Parameters
    ----------
    a : PhosphataseAnalysis

    Returns
    -------
    dict of str to Table
    """
    return {
        "wells": a.plate.table(),
        "activities": TidyTable.from_rows(flat_row(x.as_dict()) for x in a.activities),
        "inhibitors": TidyTable.from_rows(flat_row(x.as_dict()) for x in a.inhibitors),
        "findings": TidyTable.from_rows(f.as_dict() for f in a.findings),
    }
