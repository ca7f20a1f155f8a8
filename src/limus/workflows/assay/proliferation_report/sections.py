"""Sections of the report of a proliferation plate: generations, gates, controls, and how the numbers were made."""

from __future__ import annotations

import math

from limus.assay.cytometry.generation.records import GenerationFit, UndividedControl
from limus.assay.cytometry.proliferation.records import ProliferationAnalysis, WellResult
from limus.assay.cytometry.proliferation.rules import load_cytometry_rules
from limus.assay.layout.records import Role
from limus.assay.plate.uncertainty import Estimate
from limus.report.content import Block, Cell, ColumnHead, Notice, Paragraph, Row, Section, Table, text_cell
from limus.report.figures.cytometry import MOST_HISTOGRAMS, draw_gating, draw_generations
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.assay.plate_report.writing import estimate_cell, figure_block, key_of, stated_cell
from limus.workflows.assay.proliferation_report.figures import GateEvents, gating_tables, generation_tables

__all__ = ["controls_section", "gates_section", "generations_section", "method_section", "well_label"]

_DASH = "\N{EN DASH}"


def well_label(w: WellResult) -> str:
    """Return the name of a well and what is in it.

    Parameters
    ----------
    w : WellResult

    Returns
    -------
    str
    """
    said = str(w.well.role).replace("_", " ")
    if w.well.compound:
        dose = w.well.concentration
        said = f"{w.well.compound} {format_number(dose.value)} {dose.unit}" if dose.given else w.well.compound
    return f"{w.well.name}: {said}" + (f", {w.well.group}" if w.well.group else "")


def generations_section(a: ProliferationAnalysis) -> Section:
    """Show the dye histograms with their fits, and a table of the fits.

    Parameters
    ----------
    a : ProliferationAnalysis

    Returns
    -------
    Section
    """
    blocks: list[Block] = []
    shown = [w for w in _representative(a) if w.fit is not None]
    label = f"{a.settings.dye}, compensated"
    for number, begin in enumerate(range(0, len(shown), MOST_HISTOGRAMS), start=1):
        part = shown[begin : begin + MOST_HISTOGRAMS]
        tables = generation_tables(part, label)
        if tables is None:
            continue
        caption = (
            "Cells of the gate by dye (grey; two bins of the fit in a bar), fitted generations (coloured) and their "
            "sum (black); below, deviance residuals with lines at 2 standard deviations. Brackets: 95 % interval. "
            "*Inferred* from these cells."
        )
        title = "Generations" if len(shown) <= MOST_HISTOGRAMS else f"Generations, part {number}"
        blocks.append(figure_block(f"generations-{number}", title, draw_generations(*tables), caption))
    if len(shown) < sum(w.fit is not None for w in a.wells):
        blocks.insert(0, Notice("note", "One well of each treatment is drawn; the others stand in results/bins.csv."))
    blocks.append(_fit_table(a))
    return Section("generations", "Generations", tuple(blocks))


def _representative(a: ProliferationAnalysis) -> list[WellResult]:
    """Every well of a small plate; of a larger one, one well of each treatment."""
    if len(a.wells) <= 2 * MOST_HISTOGRAMS:
        return list(a.wells)
    first: dict[object, WellResult] = {}
    order = {Role.UNSTIMULATED: 0, Role.CONTROL: 1}
    for w in sorted(a.wells, key=lambda w: (order.get(w.well.role, 2), w.well.compound, w.well.group)):
        if w.fit is not None:
            first.setdefault(w.well.treatment, w)
    return list(first.values())


def _fit_table(a: ProliferationAnalysis) -> Table:
    columns = (
        ColumnHead("generations", "Last generation"),
        ColumnHead("dye", "Undivided peak, dye"),
        ColumnHead("width", "Its width, SD of ln"),
        ColumnHead("growth", "Variance of ln added by a division"),
        ColumnHead("dispersion", "Chi-square over degrees of freedom"),
        ColumnHead("tried", "Models tried: AIC above the best"),
    )
    rows = []
    for w in a.wells:
        f = w.fit
        if f is None or not f.status.usable:
            continue
        said = _models_tried(f)
        cells = tuple(
            text_cell(text)
            for text in (
                str(f.generations),
                format_number(f.dye),
                format_number(f.width),
                format_number(f.growth) if f.growth else "fixed",
                format_number(f.dispersion) if math.isfinite(f.dispersion) else _DASH,
                said,
            )
        )
        rows.append(Row(w.well.name, well_label(w), cells))
    note = (
        "The number of generations is that of the smallest AIC [@akaike_1974]; models that come near it share in the "
        "intervals. "
        "*Inferred* from the cells of each well: Poisson maximum likelihood of the binned dye."
    )
    return Table("fits", "Fits", columns, tuple(rows), note, "Well")


