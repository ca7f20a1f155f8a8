"""Writes a model's functions over lanes, from its expressions and the plan of its factorisation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from llvmlite import ir

from limus.kernel.language import Expression, Number, free_symbols, walk
from limus.kernel.simulation.engine.elimination import Elimination
from limus.kernel.simulation.engine.frame import Frame
from limus.kernel.simulation.engine.lanes import Lanes
from limus.kernel.simulation.engine.pieces import Cells, Job, write_in_pieces
from limus.kernel.simulation.engine.writer import Writer
from limus.kernel.simulation.equations import TIME, System, input_symbol, state_symbol
from limus.kernel.simulation.smoothness import may_be_infinite

__all__ = ["ModelWriter"]


class ModelWriter:
    """Writes each function of one model.

    Parameters
    ----------
    lanes : Lanes
    system : System
    frame : Frame
    constants : sequence of Expression
        What the function ``constants`` computes.
    """

    def __init__(self, lanes: Lanes, system: System, frame: Frame, constants: Sequence[Expression]) -> None:
        self._lanes, self._system, self._frame, self._constants = lanes, system, frame, constants
        self._all = range(len(constants))
        self._timeless = [i for i, part in enumerate(constants) if TIME not in free_symbols(part)]

    def _loader(self, array: ir.Value, place: int) -> Callable[[], ir.Value]:
        return lambda: self._lanes.load(array, place)

    def _writer(self, frame: ir.Value, state: ir.Value | None, known: Iterable[int]) -> Writer:
        symbols = {
            input_symbol(name): self._loader(frame, self._frame.inputs + i)
            for i, name in enumerate(self._system.inputs)
        }
        symbols[TIME] = self._loader(frame, self._frame.time)
        if state is not None:
            symbols |= {state_symbol(name): self._loader(state, i) for i, name in enumerate(self._system.states)}
        ready = {self._constants[i]: self._loader(frame, self._frame.constants + i) for i in known}
        return Writer(self._lanes, symbols, ready)

    def constants(self) -> ir.Function:
        """Compute what depends on inputs only, and what is constant until the next stop."""
        place = self._frame.constants

        def begin(arguments: Sequence[ir.Value]) -> _Results:
            writer = self._writer(arguments[0], None, ())
            return _Results(writer, (Cells(self._lanes, arguments[0], place),))

        return self._expressions("constants", 1, [dict(enumerate(self._constants))], begin)

    def from_frame(self, name: str, expressions: Mapping[int, Expression]) -> ir.Function:
        """Compute expressions of inputs into places of an array."""

        def begin(arguments: Sequence[ir.Value]) -> _Results:
            return _Results(self._writer(arguments[0], None, self._all), (Cells(self._lanes, arguments[1]),))

        return self._expressions(name, 2, [expressions], begin)

    def from_state(
        self, name: str, *expressions: Mapping[int, Expression], finite: bool = False, at_stops: bool = False
    ) -> ir.Function:
        """Compute expressions of inputs, time and a state into places of as many arrays; 0 for infinity if wanted.

        What is called at stops looks at time itself, not at what was constant until then.
        """
        known = self._timeless if at_stops else self._all

        def begin(arguments: Sequence[ir.Value]) -> _Results:
            arrays = tuple(Cells(self._lanes, array) for array in arguments[2:])
            return _Results(self._writer(arguments[0], arguments[1], known), arrays)

        return self._expressions(name, 2 + len(expressions), expressions, begin, finite=finite)

    def _expressions(
        self,
        name: str,
        arguments: int,
        expressions: Sequence[Mapping[int, Expression]],
        begin: Callable[[Sequence[ir.Value]], _Results],
        *,
        finite: bool = False,
    ) -> ir.Function:
        def job(array: int, place: int, expression: Expression) -> Job[_Results]:
            def write(results: _Results) -> None:
                value = results.writer.value(expression)
                results.arrays[array].set(place, self._finite(expression, value) if finite else value)

            return Job(sum(1 for _ in walk(expression)), write)

        jobs = [job(k, place, expression) for k, own in enumerate(expressions) for place, expression in own.items()]
        return write_in_pieces(self._lanes, name, arguments, jobs, begin, _Results.flush)

    def factorise(self, plan: Elimination, entries: dict[tuple[int, int], Expression]) -> ir.Function:
        """Factorise W = I/(gamma h) - J; the diagonal is kept inverted."""
        lanes = self._lanes
        numbers = {place: k for k, place in enumerate(plan.entries)}

        def begin(arguments: Sequence[ir.Value]) -> _Factors:
            frame, state = arguments
            inverse = lanes.load(frame, self._frame.inverse)
            return _Factors(self._writer(frame, state, self._all), Cells(lanes, frame, self._frame.factors), inverse)

        def entry_job(place: tuple[int, int], entry: Expression) -> Job[_Factors]:
            def write(f: _Factors) -> None:
                inverse = f.inverse if place[0] == place[1] else None
                f.cells.set(numbers[place], self._entry(f.writer, entry, inverse))

            return Job(1 + sum(1 for _ in walk(entry)), write)

        def pivot_job(pivot: int, below: Sequence[int], right: Sequence[int]) -> Job[_Factors]:
            def write(f: _Factors) -> None:
                cells = f.cells
                diagonal = lanes.divide(lanes.number(1.0), cells.get(numbers[pivot, pivot]))
                cells.set(numbers[pivot, pivot], diagonal)
                for i in below:
                    factor = lanes.multiply(cells.get(numbers[i, pivot]), diagonal)
                    cells.set(numbers[i, pivot], factor)
                    for j in right:
                        product = lanes.multiply(factor, cells.get(numbers[pivot, j]))
                        cells.set(numbers[i, j], lanes.subtract(cells.get(numbers[i, j]), product))

            return Job(1 + len(below) * (1 + 2 * len(right)), write)

        jobs = [entry_job(place, entry) for place, entry in entries.items()]
        jobs += [pivot_job(*step) for step in zip(plan.order, plan.lower, plan.upper, strict=True)]
        return write_in_pieces(lanes, "factorise", 2, jobs, begin, lambda f: f.cells.flush())

    def _entry(self, writer: Writer, entry: Expression, inverse: ir.Value | None) -> ir.Value:
        lanes = self._lanes
        if entry == Number(0.0):
            return lanes.number(0.0) if inverse is None else inverse
        value = self._finite(entry, writer.value(entry))
        return lanes.negate(value) if inverse is None else lanes.subtract(inverse, value)

    def _finite(self, entry: Expression, value: ir.Value) -> ir.Value:
        """An infinite slope (x**0.5 at 0) would hold the state still without an error; without it the error is seen."""
        if not may_be_infinite(entry):
            return value
        lanes = self._lanes
        finite = lanes.compare("<", lanes.call("fabs", value), lanes.number(math.inf))
        return lanes.select(finite, value, lanes.number(0.0))

    def solve(self, plan: Elimination) -> ir.Function:
        """Solve W x = b in place, for one block."""
        lanes = self._lanes
        numbers = {place: k for k, place in enumerate(plan.entries)}

        def begin(arguments: Sequence[ir.Value]) -> tuple[Cells, Cells]:
            return Cells(lanes, arguments[0], self._frame.factors), Cells(lanes, arguments[1])

        def forward(pivot: int, below: Sequence[int]) -> Job[tuple[Cells, Cells]]:
            def write(context: tuple[Cells, Cells]) -> None:
                factors, x = context
                for i in below:
                    product = lanes.multiply(factors.get(numbers[i, pivot]), x.get(pivot))
                    x.set(i, lanes.subtract(x.get(i), product))

            return Job(3 * len(below), write)

        def backward(pivot: int, right: Sequence[int]) -> Job[tuple[Cells, Cells]]:
            def write(context: tuple[Cells, Cells]) -> None:
                factors, x = context
                value = x.get(pivot)
                for j in right:
                    value = lanes.subtract(value, lanes.multiply(factors.get(numbers[pivot, j]), x.get(j)))
                x.set(pivot, lanes.multiply(value, factors.get(numbers[pivot, pivot])))

            return Job(2 + 3 * len(right), write)

        jobs = [forward(*step) for step in zip(plan.order, plan.lower, strict=True)]
        jobs += [backward(*step) for step in zip(reversed(plan.order), reversed(plan.upper), strict=True)]
        return write_in_pieces(lanes, "solve", 2, jobs, begin, lambda context: context[1].flush())


@dataclass(frozen=True, eq=False)
class _Factors:
    """What the pieces of the factorisation work with."""

    writer: Writer
    cells: Cells
    inverse: ir.Value


@dataclass(frozen=True, eq=False)
class _Results:
    """What writes expressions, and the arrays that take their values."""

    writer: Writer
    arrays: tuple[Cells, ...]

    def flush(self) -> None:
        """Write what changed to memory."""
        for cells in self.arrays:
            cells.flush()
