"""``limus pk vpc``: checks of a model against levels, and what is written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from limus.cli.main import run

EXAMPLE = Path(__file__).parents[3] / "examples/pharmacokinetics/kidney_levels.csv"
ASKED = ("--model", "Woillard_2011", "--events", str(EXAMPLE), "--replicates", "60")


def call_json(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status = run(["pk", "vpc", *arguments, "--json"])
    out, _ = capfd.readouterr()
    assert out.count("\n") == 1
    return status, json.loads(out)


def test_the_model_that_made_the_levels_is_found_right(capfd: pytest.CaptureFixture[str]) -> None:
    status, found = call_json(capfd, *ASKED)
    assert status == 0
    assert (found["levels"], found["subjects"], found["below_limit"]) == (200, 40, 15)
    check = found["vpc"]
    assert (check["bins"], check["along"], check["corrected"]) == ("gaps", "after_dose", False)
    assert check["percentiles_inside"] >= check["percentiles_known"] - 1
    assert [row["levels"] for row in check["below"]] == [40, 40, 120]
    assert check["rows"][2]["observed"] is None  # below the limit of quantification
    assert found["npde"]["p_all"] > 0.01
    assert abs(found["residuals"]["weighted_simulated"]["mean"]) < 0.3
    assert found["seed"] == 1


def test_another_model_is_found_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    """The same levels under a model of stable patients on another formulation."""
    found = call_json(capfd, *ASKED, "--set", "immediate_release=0")[1]
    assert found["npde"]["p_all"] < 1e-4


def test_a_run_is_kept_and_the_same_again(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pages = []
    for name in ("one", "two"):
        asked = (*ASKED, "--corrected", "--bins", "count:2", "--percentiles", "10,50,90", "--interval", "90")
        found = call_json(capfd, *asked, "--out", str(tmp_path / name))[1]
        pages.append((Path(found["report_html"]).read_bytes(), Path(found["report_pdf"]).read_bytes()))
    assert pages[0] == pages[1]
    page = pages[0][0].decode()
    for said in ("Research use only", "prediction-corrected", "10th", "Bergstrand", "Bonferroni", "nothing was fitted"):
        assert said in page, said
    folder = tmp_path / "one"
    for figure in ("vpc", "npde", "goodness-of-fit"):
        assert (folder / f"figures/{figure}.svg").is_file()
        assert (folder / f"figures/{figure}.csv").is_file()
    with (folder / "results/levels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    assert sum(row["below"] == "1" for row in rows) == 15
    assert (folder / "results/levels.parquet").is_file()
    assert found["vpc"]["levels_used"] == 185


def test_levels_before_any_dose_are_left_out_and_said(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = ["ID,TIME,AMT,II,SS,DV,HCT,EXPRESSION,immediate_release"]
    for subject in range(1, 13):
        rows += [f"{subject},0,0,0,0,0.4,33,0,1", f"{subject},1,2,0,0,.,33,0,1"]
        rows += [f"{subject},{t},0,0,0,{5 + subject * 0.3 - t / 4:.2f},33,0,1" for t in (3, 9)]
    path = tmp_path / "levels.csv"
    path.write_text("\n".join(rows) + "\n")
    asked = ("--model", "Woillard_2011", "--events", str(path), "--replicates", "60", "--along", "time")
    found = call_json(capfd, *asked)[1]
    assert found["npde"]["n"] == 24
    assert found["npde"]["left_out"] == 12
    assert [row["low_h"] for row in found["vpc"]["rows"][:2]] == [3.0, 9.0]
    (finding,) = [f for f in found["findings"] if f["check"] == "levels-before-dose"]
    assert finding["got"] == "12 levels before any dose"


def test_another_residual_error_of_the_model(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = ["ID,TIME,AMT,II,SS,DV,AGE,BSA,SCR,HCT,LBM,CYP3A5_expresser"]
    rows += [f"{k},{t},{d},{i},{s},{v},55,1.9,135,34,59,0" for k in (1, 2, 3, 4) for t, d, i, s, v in _ROWS]
    path = tmp_path / "levels.csv"
    path.write_text("\n".join(rows) + "\n")
    asked = ("--model", "Andrews_2019", "--events", str(path), "--replicates", "200")
    own, other = (call_json(capfd, *asked, *more)[1] for more in ((), ("--residual", "immunoassay")))
    assert own["vpc"]["rows"] != other["vpc"]["rows"]
    status, found = call_json(capfd, *asked, "--residual", "immuno")
    assert (status, found["error"]["kind"]) == (2, "UnknownNameError")


_ROWS = ((0, 5, 12, 1, "."), (0.5, 0, 0, 0, 30), (12, 0, 0, 0, 14))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "Woillard_2011"), "no --events"),
        ((*ASKED, "--bins", "jenks"), "edges:a,b,c"),
        ((*ASKED, "--percentiles", "5,x"), "percentiles"),
        ((*ASKED, "--percentiles", "95,5"), "rising numbers"),
        ((*ASKED, "--along", "age"), "after_dose or time"),
        ((*ASKED, "--replicates", "3"), "replicates"),
    ],
)
def test_what_cannot_be_asked_is_said(capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str) -> None:
    status, found = call_json(capfd, *arguments)
    assert status == 2
    assert said in " ".join(found["error"].values())


def test_people_read_percentiles_and_tests(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["pk", "vpc", *ASKED]) == 0
    printed = capfd.readouterr().out
    for said in (
        "200 levels of 40 subjects, 15 below their limit",
        "% below limit",
        "npde: n 200",
        "Research use only",
    ):
        assert said in printed
    assert np.isfinite(float(printed.split("all p ")[1].split()[0]))
