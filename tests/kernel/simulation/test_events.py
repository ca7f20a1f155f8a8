"""Triggered events with SBML's meaning, against closed forms."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.execution import Execution
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
    assert found.solver == ("rodas5p",)


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


@pytest.mark.parametrize(("first", "second", "y"), [(1, 2, 10.0), (2, 1, 6.0)])
def test_times_that_differ_by_rounding_are_one(first: int, second: int, y: float) -> None:
    events = "at 0.2 after (time >= 0.1), priority={}, fromTrigger=false: y = 5*max(y, 1);"
    events += "at (time >= 0.3), priority={}, fromTrigger=false: y = y + 1;"
    assert 0.1 + 0.2 != 0.3
    assert solved("y = 1;" + events.format(first, second), [0.0, 1.0], ["y"]).output("y")[0, 1] == y


def test_equal_priorities_are_chosen_by_chance_but_the_same_every_time() -> None:
    text = (
        "y = 0; z = 0; at (time - z >= 0.01): z = time, y = y + 1; at (time - z >= 0.01), persistent=false: z = time;"
    )
    first = solved(text, [0.0, 1.0], ["y"]).output("y")
    assert np.array_equal(first, solved(text, [0.0, 1.0], ["y"]).output("y"))


def test_a_jump_of_a_compartment_keeps_amounts() -> None:
    text = "compartment c; c = 2; species A in c; A = 3; at (time >= 1): c = 6;"
    assert solved(text, [0.0, 2.0], ["A"]).output("A")[0].tolist() == pytest.approx([3.0, 1.0])


@pytest.mark.parametrize("of_trigger", ["true", "false"])
def test_a_concentration_is_assigned_by_the_size_when_the_event_is_executed(of_trigger: str) -> None:
    text = (
        "compartment V; V = 1; V' = 1; species s in V; s = 6; J: s -> ; 0*s;"  # six over one plus time
        "e: at 1 after (time >= 2), fromTrigger={}: s = V - 1;"
    )
    found = solved(text.format(of_trigger), [0.0, 1.0, 3.5, 7.0], ["s"]).output("s")[0]
    after = (2.0 if of_trigger == "true" else 3.0) * 4.0  # at time 3 the volume is 4
    np.testing.assert_allclose(found, [6.0, 3.0, after / 4.5, after / 8.0], rtol=1e-7)
    ruled = "compartment V; V = 1; species s in V; s = 6; s' = 1; at 1 after (time >= 2), fromTrigger={}: V = 0.5;"
    jumped = solved(ruled.format(of_trigger), [0.0, 2.5, 3.5], ["s"]).output("s")[0]
    np.testing.assert_allclose(jumped, [6.0, 8.5, 18.5], rtol=1e-7)  # twice the nine of time 3


def test_what_an_event_cannot_do_is_a_status() -> None:
    found = solved("y = 1; at (time >= 2): y = 1/(y - 1);", [0.0, 1.0, 3.0], ["y"])
    assert found.status == ("event _E0 sets what is not finite",)
    assert found.output("y")[0, 1] == 1.0
    assert solved("y = 1; at y - 2 after (time >= 2): y = 0;", [0.0, 3.0], ["y"]).status == (
        "delay of event _E0 is -1",
    )


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


RESCUE = """model rescue()
  compartment body = 1; species gut in body = 0, central in body = 0, effect in body = 0;
  absorption = 1; elimination = 0.3; turnover = 0.2; threshold = 0.3; amount = 5; given = 0;
  absorb: gut => central; body*absorption*gut; eliminate: central => ; body*elimination*central;
  respond: => effect; body*turnover*(central - effect);
  at (central < threshold), t0=false: gut = gut + amount, given = given + 1;
