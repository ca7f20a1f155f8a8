"""What need not be computed in every stage: parts of inputs only, and parts that are constant between two stops.

A part of inputs only is computed once a trajectory. A part in which time stands only in conditions that change at
stops, such as a stimulus that begins, is computed once after each stop: see :mod:`limus.kernel.simulation.switches`.
Expressions are first brought into a form in which such parts stand together: x / p is x times 1 / p, and the constant
terms of a sum or product are one term.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from limus.kernel.language import (
    Apply,
    Expression,
    Number,
    Symbol,
    apply,
    derivative,
    free_symbols,
    substitute,
    transform,
)
from limus.kernel.language.expression import ONE, RELATIONS
from limus.kernel.simulation.equations import TIME, input_symbol
from limus.kernel.simulation.switches import switch_time

__all__ = ["Constancy", "Gathering", "constant_parts", "time_derivative"]

_INPUT = input_symbol("")


class Constancy:
    """Tells whether expressions are constant between two stops, each part looked at once."""

    def __init__(self) -> None:
        self._known: dict[Expression, bool] = {}

    def __call__(self, node: Expression) -> bool:
        """Whether a part depends on inputs only, and on time only through conditions that change at stops."""
        if node not in self._known:
            self._known[node] = self._look(node)
        return self._known[node]

    def _look(self, node: Expression) -> bool:
        if isinstance(node, Number):
            return True
        if isinstance(node, Symbol):
            return node.name.startswith(_INPUT)
        if node.operator in RELATIONS and TIME in free_symbols(node):
            return switch_time(node) is not None
        return all(map(self, node.arguments))


class Gathering:
    """Brings expressions into a form in which their constant parts stand together, each part once.

    Parameters
    ----------
    is_constant : Constancy
    """

    def __init__(self, is_constant: Constancy) -> None:
        self._is_constant = is_constant
        self._done: dict[Expression, Expression] = {}

    def __call__(self, node: Expression) -> Expression:
        """Return an expression that is equal but for rounding."""
        if not isinstance(node, Apply):
            return node
        if node not in self._done:
            self._done[node] = node if self._is_constant(node) else _rebuilt(node, self, self._is_constant)
        return self._done[node]


def _rebuilt(node: Apply, rebuild: Callable[[Expression], Expression], is_constant: Constancy) -> Expression:
    arguments = [rebuild(argument) for argument in node.arguments]
    if node.operator == "divide" and is_constant(arguments[1]) and arguments[1] != Number(0.0):
        return _grouped(apply("multiply", arguments[0], apply("divide", ONE, arguments[1])), is_constant)
    if node.operator == "divide":
        return _pulled_out(arguments[0], arguments[1], is_constant)
    found = apply(node.operator, *arguments)
    return _grouped(found, is_constant) if node.operator in {"add", "multiply"} else found


def _pulled_out(above: Expression, below: Expression, is_constant: Constancy) -> Expression:
    """A quotient whose numerator has no constant factors: they stand before it, where they meet others."""
    if not isinstance(above, Apply) or above.operator != "multiply":
        return apply("divide", above, below)
    fixed = [factor for factor in above.arguments if is_constant(factor)]
    moving = [factor for factor in above.arguments if not is_constant(factor)]
    return apply("multiply", *fixed, apply("divide", apply("multiply", *moving), below))


def _grouped(node: Expression, is_constant: Constancy) -> Expression:
    """The constant terms of a sum or product as one term."""
    if not isinstance(node, Apply) or node.operator not in {"add", "multiply"}:
        return node
    fixed = tuple(argument for argument in node.arguments if is_constant(argument))
    moving = tuple(argument for argument in node.arguments if not is_constant(argument))
    return node if len(fixed) < 2 or not moving else Apply(node.operator, (Apply(node.operator, fixed), *moving))


def constant_parts(expressions: Iterable[Expression], is_constant: Constancy) -> tuple[Expression, ...]:
    """Return the largest constant parts that are more than a look-up, each once.

    Parameters
    ----------
    expressions : iterable of Expression
    is_constant : Constancy

    Returns
    -------
    tuple of Expression
    """
    found: dict[Expression, None] = {}
    seen: set[Expression] = set()

    def look(node: Expression) -> None:
        if not isinstance(node, Apply) or node in seen:
            return
        seen.add(node)
        if is_constant(node):
            found[node] = None
            return
        for argument in node.arguments:
            look(argument)

    for expression in expressions:
        look(expression)
    return tuple(found)


def time_derivative(expression: Expression, is_constant: Constancy) -> Expression:
    """Return the partial derivative by time between two stops.

    Parameters
    ----------
    expression : Expression
    is_constant : Constancy

    Returns
    -------
    Expression
        Zero where time stands only in conditions that change at stops.
    """
    held: dict[Expression, Symbol] = {}

    def hold(node: Expression) -> Expression | None:
        if isinstance(node, Apply) and is_constant(node):
            return held.setdefault(node, Symbol(f"held {len(held)}"))
        return None

    moved = derivative(transform(expression, hold), TIME)
    return substitute(moved, {symbol.name: node for node, symbol in held.items()})
