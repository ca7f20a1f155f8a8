from __future__ import annotations

import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from limus.report.content import ContentError
from limus.report.diagram import NODE_KINDS, PathwayEdge, PathwayGraph, PathwayNode, check_layout, draw_pathway
from limus.report.diagram.geometry import edge_route, node_outline, node_size

from .samples import sample_graph

SVG = "{http://www.w3.org/2000/svg}"


def drawn_edges(graph: PathwayGraph) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(draw_pathway(graph).svg)
    return [group for group in root.iter(f"{SVG}g") if group.get("class", "").startswith("edge")]


def test_inhibition_ends_in_a_bar_activation_in_an_arrow_binding_in_a_half_arrow() -> None:
    graph = sample_graph()
    ends = {-1: "t-bar", 1: "arrow", 0: "half-arrow"}
    for sign, end in ends.items():
        edges = drawn_edges(replace(graph, edges=(PathwayEdge("drug", "cn", sign),)))
        for edge in edges:  # the edge, and its sample in the legend
            assert [part.get("class") for part in edge if part.get("class")] == [end]
        assert len(edges) == 2


def test_the_bar_stands_across_the_line_in_front_of_the_target() -> None:
    (edge, *_) = drawn_edges(sample_graph())
    bar = next(part for part in edge if part.get("class") == "t-bar")
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in str(bar.get("points")).split())
    target = next(node for node in sample_graph().nodes if node.id == "cn")
    assert y1 == y2
    assert abs(x2 - x1) >= 16
    assert y1 < target.y - node_size(target)[1] / 2
    assert float(str(bar.get("stroke-width"))) >= 4


@pytest.mark.parametrize("kind", NODE_KINDS)
@pytest.mark.parametrize("angle", [0.0, 0.7, 1.6, 2.9, 4.0, 5.5])
def test_edges_stop_at_the_border(kind: str, angle: float) -> None:
    source = PathwayNode("a", "source", kind, "", 0, 0)
    target = PathwayNode("b", "target\nnode", kind, "", 300 * math.cos(angle), 300 * math.sin(angle))
    route = edge_route(PathwayEdge("a", "b", 1), {"a": source, "b": target}, gap=0.0)
    for node, point in ((source, route[0]), (target, route[-1])):
        corners = node_outline(node)
        pairs = zip(corners, corners[1:] + corners[:1], strict=True)
        off = min(math.dist(p, point) + math.dist(point, q) - math.dist(p, q) for p, q in pairs)
        assert off < 1e-6


def test_the_drawing_is_deterministic_escaped_and_says_its_edges() -> None:
    drawing = draw_pathway(sample_graph())
    assert drawing.svg == draw_pathway(sample_graph()).svg
    assert "NFAT &lt;&amp;&gt;" in drawing.svg
    assert "tacrolimus inhibits calcineurin." in drawing.alt
    assert "calcineurin activates NFAT <&> (acts)." in drawing.alt
    root = ElementTree.fromstring(drawing.svg)
    assert [child.text for child in root if child.tag == f"{SVG}desc"] == [drawing.alt]
    assert len(drawing.data) == 2


def test_everything_lies_on_the_canvas() -> None:
    root = ElementTree.fromstring(draw_pathway(sample_graph()).svg)
    left, top, width, height = map(float, str(root.get("viewBox")).split())
    for part in root.iter(f"{SVG}polygon"):
        for point in str(part.get("points")).split():
            x, y = map(float, point.split(","))
            assert left <= x <= left + width
            assert top <= y <= top + height


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"edges": (PathwayEdge("drug", "cm", -1),)}, "edges-end-at-nodes"),
        ({"edges": (PathwayEdge("drug", "cn", 2),)}, "signs-known"),
        ({"edges": (PathwayEdge("cn", "cn", 1),)}, "loops-routed"),
        ({"nodes": (PathwayNode("a", "A", "enzyme", "", 0, 0),), "edges": ()}, "kinds-known"),
        ({"nodes": (PathwayNode("a", "A", "ion", "cel", 0, 0),), "edges": ()}, "compartments-known"),
        ({"nodes": (PathwayNode("a", "A", "ion", "", 0, 0),) * 2, "edges": ()}, "ids-unique"),
    ],
)
def test_wrong_graphs_are_refused(change: dict[str, tuple[object, ...]], check: str) -> None:
    wrong = replace(sample_graph(), **change)  # type: ignore[arg-type]
    with pytest.raises(ContentError, match=check):
        PathwayGraph.create(wrong.title, wrong.nodes, wrong.edges, wrong.compartments)


def test_the_layout_checks_see_overlaps_and_lines_through_nodes() -> None:
    graph = sample_graph()
    assert check_layout(graph) == ()
    between = PathwayNode("mid", "x", "protein", "cell", 185, 90)
    found = {finding.check for finding in check_layout(replace(graph, nodes=(*graph.nodes, between)))}
    assert "lines-clear" in found
    on_top = PathwayNode("top", "x", "protein", "cell", 80, 92)
    found = {finding.check for finding in check_layout(replace(graph, nodes=(*graph.nodes, on_top)))}
    assert "nodes-apart" in found
    outside = PathwayNode("out", "x", "protein", "cell", 900, 92)
    found = {finding.check for finding in check_layout(replace(graph, nodes=(*graph.nodes, outside)))}
    assert found == {"nodes-inside"}
