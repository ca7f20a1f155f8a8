"""The fast engine: its pieces against closed forms, the whole against the reference solver, on several targets."""

from __future__ import annotations

import ctypes
import math
import platform
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding, ir

from limus.kernel.execution import Execution
from limus.kernel.language import read_model_text
from limus.kernel.simulation import Dose, compile_model, simulate
from limus.kernel.simulation.engine import elementary, native
from limus.kernel.simulation.engine.elimination import plan_elimination
from limus.kernel.simulation.engine.lanes import Lanes

X86 = platform.machine() in {"x86_64", "AMD64"}

STIFF = """
model robertson()
  compartment c; c = 1;
  species A in c, B in c, C in c; A = 1; B = 0; C = 0;
  k1 = 0.04; k2 = 1e4; k3 = 3e7;
  R1: A => B; c*k1*A;
  R2: B + C => A + C; c*k2*B*C;
  R3: 2 B => B + C; c*k3*B^2;
end
"""

HILL = """
model hill()
  compartment c; c = 1;
  species A in c, B in c; A = 1; B = 0.1;
  n = 2.5; K = 0.7; k = 3; d = 0.4;
  make: => B; c*k*A^n/(K^n + A^n);
  lose: B => ; c*d*B;
  feed: => A; c*0.2*exp(-time/5);
  decay: A => ; c*d*A;
end
"""


def model(text: str, outputs: list[str] | None = None):
    return compile_model(read_model_text(text, language="antimony"), outputs)


def reference(compiled, times, rows, doses=()):
    """The reference solver at tight tolerance, whatever the engine says."""
    columns = dict(zip(compiled.inputs, np.array(rows, dtype=float).T, strict=True))
    given = {name: column for name, column in columns.items() if not np.isnan(column).any()}
    found = simulate(
        compiled,
        times,
        given,
        doses=doses,
        relative_tolerance=1e-11,
        absolute_tolerance=1e-13,
        solver="reference",
    )
    return found.values


# ---- pieces


