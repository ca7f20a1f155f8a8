"""The Bayesian model of events: what it must give where the answer is known otherwise, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import spawn_generators
from limus.kernel.statistics.network import BinomialArms, Network, NetworkStudy, fit_network, sample_binomial
from limus.kernel.statistics.pooling import Tau2Method


def big_trials() -> tuple[BinomialArms, Network]:
    """Arms so large that the normal approximation holds, with little heterogeneity."""
    generator = spawn_generators(5, 1)[0]
    rows, studies = [], []
    for at, arms in enumerate([(0, 1), (0, 1), (0, 2), (0, 2), (1, 2), (0, 1, 2), (0, 1), (1, 2), (0, 2), (0, 1)]):
        level = generator.normal(-1, 0.3)
        n = np.full(len(arms), 4000.0)
        p = 1 / (1 + np.exp(-(level + 0.3 * np.array(arms) + generator.normal(0, 0.1, len(arms)))))
        events = generator.binomial(4000, p).astype(float)
        rows += [(at, arm, e, 4000.0) for arm, e in zip(arms, events, strict=True)]
        value, variance = np.log(events / (n - events)), 1 / events + 1 / (n - events)
        studies.append(NetworkStudy.from_arms(str(at), ["abc"[arm] for arm in arms], value, variance))
    columns = list(zip(*rows, strict=True))
    return BinomialArms.create(*columns), Network.create(studies, "a")


def test_large_trials_are_the_normal_model() -> None:
    arms, network = big_trials()
    found = sample_binomial(arms, spawn_generators(1, 1)[0], draws=3000, warm_up=1000)
    fit = fit_network(network, Tau2Method.REML)
    order = [fit.network.treatments.index(name) for name in "abc"]
    mean = found.effect.reshape(-1, 3).mean(axis=0)
    # the posterior's mean and the REML estimate differ by much less than a standard error
    assert mean[1:] == pytest.approx(fit.effect[order, 0][1:], abs=0.2 * float(fit.standard_error[order[1], 0]))
    assert (found.r_hat < 1.05).all()
    assert 0.5 * fit.tau2**0.5 < float(np.median(found.tau)) < 2 * fit.tau2**0.5


def test_one_trial_with_tau_held_small_is_the_log_odds_ratio() -> None:
    arms = BinomialArms.create([0, 0], [0, 1], [300, 400], [1000, 1000])
    found = sample_binomial(arms, spawn_generators(2, 1)[0], draws=4000, warm_up=1000, widest_tau=0.01)
    truth = np.log(400 / 600) - np.log(300 / 700)
    error = np.sqrt(1 / 400 + 1 / 600 + 1 / 300 + 1 / 700)
    draws = found.effect[:, :, 1]
    assert draws.mean() == pytest.approx(truth, abs=0.15 * error)
    assert draws.std() == pytest.approx(error, rel=0.1)


def test_the_same_seed_gives_the_same_draws() -> None:
    arms = BinomialArms.create([0, 0], [0, 1], [3, 4], [10, 10])
    one, two = (sample_binomial(arms, spawn_generators(3, 1)[0], draws=100, warm_up=100) for _ in range(2))
    assert (one.effect == two.effect).all()
    assert not one.converged  # a hundred draws of four chains cannot be four hundred effective ones of tau


def test_what_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="connected"):
        BinomialArms.create([0, 0, 1, 1], [0, 1, 2, 3], [1, 1, 1, 1], [9, 9, 9, 9])
    with pytest.raises(ValueRangeError, match="events"):
        BinomialArms.create([0, 0], [0, 1], [10, 1], [9, 9])
    arms = BinomialArms.create([0, 0], [0, 1], [3, 4], [10, 10])
    with pytest.raises(ValueRangeError, match="chains"):
        sample_binomial(arms, spawn_generators(3, 1)[0], chains=1)
    with pytest.raises(ValueRangeError, match="prior"):
        sample_binomial(arms, spawn_generators(3, 1)[0], widest_tau=0)
