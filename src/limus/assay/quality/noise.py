r"""How much replicate wells scatter, as a function of their signal: one noise model for a plate.

The variance of a well with mean signal m is ``v(m) = a + b m**2``: a constant part (reader, plate) and a proportional
one (pipetting), both zero or more. They are fitted to the variances of all groups of replicates by the likelihood of
normal data, in which a variance ``s_i**2`` with ``d_i`` degrees of freedom has mean ``v`` and variance ``2 v**2 / d_i``
(a gamma distribution). Where fewer than six groups have replicates, or the proportional part does not improve the
likelihood at 5 %, the variance is the pooled one.

Rocke and Lorenzato (1995) Technometrics 37:176 give the two parts for analytical measurements.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PlateNoise", "fit_noise", "group_moments"]

Floats = NDArray[np.float64]
_FEWEST_GROUPS = 6
_IMPROVEMENT = 3.841 / 2  # 95 % point of chi-squared with one degree of freedom, halved: a log-likelihood
_MOST_STEPS = 200


@dataclass(frozen=True, eq=False)
class PlateNoise:
    """Variance of one well as a function of its mean signal.

    Attributes
    ----------
    constant, proportional : float
        a in the signal's unit squared, and b.
    covariance : (2, 2) numpy.ndarray
        Of a and b; zero for a part that is held at zero.
    groups, degrees_of_freedom : int
        Groups of replicates behind it, and their degrees of freedom together.
    """

    constant: float
    proportional: float
    covariance: Floats
    groups: int
    degrees_of_freedom: int

    def variance(self, mean: Floats | float) -> Floats:
        """Return the variance of a well with this mean signal.

        Parameters
        ----------
        mean : float or array
            Signal.
        """
        return np.asarray(self.constant + self.proportional * np.square(mean), dtype=np.float64)

    def freedom(self, mean: Floats | float) -> Floats:
        """Return the degrees of freedom of that variance, ``2 v**2 / var(v)``.

        Parameters
        ----------
        mean : float or array
            Signal.
        """
        basis = np.stack([np.ones_like(np.asarray(mean, dtype=np.float64)), np.square(mean)], axis=-1)
        spread = np.einsum("...i,ij,...j->...", basis, self.covariance, basis)
        variance = self.variance(mean)
        with np.errstate(divide="ignore", invalid="ignore"):
            freedom = np.where(spread > 0, 2.0 * variance**2 / spread, self.degrees_of_freedom)
        return np.minimum(freedom, max(self.degrees_of_freedom, 1))


def group_moments(signal: Floats, groups: Sequence[Hashable]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return mean, variance and degrees of freedom of every group with two or more usable wells.

    Parameters
    ----------
    signal : (W,) array
        NaN is left out.
    groups : (W,) sequence
        What is the same in replicates.

    Returns
    -------
    tuple of ((G,) means, (G,) variances, (G,) degrees of freedom)
    """
    usable = np.isfinite(signal)
    labels = [repr(group) for group, use in zip(groups, usable, strict=True) if use]
    if not labels:
        return np.empty(0), np.empty(0), np.empty(0, dtype=np.int64)
    _, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    y = signal[usable]
    means = np.bincount(index, weights=y) / counts
    sums = np.bincount(index, weights=(y - means[index]) ** 2)
    several = counts >= 2
    return means[several], sums[several] / (counts[several] - 1), (counts[several] - 1).astype(np.int64)


def fit_noise(signal: Floats, groups: Sequence[Hashable]) -> PlateNoise | None:
    """Fit the noise of a plate to the scatter of its replicates.

    Parameters
    ----------
    signal : (W,) array
        NaN is left out.
    groups : (W,) sequence
        What is the same in replicates.

    Returns
    -------
    PlateNoise or None
        None where no group has replicates, or all replicates are equal.
    """
    means, variances, freedom = group_moments(signal, groups)
    total = int(freedom.sum())
    pooled = float(np.sum(freedom * variances) / total) if total else 0.0
    if not pooled > 0:
        return None
    constant = PlateNoise(pooled, 0.0, np.diag([2.0 * pooled**2 / total, 0.0]), len(means), total)
    if len(means) < _FEWEST_GROUPS:
        return constant
    fitted = _fit_two(means, variances, freedom, pooled)
    gain = _log_likelihood(fitted, means, variances, freedom) - _log_likelihood(
        (pooled, 0.0), means, variances, freedom
    )
    if gain <= _IMPROVEMENT:
        return constant
    return PlateNoise(*fitted, _covariance(fitted, means, freedom), len(means), total)


def _fit_two(means: Floats, variances: Floats, freedom: NDArray[np.int64], pooled: float) -> tuple[float, float]:
    """Iteratively reweighted least squares with both parts kept at zero or more: Fisher scoring of the likelihood."""
    from scipy.optimize import nnls  # noqa: PLC0415

    scale = float(np.mean(means**2)) or 1.0
    basis = np.column_stack([np.ones_like(means), means**2 / scale])
    part = np.array([pooled / 2, pooled / 2])
    for _ in range(_MOST_STEPS):
        weight = np.sqrt(freedom / 2.0) / (basis @ part)
        new, _ = nnls(basis * weight[:, np.newaxis], variances * weight)
        if not np.any(new > 0):
            break
        done = bool(np.all(np.abs(new - part) <= 1e-10 * pooled))
        part = np.maximum(new, 1e-12 * pooled * np.array([1.0, 0.0])) if done else 0.5 * (part + new)
        if done:
            break
    return float(part[0]), float(part[1] / scale)


def _log_likelihood(parts: tuple[float, float], means: Floats, variances: Floats, freedom: NDArray[np.int64]) -> float:
    v = parts[0] + parts[1] * means**2
    if not np.all(v > 0):
        return -math.inf
    return float(-0.5 * np.sum(freedom * (np.log(v) + variances / v)))


def _covariance(parts: tuple[float, float], means: Floats, freedom: NDArray[np.int64]) -> Floats:
    basis = np.column_stack([np.ones_like(means), means**2])
    v = basis @ np.array(parts)
    information = np.einsum("g,gi,gj->ij", freedom / (2.0 * v**2), basis, basis)
    held = np.array(parts) <= 1e-9 * float(np.max(v))
    covariance = np.zeros((2, 2))
    free = np.flatnonzero(~held)
    covariance[np.ix_(free, free)] = np.linalg.inv(information[np.ix_(free, free)])
    return covariance
