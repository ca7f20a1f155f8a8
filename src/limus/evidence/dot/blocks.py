"""DOT blocks of a text: between fences or bare, also where one graph was cut into several fences."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["DotBlock", "find_blocks"]

_HEAD = re.compile(
    r'(?:^|(?<=[\s;}]))(?:strict\s+)?(?P<word>di)?graph\b\s*(?P<name>"(?:[^"\\]|\\.)*"|[\w.]+)?\s*\{', re.IGNORECASE
)
_FENCE = re.compile(r"^\s*(```+|~~~+).*$")


@dataclass(frozen=True, slots=True)
class DotBlock:
    """A graph as it stands in a text.

    Attributes
    ----------
    text : str
        From ``graph`` to its closing brace, or to where the text ends; fences are blank lines.
    line : int
        Of its first line, from 1.
    fences : int
        How many fences stand inside it.
    closed : bool
        Whether its braces balance.
    """

    text: str
    line: int
    fences: int
    closed: bool


def find_blocks(text: str) -> tuple[DotBlock, ...]:
    r"""Find the DOT blocks of a text.

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of DotBlock
        In order.

    Examples
    --------
    >>> [block.line for block in find_blocks("See below.\n\ndigraph g { a -> b; }")]
    [3]
    """
    lines = text.splitlines(keepends=True)
    fence_at = [at for at, line in enumerate(lines) if _FENCE.match(line)]
    outside, inside_only = _masked(lines, fence_at)
    blocks = []
    end = 0
    for match in _HEAD.finditer(outside):
        if match.start() < end:
            continue
        first = outside.count("\n", 0, match.start())
        in_fence = sum(at < first for at in fence_at) % 2 == 1
        whole = inside_only if in_fence else outside
        close = _closing_brace(whole, match.end())
        end = _cut(outside, match.start(), fence_at, lines) if close is None else close
        last = outside.count("\n", 0, end)
        inside = sum(first < at < last for at in fence_at)
        blocks.append(DotBlock(whole[match.start() : end], first + 1, inside, close is not None))
    return tuple(blocks)


def _masked(lines: list[str], fence_at: list[int]) -> tuple[str, str]:
    """The text with its fences blanked, and with all that stands outside of fences blanked too; offsets are kept."""
    outside, inside_only = [], []
    for at, line in enumerate(lines):
        blank = re.sub(r"[^\n]", " ", line)
        within = sum(fence < at for fence in fence_at) % 2 == 1
        outside.append(blank if at in fence_at else line)
        inside_only.append(line if within and at not in fence_at else blank)
    return "".join(outside), "".join(inside_only)


def _closing_brace(text: str, start: int) -> int | None:
    """Return where the graph that opened before ``start`` ends; braces in quotes do not count."""
    depth, quoted = 1, False
    for at in range(start, len(text)):
        char = text[at]
        if char == '"' and text[at - 1] != "\\":
            quoted = not quoted
        elif not quoted and char == "{":
            depth += 1
        elif not quoted and char == "}":
            depth -= 1
            if depth == 0:
                return at + 1
    return None


def _cut(text: str, start: int, fence_at: list[int], lines: list[str]) -> int:
    """Return the end of a graph that is never closed: its fence's end, the next graph, or the end of the text."""
    following = _HEAD.search(text, start + 5)
    limit = following.start() if following else len(text)
    first = text.count("\n", 0, start)
    closing = next((at for at in fence_at if at > first), None)
    if closing is not None:
        limit = min(limit, sum(map(len, lines[:closing])))
    return limit
