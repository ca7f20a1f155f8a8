"""Figures of trials: what they show is said in words, counts stand in the drawing, bad tables are refused."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.trial_events import draw_event_curves
from limus.report.figures.trial_flow import draw_trial_flow
from limus.report.figures.trial_levels import draw_trough_ribbons
from limus.report.figures.trial_styles import arm_styles
from limus.report.figures.trial_values import draw_effects, draw_values_by_visit

STYLES = arm_styles({"A": ["tacrolimus"], "B": ["everolimus", "tacrolimus"]})


def flow(arms: str = "AB", *, screened: bool = True) -> Table:
    rows = []

    def line(stage: str, arm: str, text: str, n: int, level: int) -> None:
        rows.append({"stage": stage, "arm": arm, "text": text, "n": float(n), "level": float(level)})

    if screened:
        line("enrolment", "", "Assessed for eligibility", 31, 0)
        line("excluded", "", "Excluded", 11, 0)
        line("excluded", "", "Not: " + "a criterion with very many words " * 3, 11, 1)
    line("randomised", "", "Randomised", 20, 0)
    for arm in arms:
        line("allocation", arm, f"Allocated to {arm}", 10, 0)
        line("follow-up", arm, "Left before the end", 1, 0)
        line("analysis", arm, "Analysed", 10, 0)
    return Table.from_rows(rows)


@pytest.mark.parametrize(("arms", "screened"), [("AB", True), ("ABCD", True), ("AB", False)])
def test_flow_holds_every_count_inside_its_page(arms: str, screened: bool) -> None:
    drawing = draw_trial_flow(flow(arms, screened=screened))
    root = ElementTree.fromstring(drawing.svg)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    space = "{http://www.w3.org/2000/svg}"
    for box in root.iter(f"{space}rect"):
        assert float(box.get("x", "0")) + float(box.get("width", "0")) <= width
        assert float(box.get("y", "0")) + float(box.get("height", "0")) <= height
    words = [text.text or "" for text in root.iter(f"{space}text")]
    assert sum("(n = 10)" in text for text in words) == 2 * len(arms)
    assert any("(n = 31)" in text for text in words) is screened
    assert "arm B: allocated to B 10" in drawing.alt


def test_curves_name_the_risk_at_the_end() -> None:
    curves = Table.create(
        {
            "arm": ["A", "A", "B", "B"],
            "label": ["A: one", "A: one", "B: two", "B: two"],
            "day": [0.0, 365.0, 0.0, 365.0],
            "risk_percent": [0.0, 10.0, 0.0, 20.0],
            "low_percent": [0.0, 5.0, 0.0, np.nan],
            "high_percent": [0.0, 15.0, 0.0, np.nan],
        }
    )
    at_risk = Table.create(
        {
            "arm": ["A", "A", "B", "B"],
            "label": ["A: one", "A: one", "B: two", "B: two"],
            "day": [0.0, 365.0, 0.0, 365.0],
            "n_at_risk": [50.0, 45.0, 50.0, 40.0],
            "events": [0.0, 5.0, 0.0, 10.0],
        }
    )
    drawing = draw_event_curves(curves, at_risk, event="Rejection", styles=STYLES, method="Kaplan-Meier")
    assert "arm A 10 % at month 12" in drawing.alt
    assert "arm B 20 % at month 12" in drawing.alt
    same = draw_event_curves(curves, at_risk, event="Rejection", styles=STYLES, method="Kaplan-Meier")
    assert same.svg == drawing.svg
    with pytest.raises(ValueRangeError):
        draw_event_curves(curves, curves, event="Rejection", styles=STYLES, method="Kaplan-Meier")


def test_troughs_say_the_share_in_target() -> None:
    names = ("p10", "p25", "median", "p75", "p90")
    columns = {name: [3.0 + k, 4.0 + k] for k, name in enumerate(names)}
    data = Table.create(
        {
            "arm": ["A", "A"],
            "drug": ["tacrolimus"] * 2,
            "day": [7.0, 90.0],
            "n": [20.0, 18.0],
            **columns,
            "low_target": [5.0, 5.0],
            "high_target": [10.0, 10.0],
            "inside": [40.0, 75.0],
            "inside_low": [20.0, 50.0],
            "inside_high": [60.0, 90.0],
        }
    )
    drawing = draw_trough_ribbons(data)
    assert "arm A, tacrolimus: median 6 at day 90, 75 % within 5 to 10" in drawing.alt
    bare = Table.create(
        dict(data.columns)
        | {name: [np.nan] * 2 for name in ("low_target", "high_target", "inside", "inside_low", "inside_high")}
    )
    assert "within" not in draw_trough_ribbons(bare).alt
    # levels before randomisation have negative days
    earlier = Table.create({**data.columns, "day": data["day"] - 135.0})
    assert "nan" not in draw_trough_ribbons(earlier).svg


def test_values_and_effects_are_described() -> None:
    data = Table.create(
        {
            "code": ["EGFR"] * 2,
            "label": ["Filtration rate (Cockcroft-Gault) (mL/min)"] * 2,
            "arm": ["A", "B"],
            "day": [365.0, 365.0],
            "n": [20.0, 1.0],
            "mean": [55.0, 50.0],
            "low": [50.0, np.nan],
            "high": [60.0, np.nan],
        }
    )
    drawing = draw_values_by_visit(data, styles=STYLES, labels={"A": "one"})
    assert "mean 55 in arm A at day 365" in drawing.alt
    effects = Table.create(
        {
            "label": ["primary", "second"],
            "effect": [4.0, -2.0],
            "low": [-1.0, -6.0],
            "high": [9.0, 2.0],
            "margin": [10.0, np.nan],
            "primary": [1.0, 0.0],
        }
    )
    shown = draw_effects(effects, axis="Difference (points)", low="fewer in B", high="more in B")
    assert "primary: 4 (\N{MINUS SIGN}1 to 9), margin 10" in shown.alt
    with pytest.raises(ValueRangeError):
        draw_effects(data, axis="", low="", high="")


def test_arms_are_told_apart() -> None:
    same = arm_styles({"A": ["tacrolimus"], "B": ["tacrolimus"], "C": []})
    looks = {(style.colour, style.dashes) for style in same.values()}
    assert len(looks) == 3
    assert STYLES["A"].colour != STYLES["B"].colour
