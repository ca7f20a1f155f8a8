"""Sparse LU without pivoting, worked out once on the pattern: which entries fill, and in which order to eliminate.

The matrix is 1/(gamma h) I - J. It has a full diagonal which small steps make dominant, so no pivoting is needed; the
step-size control sees a bad factorisation as a large error. The order is Markowitz' minimum degree on the diagonal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Elimination", "plan_elimination"]


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
    """
    rows: list[set[int]] = [{i} for i in range(size)]
    columns: list[set[int]] = [{i} for i in range(size)]
    for i, j in places:
        rows[i].add(j)
        columns[j].add(i)
    left = set(range(size))
    order, lower, upper = [], [], []
    while left:
        pivot = min(left, key=lambda i: ((len(rows[i]) - 1) * (len(columns[i]) - 1), i))
        left.remove(pivot)
        below = sorted(columns[pivot] - {pivot})
        right = sorted(rows[pivot] - {pivot})
        for i in below:
            rows[i].discard(pivot)
            rows[i].update(right)
        for j in right:
            columns[j].discard(pivot)
            columns[j].update(below)
        order.append(pivot)
        lower.append(tuple(below))
        upper.append(tuple(right))
    return Elimination(tuple(order), tuple(lower), tuple(upper))
