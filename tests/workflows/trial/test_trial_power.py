"""``limus trial power`` and ``limus trial calibrate`` from the command line: keys, resumption, refusals, Dask."""

import json
from pathlib import Path
from typing import Any

import pytest

from limus.cli.main import run
from limus.cli.trial import _show_calibration
from limus.kernel.statistics.allocation import conceal_list
from limus.trial.calibration.totals import FITTED
from limus.trial.calibration.trial_arms import load_trial_arms
from limus.trial.design.file import design_path
from limus.trial.design.hazard_library import load_hazards, with_values
from limus.trial.design.scenario import load_scenario, scenario_names
from limus.trial.design.trial_fit import fit_is_current, fit_path

SMALL = ["--replicates", "4", "--subjects", "24", "--workers", "1"]


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    status = run(["trial", *words, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_power_comes_with_its_standard_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ("power", "tacrolimus-everolimus", *SMALL, "--analysis", "primary", "--out", str(tmp_path / "p"))
    status, found = answer(capsys, *words)
    assert status == 0
    assert found["analysis"] == "primary"
    assert 0 <= found["power"] <= 1
    assert found["mcse"] == pytest.approx((found["power"] * (1 - found["power"]) / 4) ** 0.5)
    assert found["scenario"] == "israni_2013"
    assert {row["arm"] for row in found["endpoints"]} == {"A", "B"}
    assert all("mcse" in row for row in found["endpoints"])
    assert found["analyses"][0]["not_converged"] == found["n_failed"] == 0
    assert (tmp_path / "p" / "results" / "analyses.parquet").is_file()
    assert len(list((tmp_path / "p" / "parts").glob("*.json"))) == 1
    again, same = answer(capsys, *words, "--workers", "2")  # who computes is no part of the request
    assert again == 0
    assert same == found


def test_another_request_does_not_take_the_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = str(tmp_path / "p")
    words = ("power", "tacrolimus-everolimus", *SMALL, "--analysis", "primary", "--out", folder)
    assert answer(capsys, *words)[0] == 0
    status, found = answer(capsys, *words, "--scenario", "bouamar_2013")
    assert status == 2
    assert found["error"]["kind"] == "OutputError"


def test_unknown_names_are_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    for words, near in (
        (("power", "tacrolimus-everolimu"), "tacrolimus-everolimus"),
        (("power", "tacrolimus-everolimus", "--scenario", "israni"), "israni_2013"),
        (("power", "tacrolimus-everolimus", "--analysis", "primery"), "primary"),
        (("calibrate", "--scenario", "bouamar"), "bouamar_2013"),
    ):
        status, found = answer(capsys, *words)
        assert status == 2
        assert near in found["error"]["do"] + found["error"]["allowed"]


def test_people_read_power_and_errors_in_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trial", "power", "tacrolimus-everolimus", *SMALL, "--analysis", "primary"]) == 0
    printed = capsys.readouterr().out
    for words in ("MCSE", "primary", "guessed right", "Research use only"):
        assert words in printed


def test_a_cluster_gives_the_same_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    distributed = pytest.importorskip("distributed")
    words = ("power", "tacrolimus-everolimus", "--replicates", "4", "--subjects", "24", "--analysis", "primary")
    _, here = answer(capsys, *words, "--workers", "1")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        status, there = answer(capsys, *words, "--dask", cluster.scheduler_address)
    assert status == 0
    assert there == here


def test_a_sealed_list_is_kept_and_only_its_hash_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, found = answer(capsys, "allocate", "tacrolimus-everolimus", "--out", str(tmp_path / "list"))
    assert status == 0
    text = Path(found["list"]).read_text()
    salt = next(line.split()[-1] for line in text.splitlines() if "salt" in line)
    lines = [line.split(",") for line in text.splitlines() if not line.startswith("#")][1:]
    rows = [(stratum, int(float(number)), arm) for stratum, number, arm in lines]
    assert conceal_list(rows, salt).sha256 == found["sha256"]
    assert "arm" not in found
    _, other = answer(capsys, "allocate", "tacrolimus-everolimus", "--seed", "2")
    assert other["sha256"] != found["sha256"]


@pytest.mark.parametrize("name", scenario_names())
def test_the_accepted_calibration_is_current(name: str) -> None:
    assert fit_is_current(name), "run limus trial calibrate --scenario NAME --accept"


def test_an_accepted_calibration_replaces_the_hazards_numbers() -> None:
    assert fit_path("israni_2013").is_file()
    fitted = load_scenario("israni_2013")
    assert set(fitted.fitted) == set(FITTED)
    expected = with_values(load_hazards("kidney"), dict(fitted.fitted))
    assert fitted.hazards.events["rejection"].percent == expected.events["rejection"].percent
    assert load_scenario("israni_2013", with_fit=False).hazards.events["rejection"].percent == 12.0


def test_rows_fitted_to_are_those_of_symphony_and_transform() -> None:
    rows = load_trial_arms()
    fitted = [row for row in rows if row.use == "fit"]
    assert {row.design for row in fitted} == {"symphony-like", "transform-like"}
    assert all(row.status == "verified" for row in fitted)
    assert {row.what for row in fitted if row.kind == "mean"} == {"creatinine clearance"}  # never pooled with eGFR
    assert len(fitted) > len(FITTED)
    cmv = [row for row in rows if row.what == "cmv" and row.use == "check"]
    assert cmv
    assert all(row.kind == "ratio" for row in cmv)


def test_an_analysis_that_no_data_can_answer_is_named_and_stops_no_other(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = design_path("tacrolimus-everolimus").read_text(encoding="utf-8")
    before, after = text.split('name = "cytomegalovirus by month 12"')
    after = after.replace(
        '{ event = "death", strategy = "while alive" }', '{ event = "death", strategy = "hypothetical" }', 1
    )
    path = tmp_path / "design.toml"
    path.write_text(f'{before}name = "cytomegalovirus by month 12"{after}', encoding="utf-8")
    asked = ("--analysis", "cytomegalovirus")
    status, found = answer(capsys, "power", str(path), *SMALL, "--analysis", "primary", *asked)
    assert status == 0
    assert [row["analysis"] for row in found["analyses"]] == ["primary"]
    assert any(finding["check"] == "analysis" and "hypothetical" in finding["got"] for finding in found["findings"])
    status, found = answer(capsys, "power", str(path), *SMALL, *asked)
    assert status == 3
    assert "no data say" in found["error"]["do"]


def test_a_restricted_mean_where_events_compete_is_refused_with_the_reports_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = design_path("tacrolimus-everolimus").read_text(encoding="utf-8")
    own = 'method = "cumulative incidence, Aalen-Johansen"'
    assert text.count(own) == 1
    path = tmp_path / "mean.toml"
    path.write_text(text.replace(own, 'method = "restricted mean survival time"'), encoding="utf-8")
    words = ("power", str(path), *SMALL, "--analysis", "cytomegalovirus")
    status, found = answer(capsys, *words)
    assert status != 0
    assert (found["error"]["kind"], found["error"]["got"]) == ("RefusedError", "events compete")
    status, found = answer(capsys, *words, "--analysis", "primary")
    assert status == 0
    assert [one["analysis"] for one in found["analyses"]] == ["primary"]
    said = [one["got"] for one in found["findings"] if one["check"] == "analysis"]
    assert said == ["events compete"]


def test_the_calibration_table_tells_the_days_apart() -> None:
    row = {"design": "orion-like", "arm": "SRL", "other_arm": "", "what": "rejection", "unit": "percent", "n": 1}
    row |= {"observed": 1.0, "predicted": 1.0, "low": 0.0, "high": 2.0, "inside": True, "use": "check"}
    rows = [row | {"day": day, "observation_status": "verified"} for day in (365.0, 730.0)]
    whole = {"scenario": "s", "seed": 1, "status": "ok", "parameters": [], "rows": rows, "note": ""}
    whole |= {"checked": 2, "checked_inside": 2, "verified_checked": 2, "verified_inside": 2}
    lines = [line.split() for line in _show_calibration(whole).splitlines() if line.startswith("orion")]
    assert [line[3] for line in lines] == ["365", "730"]
