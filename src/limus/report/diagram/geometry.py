"""Plane geometry of a diagram: how wide a text is, the outline of each kind of node, where a line meets an outline."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from limus.report.diagram.graph import PathwayEdge, PathwayNode

__all__ = [
    "FONT_SIZE",
    "LINE_HEIGHT",
    "Point",
    "edge_route",
    "node_outline",
    "node_size",
    "outline_meets",
    "segments",
    "text_width",
    "towards",
]

Point = tuple[float, float]

FONT_SIZE = 13.0
LINE_HEIGHT = 16.0
_PAD_X = 11.0
_PAD_Y = 7.0

# Advance widths of DejaVu Sans in thousandths of the size, by groups; it is wider than what a browser may use instead.
_WIDTHS = dict.fromkeys("ijlI.,:;'|", 285) | dict.fromkeys("frt()[]/- ", 400) | dict.fromkeys("mMW@%", 985)
_OTHER_UPPER = 720
_OTHER = 625


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Return an upper estimate of the width of one line of text.

    Parameters
    ----------
    text : str
        One line.
    size : float
        Font size, pixels.

    Returns
    -------
    float
        Pixels.
    """
    total = sum(_WIDTHS.get(char, _OTHER_UPPER if char.isupper() else _OTHER) for char in text)
    return total * size / 1000


def node_size(node: PathwayNode) -> tuple[float, float]:
    """Return width and height of a node, pixels, large enough for its label.

    Parameters
    ----------
    node : PathwayNode
        The node.

    Returns
    -------
    tuple of (float, float)
    """
    lines = node.label.split("\n")
    width = max(text_width(line) for line in lines) + 2 * _PAD_X
    height = LINE_HEIGHT * len(lines) + 2 * _PAD_Y
    if node.kind == "ion":
        across = max(width - 6, height, 38.0)
        return across, across
    if node.kind in ("receptor", "process", "drug"):
        width += 10
    if node.kind == "cytokine":
        width, height = width * 1.18, height * 1.2
    return max(width, 48.0), height


def node_outline(node: PathwayNode) -> tuple[Point, ...]:
    """Return the outline of a node as a closed polygon, clockwise on the screen, without repeating the first point.

    Parameters
    ----------
    node : PathwayNode
        The node.

    Returns
    -------
    tuple of Point
    """
    width, height = node_size(node)
    a, b = width / 2, height / 2
    if node.kind in ("ion", "cytokine"):
        corners = [(a * math.cos(t), b * math.sin(t)) for t in _turn(0, 2 * math.pi, 48)][:-1]
    elif node.kind == "receptor":
        cut = min(10.0, b)
        corners = [(-a + cut, -b), (a - cut, -b), (a, 0), (a - cut, b), (-a + cut, b), (-a, 0)]
    elif node.kind == "process":
        cut = min(8.0, b)
        corners = [(-a + cut, -b), (a - cut, -b), (a, -b + cut), (a, b - cut)]
        corners += [(a - cut, b), (-a + cut, b), (-a, b - cut), (-a, -b + cut)]
    elif node.kind == "gene":
        corners = [(-a, -b), (a, -b), (a, b), (-a, b)]
    else:
        corners = _rounded(a, b, b if node.kind == "drug" else 7.0)
    return tuple((node.x + x, node.y + y) for x, y in corners)


def _turn(start: float, end: float, steps: int) -> Iterator[float]:
    for step in range(steps + 1):
        yield start + (end - start) * step / steps


def _rounded(a: float, b: float, radius: float) -> list[Point]:
    radius = min(radius, a, b)
    corners: list[Point] = []
    for quarter, (sx, sy) in enumerate(((-1, -1), (1, -1), (1, 1), (-1, 1))):
        start = math.pi + quarter * math.pi / 2
        centre = (sx * (a - radius), sy * (b - radius))
        arc = _turn(start, start + math.pi / 2, 8)
        corners += [(centre[0] + radius * math.cos(t), centre[1] + radius * math.sin(t)) for t in arc]
    return corners


def towards(start: Point, end: Point, distance: float) -> Point:
    """Return the point at a distance from ``start`` in the direction of ``end``; ``start`` if the two coincide."""
    length = math.dist(start, end)
    if length == 0:
        return start
    share = distance / length
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def segments(points: tuple[Point, ...]) -> Iterator[tuple[Point, Point]]:
    """Yield the straight pieces of a line."""
    yield from itertools.pairwise(points)


def outline_meets(outline: tuple[Point, ...], start: Point, end: Point) -> list[Point]:
    """Return where the piece from ``start`` to ``end`` crosses an outline, nearest to ``start`` first.

    Parameters
    ----------
    outline : tuple of Point
        A closed polygon.
    start, end : Point
        The piece.

    Returns
    -------
    list of Point
        Empty if it does not cross.
    """
    found: list[float] = []
    for corner, following in zip(outline, outline[1:] + outline[:1], strict=True):
        ex, ey = following[0] - corner[0], following[1] - corner[1]
        dx, dy = end[0] - start[0], end[1] - start[1]
        cross = dx * ey - dy * ex
        if cross == 0:
            continue
        px, py = corner[0] - start[0], corner[1] - start[1]
        along, across = (px * ey - py * ex) / cross, (px * dy - py * dx) / cross
        if -1e-9 <= along <= 1 + 1e-9 and -1e-9 <= across <= 1 + 1e-9:
            found.append(along)
    return [(start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t) for t in sorted(found)]


def edge_route(edge: PathwayEdge, nodes: dict[str, PathwayNode], gap: float = 3.0) -> tuple[Point, ...]:
    """Return the line of an edge from border to border, with a small gap at the target.

    Parameters
    ----------
    edge : PathwayEdge
        The edge.
    nodes : dict of str to PathwayNode
        Nodes by id.
    gap : float
        Distance from the target's border, pixels.

    Returns
    -------
    tuple of Point
        Two points or more.
    """
    source, target = nodes[edge.source], nodes[edge.target]
    points = [(source.x, source.y), *edge.waypoints, (target.x, target.y)]
    leaving = outline_meets(node_outline(source), points[0], points[1])
    arriving = outline_meets(node_outline(target), points[-1], points[-2])
    if leaving:
        points[0] = leaving[-1]
    if arriving:
        points[-1] = towards(arriving[-1], points[-2], gap)
    return tuple(points)
