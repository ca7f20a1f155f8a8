"""Everything that is computed for the networks of one outcome, before anything is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from limus.evidence.measures import Measure
from limus.evidence.network import NetworkTable, read_networks
from limus.evidence.plan import Model
from limus.evidence.study_table import StudyTable
from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError, ValueRangeError
from limus.kernel.execution import Execution, spawn_generators
from limus.kernel.statistics.network import (
    Contributions,
    DesignQ,
    Network,
    NetworkFit,
    NodeSplit,
    Ranking,
    decompose_q,
    fit_network,
    rank_treatments,
    share_evidence,
    split_nodes,
)
from limus.workflows.evidence.networks.bayesian import STEPS, Bayesian, count_models, sample_events
from limus.workflows.evidence.networks.plan import NetworkPlan

__all__ = ["Component", "NetworkAnalysis", "NetworkPlan", "analyse_networks"]

_MOST_FOR_ALL_CONTRIBUTIONS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """One connected network.

    Attributes
    ----------
    fit : NetworkFit
    designs : DesignQ
    splits : tuple of NodeSplit
    ranking : Ranking
    contributions : Contributions or None
        None where adjusted weights are negative; a finding says so.
    bayesian : Bayesian or None
        The model of the events, where it was asked for and there are events of all studies.
    """

    fit: NetworkFit
    designs: DesignQ
    splits: tuple[NodeSplit, ...]
    ranking: Ranking
    contributions: Contributions | None
    bayesian: Bayesian | None = None

    @property
    def loops(self) -> int:
        """Independent ways in which designs could contradict one another."""
        return self.designs.between.degrees_of_freedom


@dataclass(frozen=True, slots=True, eq=False)
class NetworkAnalysis:
    """The networks of one outcome.

    Attributes
    ----------
    table : NetworkTable
    plan : NetworkPlan
    components : tuple of Component
        Nothing connects them.
    elsewhere : tuple of str
        Treatments of the tables that are in none of these networks.
    findings : tuple of Finding
    """

    table: NetworkTable
    plan: NetworkPlan
    components: tuple[Component, ...]
    elsewhere: tuple[str, ...]
    findings: tuple[Finding, ...]


def analyse_networks(
    tables: Sequence[StudyTable],
    plan: NetworkPlan,
    reference: str | None,
    all_treatments: Sequence[str],
    execution: Execution,
) -> NetworkAnalysis:
    """Analyse the networks of one outcome.

    Parameters
    ----------
    tables : sequence of StudyTable
        Narrowed to one outcome, time and unit.
    plan : NetworkPlan
    reference : str, optional
    all_treatments : sequence of str
        Those of the tables before they were narrowed.
    execution : Execution
        Gives the seed of the ranks' draws and shows how far the work is.

    Returns
    -------
    NetworkAnalysis

    Raises
    ------
    InputError
        Table, measure and reference do not go together.
    NothingSucceededError
        No study is left.
    """
    sampled = plan.binomial or plan.binomial_splits
    if sampled and plan.measure is not Measure.OR:
        raise InputError("--binomial", f"with {plan.measure}", "odds ratios", "choose --measure OR")
    table = read_networks(tables, plan.measure, reference)
    findings = list(table.findings)
    components = []
    generators = spawn_generators(execution.seed, len(table.networks), stream="network ranks")
    progress = execution.progress
    models = [count_models(network, table, splits=plan.binomial_splits) if sampled else 0 for network in table.networks]
    progress.start("networks", sum(1 + STEPS * count for count in models))
    try:
        for network, generator in zip(table.networks, generators, strict=True):
            fit = fit_network(network, plan.tau2_method if plan.model is Model.RANDOM else None)
            ranking = rank_treatments(
                fit,
                generator,
                lower_is_better=plan.lower_is_better,
                draws=plan.draws,
                level_percent=plan.level_percent,
            )
            shares, more = _contributions(fit)
            component = Component(fit, decompose_q(network), split_nodes(fit), ranking, shares)
            if sampled:
                where = _where(network, table)
                bayesian, said = sample_events(network, table, plan, (generator, progress.advance), where)
                component, more = replace(component, bayesian=bayesian), [*more, *said]
            findings += [*more, *_cautions(component, table, plan)]
            components.append(component)
            progress.advance()
    finally:
        progress.finish()
    here = {name for network in table.networks for name in network.treatments}
    elsewhere = tuple(name for name in dict.fromkeys(all_treatments) if name not in here)
    if elsewhere:
        many = "1 treatment is" if len(elsewhere) == 1 else f"{len(elsewhere)} treatments are"
        got = f"{many} in none of these networks: {'; '.join(elsewhere)}"
        do = "other outcomes and times are networks of their own; nothing is bridged"
        where = " and ".join(table.names)
        findings.append(Finding("treatments-elsewhere", Severity.NOTE, where, got, "", do))
    return NetworkAnalysis(table, plan, tuple(components), elsewhere, tuple(findings))


def _contributions(fit: NetworkFit) -> tuple[Contributions | None, list[Finding]]:
    names = fit.network.treatments
    pairs = [(b, a) for a, b in combinations(names, 2)]
    if len(names) > _MOST_FOR_ALL_CONTRIBUTIONS:
        pairs = [(name, names[0]) for name in names[1:]]
    try:
        return share_evidence(fit, pairs), []
    except ValueRangeError as error:
        got = f"none: {error.got}"
        return None, [Finding("no-contributions", Severity.WARNING, "contributions", got, error.allowed, error.do)]


def _cautions(component: Component, table: NetworkTable, plan: NetworkPlan) -> list[Finding]:
    """What the numbers are right about and a reader may still be misled by."""
    fit, found = component.fit, []
    where = _where(fit.network, table)
    studies = {study.name for study in fit.network.studies}
    assumed = [used.name for used in table.studies if used.assumed and used.name in studies and _is_used(used.status)]
    if assumed:
        got = f"{len(assumed)} of {len(studies)} studies: {', '.join(assumed)}"
        do = "look at their notes; the result is no better than they are"
        found.append(Finding("assumed-numbers", Severity.WARNING, f"{where}: numbers only assumed", got, "", do))
    if not component.loops and len(fit.network.treatments) > 2:
        got = "no closed loop of different designs"
        do = "consistency cannot be tested here; that it holds is an assumption"
        found.append(Finding("no-loops", Severity.WARNING, where, got, "a loop of two designs or more", do))
    if plan.model is Model.RANDOM and fit.degrees_of_freedom < 1:
        words = f"{len(studies)} {'study' if len(studies) == 1 else 'studies'}"
        got = f"{words} for {len(fit.network.treatments)} treatments: nothing is left to estimate tau2"
        do = "tau2 is taken as 0, so the intervals are those of a common effect: too narrow if effects vary"
        found.append(Finding("no-tau2", Severity.WARNING, where, got, "more studies than a tree needs", do))
    elif plan.model is Model.RANDOM and fit.degrees_of_freedom < 4:
        got = f"{fit.degrees_of_freedom} degree{'s' if fit.degrees_of_freedom > 1 else ''} of freedom"
        found.append(Finding("few-studies", Severity.NOTE, f"{where}: tau2", got, "", "read it as hardly known"))
    if component.designs.between.p < 0.05:
        got = f"Q between designs {component.designs.between.q:.3g}, p {component.designs.between.p:.2g}"
        do = "look at the split comparisons and at what differs between the designs"
        found.append(Finding("designs-disagree", Severity.WARNING, f"{where}: common effects", got, "", do))
    return found


def _is_used(status: str) -> bool:
    return status in ("used", "corrected")


def _where(network: Network, table: NetworkTable) -> str:
    if len(table.networks) == 1:
        return "network"
    return f"network of {network.treatments[0]}"
