from __future__ import annotations

import json
import math
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from limus.kernel.errors import OutputError
from limus.kernel.execution import Execution, RunDirectory
from limus.kernel.provenance import stamp_run

STAMP = stamp_run(1, packages=())


def open_run(path: Path, request: dict[str, Any] | None = None, *, overwrite: bool = False) -> RunDirectory:
    return RunDirectory.open(
        path, command="compare", request=request or {"drugs": ["a", "é"], "n": 3}, stamp=STAMP, overwrite=overwrite
    )


def test_the_folder_holds_the_request_and_the_stamp(tmp_path: Path) -> None:
    run = open_run(tmp_path / "deep" / "out")
    content = tomllib.loads((run.path / "run.toml").read_text(encoding="utf-8"))
    assert content["limus_run"] == 1
    assert content["request_sha256"] == run.request_hash
    assert content["request"] == {"drugs": ["a", "é"], "n": 3}
    assert json.loads((run.path / "provenance.json").read_text())["seed"] == 1
    assert sorted(p.name for p in run.path.iterdir()) == ["provenance.json", "run.toml"]


def test_the_same_request_resumes_whatever_the_order_of_its_keys(tmp_path: Path) -> None:
    first = open_run(tmp_path)
    first.part("p", lambda: {"x": 1})
    again = open_run(tmp_path, {"n": 3, "drugs": ["a", "é"]})
    assert again.request_hash == first.request_hash
    assert again.part("p", lambda: pytest.fail("made again")) == {"x": 1}


def test_another_request_is_refused_and_overwrite_clears(tmp_path: Path) -> None:
    open_run(tmp_path).part("p", lambda: {"x": 1})
    with pytest.raises(OutputError, match="another request's result"):
        open_run(tmp_path, {"n": 4})
    assert (tmp_path / "parts" / "p.json").exists()
    run = open_run(tmp_path, {"n": 4}, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["provenance.json", "run.toml"]
    assert run.part("p", lambda: {"x": 2}) == {"x": 2}


@pytest.mark.parametrize(
    "files",
    [
        {"thesis.docx": b"mine"},
        {"run.toml": b"speed = 3\n", "data.csv": b"mine"},
        {"run.toml": b'request_sha256 = "of another program"\n'},
        {"run.toml": b"\xff\xfe not text"},
        {"run.toml": b"= not toml"},
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_limus_did_not_write_are_never_touched(
    tmp_path: Path, files: dict[str, bytes], overwrite: bool
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(OutputError, match="files that limus did not write"):
        open_run(tmp_path, overwrite=overwrite)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == files


def test_overwrite_does_not_follow_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("mine")
    open_run(tmp_path / "out")
    (tmp_path / "out" / "link").symlink_to(outside)
    open_run(tmp_path / "out", {"n": 4}, overwrite=True)
    assert (outside / "keep").exists()
    assert not (tmp_path / "out" / "link").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="can be written"):
            open_run(path)
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(OutputError, match="can be written"):
            open_run(tmp_path / "locked")


def test_a_part_survives_an_interruption(tmp_path: Path) -> None:
    made: list[int] = []

    def work(i: int) -> dict[str, Any]:
        def make() -> dict[str, Any]:
            if i == 3 and len(made) == 3:
                raise KeyboardInterrupt
            made.append(i)
            return {"i": i}

        return open_run(tmp_path).part(f"part-{i}", make)

    with pytest.raises(KeyboardInterrupt):
        Execution(workers=1).map(work, range(5))
    assert made == [0, 1, 2]
    made.append(-1)
    assert Execution(workers=1).map(work, range(5)) == [{"i": i} for i in range(5)]
    assert made == [0, 1, 2, -1, 3, 4]


def test_a_part_is_the_same_when_made_and_when_kept(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    made = run.part("p.v1", lambda: {"pair": (1, 2.5), "nan": math.nan, 3: "x"})
    kept = run.part("p.v1", lambda: pytest.fail("made again"))
    assert json.dumps(made) == json.dumps(kept) == '{"pair": [1, 2.5], "nan": NaN, "3": "x"}'


def test_a_half_written_part_is_made_again(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "p.json").write_text('{"x": ')
    assert run.part("p", lambda: {"x": 2}) == {"x": 2}
    (tmp_path / "parts" / "q.json.unfinished").write_text('{"x": ')
    assert run.part("q", lambda: {"x": 3}) == {"x": 3}


def test_a_part_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    (tmp_path / "parts").write_text("a file in the way")
    with pytest.raises(OutputError, match="part"):
        run.part("p", lambda: {"x": 1})