end"""


def rescue_sets() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(2)
    usual = {"absorption": 1.0, "elimination": 0.3, "turnover": 0.2}
    return np.linspace(0.0, 48.0, 25), {k: v * np.exp(0.3 * rng.standard_normal(20)) for k, v in usual.items()}


def test_the_engine_lets_events_happen_as_the_reference_solver_does() -> None:
    compiled = compile_model(read_model_text(RESCUE, language="antimony"), ["central", "effect", "given"])
    times, sets = rescue_sets()
    tight = {"relative_tolerance": 1e-10, "absolute_tolerance": 1e-12}
    found = simulate(compiled, times, sets, **tight)
    few = {name: values[:3] for name, values in sets.items()}
    slow = simulate(compiled, times, few, **tight, solver="reference")
    assert set(found.solver) == {"rodas5p"}
    assert set(slow.solver) == {"lsoda"}
    np.testing.assert_array_equal(found.output("given")[:3], slow.output("given"))
    assert found.output("given").max() > 3
    np.testing.assert_allclose(found.values[:3], slow.values, rtol=1e-6, atol=1e-8)


def test_events_give_the_same_bits_on_any_number_of_threads_and_in_any_company() -> None:
    compiled = compile_model(read_model_text(RESCUE, language="antimony"), ["central", "effect", "given"])
    times, sets = rescue_sets()
    many = {name: np.tile(values, 8) for name, values in sets.items()}
    one = simulate(compiled, times, many).values
    two = simulate(compiled, times, many, execution=Execution(workers=2)).values
    alone = simulate(compiled, times, {name: values[7:8] for name, values in sets.items()}).values
    assert one.tobytes() == two.tobytes()
    assert one[7].tobytes() == one[27].tobytes() == alone[0].tobytes()


@pytest.mark.parametrize(
    "text",
    [
        "x = 0; x' = 1; y = 1; at (x > 0.7): y = 2*y; at (y > 1.5): y = y + 10; at (y > 11): x = -5;",  # in a row
        "x = 0; x' = 1; y = 1; at (x > 0.7), priority=2: y = 2*y; at (x > 0.7), priority=3: y = y + 1;",  # two at once
        "x = 0; x' = 1; y = 1; at 0.5 after (x > 0.7): y = 2*y; at (x > 1): x = 0;",  # a delay, and none
        "x = 1; x' = -x; y = 0; at (x < 0.5): x = 1, y = y + 1; k = 1; at (y >= 2): k = 0;",  # saw teeth
        "x = 0; x' = cos(6*time); y = 0; at (x > 0.1): y = y + 1; at (x < -0.1): y = y + 100;",  # both ways
    ],
)
def test_the_engine_and_the_reference_solver_decide_alike(text: str) -> None:
    compiled = compile_model(read_model_text(f"model m()\n{text}\nend", language="antimony"), ["x", "y"])
    times = np.linspace(0.0, 4.03, 21)
    found, slow = (simulate(compiled, times, solver=solver) for solver in ("engine", "reference"))
    assert (found.solver, slow.solver) == (("rodas5p",), ("lsoda",))
    np.testing.assert_allclose(found.values, slow.values, rtol=1e-6, atol=1e-7)


def test_a_set_that_blows_up_between_events_leaves_the_others_alone() -> None:
    text = "x = 1; a = 0; x' = a*x^2; z = 0; z' = 1; n = 0; at (z > 1): z = 0, n = n + 1;"
    compiled = compile_model(read_model_text(f"model m()\n{text}\nend", language="antimony"), ["x", "n"])
    found = simulate(compiled, [0.0, 1.5, 3.5], {"a": [0.0, 0.5, 0.1]})
    assert found.status[0] == found.status[2] == "ok"
    assert found.status[1] != "ok"
    assert found.failure_time[1] == pytest.approx(2.0, abs=1e-3)
    np.testing.assert_allclose(found.output("x")[2], [1.0, 1 / 0.85, 1 / 0.65], rtol=1e-6)
    assert found.output("n")[2].tolist() == [0.0, 1.0, 3.0]
