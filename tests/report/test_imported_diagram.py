"""The layered layout and the drawing of imported graphs."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import numpy as np

from limus.kernel.execution import spawn_generators
from limus.report.diagram.imported import ImportedEdge, ImportedNode, draw_imported
from limus.report.diagram.layered_layout import lay_out


def test_nodes_do_not_overlap_and_edges_run_downwards() -> None:
    generator = spawn_generators(1, 1, stream="layout")[0]
    for _ in range(15):
        count = int(generator.integers(2, 16))
        names = [f"n{at}" for at in range(count)]
        pairs = [(a, b) for a, b in itertools.combinations(names, 2) if generator.random() < 0.25]
        sizes = {name: (float(generator.uniform(40, 160)), float(generator.uniform(20, 60))) for name in names}
        placed = lay_out(sizes, pairs)
        for a, b in itertools.combinations(names, 2):
            gaps = [abs(placed.centres[a][k] - placed.centres[b][k]) - (sizes[a][k] + sizes[b][k]) / 2 for k in (0, 1)]
            assert max(gaps) > 0, (a, b)
        for (a, b), bends in zip(pairs, placed.bends, strict=True):
            heights = [placed.centres[a][1], *(y for _, y in bends), placed.centres[b][1]]
            assert np.all(np.diff(heights) > 0)


def test_a_cycle_is_laid_out_and_bends_follow_the_edge() -> None:
    sizes = dict.fromkeys("abc", (40.0, 20.0))
    placed = lay_out(sizes, [("a", "b"), ("b", "c"), ("c", "a")])
    assert placed.centres["a"][1] < placed.centres["b"][1] < placed.centres["c"][1]
    assert len(placed.bends[2]) == 1


def test_every_node_and_edge_is_drawn_and_nothing_more_is_said() -> None:
    nodes = [ImportedNode("a", "Tacrolimus", "drug"), ImportedNode("b", "A & B <x>", "protein")]
    edges = [ImportedEdge("a", "b", "Promotes", 1, "model: inhibits"), ImportedEdge("b", "b", "", None)]
    drawing = draw_imported("a & b", nodes, edges)
    root = ET.fromstring(drawing.svg)
    groups = [str(element.get("class")) for element in root.iter("{http://www.w3.org/2000/svg}g")]
    assert sum(name.startswith("node") for name in groups) == 2
    assert sum(name.startswith("edge") for name in groups) == 2
    assert "model: inhibits" in drawing.svg
    assert list(drawing.data["sign"]) == ["1", "not said"]
