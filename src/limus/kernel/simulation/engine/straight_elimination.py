"""Factorisation and solution of a small W in straight-line code: every entry of L and U is a value with a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from llvmlite import ir

from limus.kernel.simulation.engine.elimination import Elimination
from limus.kernel.simulation.engine.lanes import Lanes
from limus.kernel.simulation.engine.pieces import Cells, write_in_pieces

__all__ = ["HasCells", "pivot_jobs", "write_straight_solve"]


class HasCells(Protocol):
    """What a piece of the factorisation works with."""

    @property
    def cells(self) -> Cells:
        """Entries in the order of the plan."""


Context = TypeVar("Context", bound=HasCells)


def pivot_jobs(lanes: Lanes, plan: Elimination) -> list[Callable[[Context], None]]:
    """Return the elimination of each pivot, for :func:`write_in_pieces`.

    Parameters
    ----------
    lanes : Lanes
    plan : Elimination

    Returns
    -------
    list of callable
        See :mod:`limus.kernel.simulation.engine.elimination` for what they leave in the place of W.
    """
    places = {place: k for k, place in enumerate(plan.entries)}

    def job(pivot: int, below: Sequence[int], right: Sequence[int]) -> Callable[[Context], None]:
        def write(context: Context) -> None:
            cells = context.cells
            diagonal = lanes.divide(lanes.number(-1.0), cells.get(places[pivot, pivot]))
            cells.set(places[pivot, pivot], diagonal)
            for i in below:
                factor = lanes.multiply(cells.get(places[i, pivot]), diagonal)
                cells.set(places[i, pivot], factor)
                for j in right:
                    total = lanes.multiply_add(factor, cells.get(places[pivot, j]), cells.get(places[i, j]))
                    cells.set(places[i, j], total)

        return write

    return [job(*step) for step in zip(plan.order, plan.lower, plan.upper, strict=True)]


def write_straight_solve(lanes: Lanes, plan: Elimination, start: int) -> tuple[ir.Function, ir.Function]:
    """Write ``solve(frame, b)``, W x = b in place for one block, and ``solve_both(frame, b, c)`` for two.

    Parameters
    ----------
    lanes : Lanes
    plan : Elimination
    start : int
        Place of the factors in a frame.

    Returns
    -------
    solve, solve_both : llvmlite.ir.Function
    """
    places = {place: k for k, place in enumerate(plan.entries)}

    def begin(arguments: Sequence[ir.Value]) -> tuple[Cells, Cells]:
        return Cells(lanes, arguments[0], start), Cells(lanes, arguments[1])

    def forward(pivot: int, below: Sequence[int]) -> Callable[[tuple[Cells, Cells]], None]:
        def write(context: tuple[Cells, Cells]) -> None:
            factors, x = context
            for i in below:
                x.set(i, lanes.multiply_add(factors.get(places[i, pivot]), x.get(pivot), x.get(i)))

        return write

    def backward(pivot: int, right: Sequence[int]) -> Callable[[tuple[Cells, Cells]], None]:
        def write(context: tuple[Cells, Cells]) -> None:
            factors, x = context
            value = x.get(pivot)
            for j in right:
                value = lanes.multiply_add(factors.get(places[pivot, j]), x.get(j), value)
            x.set(pivot, lanes.multiply(value, factors.get(places[pivot, pivot])))

        return write

    jobs = [forward(*step) for step in zip(plan.order, plan.lower, strict=True)]
    jobs += [backward(*step) for step in zip(reversed(plan.order), reversed(plan.upper), strict=True)]
    solve = write_in_pieces(lanes, "solve", 2, jobs, begin, lambda context: context[1].flush(), together=5)
    both = lanes.function("solve_both", 3)
    for right in both.args[1:]:
        lanes.builder.call(solve, [both.args[0], right])
    lanes.builder.ret_void()
    return solve, both
