"""Cutting a history at steady states and resets leaves every level what it was."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import InputError
from limus.patient.levels import level_times
from limus.patient.prediction import predict_levels, prepare_prediction
from limus.patient.stretches import cut_into_stretches
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_simulation import simulate_population

from .cases import NAN

ROWS = [  # ID OCC TIME EVID AMT II SS ADDL DV HCT
    (1, 1, 0, 1, 2, 12, 1, 3, NAN, 33),
    (1, 1, 0, 0, 0, 0, 0, 0, 5, 33),
    (1, 1, 8, 0, 0, 0, 0, 0, 4, NAN),
    (1, 2, 30, 1, 3, 0, 0, 0, NAN, 30),
    (1, 2, 34, 0, 0, 0, 0, 0, 7, 30),
    (1, 3, 60, 0, 0, 0, 0, 0, 7, 28),
    (1, 3, 60, 4, 4, 0, 0, 0, NAN, 28),
    (1, 3, 66, 0, 0, 0, 0, 0, 3, NAN),
    (1, 4, 100, 1, 2, 12, 1, 0, NAN, 40),
    (1, 4, 100, 0, 0, 0, 0, 0, 3, 40),
    (2, 1, 5, 1, 2, 12, 0, 2, NAN, 35),
    (2, 1, 50, 0, 0, 0, 0, 0, 3, 30),
]
NAMES = ("ID", "OCC", "TIME", "EVID", "AMT", "II", "SS", "ADDL", "DV", "HCT")


def table():
    columns = {name: np.array([row[k] for row in ROWS], dtype=float) for k, name in enumerate(NAMES)}
    columns |= {"CYP3A5_expresser": np.zeros(len(ROWS)), "immediate_release": np.ones(len(ROWS))}
    return event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))


def test_levels_are_those_of_the_whole_history() -> None:
    model = load_population_model("Woillard_2011")
    events = table()
    prediction = prepare_prediction(model, events, level_times(events))
    generator = np.random.default_rng(3)
    effects = 0.3 * generator.standard_normal((2, prediction.space.size))
    found = predict_levels(prediction, [0, 1], effects)
    whole = simulate_population(model, events, effects=dict(prediction.space.as_mapping(effects)))
    np.testing.assert_allclose(found, whole.level, rtol=1e-8)


def test_a_level_at_a_steady_state_is_after_it_and_at_a_reset_before_it() -> None:
    model = load_population_model("Woillard_2011")
    rules = {name: covariate.carry for name, covariate in model.covariates.items()}
    cut = cut_into_stretches(table(), rules)
    assert cut.subject.tolist() == [0, 0, 0, 1]
    times = np.array([0.0, 60.0, 66.0, 100.0, 50.0])
    assert cut.of_times(np.array([0, 0, 0, 0, 1]), times).tolist() == [0, 0, 1, 2, 3]
    assert cut.occasions.tolist() == [[0, 1, 2], [2, -1, -1], [3, -1, -1], [0, -1, -1]]


def test_occasions_that_go_back_in_time_are_refused() -> None:
    columns = {"ID": [1, 1, 1], "OCC": [2, 1, 2], "TIME": [0, 1, 2], "AMT": [3, 0, 0], "DV": [NAN, 1, 2]}
    columns |= {"HCT": [33] * 3, "CYP3A5_expresser": [0] * 3, "immediate_release": [1] * 3}
    events = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    with pytest.raises(InputError, match="1 after 2"):
        prepare_prediction(load_population_model("Woillard_2011"), events, level_times(events))
