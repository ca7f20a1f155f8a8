"""A prediction of generations: read from a table, found by the T-cell model, matched with wells, laid over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.assay.cytometry.proliferation.plate import analyse_plate
from limus.assay.layout.file import read_layout
from limus.cli.main import run
from limus.kernel.errors import FileReadError, InputError, RefusedError, UnknownNameError
from limus.kernel.execution import Execution
from limus.signalling.model_library import load_model
from limus.workflows.assay.proliferation_report import prediction
from limus.workflows.assay.proliferation_report.prediction import predict_with_model, read_prediction
from limus.workflows.assay.proliferation_report.prediction_section import prediction_rows, prediction_section

from .small_plate import SECTION, make_plate, write_layout
from .truths import EXAMPLE

HEAD = "generation,fraction,compound,concentration,unit\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "prediction.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_of_controls_and_doses(tmp_path: Path) -> None:
    found = read_prediction(table(tmp_path, HEAD + "0,0.25,,,\n2,0.75,,,\n0,1,Tacrolimus,30,nM\n"))
    assert found.treatments[0].fractions == (0.25, 0.0, 0.75)
    wells = {well.name: well for well in read_layout(EXAMPLE / "layout.toml").wells}
    control, dosed = found.treatments
    assert [found.for_well(wells[name]) for name in ("B2", "B3", "B4", "E2", "E3")] == [
        control,
        dosed,
        None,
        None,
        None,
    ]
    in_micromolar = read_prediction(table(tmp_path, HEAD + "0,1,tacrolimus,0.03,uM\n"))
    assert in_micromolar.for_well(wells["C3"]) is in_micromolar.treatments[0]
    assert read_prediction(table(tmp_path, "generation,fraction\n0,0.5\n1,0.5\n")).treatments[0].compound == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD, "no rows"),
        (HEAD + "0,0.5,,,\n", "sum to 0.5"),
        (HEAD + "0,0.5,,,\n0,0.5,,,\n", "twice"),
        (HEAD + "0.5,1,,,\n", "generation 0.5"),
        (HEAD + "0,1.5,,,\n1,-0.5,,,\n", "fraction -0.5"),
        (HEAD + "99,1,,,\n", "generation 99"),
        (HEAD + "0,1,tacrolimus,,\n", "concentration"),
        (HEAD + "0,1,tacrolimus,3,\n", "concentration 3"),
    ],
)
def test_a_wrong_table_is_an_error_that_says_so(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_prediction(table(tmp_path, text))


def test_what_is_no_table(tmp_path: Path) -> None:
    for text in ("generation\n0\n", "generation,fraction\n0,much\n", ""):
        with pytest.raises(FileReadError):
            read_prediction(table(tmp_path, text))


def test_the_model_predicts_less_division_under_more_drug() -> None:
    wells = read_layout(EXAMPLE / "layout.toml").wells
    found = predict_with_model(wells, "anti_cd3_cd28", 96.0, model=load_model("t_cell", with_fit=False))
    assert "96 h" in found.source
    for treatment in found.treatments:
        assert sum(treatment.fractions) == pytest.approx(1.0)
        assert min(treatment.fractions) >= 0
    control = found.treatments[0]
    assert control.compound == ""
    assert control.fractions[0] < 0.9
    doses = {t.concentration: t.fractions[0] for t in found.treatments if t.compound == "tacrolimus"}
    assert len(doses) == 8
    assert doses[max(doses)] > doses[min(doses)]
    assert all(found.for_well(w) is not None for w in wells if w.role in {"control", "sample"})


def test_what_the_model_cannot_predict(monkeypatch: pytest.MonkeyPatch) -> None:
    wells = read_layout(EXAMPLE / "layout.toml").wells
    model = load_model("t_cell", with_fit=False)
    with pytest.raises(UnknownNameError):
        predict_with_model(wells, "anti_cd4", None, model=model)
    with pytest.raises(RefusedError):
        predict_with_model(wells, "anti_cd3", 1e6, model=model)
    monkeypatch.setattr(prediction, "_UNDIVIDED", "growth.no_such_thing")
    with pytest.raises(RefusedError, match="no cells by generation"):
        predict_with_model(wells, "anti_cd3", None, model=model)


def test_it_is_laid_over_the_wells_and_changes_nothing(tmp_path: Path) -> None:
    folder, _ = make_plate(tmp_path, events=900)
    section = SECTION.replace("replicates = 40", "replicates = 20")
    wells = '[[wells]]\nwells = "A1:A2"\nrole = "control"\n[[wells]]\nwells = "A4"\nrole = "unstimulated"\n'
    wells += '[[wells]]\nwells = "B1"\nrole = "sample"\ncompound = "tacrolimus"\nconcentration = "20 nM"\n'
    layout = write_layout(tmp_path, section, wells)
    a = analyse_plate(folder, layout, Execution(seed=1, workers=1))
    path = table(tmp_path, HEAD + "0,0.1,,,\n3,0.9,,,\n0,1,tacrolimus,20,nM\n0,1,tacrolimus,5,nM\n")
    prediction = read_prediction(path)
    measured, predicted = prediction_rows(a, prediction)
    assert list(dict.fromkeys(row["panel"] for row in measured)) == ["stimulated controls", "tacrolimus 20 nM"]
    for panel in ("stimulated controls", "tacrolimus 20 nM"):
        own = [row for row in measured if row["panel"] == panel]
        assert sum(row["percent"] for row in own) == pytest.approx(100)
        assert all(row["lower"] <= row["upper"] for row in own if np.isfinite(row["lower"]))
    assert {r["generation"]: r["percent"] for r in predicted if r["panel"] == "stimulated controls"}[3.0] == 90.0
    block, rows = prediction_section(a, prediction).blocks
    assert "predicted" in block.alt  # type: ignore[union-attr]
    assert len(rows.rows) == 2  # type: ignore[union-attr]
    nothing = read_prediction(table(tmp_path, HEAD + "0,1,tacrolimus,7,nM\n"))
    assert len(prediction_section(a, nothing).blocks) == 1


@pytest.mark.parametrize("words", [["--prediction", "a.csv", "--stimulus", "pha"], ["--hours", "96"]])
def test_options_that_do_not_go_together(tmp_path: Path, words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    plate = ["assay", "proliferation", str(EXAMPLE / "plate"), "--layout", str(EXAMPLE / "layout.toml")]
    if "a.csv" in words:
        words = [str(table(tmp_path, "generation,fraction\n0,1\n")) if w == "a.csv" else w for w in words]
    assert run([*plate, *words, "--out", str(tmp_path / "out")]) == 2
    assert "leave" in capfd.readouterr().err
