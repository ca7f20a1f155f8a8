"""A compartment model as SVG: the dose's way to the measured compartment in a row, what exchanges with it beside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.report.diagram.geometry import FONT_SIZE, Point, text_width
from limus.report.diagram.symbols import draw_line, draw_text, number
from limus.report.figures.base import Drawing, in_words, require_columns

__all__ = ["draw_compartments"]

_FONTS = "DejaVu Sans, Verdana, Arial, Helvetica, sans-serif"
_BOX_HEIGHT = 46.0
_GAP = 62.0
_NARROW_GAP = 42.0  # in a long chain
_LONG = 4
_BESIDE = 96.0
_MARGIN = 16.0
_SMALL = FONT_SIZE - 2.0
_BORDER = "#3d444d"


@dataclass(frozen=True, slots=True)
class _Box:
    """A compartment with its place."""

    name: str
    x: float
    y: float
    width: float

    @property
    def left(self) -> Point:
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> Point:
        return self.x + self.width / 2, self.y

    @property
    def bottom(self) -> Point:
        return self.x, self.y + _BOX_HEIGHT / 2


def draw_compartments(
    flows: Table,
    *,
    dosed: str,
    measured: str,
    dose: str,
    level: str,
    colour: str,
    volumes: Mapping[str, str],
) -> Drawing:
    """Draw a compartment model.

    Parameters
    ----------
    flows : Table
        ``source, target, label, both_ways``: compartments by name, '' for outside; ``both_ways`` is ``yes`` for an
        exchange.
    dosed, measured : str
        Where the dose goes in, and what is measured.
    dose, level : str
        What stands at the dose's arrow and at the measured compartment.
    colour : str
        Of the measured compartment, ``#RRGGBB``.
    volumes : mapping of str to str
        What stands under the name of a compartment.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, the table is empty, or no flow leads from the dose to what is measured.
    """
    require_columns(flows, ("source", "target", "label", "both_ways"), "compartment diagram")
    way = _way(flows, dosed, measured)
    boxes = _place(flows, way)
    lines = [_line(row, boxes) for row in flows.rows() if row["source"] in boxes or row["target"] in boxes]
    start = boxes[dosed].left
    begin = (start[0] - max(_GAP, text_width(dose, _SMALL) + 6), start[1])
    lines.append(draw_line((begin, start), 1) + draw_text(dose, begin[0], begin[1] - 13, size=_SMALL, anchor="start"))
    main = boxes[measured]
    above = main.y - _BOX_HEIGHT / 2 - 14
    half = text_width(level, _SMALL) / 2
    note = draw_text(level, main.x, above, size=_SMALL, extra=' font-style="italic" fill="#57606a"')
    right = max(*(box.right[0] for box in boxes.values()), main.x + half) + _MARGIN
    left = min(begin[0], main.x - half) - _MARGIN
    top, bottom = above - 14, max(box.y for box in boxes.values()) + _BOX_HEIGHT / 2 + _GAP + 18
    alt = _describe(flows, way, dose, level)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{number(right - left)}" height="{number(bottom - top)}" '
        f'viewBox="{number(left)} {number(top)} {number(right - left)} {number(bottom - top)}" role="img" '
        f'aria-label="{escape(alt, {chr(34): "&quot;"})}" font-family="{_FONTS}" fill="#1b1f24">',
        *lines,
        *(_draw_box(b, colour if b.name == measured else _BORDER, volumes.get(b.name, "")) for b in boxes.values()),
        note,
        "</svg>",
    ]
    return Drawing("\n".join(parts) + "\n", alt, flows)


def _way(flows: Table, dosed: str, measured: str) -> tuple[str, ...]:
    """The shortest chain of flows from the dose to what is measured."""
    after: dict[str, list[str]] = {}
    for row in flows.rows():
        after.setdefault(row["source"], []).append(row["target"])
        if row["both_ways"] == "yes":
            after.setdefault(row["target"], []).append(row["source"])
    chains: deque[tuple[str, ...]] = deque([(dosed,)])
    seen = {dosed}
    while chains:
        chain = chains.popleft()
        if chain[-1] == measured:
            return chain
        for name in after.get(chain[-1], []):
            if name and name not in seen:
                seen.add(name)
                chains.append((*chain, name))
    raise ValueRangeError("compartment diagram", f"{dosed} to {measured}", "a chain of flows", "correct the flows")


def _place(flows: Table, way: Sequence[str]) -> dict[str, _Box]:
    boxes: dict[str, _Box] = {}
    gap = _GAP if len(way) <= _LONG else _NARROW_GAP
    x = 0.0
    for name in way:
        width = _width(name)
        boxes[name] = _Box(name, x + width / 2, 0.0, width)
        x += width + gap
    names = [str(name) for row in flows.rows() for name in (row["source"], row["target"]) if name]
    beside = [name for name in dict.fromkeys(names) if name not in boxes]
    x += _BESIDE - gap
    for k, name in enumerate(beside):
        width = _width(name)
        boxes[name] = _Box(name, x + width / 2, k * (_BOX_HEIGHT + _GAP), width)
    return boxes


def _width(name: str) -> float:
    return max(58.0, text_width(_words(name)) + 14.0)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _draw_box(box: _Box, colour: str, volume: str) -> str:
    corner = f'x="{number(box.left[0])}" y="{number(box.y - _BOX_HEIGHT / 2)}"'
    size = f'width="{number(box.width)}" height="{number(_BOX_HEIGHT)}" rx="7"'
    width = 1.4 if colour == _BORDER else 2.8
    shape = f'<rect {corner} {size} fill="#ffffff" stroke="{colour}" stroke-width="{width}"/>'
    if not volume:
        return f'<g class="compartment">{shape}{draw_text(_words(box.name), box.x, box.y)}</g>'
    under = draw_text(volume, box.x, box.y + 9, size=_SMALL, extra=' fill="#57606a" font-style="italic"')
    return f'<g class="compartment">{shape}{draw_text(_words(box.name), box.x, box.y - 8)}{under}</g>'


def _line(row: dict[str, str], boxes: dict[str, _Box]) -> str:
    source, target, label = boxes.get(row["source"]), boxes.get(row["target"]), row["label"]
    if source is None or target is None:  # out of the body, or into it without a dose
        box = source or target
        assert box is not None
        inside, outside = box.bottom, (box.x, box.bottom[1] + _GAP - 8)
        ends = (inside, outside) if source else (outside, inside)
        text = draw_text(label, box.x + 9, (inside[1] + outside[1]) / 2, size=_SMALL, anchor="start")
        return draw_line(ends, 1) + text
    start, end = (source.right, target.left) if source.x < target.x else (source.left, target.right)
    if row["both_ways"] == "yes":
        shift = 8.0
        there = draw_line(((start[0], start[1] - shift), (end[0], end[1] - shift)), 1)
        back = draw_line(((end[0], end[1] + shift), (start[0], start[1] + shift)), 1)
        middle = (start[0] + end[0]) / 2, min(start[1], end[1]) - shift - 12
        return there + back + draw_text(label, *middle, size=_SMALL)
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - 12
    return draw_line((start, end), 1) + draw_text(label, *middle, size=_SMALL)


def _describe(flows: Table, way: Sequence[str], dose: str, level: str) -> str:
    said = f"Compartments. The dose ({dose}) goes by way of {' to '.join(map(_words, way))}."
    for row in flows.rows():
        if row["both_ways"] == "yes":
            said += f" {_words(row['source'])} exchanges with {_words(row['target'])} by {row['label']}.".replace(
                "  ", " "
            )
        elif not row["target"]:
            said += f" {_words(row['source'])} loses drug by {row['label']}."
    return f"{said} Measured: {in_words([level])}."
