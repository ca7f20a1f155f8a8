"""``limus stats km``, ``cox`` and ``cif`` from the command line: contract, codings, missing values, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limus.cli.main import run
from limus.kernel.statistics.survival import cox, gray_test, kaplan_meier, survival_at

ROWS = """time,status,arm,age,sex,cause,site
5,1,A,50,F,1,x
8,1,A,61,M,2,y
8,0,B,47,F,0,x
12,1,B,55,M,1,y
15,1,A,70,F,1,x
20,0,A,44,M,0,y
21,1,B,66,F,2,x
25,1,B,58,M,1,y
30,0,B,52,F,0,x
30,1,A,63,M,2,y
33,1,B,49,F,1,x
40,0,A,57,M,0,y
"""


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    path = tmp_path / "trial.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def ask(capfd: pytest.CaptureFixture[str], *words: str | Path, status: int = 0) -> dict[str, Any]:
    assert run(["stats", *map(str, words), "--json"]) == status
    return json.loads(capfd.readouterr().out)


def refused(capfd: pytest.CaptureFixture[str], *words: str | Path, status: int = 2) -> str:
    error = ask(capfd, *words, status=status)["error"]
    return " | ".join(error.values())


def changed(path: Path, old: str, new: str) -> Path:
    other = path.with_name("changed.csv")
    other.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return other


def test_km(trial: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = ask(capfd, "km", trial, "--time", "time", "--status", "status", "--group", "arm", "--at", "10,20,45")
    assert (found["n"], found["n_excluded"], found["degrees_of_freedom"]) == (12, 0, 1)
    first = found["estimates"][0]
    at = survival_at(kaplan_meier([5, 8, 15, 20, 30, 40], [1, 1, 1, 0, 1, 0]), [10])
    assert (first["group"], first["time"]) == ("A", 10)
    assert (first["survival"], first["standard_error"]) == pytest.approx((at.survival[0], at.standard_error[0]))
    assert first["ci"] == pytest.approx([at.low[0], at.high[0]])
    beyond = found["estimates"][2]
    assert (beyond["survival"], beyond["status"]) == (None, "beyond follow-up")
    ended = found["estimates"][5]
    assert (ended["survival"], ended["ci"], ended["status"]) == (0, [None, None], "no interval")
    assert [d["time"] for d in found["differences"]] == [10, 20]
    assert found["restricted_mean"]["tau"] == 33
    assert found["log_rank"]["observed"] == [4, 4]
    assert found["groups"][0]["median"] == 22.5  # S is 1/2 from 15 to 30


def test_cox(trial: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ("cox", trial, "--time", "time", "--status", "status", "--covariates", "age,sex", "--ties", "breslow")
    found = ask(capfd, *words, "--reference", "sex=M")
    age = [50, 61, 47, 55, 70, 44, 66, 58, 52, 63, 49, 57]
    event = [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0]
    time = [5, 8, 8, 12, 15, 20, 21, 25, 30, 30, 33, 40]
    fit = cox(time, event, np.column_stack([age, np.arange(12) % 2 == 0]), ties="breslow")
    assert [row["term"] for row in found["estimates"]] == ["age", "sex: F"]
    assert [row["coefficient"] for row in found["estimates"]] == pytest.approx(list(fit.coefficient))
    assert [row["standard_error"] for row in found["estimates"]] == pytest.approx(list(fit.standard_error))
    assert found["estimates"][1]["reference"] == "M"
    assert found["tests"]["likelihood_ratio"]["degrees_of_freedom"] == 2
    assert found["proportional_hazards"][-1]["term"] == "GLOBAL"
    assert any(finding["check"] == "few-events" for finding in found["findings"])
    stratified = ask(capfd, *words[:-4], "--covariates", "age", "--strata", "sex", "--robust", "--group", "arm")
    assert [row["term"] for row in stratified["estimates"]] == ["arm: B", "age"]
    assert stratified["robust"] is True


def test_cif(trial: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = ask(capfd, "cif", trial, "--time", "time", "--cause", "cause", "--at", "12")
    assert found["causes"] == ["1", "2"]
    incidence = {row["cause"]: row["incidence"] for row in found["estimates"]}
    # by hand: at 5 one of 12 by cause 1; at 8 one of 11 by cause 2; at 12 one of 9 by cause 1
    before = 11 / 12 * 10 / 11
    assert incidence["1"] == pytest.approx(1 / 12 + before / 9)
    assert incidence["2"] == pytest.approx(11 / 12 / 11)
    assert any(finding["check"] == "one-minus-kaplan-meier" for finding in found["findings"])
    grouped = ask(capfd, "cif", trial, "--time", "time", "--cause", "cause", "--group", "arm", "--at", "12")
    assert [test["cause"] for test in grouped["tests"]] == ["1", "2"]
    assert [test["cause"] for test in grouped["gray_tests"]] == ["1", "2"]
    rows = [line.split(",") for line in ROWS.splitlines()]
    column = {name: [row[k] for row in rows[1:]] for k, name in enumerate(rows[0])}
    for number, test in enumerate(grouped["gray_tests"], start=1):
        time, cause = ([float(value) for value in column[name]] for name in ("time", "cause"))
        expected = gray_test(time, np.array(cause).astype(int), column["arm"], of=number)
        assert test["chi_square"] == pytest.approx(expected.chi_square)
        assert test["p"] == pytest.approx(expected.p)
    with_status = ask(capfd, "cif", trial, "--time", "time", "--cause", "cause", "--status", "status", "--at", "12")
    assert with_status["estimates"] == found["estimates"]


@pytest.mark.parametrize(
    ("codes", "words"),
    [({"1": "2", "0": "1"}, "R codes"), ({"1": "TRUE", "0": "FALSE"}, "true event")],
)
def test_other_codings_are_recognised_and_said(
    trial: Path, capfd: pytest.CaptureFixture[str], codes: dict[str, str], words: str
) -> None:
    lines = [line.split(",") for line in ROWS.splitlines()]
    recoded = trial.with_name("recoded.csv")
    text = [",".join([a, codes.get(b, b), *rest]) for a, b, *rest in lines]
    recoded.write_text("\n".join(text) + "\n", encoding="utf-8")
    plain = ask(capfd, "km", trial, "--time", "time", "--status", "status", "--at", "20")
    found = ask(capfd, "km", recoded, "--time", "time", "--status", "status", "--at", "20")
    assert found["estimates"] == plain["estimates"]
    assert words in found["status_coding"]


def test_cnsr_of_adam_is_turned(trial: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = [line.split(",") for line in ROWS.splitlines()]
    text = [",".join([lines[0][0], "CNSR", *lines[0][2:]])]
    text += [",".join([a, str(1 - int(b)), *rest]) for a, b, *rest in lines[1:]]
    adam = trial.with_name("adtte.csv")
    adam.write_text("\n".join(text) + "\n", encoding="utf-8")
    found = ask(capfd, "km", adam, "--time", "time", "--status", "CNSR", "--at", "20")
    assert (
        found["estimates"] == ask(capfd, "km", trial, "--time", "time", "--status", "status", "--at", "20")["estimates"]
    )
    assert "CDISC" in found["status_coding"]


def test_several_causes_for_km(trial: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ("km", trial, "--time", "time", "--status", "cause")
    assert "--event" in refused(capfd, *words)
    found = ask(capfd, *words, "--event", "1")
    assert any(finding["check"] == "one-minus-kaplan-meier" for finding in found["findings"])
    assert "2" in refused(capfd, *words, "--event", "4")


def test_missing_values_are_counted(trial: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = changed(trial, "12,1,B,55,M", "12,1,B,NA,M")
    path = changed(path, "15,1,A,70,F", ".,1,A,70,F")
    found = ask(capfd, "cox", path, "--time", "time", "--status", "status", "--covariates", "age")
    assert (found["n_read"], found["n"], found["n_excluded"]) == (12, 10, 2)
    assert found["excluded"] == [{"column": "time", "rows": 1}, {"column": "age", "rows": 1}]
    assert ask(capfd, "km", path, "--time", "time", "--status", "status")["n"] == 11


def test_separator_and_text_output(trial: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = trial.with_name("semicolon.csv")
    path.write_text(ROWS.replace(",", ";"), encoding="utf-8")
    assert run(["stats", "km", str(path), "--time", "time", "--status", "status", "--group", "arm"]) == 0
    printed = capfd.readouterr().out
    assert "log-rank" in printed
    assert "Research use only" in printed
    assert run(["stats", "cox", str(path), "--time", "time", "--status", "status", "--group", "arm"]) == 0
    assert "arm: B" in capfd.readouterr().out
    assert run(["stats", "cif", str(path), "--time", "time", "--cause", "cause", "--group", "arm"]) == 0
    assert "incidence" in capfd.readouterr().out


@pytest.mark.parametrize("command", ["km", "cox", "cif"])
def test_run_directory(trial: Path, capfd: pytest.CaptureFixture[str], command: str) -> None:
    out = trial.with_name("run")
    words = {
        "km": ("--status", "status", "--group", "arm"),
        "cox": ("--status", "status", "--covariates", "age,arm"),
        "cif": ("--cause", "cause", "--group", "arm"),
    }[command]
    found = ask(capfd, command, trial, "--time", "time", *words, "--out", out)
    assert Path(found["report_html"]).is_file()
    assert Path(found["report_pdf"]).is_file()
    assert json.loads((out / "result.json").read_text(encoding="utf-8")) == found
    assert len(list((out / "figures").glob("*.svg"))) == 1
    assert (out / "results" / "estimates.csv").is_file()


def test_infinite_hazard_ratio_is_said(trial: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = trial.with_name("separated.csv")
    lines = ["time,status,exposed", *(f"{i + 1},{int(i < 6)},{int(i < 6)}" for i in range(12))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = trial.with_name("separated")
    found = ask(capfd, "cox", path, "--time", "time", "--status", "status", "--covariates", "exposed", "--out", out)
    row = found["estimates"][0]
    assert (row["coefficient"], row["standard_error"], row["status"]) == (None, None, "infinite")
    assert row["direction"] == "hazard ratio without upper limit"
    assert any(finding["check"] == "monotone-likelihood" for finding in found["findings"])
    assert found["tests"]["likelihood_ratio"]["p"] < 0.05


def test_refusals(trial: Path, capfd: pytest.CaptureFixture[str]) -> None:
    km = ("km", trial, "--time", "time", "--status", "status")
    assert "did you mean time" in refused(capfd, "km", trial, "--time", "tme", "--status", "status")
    assert "one group" in refused(capfd, "km", changed(trial, ",B,", ",A,"), *km[2:], "--group", "arm")
    assert "line 2, column time" in refused(capfd, "km", changed(trial, "5,1,A", "-5,1,A"), *km[2:])
    assert "line 2, column time" in refused(capfd, "km", changed(trial, "5,1,A", "5 days,1,A"), *km[2:])
    dead = trial.with_name("none.csv")
    dead.write_text("time,status\n3,0\n4,0\n", encoding="utf-8")
    assert "no events" in refused(capfd, "km", dead, "--time", "time", "--status", "status")
    words = changed(trial, "status", "state")
    words.write_text("time,state\n3,dead\n4,alive\n", encoding="utf-8")
    assert "alive, dead" in refused(capfd, "km", words, "--time", "time", "--status", "state")
    assert ask(capfd, "km", words, "--time", "time", "--status", "state", "--event", "dead")["n"] == 2
    many = trial.with_name("many.csv")
    many.write_text("time,status,id\n" + "".join(f"{i},1,{i}\n" for i in range(1, 40)), encoding="utf-8")
    assert "at most 20 groups" in refused(capfd, "km", many, *km[2:], "--group", "id")
    assert "--covariates" in refused(capfd, "cox", trial, "--time", "time", "--status", "status")
    cox_words = ("cox", trial, "--time", "time", "--status", "status", "--covariates")
    assert "F, M" in refused(capfd, *cox_words, "sex", "--reference", "sex=X")
    assert "adjust" in refused(capfd, *cox_words, "age,sex", "--strata", "sex")
    assert "0 for censored" in refused(capfd, "cif", trial, "--time", "time", "--cause", "arm")
    assert "--cause" in refused(capfd, "cif", trial, "--time", "time")
    assert "--tau" in refused(capfd, *km, "--group", "arm", "--tau", "50")
    assert "180,365" in refused(capfd, *km, "--at", "soon")
    assert "--group" in refused(capfd, *km, "--strata", "sex")
    assert "no such file" in refused(capfd, "km", trial.with_name("no.csv"), "--time", "t", "--status", "s").casefold()
