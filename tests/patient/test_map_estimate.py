"""The mode against scipy's search on the same density; several modes; patients without levels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from limus.patient.estimate import EstimateOptions, estimate_patients
from limus.patient.posterior import expand, minus_twice_log
from limus.patient.residual_choice import with_residual_choice
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.population_model.library import load_population_model

from .cases import NAN, nonmem_table, one_compartment, visits, with_simulated_levels

QUICK = EstimateOptions(draws=0, starts=2)


def by_scipy(posterior, patient: int, start: np.ndarray) -> float:
    """Least objective that scipy finds from a point, by the objective's values alone."""
    found = minimize(
        lambda e: minus_twice_log(posterior, [patient], e[None, :])[0],
        start,
        method="Powell",
        options={"xtol": 1e-7, "ftol": 1e-12, "maxiter": 20_000},
    )
    return float(found.fun)


@pytest.mark.parametrize("choice", ["model", "logarithm", "both", "additive:4"])
def test_scipy_finds_nothing_lower(choice: str) -> None:
    model = with_residual_choice(one_compartment(), choice)
    found = estimate_patients(model, nonmem_table(), QUICK)
    assert found.modes.status == ("ok",)
    for start in (np.full(3, 0.3), np.array([0.5, -0.5, 0.5])):
        assert found.modes.objective[0] <= by_scipy(found.posterior, 0, start) + 1e-6


@pytest.mark.parametrize("name", ["Woillard_2011", "Storset_2014"])
def test_gradient_is_zero_between_occasions_too(name: str) -> None:
    model = load_population_model(name)
    table, _, _ = with_simulated_levels(model, visits(model, 3, 2, at_h=(0.0, 2.0)), seed=4)
    found = estimate_patients(model, table, QUICK)
    assert found.modes.status == ("ok",) * 3
    at = expand(found.posterior, np.arange(3), found.modes.effects)
    # in standard deviations of the posterior; the search stops where 1e-10 is left to gain
    newton = np.linalg.solve(at.curvature, at.gradient[..., None])[..., 0]
    assert float(np.einsum("nk,nk->n", newton, at.gradient).max()) < 1e-8
    base = found.modes.objective
    generator = np.random.default_rng(0)
    for _ in range(20):
        near = found.modes.effects + 0.02 * generator.standard_normal(found.modes.effects.shape)
        assert (minus_twice_log(found.posterior, np.arange(3), near) > base).all()


def test_a_level_below_its_limit_pulls_down_and_less_than_a_measured_one() -> None:
    model = one_compartment()
    free = estimate_patients(model, nonmem_table((107.0, 101.0, 54.0, NAN), MDV=[1, 0, 0, 0, 1]), QUICK)
    below = estimate_patients(
        model, nonmem_table((107.0, 101.0, 54.0, NAN), BLQ=[0, 0, 0, 0, 1], LLOQ=[NAN, NAN, NAN, NAN, 2.0]), QUICK
    )
    low = estimate_patients(model, nonmem_table((107.0, 101.0, 54.0, 1.0)), QUICK)
    clearances = [one.modes.effects[0, 1] for one in (free, below, low)]
    assert clearances[0] < clearances[1] < clearances[2]


def test_effects_have_no_bounds() -> None:
    """Levels ten times too low at a small error need effects beyond three standard deviations."""
    model = with_residual_choice(one_compartment(), "additive:0.1")
    found = estimate_patients(model, nonmem_table((10.7, 10.1, 5.4, 0.6)), QUICK)
    assert found.modes.status == ("ok",)
    assert np.abs(found.modes.effects[0] / np.sqrt(0.2)).max() > 3.0


def test_no_levels_gives_the_population() -> None:
    found = estimate_patients(one_compartment(), nonmem_table((NAN,) * 4, MDV=[1, 1, 1, 1, 1]), QUICK)
    assert found.modes.effects.tolist() == [[0.0, 0.0, 0.0]]
    assert "population" in found.modes.status[0]
    np.testing.assert_allclose(found.shrinkage_percent, 100.0)


def test_a_level_before_any_dose_is_left_out_and_said() -> None:
    columns = {"ID": [1, 1, 1], "TIME": [0, 5, 9], "EVID": [0, 1, 0], "AMT": [0, 900, 0], "CMT": [0, 1, 0]}
    columns |= {"DV": [3.0, NAN, 7.0], "BW": [75] * 3, "SEX": [0] * 3}
    table = event_table_from_arrays(columns, units=TableUnits("mg", "mg/L"))
    found = estimate_patients(one_compartment(), table, QUICK)
    assert [f.check for f in found.findings] == ["level-before-dose"]
    assert "level at 0 h" in found.findings[0].where
    assert found.levels.used.tolist() == [[False, True]]


def test_a_zero_level_cannot_be_taken_on_the_logarithm() -> None:
    model = with_residual_choice(one_compartment(), "logarithm")
    found = estimate_patients(model, nonmem_table((107.0, 101.0, 54.0, 0.0)), QUICK)
    assert [f.check for f in found.findings] == ["zero-level"]
    assert found.modes.status == ("ok",)


def flip_flop_model():
    """Absorption and elimination can change places: the same curve twice, with a wide prior."""
    model = one_compartment()
    equations = model.model.with_values({"ka_typical": 0.3, "CL_BW": 0.0, "CL_SEX": 1.0})
    wide = replace(model.between_subject, covariance=np.diag([1.0, 0.04, 1.0]))
    return with_residual_choice(replace(model, model=equations, between_subject=wide), "proportional:0.05")


def flip_flop_table():
    times = [0.0, 1.0, 3.0, 6.0, 12.0, 24.0, 36.0]
    ka, k, volume = 0.3, 0.06, 4.0 / 0.06
    t = np.array(times[1:])
    levels = 1000.0 / volume * ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))
    columns = {"ID": [1] * 7, "TIME": times, "EVID": [1] + [0] * 6, "AMT": [1000] + [0] * 6, "CMT": [1] + [0] * 6}
    columns |= {"DV": [NAN, *levels], "BW": [75] * 7, "SEX": [0] * 7}
    return event_table_from_arrays(columns, units=TableUnits("mg", "mg/L"))


def test_two_modes_are_both_found_and_said() -> None:
    found = estimate_patients(flip_flop_model(), flip_flop_table(), EstimateOptions(draws=400, starts=12))
    modes = found.modes
    assert np.isfinite(modes.second_objective[0])
    rates = [
        (0.3 * np.exp(effects[0]), 4.0 * np.exp(effects[1]) / (70.0 * np.exp(effects[2])))
        for effects in (modes.effects[0], modes.second[0])
    ]
    # absorption of one is elimination of the other, but for the pull of the prior
    assert rates[0][0] == pytest.approx(rates[1][1], rel=0.1)
    assert rates[0][1] == pytest.approx(rates[1][0], rel=0.1)
    assert modes.second_objective[0] >= modes.objective[0]
    assert "two-modes" in [f.check for f in found.findings]
    draws = found.draws.effects[0]
    near = [np.linalg.norm(draws - mode, axis=1) for mode in (modes.effects[0], modes.second[0])]
    share = float((near[1] < near[0]).mean())
    assert 0.05 < share < 0.95  # both are drawn from


def test_one_mode_where_there_is_one() -> None:
    found = estimate_patients(one_compartment(), nonmem_table(), EstimateOptions(draws=0, starts=12))
    assert np.isnan(found.modes.second_objective).all()
