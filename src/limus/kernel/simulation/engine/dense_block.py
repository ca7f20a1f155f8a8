"""LU of a dense block of tiles, and its triangular systems, in loops whose values stay in registers.

A tile is 4 x 4 entries, each a vector. In the signs of :mod:`limus.kernel.simulation.engine.elimination`, tile (I, J)
of the factors is

    A_IJ + sum_{P < min(I, J)} L_IP U_PJ,

then solved with the diagonal tile I where I < J, and J where I > J. A product of two tiles is 64 multiplications for 32
loads, so the processor computes all the time, and the code is the same few hundred instructions whatever the size.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from limus.kernel.simulation.engine.factor_layout import TILE
from limus.kernel.simulation.engine.lanes import INDEX, Lanes

__all__ = ["write_dense_factorise", "write_dense_solve"]

_TILE_SIZE = TILE * TILE
Tile = list[ir.Value]


class _Block:
    """Addresses of tiles, and arithmetic on them."""

    def __init__(self, lanes: Lanes, array: ir.Value, tiles: int) -> None:
        self.lanes, self.b, self.array, self.tiles = lanes, lanes.builder, array, tiles
        self.half = tiles * (tiles - 1) // 2

    def number(self, value: int) -> ir.Constant:
        return ir.Constant(INDEX, value)

    def _triangle(self, k: ir.Value) -> ir.Value:
        """Return k (k - 1) / 2."""
        return self.b.lshr(self.b.mul(k, self.b.sub(k, self.number(1))), self.number(1))

    def tile(self, number: ir.Value) -> ir.Value:
        return self.lanes.at(self.array, self.b.mul(number, self.number(_TILE_SIZE)))

    def below(self, row: ir.Value) -> ir.Value:
        """The first tile of a row, left of the diagonal."""
        return self.tile(self._triangle(row))

    def diagonal(self, k: ir.Value) -> ir.Value:
        return self.tile(self.b.add(k, self.number(self.half)))

    def above(self, column: ir.Value) -> ir.Value:
        """The first tile of a column, above the diagonal."""
        return self.tile(self.b.add(self._triangle(column), self.number(self.half + self.tiles)))

    def following(self, first: ir.Value, k: ir.Value) -> ir.Value:
        """Tile k after one."""
        return self.lanes.at(first, self.b.mul(k, self.number(_TILE_SIZE)))

    def load(self, place: ir.Value) -> Tile:
        return [self.lanes.load(place, k) for k in range(_TILE_SIZE)]

    def store(self, values: Sequence[ir.Value], place: ir.Value) -> None:
        for k, value in enumerate(values):
            self.lanes.store(value, place, k)

    def complete(self, place: ir.Value, left: ir.Value, above: ir.Value, count: ir.Value) -> Tile:
        """A tile plus the products of ``count`` tiles of a row of L with as many of a column of U."""
        lanes = self.lanes

        def body(p: ir.Value, values: Sequence[ir.Value]) -> Tile:
            own, other = self.following(left, p), self.following(above, p)
            values = list(values)
            for q in range(TILE):
                right = [lanes.load(other, q * TILE + c) for c in range(TILE)]
                for r in range(TILE):
                    factor = lanes.load(own, r * TILE + q)
                    for c in range(TILE):
                        values[r * TILE + c] = lanes.multiply_add(factor, right[c], values[r * TILE + c])
            return values

        return lanes.fold(count, self.load(place), body)


def write_dense_factorise(lanes: Lanes, tiles: int) -> ir.Function:
    """Write ``dense_factorise(block)``.

    Parameters
    ----------
    lanes : Lanes
    tiles : int
        Along one side.

    Returns
    -------
    llvmlite.ir.Function
    """
    function = lanes.function("dense_factorise", 1)
    block = _Block(lanes, function.args[0], tiles)
    one, b = block.number(1), lanes.builder
    with lanes.count(block.number(tiles)) as k:
        row, column, diagonal = block.below(k), block.above(k), block.diagonal(k)
        own = _factorised(lanes, block.complete(diagonal, row, column, k))
        block.store(own, diagonal)
        rest = b.sub(b.sub(block.number(tiles), k), one)
        with lanes.count(rest) as i:
            j = b.add(b.add(k, one), i)
            above = block.above(j)
            place = block.following(above, k)
            block.store(_under_lower(lanes, own, block.complete(place, row, above, k)), place)
            below = block.below(j)
            place = block.following(below, k)
            block.store(_over_upper(lanes, own, block.complete(place, below, column, k)), place)
    lanes.builder.ret_void()
    return function


def _factorised(lanes: Lanes, a: Tile) -> Tile:
    """LU of one tile."""
    a = list(a)
    for p in range(TILE):
        a[p * TILE + p] = lanes.divide(lanes.number(-1.0), a[p * TILE + p])
        for r in range(p + 1, TILE):
            a[r * TILE + p] = lanes.multiply(a[r * TILE + p], a[p * TILE + p])
            for c in range(p + 1, TILE):
                a[r * TILE + c] = lanes.multiply_add(a[r * TILE + p], a[p * TILE + c], a[r * TILE + c])
    return a


def _under_lower(lanes: Lanes, diagonal: Tile, a: Tile) -> Tile:
    """Solve L X = A."""
    x = list(a)
    for p in range(TILE):
        for r in range(p + 1, TILE):
            for c in range(TILE):
                x[r * TILE + c] = lanes.multiply_add(diagonal[r * TILE + p], x[p * TILE + c], x[r * TILE + c])
    return x


def _over_upper(lanes: Lanes, diagonal: Tile, a: Tile) -> Tile:
    """Solve X U = A."""
    x = list(a)
    for p in range(TILE):
        for r in range(TILE):
            x[r * TILE + p] = lanes.multiply(x[r * TILE + p], diagonal[p * TILE + p])
            for c in range(p + 1, TILE):
                x[r * TILE + c] = lanes.multiply_add(x[r * TILE + p], diagonal[p * TILE + c], x[r * TILE + c])
    return x


def write_dense_solve(lanes: Lanes, tiles: int, sides: int) -> ir.Function:
    """Write ``dense_solve_<sides>(block, x, ...)``: both triangular systems, for each right-hand side in place.

    Parameters
    ----------
    lanes : Lanes
    tiles : int
    sides : int
        How many right-hand sides: an entry is fetched once for all.

    Returns
    -------
    llvmlite.ir.Function
    """
    function = lanes.function(f"dense_solve_{sides}", 1 + sides)
    block, vectors = _Block(lanes, function.args[0], tiles), function.args[1:]
    b, every = lanes.builder, range(TILE)

    def parts(k: ir.Value) -> list[ir.Value]:
        return [lanes.at(x, b.mul(k, block.number(TILE))) for x in vectors]

    with lanes.count(block.number(tiles)) as k:
        below, own = block.below(k), parts(k)

        def add(p: ir.Value, values: Sequence[ir.Value], below: ir.Value = below) -> Sequence[ir.Value]:
            tile, others = block.following(below, p), parts(p)
            values = list(values)
            for q in every:
                known = [lanes.load(other, q) for other in others]
                for r in every:
                    entry = lanes.load(tile, r * TILE + q)
                    for side in range(sides):
                        total = values[side * TILE + r]
                        values[side * TILE + r] = lanes.multiply_add(entry, known[side], total)
            return values

        values = lanes.fold(k, [lanes.load(place, r) for place in own for r in every], add)
        diagonal = block.diagonal(k)
        for side in range(sides):
            x = values[side * TILE : (side + 1) * TILE]
            for p in every:
                for r in range(p + 1, TILE):
                    x[r] = lanes.multiply_add(lanes.load(diagonal, r * TILE + p), x[p], x[r])
            block.store(x, own[side])
    with lanes.count(block.number(tiles)) as i:
        k = b.sub(block.number(tiles - 1), i)
        above, own, diagonal = block.above(k), parts(k), block.diagonal(k)
        known = [[lanes.load(place, r) for r in every] for place in own]
        for x, place in zip(known, own, strict=True):
            for p in reversed(every):
                x[p] = lanes.multiply(x[p], lanes.load(diagonal, p * TILE + p))
                for r in range(p):
                    x[r] = lanes.multiply_add(lanes.load(diagonal, r * TILE + p), x[p], x[r])
            block.store(x, place)
        with lanes.count(k) as p:
            tile, others = block.following(above, p), parts(p)
            for r in every:
                entries = [lanes.load(tile, r * TILE + q) for q in every]
                for x, other in zip(known, others, strict=True):
                    total = lanes.load(other, r)
                    for q in every:
                        total = lanes.multiply_add(entries[q], x[q], total)
                    lanes.store(total, other, r)
    lanes.builder.ret_void()
    return function
