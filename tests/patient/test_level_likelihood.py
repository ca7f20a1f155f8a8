"""The density of levels: it integrates to 1, its derivatives are right, M3 is the normal probability."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import norm

from limus.patient.level_likelihood import error_model, level_terms
from limus.patient.residual_choice import with_residual_choice

from .cases import one_compartment

CHOICES = ("model", "logarithm", "both", "additive:3")


MODEL = one_compartment()


def terms(choice: str, level: float, measured: float | np.ndarray, *, below: bool = False, **more: float):
    error = error_model(with_residual_choice(MODEL, choice), **more)
    y = np.atleast_2d(np.asarray(measured, dtype=float))
    return level_terms(error, np.full(y.shape, level), y, np.full(y.shape, below), np.ones(y.shape))


@pytest.mark.parametrize("choice", CHOICES)
def test_density_integrates_to_one(choice: str) -> None:
    low = 0.0 if choice == "logarithm" else -200.0
    y = np.linspace(low + 1e-9, 400.0, 200_001)
    density = np.exp(-0.5 * terms(choice, 30.0, y).value[0])
    assert trapezoid(density, y) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize("choice", CHOICES)
def test_slope_is_the_derivative(choice: str, below: bool) -> None:
    step = 1e-4
    up, down = (
        terms(choice, 20.0 + sign * step, 17.0, below=below, assay_additive=0.4).value[0, 0] for sign in (1, -1)
    )
    found = terms(choice, 20.0, 17.0, below=below, assay_additive=0.4).slope[0, 0]
    assert found == pytest.approx((up - down) / (2 * step), rel=1e-6)


def test_curvature_is_the_expected_one() -> None:
    """Averaged over levels drawn around the prediction, the second derivative is Fisher's information, times two."""
    f, step = 20.0, 1e-3
    sd = np.sqrt(0.05) * f
    y = f + sd * norm.ppf((np.arange(4000) + 0.5) / 4000)
    second = (terms("model", f + step, y).slope - terms("model", f - step, y).slope) / (2 * step)
    assert terms("model", f, 21.0).curvature[0, 0] == pytest.approx(float(np.mean(second)), rel=2e-3)


def test_below_a_limit_counts_as_the_probability() -> None:
    limit, level = 5.0, 8.0
    sd = np.sqrt(0.05) * level
    assert terms("model", level, limit, below=True).value[0, 0] == pytest.approx(
        -2.0 * norm.logcdf((limit - level) / sd), rel=1e-12
    )
    logarithm = norm.logcdf((np.log(limit) - np.log(level)) / np.sqrt(0.05))
    assert terms("logarithm", level, limit, below=True).value[0, 0] == pytest.approx(-2.0 * logarithm, rel=1e-12)


def test_far_below_stays_finite() -> None:
    found = terms("additive:0.1", 60.0, 1.0, below=True)
    assert np.isfinite([found.value, found.slope, found.curvature]).all()
    assert found.slope[0, 0] > 0


def test_a_level_that_is_not_used_counts_nothing_and_a_lost_one_infinitely() -> None:
    error = error_model(MODEL)
    level = np.array([[np.nan, np.nan]])
    found = level_terms(error, level, np.ones((1, 2)), np.zeros((1, 2), bool), np.array([[0.0, 1.0]]))
    assert found.value.tolist() == [[0.0, np.inf]]
    assert found.slope[0, 0] == 0.0
