"""Forward sensitivities: against closed forms, against differences of tight solves, engine against reference solver."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from limus.kernel.errors import LimusError, UnknownNameError, UnsupportedFeatureError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.language import evaluate_arrays, read_model_text
from limus.kernel.simulation import (
    EVERY,
    CompiledModel,
    Dose,
    InputChanges,
    Resets,
    SimulationResult,
    Treatment,
    compile_model,
    simulate,
)
from limus.kernel.simulation.block_arrays import BlockArrays
from limus.kernel.simulation.engine import native, pieces
from limus.kernel.simulation.equations import TIME, input_symbol, state_symbol

TIGHT = {"relative_tolerance": 1e-12, "absolute_tolerance": 1e-14}
FINE = {"relative_tolerance": 1e-9, "absolute_tolerance": 1e-12}

# first-order absorption into a volume, with the concentration as state
ORAL = """
model oral()
  compartment body; body = 12;
  species central in body; central = 0;
  substanceOnly species depot in body; depot = 0;
  ka = 1.1; CL = 3.5;
  absorb: depot => central; ka*depot;
  lose: central => ; CL*central;
end
"""

# the same with a loss that saturates
SATURABLE = """
model saturable()
  compartment body; body = 12;
  species central in body; central = 0.1;
  substanceOnly species depot in body; depot = 0.5;
  ka = 1.1; top = 9; K = 0.8;
  absorb: depot => central; ka*depot;
  lose: central => ; body*top/body*central/(K + central);
end
"""

HILL = """
model hill()
  compartment c; c = 1;
  species A in c, B in c; A = 1; B = 0.1;
  n = 2.5; K = 0.7; k = 3; d = 0.4; w = 5;
  make: => B; c*k*A^n/(K^n + A^n);
  lose: B => ; c*d*B;
  feed: => A; c*0.2*exp(-time/w);
  decay: A => ; c*d*A;
  ratio := k*A/(B + K);
end
"""

ROBERTSON = """
model robertson()
  compartment c; c = 1;
  species A in c, B in c, C in c; A = 1; B = 0; C = 0;
  k1 = 0.04; k2 = 1e4; k3 = 3e7;
  R1: A => B; c*k1*A;
  R2: B + C => A + C; c*k2*B*C;
  R3: 2 B => B + C; c*k3*B^2;
