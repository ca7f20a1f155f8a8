"""Equilibria: the truth in 60-digit arithmetic, conservation, mass action, limits and symmetry."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limus.kernel.errors import InputError, ValueRangeError
from limus.molecule.equilibrium import (
    bind,
    bind_competitively,
    bind_in_blood,
    bind_pools,
    bind_ternary,
    blood_from_plasma,
    scale_capacity,
)

INF = float("inf")
log_amounts = st.floats(-6, 9).map(lambda x: 10.0**x)
amounts = st.one_of(st.just(0.0), log_amounts)


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    """The validation script, which holds the oracle; it is not part of the package."""
    path = Path(__file__).parents[2] / "validation" / "molecule_equilibrium.py"
    spec = importlib.util.spec_from_file_location("validation_molecule_equilibrium", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["wide", "zeros", "equal"])
@pytest.mark.parametrize("solver", ["bind", "bind_competitively", "bind_ternary", "bind_pools", "bind_in_blood"])
def test_every_species_equals_sixty_digit_arithmetic(oracle: ModuleType, solver: str, kind: str) -> None:
    assert oracle.largest_error(solver, kind, points=25, seed=7) < oracle.LIMITS[solver]


def test_the_oracle_notices_a_wrong_species(oracle: ModuleType) -> None:
    truth = oracle.exact_species([10.0, 10.0], [((0, 1), [5.0])], [4.0, 7.0])
    assert truth == pytest.approx([5.0, 5.0, 5.0], rel=1e-15)


def test_a_ratio_of_ten_to_fifteen_keeps_all_digits() -> None:
    # A = 1e9 and P = 1e-6 leave p = P K / (K + A) to first order in P / A = 1e-15.
    result = bind(1e9, 1e-6, 1.0)
    assert float(result.free_partner) == pytest.approx(1e-6 / (1 + 1e9), rel=1e-13)
    assert float(result.complex) == pytest.approx(1e-6 * 1e9 / (1 + 1e9), rel=1e-13)


@given(amounts, amounts, log_amounts)
def test_binary_conserves_mass_and_obeys_mass_action(a: float, p: float, k: float) -> None:
    r = bind(a, p, k)
    free, partner, bound = float(r.free_ligand), float(r.free_partner), float(r.complex)
    assert min(free, partner, bound) >= 0
    assert free + bound == pytest.approx(a, rel=1e-14)
    assert partner + bound == pytest.approx(p, rel=1e-14)
    assert free * partner == pytest.approx(k * bound, rel=1e-13)


@given(st.lists(st.tuples(amounts, log_amounts), min_size=1, max_size=5), amounts, st.randoms())
def test_competition_does_not_depend_on_the_order_of_ligands(
    pairs: list[tuple[float, float]], p: float, random: object
) -> None:
    order = list(range(len(pairs)))
    random.shuffle(order)  # type: ignore[attr-defined]
    ligands, constants = np.array(pairs).T
    here = bind_competitively(ligands, p, constants)
    there = bind_competitively(ligands[order], p, constants[order])
    np.testing.assert_allclose(there.complexes, here.complexes[order], rtol=1e-13)
    np.testing.assert_allclose(here.free_ligands + here.complexes, ligands, rtol=1e-14)
    assert float(here.free_partner) + here.complexes.sum() == pytest.approx(p, rel=1e-13)


@settings(max_examples=60, deadline=None)
@given(amounts, amounts, amounts, log_amounts, log_amounts, st.one_of(st.just(INF), log_amounts))
def test_ternary_conserves_mass_and_obeys_mass_action(
    a: float, p: float, t: float, k: float, q: float, d: float
) -> None:
    r = bind_ternary(a, p, t, k, q, d)
    assert min(map(float, vars(r).values())) >= 0
    assert float(r.free_ligand + r.complex + r.ternary + r.ligand_target) == pytest.approx(a, rel=1e-12)
    assert float(r.free_immunophilin + r.complex + r.ternary) == pytest.approx(p, rel=1e-12)
    assert float(r.free_target + r.ternary + r.ligand_target) == pytest.approx(t, rel=1e-12)
    assert float(r.free_ligand * r.free_immunophilin) == pytest.approx(float(k * r.complex), rel=1e-12)
    assert float(r.complex * r.free_target) == pytest.approx(float(q * r.ternary), rel=1e-12)
    if d < INF:
        assert float(r.free_ligand * r.free_target) == pytest.approx(float(d * r.ligand_target), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(log_amounts, st.floats(1.01, 100), log_amounts, log_amounts, log_amounts, log_amounts)
def test_more_ligand_gives_more_of_it_free_and_less_free_partner(
    a: float, factor: float, p: float, t: float, k: float, q: float
) -> None:
    r = bind_ternary([a, a * factor], p, t, k, q)
    assert r.free_ligand[1] > r.free_ligand[0]
    assert r.free_immunophilin[1] < r.free_immunophilin[0]
    assert r.ternary[1] >= r.ternary[0] * (1 - 1e-13)


@given(amounts, amounts, log_amounts)
def test_special_cases_equal_the_binary_one(a: float, p: float, k: float) -> None:
    binary = bind(a, p, k)
    alone = bind_competitively([a], p, [k])
    beside_nothing = bind_competitively([a, 0.0, a], p, [k, 1.0, INF])
    without_target = bind_ternary(a, p, 0.0, k, 1.0)
    for bound in (alone.complexes[0], beside_nothing.complexes[0], without_target.complex):
        assert float(bound) == pytest.approx(float(binary.complex), rel=1e-12)
    assert float(without_target.free_ligand) == pytest.approx(float(binary.free_ligand), rel=1e-12)
    assert beside_nothing.free_ligands[2] == a


def test_pools_equal_competition_and_ternary_where_they_coincide() -> None:
    ligands, constants = [30.0, 4.0, 0.0], [0.2, 3.0, 1.0]
    competition = bind_competitively(ligands, 20.0, constants)
    pools = bind_pools(ligands, [20.0], [7.0], np.array(constants)[:, None], INF)
    np.testing.assert_allclose(pools.complexes[:, 0], competition.complexes, rtol=1e-13)
    assert pools.free_targets[0] == pytest.approx(7.0, rel=1e-15)
    ternary = bind_ternary(30.0, 20.0, 7.0, 0.2, 12.0, 26_000.0)
    pools = bind_pools([30.0], [20.0], [7.0], [[0.2]], [[[12.0]]], [[26_000.0]])
    assert pools.ternaries[0, 0, 0] == ternary.ternary


def test_two_immunophilins_share_one_target() -> None:
    # Tacrolimus on FKBP12 and ciclosporin on cyclophilin compete for calcineurin: adding one frees the other's complex.
    constants = [[0.4, INF], [INF, 30.0]]
    targets = [[[50.0], [INF]], [[INF], [70.0]]]
    one = bind_pools([20.0, 0.0], [500.0, 5000.0], [10.0], constants, targets)
    both = bind_pools([20.0, 300.0], [500.0, 5000.0], [10.0], constants, targets)
    assert one.ternaries[1].sum() == 0
    assert both.ternaries[0, 0, 0] < one.ternaries[0, 0, 0]
    assert both.ternaries.sum() > one.ternaries.sum()


def test_leading_axes_broadcast() -> None:
    doses = np.logspace(-3, 4, 8)[:, None]
    assert bind(doses, [1.0, 10.0, 100.0], 2.0).complex.shape == (8, 3)
    assert bind_competitively(np.ones((5, 1, 2)), [1.0, 2.0, 3.0], [1.0, 2.0]).complexes.shape == (5, 3, 2)
    assert bind_ternary(doses, 1.0, [1.0, 2.0], 1.0, 1.0).ternary.shape == (8, 2)
    assert bind_pools(np.ones((4, 2)), [1.0], np.ones((3, 1, 1)), 1.0, 1.0).ternaries.shape == (3, 4, 2, 1, 1)
    assert bind(np.ones((0,)), 1.0, 1.0).complex.shape == (0,)
    assert bind_ternary(np.ones((0,)), 1.0, 1.0, 1.0, 1.0).complex.shape == (0,)


def test_results_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        bind([1.0], 1.0, 1.0).complex[0] = 2.0
    with pytest.raises(AttributeError):
        bind([1.0], 1.0, 1.0).complex = 3.0  # type: ignore[misc, assignment]


@pytest.mark.parametrize("bad", [-1.0, float("nan"), INF])
def test_a_bad_total_is_named(bad: float) -> None:
    with pytest.raises(ValueRangeError, match="ligand_total") as caught:
        bind([1.0, bad], 1.0, 1.0)
    assert str(bad) in caught.value.got
    with pytest.raises(ValueRangeError, match="immunophilins_total"):
        bind_pools([1.0], [bad], [1.0], 1.0, 1.0)
    with pytest.raises(ValueRangeError, match="target_total"):
        bind_ternary(1.0, 1.0, bad, 1.0, 1.0)
    with pytest.raises(ValueRangeError, match="partner_total"):
        bind_competitively([1.0], bad, [1.0])
    with pytest.raises(ValueRangeError, match="blood_total"):
        bind_in_blood(bad, 1.0, 1.0)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_a_bad_constant_is_named(bad: float) -> None:
    with pytest.raises(ValueRangeError, match="dissociation_constant"):
        bind(1.0, 1.0, bad)
    with pytest.raises(ValueRangeError, match="dissociation_constants"):
        bind_competitively([1.0], 1.0, [bad])
    with pytest.raises(ValueRangeError, match="ligand_target_constants"):
        bind_pools([1.0], [1.0], [1.0], 1.0, 1.0, bad)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="bind_pools"):
        bind_pools([1.0, 2.0], [1.0], [1.0], np.ones((3, 1)), 1.0)


@given(amounts, amounts, log_amounts)
def test_blood_and_plasma_are_inverse(plasma: float, capacity: float, constant: float) -> None:
    blood = blood_from_plasma(plasma, capacity, constant)
    back = bind_in_blood(blood.blood, capacity, constant)
    # Where nearly all is bound, a rounding of whole blood is a large part of plasma: the problem's own condition.
    condition = float(blood.blood) / max(plasma * (1 + capacity * constant / (constant + plasma) ** 2), 1e-300)
    assert float(back.plasma) == pytest.approx(plasma, rel=4e-16 * (4 + condition))
    assert float(back.plasma + back.red_cell_bound) == pytest.approx(float(back.blood), rel=1e-14)


def test_capacity_follows_haematocrit() -> None:
    assert float(scale_capacity(40.0, 0.30, 0.45)) == pytest.approx(40.0 * 2 / 3)
    scaled = bind_in_blood(10.0, 40.0, 0.3, haematocrit=0.30, reference_haematocrit=0.45)
    assert float(scaled.plasma) == float(bind_in_blood(10.0, 40.0 * (0.30 / 0.45), 0.3).plasma)
    with pytest.raises(ValueRangeError, match="haematocrit"):
        scale_capacity(40.0, 45.0, 0.45)
    with pytest.raises(InputError, match="haematocrit"):
        bind_in_blood(10.0, 40.0, 0.3, haematocrit=0.3)
