"""Expressions to Python source with shared subexpressions, for the reference solver.

Two versions are made from the same expressions: a fast one in plain float arithmetic, which raises where mathematics
has no finite answer, and a careful one, used when the fast one raised, which gives inf or NaN there as IEEE does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from limus.kernel.language import Apply, Expression, Number, Symbol, walk

__all__ = ["load_function", "write_function"]

_INFIX = {
    "add": "+",
    "multiply": "*",
    "divide": "/",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
_MATH = {
    "exp": "exp",
    "ln": "log",
    "log10": "log10",
    "sqrt": "sqrt",
    "abs": "fabs",
    "floor": "floor",
    "ceiling": "ceil",
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
    "min": "min",
    "max": "max",
}
_LONGEST_INLINE = 120


def write_function(name: str, variables: Mapping[str, str], results: Sequence[Expression], *, careful: bool) -> str:
    """Write a Python function ``name(t, y, p)`` that returns a list with the value of each expression.

    Parameters
    ----------
    name : str
        Name of the function.
    variables : mapping of str to str
        Symbol to Python text, such as ``{'y:A': 'y[0]'}``.
    results : sequence of Expression
        What it returns.
    careful : bool
        Which of the two versions.

    Returns
    -------
    str
        Python source.
    """
    writer = _Writer(variables, results, careful)
    answers = ", ".join(writer.text(result) for result in results)
    lines = [f"def {name}(t, y, p):", *(f"    {line}" for line in writer.lines), f"    return [{answers}]"]
    return "\n".join(lines) + "\n"


class _Writer:
    """Writes each shared subexpression once, as a local variable, in an order in which all are defined."""

    def __init__(self, variables: Mapping[str, str], results: Sequence[Expression], careful: bool) -> None:
        self._variables = variables
        self._careful = careful
        self._uses: dict[Expression, int] = {}
        seen: set[Expression] = set()
        for result in results:
            self._uses[result] = self._uses.get(result, 0) + 1
            for node in walk(result):
                if isinstance(node, Apply) and node not in seen:
                    seen.add(node)
                    for argument in node.arguments:
                        self._uses[argument] = self._uses.get(argument, 0) + 1
        self._known: dict[Expression, str] = {}
        self.lines: list[str] = []

    def text(self, node: Expression) -> str:
        if isinstance(node, Number):
            value = node.value
            return repr(value) if math.isfinite(value) else f"float('{value}')"
        if isinstance(node, Symbol):
            return self._variables[node.name]
        if node in self._known:
            return self._known[node]
        written = self._apply(node)
        if self._uses.get(node, 0) > 1 or len(written) > _LONGEST_INLINE:
            variable = f"v{len(self.lines)}"
            self.lines.append(f"{variable} = {written}")
            written = variable
        self._known[node] = written
        return written

    def _apply(self, node: Apply) -> str:
        a = [self.text(argument) for argument in node.arguments]
        if self._careful and node.operator in _CAREFUL_BINARY:
            return f"{node.operator}({a[0]}, {a[1]})"
        if node.operator in _INFIX:
            return f"({f' {_INFIX[node.operator]} '.join(a)})"
        if node.operator in _FORMS:
            return _FORMS[node.operator](a)
        return f"{_MATH[node.operator]}({', '.join(a)})"


def _piecewise(a: list[str]) -> str:
    text = a[-1] if len(a) % 2 else "float('nan')"
    for i in range(len(a) // 2 - 1, -1, -1):
        text = f"({a[2 * i]} if {a[2 * i + 1]} else {text})"
    return text


_FORMS: Mapping[str, Callable[[list[str]], str]] = {
    "negate": lambda a: f"(-{a[0]})",
    "power": lambda a: f"pow({a[0]}, {a[1]})",
    "not": lambda a: f"(not {a[0]})",
    "and": lambda a: f"bool({' and '.join(a)})",
    "or": lambda a: f"bool({' or '.join(a)})",
    "xor": lambda a: f"(sum(map(bool, ({', '.join(a)},))) % 2)",
    "piecewise": _piecewise,
    "modulo": lambda a: f"fmod({a[0]}, {a[1]})",
    "quotient": lambda a: f"trunc({a[0]} / {a[1]})",
    "factorial": lambda a: f"gamma({a[0]} + 1.0)",
}


def _careful_divide(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _careful_power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except ZeroDivisionError:
        return math.inf
    except OverflowError:
        return -math.inf if a < 0.0 and b % 2.0 == 1.0 else math.inf
    except ValueError:
        return math.inf if a == 0.0 else math.nan


def _careful_modulo(a: float, b: float) -> float:
    try:
        return math.fmod(a, b)
    except ValueError:
        return math.nan


def _careful_quotient(a: float, b: float) -> float:
    ratio = _careful_divide(a, b)
    return float(math.trunc(ratio)) if math.isfinite(ratio) else ratio


_CAREFUL_BINARY: Mapping[str, Callable[[float, float], float]] = {
    "divide": _careful_divide,
    "power": _careful_power,
    "modulo": _careful_modulo,
    "quotient": _careful_quotient,
}


def _careful(function: Callable[[float], float]) -> Callable[[float], float]:
    def careful(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            if function in (math.floor, math.ceil):
                return x
            return -math.inf if function is math.sinh and x < 0.0 else math.inf
        except ValueError:
            if function is math.atanh and abs(x) == 1.0:
                return math.copysign(math.inf, x)
            return -math.inf if x == 0.0 and function in (math.log, math.log10) else math.nan

    return careful


@lru_cache(maxsize=256)
def load_function(name: str, source: str, careful: bool) -> Callable[[float, Any, Any], list[float]]:
    """Turn source from :func:`write_function` into a function; the same source is compiled once a process.

    Parameters
    ----------
    name : str
        Name of the function in the source.
    source : str
        Python source.
    careful : bool
        Whether it is the careful version.

    Returns
    -------
    callable
        ``function(t, y, p) -> list of float``.
    """
    names: dict[str, Any] = {python: getattr(math, python) for python in _MATH.values() if hasattr(math, python)}
    names |= {"pow": math.pow, "trunc": math.trunc, "gamma": math.gamma, "min": min, "max": max, "float": float}
    names |= {"sum": sum, "map": map, "bool": bool, "fmod": math.fmod}
    if careful:
        wrapped = [python for python in (*_MATH.values(), "gamma") if python not in ("min", "max")]
        names |= {python: _careful(names[python]) for python in wrapped} | dict(_CAREFUL_BINARY)
    namespace: dict[str, Any] = {"__builtins__": {}} | names
    exec(compile(source, f"<{name}>", "exec"), namespace)
    function: Callable[[float, Any, Any], list[float]] = namespace[name]
    return function
