"""Factorisation and solution of a large W, in loops over tables of places: code that does not grow with the model.

The formulae are those of :mod:`limus.kernel.simulation.engine.elimination`. Pivots with few neighbours come one by one
here; the rest is the dense block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from llvmlite import ir

from limus.kernel.simulation.engine.dense_block import write_dense_factorise, write_dense_solve
from limus.kernel.simulation.engine.factor_layout import TILE, FactorLayout
from limus.kernel.simulation.engine.lanes import INDEX, Lanes

__all__ = ["write_clear", "write_eliminate", "write_looped_solve"]

Values: TypeAlias = Sequence[ir.Value]


def _whole(value: int) -> ir.Constant:
    return ir.Constant(INDEX, value)


def write_clear(lanes: Lanes, layout: FactorLayout, filled: Iterable[tuple[int, int]]) -> ir.Function:
    """Write ``clear(factors)``: zeros in all places but those that are filled anyway.

    Parameters
    ----------
    lanes : Lanes
    layout : FactorLayout
    filled : iterable of (int, int)
        Row and column of the entries that are written every time.

    Returns
    -------
    llvmlite.ir.Function
    """
    empty = sorted(set(layout.places.values()) - {layout.places[place] for place in filled})
    table = lanes.short_table("empty_places", empty)
    function = lanes.function("clear", 1)
    with lanes.count(_whole(len(empty))) as i:
        lanes.store(lanes.number(0.0), function.args[0], lanes.entry(table, i))
    lanes.builder.ret_void()
    return function


def write_eliminate(lanes: Lanes, layout: FactorLayout) -> ir.Function:
    """Write ``eliminate(factors)``, from the entries of -W to its factors.

    Parameters
    ----------
    lanes : Lanes
    layout : FactorLayout

    Returns
    -------
    llvmlite.ir.Function
    """
    dense = write_dense_factorise(lanes, layout.tiles) if layout.tiles else None
    return _Eliminate(lanes, layout).write(dense)


class _Eliminate:
    """Writes the elimination of one pivot after the other.

    There is code for every width that a pivot's row has: the row stays in registers while it is added to others.
    """

    def __init__(self, lanes: Lanes, layout: FactorLayout) -> None:
        self.lanes, self.layout = lanes, layout
        plan, places = layout.plan, layout.places
        steps = list(zip(plan.order, plan.lower, plan.upper, strict=True))[: layout.sparse]
        self.diagonals = lanes.short_table("pivot_places", [places[pivot, pivot] for pivot, _, _ in steps])
        self.heights = lanes.short_table("pivot_heights", [len(below) for _, below, _ in steps])
        self.widths = lanes.short_table("pivot_widths", [len(right) for _, _, right in steps])
        self.belows = lanes.short_table("pivot_rows", [places[i, pivot] for pivot, below, _ in steps for i in below])
        goals = [places[i, j] for _, below, right in steps for i in below for j in right]
        self.goals = lanes.short_table("pivot_goals", [8 * lanes.width * goal for goal in goals])  # in bytes
        self.all_widths = sorted({len(right) for _, _, right in steps})

    def write(self, dense: ir.Function | None) -> ir.Function:
        lanes, layout = self.lanes, self.layout
        function = lanes.function("eliminate", 1)
        self.factors = function.args[0]
        lanes.fold(_whole(layout.sparse), [_whole(0), _whole(0)], self._pivot)
        if dense is not None:
            lanes.builder.call(dense, [lanes.at(self.factors, layout.dense)])
        lanes.builder.ret_void()
        return function

    def _pivot(self, k: ir.Value, running: Values) -> Values:
        lanes, b = self.lanes, self.lanes.builder
        below, goal = running
        place, height, width = (lanes.entry(table, k) for table in (self.diagonals, self.heights, self.widths))
        inverse = lanes.divide(lanes.number(-1.0), lanes.load(self.factors, place))
        lanes.store(inverse, self.factors, place)
        after = b.append_basic_block("after")
        by_width = b.switch(width, after)
        for one in self.all_widths:
            block = b.append_basic_block(f"width.{one}")
            by_width.add_case(_whole(one), block)
            b.position_at_end(block)
            right = [lanes.load(self.factors, b.add(b.sub(place, width), _whole(j))) for j in range(one)]
            self._rows(inverse, right, height, below, goal)
            b.branch(after)
        b.position_at_end(after)
        return b.add(below, height), b.add(goal, b.mul(height, width))

    def _rows(
        self, inverse: ir.Value, right: Sequence[ir.Value], height: ir.Value, below: ir.Value, goal: ir.Value
    ) -> None:
        """Add a pivot's row, which stands right of it, to each row below."""
        lanes, b = self.lanes, self.lanes.builder
        with lanes.count(height) as i:
            own = lanes.entry(self.belows, b.add(below, i))
            factor = lanes.multiply(lanes.load(self.factors, own), inverse)
            lanes.store(factor, self.factors, own)
            first = b.add(goal, b.mul(i, _whole(len(right))))
            for j, entry in enumerate(right):
                offset = lanes.entry(self.goals, b.add(first, _whole(j)))
                place = b.gep(self.factors, [offset], inbounds=True, source_etype=ir.IntType(8))
                lanes.store(lanes.multiply_add(factor, entry, lanes.load(place)), place)


