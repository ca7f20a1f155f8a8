"""Tight-binding inhibition: the closed form, the limits it must have, and fits that find the constant again."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limus.assay.phosphatase.tight_binding import (
    BindingModel,
    HalfEnzyme,
    compare_with_half_enzyme,
    inhibition_constant,
    occupied_fraction,
)
from limus.assay.phosphatase.tight_binding_fit import Titration, fit_tight_binding, upper_limit
from limus.kernel.errors import ValueRangeError
from limus.kernel.inference import FitStatus

DOSES = np.repeat(np.r_[0.0, np.geomspace(0.3, 3000, 10)], 3)


def test_with_immunophilin_in_excess_it_is_morrisons_equation() -> None:
    enzyme, constant = 10.0, 5.0
    for inhibitor in (1.0, 10.0, 50.0):
        total = enzyme + inhibitor + constant
        expected = (total - math.sqrt(total**2 - 4 * enzyme * inhibitor)) / (2 * enzyme)
        for model in ("preformed", "equilibrium"):
            found = float(occupied_fraction(inhibitor, 1e6, enzyme, 1e-3, constant, model))
            assert found == pytest.approx(expected, rel=1e-6), model


def test_little_enzyme_gives_the_classical_isotherm_and_tight_binding_a_titration() -> None:
    assert float(occupied_fraction(8.0, 1e6, 1e-6, 1e-6, 2.0)) == pytest.approx(8 / 10, rel=1e-5)
    assert float(occupied_fraction(4.0, 1e6, 10.0, 1e-9, 1e-9)) == pytest.approx(0.4, rel=1e-4)


def test_the_two_models_part_where_the_enzyme_draws_on_the_complex() -> None:
    # ciclosporin-like affinity, everything of one size: the equilibrium holds more enzyme
    preformed, equilibrium = (
        float(occupied_fraction(50.0, 50.0, 50.0, 37.0, 5.0, m)) for m in ("preformed", "equilibrium")
    )
    assert equilibrium > 1.15 * preformed


def test_less_immunophilin_than_enzyme_limits_inhibition() -> None:
    assert float(occupied_fraction(1e6, 4.0, 10.0, 0.4, 1e-3, "equilibrium")) == pytest.approx(0.4, rel=1e-3)


@pytest.mark.parametrize("model", ["preformed", "equilibrium"])
def test_the_constant_is_found_again(model: BindingModel) -> None:
    truth = occupied_fraction(DOSES, 200.0, 10.0, 0.4, 3.0, model)
    exact = fit_tight_binding(_titration(100 * (1 - truth), model))
    assert exact.status[0] is FitStatus.CONVERGED
    assert math.exp(exact.log_constant[0]) == pytest.approx(3.0, rel=1e-6)
    assert float(exact.top[0]) == pytest.approx(100.0, rel=1e-6)
    # 60 noisy lanes: the mean within 4 standard errors
    noisy = 100 * (1 - truth) + 2 * np.random.default_rng(2).standard_normal((60, len(DOSES)))
    fits = fit_tight_binding(_titration(noisy, model))
    error = float(np.std(fits.log_constant) / math.sqrt(60))
    assert float(np.mean(fits.log_constant)) == pytest.approx(math.log(3.0), abs=4 * error)


def test_residual_activity_is_a_plateau_of_its_own() -> None:
    truth = 12 + 88 * (1 - occupied_fraction(DOSES, 200.0, 10.0, 0.4, 3.0))
    plain, free = (fit_tight_binding(_titration(truth, "preformed", residual)) for residual in (False, True))
    assert float(free.bottom[0]) == pytest.approx(12.0, rel=1e-5)
    assert math.exp(free.log_constant[0]) == pytest.approx(3.0, rel=1e-5)
    assert plain.sum_of_squares[0] > 100 * free.sum_of_squares[0]


def test_a_titration_gives_an_upper_limit_only() -> None:
    # 3 % scatter, stated by the weights; the constant is 2500 times below the enzyme
    percent = 100 * (1 - occupied_fraction(DOSES, 1000.0, 50.0, 0.1, 0.02))
    titration = Titration.create(
        DOSES, percent, np.full(len(DOSES), 1 / 9), immunophilin_nM=1000.0, enzyme_nM=50.0, dissociation_constant_nM=0.1
    )
    fit = fit_tight_binding(titration)
    assert fit.at_zero[0] - fit.sum_of_squares[0] < 2.706, "stoichiometric titration explains it as well"
    limit = upper_limit(titration, float(fit.sum_of_squares[0]), 2.706)
    assert 0.02 < limit < 5.0
    _, above = titration.plateaus(titration.free_share(np.array([math.log(2 * limit)])))
    assert above[0] > 2.706


def _titration(percent: np.ndarray, model: BindingModel, residual: bool = False) -> Titration:
    return Titration.create(
        DOSES,
        percent,
        np.full(len(DOSES), 0.25),
        immunophilin_nM=200.0,
        enzyme_nM=10.0,
        dissociation_constant_nM=0.4,
        model=model,
        residual_activity=residual,
    )


def test_cheng_and_prusoff_only_where_the_inhibitor_competes() -> None:
    assert inhibition_constant([30.0, 60.0], 2.0) == pytest.approx([10.0, 20.0])
    assert float(inhibition_constant(30.0, None)) == 30.0


def test_an_ic50_is_compared_with_half_the_enzyme() -> None:
    assert compare_with_half_enzyme(25.0, 30.0, 10.0) is HalfEnzyme.ABOVE
    assert compare_with_half_enzyme(7.0, 9.0, 10.0) is HalfEnzyme.NEAR
    assert compare_with_half_enzyme(4.0, 6.0, 10.0) is HalfEnzyme.BELOW_WITHIN_ERROR
    assert compare_with_half_enzyme(4.0, math.nan, 10.0) is HalfEnzyme.BELOW_WITHIN_ERROR
    assert compare_with_half_enzyme(3.0, 4.0, 10.0) is HalfEnzyme.IMPOSSIBLE


def test_a_negative_concentration_is_refused() -> None:
    with pytest.raises(ValueRangeError):
        occupied_fraction(-1.0, 100.0, 10.0, 0.4, 3.0)
