"""Results told as they finish, and parts looked for without making them."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from limus.kernel.execution import Execution, RunDirectory
from limus.kernel.provenance import stamp_run


def square(number: int) -> int:
    if number < 0:
        raise ValueError("negative")
    return number * number


@pytest.mark.parametrize("pooled", [False, True])
def test_each_result_is_told_once_with_its_number(pooled: bool) -> None:
    told: dict[int, int] = {}
    with ThreadPoolExecutor(2) as pool:
        execution = Execution(executor=pool) if pooled else Execution(workers=1)
        found = execution.map(square, [3, 4, 5], finished=lambda index, result: told.update({index: result}))
    assert found == [9, 16, 25]
    assert told == {0: 9, 1: 16, 2: 25}


def test_what_finished_before_a_failure_was_told() -> None:
    told: list[int] = []
    with pytest.raises(ValueError, match="negative"):
        Execution(workers=1).map(square, [1, 2, -1, 4], finished=lambda index, _: told.append(index))
    assert told == [0, 1]


def test_a_kept_part_is_found_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    directory = RunDirectory.open(tmp_path / "run", command="x", request={}, stamp=stamp_run(1, ()))
    assert directory.kept_part("one") is None
    directory.part("one", lambda: {"value": 1})
    assert directory.kept_part("one") == {"value": 1}
    (tmp_path / "run" / "parts" / "one.json").write_text('{"value": ')
    assert directory.kept_part("one") is None
    assert directory.part("one", lambda: {"value": 2}) == {"value": 2}


def note_and_wait(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


def hold_two_workers(folder: str) -> None:
    Execution(workers=2).map(note_and_wait, [folder, folder])


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(happened: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30
    while not happened() and time.monotonic() < end:
        time.sleep(0.02)
    return happened()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be killed")
def test_workers_leave_when_their_parent_is_killed(tmp_path: Path) -> None:
    parent = multiprocessing.get_context("fork").Process(target=hold_two_workers, args=(str(tmp_path),))
    parent.start()
    assert wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert parent.pid is not None
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    assert wait_until(lambda: not any(alive(pid) for pid in workers))
