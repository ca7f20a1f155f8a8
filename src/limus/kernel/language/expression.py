"""Mathematical expressions as immutable values, with substitution, simplification and derivatives.

An expression is a :class:`Number`, a :class:`Symbol` or an :class:`Apply` of an operator to arguments. Equal
expressions hash equally and the hash is computed once, so shared subexpressions are found by a dictionary look-up.

Operators: ``add`` and ``multiply`` take any number of arguments; ``divide``, ``power``, ``modulo`` two; ``piecewise``
takes value, condition, ..., and an otherwise value last; relations and logic give 1 or 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = [
    "LOGIC",
    "ONE",
    "RELATIONS",
    "UNARY",
    "ZERO",
    "Apply",
    "Expression",
    "Number",
    "Symbol",
    "apply",
    "free_symbols",
    "substitute",
    "transform",
    "walk",
]

UNARY = frozenset(
    [
        "negate",
        "exp",
        "ln",
        "log10",
        "sqrt",
        "abs",
        "floor",
        "ceiling",
        "factorial",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "arcsin",
        "arccos",
        "arctan",
        "arcsinh",
        "arccosh",
        "arctanh",
        "not",
    ]
)
RELATIONS = frozenset(["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"])
LOGIC = frozenset(["and", "or", "xor", "not"])
_BINARY = frozenset(["divide", "power", "modulo", "quotient"])
_N_ARY = frozenset(["add", "multiply", "min", "max", "piecewise", "rate_of", "delay", "and", "or", "xor"])
_OPERATORS = UNARY | RELATIONS | LOGIC | _BINARY | _N_ARY


@dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: float

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name: a species, parameter, compartment, reaction, species reference, or ``time``."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False)
class Apply:
    """An operator applied to arguments."""

    operator: str
    arguments: tuple[Expression, ...]
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.operator not in _OPERATORS:
            raise ValueError(f"unknown operator {self.operator!r}")
        object.__setattr__(self, "_hash", hash((self.operator, self.arguments)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Apply)
            and self._hash == other._hash
            and self.operator == other.operator
            and self.arguments == other.arguments
        )

    def __reduce__(self) -> tuple[type[Apply], tuple[str, tuple[Expression, ...]]]:
        """Pickle without the hash, which differs between processes."""
        return type(self), (self.operator, self.arguments)

    def __str__(self) -> str:
        return f"{self.operator}({', '.join(map(str, self.arguments))})"


Expression: TypeAlias = Number | Symbol | Apply

ZERO = Number(0.0)
ONE = Number(1.0)


def apply(operator: str, *arguments: Expression) -> Expression:
    """Apply an operator, with the simplifications that are exact for finite values.

    Parameters
    ----------
    operator : str
        One of the operators in the module's docstring.
    *arguments : Expression
        Its arguments.

    Returns
    -------
    Expression
        ``0 + x = x``, ``1 * x = x``, ``0 * x = 0``, ``x / 1 = x``, ``x ** 1 = x``, sums and products of numbers.

    Raises
    ------
    ValueError
        Unknown operator.
    """
    simplify = _SIMPLIFY.get(operator)
    return simplify(arguments) if simplify is not None else Apply(operator, arguments)


def _add(arguments: tuple[Expression, ...]) -> Expression:
    constant = 0.0
    terms: list[Expression] = []
    for argument in _flat("add", arguments):
        if isinstance(argument, Number):
            constant += argument.value
        else:
            terms.append(argument)
    if constant != 0.0:
        terms.append(Number(constant))
    if not terms:
        return ZERO
    return terms[0] if len(terms) == 1 else Apply("add", tuple(terms))


def _multiply(arguments: tuple[Expression, ...]) -> Expression:
    constant = 1.0
    factors: list[Expression] = []
    for argument in _flat("multiply", arguments):
        if isinstance(argument, Number):
            constant *= argument.value
        else:
            factors.append(argument)
    if constant == 0.0:
        return ZERO
    if constant == -1.0 and factors:
        return _negate((_multiply(tuple(factors)),))
    if constant != 1.0 or not factors:
        factors.insert(0, Number(constant))
    return factors[0] if len(factors) == 1 else Apply("multiply", tuple(factors))


def _flat(operator: str, arguments: tuple[Expression, ...]) -> Iterator[Expression]:
    for argument in arguments:
        if isinstance(argument, Apply) and argument.operator == operator:
            yield from argument.arguments
        else:
            yield argument


def _negate(arguments: tuple[Expression, ...]) -> Expression:
    (argument,) = arguments
    if isinstance(argument, Number):
        return Number(-argument.value)
    if isinstance(argument, Apply) and argument.operator == "negate":
        return argument.arguments[0]
    return Apply("negate", arguments)


def _divide(arguments: tuple[Expression, ...]) -> Expression:
    above, below = arguments
    if below == ONE:
        return above
    if isinstance(below, Number) and isinstance(above, Number):
        return Number(above.value / below.value) if below.value != 0.0 else Apply("divide", arguments)
    return ZERO if above == ZERO and below != ZERO else Apply("divide", arguments)


def _power(arguments: tuple[Expression, ...]) -> Expression:
    base, exponent = arguments
    if exponent == ONE:
        return base
    if exponent == ZERO:
        return ONE
    if isinstance(base, Number) and isinstance(exponent, Number) and base.value > 0:
        try:
            return Number(base.value**exponent.value)
        except OverflowError:
            return Apply("power", arguments)
    return Apply("power", arguments)


_SIMPLIFY: Mapping[str, Callable[[tuple[Expression, ...]], Expression]] = {
    "add": _add,
    "multiply": _multiply,
    "negate": _negate,
    "divide": _divide,
    "power": _power,
}


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield the expression and every part of it, outermost first, each distinct part once.

    Parameters
    ----------
    expression : Expression

    Yields
    ------
    Expression
    """
    seen: set[Expression] = set()
    stack: list[Expression] = [expression]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        yield node
        if isinstance(node, Apply):
            stack.extend(reversed(node.arguments))


def free_symbols(expression: Expression) -> frozenset[str]:
    """Return the names that occur in an expression.

    Parameters
    ----------
    expression : Expression

    Returns
    -------
    frozenset of str
    """
    return frozenset(node.name for node in walk(expression) if isinstance(node, Symbol))


def transform(expression: Expression, change: Callable[[Expression], Expression | None]) -> Expression:
    """Rebuild an expression, replacing each part for which ``change`` returns something.

    Parameters
    ----------
    expression : Expression
        Where to start.
    change : callable
        Gets a part; returns its replacement (which is not searched again), or None to look inside.

    Returns
    -------
    Expression
        Simplified on the way.
    """
    done: dict[Expression, Expression] = {}

    def rebuild(node: Expression) -> Expression:
        if node in done:
            return done[node]
        replaced = change(node)
        if replaced is None:
            replaced = apply(node.operator, *map(rebuild, node.arguments)) if isinstance(node, Apply) else node
        done[node] = replaced
        return replaced

    return rebuild(expression)


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """Replace symbols by expressions, all at once.

    Parameters
    ----------
    expression : Expression
    values : mapping of str to Expression
        Name to replacement.

    Returns
    -------
    Expression
    """
    if not values:
        return expression
    return transform(expression, lambda node: values.get(node.name) if isinstance(node, Symbol) else None)
