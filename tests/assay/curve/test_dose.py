from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from limus.assay.curve.dose import DoseQuantity, dose_quantity
from limus.assay.curve.fit import DoseStatus, find_doses, fit_curves, half_dose, read_curve, response_at
from limus.assay.curve.interval import parameter_intervals, profile_doses, profile_parameters
from limus.assay.curve.inverse import columns_of
from limus.assay.curve.problem import CurveProblem
from limus.assay.curve.records import CurveFits
from limus.assay.curve.simulation import simulate_curves
from limus.kernel.errors import RefusedError, ValueRangeError
from limus.kernel.inference import fit_least_squares, profile_interval

Floats = NDArray[np.float64]
DOSES = np.repeat([0.0, *np.geomspace(0.03, 300.0, 9)], 2)


def fitted(
    name: str, truth: tuple[float, ...], *, seed: int = 1, deviation: float = 3.0, **settings: object
) -> CurveFits:
    made = simulate_curves(name, truth, DOSES, seed=seed, standard_deviation=deviation)
    return fit_curves(made.doses, made.responses, model=name, **settings)  # type: ignore[arg-type]


def ryegrass(folder: Path) -> tuple[Floats, Floats]:
    rows = np.genfromtxt(folder / "dose_response" / "ryegrass.csv", delimiter=",", names=True)
    return rows["conc"], rows["rootl"]


CASES = [
    ("ll4", (1.3, 5.0, 100.0, 1.5)),
    ("ll4", (-1.3, 5.0, 100.0, 1.5)),
    ("ll5", (1.6, 5.0, 100.0, 1.0, 0.5)),
    ("w14", (0.9, 5.0, 100.0, 1.5)),
    ("w24", (-0.9, 5.0, 100.0, 1.5)),
    ("two_site", (1.0, 1.0, 5.0, 100.0, 0.4, -1.0, 3.5)),
    ("bc4", (2.0, 0.0, 100.0, 1.5, 15.0)),
]


@pytest.mark.parametrize(("name", "truth"), CASES)
def test_the_relative_ic50_is_the_dose_of_half_the_effect(name: str, truth: tuple[float, ...]) -> None:
    fits = fitted(name, truth)
    found = half_dose(fits)
    columns = columns_of(fits.parameters)
    with np.errstate(over="ignore"):
        at, zero, infinite = (
            fits.model.family.formula(columns, np.array([[t]]))[0][0, 0] for t in (found.log_dose[0], -1e8, 1e8)
        )
    assert at == pytest.approx(0.5 * (zero + infinite), rel=1e-10)
    assert found.dose[0] == pytest.approx(np.exp(found.log_dose[0]))


def test_only_in_the_logistic_is_the_parameter_the_ic50() -> None:
    for name, truth in CASES[:5]:
        fits = fitted(name, truth)
        same = np.isclose(half_dose(fits).dose[0], np.exp(fits.parameters[0, 3]), rtol=1e-9)
        assert same == (name == "ll4")


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize(("name", "truth"), CASES)
def test_gradients_of_doses(name: str, truth: tuple[float, ...], relative: bool) -> None:
    """The delta method's gradient against differences, with the plateaus in it."""
    fits = fitted(name, truth)
    quantity: DoseQuantity = dose_quantity(fits, np.array([0.3 if relative else 60.0]), relative)
    free = fits.parameters[:, list(fits.layout.free)]
    _, gradient = quantity.evaluate(free)
    for k in range(free.shape[1]):
        step = 1e-5 * max(1.0, abs(free[0, k]))
        ends = []
        for move in (step, -step):
            moved = free.copy()
            moved[0, k] += move
            ends.append(quantity.evaluate(moved)[0][0])
        # bisection is exact to 1e-17 of its bracket, so the difference to about 1e-10
        assert gradient[k, 0] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-8)


def test_the_standard_error_of_an_absolute_dose_has_the_plateaus_in_it(reference_data: Path) -> None:
    """Ryegrass at y = 4: 0.157 by the delta method; without the plateaus' derivatives it would be 0.19."""
    doses, lengths = ryegrass(reference_data)
    fits = fit_curves(doses, lengths)
    found = response_at(fits, 4.0)
    assert found.dose[0] * found.log_standard_error[0] == pytest.approx(0.157, abs=5e-4)
    quantity = dose_quantity(fits, np.array([4.0]), False)
    _, gradient = quantity.evaluate(fits.parameters)
    without = gradient[:, 0] * np.array([1.0, 0.0, 0.0, 1.0])
    assert found.dose[0] * np.sqrt(without @ fits.covariance[0] @ without) == pytest.approx(0.19, abs=5e-3)


