"""The sections of a network's report: one group of them for each network that nothing connects to the others."""

from __future__ import annotations

import math
from typing import Any

from limus.evidence.measures import MEASURE_WORDS
from limus.evidence.plan import Model
from limus.kernel.provenance import Directness
from limus.kernel.statistics.network import QTest
from limus.report.content import (
    Block,
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
from limus.report.markup import escape_markup
from limus.workflows.evidence.networks.analysis import Component, NetworkAnalysis
from limus.workflows.evidence.networks.as_json import league_rows, networks_as_dict, ranking_rows, split_rows
from limus.workflows.evidence.networks.figures import contribution_map, forest, network_plot, ranks
from limus.workflows.evidence.pooling.cells import figure, key_of
from limus.workflows.evidence.pooling.figures import interval_words, p_words

__all__ = ["component_sections", "how_fitted"]

_MOST_LEAGUE = 10
_MOST_SPLITS = 45
_DASH = "\N{EN DASH}"


def how_fitted(analysis: NetworkAnalysis) -> str:
    """Say in words how the networks were fitted."""
    plan = analysis.plan
    model = f"random effects, tau2 by {plan.tau2_method}" if plan.model is Model.RANDOM else "common effects"
    return f"{model}, {plan.level_percent:g} % Wald interval"


def component_sections(analysis: NetworkAnalysis, component: Component, at: int) -> list[Section]:
    """Build the sections of one network.

    Parameters
    ----------
    analysis : NetworkAnalysis
    component : Component
    at : int
        Its number, from 1.

    Returns
    -------
    list of Section
    """
    several = len(analysis.components) > 1
    of = f" of network {at}" if several else ""
    made = [
        _effects(analysis, component, at, of),
        _league(analysis, component, at, of),
        _ranking(analysis, component, at, of),
        _binomial(analysis, component, at, of),
        _inconsistency(analysis, component, at, of),
        _contributions(component, at, of),
    ]
    return [section for section in made if section is not None]


def _effects(analysis: NetworkAnalysis, component: Component, at: int, of: str) -> Section:
    fit = component.fit
    names = fit.network.treatments
    reference = escape_markup(names[0])
    words = MEASURE_WORDS[analysis.plan.measure]
    count = len(fit.network.studies)
    said = f"{count} {'study' if count == 1 else 'studies'} connect {len(names)} treatments: "
    said += f"{escape_markup(', '.join(names))}. Effects are the {words} against {reference}, "
    said += f"by {how_fitted(analysis)}."
    blocks: list[Block] = [Paragraph(said)]
    caption = f"Inferred from {count} studies. Lines are comparisons within studies, with their number of studies; "
    caption += "a study with several arms has a line for every pair. Circles are larger with more participants, or "
    caption += "studies where participants are not known."
    blocks.append(figure(f"network-{at}", f"Network plot{of}", network_plot(analysis, component), caption))
    caption = f"Inferred from {count} studies: {how_fitted(analysis)}. Bars under the lines are prediction intervals, "
    caption += "where there are any."
    for part, drawing in enumerate(forest(analysis, component), start=1):
        key = f"effects-{at}" if part == 1 else f"effects-{at}-{part}"
        blocks.append(figure(key, f"Effects against {names[0]}", drawing, caption))
    blocks.append(_fit_table(analysis, component, at))
    return Section(f"effects-of-{at}", f"Effects{of}", tuple(blocks))


def _fit_table(analysis: NetworkAnalysis, component: Component, at: int) -> Table:
    fit = component.fit
    scale = "on the log scale" if analysis.plan.measure.is_ratio else "in the square of the effect's unit"
    rows = []
    if analysis.plan.model is Model.RANDOM:
        note = f"estimated by {analysis.plan.tau2_method}, {scale}; one for all comparisons"
        cell = _number(fit.tau2, note) if fit.degrees_of_freedom > 0 else text_cell("none: nothing to estimate it from")
        rows.append(Row("tau2", "Heterogeneity variance \N{GREEK SMALL LETTER TAU}\N{SUPERSCRIPT TWO}", (cell,)))
    i2 = (
        number_cell(fit.i2_percent, "%", Directness.INFERRED, note="100 max(0, 1 - df/Q)") if _there(fit.q) else _none()
    )
    rows.append(Row("i2", "I\N{SUPERSCRIPT TWO}", (i2,)))
    for key, label, test in (
        ("q", "Q, whole network", component.designs.total),
        ("within", "Q within designs (heterogeneity)", component.designs.within),
        ("between", "Q between designs (inconsistency)", component.designs.between),
        ("random", "Q between designs, random effects", component.designs.between_random),
    ):
        rows.append(Row(key, label, (_q_cell(test),)))
    return Table(
        f"fit-{at}", "Heterogeneity and inconsistency", (ColumnHead("value", "Value"),), tuple(rows), stub="Of"
    )


def _there(value: float) -> bool:
    return math.isfinite(value)


def _q_cell(test: QTest) -> Cell:
    if test.degrees_of_freedom < 1:
        return text_cell("none: no degrees of freedom")
    note = f"{test.degrees_of_freedom} degrees of freedom, {p_words(test.p)}"
    text = f"{test.q:.2f} (df {test.degrees_of_freedom}, {p_words(test.p)})"
    return number_cell(test.q, "", Directness.INFERRED, note=note, text=text)


def _number(value: float, note: str) -> Cell:
    return number_cell(value, "", Directness.INFERRED, note=note) if _there(value) else _none()


def _none() -> Cell:
    return text_cell(_DASH)


def _league(analysis: NetworkAnalysis, component: Component, at: int, of: str) -> Section:
    names = component.fit.network.treatments
    title = f"League table{of}"
    if len(names) > _MOST_LEAGUE:
        said = f"All {len(names) * (len(names) - 1) // 2} effects stand in the file results/league-{at}.csv."
        return Section(f"league-of-{at}", title, (Paragraph(said),))
    by_pair = {(row["treatment"], row["comparator"]): row for row in league_rows(analysis, component)}
    heads = tuple(ColumnHead(f"c{to}", name) for to, name in enumerate(names[:-1], start=1))
    rows = []
    for to, name in enumerate(names[1:], start=1):
        cells = [_effect_cell(analysis, by_pair[(name, other)]) for other in names[:to]]
        rows.append(Row(key_of(name, to), name, (*cells, *(text_cell(_DASH) for _ in names[to:-1]))))
    note = "Row against column, with its interval."
    table = Table(f"league-{at}", "All effects", heads, tuple(rows), note=note, stub="Treatment")
    return Section(f"league-of-{at}", title, (table,))


def _effect_cell(analysis: NetworkAnalysis, row: dict[str, Any]) -> Cell:
    low, high = row["ci"]
    text = interval_words(row["estimate"], low, high).partition(" ")[0]
    note = f"estimated from the network: {how_fitted(analysis)}"
    return number_cell(row["estimate"], "", Directness.INFERRED, interval=(low, high), note=note, text=text)


def _ranking(analysis: NetworkAnalysis, component: Component, at: int, of: str) -> Section:
    better = "lower" if analysis.plan.lower_is_better else "higher"
    draws = component.ranking.draws
    rows = []
    for to, row in enumerate(ranking_rows(component)):
        low, high = row["rank_interval"]
        note = f"from {draws} draws of the effects"
        cells = (
            _number(row["p_score"], "mean certainty of being better than another treatment"),
            _number(row["sucra"], note),
            number_cell(
                row["mean_rank"],
                "",
                Directness.INFERRED,
                interval=(low, high),
                note=note,
                text=f"{row['mean_rank']:.1f}",
            ),
            _number(100 * row["rank_probabilities"][0], note),
        )
        rows.append(Row(key_of(row["treatment"], to), row["treatment"], cells))
    heads = (
        ColumnHead("p", "P-score"),
        ColumnHead("sucra", "SUCRA"),
        ColumnHead("rank", "Mean rank (interval)"),
        ColumnHead("best", "Best", "%"),
    )
    caption = (
        f"Inferred from {draws} draws of the multivariate normal distribution of the effects, {better} is better: "
    )
    caption += "bars are the probability of a rank, the curve that of this rank or a better one."
    said = f"Ranks take {better} effects as better. They say nothing of how much better, nor of the quality of the "
    said += "studies; intervals of the ranks that overlap are ranks that are not known."
    blocks = (
        Paragraph(said),
        Table(f"ranks-{at}", "Ranks", heads, tuple(rows), stub="Treatment"),
        figure(f"rankogram-{at}", f"Ranks{of}", ranks(component), caption),
    )
    return Section(f"ranks-of-{at}", f"Ranking{of}", blocks)


def _binomial(analysis: NetworkAnalysis, component: Component, at: int, of: str) -> Section | None:
    found = networks_as_dict(analysis)["networks"][at - 1]["binomial"]
    if found is None:
        return None
    said = "The events themselves as binomial, without a normal approximation and without a correction of zero cells. "
    said += f"Priors: {found['priors']}. "
    said += "R-hat is below 1.01 and every effective sample size above 400." if found["converged"] else ""
    blocks: list[Block] = [Paragraph(escape_markup(said))]
    if not found["converged"]:
        blocks.append(Notice("warning", "The chains have not converged: these numbers must not be used."))
    rows = []
    for to, row in enumerate(found["effects"]):
        low, high = row["ci"]
        note = "posterior median and interval"
        text = interval_words(row["estimate"], low, high).partition(" ")[0]
        cell = number_cell(row["estimate"], "", Directness.INFERRED, interval=(low, high), note=note, text=text)
        share = _number(found["sucra"][row["treatment"]], "from the draws")
        cells = (cell, share, _number(row["r_hat"], "split chains"), _number(row["effective"], "of all chains"))
        rows.append(Row(key_of(row["treatment"], to), row["treatment"], cells))
    low, high = found["tau"]["ci"]
    tau = number_cell(found["tau"]["median"], "", Directness.INFERRED, interval=(low, high), note="posterior median")
    diagnosed = (_number(found["tau_r_hat"], "split chains"), _number(found["tau_effective"], "of all chains"))
    rows.append(Row("tau", "Heterogeneity \N{GREEK SMALL LETTER TAU}", (tau, _none(), *diagnosed)))
    heads = (
        ColumnHead("effect", "Odds ratio (interval)"),
        ColumnHead("sucra", "SUCRA"),
        ColumnHead("rhat", "R-hat"),
        ColumnHead("ess", "Effective draws"),
    )
    blocks.append(Table(f"binomial-{at}", "Bayesian model of the events", heads, tuple(rows), stub="Treatment"))
    blocks += [_binomial_splits(found["node_splits"], at)] if found["node_splits"] else []
    return Section(f"binomial-of-{at}", f"Events as binomial{of}", tuple(blocks))


def _binomial_splits(splits: list[dict[str, Any]], at: int) -> Table:
    heads = (
        ColumnHead("direct", "Direct (interval)"),
        ColumnHead("indirect", "Indirect (interval)"),
        ColumnHead("p", "p of the difference"),
    )
    rows = []
    for to, row in enumerate(splits):
        cells = []
        for name in ("direct", "indirect"):
            low, high = row[f"{name}_ci"]
            text = interval_words(row[name], low, high).partition(" ")[0]
            note = "posterior median and interval"
            cells.append(number_cell(row[name], "", Directness.INFERRED, interval=(low, high), note=note, text=text))
        label = f"{row['treatment']} against {row['comparator']}"
        cells.append(_number(row["p"], "share of draws on either side, twice the smaller"))
        rows.append(Row(key_of(label, to), label, tuple(cells)))
    title = "Direct and indirect evidence in the Bayesian model"
    note = "Odds ratios. Only pairs that studies without both arms connect too; one model for each."
    return Table(f"binomial-splits-{at}", title, heads, tuple(rows), note=note, stub="Comparison")


def _inconsistency(analysis: NetworkAnalysis, component: Component, at: int, of: str) -> Section:
    if component.loops:
        said = f"Designs can contradict one another in {component.loops} independent "
        said += f"{'way' if component.loops == 1 else 'ways'}. A large p-value is no proof that they agree."
    else:
        said = "No loop of different designs is closed here, so consistency cannot be tested; it is an assumption."
    found = split_rows(analysis.plan.measure, component.splits)
    both = [row for row in found if row["status"] == "both"]
    rest = [row for row in found if row["status"] == "direct_only"]
    shown = (both + rest)[:_MOST_SPLITS]
    if len(shown) < len(found):
        said += f" Of {len(found)} comparisons the {len(shown)} with direct evidence are shown; all stand in "
        said += f"results/splits-{at}.csv."
    heads = (
        ColumnHead("k", "Studies"),
        ColumnHead("share", "Direct", "%"),
        ColumnHead("direct", "Direct effect"),
        ColumnHead("indirect", "Indirect effect"),
        ColumnHead("network", "Network effect"),
        ColumnHead("p", "p of the difference"),
        ColumnHead("separate", "Indirect, other studies only"),
        ColumnHead("separate_p", "p of that difference"),
    )
    rows = []
    for to, row in enumerate(shown):
        p = _number(row["p"], "direct against indirect") if _there(row["p"]) else text_cell(_why(row["status"]))
        effects = [_number(row[name], f"{name} evidence") for name in ("direct", "indirect", "network")]
        share = _number(row["direct_percent"], "weight of the direct evidence")
        apart = (_none(), _none())
        if _there(row["separate_p"]):
            others = "studies without both arms"
            apart = (
                _number(row["separate_indirect"], others),
                _number(row["separate_p"], f"direct against {others}"),
            )
        cells = (text_cell(str(row["k"])), share, *effects, p, *apart)
        label = f"{row['treatment']} against {row['comparator']}"
        rows.append(Row(key_of(label, to), label, cells))
    table = Table(f"splits-{at}", "Direct and indirect evidence", heads, tuple(rows), stub="Comparison")
    return Section(f"consistency-of-{at}", f"Consistency{of}", (Paragraph(escape_markup(said)), table))


def _why(status: str) -> str:
    return status.replace("_", " ")


def _contributions(component: Component, at: int, of: str) -> Section | None:
    drawing = contribution_map(component)
    if drawing is None:
        return None
    caption = "Inferred: how much of each effect comes from each direct comparison, by random walks down the flow of "
    caption += "evidence; a row adds up to 100 %."
    drawn: Figure = figure(f"contributions-{at}", f"Contributions{of}", drawing, caption)
    return Section(f"contributions-of-{at}", f"Contributions{of}", (drawn,))
