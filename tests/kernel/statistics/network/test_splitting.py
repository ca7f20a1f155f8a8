"""Direct against indirect evidence: both ways of the frequentist split, and the split of the Bayesian model."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import spawn_generators
from limus.kernel.statistics.network import (
    BinomialArms,
    Network,
    NetworkStudy,
    NodeSplit,
    fit_network,
    pairs_to_split,
    split_binomial,
    split_nodes,
)
from limus.kernel.statistics.network.sums import add_up


def two_arms(count: int = 14) -> list[NetworkStudy]:
    generator = spawn_generators(3, 1)[0]
    made = []
    for at in range(count):
        arms = ["abcd"[i] for i in generator.choice(4, 2, replace=False)] if at > 3 else ["abcd"[at], "bcda"[at]]
        variance = generator.uniform(0.05, 0.2, 2)
        made.append(NetworkStudy.from_arms(f"s{at}", arms, generator.normal(0, 0.5, 2), variance))
    return made


def by_pair(network: Network) -> dict[tuple[str, str], NodeSplit]:
    return {(split.first, split.second): split for split in split_nodes(fit_network(network))}


def test_without_studies_of_three_arms_both_ways_are_one() -> None:
    both = [split for split in by_pair(Network.create(two_arms(), "a")).values() if split.status == "both"]
    assert len(both) >= 4
    for split in both:
        assert split.separate == pytest.approx(split.indirect, rel=1e-9)
        assert split.separate_error == pytest.approx(split.indirect_error, rel=1e-9)
        assert split.separate_p == pytest.approx(split.p, rel=1e-9)


def test_the_separate_estimate_is_that_of_the_other_studies() -> None:
    studies = two_arms()
    studies.append(NetworkStudy.from_arms("three", ["a", "b", "c"], [0.0, 0.9, 0.2], [0.05, 0.06, 0.07]))
    network = Network.create(studies, "a")
    fit, split = fit_network(network), by_pair(network)["b", "a"]
    rest = Network.create([study for study in studies if not {"a", "b"} <= set(study.treatments)], "a")
    sums = add_up(rest.blocks(), len(rest.treatments), fit.tau2)
    at = rest.treatments.index("b") - 1
    assert split.separate == pytest.approx(sums.effect[at], rel=1e-9)
    assert split.separate_error == pytest.approx(sums.covariance[at, at] ** 0.5, rel=1e-9)
    assert split.separate != pytest.approx(split.indirect, rel=1e-3)


def test_what_only_a_study_of_three_arms_connects_has_no_separate_evidence() -> None:
    studies = [NetworkStudy.from_arms("three", ["a", "b", "c"], [0, 1, 2], [0.1] * 3)]
    studies.append(NetworkStudy.from_arms("two", ["a", "b"], [0, 1.5], [0.1] * 2))
    split = by_pair(Network.create(studies, "a"))["c", "a"]
    assert split.studies == 1
    assert np.isnan(split.separate)
    assert np.isnan(split.separate_p)


def triangle(shift: float) -> BinomialArms:
    """Three large trials of a against b, b against c, a against c; the last off by ``shift``."""
    logits = [(0, 0, -1.0), (0, 1, -0.5), (1, 1, -0.5), (1, 2, 0.0), (2, 0, -1.0), (2, 2, 0.0 + shift)]
    n = 20_000.0
    events = [round(n / (1 + np.exp(-logit))) for _, _, logit in logits]
    return BinomialArms.create([row[0] for row in logits], [row[1] for row in logits], events, [n] * 6)


def test_the_bayesian_split_finds_the_contradiction_that_is_there() -> None:
    arms = triangle(0.4)
    assert pairs_to_split(arms) == ((1, 0), (2, 0), (2, 1))
    for pair, sign in zip(pairs_to_split(arms), (-1, 1, -1), strict=True):
        found = split_binomial(arms, pair, spawn_generators(1, 1)[0], draws=700, warm_up=500, widest_tau=0.01)
        # in a triangle every split has the same size; tau is held so small that it hides nothing
        assert found.difference.mean() == pytest.approx(sign * 0.4, abs=0.05)
        assert found.p < 0.01
        assert found.direct == pytest.approx(found.indirect + found.difference)


def test_with_two_arms_it_does_not_matter_which_arm_is_moved() -> None:
    means = [
        split_binomial(
            triangle(0.4), (2, 0), spawn_generators(1, 1)[0], share=share, draws=700, warm_up=500, widest_tau=0.01
        ).difference.mean()
        for share in (0.0, 1.0)
    ]
    assert means[0] == pytest.approx(means[1], abs=0.03)


def test_a_pair_without_other_studies_is_not_split() -> None:
    arms = BinomialArms.create([0, 0, 1, 1], [0, 1, 1, 2], [10, 20, 20, 30], [100] * 4)
    assert pairs_to_split(arms) == ()
    with pytest.raises(ValueRangeError, match="no pair"):
        split_binomial(arms, (1, 0), spawn_generators(1, 1)[0])