def test_effective_doses_in_closed_form() -> None:
    fits = fitted("ll4", (1.3, 5.0, 100.0, 1.5))
    slope, _, _, log_ec50 = fits.parameters[0]
    for percent in (1.0, 10.0, 50.0, 90.0, 99.0):
        expected = np.exp(log_ec50) * (percent / (100 - percent)) ** (1 / slope)
        assert find_doses(fits, percent).dose[0] == pytest.approx(expected, rel=1e-9) or not (0.03 < expected < 300)
    rising = fitted("ll4", (-1.3, 5.0, 100.0, 1.5))
    assert find_doses(rising, 10.0).dose[0] < find_doses(rising, 90.0).dose[0]


def test_wald_intervals_on_both_scales() -> None:
    fits = fitted("ll4", (1.3, 5.0, 100.0, 1.5))
    factor = stats.t.ppf(0.95, 16)
    log, plain = half_dose(fits, level=0.9), half_dose(fits, level=0.9, logarithmic=False)
    error = fits.standard_errors[0, 3]
    assert log.lower[0] == pytest.approx(log.dose[0] * np.exp(-factor * error))
    assert plain.upper[0] == pytest.approx(plain.dose[0] * (1 + factor * error))
    intervals = parameter_intervals(fits, level=0.9)
    assert intervals.lower[0, 3] == pytest.approx(log.lower[0])
    assert intervals.upper[0, 0] == pytest.approx(fits.parameters[0, 0] + factor * fits.standard_errors[0, 0])


def test_profiles_are_those_of_the_parameters() -> None:
    made = simulate_curves("ll4", [(1.3, 5.0, 100.0, 1.5)] * 2, DOSES, seed=3, standard_deviation=6.0)
    fits = fit_curves(np.broadcast_to(made.doses, made.responses.shape), made.responses)
    found = profile_parameters(fits)
    for i in range(2):
        problem = CurveProblem.create(fits.data, fits.layout, fits.weights).take(np.array([i]))
        for k in range(4):
            alone = profile_interval(
                lambda p, one=problem: one.evaluate(p)[0],
                fits.parameters[i],
                k,
                jacobian=lambda p, one=problem: np.moveaxis(one.evaluate(p)[1], 0, 2),
            )
            for ours, theirs in ((found.lower[i, k], alone.lower), (found.upper[i, k], alone.upper)):
                # fits inside a profile end at 1e-6 standard errors
                end = np.log(ours) if k == 3 else ours
                assert end == pytest.approx(theirs, abs=1e-4 * fits.standard_errors[i, k])


def test_the_profile_of_an_absolute_dose_by_another_way() -> None:
    """The end of the profile: fit with the dose held there by solving for EC50, and the sum of squares is right."""
    fits = fitted("ll4", (1.3, 5.0, 100.0, 1.5), deviation=6.0)
    found, ends = profile_doses(fits, half_dose(fits, top=100, bottom=0), np.array([50.0]), relative=False)
    assert ends == ("closed",)
    x, y = fits.data.log_doses[0], fits.data.responses[0]
    for dose in (found.lower[0], found.upper[0]):

        def residuals(p: Floats, place: float = float(np.log(dose))) -> Floats:
            slope, lower, upper = (p[:, k, np.newaxis] for k in range(3))
            log_ec50 = place - np.log((upper - 50) / (50 - lower)) / slope
            return lower + (upper - lower) / (1 + np.exp(slope * (x - log_ec50))) - y

        held = fit_least_squares(residuals, fits.parameters[:, :3])
        threshold = fits.sum_of_squares[0] * (1 + stats.t.ppf(0.975, 16) ** 2 / 16)
        assert held.sum_of_squares[0] == pytest.approx(threshold, rel=1e-5)


def test_profiles_of_many_curves_are_one_by_one() -> None:
    made = simulate_curves("ll4", [(1.0, 5.0, 100.0, e) for e in (0, 1, 2, 3)], DOSES, seed=4, standard_deviation=5.0)
    doses = np.broadcast_to(made.doses, made.responses.shape)
    fits = fit_curves(doses, made.responses)
    target = np.full(4, 0.5)
    together, _ = profile_doses(fits, half_dose(fits), target, relative=True)
    for i in range(4):
        alone = fit_curves(doses[i], made.responses[i])
        found, _ = profile_doses(alone, half_dose(alone), target[:1], relative=True)
        assert found.lower[0] == pytest.approx(together.lower[i], rel=1e-5)
        assert found.upper[0] == pytest.approx(together.upper[i], rel=1e-5)


