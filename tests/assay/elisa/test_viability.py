"""Viability: the formulae of MTT and LDH, the verdicts, and both ways of joining it with another plate."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from limus.assay.elisa.viability import Verdict, ViabilityPlate, judge_viability, measure_viability
from limus.assay.layout.file import read_layout
from limus.assay.plate.uncertainty import NOT_KNOWN, Estimate
from limus.assay.quality.rules import load_rules, rule_values
from limus.assay.reader.file import read_plate_file
from limus.assay.reader.join import join_plate
from limus.kernel.errors import InputError

LAYOUT = """limus_layout = 1
plate = "96"
[[wells]]
wells = "A1:A3"
role = "blank"
[[wells]]
wells = "B1:B3"
role = "control"
[[wells]]
wells = "C1:C3"
role = "maximum"
[[wells]]
wells = "D1:D3"
role = "sample"
compound = "tacrolimus"
concentration = "1 uM"
"""


def plate(tmp_path: Path, assay: str, rows: dict[str, list[float]], layout: str = LAYOUT) -> ViabilityPlate:
    (tmp_path / "layout.toml").write_text(layout, encoding="utf-8")
    lines = [",1,2,3"] + [f"{row}," + ",".join(map(str, values)) for row, values in rows.items()]
    (tmp_path / "plate.csv").write_text("\n".join(lines), encoding="utf-8")
    found = read_layout(tmp_path / "layout.toml")
    return measure_viability(join_plate(found, read_plate_file(tmp_path / "plate.csv", found.plate)), assay)  # type: ignore[arg-type]


SIGNALS = {"A": [0.1, 0.11, 0.09], "B": [1.1, 1.12, 1.08], "C": [2.1, 2.12, 2.08], "D": [0.61, 0.6, 0.59]}


def test_mtt_is_the_share_of_the_controls_above_blanks(tmp_path: Path) -> None:
    drug = plate(tmp_path, "mtt", SIGNALS).by_treatment[-1]
    assert drug.compound == "tacrolimus"
    assert drug.percent.value == pytest.approx(100 * (0.6 - 0.1) / (1.1 - 0.1))
    assert drug.percent.lower < 50 < drug.percent.upper
    assert drug.n == 3


def test_ldh_is_what_is_not_released(tmp_path: Path) -> None:
    released = {**SIGNALS, "D": [1.6, 1.62, 1.58]}
    drug = plate(tmp_path, "ldh", released).by_treatment[-1]
    assert drug.percent.value == pytest.approx(100 - 100 * (1.6 - 1.1) / (2.1 - 1.1))


def test_an_interval_carries_blanks_and_controls(tmp_path: Path) -> None:
    sure, unsure = (
        plate(tmp_path, "mtt", SIGNALS | {"B": controls}).by_treatment[-1].percent
        for controls in ([1.1, 1.1, 1.1], [1.5, 1.1, 0.7])
    )
    assert unsure.upper - unsure.lower > 2 * (sure.upper - sure.lower)


@pytest.mark.parametrize(("assay", "lost"), [("mtt", "blank"), ("mtt", "control"), ("ldh", "maximum")])
def test_wells_that_the_formula_needs_must_be_there(tmp_path: Path, assay: str, lost: str) -> None:
    with pytest.raises(InputError, match=f"role {lost}"):
        plate(tmp_path, assay, SIGNALS, LAYOUT.replace(f'"{lost}"', '"excluded"'))


def test_controls_below_blanks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="control above blank"):
        plate(tmp_path, "mtt", SIGNALS | {"B": [0.05, 0.05, 0.05]})


@pytest.mark.parametrize(
    ("value", "lower", "upper", "verdict", "masks"),
    [
        (95.0, 88.0, 102.0, Verdict.VIABLE, False),
        (75.0, 66.0, 84.0, Verdict.UNCERTAIN, False),
        (65.0, 58.0, 72.0, Verdict.CYTOTOXIC_LIKELY, True),
        (40.0, 35.0, 45.0, Verdict.CYTOTOXIC, True),
        (70.0, math.nan, math.nan, Verdict.VIABLE, False),
        (69.9, math.nan, math.nan, Verdict.CYTOTOXIC, True),
    ],
)
def test_a_verdict_takes_the_mean_and_says_how_sure_it_is(
    value: float, lower: float, upper: float, verdict: Verdict, masks: bool
) -> None:
    found = judge_viability(Estimate(value, lower, upper), 70.0)
    assert found is verdict
    assert found.masks == masks
    assert judge_viability(NOT_KNOWN, 70.0) is Verdict.NOT_MEASURED


def test_wells_are_joined_by_name(tmp_path: Path) -> None:
    found = plate(tmp_path, "mtt", SIGNALS)
    estimate, n = found.of_wells(["D1", "D2", "H12"])
    assert n == 2
    assert estimate.value == pytest.approx(50.5)
    assert found.of_wells(["H12"]) == (NOT_KNOWN, 0)


def test_limits_come_from_the_library_unless_the_layout_sets_them() -> None:
    rules = load_rules()
    assert rules["viability_percent"].source == ("iso_10993_5",)
    assert all(rule.source or rule.note for rule in rules.values())
    assert rule_values({"accuracy_percent": 15}, "here")["accuracy_percent"] == 15
    for wrong in ({"acuracy_percent": 15.0}, {"accuracy_percent": -1.0}, {"accuracy_percent": "15"}):
        with pytest.raises(InputError):
            rule_values(wrong, "here")


def test_a_missing_signal_leaves_a_treatment_without_a_number(tmp_path: Path) -> None:
    one = plate(tmp_path, "mtt", SIGNALS | {"D": [np.nan, np.nan, np.nan]})
    assert one.by_treatment[-1].percent == NOT_KNOWN
