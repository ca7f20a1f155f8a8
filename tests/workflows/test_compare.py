"""The comparative guide: files, cells with provenance, and text that agrees with its tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limus.kernel.execution import Execution
from limus.workflows.compare import CompareRequest, CompareResult, run


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompareResult, Path]:
    out = tmp_path_factory.mktemp("guide") / "out"
    request = CompareRequest(compounds=("FK506", "ciclosporin", "ABT-281", "sirolimus"), draws=4, seed=2)
    return run(request, out=out, execution=Execution(seed=2)), out


def test_every_promised_file_is_written(guide: tuple[CompareResult, Path]) -> None:
    result, out = guide
    assert result.report_pdf.read_bytes().startswith(b"%PDF")
    html = result.report_html.read_text()
    assert html.startswith("<!")
    assert 'src="http' not in html
    for name in ("pathway", "dose-response", "potency-comparison", "time-course"):
        assert (out / "figures" / f"{name}.svg").exists()
        assert (out / "figures" / f"{name}.csv").exists()
    for name in ("run.toml", "provenance.json", "cells.json", "results/dose_response.parquet"):
        assert (out / name).exists()
    assert json.loads((out / "provenance.json").read_text())["seed"] == 2


def test_every_number_says_how_it_is_known_and_where_it_comes_from(guide: tuple[CompareResult, Path]) -> None:
    rows = guide[0].as_dict()["cells"]
    assert len(rows) > 200
    for cell in rows:
        assert {"section", "row", "column", "value", "unit", "directness", "source", "n"} <= set(cell)
        if cell["value"] is not None:
            assert cell["directness"] in {"measured", "inferred", "simulated"}
            assert cell["source"] or cell["note"]
        if cell["directness"] == "measured" and cell["value"] is not None:
            assert cell["source"], cell
        if cell["directness"] == "simulated":
            assert "seed" in cell["note"] or "accepted fit" in cell["note"]


def test_a_compound_outside_the_model_has_no_simulated_number(guide: tuple[CompareResult, Path]) -> None:
    rows = guide[0].as_dict()["cells"]
    other = [c for c in rows if c["column"].lower() == "abt-281"]
    assert other
    assert not [c for c in other if c["directness"] == "simulated" and c["value"] is not None]


def test_the_calibration_is_printed_as_it_is(guide: tuple[CompareResult, Path]) -> None:
    cells = [c for c in guide[0].as_dict()["cells"] if c["section"] == "model-calibration"]
    folds = [c["value"] for c in cells if c["column"] == "fold" and c["value"] is not None]
    assert len(folds) >= 11
    assert max(folds) > 1.5  # the misfits are shown, not hidden


def test_the_guide_says_for_whom_no_verified_potency_exists(guide: tuple[CompareResult, Path]) -> None:
    html = guide[0].report_html.read_text()
    assert "No verified potency on human T cells was found for ABT-281" in html
    assert "Research use only" in html


def test_the_same_request_gives_the_same_bytes(guide: tuple[CompareResult, Path], tmp_path: Path) -> None:
    request = CompareRequest(compounds=("tacrolimus", "ciclosporin", "ABT-281", "rapamycin"), draws=4, seed=2)
    again = run(request, out=tmp_path / "again", execution=Execution(seed=2, workers=1))
    assert again.report_html.read_bytes() == guide[0].report_html.read_bytes()
    assert again.report_pdf.read_bytes() == guide[0].report_pdf.read_bytes()
