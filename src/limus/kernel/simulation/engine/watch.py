"""Events in every lane: where in a step a trigger changes, and what happens then.

The triggers are looked at a few times in a step, on the dense output. Between the last look at which none had changed
and the first at which one has, halving the interval leads to the first number at which it has.

Where one event is due and no event of the model has a delay, its assignments are made here and the triggers looked at
again. Whatever needs a choice (several events at once) or a memory (delays) ends the trajectory there, for
:func:`limus.kernel.simulation.hybrid.follow` to decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from llvmlite import ir

from limus.kernel.simulation.engine.lanes import DOUBLE, INDEX, POINTER
from limus.kernel.simulation.engine.machine import ENDLESS, EVENT, Machine
from limus.kernel.simulation.hybrid import LONGEST_STEP, LOOKS, MOST_EXECUTIONS

__all__ = ["Watch"]


class Watch:
    """Writes the search for changes.

    Parameters
    ----------
    machine : Machine
        Of a program with events.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine, self.lanes, self.frame = machine, machine.lanes, machine.frame
        self.events = machine.program.events

    def take_up(self, lane: ir.Value, trajectory: ir.Value, way: ir.Value) -> None:
        """What the triggers of a trajectory are at its start."""
        machine, b = self.machine, self.lanes.builder
        source, first = machine.word("triggers", POINTER), b.mul(trajectory, machine.integer(2 * self.events))
        with self.lanes.count(machine.integer(self.events)) as k:
            known = machine.item(source, b.add(first, k), DOUBLE)
            b.store(known, machine.cell(b.add(machine.integer(self.frame.known_triggers), k), lane))
        machine.put("limit", lane, ir.Constant(DOUBLE, math.inf))
        machine.put("executions", lane, ir.Constant(DOUBLE, 0.0))
        machine.put("longest", lane, b.fmul(way, ir.Constant(DOUBLE, LONGEST_STEP)))

    def tell(self, lane: ir.Value) -> None:
        """What the triggers of a lane's trajectory were and are."""
        machine, b = self.machine, self.lanes.builder
        target, place = machine.word("triggers", POINTER), machine.get("trajectory", lane, INDEX)
        place = b.mul(place, machine.integer(2 * self.events))
        for array in (self.frame.known_triggers, self.frame.triggers):
            with self.lanes.count(machine.integer(self.events)) as k:
                value = b.load(machine.cell(b.add(machine.integer(array), k), lane), typ=DOUBLE)
                machine.set_item(target, b.add(place, k), value)
            place = b.add(place, machine.integer(self.events))

    def found(self) -> ir.Value:
        """Lanes in which a trigger changed in the last step."""
        return self.lanes.compare("<", self.machine.vector("limit"), self.lanes.number(math.inf))

    def settle(self, found: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Go back to the time of change and let one event after the other happen.

        Parameters
        ----------
        found : mask
            Lanes in which a trigger changed.

        Returns
        -------
        mask
            Lanes in which an event happened and the trajectory goes on.
        vector
            What ends the trajectory, or 0.
        """
        machine, lanes = self.machine, self.lanes
        self._go_back(found)
        none, zero = ir.Constant(lanes.mask, [False] * lanes.width), lanes.number(0.0)
        is_open, executed = lanes.variable(lanes.mask, found), lanes.variable(lanes.mask, none)
        status = lanes.variable(lanes.vector, zero)
        self._see(self.frame.state)
        if not machine.program.is_immediate:
            lanes.store(lanes.select(found, lanes.number(EVENT), zero), status)
            lanes.builder.store(none, is_open)
        with lanes.repeat_while(lambda: lanes.any(self._mask(is_open))):
            turned = self._sum_of_turned()
            many = lanes.both(self._mask(is_open), lanes.compare(">", turned, lanes.number(1.0)))
            one = lanes.both(self._mask(is_open), lanes.compare("==", turned, lanes.number(1.0)))
            lanes.store(lanes.select(many, lanes.number(EVENT), lanes.load(status)), status)
            with lanes.builder.if_then(lanes.any(one)):
                self._execute(one)
            self._know(lanes.both(self._mask(is_open), lanes.opposite(many)))
            executions = machine.vector("executions")
            machine.set_vector("executions", lanes.select(one, lanes.add(executions, lanes.number(1.0)), executions))
            endless = lanes.both(one, lanes.compare(">", executions, lanes.number(MOST_EXECUTIONS)))
            lanes.store(lanes.select(endless, lanes.number(ENDLESS), lanes.load(status)), status)
            lanes.builder.store(lanes.either(self._mask(executed), one), executed)
            lanes.builder.store(lanes.both(one, lanes.opposite(endless)), is_open)
            self._see(self.frame.state)
        self._settled(found)
        return self._mask(executed), lanes.load(status)

    def _mask(self, variable: ir.Value) -> ir.Value:
        return self.lanes.builder.load(variable, typ=self.lanes.mask)

    def _see(self, state: int) -> None:
        self.lanes.store(self.machine.vector("t"), self.machine.memory, self.frame.time)
        self.machine.call("triggers", state, self.frame.triggers)

    def _go_back(self, found: ir.Value) -> None:
        """The state at the time of change; outputs at this very time are put out later."""
        machine, lanes, frame = self.machine, self.lanes, self.frame
        time = machine.vector("limit")
        machine.interpolate(lanes.select(found, time, machine.vector("old_t")))
        for slot, value in (("t", time), ("old_t", time), ("done_h", lanes.number(1.0))):
            machine.set_vector(slot, lanes.select(found, value, machine.vector(slot)))
        machine.set_vector("limit", lanes.number(math.inf))
        with lanes.count(machine.states) as i:
            state, then = (lanes.load(machine.array(place), i) for place in (frame.state, frame.trial))
            lanes.store(lanes.select(found, then, state), machine.array(frame.state), i)

    def _settled(self, found: ir.Value) -> None:
        """Dense output that is the state as it now is."""
        machine, lanes, frame = self.machine, self.lanes, self.frame
        with lanes.count(machine.states) as i:
            now, old = (lanes.load(machine.array(place), i) for place in (frame.state, frame.old_state))
            lanes.store(lanes.select(found, now, old), machine.array(frame.old_state), i)
            for place in frame.dense:
                kept = lanes.load(machine.array(place), i)
                lanes.store(lanes.select(found, lanes.number(0.0), kept), machine.array(place), i)

    def _turned(self, k: ir.Value | int) -> ir.Value:
        """Lanes in which trigger k is true and was not."""
        machine, lanes, frame = self.machine, self.lanes, self.frame
        now, known = (lanes.load(machine.array(place), k) for place in (frame.triggers, frame.known_triggers))
        zero = lanes.number(0.0)
        return lanes.both(lanes.compare("!=", now, zero), lanes.compare("==", known, zero))

    def _sum_of_turned(self) -> ir.Value:
        lanes = self.lanes

        def add(k: ir.Value, values: Sequence[ir.Value]) -> Sequence[ir.Value]:
            return [lanes.add(values[0], lanes.select(self._turned(k), lanes.number(1.0), lanes.number(0.0)))]

        return lanes.fold(self.machine.integer(self.events), [lanes.number(0.0)], add)[0]

    def _execute(self, one: ir.Value) -> None:
        """All assignments of the event that is due, at once."""
        machine, lanes, frame = self.machine, self.lanes, self.frame
        machine.call("kicks", frame.state, frame.kicks)
        for n, (event, target) in enumerate(machine.program.kicks):
            due = lanes.both(one, self._turned(event))
            value, state = lanes.load(machine.memory, frame.kicks + n), lanes.load(machine.memory, frame.state + target)
            lanes.store(lanes.select(due, value, state), machine.memory, frame.state + target)

    def _know(self, mask: ir.Value) -> None:
        """What the triggers are becomes what is known of them."""
        machine, lanes, frame = self.machine, self.lanes, self.frame
        with lanes.count(machine.integer(self.events)) as k:
            now, known = (lanes.load(machine.array(place), k) for place in (frame.triggers, frame.known_triggers))
            lanes.store(lanes.select(mask, now, known), machine.array(frame.known_triggers), k)

    def look(self) -> None:
        """Set ``limit`` to the first time of the step at which a trigger differs, or infinity."""
        machine, lanes, b = self.machine, self.lanes, self.lanes.builder
        begin, end = machine.vector("old_t"), machine.vector("t")
        moved = lanes.both(machine.is_active(), lanes.compare("!=", machine.vector("moved"), lanes.number(0.0)))
        left, right = lanes.variable(lanes.vector, begin), lanes.variable(lanes.vector, lanes.number(math.inf))
        share = ir.Constant(DOUBLE, 1.0 / LOOKS)
        with lanes.count(machine.integer(LOOKS)) as k:
            part = b.fmul(b.sitofp(b.add(k, machine.integer(1)), DOUBLE), share)
            time = lanes.multiply_add(lanes.subtract(end, begin), machine.everywhere(part), begin)
            time = lanes.select(lanes.compare("<", time, end), time, end)
            changed = self._changed(time)
            is_open = lanes.both(moved, lanes.compare("==", lanes.load(right), lanes.number(math.inf)))
            lanes.store(lanes.select(lanes.both(is_open, changed), time, lanes.load(right)), right)
            before = lanes.both(is_open, lanes.opposite(changed))
            lanes.store(lanes.select(before, time, lanes.load(left)), left)
        with lanes.repeat_while(lambda: lanes.any(self._between(left, right)[1])):
            middle, is_open = self._between(left, right)
            changed = self._changed(lanes.select(is_open, middle, end))
            lanes.store(lanes.select(lanes.both(is_open, changed), middle, lanes.load(right)), right)
            missed = lanes.both(is_open, lanes.opposite(changed))
            lanes.store(lanes.select(missed, middle, lanes.load(left)), left)
        machine.set_vector("limit", lanes.load(right))

    def _between(self, left: ir.Value, right: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The middle, and lanes in which it is neither end."""
        lanes = self.lanes
        a, b = lanes.load(left), lanes.load(right)
        middle = lanes.multiply(lanes.add(a, b), lanes.number(0.5))
        inside = lanes.both(lanes.compare("<", a, middle), lanes.compare("<", middle, b))
        return middle, lanes.both(inside, lanes.compare("<", b, lanes.number(math.inf)))

    def _changed(self, time: ir.Value) -> ir.Value:
        """Lanes in which any trigger at a time differs from what it was."""
        machine, lanes, frame = self.machine, self.lanes, self.frame
        machine.interpolate(time)
        machine.call("triggers", frame.trial, frame.triggers)
        differs = lanes.variable(lanes.mask, ir.Constant(lanes.mask, [False] * lanes.width))
        with lanes.count(machine.integer(self.events)) as k:
            now, known = (lanes.load(machine.array(place), k) for place in (frame.triggers, frame.known_triggers))
            so_far = lanes.builder.load(differs, typ=lanes.mask)
            lanes.builder.store(lanes.either(so_far, lanes.compare("!=", now, known)), differs)
        return lanes.builder.load(differs, typ=lanes.mask)
