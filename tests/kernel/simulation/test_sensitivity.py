"""Forward sensitivities: against closed forms, against differences of tight solves, engine against reference solver."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from limus.kernel.language import evaluate_arrays
from limus.kernel.simulation import EVERY, CompiledModel, Dose, InputChanges, Resets, Treatment, compile_model, simulate
from limus.kernel.simulation.block_arrays import BlockArrays
from limus.kernel.simulation.equations import TIME, input_symbol, state_symbol

from .sensitivity_models import FINE, HILL, ORAL, ROBERTSON, SATURABLE, assert_close, check, differences, model, slopes

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
    parameters = [
        "calcineurin_total",
        "fkbp12_total",
        "il2_threshold",
        "nfat_hill",
        "permeation_rate",
        "tacrolimus.medium",
    ]
    outputs, times = ["IL2", "cells_relative"], np.linspace(0.0, 72.0, 7)
    sets = {"tacrolimus.medium": 0.1}  # enough to matter, and some IL-2 is left
    plain = compile_model(reduced, outputs)
    plain = CompiledModel(**{**vars_of(plain), "defaults": with_values(plain, sets)})
    found = simulate(compile_model(reduced, outputs, sensitivities=parameters), times, sets, **FINE)
    assert set(found.solver) == {"rodas5p"}
    # 1e-5 is the error of the differences: it stays where the tolerance of the solution is ten times smaller
    assert_close(plain, found, differences(plain, parameters, times), 2e-5)


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
