"""Writes a model's functions over lanes, from its expressions and the plan of its factorisation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from llvmlite import ir

from limus.kernel.language import Expression, free_symbols
from limus.kernel.language.expression import ZERO
from limus.kernel.simulation.engine.elimination import Elimination
from limus.kernel.simulation.engine.factor_layout import FactorLayout
from limus.kernel.simulation.engine.frame import Frame
from limus.kernel.simulation.engine.lanes import Lanes
from limus.kernel.simulation.engine.looped_elimination import write_clear, write_eliminate
from limus.kernel.simulation.engine.pieces import Cells, write_in_pieces
from limus.kernel.simulation.engine.straight_elimination import pivot_jobs
from limus.kernel.simulation.engine.writer import Writer
from limus.kernel.simulation.equations import TIME, System, input_symbol, state_symbol
from limus.kernel.simulation.smoothness import may_be_infinite

__all__ = ["ModelWriter"]

Entries = Mapping[tuple[int, int], Expression]


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

    def _writer(
        self, frame: ir.Value, state: ir.Value | None, known: Iterable[int], *, by_reciprocals: bool = False
    ) -> Writer:
        symbols = {
            input_symbol(name): self._loader(frame, self._frame.inputs + i)
            for i, name in enumerate(self._system.inputs)
        }
        symbols[TIME] = self._loader(frame, self._frame.time)
        if state is not None:
            symbols |= {state_symbol(name): self._loader(state, i) for i, name in enumerate(self._system.states)}
        ready = {self._constants[i]: self._loader(frame, self._frame.constants + i) for i in known}
        return Writer(self._lanes, symbols, ready, by_reciprocals=by_reciprocals)

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
        self,
        name: str,
        *expressions: Mapping[int, Expression],
        finite: bool = False,
        at_stops: bool = False,
        onto: bool = False,
    ) -> ir.Function:
        """Compute expressions of inputs, time and a state into places of as many arrays; 0 for infinity if wanted.

        What is called at stops looks at time itself, not at what was constant until then.
        """
        known = self._timeless if at_stops else self._all

        def begin(arguments: Sequence[ir.Value]) -> _Results:
            arrays = tuple(Cells(self._lanes, array) for array in arguments[2:])
            return _Results(self._writer(arguments[0], arguments[1], known), arrays)

        return self._expressions(name, 2 + len(expressions), expressions, begin, finite=finite, onto=onto)

    def _expressions(
        self,
        name: str,
        arguments: int,
        expressions: Sequence[Mapping[int, Expression]],
        begin: Callable[[Sequence[ir.Value]], _Results],
        *,
        finite: bool = False,
        onto: bool = False,
    ) -> ir.Function:
        def job(array: int, place: int, expression: Expression) -> Callable[[_Results], None]:
            def write(results: _Results) -> None:
                value = results.writer.value(expression)
                if onto:
                    value = self._lanes.add(results.arrays[array].get(place), value)
                results.arrays[array].put(place, self._finite(expression, value) if finite else value)

            return write

        jobs = [job(k, place, expression) for k, own in enumerate(expressions) for place, expression in own.items()]
        return write_in_pieces(self._lanes, name, arguments, jobs, begin, lambda results: None)

    def factorise(self, plan: Elimination, entries: Entries) -> ir.Function:
        """Write ``factorise(frame, y)`` as straight-line code in which the entries of W are never stored."""
        places = {place: k for k, place in enumerate(plan.entries)}

        def job(place: tuple[int, int]) -> Callable[[_Factors], None]:
            def write(f: _Factors) -> None:
                f.cells.set(places[place], self._entry(f, place, entries.get(place, ZERO)))

            return write

        jobs = [job(place) for place in plan.entries] + pivot_jobs(self._lanes, plan)
        begin = self._begin_entries
        return write_in_pieces(self._lanes, "factorise", 2, jobs, begin, lambda f: f.cells.flush(), together=5)

    def factorise_in_loops(self, layout: FactorLayout, entries: Entries) -> ir.Function:
        """Write ``factorise(frame, y)`` with code for the entries of W only; loops do the elimination."""
        lanes, start = self._lanes, self._frame.factors
        diagonal = {(i, i): entries.get((i, i), ZERO) for i in layout.plan.order}

        def job(place: tuple[int, int], entry: Expression) -> Callable[[_Factors], None]:
            def write(f: _Factors) -> None:
                f.cells.put(layout.places[place], self._entry(f, place, entry))

            return write

        by_column = sorted({**entries, **diagonal}.items(), key=lambda item: item[0][::-1])  # they share most there
        jobs = [job(place, entry) for place, entry in by_column]
        fill = write_in_pieces(lanes, "entries", 2, jobs, self._begin_entries, lambda f: None)
        empty = write_clear(lanes, layout, (place for place, _ in by_column))
        eliminate = write_eliminate(lanes, layout)
        function = lanes.function("factorise", 2)
        factors = lanes.at(function.args[0], start)
        lanes.builder.call(empty, [factors])
        lanes.builder.call(fill, function.args)
        lanes.builder.call(eliminate, [factors])
        lanes.builder.ret_void()
        return function

    def _begin_entries(self, arguments: Sequence[ir.Value]) -> _Factors:
        frame, state = arguments
        inverse = self._lanes.load(frame, self._frame.inverse)
        writer = self._writer(frame, state, self._all, by_reciprocals=True)
        return _Factors(writer, Cells(self._lanes, frame, self._frame.factors), inverse)

    def _entry(self, f: _Factors, place: tuple[int, int], entry: Expression) -> ir.Value:
        """An entry of -W = J - I/(gamma h)."""
        value = self._finite(entry, f.writer.value(entry))
        return value if place[0] != place[1] else self._lanes.subtract(value, f.inverse)

    def _finite(self, entry: Expression, value: ir.Value) -> ir.Value:
        """An infinite slope (x**0.5 at 0) would hold the state still without an error; without it the error is seen."""
        if not may_be_infinite(entry):
            return value
        lanes = self._lanes
        finite = lanes.compare("<", lanes.call("fabs", value), lanes.number(math.inf))
        return lanes.select(finite, value, lanes.number(0.0))


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
