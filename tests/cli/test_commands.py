"""The command contract: one JSON object, exit statuses, errors that say where, what, allowed and do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limus.cli.main import run

MODEL = """
model decay()
  unit substance = 1e-9 mole; unit time_unit = 3600 second; unit volume = litre;
  compartment c; c = 2;
  species A in c; A = 10;
  R: A => ; c*k*A;
  k = 0.5;
end
"""


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = run(list(arguments))
    out, err = capfd.readouterr()
    return status, out, err


def call_json(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status, out, _ = call(capfd, *arguments, "--json")
    assert out.count("\n") == 1, "exactly one object on standard output"
    return status, json.loads(out)


def test_convert(capfd: pytest.CaptureFixture[str]) -> None:
    status, found = call_json(capfd, "convert", "10", "ng/mL", "nM", "--compound", "tacrolimus")
    assert status == 0
    assert found["value"] == pytest.approx(10 / 804.031 * 1e3, rel=1e-9)
    assert found["unit"] == "nM"


def test_a_negative_number_is_a_value(capfd: pytest.CaptureFixture[str]) -> None:
    assert call_json(capfd, "convert", "-5", "nM", "uM")[1]["value"] == pytest.approx(-0.005)


@pytest.mark.parametrize(
    ("arguments", "status", "kind"),
    [
        (("compare", "tacrolimus", "laporolimus"), 2, "UnknownNameError"),
        (("compare", "tacrolimus", "FK506"), 2, "InputError"),
        (("compare", "tacrolimus"), 2, "InputError"),
        (("convert", "10", "ng/mL", "nM"), 2, "UnitError"),
        (("convert", "10", "ng/mL", "nM", "--compound", "ABT-281"), 2, "InputError"),
        (("convert", "10", "furlong", "nM"), 2, "UnitError"),
        (("convert", "1e308", "M", "pM"), 2, "ValueRangeError"),
        (("potency", "ABT-281", "--readout", "il2", "--stimulus", "pha"), 3, "RefusedError"),
        (("potency", "tacrolimus", "--readout", "il2", "--stimulus", "pha", "--hours", "999"), 3, "RefusedError"),
        (("potency", "tacrolimus", "--readout", "il22", "--stimulus", "pha"), 2, "UnknownNameError"),
        (("potency", "tacrolimus", "--readout", "il2", "--stimulus", "pha", "--draws", "-1"), 2, "InputError"),
        (("simulate", "t_cell", "--times", "0:1:0"), 2, "ValueRangeError"),
        (("simulate", "t_cell", "--times", "0,1", "--set", "tacrolimus=-1nM"), 2, "ValueRangeError"),
        (("simulate", "t_cell", "--times", "0,1", "--set", "tacrolimus=1parsec"), 2, "UnitError"),
        (("simulate", "t_cell", "--times", "0,1", "--set", "FKBP12=1", "--set", "FKBP12=2"), 2, "InputError"),
        (("simulate", "t_cell", "--times", "0,1", "--set", "FKBP=1"), 2, "UnknownNameError"),
        (("simulate", "nowhere.ant", "--times", "0,1"), 2, "FileReadError"),
        (("simulate", "tcell", "--times", "0,1"), 2, "UnknownNameError"),
        (("show",), 2, "InputError"),
        (("frobnicate",), 2, "UnknownNameError"),
    ],
)
def test_failures_are_one_json_object_with_the_four_parts(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, kind: str
) -> None:
    found_status, found = call_json(capfd, *arguments)
    assert found_status == status
    assert set(found["error"]) == {"kind", "where", "got", "allowed", "do"}
    assert found["error"]["kind"] == kind


def test_an_unknown_drug_is_named_with_near_names_and_nothing_is_substituted(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, out, err = call(capfd, "compare", "tacrolimus", "sirolimsu", "--out", str(tmp_path / "g"))
    assert status == 2
    assert out == ""
    assert "sirolimsu" in err
    assert "did you mean sirolimus" in err
    assert not (tmp_path / "g").exists()


def test_an_internal_error_is_saved_and_reported(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import limus.workflows.compounds as workflow

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(workflow, "run", broken)
    status, found = call_json(capfd, "compounds")
    assert status == 4
    saved = Path(found["error"]["do"].split()[-1])
    assert "on purpose" in saved.read_text()
    saved.unlink()


def test_an_interruption_exits_with_130(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import limus.workflows.compounds as workflow

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(workflow, "run", interrupted)
    assert call_json(capfd, "compounds")[0] == 130


def test_simulate_a_model_of_ones_own_with_doses(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "decay.ant").write_text(MODEL)
    (tmp_path / "doses.csv").write_text("time_h,target,amount,unit,ii_h,addl\n1,A,4,nmol,1,1\n")
    status, found = call_json(
        capfd,
        *("simulate", str(tmp_path / "decay.ant"), "--times", "0:2:1", "--doses", str(tmp_path / "doses.csv")),
        *("--set", "k=0.25", "--out", str(tmp_path / "out")),
    )
    assert status == 0
    assert found["time"] == [0, 1, 2]
    assert found["time_unit"] == "h"
    decay = 2.718281828459045**-0.25
    # an output at a dose's time is the value just before the dose
    assert found["species"]["A"] == pytest.approx([10, 10 * decay, (10 * decay + 2) * decay], rel=1e-6)
    assert (tmp_path / "out" / "results" / "trajectory.parquet").exists()
    assert json.loads((tmp_path / "out" / "provenance.json").read_text())["inputs"]


def test_a_negative_dose_is_refused(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "decay.ant").write_text(MODEL)
    (tmp_path / "doses.csv").write_text("time_h,target,amount,unit\n0,A,1,nmol\n1,A,-4,nmol\n")
    status, found = call_json(
        capfd,
        *("simulate", str(tmp_path / "decay.ant"), "--times", "0:2:1", "--doses", str(tmp_path / "doses.csv")),
    )
    assert status == 2
    assert found["error"]["got"] == "-4 nmol"
    assert "dose 2" in found["error"]["where"]


def test_a_model_without_anything_to_put_out_is_refused(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty.ant").write_text("")
    status, found = call_json(capfd, "simulate", str(tmp_path / "empty.ant"), "--times", "0,1")
    assert (status, found["error"]["kind"]) == (2, "ModelError")


def test_help_shows_options_as_they_are_written(capfd: pytest.CaptureFixture[str]) -> None:
    said = call(capfd, "simulate", "--help")[1]
    assert "0:24:0.5" in said  # not read as an emoji or as markup
    assert "drug=5nM" in said


def test_a_doubled_or_undefined_parameter_is_refused(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "m.ant"
    path.write_text(MODEL.replace("k = 0.5;", "k = 0.5;\n  k = 0.6;"))
    assert call_json(capfd, "simulate", str(path), "--times", "0,1")[1]["error"]["kind"] == "ModelError"
    path.write_text(MODEL.replace("k = 0.5;", ""))
    found = call_json(capfd, "simulate", str(path), "--times", "0,1")[1]
    assert found["error"]["kind"] == "ModelError"
    assert "k without a value" in found["error"]["got"]


def test_a_solve_that_fails_is_an_error_with_time_and_reason(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "explode.ant"
    path.write_text("model m()\n  y = 1;\n  y' = y^2;\nend\n")
    status, found = call_json(capfd, "simulate", str(path), "--times", "0:3:0.5", "--output", "y")
    assert status == 1
    assert found["error"]["kind"] == "SolveError"
    assert "at time" in found["error"]["got"]


def test_out_resumes_the_same_request_and_refuses_another(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    asked = ("simulate", "t_cell", "--times", "0,1", "--output", "IL2", "--out", out)
    assert call_json(capfd, *asked)[0] == 0
    assert call_json(capfd, *asked)[0] == 0
    other = ("simulate", "t_cell", "--times", "0,2", "--output", "IL2", "--out", out)
    status, found = call_json(capfd, *other)
    assert (status, found["error"]["kind"]) == (2, "OutputError")
    assert call_json(capfd, *other, "--overwrite")[0] == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    status, found = call_json(capfd, *other[:-1], str(tmp_path / "mine"), "--overwrite")
    assert (status, found["error"]["kind"]) == (2, "OutputError")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_compounds_show_and_doctor(capfd: pytest.CaptureFixture[str]) -> None:
    names = {row["name"] for row in call_json(capfd, "compounds")[1]["compounds"]}
    assert {"tacrolimus", "ABT-281", "hydrocortisone"} <= names
    shown = call_json(capfd, "show", "rapamycin")[1]
    assert shown["name"] == "sirolimus"
    cited = {key for constant in shown["constants"] for key in constant["source"]}
    assert cited <= set(shown["references"])
    status, health = call_json(capfd, "doctor")
    assert status == 0, health
    assert health["healthy"]


def test_potency_json_has_the_contract_keys(capfd: pytest.CaptureFixture[str]) -> None:
    status, found = call_json(
        capfd, "potency", "sirolimus", "--readout", "nfat", "--stimulus", "pha", "--draws", "0", "--seed", "7"
    )
    assert status == 0
    assert found["status"] == "no_effect"
    assert found["ic50_absolute_nM"] is None
    assert found["directness"] == "simulated"
    assert found["seed"] == 7
    assert {"ic50_relative_nM", "ci", "hill", "max_inhibition_fraction"} <= set(found)


def test_help_lists_every_command(capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capfd, "--help")
    assert status == 0
    for name in ("compare", "convert", "compounds", "show", "simulate", "potency", "calibrate", "doctor"):
        assert name in out


def test_potency_calls_measured_only_what_was_measured(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ("potency", "sirolimus", "--readout", "proliferation", "--stimulus", "mlr", "--draws", "0")
    found = call_json(capfd, *arguments)[1]
    assert found["measured"] == []
    assert [p["kind"] for p in found["unverified"]] == ["assumed"]
    said = call(capfd, *arguments)[1]
    assert "  measured " not in said
    assert "  not verified     0.06-0.9 nM" in said
