from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from limus.assay.curve.data import CurveData
from limus.assay.curve.fit import fit_curves, fit_data
from limus.assay.curve.quality import (
    akaike,
    choose_models,
    find_outliers,
    lack_of_fit,
    log_likelihood,
    predict,
    studentised,
)
from limus.assay.curve.simulation import simulate_curves
from limus.kernel.errors import ValueRangeError

DOSES = np.repeat([0.0, *np.geomspace(0.03, 300.0, 9)], 2)
# Printed by mselect() in the documentation of R package drc (hreinwald.github.io/drc, reference of mselect, drc 3.3)
# for ryegrass: log likelihood, AIC, p of lack of fit, residual variance.
MSELECT = {
    "w24": (-15.91352, 41.82703, 0.94507131, 0.2646283),
    "ll4": (-16.15514, 42.31029, 0.86648304, 0.2700107),
    "ll5": (-15.87828, 43.75656, 0.85384758, 0.2777393),
    "w14": (-17.46720, 44.93439, 0.45056762, 0.3012075),
    "ll3": (-18.60413, 45.20827, 0.35316787, 0.3153724),
    "w13": (-22.22047, 52.44094, 0.04379149, 0.4262881),
}


def made(seed: int, curves: int = 1, deviation: float = 4.0) -> CurveData:
    data = simulate_curves("ll4", [(1.2, 5.0, 100.0, 1.0)] * curves, DOSES, seed=seed, standard_deviation=deviation)
    return CurveData.create(np.broadcast_to(data.doses, data.responses.shape), data.responses)


@pytest.mark.parametrize("name", MSELECT)
def test_model_table_of_drc(name: str, reference_data: Path) -> None:
    rows = np.genfromtxt(reference_data / "dose_response" / "ryegrass.csv", delimiter=",", names=True)
    fits = fit_curves(rows["conc"], rows["rootl"], model=name)
    height, criterion, lack, variance = MSELECT[name]
    # as many digits as are printed; lack of fit to 6, where drc stops short of the minimum
    assert log_likelihood(fits)[0] == pytest.approx(height, abs=6e-6)
    assert akaike(fits)[0][0] == pytest.approx(criterion, abs=6e-6)
    assert lack_of_fit(fits).p_value[0] == pytest.approx(lack, rel=1e-6)
    assert fits.residual_standard_deviation[0] ** 2 == pytest.approx(variance, abs=6e-8)


def test_aicc_counts_the_standard_deviation() -> None:
    fits = fit_data(made(1))
    plain, corrected = akaike(fits)
    assert corrected[0] - plain[0] == pytest.approx(2 * 5 * 6 / (20 - 5 - 1))
    short = fit_curves(np.geomspace(1, 50, 6), [90, 80, 60, 35, 20, 5.0])
    assert np.isinf(akaike(short)[1][0])  # 6 responses, 5 parameters with sigma


def test_the_likelihood_is_the_normal_one() -> None:
    data = made(2)
    weighted = CurveData.create(data.doses, data.responses, weights=np.linspace(1, 3, 20))
    fits = fit_data(weighted, weighting="given")
    fitted, _, _ = predict(fits, data.log_doses)
    sigma = np.sqrt(fits.sum_of_squares[0] / 20) / np.sqrt(weighted.weights[0])
    assert log_likelihood(fits)[0] == pytest.approx(stats.norm.logpdf(data.responses[0], fitted[0], sigma).sum())


def test_the_right_model_is_chosen_mostly() -> None:
    logistic = simulate_curves("ll4", [(2.0, 5.0, 100.0, 1.0)] * 40, DOSES, seed=3, standard_deviation=0.7)
    weibull = simulate_curves("w14", [(2.0, 5.0, 100.0, 1.0)] * 40, DOSES, seed=4, standard_deviation=0.7)
    responses = np.concatenate([logistic.responses, weibull.responses])
    data = CurveData.create(np.broadcast_to(DOSES, responses.shape), responses)
    chosen = choose_models([fit_data(data, model=name) for name in ("ll4", "w14")])
    assert (chosen[:40] == 0).mean() > 0.9
    assert (chosen[40:] == 1).mean() > 0.9
    with pytest.raises(ValueRangeError):
        choose_models([])


def test_lack_of_fit_by_hand() -> None:
    data = made(5)
    fits = fit_data(data)
    pairs = data.responses[0].reshape(-1, 2)
    pure = ((pairs - pairs.mean(axis=1, keepdims=True)) ** 2).sum()
    found = lack_of_fit(fits)
    statistic = (fits.sum_of_squares[0] - pure) / 6 / (pure / 10)
    assert found.statistic[0] == pytest.approx(statistic)
    assert found.p_value[0] == pytest.approx(stats.f.sf(statistic, 6, 10))
    alone = fit_curves(DOSES[::2], data.responses[0, ::2])
    assert np.isnan(lack_of_fit(alone).p_value[0])


def test_bands_are_intervals_of_the_mean() -> None:
    fits = fit_data(made(6, curves=500))
    response, lower, upper = predict(fits, np.full((500, 1), np.log(3.0)))
    truth = 5 + 95 / (1 + np.exp(1.2 * (np.log(3.0) - 1.0)))
    covered = np.mean((lower <= truth) & (truth <= upper))
    # four standard errors of a share over 500 curves
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 500)
    assert np.mean(response) == pytest.approx(truth, abs=0.5)


def test_studentised_residuals_have_unit_variance() -> None:
    fits = fit_data(made(7, curves=300))
    assert np.mean(studentised(fits) ** 2) == pytest.approx(1.0, abs=0.02)


def test_outliers_are_found_and_others_are_not() -> None:
    data = made(8, curves=200)
    clean = find_outliers(data, {})
    # Motulsky and Brown (2006): false outliers in 1 to 3 % of experiments
    assert clean.flagged.any(axis=1).mean() < 0.06
    spoiled = np.array(data.responses)
    spoiled[:, 7] += 40.0  # ten standard deviations
    found = find_outliers(CurveData.create(data.doses, spoiled), {})
    assert found.flagged[:, 7].mean() > 0.9
    assert np.delete(found.flagged, 7, axis=1).mean() < 0.02
    assert np.nanmin(found.p_value[:, 7]) < 1e-4


def test_outliers_with_a_variance_model_and_censored_rows() -> None:
    data = made(9, curves=5)
    sides = np.where(data.responses < 8, -1, 0)
    marked = CurveData.create(data.doses, np.maximum(data.responses, 8.0), censoring=sides)
    found = find_outliers(marked, {"weighting": "1/y"})
    assert not found.flagged[sides != 0].any()
    with pytest.raises(ValueRangeError):
        find_outliers(data, {}, rate=1.5)
