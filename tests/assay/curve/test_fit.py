from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from limus.assay.curve.data import CurveData
from limus.assay.curve.fit import CurveFits, CurveStatus, fit_curves, fit_data, half_dose, take_fits
from limus.assay.curve.models import MODELS
from limus.assay.curve.simulation import simulate_curves
from limus.kernel.errors import UnknownNameError, ValueRangeError

Floats = NDArray[np.float64]
DOSES = np.repeat([0.0, *np.geomspace(0.03, 300.0, 9)], 2)
TRUTH: dict[str, tuple[float, ...]] = {
    "ll2": (1.3, 0.0, 100.0, 1.5),
    "ll3": (-1.3, 0.0, 100.0, 1.5),
    "ll4": (1.3, 5.0, 100.0, 1.5),
    "ll5": (1.6, 5.0, 100.0, 1.0, 0.5),
    "w12": (0.9, 0.0, 100.0, 1.5),
    "w13": (-0.9, 0.0, 100.0, 1.5),
    "w14": (0.9, 5.0, 100.0, 1.5),
    "w22": (0.9, 0.0, 100.0, 1.5),
    "w23": (-0.9, 0.0, 100.0, 1.5),
    "w24": (-0.9, 5.0, 100.0, 1.5),
    "biphasic": (1.4, 1.2, 5.0, 100.0, 0.4, -1.0, 3.5),
    "two_site": (1.0, 1.0, 5.0, 100.0, 0.4, -1.0, 3.5),
    "bc4": (2.0, 0.0, 100.0, 1.5, 15.0),
    "bc5": (2.0, 5.0, 100.0, 1.5, 15.0),
    "crs4a": (1.8, 0.0, 100.0, 1.5, 80.0, 1.0),
    "crs5a": (1.8, 5.0, 100.0, 1.5, 80.0, 1.0),
    "crs5b": (1.8, 5.0, 100.0, 1.5, 80.0, 0.5),
    "bell": (1.3, 1.1, 5.0, 100.0, -1.5, 3.0),
    "line": (2.0, 0.4),
}


def logistic(x: Floats, slope: float, lower: float, upper: float, log_ec50: float) -> Floats:
    return lower + (upper - lower) / (1 + np.exp(slope * (x - log_ec50)))


def noisy(seed: int, curves: int = 1, deviation: float = 4.0, **changed: float) -> tuple[Floats, Floats]:
    row = {"slope": 1.2, "lower": 5.0, "upper": 100.0, "log_ec50": 1.0} | changed
    made = simulate_curves("ll4", [list(row.values())] * curves, DOSES, seed=seed, standard_deviation=deviation)
    return np.broadcast_to(made.doses, made.responses.shape), made.responses


@pytest.mark.parametrize("name", TRUTH)
def test_every_model_finds_its_own_parameters_from_its_own_starts(name: str) -> None:
    truth = np.array(TRUTH[name])
    made = simulate_curves(name, truth, DOSES, seed=1)
    fixed = {"upper": 100.0} if "upper" in MODELS[name].needs else None
    fits = fit_curves(made.doses, made.responses, model=name, fixed=fixed, starts=6)
    # a perfect fit ends where rounding of the responses, 1e-14, is all that is left
    np.testing.assert_allclose(fits.parameters[0], truth, rtol=1e-6, atol=1e-6)
    assert fits.status == (CurveStatus.OK,)


def test_agrees_with_scipy_in_parameters_and_standard_errors() -> None:
    doses, responses = noisy(2, curves=20)
    fits = fit_curves(doses[:, 2:], responses[:, 2:])
    for i in range(20):
        found, covariance = optimize.curve_fit(
            logistic, np.log(doses[i, 2:]), responses[i, 2:], p0=[1, 0, 100, 1], ftol=1e-14, xtol=1e-14, gtol=1e-14
        )
        errors = np.sqrt(np.diag(covariance))
        assert np.abs(fits.parameters[i] - found).max() < 1e-5 * errors.max()
        # scipy's derivatives are differences, good to about 1e-7
        np.testing.assert_allclose(fits.standard_errors[i], errors, rtol=1e-5)


def test_a_curve_does_not_depend_on_its_company() -> None:
    doses, responses = noisy(3, curves=7)
    ragged_doses = [doses[i, : 20 - i] for i in range(7)]
    ragged = [responses[i, : 20 - i] for i in range(7)]
    together = fit_curves(ragged_doses, ragged)
    for i in range(7):
        alone = fit_curves(ragged_doses[i], ragged[i])
        np.testing.assert_allclose(together.parameters[i], alone.parameters[0], rtol=1e-9)
        np.testing.assert_allclose(together.covariance[i], alone.covariance[0], rtol=1e-6)
        assert together.degrees_of_freedom[i] == 16 - i


