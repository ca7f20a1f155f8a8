from __future__ import annotations

import math

import pytest

from limus.kernel.language import Apply, Expression, Number, Symbol, apply
from limus.kernel.language.expression import LOGIC, RELATIONS, UNARY
from limus.kernel.simulation.python_code import load_function, write_function

INF, NAN = math.inf, math.nan


def value(node: Expression, *y: float, careful: bool = True) -> float:
    source = write_function("f", {f"y{i}": f"y[{i}]" for i in range(len(y))}, [node], careful=careful)
    return load_function("f", source, careful)(0.0, list(y), [])[0]


def call(operator: str, *y: float, careful: bool = True) -> float:
    return value(Apply(operator, tuple(Symbol(f"y{i}") for i in range(len(y)))), *y, careful=careful)


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(
    ("operator", "arguments", "expected"),
    [
        ("modulo", (7.0, 3.0), 1.0),
        ("modulo", (-7.0, 3.0), -1.0),
        ("modulo", (7.0, -3.0), 1.0),
        ("quotient", (-7.0, 3.0), -2.0),
        ("quotient", (7.0, 3.0), 2.0),
        ("xor", (1.0, 1.0, 1.0), 1),
        ("xor", (1.0, 1.0), 0),
        ("and", (0.5, 2.0), 1),
        ("and", (0.5, 0.0), 0),
        ("or", (0.0, 3.0), 1),
        ("not", (3.0,), 0),
        ("factorial", (5.0,), 120.0),
        ("log10", (1000.0,), 3.0),
        ("floor", (-1.5,), -2.0),
        ("ceiling", (-1.5,), -1.0),
        ("min", (3.0, 1.0, 2.0), 1.0),
        ("max", (3.0, 1.0, 2.0), 3.0),
        ("power", (-2.0, 3.0), -8.0),
        ("power", (0.0, 0.0), 1.0),
        ("less_equal", (1.0, 1.0), 1),
        ("not_equal", (1.0, 1.0), 0),
    ],
)
def test_values(operator: str, arguments: tuple[float, ...], expected: float, careful: bool) -> None:
    assert call(operator, *arguments, careful=careful) == expected


@pytest.mark.parametrize(
    ("operator", "arguments", "expected"),
    [
        ("divide", (1.0, 0.0), INF),
        ("divide", (-1.0, 0.0), -INF),
        ("divide", (0.0, 0.0), NAN),
        ("power", (0.0, -1.0), INF),
        ("power", (-1.0, 0.5), NAN),
        ("power", (10.0, 400.0), INF),
        ("power", (-10.0, 401.0), -INF),
        ("exp", (1e4,), INF),
        ("sinh", (-1e4,), -INF),
        ("cosh", (-1e4,), INF),
        ("ln", (0.0,), -INF),
        ("ln", (-1.0,), NAN),
        ("log10", (0.0,), -INF),
        ("sqrt", (-1.0,), NAN),
        ("sin", (INF,), NAN),
        ("tan", (INF,), NAN),
        ("floor", (INF,), INF),
        ("ceiling", (-INF,), -INF),
        ("floor", (NAN,), NAN),
        ("arcsin", (2.0,), NAN),
        ("arctanh", (1.0,), INF),
        ("arctanh", (-1.0,), -INF),
        ("factorial", (-1.0,), NAN),
        ("factorial", (500.0,), INF),
        ("modulo", (1.0, 0.0), NAN),
        ("quotient", (1.0, 0.0), INF),
    ],
)
def test_careful_code_never_raises(operator: str, arguments: tuple[float, ...], expected: float) -> None:
    found = call(operator, *arguments)
    assert math.isnan(found) if math.isnan(expected) else found == expected


@pytest.mark.parametrize("operator", sorted(UNARY | RELATIONS | LOGIC))
@pytest.mark.parametrize("x", [INF, -INF, NAN, 0.0, -1e308, 1e308])
def test_no_operator_raises_on_any_number(operator: str, x: float) -> None:
    arguments = (x,) if operator in UNARY else (x, x)
    assert isinstance(float(call(operator, *arguments)), float)


def test_piecewise_without_otherwise_is_nan() -> None:
    x = Symbol("y0")
    node = apply("piecewise", Number(1.0), apply("less", x, Number(0.0)), Number(2.0), apply("less", x, Number(1.0)))
    assert [value(node, -1.0), value(node, 0.5)] == [1.0, 2.0]
    assert math.isnan(value(node, 3.0))


def test_long_and_shared_expressions_compile() -> None:
    node: Expression = Symbol("y0")
    for k in range(80):
        node = Apply("add", (Apply("multiply", (Number(0.5), Apply("cos", (node,)))), Number(float(k))))
    expected = 0.3
    for k in range(80):
        expected = 0.5 * math.cos(expected) + k
    assert value(node, 0.3) == pytest.approx(expected, rel=1e-12)
