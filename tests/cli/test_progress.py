"""Progress off a terminal: a line every half minute, with the time that is left."""

import itertools

import pytest

from limus.cli import progress


def test_a_line_says_how_long_it_will_take(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0.0, 20.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    bar = progress.BarProgress()
    bar.start("replicates", 10)
    for _ in range(4):
        bar.advance()
    said = capsys.readouterr().err
    assert "replicates: " in said
    assert " of 10 steps" in said
    assert "s left" in said
    first = said.splitlines()[0].split()
    done, elapsed, left = float(first[1]), float(first[5]), float(first[8])
    assert left == pytest.approx(elapsed * (10 / done - 1), abs=0.51)