end
"""


def model(text: str, outputs: Sequence[str] | None = None, sensitivities: Sequence[str] = ()) -> CompiledModel:
    return compile_model(read_model_text(text, language="antimony"), outputs, sensitivities=sensitivities)


def differences(
    compiled: CompiledModel, parameters: Sequence[str], times: object, *, size: float = 1e-3, **how: object
) -> NDArray[np.float64]:
    """Derivatives (T, O, P) by central differences of two widths, extrapolated: error of order 4 in the width."""
    columns = []
    for name in parameters:
        value = float(compiled.defaults[compiled.inputs.index(name)])
        h = size * (abs(value) or 1.0)
        sets = {name: value + h * np.array([-1.0, 1.0, -0.5, 0.5])}
        found = simulate(compiled, times, sets, **TIGHT, **how)  # type: ignore[arg-type]
        found.require_success("differences")
        wide, narrow = (found.values[1] - found.values[0]) / (2 * h), (found.values[3] - found.values[2]) / h
        columns.append((4.0 * narrow - wide) / 3.0)
    return np.stack(columns, axis=2)


def assert_close(compiled: CompiledModel, found: SimulationResult, true: NDArray[np.float64], tolerance: float) -> None:
    """Every derivative to a tolerance of the largest in its curve, or of 1e-4 of output over parameter."""
    assert set(found.status) == {"ok"}
    values = np.abs([compiled.defaults[compiled.inputs.index(name)] for name in found.sensitivity_parameters])
    least = 1e-4 * np.abs(found.values[0]).max(axis=0)[:, None] / np.where(values == 0.0, 1.0, values)
    size = np.maximum(np.abs(true).max(axis=0), least)
    error = np.abs(found.sensitivity_values[0] - true).max(axis=0) / np.where(size == 0.0, 1.0, size)
    assert error.max() < tolerance, error


def check(
    text: str,
    outputs: Sequence[str] | None,
    parameters: Sequence[str],
    times: NDArray[np.float64],
    tolerance: float,
    *,
    how: Mapping[str, object] = FINE,
    **given: object,
) -> SimulationResult:
    """Sensitivities of a model, compared with differences."""
    compiled = model(text, outputs, parameters)
    found = simulate(compiled, times, **how, **given)  # type: ignore[arg-type]
    given.pop("solver", None)
    assert_close(compiled, found, differences(model(text, outputs), parameters, times, **given), tolerance)
    return found


def slopes(function: Callable[..., object], values: Mapping[str, float]) -> NDArray[np.float64]:
    """Derivatives (T, P) of a closed form by the complex step, exact but for rounding."""
    step = 1e-30
    columns = [function(**{**values, name: value + 1j * step}) for name, value in values.items()]
    return np.stack([np.imag(column) / step for column in columns], axis=1)


# ---- closed forms


@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_exponential_decay(solver: str) -> None:
    compiled = model("model m() species A; A = 2; k = 0.5; A' = -k*A; end", ["A"], ["k", "A"])
    times = np.array([0.0, 0.3, 1.0, 7.0])
    found = simulate(compiled, times, solver=solver, **FINE)  # type: ignore[arg-type]
    true = np.stack([-2.0 * times * np.exp(-0.5 * times), np.exp(-0.5 * times)], axis=1)
    np.testing.assert_allclose(
        found.sensitivities("A")[0], true, rtol=1e-13 if solver == "engine" else 1e-7, atol=1e-15
    )
    assert found.outputs == ("A",)
    assert found.sensitivity_parameters == ("k", "A")
    assert found.values.shape == (1, 4, 1)
    assert found.end_states.shape == (1, 1)


def one_dose(t: NDArray[np.float64], amount: float, ka: complex, CL: complex, body: complex) -> NDArray[np.complex128]:
    """Concentration after a dose into the depot at time zero (Bateman's function)."""
    k, after = CL / body, np.maximum(t, 0.0)
    found = amount / body * ka / (ka - k) * (np.exp(-k * after) - np.exp(-ka * after))
    return np.where(t > 0.0, found, 0.0)


def one_infusion(
    t: NDArray[np.float64], rate: float, length: float, CL: complex, body: complex
) -> NDArray[np.complex128]:
    """Concentration from an infusion into the volume at time zero."""
    k = CL / body
    during, after = np.clip(t, 0.0, length), np.maximum(t - length, 0.0)
    return rate / CL * (1.0 - np.exp(-k * during)) * np.exp(-k * after)


def test_doses_and_infusions_into_a_volume_that_is_a_parameter() -> None:
    compiled = model(ORAL, ["central"], ["ka", "CL", "body"])
    times = np.sort(np.random.default_rng(1).uniform(0.0, 30.0, 40))
    doses = [
        Dose(0.5, "depot", 5.0, interval=6.0, additional=2, lag=0.3, bioavailability=0.7),
        Dose(2.0, "central", 4.0, duration=3.0),
        Dose(9.0, "central", 2.0),
    ]

    def curve(ka: complex, CL: complex, body: complex) -> NDArray[np.complex128]:
        total = sum(one_dose(times - 0.8 - 6.0 * i, 3.5, ka, CL, body) for i in range(3))
        total = total + one_infusion(times - 2.0, 4.0 / 3.0, 3.0, CL, body)
        return total + np.where(times > 9.0, 2.0 / body * np.exp(-CL / body * np.maximum(times - 9.0, 0.0)), 0.0)

    true = slopes(curve, {"ka": 1.1, "CL": 3.5, "body": 12.0})
    found = simulate(compiled, times, doses=doses, start=0.0)
    assert set(found.solver) == {"exact"}
    np.testing.assert_allclose(found.sensitivities("central")[0], true, rtol=1e-10, atol=1e-13)
    checked = simulate(compiled, times, doses=doses, start=0.0, solver="reference", **FINE)
    np.testing.assert_allclose(checked.sensitivities("central")[0], true, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("duration", [0.0, 2.0, 8.0])
def test_steady_state_of_a_linear_model(duration: float) -> None:
    compiled = model(ORAL, ["central"], ["ka", "CL", "body"])
    times = np.array([0.0, 1.0, 3.0, 5.9])
    dose = Dose(0.0, "depot", 5.0, interval=6.0, duration=duration, additional=3, steady_state=1)
    found = simulate(compiled, times, doses=[dose])
    many = Dose(-6.0 * 60, "depot", 5.0, interval=6.0, duration=duration, additional=63)
    true = simulate(compiled, times, doses=[many], start=-6.0 * 60)
    np.testing.assert_allclose(found.sensitivities("central"), true.sensitivities("central"), rtol=1e-9)
    if duration == 0.0:

        def curve(ka: complex, CL: complex, body: complex) -> NDArray[np.complex128]:
            k, amount = CL / body, 5.0 / body * ka / (ka - CL / body)
            slow = np.exp(-k * times) / (1.0 - np.exp(-6.0 * k))
            return amount * (slow - np.exp(-ka * times) / (1.0 - np.exp(-6.0 * ka)))

        exact = slopes(curve, {"ka": 1.1, "CL": 3.5, "body": 12.0})
        np.testing.assert_allclose(found.sensitivities("central")[0], exact, rtol=1e-10)


def test_steady_state_of_a_saturable_loss() -> None:
    parameters = ["top", "K", "ka", "body"]
    dose = Dose(0.0, "depot", 9.0, interval=6.0, additional=1, steady_state=1)
    times = np.array([0.0, 1.0, 4.0, 12.0])
    check(SATURABLE, ["central"], parameters, times, 1e-6, doses=[dose])


def test_steady_state_on_top_of_what_is_there() -> None:
    parameters = ["top", "K", "central"]
    dose = Dose(1.0, "depot", 9.0, interval=6.0, steady_state=2)
    times = np.array([0.0, 1.0, 4.0, 6.0])
    check(SATURABLE, ["central"], parameters, times, 1e-6, doses=[dose])


# ---- differences and the reference solver


@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_powers_time_and_outputs_that_hold_parameters(solver: str) -> None:
    parameters = ["n", "K", "k", "d", "w", "A", "B", "c"]
    times = np.linspace(0.0, 20.0, 9)
    check(HILL, ["A", "B", "ratio"], parameters, times, 1e-6 if solver == "engine" else 1e-5, solver=solver)


def test_stiff_and_badly_scaled_parameters_are_as_accurate_as_the_states() -> None:
    parameters = ["k1", "k2", "k3"]
    times = np.array([0.0, 0.4, 4.0, 40.0, 400.0])
    how = {"relative_tolerance": 1e-7, "absolute_tolerance": 1e-10}
    found = check(ROBERTSON, ["A", "B", "C"], parameters, times, 1e-5, how=how)
    # sizes of 1e-9 are far below the absolute tolerance, which is divided by the size of the parameter
    assert np.abs(found.sensitivities("C")[0, :, 2]).max() < 1e-8


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_stiff_networks_agree_with_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 5))
    lines = [f"species S{i} in c; S{i} = {rng.uniform(0.1, 2):.4f};" for i in range(n)]
    names = ["S0", "c"]
    for r in range(int(rng.integers(2, 4))):
        i, j, k = rng.integers(0, n, 3)
        lines.append(f"k{r} = {10.0 ** rng.uniform(-2, 2.5):.6g}; q{r} = {10.0 ** rng.uniform(-2, 1):.6g};")
        lines.append(f"R{r}: S{i} + S{j} => S{k}; c*k{r}*S{i}*S{j};")
        lines.append(f"Q{r}: S{k} => S{i}; c*q{r}*S{k}/(1 + S{k});")
        names += [f"k{r}", f"q{r}"]
    text = "model m()\n compartment c; c = 1.5;\n" + "\n".join(lines) + "\nend"
    times, doses = np.array([0.0, 0.01, 0.1, 1.0, 10.0]), [Dose(0.5, "S1", 0.7)]
    check(text, None, names, times, 1e-5, how={"relative_tolerance": 1e-8, "absolute_tolerance": 1e-11}, doses=doses)


