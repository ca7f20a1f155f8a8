"""The two commands on the example plates: one JSON object, a run folder, and files that are safe to open."""

from __future__ import annotations

import json
import math
import runpy
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from limus.cli.main import run
from limus.kernel.tables import Table, read_parquet
from limus.workflows.assay.plate_report.workbook import write_workbook

EXAMPLES = Path(__file__).parents[3] / "examples/assay"
PHOSPHATASE = ["assay", "phosphatase", str(EXAMPLES / "phosphatase_plate.csv"), "--layout"]
ELISA = ["assay", "elisa", str(EXAMPLES / "elisa_plate.csv"), "--layout", str(EXAMPLES / "elisa_layout.toml")]


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = run([*arguments, "--json"])
    out, _ = capfd.readouterr()
    assert out.count("\n") == 1, "exactly one object on standard output"
    return status, json.loads(out)


def test_phosphatase_writes_a_run_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    layout = str(EXAMPLES / "phosphatase_layout.toml")
    status, found = call(capfd, *PHOSPHATASE, layout, "--out", str(tmp_path))
    assert status == 0
    assert [row["compound"] for row in found["results"]] == ["tacrolimus", "ascomycin"]
    for row in found["results"]:
        lower, upper = row["ic50_absolute_ci"]
        assert lower < row["ic50_absolute_nM"] < upper
        assert row["ki_status"] == "ok"
    assert found["qc"]["controls"]["status"] == "excellent"
    assert found["seed"] == 1
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    figures = {
        f"figures/{name}.{end}"
        for name in ("heat-map", "standard-curve", "inhibition-curves")
        for end in ("svg", "csv")
    }
    assert figures | {"report.html", "report.pdf", "tables.xlsx", "run.toml", "provenance.json", "cells.json"} <= files
    table = read_parquet(tmp_path / "results/inhibitors.parquet")
    assert table["ki_nM"][0] == pytest.approx(found["results"][0]["ki_nM"])
    inputs = json.loads((tmp_path / "provenance.json").read_text())["inputs"]
    assert found["file_sha256"] in inputs.values()
    html = (tmp_path / "report.html").read_text()
    assert "Morrison" in html
    assert "Zhang" in html


def test_elisa_joins_viability_and_says_what_is_cytotoxic(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plate = str(EXAMPLES / "viability_plate.csv")
    status, found = call(capfd, *ELISA, "--viability", plate, "--out", str(tmp_path))
    assert status == 0
    assert found["unit"] == "pg/mL"
    masked = {row["compound"]: row["masked_doses"] for row in found["results"]}
    assert masked == {"ascomycin": [], "ciclosporin": [30000.0]}
    (flagged,) = [row for row in found["doses"] if row["masked"]]
    assert flagged["viability_verdict"] == "cytotoxic"
    assert any(f["check"] == "cytotoxic" for f in found["qc"]["findings"])
    html = (tmp_path / "report.html").read_text()
    assert "masked: cytotoxic" in html, "flagged in the table"
    assert (
        "cytotoxic" in (tmp_path / "figures/inhibition-curves.svg").read_text()
        or "masked" in (tmp_path / "figures/inhibition-curves.csv").read_text()
    )
    assert {row["status"] for row in found["samples"]} == {"ok", "below"}
    status, found = call(capfd, *ELISA, "--out", str(tmp_path))
    assert status == 2, "another request in the same folder"
    assert found["error"]["kind"] == "OutputError"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ([*PHOSPHATASE, "absent.toml"], "FileReadError"),
        ([*PHOSPHATASE, str(EXAMPLES / "elisa_layout.toml")], "FileReadError"),
        ([*ELISA[:2], "absent.csv", *ELISA[3:]], "FileReadError"),
        ([*ELISA, "--viability", "absent.csv"], "FileReadError"),
        (["assay", "phosphatase", str(EXAMPLES / "phosphatase_plate.csv")], "InputError"),
    ],
)
def test_bad_input_is_status_2_with_one_object(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], kind: str
) -> None:
    status, found = call(capfd, *arguments, "--out", str(tmp_path))
    assert status == 2
    assert found["error"]["kind"] == kind
    assert found["error"]["do"]


def test_text_says_the_same_and_a_name_is_never_a_formula(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    name = '=HYPERLINK("x")'
    evil = name.replace('"', '\\"')
    text = (EXAMPLES / "phosphatase_layout.toml").read_text().replace('compound = "ascomycin"', f'compound = "{evil}"')
    layout = tmp_path / "layout.toml"
    layout.write_text(text)
    out = tmp_path / "out"
    assert run([*PHOSPHATASE, str(layout), "--out", str(out)]) == 0
    said = capfd.readouterr().out
    assert "Ki of the complex" in said
    assert name in said
    for path in [*out.rglob("*.csv")]:
        assert "\n=" not in path.read_text()
        assert ",=" not in path.read_text(), path
        assert ',"=' not in path.read_text(), path
    cells = [
        c for sheet in openpyxl.load_workbook(out / "tables.xlsx") for row in sheet for c in row if c.value == name
    ]
    assert cells
    assert {c.data_type for c in cells} == {"s"}


def test_a_workbook_keeps_numbers_and_leaves_missing_ones_empty(tmp_path: Path) -> None:
    table = Table.create({"=name": ["+a", "b\x07"], "value": [1.5, math.nan]})
    sheet = openpyxl.load_workbook(write_workbook({"one": table}, tmp_path / "t.xlsx"))["one"]
    assert [[c.value for c in row] for row in sheet] == [["=name", "value"], ["+a", 1.5], ["b", None]]
    assert sheet["A1"].data_type == sheet["A2"].data_type == "s"


def test_the_example_plates_are_what_their_truths_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = EXAMPLES / "simulate_plates.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--out", str(tmp_path)])
    runpy.run_path(str(script), run_name="__main__")
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["elisa_plate.csv", "phosphatase_plate.csv", "viability_plate.csv"]
    for name in made:
        assert (tmp_path / name).read_text() == (EXAMPLES / name).read_text(), name
