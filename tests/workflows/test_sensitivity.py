"""``limus sensitivity``: rows, keys, refusals, files, and the figures."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from limus.cli.main import run
from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.tornado import draw_tornado, draw_variance_shares

ASKED = ("sensitivity", "FK506", "--readout", "nfat", "--stimulus", "pha", "--hours", "4")


def call_json(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    status = run([*arguments, "--json"])
    out, _ = capfd.readouterr()
    assert out.count("\n") == 1
    return status, json.loads(out)


def test_local_rows_are_sorted_and_say_what_they_are(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    names = "permeation_rate,calcineurin_total,tacrolimus.fraction_unbound_plasma,cells_per_ml"
    status, found = call_json(capfd, *ASKED, "--parameters", names, "--out", str(tmp_path / "run"))
    assert status == 0
    assert (found["status"], found["response"], found["n_failed"]) == ("ok", "ic50_absolute_nM", 0)
    rows = found["rows"]
    assert {row["parameter"] for row in rows} == set(names.split(","))
    sizes = [abs(row["elasticity"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    by_name = {row["parameter"]: row for row in rows}
    unbound = by_name["tacrolimus.fraction_unbound_plasma"]
    assert (unbound["kind"], unbound["unit"]) == ("measured", "dimensionless")
    assert unbound["fold_up"] < 1 < unbound["fold_down"]
    assert by_name["calcineurin_total"]["kind"] == "fitted"
    assert by_name["cells_per_ml"]["is_condition"]
    assert found["flat_tail"] == []
    assert ElementTree.parse(found["files"]["figure"]).getroot().tag.endswith("svg")
    assert Path(found["files"]["table"]).exists()


def test_sobol_rows_have_intervals_and_the_seed_decides(capfd: pytest.CaptureFixture[str]) -> None:
    names = "calcineurin_total,fkbp12_total"
    asked = (*ASKED, "--method", "sobol", "--samples", "16", "--parameters", names)
    status, found = call_json(capfd, *asked)
    assert status == 0
    assert found["response"] == "log10_ic50_absolute_nM"
    assert found["sets"] == 16 * 4
    totals = [row["total"] for row in found["rows"]]
    assert totals == sorted(totals, reverse=True)
    for row in found["rows"]:
        assert row["first_order_ci"][0] <= row["first_order_ci"][1]
        assert row["total_ci"][0] <= row["total"] <= row["total_ci"][1]
    assert call_json(capfd, *asked)[1]["rows"] == found["rows"]
    assert call_json(capfd, *asked, "--seed", "2")[1]["rows"] != found["rows"]


def test_a_what_if_setting_is_the_new_base(capfd: pytest.CaptureFixture[str]) -> None:
    asked = (*ASKED, "--parameters", "calcineurin_total")
    row = call_json(capfd, *asked, "--set", "calcineurin_total=0.5uM")[1]["rows"][0]
    assert row["value"] == pytest.approx(500, rel=1e-12)
    assert row["kind"] == "assumed"


def test_an_ic50_that_is_not_reached_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    # with next to no FKBP12 no complex can form, so calcineurin stays free
    asked = (*ASKED, "--set", "fkbp12_total=0.001nM", "--parameters", "calcineurin_total")
    status, found = call_json(capfd, *asked)
    assert status == 0
    assert found["response"] == "max_inhibition_fraction"
    assert found["status"] != "ok"
    assert found["ic50_absolute_nM"] is None


@pytest.mark.parametrize(
    ("arguments", "status", "kind"),
    [
        (("--parameters", "calcineurin_totl"), 2, "UnknownNameError"),
        (("--parameters", "medium"), 2, "InputError"),
        (("--method", "sobol", "--parameters", "stimulus_strength", "--samples", "16"), 2, "InputError"),
        (("--method", "sobol", "--samples", "100"), 2, "ValueRangeError"),
        (("--method", "morris"), 2, "InputError"),
        (("--hours", "900"), 3, "RefusedError"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, kind: str
) -> None:
    found, answer = call_json(capfd, *ASKED, *arguments)
    assert (found, answer["error"]["kind"]) == (status, kind)


def test_a_culture_without_a_signal_has_no_sensitivity(capfd: pytest.CaptureFixture[str]) -> None:
    asked = ("sensitivity", "tacrolimus", "--readout", "nfat", "--stimulus", "none", "--hours", "4")
    status, found = call_json(capfd, *asked)
    assert (status, found["error"]["kind"]) == (1, "NothingSucceededError")


def test_the_text_names_the_flat_tail(capfd: pytest.CaptureFixture[str]) -> None:
    assert run([*ASKED, "--parameters", "calcineurin_total"]) == 0
    printed = capfd.readouterr().out
    assert "10 % of no constant changes the IC50 3-fold" in printed
    assert "posterior of the fit" in printed


def _rows(count: int) -> list[dict[str, object]]:
    return [
        {
            "parameter": f"constant_{k}",
            "kind": ("measured", "compiled", "fitted", "assumed")[k % 4],
            "elasticity": 1.0 - 0.1 * k,
            "fold_spread_down": 0.5,
            "fold_spread_up": math.nan if k == 1 else 2.0,
            "spread_factor": 2.0,
        }
        for k in range(count)
    ]


def test_a_tornado_draws_the_first_rows_and_keeps_all() -> None:
    drawing = draw_tornado(Table.from_rows(_rows(25)), answer="IC50")
    assert "Tornado of 18 constants" in drawing.alt
    assert "constant_0, constant_1 and constant_2" in drawing.alt
    assert len(drawing.data) == 25
    with pytest.raises(ValueRangeError, match="guessed"):
        draw_tornado(Table.from_rows([_rows(1)[0] | {"kind": "guessed"}]), answer="IC50")


def test_variance_shares_say_the_largest() -> None:
    row = {"parameter": "a", "first_order": 0.4, "first_order_lower": 0.3, "first_order_upper": 0.5}
    row |= {"total": 0.61, "total_lower": 0.5, "total_upper": 0.7}
    drawing = draw_variance_shares(Table.from_rows([row]), answer="log10 IC50", level_percent=90)
    assert "a (0.61)" in drawing.alt
    assert ElementTree.fromstring(drawing.svg).tag.endswith("svg")
