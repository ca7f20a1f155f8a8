"""Each example runs, and what it prints makes sense."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from limus.cli.main import run

EXAMPLES = Path(__file__).parents[1] / "examples"


def _run(name: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _numbers(line: str) -> list[float]:
    return [float(text) for text in re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", line)]


def test_every_example_is_tested() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in text for path in EXAMPLES.glob("*.py"))


def test_dose_response_falls_from_control_to_nothing() -> None:
    lines = _run("dose_response.py")
    head = next(i for i, line in enumerate(lines) if line.startswith("concentration"))
    end = next(i for i, line in enumerate(lines) if line.startswith("IC50 simulated"))
    points = [_numbers(line)[:2] for line in lines[head + 1 : end]]
    percent = [p for _, p in points]
    assert len(points) == 17
    assert percent == sorted(percent, reverse=True)
    assert percent[0] > 90
    assert percent[-1] < 5
    ic50 = float(lines[end].split()[2])
    above = max(c for c, p in points if p > 50)
    below = min(c for c, p in points if p < 50)
    assert above <= ic50 <= below
    assert any("measured" in line and "yoshimura_1989b" in line for line in lines[end + 1 :])


def test_own_model_settles_at_the_closed_form() -> None:
    rows = [
        re.fullmatch(r"elimination (\S+) 1/h: trough (\S+) nM \(closed form (\S+) nM\), 95 % of it after (\S+) h", line)
        for line in _run("own_model.py")
    ]
    found = [[float(value) for value in row.groups()] for row in rows if row is not None]
    assert len(found) == len(rows) == 2
    for _, simulated, expected, _ in found:
        assert simulated == pytest.approx(expected, abs=1.01e-4)
    slow, fast = found
    assert slow[1] > fast[1]
    # 95 % of steady state takes ln(20) elimination times, rounded up to a dose
    assert [row[3] for row in found] == [60.0, 36.0]


def test_own_model_says_the_same_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    model, doses = EXAMPLES / "own_model.ant", EXAMPLES / "own_model_doses.csv"
    assert run(["simulate", str(model), "--times", "0,240", "--doses", str(doses), "--output", "drug"]) == 0
    printed = capsys.readouterr().out.splitlines()[-1].split()
    assert printed[0] == "drug"
    trough = float(re.findall(r"trough (\S+)", _run("own_model.py")[0])[0])
    assert float(printed[-1]) == pytest.approx(trough, rel=5e-3)


def test_sirolimus_takes_calcineurin_from_tacrolimus_only_where_fkbp12_is_scarce() -> None:
    lines = _run("competition.py")
    assert sum("(measured, " in line for line in lines) == 3
    heads = [i for i, line in enumerate(lines) if line.startswith("FKBP12 ")]
    scarce, plentiful = ([_numbers(line) for line in lines[i + 2 : i + 6]] for i in heads)
    calcineurin_scarce = [row[1] for row in scarce]
    assert calcineurin_scarce == sorted(calcineurin_scarce, reverse=True)
    assert calcineurin_scarce[-1] < 0.1 * calcineurin_scarce[0]
    assert [row[1] for row in plentiful] == pytest.approx([plentiful[0][1]] * 4, abs=0.5)
    for rows in (scarce, plentiful):
        mtorc1 = [row[2] for row in rows]
        assert mtorc1[0] == 0
        assert mtorc1 == sorted(mtorc1)
