"""Covariates, occasions and the whole bundle; a bundle broken anywhere is refused or read, never a crash."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limus.kernel.errors import FileReadError, LimusError
from limus.kernel.execution import spawn_generators
from limus.pharmacokinetics.event_table.error import EventTableError
from limus.pharmacokinetics.exchange.fhir.bundle import is_fhir_file
from limus.pharmacokinetics.exchange.fhir.read import read_bundle, words_of_bundle
from limus.pharmacokinetics.exchange.fhir.structure import structure_findings

from .fhir_bundles import (
    SUBJECT,
    TACROLIMUS,
    checks,
    column,
    dose,
    doses,
    level,
    observed,
    patient,
    quantity,
    read,
    write,
)

EXAMPLE = Path(__file__).parents[2] / "examples/fhir/kidney_patient.json"
DAY = "2026-03-01"
WHEN = "2026-03-02T06:00:00Z"


def covariate(code: str, value: float, unit: str, when: str = DAY) -> dict[str, Any]:
    return observed(f"c{code}{when}".replace(":", ""), code, when, valueQuantity=quantity(value, unit))


@pytest.mark.parametrize(
    ("code", "value", "unit", "name", "wanted"),
    [
        ("29463-7", 70.0, "kg", "WT", 70.0),
        ("29463-7", 100.0, "[lb_av]", "WT", 45.359237),  # the pound of 1959
        ("8302-2", 1.7, "m", "HT", 170.0),
        ("8302-2", 70.0, "[in_i]", "HT", 177.8),
        ("4544-3", 33.0, "%", "HCT", 33.0),
        ("20570-8", 0.33, "1", "HCT", 33.0),
        ("20570-8", 0.33, "L/L", "HCT", 33.0),
        ("2160-0", 1.0, "mg/dL", "SCR", 1e4 / 113.12),
        ("14682-9", 120.0, "umol/L", "SCR", 120.0),
        ("1751-7", 4.1, "g/dL", "ALB", 41.0),
    ],
)
def test_covariates_come_in_the_unit_of_their_column(
    tmp_path: Path, code: str, value: float, unit: str, name: str, wanted: float
) -> None:
    table = read(tmp_path, *doses(), covariate(code, value, unit))
    assert column(table, name) == pytest.approx([wanted] * 6, rel=1e-9)


def test_a_value_holds_from_its_time_on_and_the_first_before(tmp_path: Path) -> None:
    given = [covariate("4544-3", 30.0, "%", "2026-03-01T12:00:00Z"), covariate("4544-3", 36.0, "%", WHEN)]
    assert column(read(tmp_path, *doses(), *given), "HCT") == [30.0, 30.0, 36.0, 36.0, 36.0, 36.0]
    later = covariate("4544-3", 40.0, "%", "2026-03-09")
    table = read(tmp_path, *doses(), *given, later)
    assert column(table, "HCT") == [30.0, 30.0, 36.0, 36.0, 36.0, 36.0, 40.0]
    assert table.records.time_h[-1] == 7 * 24.0 + 16.0


def test_sex_age_and_days_since_transplantation(tmp_path: Path) -> None:
    procedure = {
        "resourceType": "Procedure",
        "id": "t",
        "status": "completed",
        "code": {"text": "Kidney transplantation"},
        "subject": SUBJECT,
        "performedDateTime": "2026-02-22T08:00:00Z",
    }
    person = patient(gender="female", birthDate="1976-03-01")
    table = read(tmp_path, person, *doses(), procedure)
    assert column(table, "female") == [1.0] * 6
    assert column(table, "POD") == [7.0, 7.5, 8.0, 8.5, 9.0, 9.5]
    assert column(table, "AGE")[0] == pytest.approx(50.0, abs=0.01)
    assert words_of_bundle(tmp_path / "bundle.json", TACROLIMUS) == {"organ": "kidney", "formulation": "Prograf"}
    year = read(tmp_path, patient(gender="other", birthDate="1976"), *doses())
    assert column(year, "AGE")[0] == pytest.approx(49.67, abs=0.01)
    assert {"birth-date", "gender"} <= checks(year)
    assert "female" not in year.records.names


@pytest.mark.parametrize(
    ("text", "expresser", "alleles"),
    [
        ("CYP3A5 *1/*3", 1.0, 1.0),
        ("*3/*3", 0.0, 0.0),
        ("*1A/*1", 1.0, 2.0),
        ("CYP3A5*6/*7", 0.0, 0.0),
        ("Non-expresser", 0.0, 0.0),
        ("Intermediate metabolizer", 1.0, None),
        ("CYP3A4 *1/*1, CYP3A5 *3/*3", 0.0, 0.0),
        ("CYP3A5 *1/*1; CYP3A4 *1/*22", 1.0, 2.0),
        ("CYP3A4 *1/*1", None, None),
        ("*1/*8", None, None),
        ("see report", None, None),
    ],
)
def test_genotypes(tmp_path: Path, text: str, expresser: float | None, alleles: float | None) -> None:
    for code, value in (
        ({"coding": [{"system": "http://loinc.org", "code": "81140-6"}]}, {"valueCodeableConcept": {"text": text}}),
        ({"text": "CYP3A5 genotype"}, {"valueString": text}),
    ):
        table = read(tmp_path, *doses(), observed("g", "", DAY, **value) | {"code": code})
        for name, wanted in (("CYP3A5_expresser", expresser), ("CYP3A5_1_alleles", alleles)):
            assert (column(table, name)[0] if name in table.records.names else None) == wanted
        assert ("genotype" in checks(table)) == (expresser is None)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"valueQuantity": quantity(-70, "kg")}, "covariate-value"),
        ({"valueQuantity": quantity(70, "cm")}, "unit-convertible"),
        ({"subject": {"reference": "Patient/p2"}}, "subject-is-patient"),
    ],
)
def test_wrong_covariates_are_refused(tmp_path: Path, change: dict[str, Any], check: str) -> None:
    with pytest.raises(EventTableError) as caught:
        read(tmp_path, *doses(), covariate("29463-7", 70.0, "kg") | change)
    assert [error.check for error in caught.value.errors] == [check]


def test_wrong_covariates_of_other_kinds_are_left_out(tmp_path: Path) -> None:
    weight = covariate("29463-7", 70.0, "kg")
    table = read(tmp_path, *doses(), weight | {"status": "entered-in-error"})
    assert (table.records.names, "covariate-status" in checks(table)) == (("immediate_release",), True)
    del weight["effectiveDateTime"]
    table = read(tmp_path, *doses(), weight)
    assert (column(table, "WT")[0], "covariate-time" in checks(table)) == (70.0, True)


def test_an_occasion_ends_with_its_last_level(tmp_path: Path) -> None:
    times = ("2026-03-02T07:45:00Z", "2026-03-02T10:00:00Z", "2026-03-04T07:45:00Z")
    table = read(tmp_path, *doses(10), *(level(f"l{k}", time) for k, time in enumerate(times)))
    assert table.observations.occasion.tolist() == [1, 1, 2]
    hours = table.doses.time_h
    assert table.doses.occasion.tolist() == np.where(hours <= 26.0, 1, 2).tolist()


def test_formulations(tmp_path: Path) -> None:
    first, last = doses(2)
    last["medicationCodeableConcept"] = {"text": "tacrolimus prolonged-release"}
    table = read(tmp_path, first, last)
    assert (column(table, "immediate_release"), "one-formulation" in checks(table)) == ([1.0, 0.0], True)
    unknown = dose("d", "2026-03-01T08:00:00Z", medicationCodeableConcept={"text": "tacrolimus"})
    assert "immediate_release" not in read(tmp_path, unknown).records.names


def test_a_patient_without_doses_and_levels_has_one_row(tmp_path: Path) -> None:
    table = read(tmp_path, covariate("29463-7", 70.0, "kg"))
    assert (len(table.doses), len(table.observations), column(table, "WT")) == (0, 0, [70.0])
    assert {"doses-there", "levels-there"} <= checks(table)


def test_what_is_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    for text in ("{", '{"resourceType": "Patient"}', '{"a": NaN}', "[]"):
        path.write_text(text)
        with pytest.raises(FileReadError):
            read_bundle(path, TACROLIMUS, concentration="ng/mL")
    assert not is_fhir_file(path)
    path.write_text("\ufeff  {}", encoding="utf-8")
    assert is_fhir_file(path)
    assert not is_fhir_file(tmp_path / "none.json")


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*path, name)
        yield from _places(inner, (*path, name))


def test_a_bundle_broken_anywhere_is_read_or_refused_with_reasons(tmp_path: Path) -> None:
    bundle = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    places = list(_places(bundle))
    generator = spawn_generators(1, 1, stream="broken bundles")[0]
    wrong = (None, "x", -1, True, [], {}, ["x"], {"x": 1}, [[]])
    refused: list[LimusError] = []
    for number in range(72):
        other = copy.deepcopy(bundle)
        path = places[int(generator.integers(len(places)))]
        holder = other
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = wrong[number % len(wrong)]
        file = tmp_path / "broken.json"
        file.write_text(json.dumps(other), encoding="utf-8")
        try:
            read_bundle(file, TACROLIMUS, concentration="ng/mL")
        except LimusError as error:
            refused.append(error)
    assert len(refused) > 20
    assert all(error.where and error.do for error in refused)


def test_a_number_that_json_cannot_hold(tmp_path: Path) -> None:
    path = write(tmp_path, patient(), *doses())
    path.write_text(path.read_text().replace("4.0", "4e400", 1))
    with pytest.raises(EventTableError, match="fhir-number"):
        read_bundle(path, TACROLIMUS, concentration="ng/mL")


def test_the_example_has_the_structure_of_r4() -> None:
    bundle = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert list(structure_findings(bundle, "Bundle")) == []
    bundle["entry"][0]["resource"]["gender"] = "f"
    found = list(structure_findings(bundle, "Bundle"))
    assert [(one.check, one.where) for one in found] == [("fhir-value-set", "Bundle.entry[0].resource.gender")]


def test_write_and_read_keep_the_order_of_entries(tmp_path: Path) -> None:
    given = [patient(), *doses()]
    forward = read_bundle(write(tmp_path, *given), TACROLIMUS, concentration="ng/mL")
    backward = read_bundle(write(tmp_path, *reversed(given)), TACROLIMUS, concentration="ng/mL")
    assert forward.doses.time_h.tolist() == backward.doses.time_h.tolist()
