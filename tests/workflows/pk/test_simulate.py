"""``limus pk simulate``: exposure of tables and regimens, virtual copies, uncertainty, what is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from limus.cli.main import run
from limus.kernel.tables import Column, read_csv
from limus.pharmacokinetics.exchange.xpt import read_dataset
from limus.workflows.pk.simulate import PkSimulateRequest
from limus.workflows.pk.simulate import run as simulate

EXAMPLE = Path(__file__).parents[3] / "examples/pharmacokinetics/kidney_levels.csv"
WOILLARD = ("--model", "Woillard_2011", "--set", "HCT=32.3", "--set", "EXPRESSION=0", "--set", "immediate_release=1")
STEADY = (*WOILLARD, "--dose", "2", "--steady-state")


def call_json(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status = run(["pk", "simulate", *arguments, "--json"])
    out, _ = capfd.readouterr()
    assert out.count("\n") == 1
    return status, json.loads(out)


def test_a_regimen_at_steady_state(capfd: pytest.CaptureFixture[str]) -> None:
    status, found = call_json(capfd, *STEADY, "--target", "5:15")
    assert status == 0
    assert found["auc"] == {"1": [pytest.approx(86.09, abs=0.005)]}  # of the issue
    assert found["trough"] == {"1": [pytest.approx(4.725, abs=0.0005)]}
    assert found["cmax"] == {"1": [pytest.approx(13.56, abs=0.005)]}
    (row,) = found["rows"]
    assert (row["start_h"], row["end_h"], row["dose_mg"], row["status"]) == (0.0, 12.0, 2.0, "ok")
    assert 0 < row["time_in_range_percent"] < 100
    assert (found["virtual"], found["uncertainty"], found["n_failed"]) == (None, None, 0)
    assert "Research use only" in found["notice"]


def test_virtual_copies_spread_and_the_seed_decides(capfd: pytest.CaptureFixture[str]) -> None:
    asked = (*STEADY, "--virtual", "200", "--target", "5:15")
    first, again = call_json(capfd, *asked)[1], call_json(capfd, *asked)[1]
    other = call_json(capfd, *asked, "--seed", "2")[1]
    assert first["virtual"] == again["virtual"]
    (row,) = first["virtual"]["rows"]
    assert row["auc_p5"] < row["auc_p50"] < row["auc_p95"]
    assert row["auc_p50"] == pytest.approx(86.09, rel=0.12)
    assert 0 <= row["trough_in_target_percent"] <= 100
    assert other["virtual"]["rows"] != first["virtual"]["rows"]


def test_uncertainty_of_the_values_alone_and_with_the_subjects(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ("--model", "Umpierrez_2021", "--set", "CRCL=98.62", "--dose", "150", "--steady-state")
    found = call_json(capfd, *asked, "--virtual", "300", "--uncertainty", "published")[1]
    (row,) = found["uncertainty"]["rows"]
    # area = dose / clearance, and log-normal clearance with the printed standard error of 8.25 %
    spread = np.sqrt(np.log1p(0.0825**2)) * 1.645 * 2
    assert np.log(row["auc_p95"] / row["auc_p5"]) == pytest.approx(spread, rel=0.15)
    (virtual,) = found["virtual"]["rows"]
    assert virtual["auc_p95"] / virtual["auc_p5"] > row["auc_p95"] / row["auc_p5"]
    assert "CRCL_reference" in found["uncertainty"]["fixed"]
    path = tmp_path / "sets.csv"
    path.write_text("CL_typical\n30.3\n60.6\n")
    sets = call_json(capfd, *asked, "--virtual", "2", "--uncertainty", str(path))[1]["uncertainty"]["rows"][0]
    assert sets["auc_p50"] == pytest.approx(1e3 * 150 * (1 / 30.3 + 1 / 60.6) / 2, rel=1e-6)


def test_a_table_is_simulated_and_its_run_kept(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    asked = ("--model", "Woillard_2011", "--events", str(EXAMPLE), "--target", "5:15", "--virtual", "5")
    status, found = call_json(capfd, *asked, "--out", str(out), "--study", "DEMO")
    assert status == 0
    assert len(found["rows"]) == 40 * 28
    assert found["auc"].keys() == {str(k) for k in range(1, 41)}
    for name in ("results/exposure.parquet", "results/virtual.csv", "figures/course.svg", "figures/course.csv"):
        assert (out / name).is_file(), name
    assert Path(found["report_pdf"]).read_bytes().startswith(b"%PDF")
    page = Path(found["report_html"]).read_text()
    for said in (
        "Research use only",
        "just before the next dose",
        "Last intervals only",
        "levels at dose",
    ):
        assert said in page, said
    kept = read_csv(out / "results/exposure.csv", [Column("id"), Column("auc", number=True)], other_columns=True)
    assert kept["auc"].tolist() == pytest.approx([row["auc"] for row in found["rows"]], rel=1e-12)
    adpp, _ = read_dataset(found["adpp"], [Column("PARAMCD"), Column("AVAL", number=True), Column("STUDYID")])
    assert set(adpp["STUDYID"].tolist()) == {"DEMO"}
    areas = adpp["AVAL"][adpp["PARAMCD"] == "AUCTAU"]
    np.testing.assert_allclose(areas, [row["auc"] for row in found["rows"]], rtol=1e-14)
    assert json.loads((out / "result.json").read_text())["drug"] == "tacrolimus"


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    request = PkSimulateRequest(
        model="Woillard_2011",
        dose=2.0,
        number=4,
        settings=("HCT=33", "EXPRESSION=0", "immediate_release=1"),
        virtual=20,
        target="5:15",
    )
    pages = []
    for name in ("one", "two"):
        result = simulate(request, out=tmp_path / name)
        assert result.report_html is not None
        assert result.report_pdf is not None
        pages.append((result.report_html.read_bytes(), result.report_pdf.read_bytes()))
    assert pages[0] == pages[1]


def test_a_single_dose_has_no_interval_and_says_so(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text(
        "ID,TIME,AMT,DV,HCT,EXPRESSION,immediate_release\n1,0,2,.,33,0,1\n2,0,2,.,33,0,1\n2,12,0,4,33,0,1\n"
    )
    status, found = call_json(capfd, "--model", "Woillard_2011", "--events", str(path))
    assert status == 0
    assert found["n_failed"] == 1
    assert [row["status"][:6] for row in found["rows"]] == ["no end", "ok"]
    assert found["rows"][0]["auc"] is None
    path.write_text("ID,TIME,AMT,DV,HCT,EXPRESSION,immediate_release\n1,0,2,.,33,0,1\n")
    out = tmp_path / "run"
    status, found = call_json(capfd, "--model", "Woillard_2011", "--events", str(path), "--out", str(out))
    assert status == 1
    assert found["adpp"] is None
    assert "nothing is drawn" in Path(found["report_html"]).read_text()


def test_a_name_that_a_transport_file_cannot_hold_goes_to_csv(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "named.csv"
    path.write_text("ID,TIME,AMT,II,ADDL,DV,HCT,EXPRESSION,immediate_release\nZoë,0,2,12,1,.,33,0,1\n")
    asked = ("--model", "Woillard_2011", "--events", str(path), "--out", str(tmp_path / "run"))
    found = call_json(capfd, *asked)[1]
    assert found["adpp"].endswith("adpp.csv")
    assert "adpp-file" in {finding["check"] for finding in found["findings"]}
    assert found["auc"].keys() == {"Zoë"}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (WOILLARD, 2, "neither --events nor --dose"),
        ((*STEADY, "--events", "a.csv"), 2, "both --events and --dose"),
        ((*WOILLARD, "--events", "a.csv", "--number", "3"), 2, "--number"),
        ((*STEADY, "--unit", "AMT=ug"), 2, "--unit"),
        ((*STEADY, "--uncertainty", "published"), 2, "without --virtual"),
        ((*STEADY, "--virtual", "5", "--uncertainty", "published"), 2, "no value with a spread"),
        ((*STEADY, "--virtual", "5", "--uncertainty", "none.csv"), 2, "none.csv"),
        ((*STEADY, "--target", "15:5"), 2, "15:5"),
        ((*STEADY, "--set", "HCT=33"), 2, "HCT twice"),
        ((*STEADY, "--set", "WT"), 2, "WT"),
        ((*STEADY, "--set", "HTC=3"), 2, "HTC"),
        ((*STEADY, "--set", "organ=liver"), 3, "liver"),
        (("--model", "Woillard_2011", "--dose", "2", "--steady-state"), 2, "no such column"),
        (("--model", "Woilard_2011", "--dose", "2"), 2, "Woilard_2011"),
        ((*STEADY, "--infusion", "2"), 2, "an infusion"),
    ],
)
def test_what_cannot_be_asked_is_said(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, said: str
) -> None:
    found_status, found = call_json(capfd, *arguments)
    assert found_status == status
    assert said in " ".join(found["error"].values())


def test_outside_the_limits_only_by_name(capfd: pytest.CaptureFixture[str]) -> None:
    asked = ("--model", "Woillard_2011", "--dose", "2", "--set", "HCT=60", "--set", "EXPRESSION=0")
    asked += ("--set", "immediate_release=1", "--number", "2")
    assert call_json(capfd, *asked)[0] == 3
    status, found = call_json(capfd, *asked, "--override", "HCT")
    assert status == 0
    assert found["overrides"] == ["HCT"]
    assert any(f["check"] == "validity-limit" and f["severity"] == "warning" for f in found["findings"])


def test_a_dose_far_from_the_models_is_a_warning(capfd: pytest.CaptureFixture[str]) -> None:
    found = call_json(capfd, *WOILLARD, "--dose", "2000", "--steady-state")[1]
    (finding,) = [f for f in found["findings"] if f["where"] == "--dose"]
    assert "check the unit: --dose is in mg" in finding["do"]


def test_people_read_a_table_with_what_to_bear_in_mind(capfd: pytest.CaptureFixture[str]) -> None:
    asked = ["pk", "simulate", *STEADY, "--virtual", "5", "--target", "5:15", "--override", "HCT"]
    assert run(asked) == 0
    printed = capfd.readouterr().out
    for said in ("area ng/mL h", "4.72", "5 virtual copies, seed 1", "limits overridden: HCT", "Research use only"):
        assert said in printed
    assert run(["pk", "simulate", "--model", "Woillard_2011", "--events", str(EXAMPLE)]) == 0
    assert "40 of 1120 intervals: a subject's last" in capfd.readouterr().out
