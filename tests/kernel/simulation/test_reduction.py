"""Large ensembles reduced on the way: numbers of the whole, for any pieces, threads and executor; bounded memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from limus.kernel.errors import CancelledError, UnknownNameError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.language import read_model_text
from limus.kernel.simulation import (
    CompiledModel,
    Dose,
    EnsembleQuantiles,
    SetEndpoints,
    SimulationResult,
    compile_model,
    simulate,
    simulate_and_reduce,
    simulate_endpoints,
    simulate_quantiles,
)

TIMES = np.linspace(0.0, 8.0, 9)
SETS = {"k": np.random.default_rng(5).lognormal(0.0, 1.5, 700), "top": np.random.default_rng(6).uniform(1.0, 9.0, 700)}
DOSES = (Dose(0.0, "A", 1.0), Dose(1.0, "A", 3.0, subject=13))
LEVELS = (0.0, 0.05, 0.5, 0.95, 1.0)


def compiled_text(text: str, outputs: list[str] | None = None) -> CompiledModel:
    return compile_model(read_model_text(text, language="antimony"), outputs)


@pytest.fixture(scope="module")
def saturable() -> CompiledModel:
    text = """
    model m()
      compartment c; c = 1; species A in c; A = 0; k = 1; top = 4;
      R: A => ; c*k*top*A/(top + A);
      below := A - 1;
    end
    """
    return compiled_text(text, ["A", "below"])


@pytest.fixture(scope="module")
def blowing_up() -> CompiledModel:
    """Infinite at time 1/a."""
    return compiled_text("model m() y = 1; a = 0; y' = a*y^2; half := y/2; end", ["y", "half"])


def bits(result: EnsembleQuantiles | SetEndpoints) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in vars(result).items() if isinstance(value, np.ndarray)}


# ---- quantiles


def test_quantiles_of_few_sets_are_those_of_the_values(saturable: CompiledModel) -> None:
    found = simulate_quantiles(saturable, TIMES, SETS, LEVELS, doses=DOSES)
    values = simulate(saturable, TIMES, SETS, doses=DOSES).values
    assert found.relative_error == 0.0
    assert found.values.shape == (5, 9, 2)
    # numpy interpolates from the nearer end, which may differ in the last bits
    np.testing.assert_allclose(found.values, np.quantile(values, LEVELS, axis=0), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(found.variance, values.var(axis=0, ddof=1), rtol=1e-11, atol=1e-25)
    assert np.array_equal(found.minimum, values.min(axis=0))
    assert np.array_equal(found.maximum, values.max(axis=0))
    assert np.array_equal(found.output("below"), found.values[:, :, 1])
    assert (found.count == 700).all()
    assert (found.sets, dict(found.failed)) == (700, {})


def test_quantiles_from_bins_keep_the_stated_error(saturable: CompiledModel) -> None:
    found = simulate_quantiles(saturable, TIMES, SETS, LEVELS, doses=DOSES, exact_up_to=100, relative_error=0.01)
    values = simulate(saturable, TIMES, SETS, doses=DOSES).values
    low, high = (np.quantile(values, LEVELS, axis=0, method=method) for method in ("lower", "higher"))
    assert found.relative_error == 0.01
    error = np.abs(found.values - np.quantile(values, LEVELS, axis=0))
    assert (error <= 0.01 * (1 + 1e-9) * np.maximum(np.abs(low), np.abs(high)) + 1e-30).all()
    assert error.max() > 0.0


@pytest.mark.parametrize("exact_up_to", [100, 4096])
def test_pieces_threads_and_executor_do_not_change_a_bit(saturable: CompiledModel, exact_up_to: int) -> None:
    def run(piece: int, execution: Execution | None = None) -> dict[str, bytes]:
        how = {"exact_up_to": exact_up_to, "doses": DOSES}
        return bits(simulate_quantiles(saturable, TIMES, SETS, LEVELS, piece=piece, execution=execution, **how))  # type: ignore[arg-type]

    whole = run(10_000)
    for piece in (33, 64, 699):
        assert run(piece) == whole
    assert run(200, Execution(workers=3)) == whole
    with ThreadPoolExecutor(2) as pool:
        assert run(600, Execution(executor=pool)) == whole


def test_failed_sets_are_left_out_and_counted(blowing_up: CompiledModel) -> None:
    growth = np.full(150, 0.01)
    growth[[3, 70]] = 0.7
    found = simulate_quantiles(blowing_up, [0.0, 1.0, 2.0], {"a": growth}, [0.5], piece=64)
    assert found.failed_sets.tolist() == [3, 70]
    assert dict(found.failed) == {simulate(blowing_up, [0.0, 2.0], {"a": 0.7}).status[0]: 2}
    assert (found.count == 148).all()  # also at the times before they failed
    np.testing.assert_allclose(found.output("y")[0], 1.0 / (1.0 - 0.01 * np.array([0.0, 1.0, 2.0])), rtol=1e-7)


def test_all_sets_failed(blowing_up: CompiledModel) -> None:
    found = simulate_quantiles(blowing_up, [0.0, 2.0], {"a": np.full(2, 0.7)})
    assert sum(found.failed.values()) == 2
    assert np.isnan(found.values).all()
    assert np.isnan(found.mean).all()
    assert (found.count == 0).all()


def test_memory_does_not_grow_with_the_sets() -> None:
    model = compiled_text("model m() A = 1; B = 0; k = 1; A' = -k*A; B' = k*A - B; end", ["A", "B"])
    times = np.linspace(0.0, 5.0, 20)

    def most(count: int) -> int:
        rates = np.random.default_rng(1).lognormal(0.0, 1.0, count)
        simulate(model, times, {"k": 1.0})  # compiled before
        tracemalloc.start()
        try:
            found = simulate_quantiles(model, times, {"k": rates}, piece=1000, exact_up_to=1000)
            assert found.sets == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = most(10_000), most(200_000)
    assert many < few + 4e6
    assert many < 20e6  # all values would be 64 MB


# ---- endpoints


def test_endpoints_of_closed_forms() -> None:
    model = compiled_text("model m() s = 1; up := s*time; tent := 2 - s*abs(time - 2); end", ["up", "tent"])
    times = np.array([0.0, 1.0, 2.0, 4.0])
    found = simulate_endpoints(model, times, {"s": [1.0, 3.0]}, thresholds={"up": 1.5, "tent": 1.5})
    np.testing.assert_allclose(found.last, [[4.0, 0.0], [12.0, -4.0]])
    np.testing.assert_allclose(found.maximum, [[4.0, 2.0], [12.0, 2.0]])
    np.testing.assert_allclose(found.time_of_maximum, [[4.0, 2.0], [4.0, 2.0]])
    np.testing.assert_allclose(found.minimum, [[0.0, 0.0], [0.0, -4.0]])
    np.testing.assert_allclose(found.area, [[8.0, 0.5 + 1.5 + 2.0], [24.0, -2.5 + 0.5 - 2.0]])
    np.testing.assert_allclose(found.time_above, [[2.5, 1.0], [3.5, 0.5 / 3 + 0.5 / 3]], rtol=1e-12)
    assert found.status == ("ok", "ok")


def test_endpoints_against_a_loop_for_any_pieces(saturable: CompiledModel) -> None:
    whole = simulate(saturable, TIMES, SETS, doses=DOSES)
    found = simulate_endpoints(saturable, TIMES, SETS, doses=DOSES, thresholds={"A": 0.3}, piece=64)
    fine = np.linspace(0.0, 8.0, 80_001)
    for i in (0, 13, 699):
        curve = whole.output("A")[i]
        assert found.last[i, 0] == curve[-1]
        assert found.maximum[i, 0] == curve.max()
        assert found.time_of_maximum[i, 0] == TIMES[curve.argmax()]
        assert found.minimum[i, 0] == curve.min()
        assert found.area[i, 0] == pytest.approx(np.trapezoid(curve, TIMES), rel=1e-13)
        # a grid of 1e-4 finds each crossing to 1e-4
        assert found.time_above[i, 0] == pytest.approx((np.interp(fine, TIMES, curve) > 0.3).mean() * 8.0, abs=4e-4)
    assert np.isnan(found.time_above[:, 1]).all()
    for piece in (1, 500, 10_000):
        sets = {name: values[:300] for name, values in SETS.items()} if piece == 1 else SETS
        again = simulate_endpoints(saturable, TIMES, sets, doses=DOSES, thresholds={"A": 0.3}, piece=piece)
        for name in ("last", "maximum", "time_of_maximum", "minimum", "area", "time_above"):
            kept = getattr(found, name)[: len(getattr(again, name))]
            assert np.array_equal(getattr(again, name), kept, equal_nan=True), name


def test_endpoints_with_times_of_each_set() -> None:
    model = compiled_text("model m() s = 1; up := s*time; end", ["up"])
    times = [[0.0, 1.0, np.nan], [0.0, 2.0, 3.0], [1.0, np.nan, np.nan]]
    found = simulate_endpoints(model, times, {"s": 2.0}, thresholds={"up": 1.0}, piece=2)
    np.testing.assert_allclose(found.last[:, 0], [2.0, 6.0, 2.0])
    np.testing.assert_allclose(found.area[:, 0], [1.0, 9.0, 0.0])
    np.testing.assert_allclose(found.time_above[:, 0], [0.5, 2.5, 0.0])
    np.testing.assert_allclose(found.time_of_maximum[:, 0], [1.0, 3.0, 1.0])


def test_endpoints_of_a_set_that_failed_are_no_numbers(blowing_up: CompiledModel) -> None:
    found = simulate_endpoints(blowing_up, [0.0, 1.0, 2.0], {"a": [0.01, 0.7, 0.01]}, thresholds={"y": 1.0}, piece=2)
    assert found.status[0] == found.status[2] == "ok"
    assert dict(found.failed) == {found.status[1]: 1}
    assert found.failure_time[1] == pytest.approx(1.0 / 0.7, rel=1e-3)
    for name in ("last", "maximum", "time_of_maximum", "minimum", "area", "time_above"):
        assert np.isnan(getattr(found, name)[1]).all()
        assert np.isfinite(getattr(found, name)[[0, 2], 0]).all()


# ---- any function


def test_what_a_function_keeps_is_joined(saturable: CompiledModel) -> None:
    def keep(sets: range, result: SimulationResult) -> Mapping[str, object]:
        return {"set": sets, "half": result.output("A")[:, :4], "word": result.status}

    found = simulate_and_reduce(saturable, TIMES, SETS, keep, doses=DOSES, piece=64)  # type: ignore[arg-type]
    assert np.array_equal(found.values["set"], np.arange(700))
    assert np.array_equal(found.values["half"], simulate(saturable, TIMES, SETS, doses=DOSES).output("A")[:, :4])
    assert found.values["word"].tolist() == list(found.status)


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        (lambda _, result: {"mean": result.values.mean()}, "mean.*one row"),
        (lambda _, result: {"rows": result.values[1:, 0]}, "rows.*one row"),
        (lambda sets, result: {"A": result.values[:, : 1 + sets.start]}, "keep one shape"),
        (lambda sets, _: {f"piece {sets.start}": np.zeros(len(sets))}, "same names"),
    ],
)
def test_what_cannot_be_joined_is_refused(
    saturable: CompiledModel, keep: Callable[[range, SimulationResult], Mapping[str, NDArray[np.float64]]], words: str
) -> None:
    with pytest.raises(ValueRangeError, match=words):
        simulate_and_reduce(saturable, TIMES, {"k": np.ones(5)}, keep, piece=3)


# ---- how it is run


class Counter:
    """Progress that says how often it was told."""

    def __init__(self) -> None:
        self.done, self.total, self.finished = 0, 0, False

    def start(self, label: str, total: int) -> None:
        assert label == "ensemble"
        self.total = total

    def advance(self, steps: int = 1) -> None:
        self.done += steps

    def finish(self) -> None:
        self.finished = True


def test_progress_is_shown_and_cancel_stops_between_pieces(saturable: CompiledModel) -> None:
    counter = Counter()
    simulate_endpoints(saturable, TIMES, SETS, piece=64, execution=Execution(progress=counter), label="ensemble")
    assert (counter.done, counter.total, counter.finished) == (700, 700, True)

    stopped = Counter()
    execution = Execution(workers=1, progress=stopped, cancelled=lambda: stopped.done >= 128)
    with pytest.raises(CancelledError):
        simulate_quantiles(saturable, TIMES, SETS, piece=64, execution=execution, label="ensemble")
    assert 128 <= stopped.done < 256
    assert stopped.finished


def test_an_ensemble_of_no_sets(saturable: CompiledModel) -> None:
    nothing = {"k": np.zeros(0)}
    found = simulate_quantiles(saturable, TIMES, nothing, exact_up_to=0)
    assert found.sets == 0
    assert np.isnan(found.values).all()
    assert simulate_endpoints(saturable, TIMES, nothing).last.shape == (0, 2)


def test_what_is_wrong_is_refused_before_anything_is_simulated(
    saturable: CompiledModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("limus.kernel.simulation.streaming.simulate", never)
    late = {"k": np.append(np.ones(99), np.nan)}
    for wrong, words in (
        ({"parameters": late}, "parameter set 99"),
        ({"quantiles": [5.0]}, "quantiles"),
        ({"times": np.zeros((100, 3))}, "times that all sets share"),
        ({"doses": [Dose(0.0, "A", 1.0, subject=100)]}, "subject 100"),
        ({"relative_error": 0.0}, "relative_error"),
        ({"piece": 0}, "piece"),
    ):
        asked = {"times": TIMES, "parameters": {"k": np.ones(100)}, "piece": 10} | wrong
        with pytest.raises(ValueRangeError, match=words):
            simulate_quantiles(saturable, **asked)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="did you mean below"):
        simulate_endpoints(saturable, TIMES, SETS, thresholds={"beloww": 1.0})
    with pytest.raises(ValueRangeError, match="threshold of A"):
        simulate_endpoints(saturable, TIMES, SETS, thresholds={"A": np.nan})
