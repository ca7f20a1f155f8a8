from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run
from xml.etree import ElementTree

import pytest

from limus.kernel.errors import UnitError, ValueRangeError
from limus.kernel.tables import Column, Table, read_csv
from limus.report.figures import draw_dose_response, draw_potency_comparison, draw_time_course, drug_style, save
from limus.report.figures.drug_styles import known_styles

from .samples import dose_table

NAN = float("nan")
DRUGS = (
    "tacrolimus",
    "ascomycin",
    "pimecrolimus",
    "ABT-281",
    "ciclosporin",
    "sirolimus",
    "everolimus",
    "mycophenolic acid",
    "betamethasone valerate",
    "hydrocortisone",
)


def course_table(unit: str = "pM") -> Table:
    return Table.from_rows(
        {
            "drug": "tacrolimus",
            "concentration_nM": level,
            "quantity": "IL-2",
            "time_h": time,
            "value": time,
            "unit": one,
        }
        for level, one in ((0.0, "pM"), (1.0, unit))
        for time in (0.0, 1.0, 2.0)
    )


def potency_table(kind: str = "measured") -> Table:
    rows = [("IL-2", "tacrolimus", kind, 0.1, NAN, NAN), ("IL-2", "tacrolimus", "interval", NAN, 0.05, 0.2)]
    rows.append(("IL-2", "tacrolimus", "simulated", 0.15, 0.1, 0.2))
    names = ("row_label", "drug", "kind", "value_nM", "lower_nM", "upper_nM")
    return Table.from_rows(dict(zip(names, row, strict=True)) for row in rows)


MARKS = Table.from_rows(
    [
        {"drug": "tacrolimus", "readout": "IL-2", "ic50_nM": 0.1},
        {"drug": "ciclosporin", "readout": "IL-2", "ic50_nM": NAN},
    ]
)


def test_drawings_are_the_same_every_time_well_formed_and_described() -> None:
    for draw in (
        lambda: draw_dose_response(dose_table(), MARKS),
        lambda: draw_time_course(course_table()),
        lambda: draw_potency_comparison(potency_table()),
    ):
        first, second = draw(), draw()
        assert first.svg == second.svg
        assert "<dc:date>" not in first.svg
        assert ElementTree.fromstring(first.svg).tag.endswith("svg")
        assert "tacrolimus" in first.alt
    assert "0.1 nM" in draw_dose_response(dose_table(), MARKS).alt
    assert drug_style("tacrolimus").colour.lower() in draw_dose_response(dose_table()).svg.lower()


def test_a_long_legend_makes_the_figure_taller_and_squashes_no_panel() -> None:
    def height(drugs: tuple[str, ...]) -> float:
        rows = [
            {"drug": d, "concentration_nM": c, "quantity": "IL-2", "time_h": t, "value": t, "unit": "%"}
            for d in drugs
            for c in (0.0, 1.0, 100.0)
            for t in (0.0, 1.0)
        ]
        svg = ElementTree.fromstring(draw_time_course(Table.from_rows(rows)).svg)
        return float(svg.attrib["viewBox"].split()[3])

    one, six = height(DRUGS[:1]), height(DRUGS[:6])
    assert six > one + 4 * 12  # at least five more rows of the legend, 12 points each


def test_a_drawing_is_saved_with_its_data(tmp_path: Path) -> None:
    svg, csv = save(draw_dose_response(dose_table()), tmp_path / "figures", "doses")
    assert svg.read_text(encoding="utf-8").startswith("<?xml")
    schema = [Column("drug"), Column("readout"), Column("concentration_nM", True), Column("response_percent", True)]
    assert len(read_csv(csv, schema)) == 18


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="response_percent"):
        draw_dose_response(Table.create({"drug": ["a"], "readout": ["b"], "concentration_nM": [1.0]}))
    zero = {"drug": "a", "readout": "b", "concentration_nM": 0.0, "response_percent": 100.0}
    with pytest.raises(ValueRangeError, match="positive"):
        draw_dose_response(Table.from_rows([zero]))
    with pytest.raises(ValueRangeError, match="guessed"):
        draw_potency_comparison(potency_table("guessed"))
    with pytest.raises(UnitError):
        draw_time_course(course_table("ng/mL"))


def test_every_drug_has_its_own_style_and_unknown_ones_a_fixed_grey() -> None:
    styles = [drug_style(name) for name in DRUGS]
    assert {style.name for style in styles} == {style.name for style in known_styles().values()}
    assert len({(style.colour, style.dashes) for style in styles}) == len(DRUGS)
    assert len({style.marker for style in styles}) == len(DRUGS)
    assert drug_style("Tacrolimus") == drug_style("tacrolimus")
    unknown = drug_style("voclosporin")
    assert unknown == drug_style("voclosporin")
    assert unknown.colour not in {style.colour for style in styles}


def test_importing_the_report_loads_neither_matplotlib_nor_typst() -> None:
    code = (
        "import sys, limus.report.content, limus.report.html, limus.report.pdf, limus.report.figures, "
        "limus.report.diagram; print([m for m in ('matplotlib', 'typst', 'jinja2', 'pandas') if m in sys.modules])"
    )
    assert run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
