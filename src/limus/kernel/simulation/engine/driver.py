"""The whole integration as machine code: one worker takes trajectories from a range and keeps W of them in its lanes.

A round of the worker does, for all lanes at once:

1. lanes that took up a new trajectory compute their constants and initial state;
2. output times that lie behind a lane's time are put out from the dense output of its last step;
3. lanes that stand at a stop apply what happens there (doses, ends of infusions); a lane at its end writes its status
   and takes up the next trajectory;
4. lanes that start or start anew choose a first step;
5. one step of Rodas5P with each lane's own time and step; lanes whose error is too large keep their state.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from limus.kernel.simulation.engine import tableau
from limus.kernel.simulation.engine.elementary import exp, ln
from limus.kernel.simulation.engine.lanes import DOUBLE, INDEX, POINTER, Lanes
from limus.kernel.simulation.engine.program import Program

__all__ = ["SLOTS", "STATUS_WORDS", "write_driver"]

# what the caller passes: an array of 64-bit words in this order
SLOTS = (
    "frame",
    "begin",
    "end",
    "inputs",
    "times",
    "time_count",
    "event_offsets",
    "event_times",
    "event_states",
    "event_amounts",
    "event_rates",
    "values",
    "status",
    "failure_times",
    "steps",
    "relative_tolerance",
    "absolute_tolerance",
    "most_steps",
    "start",
    "margin",
)

STATUS_WORDS = {0: "not run", 1: "ok", 2: "the step became too small", 3: "too many steps"}
_OK, _TOO_SMALL, _TOO_MANY = 1, 2, 3

_SAFETY, _LEAST, _MOST = 0.9, 0.2, 6.0
_SMALLEST_STEP = 1e-14
_FIRST = 0.01


def write_driver(lanes: Lanes, program: Program, inputs: int) -> None:
    """Write ``worker(words)`` into the module.

    Parameters
    ----------
    lanes : Lanes
    program : Program
    inputs : int
        Number of inputs of the model.
    """
    _Driver(lanes, program, inputs).write()


class _Driver:
    """Writes the worker; each method one of its parts."""

    def __init__(self, lanes: Lanes, program: Program, inputs: int) -> None:
        self.lanes, self.program, self.inputs = lanes, program, inputs
        self.frame = program.frame
        self.states = ir.Constant(INDEX, program.states)

    # ---- words and cells

    def word(self, name: str, kind: ir.Type) -> ir.Value:
        """Load one of the words that the caller passed."""
        place = ir.Constant(INDEX, SLOTS.index(name))
        return self.b.load(self.b.gep(self.words, [place], inbounds=True, source_etype=INDEX), typ=kind)

    def set_word(self, name: str, value: ir.Value) -> None:
        place = ir.Constant(INDEX, SLOTS.index(name))
        self.b.store(value, self.b.gep(self.words, [place], inbounds=True, source_etype=INDEX))

    def cell(self, place: int | ir.Value, lane: ir.Value) -> ir.Value:
        """Address of one lane of one vector of the frame."""
        start = ir.Constant(INDEX, place) if isinstance(place, int) else place
        index = self.b.add(self.b.mul(start, ir.Constant(INDEX, self.lanes.width)), lane)
        return self.b.gep(self.memory, [index], inbounds=True, source_etype=DOUBLE)

    def get(self, slot: str, lane: ir.Value, kind: ir.Type = DOUBLE) -> ir.Value:
        return self.b.load(self.cell(self.frame.lane[slot], lane), typ=kind)

    def put(self, slot: str, lane: ir.Value, value: ir.Value) -> None:
        self.b.store(value, self.cell(self.frame.lane[slot], lane))

    def item(self, array: ir.Value, index: ir.Value, kind: ir.Type) -> ir.Value:
        return self.b.load(self.b.gep(array, [index], inbounds=True, source_etype=kind), typ=kind)

    def set_item(self, array: ir.Value, index: ir.Value, value: ir.Value) -> None:
        self.b.store(value, self.b.gep(array, [index], inbounds=True, source_etype=value.type))

    def vector(self, slot: str) -> ir.Value:
        return self.lanes.load(self.memory, self.frame.lane[slot])

    def set_vector(self, slot: str, value: ir.Value) -> None:
        self.lanes.store(value, self.memory, self.frame.lane[slot])

    def array(self, place: int) -> ir.Value:
        """Address of an array of the frame."""
        return self.lanes.at(self.memory, place)

    def call(self, name: str, *places: int) -> None:
        self.b.call(self.program.functions[name], [self.memory, *map(self.array, places)])

    @property
    def b(self) -> ir.IRBuilder:
        return self.lanes.builder

    def integer(self, value: int) -> ir.Constant:
        return ir.Constant(INDEX, value)

    def is_active(self) -> ir.Value:
        return self.lanes.compare("!=", self.vector("active"), self.lanes.number(0.0))

    def is_new(self) -> ir.Value:
        return self.lanes.compare("==", self.vector("fresh"), self.lanes.number(1.0))

    # ---- the worker

    def write(self) -> None:
        """Write ``refill(words, lane)`` and ``worker(words)``."""
        self.refill = self._write_refill()
        function = self.lanes.function("worker", 1)
        self._open(function)
        with self.lanes.count(self.integer(self.lanes.width)) as lane:
            self.b.call(self.refill, [self.words, lane])
        with self.lanes.repeat_while(lambda: self.lanes.any(self.is_active())):
            with self.b.if_then(self.lanes.any(self.is_new())):
                self._begin_trajectories()
            self._put_out()
            self._apply_events()
            with self.b.if_then(self.b.not_(self.lanes.any(self.is_new()))):
                restarting = self.lanes.compare("==", self.vector("fresh"), self.lanes.number(2.0))
                with self.b.if_then(self.lanes.any(restarting)):
                    self._choose_first_step(restarting)
                self._step()
        self.b.ret_void()

    def _open(self, function: ir.Function) -> None:
        self.words = function.args[0]
        self.memory = self.word("frame", POINTER)

    def _write_refill(self) -> ir.Function:
        """A lane takes up the next trajectory, or rests."""
        module = self.lanes.module
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER, INDEX]), "refill")
        function.attributes.add("noinline")
        self.lanes.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self._open(function)
        lane = function.args[1]
        n = self.word("begin", INDEX)
        with self.b.if_else(self.b.icmp_signed("<", n, self.word("end", INDEX))) as (take, rest):
            with take:
                self.set_word("begin", self.b.add(n, self.integer(1)))
                self._take_up(lane, n)
            with rest:
                for slot, value in (("active", 0.0), ("fresh", 0.0), ("asked", float("inf")), ("stop", 1e300)):
                    self.put(slot, lane, ir.Constant(DOUBLE, value))
                self.put("h", lane, ir.Constant(DOUBLE, 1e-3))
        self.b.ret_void()
        return function

    def _take_up(self, lane: ir.Value, n: ir.Value) -> None:
        row = self.b.mul(n, self.integer(self.inputs))
        source = self.word("inputs", POINTER)
        with self.lanes.count(self.integer(self.inputs)) as i:
            value = self.item(source, self.b.add(row, i), DOUBLE)
            self.b.store(value, self.cell(self.b.add(self.integer(self.frame.inputs), i), lane))
        with self.lanes.count(self.states) as i:
            place = self.b.add(self.integer(self.frame.infusion), i)
            self.b.store(ir.Constant(DOUBLE, 0.0), self.cell(place, lane))
        offsets = self.word("event_offsets", POINTER)
        first = self.item(offsets, n, INDEX)
        start = self.word("start", DOUBLE)
        self.put("trajectory", lane, n)
        self.put("next_event", lane, first)
        self.put("last_event", lane, self.item(offsets, self.b.add(n, self.integer(1)), INDEX))
        self.put("next_output", lane, self.integer(0))
        self.put("stop", lane, self.item(self.word("event_times", POINTER), first, DOUBLE))
        self.put("asked", lane, self.item(self.word("times", POINTER), self.integer(0), DOUBLE))
        for slot in ("t", "old_t"):
            self.put(slot, lane, start)
        for slot, value in (("active", 1.0), ("fresh", 1.0), ("done_h", 1.0), ("steps", 0.0), ("h", 1e-3)):
            self.put(slot, lane, ir.Constant(DOUBLE, value))

    def _begin_trajectories(self) -> None:
        lanes, frame = self.lanes, self.frame
        new = self.is_new()
        self.call("constants")
        self.call("initial", frame.trial)
        with lanes.count(self.states) as i:
            for place in (frame.state, frame.old_state):
                kept = lanes.load(self.array(place), i)
                lanes.store(lanes.select(new, lanes.load(self.array(frame.trial), i), kept), self.array(place), i)
            for place in frame.dense:
                kept = lanes.load(self.array(place), i)
                lanes.store(lanes.select(new, lanes.number(0.0), kept), self.array(place), i)
        self.set_vector("fresh", lanes.select(new, lanes.number(2.0), self.vector("fresh")))

    # ---- output

    def _pending(self) -> ir.Value:
        return self.lanes.both(self.is_active(), self.lanes.compare("<=", self.vector("asked"), self.vector("t")))

    def _put_out(self) -> None:
        lanes, frame = self.lanes, self.frame
        with lanes.repeat_while(lambda: lanes.any(self._pending())):
            pending = self._pending()
            asked = lanes.select(pending, self.vector("asked"), self.vector("old_t"))
            s = lanes.divide(lanes.subtract(asked, self.vector("old_t")), self.vector("done_h"))
            rest = lanes.subtract(lanes.number(1.0), s)
            with lanes.count(self.states) as i:
                old, new = (lanes.load(self.array(place), i) for place in (frame.old_state, frame.state))
                k1, k2, k3 = (lanes.load(self.array(place), i) for place in frame.dense)
                bend = lanes.multiply_add(s, lanes.multiply_add(s, k3, k2), k1)
                value = lanes.multiply(s, lanes.multiply_add(rest, bend, new))
                lanes.store(lanes.multiply_add(rest, old, value), self.array(frame.trial), i)
            lanes.store(asked, self.memory, frame.time)
            self.call("outputs", frame.trial, frame.outputs)
            with lanes.count(self.integer(lanes.width)) as lane:
                waiting = self.b.fcmp_ordered("<=", self.get("asked", lane), self.get("t", lane))
                active = self.b.fcmp_ordered("!=", self.get("active", lane), ir.Constant(DOUBLE, 0.0))
                with self.b.if_then(self.b.and_(waiting, active)):
                    self._write_outputs(lane)

    def _write_outputs(self, lane: ir.Value) -> None:
        count, width = self.word("time_count", INDEX), self.integer(self.program.outputs)
        k = self.get("next_output", lane, INDEX)
        row = self.b.add(self.b.mul(self.get("trajectory", lane, INDEX), count), k)
        start = self.b.mul(row, width)
        values = self.word("values", POINTER)
        with self.lanes.count(width) as i:
            value = self.b.load(self.cell(self.b.add(self.integer(self.frame.outputs), i), lane), typ=DOUBLE)
            self.set_item(values, self.b.add(start, i), value)
        following = self.b.add(k, self.integer(1))
        self.put("next_output", lane, following)
        more = self.b.icmp_signed("<", following, count)
        with self.b.if_else(more) as (some, none):
            with some:
                self.put("asked", lane, self.item(self.word("times", POINTER), following, DOUBLE))
            with none:
                self.put("asked", lane, ir.Constant(DOUBLE, float("inf")))

    # ---- stops

    def _apply_events(self) -> None:
        lanes = self.lanes
        due = lanes.both(self.is_active(), lanes.compare(">=", self.vector("t"), self.vector("stop")))
        with self.b.if_then(lanes.any(due)):
            lanes.store(self.vector("t"), self.memory, self.frame.time)
            self.call("dose_scale", self.frame.state, self.frame.rates)
            with lanes.count(self.integer(lanes.width)) as lane:
                reached = self.b.fcmp_ordered(">=", self.get("t", lane), self.get("stop", lane))
                active = self.b.fcmp_ordered("!=", self.get("active", lane), ir.Constant(DOUBLE, 0.0))
                # a lane that took up a new trajectory in this very loop has not begun it
                begun = self.b.fcmp_ordered("!=", self.get("fresh", lane), ir.Constant(DOUBLE, 1.0))
                with self.b.if_then(self.b.and_(self.b.and_(reached, active), begun)):
                    self._apply_lane_events(lane)

    def _apply_lane_events(self, lane: ir.Value) -> None:
        times = self.word("event_times", POINTER)
        last = self.get("last_event", lane, INDEX)
        t = self.get("t", lane)

        def is_due() -> ir.Value:
            k = self.get("next_event", lane, INDEX)
            inside = self.b.icmp_signed("<", k, last)
            clamped = self.b.select(inside, k, self.b.sub(last, self.integer(1)))
            return self.b.and_(inside, self.b.fcmp_ordered("<=", self.item(times, clamped, DOUBLE), t))

        with self.lanes.repeat_while(is_due):
            k = self.get("next_event", lane, INDEX)
            state = self.item(self.word("event_states", POINTER), k, INDEX)
            scale = self.b.load(self.cell(self.b.add(self.integer(self.frame.rates), state), lane), typ=DOUBLE)
            for name, array in (("event_amounts", self.frame.state), ("event_rates", self.frame.infusion)):
                amount = self.item(self.word(name, POINTER), k, DOUBLE)
                place = self.cell(self.b.add(self.integer(array), state), lane)
                nothing = self.b.fcmp_ordered("==", amount, ir.Constant(DOUBLE, 0.0))
                with self.b.if_then(self.b.not_(nothing)):
                    changed = self.b.fadd(self.b.load(place, typ=DOUBLE), self.b.fmul(amount, scale))
                    self.b.store(changed, place)
            self.put("next_event", lane, self.b.add(k, self.integer(1)))
        k = self.get("next_event", lane, INDEX)
        with self.b.if_else(self.b.icmp_signed("<", k, last)) as (more, done):
            with more:
                self.put("stop", lane, self.item(times, k, DOUBLE))
                self.put("fresh", lane, ir.Constant(DOUBLE, 2.0))
            with done:
                self._finish(lane, _OK)

    def _finish(self, lane: ir.Value, status: int) -> None:
        n = self.get("trajectory", lane, INDEX)
        self.set_item(self.word("status", POINTER), n, self.integer(status))
        self.set_item(self.word("steps", POINTER), n, self.get("steps", lane))
        if status != _OK:
            self.set_item(self.word("failure_times", POINTER), n, self.get("t", lane))
        self.b.call(self.refill, [self.words, lane])

    # ---- steps

    def _everywhere(self, value: ir.Value) -> ir.Value:
        """A number in every lane."""
        one = self.b.insert_element(ir.Constant(self.lanes.vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes.width), [0] * self.lanes.width)
        return self.b.shuffle_vector(one, one, zeros)

    def _tolerance(self, name: str) -> ir.Value:
        return self._everywhere(self.word(f"{name}_tolerance", DOUBLE))

    def _sum_over_states(self, term: Callable[[ir.Value], ir.Value]) -> ir.Value:
        """Sum of ``term(state)`` over the states, lane by lane."""
        total = self.lanes.variable(self.lanes.vector, self.lanes.number(0.0))
        with self.lanes.count(self.states) as i:
            so_far = self.b.load(total, typ=self.lanes.vector)
            self.b.store(self.lanes.add(so_far, term(i)), total)
        return self.b.load(total, typ=self.lanes.vector)

    def _choose_first_step(self, restarting: ir.Value) -> None:
        """H = 0.01 |y| / |f| in the weighted norm, or a millionth of the way where either vanishes (Hairer, Wanner)."""
        lanes, frame = self.lanes, self.frame
        margin = self._everywhere(self.word("margin", DOUBLE))
        lanes.store(lanes.add(self.vector("t"), margin), self.memory, frame.time)
        self.call("rates", frame.state, frame.rates)
        relative, absolute = self._tolerance("relative"), self._tolerance("absolute")

        def weighted(i: ir.Value, *arrays: int) -> ir.Value:
            y = lanes.load(self.array(frame.state), i)
            total = lanes.load(self.array(arrays[0]), i)
            for place in arrays[1:]:
                total = lanes.add(total, lanes.load(self.array(place), i))
            ratio = lanes.divide(total, lanes.multiply_add(relative, lanes.call("fabs", y), absolute))
            return lanes.multiply(ratio, ratio)

        size = lanes.call("sqrt", self._sum_over_states(lambda i: weighted(i, frame.state)))
        speed = lanes.call("sqrt", self._sum_over_states(lambda i: weighted(i, frame.rates, frame.infusion)))
        way = lanes.subtract(self.vector("stop"), self.vector("t"))
        small = lanes.multiply(way, lanes.number(1e-6))
        guess = lanes.divide(lanes.multiply(size, lanes.number(_FIRST)), speed)
        usable = lanes.both(
            lanes.compare(">", guess, lanes.number(0.0)), lanes.compare("<", guess, lanes.number(1e300))
        )
        first = lanes.minimum(lanes.select(usable, guess, small), way)
        self.set_vector("h", lanes.select(restarting, first, self.vector("h")))
        self.set_vector("fresh", lanes.select(restarting, lanes.number(0.0), self.vector("fresh")))

    def _step(self) -> None:
        lanes = self.lanes
        t, way = self.vector("t"), lanes.subtract(self.vector("stop"), self.vector("t"))
        # a step that would leave a sliver before the stop goes there at once
        reaches = lanes.compare(">=", lanes.multiply(self.vector("h"), lanes.number(1.000001)), way)
        h = lanes.select(reaches, way, self.vector("h"))
        h = lanes.select(self.is_active(), h, lanes.number(1e-3))
        # conditions on time change at stops: a step looks at times strictly inside only
        margin = self._everywhere(self.word("margin", DOUBLE))
        inside = lanes.add(t, margin), lanes.subtract(self.vector("stop"), margin)
        self._stages(t, h, inside)
        error = self._error()
        finite = lanes.both(
            lanes.compare(">=", error, lanes.number(0.0)), lanes.compare("<", error, lanes.number(1e100))
        )
        error = lanes.maximum(lanes.select(finite, error, lanes.number(1e10)), lanes.number(1e-10))
        accepted = lanes.both(self.is_active(), lanes.compare("<=", error, lanes.number(1.0)))
        factor = exp(lanes, lanes.multiply(ln(lanes, error), lanes.number(-1.0 / tableau.ORDER)))
        factor = lanes.maximum(lanes.multiply(factor, lanes.number(_SAFETY)), lanes.number(_LEAST))
        self.set_vector("h", lanes.multiply(h, lanes.minimum(factor, lanes.number(_MOST))))
        self.set_vector("steps", lanes.add(self.vector("steps"), lanes.number(1.0)))
        end = lanes.select(reaches, self.vector("stop"), lanes.add(t, h))
        asked = lanes.both(accepted, lanes.compare("<=", self.vector("asked"), end))
        with self.b.if_then(lanes.any(asked)):
            self._dense_output()
        self._accept(accepted, t, h, end)
        self._give_up(accepted, t, h)

    def _stages(self, t: ir.Value, h: ir.Value, inside: tuple[ir.Value, ir.Value]) -> None:
        lanes, frame = self.lanes, self.frame
        one_over_h = lanes.divide(lanes.number(1.0), h)
        lanes.store(lanes.multiply(one_over_h, lanes.number(1.0 / tableau.GAMMA)), self.memory, frame.inverse)
        lanes.store(inside[0], self.memory, frame.time)
        self.call("factorise", frame.state)
        self.call("time_rates", frame.state, frame.time_rates)
        for stage in range(tableau.STAGES):
            self._stage(stage, t, h, one_over_h, inside)
        with lanes.count(self.states) as i:
            end = lanes.add(lanes.load(self.array(frame.trial), i), lanes.load(self.array(frame.stages[-1]), i))
            lanes.store(end, self.array(frame.trial), i)

    def _stage(
        self, stage: int, t: ir.Value, h: ir.Value, one_over_h: ir.Value, inside: tuple[ir.Value, ir.Value]
    ) -> None:
        lanes, frame = self.lanes, self.frame
        earlier = frame.stages[:stage]
        with lanes.count(self.states) as i:
            if stage < len(tableau.A):
                y = lanes.load(self.array(frame.state), i)
                weights: tuple[float, ...] = tableau.A[stage]
                terms = zip(weights, earlier, strict=True)
            else:
                y = lanes.load(self.array(frame.trial), i)
                terms = zip((1.0,), earlier[-1:], strict=True)
            for weight, place in terms:
                y = lanes.multiply_add(lanes.load(self.array(place), i), lanes.number(weight), y)
            lanes.store(y, self.array(frame.trial), i)
        node = tableau.NODES[stage]
        time = lanes.minimum(lanes.multiply_add(h, lanes.number(node), t), inside[1])
        lanes.store(lanes.maximum(time, inside[0]), self.memory, frame.time)
        self.call("rates", frame.trial, frame.rates)
        weighted_h = lanes.multiply(h, lanes.number(tableau.TIME_WEIGHTS[stage]))
        with lanes.count(self.states) as i:
            right = lanes.add(lanes.load(self.array(frame.rates), i), lanes.load(self.array(frame.infusion), i))
            if tableau.TIME_WEIGHTS[stage] != 0.0:
                right = lanes.multiply_add(weighted_h, lanes.load(self.array(frame.time_rates), i), right)
            if earlier:
                mixed = lanes.number(0.0)
                for weight, place in zip(tableau.C[stage], earlier, strict=True):
                    mixed = lanes.multiply_add(lanes.load(self.array(place), i), lanes.number(weight), mixed)
                right = lanes.multiply_add(mixed, one_over_h, right)
            lanes.store(right, self.array(frame.stages[stage]), i)
        self.call("solve", frame.stages[stage])

    def _error(self) -> ir.Value:
        """Root mean square of k_8 over atol + rtol max(|y|, |new y|)."""
        lanes, frame = self.lanes, self.frame
        relative, absolute = self._tolerance("relative"), self._tolerance("absolute")

        def term(i: ir.Value) -> ir.Value:
            old, new = (lanes.load(self.array(place), i) for place in (frame.state, frame.trial))
            size = lanes.maximum(lanes.call("fabs", old), lanes.call("fabs", new))
            scale = lanes.multiply_add(relative, size, absolute)
            ratio = lanes.divide(lanes.load(self.array(frame.stages[-1]), i), scale)
            return lanes.multiply(ratio, ratio)

        total = self._sum_over_states(term)
        return lanes.call("sqrt", lanes.multiply(total, lanes.number(1.0 / max(self.program.states, 1))))

    def _dense_output(self) -> None:
        lanes, frame = self.lanes, self.frame
        with lanes.count(self.states) as i:
            stages = [lanes.load(self.array(place), i) for place in frame.stages]
            for weights, place in zip(tableau.DENSE, frame.dense, strict=True):
                total = lanes.number(0.0)
                for weight, stage in zip(weights, stages, strict=True):
                    total = lanes.multiply_add(stage, lanes.number(weight), total)
                lanes.store(total, self.array(place), i)

    def _accept(self, accepted: ir.Value, t: ir.Value, h: ir.Value, end: ir.Value) -> None:
        lanes, frame = self.lanes, self.frame
        with lanes.count(self.states) as i:
            y = lanes.load(self.array(frame.state), i)
            before = lanes.load(self.array(frame.old_state), i)
            lanes.store(lanes.select(accepted, y, before), self.array(frame.old_state), i)
            new = lanes.load(self.array(frame.trial), i)
            lanes.store(lanes.select(accepted, new, y), self.array(frame.state), i)
        for slot, value in (("old_t", t), ("done_h", h), ("t", end)):
            self.set_vector(slot, lanes.select(accepted, value, self.vector(slot)))

    def _give_up(self, accepted: ir.Value, t: ir.Value, h: ir.Value) -> None:
        lanes = self.lanes
        refused = lanes.both(self.is_active(), lanes.opposite(accepted))
        least = lanes.multiply(lanes.call("fabs", t), lanes.number(_SMALLEST_STEP))
        small = lanes.both(refused, lanes.compare("<=", h, lanes.maximum(least, lanes.number(1e-300))))
        limits = self._everywhere(self.b.sitofp(self.word("most_steps", INDEX), DOUBLE))
        many = lanes.both(self.is_active(), lanes.compare(">", self.vector("steps"), limits))
        with self.b.if_then(lanes.any(lanes.either(small, many))):
            for mask, status in ((small, _TOO_SMALL), (many, _TOO_MANY)):
                flags = lanes.variable(lanes.vector)
                self.b.store(lanes.select(mask, lanes.number(1.0), lanes.number(0.0)), flags)
                with lanes.count(self.integer(lanes.width)) as lane:
                    flag = self.b.load(self.b.gep(flags, [lane], inbounds=True, source_etype=DOUBLE), typ=DOUBLE)
                    with self.b.if_then(self.b.fcmp_ordered("!=", flag, ir.Constant(DOUBLE, 0.0))):
                        self._finish(lane, status)
