"""The pathway diagram as SVG: compartments, lines, nodes, and a legend of the symbols that occur."""

from __future__ import annotations

from dataclasses import replace
from xml.sax.saxutils import escape

from limus.kernel.tables import Table
from limus.report.diagram.geometry import FONT_SIZE, Point, edge_route, node_outline, node_size, text_width
from limus.report.diagram.graph import (
    NODE_KINDS,
    SIGN_WORDS,
    PathwayCompartment,
    PathwayGraph,
    PathwayNode,
    describe_pathway,
    plain_label,
)
from limus.report.diagram.symbols import draw_line, draw_node, draw_text, number
from limus.report.figures.base import Drawing

__all__ = ["draw_pathway"]

_MARGIN = 14.0
_LEGEND_ROW = 42.0
_FONTS = "DejaVu Sans, Verdana, Arial, Helvetica, sans-serif"


def draw_pathway(graph: PathwayGraph) -> Drawing:
    """Draw a pathway.

    Parameters
    ----------
    graph : PathwayGraph
        Nodes, edges and compartments with coordinates.

    Returns
    -------
    Drawing
        SVG, the graph in words, and its edges as a table ``source, target, sign, effect, label``.

    Examples
    --------
    >>> nodes = [PathwayNode("a", "A", "drug", "", 0, 0), PathwayNode("b", "B", "protein", "", 200, 0)]
    >>> from limus.report.diagram.graph import PathwayEdge
    >>> "t-bar" in draw_pathway(PathwayGraph.create("A on B", nodes, [PathwayEdge("a", "b", -1)])).svg
    True
    """
    alt = describe_pathway(graph)
    nodes = {node.id: node for node in graph.nodes}
    routes = [edge_route(edge, nodes) for edge in graph.edges]
    left, top, right, bottom = _extent(graph, routes)
    legend, legend_height = _legend(graph, left, right, bottom + _MARGIN)
    height = bottom - top + _MARGIN + legend_height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{number(right - left)}" height="{number(height)}" '
        f'viewBox="{number(left)} {number(top)} {number(right - left)} {number(height)}" role="img" '
        f'aria-labelledby="diagram-title diagram-description" font-family="{_FONTS}" fill="#1b1f24" '
        f'stroke-linejoin="round">',
        f'<title id="diagram-title">{escape(graph.title)}</title>',
        f'<desc id="diagram-description">{escape(alt)}</desc>',
        *(_compartment(box) for box in graph.compartments),
        *(draw_line(route, edge.sign, edge.label) for edge, route in zip(graph.edges, routes, strict=True)),
        *(draw_node(node) for node in graph.nodes),
        *legend,
        "</svg>",
    ]
    return Drawing("\n".join(parts) + "\n", alt, _edge_table(graph))


def _edge_table(graph: PathwayGraph) -> Table:
    labels = {node.id: plain_label(node) for node in graph.nodes}
    return Table.create(
        {
            "source": [labels[edge.source] for edge in graph.edges],
            "target": [labels[edge.target] for edge in graph.edges],
            "sign": [float(edge.sign) for edge in graph.edges],
            "effect": [SIGN_WORDS[edge.sign] for edge in graph.edges],
            "label": [edge.label for edge in graph.edges],
        }
    )


def _extent(graph: PathwayGraph, routes: list[tuple[Point, ...]]) -> tuple[float, float, float, float]:
    points = [point for node in graph.nodes for point in node_outline(node)]
    points += [point for route in routes for point in route]
    for box in graph.compartments:
        points += [(box.x, box.y), (box.x + box.width, box.y + box.height)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs) - _MARGIN, min(ys) - _MARGIN, max(xs) + _MARGIN, max(ys) + _MARGIN


def _compartment(box: PathwayCompartment) -> str:
    place = f'x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}" height="{number(box.height)}" rx="14"'
    label = draw_text(
        box.label,
        box.x + 14,
        box.y + 16,
        size=FONT_SIZE - 1,
        anchor="start",
        extra=' fill="#57606a" font-weight="bold"',
    )
    return (
        f'<g class="compartment"><rect {place} fill="#f2f5f8" fill-opacity="0.75" stroke="#a9b3be" '
        f'stroke-width="1.5"/>{label}</g>'
    )


def _legend(graph: PathwayGraph, left: float, right: float, top: float) -> tuple[list[str], float]:
    """Return the legend as SVG parts and its height; items flow into as many rows as the width needs."""
    x, y = left + _MARGIN, top + _LEGEND_ROW / 2
    path = f"M{number(left + _MARGIN)} {number(top)}H{number(right - _MARGIN)}"
    parts = [f'<g class="legend"><path d="{path}" stroke="#d5dae0" fill="none"/>']
    for sign in (1, -1, 0):
        if any(edge.sign == sign for edge in graph.edges):
            words = SIGN_WORDS[sign]
            width = 46 + 8 + text_width(words, FONT_SIZE - 1) + 22
            x, y = _next_place(x, y, width, left, right)
            parts.append(draw_line(((x, y), (x + 46, y)), sign))
            parts.append(draw_text(words, x + 54, y, size=FONT_SIZE - 1, anchor="start"))
            x += width
    for kind in NODE_KINDS:
        if any(node.kind == kind for node in graph.nodes):
            sample = PathwayNode(kind, kind, kind, "", 0, 0)
            width = node_size(sample)[0]
            x, y = _next_place(x, y, width + 14, left, right)
            parts.append(draw_node(replace(sample, x=x + width / 2, y=y)))
            x += width + 14
    parts.append("</g>")
    return parts, y - top + _LEGEND_ROW / 2


def _next_place(x: float, y: float, width: float, left: float, right: float) -> tuple[float, float]:
    if x + width > right - _MARGIN and x > left + _MARGIN:
        return left + _MARGIN, y + _LEGEND_ROW
    return x, y