def test_pieces_give_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    doses, responses = noisy(4, curves=9)
    whole = fit_curves(doses, responses)
    monkeypatch.setattr("limus.assay.curve.fit.PIECE", 4)
    pieces = fit_curves(doses, responses)
    np.testing.assert_allclose(pieces.parameters, whole.parameters, rtol=1e-9)
    assert pieces.status == whole.status
    assert len(pieces) == 9
    chosen = take_fits(whole, [5, 2])
    assert chosen.names == ("6", "3")
    assert np.array_equal(chosen.parameters, whole.parameters[[5, 2]])


def test_order_of_rows_and_units_do_not_matter() -> None:
    doses, responses = noisy(5)
    fits = fit_curves(doses, responses)
    mixed = np.random.default_rng(1).permutation(20)
    shuffled = fit_curves(1e-9 * doses[:, mixed], 1e6 * responses[:, mixed])
    scale = np.array([1.0, 1e6, 1e6, 1.0])
    shift = np.array([0.0, 0.0, 0.0, np.log(1e-9)])
    np.testing.assert_allclose(shuffled.parameters, fits.parameters * scale + shift, rtol=1e-6)


def test_increasing_curves_have_their_plateaus_in_order() -> None:
    doses, responses = noisy(6)
    up = fit_curves(doses, 200 - responses)
    down = fit_curves(doses, responses)
    assert up.parameters[0, 0] < 0 < down.parameters[0, 0]
    assert up.parameters[0, 1] < up.parameters[0, 2]
    np.testing.assert_allclose(half_dose(up).dose, half_dose(down).dose, rtol=1e-6)


def test_given_weights_are_replicates() -> None:
    doses, responses = noisy(7)
    twice = fit_curves(np.tile(doses, 2), np.tile(responses, 2))
    weighted = fit_curves(doses, responses, weights=np.full(20, 2.0))
    np.testing.assert_allclose(weighted.parameters, twice.parameters, rtol=1e-8)
    np.testing.assert_allclose(weighted.sum_of_squares, twice.sum_of_squares, rtol=1e-8)
    nothing = fit_curves(
        doses, np.where(np.arange(20) == 3, 1e6, responses), weights=(np.arange(20) != 3).astype(float)
    )
    assert nothing.degrees_of_freedom[0] == 15
    assert nothing.status == (CurveStatus.OK,)


@pytest.mark.parametrize(("scheme", "power"), [("1/y", 1.0), ("1/y2", 2.0)])
def test_weights_of_the_fitted_value_solve_their_equations(scheme: str, power: float) -> None:
    doses, responses = noisy(8, lower=20.0)
    fits = fit_curves(doses, responses, weights=scheme)
    fitted = logistic(fits.data.log_doses[0], *fits.parameters[0])
    weights = np.abs(fitted / fitted.max()) ** -power
    again = fit_curves(doses, responses, weights=weights)
    # both iterations stop when nothing moves by 1e-6 standard errors
    assert np.abs((fits.parameters - again.parameters) / again.standard_errors).max() < 1e-5
    np.testing.assert_allclose(fits.standard_errors, again.standard_errors, rtol=1e-4)


def test_the_power_of_the_mean_is_found() -> None:
    rows = [(1.2, 3.0, 100.0, e) for e in np.linspace(0, 2, 60)]
    made = simulate_curves("ll4", rows, DOSES, seed=9, coefficient_of_variation=0.08)
    fits = fit_curves(np.broadcast_to(made.doses, made.responses.shape), made.responses, weights="power")
    # truth 2; its standard error over 60 curves of 20 responses is about 0.05
    assert fits.exponent == pytest.approx(2.0, abs=0.2)
    constant = noisy(10, curves=60)
    assert fit_curves(*constant, weights="power").exponent < 0.15


@pytest.mark.parametrize("loss", ["huber", "cauchy", "tukey"])
def test_robust_losses_hold_against_outliers(loss: str) -> None:
    doses, responses = noisy(11, curves=30, deviation=2.0)
    spoiled = responses.copy()
    spoiled[:, 11] += 80.0
    clean = fit_curves(doses, responses)
    robust, plain = (fit_curves(doses, spoiled, robust=r) for r in (loss, "none"))
    errors = [np.abs(f.parameters[:, 3] - clean.parameters[:, 3]).mean() for f in (robust, plain)]
    assert errors[0] < 0.25 * errors[1]
    assert robust.usable.all()
    # without outliers a robust fit is nearly as good: 95 % efficiency, so standard errors about 3 % larger
    kept = fit_curves(doses, responses, robust=loss)
    ratio = np.median(kept.standard_errors[:, 3] / clean.standard_errors[:, 3])
    assert 0.8 < ratio < 1.3


