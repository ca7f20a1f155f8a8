r"""Generation peaks as a least-squares problem: the squared residuals sum to the Poisson deviance.

Expected counts are ``mu_j = sum_g n_g p_gj(d, s, w)``. The deviance residual ``sign(mu - y) sqrt(2 (y ln(y / mu) - y +
mu))`` makes maximum likelihood of the counts a least-squares fit. Parameters of a lane: ln d, ln s, the variance w**2
that a division adds (if it grows), then ``n_0 ... n_G`` in units of the total count. Knowledge of ln d, ln s from a
control enters as further residuals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.generation.peak_shapes import peak_probabilities, peak_probabilities_with_slopes

__all__ = ["GenerationProblem", "deviance_residuals", "log_medians"]

Floats = NDArray[np.float64]
LN2 = float(np.log(2.0))
_LEAST_COUNT = 1e-9  # expected cells in a bin: keeps the logarithm finite far outside all peaks


def deviance_residuals(counts: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Return Poisson deviance residuals and their derivatives by the expected counts.

    Parameters
    ----------
    counts, expected : numpy.ndarray
        Expected ones above 0.

    Returns
    -------
    tuple of two numpy.ndarray
        Positive where too many are expected.
    """
    ratio = counts / expected
    excess = ratio - 1.0
    small = np.abs(excess) < 1e-3
    safe = np.where(small, 1.0, excess)
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = np.where(ratio > 0, ratio * np.log(np.where(ratio > 0, ratio, 1.0)), 0.0) - excess
    bend = np.where(small, 1.0 - excess / 3.0 + excess**2 / 6.0, 2.0 * whole / safe**2)
    root = np.sqrt(bend)
    size = np.sqrt(expected)
    return -size * excess * root, 1.0 / (size * root)


def log_medians(log_dye: Floats, generations: int) -> Floats:
    """Return the mean logarithm of the dye of generations 0 to G, (..., G + 1): ln 2 less from one to the next."""
    return np.asarray(log_dye[..., np.newaxis] - LN2 * np.arange(generations + 1))


@dataclass(frozen=True, eq=False)
class GenerationProblem:
    """B lanes of counts, each fitted with generations 0 to G; see :class:`limus.kernel.inference.LaneProblem`.

    Attributes
    ----------
    edges : (J,) numpy.ndarray
    counts : (B, J + 1) numpy.ndarray
    floors : (3, B) numpy.ndarray
        Moments of the autofluorescence of each lane.
    generations : int
        G.
    growing : bool
        Whether peaks widen by a variance that is fitted.
    known : (B, 3) numpy.ndarray
        Values of ln d, ln s and w**2 that controls give.
    precision : (B, 3) numpy.ndarray
        1 / standard error of each; 0 where nothing is known.
    """

    edges: Floats
    counts: Floats
    floors: Floats
    generations: int
    growing: bool
    known: Floats
    precision: Floats

    @property
    def shape_parameters(self) -> int:
        """Parameters before the amounts."""
        return 3 if self.growing else 2

    def shapes(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Return mean and variance of the logarithm of each generation's dye, (B, G + 1) each."""
        log_dye = log_medians(parameters[:, 0], self.generations)
        added = parameters[:, 2:3] * np.arange(self.generations + 1) if self.growing else 0.0
        return log_dye, np.broadcast_to(np.exp(2.0 * parameters[:, 1:2]) + added, log_dye.shape)

    def shares(self, parameters: Floats) -> Floats:
        """Return the share of each peak in each bin, (B, G + 1, J + 1)."""
        return peak_probabilities(*self.shapes(parameters), self.floors[..., np.newaxis], self.edges)

    def expected(self, parameters: Floats) -> Floats:
        """Return expected counts, (B, J + 1)."""
        amounts = parameters[:, self.shape_parameters :] * self.totals[:, np.newaxis]
        return np.maximum(np.einsum("bg,bgj->bj", amounts, self.shares(parameters)), _LEAST_COUNT)

    @property
    def totals(self) -> Floats:
        """Cells of each lane, (B,)."""
        return np.maximum(self.counts.sum(axis=1), 1.0)

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        """Return residuals (B, R) and derivatives (P, B, R)."""
        first = self.shape_parameters
        totals = self.totals[:, np.newaxis]
        amounts = parameters[:, first:] * totals
        log_dye, variance = self.shapes(parameters)
        shares, by_dye, by_variance = peak_probabilities_with_slopes(
            log_dye, variance, self.floors[..., np.newaxis], self.edges
        )
        expected = np.maximum(np.einsum("bg,bgj->bj", amounts, shares), _LEAST_COUNT)
        residuals, slope = deviance_residuals(self.counts, expected)
        lanes, bins = expected.shape
        values = np.zeros((lanes, bins + 3))
        columns = np.zeros((parameters.shape[1], lanes, bins + 3))
        values[:, :bins] = residuals
        columns[0, :, :bins] = slope * np.einsum("bg,bgj->bj", amounts, by_dye)
        # the variance is exp(2 ln s) + g w**2
        widened = 2.0 * np.exp(2.0 * parameters[:, 1:2]) * amounts
        columns[1, :, :bins] = slope * np.einsum("bg,bgj->bj", widened, by_variance)
        if self.growing:
            grown = np.arange(self.generations + 1) * amounts
            columns[2, :, :bins] = slope * np.einsum("bg,bgj->bj", grown, by_variance)
        columns[first:, :, :bins] = np.moveaxis(shares, 1, 0) * (slope * totals)
        values[:, bins : bins + first] = (parameters[:, :first] - self.known[:, :first]) * self.precision[:, :first]
        for k in range(first):
            columns[k, :, bins + k] = self.precision[:, k]
        return values, columns

    def take(self, lanes: NDArray[Any], /) -> GenerationProblem:
        """Return the problem of some lanes."""
        return replace(
            self,
            counts=self.counts[lanes],
            floors=self.floors[:, lanes],
            known=self.known[lanes],
            precision=self.precision[lanes],
        )
