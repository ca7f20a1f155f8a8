"""The checks of population models: silent for the library, and each one can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from limus.pharmacokinetics.population_model.checks import POPULATION_MODEL_CHECKS, check_population_model
from limus.pharmacokinetics.population_model.library import load_population_model, population_model_names
from limus.pharmacokinetics.population_model.mass_balance import area_of_one_dose, is_linear

from .own_models import write_own_model


@pytest.mark.parametrize("name", population_model_names())
def test_every_check_is_silent_for_a_model_of_the_library(name: str) -> None:
    model = load_population_model(name)
    assert [finding.message for finding in check_population_model(model)] == []
    assert is_linear(model)


def test_every_check_is_silent_for_the_example(tmp_path: Path) -> None:
    assert check_population_model(load_population_model(str(write_own_model(tmp_path)))) == ()


FAILING = [
    ("names", {}, {"CL_typical*": "CL_typicl*"}, "CL_typicl"),
    ("names", {'ka_typical = { value = 4.5': 'ka_typicl = { value = 4.5'}, {}, "ka_typical"),
    ("names", {"[parameters] ": "[parameters]\ntlag = { unit = \"h\", meaning = \"lag\" }\n#"}, {}, "tlag"),
    ("names", {'output = "concentration"': 'output = "konzentration"'}, {}, "konzentration"),
    ("equations", {}, {"unit substance = 1e-3 gram": "unit substance = 1 gram"}, "unit of substance"),
    ("equations", {}, {"unit time_unit = 3600 second": "unit time_unit = 60 second"}, "unit of time"),
    ("units", {'ka_typical = { value = 4.5, unit = "1/h"': 'ka_typical = { value = 4.5, unit = "h"'}, {}, "ka"),
    ("units", {'WT_reference = { value = 70.0, unit = "kg"': 'WT_reference = { value = 70.0, unit = "L"'}, {}, "CL"),
    ("units", {}, {"CL*central/Vc": "CL*central"}, "reaction elimination"),
    ("units", {}, {"exp(eta_CL + kappa_CL)": "exp(eta_CL + WT)"}, "CL"),
    ("units", {'unit = "kg"\nmeaning': 'unit = "stone of kilo"\nmeaning'}, {}, "unit of WT"),
    ("units", {}, {"(WT/WT_reference)^CL_WT": "WT^CL_WT"}, "CL"),
    ("covariance", {"value = 0.4\ngiven_as": "value = 1.2\ngiven_as"}, {}, "between subjects"),
    ("residual", {'value = 0.5, unit = "ng/mL"': 'value = 0.5, unit = "mg/L"'}, {}, "additive"),
    ("residual", {'12.0, unit = "percent"': '12.0, unit = "h"'}, {}, "proportional"),
    ("limits", {'name = "organ"': 'name = "where"'}, {}, "organ"),
    ("limits", {"lower = 45.0": "lower = 75.0", "\nWT = 70.0": "\nWT = 80.0"}, {}, "WT"),
    ("typical", {"\nWT = 70.0": "\nWT = 130.0"}, {}, "WT"),
    ("typical", {"\nWT = 70.0": "\nWEIGHT = 70.0"}, {}, "WEIGHT"),
    ("dosing", {'compartment = "depot"': 'compartment = "gut"'}, {}, "gut"),
    ("dosing", {'"2" = "central"': '"2" = "centre"'}, {}, "CMT 2"),
    ("dosing", {'compartment = "depot"': 'compartment = "depot"\nlag = "tlag"'}, {}, "lag"),
    ("dosing", {'AMT = "mg"': 'AMT = "IU"'}, {}, "units"),
    ("sources", {'paper = "own_2026"': 'paper = "own_2062"'}, {}, "own_2062"),
    ("sources", {'drug = "tacrolimus"': 'drug = "placebo"'}, {}, "placebo"),
    ("behaviour", {}, {"concentration := central/Vc*1000": "concentration := central/Vc"}, "area of one dose"),
    ("behaviour", {"CL_typical = { value = 20.0": "CL_typical = { value = -20.0"}, {}, "typical subject"),
    ("behaviour", {}, {"elimination: central => ; CL*central/Vc": "elimination: central => depot; CL*central/Vc"},
     "leave the body"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "numbers", "equations", "said"), FAILING)
def test_each_check_can_fail(
    tmp_path: Path, check: str, numbers: dict[str, str], equations: dict[str, str], said: str
) -> None:
    model = load_population_model(str(write_own_model(tmp_path, numbers=numbers, equations=equations)))
    found = [f for f in check_population_model(model) if f.check == check]
    assert found, [f.message for f in check_population_model(model)]
    assert any(said in f.message for f in found), [f.message for f in found]


def test_no_check_is_without_a_failing_example() -> None:
    assert {check.name for check in POPULATION_MODEL_CHECKS} == {row[0] for row in FAILING}


def test_a_curved_elimination_is_recognised(tmp_path: Path) -> None:
    changes = {"CL*central/Vc;": "CL*central/(Vc + Vc*central/depot_reference);"}
    numbers = {"[values] ": '[values]\ndepot_reference = { value = 5.0, unit = "mg", kind = "assumed" }\n#'}
    model = load_population_model(str(write_own_model(tmp_path, equations=changes, numbers=numbers)))
    assert not is_linear(model)
    assert check_population_model(model) == ()


def test_the_area_of_one_dose_is_the_dose_over_the_clearance() -> None:
    model = load_population_model("Storset_2014")
    covariates = dict(model.typical.covariates) | {"CYP3A5_expresser": 1.0, "prednisolone_dose": 35.0, "WT": 100.0}
    area = area_of_one_dose(model, covariates, 4.0)
    mass = 9270 * 100 / (6680 + 216 * 100 / 1.75**2)  # Janmahasatian 2005, men
    clearance = 811 * (mass / 60) ** 0.75 * 1.30
    bioavailability = (1 - 0.67 * 35 / (35 + 35)) * 0.82
    assert area.expected == pytest.approx(bioavailability * 4.0 / clearance * 1000, rel=1e-12)
    assert area.area == pytest.approx(area.expected, rel=1e-10)
