"""Immunophilins and targets from whole-blood levels: equations, competition, the two readings."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import InputError, UnknownNameError, ValueRangeError
from limus.molecule.catalogue import load_compounds
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.signalling.model_library import load_model
from limus.trial.exposure.history import ExposureHistory
from limus.trial.exposure.target_inhibition import target_inhibition, visit_inhibition

HCT = 35.0


def test_plasma_and_occupancy_solve_the_equation_of_blood() -> None:
    values = load_population_model("Storset_2014").values
    capacity, constant = (float(values[name].value or 0.0) for name in ("red_cell_capacity", "red_cell_affinity"))
    levels = np.array([0.0, 1.0, 5.0, 20.0])
    found = target_inhibition({"tacrolimus": levels}, HCT)
    plasma = found.plasma_ng_per_ml["tacrolimus"]
    np.testing.assert_allclose(plasma * (1.0 + capacity * HCT / 100.0 / (plasma + constant)), levels, atol=1e-12)
    np.testing.assert_allclose(found.immunophilin_occupancy["tacrolimus"], plasma / (plasma + constant), atol=1e-15)
    assert (np.diff(found.inhibition["calcineurin"]) > 0).all()
    assert found.inhibition["calcineurin"][0] == 0.0
    assert "mtor" not in found.inhibition


def test_in_blood_everolimus_takes_next_to_nothing_of_tacrolimus() -> None:
    tacrolimus, everolimus = np.meshgrid([3.0, 5.0, 10.0], [3.0, 8.0])
    alone = target_inhibition({"tacrolimus": tacrolimus}, HCT)
    both = target_inhibition({"tacrolimus": tacrolimus, "everolimus": everolimus}, HCT)
    lost = 1.0 - both.immunophilin_occupancy["tacrolimus"] / alone.immunophilin_occupancy["tacrolimus"]
    assert np.abs(lost).max() < 0.01  # of the share of FKBP12, at clinical levels
    change = alone.inhibition["calcineurin"] - both.inhibition["calcineurin"]
    assert (change > 0).all()
    assert change.max() < 0.05
    assert (both.inhibition["mtor"] > 0.3).all()


def test_competition_shows_far_above_clinical_levels() -> None:
    alone = target_inhibition({"tacrolimus": 5.0}, HCT)
    both = target_inhibition({"tacrolimus": 5.0, "everolimus": 1000.0}, HCT)
    ratio = both.immunophilin_occupancy["tacrolimus"] / alone.immunophilin_occupancy["tacrolimus"]
    assert ratio < 0.98
    purified = [
        target_inhibition(levels, HCT, reading="purified").immunophilin_occupancy["tacrolimus"]
        for levels in ({"tacrolimus": 5.0}, {"tacrolimus": 5.0, "everolimus": 5.0})
    ]
    assert purified[1] < 0.8 * purified[0]  # with constants of the isolated protein it would matter: said in the docs


def test_the_reading_from_blood_agrees_with_what_cells_were_measured_to_hold() -> None:
    content = load_compounds()["tacrolimus"].constant("pbmc_intracellular_concentration").value.value
    assert content is not None
    total = load_model("t_cell").parameters["fkbp12_total"].value
    held = target_inhibition({"tacrolimus": 6.2}, HCT).immunophilin_occupancy["tacrolimus"] * total
    # 28.4 pg per million cells at a trough of 6.2 ng/mL, range 9.6 to 80.4; the cells' volume is assumed
    assert content * 9.6 / 28.4 < float(held) < content * 80.4 / 28.4
    purified = target_inhibition({"tacrolimus": 6.2}, HCT, reading="purified").immunophilin_occupancy["tacrolimus"]
    assert float(purified) * total < content * 9.6 / 28.4


def test_drugs_with_other_partners() -> None:
    found = target_inhibition({"ciclosporin": [100.0, 200.0], "sirolimus": 6.0}, HCT)
    assert set(found.inhibition) == {"calcineurin", "mtor"}
    assert found.reading == {"ciclosporin": "purified", "sirolimus": "purified"}
    assert found.inhibition["calcineurin"][1] > found.inhibition["calcineurin"][0]


def history(levels: list[list[float]]) -> ExposureHistory:
    """True troughs, and nothing else that is looked at."""
    trough = np.array(levels)
    empty, codes = np.zeros_like(trough), np.zeros(trough.shape, dtype=np.int8)
    days, one = np.array([0.0, 365.0]), np.ones(len(trough))
    return ExposureHistory(
        compound="drug",
        model="model",
        visit_day=days,
        actual_day=empty + days,
        sampling_day=empty,
        trough_true_ng_per_ml=trough,
        trough_measured_ng_per_ml=empty,
        sample=codes,
        auc_ng_h_per_ml=empty,
        dose_mg_per_day=empty,
        asked_mg_per_day=empty,
        decision=codes,
        doses_due=one,
        doses_taken=one,
        aim_ratio=one,
        outside_limits=one > 0,
    )


def test_along_visits_the_haematocrit_recovers_and_holds_more_drug() -> None:
    found = visit_inhibition({"tacrolimus": history([[5.0, 5.0]]), "everolimus": history([[0.0, 5.0]])}, [30.0])
    assert found.inhibition["mtor"][0, 0] == 0.0
    plasma = found.plasma_ng_per_ml["tacrolimus"][0]
    assert plasma[1] < plasma[0]
    same = target_inhibition({"tacrolimus": 5.0}, 30.0).plasma_ng_per_ml["tacrolimus"]
    assert plasma[0] == pytest.approx(float(same))
    with pytest.raises(ValueRangeError, match="subjects"):
        visit_inhibition({"tacrolimus": history([[5.0, 5.0]])}, [30.0, 31.0])


@pytest.mark.parametrize(
    ("levels", "haematocrit", "error"),
    [
        ({}, HCT, InputError),
        ({"mycophenolic acid": 1.0}, HCT, UnknownNameError),
        ({"tacrolimus": -1.0}, HCT, ValueRangeError),
        ({"tacrolimus": np.nan}, HCT, ValueRangeError),
        ({"tacrolimus": 1.0}, 0.0, ValueRangeError),
        ({"tacrolimus": 1.0}, 135.0, ValueRangeError),
    ],
)
def test_wrong_levels_are_told(levels: dict[str, float], haematocrit: float, error: type[InputError]) -> None:
    with pytest.raises(error):
        target_inhibition(levels, haematocrit)


def test_an_unknown_reading_is_told() -> None:
    with pytest.raises(UnknownNameError, match="purified"):
        target_inhibition({"tacrolimus": 1.0}, HCT, reading="plasma")
