"""``limus export``: the file is the model with its settings, and is not written over another."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import limus
from limus.cli.main import run
from limus.kernel.language import read_model
from limus.kernel.simulation import compile_model, simulate
from limus.signalling.model_library import load_model
from limus.signalling.protocol import find_protocol


def call_json(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status = run([*arguments, "--json"])
    out, _ = capfd.readouterr()
    assert out.count("\n") == 1
    return status, json.loads(out)


OWN = """
model part(rate)
  var level; level = 0; level' = rate;
end
model *decay()
  unit substance = 1e-9 mole; unit extent = 1e-9 mole; unit time_unit = 3600 second; unit volume = litre;
  model_part: part(k);
  compartment c; c = 2;
  species A in c; A = 10;
  R: A => ; c*k*A;
  k = 0.5;
end
"""


def test_the_file_runs_to_the_course_of_limus_simulate(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "own.ant").write_text(OWN, encoding="utf-8")
    file = tmp_path / "deep" / "own.xml"
    settings = ("k=0.7", "A=8nM")
    sets = [part for text in settings for part in ("--set", text)]
    status, found = call_json(capfd, "export", str(tmp_path / "own.ant"), "--out", str(file), *sets)
    assert status == 0
    assert found["identifiers"] == {"model_part.level": "model_part__level"}
    ours = limus.simulate(model=str(tmp_path / "own.ant"), times="0:4:1", settings=settings)
    model = read_model(file)
    theirs = simulate(
        compile_model(model, ("A", "model_part__level")),
        np.arange(5.0),
        relative_tolerance=1e-8,
        absolute_tolerance=1e-10,
    )
    np.testing.assert_allclose(theirs.output("A")[0], 8 * np.exp(-0.7 * np.arange(5)), rtol=1e-6)
    np.testing.assert_allclose(theirs.output("A")[0], ours.species["A"], rtol=1e-6)
    assert model.units.time == "h"


def test_the_library_model_carries_its_fit_stimulus_and_units(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "t_cell.xml"
    asked = ("export", "t_cell", "--out", str(file), "--stimulus", "mlr", "--set", "tacrolimus=0.3nM")
    status, found = call_json(capfd, *asked)
    sourced = load_model("t_cell")
    assert (status, found["status"], found["fit"]) == (0, "written", sourced.fit_status)
    model = read_model(file)
    for name, parameter in sourced.parameters.items():
        if name not in find_protocol("mlr").settings:
            # libsbml writes 15 digits
            written = model.values[found["identifiers"].get(name, name)]
            assert written == pytest.approx(parameter.value, rel=1e-14, abs=0), name
    assert model.values["stimulus_strength"] == find_protocol("mlr").settings["stimulus_strength"]
    assert model.values["tacrolimus__medium"] == 0.3
    assert {p.name: p.unit for p in model.parameters}["calcineurin_total"] == "nM"
    assert "tacrolimus=0.3nM" in file.read_text(encoding="utf-8")


def test_another_file_is_kept_without_overwrite(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = tmp_path / "own.ant"
    text.write_text("x = 1; x' = -k*x; k = 2", encoding="utf-8")
    file = tmp_path / "own.xml"
    asked = ("export", str(text), "--out", str(file))
    assert call_json(capfd, *asked)[0] == 0
    assert call_json(capfd, *asked)[0] == 0
    status, found = call_json(capfd, *asked, "--set", "k=3")
    assert (status, found["error"]["kind"]) == (2, "OutputError")
    status, found = call_json(capfd, *asked, "--set", "k=3", "--overwrite")
    assert (status, found["fit"]) == (0, None)
    assert read_model(file).values["k"] == 3


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("t_cell",), "InputError"),
        (("t_cell", "--out", "model.txt"), "InputError"),
        (("t_cel", "--out", "model.xml"), "UnknownNameError"),
        (("t_cell", "--out", "model.xml", "--set", "nothing=1"), "UnknownNameError"),
        (("t_cell", "--out", "model.xml", "--set", "calcineurin_total=1h"), "UnitError"),
        (("t_cell", "--out", "model.xml", "--set", "fkbp12_total=1", "--set", "fkbp12_total=2"), "InputError"),
    ],
)
def test_what_cannot_be_written_is_refused(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    kind: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, found = call_json(capfd, "export", *arguments)
    assert (status, found["error"]["kind"]) == (2, kind)
    assert list(tmp_path.iterdir()) == []
