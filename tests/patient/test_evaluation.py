"""Baselines, scores, joined methods, and forecasts that use nothing from later occasions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from limus.patient.baselines import dose_history, ratio_forecasts
from limus.patient.estimate import EstimateOptions
from limus.patient.evaluation import forecast_occasions, next_occasions
from limus.patient.levels import lay_out_levels
from limus.patient.methods import RATIO, all_methods, learned_share, with_errors_of_others
from limus.patient.model_average import weights_of
from limus.patient.scores import paired_differences, ranked_probability_scores, score
from limus.patient.weighted import weighted_quantiles
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.population_model.library import load_population_model

from .cases import NAN, visits, with_simulated_levels

OPTIONS = EstimateOptions(draws=100, starts=1)


def test_scores_of_a_few_numbers() -> None:
    found = score(np.array([10.0, 20.0, 5.0]), np.array([11.0, 15.0, NAN]), np.array([0, 1, 2]))
    assert (found.n, found.patients) == (2, 2)
    assert found.bias_percent == pytest.approx((10.0 - 25.0) / 2)
    assert found.mape_percent == pytest.approx(17.5)
    assert found.rmse == pytest.approx(np.sqrt((1 + 25) / 2))
    assert (found.within_20, found.within_30) == (50.0, 100.0)
    assert found.crps == pytest.approx(3.0)
    assert score(np.array([1.0]), np.array([NAN]), np.array([0])).n == 0


def test_ranked_score_of_a_normal_forecast() -> None:
    """Closed form of Gneiting and Raftery 2007, Equation 20."""
    y, mean, sd = np.array([1.3]), 0.4, 0.8
    z = (y - mean) / sd
    expected = sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    draws = mean + sd * norm.ppf((np.arange(20_000) + 0.5) / 20_000)[None, :]
    assert ranked_probability_scores(draws, y) == pytest.approx(expected, rel=1e-3)
    weights = np.full(draws.shape, 1.0 / draws.shape[1])
    assert ranked_probability_scores(draws, y, weights) == pytest.approx(expected, rel=1e-3)
    assert ranked_probability_scores(np.array([[2.0]]), y) == pytest.approx([0.7])


def test_patients_are_drawn_again_together() -> None:
    observed = np.full(40, 10.0)
    patient = np.repeat(np.arange(10), 4)
    better, worse = np.full(40, 10.5), np.full(40, 12.0)
    found = {one.measure: one for one in paired_differences(observed, better, worse, patient)}
    assert found["mape_percent"].difference == pytest.approx(-15.0)
    assert (found["mape_percent"].lower, found["mape_percent"].upper) == pytest.approx((-15.0, -15.0))
    noisy = 10.0 + np.random.default_rng(1).normal(0, 2, 40)
    wide = {one.measure: one for one in paired_differences(observed, noisy, worse, patient)}
    assert wide["mape_percent"].lower < wide["mape_percent"].difference < wide["mape_percent"].upper
    assert paired_differences(observed, np.full(40, NAN), worse, patient) == ()


def history_table():
    rows = [  # TIME EVID AMT II SS DV
        (0, 1, 4, 12, 1, NAN),
        (0, 0, 0, 0, 0, 8.0),
        (2, 0, 0, 0, 0, 20.0),
        (11.5, 0, 0, 0, 0, 8.5),
        (100, 1, 6, 8, 1, NAN),
        (100, 0, 0, 0, 0, 12.0),
        (200, 1, 3, 0, 0, NAN),
        (208, 1, 3, 0, 0, NAN),
        (216, 1, 2, 0, 0, NAN),
        (224, 1, 3, 0, 0, NAN),
        (224, 0, 0, 0, 0, 9.0),
        (225, 0, 0, 0, 0, 15.0),
    ]
    columns = {
        n: np.array([r[k] for r in rows], float) for k, n in enumerate(("TIME", "EVID", "AMT", "II", "SS", "DV"))
    }
    columns |= {"ID": np.ones(len(rows)), "OCC": np.array([1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3], float)}
    return event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))


def test_dose_rates_and_troughs() -> None:
    table = history_table()
    levels = lay_out_levels(table)
    found = dose_history(table, levels)
    assert found.trough[0].tolist() == [True, False, True, True, True, False]
    # 4 mg every 12 h; 6 mg every 8 h; 3 + 3 + 2 mg in the 24 h before; then 3 + 2 + 3 mg
    assert found.rate_mg_per_h[0] == pytest.approx([4 / 12, 4 / 12, 4 / 12, 6 / 8, 8 / 24, 8 / 24])


def test_ratio_takes_the_last_trough_before() -> None:
    table = history_table()
    levels = lay_out_levels(table)
    history = dose_history(table, levels)
    found = ratio_forecasts(levels, history, levels.occasion < 1, levels.occasion == 1)
    assert found[0, 3] == pytest.approx(8.5 * (6 / 8) / (4 / 12))
    later = ratio_forecasts(levels, history, levels.occasion < 2, levels.occasion == 2)
    assert later[0, 4] == pytest.approx(12.0 * (8 / 24) / (6 / 8))
    assert np.isnan(later[0, 5])  # no trough
    assert np.isnan(ratio_forecasts(levels, history, levels.occasion < 0, levels.occasion == 0)).all()


@pytest.fixture(scope="module")
def simulated():
    model = load_population_model("Woillard_2011")
    table, _, _ = with_simulated_levels(model, visits(model, 4, 3), seed=5)
    return model, table


def test_later_levels_do_not_reach_a_forecast(simulated) -> None:
    model, table = simulated
    occasions = next_occasions(lay_out_levels(table))
    assert (len(occasions.patient), len(occasions.lane)) == (8, 8)
    first = forecast_occasions(model, table, occasions, OPTIONS)
    changed = table.observations.value.copy()
    late = table.observations.occasion == 3
    changed[late] *= 7.0
    other = replace(table, observations=replace(table.observations, value=changed))
    second = forecast_occasions(model, other, next_occasions(lay_out_levels(other)), OPTIONS)
    np.testing.assert_allclose(first.predicted, second.predicted, rtol=1e-9)
    np.testing.assert_allclose(first.upper, second.upper, rtol=1e-9)
    earlier = table.observations.value.copy()
    earlier[table.observations.occasion == 1] *= 3.0
    third = replace(table, observations=replace(table.observations, value=earlier))
    moved = forecast_occasions(model, third, next_occasions(lay_out_levels(third)), OPTIONS)
    assert (np.abs(moved.predicted / first.predicted - 1.0) > 0.01).all()


def test_a_forecast_of_the_second_occasion_is_the_estimate_from_the_first(simulated) -> None:
    from limus.patient.estimate import estimate_patients
    from limus.patient.prediction import predict_levels

    model, table = simulated
    occasions = next_occasions(lay_out_levels(table))
    found = forecast_occasions(model, table, occasions, OPTIONS)
    levels = lay_out_levels(table)
    alone = estimate_patients(model, table, OPTIONS, levels=levels.without(levels.occasion >= 1))
    predicted = predict_levels(alone.posterior.prediction, np.arange(4), alone.modes.effects)
    second = occasions.occasion[occasions.lane] == 1
    np.testing.assert_allclose(found.predicted[second], predicted[:, 1], rtol=1e-6)


def test_only_the_last_occasions_can_be_used(simulated) -> None:
    model, table = simulated
    occasions = next_occasions(lay_out_levels(table))
    whole = forecast_occasions(model, table, occasions, OPTIONS)
    last = forecast_occasions(model, table, occasions, OPTIONS, only_last=1)
    second = occasions.occasion[occasions.lane] == 1
    np.testing.assert_allclose(whole.predicted[second], last.predicted[second], rtol=1e-9)
    assert not np.allclose(whole.predicted[~second], last.predicted[~second], rtol=1e-3)


def test_methods_stand_side_by_side(simulated) -> None:
    model, table = simulated
    levels = lay_out_levels(table)
    occasions = next_occasions(levels)
    found = forecast_occasions(model, table, occasions, OPTIONS)
    ratio = np.full(len(occasions.lane), 7.0)
    methods, weights = all_methods(["a", "b"], [found, found], occasions, ratio)
    assert [method.kind for method in methods] == [
        "model", "model", "average", "population", "population", "ratio", "half", "learned",
    ]  # fmt: skip
    np.testing.assert_allclose(weights, 0.5)
    average = methods[2]
    np.testing.assert_allclose(average.predicted, found.predicted)
    # the fifth of a hundred draws: the two rules of interpolation lie up to one draw apart
    np.testing.assert_allclose(average.lower, found.lower, rtol=0.15)
    by_name = {method.name: method for method in methods}
    np.testing.assert_allclose(by_name["average and ratio, half each"].predicted, np.sqrt(7.0 * found.predicted))
    assert by_name[RATIO].lower is not None


def test_a_learned_share_learns_nothing_from_its_own_patient() -> None:
    generator = np.random.default_rng(2)
    patient = np.repeat(np.arange(6), 3)
    observed, one, other = np.exp(generator.normal(2, 0.3, (3, 18)))
    first = learned_share(observed, one, other, patient)
    changed = observed.copy()
    changed[patient == 2] *= 5.0
    second = learned_share(changed, one, other, patient)
    np.testing.assert_array_equal(first[patient == 2], second[patient == 2])
    assert not np.array_equal(first[patient != 2], second[patient != 2])
    low, high = np.minimum(one, other), np.maximum(one, other)
    assert ((first >= low - 1e-12) & (first <= high + 1e-12)).all()
    banded = with_errors_of_others("x", "ratio", one, observed, patient)
    again = with_errors_of_others("x", "ratio", one, changed, patient)
    np.testing.assert_array_equal(banded.upper[patient == 2], again.upper[patient == 2])


def test_weights() -> None:
    found = weights_of(np.array([[0.0, -np.inf], [np.nan, np.nan], [-1000.0, -1001.0]]))
    np.testing.assert_allclose(found, [[1.0, 0.0], [0.5, 0.5], [1 / (1 + np.exp(-1)), 1 / (1 + np.e)]])
    assert weights_of(np.zeros((1, 2)), prior=[0.8, 0.2]).tolist() == [pytest.approx([0.8, 0.2])]


def test_weighted_quantiles() -> None:
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([0.0, 0.5, 0.5])
    assert weighted_quantiles(values, weights, [0.5]) == pytest.approx([1.5])
    assert np.isnan(weighted_quantiles(values, np.zeros(3), [0.5])).all()


def test_recency_weighs_old_levels_less(simulated) -> None:
    from limus.patient.levels import with_recency

    _, table = simulated
    levels = with_recency(lay_out_levels(table), 96.0)
    np.testing.assert_allclose(levels.weight[0], [0.25, 0.5, 1.0])
    assert with_recency(levels, None) is levels
