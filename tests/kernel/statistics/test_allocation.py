"""Allocation: exact ratios within blocks, balance, what a list gives away, commitment to a list."""

import numpy as np
import pytest

from limus.kernel.errors import InputError, ValueRangeError
from limus.kernel.statistics.allocation import (
    allocate_blocks,
    allocate_by_minimisation,
    allocate_simply,
    conceal_list,
    guess_probability,
    imbalance,
    permuted_block_lists,
    verify_list,
)


def test_every_whole_block_holds_the_ratio() -> None:
    generator = np.random.default_rng(1)
    sizes = generator.random((50, 40))
    lists = permuted_block_lists((2, 1), (3, 6), sizes, generator.random((50, 60)))
    chosen = np.array([3, 6])[(sizes * 2).astype(int)]
    for row, lengths in zip(lists, chosen, strict=True):
        start = 0
        for length in lengths:
            if start + length > 60:
                break
            assert (row[start : start + length] == 0).sum() == 2 * length // 3
            start += length


def test_permutations_within_a_block_are_equally_likely() -> None:
    generator = np.random.default_rng(2)
    lists = permuted_block_lists((1, 1), (4,), np.zeros((60_000, 1)), generator.random((60_000, 4)))
    _, counts = np.unique(lists, axis=0, return_counts=True)
    assert len(counts) == 6
    # 10,000 expected each; standard deviation sqrt(60000 * 1/6 * 5/6) = 91
    assert np.abs(counts - 10_000).max() < 4.5 * 91


def test_blocks_balance_within_strata_and_a_coin_does_not() -> None:
    generator = np.random.default_rng(3)
    strata = generator.integers(0, 3, (200, 100))
    arms = allocate_blocks((1, 1), (2, 4), strata, generator.random((200, 3, 60)), generator.random((200, 3, 104)))
    assert imbalance((1, 1), arms, strata).max() <= 2
    coin = allocate_simply((1, 1), generator.random((200, 100)))
    assert imbalance((1, 1), coin, strata).max() > 4


def test_a_coin_cannot_be_guessed_and_blocks_of_two_are_guessed_three_times_of_four() -> None:
    generator = np.random.default_rng(4)
    coin = allocate_simply((1, 1), generator.random((400, 200)))
    assert guess_probability((1, 1), coin).mean() == pytest.approx(0.5, abs=0.008)  # SE sqrt(1/4/80000) = 0.0018
    pairs = permuted_block_lists((1, 1), (2,), np.zeros((400, 100)), generator.random((400, 200)))
    assert guess_probability((1, 1), pairs).mean() == pytest.approx(0.75, abs=1e-12)


def test_minimisation_keeps_margins_together_better_than_a_coin() -> None:
    generator = np.random.default_rng(5)
    factors = generator.integers(0, 2, (100, 80, 3))
    arms = allocate_by_minimisation((1, 1), factors, generator.random((100, 80, 2)), best_probability=0.9)
    coin = allocate_simply((1, 1), generator.random((100, 80)))
    for f in range(3):
        assert imbalance((1, 1), arms, factors[..., f]).mean() < 0.4 * imbalance((1, 1), coin, factors[..., f]).mean()


def test_minimisation_without_a_coin_takes_the_arm_that_balances() -> None:
    factors = np.zeros((1, 2, 1), dtype=int)
    uniform = np.array([[[0.9, 0.0], [0.1, 0.0]]])
    arms = allocate_by_minimisation((1, 1), factors, uniform, best_probability=1.0)
    assert arms.tolist() == [[1, 0]]


def test_four_arms_and_unequal_ratios_come_out_in_the_ratio() -> None:
    generator = np.random.default_rng(6)
    lists = permuted_block_lists((2, 1, 1, 1), (5, 10), generator.random((20, 30)), generator.random((20, 100)))
    counts = np.stack([(lists[:, :90] == a).sum(axis=1) for a in range(4)], axis=1)
    assert np.abs(counts / 90 - np.array([0.4, 0.2, 0.2, 0.2])).max() < 0.06


def test_a_changed_list_does_not_match_its_hash() -> None:
    sealed = conceal_list([("all", 1, "A"), ("all", 2, "B")], "pepper")
    assert verify_list(sealed, sealed.sha256)
    other = conceal_list([("all", 1, "B"), ("all", 2, "A")], "pepper")
    assert not verify_list(other, sealed.sha256)
    assert conceal_list(sealed.rows, "salt").sha256 != sealed.sha256


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="multiples of 2"):
        permuted_block_lists((1, 1), (3,), np.zeros((1, 4)), np.zeros((1, 4)))
    with pytest.raises(InputError, match="enough for"):
        permuted_block_lists((1, 1), (2,), np.zeros((1, 1)), np.zeros((1, 4)))
    with pytest.raises(ValueRangeError, match="allocation ratio"):
        allocate_simply((1, 0), [0.5])
    with pytest.raises(ValueRangeError, match="best_probability"):
        allocate_by_minimisation((1, 1), np.zeros((1, 1, 1), dtype=int), np.zeros((1, 1, 2)), best_probability=0.2)
    with pytest.raises(InputError, match="salt"):
        conceal_list([], "")
