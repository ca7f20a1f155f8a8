"""A layered layout from top to bottom for a graph without coordinates, without a system program.

The four steps of Sugiyama, Tagawa and Toda 1981 (IEEE Trans Syst Man Cybern 11:109): edges that close a cycle are
turned round, nodes are put into ranks by their longest path, each rank is ordered by the middle of its neighbours in
sweeps, and each node is moved towards them as far as its rank allows. An edge over several ranks bends through an
empty place in each.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["LayeredLayout", "lay_out"]

_SWEEPS = 12
_GAP_X = 34.0
_GAP_Y = 62.0
_THREAD = 26.0  # width kept free for an edge that passes a rank


@dataclass(frozen=True, slots=True)
class LayeredLayout:
    """Places of nodes and bends of edges.

    Attributes
    ----------
    centres : mapping of str to (float, float)
        Pixels, y downwards.
    bends : tuple of tuple of (float, float)
        For each edge, in the order given.
    """

    centres: Mapping[str, tuple[float, float]]
    bends: tuple[tuple[tuple[float, float], ...], ...]


def lay_out(sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]]) -> LayeredLayout:
    """Lay out a graph.

    Parameters
    ----------
    sizes : mapping of str to (float, float)
        Width and height of each node, pixels.
    edges : sequence of (str, str)
        Pairs of nodes; an edge from a node to itself takes part in no rank.

    Returns
    -------
    LayeredLayout

    Examples
    --------
    >>> placed = lay_out({"a": (40, 20), "b": (40, 20)}, [("a", "b")])
    >>> placed.centres["a"][1] < placed.centres["b"][1]
    True
    """
    forward = _without_cycles(tuple(sizes), edges)
    rank = _ranks(tuple(sizes), forward)
    widths = {name: size[0] for name, size in sizes.items()}
    links, threads = _threaded(forward, rank, widths)
    order = _ordered(rank, links)
    x = _placed(order, widths, links)
    heights = [max(sizes[n][1] for n in row if n in sizes) for row in order]
    y, top = [], 0.0
    for height in heights:
        y.append(top + height / 2)
        top += height + _GAP_Y
    centres = {name: (x[name], y[rank[name]]) for name in sizes}
    bends = []
    for pair, thread in zip(edges, threads, strict=True):
        turned = bool(thread) and rank[pair[0]] > rank[pair[1]]
        points = tuple((x[node], y[rank[node]]) for node in thread)
        bends.append(points[::-1] if turned else points)
    return LayeredLayout(centres, tuple(bends))


def _without_cycles(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Edges with those that close a cycle turned round, in the order given."""
    after: dict[str, list[str]] = {node: [] for node in nodes}
    for a, b in edges:
        after[a].append(b)
    state: dict[str, int] = {}
    back: set[tuple[str, str]] = set()
    for root in nodes:
        stack = [(root, iter(after[root]))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            node, following = stack[-1]
            target = next(following, None)
            if target is None:
                state[node] = 2
                stack.pop()
            elif state.get(target) == 1:
                back.add((node, target))
            elif target not in state:
                state[target] = 1
                stack.append((target, iter(after[target])))
    return [(b, a) if (a, b) in back else (a, b) for a, b in edges]


def _ranks(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Rank by the longest path; a source is then moved down to just above its nearest target."""
    rank = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for a, b in edges:
            if a != b:
                rank[b] = max(rank[b], rank[a] + 1)
    targets = {b for a, b in edges if a != b}
    for node in nodes:
        below = [rank[b] for a, b in edges if a == node and a != b]
        if node not in targets and below:
            rank[node] = min(below) - 1
    return rank


def _threaded(
    edges: Sequence[tuple[str, str]], rank: dict[str, int], widths: dict[str, float]
) -> tuple[list[tuple[str, str]], list[tuple[str, ...]]]:
    """Links between neighbouring ranks, and the empty places that each edge passes; adds them to rank and widths."""
    links, threads = [], []
    for number, (a, b) in enumerate(edges):
        places = [f"\0{number}.{level}" for level in range(rank[a] + 1, rank[b])]
        for level, place in enumerate(places, start=rank[a] + 1):
            rank[place], widths[place] = level, _THREAD
        chain = [a, *places, b]
        links += [pair for pair in itertools.pairwise(chain) if a != b]
        threads.append(tuple(places))
    return links, threads


def _ordered(rank: Mapping[str, int], links: Sequence[tuple[str, str]]) -> list[list[str]]:
    rows: list[list[str]] = [[] for _ in range(max(rank.values()) + 1)]
    for node, level in rank.items():
        rows[level].append(node)
    best, fewest = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in rows[1:] if down else rows[-2::-1]:
            place = {node: at for other in rows for at, node in enumerate(other)}
            middle = {node: _middle(node, place, links, down=down) for node in row}
            row.sort(key=lambda node, m=middle: m[node])  # type: ignore[misc]
        crossings = _crossings(rows, links)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _middle(node: str, place: Mapping[str, float], links: Sequence[tuple[str, str]], *, down: bool) -> float:
    others = [place[a] for a, b in links if b == node] if down else [place[b] for a, b in links if a == node]
    return sum(others) / len(others) if others else place[node]


def _crossings(rows: Sequence[Sequence[str]], links: Sequence[tuple[str, str]]) -> int:
    place = {node: at for row in rows for at, node in enumerate(row)}
    level = {node: at for at, row in enumerate(rows) for node in row}
    count = 0
    for at, (a, b) in enumerate(links):
        for c, d in links[at + 1 :]:
            count += level[a] == level[c] and (place[a] - place[c]) * (place[b] - place[d]) < 0
    return count


def _placed(
    rows: Sequence[Sequence[str]], widths: Mapping[str, float], links: Sequence[tuple[str, str]]
) -> dict[str, float]:
    """Horizontal centres: each node as near to the middle of its neighbours as its own rank lets it."""
    x: dict[str, float] = {}
    for row in rows:
        left = 0.0
        for node in row:
            x[node] = left + widths[node] / 2
            left += widths[node] + _GAP_X
    for sweep in range(2 * _SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = {}
            for node in row:
                others = [x[a] for a, b in links if b == node] + [x[b] for a, b in links if a == node]
                wanted[node] = sum(others) / len(others) if others else x[node]
            _spread(row, wanted, widths, x)
    least = min(x[node] - widths[node] / 2 for node in x)
    return {node: value - least for node, value in x.items()}


def _spread(row: Sequence[str], wanted: Mapping[str, float], widths: Mapping[str, float], x: dict[str, float]) -> None:
    """Put a rank where it wants to be without overlaps: the mean of pushing from the left and from the right."""
    from_left, edge = [], -float("inf")
    for node in row:
        centre = max(wanted[node], edge + widths[node] / 2)
        from_left.append(centre)
        edge = centre + widths[node] / 2 + _GAP_X
    from_right, edge = [], float("inf")
    for node in reversed(row):
        centre = min(wanted[node], edge - widths[node] / 2)
        from_right.append(centre)
        edge = centre - widths[node] / 2 - _GAP_X
    for node, a, b in zip(row, from_left, reversed(from_right), strict=True):
        x[node] = (a + b) / 2
