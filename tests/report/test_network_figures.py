"""Network plot, rankogram and heat map: what is drawn, said and refused."""

from __future__ import annotations

import math

import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.heat_map import draw_heat_map
from limus.report.figures.network import draw_network
from limus.report.figures.rankogram import draw_rankogram


def network(nodes: int) -> Table:
    names = [f"treatment {at}" for at in range(nodes)]
    rows = [
        {"kind": "node", "label": name, "other": "", "studies": 2.0, "participants": math.nan if at else 90.0}
        for at, name in enumerate(names)
    ]
    rows += [
        {"kind": "line", "label": names[0], "other": name, "studies": float(at + 1), "participants": math.nan}
        for at, name in enumerate(names[1:])
    ]
    return Table.from_rows(rows)


@pytest.mark.parametrize("nodes", [2, 5, 60])
def test_a_network_is_drawn_the_same_each_time(nodes: int) -> None:
    one, two = draw_network(network(nodes)), draw_network(network(nodes))
    assert one.svg == two.svg
    assert f"{nodes} treatments with {nodes - 1} direct comparisons" in one.alt
    assert f"Most studies, {nodes - 1}: treatment 0 against treatment {nodes - 1}" in one.alt


def test_one_treatment_is_no_network() -> None:
    with pytest.raises(ValueRangeError, match="two or more"):
        draw_network(network(1))


def test_rankogram_says_who_is_first() -> None:
    rows = [
        {"treatment": name, "rank": float(rank), "probability": share}
        for name, shares in (("a", (0.7, 0.3)), ("b", (0.3, 0.7)))
        for rank, share in enumerate(shares, start=1)
    ]
    assert "a 0.70, b 0.30" in draw_rankogram(Table.from_rows(rows)).alt


def test_heat_map_has_no_picture_inside_and_needs_every_cell() -> None:
    rows = [{"row": r, "column": c, "percent": 100.0 * (r == c)} for r in "ab" for c in "ab"]
    drawing = draw_heat_map(Table.from_rows(rows), row_title="", column_title="", what="share")
    assert "<image" not in drawing.svg
    assert "2 rows and 2 columns" in drawing.alt
    with pytest.raises(ValueRangeError, match="2 x 2"):
        draw_heat_map(Table.from_rows(rows[:3]), row_title="", column_title="", what="share")