def write_looped_solve(lanes: Lanes, layout: FactorLayout, start: int) -> tuple[ir.Function, ir.Function]:
    """Write ``solve(frame, b)``, W x = b in place for one block, and ``solve_both(frame, b, c)`` for two at once.

    A solve waits for the factors to come from memory, so a second right-hand side costs little.

    Parameters
    ----------
    lanes : Lanes
    layout : FactorLayout
    start : int
        Place of the factors in a frame.

    Returns
    -------
    solve, solve_both : llvmlite.ir.Function
    """
    tables = _Tables(lanes, layout)
    one, both = (_Solve(lanes, layout, tables, sides).write(name, start) for sides, name in enumerate(_NAMES, start=1))
    return one, both


_NAMES = ("solve", "solve_both")


class _Tables:
    """States in the order of pivots, and which of them the rows of L and U meet."""

    def __init__(self, lanes: Lanes, layout: FactorLayout) -> None:
        plan, count = layout.plan, layout.sparse
        self.lanes = lanes
        self.states = lanes.short_table("states", plan.order)
        self.states_back = lanes.short_table("states_back", tuple(reversed(plan.order[:count])))
        self.left = self._ragged("left", layout.rows_below)
        self.right = self._ragged("right", tuple(reversed(plan.upper[:count])))

    def _ragged(self, name: str, rows: Sequence[Sequence[int]]) -> tuple[ir.Value, ir.Value]:
        """Tables of the lengths of rows and of their entries."""
        lengths = self.lanes.short_table(f"{name}_lengths", [len(row) for row in rows])
        return lengths, self.lanes.short_table(f"{name}_entries", [entry for row in rows for entry in row])


class _Solve:
    """Writes the two triangular systems, row by row, for one or several right-hand sides."""

    def __init__(self, lanes: Lanes, layout: FactorLayout, tables: _Tables, sides: int) -> None:
        self.lanes, self.layout, self.tables, self.sides = lanes, layout, tables, sides

    def write(self, name: str, start: int) -> ir.Function:
        lanes, layout = self.lanes, self.layout
        dense = write_dense_solve(lanes, layout.tiles, self.sides) if layout.tiles else None
        function = lanes.function(name, 1 + self.sides)
        b, self.x = lanes.builder, function.args[1:]
        self.factors = lanes.at(function.args[0], start)
        count, left = _whole(layout.sparse), _whole(len(layout.plan.order) - layout.sparse)
        (place,) = lanes.fold(count, [_whole(layout.lower)], lambda k, running: self._forward(k, running[0]))
        if dense is not None:
            rests = [lanes.at(self.factors, layout.rest + side * layout.tiles * TILE) for side in range(self.sides)]
            lanes.fold(left, [place], lambda i, running: self._forward(b.add(i, count), running[0], rests, i))
            b.call(dense, [lanes.at(self.factors, layout.dense), *rests])
            with lanes.count(left) as i:
                for rest, x in zip(rests, self.x, strict=True):
                    lanes.store(lanes.load(rest, i), x, lanes.entry(self.tables.states, b.add(i, count)))
        lanes.fold(count, [_whole(layout.upper), _whole(0)], self._backward)
        b.ret_void()
        return function

    def _forward(
        self, k: ir.Value, place: ir.Value, goals: Sequence[ir.Value] | None = None, i: ir.Value | None = None
    ) -> Values:
        """z_k, into x or entry i of other arrays; returns where the next row of L begins."""
        state = self.lanes.entry(self.tables.states, k)
        length, values = self._with_row(self.tables.left, k, place, place, state)
        for value, goal in zip(values, goals or self.x, strict=True):
            self.lanes.store(value, goal, state if i is None else i)
        return [self.lanes.builder.add(place, length)]

    def _backward(self, k: ir.Value, running: Values) -> Values:
        """x_k for pivots in reverse order."""
        lanes, b = self.lanes, self.lanes.builder
        place, entry = running
        state = lanes.entry(self.tables.states_back, k)
        length, values = self._with_row(self.tables.right, k, place, entry, state)
        diagonal = b.add(place, length)
        pivot = lanes.load(self.factors, diagonal)
        for value, x in zip(values, self.x, strict=True):
            lanes.store(lanes.multiply(value, pivot), x, state)
        return b.add(diagonal, _whole(1)), b.add(entry, length)

    def _with_row(
        self, table: tuple[ir.Value, ir.Value], k: ir.Value, place: ir.Value, first: ir.Value, state: ir.Value
    ) -> tuple[ir.Value, list[ir.Value]]:
        """Length of a row, and x of a state plus the products of the row with x, for every x."""
        lanes, b = self.lanes, self.lanes.builder
        length = lanes.entry(table[0], k)
        row = lanes.at(self.factors, place)

        def add(i: ir.Value, values: Values) -> Values:
            factor, other = lanes.load(row, i), lanes.entry(table[1], b.add(first, i))
            return [
                lanes.multiply_add(factor, lanes.load(x, other), value) for x, value in zip(self.x, values, strict=True)
            ]

        return length, lanes.fold(length, [lanes.load(x, state) for x in self.x], add)
