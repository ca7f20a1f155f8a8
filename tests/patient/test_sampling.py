"""Draws and marginal likelihood against sums over a grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.patient import sampling
from limus.patient.estimate import EstimateOptions, estimate_patients
from limus.patient.model_average import average_weights
from limus.patient.posterior import minus_twice_log
from limus.patient.residual_choice import with_residual_choice
from limus.pharmacokinetics.population_model.library import load_population_model

from .cases import nonmem_table, one_compartment, visits, with_simulated_levels


def on_a_grid(posterior, ends: float = 2.4, points: int = 41):
    """Log marginal likelihood, mean and standard deviations by sums over a grid of three effects."""
    axis = np.linspace(-ends, ends, points)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    logs = -0.5 * minus_twice_log(posterior, np.zeros(len(grid), int), grid)
    weights = np.exp(logs - logs.max())
    marginal = logs.max() + np.log(weights.sum() * (axis[1] - axis[0]) ** 3)
    weights /= weights.sum()
    mean = weights @ grid
    return marginal, mean, np.sqrt(weights @ (grid - mean) ** 2)


@pytest.mark.parametrize("choice", ["model", "logarithm"])
def test_against_a_grid(choice: str) -> None:
    model = with_residual_choice(one_compartment(), choice)
    found = estimate_patients(model, nonmem_table(), EstimateOptions(draws=4000))
    marginal, mean, sd = on_a_grid(found.posterior)
    draws = found.draws
    # four standard errors of the draws
    assert draws.log_marginal[0] == pytest.approx(marginal, abs=max(4 * draws.log_marginal_error[0], 1e-3))
    error = 4 * sd / np.sqrt(draws.effective[0])
    assert (np.abs(draws.effects[0].mean(axis=0) - mean) < error).all()
    np.testing.assert_allclose(draws.effects[0].std(axis=0), sd, rtol=0.12)


def test_draws_that_are_moved_stay_in_the_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started from a few copies, the random walk must find the grid's mean and standard deviation again."""
    still = estimate_patients(one_compartment(), nonmem_table(), EstimateOptions(draws=400))
    assert np.isnan(still.draws.accepted).all()
    monkeypatch.setattr(sampling, "FEW", 2.0)  # always
    monkeypatch.setattr(sampling._Sampler, "resample", few_copies(sampling._Sampler.resample))
    found = estimate_patients(one_compartment(), nonmem_table(), EstimateOptions(draws=400))
    _, mean, sd = on_a_grid(found.posterior)
    draws = found.draws.effects[0]
    assert 0.1 < found.draws.accepted[0] < 0.6
    assert len(np.unique(draws[:, 1])) > 300
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * sd / np.sqrt(100)).all()  # a draw in four counts, five errors
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.25)


def few_copies(resample):
    def of(sampler, count):
        effects, *rest = resample(sampler, count)
        return np.repeat(effects[:10], count // 10, axis=0), *rest

    return of


def test_marginal_likelihood_is_on_one_scale_for_both_kinds_of_error() -> None:
    """A model on logarithms and one on levels are compared by the density of the levels themselves."""
    small = [with_residual_choice(one_compartment(), c) for c in ("proportional:0.02", "logarithm")]
    tiny = replace(small[1].residual, log_additive=0.02)
    models = [small[0], replace(small[1], residual=tiny)]
    options = EstimateOptions(draws=3000)
    table, _, _ = with_simulated_levels(models[0], nonmem_table(), seed=3)
    found = [estimate_patients(model, table, options) for model in models]
    # at 2 % the two errors are nearly the same distribution
    assert abs(found[0].log_marginal[0] - found[1].log_marginal[0]) < 0.3
    assert average_weights(found).sum() == pytest.approx(1.0)


def test_occasions_without_levels_keep_their_prior() -> None:
    model = load_population_model("Woillard_2011")
    table, _, _ = with_simulated_levels(model, visits(model, 1, 2), seed=2)
    from limus.patient.levels import lay_out_levels

    levels = lay_out_levels(table)
    levels = levels.without(levels.occasion >= 1)
    found = estimate_patients(model, table, EstimateOptions(draws=2000), levels=levels)
    space = found.posterior.prediction.space
    new = found.draws.effects[0][:, space.of_occasion(1)]
    np.testing.assert_allclose(new.std(axis=0), np.sqrt(np.diag(model.between_occasion.covariance)), rtol=0.1)
    assert found.posterior.informed[0].tolist() == [True] * 8 + [False] * 3


def test_draws_depend_on_the_seed_only() -> None:
    model = one_compartment()
    same = [estimate_patients(model, nonmem_table(), EstimateOptions(draws=50, seed=s)) for s in (1, 1, 2)]
    np.testing.assert_array_equal(same[0].draws.effects, same[1].draws.effects)
    assert not np.array_equal(same[0].draws.effects, same[2].draws.effects)


def test_many_effects_are_paid_for() -> None:
    """The likelihood at the mode rewards a model with freer effects; the marginal likelihood does not."""
    model = with_residual_choice(one_compartment(), "proportional:0.1")
    free = replace(model, between_subject=replace(model.between_subject, covariance=np.diag([4.0, 4.0, 4.0])))
    table, _, _ = with_simulated_levels(model, nonmem_table(), seed=11)
    options = EstimateOptions(draws=2000)
    plain, freer = (estimate_patients(one, table, options) for one in (model, free))

    assert freer.log_marginal[0] < plain.log_marginal[0]
