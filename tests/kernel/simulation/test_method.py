"""The coefficients of the Rosenbrock method: order by rooted trees, stability, and what the ninth stage is."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from limus.kernel.simulation.engine import tableau
from limus.kernel.simulation.engine.tableau import EVALUATIONS, GAMMA, REMAINDER_WEIGHT, STAGES

Floats: TypeAlias = NDArray[np.float64]
Tree: TypeAlias = "tuple[Tree, ...]"


def lower_triangle(rows: tuple[tuple[float, ...], ...]) -> Floats:
    matrix = np.zeros((STAGES, STAGES))
    for i, row in enumerate(rows):
        matrix[i, : len(row)] = row
    return matrix


# stage 7 begins where stage 6 ends, stage 8 where stage 7 ends; stage 9 shares the f of stage 8
A = lower_triangle((*tableau.A, (*tableau.A[5], 1.0), (*tableau.A[5], 1.0, 1.0), (*tableau.A[5], 1.0, 1.0)))
C = lower_triangle(tableau.C)
STEP = np.array([*tableau.A[5], 1.0, 1.0, 1.0, -REMAINDER_WEIGHT])
RODAS5P = np.array([*tableau.A[5], 1.0, 1.0, 1.0, 0.0])
# the classical form: k_i = sum_j G_ij K_j, K_i = h f(y + sum_j a_ij K_j) + h J sum_j g_ij K_j
G = np.linalg.inv(np.eye(STAGES) / GAMMA - C)
ALPHA = A @ G
BETA = ALPHA + G


@cache
def trees(order: int) -> tuple[Tree, ...]:
    """All rooted trees with ``order`` nodes; a tree is the tuple of the trees that hang on its root."""

    def forests(nodes: int, largest: int) -> list[tuple[Tree, ...]]:
        if nodes == 0:
            return [()]
        pairs = [(tree, size) for size in range(1, min(nodes, largest) + 1) for tree in trees(size)]
        return [(tree, *rest) for tree, size in pairs for rest in forests(nodes - size, size)]

    return tuple({tuple(sorted(forest, key=repr)) for forest in forests(order - 1, order - 1)})


def nodes(tree: Tree) -> int:
    return 1 + sum(map(nodes, tree))


def density(tree: Tree) -> int:
    return nodes(tree) * math.prod(map(density, tree))


def symmetry(tree: Tree) -> int:
    return math.prod(math.factorial(n) * symmetry(branch) ** n for branch, n in Counter(tree).items())


def stage_weights(tree: Tree) -> Floats:
    """Coefficient of a tree in every stage K_i (Hairer and Wanner, Solving ODEs II, IV.7)."""
    if len(tree) == 1:
        return BETA @ stage_weights(tree[0])
    return math.prod((ALPHA @ stage_weights(branch) for branch in tree), start=np.ones(STAGES))


def coefficients(weights: Floats, order: int, fraction: float = 1.0, exact: float = 1.0) -> Floats:
    """Coefficients of sum_j weights_j k_j less ``exact`` times the true increment at t + fraction h, tree by tree."""
    return np.array(
        [
            (weights @ G @ stage_weights(tree) - exact * fraction**order / density(tree)) / symmetry(tree)
            for tree in trees(order)
        ]
    )


def test_there_are_as_many_trees_as_there_should_be() -> None:
    assert [len(trees(order)) for order in range(1, 7)] == [1, 1, 2, 4, 9, 20]


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_a_step_has_order_five(order: int) -> None:
    np.testing.assert_allclose(coefficients(STEP, order), 0.0, atol=1e-13)


@pytest.mark.parametrize(("stage", "order"), [(8, 4), (9, 5)])
def test_the_last_two_stages_vanish_with_the_order_that_is_claimed(stage: int, order: int) -> None:
    weights = np.eye(STAGES)[stage - 1]
    for n in range(1, order + 1):
        np.testing.assert_allclose(coefficients(weights, n, exact=0.0), 0.0, atol=1e-13)
    assert np.abs(coefficients(weights, order + 1, exact=0.0)).max() > 1e-3


def test_the_ninth_stage_takes_most_of_the_leading_error_away() -> None:
    error = coefficients(RODAS5P, 6)
    ninth = coefficients(np.eye(STAGES)[8], 6, exact=0.0)
    best = error @ ninth / (ninth @ ninth)
    assert best == pytest.approx(0.597, abs=5e-4)
    norms = [np.linalg.norm(error - weight * ninth) for weight in (0.0, best, REMAINDER_WEIGHT)]
    np.testing.assert_allclose(norms, [0.0115, 0.0021, 0.0028], atol=5e-5)


@pytest.mark.parametrize("fraction", [0.1, 0.37, 0.5, 0.8])
def test_the_dense_output_has_order_four(fraction: float) -> None:
    bend = np.array(tableau.DENSE).T @ np.array([1.0, fraction, fraction**2])
    weights = fraction * STEP + fraction * (1 - fraction) * np.append(bend, 0.0)
    for order in range(1, 5):
        np.testing.assert_allclose(coefficients(weights, order, fraction), 0.0, atol=1e-13)


def linear_stages(z: complex) -> NDArray[np.complex128]:
    """All stages of a step of length 1 of y' = z y from y = 1."""
    k = np.zeros(STAGES, dtype=complex)
    for i in range(STAGES):
        k[i] = (z * (1 + A[i] @ k) + C[i] @ k) / (1 / GAMMA - z)
    return k


def test_it_is_stable_as_rodas5p_is() -> None:
    for z in [*(1j * np.geomspace(1e-2, 1e4, 400)), *(-np.geomspace(1e-2, 1e6, 50))]:
        k = linear_stages(z)
        assert abs(1 + STEP @ k) <= 1 + 1e-12
        assert k[8] == pytest.approx(0.0, abs=1e-10)
    assert abs(1 + STEP @ linear_stages(-1e12)) < 1e-9


def solve(steps: int) -> tuple[float, list[Floats]]:
    """y' = t - y^2 from 1 over [0, 1] in equal steps; the end and all stages."""
    y, h, kept = 1.0, 1.0 / steps, []
    for n in range(steps):
        t, k = n * h, np.zeros(STAGES)
        rates = np.zeros(STAGES)
        jacobian = -2.0 * y
        for i in range(STAGES):
            if i < EVALUATIONS:
                rates[i] = -((y + A[i] @ k) ** 2) + t + h * (tableau.NODES[i] + tableau.TIME_WEIGHTS[i])
            else:
                rates[i] = rates[i - 1]
            k[i] = (rates[i] + C[i] @ k / h) / (1.0 / (GAMMA * h) - jacobian)
        remainder = rates[7] - rates[6] - jacobian * k[6]
        assert k[8] == pytest.approx(remainder / (1.0 / (GAMMA * h) - jacobian), rel=1e-6, abs=1e-15)
        kept.append(k)
        y += STEP @ k
    return float(y), kept


def test_the_ninth_stage_is_what_a_linear_model_leaves_of_the_rates() -> None:
    """Asserted within ``solve``, in every step; it is not zero here."""
    _, kept = solve(4)
    assert all(abs(k[8]) > 1e-9 for k in kept)


def test_errors_fall_with_the_fifth_power_of_the_step() -> None:
    from scipy.integrate import solve_ivp

    exact = solve_ivp(lambda t, y: -y * y + t, (0, 1), [1.0], rtol=1e-13, atol=1e-14, method="DOP853").y[0, -1]
    rate = math.log2(abs(solve(16)[0] - exact) / abs(solve(32)[0] - exact))
    assert 4.5 < rate < 5.6
