from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import limus
from limus.assay.curve.simulation import simulate_curves
from limus.cli.main import run
from limus.kernel.errors import InputError, UnknownNameError
from limus.kernel.tables import Table, read_parquet, write_csv

EXAMPLE = str(Path(__file__).parents[3] / "examples" / "assay" / "curves.csv")
DOSES = [0.0, *np.geomspace(0.1, 300.0, 8)]


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    status = run(["assay", "curve", *words, "--json"])
    return status, json.loads(capsys.readouterr().out)


def write_curves(folder: Path, rows: list[tuple[float, ...]], *, deviation: float = 3.0, unit: str = "nM") -> str:
    made = simulate_curves("ll4", rows, DOSES, seed=1, standard_deviation=deviation, replicates=2)
    table = Table.from_rows(
        {"curve": f"c{i}", "dose": dose, "response": response, "dose_unit": unit}
        for i, responses in enumerate(made.responses)
        for dose, response in zip(made.doses, responses, strict=True)
    )
    return str(write_csv(table, folder / "in.csv"))


def test_the_example_as_the_contract_says(capsys: pytest.CaptureFixture[str]) -> None:
    status, result = ask(capsys, EXAMPLE)
    assert status == 0
    curves = {row["curve"]: row for row in result["curves"]}
    assert [row["status"] for row in curves.values()] == ["ok", "ok", "ic50_above_doses", "flat", "ok", "ok"]
    assert (result["n_curves"], result["n_failed"]) == (6, 1)
    first = curves["compound A"]
    # simulated with slope 1.1, plateaus 2 and 100, EC50 4
    truth = {"slope": 1.1, "lower": 2.0, "upper": 100.0, "ec50": 4.0}
    for name, value in truth.items():
        low, high = first["intervals"][name]
        assert low < first["parameters"][name] < high
        assert abs(first["parameters"][name] - value) < 4 * first["standard_errors"][name]
    assert first["ic50_relative"] == pytest.approx(first["parameters"]["ec50"])
    assert first["model"] == "ll4"
    low, high = first["intervals"]["ic50_absolute"]
    assert low < first["ic50_absolute"] < high
    partial = curves["compound B, partial"]
    assert partial["ic50_absolute"] is None
    assert (partial["ic50_absolute_status"], partial["ic50_absolute_relation"]) == ("not_reached", ">")
    assert partial["ic50_absolute_limit"] == pytest.approx(300)
    assert curves["vehicle"]["ic50_relative"] is None
    assert curves["vehicle"]["no_effect_p_value"] > 0.05
    assert curves["compound D, one outlier"]["n_outliers"] == 1
    assert curves["compound E, censored"]["n_censored"] >= 3


