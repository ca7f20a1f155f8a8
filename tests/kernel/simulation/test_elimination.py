"""The factorisation of W as machine code, straight-line and in loops, against NumPy."""

from __future__ import annotations

import ctypes
import platform
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding, ir
from numpy.typing import NDArray

from limus.kernel.execution import Execution, SilentProgress
from limus.kernel.language import read_model_text
from limus.kernel.simulation import compile_model, ensemble, simulate
from limus.kernel.simulation.engine import factor_layout, native, program
from limus.kernel.simulation.engine.elimination import plan_elimination
from limus.kernel.simulation.engine.factor_layout import TILE, lay_out_factors, tile_start
from limus.kernel.simulation.engine.lanes import Lanes
from limus.kernel.simulation.engine.looped_elimination import write_clear, write_eliminate, write_looped_solve

WIDTH = 8


def solve_in_loops(matrices: NDArray[np.float64], right: NDArray[np.float64], places: set[tuple[int, int]]):
    """Solve 8 systems (8, n, n) of one pattern with right-hand sides (n, 8) by the code that the engine writes."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    size = len(right)
    layout = lay_out_factors(plan_elimination(size, places))
    filled = places | {(i, i) for i in range(size)}
    lanes = Lanes(ir.Module("test"), WIDTH)
    write_clear(lanes, layout, filled)
    write_eliminate(lanes, layout)
    write_looped_solve(lanes, layout, 0)
    machine = native._machine(binding, *native._processor("host"))
    engine = binding.create_mcjit_compiler(binding.parse_assembly(str(lanes.module)), machine)
    engine.finalize_object()
    factors, x = native._aligned(layout.size * WIDTH, 64), native._aligned(size * WIDTH, 64)
    factors[:] = 7.0  # what stood there before
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    call(engine.get_function_address("clear"))(factors.ctypes.data)
    for i, j in filled:
        place = layout.places[i, j] * WIDTH
        factors[place : place + WIDTH] = -matrices[:, i, j]
    x[:] = right.reshape(-1)
    other = native._aligned(size * WIDTH, 64)
    other[:] = -3.0 * x[::-1]
    both = [native._aligned(size * WIDTH, 64) for _ in range(2)]
    both[0][:], both[1][:] = x, other
    call(engine.get_function_address("eliminate"))(factors.ctypes.data)
    two = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    for part in (x, other):
        two(engine.get_function_address("solve"))(factors.ctypes.data, part.ctypes.data)
    three = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    three(engine.get_function_address("solve_both"))(factors.ctypes.data, *(part.ctypes.data for part in both))
    assert [part.tobytes() for part in both] == [x.tobytes(), other.tobytes()]
    return x.reshape(size, WIDTH)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.floats(0.0, 0.7), st.integers(0, 2**32 - 1))
def test_loops_solve_what_numpy_solves(size: int, density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = {(i, j) for i in range(size) for j in range(size) if rng.random() < density}
    matrices = np.zeros((WIDTH, size, size))
    for i, j in places:
        matrices[:, i, j] = rng.normal(size=WIDTH)
    matrices[:, range(size), range(size)] = rng.uniform(2.0, 3.0, (WIDTH, size)) * size
    right = rng.normal(size=(size, WIDTH))
    expected = np.stack([np.linalg.solve(matrices[k], right[:, k]) for k in range(WIDTH)], axis=1)
    np.testing.assert_allclose(solve_in_loops(matrices, right, places), expected, rtol=1e-11, atol=1e-14)


def test_every_split_between_single_pivots_and_dense_block_solves_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    size = 14
    places = {(i, (i * k + 1) % size) for i in range(size) for k in (1, 3, 5)}
    matrices = np.zeros((WIDTH, size, size))
    for i, j in places:
        matrices[:, i, j] = rng.normal(size=WIDTH)
    matrices[:, range(size), range(size)] = 9.0
    right = rng.normal(size=(size, WIDTH))
    expected = np.stack([np.linalg.solve(matrices[k], right[:, k]) for k in range(WIDTH)], axis=1)
    for sparse in range(size % TILE, size + 1, TILE):
        monkeypatch.setattr(factor_layout, "_split", lambda plan, sparse=sparse: sparse)
        np.testing.assert_allclose(solve_in_loops(matrices, right, places), expected, rtol=1e-12)


def test_tiles_fill_the_dense_block_without_gap_or_overlap() -> None:
    for tiles in range(6):
        starts = [tile_start(i, j, tiles) for i in range(tiles) for j in range(tiles)]
        assert sorted(starts) == [TILE * TILE * k for k in range(tiles * tiles)]


def test_a_plan_fills_no_more_than_markowitz_rule_alone() -> None:
    rng = np.random.default_rng(5)
    size = 40
    places = {(i, int(j)) for i in range(size) for j in rng.integers(0, size, 4)}
    rows = [{i} | {j for k, j in places if k == i} for i in range(size)]
    columns = [{j} | {i for i, k in places if k == j} for j in range(size)]
    products, left = 0, set(range(size))
    while left:
        pivot = min(left, key=lambda i: ((len(rows[i]) - 1) * (len(columns[i]) - 1), i))
        left.remove(pivot)
        below, right = columns[pivot] - {pivot}, rows[pivot] - {pivot}
        products += len(below) * len(right)
        for i in below:
            rows[i] = (rows[i] - {pivot}) | right
        for j in right:
            columns[j] = (columns[j] - {pivot}) | below
    assert 0 < plan_elimination(size, places).products <= products


def network(size: int) -> str:
    """Bindings between species far apart, which fill the factorisation."""
    rng = np.random.default_rng(size)
    lines = ["model net()", "compartment c = 1;"]
    lines += [f"species s{i} in c = {rng.uniform(0.1, 1):.4g};" for i in range(size)]
    for i in range(size):
        a, b = rng.choice([j for j in range(size) if j != i], 2, replace=False)
        on, off = 10 ** rng.uniform(-1, 3, 2)
        lines += [f"made{i}: => s{i}; 0.1;", f"lost{i}: s{i} => ; 0.3*s{i}/(0.2 + s{i});"]
        lines.append(f"bind{i}: s{i} + s{a} => s{b}; {on:.6g}*s{i}*s{a} - {off:.6g}*s{b};")
    return "\n".join([*lines, "end"])


def test_loops_and_straight_lines_give_one_solution(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = compile_model(read_model_text(network(20), language="antimony"), [f"s{i}" for i in range(20)])
    times, found = np.linspace(0.0, 5.0, 6), []
    for most in (10**6, -1):
        monkeypatch.setattr(program, "MOST_STRAIGHT", most)
        monkeypatch.setenv("LIMUS_CACHE", str(tmp_path / str(most)))
        native._build.cache_clear()
        result = simulate(model, times, {"s0": np.linspace(0.1, 1.0, 9)}, relative_tolerance=1e-9)
        assert set(result.solver) == {"rodas5p"}
        found.append(result.values)
    native._build.cache_clear()
    np.testing.assert_allclose(found[1], found[0], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("target", ["haswell", "x86-64"])
def test_loops_give_the_same_on_other_processors(target: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if platform.machine() not in {"x86_64", "AMD64"}:
        pytest.skip("targets of x86")
    if target == "haswell" and "avx2" not in binding.get_host_cpu_features().flatten().replace("-avx2", ""):
        pytest.skip("this machine has no AVX2")
    monkeypatch.setenv("LIMUS_CACHE", str(tmp_path))
    monkeypatch.setattr(program, "MOST_STRAIGHT", -1)
    native._build.cache_clear()
    model = compile_model(read_model_text(network(20), language="antimony"), [f"s{i}" for i in range(20)])
    times, sets = np.linspace(0.0, 5.0, 6), {"s0": np.linspace(0.1, 1.0, 9)}
    host = simulate(model, times, sets).values
    monkeypatch.setattr(ensemble, "build_native", lambda compiled: native.build_native(compiled, target))
    found = simulate(model, times, sets)
    native._build.cache_clear()
    assert set(found.solver) == {"rodas5p"}
    if target == "haswell":
        assert np.array_equal(found.values, host)  # fused multiply-add on both: the same bits
    np.testing.assert_allclose(found.values, host, rtol=1e-6, atol=1e-9)


class Told(SilentProgress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.labels: list[str] = []

    def start(self, label: str, total: int) -> None:
        self.labels.append(label)


def test_a_large_model_says_how_long_its_machine_code_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    model = compile_model(read_model_text(network(20), language="antimony"), ["s0"])
    told = Told()
    simulate(model, [0.0, 1.0], execution=Execution(progress=told))
    assert told.labels == []
    monkeypatch.setattr(sys.modules["limus.kernel.simulation.simulate"], "_LONG_BUILD_S", 0.0)
    simulate(model, [0.0, 1.0], execution=Execution(progress=told))
    assert told.labels[0].startswith("machine code for 20 states, about ")
