"""The whole integration as machine code: one worker takes trajectories from a range and keeps W of them in its lanes.

A round of the worker does, for all lanes at once:

1. lanes that took up a new trajectory compute their constants and initial state;
2. output times that lie behind a lane's time are put out from the dense output of its last step;
3. lanes that stand at a stop apply what happens there (doses, ends of infusions, changed inputs, resets); a lane at its
   end writes its status and takes up the next trajectory;
4. lanes that start or start anew choose a first step;
5. one step in each lane: of Rodas5P (``rodas.py``), or exact for a linear model (``linear.py``);
6. of a model with events, the first time within the step at which a trigger changes is looked for (``watch.py``); the
   next round begins with what happens then.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from llvmlite import ir

from limus.kernel.simulation.engine.lanes import DOUBLE, INDEX, POINTER, Lanes
from limus.kernel.simulation.engine.linear import Propagation
from limus.kernel.simulation.engine.machine import OK, Machine
from limus.kernel.simulation.engine.program import Program
from limus.kernel.simulation.engine.rodas import Rosenbrock
from limus.kernel.simulation.engine.watch import Watch
from limus.kernel.simulation.schedule import Action

__all__ = ["write_driver"]

_RUNNING, _NEW, _RESTARTING = 0.0, 1.0, 2.0  # of the slot "fresh"


class Stepper(Protocol):
    """Writes what advances the lanes."""

    def prepare(self) -> None:
        """After the constants changed."""

    def restart(self, restarting: ir.Value) -> None:
        """After a stop, in lanes of a mask."""

    def step(self) -> None:
        """Advance every lane; one that cannot go on gets an ``outcome``."""


def write_driver(lanes: Lanes, program: Program, inputs: int) -> None:
    """Write ``worker(words)`` into the module.

    Parameters
    ----------
    lanes : Lanes
    program : Program
    inputs : int
        Number of inputs of the model.
    """
    machine = Machine(lanes, program)
    _Driver(machine, Propagation(machine) if program.linear else Rosenbrock(machine), inputs).write()


class _Driver:
    """Writes the worker; each method one of its parts."""

    def __init__(self, machine: Machine, stepper: Stepper, inputs: int) -> None:
        self.machine, self.stepper, self.inputs = machine, stepper, inputs
        self.lanes, self.frame, self.states = machine.lanes, machine.frame, machine.states
        self.watch = Watch(machine) if machine.program.events else None
        self.refill: ir.Function

    @property
    def b(self) -> ir.IRBuilder:
        return self.lanes.builder

    def write(self) -> None:
        """Write ``refill(words, lane)`` and ``worker(words)``."""
        machine, lanes = self.machine, self.lanes
        self.refill = self._write_refill()
        machine.open(lanes.function("worker", 1))
        with lanes.count(machine.integer(lanes.width)) as lane:
            self.b.call(self.refill, [machine.words, lane])
        with lanes.repeat_while(lambda: lanes.any(machine.is_active())):
            with self.b.if_then(lanes.any(machine.is_new())):
                self._begin_trajectories()
            self._put_out()
            if self.watch is not None:
                self._settle(self.watch)
            self._stop()
            with self.b.if_then(self.b.not_(lanes.any(machine.is_new()))):
                restarting = lanes.compare("==", machine.vector("fresh"), lanes.number(_RESTARTING))
                with self.b.if_then(lanes.any(restarting)):
                    if machine.program.has_phases:
                        machine.renew_constants()
                        self.stepper.prepare()
                    self.stepper.restart(restarting)
                    running = lanes.select(restarting, lanes.number(_RUNNING), machine.vector("fresh"))
                    machine.set_vector("fresh", running)
                self.stepper.step()
                if self.watch is not None:
                    self.watch.look()
                self._give_up()
        self.b.ret_void()

    # ---- taking up a trajectory

    def _write_refill(self) -> ir.Function:
        """A lane takes up the next trajectory, or rests."""
        machine = self.machine
        function = self.lanes.function("refill", 1, INDEX)
        machine.open(function)
        lane = function.args[1]
        n = machine.word("begin", INDEX)
        with self.b.if_else(self.b.icmp_signed("<", n, machine.word("end", INDEX))) as (take, rest):
            with take:
                machine.set_word("begin", self.b.add(n, machine.integer(1)))
                self._take_up(lane, n)
            with rest:
                resting = {
                    "active": 0.0,
                    "fresh": _RUNNING,
                    "asked": float("inf"),
                    "stop": 1e300,
                    "end": 1e300,
                    "reach": 0.0,
                    "moved": 0.0,
                    "limit": float("inf"),
                    "longest": float("inf"),
                }
                for slot, value in (resting | {"h": 1e-3, "outcome": 0.0}).items():
                    machine.put(slot, lane, ir.Constant(DOUBLE, value))
        self.b.ret_void()
        return function

    def _take_up(self, lane: ir.Value, n: ir.Value) -> None:
        machine, b = self.machine, self.b
        source, row = machine.word("inputs", POINTER), b.mul(n, machine.integer(self.inputs))
        with self.lanes.count(machine.integer(self.inputs)) as i:
            value = machine.item(source, b.add(row, i), DOUBLE)
            b.store(value, machine.cell(b.add(machine.integer(self.frame.inputs), i), lane))
        with self.lanes.count(self.states) as i:
            for place in (self.frame.infused, self.frame.infusion):
                b.store(ir.Constant(DOUBLE, 0.0), machine.cell(b.add(machine.integer(place), i), lane))
        first, last = (machine.item(machine.word(name, POINTER), n, INDEX) for name in ("first_rows", "last_rows"))
        time = b.mul(n, machine.word("time_stride", INDEX))
        count = machine.item(machine.word("time_counts", POINTER), n, INDEX)
        times = machine.word("times", POINTER)
        start, zero = machine.item(machine.word("starts", POINTER), n, DOUBLE), ir.Constant(DOUBLE, 0.0)
        end = machine.item(times, b.sub(b.add(time, count), machine.integer(1)), DOUBLE)
        machine.put("trajectory", lane, n)
        machine.put("next_row", lane, first)
        machine.put("last_row", lane, last)
        machine.put("next_time", lane, time)
        machine.put("last_time", lane, b.add(time, count))
        machine.put("next_value", lane, b.mul(n, machine.word("value_stride", INDEX)))
        machine.put("asked", lane, machine.item(times, time, DOUBLE))
        machine.put("end", lane, end)
        machine.put("reach", lane, b.select(b.fcmp_ordered("<", start, zero), b.fneg(start), start))
        self._aim(lane)
        for slot in ("t", "old_t"):
            machine.put(slot, lane, start)
        if self.watch is not None:
            self.watch.take_up(lane, n, b.fsub(end, start))
        begun = {"active": 1.0, "fresh": _NEW, "done_h": 1.0, "steps": 0.0, "h": 1e-3, "outcome": 0.0}
        for slot, value in begun.items():
            machine.put(slot, lane, ir.Constant(DOUBLE, value))

    def _aim(self, lane: ir.Value) -> None:
        """The next stop: the next row of the schedule, or the end."""
        machine, b = self.machine, self.b
        k, last = machine.get("next_row", lane, INDEX), machine.get("last_row", lane, INDEX)
        machine.put("stop", lane, machine.get("end", lane))
        with b.if_then(b.icmp_signed("<", k, last)):
            time = machine.item(machine.word("row_times", POINTER), k, DOUBLE)
            end = machine.get("end", lane)
            machine.put("stop", lane, b.select(b.fcmp_ordered("<", time, end), time, end))

    def _begin_trajectories(self) -> None:
        lanes, frame, machine = self.lanes, self.frame, self.machine
        new = machine.is_new()
        machine.renew_constants()
        machine.call_anew("initial", frame.trial)
        with lanes.count(self.states) as i:
            for place in (frame.state, frame.old_state):
                kept = lanes.load(machine.array(place), i)
                value = lanes.select(new, lanes.load(machine.array(frame.trial), i), kept)
                lanes.store(value, machine.array(place), i)
            for place in frame.dense:
                kept = lanes.load(machine.array(place), i)
                lanes.store(lanes.select(new, lanes.number(0.0), kept), machine.array(place), i)
        machine.set_vector("fresh", lanes.select(new, lanes.number(_RESTARTING), machine.vector("fresh")))
        self.stepper.prepare()

    # ---- output

    def _pending(self) -> ir.Value:
        machine, lanes = self.machine, self.lanes
        pending = lanes.both(machine.is_active(), lanes.compare("<=", machine.vector("asked"), machine.now()))
        if self.watch is None:
            return pending
        return lanes.both(pending, lanes.compare("<", machine.vector("asked"), machine.vector("limit")))

    def _put_out(self) -> None:
        lanes, frame, machine = self.lanes, self.frame, self.machine
        with lanes.repeat_while(lambda: lanes.any(self._pending())):
            pending = self._pending()
            reached = lanes.minimum(machine.vector("asked"), machine.vector("t"))
            asked = lanes.select(pending, reached, machine.vector("old_t"))
            machine.interpolate(asked)
            machine.call("outputs", frame.trial, frame.outputs)
            with machine.each_lane(pending) as lane:
                self._write_outputs(lane)

    def _write_outputs(self, lane: ir.Value) -> None:
        machine, b = self.machine, self.b
        width = machine.integer(machine.program.outputs)
        row = machine.get("next_value", lane, INDEX)
        start, values = b.mul(row, width), machine.word("values", POINTER)
        with self.lanes.count(width) as i:
            value = b.load(machine.cell(b.add(machine.integer(self.frame.outputs), i), lane), typ=DOUBLE)
            machine.set_item(values, b.add(start, i), value)
        machine.put("next_value", lane, b.add(row, machine.integer(1)))
        following = b.add(machine.get("next_time", lane, INDEX), machine.integer(1))
        machine.put("next_time", lane, following)
        more = b.icmp_signed("<", following, machine.get("last_time", lane, INDEX))
        with b.if_else(more) as (some, none):
            with some:
                machine.put("asked", lane, machine.item(machine.word("times", POINTER), following, DOUBLE))
            with none:
                machine.put("asked", lane, ir.Constant(DOUBLE, float("inf")))

    # ---- stops

    def _stop(self) -> None:
        """Let happen what is due; a lane that took up a new trajectory in this very loop has not begun it."""
        lanes, machine = self.lanes, self.machine
        machine.set_vector("now", machine.now())
        standing = lanes.compare(">=", machine.vector("now"), machine.vector("stop"))
        begun = lanes.compare("!=", machine.vector("fresh"), lanes.number(_NEW))
        due = lanes.both(lanes.both(machine.is_active(), begun), standing)
        with self.b.if_then(lanes.any(due)):
            lanes.store(machine.vector("t"), machine.memory, self.frame.time)
            machine.call_anew("dose_scale", self.frame.state, self.frame.rates)
            flags = (lanes.variable(INDEX, machine.integer(0)) for _ in range(3))
            self.is_stale, self.has_changed, self.infuses = flags
            with machine.each_lane(due) as lane:
                self.b.store(machine.integer(0), self.infuses)
                self._stop_lane(lane)
                self._renew_if_stale()
                with self._if_set(self.infuses):
                    self._infuse(lane)
            with self._if_set(self.has_changed):
                self.stepper.prepare()

    def _if_set(self, flag: ir.Value) -> AbstractContextManager[object]:
        value = self.b.load(flag, typ=INDEX)
        return self.b.if_then(self.b.icmp_signed("!=", value, self.machine.integer(0)))

    def _renew_if_stale(self) -> None:
        """After inputs changed, compute anew what depends on them."""
        with self._if_set(self.is_stale):
            self.machine.renew_constants()
            self.lanes.store(self.machine.vector("t"), self.machine.memory, self.frame.time)
            self.machine.call_anew("dose_scale", self.frame.state, self.frame.rates)
            self.b.store(self.machine.integer(0), self.is_stale)

    def _stop_lane(self, lane: ir.Value) -> None:
        machine, b = self.machine, self.b
        now = machine.get("now", lane)
        with b.if_else(b.fcmp_ordered(">=", now, machine.get("end", lane))) as (ended, going):
            with ended:
                self._finish(lane, machine.integer(OK))
            with going:
                self._apply_rows(lane, now)
                self._aim(lane)
                machine.put("fresh", lane, ir.Constant(DOUBLE, _RESTARTING))

    def _apply_rows(self, lane: ir.Value, now: ir.Value) -> None:
        machine, b = self.machine, self.b
        last = machine.get("last_row", lane, INDEX)

        def is_due() -> ir.Value:
            k = machine.get("next_row", lane, INDEX)
            inside = b.icmp_signed("<", k, last)
            clamped = b.select(inside, k, machine.integer(0))  # the array is never empty
            time = machine.item(machine.word("row_times", POINTER), clamped, DOUBLE)
            return b.and_(inside, b.fcmp_ordered("<=", time, now))

        with self.lanes.repeat_while(is_due):
            k = machine.get("next_row", lane, INDEX)
            self._apply_row(lane, k)
            machine.put("next_row", lane, b.add(k, machine.integer(1)))

    def _apply_row(self, lane: ir.Value, k: ir.Value) -> None:
        machine, b, frame = self.machine, self.b, self.frame
        action, target = (
            machine.item(machine.word(name, POINTER), k, INDEX) for name in ("row_actions", "row_targets")
        )
        amount = machine.item(machine.word("row_amounts", POINTER), k, DOUBLE)

        def place(array: int, block: ir.Value | None = None) -> ir.Value:
            first = machine.integer(array) if block is None else b.add(machine.integer(array), block)
            return machine.cell(b.add(first, target), lane)

        def change(address: ir.Value, by: ir.Value) -> None:
            b.store(b.fadd(b.load(address, typ=DOUBLE), by), address)

        def when(wanted: Action) -> AbstractContextManager[object]:
            return b.if_then(b.icmp_signed("==", action, machine.integer(int(wanted))))

        with when(Action.INPUT):
            b.store(amount, place(frame.inputs))
            for flag in (self.is_stale, self.has_changed, self.infuses):
                b.store(machine.integer(1), flag)
        with b.if_then(b.icmp_signed("!=", action, machine.integer(int(Action.INPUT)))):
            self._renew_if_stale()
        with when(Action.RESET):
            self._reset(lane)
            b.store(machine.integer(1), self.infuses)
        with when(Action.STATE):
            b.store(amount, place(frame.state))
        with when(Action.SHIFT):
            change(place(frame.state), amount)
        with when(Action.DOSE), machine.each_block() as block:
            with b.if_then(b.fcmp_unordered("!=", amount, ir.Constant(DOUBLE, 0.0))):
                scale = b.load(place(frame.rates, block), typ=DOUBLE)
                change(place(frame.state, block), b.fmul(amount, scale))
            rate = machine.item(machine.word("row_rates", POINTER), k, DOUBLE)
            with b.if_then(b.fcmp_unordered("!=", rate, ir.Constant(DOUBLE, 0.0))):
                change(place(frame.infused, block), rate)
                b.store(machine.integer(1), self.infuses)
        if machine.program.blocks is not None:
            with when(Action.SWITCH):
                self._switch(lane, b.add(target, machine.integer(1)), amount)

    def _reset(self, lane: ir.Value) -> None:
        machine, b, frame = self.machine, self.b, self.frame
        machine.call_anew("initial", frame.trial)
        with self.lanes.count(self.states) as i:
            begin = b.load(machine.cell(b.add(machine.integer(frame.trial), i), lane), typ=DOUBLE)
            b.store(begin, machine.cell(b.add(machine.integer(frame.state), i), lane))
            b.store(ir.Constant(DOUBLE, 0.0), machine.cell(b.add(machine.integer(frame.infused), i), lane))

    def _switch(self, lane: ir.Value, number: ir.Value, shift: ir.Value) -> None:
        """The rates jump at a time that moves by ``shift`` with a parameter: its block jumps by what is missed."""
        machine, lanes, b, frame = self.machine, self.lanes, self.b, self.frame
        t, margin = machine.vector("t"), machine.margin(machine.vector("t"))
        times, arrays = (lanes.subtract(t, margin), lanes.add(t, margin)), frame.stages[:2]  # free between steps
        for time, array in zip(times, arrays, strict=True):
            machine.renew_constants(time)
            machine.call_onto_zeros("add_rates", frame.state, array)
        lanes.store(machine.vector("t"), machine.memory, frame.time)
        block = machine.block(number)
        with lanes.count(machine.size) as i:
            before, after = (
                b.load(machine.cell(b.add(machine.integer(array), i), lane), typ=DOUBLE) for array in arrays
            )
            moved = machine.cell(b.add(b.add(machine.integer(frame.state), block), i), lane)
            b.store(b.fadd(b.load(moved, typ=DOUBLE), b.fmul(shift, b.fsub(before, after))), moved)

    def _infuse(self, lane: ir.Value) -> None:
        """Infusions in the states' units: their scale may have changed with an input."""
        machine, b, frame = self.machine, self.b, self.frame
        zero = ir.Constant(DOUBLE, 0.0)
        with self.lanes.count(self.states) as i:
            infused, scale = (
                b.load(machine.cell(b.add(machine.integer(array), i), lane), typ=DOUBLE)
                for array in (frame.infused, frame.rates)
            )
            running = b.fcmp_unordered("!=", infused, zero)
            rate = b.select(running, b.fmul(infused, scale), zero)
            b.store(rate, machine.cell(b.add(machine.integer(frame.infusion), i), lane))

    # ---- endings

    def _give_up(self) -> None:
        """End the lanes that the stepper could not advance."""
        lanes, machine = self.lanes, self.machine
        ended = lanes.compare("!=", machine.vector("outcome"), lanes.number(0.0))
        with self.b.if_then(lanes.any(ended)), machine.each_lane(ended) as lane:
            self._finish(lane, self.b.fptosi(machine.get("outcome", lane), INDEX))

    def _settle(self, watch: Watch) -> None:
        """Let events happen in lanes in which a trigger changed; lanes where it takes more than that end there."""
        lanes, machine = self.lanes, self.machine
        found = lanes.both(machine.is_active(), watch.found())
        with self.b.if_then(lanes.any(found)):
            executed, status = watch.settle(found)
            fresh = lanes.select(executed, lanes.number(_RESTARTING), machine.vector("fresh"))
            machine.set_vector("fresh", fresh)
            ended = lanes.compare("!=", status, lanes.number(0.0))
            machine.set_vector("outcome", status)
            with machine.each_lane(ended) as lane:
                self._finish(lane, self.b.fptosi(machine.get("outcome", lane), INDEX))

    def _finish(self, lane: ir.Value, status: ir.Value) -> None:
        machine, b = self.machine, self.b
        n = machine.get("trajectory", lane, INDEX)
        machine.set_item(machine.word("status", POINTER), n, status)
        machine.set_item(machine.word("steps", POINTER), n, machine.get("steps", lane))
        machine.set_item(machine.word("failure_times", POINTER), n, machine.get("t", lane))
        ends, row = machine.word("end_states", POINTER), b.mul(n, self.states)
        with self.lanes.count(self.states) as i:
            value = b.load(machine.cell(b.add(machine.integer(self.frame.state), i), lane), typ=DOUBLE)
            machine.set_item(ends, b.add(row, i), value)
        if self.watch is not None:
            self.watch.tell(lane)
        b.call(self.refill, [machine.words, lane])
