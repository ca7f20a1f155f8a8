"""Runs in the reference's own environment: fhir.resources (R4B) says what it thinks of resources, and reads one bundle.

``python complain.py FILE``: FILE holds a list of resources; for each, null or the first complaint is printed
as one JSON list. With ``--read FILE`` the doses and levels of a bundle are printed as [time, value] pairs instead.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

from fhir.resources.R4B import get_fhir_model_class  # noqa: E402


def complaint(resource: dict[str, Any]) -> str | None:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except Exception as error:  # whatever it says
        return str(error).splitlines()[0] or type(error).__name__
    return None


def read(resource: dict[str, Any]) -> dict[str, list[list[Any]]]:
    found: dict[str, list[list[Any]]] = {"doses": [], "levels": []}
    for entry in get_fhir_model_class("Bundle").model_validate(resource).entry:
        one = entry.resource
        kind = one.get_resource_type()
        if kind == "MedicationAdministration" and one.status == "completed":
            found["doses"].append([one.effectiveDateTime.isoformat(), float(one.dosage.dose.value)])
        if kind == "Observation" and one.status == "final" and one.code.coding[0].code == "11253-2":
            found["levels"].append([one.effectiveDateTime.isoformat(), float(one.valueQuantity.value)])
    return found


if __name__ == "__main__":
    content = json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8"))
    print(json.dumps(read(content) if "--read" in sys.argv else [complaint(one) for one in content]))
