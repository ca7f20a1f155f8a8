"""Two-by-two tables: effects, zero cells, Mantel-Haenszel, Peto, and the logistic model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import (
    BinaryMeasure,
    Correction,
    DifferenceVariance,
    EffectStatus,
    TableStatus,
    TwoByTwo,
    binary_effects,
    fit_mixed_logistic,
    pool_effects,
    pool_mantel_haenszel,
    pool_peto,
)

RATIOS = (BinaryMeasure.RR, BinaryMeasure.OR)
# Rothman, Greenland and Lash 2008, table 15-1 (tolbutamide, by age): deaths and participants of both arms
TOLBUTAMIDE = TwoByTwo.create([8, 22], [106, 98], [5, 16], [120, 85])


def arms(least: int = 0) -> st.SearchStrategy[tuple[int, int, int, int]]:
    sizes = st.integers(least + 2, 200)

    def events(n: tuple[int, int]) -> st.SearchStrategy[tuple[int, int, int, int]]:
        one, two = n
        counts = st.tuples(st.integers(least, one - least), st.integers(least, two - least))
        return counts.map(lambda e: (e[0], one, e[1], two))

    return st.tuples(sizes, sizes).flatmap(events)


def tables_of(rows: list[tuple[int, int, int, int]]) -> TwoByTwo:
    return TwoByTwo.create(*np.array(rows, dtype=float).T)


def turned(tables: TwoByTwo) -> TwoByTwo:
    return TwoByTwo(tables.events_2, tables.n_2, tables.events_1, tables.n_1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(arms(), min_size=1, max_size=6), st.sampled_from(list(BinaryMeasure)), st.sampled_from(list(Correction))
)
def test_turning_the_arms_turns_the_effect(
    rows: list[tuple[int, int, int, int]], measure: BinaryMeasure, correction: Correction
) -> None:
    tables = tables_of(rows)
    one, other = (binary_effects(t, measure, correction=correction) for t in (tables, turned(tables)))
    assert one.effect == pytest.approx(-other.effect, abs=1e-12, nan_ok=True)
    assert one.variance == pytest.approx(other.variance, rel=1e-12, nan_ok=True)
    assert one.status == other.status
    assert ((one.variance > 0) | np.isnan(one.variance)).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(arms(1), min_size=1, max_size=6))
def test_odds_ratios_do_not_care_what_the_event_is_called(rows: list[tuple[int, int, int, int]]) -> None:
    tables = tables_of(rows)
    other = TwoByTwo(tables.n_1 - tables.events_1, tables.n_1, tables.n_2 - tables.events_2, tables.n_2)
    for pool in (lambda t: pool_mantel_haenszel(t, BinaryMeasure.OR), pool_peto):
        first, second = pool(tables), pool(other)
        assert first.estimate == pytest.approx(-second.estimate, abs=1e-9)
        assert first.standard_error == pytest.approx(second.standard_error, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(arms(1), st.sampled_from([BinaryMeasure.RR, BinaryMeasure.OR, BinaryMeasure.RD]))
def test_mantel_haenszel_of_one_table_is_its_effect(row: tuple[int, int, int, int], measure: BinaryMeasure) -> None:
    tables = tables_of([row])
    found = pool_mantel_haenszel(tables, measure)
    assert found.estimate == pytest.approx(binary_effects(tables, measure).effect[0], abs=1e-12)


def test_zero_cells_are_corrected_only_where_needed_and_said() -> None:
    tables = TwoByTwo.create([0, 5, 0, 20, 20], [20, 20, 20, 20, 20], [3, 4, 0, 20, 5], [20, 20, 20, 20, 20])
    ratio = binary_effects(tables, BinaryMeasure.RR)
    names = [EffectStatus.CORRECTED, EffectStatus.OK, EffectStatus.NO_EVENTS, EffectStatus.ONLY_EVENTS, EffectStatus.OK]
    assert list(ratio.status) == names
    assert ratio.effect[0] == pytest.approx(np.log((0.5 / 21) / (3.5 / 21)))
    assert ratio.variance[0] == pytest.approx(1 / 0.5 - 1 / 21 + 1 / 3.5 - 1 / 21)
    assert ratio.effect[4] == pytest.approx(np.log(4))  # all 20 of 20: no correction needed for a risk ratio
    assert binary_effects(tables, BinaryMeasure.OR).status[4] is EffectStatus.CORRECTED
    difference = binary_effects(tables, BinaryMeasure.RD)
    assert difference.effect.tolist() == pytest.approx([-0.15, 0.05, 0, 0, 0.75])
    assert difference.status[2] is EffectStatus.VARIANCE_CORRECTED
    assert difference.status[0] is EffectStatus.OK
    kept = binary_effects(tables, BinaryMeasure.RR, keep_double_zero=True)
    assert kept.effect[2:4] == pytest.approx([0, 0])
    none = binary_effects(tables, BinaryMeasure.OR, correction=Correction.NONE)
    assert none.status[0] is EffectStatus.ZERO_CELL
    assert np.isnan(none.effect[0])


def test_a_correction_by_size_of_arm_does_not_pull_unequal_arms_apart() -> None:
    """Sweeting 2004: with no events expected to differ, arms of 10 and 90 and one event in 100 give OR near 1."""
    tables = TwoByTwo.create([0], [10], [1], [90])
    constant, by_arm = (
        binary_effects(tables, BinaryMeasure.OR, correction=c).effect[0]
        for c in (Correction.CONSTANT, Correction.TREATMENT_ARM)
    )
    k_1, k_2 = 0.1, 0.9
    expected = np.log(k_1 * (89 + k_2) / ((10 + k_1) * (1 + k_2)))
    assert by_arm == pytest.approx(expected)
    assert abs(by_arm) < abs(constant)


@pytest.mark.parametrize("row", [(5, 4, 1, 10), (-1, 4, 1, 10), (1.5, 4, 1, 10), (1, 0, 1, 10), (np.nan, 4, 1, 10)])
def test_impossible_counts_are_refused(row: tuple[float, ...]) -> None:
    with pytest.raises(ValueRangeError):
        TwoByTwo.create(*([x] for x in row))


def test_mantel_haenszel_as_published() -> None:
    """Rothman 2008, chapter 15; 90 % intervals and tests from metafor's tests of the same chapter."""
    wanted = {"RD": (0.0349, 0.0874, 0.0017), "RR": (0.2818, 0.7078, 0.4472), "OR": (0.3387, 0.8505, 0.3474)}
    for name, (estimate, upper, q) in wanted.items():
        found = pool_mantel_haenszel(TOLBUTAMIDE, BinaryMeasure(name))
        assert found.estimate == pytest.approx(estimate, abs=5e-5)
        assert found.estimate + 1.6448536 * found.standard_error == pytest.approx(upper, abs=5e-5)
        assert found.q == pytest.approx(q, abs=5e-5)
    sato, greenland = (
        pool_mantel_haenszel(TOLBUTAMIDE, BinaryMeasure.RD, difference_variance=kind).standard_error
        for kind in DifferenceVariance
    )
    assert sato == pytest.approx(greenland, rel=0.05)
    assert sato != greenland


