"""The other sections of a pooling's report: other methods, influence, subgroups, small studies, what was done."""

from __future__ import annotations

import math

from limus.evidence.explanation import SmallStudyEffects
from limus.evidence.study_table import TableForm
from limus.kernel.provenance import Directness
from limus.kernel.statistics.pooling import FEWEST_FOR_POWER, Correction
from limus.report.content import (
    Block,
    BulletList,
    ColumnHead,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    number_cell,
    text_cell,
)
from limus.report.markup import escape_markup
from limus.workflows.evidence.pooling.analysis import Analysis
from limus.workflows.evidence.pooling.cells import figure, how_pooled, key_of, line_table, pooled_cell
from limus.workflows.evidence.pooling.figures import baujat, forest_of_lines, funnel, p_words

__all__ = ["certainty_section", "explanation_section", "methods_section", "sensitivity_section", "small_study_section"]

_LONGEST_FOREST = 45


def explanation_section(analysis: Analysis) -> Section | None:
    """Build the section on subgroups and moderators; None where neither was asked for."""
    blocks: list[Block] = []
    found = analysis.subgroups
    if found is not None:
        note = f"Between subgroups: Q = {found.q_between:.2f} with {found.degrees_of_freedom} degrees of freedom, "
        note += f"{p_words(found.q_between_p)}. " + ("One tau2 for all." if found.common_tau2 else "Each its own tau2.")
        blocks.append(line_table(analysis, "subgroups", f"Subgroups by {found.column}", "Subgroup", found.lines, note))
    fit = analysis.regression
    if fit is not None:
        rows = []
        for at, name in enumerate(fit.names):
            note = "from the meta-regression" + (", Knapp and Hartung" if fit.hartung_knapp else "")
            ends = (float(fit.lower[at]), float(fit.upper[at]))
            value = number_cell(float(fit.coefficients[at]), "", Directness.INFERRED, interval=ends, note=note)
            p = number_cell(float(fit.p[at]), "", Directness.INFERRED, note=note, text=_bare_p(float(fit.p[at])))
            rows.append(Row(key_of(name, at), name, (value, p)))
        heads = (ColumnHead("coefficient", "Coefficient"), ColumnHead("p", "p"))
        said = "on the log scale" if analysis.plan.measure.is_ratio else "in the effect's unit"
        explained = f", {fit.r2_percent:.0f} % of the heterogeneity explained" if math.isfinite(fit.r2_percent) else ""
        note = f"Coefficients {said}. Residual tau2 = {fit.tau2:.3g}, I2 = {fit.i2_percent:.0f} %{explained}; "
        test = "F" if fit.hartung_knapp else "QM"
        note += f"all moderators together {test} = {fit.qm:.2f}, {p_words(fit.qm_p)}."
        blocks.append(Table("moderators", "Meta-regression", heads, tuple(rows), note=note, stub="Coefficient"))
    return Section("explanation", "What could explain the differences", tuple(blocks)) if blocks else None


def sensitivity_section(analysis: Analysis, better: str | None) -> Section:
    """Build the section that shows how the result would have come out otherwise."""
    note = "The same studies by other methods; what could not be done says why."
    blocks: list[Block] = [
        line_table(analysis, "other-methods", "Other methods", "Method", analysis.otherwise, note),
    ]
    caption = f"Inferred from the studies: {escape_markup(how_pooled(analysis))}."
    if len(analysis.without_one) > 2:
        if len(analysis.without_one) <= _LONGEST_FOREST:
            drawing = forest_of_lines(analysis, analysis.without_one, "Without", better)
            said = f"Each line leaves out one study. {caption}"
            blocks.append(figure("leave-one-out", "Leaving out one study at a time", drawing, said))
        else:
            said = "Each line leaves out one study."
            blocks.append(line_table(analysis, "without-one", "Leaving out one", "Without", analysis.without_one, said))
    if len(analysis.in_order) > _LONGEST_FOREST:
        said = "Each line adds one study to those above it."
        blocks.append(line_table(analysis, "in-order", "Adding one study at a time", "Added", analysis.in_order, said))
    elif analysis.in_order:
        drawing = forest_of_lines(analysis, analysis.in_order, "Added", better)
        blocks.append(figure("cumulative", "Adding one study at a time", drawing, f"Cumulative pooling. {caption}"))
    drawing_of_influence = baujat(analysis)
    if drawing_of_influence is not None and analysis.influence is not None:
        named = [s.name for s, big in zip(analysis.effects.studies, analysis.influence.influential, strict=True) if big]
        said = f"Beyond the usual limits of influence: {', '.join(named)}." if named else "None stands out."
        caption = f"Inferred from the studies. Right: heterogeneity comes from them; up: they move the result. {said}"
        blocks.append(figure("influence", "Influence of single studies", drawing_of_influence, escape_markup(caption)))
    return Section("sensitivity", "How the result depends on method and on single studies", tuple(blocks))


