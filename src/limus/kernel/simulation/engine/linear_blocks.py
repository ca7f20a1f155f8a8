r"""Exact steps of a linear model's sensitivities.

With A_j = dA/dp_j, g_j = dg/dp_j and Psi_j = dPhi/dp_j, a step of s_j = dy/dp_j is

    s_j(t + h) = s_j(t) + Psi_j(h) f(y(t)) + Phi(h) (A s_j(t) + A_j y(t) + g_j),

and the doubling of Phi, differentiated, doubles Psi_j:

    Psi_j(2 h) = 2 Psi_j(h) + Psi_j(h) A Phi(h) + Phi(h) (A_j Phi(h) + A Psi_j(h)).

A_j has entries only where A has, so Psi_j has them only where Phi has. One function serves every parameter.
Sensitivities are moved before the states, of which they need the values before the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from llvmlite import ir

from limus.kernel.simulation.engine.linear_pattern import LinearPattern
from limus.kernel.simulation.engine.linear_terms import Column, Terms
from limus.kernel.simulation.engine.machine import Machine

__all__ = ["BlockPropagation", "Places"]


@dataclass(frozen=True, slots=True)
class Places:
    """Where A, g, tau, its inverse and the table of propagators stand in the frame.

    A is followed by A_1, ..., A_P, g by g_1, ..., g_P, and each Phi of the table by Psi_1, ..., Psi_P.
    """

    slopes: int
    offsets: int
    tau: int
    one_over_tau: int
    table: int

    @classmethod
    def create(cls, first: int, pattern: LinearPattern) -> Places:
        """Lay them out from a place on; as many vectors as the pattern's ``memory``."""
        copies = 1 + pattern.parameters
        offsets = first + copies * len(pattern.places)
        tau = offsets + copies * pattern.size
        return cls(first, offsets, tau, tau + 1, tau + 2)


