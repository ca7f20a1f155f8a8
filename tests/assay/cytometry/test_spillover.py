"""Spillover: keywords, single stains, and light taken off again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.assay.cytometry.fcs.read import FcsData, read_fcs
from limus.assay.cytometry.fcs.write import NewChannel, write_fcs
from limus.assay.cytometry.tube.spillover import (
    Spillover,
    compensate,
    find_spillover,
    learn_spillover,
    remarks_on_compensation,
)
from limus.kernel.errors import FileReadError, LimusError, ValueRangeError

NAMES = ("A", "B", "C")
MATRIX = np.array([[1.0, 0.2, 0.05], [0.01, 1.0, 0.3], [0.0, 0.1, 1.0]])


def file_with(folder: Path, **keywords: str) -> FcsData:
    channels = [NewChannel(name, "", range=1024) for name in NAMES]
    words = {name.replace("_", "$", 1) if name.startswith("_") else name: text for name, text in keywords.items()}
    return read_fcs(write_fcs(folder / "file.fcs", channels, np.ones((2, 3)), keywords=words))


@pytest.mark.parametrize("keyword", ["_SPILLOVER", "SPILL", "_SPILL", "SPILLOVER"])
def test_the_matrix_of_a_keyword(tmp_path: Path, keyword: str) -> None:
    text = "2,C,A,1,0.25,0.5,1"
    found = find_spillover(file_with(tmp_path, **{keyword: text}))
    assert found is not None
    assert found.names == ("C", "A")
    assert found.matrix.tolist() == [[1, 0.25], [0.5, 1]]


def test_channels_by_number(tmp_path: Path) -> None:
    """BD's and FCS 2.0's habit: places in place of names."""
    found = find_spillover(file_with(tmp_path, _SPILLOVER="2,1,3,1,0.1,0,1"))
    assert found is not None
    assert found.names == ("A", "C")


def test_no_keyword_and_no_channels_are_no_matrix(tmp_path: Path) -> None:
    assert find_spillover(file_with(tmp_path)) is None
    assert find_spillover(file_with(tmp_path, _SPILLOVER="0")) is None


@pytest.mark.parametrize(
    "text", ["x", "2,A,B,1,0,0", "2,A,Q,1,0,0,1", "2,A,B,1,x,0,1", "2,A,A,1,0,0,1", "2,A,B,1,1,1,1", "2,A,B,1,nan,0,1"]
)
def test_a_wrong_matrix_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises((FileReadError, ValueRangeError)):
        find_spillover(file_with(tmp_path, _SPILLOVER=text))


def test_compensation_takes_spillover_off() -> None:
    light = np.random.default_rng(1).lognormal(5, 1, (1000, 3))
    measured = dict(zip(NAMES, (light @ MATRIX).T, strict=True)) | {"Time": np.arange(1000.0)}
    found = compensate(measured, Spillover(NAMES, MATRIX, "test"))
    for place, name in enumerate(NAMES):
        assert found[name] == pytest.approx(light[:, place], rel=1e-10)
    assert found["Time"] is measured["Time"]
    with pytest.raises(ValueRangeError, match=r"compensation.*no channel C"):
        compensate({"A": light[:, 0], "B": light[:, 1]}, Spillover(NAMES, MATRIX, "test"))


def stains(dark_share: float) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
    random = np.random.default_rng(2)
    found = {}
    for place, name in enumerate(NAMES):
        dye = np.zeros((4000, 3))
        dye[:, place] = random.lognormal(9, 0.3, 4000) * (random.random(4000) >= dark_share)
        light = dye @ MATRIX + random.normal(100, 20, (4000, 3))
        found[name] = dict(zip(NAMES, light.T, strict=True))
    return found, dict(zip(NAMES, random.normal(100, 20, (3, 4000)), strict=True))


@pytest.mark.parametrize("dark_share", [0.0, 0.5, 0.9])
def test_single_stains_give_the_matrix(dark_share: float) -> None:
    """Median of 400 or more cells of 8,000 against noise of 20: a standard error below 3e-4 in each coefficient."""
    stained, unstained = stains(dark_share)
    assert learn_spillover(stained, unstained, NAMES).matrix == pytest.approx(MATRIX, abs=1.2e-3)


def test_without_unstained_cells_the_dark_ones_stand_in() -> None:
    stained, _ = stains(0.4)
    assert learn_spillover(stained, None, NAMES).matrix == pytest.approx(MATRIX, abs=1.2e-3)


def test_a_channel_without_a_control_spills_nothing() -> None:
    stained, unstained = stains(0.0)
    del stained["B"]
    assert learn_spillover(stained, unstained, NAMES).matrix[1].tolist() == [0, 1, 0]


def test_tubes_that_are_exchanged_are_found() -> None:
    stained, unstained = stains(0.0)
    with pytest.raises(LimusError, match="brightest in A"):
        learn_spillover({"A": stained["B"]}, unstained, NAMES)
    few = {name: values[:30] for name, values in stained["A"].items()}
    with pytest.raises(LimusError, match="bright cells"):
        learn_spillover({"A": few}, unstained, NAMES)


def test_compensation_by_the_instrument_is_said(tmp_path: Path) -> None:
    assert remarks_on_compensation(file_with(tmp_path)) == ()
    assert remarks_on_compensation(file_with(tmp_path, _COMP="3,1,0,0,0,1,0,0,0,1"))[0].check == (
        "compensated-by-instrument"
    )
    assert remarks_on_compensation(file_with(tmp_path, _DFC1TO2="12"))
