"""A small guide with everything in it, self-made, for the tests of the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limus.kernel.provenance import Directness, RunStamp
from limus.kernel.tables import Table as TidyTable
from limus.report.content import (
    BulletList,
    Cell,
    ColumnHead,
    Figure,
    Guide,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    number_cell,
    text_cell,
)
from limus.report.diagram import PathwayCompartment, PathwayEdge, PathwayGraph, PathwayNode, draw_pathway
from limus.report.figures import draw_dose_response

HOSTILE = '<b> & "q" #let x = 1 $a^2$ *s* _u_ @at `t` \\back // no /* no */ [x] ~ -- <ref-1> }'


@dataclass(frozen=True)
class Reference:
    key: str
    citation: str
    short: str
    doi: str = ""


BIBLIOGRAPHY = {
    one.key: one
    for one in (
        Reference("second_2002", "Second B (2002). Title with <tag>, #hash and $1. Journal 2:1.", "Second 2002"),
        Reference("first_2001", "First A (2001). A title. Journal 1:1.", "First 2001", "10.1000/first<1>"),
        Reference("never_2003", "Never C (2003). Not cited. Journal 3:1.", "Never 2003"),
    )
}
STAMP = RunStamp(
    "0.1.0", "3.11", "some platform", "2025-01-01T00:00:00+00:00", 7, {"numpy": "2"}, {"/a/b/in.csv": "c" * 64}
)


def measured(value: float, **more: object) -> Cell:
    return number_cell(value, "nM", Directness.MEASURED, source=("first_2001",), **more)  # type: ignore[arg-type]


def simulated(value: float, **more: object) -> Cell:
    return number_cell(value, "nM", Directness.SIMULATED, note="model m, seed 7", **more)  # type: ignore[arg-type]


def sample_table(key: str = "potency", columns: int = 2) -> Table:
    heads = tuple(ColumnHead(f"drug{index}", f"Drug {index}") for index in range(columns))
    return Table(
        key,
        "Potency",
        heads,
        (
            Row("il2", "IL-2", tuple(measured(0.0612 + index, n=4, interval=(0.02, 9.5)) for index in range(columns))),
            Row("growth", f"Growth {HOSTILE}", tuple(simulated(12.345 * (index + 1)) for index in range(columns))),
            Row(
                "other",
                "Other",
                tuple(text_cell(HOSTILE, directness=Directness.INFERRED, note=HOSTILE) for _ in range(columns)),
            ),
        ),
        "A note with *emphasis* [@second_2002].",
        "Readout",
    )


def sample_graph() -> PathwayGraph:
    nodes = (
        PathwayNode("drug", "tacrolimus", "drug", "", 80, -20),
        PathwayNode("cn", "calcineurin", "complex", "cell", 80, 90),
        PathwayNode("nfat", "NFAT <&>", "protein", "cell", 260, 90),
    )
    edges = (PathwayEdge("drug", "cn", -1), PathwayEdge("cn", "nfat", 1, "acts"))
    return PathwayGraph.create("Calcineurin", nodes, edges, (PathwayCompartment("cell", "Cell", -10, 30, 400, 120),))


def dose_table() -> TidyTable:
    doses = np.geomspace(0.01, 100, 9)
    return TidyTable.from_rows(
        {"drug": drug, "readout": "IL-2", "concentration_nM": dose, "response_percent": 100 / (1 + dose / ic50)}
        for drug, ic50 in (("tacrolimus", 0.1), ("ciclosporin", 10.0))
        for dose in doses
    )


def sample_sections(text: str = "") -> tuple[Section, ...]:
    curve, pathway = draw_dose_response(dose_table()), draw_pathway(sample_graph())
    prose = "Drug 0 needs {potency.il2.drug0}, drug 1 {potency.growth.drug1:number}; ratio {ratio} [@first_2001]."
    escaped = r"\<b> \*s\* #let x = 1 $a^2$ _u_ @at \{ \} \[x\] \\ &"
    return (
        Section(
            "summary",
            "Summary <1> #2 $3",
            (Paragraph(prose), Paragraph(escaped), *((Paragraph(text),) if text else ()), Notice("warning", "*Mind*.")),
        ),
        Section(
            "results",
            "Results",
            (sample_table(), BulletList(("one {potency.il2.drug0:interval}", "n = {potency.il2.drug0:n}"))),
            (
                Section("curves", "Curves", (Figure("dose", "Doses", curve.svg, curve.alt, "Self-made.", curve.data),)),
                Section(
                    "map", "Map", (Figure("pathway", "Map", pathway.svg, pathway.alt, "Self-made.", pathway.data),)
                ),
            ),
        ),
    )


VALUES = {"ratio": number_cell(201.7, "times", Directness.INFERRED, note="ratio of two cells")}


def sample_guide(sections: tuple[Section, ...] | None = None) -> Guide:
    return Guide.create(
        "A guide <with> #signs $ and *stars*",
        "Sub_title @ `x`",
        sections or sample_sections(),
        values=VALUES,
        stamp=STAMP,
        bibliography=BIBLIOGRAPHY,
    )
