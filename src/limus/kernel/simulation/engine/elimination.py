"""Sparse LU without pivoting, worked out once on the pattern: which entries fill, and in which order to eliminate.

The matrix is W = I/(gamma h) - J. It has a full diagonal which small steps make dominant, so no pivoting is needed; the
step-size control sees a bad factorisation as a large error. The order is the best that greedy rules find: each takes
the pivot that fills least, with some weight for Markowitz' product of what stands beside and below it.

What is factorised is -W, because the entries of J then stand in it as they are. For pivot p, in the place of its
diagonal d comes n = -1/d, and below it, in row i, l = a_ip n; then a_ij <- a_ij + l a_pj. W x = b is solved by

    z_i = b_i + sum_{p before i} l_ip z_p,    x_p = n_p (z_p + sum_{j after p} u_pj x_j),

multiplications and additions only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

__all__ = ["Elimination", "plan_elimination"]

_WEIGHTS = (0.1, 0.0, 0.05, 0.2, 0.3, 1.0)
_MOST_FOR_ALL = 300  # states, beyond which one rule has to do


@dataclass(frozen=True, slots=True)
class Elimination:
    """The plan of a factorisation.

    Attributes
    ----------
    order : tuple of int
        Pivot k eliminates state ``order[k]``.
    lower : tuple of tuple of int
        For each pivot, the states below it in its column.
    upper : tuple of tuple of int
        For each pivot, the states right of it in its row.
    """

    order: tuple[int, ...]
    lower: tuple[tuple[int, ...], ...]
    upper: tuple[tuple[int, ...], ...]

    @property
    def products(self) -> int:
        """How many multiplications the factorisation takes."""
        return sum(len(below) * len(right) for below, right in zip(self.lower, self.upper, strict=True))

    @property
    def entries(self) -> tuple[tuple[int, int], ...]:
        """Every (row, column) of the factors, diagonal included, in the order of elimination."""
        found: list[tuple[int, int]] = []
        for pivot, below, right in zip(self.order, self.lower, self.upper, strict=True):
            found.append((pivot, pivot))
            found += [(row, pivot) for row in below]
            found += [(pivot, column) for column in right]
        return tuple(found)


def plan_elimination(size: int, places: Iterable[tuple[int, int]]) -> Elimination:
    """Plan the factorisation of a matrix with a full diagonal.

    Parameters
    ----------
    size : int
        Number of states.
    places : iterable of (int, int)
        Row and column of each entry that may differ from zero.

    Returns
    -------
    Elimination
        The best that a few rules find.
    """
    rows, columns = [1 << i for i in range(size)], [1 << i for i in range(size)]
    for i, j in places:
        rows[i] |= 1 << j
        columns[j] |= 1 << i
    weights = _WEIGHTS if size <= _MOST_FOR_ALL else _WEIGHTS[:1]
    return min((_Greedy(rows, columns, weight).plan() for weight in weights), key=lambda plan: plan.products)


class _Greedy:
    """Takes the pivot with the least fill plus ``weight`` times Markowitz' product, one after the other.

    A row is a whole number with the bit of each state in it; so is a column.
    """

    def __init__(self, rows: list[int], columns: list[int], weight: float) -> None:
        self.rows, self.columns, self.weight = list(rows), list(columns), weight
        self.scores = [self._score(i) for i in range(len(rows))]
        self.queue = [(score, i) for i, score in enumerate(self.scores)]
        heapify(self.queue)

    def plan(self) -> Elimination:
        """Eliminate every state."""
        order: list[int] = []
        lower: list[tuple[int, ...]] = []
        upper: list[tuple[int, ...]] = []
        done = [False] * len(self.rows)
        while self.queue:
            score, pivot = heappop(self.queue)
            if done[pivot] or score != self.scores[pivot]:
                continue
            done[pivot] = True
            below, right = self._eliminate(pivot)
            order.append(pivot)
            lower.append(below)
            upper.append(right)
        return Elimination(tuple(order), tuple(lower), tuple(upper))

    def _eliminate(self, pivot: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        own = ~(1 << pivot)
        row, column = self.rows[pivot] & own, self.columns[pivot] & own
        below, right = _bits(column), _bits(row)
        changed = row | column
        for i in below:
            self.rows[i] = (self.rows[i] & own) | row
            changed |= self.rows[i]
        for j in right:
            self.columns[j] = (self.columns[j] & own) | column
        for k in _bits(changed):
            score = self._score(k)
            if score != self.scores[k]:
                self.scores[k] = score
                heappush(self.queue, (score, k))
        return below, right

    def _score(self, k: int) -> float:
        own = ~(1 << k)
        row, column = self.rows[k] & own, self.columns[k] & own
        fill = sum((row & ~self.rows[i]).bit_count() for i in _bits(column))
        return fill + self.weight * row.bit_count() * column.bit_count()


def _bits(number: int) -> tuple[int, ...]:
    """Places of the bits that are set."""
    found = []
    while number:
        low = number & -number
        found.append(low.bit_length() - 1)
        number ^= low
    return tuple(found)
