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

from limus.kernel.language import Apply, Expression, Number, derivative, free_symbols, walk
from limus.kernel.simulation.engine.elimination import Elimination, plan_elimination
from limus.kernel.simulation.engine.lanes import Lanes
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
    infusion: int
    stages: tuple[int, ...]
    dense: tuple[int, ...]
    factors: int
    outputs: int
    lane: dict[str, int] = field(default_factory=dict)
    size: int = 0


LANE_SLOTS = (
    "t",
    "h",
    "old_t",
    "done_h",
    "stop",
    "asked",
    "error",
    "active",
    "fresh",
    "steps",
    "trajectory",
    "next_output",
    "next_event",
    "last_event",
)


@dataclass(frozen=True, eq=False)
class Program:
    """A model as functions over lanes.

    Attributes
    ----------
    frame : Frame
    states, outputs : int
        How many.
    functions : mapping of str to llvmlite.ir.Function
        ``constants(frame)``, ``initial(frame, out)``, ``rates(frame, y, out)``, ``time_rates(frame, y, out)``,
        ``factorise(frame, y)``, ``solve(frame, b)``, ``outputs(frame, y, out)``, ``dose_scale(frame, out)``; time is
        read from the frame.
    """

    frame: Frame
    states: int
    outputs: int
    functions: dict[str, ir.Function]


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
    constants = _constant_parts(used)
    frame = _lay_out(system, len(constants), len(plan.entries))
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
    return Program(frame, size, len(system.outputs), functions)


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


def _lay_out(system: System, constants: int, factors: int) -> Frame:
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
        infusion=take(size),
        stages=tuple(take(size) for _ in range(STAGES)),
        dense=tuple(take(size) for _ in range(3)),
        factors=take(factors),
        outputs=take(len(system.outputs)),
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
        function = self._lanes.function("constants", 1)
        writer = self._writer(function.args[0], None, with_constants=False)
        for i, expression in enumerate(self._constants):
            self._lanes.store(writer.value(expression), function.args[0], self._frame.constants + i)
        self._lanes.builder.ret_void()
        return function

    def from_frame(self, name: str, expressions: Sequence[Expression]) -> ir.Function:
        """Compute expressions of inputs into an array."""
        function = self._lanes.function(name, 2)
        writer = self._writer(function.args[0], None)
        for i, expression in enumerate(expressions):
            self._lanes.store(writer.value(expression), function.args[1], i)
        self._lanes.builder.ret_void()
        return function

    def from_state(self, name: str, expressions: Sequence[Expression]) -> ir.Function:
        """Compute expressions of inputs, time and a state into an array."""
        function = self._lanes.function(name, 3)
        frame, state, out = function.args
        writer = self._writer(frame, state)
        for i, expression in enumerate(expressions):
            self._lanes.store(writer.value(expression), out, i)
        self._lanes.builder.ret_void()
        return function

    def factorise(self, plan: Elimination, entries: dict[tuple[int, int], Expression]) -> ir.Function:
        """Factorise W = I/(gamma h) - J; the diagonal is kept inverted."""
        lanes = self._lanes
        function = lanes.function("factorise", 2)
        frame, state = function.args
        writer = self._writer(frame, state)
        inverse = lanes.load(frame, self._frame.inverse)
        matrix = {(i, j): self._entry(writer, entry, inverse if i == j else None) for (i, j), entry in entries.items()}
        numbers = {place: k for k, place in enumerate(plan.entries)}
        for pivot, below, right in zip(plan.order, plan.lower, plan.upper, strict=True):
            matrix[pivot, pivot] = lanes.divide(lanes.number(1.0), matrix[pivot, pivot])
            for i in below:
                factor = lanes.multiply(matrix[i, pivot], matrix[pivot, pivot])
                matrix[i, pivot] = factor
                for j in right:
                    matrix[i, j] = lanes.subtract(matrix[i, j], lanes.multiply(factor, matrix[pivot, j]))
            kept = [(pivot, pivot), *((i, pivot) for i in below), *((pivot, j) for j in right)]
            for place in kept:
                lanes.store(matrix[place], frame, self._frame.factors + numbers[place])
        lanes.builder.ret_void()
        return function

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
        function = lanes.function("solve", 2)
        frame, b = function.args
        numbers = {place: k for k, place in enumerate(plan.entries)}

        def factor(i: int, j: int) -> ir.Value:
            return lanes.load(frame, self._frame.factors + numbers[i, j])

        x = {i: lanes.load(b, i) for i in plan.order}
        for pivot, below in zip(plan.order, plan.lower, strict=True):
            for i in below:
                x[i] = lanes.subtract(x[i], lanes.multiply(factor(i, pivot), x[pivot]))
        for pivot, right in zip(reversed(plan.order), reversed(plan.upper), strict=True):
            for j in right:
                x[pivot] = lanes.subtract(x[pivot], lanes.multiply(factor(pivot, j), x[j]))
            x[pivot] = lanes.multiply(x[pivot], factor(pivot, pivot))
            lanes.store(x[pivot], b, pivot)
        lanes.builder.ret_void()
        return function
