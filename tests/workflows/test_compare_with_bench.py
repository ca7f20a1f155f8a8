"""A guide with a value from the user's own bench: shown with its file, used in the model, and asked for by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.molecule.bench_result import BenchValue, write_bench_result
from limus.signalling.model_library import load_model
from limus.workflows.compare import CompareRequest, run

KI = BenchValue(
    compound="tacrolimus",
    quantity="complex_dissociation_constant",
    readout="calcineurin phosphatase",
    value=70.0,
    lower=60.0,
    upper=82.0,
    unit="nM",
    level_percent=95.0,
    n=24,
    n_of="wells",
    method="tight-binding fit",
    conditions="enzyme 10 nM",
    file="plate.csv",
    file_sha256="a1" * 32,
    layout="layout.toml",
    layout_sha256="b2" * 32,
)


def test_it_is_shown_used_and_traced(tmp_path: Path) -> None:
    path = write_bench_result([KI, replace(KI, quantity="ic50_absolute")], tmp_path / "result.toml")
    request = CompareRequest(compounds=("FK506", "ciclosporin"), results=(str(path),), draws=0)
    result = run(request, out=tmp_path / "guide", execution=Execution(seed=1))
    cells = result.as_dict()["cells"]
    shown = [c for c in cells if c["section"] == "bench" and c["column"] == "value"]
    assert [(c["value"], c["unit"], c["n"], c["directness"]) for c in shown] == [(70.0, "nM", 24, "measured")] * 2
    assert "a1a1a1a1a1a1" in shown[0]["note"]
    own = [c["value"] for c in cells if c["section"] == "bench" and c["column"] == "library"]
    model = load_model("t_cell").parameters["tacrolimus.complex_dissociation_constant"]
    assert own == [pytest.approx(model.value), None]
    notes = [c["note"] for c in cells if c["directness"] == "simulated" and "draws" in c["note"]]
    assert notes
    assert all("1 of its values measured on a bench" in note for note in notes)
    inputs = json.loads((tmp_path / "guide/provenance.json").read_text())["inputs"]
    assert any("result.toml" in name for name in inputs)
    html = result.report_html.read_text()
    for said in ("Measured file plate.csv", "in the model", "shown only"):
        assert said in html


def test_a_file_that_measured_none_of_them_is_refused(tmp_path: Path) -> None:
    path = write_bench_result([KI], tmp_path / "result.toml")
    request = CompareRequest(compounds=("ciclosporin", "sirolimus"), results=(str(path),), draws=0)
    with pytest.raises(InputError, match="none of these compounds"):
        run(request, out=tmp_path / "guide", execution=Execution(seed=1))
    assert not (tmp_path / "guide").exists()
