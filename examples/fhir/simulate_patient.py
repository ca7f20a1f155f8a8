"""Remake the example bundle: a made-up kidney recipient, levels drawn from a population model.

    python examples/fhir/simulate_patient.py [--out FILE]

She begins tacrolimus ten days after transplantation. The seed stands in the bundle's meta.tag. Nobody's data are in it.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

from limus.kernel.execution import spawn_generators
from limus.patient.patient_table import PatientFile, read_patients
from limus.patient.simulated_levels import simulate_levels
from limus.pharmacokinetics.population_model.library import load_population_model

HERE = Path(__file__).parent
SEED = 8
MODEL = "Woillard_2011"
LOINC, UCUM, SNOMED = "http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct"
ZONE = datetime.timezone(datetime.timedelta(hours=1))
TRANSPLANTED = datetime.datetime(2026, 2, 20, 14, 30, tzinfo=ZONE)
FIRST_DOSE = datetime.datetime(2026, 3, 2, 20, 0, tzinfo=ZONE)
PATIENT = {"reference": "Patient/kidney-1"}
# days after the first evening: doses of 4 mg, then 5 mg; levels before the morning dose, the last day a short curve
CHANGE, DAYS, MISSED = 5, 10, 14
LEVELS_H = (60.0 - 0.25, 108.0 - 0.25, 180.0 - 0.5, 228.0 - 0.25, 229.0, 231.0)


def at(hours: float) -> str:
    return (FIRST_DOSE + datetime.timedelta(hours=hours)).isoformat()


def coded(system: str, code: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def observation(name: str, code: tuple[str, str], when: str, **value: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": coded(LOINC, *code),
        "subject": PATIENT,
        "effectiveDateTime": when,
    } | value


def administration(number: int, hours: float, dose_mg: float) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": f"dose-{number}",
        "status": "completed",
        "medicationReference": {"reference": "Medication/prograf"},
        "subject": PATIENT,
        "effectiveDateTime": at(hours),
        "dosage": {"route": coded(SNOMED, "26643006", "Oral route"), "dose": quantity(dose_mg, "mg")},
    }


def resources(levels: list[float]) -> list[dict[str, Any]]:
    day = FIRST_DOSE.date().isoformat()
    found: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": "kidney-1", "gender": "female", "birthDate": "1978-05-17"},
        {
            "resourceType": "Medication",
            "id": "prograf",
            "code": {"text": "Prograf 1 mg hard capsules (tacrolimus, immediate release)"},
        },
        {
            "resourceType": "Procedure",
            "id": "transplantation",
            "status": "completed",
            "code": coded(SNOMED, "70536003", "Transplant of kidney"),
            "subject": PATIENT,
            "performedDateTime": TRANSPLANTED.isoformat(),
        },
        observation("weight", ("29463-7", "Body weight"), day, valueQuantity=quantity(64.0, "kg")),
        observation("height", ("8302-2", "Body height"), day, valueQuantity=quantity(167.0, "cm")),
        observation("genotype", ("81140-6", "CYP3A5 genotype"), day, valueCodeableConcept={"text": "CYP3A5 *3/*3"}),
    ]
    haematocrit = ("4544-3", "Hematocrit [Volume Fraction] of Blood by Automated count")
    creatinine = ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma")
    for number, (hours, percent, mg_per_dl) in enumerate(
        ((36.0, 31.0, 4.1), (132.0, 29.0, 2.2), (204.0, 30.5, 1.6)), 1
    ):
        found.append(observation(f"hct-{number}", haematocrit, at(hours), valueQuantity=quantity(percent, "%")))
        found.append(observation(f"crea-{number}", creatinine, at(hours), valueQuantity=quantity(mg_per_dl, "mg/dL")))
    for number in range(1, 2 * DAYS + 1):
        hours = 12.0 * (number - 1)
        given = administration(number, hours, 4.0 if hours < 24.0 * CHANGE else 5.0)
        found.append(given | ({"status": "not-done"} if number == MISSED else {}))
    tacrolimus = ("11253-2", "Tacrolimus [Mass/volume] in Blood")
    for number, (hours, level) in enumerate(zip(LEVELS_H, levels, strict=True), 1):
        value = quantity(round(level, 1), "ng/mL")
        found.append(observation(f"level-{number}", tacrolimus, at(hours), valueQuantity=value))
    slip = observation("level-wrong", tacrolimus, at(110.0), valueQuantity=quantity(71.0, "ng/mL"))
    return [*found, slip | {"status": "entered-in-error"}]


def bundle(levels: list[float]) -> dict[str, Any]:
    entries = [
        {"fullUrl": f"https://example.org/fhir/{one['resourceType']}/{one['id']}", "resource": one}
        for one in resources(levels)
    ]
    tag = {"system": "https://example.org/limus", "code": "simulated", "display": f"simulated: {MODEL}, seed {SEED}"}
    return {"resourceType": "Bundle", "meta": {"tag": [tag]}, "type": "collection", "entry": entries}


def write(path: Path, levels: list[float]) -> None:
    path.write_text(json.dumps(bundle(levels), indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "kidney_patient.json")
    path = parser.parse_args().out
    write(path, [1.0] * len(LEVELS_H))
    model = load_population_model(MODEL)
    table = read_patients(model, PatientFile((path,))).table
    levels = simulate_levels(model, table, spawn_generators(SEED, 1, stream="fhir example")[0])
    write(path, levels.table.observations.value.tolist())


if __name__ == "__main__":
    main()
