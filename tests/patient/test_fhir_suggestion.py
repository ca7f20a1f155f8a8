"""The MedicationRequest of a dose that was found: its structure, and that nothing in it says order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limus.kernel.errors import InputError
from limus.patient.exchange.suggestion import DoseSuggestion, suggestion_resource
from limus.pharmacokinetics.exchange.fhir.structure import structure_findings

SUGGESTION = DoseSuggestion(
    subject={"reference": "Patient/p1"},
    medication="tacrolimus, immediate release",
    dose_mg=4.5,
    interval_h=12.0,
    capsules="4 x 1 mg + 1 x 0.5 mg",
    target="trough of 5 to 10 ng/mL at steady state",
    inside_percent=61.25,
    below_percent=20.5,
    above_percent=18.25,
    error_percent=1.5,
    models=(("Woillard_2011", 0.75), ("Storset_2014", 0.25)),
    version="0.1.0",
    seed=1,
    notice="Research use only.",
    remarks=("a < b & c",),
    levels=("Observation/level-1",),
)


def test_a_proposal_is_a_draft_with_dose_timing_probability_model_and_banner() -> None:
    found = suggestion_resource(SUGGESTION)
    assert (found["resourceType"], found["status"], found["intent"]) == ("MedicationRequest", "draft", "proposal")
    instruction = found["dosageInstruction"][0]
    assert instruction["timing"]["repeat"] == {"frequency": 1, "period": 12, "periodUnit": "h"}
    quantity = instruction["doseAndRate"][0]["doseQuantity"]
    assert (quantity["value"], quantity["code"], quantity["system"]) == (4.5, "mg", "http://unitsofmeasure.org")
    notes = [note["text"] for note in found["note"]]
    assert notes[0] == "Research use only."
    assert "probability 61.2 %" in notes[1]
    assert "Woillard_2011 (weight 75.0 %)" in notes[2]
    assert "limus 0.1.0" in notes[2]
    assert "Research use only." in found["text"]["div"]
    assert "a < b" not in found["text"]["div"]
    assert [one["reference"] for one in found["supportingInformation"]] == ["#forecast", "Observation/level-1"]


def test_the_forecast_stands_in_it_in_per_cent() -> None:
    device, forecast = suggestion_resource(SUGGESTION)["contained"]
    assert device["version"] == [{"value": "0.1.0"}]
    assert [one["probabilityDecimal"] for one in forecast["prediction"]] == [61.25, 20.5, 18.25]
    assert forecast["subject"] == {"reference": "Patient/p1"}


def test_its_structure_is_checked() -> None:
    assert list(structure_findings(suggestion_resource(SUGGESTION), "MedicationRequest")) == []
    with pytest.raises(InputError, match="fhir-number"):
        suggestion_resource(replace(SUGGESTION, dose_mg=float("inf"), interval_h=12.5))
