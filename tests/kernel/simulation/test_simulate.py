"""The engine against closed forms, and against what it promises to refuse."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from limus.kernel.errors import ModelError, SolveError, UnknownNameError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.language import read_model_text
from limus.kernel.simulation import CompiledModel, Dose, SimulationResult, compile_model, simulate

T = np.linspace(0.0, 24.0, 49)


def build(text: str, *outputs: str) -> CompiledModel:
    return compile_model(read_model_text(text, language="antimony"), outputs or None)


def near(found: np.ndarray, expected: np.ndarray, relative: float = 1e-6) -> None:
    np.testing.assert_allclose(found, expected, rtol=relative, atol=1e-9)


ONE = "compartment v = 3; species A in v; A = 0; out: A -> ; v*k*A; k = 0.2"
ORAL = (
    "compartment gut = 1, v = 3; species G in gut, A in v; G = 0; A = 0; "
    "uptake: G -> A; ka*G*gut; out: A -> ; v*k*A; ka = 1.1; k = 0.2"
)


def bolus(t: np.ndarray, at: float, amount: float) -> np.ndarray:
    """Concentration after a bolus; at its own time still nothing."""
    return np.where(t > at, amount / 3 * np.exp(-0.2 * np.maximum(t - at, 0.0)), 0.0)


def infusion(t: np.ndarray, at: float, amount: float, duration: float) -> np.ndarray:
    rate = amount / duration / 3 / 0.2
    during = np.clip(t - at, 0.0, duration)
    return rate * (1 - np.exp(-0.2 * during)) * np.exp(-0.2 * np.maximum(t - at - duration, 0.0))


def test_bolus() -> None:
    found = simulate(build(ONE), T, doses=[Dose(0.0, "A", 60.0)]).output("A")[0]
    near(found, bolus(T, 0.0, 60.0))
    assert found[0] == 0.0  # an output at a dose's time is just before it, at time zero too


def test_infusion() -> None:
    found = simulate(build(ONE), T, doses=[Dose(1.25, "A", 60.0, duration=2.5)]).output("A")[0]
    near(found, infusion(T, 1.25, 60.0, 2.5))


def test_repeated_doses_with_lag_and_bioavailability() -> None:
    dose = Dose(1.0, "A", 60.0, interval=6.0, additional=3, lag=0.75, bioavailability=0.4)
    near(simulate(build(ONE), T, doses=[dose]).output("A")[0], sum(bolus(T, 1.75 + 6 * k, 24.0) for k in range(4)))
    drip = Dose(1.0, "A", 60.0, duration=1.5, interval=1.0, additional=5)  # infusions that overlap
    near(simulate(build(ONE), T, doses=[drip]).output("A")[0], sum(infusion(T, 1.0 + k, 60.0, 1.5) for k in range(6)))


def test_first_order_absorption() -> None:
    found = simulate(build(ORAL), T, doses=[Dose(0.0, "G", 60.0)])
    near(found.output("A")[0], 60 / 3 * 1.1 / (1.1 - 0.2) * (np.exp(-0.2 * T) - np.exp(-1.1 * T)))
    near(found.output("G")[0][1:], 60 * np.exp(-1.1 * T[1:]))


def test_reversible_binding() -> None:
    model = build("species A = 3, B = 2, AB = 0; A + B -> AB; on*A*B - off*AB; on = 0.4; off = 0.3")
    # d[AB]/dt = on*(x - p)*(x - q) with p, q the roots of (3 - x)*(2 - x) = x*off/on
    b = 5 + 0.3 / 0.4
    root = math.sqrt(b * b - 24)
    p, q = (b - root) / 2, (b + root) / 2
    growth = np.exp(-0.4 * (q - p) * T)
    near(simulate(model, T).output("AB")[0], p * q * (1 - growth) / (q - p * growth))


def test_logistic_growth_and_time_in_the_right_hand_side() -> None:
    found = simulate(build("n = 2; n' = 0.7*n*(1 - n/50)"), T)
    near(found.output("n")[0], 50 / (1 + 24 * np.exp(-0.7 * T)))
    near(simulate(build("n = 1.5; n' = cos(time)"), T).output("n")[0], 1.5 + np.sin(T))  # away from zero


def test_amount_is_conserved_in_a_varying_compartment() -> None:
    model = build("compartment v; v = 2; v' = 0.5; species A in v; A = 3; A -> ; 0", "A", "v")
    found = simulate(model, T, doses=[Dose(12.0, "A", 4.0)])
    amount = np.where(T > 12.0, 10.0, 6.0)
    near(found.output("v")[0], 2 + 0.5 * T, 1e-9)
    near(found.output("A")[0], amount / (2 + 0.5 * T))


def test_a_dose_into_an_amount_is_not_divided_by_the_volume() -> None:
    only = ONE.replace("species A", "substanceOnly species A").replace("v*k*A", "k*A")
    near(simulate(build(only), T, doses=[Dose(0.0, "A", 60.0)]).output("A")[0], 3 * bolus(T, 0.0, 60.0))
    ruled = "compartment v = 3; substanceOnly species A in v; A = 0; A' = -0.2*A"
    near(simulate(build(ruled), T, doses=[Dose(0.0, "A", 60.0)]).output("A")[0], 3 * bolus(T, 0.0, 60.0))


def test_a_dose_just_beside_an_output_by_rounding_is_still_after_it() -> None:
    times = [0.0, 0.1 + 0.2, 1.0]  # 0.30000000000000004
    found = simulate(build(ONE), times, doses=[Dose(0.3, "A", 60.0)]).output("A")[0]
    assert found[1] == 0.0
    near(found[2:], bolus(np.array([1.0]), 0.3, 60.0))


def test_an_infusion_that_ends_where_the_next_begins_but_for_rounding() -> None:
    dose = Dose(0.0, "A", 6.0, duration=0.1, interval=0.1, additional=9)  # 3*0.1 is not 0.2 + 0.1
    found = simulate(build(ONE), [0.0, 1.0], doses=[dose])
    assert found.status == ("ok",)
    near(found.output("A")[0], infusion(np.array([0.0, 1.0]), 0.0, 60.0, 1.0))


def test_a_short_pulse_between_two_outputs_is_not_stepped_over() -> None:
    model = build("y = 0; y' = piecewise(100, time >= start && time < start + 0.5, 0); start = 50")
    found = simulate(model, [0.0, 100.0], {"start": [50.0, 70.0, 99.75, 200.0]})
    near(found.output("y")[:, -1], np.array([50.0, 50.0, 25.0, 0.0]))
    scaled = build("y = 0; y' = piecewise(100, 1 > 2*(time - s)/3 && s < time, 0); s = 40")
    near(simulate(scaled, [0.0, 100.0]).output("y")[0], np.array([0.0, 150.0]))


def test_doses_that_reach_beyond_the_end_cost_nothing() -> None:
    dose = Dose(0.0, "A", 60.0, interval=100.0, additional=10**9)
    near(simulate(build(ONE), T, doses=[dose]).output("A")[0], bolus(T, 0.0, 60.0))


def test_doses_of_one_subject_and_of_all() -> None:
    doses = [Dose(0.0, "A", 60.0), Dose(2.0, "A", 30.0, subject=1)]
    found = simulate(build(ONE), T, {"k": [0.2, 0.2]}, doses=doses).output("A")
    near(found[0], bolus(T, 0.0, 60.0))
    near(found[1], bolus(T, 0.0, 60.0) + bolus(T, 2.0, 30.0))


def test_simulation_starts_at_the_first_time() -> None:
    found = simulate(build(ONE), [5.0, 5.0, 7.0], {"A": 4.0}).output("A")[0]
    near(found, 4 * np.exp(-0.2 * np.array([0.0, 0.0, 2.0])))
    assert simulate(build(ONE), 5.0).values.shape == (1, 1, 1)


def test_the_numbers_do_not_depend_on_the_workers() -> None:
    k = np.linspace(0.01, 2.0, 30)
    alone = simulate(build(ORAL), T, {"k": k}, doses=[Dose(1.0, "G", 60.0)], execution=Execution(workers=1))
    two = simulate(build(ORAL), T, {"k": k}, doses=[Dose(1.0, "G", 60.0)], execution=Execution(workers=2))
    assert np.array_equal(alone.values, two.values)
    one = simulate(build(ORAL), T, {"k": k[17]}, doses=[Dose(1.0, "G", 60.0)])
    assert np.array_equal(one.values[0], alone.values[17])


def test_a_compiled_model_can_travel() -> None:
    model = build(ORAL)
    back = pickle.loads(pickle.dumps(model))
    assert np.array_equal(simulate(back, T).values, simulate(model, T).values)
    with pytest.raises(ValueError, match="read-only"):
        model.defaults[0] = 1.0


def blow_up() -> SimulationResult:
    """y' = y**2 ends at time 1/y0: here 1, never, 2."""
    return simulate(build("y = 1; y' = y^2"), [0.0, 0.5, 0.9, 1.5, 3.0], {"y": [1.0, 0.0, 0.5]})


