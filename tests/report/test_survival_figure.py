"""Step curves: what they show, the same bytes every time, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.survival import CurveText, draw_step_curves

WORDS = CurveText("days", "Survival", "survival", "log-rank p = 0.01")


def rows(*names: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in names:
        blank = {"curve": name, "low": math.nan, "high": math.nan}
        found.append(blank | {"kind": "curve", "time": 10.0, "value": 0.8, "low": 0.6, "high": 0.9})
        found.append(blank | {"kind": "curve", "time": 20.0, "value": 0.5, "low": 0.3, "high": 0.7})
        found.append(blank | {"kind": "censored", "time": 15.0, "value": 0.8})
        found += [blank | {"kind": "at risk", "time": t, "value": n} for t, n in ((0.0, 30.0), (20.0, 12.0))]
    return found


def test_curves_are_described_and_repeatable() -> None:
    table = Table.from_rows(rows("tacrolimus arm", "everolimus arm"))
    first, second = draw_step_curves(table, WORDS), draw_step_curves(table, WORDS)
    assert first.svg == second.svg
    assert "tacrolimus arm 0.5 at 20" in first.alt
    assert "log-rank p = 0.01" in first.alt
    assert first.data is table


def test_many_curves_and_incidence() -> None:
    words = CurveText("months", "Cumulative incidence", "incidence", from_zero=True)
    names = [f"cause {i}" for i in range(9)]
    assert draw_step_curves(Table.from_rows(rows(*names)), words).svg.startswith("<?xml")


def test_refusals() -> None:
    bad = [row | {"kind": "curves"} for row in rows("a")]
    with pytest.raises(ValueRangeError, match="curves"):
        draw_step_curves(Table.from_rows(bad), WORDS)
    with pytest.raises(ValueRangeError, match="low"):
        draw_step_curves(Table.create({"kind": ["curve"], "curve": ["a"], "time": [1.0], "value": [1.0]}), WORDS)
