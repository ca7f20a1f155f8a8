"""Doses from FHIR MedicationAdministrations: which drug, how much, when, by what way; intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from limus.pharmacokinetics.event_table.error import EventTableError
from limus.pharmacokinetics.exchange.fhir.bundle import open_bundle
from limus.pharmacokinetics.exchange.fhir.read import MonitoredDrug, read_bundle

from .fhir_bundles import INFUSED, TACROLIMUS, checks, column, dose, doses, level, patient, quantity, read, write

MORNING = "2026-03-01T08:00:00Z"
WHEN = "2026-03-01T09:00:00Z"
MEDICATION = {"resourceType": "Medication", "id": "m1", "code": {"text": "Advagraf 3 mg (tacrolimus)"}}


def refused(folder: Path, *resources: Any, drug: MonitoredDrug | None = None) -> list[str]:
    with pytest.raises(EventTableError) as caught:
        read(folder, *resources, **({} if drug is None else {"drug": drug}))
    assert all(error.where and error.got and error.allowed and error.do for error in caught.value.errors)
    return [error.check for error in caught.value.errors]


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"status": "stopped"}, "dose-status"),
        ({"dosage": {"dose": quantity(2, "{tbl}")}}, "unit-known"),
        ({"dosage": {"dose": quantity(2, "1")}}, "unit-convertible"),
        ({"dosage": {"dose": quantity(0, "mg")}}, "dose-positive"),
        ({"dosage": {"text": "two capsules"}}, "dose-there"),
        ({"dosage": {"dose": quantity(2, "mg"), "route": {"text": "Intravenous route"}}}, "dose-route"),
        ({"dosage": {"dose": quantity(2, "mg"), "route": {"text": "cutaneous"}}}, "dose-route"),
        ({"effectiveDateTime": "2026-03-01"}, "time-of-day"),
        (
            {"medicationCodeableConcept": {"text": "tacrolimus"}, "medicationReference": {"display": "x"}},
            "fhir-one-choice",
        ),
        ({"subject": {"reference": "Patient/p2"}}, "subject-is-patient"),
        ({"occurenceDateTime": MORNING}, "fhir-element-known"),
    ],
)
def test_a_dose_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any], check: str) -> None:
    assert refused(tmp_path, dose("d", MORNING, **change)) == [check]


def test_the_names_of_r5_are_refused(tmp_path: Path) -> None:
    given = dose("d", MORNING)
    concept = given.pop("medicationCodeableConcept")
    assert "fhir-element-known" in refused(tmp_path, given | {"medication": {"concept": concept}})


def test_what_was_not_given_is_left_out(tmp_path: Path) -> None:
    given = doses(4)
    given[1]["status"], given[2]["status"] = "not-done", "entered-in-error"
    other = dose("x", "2026-03-01T09:00:00Z", medicationCodeableConcept={"text": "prednisolone"})
    table = read(tmp_path, *given, other)
    assert table.doses.time_h.tolist() == [0.0, 36.0]
    assert [finding.check for finding in table.findings].count("dose-status") == 2


def test_words_within_words_name_no_drug(tmp_path: Path) -> None:
    sirolimus = MonitoredDrug("sirolimus", "sirolimus", "whole blood", {"oral": 1})
    other = dose("d", MORNING, medicationCodeableConcept={"text": "temsirolimus"})
    table = read(tmp_path, other, dose("e", WHEN, medicationCodeableConcept={"text": "Sirolimus"}), drug=sirolimus)
    assert len(table.doses) == 1
    around = {"dose": quantity(2, "mg"), "route": {"text": "perioral use"}}
    assert refused(tmp_path, dose("d", MORNING, dosage=around)) == ["dose-route"]


def test_amounts_in_other_units(tmp_path: Path) -> None:
    assert read(tmp_path, dose("d", MORNING, 500, "ug")).doses.amount_mg.tolist() == [0.5]


def test_a_medication_is_found_in_the_bundle_contained_or_by_url(tmp_path: Path) -> None:
    given = dose("d", MORNING)
    del given["medicationCodeableConcept"]
    references = ("Medication/m1", "https://example.org/fhir/Medication/m1", "Medication/m1/_history/2")
    for reference in references:
        table = read(tmp_path, given | {"medicationReference": {"reference": reference}}, MEDICATION)
        assert column(table, "immediate_release") == [0.0]
    contained = given | {"medicationReference": {"reference": "#m1"}, "contained": [MEDICATION]}
    assert len(read(tmp_path, contained).doses) == 1
    assert refused(tmp_path, given | {"medicationReference": {"reference": "Medication/m2"}}) == ["medication-there"]
    named = given | {"medicationReference": {"reference": "Medication/m2", "display": "Prograf"}}
    assert column(read(tmp_path, named), "immediate_release") == [1.0]


@pytest.mark.parametrize(
    ("resource", "url", "reference"),
    [
        ({"id": "p1"}, None, "https://example.org/fhir/Patient/p1"),
        ({}, "https://example.org/fhir/Patient/p1", "Patient/p1"),
        ({}, "urn:uuid:4d3b31e4-9a4b-4c03-80e9-1d633f261e20", "urn:uuid:4d3b31e4-9a4b-4c03-80e9-1d633f261e20"),
    ],
)
def test_a_patient_is_named_by_url_or_by_id(tmp_path: Path, resource: Any, url: str | None, reference: str) -> None:
    person = {"resource": {"resourceType": "Patient"} | resource} | ({} if url is None else {"fullUrl": url})
    given = {"resource": dose("d", MORNING, subject={"reference": reference})}
    path = write(tmp_path, entry=[person, given])
    assert len(read_bundle(path, TACROLIMUS, concentration="ng/mL").doses) == 1
    identified = {"identifier": {"system": "urn:mrn", "value": "7"}}
    person["resource"]["identifier"] = [identified["identifier"]]
    path = write(tmp_path, entry=[person, {"resource": dose("d", MORNING, subject=identified)}])
    assert len(read_bundle(path, TACROLIMUS, concentration="ng/mL").doses) == 1


def test_another_salt_is_not_the_same_amount(tmp_path: Path) -> None:
    mofetil = MonitoredDrug("mycophenolic acid", "mycophenolate mofetil", "plasma", {"oral": 1})
    sodium = dose("d", MORNING, 360, medicationCodeableConcept={"text": "Myfortic (mycophenolate sodium)"})
    assert refused(tmp_path, sodium, drug=mofetil) == ["dose-substance"]
    ester = dose("d", MORNING, 500, medicationCodeableConcept={"text": "CellCept"})
    assert read(tmp_path, ester, drug=mofetil).doses.amount_mg.tolist() == [500.0]


def infusion(**dosage: Any) -> dict[str, Any]:
    given = dose("d", MORNING, dosage=dosage | {"route": {"coding": [{"code": "47625008"}]}})
    del given["effectiveDateTime"]
    return given | {"effectivePeriod": {"start": MORNING, "end": "2026-03-01T12:00:00Z"}}


def test_infusions(tmp_path: Path) -> None:
    rate = quantity(0.5, "mg/h")
    for given in (infusion(dose=quantity(2, "mg")), infusion(rateQuantity=rate)):
        table = read(tmp_path, given, drug=INFUSED)
        assert (table.doses.amount_mg[0], table.doses.rate_mg_per_h[0], table.doses.compartment[0]) == (2.0, 0.5, 2)
    at_once = infusion(dose=quantity(2, "mg"), rateQuantity=rate)
    del at_once["effectivePeriod"]
    table = read(tmp_path, at_once | {"effectiveDateTime": MORNING}, drug=INFUSED)
    assert table.doses.duration_h[0] == 4.0
    assert refused(tmp_path, infusion(dose=quantity(3, "mg"), rateQuantity=rate), drug=INFUSED) == ["rate-agrees"]
    assert refused(tmp_path, infusion(dose=quantity(2, "mg"))) == ["dose-route"]
    backwards = infusion(dose=quantity(2, "mg"))
    backwards["effectivePeriod"]["end"] = "2026-03-01T07:00:00Z"
    assert "period-ordered" in refused(tmp_path, backwards, drug=INFUSED)


def test_doses_at_one_time(tmp_path: Path) -> None:
    table = read(tmp_path, dose("a", MORNING, 1.0), dose("b", MORNING, 0.5))
    assert table.doses.amount_mg.tolist() == [1.5]
    assert "dose-once" in checks(table)
    assert refused(tmp_path, dose("a", MORNING), dose("b", MORNING)) == ["dose-once"]


def test_a_resource_that_stands_there_twice(tmp_path: Path) -> None:
    table = read(tmp_path, dose("a", MORNING), dose("a", MORNING))
    assert (len(table.doses), "resource-once" in checks(table)) == (1, True)
    assert refused(tmp_path, dose("a", MORNING), dose("a", MORNING, 5.0)) == ["resource-once"]


def test_the_interval_is_that_of_the_request_or_the_usual_one_near_the_gap(tmp_path: Path) -> None:
    late = [dose("a", "2026-03-01T08:10:00Z"), dose("b", "2026-03-01T20:25:00Z")]
    table = read(tmp_path, *late)
    assert (table.doses.interval_h[-1], "interval" in checks(table)) == (12.0, True)
    repeat = {"frequency": 3, "period": 1, "periodUnit": "d"}
    request = {
        "resourceType": "MedicationRequest",
        "id": "r",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "tacrolimus"},
        "subject": {"reference": "Patient/p1"},
        "dosageInstruction": [{"timing": {"repeat": repeat}}],
    }
    late[1]["request"] = {"reference": "MedicationRequest/r"}
    assert read(tmp_path, *late, request).doses.interval_h[-1] == 8.0


def test_times_with_zones_are_of_one_clock(tmp_path: Path) -> None:
    table = read(tmp_path, dose("a", "2026-03-28T20:00:00+01:00"), dose("b", "2026-03-29T08:00:00+02:00"))
    assert table.doses.time_h.tolist() == [0.0, 11.0]
    plain = [dose("a", "2026-03-28T20:00:00"), dose("b", "2026-03-29T08:00:00")]
    table = read(tmp_path, *plain)
    assert (table.doses.time_h.tolist(), "time-has-zone" in checks(table)) == ([0.0, 12.0], True)


def test_a_bundle_that_begins_just_before_its_levels_is_said(tmp_path: Path) -> None:
    early = level("a", "2026-03-01T19:45:00Z")
    assert "history" in checks(read(tmp_path, *doses(), early))
    assert "history" not in checks(read(tmp_path, *doses(), level("a", "2026-03-03T07:45:00Z")))


def test_statements_of_other_kinds_are_said(tmp_path: Path) -> None:
    statement = {"resourceType": "MedicationStatement", "id": "s", "status": "active"}
    assert "doses-elsewhere" in checks(read(tmp_path, *doses(), statement))


def test_one_patient_and_three_types_of_bundle(tmp_path: Path) -> None:
    assert refused(tmp_path, patient(), patient(id="p2"), *doses()) == ["one-patient"]

    for kind in ("searchset", "transaction"):
        assert open_bundle(write(tmp_path, patient(), type=kind)).label == "p1"
    with pytest.raises(EventTableError, match="collection, searchset, transaction"):
        open_bundle(write(tmp_path, patient(), type="document"))
    more = [{"relation": "next", "url": "https://example.org/2"}]
    assert "bundle-complete" in {one.check for one in open_bundle(write(tmp_path, patient(), link=more)).findings}