def test_a_failing_trajectory_tells_when_and_leaves_the_others_alone() -> None:
    found = blow_up()
    assert [status == "ok" for status in found.status] == [False, True, False]
    near(found.failure_time[[0, 2]], np.array([1.0, 2.0]), 1e-3)
    assert math.isnan(found.failure_time[1])
    near(found.output("y")[0][:3], 1 / (1 - np.array([0.0, 0.5, 0.9])))
    assert np.isnan(found.output("y")[0][3:]).all()
    near(found.output("y")[2][:4], 1 / (2 - np.array([0.0, 0.5, 0.9, 1.5])))
    assert (found.output("y")[1] == 0.0).all()
    with pytest.raises(SolveError, match=r"blow, parameter set 0.*\(2 of 3 sets failed\)"):
        found.require_success("blow")


def test_an_undefined_right_hand_side_is_a_failure_not_a_number() -> None:
    for text in ("y = 1; y' = ln(-y)", "y = 1; y' = sqrt(1 - time)"):
        found = simulate(build(text), [0.0, 0.5, 3.0])
        assert found.status[0] != "ok"
        assert math.isnan(found.output("y")[0, -1])
    found = simulate(build("y = 1/z; z = 0; y' = 1"), [0.0, 1.0])
    assert found.status == ("initial value of y is not finite",)
    assert found.failure_time[0] == 0.0