class BlockPropagation:
    """Writes what an exact step does for the block of every parameter.

    Parameters
    ----------
    machine : Machine
    pattern : LinearPattern
        With parameters.
    places : Places
    """

    def __init__(self, machine: Machine, pattern: LinearPattern, places: Places) -> None:
        self.machine, self.lanes, self.frame, self.pattern = machine, machine.lanes, machine.frame, pattern
        self.places, self.terms = places, Terms(machine.lanes, pattern)
        self._rates = self._write_rates()
        self._base = self._write_base()
        self._double = self._write_double()
        self._leap = self._write_leap()
        self._rest = self._write_rest()

    @property
    def b(self) -> ir.IRBuilder:
        """The builder of the open function."""
        return self.lanes.builder

    # ---- the functions

    def _write_rates(self) -> ir.Function:
        """``block_rates(frame)``: f(y), as the states stand."""
        lanes, size = self.lanes, range(self.pattern.size)
        function = lanes.function("block_rates", 1)
        memory = function.args[0]
        y: Column = [lanes.load(memory, self.frame.state + i) for i in size]
        start: Column = [
            lanes.add(lanes.load(memory, self.places.offsets + i), lanes.load(memory, self.frame.infusion + i))
            for i in size
        ]
        slopes = self.terms.slopes(lanes.at(memory, self.places.slopes))
        for i, rate in enumerate(self.terms.times(slopes, y, start)):
            lanes.store(rate, memory, self.frame.rates + i)
        self.b.ret_void()
        return function

    def _write_base(self) -> ir.Function:
        """``block_base(frame, A_j, out)``: Psi(tau), column by column."""
        lanes, size = self.lanes, range(self.pattern.size)
        function = lanes.function("block_base", 3)
        memory, moved, target = function.args
        slopes = self.terms.slopes(lanes.at(memory, self.places.slopes))
        tau, nothing = lanes.load(memory, self.places.tau), self.terms.nothing
        for column in size:
            term: Column = [tau if i == column else None for i in size]
            total = self.terms.moved_taylor(slopes, self.terms.slopes(moved), term, nothing, tau)
            self.terms.store_column(total, column, target)
        self.b.ret_void()
        return function

    def _write_double(self) -> ir.Function:
        """``block_double(frame, A_j, phi, psi, out)``: from Phi(h) and Psi(h) to Psi(2 h)."""
        lanes, terms = self.lanes, self.terms
        function = lanes.function("block_double", 5)
        memory, moved_slopes, *sources, target = function.args
        slopes, moved = terms.slopes(lanes.at(memory, self.places.slopes)), terms.slopes(moved_slopes)
        phi, psi = (terms.reached(source) for source in sources)
        for column in range(self.pattern.size):
            own, derived = terms.column(phi, column), terms.column(psi, column)
            total = terms.times(psi, terms.times(slopes, own), terms.add(derived, derived))
            total = terms.times(phi, terms.times(moved, own, terms.times(slopes, derived)), total)
            terms.store_column(total, column, target)
        self.b.ret_void()
        return function

    def _moved_rates(self, arguments: tuple[ir.Value, ...]) -> tuple[Column, Column, Column]:
        """s, f(y) and A s + A_j y + g_j with what is infused, of (frame, A_j, g_j, s, infusion)."""
        lanes, size = self.lanes, range(self.pattern.size)
        memory, moved_slopes, offsets, state, infusion = arguments
        s: Column = [lanes.load(state, i) for i in size]
        y: Column = [lanes.load(memory, self.frame.state + i) for i in size]
        rates: Column = [lanes.load(memory, self.frame.rates + i) for i in size]
        start: Column = [lanes.add(lanes.load(offsets, i), lanes.load(infusion, i)) for i in size]
        start = self.terms.times(self.terms.slopes(moved_slopes), y, start)
        return s, rates, self.terms.times(self.terms.slopes(lanes.at(memory, self.places.slopes)), s, start)

    def _write_leap(self) -> ir.Function:
        """``block_leap(frame, A_j, g_j, s, infusion, phi, psi, flags)``, in the lanes whose flag is not zero."""
        lanes = self.lanes
        function = lanes.function("block_leap", 8)
        *block, phi, psi, flags = function.args
        wanted = lanes.compare("!=", lanes.load(flags), lanes.number(0.0))
        s, rates, moved_rates = self._moved_rates(tuple(block))
        total = self.terms.times(self.terms.reached(psi), rates, s)
        total = self.terms.times(self.terms.reached(phi), moved_rates, total)
        for i, (old, new) in enumerate(zip(s, total, strict=True)):
            lanes.store(lanes.select(wanted, new, old), block[3], i)
        self.b.ret_void()
        return function

    def _write_rest(self) -> ir.Function:
        """``block_rest(frame, A_j, g_j, s, infusion, r)``: the step r < tau in every lane, by Taylor's sum."""
        lanes, terms = self.lanes, self.terms
        function = lanes.function("block_rest", 6)
        *block, length = function.args
        h = lanes.load(length)
        s, rates, moved_rates = self._moved_rates(tuple(block))
        slopes, moved = terms.slopes(lanes.at(block[0], self.places.slopes)), terms.slopes(block[1])
        term, moved_term = terms.scale(rates, h), terms.scale(moved_rates, h)
        change = terms.moved_taylor(slopes, moved, term, moved_term, h)
        for i, value in enumerate(terms.add(s, change)):
            lanes.store(value, block[3], i)
        self.b.ret_void()
        return function

    # ---- the stepping

    @contextmanager
    def _each(self) -> Iterator[tuple[ir.Value, ir.Value]]:
        """Do the body for the number of each block and the address of its A_j."""
        machine = self.machine
        with self.lanes.count(machine.parameters) as j:
            number = self.b.add(j, machine.integer(1))
            yield number, self._part(self.places.slopes, number, len(self.pattern.places))

    def _part(self, place: int, number: ir.Value, length: int) -> ir.Value:
        return self.machine.array(place, self.b.mul(number, self.machine.integer(length)))

    def _psi(self, level: ir.Value, number: ir.Value) -> ir.Value:
        return self.lanes.at(level, self.b.mul(number, self.machine.integer(len(self.pattern.reached))))

    def prepare(self, level: ir.Value) -> None:
        """Psi(tau) beside Phi(tau)."""
        with self._each() as (number, moved):
            self.b.call(self._base, [self.machine.memory, moved, self._psi(level, number)])

    def double(self, level: ir.Value, target: ir.Value) -> None:
        """Psi of the next level."""
        with self._each() as (number, moved):
            arguments = [self.machine.memory, moved, level, self._psi(level, number), self._psi(target, number)]
            self.b.call(self._double, arguments)

    def leap(self, level: ir.Value, flags: ir.Value) -> None:
        """A step by one propagator."""
        self.b.call(self._rates, [self.machine.memory])
        with self._each() as (number, moved):
            self.b.call(self._leap, [*self._block(number, moved), level, self._psi(level, number), flags])

    def rest(self, length: ir.Value) -> None:
        """The step that is shorter than tau."""
        self.b.call(self._rates, [self.machine.memory])
        with self._each() as (number, moved):
            self.b.call(self._rest, [*self._block(number, moved), length])

    def _block(self, number: ir.Value, moved: ir.Value) -> list[ir.Value]:
        machine, offset = self.machine, self.machine.block(number)
        offsets = self._part(self.places.offsets, number, self.pattern.size)
        arrays = (machine.array(place, offset) for place in (self.frame.state, self.frame.infusion))
        return [machine.memory, moved, offsets, *arrays]