def _models_tried(fit: GenerationFit) -> str:
    best = min(t[3] for t in fit.tried)
    nearest = sorted(fit.tried, key=lambda t: t[3])[:4]
    return "; ".join(f"{g}{' growing' if grows else ''}: {aic - best:.3g}" for g, grows, _, aic in nearest)


def gates_section(a: ProliferationAnalysis, events: GateEvents) -> Section:
    """Show the gates on the events, their rules, and the events in them.

    Parameters
    ----------
    a : ProliferationAnalysis
    events : GateEvents

    Returns
    -------
    Section
    """
    blocks: list[Block] = []
    tables = gating_tables(a, events)
    if tables is not None:
        names = ", ".join(t.data.path.name for t in events.tubes[:8])
        caption = f"Events of {escape_markup(names)} with the gates; each panel holds the events of the gate before."
        blocks.append(figure_block("gate-panels", "Gates on the events", draw_gating(*tables), caption))
    how = {
        "plate": "Proposed once on the control wells and used for every file.",
        "each": "Proposed on each file by the same rules; those of the first control stand here.",
    }.get(a.settings.gates, f"Read from {escape_markup(a.settings.gates)}.")
    blocks.append(
        Paragraph(
            f"{how} They stand in gates.xml (Gating-ML 2.0 [@spidlen_2015]): edit it, and name it in the layout under "
            "gates."
        )
    )
    rows = tuple(
        Row(key_of(g.name), g.name, (text_cell(g.parent or "all events"), text_cell(g.rule or "given")))
        for g in a.gates
    )
    columns = (ColumnHead("parent", "Within"), ColumnHead("rule", "Rule"))
    blocks.append(Table("gate-rules", "Rules of the gates", columns, rows, "", "Gate"))
    blocks.append(_gate_counts(a))
    return Section("gating", "Gates", tuple(blocks))


def _gate_counts(a: ProliferationAnalysis) -> Table:
    names = [g.name for g in a.gates]
    columns = (
        ColumnHead("events", "Events"),
        *(ColumnHead(f"gate-{key_of(name)}", name) for name in names),
        ColumnHead("margin", "At the margin", "%"),
        ColumnHead("drift", "Drift of the dye", "%"),
    )
    rows = []
    for w in a.wells:
        if not w.gated:
            continue
        margin = max((v for v in w.margin_percent.values() if math.isfinite(v)), default=math.nan)
        drift = list(w.drift_percent.values())[-1] if w.drift_percent else math.nan
        percents = [format_number(v, 2) if math.isfinite(v) else _DASH for v in (margin, drift)]
        counts = [str(w.events), *(str(w.gated.get(name, 0)) for name in names)]
        cells = tuple(text_cell(text) for text in (*counts, *percents))
        rows.append(Row(w.well.name, well_label(w), cells))
    return Table(
        "gate-counts",
        "Events in the gates",
        columns,
        tuple(rows),
        "*Measured*: counted in the files. Margin events are in no gate.",
        "Well",
    )


