"""A changed medium, one that keeps its drug, and a stimulus that comes later: what stays, what goes, what returns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.signalling.blood_level import blood_culture
from limus.signalling.culture import Culture, check_culture, run_culture
from limus.signalling.model_library import load_model
from limus.signalling.protocol import find_protocol
from limus.signalling.sourced_model import SourcedModel

SOON = 1e-6  # h


@pytest.fixture(scope="module")
def model() -> SourcedModel:
    return load_model("t_cell")


def usual(stimulus: str, **changes: object) -> Culture:
    return replace(Culture.usual(find_protocol(stimulus), "il2"), **changes)


def course(
    model: SourcedModel, culture: Culture, drug: str, level: float, symbols: list[str], times: list[float]
) -> np.ndarray:
    """Shape (time, symbol)."""
    return run_culture(model, culture, {drug: np.array([level])}, symbols, times).values[0]


def test_a_wash_empties_the_medium_and_leaves_what_is_in_the_cells(model: SourcedModel) -> None:
    washed = usual("anti_cd3_cd28", wash_at_hours=4.0)
    symbols = ["tacrolimus.medium", "IL2", "IFNG", "tacrolimus.total_in_cells", "mtor.Akt", "medium", "cytosol"]
    before, after, later = course(model, washed, "tacrolimus", 3.0, symbols, [0.0, 4.0 - SOON, 4.0 + SOON, 24.0])[1:]
    assert before[:3].min() > 0
    np.testing.assert_allclose(after[:3], 0.0, atol=1e-4 * before[0])
    np.testing.assert_allclose(after[3:], before[3:], rtol=1e-3)
    # what leaks out stays in the fresh medium, so that nothing is lost
    held, whole = after[3] * after[6], later[0] * later[5] + later[3] * later[6]
    assert whole == pytest.approx(held, rel=1e-3)
    assert later[1] > 0  # the stimulus goes on


def test_until_the_wash_nothing_changes(model: SourcedModel) -> None:
    symbols = ["IL2", "tacrolimus.medium", "calcineurin_free_fraction"]
    times = [0.0, 1.0, 3.9]
    washed = course(model, usual("pha", wash_at_hours=4.0), "tacrolimus", 0.3, symbols, times)
    np.testing.assert_allclose(washed, course(model, usual("pha"), "tacrolimus", 0.3, symbols, times), rtol=1e-5)


@pytest.mark.parametrize(("drug", "level"), [("ciclosporin", 83.0), ("tacrolimus", 3.0)])
def test_calcineurin_comes_back_as_the_drug_leaks_out_and_fewer_cells_lose_more(
    model: SourcedModel, drug: str, level: float
) -> None:
    def regained(cells_per_ml: float) -> np.ndarray:
        washed = usual("none", wash_at_hours=4.0, cells_per_ml=cells_per_ml)
        times = [0.0, 4.0 - SOON, 6.0, 12.0, 28.0]
        free = course(model, washed, drug, level, ["calcineurin_free_fraction"], times)[1:, 0]
        assert free[0] < 0.3
        return (free[1:] - free[0]) / (1.0 - free[0])

    few, usual_number, many = map(regained, (1e5, 1e6, 1e7))
    for found in (few, usual_number, many):
        assert (np.diff(found) >= 0).all()
        assert 0.0 <= found[0] < found[-1] < 1.0
    # what has leaked out is taken up again, the more so the more cells there are
    assert (many < usual_number).all()
    assert (usual_number < few).all()


def test_what_a_stimulus_adds_comes_with_it_and_again_with_fresh_medium(model: SourcedModel) -> None:
    added = find_protocol("il2").settings["il2_added"]

    def il2(times: list[float], **changes: float) -> np.ndarray:
        return course(model, usual("il2", **changes), "sirolimus", 0.0, ["IL2"], times)[:, 0]

    assert il2([0.0, 1.9, 2.0 + SOON], add_at_hours=-2.0).tolist() == pytest.approx([0.0, 0.0, added], abs=1e-4)
    before = il2([0.0, 1.0 + SOON, 1.9, 2.0 + SOON], add_at_hours=-2.0, wash_at_hours=-1.0)
    assert before.tolist() == pytest.approx([0.0, 0.0, 0.0, added], abs=1e-4)
    at_once = il2([0.0, 1.9, 2.0 + SOON], add_at_hours=-2.0, wash_at_hours=0.0)
    assert at_once.tolist() == pytest.approx([0.0, 0.0, added], abs=1e-4)
    again = il2([0.0, 2.0, 3.0 - SOON, 3.0 + SOON], wash_at_hours=3.0)
    assert again[2] < again[1] < again[0] == added
    assert again[3] == pytest.approx(added, abs=1e-4)


def test_drug_taken_up_before_the_stimulus_still_acts_after_a_wash(model: SourcedModel) -> None:
    def il2(level: float, **changes: float) -> float:
        return float(course(model, usual("pha", **changes), "tacrolimus", level, ["IL2"], [0.0, 26.0])[-1, 0])

    washed = il2(3.0, add_at_hours=-2.0, wash_at_hours=0.0) / il2(0.0, add_at_hours=-2.0, wash_at_hours=0.0)
    kept = il2(3.0, add_at_hours=-2.0) / il2(0.0, add_at_hours=-2.0)
    assert kept < washed < 0.9


@pytest.mark.parametrize("hours", [0.0, -1.0, 24.0, 30.0, float("nan")])
def test_a_wash_comes_between_drug_and_harvest(model: SourcedModel, hours: float) -> None:
    with pytest.raises(ValueRangeError, match="wash-at"):
        check_culture(model, usual("pha", wash_at_hours=hours), ["tacrolimus"], 1.0)


def test_blood_keeps_its_drug_however_dense_the_cells(model: SourcedModel) -> None:
    symbols = ["tacrolimus.medium", "calcineurin_free_fraction"]
    few, many = (
        course(model, blood_culture(usual("none", cells_per_ml=n)), "tacrolimus", 0.3, symbols, [0.0, 12.0, 26.0])
        for n in (1e4, 1e7)
    )
    np.testing.assert_allclose(few[:, 0], 0.3)
    np.testing.assert_allclose(many, few, rtol=1e-4)


def test_blood_has_the_autocrine_loop_of_a_culture(model: SourcedModel) -> None:
    culture = usual("anti_cd3", add_at_hours=-24.0, serum_percent=100.0)
    symbols = ["IL2", "receptor", "growth.dna_synthesis"]
    plasma = course(model, culture, "tacrolimus", 0.0, symbols, [0.0, 48.0])[-1]
    blood = course(model, blood_culture(usual("anti_cd3")), "tacrolimus", 0.0, symbols, [0.0, 48.0])[-1]
    np.testing.assert_allclose(blood, plasma, rtol=1e-5)
    thin = course(model, blood_culture(usual("anti_cd3", cells_per_ml=1e4)), "tacrolimus", 0.0, symbols, [0.0, 48.0])
    assert thin[-1, 0] < 0.2 * blood[0]
