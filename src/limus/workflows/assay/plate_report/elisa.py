"""The report of an ELISA with viability: sections, figures and tables from an analysis; nothing is computed here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from limus.assay.curve.inhibition import PercentCurve
from limus.assay.elisa.inhibition import ElisaDose, ElisaInhibitor
from limus.assay.elisa.result import ElisaAnalysis
from limus.assay.elisa.samples import SampleGroup
from limus.assay.elisa.viability import Verdict, as_rows
from limus.assay.layout.records import Role
from limus.assay.plate.uncertainty import Estimate
from limus.assay.quality.rules import load_rules
from limus.kernel.tables import Table as TidyTable
from limus.report.content import Cell, ColumnHead, Figure, Paragraph, Row, Section, Table, text_cell
from limus.report.figures.inhibition import draw_inhibition
from limus.report.markup import escape_markup
from limus.report.numbers import format_quantity
from limus.workflows.assay.plate_report.elisa_standards import standards_section
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


def build_sections(a: ElisaAnalysis) -> tuple[Section, ...]:
    """Build the report's sections in reading order.

    Parameters
    ----------
    a : ElisaAnalysis

    Returns
    -------
    tuple of Section
    """
    nm = a.plate.reading.wavelength_nm
    signal = f"Absorbance at {nm:g} nm" if math.isfinite(nm) else "Absorbance"
    if a.plate.reference is not None:
        signal += f" less {a.plate.reference.wavelength_nm:g} nm"
    return (
        *((_inhibition(a),) if a.inhibitors else ()),
        findings_section(a.findings),
        *((_doses(a),) if a.inhibitors else ()),
        _samples(a),
        standards_section(a, signal),
        plate_section(a.plate, a.quality, a.positions, signal=signal),
        _method(a),
    )


def _inhibition(a: ElisaAnalysis) -> Section:
    columns = (
        ColumnHead("absolute", "IC50, half of the controls"),
        ColumnHead("relative", "IC50, half of the effect"),
        ColumnHead("absolute_all", "Half of the controls, cytotoxic doses kept in"),
        ColumnHead("relative_all", "Half of the effect, cytotoxic doses kept in"),
        ColumnHead("masked", "Cytotoxic doses"),
    )
    rows = []
    for index, one in enumerate(a.inhibitors):
        masked = [format_quantity(d.dose, one.unit) for d in one.doses if d.masked]
        cells = (
            *_ic50s(one.curve, one.unit, sum(not d.masked for d in one.doses)),
            *_ic50s(one.curve_with_masked, one.unit, len(one.doses)),
            text_cell(", ".join(masked) or "none"),
        )
        rows.append(Row(f"{key_of(one.compound)}-{index + 1}", _name(one, a), cells))
    note = (
        "Intervals: 95 %, everything that was measured carried in (standards, controls, wells); n doses. A dose is "
        "cytotoxic where viability lies below the threshold; lost cells secrete nothing, which is no inhibition."
    )
    table = Table("potency", f"Inhibition of {a.conditions.analyte}", columns, tuple(rows), note, "Compound")
    return Section("inhibition", f"Inhibition of {a.conditions.analyte}", (table, _curves(a)))


def _ic50s(curve: PercentCurve, unit: str, n: int) -> tuple[Cell, Cell]:
    return (
        estimate_cell(curve.ic50_absolute, unit, n=n, missing=curve.absolute_status.replace("_", " ")),
        estimate_cell(curve.ic50_relative, unit, n=n, missing=curve.relative_status.replace("_", " ")),
    )


def _name(one: ElisaInhibitor, a: ElisaAnalysis) -> str:
    several = sum(other.compound == one.compound for other in a.inhibitors) > 1
    return f"{one.compound} ({one.label})" if several and one.label else one.compound


def _curves(a: ElisaAnalysis) -> Figure:
    points, viability, curves, marks = [], [], [], []
    for one in a.inhibitors:
        name = _name(one, a)
        points += [_point(name, dose) for dose in one.doses]
        viability += [_viability_point(name, dose) for dose in one.doses]
        line = one.curve.line(one.doses[0].dose / 1.5, one.doses[-1].dose * 1.5)
        curves += [{"compound": name, "concentration": x, "value": y} for x, y in zip(*line, strict=True)]
        marks.append({"compound": name, "ic50": one.curve.ic50_absolute.value})
    units = {one.unit for one in a.inhibitors}
    analyte, threshold = a.conditions.analyte, a.conditions.threshold_percent
    drawing = draw_inhibition(
        TidyTable.from_rows(points),
        TidyTable.from_rows(curves, ("compound", "concentration", "value")),
        TidyTable.from_rows(marks),
        x_label=f"Concentration ({units.pop() if len(units) == 1 else 'unit of the table'})",
        y_label=f"{analyte} (% of controls)",
        viability=TidyTable.from_rows(viability) if a.viability else None,
        threshold=threshold,
    )
    below = " Below: viability with its threshold (dashed)." if a.viability else " Viability was not measured."
    caption = (
        f"{escape_markup(analyte)} above unstimulated controls, per cent of stimulated ones, with 95 % intervals. Red "
        "crosses: cytotoxic doses, masked; open triangles: known only to lie below (or above) the range. Line: fitted "
        f"without masked points; thin line: IC50 at half of the controls.{below} *Measured* on these plates."
    )
    return figure_block("inhibition-curves", "Inhibition and viability", drawing, caption)


def _point(name: str, dose: ElisaDose) -> dict[str, Any]:
    r = dose.response_percent
    mark = "masked" if dose.masked else "used"
    value = r.value
    if not r.known and math.isfinite(r.upper):
        value, mark = r.upper, "masked" if dose.masked else "limit"
    elif not r.known and math.isfinite(r.lower):
        value, mark = r.lower, "masked" if dose.masked else "limit"
    span = (r.lower, r.upper) if r.known else (math.nan, math.nan)
    return {
        "compound": name,
        "concentration": dose.dose,
        "value": value,
        "lower": span[0],
        "upper": span[1],
        "mark": mark,
    }


def _viability_point(name: str, dose: ElisaDose) -> dict[str, Any]:
    v = dose.viability_percent
    return {
        "compound": name,
        "concentration": dose.dose,
        "value": v.value,
        "lower": v.lower,
        "upper": v.upper,
        "mark": "masked" if dose.masked else "used",
    }


_VERDICTS = {
    Verdict.VIABLE: "viable",
    Verdict.UNCERTAIN: "viable, uncertain",
    Verdict.CYTOTOXIC_LIKELY: "cytotoxic, interval across the threshold",
    Verdict.CYTOTOXIC: "cytotoxic",
    Verdict.NOT_MEASURED: "not measured",
}


def _doses(a: ElisaAnalysis) -> Section:
    columns = (
        ColumnHead("dose", "Dose"),
        ColumnHead("concentration", a.conditions.analyte, a.standard.unit),
        ColumnHead("inhibition", "Inhibition", "%"),
        ColumnHead("viability", "Viability", "%"),
        ColumnHead("verdict", "Cells"),
    )
    rows = []
    for index, one in enumerate(a.inhibitors):
        for k, dose in enumerate(one.doses):
            i = dose.inhibition_percent
            shown = estimate_cell(i, "%")
            if not i.known and math.isfinite(i.lower):
                shown = text_cell(f"> {format_quantity(i.lower, '%')}")
            elif not i.known and math.isfinite(i.upper):
                shown = text_cell(f"< {format_quantity(i.upper, '%')}")
            if dose.masked:
                shown = text_cell("masked: cytotoxic")
            cells = (
                stated_cell(dose.dose, one.unit),
                _concentration(dose.group, a.standard.unit),
                shown,
                estimate_cell(dose.viability_percent, "%", n=dose.viability_wells),
                text_cell(_VERDICTS[dose.verdict]),
            )
            rows.append(Row(f"dose-{index + 1}-{k + 1}", _name(one, a), cells))
    note = "n wells. Inhibition of a masked dose is not shown: its signal is lost with the cells."
    return Section("doses", "Doses", (Table("dose-table", "Doses", columns, tuple(rows), note, "Compound"),))


def _concentration(group: SampleGroup, unit: str) -> Cell:
    if group.shown:
        return text_cell(f"{'<' if group.status == 'below' else '>'} {format_quantity(group.limit, unit)}")
    return estimate_cell(group.concentration, unit, n=len(group.signals), missing=group.status.replace("_", " "))


def _samples(a: ElisaAnalysis) -> Section:
    columns = (
        ColumnHead("dilution", "Dilution"),
        ColumnHead("concentration", a.conditions.analyte, a.standard.unit),
        ColumnHead("status", "Status"),
    )
    others = [g for g in a.samples if not (g.first.role is Role.SAMPLE and g.first.compound)]
    rows = tuple(
        Row(
            f"sample-{number}",
            f"{g.first.sample or str(g.first.role).replace('_', ' ')} {g.first.group}".strip()
            + (" + spike" if g.first.role is Role.SPIKE else ""),
            (
                stated_cell(g.first.dilution),
                _concentration(g, a.standard.unit),
                text_cell({"below": "below LLOQ", "above": "above ULOQ"}.get(g.status, g.status.replace("_", " "))),
            ),
        )
        for number, g in enumerate(others, start=1)
    )
    note = "Dilution included. Readings outside the range are kept as limits, never dropped; n wells."
    blocks: list[Table] = [Table("samples", "Controls and samples", columns, rows, note, "Sample")] if rows else []
    blocks += _dilution(a)
    return Section("concentrations", "Controls and samples", tuple(blocks))


def _dilution(a: ElisaAnalysis) -> list[Table]:
    return ([_parallelism(a)] if a.parallelism else []) + ([_recovery(a)] if a.recovery else [])


def _parallelism(a: ElisaAnalysis) -> Table:
    rows = tuple(
        Row(
            f"parallel-{k}",
            p.sample,
            (
                text_cell(", ".join(f"{d:g}" for d in p.dilutions) or "none in range"),
                estimate_cell(Estimate(p.cv_percent), "%", n=len(p.dilutions)),
                estimate_cell(p.slope, ""),
                text_cell(p.status.replace("_", " ")),
            ),
        )
        for k, p in enumerate(a.parallelism, start=1)
    )
    columns = (
        ColumnHead("dilutions", "Dilutions in range"),
        ColumnHead("cv", "CV of the corrected concentrations"),
        ColumnHead("slope", "Slope (1 is parallel)"),
        ColumnHead("status", "Status"),
    )
    return Table("parallelism", "Dilution linearity", columns, rows, "n dilutions.", "Sample")


def _recovery(a: ElisaAnalysis) -> Table:
    rows = tuple(
        Row(
            f"recovery-{k}",
            f"{r.sample}, {r.kind.replace('_', ' ')}",
            (stated_cell(r.expected, a.standard.unit), estimate_cell(r.percent, "%"), text_cell(r.status)),
        )
        for k, r in enumerate(a.recovery, start=1)
    )
    columns = (
        ColumnHead("expected", "Added or nominal"),
        ColumnHead("recovery", "Found"),
        ColumnHead("status", "Status"),
    )
    return Table("recovery", "Recovery", columns, rows, "", "Sample")


def _method(a: ElisaAnalysis) -> Section:
    texts = [
        "The weighting is the one whose curve reads the standards back with the smallest error; the five-parameter "
        "curve is taken where its AICc is smaller [@gottschalk_2005]. The range is the longest run of neighbouring "
        "levels that are accurate and precise [@ich_m10].",
        "Concentrations are read off the curve with the uncertainty of the standards and of the wells carried in. What "
        "lies outside the range stays in as a limit and enters a curve as one.",
        "Viability: MTT, the share of the controls' signal above blanks; LDH, what is not released of what lysed cells "
        "release. Below the threshold a dose is masked [@iso_10993_5]; its IC50 is stated with it and without it.",
    ]
    return Section(
        "method", "How the numbers were made", (*(Paragraph(t) for t in texts), _rules(a.conditions.rules, a))
    )


def _rules(rules: Mapping[str, float], a: ElisaAnalysis) -> Table:
    library = load_rules()
    values = dict(rules) | {"viability_percent": a.conditions.threshold_percent}
    rows = tuple(
        Row(
            name.replace("_", "-"),
            name.removesuffix("_percent").replace("_", " "),
            (
                stated_cell(value, "%"),
                text_cell(library[name].note, source=library[name].source)
                if value == library[name].value_percent
                else text_cell("set by the layout"),
            ),
        )
        for name, value in values.items()
    )
    columns = (ColumnHead("value", "Limit"), ColumnHead("origin", "Why"))
    return Table("limits", "Limits", columns, rows, "A layout may set its own.", "Limit")


def result_tables(a: ElisaAnalysis) -> dict[str, TidyTable]:
    """Return the tables that are kept beside the report.

    Parameters
    ----------
    a : ElisaAnalysis

    Returns
    -------
    dict of str to Table
    """
    doses = [{"inhibitor": i.compound, "unit": i.unit} | d.as_dict() for i in a.inhibitors for d in i.doses]
    return {
        "wells": a.plate.table(),
        "samples": TidyTable.from_rows(flat_row(g.as_dict()) for g in a.samples),
        "doses": TidyTable.from_rows(flat_row(d) for d in doses),
        "inhibitors": TidyTable.from_rows(flat_row(i.as_dict()) for i in a.inhibitors),
        "standards": TidyTable.from_rows(a.standard.as_dict()["levels"]),
        "viability": TidyTable.from_rows(row for v in a.viability for row in as_rows(v)),
        "findings": TidyTable.from_rows(f.as_dict() for f in a.findings),
    }
