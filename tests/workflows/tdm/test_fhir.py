"""``limus tdm`` on a FHIR bundle, and a MedicationRequest out."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from limus.cli.main import run
from limus.pharmacokinetics.exchange.fhir.structure import structure_findings

EXAMPLES = Path(__file__).parents[3] / "examples"
BUNDLE = str(EXAMPLES / "fhir/kidney_patient.json")
TABLE = str(EXAMPLES / "pharmacokinetics/kidney_levels.csv")
QUICK = ("--model", "Woillard_2011", "--draws", "100", "--starts", "1")


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status = run(["tdm", *arguments, "--json"])
    return status, json.loads(capfd.readouterr()[0])


def test_the_example_is_what_its_script_makes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = tmp_path / "bundle.json"
    monkeypatch.setattr("sys.argv", ["simulate_patient.py", "--out", str(made)])
    runpy.run_path(str(EXAMPLES / "fhir/simulate_patient.py"), run_name="__main__")
    assert json.loads(made.read_text()) == json.loads(Path(BUNDLE).read_text())


def test_forecast_of_a_bundle_names_its_only_patient(capfd: pytest.CaptureFixture[str]) -> None:
    status, found = call(capfd, "forecast", BUNDLE, *QUICK)
    assert status == 0
    assert (found["id"], found["unit"]) == ("kidney-1", "ng/mL")
    given = [
        entry["resource"]
        for entry in json.loads(Path(BUNDLE).read_text())["entry"]
        if entry["resource"].get("id", "").startswith("level-") and entry["resource"]["status"] == "final"
    ]
    assert [row["observed"] for row in found["levels"]] == [one["valueQuantity"]["value"] for one in given]
    assert [dose["time"] for dose in found["doses"]] == [240.0, 252.0, 264.0]
    said = [one for one in found["findings"] if one["check"] == "level-status"]
    assert "Bundle.entry[38].resource.status" in said[0]["where"]


def test_the_proposal_is_the_best_dose(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "proposal.json"
    asked = ("dose", BUNDLE, *QUICK, "--target", "trough:5-10", "--samples", "1", "--fhir-out", str(file))
    status, found = call(capfd, *asked)
    assert status == 0
    proposal = json.loads(file.read_text(encoding="utf-8"))
    assert proposal == found["suggestion"]
    assert list(structure_findings(proposal, "MedicationRequest")) == []
    quantity = proposal["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    assert (quantity["value"], quantity["unit"]) == (found["best"]["dose_mg"], "mg")
    chances = [one["probabilityDecimal"] for one in proposal["contained"][1]["prediction"]]
    names = ("probability_percent", "below_percent", "above_percent")
    assert chances == pytest.approx([found["best"][name] for name in names], abs=1e-3)
    assert proposal["subject"] == {"reference": "Patient/kidney-1"}
    levels = [one["reference"] for one in proposal["supportingInformation"][1:]]
    assert levels == [f"Observation/level-{k}" for k in range(1, 7)]
    assert str(EXAMPLES) not in file.read_text()
    status, found = call(capfd, *asked, "--most", "1")
    assert (status, found["error"]["kind"]) == (2, "OutputError")


def test_a_table_gives_a_proposal_too_but_its_patient_must_be_named(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ("dose", TABLE, *QUICK, "--target", "trough:5-10")
    status, found = call(capfd, *asked)
    assert (status, found["error"]["where"]) == (2, "--id")
    file = tmp_path / "proposal.json"
    status, found = call(capfd, *asked, "--id", "1", "--fhir-out", str(file))
    if status == 3:
        pytest.fail(found["error"]["do"])
    assert json.loads(file.read_text())["subject"]["identifier"] == {"value": "1"}


def test_the_formulation_of_the_bundle_meets_the_limits_of_the_model(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = (
        Path(BUNDLE).read_text().replace("Prograf 1 mg hard capsules (tacrolimus, immediate release)", "Envarsus 4 mg")
    )
    file = tmp_path / "bundle.json"
    file.write_text(text)
    status, found = call(capfd, "forecast", str(file), *QUICK)
    assert (status, found["error"]["got"].split()[0]) == (3, "Envarsus")
    assert call(capfd, "forecast", str(file), *QUICK, "--override", "formulation")[0] == 0


def test_capsules_of_the_patients_own_release_are_proposed(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = (
        Path(BUNDLE).read_text().replace("Prograf 1 mg hard capsules (tacrolimus, immediate release)", "Advagraf 1 mg")
    )
    file = tmp_path / "bundle.json"
    file.write_text(text)
    asked = ("dose", str(file), *QUICK, "--target", "trough:5-10", "--samples", "1", "--interval", "24")
    out = ("--fhir-out", str(tmp_path / "proposal.json"))
    status, found = call(capfd, *asked, *out, "--form", "immediate release")
    assert (status, found["error"]["where"]) == (2, "--form")
    status, found = call(capfd, *asked, *out)
    assert status == 0
    repeat = found["suggestion"]["dosageInstruction"][0]["timing"]["repeat"]
    assert (found["suggestion"]["medicationCodeableConcept"]["text"], repeat["period"]) == (
        "tacrolimus, prolonged release",
        24,
    )


def test_units_of_a_bundle_are_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    status, found = call(capfd, "forecast", BUNDLE, *QUICK, "--unit", "AMT=ug")
    assert (status, found["error"]["where"]) == (2, "--unit")
    assert "a FHIR bundle" in found["error"]["allowed"]


def test_a_slip_of_the_unit_by_a_thousand_is_named(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    file.write_text(Path(BUNDLE).read_text().replace('"ng/mL"', '"ug/mL"'))
    status, found = call(capfd, "forecast", str(file), *QUICK)
    assert (status, found["error"]["do"]) == (2, "correct the units in the bundle")
    assert "1,000 times too high" in found["error"]["got"]
