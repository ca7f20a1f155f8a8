"""The question of two drugs, and what-if settings of a culture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import InputError, RefusedError, UnknownNameError, ValueRangeError
from limus.workflows.combine import CombineRequest, run
from limus.workflows.potency import PotencyRequest
from limus.workflows.potency import run as run_potency


def combine(**changes: object) -> CombineRequest:
    asked = {"first": "FK506", "second": "rapamycin", "readout": "calcineurin", "stimulus": "none"}
    return CombineRequest(**(asked | {"points": 4, "draws": 3} | changes))


def test_a_run_keeps_the_surface_and_the_figure(tmp_path: Path) -> None:
    result = run(combine(), out=tmp_path / "run").as_dict()
    assert (result["first"], result["second"]) == ("tacrolimus", "sirolimus")
    assert np.shape(result["inhibition_fraction"]) == (5, 5)
    assert result["verdict_bliss"] == "antagonism"
    assert result["alone"]["sirolimus"]["status"] == "no_effect"
    assert (tmp_path / "run" / "figures" / "combination.svg").exists()
    assert (tmp_path / "run" / "results" / "surface.parquet").exists()


def test_concentrations_can_be_given() -> None:
    result = run(combine(concentrations_first=(0.1, 1.0), concentrations_second=(10.0, 100.0), draws=0))
    assert result.surface.first.tolist() == [0.0, 0.1, 1.0]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"second": "tacrolimus"}, InputError, "twice"),
        ({"second": "hydrocortisone"}, RefusedError, "hydrocortisone"),
        ({"concentrations_first": (1.0, 0.1)}, InputError, "increasing"),
        ({"settings": ("calcineurin_totl=1nM",)}, UnknownNameError, "calcineurin_total"),
        ({"settings": ("calcineurin_total",)}, InputError, "name=value"),
        ({"settings": ("cells_per_ml=1e6",)}, InputError, "--density"),
        ({"settings": ("calcineurin_total=-1nM",)}, ValueRangeError, "zero or more"),
        ({"settings": ("resistant_growth=1.5",)}, ValueRangeError, "0 to 1"),
        ({"settings": ("medium=2mL",)}, InputError, "by definition"),
        ({"medium": "blood", "serum": 10.0}, InputError, "--serum"),
        ({"medium": "blood", "wash_at": 1.0}, InputError, "--wash-at"),
        ({"medium": "blood", "settings": ("serum_binding=2",)}, InputError, "--set serum_binding"),
        ({"wash_at": 2.0}, ValueRangeError, "wash-at"),
    ],
)
def test_bad_questions_say_what_is_wrong(changes: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        run(combine(**changes))


def test_the_size_of_an_effect_may_exceed_one() -> None:
    asked = {"compound": "tacrolimus", "readout": "il2", "stimulus": "anti_cd3_cd28", "draws": 0}
    usual = run_potency(PotencyRequest(**asked)).as_dict()
    strong = run_potency(PotencyRequest(**asked, settings=("costimulation_effect=10",))).as_dict()
    assert strong["ic50_absolute_nM"] > 1.2 * usual["ic50_absolute_nM"]


def test_what_if_a_cell_had_ten_times_the_calcineurin() -> None:
    asked = {"compound": "tacrolimus", "readout": "il2", "stimulus": "pha", "draws": 5}
    usual = run_potency(PotencyRequest(**asked)).as_dict()
    changed = run_potency(PotencyRequest(**asked, settings=("calcineurin_total=700nM",))).as_dict()
    assert changed["ic50_absolute_nM"] > 5 * usual["ic50_absolute_nM"]
    assert changed["conditions"]["changed"] == {"calcineurin_total": 700.0}
    assert usual["intervals"]["hill"][0] < usual["hill"] < usual["intervals"]["hill"][1]