def test_a_profile_that_does_not_close_is_open_not_a_number() -> None:
    doses = np.repeat(np.geomspace(0.1, 10, 6), 2)
    made = simulate_curves("ll4", (1.0, 0.0, 100.0, np.log(9.0)), doses, seed=12, standard_deviation=8.0)
    fits = fit_curves(made.doses, made.responses)
    found = half_dose(fits, extrapolate=100.0)
    assert found.status[0] is DoseStatus.OK
    profiled, ends = profile_doses(fits, found, np.array([0.5]), relative=True)
    assert "upper" in ends[0]
    assert np.isnan(profiled.upper[0])
    assert np.isfinite(profiled.lower[0])


def test_robust_fits_have_no_profile() -> None:
    fits = fitted("ll4", (1.3, 5.0, 100.0, 1.5), robust="huber")
    with pytest.raises(RefusedError, match="huber"):
        profile_parameters(fits)


@pytest.mark.parametrize(
    ("log_ec50", "relation", "status", "limit"),
    [
        (7.5, ">", DoseStatus.ABOVE_DOSES, 300.0),
        (-5.0, "<", DoseStatus.BELOW_DOSES, 0.03),
        (1.5, "=", DoseStatus.OK, None),
    ],
)
def test_an_ic50_outside_the_doses_is_a_limit(
    log_ec50: float, relation: str, status: DoseStatus, limit: float | None
) -> None:
    made = simulate_curves("ll3", (1.0, 0.0, 100.0, log_ec50), DOSES, seed=7, standard_deviation=0.5)
    fits = fit_curves(made.doses, made.responses, model="ll3")
    for found in (half_dose(fits), half_dose(fits, top=100, bottom=0)):
        assert (found.relation[0], found.status[0]) == (relation, status)
        assert found.limit[0] == pytest.approx(found.dose[0] if limit is None else limit)
        assert np.isnan(found.dose[0]) == (limit is not None)
    far = half_dose(fits, extrapolate=50.0)
    assert far.status[0] is DoseStatus.OK
    assert abs(far.log_dose[0] - log_ec50) < 4 * far.log_standard_error[0]


@pytest.mark.parametrize(
    ("truth", "relation", "status"),
    [
        ((1.0, 70.0, 100.0, 1.0), ">", DoseStatus.NOT_REACHED),
        ((1.0, 0.0, 40.0, 1.0), "<", DoseStatus.PASSED),
        ((-1.0, 0.0, 30.0, 1.0), ">", DoseStatus.NOT_REACHED),
        ((1.0, 100.0, 100.0, 1.0), ">", DoseStatus.NOT_REACHED),
        ((1.0, 0.0, 0.0, 1.0), ">", DoseStatus.NOT_REACHED),
    ],
)
def test_absolute_ic50s_that_curves_do_not_reach(truth: tuple[float, ...], relation: str, status: DoseStatus) -> None:
    fits = fitted("ll4", truth, deviation=1.0)
    found = half_dose(fits, top=100, bottom=0)
    if truth[:3] == (1.0, 0.0, 40.0):  # at dose 0 nearer to the bottom: read as a curve that starts there
        relation, status = ">", DoseStatus.NOT_REACHED
    assert (found.relation[0], found.status[0]) == (relation, status)
    assert np.isnan(found.dose[0])
    assert found.limit[0] == pytest.approx(300.0)


def test_a_curve_that_is_beyond_half_at_every_dose() -> None:
    doses = np.repeat(np.geomspace(0.1, 100, 6), 3)
    made = simulate_curves("ll4", (1.0, 0.0, 45.0, 1.0), doses, seed=2, standard_deviation=1.0)
    found = half_dose(fit_curves(made.doses, made.responses), top=100, bottom=0)
    assert (found.relation[0], found.status[0], found.limit[0]) == ("<", DoseStatus.PASSED, pytest.approx(0.1))


