"""Profile likelihoods: on a linear problem they are parabolas known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.inference import Bounds
from limus.signalling.fit_problem import FitProblem
from limus.signalling.model_library import load_model
from limus.signalling.prior_share import PRIOR_DRIVEN, is_prior_driven
from limus.signalling.profiles import RISE_95, ProfileStatus, profile_problem

PRIOR_SD = np.array([0.5, 0.4, 0.3])
# the observations see the first parameter, and the sum of the second and the third
DESIGN = np.array([[4.0, 0.0, 0.0], [0.0, 5.0, 5.0], [1.0, 1.0, 1.0], [2.0, 0.5, 0.5]])
DATA = np.array([1.0, 0.5, 0.2, 0.6])


def linear_problem(width: float = 10.0) -> FitProblem:
    prior = np.zeros(3)

    def residuals(points: np.ndarray) -> np.ndarray:
        return np.hstack([points @ DESIGN.T - DATA, (points - prior) / PRIOR_SD])

    def jacobian(points: np.ndarray) -> np.ndarray:
        return np.tile(np.vstack([DESIGN, np.diag(1.0 / PRIOR_SD)]), (len(points), 1, 1))

    template = load_model("t_cell", with_fit=False).fitted[:3]
    parameters = tuple(replace(p, prior_log10_sd=float(s)) for p, s in zip(template, PRIOR_SD, strict=True))
    bounds = Bounds.create(np.full(3, -width), np.full(3, width))
    return FitProblem(parameters, prior, PRIOR_SD, bounds, residuals, jacobian)


def posterior() -> tuple[np.ndarray, np.ndarray]:
    curvature = DESIGN.T @ DESIGN + np.diag(PRIOR_SD**-2.0)
    return np.linalg.solve(curvature, DESIGN.T @ DATA), np.linalg.inv(curvature)


def test_profiles_of_a_linear_problem_are_the_parabolas_of_its_covariance() -> None:
    centre, covariance = posterior()
    errors = np.sqrt(np.diag(covariance))
    for j, profile in enumerate(profile_problem(linear_problem(), centre, covariance)):
        expected = ((profile.log10_values - centre[j]) / errors[j]) ** 2
        # the refit stops a twentieth of a standard error from its minimum, which adds at most its square
        np.testing.assert_allclose(profile.with_prior.rise, expected, atol=0.05)
        half = np.sqrt(RISE_95) * errors[j]
        assert profile.with_prior.lower == pytest.approx(centre[j] - half, abs=0.02 * half)
        assert profile.with_prior.upper == pytest.approx(centre[j] + half, abs=0.02 * half)
        assert profile.with_prior.status is ProfileStatus.IDENTIFIED


def test_what_the_observations_do_not_see_alone_is_flat_without_the_prior() -> None:
    centre, covariance = posterior()
    first, second, third = profile_problem(linear_problem(), centre, covariance)
    assert first.without_prior.status is ProfileStatus.IDENTIFIED
    assert not first.prior_driven
    for profile in (second, third):
        assert profile.without_prior.status is ProfileStatus.FLAT
        assert profile.prior_driven == (profile.share_of_prior_width > PRIOR_DRIVEN)
        np.testing.assert_allclose(profile.without_prior.rise, 0.0, atol=0.05)
        assert 0.5 < profile.share_of_prior_width < 1.0


def test_a_bound_before_the_limit_leaves_that_side_open() -> None:
    centre, covariance = posterior()
    errors = np.sqrt(np.diag(covariance))
    width = float(np.abs(centre).max() + 0.5 * errors.min())
    profile = profile_problem(linear_problem(width), centre, covariance)[int(np.abs(centre).argmax())]
    assert profile.with_prior.status is ProfileStatus.ONE_SIDED
    assert np.abs(profile.log10_values).max() <= width


@pytest.mark.parametrize(("remaining", "expected"), [(0.2, False), (0.8, False), (0.81, True), (float("nan"), True)])
def test_prior_driven_is_what_keeps_most_of_the_priors_spread(remaining: float, expected: bool) -> None:
    assert is_prior_driven(remaining) is expected
