"""``limus evidence pool``: the contract's keys, the report with its files, errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import limus
from limus.cli.main import run
from limus.kernel.tables import read_parquet
from limus.workflows.evidence.pool import EvidencePoolRequest
from limus.workflows.evidence.pooling.figures import interval_words, p_words

ARMS = [
    ("Ash 2001", 4, 40, 9, 41, "adults"),
    ("Beech 2003", 12, 90, 20, 88, "adults"),
    ("Cedar 2004", 3, 33, 8, 30, "children"),
    ("Elm 2008", 0, 25, 6, 27, "children"),
    ("Fir 2011", 30, 200, 33, 190, "adults"),
    ("Oak 2015", 0, 20, 0, 22, "children"),
]
MINUS = "\N{MINUS SIGN}"
PIMECROLIMUS = ("atopic_dermatitis", "--measure", "RR", "--outcome", "IGA 0 or 1", "--time", "6 weeks")
PIMECROLIMUS += ("--reference", "vehicle", "--treatment", "pimecrolimus 1%", "--model", "common")


@pytest.fixture
def arms(tmp_path: Path) -> Path:
    lines = ["study,treatment,n,events,population,year"]
    for name, a, n_1, c, n_2, population in ARMS:
        year = name.split()[1]
        lines += [f"{name},drug,{n_1},{a},{population},{year}", f"{name},placebo,{n_2},{c},{population},{year}"]
    path = tmp_path / "arms.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status = run(["evidence", "pool", *arguments, "--json"])
    out = capfd.readouterr().out
    assert out.count("\n") == 1
    return status, json.loads(out)


def test_the_contracts_keys_and_a_published_pool(capfd: pytest.CaptureFixture[str]) -> None:
    status, found = call(capfd, *PIMECROLIMUS)
    assert status == 0
    keys = {"estimate", "ci", "estimate_log", "tau2", "i2", "prediction_interval", "studies", "sensitivity", "status"}
    assert keys <= set(found)
    assert [round(x, 2) for x in (found["estimate"], *found["ci"])] == [2.05, 1.52, 2.76]
    assert found["prediction_interval"] is None
    assert found["reasons"]["prediction_interval"]
    assert [f["got"] for f in found["findings"] if f["check"] == "assumed-numbers"] == ["1 of 2 studies: Ho 2003"]
    by_name = {row["study"]: row for row in found["studies"]}
    assert by_name["Ho 2003"]["status"] == "pooled"
    assert by_name["Kempers 2004"]["status"] == "other-treatments"
    assert by_name["Paller 2005 (adults)"]["status"] == "numbers-there"
    assert found["n_failed"] == 1
    assert sum(row["weight_percent"] or 0 for row in found["studies"]) == pytest.approx(100)


def test_a_report_is_written_with_all_that_belongs_to_it(
    arms: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    options = ("--measure", "OR", "--reference", "placebo", "--subgroup", "population", "--order", "year")
    status, found = call(capfd, str(arms), *options, "--moderator", "year", "--better", "lower", "--out", str(out))
    assert status == 0
    assert Path(found["report_pdf"]).read_bytes().startswith(b"%PDF")
    html = Path(found["report_html"]).read_text(encoding="utf-8")
    assert 'src="http' not in html
    for words in ("Forest plot", "favours", "Between subgroups", "Egger", "zero cell", "Certainty"):
        assert words in html or words in (out / "figures" / "forest.svg").read_text(), words
    for name in ("forest", "funnel", "leave-one-out", "cumulative", "influence"):
        assert (out / "figures" / f"{name}.svg").exists(), name
        assert (out / "figures" / f"{name}.csv").exists(), name
    kept = json.loads((out / "result.json").read_text())
    assert kept["estimate"] == pytest.approx(found["estimate"])
    studies = read_parquet(out / "results" / "studies.parquet")
    assert studies["study"].tolist() == [name for name, *_ in ARMS]
    assert studies["status"].tolist()[3:6] == ["corrected", "pooled", "no_events"]
    cells = json.loads((out / "cells.json").read_text())
    assert all(cell["source"] or cell["note"] for cell in cells if cell["value"] is not None)
    assert call(capfd, str(arms), *options, "--out", str(out))[0] == 2  # another request


def test_it_is_a_function_too(arms: Path) -> None:
    result = limus.evidence_pool(file=str(arms), measure="RR", reference="placebo", ci="hk")
    found = result.as_dict()
    assert found["ci"] == found["intervals"]["hk"]
    assert found["k"] == 5
    assert found["leave_one_out"][0]["without"] == "Ash 2001"
    assert EvidencePoolRequest(file="x", measure="OR", method="PETO").plan.model == "common"


@pytest.mark.parametrize(
    ("options", "status", "kind"),
    [
        (("--measure", "XX"), 2, "InputError"),
        (("--measure", "MD"), 2, "InputError"),
        (("--measure", "RR", "--method", "MH", "--model", "random"), 2, "InputError"),
        (("--measure", "RR", "--reference", "vehicle"), 2, "UnknownNameError"),
        (("--measure", "RR", "--where", "population"), 2, "InputError"),
        (("--measure", "RR", "--where", "population=infants"), 2, "UnknownNameError"),
        (("--measure", "RR", "--order", "colour"), 2, "InputError"),
        (("--measure", "RR", "--level", "100"), 2, "InputError"),
        (("--measure", "RR", "--where", "year=2015"), 1, "NothingSucceededError"),
    ],
)
def test_errors_say_where_and_what(
    arms: Path, capfd: pytest.CaptureFixture[str], options: tuple[str, ...], status: int, kind: str
) -> None:
    got, found = call(capfd, str(arms), *options)
    assert (got, found["error"]["kind"]) == (status, kind)
    assert found["error"]["where"]


def test_text_for_people(arms: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["evidence", "pool", str(arms), "--measure", "RR", "--ci", "hk", "--where", "population=children"]) == 0
    printed = capfd.readouterr().out
    assert "prediction interval  none: fewer than 3 studies" in printed
    assert "two studies" in printed
    assert "Research use only" in printed


def test_numbers_in_figures() -> None:
    assert interval_words(2.0462, 1.5151, 2.7633) == "2.05 (1.52 to 2.76)"
    assert interval_words(-0.0033, -0.0039, -0.0027) == "-0.0033 (-0.0039 to -0.0027)".replace("-", MINUS)
    assert interval_words(0.0, -0.004, 1.0) == "0.00 (0.00 to 1.00)"
    assert interval_words(150.0, -20.0, 320.0) == "150.0 (-20.0 to 320.0)".replace("-", MINUS)
    assert (p_words(0.00001), p_words(0.0423)) == ("p < 0.001", "p = 0.042")
