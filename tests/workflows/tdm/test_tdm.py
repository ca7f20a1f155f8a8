"""``limus tdm``: keys of the contract, refusals, bad input, pages; forecasts that another program published."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from limus.cli.main import run

EXAMPLE = Path(__file__).parents[3] / "examples/pharmacokinetics/kidney_levels.csv"
WOILLARD = ("--model", "Woillard_2011")
QUICK = ("--draws", "200", "--starts", "2")
HEADER = "ID,OCC,TIME,EVID,AMT,II,SS,DV,HCT,CYP3A5_expresser,immediate_release\n"
GOOD = (
    "1,1,0,1,3,12,1,.,33,0,1\n1,1,0,0,0,0,0,7.5,33,0,1\n1,2,96,1,4,12,1,.,31,0,1\n1,2,96,0,0,0,0,9.1,31,0,1\n"
    "1,3,192,1,4,12,1,.,30,0,1\n1,3,192,0,0,0,0,8.2,30,0,1\n"
)


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status = run(["tdm", *arguments, "--json"])
    out, _ = capfd.readouterr()
    assert out.count("\n") == 1
    return status, json.loads(out)


def write(folder: Path, rows: str = GOOD, header: str = HEADER) -> str:
    path = folder / "levels.csv"
    path.write_text(header + rows)
    return str(path)


def test_forecast_has_the_keys_of_the_contract(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, found = call(capfd, "forecast", write(tmp_path), *WOILLARD, *QUICK, "--id", "1", "--target", "trough:5-10")
    assert status == 0
    assert set(found["eta"]) >= {"eta_CL", "eta_Vc", "kappa_CL[1]", "kappa_CL[2]", "kappa_CL[3]"}
    assert found["target"] == [5.0, 10.0]
    assert [row["observed"] for row in found["levels"]] == [7.5, 9.1, 8.2]
    first = found["forecast"][0]
    assert first["time"] == 204.0
    for row in found["forecast"]:
        assert row["lower"] < row["median"] < row["upper"]
        assert row["measured_lower"] < row["measured_median"] < row["measured_upper"]
    widths = [sum(row[f"{kind}upper"] - row[f"{kind}lower"] for row in found["forecast"]) for kind in ("", "measured_")]
    assert widths[1] > widths[0]
    assert [dose["time"] for dose in found["doses"]] == [204.0, 216.0, 228.0]
    assert found["models"][0]["effective_draws"] > 20
    assert "Research use only" in found["notice"]


def test_an_occasion_is_forecast_from_the_earlier_ones(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = write(tmp_path)
    _, found = call(capfd, "forecast", file, *WOILLARD, *QUICK, "--id", "1", "--occasion", "3")
    assert [row["used"] for row in found["levels"]] == [True, True, False]
    assert [(row["occasion"], row["observed"]) for row in found["forecast"]] == [(3, 8.2)]
    other = write(tmp_path, GOOD.replace("8.2", "3.3"))
    _, again = call(capfd, "forecast", other, *WOILLARD, *QUICK, "--id", "1", "--occasion", "3")
    assert again["eta"] == found["eta"]
    _, evaluated = call(capfd, "evaluate", file, *WOILLARD, *QUICK)
    row = next(row for row in evaluated["rows"] if row["occasion"] == 3)
    assert row["predicted"] == pytest.approx(found["forecast"][0]["predicted"], rel=1e-6)


def test_wanted_levels_are_forecast(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = GOOD + "1,4,300,1,4,12,1,.,30,0,1\n1,4,300,0,0,0,0,.,30,0,1\n"
    _, found = call(capfd, "forecast", write(tmp_path, rows), *WOILLARD, *QUICK, "--id", "1", "--times", "0,12")
    assert [(row["time"], row["occasion"]) for row in found["forecast"]] == [(300.0, 4), (312.0, None), (324.0, None)]
    assert found["forecast"][0]["observed"] is None


def test_dose_has_the_keys_of_the_contract(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ("dose", write(tmp_path), *WOILLARD, *QUICK, "--id", "1", "--target", "trough:5-10", "--set", "WT=60")
    status, found = call(capfd, *asked, "--out", str(tmp_path / "page"))
    assert status == 0
    assert found["current"] == {"dose_mg": 4.0, "interval_h": 12.0}
    assert found["limit"] == "0.3 mg/kg a day at 60 kg: 9 mg each time"
    best = max(found["doses"], key=lambda row: row["probability_percent"])
    assert found["best"] == best
    doses = [row["dose_mg"] for row in found["doses"]]
    assert all(math.isclose(dose / 0.5, round(dose / 0.5)) for dose in doses)
    assert all(row["trough_lower"] < row["trough"] < row["trough_upper"] for row in found["doses"])
    assert found["sampling"][0]["auc_cv_after_percent"] < found["sampling"][0]["auc_cv_before_percent"]
    for name in ("report.html", "report.pdf", "result.json", "results/doses.csv", "figures/chances.svg"):
        assert (tmp_path / "page" / name).stat().st_size > 0
    html = (tmp_path / "page/report.html").read_text(encoding="utf-8")
    assert html.count("Research use only") >= 2
    assert "Woillard" in html


def test_strengths_interval_and_area(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ("dose", write(tmp_path), *WOILLARD, *QUICK, "--id", "1", "--target", "auc:150-250")
    status, found = call(capfd, *asked, "--strengths", "2", "--interval", "24", "--most", "12", "--after", "48")
    assert status == 0
    assert [row["dose_mg"] for row in found["doses"]] == [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]
    assert found["at"] == "48 h on the dose"
    assert found["doses"][0]["measured_probability_percent"] is None
    status, found = call(capfd, *asked, "--form", "tablets")
    assert (status, found["error"]["kind"]) == (2, "UnknownNameError")


def test_evaluate_has_the_keys_of_the_contract(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = GOOD + GOOD.replace("1,", "2,", 1).replace("\n1,", "\n2,").replace("9.1", "6.6")
    names = ("Woillard_2011", "Han_2013_preDose")
    more = ("--set", "POD=20", "--set", "WT=60", "--column", "CYP3A5_1_alleles=0*CYP3A5_expresser")
    asked = ("evaluate", write(tmp_path, rows), "--model", ",".join(names), *QUICK, *more)
    status, found = call(capfd, *asked, "--out", str(tmp_path / "page"))
    assert status == 0
    assert found["method"] == "average"
    assert set(found["models"]) == set(names)
    assert set(found["baselines"]) == {f"{name}, population" for name in names} | {"last trough x dose ratio"}
    assert {(row["id"], row["occasion"]) for row in found["rows"]} == {(i, k) for i in "12" for k in (2, 3)}
    scores = ("bias_percent", "mape_percent", "mdape_percent", "rmse", "within_20", "within_30", "crps")
    for entry in (found, found["average"], *found["models"].values(), *found["baselines"].values()):
        assert all(math.isfinite(entry[name]) for name in scores)
        assert len(entry["rows"]) == 4
    ratio = found["baselines"]["last trough x dose ratio"]["rows"]
    assert ratio[0]["predicted"] == pytest.approx(7.5 * 4 / 3)
    measures = [one["measure"] for one in found["average"]["less_ratio"]]
    assert set(measures) == {"mape_percent", "mdape_percent", "rmse", "within_20", "within_30", "crps"}
    woillard = found["models"]["Woillard_2011"]
    gain = next(one for one in woillard["less_population"] if one["measure"] == "rmse")
    alone = found["baselines"]["Woillard_2011, population"]
    assert gain["difference"] == pytest.approx(woillard["troughs"]["rmse"] - alone["troughs"]["rmse"])
    assert (tmp_path / "page/report.pdf").stat().st_size > 0


def test_without_occasions_there_is_nothing_to_evaluate(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    header = HEADER.replace("OCC,", "")
    rows = "\n".join(",".join(v for k, v in enumerate(row.split(",")) if k != 1) for row in GOOD.split("\n"))
    file = write(tmp_path, rows, header)
    status, found = call(capfd, "evaluate", file, *WOILLARD, *QUICK)
    assert (status, "--occasions gap:24" in found["error"]["do"]) == (2, True)
    status, found = call(capfd, "evaluate", file, *WOILLARD, *QUICK, "--occasions", "gap:24")
    assert status == 0
    assert [row["occasion"] for row in found["rows"]] == [2, 3]


def test_outside_a_limit_is_refused_unless_it_is_named(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = write(tmp_path, GOOD.replace(",33,0,1", ",50,0,1"))
    asked = ("forecast", file, *WOILLARD, *QUICK, "--id", "1")
    status, found = call(capfd, *asked)
    assert (status, found["error"]["kind"]) == (3, "RefusedError")
    assert "HCT" in found["error"]["do"]
    status, found = call(capfd, *asked, "--override", "HCT")
    assert (status, found["overrides"]) == (0, ["HCT"])
    assert found["findings"][0]["check"] == "validity-limit"
    assert run(["tdm", *asked, "--override", "HCT"]) == 0
    assert "limits overridden: HCT" in capfd.readouterr().out
    status, found = call(capfd, *asked, "--override", "HTC")
    assert (status, "HCT" in found["error"]["do"]) == (2, True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0,0,0,7.5", "0,0,0,-7.5", "-7.5"),
        ("0,0,0,7.5", "0,0,0,high", "high"),
        ("0,0,0,7.5", "0,0,0,0.0075", "ug/mL"),
        ("1,3,12,1,.,33", "1,3000,12,1,.,33", "AMT"),
    ],
)
def test_bad_input_is_named(capfd: pytest.CaptureFixture[str], tmp_path: Path, old: str, new: str, said: str) -> None:
    rows = GOOD.replace(old, new)
    if said == "AMT":  # all amounts in ug
        rows = rows.replace(",1,4,", ",1,4000,")
    if said == "ug/mL":  # all levels in ug/mL
        rows = rows.replace("9.1,", "0.0091,").replace("8.2,", "0.0082,")
    status, found = call(capfd, "forecast", write(tmp_path, rows), *WOILLARD, *QUICK, "--id", "1")
    assert status == 2
    assert said in json.dumps(found["error"])


def test_two_levels_at_one_time_and_a_level_before_any_dose(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    twice = GOOD + "1,3,192,0,0,0,0,8.9,30,0,1\n"
    status, found = call(capfd, "forecast", write(tmp_path, twice), *WOILLARD, *QUICK, "--id", "1")
    assert status == 2
    assert "192" in json.dumps(found["error"])
    early = GOOD.replace("1,1,0,1,3,12,1", "1,1,24,1,3,12,1").replace("1,1,0,0,0,0,0,7.5", "1,1,5,0,0,0,0,7.5", 1)
    lines = early.strip().split("\n")
    rows = "\n".join([lines[1], lines[0], *lines[2:]]) + "\n"
    status, found = call(capfd, "forecast", write(tmp_path, rows), *WOILLARD, *QUICK, "--id", "1")
    assert status == 0
    assert "level-before-dose" in [finding["check"] for finding in found["findings"]]
    assert [row["used"] for row in found["levels"]] == [False, True, True]


def test_a_level_a_thousand_times_off_is_left_out_and_named(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    slipped = write(tmp_path, GOOD.replace("9.1", "9100"))
    asked = ("forecast", slipped, *WOILLARD, *QUICK, "--id", "1")
    status, found = call(capfd, *asked, "--recency", "30", "--out", str(tmp_path / "page"))
    assert status == 0
    assert [row["used"] for row in found["levels"]] == [True, False, True]
    kinds = [line.split(",")[1] for line in (tmp_path / "page/figures/monitoring.csv").read_text().split()]
    assert kinds[1:4] == ["used", "left_out", "used"]
    html = (tmp_path / "page/report.html").read_text(encoding="utf-8")
    assert "a level counts half after 30 days" in html
    assert "1,000 times too high" in html
    finding = next(finding for finding in found["findings"] if finding["check"] == "unit-slip")
    assert "1,000 times too high" in finding["got"]
    assert "line 5" in finding["where"]
    status, trusted = call(capfd, *asked, "--override", "unit-slip")
    assert [row["used"] for row in trusted["levels"]] == [True, True, True]
    assert trusted["overrides"] == ["unit-slip"]
    without = write(tmp_path, GOOD.replace("9.1", "."))
    _, other = call(capfd, "forecast", without, *WOILLARD, *QUICK, "--id", "1", "--recency", "30")
    assert found["eta"] == pytest.approx(other["eta"])
    status, evaluated = call(capfd, "evaluate", write(tmp_path, GOOD.replace("9.1", "9100")), *WOILLARD, *QUICK)
    assert [row["occasion"] for row in evaluated["rows"]] == [3]


def test_without_levels_the_population_speaks(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    row = GOOD.split("\n", maxsplit=1)[0] + "\n"
    status, found = call(capfd, "forecast", write(tmp_path, row), *WOILLARD, *QUICK, "--id", "1", "--times", "0,12")
    assert (status, found["levels"]) == (0, [])
    assert set(found["eta"].values()) == {0.0}
    assert len(found["forecast"]) == 2


def test_a_first_dose_before_any_dose_is_known(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    new = write(tmp_path, "1,1,0,0,0,0,0,.,33,1,1\n")
    asked = ("dose", new, *WOILLARD, *QUICK, "--id", "1", "--target", "trough:5-10", "--set", "WT=80")
    status, found = call(capfd, *asked, "--override", "weight")
    assert status == 0
    assert found["current"] is None
    assert found["best"]["interval_h"] == 12.0  # the library's, for tacrolimus
    daily = {(one["factor"], one["daily_mg"]) for one in found["starting_doses"]}
    # 0.1 and 0.2 mg/kg at 80 kg, 1.5 and 2 times for a carrier of CYP3A5*1, never above 0.3 mg/kg
    assert daily == {(1.5, 12.0), (2.0, 16.0), (1.5, 24.0), (2.0, 24.0)}


def test_what_is_noticed_is_about_the_patient(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = GOOD.replace("\n1,", "\n2,").replace("1,", "2,", 1).replace("2,3,192,1,4", "2,3,192,1,40")
    file = write(tmp_path, GOOD + other)
    _, first = call(capfd, "forecast", file, *WOILLARD, *QUICK, "--id", "1")
    _, second = call(capfd, "forecast", file, *WOILLARD, *QUICK, "--id", "2")
    checks = [{finding["check"] for finding in found["findings"]} for found in (first, second)]
    assert checks[1] - checks[0] == {"sudden-change"}


def test_a_missing_covariate_is_asked_for(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, found = call(capfd, "forecast", write(tmp_path), "--model", "Andrews_2019", "--id", "1")
    assert status == 2
    assert "--set" in found["error"]["do"]
    assert "HCT" in found["error"]["do"]


NONMEM = Path(__file__).parents[2] / "patient/one_compartment.toml"


@pytest.mark.parametrize(
    ("carry", "etas", "digit"), [((), (0.398846, 0.076220), 5e-7), (("--carry", "last"), (0.2297, 0.1638), 5e-5)]
)
def test_the_case_of_nonmem_by_the_command(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, carry: tuple[str, ...], etas: tuple[float, float], digit: float
) -> None:
    file = tmp_path / "nonmem.csv"
    file.write_text(
        "ID,TIME,EVID,AMT,RATE,CMT,DV,BW,SEX\n1,0,1,10000,10000,2,.,77,0\n1,1.5,0,0,0,2,107.267,113,0\n"
        "1,4.4,0,0,0,2,100.995,92,1\n1,7.1,0,0,0,2,54.0546,132,0\n1,24.6,0,0,0,2,5.97081,126,1\n"
    )
    status, found = call(capfd, "forecast", str(file), "--model", str(NONMEM), "--id", "1", *carry)
    assert status == 0
    assert (found["eta"]["eta_CL"], found["eta"]["eta_V"]) == pytest.approx(etas, abs=digit)
    assert found["eta"]["eta_ka"] == pytest.approx(0.0, abs=1e-9)


def flip_flop(folder: Path) -> tuple[str, str]:
    """A model with a wide prior and levels that absorption and elimination explain either way round."""
    text = NONMEM.read_text(encoding="utf-8")
    for old, new in (
        ('name = "one_compartment"', 'name = "flip"'),
        ("ka_typical = { value = 1.0", "ka_typical = { value = 0.3"),
        ("CL_BW = { value = 1.5", "CL_BW = { value = 0.0"),
        ("CL_SEX = { value = 0.75", "CL_SEX = { value = 1.0"),
        ("eta_ka = { value = 0.2", "eta_ka = { value = 1.0"),
        ("eta_CL = { value = 0.2", "eta_CL = { value = 0.04"),
        ("eta_V = { value = 0.2", "eta_V = { value = 1.0"),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "flip.toml").write_text(text, encoding="utf-8")
    equations = NONMEM.with_suffix(".ant").read_text(encoding="utf-8").replace("one_compartment", "flip")
    (folder / "flip.ant").write_text(equations, encoding="utf-8")
    levels = {1: 3.768, 3: 8.038, 6: 9.98, 12: 8.61, 24: 4.434, 36: 2.161}
    rows = "".join(f"1,{time},0,0,1,{level},75,0\n" for time, level in levels.items())
    table = folder / "flip.csv"
    table.write_text("ID,TIME,EVID,AMT,CMT,DV,BW,SEX\n1,0,1,1000,1,.,75,0\n" + rows)
    return str(table), str(folder / "flip.toml")


def test_both_modes_are_shown(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table, model = flip_flop(tmp_path)
    asked = ("forecast", table, "--model", model, "--id", "1", "--residual", "proportional:0.05")
    status, found = call(capfd, *asked, "--out", str(tmp_path / "page"))
    assert status == 0
    second = found["models"][0]["second_mode"]
    assert abs(second["eta"]["eta_ka"] - found["eta"]["eta_ka"]) > 1.0
    assert 0.0 < second["relative_height"] <= 1.0
    assert "two-modes" in [finding["check"] for finding in found["findings"]]
    assert "At the second mode" in (tmp_path / "page/report.html").read_text(encoding="utf-8")
    run(["tdm", *asked])
    assert "a second mode" in capfd.readouterr().out


def test_a_request_in_json(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    names = HEADER.strip().split(",")
    rows = [dict(zip(names, row.split(","), strict=True)) for row in GOOD.strip().split("\n")]
    records = [{name: float(value) for name, value in row.items() if value != "."} for row in rows]
    fields = {"models": ["Woillard_2011"], "id": "1", "draws": 200, "starts": 2}
    path = tmp_path / "request.json"
    path.write_text(json.dumps({"command": "forecast", "records": records, **fields}))
    status, found = call(capfd, "json", str(path))
    assert status == 0
    _, plain = call(capfd, "forecast", write(tmp_path), *WOILLARD, *QUICK, "--id", "1")
    assert found["forecast"] == plain["forecast"]
    for content, said in (
        ({"command": "guess", "records": records, **fields}, "forecast, dose, evaluate"),
        ({"command": "forecast", **fields}, "one of the two"),
        ({"command": "forecast", "records": [1], **fields}, "a list of objects"),
        ({"command": "forecast", "records": records, "modles": []}, "key"),
    ):
        path.write_text(json.dumps(content))
        status, found = call(capfd, "json", str(path))
        assert status == 2
        assert said in json.dumps(found["error"])
    path.write_text("{")
    assert call(capfd, "json", str(path))[1]["error"]["kind"] == "FileReadError"


def test_wrong_names_are_answered_with_near_ones(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = write(tmp_path)
    for asked, kind, said in (
        (("--model", "Woilard_2011", "--id", "1"), "UnknownNameError", "Woillard_2011"),
        ((*WOILLARD, "--id", "9"), "UnknownNameError", "1"),
        ((*WOILLARD, "--id", "1", "--column", "HCT=HTC+1"), "UnknownNameError", "HCT"),
        ((*WOILLARD, "--id", "1", "--column", "HCT=HCT**2"), "InputError", "NAME=formula"),
        ((*WOILLARD, "--id", "1", "--residual", "aditive"), "UnknownNameError", "additive:SD"),
        ((*WOILLARD, "--id", "1", "--occasion", "7"), "InputError", "1, 2, 3"),
        ((*WOILLARD, "--id", "1", "--carry", "forwards"), "UnknownNameError", "last_observation_forward"),
        ((*WOILLARD, "--id", "1", "--set", "hct=30"), "InputError", "HCT"),
        ((*WOILLARD, "--id", "1", "--override", "unit-slips"), "InputError", "unit-slip"),
        (("--model", "Woillard_2011,Press_2010", "--id", "1"), "InputError", "one drug"),
        (("--model", "Woillard_2011,Woillard_2011", "--id", "1"), "InputError", "once"),
    ):
        status, found = call(capfd, "forecast", file, *asked, *QUICK)
        assert (status, found["error"]["kind"]) == (2, kind), asked
        assert said in json.dumps(found["error"]), asked


def test_the_example_of_the_library(capfd: pytest.CaptureFixture[str]) -> None:
    """Rows of one time that belong to two occasions, levels below their limit: as in care."""
    status, found = call(capfd, "forecast", str(EXAMPLE), *WOILLARD, *QUICK, "--id", "2")
    assert status == 0
    assert [row["below_limit"] for row in found["levels"]] == [False, False, True, False, False]


KIDNEY = (
    "--unit", "AMT=ug", "--column", "CYP3A5_1_alleles=3-CYP3A5", "--override", "WT", "--override", "HCT",
    "--override", "POD", "--override", "age",
)  # fmt: skip
# preDose (Martin-Umpierrez/preDose, README of 2025, mapbayr): forecasts of occasions 2 and 3 from the earlier ones
PUBLISHED = {
    ("1", 264.0): 10.202397,
    ("6", 240.0): 7.236177,
    ("6", 241.0): 14.361739,
    ("9", 120.0): 8.157215,
    ("27", 23594.0): 6.493895,
    ("32", 168.0): 11.865797,
    ("1", 360.0): 10.695098,
    ("9", 336.0): 8.492916,
    ("16", 361.0): 18.020936,
    ("24", 433.0): 9.597667,
    ("41", 252.0): 5.496548,
}


def test_forecasts_that_another_program_published(capfd: pytest.CaptureFixture[str], reference_data: Path) -> None:
    file = reference_data / "tacrolimus_tdm_kidney_49.csv"
    wanted = sorted({who for who, _ in PUBLISHED}, key=int)
    asked = ("evaluate", str(file), "--model", "Han_2013_preDose", "--residual", "additive", *KIDNEY)
    status, found = call(capfd, *asked, "--draws", "20", *(part for who in wanted for part in ("--id", who)))
    assert status == 0
    predicted = {(row["id"], row["time"]): row["predicted"] for row in found["rows"]}
    for place, value in PUBLISHED.items():
        # their search stops a little before the mode
        assert predicted[place] == pytest.approx(value, rel=2e-5), place
    assert {f["check"] for f in found["findings"]} >= {"steady-state-erases", "covariate-twice", "doses-without-gaps"}