def test_the_t_cell_model() -> None:
    from limus.kernel.language import without_inert_species
    from limus.signalling.model_library import load_model

    reduced = without_inert_species(load_model("t_cell").model, ["tacrolimus.medium"])
    parameters = ["calcineurin_total", "fkbp12_total", "il2_threshold", "nfat_hill", "permeation_rate", "medium"]
    outputs, times = ["IL2", "cells_relative"], np.linspace(0.0, 72.0, 7)
    sets = {"tacrolimus.medium": 1.0}
    plain = compile_model(reduced, outputs)
    plain = CompiledModel(**{**vars_of(plain), "defaults": with_values(plain, sets)})
    found = simulate(compile_model(reduced, outputs, sensitivities=parameters), times, sets, **FINE)
    assert set(found.solver) == {"rodas5p"}
    assert_close(plain, found, differences(plain, parameters, times), 1e-5)


def vars_of(compiled: CompiledModel) -> dict[str, object]:
    return {name: getattr(compiled, name) for name in CompiledModel.__dataclass_fields__}


def with_values(compiled: CompiledModel, values: Mapping[str, float]) -> NDArray[np.float64]:
    defaults = compiled.defaults.copy()
    for name, value in values.items():
        defaults[compiled.inputs.index(name)] = value
    return defaults


