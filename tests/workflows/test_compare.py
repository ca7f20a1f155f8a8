"""The comparative guide: files, cells with provenance, and text that agrees with its tables."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from limus.kernel.execution import Execution
from limus.kernel.tables import Column, library_folder, read_csv
from limus.signalling.model_library import FIT_COLUMNS, load_model
from limus.workflows.cells import key_of
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


def _cell(guide: CompareResult, table: str, row: str, column: str) -> dict:
    return next(
        c
        for c in guide.as_dict()["cells"]
        if (c["table"], c["row"], c["column"].lower()) == (table, row, column.lower())
    )


def test_a_fit_stopped_by_its_bound_says_so_and_claims_no_interval(guide: tuple[CompareResult, Path]) -> None:
    fits = read_csv(library_folder() / "fits" / "t_cell.csv", FIT_COLUMNS)
    for name, at_bound in zip(fits["parameter"], fits["at_bound"], strict=True):
        cell = _cell(guide[0], "parameters", key_of(str(name)), "value")
        assert ("stopped by its bound" in cell["note"]) == (at_bound == "yes"), name
        assert (cell["interval"] is None) == (at_bound == "yes"), name


def test_why_one_is_more_potent_names_both_constants_of_each(guide: tuple[CompareResult, Path]) -> None:
    parameters = load_model("t_cell").parameters
    held = [parameters[f"{drug}.complex_dissociation_constant"].value for drug in ("tacrolimus", "ciclosporin")]
    assert held[0] < held[1], "the sentence says that the complex of tacrolimus holds calcineurin more tightly"
    words = re.sub(r"<[^>]*>", "", guide[0].report_html.read_text())
    assert f"more tightly too: {held[0]:.3g}" in words


def test_text_and_limits_are_shown_as_printed(guide: tuple[CompareResult, Path]) -> None:
    assert _cell(guide[0], "constants", "plasma_protein_binding-2", "ciclosporin")["text"] == "90-98%"
    row = "cyclophilin_b_complex_calcineurin_ic50_low_calcineurin"
    assert _cell(guide[0], "constants", row, "ciclosporin")["text"] == "<10"


def test_the_hours_of_the_note_are_those_that_were_simulated(guide: tuple[CompareResult, Path]) -> None:
    html = guide[0].report_html.read_text()
    assert "mixed lymphocyte reaction, 120 h" in html
    assert "phytohaemagglutinin, IL-2 24 h, IFN-gamma 24 h, Proliferation 72 h" in html


def test_a_published_range_is_a_bar_without_a_point(guide: tuple[CompareResult, Path]) -> None:
    points = read_csv(
        guide[1] / "figures" / "potency-comparison.csv",
        [Column("kind"), Column("value_nM", number=True, blank=True)],
        other_columns=True,
    )
    ranges = points["value_nM"][points["kind"] == "interval"]
    assert len(ranges)
    assert all(math.isnan(value) for value in ranges)


def test_simulated_numbers_that_rest_on_assumed_binding_say_so(tmp_path: Path) -> None:
    request = CompareRequest(compounds=("pimecrolimus", "hydrocortisone"), draws=0)
    made = run(request, out=tmp_path / "out")
    cell = _cell(made, "glance", "simulated-proliferation-mlr", "pimecrolimus")
    assert cell["certainty"] == "assumed binding"
    assert "assumed and held: dissociation constant" in cell["note"]
    assert "does not rank the compounds" in made.report_html.read_text()
    assert _cell(made, "glance", "immunophilin_constant", "hydrocortisone")["text"] == "not applicable"
