"""The functions of one model over lanes: constants, initial state, right-hand side, factorisation, solve, outputs.

All of them work on a *frame*: one block of memory that holds arrays of vectors at fixed places. What depends on inputs
only is computed once a trajectory (``constants``). The Jacobian is never stored: its entries go straight into the
factorisation of W = I/(gamma h) - J.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from llvmlite import ir

from limus.kernel.language import Apply, Expression, Number, derivative, free_symbols, substitute, walk
from limus.kernel.simulation.engine.elimination import Elimination, plan_elimination
from limus.kernel.simulation.engine.lanes import Lanes
from limus.kernel.simulation.engine.linear_pattern import LinearPattern, find_linear_pattern
from limus.kernel.simulation.engine.pieces import Cells, Job, write_in_pieces
from limus.kernel.simulation.engine.tableau import STAGES
from limus.kernel.simulation.engine.writer import Writer
from limus.kernel.simulation.system import TIME, System, input_symbol, state_symbol

__all__ = ["Frame", "Program", "TooLargeError", "write_program"]


class TooLargeError(Exception):
    """The model is too large for straight-line code; the caller falls back to the reference solver."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Places of the arrays in a frame, counted in vectors.

    One vector each for time, inverse of gamma h, ...; S vectors for what has one entry a state.
    """

    time: int
    inverse: int
    inputs: int
    constants: int
    state: int
    old_state: int
    trial: int
    rates: int
    time_rates: int
    infused: int
    infusion: int
    stages: tuple[int, ...]
    dense: tuple[int, ...]
    factors: int
    outputs: int
    propagators: int
    lane: dict[str, int] = field(default_factory=dict)
    size: int = 0


LANE_SLOTS = (
    "t",
    "h",
    "old_t",
    "done_h",
    "stop",
    "asked",
    "end",
    "active",
    "fresh",
    "outcome",
    "steps",
    "trajectory",
    "next_time",
    "last_time",
    "next_value",
    "next_row",
    "last_row",
    "levels",
)


@dataclass(frozen=True, eq=False)
class Program:
    """A model as functions over lanes.

    Attributes
    ----------
    frame : Frame
    states, outputs, factors : int
        How many; factors are the entries of the factorisation.
    functions : mapping of str to llvmlite.ir.Function
        ``constants(frame)``, ``initial(frame, out)``, ``rates(frame, y, out)``, ``time_rates(frame, y, out)``,
        ``factorise(frame, y)``, ``solve(frame, b)``, ``outputs(frame, y, out)``, ``dose_scale(frame, out)``; time is
        read from the frame. ``slopes(frame, out)`` and ``offsets(frame, out)`` of a linear model are A and g.
    linear : LinearPattern or None
        Where A has entries, for a model that is linear in its states.
    """

    frame: Frame
    states: int
    outputs: int
    factors: int
    functions: dict[str, ir.Function]
    linear: LinearPattern | None


def write_program(lanes: Lanes, system: System, most_factors: int) -> Program:
    """Write a model's functions into a module.

    Parameters
    ----------
    lanes : Lanes
        The module and its width.
    system : System
        The differential equations.
    most_factors : int
        Entries of the factorisation at most.

    Returns
    -------
    Program

    Raises
    ------
    TooLargeError
        More entries than that.
    """
    states = [state_symbol(name) for name in system.states]
    size = len(states)
    places = {
        (i, j): derivative(expression, states[j])
        for i, expression in enumerate(system.derivatives)
        for j in sorted(states.index(s) for s in free_symbols(expression) if s in states)
    }
    places = {place: entry for place, entry in places.items() if entry != Number(0.0)}
    by_time = [derivative(expression, TIME) for expression in system.derivatives]
    plan = plan_elimination(size, places)
    if len(plan.entries) > most_factors:
        raise TooLargeError(f"{len(plan.entries)} entries")
    scale = tuple(system.dose_scale[n] if n in system.dose_scale else Number(0.0) for n in system.states)
    used = (*system.derivatives, *places.values(), *by_time, *system.output_expressions, *scale)
    linear = find_linear_pattern(system, places)
    constants = _constant_parts(used)
    frame = _lay_out(system, len(constants), len(plan.entries), linear.memory if linear else 0)
    writer = _ModelWriter(lanes, system, frame, constants)
    zero = Number(0.0)
    functions = {
        "constants": writer.constants(),
        "initial": writer.from_frame("initial", system.initial),
        "rates": writer.from_state("rates", system.derivatives),
        "time_rates": writer.from_state("time_rates", by_time),
        "outputs": writer.from_state("outputs", system.output_expressions),
        "dose_scale": writer.from_state("dose_scale", scale),
        "factorise": writer.factorise(plan, {place: places.get(place, zero) for place in plan.entries}),
        "solve": writer.solve(plan),
    }
    if linear is not None:
        at_zero = dict.fromkeys(states, zero)
        functions["slopes"] = writer.from_frame("slopes", tuple(places[place] for place in linear.places))
        functions["offsets"] = writer.from_frame("offsets", [substitute(e, at_zero) for e in system.derivatives])
    return Program(frame, size, len(system.outputs), len(plan.entries), functions, linear)


def _constant_parts(expressions: Iterable[Expression]) -> tuple[Expression, ...]:
    """The largest parts that depend on inputs only and are more than a look-up."""
    found: dict[Expression, None] = {}
    seen: set[Expression] = set()

    def look(node: Expression) -> None:
        if not isinstance(node, Apply) or node in seen:
            return
        seen.add(node)
        if all(name.startswith("p:") for name in free_symbols(node)):
            found[node] = None
            return
        for argument in node.arguments:
            look(argument)

    for expression in expressions:
        look(expression)
    return tuple(found)


_SINGULAR = frozenset(
    {"divide", "power", "ln", "log10", "sqrt", "exp", "tan", "sinh", "cosh", "arcsin", "arccos", "arccosh", "arctanh"}
    | {"factorial", "modulo", "quotient"}
)


def _may_be_infinite(expression: Expression) -> bool:
    return any(isinstance(node, Apply) and node.operator in _SINGULAR for node in walk(expression))


def _lay_out(system: System, constants: int, factors: int, propagators: int) -> Frame:
    position = 0

    def take(count: int) -> int:
        nonlocal position
        start = position
        position += count
        return start

    size = len(system.states)
    lane = {name: take(1) for name in LANE_SLOTS}
    frame = Frame(
        time=take(1),
        inverse=take(1),
        inputs=take(len(system.inputs)),
        constants=take(constants),
        state=take(size),
        old_state=take(size),
        trial=take(size),
        rates=take(size),
        time_rates=take(size),
        infused=take(size),
        infusion=take(size),
        stages=tuple(take(size) for _ in range(STAGES)),
        dense=tuple(take(size) for _ in range(3)),
        factors=take(factors),
        outputs=take(len(system.outputs)),
        propagators=take(propagators),
        lane=lane,
        size=position,
    )
    return frame


class _ModelWriter:
    """Writes each function of one model."""

    def __init__(self, lanes: Lanes, system: System, frame: Frame, constants: Sequence[Expression]) -> None:
        self._lanes, self._system, self._frame, self._constants = lanes, system, frame, constants

    def _loader(self, array: ir.Value, place: int) -> Callable[[], ir.Value]:
        return lambda: self._lanes.load(array, place)

    def _writer(self, frame: ir.Value, state: ir.Value | None, *, with_constants: bool = True) -> Writer:
        symbols = {
            input_symbol(name): self._loader(frame, self._frame.inputs + i)
            for i, name in enumerate(self._system.inputs)
        }
        symbols[TIME] = self._loader(frame, self._frame.time)
        if state is not None:
            symbols |= {state_symbol(name): self._loader(state, i) for i, name in enumerate(self._system.states)}
        known = {e: self._loader(frame, self._frame.constants + i) for i, e in enumerate(self._constants)}
        return Writer(self._lanes, symbols, known if with_constants else None)

    def constants(self) -> ir.Function:
        """Compute what depends on inputs only."""
        place = self._frame.constants

        def begin(arguments: Sequence[ir.Value]) -> tuple[Writer, Cells]:
            writer = self._writer(arguments[0], None, with_constants=False)
            return writer, Cells(self._lanes, arguments[0], place)

        return self._expressions("constants", 1, self._constants, begin)

    def from_frame(self, name: str, expressions: Sequence[Expression]) -> ir.Function:
        """Compute expressions of inputs into an array."""

        def begin(arguments: Sequence[ir.Value]) -> tuple[Writer, Cells]:
            return self._writer(arguments[0], None), Cells(self._lanes, arguments[1])

        return self._expressions(name, 2, expressions, begin)

    def from_state(self, name: str, expressions: Sequence[Expression]) -> ir.Function:
        """Compute expressions of inputs, time and a state into an array."""

        def begin(arguments: Sequence[ir.Value]) -> tuple[Writer, Cells]:
            return self._writer(arguments[0], arguments[1]), Cells(self._lanes, arguments[2])

        return self._expressions(name, 3, expressions, begin)

    def _expressions(
        self,
        name: str,
        arguments: int,
        expressions: Sequence[Expression],
        begin: Callable[[Sequence[ir.Value]], tuple[Writer, Cells]],
    ) -> ir.Function:
        def job(i: int, expression: Expression) -> Job[tuple[Writer, Cells]]:
            def write(context: tuple[Writer, Cells]) -> None:
                context[1].set(i, context[0].value(expression))

            return Job(sum(1 for _ in walk(expression)), write)

        jobs = [job(i, expression) for i, expression in enumerate(expressions)]
        return write_in_pieces(self._lanes, name, arguments, jobs, begin, lambda context: context[1].flush())

    def factorise(self, plan: Elimination, entries: dict[tuple[int, int], Expression]) -> ir.Function:
        """Factorise W = I/(gamma h) - J; the diagonal is kept inverted."""
        lanes = self._lanes
        numbers = {place: k for k, place in enumerate(plan.entries)}

        def begin(arguments: Sequence[ir.Value]) -> _Factors:
            frame, state = arguments
            inverse = lanes.load(frame, self._frame.inverse)
            return _Factors(self._writer(frame, state), Cells(lanes, frame, self._frame.factors), inverse)

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
        value = writer.value(entry)
        if _may_be_infinite(entry):
            # an infinite slope (x**0.5 at 0) would hold the state still without an error; without it the error is seen
            size = lanes.call("fabs", value)
            finite = lanes.compare("<", size, lanes.number(math.inf))
            value = lanes.select(finite, value, lanes.number(0.0))
        return lanes.negate(value) if inverse is None else lanes.subtract(inverse, value)

    def solve(self, plan: Elimination) -> ir.Function:
        """Solve W x = b in place."""
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
