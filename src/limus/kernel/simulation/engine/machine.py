"""What the parts of the worker share: the words that the caller passes, the frame, and one lane of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llvmlite import ir

from limus.kernel.simulation.engine.batch import SLOTS
from limus.kernel.simulation.engine.frame import Frame
from limus.kernel.simulation.engine.lanes import DOUBLE, INDEX, POINTER, Lanes
from limus.kernel.simulation.engine.program import Program

__all__ = ["ENDLESS", "EVENT", "OK", "TOO_MANY", "TOO_SMALL", "Machine"]

OK, TOO_SMALL, TOO_MANY, EVENT, ENDLESS = 1, 2, 3, 4, 5
_ROUNDING = 2e-13


class Machine:
    """Writes access to words, frame and lanes in the function that is open.

    Parameters
    ----------
    lanes : Lanes
    program : Program
    """

    def __init__(self, lanes: Lanes, program: Program) -> None:
        self.lanes, self.program = lanes, program
        self.frame: Frame = program.frame
        self.states, self.size = (ir.Constant(INDEX, n) for n in (program.states, program.size))
        self.parameters = ir.Constant(INDEX, len(program.blocks.parameters) if program.blocks else 0)
        self._observed = lanes.table("observed", program.observed)

    def open(self, function: ir.Function) -> None:
        """Begin with a function that takes the words first."""
        self.words = function.args[0]
        self.memory = self.word("frame", POINTER)

    @property
    def b(self) -> ir.IRBuilder:
        """The builder of the open function."""
        return self.lanes.builder

    def word(self, name: str, kind: ir.Type) -> ir.Value:
        """Load one of the words that the caller passed."""
        place = ir.Constant(INDEX, SLOTS.index(name))
        return self.b.load(self.b.gep(self.words, [place], inbounds=True, source_etype=INDEX), typ=kind)

    def set_word(self, name: str, value: ir.Value) -> None:
        """Store one of the words."""
        place = ir.Constant(INDEX, SLOTS.index(name))
        self.b.store(value, self.b.gep(self.words, [place], inbounds=True, source_etype=INDEX))

    def cell(self, place: int | ir.Value, lane: ir.Value) -> ir.Value:
        """Address of one lane of one vector of the frame."""
        start = ir.Constant(INDEX, place) if isinstance(place, int) else place
        index = self.b.add(self.b.mul(start, ir.Constant(INDEX, self.lanes.width)), lane)
        return self.b.gep(self.memory, [index], inbounds=True, source_etype=DOUBLE)

    def get(self, slot: str, lane: ir.Value, kind: ir.Type = DOUBLE) -> ir.Value:
        """Value of one lane of a slot."""
        return self.b.load(self.cell(self.frame.lane[slot], lane), typ=kind)

    def put(self, slot: str, lane: ir.Value, value: ir.Value) -> None:
        """Set one lane of a slot."""
        self.b.store(value, self.cell(self.frame.lane[slot], lane))

    def item(self, array: ir.Value, index: ir.Value, kind: ir.Type) -> ir.Value:
        """Element of an array outside the frame."""
        return self.b.load(self.b.gep(array, [index], inbounds=True, source_etype=kind), typ=kind)

    def set_item(self, array: ir.Value, index: ir.Value, value: ir.Value) -> None:
        """Set an element of an array outside the frame."""
        self.b.store(value, self.b.gep(array, [index], inbounds=True, source_etype=value.type))

    def vector(self, slot: str) -> ir.Value:
        """A slot in all lanes."""
        return self.lanes.load(self.memory, self.frame.lane[slot])

    def set_vector(self, slot: str, value: ir.Value) -> None:
        """Set a slot in all lanes."""
        self.lanes.store(value, self.memory, self.frame.lane[slot])

    def array(self, place: int, offset: ir.Value | None = None) -> ir.Value:
        """Address of an array of the frame, or of a part of it."""
        return self.lanes.at(self.memory, place if offset is None else self.b.add(self.integer(place), offset))

    def block(self, number: ir.Value) -> ir.Value:
        """Offset of a block in arrays that have one entry a state; the model's own states are number 0."""
        return self.b.mul(number, self.size)

    @contextmanager
    def each_block(self) -> Iterator[ir.Value]:
        """Do the body for the offset of each block."""
        with self.lanes.count(self.b.add(self.parameters, self.integer(1))) as number:
            yield self.block(number)

    @contextmanager
    def each_observed(self) -> Iterator[ir.Value]:
        """Do the body for each state that outputs look at."""
        with self.lanes.count(self.integer(len(self.program.observed))) as k:
            yield self.item(self._observed, k, INDEX)

    def call(self, name: str, *places: int) -> None:
        """Call one of the model's functions on arrays of the frame."""
        self.call_on(name, self.memory, *map(self.array, places))

    def call_on(self, name: str, *addresses: ir.Value) -> None:
        """Call one of the model's functions on addresses."""
        self.b.call(self.program.functions[name], addresses)

    def call_anew(self, name: str, *places: int) -> None:
        """Call one of the model's functions that leaves out zeros; the array of its result is the last."""
        if self.program.blocks is not None:
            self.call_onto_zeros(name, *places)
        else:
            self.call(name, *places)

    def call_onto_zeros(self, name: str, *places: int) -> None:
        """Call one of the model's functions after the array of its result, one entry a state, was made zero."""
        with self.lanes.count(self.states) as i:
            self.lanes.store(self.lanes.number(0.0), self.array(places[-1]), i)
        self.call(name, *places)

    def integer(self, value: int) -> ir.Constant:
        """A 64-bit integer."""
        return ir.Constant(INDEX, value)

    def is_active(self) -> ir.Value:
        """Lanes that have a trajectory."""
        return self.lanes.compare("!=", self.vector("active"), self.lanes.number(0.0))

    def is_new(self) -> ir.Value:
        """Lanes whose trajectory has not begun."""
        return self.lanes.compare("==", self.vector("fresh"), self.lanes.number(1.0))

    def everywhere(self, value: ir.Value) -> ir.Value:
        """A number in every lane."""
        one = self.b.insert_element(ir.Constant(self.lanes.vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes.width), [0] * self.lanes.width)
        return self.b.shuffle_vector(one, one, zeros)

    def tolerance(self, name: str) -> ir.Value:
        """``relative`` or ``absolute`` tolerance in every lane."""
        return self.everywhere(self.word(f"{name}_tolerance", DOUBLE))

    def margin(self, time: ir.Value) -> ir.Value:
        """What rounding may make of a time in every lane, as of k times interval plus lag."""
        size = self.lanes.maximum(self.lanes.call("fabs", time), self.vector("reach"))
        return self.lanes.multiply(size, self.lanes.number(_ROUNDING))

    def now(self) -> ir.Value:
        """Time in every lane, and what is the same time but for rounding."""
        return self.lanes.add(self.vector("t"), self.margin(self.vector("t")))

    def interpolate(self, time: ir.Value) -> None:
        """Dense output of the last step at a time in every lane, into ``trial``, and that time into the frame."""
        lanes, frame = self.lanes, self.frame
        s = lanes.divide(lanes.subtract(time, self.vector("old_t")), self.vector("done_h"))
        rest = lanes.subtract(lanes.number(1.0), s)
        with self.each_observed() as i:
            old, new = (lanes.load(self.array(place), i) for place in (frame.old_state, frame.state))
            k1, k2, k3 = (lanes.load(self.array(place), i) for place in frame.dense)
            bend = lanes.multiply_add(s, lanes.multiply_add(s, k3, k2), k1)
            value = lanes.multiply(s, lanes.multiply_add(rest, bend, new))
            lanes.store(lanes.multiply_add(rest, old, value), self.array(frame.trial), i)
        lanes.store(time, self.memory, frame.time)

    def renew_constants(self, time: ir.Value | None = None) -> None:
        """Compute what is constant until the next stop, for the time just after the lanes' own or another one."""
        self.lanes.store(self.now() if time is None else time, self.memory, self.frame.time)
        self.call("constants")

    def sum_over_block(self, term: Callable[[ir.Value], ir.Value]) -> ir.Value:
        """Sum of ``term(state)`` over the states of a block, lane by lane."""
        total = self.lanes.variable(self.lanes.vector, self.lanes.number(0.0))
        with self.lanes.count(self.size) as i:
            so_far = self.b.load(total, typ=self.lanes.vector)
            self.b.store(self.lanes.add(so_far, term(i)), total)
        return self.b.load(total, typ=self.lanes.vector)

    @contextmanager
    def each_lane(self, mask: ir.Value) -> Iterator[ir.Value]:
        """Do the body for the number of each lane that is set in a mask."""
        bits = self.b.zext(self.b.bitcast(mask, ir.IntType(self.lanes.width)), INDEX)
        with self.lanes.count(self.integer(self.lanes.width)) as lane:
            is_set = self.b.trunc(self.b.lshr(bits, lane), ir.IntType(1))
            with self.b.if_then(is_set):
                yield lane
