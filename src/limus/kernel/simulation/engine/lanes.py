"""Vectors of W doubles in LLVM: arithmetic on all lanes at once, masks, and memory as arrays of vectors.

One lane is one trajectory. No operation has a flag that leaves a rounding to the compiler: where a product and a sum
are to be one, :meth:`Lanes.multiply_add` says so. Every target with fused multiply-add then gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from llvmlite import ir

__all__ = ["DOUBLE", "INDEX", "POINTER", "SHORT", "Lanes"]

DOUBLE = ir.DoubleType()
INDEX = ir.IntType(64)
SHORT = ir.IntType(32)
POINTER = ir.PointerType()
Values: TypeAlias = Sequence[ir.Value]


class _Splat(ir.Constant):  # type: ignore[misc]
    """The same number in every lane, written short: LLVM reads the text faster."""

    def _get_reference(self) -> str:
        return f"splat ({self.constant[0]})"


class Lanes:
    """Builds code for W lanes in one LLVM function.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Where declarations go.
    width : int
        W, a power of two.
    fused : bool
        Whether the target has fused multiply-add; without it a*b + c is rounded twice.
    finished : callable
        Told of each function when the next one is opened, or by :meth:`close`.
    """

    def __init__(
        self,
        module: ir.Module,
        width: int,
        *,
        fused: bool = True,
        finished: Callable[[ir.Function], None] = lambda function: None,
    ) -> None:
        self.module, self.width, self.fused = module, width, fused
        self._finished = finished
        self._open: ir.Function | None = None
        self.vector = ir.VectorType(DOUBLE, width)
        self.integers = ir.VectorType(INDEX, width)
        self.mask = ir.VectorType(ir.IntType(1), width)
        self.builder: ir.IRBuilder = ir.IRBuilder()
        self._numbers: dict[str, ir.Constant] = {}

    # ---- functions and flow

    def function(self, name: str, pointers: int, *more: ir.Type) -> ir.Function:
        """Open a function of pointers, and more, that returns nothing; code goes into it from now on."""
        self.close()
        made = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [*[POINTER] * pointers, *more]), name)
        made.attributes.add("nounwind")
        made.attributes.add("noinline")
        self.builder = ir.IRBuilder(made.append_basic_block("entry"))
        self._open = made
        return made

    def close(self) -> None:
        """Finish the function that is open."""
        if self._open is not None:
            self._finished(self._open)
        self._open = None

    def variable(self, kind: ir.Type, start: ir.Value | None = None) -> Any:
        """Make a local variable, in the entry block: an alloca inside a loop would grow the stack."""
        with self.builder.goto_entry_block():
            place = self.builder.alloca(kind)
            place.align = 64
        if start is not None:
            self.builder.store(start, place)
        return place

    @contextmanager
    def repeat_while(self, condition: Any) -> Iterator[None]:
        """Repeat the body while ``condition()`` gives a true bit."""
        builder = self.builder
        head, body, after = (builder.append_basic_block(name) for name in ("while", "do", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        builder.cbranch(condition(), body, after)
        builder.position_at_end(body)
        yield
        builder.branch(head)
        builder.position_at_end(after)

    @contextmanager
    def count(self, end: ir.Value) -> Iterator[ir.Value]:
        """Repeat the body for an index from 0 to ``end`` - 1; the index is kept in a register."""
        builder = self.builder
        before = builder.block
        head, body, after = (builder.append_basic_block(name) for name in ("while", "do", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(INDEX)
        index.add_incoming(ir.Constant(INDEX, 0), before)
        builder.cbranch(builder.icmp_signed("<", index, end), body, after)
        builder.position_at_end(body)
        yield index
        index.add_incoming(builder.add(index, ir.Constant(INDEX, 1)), builder.block)
        builder.branch(head)
        builder.position_at_end(after)

    def fold(
        self,
        end: ir.Value,
        starts: Sequence[ir.Value],
        body: Callable[[ir.Value, Sequence[ir.Value]], Sequence[ir.Value]],
    ) -> list[ir.Value]:
        """Carry values in registers through ``body(index, values)`` for an index from 0 to ``end`` - 1."""
        builder = self.builder
        before = builder.block
        head, inside, after = (builder.append_basic_block(name) for name in ("while", "do", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        index, *values = (builder.phi(start.type) for start in (ir.Constant(INDEX, 0), *starts))
        builder.cbranch(builder.icmp_signed("<", index, end), inside, after)
        builder.position_at_end(inside)
        found = body(index, values)
        following = (builder.add(index, ir.Constant(INDEX, 1)), *found)
        for phi, start, value in zip((index, *values), (ir.Constant(INDEX, 0), *starts), following, strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(value, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return values

    # ---- memory: arrays of vectors

    def at(self, array: ir.Value, index: int | ir.Value) -> ir.Value:
        """Address of vector ``index`` of an array."""
        place = ir.Constant(INDEX, index) if isinstance(index, int) else index
        return self.builder.gep(array, [place], inbounds=True, source_etype=self.vector)

    def load(self, array: ir.Value, index: int | ir.Value = 0) -> ir.Value:
        """Load vector ``index`` of an array that is aligned to the vector."""
        value = self.builder.load(self.at(array, index), typ=self.vector)
        value.align = 8 * self.width
        return value

    def store(self, value: ir.Value, array: ir.Value, index: int | ir.Value = 0) -> None:
        """Store vector ``index`` of an array that is aligned to the vector."""
        self.builder.store(value, self.at(array, index)).align = 8 * self.width

    def entry(self, table: ir.Value, index: ir.Value) -> ir.Value:
        """Whole number ``index`` of a :meth:`short_table`."""
        place = self.builder.gep(table, [index], inbounds=True, source_etype=SHORT)
        return self.builder.zext(self.builder.load(place, typ=SHORT), INDEX)

    def short_table(self, name: str, values: Sequence[int]) -> ir.Value:
        """Address of whole numbers of 32 bits that stand in the code."""
        return self.table(name, values, SHORT)

    def table(self, name: str, values: Sequence[int], entry: ir.Type = INDEX) -> ir.Value:
        """Address of whole numbers that stand in the code."""
        kind = ir.ArrayType(entry, len(values))
        made = ir.GlobalVariable(self.module, kind, name)
        made.global_constant, made.linkage, made.initializer = True, "internal", ir.Constant(kind, list(values))
        return made

    # ---- arithmetic

    def number(self, value: float) -> ir.Constant:
        """The same number in every lane."""
        text = float(value).hex()  # tells 0 from -0, and one NaN is as good as another
        if text not in self._numbers:
            self._numbers[text] = _Splat(self.vector, [value] * self.width)
        return self._numbers[text]

    def whole(self, value: int) -> ir.Constant:
        """The same 64-bit integer in every lane."""
        return ir.Constant(self.integers, [value] * self.width)

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """A + b."""
        return self.builder.fadd(a, b)

    def subtract(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """A - b."""
        return self.builder.fsub(a, b)

    def multiply(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """A * b."""
        return self.builder.fmul(a, b)

    def divide(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """A / b."""
        return self.builder.fdiv(a, b)

    def negate(self, a: ir.Value) -> ir.Value:
        """-a."""
        return self.builder.fneg(a)

    def multiply_add(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """A * b + c, with one rounding where the target can."""
        return self.call("fma" if self.fused else "fmuladd", a, b, c)

    def call(self, intrinsic: str, *arguments: ir.Value) -> ir.Value:
        """Call an LLVM intrinsic on vectors, such as ``floor`` or ``sqrt``."""
        name = f"llvm.{intrinsic}.v{self.width}f64"
        found = self.module.globals.get(name)
        if found is None:
            kind = ir.FunctionType(self.vector, [self.vector] * len(arguments))
            found = ir.Function(self.module, kind, name)
        return self.builder.call(found, arguments)

    # ---- masks

    def compare(self, relation: str, a: ir.Value, b: ir.Value) -> ir.Value:
        """A mask; NaN compares false, except with ``!=``."""
        ordered = self.builder.fcmp_unordered if relation == "!=" else self.builder.fcmp_ordered
        return ordered(relation, a, b)

    def select(self, mask: ir.Value, yes: ir.Value, no: ir.Value) -> ir.Value:
        """Lane by lane, yes where the mask is set."""
        return self.builder.select(mask, yes, no)

    def both(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Mask of lanes in which both are set."""
        return self.builder.and_(a, b)

    def either(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Mask of lanes in which either is set."""
        return self.builder.or_(a, b)

    def opposite(self, a: ir.Value) -> ir.Value:
        """Mask of lanes that are not set."""
        return self.builder.xor(a, ir.Constant(self.mask, [True] * self.width))

    def any(self, mask: ir.Value) -> ir.Value:
        """One bit: whether any lane is set."""
        bits = self.builder.bitcast(mask, ir.IntType(self.width))
        return self.builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(self.width), 0))

    def minimum(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The smaller; b where either is NaN."""
        return self.select(self.compare("<", a, b), a, b)

    def maximum(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The larger; b where either is NaN."""
        return self.select(self.compare(">", a, b), a, b)
