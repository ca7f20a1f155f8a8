"""The report on a check of a model: what was compared, visual check, npde, goodness of fit, what to bear in mind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from limus.kernel.checks import Finding
from limus.kernel.provenance import Directness
from limus.kernel.tables import Table as TidyTable
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.population_check.distribution_errors import DistributionErrors
from limus.pharmacokinetics.population_check.observed_levels import ObservedLevels
from limus.pharmacokinetics.population_check.visual_check import VisualCheck
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.report.content import Block, Cell, ColumnHead, Paragraph, Row, Section, Table, number_cell, text_cell
from limus.report.figures.residual_panels import draw_distribution_errors, draw_goodness_of_fit
from limus.report.figures.vpc import draw_vpc
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.cells import figure
from limus.workflows.pk.check.rows import below_rows, percentile_rows
from limus.workflows.pk.exposure.report import findings_blocks, name_of, overrides_blocks

__all__ = ["check_sections"]


def check_sections(
    model: PopulationModel,
    table: EventTable,
    seen: ObservedLevels,
    visual: VisualCheck,
    errors: DistributionErrors,
    levels: TidyTable,
    findings: tuple[Finding, ...],
    overrides: tuple[str, ...],
    seed: int,
) -> tuple[Section, ...]:
    """Build the sections of the report in reading order.

    Parameters
    ----------
    model, table, seen, visual, errors, findings, overrides, seed
        As the workflow has them.
    levels : Table
        Of :func:`limus.pharmacokinetics.population_check.goodness_of_fit.fit_table`, with ``npde``.

    Returns
    -------
    tuple of Section
    """
    along = TidyTable.create(dict(levels.columns) | {"time_h": visual.time_h})
    return (
        Section("what", "What was compared", tuple(_what(model, seen, visual, overrides))),
        Section("visual", "Visual predictive check", tuple(_visual(model, visual, seed))),
        Section("distribution", "Prediction distribution errors", tuple(_errors(model, along, errors, visual, seed))),
        Section("fit", "Goodness of fit", tuple(_fit(model, along, visual, seed))),
        Section("mind", "What to bear in mind", tuple(findings_blocks(replace(table, findings=findings)))),
    )


def _what(model: PopulationModel, seen: ObservedLevels, visual: VisualCheck, overrides: tuple[str, ...]) -> list[Block]:
    subjects = len(set(seen.subject.tolist()))
    words = (
        f"{len(seen)} levels of {subjects} {'subject' if subjects == 1 else 'subjects'}"
        f"{_below_words(seen)}, beside **{name_of(model)}** [@{model.paper}] as published: nothing was fitted. The "
        f"table's own doses, covariates and times were simulated {visual.replicates} times, with variability between "
        "subjects and occasions and with the residual error."
    )
    return [Paragraph(words), *overrides_blocks(overrides)]


def _below_words(seen: ObservedLevels) -> str:
    below = int(seen.censored.sum())
    return f", {below} of them below their limit of quantification" if below else ""


def _axis(visual: VisualCheck) -> str:
    return "Time after the dose (h)" if visual.along == "after_dose" else "Time (h)"


# ---- visual predictive check


def _visual(model: PopulationModel, visual: VisualCheck, seed: int) -> list[Block]:
    rows, below = percentile_rows(visual), below_rows(visual)
    points = TidyTable.create({"time_h": visual.time_h, "level": visual.points})
    drawing = draw_vpc(
        points,
        TidyTable.from_rows(rows),
        TidyTable.from_rows(below),
        drug=model.drug,
        unit=model.units.DV,
        axis=_axis(visual),
        corrected=visual.corrected,
    )
    inside = visual.inside
    known, within = int(np.isfinite(inside).sum()), int(np.nansum(inside))
    expected = format_number(known * visual.interval_percent / 100.0)
    said = (
        f"Of {known} measured percentiles {within} lie within their {visual.interval_percent:g} % intervals; a right "
        f"model has about {expected} there. Bins: {escape_markup(visual.bins.rule.replace(':', ' '))}."
    )
    if visual.corrected:
        said += (
            " Levels are prediction-corrected [@bergstrand_2011]: each is multiplied by the median typical level of "
            "its bin over its own typical level, so that doses and covariates do not widen a bin; levels below their "
            "limit are left out."
        )
    caption = (
        f"Lines: percentiles of the {int(visual.used.sum())} measured levels. Bands: {visual.interval_percent:g} % "
        f"intervals of the same percentiles over {visual.replicates} replicates of {name_of(model)}, seed {seed}."
    )
    if below:
        caption += " Below: the share of levels below their limit of quantification."
    return [Paragraph(said), figure("vpc", "Visual predictive check", drawing, caption), _bins(model, visual, seed)]


def _bins(model: PopulationModel, visual: VisualCheck, seed: int) -> Table:
    heads = [ColumnHead("levels", "Levels")]
    for p in visual.percentiles:
        heads += [ColumnHead(f"measured-{_digits(p)}", f"Measured {p:g}th", model.units.DV)]
        heads += [ColumnHead(f"model-{_digits(p)}", f"Model {p:g}th", model.units.DV)]
    note = f"simulated: model {model.name}, seed {seed}"

    def one(b: int) -> Row:
        cells: list[Cell] = [text_cell(str(int(visual.bins.count[b])))]
        for k in range(len(visual.percentiles)):
            low, middle, high = visual.simulated[:, k, b].tolist()
            band = (low if np.isfinite(low) else 0.0, high) if np.isfinite(high) else None
            cells.append(_level(visual.observed[k, b], model.units.DV, Directness.MEASURED, None, "of the table"))
            cells.append(_level(middle, model.units.DV, Directness.SIMULATED, band, note))
        low_h, high_h = (format_number(float(x)) for x in (visual.bins.low_h[b], visual.bins.high_h[b]))
        label = f"{low_h} h" if low_h == high_h else f"{low_h} to {high_h} h"
        return Row(f"bin-{b + 1}", label, tuple(cells))

    words = f"Interval: {visual.interval_percent:g} % of the replicates."
    rows = tuple(one(b) for b in range(len(visual.bins.count)))
    return Table("vpc-bins", "Percentiles by bin", tuple(heads), rows, note=words, stub="Bin")


def _digits(percentile: float) -> str:
    return f"{percentile:g}".replace(".", "-")


def _level(value: float, unit: str, directness: Directness, interval: tuple[float, float] | None, note: str) -> Cell:
    if not np.isfinite(value):
        return text_cell("below limit")
    return number_cell(float(value), unit, directness, interval=interval, note=note)


# ---- npde and residuals


def _errors(
    model: PopulationModel, levels: TidyTable, errors: DistributionErrors, visual: VisualCheck, seed: int
) -> list[Block]:
    tests = errors.tests
    if tests.status != "ok":
        return [Paragraph(f"Nothing can be tested: {escape_markup(tests.status)}.")]
    drawing = draw_distribution_errors(levels, drug=model.drug, unit=model.units.DV, axis=_axis(visual))
    caption = (
        f"npde of {tests.n} levels from {visual.replicates} replicates of {name_of(model)}, seed {seed}. Dotted: 95 % "
        "of a standard normal variable."
    )
    note = f"simulated: {tests.n} levels against {visual.replicates} replicates of {model.name}, seed {seed}"
    numbers = (
        ("mean", "Mean; 0 under the model", tests.mean, "p-mean", "Wilcoxon's signed ranks", tests.p_mean),
        ("variance", "Variance; 1 under the model", tests.variance, "p-variance", "chi-squared", tests.p_variance),
        ("skewness", "Skewness; 0 under the model", tests.skewness, "p-normal", "normality", tests.p_normal),
    )
    rows = [
        Row(key, label, (_number(value, note), _number(p, f"{note}; {test}")))
        for key, label, value, _, test, p in numbers
    ]
    rows.append(Row("all", "All three, Bonferroni", (text_cell("all"), _number(tests.p_all, note))))
    words = (
        "Each level is placed within what the model simulates of it, after levels of a subject were made uncorrelated "
        "[@comets_2008]. Under the model these errors are independent standard normal numbers, with no trend."
    )
    heads = (ColumnHead("value", "Value"), ColumnHead("p", "p-value"))
    said = "A small p-value speaks against the model; with many levels every model is found wrong somewhere."
    table = Table("npde-tests", "Tests of npde", heads, tuple(rows), note=said, stub="Of the errors")
    return [Paragraph(words), figure("npde", "Prediction distribution errors", drawing, caption), table]


def _number(value: float, note: str) -> Cell:
    return number_cell(float(value), "", Directness.SIMULATED, note=note)


def _fit(model: PopulationModel, levels: TidyTable, visual: VisualCheck, seed: int) -> list[Block]:
    drawing = draw_goodness_of_fit(levels, drug=model.drug, unit=model.units.DV, axis=_axis(visual))
    caption = (
        "Measured levels against the typical level (no variability) and the expected one (mean of the replicates), and "
        "residuals weighted by mean and covariance of the replicates, which under the model have mean 0 and standard "
        f"deviation 1. {name_of(model)}, {visual.replicates} replicates, seed {seed}. Residuals weighted to first "
        "order stand in results/levels.csv."
    )
    return [figure("goodness-of-fit", "Goodness of fit", drawing, caption)]
