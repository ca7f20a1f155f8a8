from __future__ import annotations

from xml.etree import ElementTree

import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.curves import draw_curves

NAN = float("nan")


def tables(curves: int) -> tuple[Table, Table, Table, Table]:
    names = [f"curve {i}" for i in range(curves)]
    points = [
        {"curve": name, "dose": dose, "response": 100 / (1 + dose), "kind": kind}
        for name in names
        for dose, kind in ((0.0, "measured"), (0.1, "measured"), (1.0, "outlier"), (10.0, "below"), (30.0, "above"))
    ]
    lines = [
        {"curve": name, "dose": dose, "response": 100 / (1 + dose), "lower": 40.0, "upper": NAN if i else 60.0}
        for i, name in enumerate(names)
        for dose in (0.0, 0.1, 1.0, 10.0, 30.0)
    ]
    marks = [
        {"curve": names[0], "dose": dose, "response": 50.0, "kind": kind}
        for dose, kind in ((1.0, "relative"), (NAN, "absolute"))
    ]
    notes = [{"curve": name, "note": f"IC50 of {name}", "warning": float(i == 1)} for i, name in enumerate(names)]
    return Table.from_rows(points), Table.from_rows(lines), Table.from_rows(marks), Table.from_rows(notes)


@pytest.mark.parametrize("curves", [1, 2, 8])
def test_panels_with_everything_in_them(curves: int) -> None:
    points, lines, marks, notes = tables(curves)
    drawing = draw_curves(points, lines, marks, notes, dose_label="Dose (nM)")
    ElementTree.fromstring(drawing.svg)
    assert drawing.data is points
    if curves <= 6:
        assert "IC50 of curve 0" in drawing.alt
    assert "dose 0 stands apart" in drawing.alt


def test_the_same_bytes_every_time() -> None:
    assert draw_curves(*tables(2)).svg == draw_curves(*tables(2)).svg


def test_more_curves_than_panels_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limus.report.figures.curves.MOST_PANELS", 2)
    drawing = draw_curves(*tables(5))
    assert "3 further curves are not drawn" in drawing.alt


def test_points_alone_and_doses_of_one_kind() -> None:
    empty = Table.from_rows([])
    for doses in ((0.0, 0.0), (5.0, 5.0), (3.0, 7.0)):
        points = Table.from_rows({"curve": "a", "dose": d, "response": 1.0, "kind": "measured"} for d in doses)
        ElementTree.fromstring(draw_curves(points, empty, empty, empty).svg)


def test_missing_columns() -> None:
    with pytest.raises(ValueRangeError, match="kind"):
        draw_curves(Table.from_rows([{"curve": "a", "dose": 1.0, "response": 1.0}]), *tables(1)[1:])