def test_a_steep_curve_gives_the_doses_on_both_sides() -> None:
    fits = fit_curves([0.1, 0.3, 1, 3, 10, 30, 100, 300], [100, 99, 101, 100, 1, 0, 2, 0.0])
    for found in (half_dose(fits), half_dose(fits, top=100, bottom=0)):
        assert (found.status[0], found.relation[0]) == (DoseStatus.BETWEEN, "between")
        assert (found.lower[0], found.upper[0]) == (pytest.approx(3), pytest.approx(10))
        assert np.isnan(found.dose[0])


@pytest.mark.parametrize(
    ("percent", "top", "bottom"), [(0, None, None), (100, None, None), (50, 1.0, None), (50, 1.0, 1.0)]
)
def test_bad_levels(percent: float, top: float | None, bottom: float | None) -> None:
    fits = fitted("ll4", (1.3, 5.0, 100.0, 1.5))
    with pytest.raises(ValueRangeError):
        half_dose(fits, top=top, bottom=bottom) if top is not None else find_doses(fits, percent)


def test_readings_invert_the_curve() -> None:
    for name, truth in CASES[:5]:
        fits = fitted(name, truth)
        asked = np.array([0.5, 3.0, 40.0])
        responses = fits.model.family.formula(columns_of(fits.parameters), np.log(asked)[np.newaxis])[0][0]
        found = read_curve(fits, responses)
        np.testing.assert_allclose(found.dose, asked, rtol=1e-9)
        assert found.status == ("ok",) * 3
        assert (found.lower < asked).all()
        assert (asked < found.upper).all()


def test_readings_outside_the_curve_and_the_standards() -> None:
    fits = fitted("ll4", (1.3, 5.0, 100.0, 1.5))
    lower, upper = fits.parameters[0, 1:3]
    found = read_curve(fits, [upper + 5, lower - 5, lower + 1e-3 * (upper - lower), np.nan])
    assert found.status[:3] == ("below_curve", "above_curve", "above_doses")
    assert np.isnan(found.dose[[0, 1, 3]]).all()
    assert found.dose[2] > 300


def test_a_straight_line_is_read_in_closed_form() -> None:
    """Against the textbook: var(x) = (s2 / b2) (1/m + 1/n + (y - ybar)**2 / (b2 Sxx))."""
    x = np.array([0.0, 1, 2, 4, 8, 16])
    y = 0.05 + 0.11 * x + np.array([0.01, -0.02, 0.015, -0.005, 0.02, -0.01])
    fits = fit_curves(x, y, model="line")
    line = stats.linregress(x, y)
    s2 = np.sum((y - line.intercept - line.slope * x) ** 2) / 4
    for response, m in ((0.6, 1), (0.3, 3), (0.04, 2)):
        found = read_curve(fits, [response], replicates=m)
        dose = (response - line.intercept) / line.slope
        around = (response - y.mean()) ** 2 / (line.slope**2 * np.sum((x - x.mean()) ** 2))
        error = np.sqrt(s2 / line.slope**2 * (1 / m + 1 / 6 + around))
        assert found.dose[0] == pytest.approx(dose, rel=1e-8)
        assert found.upper[0] - found.dose[0] == pytest.approx(stats.t.ppf(0.975, 4) * error, rel=1e-6)
    assert read_curve(fits, [0.04]).status == ("below_doses",)


def test_readings_of_unknowns_cover_the_truth() -> None:
    """95 % intervals over 1,000 standard curves of unknowns at 2 and 20: within four standard errors of 95 %."""
    count, truth = 1000, (1.3, 5.0, 100.0, 1.5)
    made = simulate_curves("ll4", [truth] * count, DOSES, seed=8, standard_deviation=2.0)
    fits = fit_curves(np.broadcast_to(made.doses, made.responses.shape), made.responses)
    for dose, seed in ((2.0, 1), (20.0, 2)):
        unknown = simulate_curves("ll4", [truth] * count, [dose], seed=seed, standard_deviation=2.0, replicates=3)
        found = read_curve(fits, unknown.responses.mean(axis=1), curve=np.arange(count), replicates=3)
        covered = np.mean((found.lower <= dose) & (dose <= found.upper))
        assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / count)


def test_hooks_are_not_read() -> None:
    fits = fitted("bell", (1.3, 1.1, 5.0, 100.0, -1.5, 3.0))
    with pytest.raises(RefusedError, match="monotone"):
        read_curve(fits, [50.0])
    with pytest.raises(ValueRangeError, match="curve"):
        read_curve(fitted("ll4", (1.3, 5.0, 100.0, 1.5)), [50.0], curve=1)
