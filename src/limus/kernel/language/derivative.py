"""Derivatives of expressions, by the rules of calculus; sympy is the oracle in the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from limus.kernel.language.expression import (
    LOGIC,
    ONE,
    RELATIONS,
    ZERO,
    Apply,
    Expression,
    Number,
    Symbol,
    apply,
)

__all__ = ["derivative", "derivatives_at"]

_TWO = Number(2.0)


def derivative(expression: Expression, name: str) -> Expression:
    """Return the partial derivative of an expression with respect to a symbol.

    Parameters
    ----------
    expression : Expression
        Relations, floor, ceiling, factorial and logic are taken as constant between their jumps; min, max, abs and
        piecewise have the derivative of the branch that holds.
    name : str
        The symbol.

    Returns
    -------
    Expression

    Raises
    ------
    ValueError
        The expression holds ``delay`` or ``rate_of`` of something that depends on the symbol.
    """
    return _Slope(name)(expression)


def derivatives_at(
    expressions: Sequence[Expression], names: Iterable[str], places: Iterable[tuple[int, int]]
) -> list[Expression]:
    """Return entries of a Jacobian matrix; what expressions have in common is differentiated once.

    Parameters
    ----------
    expressions : sequence of Expression
        One a row.
    names : iterable of str
        The symbol of each column.
    places : iterable of (int, int)
        Row and column of each entry.

    Returns
    -------
    list of Expression

    Raises
    ------
    ValueError
        As :func:`derivative`.
    """
    slopes = [_Slope(name) for name in names]
    return [slopes[column](expressions[row]) for row, column in places]


class _Slope:
    """The derivative by one symbol, which remembers that of every part."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._done: dict[Expression, Expression] = {}
        self._seen: dict[Expression, bool] = {}

    def __call__(self, node: Expression) -> Expression:
        if isinstance(node, Number):
            return ZERO
        if isinstance(node, Symbol):
            return ONE if node.name == self._name else ZERO
        if node not in self._done:
            self._done[node] = _apply_rule(node, self) if self._depends(node) else ZERO
        return self._done[node]

    def _depends(self, node: Expression) -> bool:
        if not isinstance(node, Apply):
            return isinstance(node, Symbol) and node.name == self._name
        if node not in self._seen:
            self._seen[node] = any(map(self._depends, node.arguments))
        return self._seen[node]


def _apply_rule(node: Apply, d: Callable[[Expression], Expression]) -> Expression:
    operator, arguments = node.operator, node.arguments
    if operator in RELATIONS or operator in LOGIC or operator in {"floor", "ceiling", "factorial", "quotient"}:
        return ZERO
    if operator == "add":
        return apply("add", *map(d, arguments))
    if operator == "multiply":
        terms = [apply("multiply", *arguments[:i], d(arguments[i]), *arguments[i + 1 :]) for i in range(len(arguments))]
        return apply("add", *terms)
    if operator == "divide":
        above, below = arguments
        first = apply("divide", d(above), below)
        second = apply("divide", apply("multiply", above, d(below)), apply("power", below, _TWO))
        return apply("add", first, apply("negate", second))
    if operator == "power":
        return _power_rule(node, d)
    if operator == "piecewise":
        return apply("piecewise", *(d(a) if _is_value(i, arguments) else a for i, a in enumerate(arguments)))
    if operator in {"min", "max"}:
        return _extreme_rule(node, d)
    if operator == "modulo":
        x, y = arguments
        return apply("add", d(x), apply("negate", apply("multiply", apply("quotient", x, y), d(y))))
    rule = _UNARY_RULES.get(operator)
    if rule is None:
        raise ValueError(f"no derivative of {operator}")
    (x,) = arguments
    return apply("multiply", rule(x), d(x))


def _is_value(index: int, arguments: tuple[Expression, ...]) -> bool:
    return index % 2 == 0 or (index == len(arguments) - 1 and len(arguments) % 2 == 1)


def _power_rule(node: Apply, d: Callable[[Expression], Expression]) -> Expression:
    base, exponent = node.arguments
    d_base, d_exponent = d(base), d(exponent)
    terms: list[Expression] = []
    if d_base != ZERO:
        lower = apply("add", exponent, Number(-1.0))
        terms.append(apply("multiply", exponent, apply("power", base, lower), d_base))
    if d_exponent != ZERO:
        # 0 ** y has derivative 0 in y for y > 0, where ln 0 would give NaN
        logarithm = apply("piecewise", apply("ln", base), apply("greater", base, ZERO), ZERO)
        terms.append(apply("multiply", node, logarithm, d_exponent))
    return apply("add", *terms)


def _extreme_rule(node: Apply, d: Callable[[Expression], Expression]) -> Expression:
    relation = "less_equal" if node.operator == "min" else "greater_equal"
    branches: list[Expression] = []
    for argument in node.arguments[:-1]:
        branches += [d(argument), apply(relation, argument, node)]
    return apply("piecewise", *branches, d(node.arguments[-1]))


def _square(x: Expression) -> Expression:
    return apply("power", x, _TWO)


def _one_over(x: Expression) -> Expression:
    return apply("divide", ONE, x)


def _one_minus(x: Expression) -> Expression:
    return apply("add", ONE, apply("negate", x))


_UNARY_RULES: dict[str, Callable[[Expression], Expression]] = {
    "negate": lambda x: Number(-1.0),
    "exp": lambda x: apply("exp", x),
    "ln": _one_over,
    "log10": lambda x: _one_over(apply("multiply", Number(2.302585092994046), x)),
    "sqrt": lambda x: _one_over(apply("multiply", _TWO, apply("sqrt", x))),
    "abs": lambda x: apply("piecewise", ONE, apply("greater_equal", x, ZERO), Number(-1.0)),
    "sin": lambda x: apply("cos", x),
    "cos": lambda x: apply("negate", apply("sin", x)),
    "tan": lambda x: apply("add", ONE, _square(apply("tan", x))),
    "sinh": lambda x: apply("cosh", x),
    "cosh": lambda x: apply("sinh", x),
    "tanh": lambda x: _one_minus(_square(apply("tanh", x))),
    "arcsin": lambda x: _one_over(apply("sqrt", _one_minus(_square(x)))),
    "arccos": lambda x: apply("negate", _one_over(apply("sqrt", _one_minus(_square(x))))),
    "arctan": lambda x: _one_over(apply("add", ONE, _square(x))),
    "arcsinh": lambda x: _one_over(apply("sqrt", apply("add", _square(x), ONE))),
    "arccosh": lambda x: _one_over(apply("sqrt", apply("add", _square(x), Number(-1.0)))),
    "arctanh": lambda x: _one_over(_one_minus(_square(x))),
}
