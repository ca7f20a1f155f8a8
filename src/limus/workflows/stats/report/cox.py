"""The report of ``limus stats cox``."""

from __future__ import annotations

import math
from pathlib import Path

from limus.kernel.provenance import Directness
from limus.report.content import Block, BulletList, ColumnHead, Paragraph, Row, Table, text_cell
from limus.report.figures.base import Drawing
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.workflows.stats.as_json import cox_as_dict
from limus.workflows.stats.cox import StatsCoxResult
from limus.workflows.stats.report.figures import hazard_ratios, p_text
from limus.workflows.stats.report.writing import (
    DASH,
    Page,
    Paths,
    chi_square_text,
    estimate_cell,
    figure_block,
    write_page,
)

__all__ = ["write_cox_report"]


def write_cox_report(result: StatsCoxResult, path: Path, *, seed: int) -> Paths:
    """Write the report.

    Parameters
    ----------
    result : StatsCoxResult
    path : Path
        The run directory.
    seed : int
        Stamped; nothing here is random.

    Returns
    -------
    tuple of (key, path)

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    fit = result.fit
    counts = (
        f"{format_number(fit.n, 7)} subjects, {format_number(fit.events, 7)} events, ties by {fit.ties.value.title()}."
    )
    blocks: list[Block] = [Paragraph(counts), _coefficients(result)]
    figures: list[tuple[str, Drawing]] = []
    drawing = hazard_ratios(result)
    if drawing is not None:
        figures.append(("hazard_ratios", drawing))
        caption = f"Hazard ratios with {fit.level_percent:g} % intervals, n = {result.subjects.n}. Inferred."
        blocks.append(figure_block("hazard_ratios", "Hazard ratios", drawing, caption))
    blocks.append(BulletList(tuple(_tests(result))))
    strata = (
        f" and, within strata of {escape_markup(result.request.strata)}, on the stratum"
        if result.request.strata
        else ""
    )
    methods = (
        "Cox's partial likelihood, maximised by Newton's method. Hazard ratios are conditional on the other covariates"
        f"{strata}. A hazard ratio holds for all times only as far as hazards are proportional."
    )
    page = Page(
        f"Hazard ratios: {result.subjects.path.stem}",
        "Cox regression",
        methods,
        tuple(blocks),
        tuple(figures),
        tuple(cox_as_dict(result)["estimates"]),
        result.findings,
    )
    return write_page(page, path, seed=seed)


def _coefficients(result: StatsCoxResult) -> Table:
    fit, note = result.fit, f"Cox regression of {result.subjects.path.name}"
    heads = (ColumnHead("ratio", f"Hazard ratio ({fit.level_percent:g} % CI)"), ColumnHead("p", "p"))
    rows = []
    for i, term in enumerate(result.terms):
        beta, low, high = (float(values[i]) for values in (fit.coefficient, fit.low, fit.high))
        label = f"{term.column}: {term.level} against {term.reference}" if term.level else f"{term.column}, per unit"
        if math.isfinite(beta):
            ratios = (math.exp(beta), math.exp(low), math.exp(high))
            cells = (
                estimate_cell(ratios, note, directness=Directness.INFERRED, decimals=3),
                text_cell(p_text(float(fit.p[i]))),
            )
        else:
            cells = (text_cell(str(fit.coefficient_status[i])), text_cell(DASH))
        rows.append(Row(f"c{i + 1}", label, cells))
    return Table("coefficients", "Hazard ratios", heads, tuple(rows), stub="Covariate")


def _tests(result: StatsCoxResult) -> list[str]:
    fit = result.fit
    tests = (("Likelihood ratio", fit.likelihood_ratio), ("Score", fit.score), ("Wald", fit.wald))
    found = [f"{name}: {chi_square_text(t.chi_square, t.degrees_of_freedom, t.p)}." for name, t in tests]
    if result.concordance is not None:
        found.append(f"Concordance (Harrell's C): {format_number(result.concordance.index)}.")
    if result.hazards is not None:
        pairs = zip(result.hazards.names, result.hazards.each, strict=True)
        each = "; ".join(f"{escape_markup(name)} {p_text(test.p)}" for name, test in pairs)
        found.append(f"Proportional hazards (score test on 1 - S): {each}; all {p_text(result.hazards.all.p)}.")
    return found
