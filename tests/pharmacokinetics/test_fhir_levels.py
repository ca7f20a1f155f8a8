"""Levels from FHIR Observations: what is read, what is left out and said, what is refused and where."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limus.kernel.provenance import load_bibliography
from limus.kernel.tables import library_folder
from limus.pharmacokinetics.event_table.error import EventTableError
from limus.pharmacokinetics.exchange.fhir.codes import check_digit_holds, load_loinc

from .fhir_bundles import LOINC, checks, doses, level, observed, quantity, read

NOON = "2026-03-04T07:45:00Z"


def test_levels_come_in_the_unit_wanted(tmp_path: Path) -> None:
    times = [f"2026-03-0{k}T07:45:00Z" for k in (2, 3, 4)]
    # 8 ug/L are 8 ng/mL; 0.8 ug/dL too; 10 nmol/L of 804.031 g/mol are 8.04031 ng/mL
    given = [
        level("a", times[0], 8, "ug/L"),
        level("b", times[1], 0.8, "ug/dL"),
        level("c", times[2], 10, "nmol/L"),
    ]
    table = read(tmp_path, *doses(), *given)
    assert table.observations.value == pytest.approx([8.0, 8.0, 8.04031], rel=1e-12)
    assert table.observations.time_h.tolist() == [23.75, 47.75, 71.75]
    assert table.subjects == ("p1",)
    assert table.concentration_unit == "ng/mL"


def test_below_the_limit_is_a_comparator(tmp_path: Path) -> None:
    below = level("a", NOON, valueQuantity=quantity(2.0, "ng/mL") | {"comparator": "<"})
    table = read(tmp_path, *doses(), below, level("b", "2026-03-04T10:00:00Z", 9.0))
    assert table.observations.censored.tolist() == [True, False]
    assert table.observations.limit[0] == 2.0
    assert np.isnan(table.observations.value[0])


@pytest.mark.parametrize(
    ("change", "check", "place"),
    [
        ({"valueQuantity": quantity(-3, "ng/mL")}, "level-positive", "valueQuantity.value"),
        ({"valueQuantity": quantity(0, "ng/mL")}, "level-positive", "valueQuantity.value"),
        ({"valueQuantity": quantity("8.1", "ng/mL")}, "fhir-number", "valueQuantity.value"),
        ({"valueQuantity": {"value": 8.1}}, "quantity-has-unit", "valueQuantity.code"),
        ({"valueQuantity": {"value": 8.1, "code": "ng/mL"}}, "unit-is-ucum", "valueQuantity.system"),
        ({"valueQuantity": quantity(8.1, "mg")}, "unit-convertible", "valueQuantity.code"),
        ({"valueQuantity": quantity(8.1, "ng.mL-1 *")}, "unit-known", "valueQuantity.code"),
        (
            {"valueQuantity": quantity(40, "ng/mL") | {"comparator": ">"}},
            "level-comparator",
            "valueQuantity.comparator",
        ),
        ({"valueQuantity": quantity(40, "ng/mL") | {"comparator": "~"}}, "fhir-value-set", "valueQuantity.comparator"),
        ({"valueString": "8.1 ng/mL"}, "fhir-one-choice", "value[x]"),
        ({"effectiveDateTime": "2026-03-04"}, "time-of-day", "effectiveDateTime"),
        ({"effectiveDateTime": "4.3.2026"}, "fhir-text", "effectiveDateTime"),
        ({"effectiveDateTime": "2026-03-04T07:45:00"}, "one-clock", "resource"),
        ({"status": "unknown"}, "level-status", "status"),
        ({"status": "done"}, "fhir-value-set", "status"),
        ({"subject": {"reference": "Patient/p2"}}, "subject-is-patient", "subject"),
        ({"subject": {"display": "Mrs P"}}, "subject-is-patient", "subject"),
        ({"modifierExtension": [{"url": "https://example.org/not"}]}, "no-modifiers", "modifierExtension"),
        ({"valueQuantty": 3}, "fhir-element-known", "valueQuantty"),
    ],
)
def test_a_level_that_cannot_be_is_refused_with_its_place(
    tmp_path: Path, change: dict[str, Any], check: str, place: str
) -> None:
    with pytest.raises(EventTableError) as caught:
        read(tmp_path, *doses(), level("a", NOON, **change))
    errors = [error for error in caught.value.errors if error.check == check]
    assert len(errors) == 1
    assert errors[0].where.endswith(place)
    assert "Bundle.entry[7].resource" in errors[0].where
    assert all((errors[0].got, errors[0].allowed, errors[0].do))


@pytest.mark.parametrize(
    ("removed", "check"),
    [("effectiveDateTime", "sample-time"), ("valueQuantity", "level-is-number"), ("subject", "subject-is-patient")],
)
def test_what_a_level_needs(tmp_path: Path, removed: str, check: str) -> None:
    given = level("a", NOON, issued="2026-03-04T09:00:00Z")
    del given[removed]
    with pytest.raises(EventTableError) as caught:
        read(tmp_path, *doses(), given)
    assert [error.check for error in caught.value.errors] == [check]


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"status": "entered-in-error"}, "level-status"),
        ({"status": "cancelled"}, "level-status"),
        ({"code": {"text": "Tacrolimus level"}}, "level-code"),
    ],
)
def test_what_is_left_out_is_said(tmp_path: Path, change: dict[str, Any], check: str) -> None:
    table = read(tmp_path, *doses(), level("a", NOON, **change), level("b", "2026-03-04T10:00:00Z"))
    assert table.observations.value.tolist() == [8.0]
    said = next(finding for finding in table.findings if finding.check == check)
    assert "Bundle.entry[7].resource" in said.where


def test_a_wrong_check_digit_is_named(tmp_path: Path) -> None:
    coding = {"coding": [{"system": LOINC, "code": "11253-3"}], "text": "Tacrolimus"}
    table = read(tmp_path, *doses(), level("a", NOON, code=coding))
    assert not len(table.observations)
    assert "check digit" in next(finding.got for finding in table.findings if finding.check == "level-code")


def test_absent_data_and_a_level_that_is_not_final(tmp_path: Path) -> None:
    absent = observed("a", "11253-2", NOON, dataAbsentReason={"text": "clotted"})
    table = read(tmp_path, *doses(), absent, level("b", "2026-03-04T10:00:00Z", status="preliminary"))
    assert len(table.observations) == 1
    assert {"level-there", "level-status"} <= checks(table)


def test_other_drugs_and_other_matrices_are_not_its_levels(tmp_path: Path) -> None:
    sirolimus = observed("a", "29247-4", NOON, valueQuantity=quantity(7, "ng/mL"))
    table = read(tmp_path, *doses(), sirolimus)
    assert not len(table.observations)
    assert "levels-there" in checks(table)
    assert not any("29247-4" in finding.got for finding in table.findings)


def test_a_doubled_level_counts_once_and_two_values_are_refused(tmp_path: Path) -> None:
    table = read(tmp_path, *doses(), level("a", NOON), level("b", NOON))
    assert len(table.observations) == 1
    assert "level-once" in checks(table)
    with pytest.raises(EventTableError, match="one level at one time"):
        read(tmp_path, *doses(), level("a", NOON), level("b", NOON, 9.0))


def test_a_trough_by_name_that_is_none_by_time_is_said(tmp_path: Path) -> None:
    trough = {"coding": [{"system": LOINC, "code": "33929-1"}]}
    table = read(tmp_path, *doses(8), level("a", "2026-03-04T09:30:00Z", code=trough))
    assert "1.5 h after a dose" in next(f.got for f in table.findings if f.check == "trough-is-trough")
    assert "trough-is-trough" not in checks(read(tmp_path, *doses(8), level("a", NOON, code=trough)))


def test_the_codes_of_the_library_have_their_check_digit_and_their_source() -> None:
    file = load_loinc()
    entries = [*file.levels, *file.covariates, *file.genotypes]
    assert [entry.code for entry in entries if not check_digit_holds(entry.code)] == []
    assert len({entry.code for entry in entries}) == len(entries)
    known = load_bibliography(library_folder() / "references.bib")
    for path in (library_folder() / "exchange").glob("*.toml"):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        rows = [row for part in content.values() if isinstance(part, list) for row in part if isinstance(row, dict)]
        for row in [*rows, content]:
            assert set(row.get("source", ())) <= set(known), (path.name, row)
            assert row.get("kind", "assumed") == "assumed" or row["source"], (path.name, row)
