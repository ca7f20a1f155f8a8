"""``limus pk`` on the command line: CDISC files, NONMEM doses on other models, help, one JSON object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limus.cli.main import run

EX = (
    "USUBJID,EXTRT,EXDOSE,EXDOSU,EXDOSFRQ,EXROUTE,EXSTDTC,EXENDTC\n"
    "P-1,TACROLIMUS,2,mg,BID,ORAL,2024-03-01T08:00,2024-03-03T20:00\n"
)
PC = "USUBJID,PCTESTCD,PCSTRESN,PCSTRESU,PCDTC\nP-1,TAC,5.1,ng/mL,2024-03-02T08:00\n"
DM = "USUBJID,HCT,EXPRESSION,immediate_release\nP-1,33,0,1\n"
OWN = str(Path(__file__).parents[2] / "examples/own_model.ant")


def call_json(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status = run([*arguments, "--json"])
    out, _ = capfd.readouterr()
    assert out.count("\n") == 1, "exactly one object on standard output"
    return status, json.loads(out)


def files(folder: Path) -> list[str]:
    for name, text in (("ex", EX), ("pc", PC), ("dm", DM)):
        (folder / f"{name}.csv").write_text(text)
    return [part for name in ("ex", "pc", "dm") for part in ("--events", str(folder / f"{name}.csv"))]


def test_sdtm_domains_are_simulated(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, found = call_json(capfd, "pk", "simulate", "--model", "Woillard_2011", *files(tmp_path))
    assert status == 0
    assert len(found["auc"]["P-1"]) == 6
    assert found["auc"]["P-1"] == sorted(found["auc"]["P-1"])
    assert found["rows"][-1]["end_h"] == 72.0


def test_sdtm_domains_are_checked_against(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ("pk", "vpc", "--model", "Woillard_2011", *files(tmp_path), "--replicates", "40")
    status, found = call_json(capfd, *asked)
    assert status == 0
    assert found["levels"] == 1
    assert found["npde"]["status"].startswith("1 different")


def test_a_nonmem_table_doses_any_model(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "doses.csv"
    path.write_text("ID,TIME,AMT,II,ADDL,CMT,DV\nA,0,100,12,19,1,.\nB,0,200,12,19,1,.\n")
    asked = ("simulate", OWN, "--times", "0:240:12", "--output", "drug", "--doses", str(path))
    status, found = call_json(capfd, *asked)
    assert (status, found["error"]["do"]) == (2, "choose one with --id")
    one, two = (call_json(capfd, *asked, "--id", who)[1]["species"]["drug"][-1] for who in ("A", "B"))
    assert one == pytest.approx(4.99, abs=0.005)  # as README's example has it with limus' own columns
    assert two == pytest.approx(2 * one, rel=1e-9)
    small = call_json(capfd, *asked, "--id", "A", "--unit", "AMT=pmol")[1]["species"]["drug"][-1]
    assert small == pytest.approx(1e-3 * one, rel=1e-6)


def test_help_lists_the_commands_and_their_options(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["pk", "--help"]) == 0
    said = capfd.readouterr().out
    for name in ("models", "show", "simulate", "vpc"):
        assert name in said
    assert run(["pk", "simulate", "--help"]) == 0
    said = capfd.readouterr().out
    for option in ("--events", "--take", "--uncertainty", "--target", "--override"):
        assert option in said
