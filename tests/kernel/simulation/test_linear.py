"""Exact steps of linear models: against the matrix exponential, closed forms and the stepping of Rodas5P."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from limus.kernel.language import read_model_text
from limus.kernel.simulation import Dose, compile_model, simulate
from limus.kernel.simulation.engine.linear_pattern import find_linear_pattern

CHAIN = """
model chain()
  depot = 0; t1 = 0; t2 = 0; central = 0; peripheral = 0; total = 0;
  ktr = 3.34; CL = 21.2; V = 486; Q = 79; V2 = 271;
  depot' = -ktr*depot;
  t1' = ktr*depot - ktr*t1;
  t2' = ktr*t1 - ktr*t2;
  central' = ktr*t2 - CL/V*central - Q/V*central + Q/V2*peripheral;
  peripheral' = Q/V*central - Q/V2*peripheral;
  total' = central/V;
  species depot, t1, t2, central, peripheral;
end
"""

PLASMA = """
model plasma()
  compartment body; body = 1;
  substanceOnly species depot in body, central in body, peripheral in body;
  depot = 0; central = 0; peripheral = 0;
  ka = 1.2; CL = 20; V = 100; Q = 10; V2 = 300; R0 = 0;
  absorb: depot => central; ka*depot;
  lose: central => ; CL/V*central;
  spread: central => peripheral; Q*(central/V - peripheral/V2);
  make: => central; R0;
  concentration := central/V;
end
"""


def model(text: str, outputs: list[str] | None = None):
    return compile_model(read_model_text(text, language="antimony"), outputs)


def test_equal_eigenvalues_are_exact_at_irregular_times() -> None:
    compiled = model(CHAIN, ["depot", "t1", "t2", "central", "peripheral", "total"])
    k, cl, v, q, v2 = 3.34, 21.2, 486.0, 79.0, 271.0
    a = np.zeros((6, 6))
    a[0, 0] = a[1, 1] = a[2, 2] = -k
    a[1, 0] = a[2, 1] = a[3, 2] = k
    a[3, 3], a[3, 4], a[4, 3], a[4, 4], a[5, 3] = -(cl + q) / v, q / v2, q / v, -q / v2, 1 / v
    times = np.sort(np.random.default_rng(1).uniform(0.0, 500.0, 80))
    found = simulate(compiled, times, {"depot": 2.0}, start=0.0)
    assert set(found.solver) == {"exact"}
    true = np.array([expm(a * t) @ [2.0, 0, 0, 0, 0, 0] for t in times])
    np.testing.assert_allclose(found.values[0], true, rtol=1e-11, atol=1e-14)
    assert found.end_states[0, 5] == pytest.approx(true[-1, 5], rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(-3, 4))
def test_random_linear_models_agree_with_the_matrix_exponential(seed: int, size: int, stiffness: float) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(size, size)) * (rng.random((size, size)) < 0.6)
    a = a - np.diag(np.abs(a).sum(axis=1) + 10.0 ** rng.uniform(-3, stiffness, size))
    start, constant = rng.uniform(0, 2, size), rng.normal(size=size)
    lines = [f"x{i} = {float(start[i])!r}; g{i} = {float(constant[i])!r};" for i in range(size)]
    for i in range(size):
        terms = " + ".join(f"({float(a[i, j])!r})*x{j}" for j in range(size) if a[i, j] != 0.0)
        lines.append(f"x{i}' = {terms} + g{i};")
    times = np.sort(rng.uniform(0.0, 20.0, 7))
    found = simulate(model(f"model m() {' '.join(lines)} end", [f"x{i}" for i in range(size)]), times, start=0.0)
    assert set(found.solver) == {"exact"}
    rest = np.linalg.solve(a, constant)
    true = np.array([expm(a * t) @ (start + rest) - rest for t in times])
    np.testing.assert_allclose(found.values[0], true, rtol=1e-9, atol=1e-11 * np.abs(true).max())


@pytest.mark.parametrize(
    "law",
    ["k*x^2", "k*sqrt(x)", "k*x*time", "k*abs(x)", "k*max(x, 0.5)", "piecewise(k, x > 0.5, 0)", "k*floor(x)", "k*x*y"],
)
def test_what_is_not_linear_is_not_taken_for_linear(law: str) -> None:
    compiled = model(f"model m() x = 1; y = 1; k = 0.3; x' = -{law}; y' = -y; end", ["x"])
    found = simulate(compiled, [0.0, 1.0, 2.0])
    assert "exact" not in found.solver


def test_a_condition_on_inputs_is_still_linear() -> None:
    compiled = model("model m() x = 1; k = 0.3; on = 1; x' = -piecewise(k, on > 0.5, 0)*x; end", ["x"])
    found = simulate(compiled, [0.0, 1.0, 2.0], {"on": [1.0, 0.0]})
    np.testing.assert_allclose(found.output("x"), [np.exp([0.0, -0.3, -0.6]), [1.0, 1.0, 1.0]], rtol=1e-14)
    assert find_linear_pattern(compiled.system, {}) is not None


def test_area_is_dose_over_clearance_at_steady_state() -> None:
    compiled = model(CHAIN, ["total", "central"])
    found = simulate(compiled, [0.0, 12.0], doses=[Dose(0.0, "depot", 2.0, interval=12.0, steady_state=1)])
    area = found.output("total")[0]
    assert area[1] - area[0] == pytest.approx(2.0 / 21.2, rel=1e-11)


@pytest.mark.parametrize("duration", [0.0, 5.0, 12.0, 30.0])
@pytest.mark.parametrize("lag", [0.0, 3.0, 30.0])
def test_steady_state_is_what_many_doses_come_to(lag: float, duration: float) -> None:
    compiled = model(PLASMA, ["concentration", "peripheral"])
    times = np.arange(0.0, 36.5, 0.5)
    sets = {"CL": [10.0, 20.0, 40.0], "R0": [0.0, 0.5, 1.0]}
    dose = Dose(0.0, "depot", 5.0, interval=12.0, lag=lag, duration=duration, additional=3, steady_state=1)
    found = simulate(compiled, times, sets, doses=[dose])
    many = Dose(-12.0 * 400, "depot", 5.0, interval=12.0, lag=lag, duration=duration, additional=403)
    true = simulate(compiled, times, sets, doses=[many], start=-12.0 * 400)
    np.testing.assert_allclose(found.values[:, 1:], true.values[:, 1:], rtol=1e-9)


def test_infusions_into_a_linear_model_agree_with_the_reference_solver() -> None:
    compiled = model(PLASMA, ["concentration", "depot"])
    doses = [Dose(1.0, "depot", 5.0, duration=2.5, interval=3.0, additional=3, lag=0.2), Dose(2.0, "central", 3.0)]
    times = np.sort(np.random.default_rng(3).uniform(0.0, 20.0, 40))
    found = simulate(compiled, times, doses=doses, start=0.0)
    true = simulate(
        compiled,
        times,
        doses=doses,
        start=0.0,
        solver="reference",
        relative_tolerance=1e-11,
        absolute_tolerance=1e-13,
    )
    np.testing.assert_allclose(found.values, true.values, rtol=1e-8, atol=1e-10)
