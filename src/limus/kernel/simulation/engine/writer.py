"""Expressions to code over lanes, each shared subexpression once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from llvmlite import ir

from limus.kernel.language import Apply, Expression, Number, Symbol
from limus.kernel.language.expression import ONE
from limus.kernel.simulation.engine.elementary import exp, ln, power
from limus.kernel.simulation.engine.lanes import DOUBLE, Lanes

__all__ = ["Writer"]

_INTRINSICS = {"sqrt": "sqrt", "abs": "fabs", "floor": "floor", "ceiling": "ceil"}
_LIBRARY = {
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
}
_RELATIONS = {
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
_LARGEST_CHAIN = 16


class Writer:
    """Writes expressions into the function that a :class:`Lanes` is building.

    Parameters
    ----------
    lanes : Lanes
        The open function.
    symbols : mapping of str to callable
        Gives the vector of a symbol when it is first needed.
    known : mapping of Expression to callable
        Expressions that stand ready in memory.
    """

    def __init__(
        self,
        lanes: Lanes,
        symbols: Mapping[str, Callable[[], ir.Value]],
        known: Mapping[Expression, Callable[[], ir.Value]] | None = None,
        *,
        by_reciprocals: bool = False,
    ) -> None:
        self._lanes, self._symbols, self._by_reciprocals = lanes, symbols, by_reciprocals
        self._ready = known or {}
        self._done: dict[Expression, ir.Value] = {}

    def value(self, node: Expression) -> ir.Value:
        """Write the code for an expression, or return what stands already.

        Parameters
        ----------
        node : Expression

        Returns
        -------
        vector

        Raises
        ------
        ValueError
            An operator that has no code.
        """
        if isinstance(node, Number):
            return self._lanes.number(node.value)
        if isinstance(node, Symbol) and node not in self._ready:
            return self._symbols[node.name]()
        if node not in self._done:
            if node in self._ready:
                self._done[node] = self._ready[node]()
            elif isinstance(node, Symbol):
                self._done[node] = self._symbols[node.name]()
            else:
                self._done[node] = self._apply(node)
        return self._done[node]

    def _apply(self, node: Apply) -> ir.Value:
        lanes, operator = self._lanes, node.operator
        if operator in _RELATIONS or operator in {"and", "or", "xor", "not", "implies"}:
            return lanes.select(self._mask(node), lanes.number(1.0), lanes.number(0.0))
        if operator == "piecewise":
            return self._piecewise(node.arguments)
        if operator == "power":
            return self._power(*node.arguments)
        if operator == "divide" and self._by_reciprocals and node.arguments[0] != ONE:
            above, below = node.arguments
            return lanes.multiply(self.value(above), self._reciprocal(below))
        if operator == "add":
            return self._sum(node.arguments)
        values = [self.value(argument) for argument in node.arguments]
        if operator == "multiply":
            return self._chain(lanes.multiply, values)
        if operator in {"min", "max"}:
            return self._chain(lanes.minimum if operator == "min" else lanes.maximum, values)
        if operator == "divide":
            return lanes.divide(*values)
        return self._function(operator, values)

    def _function(self, operator: str, values: list[ir.Value]) -> ir.Value:
        lanes, x = self._lanes, values[0]
        if operator == "negate":
            return lanes.negate(x)
        if operator == "exp":
            return exp(lanes, x)
        if operator == "ln":
            return ln(lanes, x)
        if operator == "log10":
            return lanes.multiply(ln(lanes, x), lanes.number(1.0 / math.log(10.0)))
        if operator in _INTRINSICS:
            return lanes.call(_INTRINSICS[operator], x)
        if operator in _LIBRARY:
            return self._library(_LIBRARY[operator], x)
        if operator == "factorial":
            return self._library("tgamma", lanes.add(x, lanes.number(1.0)))
        if operator in {"modulo", "quotient"}:
            return self._division_with_rest(operator, *values)
        raise ValueError(f"no code for {operator}")

    def _division_with_rest(self, operator: str, x: ir.Value, y: ir.Value) -> ir.Value:
        """Quotient rounded towards zero, or what remains with the sign of x."""
        lanes = self._lanes
        quotient = lanes.call("trunc", lanes.divide(x, y))
        return quotient if operator == "quotient" else lanes.subtract(x, lanes.multiply(quotient, y))

    @staticmethod
    def _chain(operate: Callable[[ir.Value, ir.Value], ir.Value], values: list[ir.Value]) -> ir.Value:
        total = values[0]
        for value in values[1:]:
            total = operate(total, value)
        return total

    def _power(self, base: Expression, exponent: Expression) -> ir.Value:
        lanes = self._lanes
        if isinstance(exponent, Number):
            n = exponent.value
            if n == int(n) and 0 < abs(n) <= _LARGEST_CHAIN:
                value = self._whole_power(self.value(base), int(abs(n)))
                return value if n > 0 else lanes.divide(lanes.number(1.0), value)
            if n == 0.5:
                return lanes.call("sqrt", self.value(base))
        return power(lanes, self.value(base), self.value(exponent))

    def _sum(self, terms: tuple[Expression, ...]) -> ir.Value:
        """A sum in which products that stand nowhere yet are added as they are multiplied."""
        lanes, total = self._lanes, self.value(terms[0])
        for term in terms[1:]:
            inner = term.arguments[0] if isinstance(term, Apply) and term.operator == "negate" else term
            stands = any(node in known for node in (term, inner) for known in (self._done, self._ready))
            if stands or not isinstance(inner, Apply) or inner.operator != "multiply" or len(inner.arguments) > 2:
                total = lanes.add(total, self.value(term))
                continue
            *first, last = (self.value(factor) for factor in inner.arguments)
            product = self._chain(lanes.multiply, first)
            total = lanes.multiply_add(product if inner is term else lanes.negate(product), last, total)
        return total

    def _reciprocal(self, node: Expression) -> ir.Value:
        if isinstance(node, Apply) and node.operator == "power" and isinstance(node.arguments[1], Number):
            n = node.arguments[1].value
            if n == int(n) and 1 < n <= _LARGEST_CHAIN:
                return self._whole_power(self._reciprocal(node.arguments[0]), int(n))
        return self.value(Apply("divide", (ONE, node)))

    def _whole_power(self, base: ir.Value, n: int) -> ir.Value:
        if n == 1:
            return base
        half = self._whole_power(base, n // 2)
        square = self._lanes.multiply(half, half)
        return square if n % 2 == 0 else self._lanes.multiply(square, base)

    def _piecewise(self, arguments: tuple[Expression, ...]) -> ir.Value:
        lanes = self._lanes
        value = self.value(arguments[-1]) if len(arguments) % 2 else lanes.number(math.nan)
        for k in range(len(arguments) // 2 - 1, -1, -1):
            value = lanes.select(self._mask(arguments[2 * k + 1]), self.value(arguments[2 * k]), value)
        return value

    def _mask(self, node: Expression) -> ir.Value:
        lanes = self._lanes
        if isinstance(node, Apply):
            if node.operator in _RELATIONS:
                left, right = (self.value(argument) for argument in node.arguments)
                return lanes.compare(_RELATIONS[node.operator], left, right)
            masks = {"and": lanes.both, "or": lanes.either, "xor": lanes.builder.xor}
            if node.operator in masks:
                return self._chain(masks[node.operator], [self._mask(argument) for argument in node.arguments])
            if node.operator == "not":
                return lanes.opposite(self._mask(node.arguments[0]))
            if node.operator == "implies":
                return lanes.either(lanes.opposite(self._mask(node.arguments[0])), self._mask(node.arguments[1]))
        return lanes.compare("!=", self.value(node), lanes.number(0.0))

    def _library(self, name: str, x: ir.Value) -> ir.Value:
        """Call the C library lane by lane: rare in models, so not worth vector code."""
        lanes = self._lanes
        found = lanes.module.globals.get(name)
        if found is None:
            found = ir.Function(lanes.module, ir.FunctionType(DOUBLE, [DOUBLE]), name)
        result = ir.Constant(lanes.vector, ir.Undefined)
        for lane in range(lanes.width):
            place = ir.Constant(ir.IntType(32), lane)
            one = lanes.builder.call(found, [lanes.builder.extract_element(x, place)])
            result = lanes.builder.insert_element(result, one, place)
        return result
