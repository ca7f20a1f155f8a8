from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace

import pytest

from limus.kernel.errors import InputError
from limus.kernel.provenance import Directness
from limus.report.content import Cell, ContentError, Figure, Notice, Paragraph, Section, cells, number_cell
from limus.report.markup import Citation, Emphasis, Placeholder, Strong, Text, escape_markup, parse_markup

from .samples import dose_table, sample_guide, sample_sections, sample_table


def refused(sections: tuple[Section, ...]) -> ContentError:
    with pytest.raises(ContentError) as caught:
        sample_guide(sections)
    assert isinstance(caught.value, InputError)
    assert caught.value.exit_status == 2
    return caught.value


def test_a_good_tree_is_accepted_and_references_come_in_order_of_citation() -> None:
    guide = sample_guide()
    assert [reference.key for reference in guide.references] == ["first_2001", "second_2002"]
    with pytest.raises(FrozenInstanceError):
        guide.title = "other"  # type: ignore[misc]


def test_an_unknown_citation_is_refused_with_the_nearest_key() -> None:
    error = refused(sample_sections("Text [@first_2002]."))
    assert "summary" in error.where
    assert error.got == "first_2002"
    assert "first_2001" in error.allowed


def test_an_unknown_source_of_a_cell_is_refused_with_its_place() -> None:
    table = sample_table()
    row = table.rows[0]
    bad = replace(row, cells=(replace(row.cells[0], source=("nowhere",)), *row.cells[1:]))
    error = refused((Section("s", "S", (replace(table, rows=(bad,)),)),))
    assert "table potency, row il2, column drug0" in error.where


@pytest.mark.parametrize("text", ["{potency.il2.drug9}", "{ratios}", "{ratio:n}", "{ratio:interval}"])
def test_a_placeholder_without_result_is_refused(text: str) -> None:
    assert "placeholders-resolve" in refused(sample_sections(text)).where


@pytest.mark.parametrize("text", ["{", "a }", "*open", "**open", "{a:colour}", "{}", "[@]", "[@a; b]"])
def test_broken_markup_is_refused(text: str) -> None:
    with pytest.raises(ContentError):
        parse_markup(text)


def test_doubled_keys_are_refused() -> None:
    first, second = sample_sections()
    assert "keys-unique" in refused((first, second, replace(second, blocks=(), subsections=()))).where
    assert "keys-unique" in refused((first, second, Section("more", "More", (sample_table(),)))).where
    table = sample_table()
    assert "rows" in refused((Section("s", "S", (replace(table, rows=table.rows + table.rows[:1]),)),)).where
    assert "keys-plain" in refused((Section("a b", "S", (sample_table(),)),)).where


@pytest.mark.parametrize(
    ("cell", "check"),
    [
        (Cell(1.0, "1", "nM"), "directness-said"),
        (Cell(1.0, "1", "nM", Directness.MEASURED), "origin-said"),
        (Cell(1.0, "1", "nM", Directness.SIMULATED, source=("first_2001",)), "origin-said"),
        (Cell(float("nan"), "nan", "nM", Directness.MEASURED, note="x"), "cells-finite"),
        (Cell(1.0, "1", "nM", Directness.MEASURED, interval=(2.0, 1.0), note="x"), "intervals-ordered"),
        (Cell(None, " "), "cells-shown"),
    ],
)
def test_a_cell_that_does_not_say_enough_is_refused(cell: Cell, check: str) -> None:
    table = sample_table()
    rows = (replace(table.rows[0], cells=(cell, *table.rows[0].cells[1:])),)
    assert check in refused((Section("s", "S", (replace(table, rows=rows),)),)).where


def test_ragged_tables_unknown_levels_and_unsafe_drawings_are_refused() -> None:
    table = sample_table()
    ragged = replace(table, rows=(replace(table.rows[0], cells=table.rows[0].cells[:1]),))
    assert "tables-rectangular" in refused((Section("s", "S", (ragged,)),)).where
    assert "notice-levels" in refused((Section("s", "S", (Notice("loud", "x"), Paragraph("y"))),)).where
    for svg in (
        "<svg><script>1</script></svg>",
        '<svg onload="x()"/>',
        '<svg><a href="https://example.org">x</a></svg>',
        "<svg><style>@import 'x'</style></svg>",
        "<svg>",
        "<p/>",
    ):
        figure = Figure("f", "F", svg, "alt", "", dose_table())
        assert "figures-plain" in refused((Section("s", "S", (figure,)),)).where


def test_cells_are_the_tables_cells_and_the_free_values_as_json() -> None:
    guide = sample_guide()
    listed = cells(guide)
    json.dumps(listed, allow_nan=False)
    assert len(listed) == 7
    first = listed[0]
    names = ["section", "row", "column", "value", "unit", "directness", "source", "n"]
    assert list(first)[: len(names)] == names
    assert [first[name] for name in names] == ["results", "il2", "drug0", 0.0612, "nM", "measured", ["first_2001"], 4]
    assert listed[-1]["section"] == "values"


def test_open_interval_ends_become_null() -> None:
    cell = number_cell(1.0, "nM", Directness.MEASURED, note="x", interval=(0.5, float("inf")))
    table = sample_table()
    rows = (replace(table.rows[0], cells=(cell, cell)),)
    assert cells(sample_guide((Section("s", "S", (replace(table, rows=rows),)),)))[0]["interval"] == [0.5, None]


def test_markup_is_parsed_and_escaped() -> None:
    parsed = parse_markup("a **b {k}** *c* [@x; @y] [plain]")
    assert parsed[1] == Strong((Text("b "), Placeholder("k")))
    assert parsed[3] == Emphasis((Text("c"),))
    assert parsed[5] == Citation(("x", "y"))
    assert parsed[6] == Text(" [plain]")
    hostile = r"\*{}[@a]**"
    assert parse_markup(escape_markup(hostile)) == (Text(hostile),)
