"""Simulated cells: divisions against cell-by-cell drawing, dye that halves, what disturbs, and the example's plate."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from limus.assay.cytometry.simulation.events import Stains, precursor_shares
from limus.assay.cytometry.simulation.plate import simulate_plate, true_precursors
from limus.assay.layout.file import read_layout
from limus.kernel.errors import InputError, UnknownNameError

from .truths import EXAMPLE, changed, example_truth, simulate


def test_precursor_shares_against_drawn_lineages() -> None:
    """400,000 lineages: a share of 0.2 has a standard error of 6e-4; four of them are allowed."""
    d = example_truth().division
    random, count = np.random.default_rng(6), 400_000
    first = np.log(d.first_division_hours), d.first_division_log_sd
    later = np.log(d.later_division_hours), d.later_division_log_sd
    times = np.cumsum(
        np.exp(
            np.column_stack(
                [random.normal(*first, count), *(random.normal(*later, count) for _ in range(d.most_generations - 1))]
            )
        ),
        axis=1,
    )
    responds = random.random(count) < d.responding
    drawn = np.bincount((times < d.hours).sum(axis=1) * responds, minlength=d.most_generations + 1) / count
    found = precursor_shares(d)
    assert found == pytest.approx(drawn, abs=4 * 0.5 / np.sqrt(count))
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


def test_slower_and_fewer_divide_less() -> None:
    d = example_truth().division
    generations = np.arange(d.most_generations + 1)
    whole, slow, few = (
        precursor_shares(d) @ generations,
        precursor_shares(d, slower=1.3) @ generations,
        precursor_shares(d, responding=0.1) @ generations,
    )
    assert slow < whole
    assert few == pytest.approx(whole * 0.1 / d.responding)
    assert precursor_shares(d, responding=0.0)[0] == 1.0


def test_dye_halves_and_cells_of_a_generation_are_as_many_as_they_should() -> None:
    truth = changed(
        example_truth(),
        cells={"autofluorescence_median": 1e-3, "doublets": 0.0, "debris": 0.0, "dead": 0.0, "t_cells": 1.0},
        instrument={"spillover": {}, "noise_sd": 0.0, "photon_gain": 0.0},
    )
    shares = precursor_shares(truth.division)
    columns, generation = simulate(truth, 60_000, 7, shares)
    cells = shares * 2.0 ** np.arange(len(shares))
    expected = cells / cells.sum()
    found = np.bincount(generation, minlength=len(shares)) / 60_000
    assert found == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(60_000))
    for g in range(6):
        dye = np.log(columns["CTV-A"][generation == g])
        spread = np.sqrt(truth.cells.dye_log_sd**2 + g * truth.cells.division_log_sd**2)
        error = 4 * spread / np.sqrt(len(dye))
        assert dye.mean() == pytest.approx(np.log(truth.cells.dye_median / 2.0**g), abs=error)
        assert dye.std() == pytest.approx(spread, abs=error)


def test_what_disturbs_is_there() -> None:
    truth = example_truth()
    columns, generation = simulate(truth, 20_000, 8)
    share = 1 - np.mean(generation >= 0)
    c = truth.cells
    assert share == pytest.approx(1 - c.t_cells * (1 - c.dead) * (1 - c.doublets) * (1 - c.debris), abs=0.015)
    ratio = columns["FSC-H"] / columns["FSC-A"]
    assert np.mean(ratio < 0.7) == pytest.approx(c.doublets, abs=0.01)
    assert np.mean(columns["APC-Cy7-A"] > 3000) == pytest.approx(c.dead, abs=0.02)
    dark, _ = simulate(truth, 5000, 9, np.array([1.0]), Stains(dye=False, cd3=False, viability=False))
    assert np.median(dark["CTV-A"]) == pytest.approx(c.autofluorescence_median, rel=0.05)
    assert columns["CTV-A"].max() <= truth.instrument.largest
    assert (np.diff(columns["Time"]) >= 0).all()


def test_drift_and_an_unknown_channel() -> None:
    truth = changed(example_truth(), instrument={"drift_share": 1.0})
    columns, _ = simulate(truth, 8000, 10, np.array([1.0]))
    early, late = (np.median(columns["CTV-A"][part]) for part in (slice(800), slice(-800, None)))
    assert late / early == pytest.approx(1.95 / 1.05, rel=0.05)
    with pytest.raises(UnknownNameError, match="FITC"):
        simulate(changed(example_truth(), instrument={"spillover": {"CTV-A": {"FITC": 0.1}}}), 10, 1)


def test_a_drug_without_truth_is_an_error() -> None:
    layout = read_layout(EXAMPLE / "layout.toml")
    well = next(w for w in layout.wells if w.compound == "tacrolimus")
    with pytest.raises(InputError, match="tacrolimus"):
        true_precursors(well, example_truth().model_copy(update={"drugs": {}}))


def test_the_example_is_what_its_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["simulate.py", "--out", str(tmp_path)])
    runpy.run_path(str(EXAMPLE / "simulate.py"), run_name="__main__")
    kept = {path.name: path.read_bytes() for path in (EXAMPLE / "plate").iterdir()}
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(kept) == 42
    assert made == kept


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="folder that can be written"):
        simulate_plate(read_layout(EXAMPLE / "layout.toml"), example_truth(), tmp_path / "file" / "plate")
