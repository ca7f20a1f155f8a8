"""The CONSORT 2025 flow diagram, drawn from counts: enrolment, allocation, follow-up, analysis.

The table of the figure has one line of text a row, in reading order:

=========  =======================================================================================
``stage``  ``enrolment``, ``excluded``, ``randomised``, ``allocation``, ``follow-up``, ``analysis``
``arm``    code; empty for the boxes that all arms share
``text``   the words
``n``      the count
``level``  0 for the first line of a box, 1 for a line below it, 2 for a reason
=========  =======================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from limus.kernel.tables import Table
from limus.report.diagram.geometry import text_width
from limus.report.diagram.symbols import draw_text, number
from limus.report.figures.base import Drawing, require_columns, unique_texts

__all__ = ["draw_trial_flow"]

_SIZE = 12.5
_LINE = 17.0
_PAD = 9.0
_GAP = 30.0
_BETWEEN = 26.0
_INDENT = 13.0
_LABEL_WIDTH = 26.0
_NARROWEST = 190.0
_WIDEST = 330.0
_STAGES = ("allocation", "follow-up", "analysis")
_BANDS = {"enrolment": "Enrolment", "allocation": "Allocation", "follow-up": "Follow-up", "analysis": "Analysis"}


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    level: int
    bold: bool

    @property
    def width(self) -> float:
        """Width of the words; bold letters are a tenth wider."""
        return text_width(self.text, _SIZE) * (1.12 if self.bold else 1.03)


@dataclass(frozen=True, slots=True)
class _Box:
    lines: tuple[_Line, ...]
    width: float

    @property
    def height(self) -> float:
        return 2.0 * _PAD + _LINE * len(self.lines)


def draw_trial_flow(data: Table) -> Drawing:
    """Draw the flow of a trial.

    Parameters
    ----------
    data : Table
        As the module says.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueRangeError
        A column is missing, or the table is empty.
    """
    require_columns(data, ("stage", "arm", "text", "n", "level"), "flow of a trial")
    arms = [arm for arm in unique_texts(data["arm"]) if arm]
    boxes = {(arm, stage): _box(data, stage, arm) for arm in arms for stage in _STAGES}
    width = max(box.width for box in boxes.values())
    left = _LABEL_WIDTH + 14.0
    total = left + len(arms) * width + (len(arms) - 1) * _BETWEEN + 4.0
    centre = left + (total - 4.0 - left) / 2.0
    parts: list[str] = []
    y = 4.0
    top = y
    screened, excluded, randomised = (_box(data, stage, "") for stage in ("enrolment", "excluded", "randomised"))
    if screened.lines:
        parts.append(_draw_box(screened, centre - screened.width / 2.0, y))
        y += screened.height
        if excluded.lines:
            branch = y + 0.5 * (excluded.height + 2.0 * _GAP)
            beside = centre + 22.0
            total = max(total, beside + excluded.width + 4.0)
            parts.append(_arrow([(centre, branch), (beside, branch)]))
            parts.append(_draw_box(excluded, beside, branch - excluded.height / 2.0))
            parts.append(_arrow([(centre, y), (centre, y + excluded.height + 2.0 * _GAP)]))
            y += excluded.height + 2.0 * _GAP
        else:
            parts.append(_arrow([(centre, y), (centre, y + _GAP)]))
            y += _GAP
    parts.append(_draw_box(randomised, centre - randomised.width / 2.0, y))
    y += randomised.height
    bands = [("enrolment", top, y)]
    middles = [left + k * (width + _BETWEEN) + width / 2.0 for k in range(len(arms))]
    parts += _fork(centre, middles, y, y + 1.4 * _GAP)
    y += 1.4 * _GAP
    for stage in _STAGES:
        row = [_widened(boxes[arm, stage], width) for arm in arms]
        height = max(box.height for box in row)
        for middle, box in zip(middles, row, strict=True):
            parts.append(_draw_box(box, middle - width / 2.0, y, height))
            if stage != _STAGES[-1]:
                parts.append(_arrow([(middle, y + height), (middle, y + height + _GAP)]))
        bands.append((stage, y, y + height))
        y += height + _GAP
    height = y - _GAP + 4.0
    alt = _describe(data, arms)
    return Drawing(_document(parts, bands, total, height, alt), alt, data)


def _box(data: Table, stage: str, arm: str) -> _Box:
    rows = data.where((data["stage"] == stage) & (data["arm"] == arm))
    lines: list[_Line] = []
    for row in rows.rows():
        level = int(row["level"])
        words = f"{row['text']} (n = {row['n']:.0f})"
        bold = level == 0
        room = (_WIDEST - 2.0 * _PAD - level * _INDENT) / (1.12 if bold else 1.03)
        lines += [_Line(part, level + (1 if k else 0), bold) for k, part in enumerate(_wrapped(words, room))]
    longest = max((line.width + line.level * _INDENT for line in lines), default=0.0)
    return _Box(tuple(lines), max(_NARROWEST, longest + 2.0 * _PAD))


def _wrapped(words: str, room: float) -> list[str]:
    """Break a line at blanks so that it has room; the count stays whole."""
    head, _, tail = words.rpartition(" (")
    pieces = [*head.split(" "), f"({tail}"]
    lines = [pieces[0]]
    for piece in pieces[1:]:
        longer = f"{lines[-1]} {piece}"
        if text_width(longer, _SIZE) <= room:
            lines[-1] = longer
        else:
            lines.append(piece)
    return lines


def _widened(box: _Box, width: float) -> _Box:
    return _Box(box.lines, width)


def _draw_box(box: _Box, x: float, y: float, height: float | None = None) -> str:
    tall = box.height if height is None else height
    parts = [
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(box.width)}" height="{number(tall)}" rx="3" '
        f'fill="#ffffff" stroke="#57606a" stroke-width="1.1"/>'
    ]
    for k, line in enumerate(box.lines):
        weight = ' font-weight="bold"' if line.bold else ""
        at = x + _PAD + line.level * _INDENT
        parts.append(draw_text(line.text, at, y + _PAD + (k + 0.5) * _LINE, size=_SIZE, anchor="start", extra=weight))
    return "".join(parts)


def _arrow(points: Sequence[tuple[float, float]]) -> str:
    """A line with a head at its end."""
    path = "M" + " L".join(f"{number(x)} {number(y)}" for x, y in points)
    (x0, y0), (x1, y1) = points[-2:]
    dx, dy = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
    head = [(x1, y1), (x1 - 8.0 * dx - 4.0 * dy, y1 - 8.0 * dy - 4.0 * dx)]
    head.append((x1 - 8.0 * dx + 4.0 * dy, y1 - 8.0 * dy + 4.0 * dx))
    corners = " ".join(f"{number(x)},{number(y)}" for x, y in head)
    line = f'<path d="{path}" stroke="#57606a" stroke-width="1.3" fill="none"/>'
    return f'{line}<polygon points="{corners}" fill="#57606a"/>'


def _fork(centre: float, middles: Sequence[float], top: float, bottom: float) -> list[str]:
    bend = top + (bottom - top) * 0.45
    return [_arrow([(centre, top), (centre, bend), (middle, bend), (middle, bottom)]) for middle in middles]


def _document(
    parts: Sequence[str], bands: Sequence[tuple[str, float, float]], width: float, height: float, alt: str
) -> str:
    labels = []
    for stage, top, bottom in bands:
        if bottom - top < text_width(_BANDS[stage], _SIZE):
            continue
        middle = (top + bottom) / 2.0
        labels.append(
            f'<rect x="4" y="{number(top)}" width="{number(_LABEL_WIDTH)}" height="{number(bottom - top)}" rx="3" '
            f'fill="#dfeaf4" stroke="#a9b3be"/>'
            f'<text x="{number(4 + _LABEL_WIDTH / 2)}" y="{number(middle)}" font-size="{number(_SIZE)}" '
            f'text-anchor="middle" dominant-baseline="middle" font-weight="bold" '
            f'transform="rotate(-90 {number(4 + _LABEL_WIDTH / 2)} {number(middle)})">{escape(_BANDS[stage])}</text>'
        )
    size = f'width="{number(width)}" height="{number(height)}" viewBox="0 0 {number(width)} {number(height)}"'
    about = f'font-family="DejaVu Sans" role="img" aria-label={quoteattr(alt)}'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {about}>'
    return "\n".join([head, f"<desc>{escape(alt)}</desc>", *labels, *parts, "</svg>"]) + "\n"


def _describe(data: Table, arms: Sequence[str]) -> str:
    said = []
    for row in data.rows():
        if row["arm"] or int(row["level"]):
            continue
        said.append(f"{row['text'].lower()} {row['n']:.0f}")
    for arm in arms:
        rows = [row for row in data.rows() if row["arm"] == arm and int(row["level"]) < 2]
        words = ", ".join(f"{row['text'][:1].lower()}{row['text'][1:]} {row['n']:.0f}" for row in rows)
        said.append(f"arm {arm}: {words}")
    return "Flow of participants. " + "; ".join(said) + "."
