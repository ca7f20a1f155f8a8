"""Figures of plates: whole SVG documents, the data beside them, and words for what is seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.inhibition import draw_inhibition
from limus.report.figures.plates import draw_heat_map, draw_standard_curve

POINTS = Table.from_rows(
    {
        "compound": name,
        "concentration": 10.0**k,
        "value": 100 / (1 + 10.0 ** (k - 2)),
        "lower": 90 / (1 + 10.0 ** (k - 2)),
        "upper": 110 / (1 + 10.0 ** (k - 2)),
        "mark": "masked" if (name, k) == ("ciclosporin", 4) else "limit" if k == 4 else "used",
    }
    for name in ("tacrolimus", "ciclosporin")
    for k in range(5)
)
MARKS = Table.create({"compound": ["tacrolimus", "ciclosporin"], "ic50": [100.0, math.nan]})
EMPTY = Table.create({"compound": [], "concentration": [], "value": []})


def wells(rows: int, columns: int) -> Table:
    return Table.from_rows(
        {
            "row": r + 1.0,
            "column": c + 1.0,
            "signal": math.nan if (r, c) == (1, 1) else float(r + c),
            "role": "sample",
            "state": "saturated" if (r, c) == (1, 1) else "used",
        }
        for r in range(rows)
        for c in range(columns)
    )


@pytest.mark.parametrize(("rows", "columns"), [(2, 3), (8, 12), (16, 24), (32, 48)])
def test_a_heat_map_of_any_plate_has_no_picture_inside(rows: int, columns: int) -> None:
    drawing = draw_heat_map(wells(rows, columns), rows=rows, columns=columns, label="Absorbance")
    assert drawing.svg.startswith("<?xml")
    assert "<image" not in drawing.svg
    assert "1 well saturated" in drawing.alt
    assert drawing.svg == draw_heat_map(wells(rows, columns), rows=rows, columns=columns, label="Absorbance").svg


@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_standard_curve_shows_zero_and_limits(logarithmic: bool) -> None:
    x = np.geomspace(1, 100, 20)
    points = Table.create(
        {"x": [0.0, 1.0, 10.0, 100.0], "y": [0.05, 0.1, 0.5, 1.0], "used": ["yes", "yes", "no", "yes"]}
    )
    curve = Table.create({"x": x, "y": x / 100, "lower": x / 110, "upper": x / 90})
    drawing = draw_standard_curve(
        points, curve, x_label="TNF (pg/mL)", y_label="Absorbance", logarithmic=logarithmic, limits=(2.0, 80.0)
    )
    assert "2 and 80" in drawing.alt
    assert len(drawing.data) == 24


def test_inhibition_says_what_is_masked() -> None:
    drawing = draw_inhibition(POINTS, EMPTY, MARKS, x_label="nM", y_label="%", viability=POINTS, threshold=70.0)
    assert "Marked as cytotoxic and not used: ciclosporin at 10,000" in drawing.alt
    assert "tacrolimus 100" in drawing.alt
    assert {row["kind"] for row in drawing.data.rows()} == {"response", "viability"}


def test_a_figure_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(ValueRangeError):
        draw_inhibition(POINTS.where(POINTS["value"] > 1e9), EMPTY, MARKS, x_label="", y_label="")
    wrong = Table.create({name: (["odd"] * 10 if name == "mark" else POINTS[name]) for name in POINTS.names})
    with pytest.raises(ValueRangeError, match="odd"):
        draw_inhibition(wrong, EMPTY, MARKS, x_label="", y_label="")
