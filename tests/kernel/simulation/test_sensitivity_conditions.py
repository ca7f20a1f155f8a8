"""Forward sensitivities: conditions on time, what is refused, and how they are run."""

from __future__ import annotations

import os

import numpy as np
import pytest
from numpy.typing import NDArray

from limus.kernel.errors import LimusError, UnknownNameError, UnsupportedFeatureError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.simulation import EVERY, Dose, InputChanges, Resets, Treatment, simulate
from limus.kernel.simulation.engine import native, pieces

from .sensitivity_models import FINE, HILL, ORAL, check, model, slopes

# ---- conditions on time

PULSE = """
model pulse()
  species A; A = 0.3; r = 2; k = 0.5; on = 1.3; width = 2.1;
  A' = piecewise(r, time >= on && time < on + width, 0) - k*A;
end
"""


@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_a_pulse_that_begins_and_ends_at_parameters(solver: str) -> None:
    times = np.array([0.0, 1.0, 2.0, 3.3, 3.5, 6.0])

    def curve(r: complex, k: complex, on: complex, width: complex) -> NDArray[np.complex128]:
        since, past = times - on, times - on - width
        rise = np.where(since.real > 0.0, 1.0 - np.exp(-k * since), 0.0)
        fall = np.where(past.real > 0.0, 1.0 - np.exp(-k * past), 0.0)
        return 0.3 * np.exp(-k * times) + r / k * (rise - fall)

    true = slopes(curve, {"r": 2.0, "k": 0.5, "on": 1.3, "width": 2.1})
    compiled = model(PULSE, ["A"], ["r", "k", "on", "width"])
    sets = {"on": [1.3, 1.2999999, 1.3], "width": [2.1, 2.1, 2.1]}
    found = simulate(compiled, times, sets, solver=solver, **FINE)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.sensitivities("A")[0], true, rtol=2e-7, atol=1e-8)
    np.testing.assert_allclose(found.sensitivities("A")[2], true, rtol=2e-7, atol=1e-8)


def test_a_ramp_has_no_jump_to_account_for() -> None:
    text = "model m() species A; A = 0; on = 1.5; s = 2; A' = piecewise(s*(time - on), time >= on, 0); end"
    times = np.array([0.0, 1.0, 2.0, 4.0])
    found = simulate(model(text, ["A"], ["on", "s"]), times, **FINE).sensitivities("A")[0]
    since = np.maximum(times - 1.5, 0.0)
    np.testing.assert_allclose(found, np.stack([-2.0 * since, since**2 / 2.0], axis=1), atol=1e-9)


def test_switches_with_doses_infusions_and_other_changes_at_other_times() -> None:
    text = PULSE.replace("- k*A", "- k*A/(1 + 0.3*A)")
    changes = InputChanges.create(["r"], input=0, subject=EVERY, time=2.0, value=3.0)
    treatment = Treatment.create([Dose(0.7, "A", 1.0), Dose(1.0, "A", 1.0, duration=0.3)], changes=changes)
    times = np.array([0.0, 1.0, 2.0, 3.0, 6.0])
    check(text, ["A"], ["on", "width", "k"], times, 1e-6, doses=treatment)


@pytest.mark.parametrize(
    ("sets", "doses", "words"),
    [
        ({"on": [0.5, 0.0]}, [], "parameter set 1.*at the start"),
        ({}, [Dose(1.3, "A", 1.0)], "sensitivity to on.*given"),
        ({"on": [1.3, 2.2]}, [Dose(2.2, "A", 1.0, subject=1)], "parameter set 1.*given"),
        ({}, Treatment.create(resets=Resets.create(subject=0, time=1.3)), "sensitivity to on"),
        ({"width": 0.0}, [], "move differently"),
        ({"on": 2.0}, [], "move differently"),  # the loss changes then too
    ],
)
def test_what_coincides_with_a_switch_has_no_derivative(sets, doses, words: str) -> None:
    text = PULSE.replace("- k*A", "- k*A*(1 + floor(time/2))")
    with pytest.raises(ValueRangeError, match=words):
        simulate(model(text, ["A"], ["on", "width"]), [0.0, 5.0], sets, doses=doses)


# ---- what is refused, and what is not


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        ("piecewise(k, A > b, 0)", "jump at greater.A, b"),
        ("-k*floor(A)", "floor"),
        ("k*floor(time/b)", "floor"),
        ("-A + piecewise(1, sin(b*time) > 0, 0)", "sin"),
        ("-factorial(b)*A", "factorial"),
    ],
)
def test_jumps_at_unknown_moments_are_refused(rate: str, words: str) -> None:
    text = f"model m() A = 1; k = 0.3; b = 2; A' = {rate}; end"
    with pytest.raises(UnsupportedFeatureError, match=words):
        model(text, ["A"], ["b", "k"])


