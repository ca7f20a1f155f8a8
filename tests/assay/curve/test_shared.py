from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from limus.assay.curve.fit import fit_curves, half_dose
from limus.assay.curve.records import CurveFits
from limus.assay.curve.shared import fit_shared, relative_potency
from limus.assay.curve.simulation import simulate_curves
from limus.kernel.errors import RefusedError, UnknownNameError, ValueRangeError

Floats = NDArray[np.float64]
DOSES = np.repeat([0.0, *np.geomspace(0.03, 300.0, 9)], 2)


def curves(seed: int, rows: list[tuple[float, ...]], deviation: float = 4.0, **settings: object) -> CurveFits:
    made = simulate_curves("ll4", rows, DOSES, seed=seed, standard_deviation=deviation)
    doses = np.broadcast_to(made.doses, made.responses.shape)
    return fit_curves(doses, made.responses, **settings)  # type: ignore[arg-type]


PARALLEL = [(1.2, 5.0, 100.0, 1.0), (1.2, 5.0, 100.0, 2.5), (1.2, 5.0, 100.0, 3.0)]


def test_a_shared_fit_is_the_least_squares_fit_of_all_curves() -> None:
    fits = curves(1, PARALLEL)
    shared = fit_shared(fits, ["slope", "lower", "upper"])
    x, y = fits.data.log_doses, fits.data.responses

    def residuals(p: Floats) -> Floats:
        e = p[3:, np.newaxis]
        return (p[1] + (p[2] - p[1]) / (1 + np.exp(np.minimum(p[0] * (x - e), 700))) - y).ravel()

    best = optimize.least_squares(residuals, [1, 0, 100, 1, 2, 3], xtol=1e-15, ftol=1e-15, gtol=1e-15)
    np.testing.assert_allclose(shared.joint, best.x, rtol=1e-6)
    freedom = 60 - 6
    covariance = np.linalg.inv(best.jac.T @ best.jac) * 2 * best.cost / freedom
    # scipy's derivatives are differences
    np.testing.assert_allclose(shared.covariance, covariance, rtol=1e-4, atol=1e-8)
    assert shared.degrees_of_freedom == freedom
    statistic = (2 * best.cost - fits.sum_of_squares.sum()) / 6 / (fits.sum_of_squares.sum() / 48)
    assert shared.f_statistic == pytest.approx(statistic, rel=1e-6)
    assert shared.f_p_value == pytest.approx(stats.f.sf(statistic, 6, 48), rel=1e-6)
    assert shared.chi_square_p_value == pytest.approx(stats.chi2.sf(6 * statistic, 6), rel=1e-6)
    assert half_dose(shared.fits).dose == pytest.approx(np.exp(best.x[3:]), rel=1e-5)


def test_parallelism_is_rejected_as_often_as_it_should_be() -> None:
    p_values = []
    for seed in range(60):
        fits = curves(100 + seed, PARALLEL[:2])
        p_values.append(fit_shared(fits, ["slope", "lower", "upper"]).f_p_value)
    # 5 % of 60 is 3, standard error 1.7
    assert sum(p < 0.05 for p in p_values) <= 10
    assert 0.3 < float(np.median(p_values)) < 0.7
    crooked = curves(2, [(1.2, 5.0, 100.0, 1.0), (2.2, 30.0, 100.0, 2.5)])
    assert fit_shared(crooked, ["slope", "lower", "upper"]).f_p_value < 1e-6


@pytest.mark.parametrize("profile", [False, True])
def test_relative_potency_and_its_interval(profile: bool) -> None:
    shared = fit_shared(curves(3, PARALLEL), ["slope", "lower", "upper"])
    found = relative_potency(shared, 0, profile=profile)
    # dose of the reference over dose of the curve
    np.testing.assert_allclose(found.ratio, np.exp(shared.joint[3] - shared.joint[3:]))
    assert found.ratio[0] == found.lower[0] == found.upper[0] == 1.0
    for i, truth in enumerate((1.0, np.exp(-1.5), np.exp(-2.0))):
        assert found.lower[i] * 0.8 <= truth <= found.upper[i] * 1.2
    v = shared.covariance
    error = np.sqrt(v[3, 3] + v[4, 4] - 2 * v[3, 4])
    assert found.log_standard_error[1] == pytest.approx(error)
    half = stats.t.ppf(0.975, 54) * error
    wald = found.ratio[1] * np.exp([-half, half])
    assert [found.lower[1], found.upper[1]] == pytest.approx(wald, rel=0.02 if profile else 1e-9)
    assert found.method == ("profile" if profile else "wald_log")


def test_the_inverse_of_a_potency_is_the_potency_of_the_inverse() -> None:
    shared = fit_shared(curves(4, PARALLEL), ["slope", "lower", "upper"])
    there, back = relative_potency(shared, 0), relative_potency(shared, 2)
    assert there.ratio[2] * back.ratio[0] == pytest.approx(1.0)
    assert there.lower[2] * back.upper[0] == pytest.approx(1.0)


def test_what_cannot_be_shared() -> None:
    fits = curves(5, PARALLEL)
    with pytest.raises(UnknownNameError, match="hill"):
        fit_shared(fits, ["hill"])
    with pytest.raises(ValueRangeError, match="1 curves"):
        fit_shared(curves(5, PARALLEL[:1]), ["slope"])
    with pytest.raises(RefusedError, match="huber"):
        fit_shared(curves(5, PARALLEL, robust="huber"), ["slope"])
    with pytest.raises(ValueRangeError, match="slope"):
        relative_potency(fit_shared(fits, ["lower", "upper"]), 0)
    with pytest.raises(ValueRangeError, match="reference"):
        relative_potency(fit_shared(fits, ["slope", "lower", "upper"]), 3)
