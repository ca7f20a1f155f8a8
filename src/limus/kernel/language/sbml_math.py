"""SBML mathematics (libsbml syntax trees) to expressions, function calls inlined."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from limus.kernel.errors import ModelError, UnsupportedFeatureError
from limus.kernel.language.expression import ONE, ZERO, Expression, Number, Symbol, apply, substitute

__all__ = ["FunctionBody", "MathReader", "own_symbol"]

TIME = Symbol("time")

_SIMPLE = {
    "AST_PLUS": "add",
    "AST_TIMES": "multiply",
    "AST_DIVIDE": "divide",
    "AST_POWER": "power",
    "AST_FUNCTION_POWER": "power",
    "AST_FUNCTION_ABS": "abs",
    "AST_FUNCTION_EXP": "exp",
    "AST_FUNCTION_LN": "ln",
    "AST_FUNCTION_FLOOR": "floor",
    "AST_FUNCTION_CEILING": "ceiling",
    "AST_FUNCTION_FACTORIAL": "factorial",
    "AST_FUNCTION_SIN": "sin",
    "AST_FUNCTION_COS": "cos",
    "AST_FUNCTION_TAN": "tan",
    "AST_FUNCTION_SINH": "sinh",
    "AST_FUNCTION_COSH": "cosh",
    "AST_FUNCTION_TANH": "tanh",
    "AST_FUNCTION_ARCSIN": "arcsin",
    "AST_FUNCTION_ARCCOS": "arccos",
    "AST_FUNCTION_ARCTAN": "arctan",
    "AST_FUNCTION_ARCSINH": "arcsinh",
    "AST_FUNCTION_ARCCOSH": "arccosh",
    "AST_FUNCTION_ARCTANH": "arctanh",
    "AST_FUNCTION_PIECEWISE": "piecewise",
    "AST_FUNCTION_MIN": "min",
    "AST_FUNCTION_MAX": "max",
    "AST_FUNCTION_REM": "modulo",
    "AST_FUNCTION_QUOTIENT": "quotient",
    "AST_FUNCTION_RATE_OF": "rate_of",
    "AST_LOGICAL_AND": "and",
    "AST_LOGICAL_OR": "or",
    "AST_LOGICAL_XOR": "xor",
    "AST_LOGICAL_NOT": "not",
}
_RELATIONS = {
    "AST_RELATIONAL_LT": "less",
    "AST_RELATIONAL_LEQ": "less_equal",
    "AST_RELATIONAL_GT": "greater",
    "AST_RELATIONAL_GEQ": "greater_equal",
    "AST_RELATIONAL_EQ": "equal",
    "AST_RELATIONAL_NEQ": "not_equal",
}
_CONSTANTS = {
    "AST_CONSTANT_E": math.e,
    "AST_CONSTANT_PI": math.pi,
    "AST_CONSTANT_TRUE": 1.0,
    "AST_CONSTANT_FALSE": 0.0,
}
# reciprocal functions: the operator whose reciprocal they are, and for inverses the operator of 1/x
_RECIPROCAL = {"SEC": "cos", "CSC": "sin", "COT": "tan", "SECH": "cosh", "CSCH": "sinh", "COTH": "tanh"}
_INVERSE_OF_RECIPROCAL = {
    "ARCSEC": "arccos",
    "ARCCSC": "arcsin",
    "ARCSECH": "arccosh",
    "ARCCSCH": "arcsinh",
    "ARCCOTH": "arctanh",
}


def own_symbol(name: str) -> Symbol:
    """Return the symbol of a model's own name; an argument or local parameter ``time`` is not the time."""
    return Symbol("own time" if name == "time" else name)


@dataclass(frozen=True, slots=True)
class FunctionBody:
    """A function definition: argument names and the body in them."""

    arguments: tuple[str, ...]
    body: Expression


