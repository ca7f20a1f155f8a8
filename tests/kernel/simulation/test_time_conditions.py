"""Conditions on time that have no closed form for their times: phases, sines, squares; and times of very long runs."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.language import read_model_text
from limus.kernel.simulation import Dose, InputChanges, Treatment, compile_model, simulate
from limus.kernel.simulation.dosing import EVERY

DAY = "model m() x = 0; on = 0.5; period = 24; x' = piecewise(1, {}, 0) - 0.1*x; end"
PHASES = [
    "time - floor(time/period)*period < on",
    "rem(time, period) < on",
]


def model(text: str):
    return compile_model(read_model_text(text, language="antimony"), ["x"])


def pulses(times: np.ndarray, on: float, period: float) -> np.ndarray:
    """x' = 1 in the first ``on`` of every period, - 0.1 x."""
    x = np.zeros(len(times))
    for begin in np.arange(0.0, times[-1] + period, period):
        since, until = np.maximum(times - begin, 0.0), np.maximum(times - begin - on, 0.0)
        x += 10.0 * (np.exp(-0.1 * until) - np.exp(-0.1 * since))
    return x


@pytest.mark.parametrize("condition", PHASES)
@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_a_short_pulse_each_day_is_not_stepped_over(condition: str, solver: str) -> None:
    times = np.array([0.0, 100.0, 240.0])
    found = simulate(model(DAY.format(condition)), times, {"on": [0.5, 2.0, 0.001]}, solver=solver).values[:, :, 0]
    for row, on in zip(found, (0.5, 2.0, 0.001), strict=True):
        np.testing.assert_allclose(row, pulses(times, on, 24.0), rtol=2e-6)


def test_a_sine_above_a_threshold_and_a_square() -> None:
    times = np.array([0.0, 300.0])
    sine = simulate(model("model m() x = 0; w = 0.5; x' = piecewise(1, sin(time*w) > 0.99, 0); end"), times)
    half = 2 * np.arccos(0.99) / 0.5
    assert sine.values[0, 1, 0] == pytest.approx(24 * half, rel=1e-6)  # maxima at pi + 4 pi k, 24 of them until 300
    square = simulate(model("model m() x = 0; x' = piecewise(1, (time - 100)^2 < 0.0625, 0); end"), times)
    assert square.values[0, 1, 0] == pytest.approx(0.5, rel=1e-6)


def test_an_input_that_changes_the_period() -> None:
    changes = InputChanges.create(["period"], input=0, subject=0, time=100.0, value=10.0)
    times = np.array([0.0, 95.0, 205.0])
    text = "model m() x = 0; period = 24; x' = piecewise(1, time - floor(time/period)*period < 0.5, 0); end"
    found = simulate(model(text), times, doses=Treatment.create(changes=changes)).values[0, :, 0]
    assert found[1] == pytest.approx(4 * 0.5, rel=1e-6)
    assert found[2] == pytest.approx(5 * 0.5 + 11 * 0.5, rel=1e-6)  # until 100, and from 100 to 200


@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_early_outputs_of_a_very_long_run(solver: str) -> None:
    times = np.array([0.0, 1e-3, 1e-2, 0.1, 1.0, 1e11])
    compiled = compile_model(
        read_model_text("model m() x = 1; y = 0; x' = -x*(1 + 0*y*x); y' = x*x - y; end", language="antimony"), ["x"]
    )
    found = simulate(compiled, times, solver=solver).values[0, :5, 0]
    np.testing.assert_allclose(found, np.exp(-times[:5]), rtol=1e-6)


def test_a_dose_at_an_output_time_that_differs_by_rounding_is_after_it() -> None:
    compiled = model("model m() species x; x = 0; x' = -0.1*x; end")
    times = np.cumsum(np.full(30, 0.1))
    found = simulate(compiled, times, doses=[Dose(0.1, "x", 1.0, interval=0.1, additional=40)], start=0.0)
    expected = [sum(np.exp(-0.1 * 0.1 * k) for k in range(1, n + 1)) for n in range(30)]
    np.testing.assert_allclose(found.values[0, :, 0], expected, rtol=1e-9)


def test_what_changes_at_stops_is_computed_anew_there() -> None:
    text = (
        "model m() x = 1; on = 2; n = 2.5; stimulus := piecewise(1, time >= on, 0.5);"
        "x' = -(stimulus*2)^n*x/(1 + x); end"
    )
    times = np.linspace(0.0, 5.0, 11)
    compiled = compile_model(read_model_text(text, language="antimony"), ["x", "stimulus"])
    sets = {"on": [1.0, 2.0, 3.3, 7.0]}
    found = simulate(compiled, times, sets)
    assert set(found.solver) == {"rodas5p"}
    true = simulate(compiled, times, sets, solver="reference", relative_tolerance=1e-11, absolute_tolerance=1e-13)
    np.testing.assert_allclose(found.values, true.values, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_changes_of_inputs_add_up(solver: str) -> None:
    condition = "time >= a*b && time < a*b + w"
    compiled = model(f"model m() x = 0; a = 1; b = 1; w = 0.001; x' = piecewise(1, {condition}, 0); end")
    changes = InputChanges.create(  # a*b: 1, at 10 for both 2, at 20 for the second 60, at 30 for both 50 and 1500
        ["a", "b", "w"],
        input=[1, 0, 0, 2],
        subject=[1, EVERY, EVERY, 0],
        time=[20, 10, 30, 15],
        value=[30, 2, 50, 4e-3],
    )
    times = np.array([0.0, 9.0, 29.0, 100.0])
    found = simulate(compiled, times, {"w": [1e-3, 2e-3]}, doses=Treatment.create(changes=changes), solver=solver)
    expected = [[0, 1e-3, 1e-3, 5e-3], [0, 2e-3, 2e-3, 2e-3]]  # the first has a pulse at 1 and at 50, the second at 1
    np.testing.assert_allclose(found.values[:, :, 0], expected, rtol=1e-6, atol=1e-12)
    changes = InputChanges.create(["a", "b"], input=[0, 1], subject=[EVERY, 0], time=[10, 20], value=[2, 30])
    found = simulate(compiled, times, doses=Treatment.create(changes=changes), solver=solver)
    np.testing.assert_allclose(found.values[0, :, 0], [0, 1e-3, 1e-3, 2e-3], rtol=1e-6, atol=1e-12)  # at 1 and 60
