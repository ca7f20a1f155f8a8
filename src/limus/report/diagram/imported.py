"""An imported graph as SVG: laid out in layers, with the author's labels, and no sign that the author did not give."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from limus.kernel.tables import Table
from limus.report.diagram.geometry import FONT_SIZE, edge_route, node_outline, node_size, text_width
from limus.report.diagram.graph import PathwayEdge, PathwayNode
from limus.report.diagram.layered_layout import lay_out
from limus.report.diagram.symbols import draw_line, draw_node, draw_text, number
from limus.report.figures.base import Drawing

__all__ = ["ImportedEdge", "ImportedNode", "draw_imported"]

_MARGIN = 18.0
_TITLE = 30.0
_WIDEST_LINE = 150.0
_LABEL_SHARED = 24.0  # the gap between two nodes is room for labels too
_PLAIN_LABEL = 'fill="#57606a" font-style="italic"'
_RED_LABEL = 'fill="#b3261e" font-weight="bold" font-style="italic"'
_FONTS = "DejaVu Sans, Verdana, Arial, Helvetica, sans-serif"


@dataclass(frozen=True, slots=True)
class ImportedNode:
    """A node: its id, its text, and one of the kinds of nodes of a pathway."""

    id: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class ImportedEdge:
    """An edge; ``sign`` as its author gives it, None where nothing is said (drawn as a plain arrow)."""

    source: str
    target: str
    label: str
    sign: int | None
    wrong: str = ""


def draw_imported(title: str, nodes: Sequence[ImportedNode], edges: Sequence[ImportedEdge]) -> Drawing:
    """Draw an imported graph from top to bottom.

    Parameters
    ----------
    title : str
    nodes : sequence of ImportedNode
    edges : sequence of ImportedEdge
        ``wrong`` is a remark in red beside the label.

    Returns
    -------
    Drawing
        SVG, the graph in words, and its edges as a table.
    """
    boxes = {node.id: PathwayNode(node.id, _wrapped(node.label), node.kind, "", 0, 0) for node in nodes}
    pairs = [(edge.source, edge.target) for edge in edges]
    sizes = {name: node_size(box) for name, box in boxes.items()}
    placed = lay_out(_with_room(sizes, edges), [pair for pair in pairs if pair[0] != pair[1]])
    centred = {name: PathwayNode(name, box.label, box.kind, "", *placed.centres[name]) for name, box in boxes.items()}
    bends = iter(placed.bends)
    lines, ends = [], []
    for edge in edges:
        if edge.source == edge.target:
            x, y = placed.centres[edge.source]
            half = sizes[edge.source][0] / 2 + 22
            waypoints: tuple[tuple[float, float], ...] = ((x + half, y - 14), (x + half, y + 14))
        else:
            waypoints = next(bends)
        drawn = PathwayEdge(edge.source, edge.target, 1 if edge.sign is None else edge.sign, edge.label, waypoints)
        route = edge_route(drawn, centred)
        ends += list(route)
        label = _label(edge)
        line = draw_line(route, drawn.sign, label)
        lines.append(line.replace(_PLAIN_LABEL, _RED_LABEL) if edge.wrong else line)
    points = ends + [point for node in centred.values() for point in node_outline(node)]
    left, right = min(x for x, _ in points) - _MARGIN, max(x for x, _ in points) + _MARGIN
    right = max(right, left + text_width(title) + 2 * _MARGIN)
    top, bottom = min(y for _, y in points) - _MARGIN - _TITLE, max(y for _, y in points) + _MARGIN
    size = f'width="{number(right - left)}" height="{number(bottom - top)}"'
    alt = _words(title, nodes, edges)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="{number(left)} {number(top)} {number(right - left)} '
        f'{number(bottom - top)}" role="img" aria-labelledby="diagram-title diagram-description" '
        f'font-family="{_FONTS}" fill="#1b1f24" stroke-linejoin="round">',
        f'<title id="diagram-title">{escape(title)}</title>',
        f'<desc id="diagram-description">{escape(alt)}</desc>',
        f'<rect x="{number(left)}" y="{number(top)}" {size} fill="#ffffff"/>',
        draw_text(title, left + _MARGIN, top + 20, anchor="start", extra=' font-weight="bold"'),
        *lines,
        *(draw_node(node) for node in centred.values()),
        "</svg>",
    ]
    return Drawing("\n".join(parts) + "\n", alt, _table(nodes, edges))


def _label(edge: ImportedEdge) -> str:
    return f"{edge.label} \N{EN DASH} {edge.wrong}" if edge.wrong else edge.label


def _with_room(
    sizes: Mapping[str, tuple[float, float]], edges: Sequence[ImportedEdge]
) -> dict[str, tuple[float, float]]:
    """Sizes with room for labels: where edges part or meet, labels stand half-way, so ends stand twice as far apart."""
    leaving = Counter(edge.source for edge in edges)
    entering = Counter(edge.target for edge in edges)
    room = dict(sizes)
    for edge in edges:
        needed = 2 * text_width(_label(edge), FONT_SIZE - 2) - _LABEL_SHARED if _label(edge) else 0.0
        ends = [edge.target] if leaving[edge.source] > 1 else []
        ends += [edge.source] if entering[edge.target] > 1 else []
        for end in ends:
            room[end] = (max(room[end][0], needed), room[end][1])
    return room


def _wrapped(label: str) -> str:
    """Break a long label at spaces, and after a hyphen where a word alone is too wide."""
    lines, line = [], ""
    for piece in re.findall(r"\S+?-(?=\S{5})|\S+", " ".join(label.split())):
        joint = "" if line.endswith("-") else " "
        if line and text_width(f"{line}{joint}{piece}") > _WIDEST_LINE:
            lines.append(line)
            line = piece
        else:
            line = f"{line}{joint}{piece}" if line else piece
    return "\n".join([*lines, line])


def _words(title: str, nodes: Sequence[ImportedNode], edges: Sequence[ImportedEdge]) -> str:
    labels = {node.id: " ".join(node.label.split()) for node in nodes}
    said = [
        f"{labels[e.source]} to {labels[e.target]}"
        + (f" ({e.label})" if e.label else "")
        + (f" [{e.wrong}]" if e.wrong else "")
        for e in edges
    ]
    return f"Diagram: {title}, with {len(nodes)} nodes and {len(edges)} edges: {'; '.join(said)}."


def _table(nodes: Sequence[ImportedNode], edges: Sequence[ImportedEdge]) -> Table:
    labels = {node.id: " ".join(node.label.split()) for node in nodes}
    return Table.create(
        {
            "source": [labels[edge.source] for edge in edges],
            "target": [labels[edge.target] for edge in edges],
            "label": [edge.label for edge in edges],
            "sign": ["not said" if edge.sign is None else f"{edge.sign:d}" for edge in edges],
            "remark": [edge.wrong for edge in edges],
        }
    )
