"""Derivatives of levels by effects, against differences."""

from __future__ import annotations

import numpy as np
import pytest

from limus.patient.levels import level_times
from limus.patient.prediction import predict_levels, predict_with_slopes, prepare_prediction
from limus.pharmacokinetics.population_model.library import load_population_model

from .cases import visits


@pytest.mark.parametrize("name", ["Woillard_2011", "Storset_2014", "Umpierrez_2021"])
def test_slopes_are_differences_of_levels(name: str) -> None:
    """Woillard has the engine's derivatives only; effects act on the others' bioavailability and lag too."""
    model = load_population_model(name)
    table = visits(model, 2, 2, at_h=(0.0, 1.0, 3.0))
    prediction = prepare_prediction(model, table, level_times(table))
    effects = 0.2 * np.random.default_rng(1).standard_normal((2, prediction.space.size))
    level, slopes = predict_with_slopes(prediction, [0, 1], effects)
    step = 1e-5
    for k in range(prediction.space.size):
        move = step * np.eye(prediction.space.size)[k]
        up, down = (predict_levels(prediction, [0, 1], effects + sign * move) for sign in (1, -1))
        # rounding of the levels over the step, and the step squared
        np.testing.assert_allclose(slopes[:, :, k], (up - down) / (2 * step), rtol=1e-5, atol=2e-3 * level.max() * 1e-2)


def test_levels_of_one_occasion_do_not_depend_on_anothers_effects() -> None:
    model = load_population_model("Woillard_2011")
    table = visits(model, 1, 3)
    prediction = prepare_prediction(model, table, level_times(table))
    _, slopes = predict_with_slopes(prediction, [0], np.zeros((1, prediction.space.size)))
    for level in range(3):
        for occasion in range(3):
            part = slopes[0, level, prediction.space.of_occasion(occasion)]
            assert (np.abs(part).max() > 0.1) == (level == occasion)


def test_only_wanted_levels_are_predicted() -> None:
    model = load_population_model("Woillard_2011")
    table = visits(model, 2, 2)
    prediction = prepare_prediction(model, table, level_times(table))
    wanted = np.array([[True, False], [False, True]])
    found = predict_levels(prediction, [0, 1], np.zeros((2, prediction.space.size)), wanted=wanted)
    assert np.isfinite(found).tolist() == wanted.tolist()