def test_the_run_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    status, result = ask(capsys, EXAMPLE, "--out", str(out), "--model", "ll4,w14", "--reference", "compound A")
    assert status == 2  # several models and a comparison exclude each other
    assert result["error"]["where"].startswith("--model")
    status, result = ask(capsys, EXAMPLE, "--out", str(out), "--model", "auto", "--ed", "10", "--at", "80")
    assert status == 0
    assert Path(result["report_html"]).read_text().count("<svg") >= 1
    assert Path(result["report_pdf"]).read_bytes().startswith(b"%PDF")
    curves = read_parquet(out / "results" / "curves.parquet")
    assert curves["curve"].tolist() == [row["curve"] for row in result["curves"]]
    assert "effective_doses_10_dose" in curves.names
    points = read_parquet(out / "results" / "points.parquet")
    assert len(points) == 162
    assert set(points["kind"]) == {"measured", "below", "outlier"}
    assert len(result["models"]) == 24
    assert (out / "figures" / "curves-fitted.svg").exists()
    assert (out / "provenance.json").exists()
    with (out / "results" / "curves.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 6
    assert run(["assay", "curve", EXAMPLE, "--out", str(out), "--model", "ll4"]) == 2  # another request
    assert "overwrite" in capsys.readouterr().err


def test_comparison_of_curves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_curves(tmp_path, [(1.2, 5.0, 100.0, 1.0), (1.2, 5.0, 100.0, 2.0)])
    status, result = ask(capsys, file, "--reference", "c0", "--shared", "lower", "--shared", "upper")
    assert status == 0
    assert result["shared_fit"]["shared"] == ["lower", "upper"]
    assert result["parallelism"]["shared"] == ["slope", "lower", "upper"]
    assert result["parallelism"]["f_p_value"] > 0.01
    ratio = result["relative_potency"][1]
    low, high = ratio["interval"]
    assert low < math.exp(-1.0) < high
    lowers = {row["parameters"]["lower"] for row in result["curves"]}
    assert len(lowers) == 1
    assert result["curves"][0]["degrees_of_freedom"] == 36 - 6
    status, result = ask(capsys, file, "--reference", "c9")
    assert (status, result["error"]["kind"]) == (2, "UnknownNameError")


def test_profile_intervals_and_linear_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_curves(tmp_path, [(1.2, 5.0, 100.0, 1.0)], deviation=8.0)
    found = {}
    for kind in ("wald", "wald-linear", "profile"):
        _, result = ask(capsys, file, "--interval", kind, "--level", "90")
        found[kind] = result["curves"][0]
        assert result["curves"][0]["level_percent"] == pytest.approx(90)
    centre = found["wald"]["ic50_relative"]
    low, high = found["wald"]["intervals"]["ic50_relative"]
    assert low * high == pytest.approx(centre**2)
    low, high = found["wald-linear"]["intervals"]["ic50_relative"]
    assert low + high == pytest.approx(2 * centre)
    assert found["profile"]["ic50_relative_profile"] == "closed"
    assert found["profile"]["interval_method"] == "profile"


def test_controls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_curves(tmp_path, [(1.0, 0.0, 2.0, 1.0)], deviation=0.02)
    _, result = ask(capsys, file)
    assert result["curves"][0]["ic50_absolute"] is None
    assert result["curves"][0]["ic50_absolute_status"] == "undefined"
    assert "not given" in result["controls"]
    _, result = ask(capsys, file, "--top", "2", "--bottom", "0.4")
    # 1.2 of 2 is reached where the dose is 2/3 of the EC50
    assert result["curves"][0]["ic50_absolute"] == pytest.approx(math.e * 2 / 3, rel=0.1)
    status, result = ask(capsys, file, "--top", "2")
    assert (status, result["error"]["where"]) == (2, "--top and --bottom")
    _, result = ask(capsys, file, "--model", "LL.2", "--top", "2", "--bottom", "0")
    assert result["curves"][0]["fixed"] == ["lower", "upper"]
    status, result = ask(capsys, file, "--model", "ll2")
    assert status == 2
    assert "upper" in result["error"]["got"]


def test_bad_rows_do_not_stop_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = "".join(f"good,{d},{100 / (1 + d / 3):.2f},nM\n" for d in (0, 0.1, 0.3, 1, 3, 10, 30, 100))
    bad = "neg,-1,5,nM\nunits,1,5,nM\nunits,2,4,uM\none,1,50,nM\none,1,51,nM\nword,1,high,nM\ngood,5,?,nM\n"
    file = tmp_path / "in.csv"
    file.write_text("curve,dose,response,dose_unit\n" + good + bad)
    status, result = ask(capsys, str(file))
    assert status == 0
    by_name = {row["curve"]: row for row in result["curves"]}
    assert by_name["good"]["status"] == "ok"
    assert by_name["good"]["ic50_relative"] == pytest.approx(3, rel=0.01)
    assert by_name["one"]["status"] == "too_few_doses"
    for name, word in (("neg", "negative"), ("units", "mixed"), ("word", "no row")):
        assert by_name[name]["status"] == "invalid_data"
        assert word in by_name[name]["reason"]
    assert result["n_failed"] == 4
    assert len(result["flagged_rows"]) == 3
    status, result = ask(capsys, str(file), "--out", str(tmp_path / "run"))
    assert "not fitted" in Path(result["report_html"]).read_text()


def test_nothing_succeeded_is_exit_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "in.csv"
    file.write_text("curve,dose,response\na,1,5\na,2,5\n")
    status, result = ask(capsys, str(file))
    assert (status, result["n_failed"]) == (1, 1)
    status, result = ask(capsys, str(file), "--out", str(tmp_path / "run"))
    assert status == 1
    assert Path(result["report_pdf"]).exists()


def test_outliers_can_be_excluded(capsys: pytest.CaptureFixture[str]) -> None:
    kept, left_out = (
        {row["curve"]: row for row in ask(capsys, EXAMPLE, "--outliers", word)[1]["curves"]}["compound D, one outlier"]
        for word in ("report", "exclude")
    )
    assert left_out["n"] == kept["n"] - 1
    assert left_out["residual_standard_deviation"] < 0.7 * kept["residual_standard_deviation"]


def test_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["assay", "curve", EXAMPLE, "--ed", "20"]) == 0
    said = capsys.readouterr().out
    for words in ("compound A", "> 300", "flat", "ED20", "Research use only", "assumed: top 100"):
        assert words in said


def test_as_a_function() -> None:
    result = limus.assay_curve(file=EXAMPLE, weights="power", robust="none")
    assert result.as_dict()["curves"][0]["variance_exponent"] >= 0
    with pytest.raises(InputError, match="name=value"):
        limus.assay_curve(file=EXAMPLE, fix=("lower",))
    with pytest.raises(InputError, match="name=low:high"):
        limus.assay_curve(file=EXAMPLE, bound=("lower=0",))
    with pytest.raises(UnknownNameError, match="--weights"):
        limus.assay_curve(file=EXAMPLE, weights="1/x")


def test_formulae_in_names_are_guarded_in_exports(tmp_path: Path) -> None:
    rows = "".join(f"=cmd(),{d},{100 / (1 + d / 3):.2f}\n" for d in (0, 0.1, 0.3, 1, 3, 10, 30, 100))
    (tmp_path / "in.csv").write_text("curve,dose,response\n" + rows)
    limus.assay_curve(file=str(tmp_path / "in.csv"), out=tmp_path / "run")
    text = (tmp_path / "run" / "results" / "curves.csv").read_text()
    assert text.splitlines()[1].startswith("'=cmd()")


def test_published_results_of_drc(reference_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed in drc's documentation for ryegrass: ED10, ED50 and ED90; source in validation/assay_curves.py."""
    file = str(reference_data / "dose_response" / "ryegrass.csv")
    words = ("--column", "dose=conc", "--column", "response=rootl", "--ed", "10", "--ed", "50", "--ed", "90")
    _, result = ask(capsys, file, *words)
    doses = [row["dose"] for row in result["curves"][0]["effective_doses"]]
    assert doses == pytest.approx([1.46371, 3.05795, 6.38864], rel=5e-6)
