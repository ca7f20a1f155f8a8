"""The symbols of a diagram as SVG text: node shapes, line ends, labels. Used for the drawing and for its legend."""

from __future__ import annotations

from xml.sax.saxutils import escape

from limus.report.diagram.geometry import FONT_SIZE, LINE_HEIGHT, Point, node_outline, segments, text_width, towards
from limus.report.diagram.graph import PathwayNode, plain_label
from limus.report.figures.drug_styles import drug_style

__all__ = ["EDGE_COLOURS", "draw_line", "draw_node", "draw_text", "number"]

_FILLS = {
    "receptor": "#dfeaf4",
    "protein": "#ffffff",
    "complex": "#eef1f4",
    "ion": "#fdf3d6",
    "drug": "#ffffff",
    "gene": "#e9f4ef",
    "process": "#f6eef3",
    "cytokine": "#fbeee3",
}
_BORDER = "#3d444d"
EDGE_COLOURS = {1: "#1b1f24", -1: "#c0392b", 0: "#57606a"}
_HEAD_LENGTH = 10.0
_HEAD_HALF_WIDTH = 4.6
_BAR_HALF_LENGTH = 10.0
_BAR_THICKNESS = 4.5
_BARB_LENGTH = 13.0
_BARB_HALF_WIDTH = 7.0