@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_through_resets_infusions_and_input_changes(solver: str) -> None:
    parameters = ["top", "body", "central", "depot"]
    treatment = Treatment.create(
        [
            Dose(0.5, "depot", 5.0, duration=4.0),
            Dose(1.0, "central", 3.0, interval=2.0, additional=5),
            Dose(7.0, "depot", 2.0),
        ],
        resets=Resets.create(subject=EVERY, time=4.2),
        changes=InputChanges.create(["ka", "K"], input=[0, 1], subject=EVERY, time=[2.0, 6.0], value=[0.4, 1.7]),
    )
    times = np.linspace(0.0, 12.0, 13)
    tolerance = 1e-6 if solver == "engine" else 1e-5
    check(SATURABLE, ["central"], parameters, times, tolerance, solver=solver, doses=treatment)


def test_an_initial_value_that_follows_from_a_parameter() -> None:
    compiled = model("model m() species A; k = 0.5; A = 3*k; A' = -k*A; end", ["A"], ["k"])
    times = np.array([0.0, 1.0, 2.0])
    true = 3.0 * np.exp(-0.5 * times) * (1.0 - 0.5 * times)
    np.testing.assert_allclose(simulate(compiled, times).sensitivities("A")[0, :, 0], true, rtol=1e-13, atol=1e-14)


def test_a_power_below_one_at_zero() -> None:
    text = "model m() species A, B; A = 0; B = 0; n = 0.6; k = 1.3; A' = 1 - A; B' = k*A^n/(1 + A^n) - B; end"
    times = np.linspace(0.0, 3.0, 7)
    check(text, ["A", "B"], ["k", "n"], times, 1e-5)


def test_the_factored_form_is_the_system() -> None:
    compiled = model(HILL, ["B"], ["n", "K", "w", "A"])
    system, p = compiled.system, compiled.defaults.tolist()
    assert system.blocks is not None
    y = np.random.default_rng(4).uniform(0.2, 2.0, len(system.states))
    numbers = {state_symbol(name): y[i] for i, name in enumerate(system.states)}
    numbers |= {input_symbol(name): p[i] for i, name in enumerate(system.inputs)} | {TIME: 0.7}
    arrays = {name: np.asarray(value) for name, value in numbers.items()}
    arithmetic = BlockArrays(compiled, system.blocks)
    rates = [float(evaluate_arrays(e, arrays)) for e in system.derivatives]
    np.testing.assert_allclose(arithmetic.derivatives(0.7, y, p), rates, rtol=1e-13)
    columns = []
    for k in range(len(y)):
        sides = [arithmetic.derivatives(0.7, y + h * np.eye(len(y))[k], p) for h in (1e-5, -1e-5)]
        columns.append((sides[0] - sides[1]) / 2e-5)
    np.testing.assert_allclose(arithmetic.jacobian(0.7, y, p), np.stack(columns, axis=1), rtol=1e-6, atol=1e-8)


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
