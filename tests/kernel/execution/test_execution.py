from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from limus.kernel.errors import CancelledError, ValueRangeError
from limus.kernel.execution import Execution, spawn_generators, split_chunks


def square(x: int) -> int:
    time.sleep(0.002 * (x % 3))  # finish out of order
    return x * x


def draw(i: int) -> float:
    return float(spawn_generators(5, 8, stream="draws")[i].normal())


def fail_at_three(x: int) -> int:
    if x == 3:
        raise ValueRangeError("item", x, "anything else", "skip it")
    return x


def process_id(_: int) -> int:
    return os.getpid()


class Recorder:
    def __init__(self) -> None:
        self.events: list[object] = []

    def start(self, label: str, total: int) -> None:
        self.events.append((label, total))

    def advance(self, steps: int = 1) -> None:
        self.events.append(steps)

    def finish(self) -> None:
        self.events.append("finish")


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert Execution(workers=workers).map(square, range(20)) == [x * x for x in range(20)]
    assert Execution(workers=workers).map(square, []) == []


def test_results_do_not_depend_on_workers() -> None:
    alone = Execution(workers=1).map(draw, range(8))
    assert alone == Execution(workers=2).map(draw, range(8))
    assert len(set(alone)) == 8


def test_two_workers_are_other_processes_and_small_work_is_not() -> None:
    assert os.getpid() not in Execution(workers=2).map(process_id, range(4))
    assert set(Execution(workers=2).map(process_id, range(4), small=True)) == {os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_propagate_whole(workers: int) -> None:
    with pytest.raises(ValueRangeError, match="item: got '3'; allowed: anything else; do: skip it"):
        Execution(workers=workers).map(fail_at_three, range(6))


def test_a_given_executor_is_used_and_left_open() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert Execution(executor=pool).map(square, range(5)) == [0, 1, 4, 9, 16]
        assert pool.submit(square, 2).result() == 4


@pytest.mark.parametrize("threads", [0, 1])
def test_cancel_stops_between_items(threads: int) -> None:
    done: list[int] = []

    def note(x: int) -> int:
        done.append(x)
        time.sleep(0.01)
        return x

    def run(executor: ThreadPoolExecutor | None) -> None:
        execution = Execution(workers=1, executor=executor, cancelled=lambda: len(done) >= 3)
        with pytest.raises(CancelledError, match="resume"):
            execution.map(note, range(100))

    if threads:
        with ThreadPoolExecutor(threads) as pool:
            run(pool)
    else:
        run(None)
    assert 3 <= len(done) < 20


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_every_item_and_ends(workers: int) -> None:
    recorder = Recorder()
    Execution(workers=workers, progress=recorder).map(square, range(4), label="work")
    assert recorder.events == [("work", 4), 1, 1, 1, 1, "finish"]
    recorder.events.clear()
    with pytest.raises(ValueRangeError):
        Execution(workers=workers, progress=recorder).map(fail_at_three, range(6), label="work")
    assert recorder.events[-1] == "finish"
    recorder.events.clear()
    Execution(workers=workers, progress=recorder).map(square, range(4))
    assert recorder.events == []


def test_split_chunks() -> None:
    assert split_chunks(range(5), 2) == [(0, 1), (2, 3), (4,)]
    assert split_chunks([], 3) == []
    for size in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            split_chunks([1], size)


def numbers(seed: int, count: int, stream: str = "") -> list[float]:
    return [float(g.random()) for g in spawn_generators(seed, count, stream=stream)]


def test_generators_do_not_depend_on_the_count() -> None:
    assert numbers(1, 3, "a") == numbers(1, 9, "a")[:3]
    assert spawn_generators(1, 0) == []


def test_streams_and_seeds_never_share_numbers() -> None:
    streams = ["", "a", "ab", "b", "a\0", "\0", "Zufälle µ", "Zufälle μ", "x" * 5000, "x" * 5001]
    seeds = [
        0,
        1,
        2**32,
        2**32 + 1,
        97 * 2**32 + 1,
        2**64 + 1,
    ]  # the long ones spell a seed and a stream in 32-bit words
    found = [x for seed in seeds for stream in streams for x in numbers(seed, 2, stream)]
    assert len(set(found)) == len(found)


def test_generators_are_independent_in_distribution() -> None:
    draws = np.array([g.normal(size=400) for g in spawn_generators(3, 30)])
    correlation = np.corrcoef(draws)[np.triu_indices(30, 1)]
    assert np.max(np.abs(correlation)) < 5.5 / np.sqrt(400)  # 435 pairs: 5.5 sd is missed once in 6e4 seeds


@pytest.mark.parametrize(("seed", "count"), [(-1, 2), (1, -2)])
def test_negative_seed_or_count_is_refused(seed: int, count: int) -> None:
    with pytest.raises(ValueRangeError, match="zero or more"):
        spawn_generators(seed, count)
