"""The Bayesian model of the events of a network, and the same with direct and indirect evidence of a pair apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from limus.evidence.network import NetworkTable
from limus.kernel.checks import Finding, Severity
from limus.kernel.statistics.network import (
    BinomialArms,
    BinomialDraws,
    BinomialSplit,
    Network,
    Ranking,
    pairs_to_split,
    rank_draws,
    sample_binomial,
    split_binomial,
)
from limus.workflows.evidence.networks.plan import NetworkPlan

__all__ = ["STEPS", "TAU_PRIOR", "Bayesian", "count_models", "sample_events"]

STEPS = 100  # of a sampler, on the way
TAU_PRIOR = 5.0
_PRIOR_SHARE = 0.5  # of the prior's spread: more says that the studies hardly inform tau
_MOST_SPLITS = 40
_SPLIT_DRAWS = 8000  # of each chain; tau mixes more slowly than in the whole model


@dataclass(frozen=True, slots=True, eq=False)
class Bayesian:
    """The model of the events.

    Attributes
    ----------
    draws : BinomialDraws
    ranking : Ranking
    splits : tuple of BinomialSplit
        Empty where none were asked for, or no pair has evidence of both kinds.
    """

    draws: BinomialDraws
    ranking: Ranking
    splits: tuple[BinomialSplit, ...]


def count_models(network: Network, table: NetworkTable, *, splits: bool) -> int:
    """Return how many models are sampled.

    Parameters
    ----------
    network : Network
    table : NetworkTable
    splits : bool
        Whether each pair is split too.

    Returns
    -------
    int
    """
    if any(study.name not in table.counts for study in network.studies):
        return 0
    return 1 + (len(pairs_to_split(_arms(network, table))[:_MOST_SPLITS]) if splits else 0)


def _arms(network: Network, table: NetworkTable) -> BinomialArms:
    index = {name: at for at, name in enumerate(network.treatments)}
    rows = [
        (at, index[treatment], events, n)
        for at, study in enumerate(network.studies)
        for treatment, events, n in table.counts[study.name]
    ]
    study, treatment, events, n = zip(*rows, strict=True)
    return BinomialArms.create(study, treatment, events, n)


def sample_events(
    network: Network,
    table: NetworkTable,
    plan: NetworkPlan,
    run: tuple[np.random.Generator, Callable[[], None]],
    where: str,
) -> tuple[Bayesian | None, list[Finding]]:
    """Sample the model of the events, and its splits where they are asked for.

    Parameters
    ----------
    network : Network
    table : NetworkTable
    plan : NetworkPlan
    run : tuple of (numpy.random.Generator, callable)
        The callable is called a hundred times a model, on the way.
    where : str
        The network, for messages.

    Returns
    -------
    tuple of (Bayesian or None, list of Finding)
        None where a study has no events by arm.
    """
    without = [study.name for study in network.studies if study.name not in table.counts]
    if without:
        do = "give the arms, or go without --binomial"
        got = f"no events by arm: {', '.join(without)}"
        return None, [Finding("no-binomial", Severity.WARNING, where, got, "events of every study", do)]
    arms = _arms(network, table)
    found = sample_binomial(arms, run[0], widest_tau=TAU_PRIOR, advance=run[1])
    flat = found.effect.reshape(-1, len(network.treatments))
    ranking = rank_draws(flat, lower_is_better=plan.lower_is_better, level_percent=plan.level_percent)
    said = _cautions(found, where)
    pairs = pairs_to_split(arms) if plan.binomial_splits else ()
    if len(pairs) > _MOST_SPLITS:
        got, do = f"{_MOST_SPLITS} of {len(pairs)} pairs", "the frequentist splits have them all"
        said.append(Finding("splits-not-all", Severity.WARNING, f"{where}: Bayesian splits", got, "", do))
    splits = tuple(
        split_binomial(arms, pair, run[0], draws=_SPLIT_DRAWS, widest_tau=TAU_PRIOR, advance=run[1])
        for pair in pairs[:_MOST_SPLITS]
    )
    bad = [f"{network.treatments[s.first]} against {network.treatments[s.second]}" for s in splits if not s.converged]
    if bad:
        do = "do not read these splits"
        got = f"not converged: {'; '.join(bad)}"
        said.append(Finding("splits-not-converged", Severity.WARNING, f"{where}: Bayesian splits", got, "", do))
    return Bayesian(found, ranking, splits), said


def _cautions(found: BinomialDraws, where: str) -> list[Finding]:
    said = []
    if not found.converged:
        got = f"R-hat up to {found.r_hat.max():.3f}, effective sample size down to {found.effective.min():.0f}"
        do = "do not use the Bayesian results; the data may not decide them"
        said.append(Finding("not-converged", Severity.WARNING, where, got, "below 1.01, 400 or more", do))
    if float(found.tau.std()) > _PRIOR_SHARE * TAU_PRIOR / 12**0.5:
        got = f"the standard deviation of tau is {found.tau.std():.2g}, its prior's {TAU_PRIOR / 12**0.5:.2g}"
        do = "read the Bayesian intervals as those of the prior; more studies would be needed"
        said.append(Finding("tau-from-prior", Severity.WARNING, f"{where}: Bayesian model", got, "", do))
    return said
