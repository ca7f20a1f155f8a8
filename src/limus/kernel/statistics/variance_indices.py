"""Variance-based sensitivity (Sobol' indices): how much of an answer's variance each of d independent inputs carries.

The answers at three designs of n points are needed: A and B, which are independent, and for each input i the matrix
AB_i, which is A with column i of B. With f the answers and V the variance of those at A and B::

    first_i = mean(f_B (f_ABi - f_A)) / V        (Saltelli 2010, table 2 b)
    total_i = mean((f_A - f_ABi)^2) / (2 V)      (Jansen 1999; Saltelli 2010, table 2 f)

as ``scipy.stats.sobol_indices`` has them, which cannot be used whole: its bootstrap takes no seed, and it needs a
finite answer at each of 2^k points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["VarianceIndices", "variance_designs", "variance_indices"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VarianceIndices:
    """First-order and total indices with bootstrap intervals.

    Attributes
    ----------
    first, total : (d,) array
        0 to 1 but for the error of the estimate; zero where the answer does not vary.
    first_interval, total_interval : (d, 2) array
        Percentiles over resampled points.
    variance : float
        Of the answers.
    points : int
        Points with a finite answer in every design.
    """

    first: Floats
    total: Floats
    first_interval: Floats
    total_interval: Floats
    variance: float
    points: int


def variance_designs(inputs: int, points: int, generator: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Make the designs A, B and AB in the unit cube from one scrambled Sobol' sequence of twice the inputs.

    Parameters
    ----------
    inputs : int
        d, at least 1.
    points : int
        n, a power of two.
    generator : numpy.random.Generator
        Scrambles the sequence.

    Returns
    -------
    a, b : (n, d) array
    ab : (d, n, d) array
        ``ab[i]`` is ``a`` with column i of ``b``.
    """
    from scipy.stats import qmc  # noqa: PLC0415

    both = qmc.Sobol(2 * inputs, rng=generator, bits=64).random(points)
    a, b = both[:, :inputs], both[:, inputs:]
    ab = np.tile(a, (inputs, 1, 1))
    for i in range(inputs):
        ab[i, :, i] = b[:, i]
    return a, b, ab


def variance_indices(
    f_a: Floats,
    f_b: Floats,
    f_ab: Floats,
    generator: np.random.Generator,
    *,
    resamples: int = 1000,
    level_percent: float = 90.0,
) -> VarianceIndices:
    """Estimate the indices with bootstrap intervals; a point without a finite answer in any design is left out.

    Parameters
    ----------
    f_a, f_b : (n,) array
        Answers at A and B.
    f_ab : (d, n) array
        Answers at each AB.
    generator : numpy.random.Generator
        Resamples the points.
    resamples : int
        Bootstrap resamples.
    level_percent : float
        Of the intervals.

    Returns
    -------
    VarianceIndices
        NaN throughout where fewer than two points are left.
    """
    kept = np.isfinite(f_a) & np.isfinite(f_b) & np.isfinite(f_ab).all(axis=0)
    a, b, ab = f_a[kept], f_b[kept], f_ab[:, kept]
    count, inputs = len(a), len(f_ab)
    if count < 2:
        empty = np.full((inputs, 2), np.nan)
        return VarianceIndices(empty[:, 0], empty[:, 0], empty, empty, np.nan, count)
    # taking the mean off leaves the indices and lessens the error of the estimate (Sobol' and Levitan 1999)
    mean = float(np.mean([a, b]))
    a, b, ab = a - mean, b - mean, ab - mean
    first, total = _estimate(a, b, ab)
    drawn = np.empty((2, resamples, inputs))
    for k in range(resamples):
        at = generator.integers(0, count, count)
        drawn[:, k] = _estimate(a[at], b[at], ab[:, at])
    tail = (100.0 - level_percent) / 2.0
    ends = np.percentile(drawn, (tail, 100.0 - tail), axis=1)  # (2 ends, 2 kinds, d)
    return VarianceIndices(first, total, ends[:, 0].T, ends[:, 1].T, float(np.var([a, b])), count)


def _estimate(a: Floats, b: Floats, ab: Floats) -> tuple[Floats, Floats]:
    variance = float(np.var([a, b]))
    if variance == 0.0:
        return np.zeros(len(ab)), np.zeros(len(ab))
    first = np.mean(b * (ab - a), axis=1) / variance
    total = np.mean((a - ab) ** 2, axis=1) / (2.0 * variance)
    return first, total