def likelihood(values: Floats, x: Floats, y: Floats, side: Floats, free: int) -> float:
    sigma = np.exp(values[4])
    mean = logistic(x, *values[:4])
    parts = np.select(
        [side < 0, side > 0],
        [stats.norm.logcdf((y - mean) / sigma), stats.norm.logsf((y - mean) / sigma)],
        stats.norm.logpdf(y, mean, sigma),
    )
    # limus divides by n - p instead of n: the same as p responses less in the term of log sigma
    return float(-parts.sum() - free * values[4])


def censored_case() -> tuple[Floats, Floats, Floats]:
    doses, responses = noisy(12, deviation=5.0)
    x, y = doses[0, 2:], responses[0, 2:].copy()
    side = np.where(y < 12, -1.0, np.where(y > 98, 1.0, 0.0))
    y[side < 0], y[side > 0] = 12.0, 98.0
    return x, y, side


def test_censored_responses_give_the_maximum_likelihood() -> None:
    x, y, side = censored_case()
    assert (side < 0).sum() >= 3
    assert (side > 0).sum() >= 1
    fits = fit_curves(x, y, censoring=side)
    start = np.append(fits.parameters[0], np.log(fits.residual_standard_deviation[0])) + 0.01
    best = optimize.minimize(
        likelihood,
        start,
        (np.log(x), y, side, 4),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000},
    )
    assert np.abs(fits.parameters[0] - best.x[:4]).max() < 1e-4 * fits.standard_errors[0].max()
    assert fits.residual_standard_deviation[0] == pytest.approx(np.exp(best.x[4]), rel=1e-5)


def test_censored_standard_errors_are_those_of_the_information() -> None:
    x, y, side = censored_case()
    fits = fit_curves(x, y, censoring=side)
    at = np.append(fits.parameters[0], np.log(fits.residual_standard_deviation[0]))
    steps = 1e-4 * np.maximum(np.abs(at), 0.1)
    hessian = np.empty((5, 5))
    for i in range(5):
        for j in range(5):
            total = 0.0
            for a in (1, -1):
                for b in (1, -1):
                    moved = at.copy()
                    moved[i] += a * steps[i]
                    moved[j] += b * steps[j]
                    total += a * b * likelihood(moved, np.log(x), y, side, 4)
            hessian[i, j] = total / (4 * steps[i] * steps[j])
    errors = np.sqrt(np.diag(np.linalg.inv(hessian)))[:4]
    # the second derivatives of the curve itself are left out of the information, as in least squares
    np.testing.assert_allclose(fits.standard_errors[0], errors, rtol=0.25)


def test_a_limit_far_from_the_curve_says_nothing() -> None:
    doses, responses = noisy(13)
    more_doses, more = np.append(doses[0], 1.0), np.append(responses[0], -1e4)
    side = np.append(np.zeros(20), 1.0)
    plain, added = fit_curves(doses, responses), fit_curves(more_doses, more, censoring=side)
    # one more response counts in n - p, so sigma and not the curve differs
    assert np.abs(plain.parameters - added.parameters).max() < 1e-6


@pytest.mark.parametrize(
    ("responses", "status"),
    [
        ([50.0] * 10, CurveStatus.FLAT),
        ([50, 51, 49, 50.5, 49.5, 50.2, 49.8, 50.1, 49.9, 50.0], CurveStatus.FLAT),
        ([100.0] * 5 + [0.0] * 5, CurveStatus.STEEP),
    ],
)
def test_what_is_no_number_is_a_status(responses: list[float], status: CurveStatus) -> None:
    doses = [*np.geomspace(0.01, 10, 10)]
    fits = fit_curves(doses, responses)
    assert fits.status == (status,)
    assert np.isnan(half_dose(fits).dose[0])


def test_an_ec50_that_runs_away_is_a_status() -> None:
    doses = np.repeat(np.geomspace(0.01, 10, 8), 3)
    far = 100 / (1 + doses / 2e3) + 0.01 * np.random.default_rng(1).standard_normal(24)
    fits = fit_curves(doses, far, model="ll3")
    assert fits.no_effect.p_value[0] < 1e-6
    assert fits.status == (CurveStatus.RUNAWAY,)
    assert np.isnan(half_dose(fits).dose[0])


def test_too_few_doses() -> None:
    fits = fit_curves([[1, 1, 1, 1, 1, 1], [1, 2, 3, 1, 2, 3]], [[9, 8, 7, 9, 8, 7], [9, 5, 1, 8, 4, 2]])
    assert fits.status == (CurveStatus.TOO_FEW_DOSES,) * 2
    assert np.isnan(fits.parameters).all()
    assert fit_curves([1, 2, 3, 1, 2, 3], [9, 5, 1, 8, 4, 2], model="ll2", fixed={"upper": 10}).status[0] != (
        CurveStatus.TOO_FEW_DOSES
    )