def number(value: float) -> str:
    """Return a coordinate with at most two decimals, the same text on every machine."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _points(points: tuple[Point, ...] | list[Point]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


def draw_text(
    text: str, x: float, y: float, *, size: float = FONT_SIZE, anchor: str = "middle", extra: str = ""
) -> str:
    """Return one line of text; ``y`` is the middle of the line.

    Parameters
    ----------
    text : str
        Any text; it is escaped.
    x, y : float
        Anchor and middle, pixels.
    size : float
        Font size, pixels.
    anchor : str
        start, middle or end.
    extra : str
        More attributes, as text.

    Returns
    -------
    str
    """
    base = y + size * 0.35
    return (
        f'<text x="{number(x)}" y="{number(base)}" font-size="{number(size)}" text-anchor="{anchor}"{extra}>'
        f"{escape(text)}</text>"
    )


def draw_node(node: PathwayNode) -> str:
    """Return a node: its shape by kind, then its label.

    Parameters
    ----------
    node : PathwayNode
        The node; a drug takes the colour that it has in every figure.

    Returns
    -------
    str
    """
    outline = node_outline(node)
    colour = drug_style(plain_label(node)).colour if node.kind == "drug" else _BORDER
    width = 2.6 if node.kind in ("drug", "receptor") else 1.3
    attributes = f'fill="{_FILLS[node.kind]}" stroke="{colour}" stroke-width="{width}"'
    shapes = [f'<polygon points="{_points(outline)}" {attributes}/>']
    if node.kind == "complex":
        inner = tuple(_shrunk(node, point, 3.2) for point in outline)
        shapes.append(f'<polygon points="{_points(inner)}" fill="none" stroke="{_BORDER}" stroke-width="0.8"/>')
    if node.kind == "gene":
        left, right = min(x for x, _ in outline), max(x for x, _ in outline)
        bottom = max(y for _, y in outline)
        path = f"M{number(left - 7)} {number(bottom)}H{number(right + 7)}"
        shapes.append(f'<path d="{path}" stroke="{_BORDER}" stroke-width="3" fill="none"/>')
    return f'<g class="node {node.kind}">{"".join(shapes)}{_label(node)}</g>'


def _shrunk(node: PathwayNode, point: Point, by: float) -> Point:
    dx, dy = point[0] - node.x, point[1] - node.y
    return node.x + dx - by * (1 if dx > 0 else -1), node.y + dy - by * (1 if dy > 0 else -1)


def _label(node: PathwayNode) -> str:
    lines = node.label.split("\n")
    first = node.y - LINE_HEIGHT * (len(lines) - 1) / 2
    extra = {"gene": ' font-style="italic"', "drug": ' font-weight="bold"'}.get(node.kind, "")
    size = FONT_SIZE - 0.8 if node.kind == "drug" else FONT_SIZE
    return "".join(
        draw_text(line, node.x, first + LINE_HEIGHT * index, size=size, extra=extra) for index, line in enumerate(lines)
    )


def draw_line(route: tuple[Point, ...], sign: int, label: str = "") -> str:
    """Return an edge: the line, and the end that says what it does.

    An arrow head activates, a bar across the end inhibits, a half arrow head binds or becomes.

    Parameters
    ----------
    route : tuple of Point
        Line from border to border.
    sign : int
        1, -1 or 0.
    label : str
        Text on the longest straight piece.

    Returns
    -------
    str
    """
    colour = EDGE_COLOURS[sign]
    tip, before = route[-1], route[-2]
    name = {1: "activation", -1: "inhibition", 0: "binding"}[sign]
    back = towards(tip, before, _HEAD_LENGTH)
    side = _sideways(tip, before)
    if sign == -1:
        bar_at = towards(tip, before, _BAR_THICKNESS / 2)
        bar = _points([_moved(bar_at, side, -_BAR_HALF_LENGTH), _moved(bar_at, side, _BAR_HALF_LENGTH)])
        end = f'<polyline class="t-bar" points="{bar}" stroke="{colour}" stroke-width="{number(_BAR_THICKNESS)}"/>'
        stop = bar_at
    elif sign == 1:
        head = [tip, _moved(back, side, _HEAD_HALF_WIDTH), _moved(back, side, -_HEAD_HALF_WIDTH)]
        end = f'<polygon class="arrow" points="{_points(head)}" fill="{colour}"/>'
        stop = towards(tip, before, _HEAD_LENGTH - 1)
    else:
        back = towards(tip, before, _BARB_LENGTH)
        barb = [tip, _moved(back, side, _BARB_HALF_WIDTH), towards(tip, before, _BARB_LENGTH - 4)]
        end = f'<polygon class="half-arrow" points="{_points(barb)}" fill="{colour}"/>'
        stop = tip
    width = 1.8 if sign else 1.4
    path = f'<path d="{_rounded_path((*route[:-1], stop))}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
    return f'<g class="edge {name}">{path}{end}{_line_label(route, label)}</g>'


def _sideways(tip: Point, before: Point) -> Point:
    unit = towards((0.0, 0.0), (tip[0] - before[0], tip[1] - before[1]), 1.0)
    return -unit[1], unit[0]


def _moved(point: Point, direction: Point, by: float) -> Point:
    return point[0] + direction[0] * by, point[1] + direction[1] * by


def _rounded_path(route: tuple[Point, ...], radius: float = 8.0) -> str:
    parts = [f"M{number(route[0][0])} {number(route[0][1])}"]
    for before, corner, after in zip(route[:-2], route[1:-1], route[2:], strict=True):
        start, end = towards(corner, before, radius), towards(corner, after, radius)
        parts.append(f"L{number(start[0])} {number(start[1])}")
        parts.append(f"Q{number(corner[0])} {number(corner[1])} {number(end[0])} {number(end[1])}")
    parts.append(f"L{number(route[-1][0])} {number(route[-1][1])}")
    return "".join(parts)


def _line_label(route: tuple[Point, ...], label: str) -> str:
    if not label:
        return ""
    start, end = max(
        segments(route), key=lambda piece: (piece[0][0] - piece[1][0]) ** 2 + (piece[0][1] - piece[1][1]) ** 2
    )
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    size = FONT_SIZE - 2
    width, height = text_width(label, size) + 4, size + 3
    behind = (
        f'<rect x="{number(x - width / 2)}" y="{number(y - height / 2)}" width="{number(width)}" '
        f'height="{number(height)}" rx="3" fill="#ffffff" fill-opacity="0.9"/>'
    )
    return behind + draw_text(label, x, y, size=size, extra=' fill="#57606a" font-style="italic"')
