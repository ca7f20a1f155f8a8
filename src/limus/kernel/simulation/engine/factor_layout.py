"""Where the entries of a large factorisation stand, so that loops find them.

The first pivots have few neighbours and are eliminated one by one. Those that are left at the end have nearly all of
each other as neighbours: they form a dense block, kept as tiles of 4 x 4 entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from limus.kernel.simulation.engine.elimination import Elimination

__all__ = ["TILE", "FactorLayout", "lay_out_factors", "tile_start"]

TILE = 4
# processor cycles, as measured: a product in a loop over indices, one in the dense block, what a pivot takes
_SPARSE, _DENSE, _PIVOT = 4.0, 1.1, 40.0


@dataclass(frozen=True, slots=True)
class FactorLayout:
    """Places of the entries of L and U in one array of vectors.

    Attributes
    ----------
    plan : Elimination
    sparse : int
        How many pivots are eliminated one by one.
    places : mapping of (int, int) to int
        Place of each entry by its states: of the plan, and of all pairs in the dense block.
    rows_below : tuple of tuple of int
        For each pivot in order, the states left of it in its row of L that were eliminated one by one.
    lower, upper, dense, rest : int
        Where L's rows begin, U's rows in reverse order with the diagonal last, the tiles, and room for two vectors.
    size : int
    """

    plan: Elimination
    sparse: int
    places: Mapping[tuple[int, int], int]
    rows_below: tuple[tuple[int, ...], ...]
    lower: int
    upper: int
    dense: int
    rest: int
    size: int

    @property
    def tiles(self) -> int:
        """Tiles along one side of the dense block."""
        return (len(self.plan.order) - self.sparse) // TILE


def tile_start(row: int, column: int, tiles: int) -> int:
    """Place of a tile: those below the diagonal row by row, the diagonal, those above column by column.

    Parameters
    ----------
    row, column, tiles : int

    Returns
    -------
    int
    """
    half = tiles * (tiles - 1) // 2
    if row > column:
        number = row * (row - 1) // 2 + column
    elif row == column:
        number = half + row
    else:
        number = half + tiles + column * (column - 1) // 2 + row
    return number * TILE * TILE


def lay_out_factors(plan: Elimination) -> FactorLayout:
    """Give every entry its place.

    Parameters
    ----------
    plan : Elimination

    Returns
    -------
    FactorLayout
    """
    size = len(plan.order)
    sparse = _split(plan)
    rows: dict[int, list[int]] = {state: [] for state in plan.order}
    for pivot, below in zip(plan.order[:sparse], plan.lower, strict=False):
        for i in below:
            rows[i].append(pivot)
    places: dict[tuple[int, int], int] = {}
    for state in plan.order:
        for pivot in rows[state]:
            places[state, pivot] = len(places)
    upper = len(places)
    for pivot, right in zip(reversed(plan.order[:sparse]), reversed(plan.upper[:sparse]), strict=True):
        for j in (*right, pivot):
            places[pivot, j] = len(places)
    dense = len(places)
    tiles = (size - sparse) // TILE
    for a, i in enumerate(plan.order[sparse:]):
        for b, j in enumerate(plan.order[sparse:]):
            places[i, j] = dense + tile_start(a // TILE, b // TILE, tiles) + a % TILE * TILE + b % TILE
    return FactorLayout(
        plan=plan,
        sparse=sparse,
        places=places,
        rows_below=tuple(tuple(rows[state]) for state in plan.order),
        lower=0,
        upper=upper,
        dense=dense,
        rest=len(places),
        size=len(places) + 2 * (size - sparse),  # of two right-hand sides
    )


def _split(plan: Elimination) -> int:
    """How many pivots to eliminate one by one, for the least time."""
    size = len(plan.order)
    products = [len(below) * len(right) for below, right in zip(plan.lower, plan.upper, strict=True)]
    before = [0, *accumulate(products)]

    def time(sparse: int) -> float:
        left = size - sparse
        return _SPARSE * before[sparse] + _PIVOT * sparse + _DENSE * left**3 / 3.0 + 2.0 * _PIVOT * (left > 0)

    return min(range(size % TILE, size + 1, TILE), key=time) if size else 0
