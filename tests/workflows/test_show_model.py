"""``limus show t_cell``: the page and the JSON say every equation and every constant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limus.cli.main import run
from limus.signalling.model_library import load_model


def test_the_json_has_every_constant_with_its_kind_and_source(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "t_cell", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    model = load_model("t_cell")
    assert found["what"] == "model"
    constants = {row["parameter"]: row for row in found["constants"]}
    assert set(constants) == set(model.parameters)
    for row in constants.values():
        assert row["kind"] in {"measured", "compiled", "fitted", "assumed"}
        assert row["source"] or row["kind"] in {"fitted", "assumed"}
        assert set(row["source"]) <= set(found["references"])
    assert constants["ascomycin.complex_dissociation_constant"]["follows"] == "tacrolimus.complex_dissociation_constant"
    counts = found["counts"]
    assert counts["constants"] == len(model.parameters) - len(model.followers)
    assert counts["constants_fitted"] == len(found["fitted"]) == len(model.fitted)
    reactions = [e for m in found["modules"] for e in m["equations"] if e["kind"] == "reaction"]
    assert {"permeation", "binding", "inhibition", "nuclear_import"} <= {e["name"] for e in reactions}
    assert found["page_html"] is None


def test_the_page_shows_equations_flags_and_what_it_cannot_say(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["show", "t_cell", "--out", str(tmp_path / "page")]) == 0
    capfd.readouterr()
    page = (tmp_path / "page" / "model.html").read_text(encoding="utf-8")
    model = load_model("t_cell")
    for name in model.parameters:
        assert name in page, name
    assert "free + immunophilin =&gt; complex" in page
    assert model.validity.cannot_say[0][:40] in page
    assert "prior-driven" in page or "data:" in page
    assert (tmp_path / "page" / "figures" / "pathway-drawing.svg").exists()
    assert (tmp_path / "page" / "result.json").exists()


def test_the_text_has_the_modules(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "t_cell"]) == 0
    printed = capfd.readouterr().out
    assert "module drug_in_cell (tacrolimus, ascomycin" in printed
    assert "fitted constant" in printed
    assert "It cannot say:" in printed


def test_a_compound_is_still_a_compound(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "tacrolimus", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["name"] == "tacrolimus"
