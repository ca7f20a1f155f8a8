"""Allocation of subjects to arms: simple, permuted blocks within strata, minimisation; what a list gives away.

Every function takes uniform numbers rather than a generator, and one row a replicate, so that a thousand trials are
allocated at once and each from its own numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import InputError, ValueRangeError

__all__ = [
    "ConcealedList",
    "allocate_blocks",
    "allocate_by_minimisation",
    "allocate_simply",
    "conceal_list",
    "guess_probability",
    "imbalance",
    "permuted_block_lists",
    "verify_list",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def _read_ratio(ratio: Sequence[int]) -> Integers:
    found = np.asarray(ratio, dtype=np.int64)
    if found.ndim != 1 or len(found) < 2 or (found < 1).any():
        raise ValueRangeError("allocation ratio", list(ratio), "two or more whole numbers above 0", "correct it")
    return found


def allocate_simply(ratio: Sequence[int], uniform: ArrayLike) -> Integers:
    """Allocate each subject independently in a ratio.

    Parameters
    ----------
    ratio : sequence of int
        One number an arm.
    uniform : (...) array_like
        In [0, 1).

    Returns
    -------
    (...) array of int
        Number of the arm, from 0.

    Raises
    ------
    ValueRangeError
        A ratio that is not of whole numbers above 0.
    """
    parts = _read_ratio(ratio)
    return np.searchsorted(np.cumsum(parts) / parts.sum(), np.asarray(uniform), side="right").astype(np.int64)


def permuted_block_lists(
    ratio: Sequence[int], block_sizes: Sequence[int], size_uniform: ArrayLike, order_uniform: ArrayLike
) -> Integers:
    """Make lists of permuted blocks whose sizes are drawn at random.

    Parameters
    ----------
    ratio : sequence of int
        One number an arm; within a block the arms stand exactly in this ratio.
    block_sizes : sequence of int
        Multiples of the ratio's sum, equally likely.
    size_uniform : (L, B) array_like
        In [0, 1); chooses the size of each block; ``B`` blocks of the smallest size must fill a list.
    order_uniform : (L, K) array_like
        In [0, 1); its order within a block permutes it; K is the length of a list.

    Returns
    -------
    (L, K) array of int
        Arms. Where the list ends within a block, that block is not a fair one: make lists longer than needed.

    Raises
    ------
    ValueRangeError
        A block size that is not a multiple of the ratio's sum.
    InputError
        Too few blocks to fill a list.
    """
    parts, order = _read_ratio(ratio), np.asarray(order_uniform, dtype=np.float64)
    sizes = np.asarray(block_sizes, dtype=np.int64)
    unit = int(parts.sum())
    if not len(sizes) or (sizes < 1).any() or (sizes % unit).any():
        raise ValueRangeError("block sizes", list(block_sizes), f"multiples of {unit}", "correct them")
    chosen = sizes[np.minimum((np.asarray(size_uniform) * len(sizes)).astype(np.int64), len(sizes) - 1)]
    lists, length = order.shape
    ends = np.cumsum(chosen, axis=1)
    if lists and (ends[:, -1] < length).any():
        raise InputError("size_uniform", f"{chosen.shape[1]} blocks", f"enough for {length} subjects", "draw more")
    position = np.arange(length)
    block = np.stack([np.searchsorted(row, position, side="right") for row in ends]) if lists else order.astype(int)
    start = np.take_along_axis(np.concatenate([np.zeros((lists, 1), dtype=np.int64), ends], axis=1), block, axis=1)
    template = np.repeat(np.arange(len(parts)), parts)
    arms = template[(position - start) % unit]
    # a permutation within blocks: sort by block, then by the uniform number
    rank = np.argsort(block + 0.999999 * order, axis=1, kind="stable")
    return np.asarray(np.take_along_axis(arms, rank, axis=1))


def allocate_blocks(
    ratio: Sequence[int],
    block_sizes: Sequence[int],
    strata: ArrayLike,
    size_uniform: ArrayLike,
    order_uniform: ArrayLike,
) -> Integers:
    """Allocate subjects in order of arrival from a list of permuted blocks of their stratum.

    Parameters
    ----------
    ratio, block_sizes : sequence of int
        As :func:`permuted_block_lists`.
    strata : (R, N) array_like of int
        Stratum of each subject of R replicates, from 0 to S - 1.
    size_uniform : (R, S, B) array_like
    order_uniform : (R, S, K) array_like
        K at least N plus the largest block, so that the cut of a list never meets a subject.

    Returns
    -------
    (R, N) array of int

    Raises
    ------
    ValueRangeError, InputError
        As :func:`permuted_block_lists`; a stratum without a list.
    """
    groups, order = np.asarray(strata, dtype=np.int64), np.asarray(order_uniform, dtype=np.float64)
    replicates, kinds, length = order.shape
    if groups.size and (groups.min() < 0 or groups.max() >= kinds):
        raise InputError("strata", int(groups.max()), f"0 to {kinds - 1}", "draw numbers for every stratum")
    sizes = np.asarray(size_uniform, dtype=np.float64).reshape(replicates * kinds, -1)
    lists = permuted_block_lists(ratio, block_sizes, sizes, order.reshape(-1, length)).reshape(order.shape)
    arms = np.zeros(groups.shape, dtype=np.int64)
    for stratum in range(kinds):
        here = groups == stratum
        place = np.cumsum(here, axis=1) - 1
        rows, columns = np.nonzero(here)
        arms[rows, columns] = lists[rows, stratum, place[rows, columns]]
    return arms


def allocate_by_minimisation(
    ratio: Sequence[int],
    factors: ArrayLike,
    uniform: ArrayLike,
    *,
    best_probability: float = 0.8,
    weights: Sequence[float] | None = None,
) -> Integers:
    """Allocate by Pocock and Simon's minimisation with a biased coin.

    For each arm the subject is put there in thought; the imbalance is the weighted sum over factors of the range of
    the counts (over the ratio) of its level among arms. The best arm is taken with ``best_probability``, each other
    one with an equal part of the rest; between equals the best is drawn.

    Parameters
    ----------
    ratio : sequence of int
    factors : (R, N, F) array_like of int
        Level of each factor, from 0.
    uniform : (R, N, 2) array_like
        In [0, 1): for ties and for the coin.
    best_probability : float
        From 1 over the number of arms to 1.
    weights : sequence of float, optional
        Of the factors, 1 by default.

    Returns
    -------
    (R, N) array of int

    Raises
    ------
    ValueRangeError
        A probability outside its range.

    Notes
    -----
    Pocock and Simon 1975, Biometrics 31:103. With unequal ratios counts are divided by the ratio, which balances but
    does not keep the allocation probabilities of every subject at the ratio.
    """
    parts, levels = _read_ratio(ratio), np.asarray(factors, dtype=np.int64)
    chance = np.asarray(uniform, dtype=np.float64)
    arms, (replicates, subjects, kinds) = len(parts), levels.shape
    if not 1 / arms <= best_probability <= 1:
        raise ValueRangeError("best_probability", best_probability, f"{1 / arms:.3g} to 1", "correct it")
    weight = np.ones(kinds) if weights is None else np.asarray(weights, dtype=np.float64)
    counts = np.zeros((replicates, kinds, int(levels.max(initial=0)) + 1, arms))
    rows, columns = np.arange(replicates)[:, None], np.arange(kinds)[None, :]
    allocated = np.zeros((replicates, subjects), dtype=np.int64)
    added = np.eye(arms)
    for n in range(subjects):
        here = counts[rows, columns, levels[:, n]]  # (R, F, A)
        with_arm = (here[:, :, None, :] + added) / parts  # (R, F, candidate, A)
        spread = ((with_arm.max(axis=-1) - with_arm.min(axis=-1)) * weight[:, None]).sum(axis=1)
        best = spread <= spread.min(axis=1, keepdims=True) + 1e-12
        chosen = _nth_true(best, (chance[:, n, 0] * best.sum(axis=1)).astype(np.int64))
        other = (chance[:, n, 1] - best_probability) / max(1 - best_probability, 1e-300) * (arms - 1)
        away = chance[:, n, 1] >= best_probability
        step = 1 + np.clip(other, 0, arms - 2).astype(np.int64)
        chosen = np.where(away, (chosen + step) % arms, chosen)
        allocated[:, n] = chosen
        counts[rows, columns, levels[:, n], chosen[:, None]] += 1
    return allocated


def _nth_true(flags: NDArray[np.bool_], nth: Integers) -> Integers:
    """Return the place of the nth true value (from 0) of each row."""
    return np.asarray(np.argmax(np.cumsum(flags, axis=1) == (nth + 1)[:, None], axis=1))


def imbalance(ratio: Sequence[int], arms: ArrayLike, strata: ArrayLike | None = None) -> Floats:
    """Return the largest imbalance at the end of each trial.

    ``max over strata of (max - min over arms of n_a / ratio_a)``: in units of the ratio.

    Parameters
    ----------
    ratio : sequence of int
    arms : (R, N) array_like of int
    strata : (R, N) array_like of int, optional
        The whole trial by default.

    Returns
    -------
    (R,) array
    """
    parts, given = _read_ratio(ratio), np.asarray(arms)
    groups = np.zeros_like(given) if strata is None else np.asarray(strata)
    worst = np.zeros(len(given))
    for stratum in range(int(groups.max(initial=0)) + 1):
        counts = np.stack([((given == a) & (groups == stratum)).sum(axis=1) / parts[a] for a in range(len(parts))])
        worst = np.maximum(worst, counts.max(axis=0) - counts.min(axis=0))
    return worst


def guess_probability(ratio: Sequence[int], arms: ArrayLike, strata: ArrayLike | None = None) -> Floats:
    """Return how often someone who sees past allocations guesses the next one right.

    The guess is the arm that lags most behind the ratio within the stratum; between equals it is drawn, which counts
    as its expectation. (Blackwell and Hodges' convergence strategy.)

    Parameters
    ----------
    ratio : sequence of int
    arms : (R, N) array_like of int
        In order of arrival.
    strata : (R, N) array_like of int, optional

    Returns
    -------
    (R,) array
        1 over the number of arms for a coin.

    Notes
    -----
    Blackwell and Hodges 1957, Ann Math Stat 28:449.
    """
    parts, given = _read_ratio(ratio), np.asarray(arms)
    groups = np.zeros_like(given) if strata is None else np.asarray(strata)
    right = np.zeros(given.shape)
    for stratum in range(int(groups.max(initial=0)) + 1):
        here = groups == stratum
        took = np.stack([(given == a) & here for a in range(len(parts))], axis=-1)
        before = (np.cumsum(took, axis=1) - took) / parts
        lagging = before <= before.min(axis=-1, keepdims=True) + 1e-12
        right += np.where(here, (lagging & took).any(axis=-1) / lagging.sum(axis=-1), 0.0)
    return np.asarray(right.mean(axis=1))


@dataclass(frozen=True, slots=True)
class ConcealedList:
    """An allocation list and the hash that commits to it before the trial.

    Attributes
    ----------
    rows : tuple of (str, int, str)
        Stratum, number in the stratum, arm.
    salt : str
        Random text that keeps the list from being guessed from its hash.
    sha256 : str
        Of salt and rows; may be published beforehand.
    """

    rows: tuple[tuple[str, int, str], ...]
    salt: str
    sha256: str


def conceal_list(rows: Sequence[tuple[str, int, str]], salt: str) -> ConcealedList:
    """Commit to an allocation list.

    Parameters
    ----------
    rows : sequence of (str, int, str)
        Stratum, number in the stratum, arm.
    salt : str
        Not empty, kept with the list.

    Returns
    -------
    ConcealedList

    Raises
    ------
    InputError
        An empty salt.
    """
    if not salt:
        raise InputError("salt", "nothing", "random text", "draw one: a short list could be found from its hash alone")
    kept = tuple(rows)
    return ConcealedList(kept, salt, _digest(kept, salt))


def verify_list(concealed: ConcealedList, sha256: str) -> bool:
    """Tell whether a list is the one whose hash was published.

    Parameters
    ----------
    concealed : ConcealedList
    sha256 : str

    Returns
    -------
    bool
    """
    return _digest(concealed.rows, concealed.salt) == sha256


def _digest(rows: tuple[tuple[str, int, str], ...], salt: str) -> str:
    text = "\n".join((salt, *(f"{stratum}\t{number}\t{arm}" for stratum, number, arm in rows)))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
