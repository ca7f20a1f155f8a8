"""Pathway diagrams: a graph value with coordinates in, an SVG with its alternative text out. Strings only."""

from limus.report.diagram.draw import draw_pathway
from limus.report.diagram.graph import (
    NODE_KINDS,
    PathwayCompartment,
    PathwayEdge,
    PathwayGraph,
    PathwayNode,
    describe_pathway,
)
from limus.report.diagram.layout_checks import LAYOUT_CHECKS, check_layout

__all__ = [
    "LAYOUT_CHECKS",
    "NODE_KINDS",
    "PathwayCompartment",
    "PathwayEdge",
    "PathwayGraph",
    "PathwayNode",
    "check_layout",
    "describe_pathway",
    "draw_pathway",
]
