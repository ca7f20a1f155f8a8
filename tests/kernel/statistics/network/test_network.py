"""Network meta-analysis against netmeta, against pairwise pooling, and against what its parts must add up to."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import spawn_generators
from limus.kernel.statistics.network import (
    Network,
    NetworkStudy,
    decompose_q,
    find_components,
    fit_network,
    rank_draws,
    rank_treatments,
    share_evidence,
    split_nodes,
)
from limus.kernel.statistics.network.sums import add_up
from limus.kernel.statistics.pooling import Tau2Method, pool_effects

# means of arms; netmeta's results to three decimals in the tests of the program nma.js (a made-up set of three studies)
MEANS = {
    "A": (("1", "2"), (8, 10), (4.923423, 3.867062), (63, 45)),
    "B": (("1", "2", "3"), (7, 10.5, 10.5), (3.250787, 6.349051, 6.664182), (35, 44, 53)),
    "C": (("3", "2"), (10, 11), (4.324474, 4.301156), (75, 29)),
}


def means() -> Network:
    return Network.create(
        [
            NetworkStudy.from_arms(name, arms, mean, np.array(sd) ** 2 / np.array(n))
            for name, (arms, mean, sd, n) in MEANS.items()
        ],
        "2",
    )


def random_network(treatments: int, studies: int, seed: int = 1) -> Network:
    generator = spawn_generators(seed, 1)[0]
    names = [f"t{at}" for at in range(treatments)]
    made = []
    for at in range(studies):
        size = int(generator.choice([2, 2, 3, 4]))
        arms = generator.choice(treatments, size, replace=False)
        if at < treatments - 1:
            arms = np.array([at, at + 1])
        variance = generator.uniform(0.02, 0.2, len(arms))
        value = generator.normal(size=len(arms)) * np.sqrt(variance + 0.05)
        made.append(NetworkStudy.from_arms(f"s{at}", [names[i] for i in arms], value, variance))
    return Network.create(made, "t0")


def senn(data: Path) -> Network:
    by_study: dict[str, dict[tuple[str, str], tuple[float, float]]] = {}
    with (data / "nma_Senn2013.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            pair = (row["treat1"], row["treat2"])
            by_study.setdefault(row["studlab"], {})[pair] = (float(row["TE"]), float(row["seTE"]) ** 2)
    return Network.create([NetworkStudy.from_contrasts(name, pairs) for name, pairs in by_study.items()], "plac")


def test_netmeta_on_senn_2013(reference_data: Path) -> None:
    theirs = json.loads((reference_data.parent / "statistics.json").read_text())["netmeta"]["Senn2013"]
    network = senn(reference_data)
    order = [network.treatments.index(name) for name in theirs["trts"]]
    for method, key in ((None, "common"), (Tau2Method.DL, "random")):
        fit = fit_network(network, method)
        assert fit.effect[np.ix_(order, order)] == pytest.approx(np.array(theirs[f"TE.{key}"]), abs=1e-9)
        assert fit.standard_error[np.ix_(order, order)] == pytest.approx(np.array(theirs[f"seTE.{key}"]), abs=1e-9)
        ranking = rank_treatments(fit, spawn_generators(1, 1)[0], lower_is_better=False, draws=100)
        assert ranking.p_score[order] == pytest.approx(theirs[f"pscore.{key}"], abs=1e-9)
    assert fit.tau2 == pytest.approx(theirs["tau2"], abs=1e-10)
    assert fit_network(network, Tau2Method.REML).tau2 == pytest.approx(0.0999, abs=5e-5)  # metafor's, NOTES


def test_means_of_arms_as_netmeta_has_them() -> None:
    common, random = fit_network(means(), None), fit_network(means(), Tau2Method.DL)
    at = common.network.treatments.index
    assert common.effect[at("1"), at("2")] == pytest.approx(-2.8185, abs=5e-4)
    assert common.effect[at("3"), at("2")] == pytest.approx(-0.3125, abs=5e-4)
    assert random.effect[at("1"), at("2")] == pytest.approx(-2.8475, abs=5e-4)
    assert random.effect[at("3"), at("2")] == pytest.approx(-0.3075, abs=5e-4)
    assert common.i2_percent == pytest.approx(100 * 0.19595891881666125, rel=1e-12)
    score = rank_treatments(common, spawn_generators(1, 1)[0], lower_is_better=True, draws=100).p_score
    assert [round(float(score[at(name)]), 4) for name in "132"] == [0.9995, 0.3336, 0.1669]


def test_two_treatments_are_a_pairwise_pool() -> None:
    y, v = np.array([0.1, 0.5, -0.2, 0.9]), np.array([0.04, 0.1, 0.06, 0.2])
    studies = [NetworkStudy.create(f"s{i}", ("a", "b"), [y[i]], [[v[i]]]) for i in range(4)]
    for method in (None, Tau2Method.DL, Tau2Method.REML, Tau2Method.ML):
        fit, pooled = fit_network(Network.create(studies, "a"), method), pool_effects(y, v, method)
        assert fit.effect[1, 0] == pytest.approx(pooled.estimate[0], abs=1e-7)
        assert fit.standard_error[1, 0] == pytest.approx(pooled.standard_error[0], abs=1e-7)
        assert fit.q == pytest.approx(pooled.q[0])


def test_arms_and_contrasts_are_the_same_study() -> None:
    arms, value, variance = ("a", "b", "c", "d"), np.array([0.1, 0.4, -0.3, 0.2]), np.array([0.02, 0.05, 0.1, 0.03])
    by_arms = NetworkStudy.from_arms("s", arms, value, variance)
    pairs = {
        (arms[j], arms[i]): (float(value[j] - value[i]), float(variance[i] + variance[j]))
        for i in range(4)
        for j in range(4)
        if (i < j) == ((i + j) % 2 == 0) and i != j
    }
    found = NetworkStudy.from_contrasts("s", pairs)
    for study in (by_arms, found):
        fit = fit_network(Network.create([study], "a"), None)
        at = [fit.network.treatments.index(name) for name in arms]
        assert fit.effect[at, 0] == pytest.approx(value - value[0])
        assert fit.standard_error[at[2], at[1]] == pytest.approx(np.sqrt(0.15))


def test_the_reference_decides_nothing() -> None:
    network = random_network(6, 20)
    other = Network.create(network.studies, "t4")
    one, two = fit_network(network), fit_network(other)
    at = [two.network.treatments.index(name) for name in network.treatments]
    assert two.effect[np.ix_(at, at)] == pytest.approx(one.effect, abs=1e-6)
    assert two.tau2 == pytest.approx(one.tau2, abs=1e-6)


@pytest.mark.parametrize("method", [Tau2Method.REML, Tau2Method.ML])
def test_no_tau2_is_likelier(method: Tau2Method) -> None:
    network = random_network(5, 15, seed=3)
    blocks = network.blocks()

    def height(tau2: float) -> float:
        sums = add_up(blocks, 5, tau2)
        return sums.restricted_log_likelihood if method is Tau2Method.REML else sums.log_likelihood

    best = height(fit_network(network, method).tau2)
    assert best >= max(height(float(tau2)) for tau2 in np.append(0, np.geomspace(1e-4, 10, 400))) - 1e-9


def test_q_falls_into_designs() -> None:
    network = random_network(6, 25, seed=2)
    found = decompose_q(network)
    assert found.total.q == pytest.approx(found.within.q + found.between.q)
    assert found.total.degrees_of_freedom == network.degrees_of_freedom
    assert found.within.q == pytest.approx(sum(test.q for _, _, test in found.designs))
    single = decompose_q(Network.create([s for s in means().studies if s.name == "B"]))
    assert single.between.degrees_of_freedom == 0
    assert np.isnan(single.between.p)


def test_direct_and_indirect_make_the_network_again() -> None:
    # a triangle of two-arm studies: the indirect estimate is the way round
    studies = [
        NetworkStudy.create("ab", ("a", "b"), [0.5], [[0.04]]),
        NetworkStudy.create("ac", ("a", "c"), [0.9], [[0.09]]),
        NetworkStudy.create("bc", ("b", "c"), [0.1], [[0.01]]),
        NetworkStudy.create("ad", ("a", "d"), [0.3], [[0.02]]),
    ]
    splits = {(s.first, s.second): s for s in split_nodes(fit_network(Network.create(studies, "a"), None))}
    ab = splits["b", "a"]
    assert ab.status == "both"
    assert (ab.direct, ab.indirect) == (pytest.approx(0.5), pytest.approx(0.9 - 0.1))
    assert ab.indirect_error == pytest.approx(np.sqrt(0.09 + 0.01))
    assert splits["d", "a"].status == "direct_only"
    assert np.isnan(splits["d", "a"].p)
    assert splits["d", "b"].status == "indirect_only"
    # in a triangle every split is the one Q between designs
    q = decompose_q(Network.create(studies, "a")).between
    assert (ab.difference / ab.difference_error) ** 2 == pytest.approx(q.q)


def test_sucra_is_the_p_score() -> None:
    fit = fit_network(random_network(6, 20))
    draws = 40_000
    found = rank_treatments(fit, spawn_generators(7, 1)[0], lower_is_better=True, draws=draws)
    # a rank's standard deviation is below (T - 1)/2, SUCRA's therefore below 0.5/sqrt(draws); four of them
    assert found.sucra == pytest.approx(found.p_score, abs=4 * 0.5 / np.sqrt(draws))
    assert found.probability.sum(axis=0) == pytest.approx(1)
    assert found.probability.sum(axis=1) == pytest.approx(1)
    assert found.p_score.mean() == pytest.approx(0.5)
    again = rank_treatments(fit, spawn_generators(7, 1)[0], lower_is_better=True, draws=draws)
    assert (again.sucra == found.sucra).all()


def test_ranks_of_draws() -> None:
    found = rank_draws(np.array([[0.0, 1.0, 2.0], [0.0, -1.0, 2.0]]), lower_is_better=True)
    assert found.mean_rank.tolist() == [1.5, 1.5, 3.0]
    assert found.probability[2].tolist() == [0, 0, 1]


def test_contributions_of_a_triangle() -> None:
    studies = [
        NetworkStudy.create("ab", ("a", "b"), [0.5], [[1.0]]),
        NetworkStudy.create("ac", ("a", "c"), [0.9], [[1.0]]),
        NetworkStudy.create("bc", ("b", "c"), [0.1], [[1.0]]),
    ]
    found = share_evidence(fit_network(Network.create(studies, "a"), None), [("b", "a")])
    # two thirds flow over the direct comparison, one third over a path of two
    share = dict(zip(found.comparisons, found.share[0], strict=True))
    assert share == {
        ("b", "a"): pytest.approx(2 / 3),
        ("c", "a"): pytest.approx(1 / 6),
        ("c", "b"): pytest.approx(1 / 6),
    }


def test_contributions_add_up() -> None:
    fit = fit_network(random_network(12, 40))
    names = fit.network.treatments
    found = share_evidence(fit, [(b, a) for i, a in enumerate(names) for b in names[i + 1 :]])
    assert found.share.sum(axis=1) == pytest.approx(1)
    assert found.share.min() >= 0


def test_prediction_needs_degrees_of_freedom() -> None:
    assert fit_network(means(), None).prediction() is None
    fit = fit_network(means(), Tau2Method.DL)
    ends = fit.prediction()
    assert ends is not None
    lower, _ = fit.interval()
    assert (ends[0] <= lower + 1e-12).all()
    alone = Network.create([NetworkStudy.create("s", ("a", "b"), [0.1], [[1.0]])])
    assert fit_network(alone).prediction() is None


def test_components_are_named() -> None:
    studies = [
        NetworkStudy.create("1", ("a", "b"), [0.1], [[1.0]]),
        NetworkStudy.create("2", ("c", "d"), [0.1], [[1.0]]),
        NetworkStudy.create("3", ("d", "e"), [0.1], [[1.0]]),
    ]
    assert [names for names, _ in find_components(studies)] == [("c", "d", "e"), ("a", "b")]
    with pytest.raises(ValueRangeError, match="2 components: c - d - e; a - b"):
        Network.create(studies)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ({("b", "a"): (0.1, 1.0), ("c", "a"): (0.1, 1.0)}, "no c against b"),
        ({("b", "a"): (0.1, 1.0), ("a", "b"): (0.1, 1.0)}, "twice"),
        ({("b", "a"): (0.1, 0.1), ("c", "a"): (0.1, 0.1), ("c", "b"): (3.0, 0.1)}, "contradict"),
        ({("b", "a"): (0.1, 0.1), ("c", "a"): (0.1, 0.1), ("c", "b"): (0.0, 1.0)}, "eigenvalue"),
        ({("b", "a"): (0.1, -0.1)}, "eigenvalue"),
        ({("b", "a"): (np.nan, 0.1)}, "no number"),
    ],
)
def test_contrasts_that_cannot_be(pairs: dict[tuple[str, str], tuple[float, float]], words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        NetworkStudy.from_contrasts("s", pairs)


@pytest.mark.parametrize("arms", [("a",), ("a", "a")])
def test_arms_that_cannot_be(arms: tuple[str, ...]) -> None:
    with pytest.raises(ValueRangeError):
        NetworkStudy.from_arms("s", arms, [0.1] * len(arms), [1.0] * len(arms))


def test_other_estimators_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="REML"):
        fit_network(means(), Tau2Method.SJ)
