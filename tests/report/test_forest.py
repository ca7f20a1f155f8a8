"""Forest, funnel and Baujat plots: the same every time, described, with ticks and limits that a reader can use."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.figures.baujat import draw_baujat
from limus.report.figures.effect_axis import effect_limits, effect_ticks
from limus.report.figures.forest import ForestText, draw_forest
from limus.report.figures.funnel import draw_funnel

NAN = float("nan")
WORDS = ForestText(
    "Study", "Risk ratio\n(95 % CI)", "Risk ratio", "favours A", "favours B", "A\nevents/n", "B\nevents/n"
)


def rows(count: int, label: str = "Study") -> list[dict[str, object]]:
    found: list[dict[str, object]] = [row("heading", "adults")]
    for at in range(count):
        estimate = 0.5 + at / count
        texts = {"group_1": "1/20", "group_2": "2/20", "text": f"{estimate:.2f}"}
        ends = {"estimate": estimate, "lower": estimate / 3, "upper": estimate * 3, "weight": 100 / count}
        found.append(row("study", f"{label} {at}", **texts, **ends))
    found.append(row("total", "Pooled", estimate=0.8, lower=0.5, upper=1.3, text="0.80 (0.50 to 1.30)", weight=100.0))
    found.append(row("prediction", "Prediction", lower=0.2, upper=3.1, text="0.20 to 3.10"))
    return [*found, row("note", "Heterogeneity: none")]


def row(kind: str, label: str, **cells: object) -> dict[str, object]:
    empty = {"group_1": "", "group_2": "", "estimate": NAN, "lower": NAN, "upper": NAN, "text": "", "weight": NAN}
    return {"kind": kind, "label": label} | empty | cells


def size(svg: str) -> tuple[float, float]:
    return tuple(float(re.findall(rf'{name}="([\d.]+)pt"', svg)[0]) for name in ("width", "height"))


def funnel_table(filled: int = 1) -> Table:
    studies = [
        {"label": f"S{i}", "kind": "study", "effect": -0.2 * i, "standard_error": 0.1 + 0.1 * i} for i in range(5)
    ]
    more = [{"label": "filled", "kind": "filled", "effect": 0.9, "standard_error": 0.5}] * filled
    return Table.from_rows([*studies, *more])


def test_drawings_are_the_same_every_time_well_formed_and_described() -> None:
    baujat = Table.create({"label": ["A", "B"], "q_contribution": [1.0, 2.0], "shift": [0.1, 0.4]})
    for draw in (
        lambda: draw_forest(Table.from_rows(rows(3)), WORDS),
        lambda: draw_funnel(
            funnel_table(), pooled=-0.3, filled=-0.2, regression=(0.1, -1), axis="Risk ratio", log=True
        ),
        lambda: draw_baujat(baujat),
    ):
        first, second = draw(), draw()
        assert first.svg == second.svg
        assert ElementTree.fromstring(first.svg).tag.endswith("svg")
        assert len(first.alt) > 30
    said = draw_forest(Table.from_rows(rows(3)), WORDS).alt
    assert "3 lines" in said
    assert "0.80 (0.50 to 1.30)" in said


def test_a_forest_grows_with_its_rows_and_widens_for_its_texts() -> None:
    small, tall = (draw_forest(Table.from_rows(rows(k)), WORDS).svg for k in (2, 40))
    assert size(tall)[1] - size(small)[1] == pytest.approx(38 * 0.19 * 72, abs=1)
    assert size(tall)[0] == size(small)[0]
    wide = ForestText(
        "Study", "Risk ratio", "Risk ratio", group_1="a very long name of a treatment", group_2="another such name"
    )
    assert size(draw_forest(Table.from_rows(rows(2, "Investigators and collaborators")), wide).svg)[0] > size(small)[0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"kind": "studdy"}, WORDS), ({"estimate": -1.0}, WORDS)],
)
def test_a_forest_refuses_what_it_cannot_draw(changed: dict[str, object], words: ForestText) -> None:
    table = Table.from_rows([rows(2)[1] | changed])
    with pytest.raises(ValueRangeError):
        draw_forest(table, words)


def test_a_funnel_refuses_what_it_cannot_draw() -> None:
    good = list(funnel_table(0).rows())
    for changed in ({"kind": "ghost"}, {"standard_error": 0.0}):
        with pytest.raises(ValueRangeError):
            draw_funnel(Table.from_rows([good[0] | changed]), pooled=0, axis="x", log=False)


@pytest.mark.parametrize(
    ("low", "high"), [(0.95, 3.9), (0.06, 7), (0.5, 2), (0.9, 1.15), (0.001, 900), (1.1, 40), (0.2, 0.4)]
)
def test_ticks_of_ratios_are_round_few_and_apart(low: float, high: float) -> None:
    ticks = effect_ticks(low, high, log=True)
    assert 2 <= len(ticks) <= 7
    assert all(low <= tick <= high for tick in ticks)
    assert ticks == sorted(ticks)


def test_limits_hold_every_estimate_and_cut_only_long_intervals() -> None:
    low, high = effect_limits([0.8, 1.2], [0.5, 0.001], [1.4, 900], null=1, log=True)
    assert low < 0.5
    assert high > 1.4
    assert low > 0.05
    assert high < 20
    low, high = effect_limits([-2, 3], [-4, -5], [1, 9], null=0, log=False)
    assert low < -2
    assert high > 3
