"""The question of a potency: intervals with an open end, what draws may not change, washing and blood."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limus.signalling.blood_level import BLOOD, blood_culture, blood_map
from limus.signalling.culture import Culture, run_responses
from limus.signalling.model_library import load_model
from limus.signalling.potency import concentration_grid, summarise_curve
from limus.signalling.protocol import find_protocol
from limus.workflows.potency import HIGHEST_NM, LOWEST_NM, PotencyRequest, _curve, run

GRID = concentration_grid(LOWEST_NM, HIGHEST_NM, 4)


def hill(ic50: float, largest: float = 1.0) -> np.ndarray:
    return 100.0 * (1.0 - largest * GRID / (GRID + ic50))


def potency(**changes: object) -> dict[str, object]:
    asked = {"compound": "tacrolimus", "readout": "calcineurin", "stimulus": "none", "draws": 0}
    return run(PotencyRequest(**(asked | changes))).as_dict()


def test_draws_that_do_not_reach_half_open_the_interval_upwards() -> None:
    draws = [hill(1.0 + 0.1 * k) for k in range(20)]
    closed = _curve(GRID, np.array([hill(2.0), *draws]))
    lower, upper = closed.interval
    # percentiles of 1.0, 1.1, ... 2.9
    assert (lower, upper) == pytest.approx((1.095, 2.805), rel=0.01)
    opened = _curve(GRID, np.array([hill(2.0), *draws[:-2], hill(1.0, 0.3), np.full(len(GRID), 100.0)]))
    assert opened.interval[0] == pytest.approx(1.095, rel=0.01)
    assert opened.interval[1] == math.inf
    assert dict(opened.draws_by_status) == {"ok": 18, "half_not_reached": 1, "no_effect": 1}
    one_of_forty = _curve(GRID, np.array([hill(2.0), *draws, *draws[:-1], hill(1.0, 0.3)]))
    assert math.isfinite(one_of_forty.interval[1])


def test_without_half_of_the_draws_there_is_no_interval() -> None:
    found = _curve(GRID, np.array([hill(2.0), hill(1.0), hill(1.0, 0.3), hill(1.0, 0.2)]))
    assert all(math.isnan(end) for end in found.interval)
    assert math.isfinite(found.intervals["ic50_relative_nM"][0])


def test_the_fit_does_not_change_what_the_culture_sets() -> None:
    # the binding by serum is fitted, but in blood it is that of plasma: as without any fitted value
    model, protocol = load_model("t_cell"), find_protocol("none")
    culture = blood_culture(Culture.usual(protocol, "calcineurin"))
    plasma = blood_map(model, "ciclosporin").plasma(GRID)
    answer = run_responses(model, culture, "ciclosporin", plasma, {"calcineurin": culture.hours})
    asked = potency(compound="ciclosporin", medium="blood", draws=2)
    expected = summarise_curve(GRID, answer.percent["calcineurin"][0]).ic50_absolute_nM
    assert asked["ic50_absolute_nM"] == pytest.approx(expected, rel=1e-6)
    assert model.parameters["serum_binding"].value != BLOOD["serum_binding"]


def test_time_of_addition_and_wash_are_said_and_blood_has_a_day_before() -> None:
    assert potency()["conditions"]["add_at_hours"] == 0.0
    assert potency(medium="blood")["conditions"]["add_at_hours"] == -24.0
    assert potency(medium="blood", add_at=0.0)["conditions"]["add_at_hours"] == 0.0
    assert potency()["conditions"]["wash_at_hours"] is None
    washed = potency(wash_at=1.0, hours=4.0)
    assert washed["conditions"]["wash_at_hours"] == 1.0
    assert washed["ic50_absolute_nM"] > 1.5 * potency(hours=4.0)["ic50_absolute_nM"]
