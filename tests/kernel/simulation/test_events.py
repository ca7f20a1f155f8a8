"""Triggered events with SBML's meaning, against closed forms."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.language import read_model, read_model_text
from limus.kernel.simulation import Dose, compile_model, simulate


def solved(text: str, times: list[float], outputs: list[str], doses: tuple[Dose, ...] = ()):
    compiled = compile_model(read_model_text(f"model m()\n{text}\nend", language="antimony"), outputs)
    return simulate(compiled, times, doses=doses)


def test_a_bouncing_ball_bounces_where_it_must() -> None:
    found = solved(
        "y = 1; v = 0; g = 9.81; y' = v; v' = -g; bounce: at (y < 0): v = -0.8*v, y = 0;",
        [0.0, 0.4, 1.0],
        ["y"],
    )
    fall = math.sqrt(2 / 9.81)
    speed = 0.8 * 9.81 * fall
    assert found.output("y")[0, 1] == pytest.approx(1 - 9.81 * 0.08, rel=1e-7)
    after = 1.0 - fall  # since the only bounce so far
    assert found.output("y")[0, 2] == pytest.approx(speed * after - 9.81 * after**2 / 2, rel=1e-6)
    assert found.status == ("ok",)
    assert found.solver == ("lsoda",)


def test_an_output_at_an_events_time_is_the_value_after_it() -> None:
    found = solved("y = 1; at (time >= 2): y = 7;", [0.0, 2.0, 3.0], ["y"])
    assert found.output("y")[0].tolist() == [1.0, 7.0, 7.0]


def test_an_event_may_happen_at_the_start() -> None:
    assert solved("y = 1; at (time >= 0), t0=false: y = 5;", [0.0, 1.0], ["y"]).output("y")[0].tolist() == [5.0, 5.0]
    assert solved("y = 1; at (time >= 0): y = 5;", [0.0, 1.0], ["y"]).output("y")[0].tolist() == [1.0, 1.0]


def test_values_are_those_of_trigger_time_or_of_execution() -> None:
    text = "x = 0; x' = 1; y = 0; at 2 after (x >= 1), fromTrigger={}: y = x;"
    at_trigger = solved(text.format("true"), [0.0, 4.0], ["y"]).output("y")[0, 1]
    at_execution = solved(text.format("false"), [0.0, 4.0], ["y"]).output("y")[0, 1]
    assert (at_trigger, at_execution) == pytest.approx((1.0, 3.0), rel=1e-9)


def test_an_event_that_does_not_persist_is_cancelled() -> None:
    text = "x := piecewise(1, time < 2, 0); y = 0; at 3 after (x > 0.5), t0=false, persistent={}: y = 1;"
    assert solved(text.format("true"), [0.0, 5.0], ["y"]).output("y")[0, 1] == 1.0
    assert solved(text.format("false"), [0.0, 5.0], ["y"]).output("y")[0, 1] == 0.0


def test_the_higher_priority_goes_first_and_the_rest_sees_what_it_did() -> None:
    text = "y = 1; at (time >= 1), priority={}: y = y + 10; at (time >= 1), priority=5, fromTrigger=false: y = 2*y;"
    high = solved(text.format(9), [0.0, 2.0], ["y"]).output("y")[0, 1]
    low = solved(text.format(1).replace("priority=1:", "priority=1, fromTrigger=false:"), [0.0, 2.0], ["y"])
    assert high == 22.0
    assert low.output("y")[0, 1] == 12.0


def test_equal_priorities_are_chosen_by_chance_but_the_same_every_time() -> None:
    text = (
        "y = 0; z = 0; at (time - z >= 0.01): z = time, y = y + 1; at (time - z >= 0.01), persistent=false: z = time;"
    )
    first = solved(text, [0.0, 1.0], ["y"]).output("y")
    assert np.array_equal(first, solved(text, [0.0, 1.0], ["y"]).output("y"))


def test_a_jump_of_a_compartment_keeps_amounts() -> None:
    text = "compartment c; c = 2; species A in c; A = 3; at (time >= 1): c = 6;"
    assert solved(text, [0.0, 2.0], ["A"]).output("A")[0].tolist() == pytest.approx([3.0, 1.0])


def test_events_and_doses_go_together() -> None:
    text = (
        "unit substance = 1e-9 mole; compartment c; c = 1; species A in c; A = 0; k = 1; R: A => ; c*k*A; "
        "at (A > 5): A = 0;"
    )
    found = solved(text, [0.0, 1.0, 2.0], ["A"], (Dose(0.0, "A", 4.0), Dose(1.0, "A", 4.0)))
    assert found.output("A")[0] == pytest.approx([0.0, 4 * math.exp(-1), 0.0], rel=1e-6, abs=1e-12)


def test_events_that_trigger_each_other_for_ever_are_a_status() -> None:
    found = solved("y = 0; at (time >= 1 && y < 1): y = 1; at (y > 0): y = 0;", [0.0, 2.0], ["y"])
    assert "without end" in found.status[0]
    assert found.failure_time[0] == pytest.approx(1.0)


def test_delay_in_mathematics_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedFeatureError, match="delay"):
        solved("x = 1; x' = -delay(x, 1);", [0.0, 1.0], ["x"])


def test_a_published_model_with_events_runs(reference_data: Path) -> None:
    compiled = compile_model(read_model(reference_data / "biomodels" / "BIOMD0000000122.xml"))
    found = simulate(compiled, np.linspace(0, 3000, 31))
    assert found.status == ("ok",)
    assert np.isfinite(found.values).all()
    assert np.ptp(found.output("Ca_Cyt")) > 0.1  # the calcium oscillates


def test_a_trigger_on_time_alone_whose_moment_has_no_closed_form() -> None:
    compiled = compile_model(
        read_model_text(
            "model m() P = 1; Q = 1; Q' = 0; at 1 after cosh(time) > 9 && cosh(time) < 11, persistent=false: P = 3;"
            "at cosh(time) > 9: Q = 2; end",
            language="antimony",
        ),
        ["P", "Q"],
    )
    found = simulate(compiled, np.linspace(0.0, 10.0, 11))
    assert found.status == ("ok",)
    np.testing.assert_array_equal(found.output("P")[0], np.ones(11))  # false again before the delay is over
    np.testing.assert_array_equal(found.output("Q")[0], [1.0] * 3 + [2.0] * 8)  # arcosh(9) is 2.887
