"""The sum of squares and its gradient in one call: against differences of itself, with gaps and weights."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import UnsupportedFeatureError, ValueRangeError
from limus.kernel.language import read_model_text
from limus.kernel.simulation import Dose, compile_model, least_squares_gradient

BENT = "model m() species A, B; A = 1; B = 0; k = 0.5; K = 2; A' = -k*A/(K + A); B' = k*A/(K + A) - 0.1*B; end"
TIMES = np.array([0.5, 1.0, 3.0, 6.0])
DOSES = [Dose(1.5, "A", 2.0)]


def model(*parameters: str):
    return compile_model(read_model_text(BENT, language="antimony"), ["A", "B"], sensitivities=parameters)


def test_the_gradient_is_that_of_the_sum_of_squares() -> None:
    rng = np.random.default_rng(5)
    observed, weights = rng.uniform(0.0, 2.0, (3, 4, 2)), rng.uniform(0.5, 2.0, (4, 2))
    missing = rng.random((3, 4, 2)) < 0.3
    observed[missing] = np.nan
    values = {"k": np.array([0.3, 0.5, 0.9]), "K": np.array([2.0, 1.0, 3.0])}
    compiled = model("K", "A", "k")

    def at(**changed):
        given = values | {"A": np.ones(3)} | changed
        tight = {"relative_tolerance": 1e-11, "absolute_tolerance": 1e-13}
        return least_squares_gradient(
            compiled, TIMES, observed, given, weights=weights, missing=missing, doses=DOSES, start=0.0, **tight
        )

    found = at()
    assert found.parameters == ("K", "A", "k")
    assert found.status == ("ok", "ok", "ok")
    assert (found.residuals[missing] == 0.0).all()
    np.testing.assert_allclose(found.sum_of_squares, (found.residuals**2).sum(axis=(1, 2)), rtol=1e-14)
    for j, name in enumerate(found.parameters):
        value = values.get(name, np.ones(3))
        sides = [at(**{name: value + h}) for h in (1e-4, -1e-4)]
        slope = (sides[0].sum_of_squares - sides[1].sum_of_squares) / 2e-4
        np.testing.assert_allclose(found.gradient[:, j], slope, rtol=1e-6, atol=1e-8)
        slopes = (sides[0].residuals - sides[1].residuals) / 2e-4
        np.testing.assert_allclose(found.derivatives[..., j], slopes, rtol=1e-5, atol=1e-7)


def test_times_after_the_last_of_a_set_count_as_missing() -> None:
    times = np.array([[0.5, 1.0, 3.0], [0.5, np.nan, np.nan]])
    observed = np.where(np.isnan(times), np.nan, 0.4)[:, :, None]
    compiled = model("k")
    found = least_squares_gradient(compiled, times, observed, start=0.0)
    alone = least_squares_gradient(compiled, [0.5], [[0.4, 0.4]], start=0.0)
    assert found.sum_of_squares[1] == alone.sum_of_squares[0]
    assert found.gradient[1] == alone.gradient[0]


def test_a_set_that_fails_has_no_numbers() -> None:
    text = read_model_text("model m() y = 1; a = 0; y' = a*y^2 - y; end", language="antimony")
    compiled = compile_model(text, ["y"], sensitivities=["a"])
    found = least_squares_gradient(compiled, [0.0, 1.0], 0.5, {"a": [0.0, 5.0]})
    assert found.status[0] == "ok"
    assert np.isfinite(found.gradient[0]).all()
    assert found.status[1] != "ok"
    assert np.isnan(found.sum_of_squares[1])
    assert np.isnan(found.gradient[1]).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"observed": np.full((4, 2), np.nan)}, "observed, set 0, time 0, output 0"),
        ({"observed": np.zeros((3, 2))}, "observed"),
        ({"observed": 0.0, "weights": -1.0}, "weights, set 0"),
        ({"observed": 0.0, "missing": np.zeros(3, dtype=bool)}, "missing"),
    ],
)
def test_wrong_observations(given, words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        least_squares_gradient(model("k"), TIMES, **given)


def test_a_model_without_sensitivities_has_no_gradient() -> None:
    with pytest.raises(UnsupportedFeatureError, match="sensitivities"):
        least_squares_gradient(model(), TIMES, 0.0)
