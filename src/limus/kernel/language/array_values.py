"""The value of an expression for many sets of numbers at once, with NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ModelError
from limus.kernel.language.expression import Apply, Expression, Number, Symbol

__all__ = ["evaluate_arrays"]

Floats = NDArray[np.float64]

_REDUCING: Mapping[str, np.ufunc] = {
    "add": np.add,
    "multiply": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
}
_PLAIN: Mapping[str, np.ufunc] = {
    "divide": np.divide,
    "power": np.float_power,
    "modulo": np.fmod,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "not": np.logical_not,
    "negate": np.negative,
    "exp": np.exp,
    "ln": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "floor": np.floor,
    "ceiling": np.ceil,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
}


def evaluate_arrays(expression: Expression, values: Mapping[str, Floats]) -> Floats:
    """Evaluate an expression element by element.

    Parameters
    ----------
    expression : Expression
    values : mapping of str to array
        Numbers of each symbol; shapes that broadcast.

    Returns
    -------
    array
        In the common shape; infinity or NaN where mathematics has no finite answer.

    Raises
    ------
    ModelError
        A symbol without values, or an operator without numbers, such as ``delay``.

    Examples
    --------
    >>> from limus.kernel.language import Symbol, apply
    >>> evaluate_arrays(apply("multiply", Symbol("a"), Symbol("b")), {"a": np.array([1.0, 2.0]), "b": np.array(3.0)})
    array([3., 6.])
    """
    known: dict[Expression, Floats] = {}

    def value(node: Expression) -> Floats:
        if isinstance(node, Number):
            return np.float64(node.value)  # type: ignore[return-value]
        if node not in known:
            known[node] = _symbol(node) if isinstance(node, Symbol) else _apply(node)
        return known[node]

    def _symbol(node: Symbol) -> Floats:
        if node.name not in values:
            raise ModelError("expression", node.name, f"one of {', '.join(sorted(values))}", "give its values")
        return values[node.name]

    def _apply(node: Apply) -> Floats:
        if node.operator == "piecewise":
            return _piecewise(node, value)
        arguments = [value(argument) for argument in node.arguments]
        if node.operator in _REDUCING:
            total = arguments[0]
            for argument in arguments[1:]:
                total = _REDUCING[node.operator](total, argument)
            return np.asarray(total, dtype=np.float64)
        if node.operator == "quotient":
            return np.trunc(np.divide(*arguments))
        if node.operator == "factorial":
            gamma = np.vectorize(lambda x: math.gamma(x + 1.0), otypes=[np.float64])
            return np.asarray(gamma(arguments[0]))
        if node.operator not in _PLAIN:
            raise ModelError("expression", node.operator, "an operator that has a value", "rewrite the formula")
        return np.asarray(_PLAIN[node.operator](*arguments), dtype=np.float64)

    with np.errstate(all="ignore"):
        return np.asarray(value(expression), dtype=np.float64)


def _piecewise(node: Apply, value: Callable[[Expression], Floats]) -> Floats:
    arguments = node.arguments
    found = value(arguments[-1]) if len(arguments) % 2 else np.asarray(np.nan)
    for k in range(len(arguments) // 2 - 1, -1, -1):
        found = np.where(value(arguments[2 * k + 1]) != 0.0, value(arguments[2 * k]), found)
    return found
