"""Gates: what is inside, parents, booleans, and gates that refer to each other wrongly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limus.assay.cytometry.gate.gates import (
    BooleanShape,
    Dimension,
    EllipsoidShape,
    Gate,
    PolygonShape,
    QuadrantShape,
    Ratio,
    RectangleShape,
    Shape,
    apply_gates,
    order_gates,
)
from limus.assay.cytometry.gate.scales import Scale
from limus.kernel.errors import InputError, UnknownNameError

X, Y = Dimension("X"), Dimension("Y")


def inside(shape: Shape, x: list[float], y: list[float]) -> list[bool]:
    columns = {"X": np.array(x), "Y": np.array(y)}
    return apply_gates([Gate("g", shape)], lambda _: columns, len(x))["g"].tolist()


def test_a_rectangle_holds_its_least_and_not_its_greatest_place() -> None:
    shape = RectangleShape((X,), ((1.0, 2.0),))
    assert inside(shape, [0.9, 1.0, 1.5, 2.0, math.nan], [0.0] * 5) == [False, True, True, False, False]
    assert inside(RectangleShape((X,), ((-math.inf, math.inf),)), [math.inf, 3.0], [0.0, 0.0]) == [True, True]


def test_a_polygon_that_crosses_itself_follows_the_even_odd_rule() -> None:
    star = tuple((math.sin(4 * math.pi * k / 5), math.cos(4 * math.pi * k / 5)) for k in range(5))
    shape = PolygonShape((X, Y), star)
    assert inside(shape, [0.0, 0.0, 0.6], [0.0, 0.8, 0.8]) == [False, True, False]


def test_a_polygon_against_half_planes() -> None:
    """A triangle is the intersection of three half planes; corners and edges belong to it."""
    corners = ((0.0, 0.0), (4.0, 0.0), (0.0, 4.0))
    grid = np.stack(np.meshgrid(np.linspace(-1, 5, 25), np.linspace(-1, 5, 25)), axis=-1).reshape(-1, 2)
    expected = (grid[:, 0] >= 0) & (grid[:, 1] >= 0) & (grid.sum(axis=1) <= 4)
    for order in (corners, corners[::-1], corners[1:] + corners[:1]):
        found = inside(PolygonShape((X, Y), order), grid[:, 0].tolist(), grid[:, 1].tolist())
        assert found == expected.tolist()


def test_an_ellipse_is_a_mahalanobis_distance() -> None:
    covariance = ((4.0, 1.0), (1.0, 2.0))
    shape = EllipsoidShape((X, Y), (1.0, -1.0), covariance, 1.5)
    points = np.random.default_rng(3).normal(0, 3, (300, 2))
    centred = points - [1.0, -1.0]
    expected = np.sum(centred @ np.linalg.inv(covariance) * centred, axis=1) <= 1.5
    assert inside(shape, points[:, 0].tolist(), points[:, 1].tolist()) == expected.tolist()
    assert 5 < expected.sum() < 295


def test_quadrants_share_out_all_events() -> None:
    points = np.random.default_rng(4).integers(0, 3, (200, 2)).astype(float)
    columns = {"X": points[:, 0], "Y": points[:, 1]}
    ends = ((-math.inf, 1.0), (1.0, math.inf))
    dividers = (("x", (1.0,)), ("y", (1.0,)))
    quadrants = [
        Gate(f"q{i}{j}", QuadrantShape((X, Y), (ends[i], ends[j]), "q", dividers)) for i in range(2) for j in range(2)
    ]
    masks = apply_gates(quadrants, lambda _: columns, 200)
    assert (sum(mask.astype(int) for mask in masks.values()) == 1).all()
    assert masks["q11"].tolist() == ((points >= 1).all(axis=1)).tolist()


def test_parents_and_booleans() -> None:
    columns = {"X": np.arange(6.0), "Y": np.zeros(6)}
    gates = [
        Gate("small", RectangleShape((X,), ((-math.inf, 2.0),)), "odd_out"),
        Gate("both", BooleanShape("and", (("high", False), ("odd_out", True)))),
        Gate("either", BooleanShape("or", (("small", False), ("high", False)))),
        Gate("none", BooleanShape("not", (("high", False),))),
        Gate("high", RectangleShape((X,), ((3.0, math.inf),))),
        Gate("odd_out", RectangleShape((X,), ((1.0, 5.0),))),
    ]
    found = {name: np.flatnonzero(mask).tolist() for name, mask in apply_gates(gates, lambda _: columns, 6).items()}
    assert found["small"] == [1]
    assert found["both"] == [5]
    assert found["either"] == [1, 3, 4, 5]
    assert found["none"] == [0, 1, 2]


def test_scales_ratios_bounds_and_compensations() -> None:
    raw = {"X": np.array([1.0, 10.0, 100.0]), "Y": np.array([2.0, 5.0, 300.0])}
    other = {"X": raw["X"] * 10, "Y": raw["Y"]}

    def columns(name: str) -> dict[str, np.ndarray]:
        return {"FCS": raw, "mine": other}[name]

    scaled = Dimension("X", Scale("log", 1000.0, 3.0))
    ratio = Dimension(Ratio("X", "Y", 2.0, 0.0, 1.0))
    clipped = Dimension("X", None, "FCS", 5.0, 50.0)
    gates = [
        Gate("scaled", RectangleShape((scaled,), ((1 / 3 - 1e-9, 0.5),))),
        Gate("ratio", RectangleShape((ratio,), ((4.9, 5.1),))),
        Gate("clipped", RectangleShape((clipped,), ((5.0, 50.0),))),
        Gate("mine", RectangleShape((Dimension("X", None, "mine"),), ((50.0, 150.0),))),
    ]
    found = {name: np.flatnonzero(mask).tolist() for name, mask in apply_gates(gates, columns, 3).items()}
    assert found == {"scaled": [1], "ratio": [1], "clipped": [0, 1], "mine": [1]}


def test_gates_are_put_behind_those_that_they_need() -> None:
    a = Gate("a", RectangleShape((X,), ((0.0, 1.0),)), "b")
    b = Gate("b", BooleanShape("or", (("c", False), ("d", True))))
    c, d = (Gate(name, RectangleShape((X,), ((0.0, 1.0),))) for name in "cd")
    assert [gate.name for gate in order_gates([a, b, c, d])] == ["c", "d", "b", "a"]
    with pytest.raises(InputError, match="twice"):
        order_gates([a, a])
    with pytest.raises(UnknownNameError):
        order_gates([a])
    with pytest.raises(InputError, match="refers to itself"):
        order_gates([Gate("a", a.shape, "b"), Gate("b", a.shape, "a")])
    with pytest.raises(UnknownNameError, match="Z"):
        apply_gates([Gate("g", RectangleShape((Dimension("Z"),), ((0.0, 1.0),)))], lambda _: {"X": np.ones(1)}, 1)