def controls_section(a: ProliferationAnalysis) -> Section:
    """Show compensation, autofluorescence and undivided control.

    Parameters
    ----------
    a : ProliferationAnalysis

    Returns
    -------
    Section
    """
    blocks: list[Block] = [Paragraph(f"Compensation: {escape_markup(a.compensation)} [@bagwell_1993].")]
    if a.spillover is not None:
        s = a.spillover
        columns = tuple(ColumnHead(key_of(name), name) for name in s.names)
        rows = tuple(
            Row(f"dye-{key_of(name)}", name, tuple(estimate_cell(Estimate(float(v)), "") for v in row))
            for name, row in zip(s.names, s.matrix, strict=True)
        )
        note = "What a dye of amount 1 in its own channel shows in each channel."
        blocks.append(Table("spillover", "Spillover", columns, rows, note, "Dye of"))
    c, f = a.control, a.floor
    cells = f.events if f else 0
    wells = c.wells if c else 0
    nan = math.nan
    dye = (math.exp(c.log_dye), c.log_dye_error) if c else (nan, nan)
    width = (math.exp(c.log_width), c.log_width_error) if c else (nan, nan)
    rows = (
        Row("floor", "Cells without dye, mean", _floor_cells(f.mean if f else nan, cells)),
        Row("noise", "Cells without dye, SD", _floor_cells(f.deviation if f else nan, cells)),
        Row("undivided", "Undivided cells, median dye above that", _control_cells(*dye, wells)),
        Row("width", "Undivided cells, SD of ln dye", _control_cells(*width, wells)),
        Row("growth", "Variance of ln dye added by a division", _growth_cells(a.control)),
    )
    columns = (ColumnHead("value", "Value"), ColumnHead("error", "SD between wells"), ColumnHead("n", "From"))
    note = (
        "SD between wells (of the logarithm; of the variance itself): from the control wells and the tolerance of the "
        "rules; used as knowledge in each fit."
    )
    blocks.append(Table("control-values", "Controls", columns, rows, note, "Quantity"))
    return Section("controls", "Controls", tuple(blocks))


def _floor_cells(value: float, events: int) -> tuple[Cell, ...]:
    missing = "no unstained cells"
    n = text_cell(f"{events} cells" if events else _DASH)
    return estimate_cell(Estimate(value), "", n=events or None, missing=missing), text_cell(_DASH), n


def _control_cells(value: float, error: float, wells: int) -> tuple[Cell, ...]:
    n = text_cell(f"{wells} wells" if wells else _DASH)
    missing = "no unstimulated wells"
    return estimate_cell(Estimate(value), "", n=wells or None, missing=missing), estimate_cell(Estimate(error), ""), n


def _growth_cells(control: UndividedControl | None) -> tuple[Cell, ...]:
    if control is None or not math.isfinite(control.growth):
        return text_cell("found for each well"), text_cell(_DASH), text_cell(_DASH)
    n = text_cell("stimulated controls")
    if control.growth == 0:
        return text_cell("none: peaks do not widen"), text_cell(_DASH), n
    return estimate_cell(Estimate(control.growth), ""), estimate_cell(Estimate(control.growth_error), ""), n


def method_section(a: ProliferationAnalysis) -> Section:
    """Say how the numbers were made, and by which rules.

    Parameters
    ----------
    a : ProliferationAnalysis

    Returns
    -------
    Section
    """
    texts = [
        "Each division halves the dye above the light that cells have of their own [@lyons_1994]. The dye of undivided "
        "cells is log-normal; generation g has half as much for each division, and the autofluorescence of unstained "
        "cells is added. The sum is drawn as a shifted log-normal with the same three moments.",
        "Counts in 160 bins (asinh scale, two open ends) are fitted by Poisson maximum likelihood; the undivided peak "
        "may differ from that of the control wells by their scatter. Intervals are percentiles of a parametric "
        f"bootstrap ({a.settings.replicates} replicates) in which counts, control and floor are drawn anew; where the "
        "counts scatter more than Poisson, they are widened by the square root of the dispersion.",
        "Indices are computed from the cells of each generation as in the table above [@roederer_2011]. They know "
        "nothing of cells that died, and a cell that divided and died is missing from all of them.",
        "Channels of logarithmic amplifiers and gains are taken off as FCS 3.1 says [@spidlen_2010]; gates stand on "
        "logicle scales [@moore_2012].",
    ]
    return Section("method", "How the numbers were made", (*(Paragraph(text) for text in texts), _rules(a)))


def _rules(a: ProliferationAnalysis) -> Table:
    rows = []
    for name, rule in load_cytometry_rules().items():
        given = name in a.settings.rules
        value = float(a.settings.rules[name]) if given else rule.value
        rows.append(
            Row(
                key_of(name),
                name.replace("_", " "),
                (
                    stated_cell(value),
                    text_cell(rule.unit),
                    text_cell("set in the layout" if given else str(rule.kind), source=() if given else rule.source),
                    text_cell(rule.note),
                ),
            )
        )
    columns = (
        ColumnHead("value", "Value"),
        ColumnHead("unit", "Unit"),
        ColumnHead("kind", "Kind"),
        ColumnHead("note", "Meaning"),
    )
    return Table("rules", "Rules", columns, tuple(rows), "A layout may set its own.", "Rule")
