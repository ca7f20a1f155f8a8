"""Checks of a layout for whoever places the nodes: nothing overlaps, no line runs through other nodes."""

from __future__ import annotations

from collections.abc import Iterator

from limus.kernel.checks import Check, Finding, Severity, run_checks
from limus.report.diagram.geometry import edge_route, node_outline, node_size, outline_meets, segments, text_width
from limus.report.diagram.graph import PathwayCompartment, PathwayGraph, PathwayNode

__all__ = ["LAYOUT_CHECKS", "check_layout"]

_LEAST_GAP = 4.0
_LABEL_INSET = 14.0
_LABEL_BOTTOM = 24.0


def check_layout(graph: PathwayGraph) -> tuple[Finding, ...]:
    """Look at a layout and return what a reader would stumble over.

    Parameters
    ----------
    graph : PathwayGraph
        The graph.

    Returns
    -------
    tuple of Finding
        Warnings; empty for a clean layout.
    """
    return run_checks(graph, LAYOUT_CHECKS)


def _warning(check: str, where: str, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.WARNING, where, "", allowed, do)


def _ask_overlaps(graph: PathwayGraph) -> Iterator[Finding]:
    for index, one in enumerate(graph.nodes):
        for other in graph.nodes[index + 1 :]:
            if _overlap(one, other):
                where = f"nodes {one.id} and {other.id} overlap"
                yield _warning("nodes-apart", where, f"{_LEAST_GAP:g} pixels between nodes", "move one of them")


def _overlap(one: PathwayNode, other: PathwayNode) -> bool:
    (width_one, height_one), (width_other, height_other) = node_size(one), node_size(other)
    apart_x = abs(one.x - other.x) - (width_one + width_other) / 2
    apart_y = abs(one.y - other.y) - (height_one + height_other) / 2
    return max(apart_x, apart_y) < _LEAST_GAP


def _ask_lines(graph: PathwayGraph) -> Iterator[Finding]:
    nodes = {node.id: node for node in graph.nodes}
    for edge in graph.edges:
        route = edge_route(edge, nodes)
        for node in graph.nodes:
            if node.id in (edge.source, edge.target):
                continue
            outline = node_outline(node)
            if any(outline_meets(outline, start, end) for start, end in segments(route)):
                where = f"edge {edge.source} to {edge.target} runs through {node.id}"
                yield _warning("lines-clear", where, "a line beside other nodes", "add way-points")


def _ask_boxes(graph: PathwayGraph) -> Iterator[Finding]:
    boxes = {box.id: box for box in graph.compartments}
    for node in graph.nodes:
        for other in graph.compartments:
            if _covers_label(node, other):
                where = f"node {node.id} covers the label of {other.id}"
                yield _warning("labels-clear", where, "a label that can be read", "move the node or the box")
        if not node.compartment or node.kind == "receptor":
            continue  # receptors sit on a border
        box = boxes[node.compartment]
        width, height = node_size(node)
        inside_x = box.x <= node.x - width / 2 and node.x + width / 2 <= box.x + box.width
        inside_y = box.y <= node.y - height / 2 and node.y + height / 2 <= box.y + box.height
        if not (inside_x and inside_y):
            yield _warning("nodes-inside", f"node {node.id} leaves {box.id}", "a node inside its box", "move the node")


def _covers_label(node: PathwayNode, box: PathwayCompartment) -> bool:
    width, height = node_size(node)
    label_right = box.x + _LABEL_INSET + text_width(box.label)
    apart_x = max(node.x - width / 2 - label_right, box.x + _LABEL_INSET - node.x - width / 2)
    apart_y = max(node.y - height / 2 - (box.y + _LABEL_BOTTOM), box.y - (node.y + height / 2))
    return bool(box.label) and max(apart_x, apart_y) < 0


LAYOUT_CHECKS: tuple[Check[PathwayGraph], ...] = (
    Check("overlaps", "No two nodes overlap.", _ask_overlaps),
    Check("lines", "No line runs through a node that it does not join.", _ask_lines),
    Check("boxes", "Every node but a receptor lies inside its compartment.", _ask_boxes),
)
