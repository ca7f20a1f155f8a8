r"""Exact steps of linear models.

Where dy/dt = A y + g with A and g free of state and time, one step of any length h is

    y(t + h) = y(t) + Phi(h) f(y(t)),    f(y) = A y + g,    Phi(h) = int_0^h exp(A s) ds.

Only Phi is needed: exp(A h) = I + A Phi(h). With tau a power of two for which |A| tau <= 1/8, Phi(tau) is a short
Taylor sum, and doubling gives the rest,

    Phi(2 h) = 2 Phi(h) + Phi(h) A Phi(h).

A step is h = n tau + r: a step of length 2^k tau for every binary digit of n, and Taylor's sum for r, acting on f(y)
alone. Nothing is diagonalised, so equal or complex eigenvalues (chains of transit compartments) are nothing special,
and a step to any output time costs the same: times need no grid. Phi has zeros where no path leads from one state to
another; they are left out. To double Phi rather than exp(A h) loses no digits of slow modes.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from limus.kernel.simulation.engine.lanes import DOUBLE, INDEX
from limus.kernel.simulation.engine.linear_blocks import BlockPropagation, Places
from limus.kernel.simulation.engine.linear_pattern import LEVELS
from limus.kernel.simulation.engine.linear_terms import Column, Matrix, Terms
from limus.kernel.simulation.engine.machine import TOO_SMALL, Machine

__all__ = ["Propagation"]

_NORM = 0.125  # of A tau
_LONGEST_TAU = 2.0**60
_EXPONENT_BITS = 0x7FF0000000000000


class Propagation:
    """Writes the stepping of a linear model.

    Parameters
    ----------
    machine : Machine
        Of a program with a linear pattern.
    """

    def __init__(self, machine: Machine) -> None:
        pattern = machine.program.linear
        if pattern is None:
            raise ValueError("not a linear model")
        self.machine, self.lanes, self.frame, self.pattern = machine, machine.lanes, machine.frame, pattern
        self.places, self.terms = Places.create(self.frame.propagators, pattern), Terms(self.lanes, pattern)
        self._write_functions()
        self.blocks = BlockPropagation(machine, pattern, self.places) if pattern.parameters else None

    @property
    def b(self) -> ir.IRBuilder:
        """The builder of the open function."""
        return self.lanes.builder

    # ---- the functions

    def _write_functions(self) -> None:
        self._base = self._write_base()
        self._double = self._write_double()
        self._leap = self._write_leap()
        self._rest = self._write_rest()

    def _slopes(self, memory: ir.Value) -> Matrix:
        return self.terms.slopes(self.lanes.at(memory, self.places.slopes))

    def _write_base(self) -> ir.Function:
        """Tau and Phi(tau) by Taylor's sum, column by column."""
        lanes, pattern = self.lanes, self.pattern
        function = lanes.function("base", 1)
        memory = function.args[0]
        slopes = self._slopes(memory)
        norm = lanes.number(0.0)
        for i in range(pattern.size):
            row = lanes.number(0.0)
            for (k, _), slope in slopes.items():
                row = lanes.add(row, lanes.call("fabs", slope)) if k == i else row
            norm = lanes.maximum(norm, row)
        tau = lanes.minimum(lanes.divide(lanes.number(_NORM), norm), lanes.number(_LONGEST_TAU))
        bits = self.b.and_(self.b.bitcast(tau, lanes.integers), lanes.whole(_EXPONENT_BITS))
        tau = self.b.bitcast(bits, lanes.vector)
        lanes.store(tau, memory, self.places.tau)
        lanes.store(lanes.divide(lanes.number(1.0), tau), memory, self.places.one_over_tau)
        for column in range(pattern.size):
            term: Column = [tau if i == column else None for i in range(pattern.size)]
            total = self.terms.taylor(slopes, term, tau)
            self.terms.store_column(total, column, lanes.at(memory, self.places.table))
        self.b.ret_void()
        return function

    def _write_double(self) -> ir.Function:
        """``double(frame, phi, out)``: from Phi(h) to Phi(2 h)."""
        lanes, pattern = self.lanes, self.pattern
        function = lanes.function("double", 3)
        memory, source, target = function.args
        slopes, phi = self._slopes(memory), self.terms.reached(source)
        for column in range(pattern.size):
            twice = [None if x is None else lanes.add(x, x) for x in self.terms.column(phi, column)]
            slope_phi = self.terms.times(slopes, self.terms.column(phi, column))
            self.terms.store_column(self.terms.times(phi, slope_phi, twice), column, target)
        self.b.ret_void()
        return function

    def _rates(self, memory: ir.Value, y: Sequence[ir.Value]) -> list[ir.Value]:
        """A y + g, with what is infused."""
        lanes = self.lanes
        rates = [
            lanes.add(lanes.load(memory, self.places.offsets + i), lanes.load(memory, self.frame.infusion + i))
            for i in range(self.pattern.size)
        ]
        for (i, j), slope in self._slopes(memory).items():
            rates[i] = lanes.multiply_add(slope, y[j], rates[i])
        return rates

    def _write_leap(self) -> ir.Function:
        """``leap(frame, phi, flags)``: y + Phi f(y) in the lanes whose flag is not zero."""
        lanes, pattern = self.lanes, self.pattern
        function = lanes.function("leap", 3)
        memory, phi, flags = function.args
        wanted = lanes.compare("!=", lanes.load(flags), lanes.number(0.0))
        y = [lanes.load(memory, self.frame.state + i) for i in range(pattern.size)]
        rates = self._rates(memory, y)
        moved = list(y)
        for k, (i, j) in enumerate(pattern.reached):
            moved[i] = lanes.multiply_add(lanes.load(phi, k), rates[j], moved[i])
        for i, value in enumerate(moved):
            lanes.store(lanes.select(wanted, value, y[i]), memory, self.frame.state + i)
        self.b.ret_void()
        return function

    def _write_rest(self) -> ir.Function:
        """``rest(frame, r)``: the step r < tau in every lane, by Taylor's sum on f(y)."""
        lanes, pattern = self.lanes, self.pattern
        function = lanes.function("rest", 2)
        memory = function.args[0]
        h = lanes.load(function.args[1])
        y = [lanes.load(memory, self.frame.state + i) for i in range(pattern.size)]
        term: Column = [lanes.multiply(h, rate) for rate in self._rates(memory, y)]
        for i, change in enumerate(self.terms.taylor(self._slopes(memory), term, h)):
            lanes.store(lanes.add(y[i], change), memory, self.frame.state + i)
        self.b.ret_void()
        return function

    # ---- the stepping

    def prepare(self) -> None:
        """Compute A, g and the first propagator; others follow when a step needs them."""
        self.machine.call("slopes", self.places.slopes)
        self.machine.call("offsets", self.places.offsets)
        self.b.call(self._base, [self.machine.memory])
        if self.blocks is not None:
            self.blocks.prepare(self.machine.array(self.places.table))
        self.machine.put("levels", self.machine.integer(0), self.machine.integer(1))

    def restart(self, restarting: ir.Value) -> None:
        """No step has to be chosen."""

    def step(self) -> None:
        """Go to the next stop or output time, whichever comes first."""
        lanes, machine = self.lanes, self.machine
        goal = lanes.minimum(machine.vector("asked"), machine.vector("stop"))
        h = lanes.subtract(goal, machine.vector("t"))
        h = lanes.select(machine.is_active(), lanes.maximum(h, lanes.number(0.0)), lanes.number(0.0))
        tau = lanes.load(machine.memory, self.places.tau)
        n = lanes.call("floor", lanes.multiply(h, lanes.load(machine.memory, self.places.one_over_tau)))
        outside = lanes.opposite(lanes.compare("<", n, lanes.number(2.0**LEVELS)))
        n = lanes.select(outside, lanes.number(0.0), n)
        rest = lanes.select(outside, lanes.number(0.0), lanes.subtract(h, lanes.multiply(n, tau)))
        with lanes.count(machine.states) as i:
            lanes.store(lanes.load(machine.array(self.frame.state), i), machine.array(self.frame.old_state), i)
        self._extend(n)
        self._leaps(n)
        with self.b.if_then(lanes.any(lanes.compare(">", rest, lanes.number(0.0)))):
            place = lanes.variable(lanes.vector, rest)
            if self.blocks is not None:
                self.blocks.rest(place)
            self.b.call(self._rest, [machine.memory, place])
        moved = lanes.both(machine.is_active(), lanes.opposite(outside))
        machine.set_vector("old_t", machine.vector("t"))
        machine.set_vector("t", lanes.select(moved, goal, machine.vector("t")))
        machine.set_vector("done_h", lanes.select(lanes.compare(">", h, lanes.number(0.0)), h, lanes.number(1.0)))
        machine.set_vector("steps", lanes.add(machine.vector("steps"), lanes.number(1.0)))
        failed = lanes.both(machine.is_active(), outside)
        machine.set_vector("outcome", lanes.select(failed, lanes.number(TOO_SMALL), lanes.number(0.0)))

    def _level(self, k: ir.Value) -> ir.Value:
        """Address of Phi(2^k tau)."""
        length = len(self.pattern.reached) * (1 + self.pattern.parameters)
        place = self.b.mul(k, self.machine.integer(length))
        return self.lanes.at(self.machine.memory, self.b.add(place, self.machine.integer(self.places.table)))

    def _extend(self, n: ir.Value) -> None:
        """Double until every n has fewer binary digits than there are propagators."""
        lanes, machine = self.lanes, self.machine
        zero = machine.integer(0)

        def levels() -> ir.Value:
            return machine.get("levels", zero, INDEX)

        def is_short() -> ir.Value:
            least = machine.everywhere(self._power_of_two(levels()))
            return lanes.any(lanes.compare(">=", n, least))

        with lanes.repeat_while(is_short):
            last = self.b.sub(levels(), machine.integer(1))
            if self.blocks is not None:
                self.blocks.double(self._level(last), self._level(levels()))
            self.b.call(self._double, [machine.memory, self._level(last), self._level(levels())])
            machine.put("levels", zero, self.b.add(levels(), machine.integer(1)))

    def _power_of_two(self, k: ir.Value) -> ir.Value:
        bits = self.b.shl(self.b.add(k, self.machine.integer(1023)), self.machine.integer(52))
        return self.b.bitcast(bits, DOUBLE)

    def _leaps(self, n: ir.Value) -> None:
        """A leap for every binary digit of n, from the largest."""
        lanes, machine = self.lanes, self.machine
        left = lanes.variable(lanes.vector, n)
        flags = lanes.variable(lanes.vector)
        levels = machine.get("levels", machine.integer(0), INDEX)
        with lanes.count(levels) as i:
            k = self.b.sub(self.b.sub(levels, machine.integer(1)), i)
            size = machine.everywhere(self._power_of_two(k))
            rest = self.b.load(left, typ=lanes.vector)
            wanted = lanes.compare(">=", rest, size)
            with self.b.if_then(lanes.any(wanted)):
                self.b.store(lanes.select(wanted, lanes.subtract(rest, size), rest), left)
                self.b.store(lanes.select(wanted, lanes.number(1.0), lanes.number(0.0)), flags)
                if self.blocks is not None:
                    self.blocks.leap(self._level(k), flags)
                self.b.call(self._leap, [machine.memory, self._level(k), flags])
