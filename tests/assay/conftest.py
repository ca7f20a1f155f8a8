"""Plates made in memory from the layouts and truths of the examples, with whatever a test wants changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limus.assay.elisa.simulation import ElisaTruth, simulate_elisa, simulate_viability
from limus.assay.layout.file import read_layout
from limus.assay.phosphatase.simulation import PhosphataseTruth, simulate_phosphatase
from limus.assay.reader.cells import CellState
from limus.assay.reader.file import PlateFile, PlateReading
from limus.assay.reader.join import join_plate
from limus.assay.reader.wells import PlateWells
from limus.kernel.tables import read_toml

EXAMPLES = Path(__file__).parents[2] / "examples/assay"


def read_values(values: np.ndarray, layout: Any) -> PlateFile:
    """What a reader would have exported."""
    states = np.where(np.isfinite(values), CellState.READ, CellState.MISSING).astype(object)
    for place in zip(*np.nonzero(np.isposinf(values)), strict=True):
        states[place] = CellState.SATURATED
    values = np.where(np.isfinite(values), values, np.nan)
    nm = layout.reader.wavelength_nm or math.nan
    reading = PlateReading("", "", nm, math.nan, values, states, ())
    return PlateFile(Path("plate.csv"), "0" * 64, layout.plate, (reading,))


def _layout(tmp_path: Path, name: str, edits: Mapping[str, str]) -> Any:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    for old, new in edits.items():
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_layout(path)


@pytest.fixture
def phosphatase_plate(tmp_path: Path) -> Callable[..., PlateWells]:
    """Make a plate: ``edits`` of the layout's text, ``change`` of the values, other keywords of the truth."""

    def make(
        seed: int = 1,
        edits: Mapping[str, str] | None = None,
        change: Callable[[np.ndarray], None] | None = None,
        **truth: Any,
    ) -> PlateWells:
        layout = _layout(tmp_path, "phosphatase_layout.toml", edits or {})
        stated = read_toml(EXAMPLES / "phosphatase_truth.toml", PhosphataseTruth).model_copy(update=truth)
        values = simulate_phosphatase(layout, stated, np.random.default_rng(seed))
        if change is not None:
            change(values)
        return join_plate(layout, read_values(values, layout))

    return make


@pytest.fixture
def elisa_plates(tmp_path: Path) -> Callable[..., tuple[PlateWells, PlateWells]]:
    """Make an ELISA plate and its MTT plate, as ``phosphatase_plate`` does."""

    def make(
        seed: int = 1,
        edits: Mapping[str, str] | None = None,
        change: Callable[[np.ndarray], None] | None = None,
        change_viability: Callable[[np.ndarray], None] | None = None,
        viability_edits: Mapping[str, str] | None = None,
        **truth: Any,
    ) -> tuple[PlateWells, PlateWells]:
        edits = {"reference_wavelength_nm = 570\n": ""} | dict(edits or {})
        layout = _layout(tmp_path, "elisa_layout.toml", edits)
        other = _layout(tmp_path, "viability_layout.toml", viability_edits or {})
        stated = read_toml(EXAMPLES / "elisa_truth.toml", ElisaTruth).model_copy(update=truth)
        generator = np.random.default_rng(seed)
        values = simulate_elisa(layout, stated, generator)
        living = simulate_viability(other, stated, generator)
        for act, array in ((change, values), (change_viability, living)):
            if act is not None:
                act(array)
        return join_plate(layout, read_values(values, layout)), join_plate(other, read_values(living, other))

    return make
