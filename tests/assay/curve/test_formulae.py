from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from limus.assay.curve.formulae import LOG_ZERO, dose_slope, log_dose
from limus.assay.curve.inverse import columns_of, ends_of, invert
from limus.assay.curve.models import MODELS, Family, find_model
from limus.kernel.errors import UnknownNameError

Floats = NDArray[np.float64]
FAMILIES = {model.family.name: model.family for model in MODELS.values()}
DOSES = np.array([0.0, 1e-3, 0.05, 0.4, 1.0, 3.0, 20.0, 500.0])
TYPICAL = {
    "slope": 1.7,
    "slope_1": 1.2,
    "slope_2": 0.8,
    "slope_rise": 1.3,
    "slope_fall": 0.9,
    "lower": 3.0,
    "upper": 97.0,
    "asymmetry": 0.6,
    "fraction": 0.35,
    "stimulus": 12.0,
    "exponent": 0.5,
    "intercept": 2.0,
    "gradient": 0.3,
    "log_ec50_1": -1.0,
    "log_ec50_2": 2.5,
    "log_ec50_rise": -1.0,
    "log_ec50_fall": 2.0,
}


def typical(family: Family, sign: float = 1.0) -> Floats:
    values = np.array([[TYPICAL.get(name, 0.7) for name in family.parameters]])
    for name in family.slopes:
        values[0, family.parameters.index(name)] *= sign
    return values


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", FAMILIES)
def test_derivatives_are_those_of_the_formula(name: str, sign: float) -> None:
    family, step = FAMILIES[name], 1e-6
    values, t = typical(family, sign), log_dose(DOSES)[np.newaxis]
    with np.errstate(all="ignore"):
        _, slopes = family.formula(columns_of(values), t)
        assert slopes.shape == (len(family.parameters), 1, len(DOSES))
        for k, parameter in enumerate(family.parameters):
            ends = []
            for move in (step, -step):
                moved = values.copy()
                moved[0, k] += move
                ends.append(family.formula(columns_of(moved), t)[0])
            difference = (ends[0] - ends[1]) / (2 * step)
            # rounding of the difference: 1e-16 * 500 / 1e-6; curvature: step**2
            np.testing.assert_allclose(slopes[k], difference, rtol=1e-6, atol=1e-5, err_msg=parameter)


@pytest.mark.parametrize("name", FAMILIES)
def test_derivative_by_the_log_dose(name: str) -> None:
    family, step = FAMILIES[name], 1e-6
    columns, t = columns_of(typical(family)), np.log(DOSES[1:])[np.newaxis]
    with np.errstate(all="ignore"):
        _, slopes = family.formula(columns, t)
        difference = (family.formula(columns, t + step)[0] - family.formula(columns, t - step)[0]) / (2 * step)
        np.testing.assert_allclose(dose_slope(family.formula, columns, t, slopes), difference, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("slope", [1e-3, 0.05, 1.0, 30.0])
@pytest.mark.parametrize("name", ["logistic", "logistic5", "weibull1", "weibull2", "brain_cousens", "cedergreen"])
def test_dose_zero_is_a_plateau_to_the_last_digit(name: str, slope: float) -> None:
    family = FAMILIES[name]
    for sign in (1.0, -1.0):
        values = typical(family)
        values[0, 0] = sign * slope
        with np.errstate(all="ignore"):
            response, slopes = family.formula(columns_of(values), np.array([[LOG_ZERO]]))
        falls = (sign > 0) != (name == "weibull2")
        assert response[0, 0] == (97.0 if falls else 3.0)
        expected = {"lower": 0.0 if falls else 1.0, "upper": 1.0 if falls else 0.0}
        for k, parameter in enumerate(family.parameters):
            assert slopes[k, 0, 0] == expected.get(parameter, 0.0), parameter


def test_nothing_overflows_into_a_wrong_number() -> None:
    for family in FAMILIES.values():
        t = np.array([[LOG_ZERO, -700.0, -50.0, 50.0, 200.0]])
        with np.errstate(all="ignore"):
            response, slopes = family.formula(columns_of(typical(family)), t)
        assert np.isfinite(response).all(), family.name
        assert np.isfinite(slopes).all(), family.name


def test_formulae_as_published() -> None:
    """Values typed from the equations in the documentation of R's drc for LL.4, LL.5, W1.4, W2.4, BC.5 and CRS.5."""
    b, c, d, e, x = 1.7, 3.0, 97.0, float(np.exp(0.7)), 3.0
    ratio = (x / e) ** b
    expected = {
        "ll4": c + (d - c) / (1 + ratio),
        "ll5": c + (d - c) / (1 + ratio) ** 0.6,
        "w14": c + (d - c) * np.exp(-ratio),
        "w24": c + (d - c) * (1 - np.exp(-ratio)),
        "bc5": c + (d - c + 12.0 * x) / (1 + ratio),
        "crs5b": c + (d - c + 12.0 * np.exp(-1 / x**0.5)) / (1 + ratio),
    }
    for name, value in expected.items():
        family = find_model(name).family
        found = family.formula(columns_of(typical(family)), np.log([[x]]))[0][0, 0]
        assert found == pytest.approx(value, rel=1e-14), name


@pytest.mark.parametrize("name", [n for n in FAMILIES if n not in {"bell", "brain_cousens", "cedergreen"}])
def test_a_dose_gives_its_response_back(name: str) -> None:
    family = FAMILIES[name]
    dose = np.array([2.0])
    for sign in (1.0, -1.0):
        values = typical(family, sign)
        response = family.formula(columns_of(values), np.log(dose)[np.newaxis])[0][:, 0]
        found = invert(family, values, response, np.log([0.01]), np.log([100.0]))
        # bisection ends at 2**-60 of its bracket
        assert np.exp(found) == pytest.approx(dose, rel=1e-12)


def test_hormesis_is_inverted_behind_the_peak() -> None:
    family = FAMILIES["brain_cousens"]
    values = np.array([[2.0, 0.0, 100.0, 1.0, 40.0]])
    found = invert(family, values, np.array([100.0]), np.log([0.01]), np.log([100.0]))
    grid = np.linspace(found[0] + 1e-6, 8.0, 200)[np.newaxis]
    assert (family.formula(columns_of(values), grid)[0] < 100.0).all()


def test_responses_that_a_curve_does_not_have() -> None:
    for name in ("logistic", "logistic5", "weibull1", "weibull2", "biphasic"):
        family = FAMILIES[name]
        values = typical(family)
        zero, infinite, *_ = ends_of(family, values)
        assert {float(zero[0]), float(infinite[0])} == {3.0, 97.0}
        assert np.isnan(invert(family, values, np.array([98.0]), np.zeros(1), np.ones(1)))
        assert np.isnan(invert(family, values, np.array([2.0]), np.zeros(1), np.ones(1)))


@pytest.mark.parametrize(
    ("said", "name"),
    [("LL.4", "ll4"), ("4PL", "ll4"), ("5pl", "ll5"), ("W1.4", "w14"), ("CRS.5a", "crs5a"), ("Hill", "ll4")],
)
def test_models_by_their_usual_names(said: str, name: str) -> None:
    assert find_model(said).name == name


def test_an_unknown_model_is_an_error_with_near_names() -> None:
    with pytest.raises(UnknownNameError, match="ll4"):
        find_model("ll44")