@pytest.mark.parametrize(
    "rate",
    [
        "-k*max(A - b, 0)",
        "-k*abs(A - b)",
        "-piecewise(k*(A - b), A > b, 0)",
        "-piecewise(k*A, b > 0.2, 0)",
        "-k*b*A*(1 + floor(time))",
        "k*b*piecewise(1, clock > 2.5, 0) - A",
    ],
)
def test_rates_without_a_jump_that_moves_are_allowed(rate: str) -> None:
    text = f"model m() A = 1; k = 0.3; b = 0.5; clock = 0; clock' = 1; A' = {rate}; end"
    times = np.array([0.0, 0.5, 1.0, 2.0, 4.0])
    check(text, ["A"], ["b", "k"], times, 1e-4)


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        (["CLL"], UnknownNameError, "CLL.*did you mean CL"),
        (["CL", "CL"], ValueRangeError, "CL twice"),
    ],
)
def test_wrong_parameters(parameters: list[str], error: type[LimusError], words: str) -> None:
    with pytest.raises(error, match=words):
        model(ORAL, ["central"], parameters)


def test_events_and_changed_parameters_are_refused_by_name() -> None:
    text = "model m() A = 1; k = 1; A' = -k*A; jump: at A < 0.5: A = 1; end"
    with pytest.raises(UnsupportedFeatureError, match="jump"):
        model(text, ["A"], ["k"])
    changes = InputChanges.create(["ka"], input=0, subject=EVERY, time=1.0, value=2.0)
    with pytest.raises(UnsupportedFeatureError, match="ka, which an input change sets"):
        simulate(model(ORAL, ["central"], ["ka"]), [0.0, 2.0], doses=Treatment.create(changes=changes))
    dose = Dose(0.0, "A", 1.0, interval=2.0, steady_state=1)
    with pytest.raises(UnsupportedFeatureError, match="steady state"):
        simulate(model(PULSE, ["A"], ["on"]), [0.0, 2.0], doses=[dose])
    with pytest.raises(UnknownNameError, match="target"):
        simulate(model(ORAL, ["central"], ["ka"]), [0.0, 2.0], doses=[Dose(0.0, "d(central)/d(ka)", 1.0)])


# ---- how it is run


def test_threads_chunks_and_neighbours_do_not_change_a_bit() -> None:
    rng = np.random.default_rng(2)
    for compiled, sets in (
        (model(HILL, ["B"], ["n", "K", "A"]), {"n": rng.uniform(1, 4, 37), "k": rng.uniform(0.1, 5, 37)}),
        (model(ORAL, ["central"], ["ka", "CL"]), {"ka": rng.uniform(0.2, 4, 37), "CL": rng.uniform(0.1, 9, 37)}),
    ):
        times, doses = np.linspace(0.0, 20.0, 9), [Dose(1.0, compiled.dosable[0], 2.0, interval=3.0, additional=2)]
        alone = simulate(compiled, times, sets, doses=doses).sensitivity_values
        again = simulate(compiled, times, sets, doses=doses, execution=Execution(workers=3)).sensitivity_values
        assert np.array_equal(alone, again)
        for i in (0, 8, 36):
            own = {name: values[i] for name, values in sets.items()}
            assert np.array_equal(alone[i], simulate(compiled, times, own, doses=doses).sensitivity_values[0])


def test_without_their_errors_the_steps_are_those_of_the_model() -> None:
    times = np.linspace(0.0, 20.0, 9)
    how = {"sensitivity_errors": False, "relative_tolerance": 1e-7}
    # without D in the stages the error would be a thousand times as large
    loose = check(HILL, ["A", "B"], ["n", "K", "k", "d", "w", "A", "B"], times, 1e-6, how=how)
    plain = simulate(model(HILL, ["A", "B"]), times, relative_tolerance=1e-7)
    np.testing.assert_allclose(loose.values, plain.values, rtol=1e-12)


def test_code_in_pieces_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, times = model(HILL, ["A", "B"], ["n", "K", "A"]), np.linspace(0.0, 20.0, 5)
    whole = simulate(compiled, times)
    monkeypatch.setattr(pieces, "LONGEST", 6)
    monkeypatch.setenv("LIMUS_CACHE", os.devnull)
    native._build.cache_clear()
    try:
        found = simulate(compiled, times)
    finally:
        native._build.cache_clear()
    assert set(found.solver) == {"rodas5p"}
    np.testing.assert_allclose(found.sensitivity_values, whole.sensitivity_values, rtol=1e-10, atol=1e-13)


def test_a_set_that_fails_has_a_status_and_no_numbers() -> None:
    compiled = model("model m() y = 1; a = 0; y' = a*y^2 - y; end", ["y"], ["a"])
    found = simulate(compiled, [0.0, 1.0, 2.0], {"a": [0.0, 5.0]})
    assert found.status[0] == "ok"
    assert found.status[1] != "ok"
    assert np.isfinite(found.sensitivity_values[0]).all()
    assert np.isnan(found.sensitivity_values[1, -1]).all()
