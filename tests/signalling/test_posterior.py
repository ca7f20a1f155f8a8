"""The posterior of a problem whose answer is known: linear residuals give a normal posterior, cut at a bound."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import SolveError
from limus.kernel.execution import Execution
from limus.kernel.inference import Bounds
from limus.signalling.fit_problem import FitProblem
from limus.signalling.posterior import draw_posterior

DESIGN = np.array([[1.0, 0.5], [0.2, 2.0], [1.0, -1.0]])
TRUE = np.array([0.3, -0.4])


def problem(lower: float = -10.0) -> FitProblem:
    def residuals(parameters: np.ndarray) -> np.ndarray:
        return (parameters - TRUE) @ DESIGN.T / 0.3

    def jacobian(parameters: np.ndarray) -> np.ndarray:
        return np.broadcast_to(DESIGN / 0.3, (len(parameters), 3, 2))

    bounds = Bounds.create(np.array([lower, -10.0]), np.array([10.0, 10.0]))
    return FitProblem((), np.zeros(2), np.ones(2), bounds, residuals, jacobian)


def test_a_normal_posterior_comes_back_from_a_poor_first_guess() -> None:
    exact = np.linalg.inv(DESIGN.T @ DESIGN) * 0.09
    found = draw_posterior(problem(), np.zeros(2), np.eye(2) * 0.04, draws=4000, execution=Execution(seed=3))
    assert found.effective_sample >= 200
    assert found.draws.shape == (4000, 2)
    np.testing.assert_allclose(found.draws.mean(axis=0), TRUE, atol=0.02)
    np.testing.assert_allclose(np.cov(found.draws.T), exact, atol=0.012)


def test_draws_stay_inside_the_bounds_and_repeat() -> None:
    first, again = (
        draw_posterior(problem(0.3), TRUE, np.eye(2) * 0.05, draws=500, execution=Execution(seed=5)) for _ in range(2)
    )
    assert (first.draws[:, 0] >= 0.3).all()
    assert np.array_equal(first.draws, again.draws)


def test_too_few_effective_draws_are_an_error() -> None:
    with pytest.raises(SolveError, match="effective sample"):
        draw_posterior(
            problem(), TRUE, np.eye(2), proposals=50, least_effective=200.0, most_rounds=2, execution=Execution(seed=1)
        )