def test_pools_without_events_are_undefined_and_say_so() -> None:
    none = TwoByTwo.create([0, 0], [10, 15], [0, 0], [10, 10])
    for measure in RATIOS:
        assert pool_mantel_haenszel(none, measure).status is TableStatus.UNDEFINED
    assert pool_peto(none).status is TableStatus.UNDEFINED
    assert pool_mantel_haenszel(none, BinaryMeasure.RD).estimate == 0


def test_a_study_without_events_changes_no_ratio() -> None:
    rows = [(3, 50, 8, 52), (1, 30, 4, 28)]
    with_empty = tables_of([*rows, (0, 40, 0, 44)])
    for measure in RATIOS:
        one, other = pool_mantel_haenszel(tables_of(rows), measure), pool_mantel_haenszel(with_empty, measure)
        assert one.estimate == pytest.approx(other.estimate, rel=1e-12)
        assert one.standard_error == pytest.approx(other.standard_error, rel=1e-12)
        assert (one.studies, other.studies) == (2, 2)


def test_the_logistic_model_without_heterogeneity_is_close_to_inverse_variance_for_large_counts() -> None:
    rng = np.random.default_rng(2)
    n = np.full(6, 4000)
    tables = TwoByTwo.create(rng.binomial(n, 0.3), n, rng.binomial(n, 0.4), n)
    model = fit_mixed_logistic(tables, random=False)
    effects = binary_effects(tables, BinaryMeasure.OR)
    pooled = pool_effects(effects.effect, effects.variance, None)
    assert model.estimate == pytest.approx(pooled.estimate[0], abs=1e-3)
    assert model.standard_error == pytest.approx(pooled.standard_error[0], rel=1e-3)


def test_the_logistic_model_of_catheters_as_published() -> None:
    """Niel-Weise 2007 in Stijnen 2010; estimates of metafor's tests with three fitters: -1.2370, -1.2368, -1.2372."""
    rows = (
        (0, 116, 3, 117), (1, 44, 3, 35), (2, 208, 9, 195), (0, 130, 7, 136), (5, 151, 6, 157), (1, 98, 4, 139),
        (1, 174, 3, 177), (1, 74, 2, 39), (1, 97, 19, 103), (1, 113, 2, 122), (0, 66, 7, 64), (0, 70, 1, 58),
        (3, 188, 5, 175), (6, 187, 11, 180), (0, 118, 0, 105), (0, 252, 1, 262), (1, 345, 3, 362), (4, 64, 1, 69),
    )  # fmt: skip
    tables = tables_of(list(rows))
    common, random = (fit_mixed_logistic(tables, random=random) for random in (False, True))
    assert common.estimate == pytest.approx(-1.2286, abs=5e-5)
    assert random.estimate == pytest.approx(-1.2370, abs=1e-3)  # the three fitters differ by 4e-4
    assert random.tau2 == pytest.approx(0.3227, abs=1e-2)  # 0.3198, 0.3227 and 0.3312
    assert random.studies == 17


@pytest.mark.parametrize(
    "rows", [[(0, 10, 0, 10)], [(0, 10, 3, 10), (0, 12, 2, 12)], [(10, 10, 3, 10), (12, 12, 2, 12)]]
)
def test_the_logistic_model_refuses_what_has_no_estimate(rows: list[tuple[int, int, int, int]]) -> None:
    with pytest.raises(ValueRangeError):
        fit_mixed_logistic(tables_of(rows))
