"""Results told as they finish, and parts looked for without making them."""

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
