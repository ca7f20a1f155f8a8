"""The one-compartment MAP estimate that NONMEM gave (values printed in issue 8)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from limus.patient.estimate import EstimateOptions, estimate_patients
from limus.patient.posterior import minus_twice_log
from limus.patient.prediction import predict_levels
from limus.pharmacokinetics.population_model.checks import check_population_model

from .cases import nonmem_table, one_compartment

NO_DRAWS = EstimateOptions(draws=0)


def test_the_model_file_is_sound() -> None:
    assert check_population_model(one_compartment()) == ()


def test_next_observation_backward_as_nonmem() -> None:
    found = estimate_patients(one_compartment(), nonmem_table(), NO_DRAWS)
    ka, clearance, volume = found.modes.effects[0]
    assert clearance == pytest.approx(0.398846, abs=5e-7)  # six digits are printed
    assert volume == pytest.approx(0.076220, abs=5e-7)
    assert ka == pytest.approx(0.0, abs=1e-9)
    assert found.modes.status == ("ok",)


def test_carried_forward_as_nonmem() -> None:
    model = one_compartment()
    carried = {name: replace(c, carry="last_observation_forward") for name, c in model.covariates.items()}
    found = estimate_patients(replace(model, covariates=carried), nonmem_table(), NO_DRAWS)
    assert found.modes.effects[0, 1:] == pytest.approx([0.2297, 0.1638], abs=5e-5)  # four digits are printed


def test_without_the_logarithm_of_the_variance_it_would_be_elsewhere() -> None:
    """A guard on the case itself: squares alone give other numbers, so the test above can fail."""
    found = estimate_patients(one_compartment(), nonmem_table(), NO_DRAWS)
    posterior = found.posterior

    def squares(effects: np.ndarray) -> float:
        whole = minus_twice_log(posterior, [0], effects[None, :])[0]
        f = predict_levels(posterior.prediction, [0], effects[None, :])[0]
        return whole - float(np.log(0.05 * f**2).sum())

    other = minimize(squares, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10})
    assert abs(other.x[1] - found.modes.effects[0, 1]) > 0.01
