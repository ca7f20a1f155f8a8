"""The inference layer: closed forms, other programs, certified values, and lanes that do not disturb each other."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.inference import (
    Bounds,
    FitStatus,
    ProfileEnd,
    best_of,
    fit_least_squares,
    profile_interval,
    sample_starts,
    select_lanes,
    with_normal_prior,
    with_normal_prior_rows,
)

Floats = NDArray[np.float64]

# NIST StRD BoxBOD (higher difficulty), https://www.itl.nist.gov/div898/strd/nls/data/boxbod.shtml
BOXBOD_X = np.array([1.0, 2.0, 3.0, 5.0, 7.0, 10.0])
BOXBOD_Y = np.array([109.0, 149.0, 149.0, 191.0, 213.0, 224.0])
BOXBOD_CERTIFIED = [2.1380940889e02, 5.4723748542e-01]
BOXBOD_DEVIATIONS = [1.2354515176e01, 1.0455993237e-01]

# Near-certified parameters and NIST's first start per problem, with a grid of its range; the data are made from them.
SYNTHETIC: dict[str, tuple[list[float], list[float], Floats]] = {
    "misra1b": ([338.0, 3.9e-4], [500.0, 1e-4], np.linspace(77, 760, 14)),
    "misra1c": ([636.0, 2.1e-4], [500.0, 1e-4], np.linspace(77, 760, 14)),
    "misra1d": ([437.0, 3.0e-4], [500.0, 1e-4], np.linspace(77, 760, 14)),
    "chwirut1": ([0.19, 6.1e-3, 1.05e-2], [0.1, 0.01, 0.02], np.linspace(0.5, 6, 40)),
    "danwood": ([0.769, 3.86], [1.0, 5.0], np.linspace(1.3, 1.68, 6)),
    "kirby2": ([1.67, -0.139, 2.6e-3, -1.7e-3, 2.2e-5], [2.0, -0.1, 0.003, -0.001, 1e-5], np.linspace(9, 370, 151)),
    "hahn1": (
        [1.08, -0.123, 4.09e-3, -1.43e-6, -5.76e-3, 2.41e-4, -1.23e-7],
        [10.0, -1.0, 0.05, -1e-5, -0.05, 0.001, -1e-6],
        np.linspace(14, 850, 236),
    ),
    "mgh09": ([0.193, 0.191, 0.123, 0.136], [25.0, 39.0, 41.5, 39.0], np.geomspace(0.06, 4, 11)),
    "mgh17": ([0.375, 1.94, -1.46, 0.0129, 0.0221], [0.5, 1.5, -1.0, 0.01, 0.02], np.linspace(0, 320, 33)),
    "rat43": ([700.0, 5.28, 0.76, 1.28], [100.0, 10.0, 1.0, 1.0], np.arange(1.0, 16)),
    "mgh10": ([5.61e-3, 6181.0, 345.0], [0.02, 4000.0, 250.0], np.linspace(50, 125, 16)),
    "eckerle4": ([1.55, 4.09, 451.5], [1.0, 10.0, 500.0], np.linspace(400, 500, 35)),
    "roszman1": ([0.202, -6.2e-6, 1204.0, -181.0], [0.1, -1e-5, 1000.0, -100.0], np.linspace(-4868, -1065, 25)),
    "thurber": (
        [1288.0, 1491.0, 583.0, 75.4, 0.966, 0.398, 0.0497],
        [1000.0, 1000.0, 400.0, 40.0, 0.7, 0.3, 0.03],
        np.linspace(-3, 2.2, 37),
    ),
}


@pytest.fixture(scope="module")
def strd() -> ModuleType:
    path = Path(__file__).parents[2] / "validation" / "nist_strd.py"
    spec = importlib.util.spec_from_file_location("validation_nist_strd", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def decay(parameters: Floats, x: Floats) -> Floats:
    return parameters[:, :1] * np.exp(-parameters[:, 1:2] * x)


def digits(value: Floats, certified: list[float]) -> float:
    return float(-np.log10(np.max(np.abs(value / np.array(certified) - 1)) + 1e-16))


def test_linear_problem_equals_lstsq_and_its_covariance_the_closed_form() -> None:
    rng = np.random.default_rng(1)
    design, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    fit = fit_least_squares(lambda p: p @ design.T - y, [[1.0, -1.0, 5.0]])
    expected, squares, *_ = np.linalg.lstsq(design, y, rcond=None)
    covariance = squares[0] / 17 * np.linalg.inv(design.T @ design)
    np.testing.assert_allclose(fit.parameters[0], expected, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance[0], covariance, rtol=1e-7, atol=1e-9 * covariance.max())
    np.testing.assert_allclose(fit.standard_errors[0], np.sqrt(np.diag(covariance)), rtol=1e-8)
    assert fit.degrees_of_freedom == 17
    assert fit.status == (FitStatus.CONVERGED,)


@pytest.mark.parametrize("analytic", [False, True])
def test_rosenbrock_from_many_starts(analytic: bool) -> None:
    def residuals(p: Floats) -> Floats:
        return np.stack([10 * (p[:, 1] - p[:, 0] ** 2), 1 - p[:, 0]], axis=1)

    def jacobian(p: Floats) -> Floats:
        zero, one = np.zeros(len(p)), np.ones(len(p))
        return np.stack([np.stack([-20 * p[:, 0], 10 * one], 1), np.stack([-one, zero], 1)], axis=1)

    starts = np.random.default_rng(2).uniform(-5, 5, (50, 2))
    fit = fit_least_squares(residuals, starts, jacobian=jacobian if analytic else None)
    np.testing.assert_allclose(fit.parameters, 1.0, atol=1e-8)
    assert set(fit.status) == {FitStatus.CONVERGED}
    assert np.isnan(fit.standard_errors).all()  # R = P: no degree of freedom


@pytest.mark.parametrize("start", [[1.0, 1.0], [100.0, 0.75]])
def test_boxbod_from_both_starts(start: list[float]) -> None:
    fit = fit_least_squares(lambda p: p[:, :1] * (1 - np.exp(-p[:, 1:] * BOXBOD_X)) - BOXBOD_Y, [start])
    assert digits(fit.parameters[0], BOXBOD_CERTIFIED) > 8
    assert digits(fit.standard_errors[0], BOXBOD_DEVIATIONS) > 8


@pytest.mark.parametrize("name", list(SYNTHETIC))
def test_each_certified_model_is_recovered_from_its_first_start(strd: ModuleType, name: str) -> None:
    true, start, x = SYNTHETIC[name]
    model, count = strd.MODELS[name]
    assert len(true) == len(start) == count
    y = model(np.array(true), x)
    fit = fit_least_squares(lambda p: np.stack([model(b, x) - y for b in p]), [start], max_iterations=3000)
    assert digits(fit.parameters[0], true) > 6
    assert fit.status[0] is FitStatus.CONVERGED


def test_certified_files_reach_seven_digits(
    strd: ModuleType, reference_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert strd.main([str(reference_data / "nist_strd")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["Rat42.dat"]["start1"]["digits_parameters"] >= 7


def test_unknown_files_are_named(strd: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Unheard.dat").write_text("nothing")
    (tmp_path / "Rat42.dat").write_text("nothing")
    assert strd.main([str(tmp_path)]) == 1
    assert set(json.loads(capsys.readouterr().out)["unsupported"]) == {"Unheard.dat", "Rat42.dat"}


def test_a_thousand_lanes_with_their_own_data() -> None:
    rng = np.random.default_rng(3)
    x = np.linspace(0, 5, 12)
    true = np.stack([10 ** rng.uniform(-3, 4, 1000), rng.uniform(0.2, 3, 1000)], axis=1)
    y = decay(true, x)
    fit = fit_least_squares(lambda p: decay(p, x) - y, true * rng.uniform(0.4, 2.5, true.shape))
    assert set(fit.status) == {FitStatus.CONVERGED}
    np.testing.assert_allclose(fit.parameters, true, rtol=1e-8)


def test_a_lane_does_not_depend_on_its_company() -> None:
    rng = np.random.default_rng(4)
    x = np.linspace(0, 5, 12)
    y = decay(rng.uniform(1, 3, (6, 2)), x) + 0.1 * rng.normal(size=(6, 12))
    start = rng.uniform(0.5, 4, (6, 2))
    together = fit_least_squares(lambda p: decay(p, x) - y, start)
    for lane in range(6):
        alone = fit_least_squares(lambda p, lane=lane: decay(p, x) - y[lane], start[lane : lane + 1])
        np.testing.assert_allclose(alone.parameters[0], together.parameters[lane], rtol=1e-10)
        assert alone.iterations[0] == together.iterations[lane]


def test_a_frozen_lane_is_still_passed_and_does_not_move() -> None:
    x = np.linspace(0, 5, 12)
    y = decay(np.array([[2.0, 1.0], [3.0, 0.5]]), x)
    seen: list[Floats] = []

    def residuals(p: Floats) -> Floats:
        seen.append(p.copy())
        return decay(p, x) - y

    fit = fit_least_squares(residuals, [[2.0, 1.0], [90.0, 3.0]])
    assert fit.iterations[0] < fit.iterations[1]
    assert all(len(p) == 2 for p in seen)
    assert fit.parameters[0].tolist() == [2.0, 1.0]


def test_a_lane_that_is_not_finite_does_not_harm_others() -> None:
    x = np.linspace(0, 5, 12)
    y = np.repeat(decay(np.array([[2.0, 1.0]]), x), 3, axis=0)
    y[1, 4] = np.nan
    fit = fit_least_squares(lambda p: decay(p, x) - y, [[1.0, 0.5]] * 3)
    assert fit.status == (FitStatus.CONVERGED, FitStatus.NOT_FINITE, FitStatus.CONVERGED)
    np.testing.assert_allclose(fit.parameters[[0, 2]], [[2.0, 1.0]] * 2, rtol=1e-9)
    assert np.isnan(fit.standard_errors[1]).all()


def test_a_step_to_where_residuals_are_not_finite_is_taken_back() -> None:
    x = np.linspace(1, 5, 9)

    def residuals(p: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            return np.log(p[:, :1] + x * p[:, 1:]) - np.log(0.01 + 2 * x)

    fit = fit_least_squares(residuals, [[500.0, 0.001]])
    np.testing.assert_allclose(fit.parameters[0], [0.01, 2.0], rtol=1e-6)


def test_bounds_agree_with_scipy_and_are_never_left() -> None:
    from scipy import optimize

    rng = np.random.default_rng(5)
    x = np.linspace(0, 5, 20)
    y = decay(np.array([[3.0, 1.3]]), x)[0] + 0.5 + 0.05 * rng.normal(size=20)
    low, high = np.array([0.5, 0.1, -0.2]), np.array([2.5, 4.0, 0.3])
    seen: list[Floats] = []

    def residuals(p: Floats) -> Floats:
        seen.append(p.copy())
        return decay(p, x) + p[:, 2:] - y

    fit = fit_least_squares(residuals, [[1.0, 1.0, 0.0], [0.5, 4.0, 0.3]], bounds=Bounds.create(low, high))
    theirs = optimize.least_squares(
        lambda p: decay(p[None], x)[0] + p[2] - y, [1.0, 1.0, 0.0], bounds=(low, high), xtol=1e-14, ftol=1e-14
    )
    np.testing.assert_allclose(fit.parameters, np.repeat(theirs.x[None], 2, axis=0), rtol=1e-6)
    assert fit.status == (FitStatus.AT_BOUND,) * 2
    assert fit.at_bound[0].tolist() == [True, False, True]
    assert np.isnan(fit.standard_errors[0]).tolist() == [True, False, True]
    visited = np.concatenate(seen)
    assert (visited >= low).all()
    assert (visited <= high).all()


@pytest.mark.parametrize("analytic", [False, True])
def test_a_parameter_without_influence_is_flat(analytic: bool) -> None:
    x = np.linspace(0, 5, 12)
    y = decay(np.array([[2.0, 1.0]]), x) + 0.01 * np.cos(7 * x)

    def jacobian(p: Floats) -> Floats:
        e = np.exp(-p[:, 1:2] * x)
        return np.stack([p[:, 2:3] * e, -x * p[:, :1] * p[:, 2:3] * e, p[:, :1] * e, 0 * e], axis=2)

    # Only the product of the first and third matters, and the fourth not at all.
    fit = fit_least_squares(
        lambda p: p[:, 2:3] * decay(p, x) - y, [[1.0, 0.5, 1.5, 3.0]], jacobian=jacobian if analytic else None
    )
    assert fit.status == (FitStatus.FLAT,)
    assert fit.parameters[0, 0] * fit.parameters[0, 2] == pytest.approx(2.0, abs=0.05)
    assert np.isinf(fit.standard_errors[0]).tolist() == [True, False, True, True]
    assert fit.parameters[0, 3] == 3.0


def test_running_out_of_iterations_is_said() -> None:
    fit = fit_least_squares(
        lambda p: p[:, :1] * (1 - np.exp(-p[:, 1:] * BOXBOD_X)) - BOXBOD_Y, [[1.0, 1.0]], max_iterations=2
    )
    assert fit.status == (FitStatus.MAX_ITERATIONS,)


def test_a_residual_that_jumps_is_stalled() -> None:
    def residuals(p: Floats) -> Floats:
        return np.concatenate([np.where(p >= 1, p, 5.0 - p), p + 1], axis=1)

    assert fit_least_squares(residuals, [[1.0]]).status == (FitStatus.STALLED,)


def test_priors_give_the_closed_form_posterior() -> None:
    # One measurement 3 of precision 1 and a prior 1 of precision 1/4.
    wrapped = with_normal_prior(lambda p: p - 3.0, [1.0], [2.0])
    rows = with_normal_prior_rows(lambda p: np.ones((len(p), 1, 1)), [2.0])
    for jacobian in (None, rows):
        fit = fit_least_squares(wrapped, [[0.0]], jacobian=jacobian)
        assert fit.parameters[0, 0] == pytest.approx((3 + 1 / 4) / (1 + 1 / 4))
        assert fit.unscaled_covariance[0, 0, 0] == pytest.approx(1 / (1 + 1 / 4))
    with pytest.raises(ValueRangeError, match="standard deviation"):
        with_normal_prior(lambda p: p, [1.0], [0.0])


def test_best_of_starts_finds_the_deeper_of_two_minima() -> None:
    def residuals(p: Floats) -> Floats:
        return np.concatenate([p**2 - 1, 0.3 * (p - 1)], axis=1)

    starts = np.array([[-1.5], [-0.9], [0.8], [2.0], [-2.0], [-1.0]])
    fit = fit_least_squares(residuals, starts)
    best = best_of(fit, [0, 0, 0, 0, 1, 1])
    np.testing.assert_allclose(best.fit.parameters[0], 1.0, rtol=1e-8)
    assert best.fit.parameters[1, 0] < 0
    assert best.starts.tolist() == [4, 2]
    assert best.same_minimum.tolist() == [2, 2]
    assert select_lanes(fit, [2]).parameters[0, 0] == fit.parameters[2, 0]
    with pytest.raises(ValueRangeError, match="groups"):
        best_of(fit, [0])


def test_starts_fill_the_box_in_the_asked_scale() -> None:
    box = Bounds.create([1e-3, -1.0], [1e3, 1.0])
    starts = sample_starts(box, 64, np.random.default_rng(1), logarithmic=[True, False])
    again = sample_starts(box, 64, np.random.default_rng(1), logarithmic=[True, False])
    np.testing.assert_array_equal(starts, again)
    assert np.median(starts[:, 0]) == pytest.approx(1.0, rel=0.3)
    assert sorted(np.floor((starts[:, 1] + 1) * 32)) == list(range(64))
    with pytest.raises(ValueRangeError, match="parameter 0"):
        sample_starts(Bounds.create([0.0], [1.0]), 3, np.random.default_rng(1), logarithmic=[True])
    with pytest.raises(ValueRangeError, match="finite"):
        sample_starts(Bounds.none(1), 3, np.random.default_rng(1))


def test_profile_of_a_linear_problem_is_the_t_interval() -> None:
    from scipy import stats

    rng = np.random.default_rng(6)
    design, y = rng.normal(size=(15, 3)), rng.normal(size=15)
    fit = fit_least_squares(lambda p: p @ design.T - y, [[0.0, 0.0, 0.0]])
    for k in range(3):
        interval = profile_interval(lambda p: p @ design.T - y, fit.parameters[0], k, level=0.9)
        half = float(stats.t.ppf(0.95, 12)) * fit.standard_errors[0, k]
        assert interval.upper == pytest.approx(fit.parameters[0, k] + half, rel=1e-6)
        assert interval.lower == pytest.approx(fit.parameters[0, k] - half, rel=1e-6)
        assert interval.lower_end is interval.upper_end is ProfileEnd.CLOSED
    known = profile_interval(lambda p: p - 3.0, [3.0], 0, known_variance=True)
    assert known.upper == pytest.approx(3 + 1.959963984540054, rel=1e-9)


def test_an_open_profile_has_no_end_and_says_why() -> None:
    # A rate so fast that the second point is already at zero: only a lower end exists.
    x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([10.0, 1e-3, -2e-3, 1.5e-3])
    y = y + np.array([0.0, 0.1, -0.12, 0.05])
    fit = fit_least_squares(lambda p: decay(p, x) - y, [[9.0, 2.0]])
    interval = profile_interval(lambda p: decay(p, x) - y, fit.parameters[0], 1)
    assert interval.lower is not None
    assert (interval.upper, interval.upper_end) == (None, ProfileEnd.OPEN)
    bounded = profile_interval(
        lambda p: decay(p, x) - y, fit.parameters[0], 1, bounds=Bounds.create([0.0, 0.0], [50.0, 40.0])
    )
    assert (bounded.upper, bounded.upper_end) == (None, ProfileEnd.BOUND)


def test_a_profile_from_the_wrong_minimum_says_so() -> None:
    def residuals(p: Floats) -> Floats:
        return np.concatenate([p**2 - 1, 0.3 * (p - 1), 0.1 + 0 * p], axis=1)

    local = fit_least_squares(residuals, [[-1.0]]).parameters[0]
    interval = profile_interval(residuals, local, 0, level=0.999999)
    assert interval.upper_end is ProfileEnd.BETTER_MINIMUM


def test_results_are_read_only_and_inputs_are_kept() -> None:
    start = np.array([[1.0]])
    fit = fit_least_squares(lambda p: np.concatenate([p - 3, p - 4], axis=1), start)
    assert start[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        fit.parameters[0, 0] = 1.0


@pytest.mark.parametrize(
    ("start", "options", "named"),
    [
        ([1.0], {}, "start"),
        ([[np.nan]], {}, "start of parameter 0"),
        ([[5.0]], {"bounds": Bounds.create([0.0], [1.0])}, "start of parameter 0"),
        ([[0.5]], {"bounds": Bounds.create([0.0, 0.0], [1.0, 1.0])}, "bounds"),
        ([[1.0]], {"max_iterations": 0}, "max_iterations"),
        ([[1.0]], {"tolerance": 0.0}, "tolerance"),
        ([[1.0, 1.0, 1.0, 1.0]], {}, "residuals"),
    ],
)
def test_wrong_arguments_are_named(start: list[object], options: dict[str, object], named: str) -> None:
    with pytest.raises(ValueRangeError, match=named):
        fit_least_squares(lambda p: np.ones((len(p), 2)), start, **options)  # type: ignore[arg-type]


def test_bounds_are_checked() -> None:
    with pytest.raises(ValueRangeError, match="parameter 1"):
        Bounds.create([0.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueRangeError, match="shapes"):
        Bounds.create([0.0], [1.0, 2.0])


def test_importing_the_layer_does_not_import_scipy() -> None:
    import subprocess

    code = "import sys, limus.kernel.inference, limus.molecule.equilibrium; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