def test_fixed_parameters_and_bounds() -> None:
    doses, responses = noisy(14, curves=3)
    fits = fit_curves(doses, responses, fixed={"lower": [0.0, 5.0, 10.0], "upper": 100.0})
    assert fits.parameters[:, 1].tolist() == [0.0, 5.0, 10.0]
    assert (fits.covariance[:, 1] == 0).all()
    assert (fits.degrees_of_freedom == 18).all()
    by_dose = fit_curves(doses, responses, fixed={"ec50": 2.0})
    np.testing.assert_allclose(np.exp(by_dose.parameters[:, 3]), 2.0)
    held = fit_curves(doses, responses, bounds={"lower": (20.0, np.inf)})
    assert held.status == (CurveStatus.AT_BOUND,) * 3
    assert held.usable.all()  # the user's own bound
    assert np.isfinite(half_dose(held).dose).all()
    assert (held.parameters[:, 1] == 20.0).all()


def test_no_effect_is_rarely_found_where_there_is_none() -> None:
    made = simulate_curves("ll4", [(1.0, 50.0, 50.0, 0.0)] * 400, DOSES, seed=15, standard_deviation=5.0)
    fits = fit_curves(np.broadcast_to(made.doses, made.responses.shape), made.responses)
    share = np.mean(fits.no_effect.p_value < 0.05)
    assert share < 0.08  # 5 % and two standard errors; the test is conservative
    assert np.mean([status is CurveStatus.FLAT for status in fits.status]) > 0.9


def test_known_errors_are_not_scaled() -> None:
    doses, responses = noisy(16)
    fits = fit_curves(doses, responses, weights=np.full(20, 1 / 16.0), known_errors=True)
    free = fit_curves(doses, responses)
    assert np.isinf(fits.degrees_of_freedom).all()
    np.testing.assert_allclose(
        fits.standard_errors, free.standard_errors * 4.0 / free.residual_standard_deviation[:, np.newaxis], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"doses": [-1.0, 1, 2, 3, 4]}, ValueRangeError, ["dose", "-1"]),
        ({"responses": [np.inf, 1, 2, 3, 4]}, ValueRangeError, ["response", "inf"]),
        ({"responses": [1.0, 2.0]}, ValueRangeError, ["doses", "shape"]),
        ({"weights": "1/z"}, UnknownNameError, ["weighting", "1/y"]),
        ({"weights": [-1.0, 1, 1, 1, 1]}, ValueRangeError, ["weight", "-1"]),
        ({"robust": "bisquare"}, UnknownNameError, ["robust", "tukey"]),
        ({"model": "ll2"}, ValueRangeError, ["ll2", "upper"]),
        ({"fixed": {"top": 1.0}}, UnknownNameError, ["top", "upper"]),
        ({"bounds": {"slope": (3.0, 1.0)}}, ValueRangeError, ["slope", "3.0 to 1.0"]),
        ({"starts": 0}, ValueRangeError, ["starts"]),
        ({"names": ["a", "b"]}, ValueRangeError, ["names"]),
        ({"censoring": [0, 2, 0, 0, 0]}, ValueRangeError, ["censoring"]),
        ({"fixed": {"slope": 1, "lower": 0, "upper": 1, "ec50": 1}}, ValueRangeError, ["all of them"]),
    ],
)
def test_bad_input_says_what_is_wrong(change: dict[str, Any], error: type[Exception], words: list[str]) -> None:
    settings: dict[str, Any] = {"doses": [0.0, 1, 2, 3, 4], "responses": [9.0, 8, 5, 2, 1]} | change
    with pytest.raises(error) as caught:
        fit_curves(settings.pop("doses"), settings.pop("responses"), **settings)
    for word in words:
        assert word in str(caught.value)


def test_results_are_read_only() -> None:
    fits: CurveFits = fit_curves(*noisy(17))
    for array in (fits.parameters, fits.covariance, fits.data.doses, half_dose(fits).dose):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0


def test_a_single_poor_start_is_followed_to_the_end() -> None:
    doses, responses = noisy(19, curves=5)
    poor = np.tile([0.6, 40.0, 60.0, 2.5], (5, 1, 1))
    fits = fit_data(CurveData.create(doses, responses), given_starts=poor)
    np.testing.assert_allclose(fits.parameters, fit_curves(doses, responses).parameters, rtol=1e-5, atol=1e-5)
    assert fits.status == (CurveStatus.OK,) * 5


def test_curves_of_one_data_set_with_given_starts() -> None:
    doses, responses = noisy(18, curves=5)
    data = CurveData.create(doses, responses)
    starts = np.tile([1.0, 0.0, 100.0, 0.5], (5, 1, 1))
    fits, usual = fit_data(data, given_starts=starts), fit_data(data)
    np.testing.assert_allclose(fits.parameters, usual.parameters, rtol=1e-6, atol=1e-6)
