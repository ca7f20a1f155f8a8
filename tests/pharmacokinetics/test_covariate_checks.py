"""Covariates against the limits of a model: refused, overridden by name, defaulted only as the authors did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError, RefusedError
from limus.kernel.tables import Table
from limus.pharmacokinetics.covariate_checks import check_covariates, covariate_columns, refuse_outside_limits
from limus.pharmacokinetics.population_model.library import load_population_model

GOOD: dict[str, Any] = {"HCT": [32.0, 35.0], "CYP3A5_expresser": [0.0, 1.0], "immediate_release": [1.0, 1.0]}


def _found(table: dict[str, Any], *, model: str = "Woillard_2011", **options: Any) -> dict[str, Finding]:
    findings = check_covariates(load_population_model(model), table, **options)
    assert len({f.check + f.where for f in findings}) == len(findings)
    return {f.check: f for f in findings if f.severity is not Severity.NOTE}


def test_a_table_within_the_limits_is_silent_but_for_notes() -> None:
    assert _found(GOOD) == {}
    findings = check_covariates(load_population_model("Woillard_2011"), Table.create(GOOD))
    assert {f.check for f in findings} == {"limit-not-shown"}
    refuse_outside_limits(findings)


def test_a_value_outside_is_refused_unless_the_limit_is_named() -> None:
    table = GOOD | {"HCT": [32.0, 55.9]}
    finding = _found(table, labels=["ID 1", "ID 2"])["validity-limit"]
    assert finding.severity is Severity.ERROR
    assert finding.got == "55.9 (ID 2)"
    assert finding.allowed == "20.9 to 46.6 percent"
    assert "override HCT" in finding.do
    model = load_population_model("Woillard_2011")
    with pytest.raises(RefusedError, match=r"55\.9"):
        refuse_outside_limits(check_covariates(model, table))
    waived = check_covariates(model, table, ["hct"])
    refuse_outside_limits(waived)
    assert [f.severity for f in waived if f.check == "validity-limit"] == [Severity.WARNING]


def test_a_fraction_in_place_of_per_cent_is_named() -> None:
    finding = _found(GOOD | {"HCT": [0.32, 0.35]})["validity-limit"]
    assert "100 times each value would be inside: is the column in percent?" in finding.do
    creatinine = {"AGE": 40.0, "BSA": 1.8, "SCR": [1.2, 2.0], "HCT": 33.0, "LBM": 55.0, "CYP3A5_expresser": 0.0}
    assert "88.42 times" in _found(creatinine, model="Andrews_2019")["validity-limit"].do


def test_only_defaults_of_the_authors_are_used() -> None:
    andrews = {"AGE": 40.0, "BSA": 1.8, "SCR": 120.0, "HCT": 33.0, "LBM": 55.0, "CYP3A5_expresser": 0.0}
    findings = check_covariates(load_population_model("Andrews_2019"), andrews)
    defaults = [f for f in findings if f.check == "default-covariate"]
    assert [f.severity for f in defaults] == [Severity.NOTE, Severity.NOTE]
    assert "42 g/L for all: the authors" in defaults[0].got
    del andrews["SCR"]
    missing = _found(andrews, model="Andrews_2019")["missing-covariate"]
    assert "SCR or CREAT in umol/L" in missing.allowed
    with pytest.raises(InputError, match="nothing is substituted"):
        refuse_outside_limits([missing])


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"CYP3A5_expresser": [0.0, 2.0]}, "impossible-value"),
        ({"HCT": [32.0, -1.0]}, "impossible-value"),
        ({"HCT": [32.0, np.inf]}, "impossible-value"),
        ({"HCT": [np.nan, np.nan]}, "missing-covariate"),
        ({"HCT": ["low", "high"]}, "covariate-not-a-number"),
        ({"HEMATOCRIT": [32.0, 33.0]}, "doubled-covariate"),
        ({"organ": "liver"}, "validity-limit"),
        ({"AGE": [17.0, 40.0]}, "validity-limit"),
    ],
)
def test_what_is_wrong_is_found(change: dict[str, Any], check: str) -> None:
    assert set(_found(GOOD | change)) == {check}


def test_impossible_values_cannot_be_overridden() -> None:
    assert "impossible-value" in _found(GOOD | {"CYP3A5_expresser": 3.0}, overrides=["CYP3A5_expresser"])


def test_words_are_compared_without_case_and_overrides_must_exist() -> None:
    assert _found(GOOD | {"organ": "Kidney", "formulation": ["prograf", "PROGRAF"]}) == {}
    assert _found(GOOD | {"organ": "liver"}, overrides=["organ"])["validity-limit"].severity is Severity.WARNING
    assert "did you mean organ" in _found(GOOD, overrides=["organs"])["override"].do


def test_cells_without_a_value_are_left_to_the_carrying_rule() -> None:
    findings = check_covariates(load_population_model("Woillard_2011"), GOOD | {"HCT": [32.0, np.nan]})
    (note,) = [f for f in findings if f.check == "missing-value"]
    assert note.severity is Severity.NOTE
    assert "1 of 2 rows" in note.got
    assert "next" in note.allowed


def test_columns_are_found_by_the_names_of_the_model() -> None:
    found = covariate_columns(load_population_model("Woillard_2011"), ["HEMATOCRIT", "EXPRESSION", "AGE", "DV"])
    assert found["HCT"] == ("HEMATOCRIT",)
    assert found["CYP3A5_expresser"] == ("EXPRESSION",)
    assert found["age"] == ("AGE",)
    assert found["immediate_release"] == ()
