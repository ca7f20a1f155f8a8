"""Expressions to SBML mathematics (libsbml syntax trees)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.language.expression import LOGIC, RELATIONS, Apply, Expression, Number, Symbol, walk

__all__ = ["MathWriter", "needs_version_2"]

_TYPES = {
    "add": "AST_PLUS",
    "multiply": "AST_TIMES",
    "negate": "AST_MINUS",
    "divide": "AST_DIVIDE",
    "power": "AST_POWER",
    "exp": "AST_FUNCTION_EXP",
    "ln": "AST_FUNCTION_LN",
    "abs": "AST_FUNCTION_ABS",
    "floor": "AST_FUNCTION_FLOOR",
    "ceiling": "AST_FUNCTION_CEILING",
    "factorial": "AST_FUNCTION_FACTORIAL",
    "sin": "AST_FUNCTION_SIN",
    "cos": "AST_FUNCTION_COS",
    "tan": "AST_FUNCTION_TAN",
    "sinh": "AST_FUNCTION_SINH",
    "cosh": "AST_FUNCTION_COSH",
    "tanh": "AST_FUNCTION_TANH",
    "arcsin": "AST_FUNCTION_ARCSIN",
    "arccos": "AST_FUNCTION_ARCCOS",
    "arctan": "AST_FUNCTION_ARCTAN",
    "arcsinh": "AST_FUNCTION_ARCSINH",
    "arccosh": "AST_FUNCTION_ARCCOSH",
    "arctanh": "AST_FUNCTION_ARCTANH",
    "min": "AST_FUNCTION_MIN",
    "max": "AST_FUNCTION_MAX",
    "modulo": "AST_FUNCTION_REM",
    "quotient": "AST_FUNCTION_QUOTIENT",
    "rate_of": "AST_FUNCTION_RATE_OF",
    "piecewise": "AST_FUNCTION_PIECEWISE",
    "less": "AST_RELATIONAL_LT",
    "less_equal": "AST_RELATIONAL_LEQ",
    "greater": "AST_RELATIONAL_GT",
    "greater_equal": "AST_RELATIONAL_GEQ",
    "equal": "AST_RELATIONAL_EQ",
    "not_equal": "AST_RELATIONAL_NEQ",
    "and": "AST_LOGICAL_AND",
    "or": "AST_LOGICAL_OR",
    "xor": "AST_LOGICAL_XOR",
    "not": "AST_LOGICAL_NOT",
}
# functions with a leading argument of their own: log to base 10, second root
_WITH_BASE = {"log10": ("AST_FUNCTION_LOG", 10), "sqrt": ("AST_FUNCTION_ROOT", 2)}
_SINCE_VERSION_2 = frozenset({"min", "max", "modulo", "quotient", "rate_of"})


def needs_version_2(expression: Expression) -> bool:
    """Tell whether an expression has an operator that SBML knows only since Level 3 Version 2.

    Parameters
    ----------
    expression : Expression

    Returns
    -------
    bool
    """
    return any(isinstance(part, Apply) and part.operator in _SINCE_VERSION_2 for part in walk(expression))


class MathWriter:
    """Turns expressions into libsbml syntax trees; truth and numbers are kept apart as SBML wants them.

    Parameters
    ----------
    libsbml : module
        The imported library.
    ids : mapping of str to str
        Name in the model to identifier in SBML.
    where : str
        Model, for errors.
    """

    def __init__(self, libsbml: Any, ids: Mapping[str, str], where: str) -> None:
        self._libsbml = libsbml
        self._ids = ids
        self._where = where

    def number(self, expression: Expression) -> Any:
        """Write an expression whose value is a number.

        Parameters
        ----------
        expression : Expression

        Returns
        -------
        libsbml.ASTNode

        Raises
        ------
        UnsupportedFeatureError
            An operator that SBML has not (``delay``).
        """
        if isinstance(expression, Number):
            return self._real(expression.value)
        if isinstance(expression, Symbol):
            return self._symbol(expression.name)
        if expression.operator in RELATIONS | LOGIC:  # 1 where it holds
            chosen = [self._real(1.0), self.truth(expression), self._real(0.0)]
            return self._node("AST_FUNCTION_PIECEWISE", chosen)
        if expression.operator == "piecewise":
            writers: list[Callable[[Expression], Any]] = [self.number, self.truth]
            parts = [writers[i % 2](argument) for i, argument in enumerate(expression.arguments)]
            return self._node("AST_FUNCTION_PIECEWISE", parts)
        arguments = [self.number(argument) for argument in expression.arguments]
        if expression.operator in _WITH_BASE:
            kind, base = _WITH_BASE[expression.operator]
            return self._node(kind, [self._integer(base), *arguments])
        if expression.operator not in _TYPES:
            allowed = "mathematics of SBML core"
            raise UnsupportedFeatureError(self._where, expression.operator, allowed, "rewrite the model")
        return self._node(_TYPES[expression.operator], arguments)

    def truth(self, expression: Expression) -> Any:
        """Write an expression whose value is true or false; a number is true where it is not zero.

        Parameters
        ----------
        expression : Expression

        Returns
        -------
        libsbml.ASTNode

        Raises
        ------
        UnsupportedFeatureError
            As :meth:`number`.
        """
        if isinstance(expression, Number):
            return self._node("AST_CONSTANT_TRUE" if expression.value else "AST_CONSTANT_FALSE", [])
        if isinstance(expression, Apply) and expression.operator in RELATIONS:
            return self._node(_TYPES[expression.operator], [self.number(part) for part in expression.arguments])
        if isinstance(expression, Apply) and expression.operator in LOGIC:
            return self._node(_TYPES[expression.operator], [self.truth(part) for part in expression.arguments])
        return self._node("AST_RELATIONAL_NEQ", [self.number(expression), self._real(0.0)])

    def _symbol(self, name: str) -> Any:
        if name == "time":
            node = self._libsbml.ASTNode(self._libsbml.AST_NAME_TIME)
            node.setName("time")
            return node
        node = self._libsbml.ASTNode(self._libsbml.AST_NAME)
        node.setName(self._ids[name])
        return node

    def _real(self, value: float) -> Any:
        if math.isfinite(value) and value == int(value) and abs(value) < 1e6:
            return self._integer(int(value))
        node = self._libsbml.ASTNode(self._libsbml.AST_REAL)
        node.setValue(value)
        return node

    def _integer(self, value: int) -> Any:
        node = self._libsbml.ASTNode(self._libsbml.AST_INTEGER)
        node.setValue(value)
        return node

    def _node(self, kind: str, children: list[Any]) -> Any:
        node = self._libsbml.ASTNode(getattr(self._libsbml, kind))
        for child in children:
            node.addChild(child)
        return node
