"""The two commands: one JSON object, text for people, a run folder, exit statuses; and the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import limus
from limus.assay.cytometry.fcs.write import NewChannel, write_fcs
from limus.assay.cytometry.gate.gating_ml_read import read_gating_ml
from limus.cli.main import run
from limus.kernel.tables import read_parquet

from .small_plate import make_plate, write_layout

WELLS = """
[[wells]]
wells = "A1:A2"
role = "control"

[[wells]]
wells = "A4"
role = "unstimulated"

[[wells]]
wells = "B1:B5"
role = "sample"
compound = "tacrolimus"
series = { along = "columns", first = "20 nM", divide_by = 5 }
"""


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = run([*arguments, "--json"])
    out, _ = capfd.readouterr()
    assert out.count("\n") == 1, "exactly one object on standard output"
    return status, json.loads(out)


def test_info_says_what_the_contract_names(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    channels = [NewChannel("FSC-A", "", range=1024), NewChannel("CTV-A", "dye", range=1024)]
    path = write_fcs(tmp_path / "a.fcs", channels, np.array([[1, 5], [2, 7], [3, -9.0]]))
    status, found = call(capfd, "fcs", "info", str(path))
    assert status == 0
    assert found["version"] == "3.1"
    assert found["events"] == 3
    assert found["channels"] == ["FSC-A", "CTV-A"]
    assert found["median"] == {"FSC-A": 2.0, "CTV-A": 5.0}
    assert run(["fcs", "info", str(path)]) == 0
    text = capfd.readouterr().out
    assert "FCS 3.1, 3 events, 2 channels" in text
    assert "CTV-A" in text
    assert limus.fcs_info(file=path).as_dict()["median"] == found["median"]


def test_info_refuses_with_a_reason(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_fcs(tmp_path / "a.fcs", [NewChannel("X", "", range=1024)], np.ones((100, 1)))
    path.write_bytes(path.read_bytes()[:-100])
    status, found = call(capfd, "fcs", "info", str(path))
    assert status == 2
    assert found["error"]["kind"] == "FileReadError"
    assert call(capfd, "fcs", "info", str(tmp_path / "absent.fcs"))[0] == 2


def test_proliferation_writes_a_run_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder, _ = make_plate(tmp_path, events=900)
    section = (
        'dye = "CTV"\nviability = "Viability"\ncd3 = "CD3"\nunstained = ["unstained.fcs"]\nreplicates = 20\n'
        "single_stains = { CTV-A = 'single_CTV.fcs', PE-A = 'single_CD3.fcs', APC-Cy7-A = 'single_viability.fcs' }"
    )
    layout = write_layout(tmp_path, section, WELLS)
    (folder / "B02.fcs").write_bytes(b"broken")
    out = tmp_path / "out"
    words = ["assay", "proliferation", str(folder), "--layout", str(layout.path), "--out", str(out)]
    status, found = call(capfd, *words)
    assert status == 0
    assert (found["n_wells"], found["n_failed"], found["seed"]) == (8, 1, 1)
    (row,) = found["results"]
    lower, upper = row["ic50_absolute_ci"]
    assert lower < row["ic50_absolute"] < upper
    assert {w["well"]: w["status"] for w in found["wells"]}["B2"] == "unreadable"
    well = found["wells"][0]
    assert well["division_index_ci"][0] < well["division_index"] < well["division_index_ci"][1]
    assert set(found["formulae"]) >= {"division_index", "proliferation_index", "expansion_index", "replication_index"}

    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert {"report.html", "report.pdf", "run.toml", "provenance.json", "gates.xml", "result.toml"} <= files
    assert len(read_parquet(out / "results/wells.parquet")["division_index"]) == 8
    assert read_gating_ml(out / "gates.xml").gates[-1].name == "cd3"
    inputs = json.loads((out / "provenance.json").read_text())["inputs"]
    assert len(inputs) == len(list(folder.iterdir())) + 1
    figures = sorted((out / "figures").glob("*.svg"))
    assert len(figures) >= 4
    for path in figures:
        assert ET.fromstring(path.read_bytes()).tag.endswith("svg")
    html = (out / "report.html").read_text()
    for words_of_report in ("FlowJo", "FCS Express", "autofluorescence", "unreadable", "B2"):
        assert words_of_report in html
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    kept = (out / "result.toml").read_text()
    assert "tacrolimus" in kept


def test_nothing_that_can_be_read_is_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plate").mkdir()
    (tmp_path / "plate" / "A01.fcs").write_bytes(b"broken")
    layout = write_layout(tmp_path, 'dye = "CTV"\ncompensation = "none"', WELLS)
    words = ["assay", "proliferation", str(tmp_path / "plate"), "--layout", str(layout.path)]
    status, found = call(capfd, *words, "--out", str(tmp_path / "out"))
    assert status == 2
    assert "no well that can be read" in found["error"]["got"]
    assert call(capfd, *words[:2], str(tmp_path / "absent"), *words[3:])[0] == 2