class MathReader:
    """Turns libsbml syntax trees into expressions.

    Parameters
    ----------
    libsbml : module
        The imported library.
    functions : mapping of str to FunctionBody
        Definitions to inline.
    where : str
        File, for errors.
    """

    def __init__(self, libsbml: Any, functions: Mapping[str, FunctionBody], where: str) -> None:
        self._functions = functions
        self._where = where
        self._libsbml = libsbml
        names = (*_SIMPLE, *_RELATIONS, *_CONSTANTS)
        self._type_names = {getattr(libsbml, name): name for name in names if hasattr(libsbml, name)}
        for short in (*_RECIPROCAL, *_INVERSE_OF_RECIPROCAL, "ARCCOT", "LOG", "ROOT", "DELAY"):
            self._type_names[getattr(libsbml, f"AST_FUNCTION_{short}")] = f"AST_FUNCTION_{short}"
        self._type_names[libsbml.AST_LOGICAL_IMPLIES] = "IMPLIES"
        self._special: dict[str, Callable[[list[Expression]], Expression]] = {
            "LOG": _logarithm,
            "ROOT": _root,
            "ARCCOT": _arc_cotangent,
            "IMPLIES": _implies,
        }

    def read(self, node: Any) -> Expression:
        """Translate one syntax tree.

        Parameters
        ----------
        node : libsbml.ASTNode

        Returns
        -------
        Expression

        Raises
        ------
        UnsupportedFeatureError
            ``delay``, a distribution, or another node that limus does not know.
        ModelError
            A call of an undefined function or with the wrong number of arguments.
        """
        libsbml, kind = self._libsbml, node.getType()
        if kind in (libsbml.AST_NAME,):
            return own_symbol(node.getName())
        if kind == libsbml.AST_NAME_TIME:
            return TIME
        if kind == libsbml.AST_NAME_AVOGADRO:
            return Number(6.02214179e23)  # the value that SBML Level 3 fixes for its avogadro symbol
        if node.isNumber():
            return Number(_number(node, libsbml))
        arguments = [self.read(node.getChild(i)) for i in range(node.getNumChildren())]
        if kind == libsbml.AST_FUNCTION:
            return self._call(node.getName(), arguments)
        name = self._type_names.get(kind, "")
        if kind == libsbml.AST_MINUS:
            return _minus(arguments)
        if name in _CONSTANTS:
            return Number(_CONSTANTS[name])
        if name in _RELATIONS:
            return _chain(_RELATIONS[name], arguments)
        if name in _SIMPLE:
            return _with_neutral(_SIMPLE[name], arguments)
        return self._reciprocal_or_refuse(name.removeprefix("AST_FUNCTION_"), node, arguments)

    def _reciprocal_or_refuse(self, short: str, node: Any, arguments: list[Expression]) -> Expression:
        if short in _RECIPROCAL:
            return apply("divide", ONE, apply(_RECIPROCAL[short], arguments[0]))
        if short in _INVERSE_OF_RECIPROCAL:
            return apply(_INVERSE_OF_RECIPROCAL[short], apply("divide", ONE, arguments[0]))
        if short in self._special:
            return self._special[short](arguments)
        what = "delay" if short == "DELAY" else (node.getName() or f"mathematics of type {node.getType()}")
        raise UnsupportedFeatureError(self._where, what, "mathematics of SBML core without delay", "rewrite the model")

    def _call(self, name: str, arguments: list[Expression]) -> Expression:
        function = self._functions.get(name)
        if function is None:
            raise ModelError(self._where, f"{name}(...)", "a function that the model defines", f"define {name}")
        if len(function.arguments) != len(arguments):
            raise ModelError(
                self._where,
                f"{name} with {len(arguments)} arguments",
                f"{len(function.arguments)} arguments",
                "correct the call",
            )
        names = [own_symbol(name).name for name in function.arguments]
        return substitute(function.body, dict(zip(names, arguments, strict=True)))


def _number(node: Any, libsbml: Any) -> float:
    kind = node.getType()
    if kind == libsbml.AST_INTEGER:
        return float(node.getInteger())
    if kind == libsbml.AST_RATIONAL:
        return float(node.getNumerator()) / float(node.getDenominator())
    if kind == libsbml.AST_REAL_E:
        return float(f"{node.getMantissa()!r}e{node.getExponent()}")
    return float(node.getReal())


def _minus(arguments: list[Expression]) -> Expression:
    if len(arguments) == 1:
        return apply("negate", arguments[0])
    return apply("add", arguments[0], apply("negate", arguments[1]))


def _with_neutral(operator: str, arguments: list[Expression]) -> Expression:
    if len(arguments) == 1 and operator in {"min", "max"}:
        return arguments[0]
    if not arguments and operator in {"add", "or", "xor"}:
        return ZERO
    if not arguments and operator in {"multiply", "and"}:
        return ONE
    return apply(operator, *arguments)


def _chain(relation: str, arguments: list[Expression]) -> Expression:
    pairs = [apply(relation, left, right) for left, right in itertools.pairwise(arguments)]
    return pairs[0] if len(pairs) == 1 else _with_neutral("and", pairs)


def _implies(arguments: list[Expression]) -> Expression:
    return apply("or", apply("not", arguments[0]), arguments[1])


def _logarithm(arguments: list[Expression]) -> Expression:
    if len(arguments) == 1 or arguments[0] == Number(10.0):
        return apply("log10", arguments[-1])
    return apply("divide", apply("ln", arguments[1]), apply("ln", arguments[0]))


def _root(arguments: list[Expression]) -> Expression:
    if len(arguments) == 1 or arguments[0] == Number(2.0):
        return apply("sqrt", arguments[-1])
    return apply("power", arguments[1], apply("divide", ONE, arguments[0]))


def _arc_cotangent(arguments: list[Expression]) -> Expression:
    x = arguments[0]
    # arccot(0) = pi/2, which arctan(1/x) cannot give
    return apply("piecewise", Number(math.pi / 2), apply("equal", x, ZERO), apply("arctan", apply("divide", ONE, x)))
