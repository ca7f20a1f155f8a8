"""Ensembles in pieces: the same numbers, and a killed run goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import OutputError, ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.language import read_model_text
from limus.kernel.simulation import Dose, compile_model, simulate, simulate_in_pieces, simulate_to_parquet
from limus.kernel.tables import read_parquet

TIMES = np.linspace(0.0, 5.0, 6)
SETS = {"k": np.random.default_rng(5).uniform(0.1, 2.0, 25)}
DOSES = (Dose(0.0, "A", 1.0), Dose(1.0, "A", 3.0, subject=13))


@pytest.fixture(scope="module")
def compiled():
    text = "model m() compartment c; c = 1; species A in c; A = 1; k = 1; R: A => ; c*k*A; end"
    return compile_model(read_model_text(text, language="antimony"))


class Killed(BaseException):
    """As if the process had been killed."""


class KillAfter:
    """Progress that kills the run after some steps."""

    def __init__(self, pieces: int) -> None:
        self.left = pieces

    def start(self, label: str, total: int) -> None:
        assert total == 25

    def advance(self, steps: int = 1) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def finish(self) -> None:
        pass


def test_pieces_give_the_numbers_of_the_whole(compiled) -> None:
    whole = simulate(compiled, TIMES, SETS, doses=DOSES).values
    for piece in (1, 7, 25, 100):
        found = [r.values for _, r in simulate_in_pieces(compiled, TIMES, SETS, doses=DOSES, piece=piece)]
        assert np.array_equal(np.concatenate(found), whole)


def test_a_killed_ensemble_is_resumed_and_equals_one_that_was_not(compiled, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        simulate_to_parquet(
            compiled,
            TIMES,
            SETS,
            tmp_path / "killed",
            doses=DOSES,
            piece=7,
            execution=Execution(workers=1, progress=KillAfter(2)),
            label="ensemble",
        )
    kept = sorted((tmp_path / "killed").glob("part-*.parquet"))
    assert len(kept) in {1, 2}
    before = [part.stat().st_mtime_ns for part in kept]
    parts = simulate_to_parquet(compiled, TIMES, SETS, tmp_path / "killed", doses=DOSES, piece=7)
    assert len(parts) == 4
    assert [part.stat().st_mtime_ns for part in kept] == before
    whole = simulate(compiled, TIMES, SETS, doses=DOSES)
    tables = [read_parquet(part) for part in parts]
    assert np.array_equal(np.concatenate([t["A"] for t in tables]), whole.output("A").reshape(-1))
    assert np.array_equal(np.concatenate([t["set"] for t in tables]), np.repeat(np.arange(25.0), 6))


def test_another_ensemble_and_foreign_files_are_refused(compiled, tmp_path: Path) -> None:
    simulate_to_parquet(compiled, TIMES, SETS, tmp_path / "one", piece=25)
    with pytest.raises(OutputError, match="another ensemble"):
        simulate_to_parquet(compiled, TIMES, {"k": SETS["k"] * 1.0001}, tmp_path / "one", piece=25)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="other files"):
        simulate_to_parquet(compiled, TIMES, SETS, tmp_path / "mine")


def test_a_piece_of_nothing_is_refused(compiled) -> None:
    with pytest.raises(ValueRangeError, match="piece"):
        next(simulate_in_pieces(compiled, TIMES, SETS, piece=0))


def test_rows_of_times_make_as_many_sets(compiled, tmp_path: Path) -> None:
    times = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]])
    whole = simulate(compiled, times, {"k": 0.5}).output("A")
    found = [r.output("A") for _, r in simulate_in_pieces(compiled, times, {"k": 0.5}, piece=2)]
    assert np.array_equal(np.concatenate(found), whole)
    parts = simulate_to_parquet(compiled, times, {"k": 0.5}, tmp_path / "rows", piece=2)
    assert np.array_equal(np.concatenate([read_parquet(part)["A"] for part in parts]), whole.reshape(-1))
    with pytest.raises(ValueRangeError, match="rows of times: 3"):
        next(simulate_in_pieces(compiled, times, {"k": [0.5, 0.6]}))


def test_a_dose_for_a_set_that_is_in_no_piece_is_refused(compiled) -> None:
    with pytest.raises(ValueRangeError, match=r"dose 2.*subject 25.*0 to 24"):
        next(simulate_in_pieces(compiled, TIMES, SETS, doses=[Dose(0.0, "A", 1.0), Dose(0.0, "A", 1.0, subject=25)]))


def test_no_sets_make_one_part_without_rows(compiled, tmp_path: Path) -> None:
    (part,) = simulate_to_parquet(compiled, TIMES, {"k": []}, tmp_path / "none")
    assert len(read_parquet(part)) == 0
