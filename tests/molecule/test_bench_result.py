"""Values of a bench as a file: what is written is read, and a wrong file is refused by name."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from limus.kernel.errors import FileReadError, InputError, OutputError
from limus.molecule.bench_result import BenchValue, read_bench_result, write_bench_result

KI = BenchValue(
    compound="tacrolimus",
    quantity="complex_dissociation_constant",
    readout="calcineurin phosphatase",
    value=7.5,
    lower=6.0,
    upper=9.375,
    unit="nM",
    level_percent=95.0,
    n=24,
    n_of="wells",
    method="tight-binding fit",
    conditions="enzyme 10 nM",
    file="plate.csv",
    file_sha256="a1" * 32,
    layout="layout.toml",
    layout_sha256="b2" * 32,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    open_interval = replace(KI, quantity="ic50_absolute", lower=math.nan, upper=math.nan, conditions="")
    path = write_bench_result([KI, open_interval], tmp_path / "new" / "result.toml")
    first, second = read_bench_result(path)
    assert first == KI
    assert math.isnan(second.lower)
    assert math.isnan(second.upper)
    assert replace(second, lower=0.0, upper=0.0) == replace(open_interval, lower=0.0, upper=0.0)


def test_the_standard_error_is_that_of_the_interval() -> None:
    # 95 % of a normal: 2*1.959964 standard errors, of log10(9.375/6)
    assert KI.log10_standard_error == pytest.approx(math.log10(9.375 / 6.0) / (2 * 1.959964), rel=1e-6)
    assert math.isnan(replace(KI, upper=math.nan).log10_standard_error)


def test_its_origin_names_file_hash_count_and_interval() -> None:
    for part in ("plate.csv", "a1a1a1a1a1a1", "24 wells", "95 % interval 6 to 9.38 nM", "enzyme 10 nM"):
        assert part in KI.origin


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "measured"', 'kind = "assumed"'),
        ("a1a1", "x1a1"),
        ("value = 7.5", "value = -7.5"),
        ('unit = "nM"', ""),
        ("n = 24", "n = 0"),
        ("limus_result = 1", "limus_result = 2"),
        ("limus_result = 1", "limus_result = "),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = write_bench_result([KI], tmp_path / "result.toml")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(FileReadError, match=r"result\.toml"):
        read_bench_result(path)


def test_an_interval_holds_its_value(tmp_path: Path) -> None:
    path = write_bench_result([replace(KI, lower=8.0)], tmp_path / "result.toml")
    with pytest.raises(InputError, match=r"7\.5 in 8 to 9\.375"):
        read_bench_result(path)


def test_a_file_without_values_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no values"):
        read_bench_result(write_bench_result([], tmp_path / "result.toml"))


def test_a_file_that_is_absent_or_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileReadError):
        read_bench_result(tmp_path / "absent.toml")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OutputError):
        write_bench_result([KI], blocked / "result.toml")