def run_lanes(write, *arguments: np.ndarray) -> np.ndarray:
    """Run code that a function writes over lanes, on arrays of any length."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    lanes = Lanes(ir.Module("test"), 8)
    function = lanes.function("test", len(arguments) + 1)
    lanes.store(write(lanes, *(lanes.load(a) for a in function.args[:-1])), function.args[-1])
    lanes.builder.ret_void()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=2
    )
    engine = binding.create_mcjit_compiler(binding.parse_assembly(str(lanes.module)), machine)
    engine.finalize_object()
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(arguments) + 1))(engine.get_function_address("test"))
    places = [native._aligned(8, 64) for _ in range(len(arguments) + 1)]
    out = np.empty(len(arguments[0]))
    for start in range(0, len(out), 8):
        for place, argument in zip(places, arguments, strict=False):
            place[:] = argument[start : start + 8]
        call(*(place.ctypes.data for place in places))
        out[start : start + 8] = places[-1]
    return out


def test_exp_and_ln_are_right_to_two_units_in_the_last_place() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(-700, 700, 8000)
    np.testing.assert_allclose(run_lanes(elementary.exp, x), np.exp(x), rtol=5e-16)
    x = 10.0 ** rng.uniform(-300, 300, 8000)
    np.testing.assert_allclose(run_lanes(elementary.ln, x), np.log(x), rtol=5e-16)
    x = rng.uniform(0.5, 2.0, 8000)
    np.testing.assert_allclose(run_lanes(elementary.ln, x), np.log(x), rtol=5e-16, atol=0)


def test_elementary_functions_at_the_ends_of_their_range() -> None:
    x = np.array([0.0, np.inf, -np.inf, np.nan, 710.0, -746.0, 1.0, -740.0])
    np.testing.assert_allclose(
        run_lanes(elementary.exp, x), np.exp(np.where(x == 710, np.inf, x)), rtol=1e-15, atol=5e-324
    )
    x = np.array([0.0, np.inf, -1.0, np.nan, 5e-324, 1.0, 2.0, 1e308])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(run_lanes(elementary.ln, x), np.log(x), rtol=1e-15)


def test_power_has_the_signs_of_whole_exponents() -> None:
    base = np.array([0.0, 0.0, -2.0, -2.0, -2.0, 0.0, 4.0, 0.5])
    exponent = np.array([0.0, 2.0, 3.0, 2.0, 0.5, -1.0, 0.5, 2.92])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(run_lanes(elementary.power, base, exponent), np.power(base, exponent), rtol=1e-14)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.floats(0.0, 0.6), st.integers(0, 2**32 - 1))
def test_a_planned_elimination_solves_what_numpy_solves(size: int, density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = [(i, j) for i in range(size) for j in range(size) if rng.random() < density]
    matrix = np.diag(rng.uniform(10, 20, size))
    for i, j in places:
        matrix[i, j] += rng.normal()
    plan = plan_elimination(size, places)
    factors, b = matrix.copy(), rng.normal(size=size)
    assert {(i, j) for i, j in places} | {(i, i) for i in range(size)} <= set(plan.entries)
    for pivot, below, right in zip(plan.order, plan.lower, plan.upper, strict=True):
        for i in below:
            factors[i, pivot] /= factors[pivot, pivot]
            for j in right:
                factors[i, j] -= factors[i, pivot] * factors[pivot, j]
    x = b.copy()
    for pivot, below in zip(plan.order, plan.lower, strict=True):
        x[list(below)] -= factors[list(below), pivot] * x[pivot]
    for pivot, right in zip(reversed(plan.order), reversed(plan.upper), strict=True):
        x[pivot] = (x[pivot] - factors[pivot, list(right)] @ x[list(right)]) / factors[pivot, pivot]
    np.testing.assert_allclose(x, np.linalg.solve(matrix, b), rtol=1e-9)


# ---- the whole


@pytest.mark.parametrize("text", [STIFF, HILL])
@pytest.mark.parametrize(("tolerance", "bound"), [(1e-4, 2e-3), (1e-6, 3e-5), (1e-8, 1e-6)])
def test_solutions_agree_with_the_reference_solver(text: str, tolerance: float, bound: float) -> None:
    compiled = model(text)
    times = np.concatenate(([0.0], np.logspace(-3, 2, 30)))
    found = simulate(compiled, times, relative_tolerance=tolerance, absolute_tolerance=tolerance * 1e-6)
    assert set(found.solver) == {"rodas5p"}
    true = reference(compiled, times, [compiled.defaults])
    scale = np.abs(true).max(axis=1, keepdims=True)
    assert np.abs((found.values - true) / scale).max() < bound


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_stiff_networks_agree_with_the_reference_solver(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    lines = [f"species S{i} in c; S{i} = {rng.uniform(0, 2):.4f};" for i in range(n)]
    for r in range(int(rng.integers(2, 9))):
        i, j, k = rng.integers(0, n, 3)
        rate = 10.0 ** rng.uniform(-2, 4)
        lines.append(f"R{r}: S{i} + S{j} => S{k}; c*{rate:.6g}*S{i}*S{j};")
        lines.append(f"Q{r}: S{k} => S{i}; c*{10.0 ** rng.uniform(-2, 2):.6g}*S{k};")
    compiled = model("model m()\n compartment c; c = 1;\n" + "\n".join(lines) + "\nend")
    times = np.array([0.0, 0.01, 0.1, 1.0, 10.0])
    found = simulate(compiled, times, relative_tolerance=1e-7, absolute_tolerance=1e-10)
    true = reference(compiled, times, [compiled.defaults])
    np.testing.assert_allclose(found.values, true, rtol=2e-5, atol=1e-7)


def test_doses_infusions_and_switches_are_hit_exactly() -> None:
    compiled = model(
        "model m() compartment c; c = 2; species A in c; A = 1; k = 0.3; on = 4; "
        "input := piecewise(1, time >= on, 0); R: A => ; c*k*A; I: => A; c*input; end",
        ["A", "input"],
    )
    doses = [Dose(0.0, "A", 2.0), Dose(1.0, "A", 4.0, interval=1.0, additional=2), Dose(5.0, "A", 3.0, duration=1.5)]
    times = np.linspace(0, 8, 33)
    found = simulate(compiled, times, doses=doses)
    true = reference(compiled, times, [compiled.defaults], doses)
    np.testing.assert_allclose(found.values, true, rtol=1e-6)
    assert found.output("A")[0, 0] == 1.0  # before the dose at the start


def test_threads_chunks_and_neighbours_do_not_change_a_bit() -> None:
    compiled = model(HILL)
    times = np.linspace(0, 20, 15)
    sets = {"n": np.random.default_rng(2).uniform(1, 4, 37), "k": np.random.default_rng(3).uniform(0.1, 5, 37)}
    alone = simulate(compiled, times, sets, execution=Execution(workers=1)).values
    assert np.array_equal(alone, simulate(compiled, times, sets, execution=Execution(workers=3)).values)
    one_by_one = [
        simulate(compiled, times, {name: values[i] for name, values in sets.items()}).values[0] for i in range(37)
    ]
    assert np.array_equal(alone, np.array(one_by_one))


@pytest.mark.skipif(not X86, reason="targets of x86")
@pytest.mark.parametrize("target", ["haswell", "x86-64"])
def test_other_processors_give_the_same_solution(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if target == "haswell" and "avx2" not in binding.get_host_cpu_features().flatten().replace("-avx2", ""):
        pytest.skip("this machine has no AVX2")
    compiled = model(HILL)
    times = np.linspace(0, 20, 15)
    host = simulate(compiled, times, {"n": [1.5, 2.5, 3.5]}).values
    monkeypatch.setattr(
        "limus.kernel.simulation.ensemble.build_native", lambda compiled: native.build_native(compiled, target)
    )
    found = simulate(compiled, times, {"n": [1.5, 2.5, 3.5]})
    assert set(found.solver) == {"rodas5p"}
    if target == "haswell":
        assert np.array_equal(found.values, host)  # fused multiply-add on both: the same bits
    np.testing.assert_allclose(found.values, host, rtol=1e-7)


def test_a_set_that_the_engine_cannot_finish_goes_to_the_reference_solver_and_says_so() -> None:
    compiled = model("model m() y = 1; a = 0; y' = a*y^2 - y; end", ["y"])
    found = simulate(compiled, [0.0, 1.0, 2.0], {"a": [0.0, 5.0, 0.5]})
    assert found.status[0] == found.status[2] == "ok"
    assert found.status[1] != "ok"
    assert found.solver == ("rodas5p", "lsoda", "rodas5p")
    assert found.failure_time[1] == pytest.approx(math.log(5 / 4), abs=1e-6)  # where the solution ends
    np.testing.assert_allclose(found.output("y")[0], np.exp([0.0, -1.0, -2.0]), rtol=1e-6)


def test_a_model_too_large_for_straight_line_code_is_still_solved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(native, "MOST_FACTORS", 2)
    native._build.cache_clear()
    monkeypatch.setenv("LIMUS_CACHE", str(tmp_path))
    try:
        found = simulate(model(STIFF), [0.0, 1.0])
    finally:
        native._build.cache_clear()
    assert found.solver == ("lsoda",)
    assert found.status == ("ok",)


def test_code_in_pieces_gives_the_same_solution(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from limus.kernel.simulation.engine import pieces

    compiled, times = model(HILL), np.linspace(0, 20, 15)
    whole = simulate(compiled, times).values
    monkeypatch.setattr(pieces, "LONGEST", 6)
    monkeypatch.setenv("LIMUS_CACHE", str(tmp_path))
    native._build.cache_clear()
    try:
        found = simulate(compiled, times)
    finally:
        native._build.cache_clear()
    assert set(found.solver) == {"rodas5p"}
    np.testing.assert_allclose(found.values, whole, rtol=1e-12)


def test_one_object_file_or_many_give_the_same_bits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from limus.kernel.simulation.engine import object_code

    compiled, times, found = model(HILL), np.linspace(0, 20, 15), []
    for longest in (10**9, 0):
        monkeypatch.setattr(object_code, "_LONGEST_PART", longest)
        monkeypatch.setenv("LIMUS_CACHE", str(tmp_path / str(longest)))
        for _ in range(2):  # made, and read from disk
            native._build.cache_clear()
            result = simulate(compiled, times)
            assert set(result.solver) == {"rodas5p"}
            found.append(result.values.tobytes())
    native._build.cache_clear()
    sizes = [file.stat().st_size for file in sorted(tmp_path.glob("*/engine/*.o"))]
    assert len(set(sizes)) == 2  # else the code was not cut
    assert len(set(found)) == 1


def test_code_is_kept_on_disk_and_a_damaged_file_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMUS_CACHE", str(tmp_path))
    compiled = model(STIFF)
    native._build.cache_clear()
    first = simulate(compiled, [0.0, 1.0]).values
    (code,) = (tmp_path / "engine").glob("*.o")
    made = code.stat().st_mtime_ns
    native._build.cache_clear()
    assert np.array_equal(simulate(compiled, [0.0, 1.0]).values, first)
    assert code.stat().st_mtime_ns == made
    code.write_bytes(b"damaged")
    native._build.cache_clear()
    assert np.array_equal(simulate(compiled, [0.0, 1.0]).values, first)
    assert code.read_bytes() != b"damaged"


def test_a_model_without_states_or_without_sets() -> None:
    compiled = model("model m() x := 2*time; end", ["x"])
    assert simulate(compiled, [0.0, 1.0, 3.0]).output("x")[0].tolist() == [0.0, 2.0, 6.0]
