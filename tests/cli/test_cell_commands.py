"""Questions to cells on the command line: a wash, blood, an interval with an open end, two drugs as text."""

from __future__ import annotations

import json

import pytest

from limus.cli.cell_text import show_combination_text, show_potency_text
from limus.cli.main import run

CONDITIONS = {
    "cells_per_ml": 1e6,
    "serum_percent": 10.0,
    "hours": 24.0,
    "add_at_hours": -2.0,
    "wash_at_hours": 0.0,
    "stimulus_strength": 1.0,
    "costimulation": 0.5,
    "cell_type": "t_lymphocyte",
    "changed": {"fkbp12_total": 1000.0},
    "note": "a note",
}
POTENCY = {
    "compound": "tacrolimus",
    "readout": "il2",
    "stimulus": "pha",
    "model": "t_cell",
    "seed": 1,
    "status": "ok",
    "max_inhibition_fraction": 1.0,
    "ic50_absolute_nM": 2.0,
    "ic50_relative_nM": 1.5,
    "hill": 1.2,
    "ci": [1.0, float("inf")],
    "draws": 40,
    "draws_by_status": {"ok": 37, "half_not_reached": 3},
    "medium": "culture",
    "conditions": CONDITIONS,
    "measured": [],
    "unverified": [],
    "warnings": ["a warning"],
    "fit": "accepted",
}


def test_a_wash_is_asked_and_answered(capfd: pytest.CaptureFixture[str]) -> None:
    asked = ["potency", "tacrolimus", "--readout", "calcineurin", "--stimulus", "none", "--draws", "0"]
    assert run([*asked, "--add-at", "-2", "--wash-at", "0", "--json"]) == 0
    conditions = json.loads(capfd.readouterr().out)["conditions"]
    assert (conditions["add_at_hours"], conditions["wash_at_hours"]) == (-2.0, 0.0)
    assert run([*asked, "--wash-at", "9"]) == 2
    assert "after the drug at 0 h and before harvest at 2 h" in capfd.readouterr().err


def test_a_potency_says_its_culture_and_an_open_interval() -> None:
    text = show_potency_text(POTENCY)
    assert "IC50 absolute    2 nM, 90 % interval from 1 nM up: 3 of 40 draws do not reach half" in text
    assert "drug added at -2 h, medium changed at 0 h" in text
    assert "fkbp12_total = 1000" in text
    assert "90 % interval 1 to 4 nM" in show_potency_text(POTENCY | {"ci": [1.0, 4.0]})
    unwashed = {"medium": "blood", "conditions": CONDITIONS | {"wash_at_hours": None}, "ic50_absolute_ng_per_mL": 1.6}
    assert "whole blood      1e+06 cells/mL, 10 % serum, 24 h, drug added at -2 h\n" in show_potency_text(
        POTENCY | unwashed
    )


def test_two_drugs_are_said_in_words() -> None:
    alone = {"ic50_absolute_nM": 2.0, "status": "ok"}
    result = {
        "first": "tacrolimus",
        "second": "sirolimus",
        "readout": "il2",
        "stimulus": "pha",
        "model": "t_cell",
        "first_nM": [0.0, 1.0],
        "second_nM": [0.0, 2.0],
        "inhibition_fraction": [[0.0, 0.1], [0.4, 0.5]],
        "alone": {"tacrolimus": alone, "sirolimus": {"ic50_absolute_nM": float("nan"), "status": "no_effect"}},
        "verdict_loewe": "both",
        "verdict_bliss": "no signal",
        "excess_over_loewe_fraction": 0.05,
        "excess_over_loewe_ci": [0.01, 0.08],
        "excess_over_bliss_fraction": float("nan"),
        "excess_over_bliss_ci": [float("nan")] * 2,
        "combination_index_at_half": 0.9,
        "combination_index_at_half_ci": [0.8, 1.1],
        "medium": "culture",
        "conditions": CONDITIONS,
        "files": {},
    }
    text = show_combination_text(result)
    assert "synergy at some pairs and antagonism at others; mean difference of inhibition 5 percentage points" in text
    assert "(90 % interval 1 to 8)" in text
    assert "against Bliss: no signal\n" in text
    assert "sirolimus alone: no effect" in text
    assert "half inhibition 0.9 (90 % interval 0.8 to 1.1)" in text
