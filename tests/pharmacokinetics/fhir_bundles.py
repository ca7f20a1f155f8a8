"""Small FHIR bundles for tests, all made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.exchange.fhir.read import MonitoredDrug, read_bundle

Resource = dict[str, Any]
TACROLIMUS = MonitoredDrug("tacrolimus", "tacrolimus", "whole blood", {"oral": 1}, 804.031)
INFUSED = MonitoredDrug("tacrolimus", "tacrolimus", "whole blood", {"oral": 1, "intravenous": 2}, 804.031)
UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
SUBJECT = {"reference": "Patient/p1"}
LEVEL = "11253-2"


def quantity(value: Any, unit: str) -> Resource:
    return {"value": value, "system": UCUM, "code": unit, "unit": unit}


def patient(**more: Any) -> Resource:
    return {"resourceType": "Patient", "id": "p1"} | more


def observed(name: str, code: str, when: str, **value: Any) -> Resource:
    coding = {"coding": [{"system": LOINC, "code": code}]}
    head = {"resourceType": "Observation", "id": name, "status": "final", "code": coding, "subject": SUBJECT}
    return head | {"effectiveDateTime": when} | value


def level(name: str, when: str, value: Any = 8.0, unit: str = "ng/mL", **more: Any) -> Resource:
    return observed(name, LEVEL, when, valueQuantity=quantity(value, unit)) | more


def dose(name: str, when: str, amount: Any = 4.0, unit: str = "mg", **more: Any) -> Resource:
    return {
        "resourceType": "MedicationAdministration",
        "id": name,
        "status": "completed",
        "medicationCodeableConcept": {"text": "Prograf (tacrolimus) 1 mg"},
        "subject": SUBJECT,
        "effectiveDateTime": when,
        "dosage": {"dose": quantity(amount, unit), "route": {"text": "oral"}},
    } | more


def doses(count: int = 6, first_day: int = 1, **more: Any) -> list[Resource]:
    """At 8 and 20 o'clock."""
    return [
        dose(f"d{k}", f"2026-03-{first_day + k // 2:02d}T{8 + 12 * (k % 2):02d}:00:00Z", **more) for k in range(count)
    ]


def write(folder: Path, *resources: Resource, **shell: Any) -> Path:
    entries = [
        {"fullUrl": f"https://example.org/fhir/{one['resourceType']}/{one.get('id', number)}", "resource": one}
        for number, one in enumerate(resources)
    ]
    path = folder / "bundle.json"
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries} | shell
    path.write_text(json.dumps(bundle), encoding="utf-8")
    return path


def read(folder: Path, *resources: Resource, drug: MonitoredDrug = TACROLIMUS) -> EventTable:
    """Read a bundle of a patient and these resources."""
    given = resources if any(one["resourceType"] == "Patient" for one in resources) else (patient(), *resources)
    return read_bundle(write(folder, *given), drug, concentration="ng/mL")


def column(table: EventTable, name: str) -> list[float]:
    return table.records.values[:, table.records.names.index(name)].tolist()


def checks(table: EventTable) -> set[str]:
    return {finding.check for finding in table.findings}