def test_a_right_hand_side_whose_slope_is_infinite_at_the_start() -> None:
    # y' = y**0.5 + 1e-3 has an infinite derivative at y = 0; the solution has dt/dy in closed form
    found = simulate(build("y = 0; y' = y^0.5 + 1e-3"), [0.0, 2.0])
    root = math.sqrt(found.output("y")[0, -1])
    assert 2 * (root - 1e-3 * math.log(1 + root / 1e-3)) == pytest.approx(2.0, rel=1e-6)


@pytest.mark.parametrize(
    ("dose", "error", "words"),
    [
        (Dose(-1.0, "A", 1.0), ValueRangeError, "dose 2, time"),
        (Dose(0.0, "a", 1.0), UnknownNameError, "did you mean A"),
        (Dose(0.0, "k", 1.0), UnknownNameError, "dose 2, target"),
        (Dose(0.0, "A", math.nan), ValueRangeError, "dose 2, amount"),
        (Dose(math.inf, "A", 1.0), ValueRangeError, "dose 2, time"),
        (Dose(0.0, "A", 1.0, duration=-1.0), ValueRangeError, "dose 2, duration"),
        (Dose(0.0, "A", 1.0, interval=-1.0), ValueRangeError, "dose 2, interval"),
        (Dose(0.0, "A", 1.0, lag=-1.0), ValueRangeError, "dose 2, lag"),
        (Dose(0.0, "A", 1.0, bioavailability=-0.1), ValueRangeError, "dose 2, bioavailability"),
        (Dose(0.0, "A", 1.0, additional=2), ValueRangeError, "interval"),
        (Dose(0.0, "A", 1.0, additional=-1, interval=1.0), ValueRangeError, "additional -1"),
        (Dose(0.0, "A", 1.0, subject=1), ValueRangeError, "subject 1"),
        (Dose(0.0, "A", 1.0, subject=-1), ValueRangeError, "subject -1"),
    ],
)
def test_wrong_doses(dose: Dose, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        simulate(build(ONE), T, doses=[Dose(0.0, "A", 1.0), dose])


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"K": 1.0}, UnknownNameError, "did you mean k"),
        ({"k": math.nan}, ValueRangeError, "parameter k"),
        ({"k": [1.0, math.inf]}, ValueRangeError, "parameter k"),
        ({"k": [1.0, 2.0], "A": [1.0, 2.0, 3.0]}, ValueRangeError, "k: 2, A: 3"),
        ({"k": [[1.0, 2.0]]}, ValueRangeError, "2 dimensions"),
        ({"v": 0.0}, ValueRangeError, "compartment v, parameter set 0"),
        ({"v": [1.0, -2.0]}, ValueRangeError, "compartment v, parameter set 1: got '-2.0'"),
    ],
)
def test_wrong_parameters(parameters: dict, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        simulate(build(ONE), T, parameters)


def test_a_computed_compartment_size_is_checked_too() -> None:
    model = build("compartment v; v = 2*n; n = 1; species A in v; A = 1; A -> ; A")
    assert simulate(model, T).status == ("ok",)
    with pytest.raises(ValueRangeError, match="compartment v"):
        simulate(model, T, {"n": 0.0})


def test_missing_values_are_named() -> None:
    with pytest.raises(ModelError, match="no value for k"):
        simulate(build(ONE.replace("; k = 0.2", "")), T)
    assert simulate(build(ONE.replace("; k = 0.2", "")), T, {"k": 0.2}).status == ("ok",)
    with pytest.raises(ModelError, match="no value for A"):
        simulate(build(ONE.replace("A = 0; ", "")), T)


@pytest.mark.parametrize(
    "times", [[], [0.0, 2.0, 1.0], [0.0, math.nan], [[[0.0, 1.0]]], [[0.0, math.nan, 1.0]], [0.0, math.inf]]
)
def test_wrong_times(times: list) -> None:
    with pytest.raises(ValueRangeError, match="times"):
        simulate(build(ONE), times)


@pytest.mark.parametrize("bad", [0.0, -1e-6, math.nan, math.inf])
@pytest.mark.parametrize("which", ["relative_tolerance", "absolute_tolerance"])
def test_wrong_tolerances(which: str, bad: float) -> None:
    with pytest.raises(ValueRangeError, match=which):
        simulate(build(ONE), T, **{which: bad})


def test_no_parameter_sets_give_an_empty_result() -> None:
    assert simulate(build(ONE), T, {"k": []}).values.shape == (0, len(T), 1)


def test_outputs() -> None:
    with pytest.raises(UnknownNameError, match="did you mean A"):
        build(ONE, "a")
    found = simulate(build(ONE, "out", "v", "k", "time", "A"), [0.0, 1.0], {"A": 2.0})
    near(found.values[0, 0], np.array([3 * 0.2 * 2.0, 3.0, 0.2, 0.0, 2.0]))
    with pytest.raises(ValueError, match="not in"):
        found.output("ghost")
    without_states = simulate(build("x := 2*time"), [0.0, 3.0])
    near(without_states.output("x")[0], np.array([0.0, 6.0]))


def test_a_circle_of_rules_is_named() -> None:
    with pytest.raises(ModelError):
        build("x := y; y := x")
