"""Two agents without interaction: dilutions of one agent, independent agents, an inert one."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import InputError
from limus.kernel.statistics.combined_effects import bliss_effect, combination_index, dose_with_effect, loewe_effect

DOSES = np.logspace(-4, 4, 4001)


def hill(dose: np.ndarray, half: float, slope: float = 1.3, top: float = 0.9) -> np.ndarray:
    return top * dose**slope / (dose**slope + half**slope)


def test_a_dilution_of_the_same_agent_is_additive_in_dose() -> None:
    first, second = (DOSES, hill(DOSES, 1.0)), (DOSES, hill(DOSES, 5.0))
    one, two = np.array([0.0, 0.1, 1.0, 3.0]), np.array([0.0, 0.5, 5.0, 40.0])
    found = loewe_effect(one, first, two, second)
    np.testing.assert_allclose(found, hill(one[:, None] + two[None, :] / 5.0, 1.0), atol=2e-4)
    index = combination_index(np.array([1.0]), first, np.array([5.0]), second, hill(np.array([2.0]), 1.0))
    assert index[0] == pytest.approx(1.0, abs=1e-3)


def test_independent_agents() -> None:
    found = bliss_effect(np.array([0.0, 0.5]), np.array([0.0, 0.2, 1.0]))
    np.testing.assert_allclose(found, [[0.0, 0.2, 1.0], [0.5, 0.6, 1.0]])


def test_an_inert_agent_adds_nothing() -> None:
    first, second = (DOSES, hill(DOSES, 1.0)), (DOSES, np.zeros_like(DOSES))
    found = loewe_effect(np.array([0.0, 2.0]), first, np.array([0.0, 100.0]), second)
    expected = np.array([[0.0], [hill(np.array([2.0]), 1.0)[0]]]) * np.ones((1, 2))
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert np.isnan(combination_index(np.array([1.0]), first, np.array([1.0]), second, np.array([0.95]))[0])


def test_doses_outside_the_curve() -> None:
    found = dose_with_effect(np.array([1.0, 10.0]), np.array([0.2, 0.6]), np.array([0.1, 0.2, 0.6, 0.7]))
    np.testing.assert_allclose(found, [0.5, 1.0, 10.0, np.inf])
    with pytest.raises(InputError, match="positive and increasing"):
        dose_with_effect(np.array([1.0, 1.0]), np.array([0.2, 0.6]), np.array([0.1]))