_TEST_WORDS = {
    "egger": "Egger: weighted regression on the standard error",
    "egger_mixed": "Egger with heterogeneity: meta-regression on the standard error",
    "begg": "Begg: rank correlation",
    "harbord": "Harbord: regression on the score",
    "peters": "Peters: regression on the reciprocal of the size",
}


def small_study_section(analysis: Analysis) -> Section:
    """Build the section with the funnel plot and what belongs to it."""
    small = analysis.small_studies
    k = analysis.summary.studies
    caption = f"Inferred from {k} studies. Dots: studies; shades: p-value of a study there, against no effect."
    blocks: list[Block] = [figure("funnel", "Funnel plot", funnel(analysis), caption)] if k > 1 else []
    if k < FEWEST_FOR_POWER:
        said = f"With fewer than {FEWEST_FOR_POWER} studies these tests find little: a large p-value is not symmetry."
        blocks.append(Notice("note", said))
    table = _tests(small)
    if table is not None:
        blocks.append(table)
    filled = small.filled
    if filled is not None:
        pooled = filled.pooled
        half = 1.959964 * float(pooled.standard_error[0])
        estimate = float(pooled.estimate[0])
        count = int(pooled.studies[0])
        note = f"{filled.missing} studies filled in at the {filled.side}, estimator {filled.estimator}, 95 % Wald"
        cell = pooled_cell(analysis, estimate, estimate - half, estimate + half, count, note)
        missing = number_cell(float(filled.missing), "", Directness.INFERRED, note=f"trim and fill, {filled.estimator}")
        heads = (ColumnHead("value", "Value"),)
        rows = (
            Row("missing", f"Studies missing at the {filled.side}", (missing,)),
            Row("effect", "With them", (cell,)),
        )
        said = "A sensitivity analysis against one kind of selection, not a corrected result."
        said += "" if filled.settled else " The number of missing studies did not settle."
        blocks.append(Table("trim-and-fill", "Trim and fill", heads, rows, note=said, stub="Quantity"))
    if not blocks:
        blocks.append(Paragraph("One study has no small-study effects."))
    return Section("small-studies", "Do small studies differ?", tuple(blocks))


def _tests(small: SmallStudyEffects) -> Table | None:
    rows = []
    for at, test in enumerate(small.tests):
        name = _TEST_WORDS[test.name]
        value = text_cell("none")
        if math.isfinite(test.coefficient):
            value = number_cell(test.coefficient, "", Directness.INFERRED, note=f"from {test.studies} studies")
        p = number_cell(test.p, "", Directness.INFERRED, note=f"from {test.studies} studies", text=_bare_p(test.p))
        rows.append(Row(key_of(test.name, at), name, (value, p)))
    heads = (ColumnHead("coefficient", "Slope, or Kendall's tau"), ColumnHead("p", "p"))
    left = "; ".join(f"{_TEST_WORDS.get(name, name)}: {why}" for name, why in small.reasons.items())
    note = escape_markup(f"Not done: {left}.") if left else ""
    return (
        Table("asymmetry", "Tests of small-study effects", heads, tuple(rows), note=note, stub="Test") if rows else None
    )


def _bare_p(p: float) -> str:
    return p_words(p).removeprefix("p = ").removeprefix("p ")


def certainty_section() -> Section:
    """Build the place of the judgement that this report does not make."""
    said = "Not judged here: risk of bias, indirectness, and the certainty of the evidence as a whole. "
    said += "A pooled effect is as good as the studies behind it."
    return Section("certainty", "Certainty", (Paragraph(said),))


def methods_section(analysis: Analysis) -> Section:
    """Build the section that says what was done, by which formula and rule, and everything that was found."""
    plan, form = analysis.plan, analysis.comparison.form
    items = [f"Effect and model: {escape_markup(how_pooled(analysis))}."]
    if form is TableForm.EVENTS:
        rule = {
            Correction.CONSTANT: "0.5 is added to the four cells of a study only where its effect needs it",
            Correction.TREATMENT_ARM: "zero cells are corrected by the size of the arm, only where the effect needs it",
            Correction.NONE: "zero cells are not corrected; a study that would need it is left out",
        }[plan.correction]
        kept = "kept and corrected" if plan.keep_double_zero else "left out of ratios"
        items.append(f"Zero cells: {rule}; studies without events in either arm, or with nothing else, are {kept}.")
    items.append("Study intervals are Wald's; those of ratios are symmetric on the log scale.")
    items.append("The estimate of tau2 by REML or ML is the highest of all maxima of the likelihood on zero and above.")
    items.append("Formulae and their sources stand in docs/meta_analysis.md.")
    blocks: list[Block] = [BulletList(tuple(items))]
    findings = tuple(escape_markup(finding.message) for finding in analysis.findings)
    if findings:
        blocks += [Paragraph("What the checks found:"), BulletList(findings)]
    return Section("methods", "What was done", tuple(blocks))
