r"""The sums over studies on which every estimator of the heterogeneity variance rests, for many meta-analyses at once.

With effects y, variances v, w_i = 1/(v_i + t), mu = sum(w y)/sum(w) and r = y - mu, write P for the matrix that takes
the weighted mean out, P y = w r. Every estimator needs some of

::

    y'Py = sum(w r^2)                  generalised Q
    y'PPy = sum((w r)^2)               tr P  = sum(w) - sum(w^2)/sum(w)
    y'PPPy                             tr PP = sum(w^2) - 2 sum(w^3)/sum(w) + (sum(w^2)/sum(w))^2

d(y'Py)/dt = -y'PPy, d(y'PPy)/dt = -2 y'PPPy, d(tr P)/dt = -tr PP: all of them fall as t grows. In the form above they
lose all digits when one study is far more precise than the others; here the most precise study is the origin, and every
difference with it is taken before it is multiplied.

Source: the model and its likelihood as in Viechtbauer 2005, J Educ Behav Stat 30:261; the arrangement is our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["MeanSpread", "RegressionSpread", "Spread", "Sums", "mean_spread", "regression_spread"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """The sums at one heterogeneity variance a meta-analysis, all (N,).

    Attributes
    ----------
    ypy, yppy, ypppy : array
        y'Py, y'PPy, y'PPPy.
    trace, trace_square : array
        tr P and tr PP.
    weight, weight_square : array
        sum(w) and sum(w^2), which take the place of the traces in the unrestricted likelihood.
    """

    ypy: Floats
    yppy: Floats
    ypppy: Floats
    trace: Floats
    trace_square: Floats
    weight: Floats
    weight_square: Floats


class Spread(Protocol):
    """A number of meta-analyses whose sums can be had at any heterogeneity variance."""

    @property
    def studies(self) -> Floats:
        """How many studies, (M,)."""

    @property
    def degrees_of_freedom(self) -> Floats:
        """Studies less coefficients, (M,)."""

    @property
    def bound(self) -> Floats:
        """No stationary point of a likelihood lies above this heterogeneity variance, (M,)."""

    @property
    def scale(self) -> Floats:
        """The smallest variance, (M,): the step on which the sums can change."""

    @property
    def square_total(self) -> Floats:
        """Sum of squares of the effects around their plain mean, (M,)."""

    @property
    def variance_trace(self) -> Floats:
        """The trace of MV, (M,), where M takes the unweighted fit out."""

    @property
    def variance_trace_square(self) -> Floats:
        """The trace of MVMV, (M,)."""

    def sums(self, rows: Rows, tau2: Floats) -> Sums:
        """Return the sums of some meta-analyses, (N,) rows, each at its own variance, (N,)."""

    def log_likelihood(self, rows: Rows, tau2: Floats, *, restricted: bool) -> Floats:
        """Return the log-likelihood of each without its constant, (N,)."""


@dataclass(frozen=True, slots=True, eq=False)
class MeanSpread:
    """Meta-analyses with one mean each; the most precise study stands first, and effects are differences from it.

    Attributes
    ----------
    effects, variances : (M, K)
        A study that is not there has effect 0 and infinite variance.
    studies, degrees_of_freedom, bound, scale, square_total, variance_trace, variance_trace_square : (M,)
        As in :class:`Spread`.
    """

    effects: Floats
    variances: Floats
    studies: Floats
    degrees_of_freedom: Floats
    bound: Floats
    scale: Floats
    square_total: Floats
    variance_trace: Floats
    variance_trace_square: Floats

    def sums(self, rows: Rows, tau2: Floats) -> Sums:
        """Return the sums of some meta-analyses, each at its own heterogeneity variance.

        Parameters
        ----------
        rows : (N,) array of int
        tau2 : (N,) array
            Not negative.

        Returns
        -------
        Sums
        """
        y = self.effects.take(rows, axis=0)
        w = 1.0 / (self.variances.take(rows, axis=0) + tau2[:, None])
        others = w[:, 1:]
        rest = _total(others)
        rest_square = _inner(others, others)
        first = w[:, 0]
        total = first + rest
        residual = y - (_inner(w, y) / total)[:, None]
        pull = w * residual
        shifted = pull - pull[:, :1]
        shifted = shifted - (_inner(w, shifted) / total)[:, None]
        square = w * w
        # 1 - w_i/total, for the first study from the sum of the others
        left = total[:, None] - w
        left[:, 0] = rest
        freed = w * left / total[:, None]
        # sum over i != j of (w_i w_j)^2, without subtracting the square of the first from itself
        crossed = 2 * first**2 * rest_square + np.maximum(rest_square**2 - _inner(square[:, 1:], square[:, 1:]), 0.0)
        return Sums(
            ypy=_inner(pull, residual),
            yppy=_inner(pull, pull),
            ypppy=_inner(w * shifted, shifted),
            trace=_total(freed),
            trace_square=_inner(freed, freed) + crossed / total**2,
            weight=total,
            weight_square=first * first + rest_square,
        )

    def log_likelihood(self, rows: Rows, tau2: Floats, *, restricted: bool) -> Floats:
        """Return the log-likelihood of each, without its constant.

        Parameters
        ----------
        rows : (N,) array of int
        tau2 : (N,) array
            Not negative.
        restricted : bool
            Whether the restricted one is wanted.

        Returns
        -------
        (N,) array
        """
        y = self.effects.take(rows, axis=0)
        w = 1.0 / (self.variances.take(rows, axis=0) + tau2[:, None])
        total = _total(w)
        residual = y - (_inner(w, y) / total)[:, None]
        found = 0.5 * (np.log(np.where(w > 0, w, 1.0)).sum(axis=1) - _inner(w * residual, residual))
        return np.asarray(found - 0.5 * np.log(total) if restricted else found)


@dataclass(frozen=True, slots=True, eq=False)
class RegressionSpread:
    r"""One meta-regression, in coordinates in which P is diagonal.

    Let the columns of N be an orthonormal basis of everything that the design cannot explain, N'VN = U diag(d) U' and
    q = U'N'y. Then P = N U diag(1/(d + t)) U'N', and each sum is one over the k - p coordinates, such as
    y'Py = sum(q^2/(d + t)).

    Attributes
    ----------
    variances : (K,)
    spectrum, squares : (K - p,)
        d and q^2.
    studies, degrees_of_freedom, bound, scale, square_total, variance_trace, variance_trace_square : (1,)
        As in :class:`Spread`.
    """

    variances: Floats
    spectrum: Floats
    squares: Floats
    studies: Floats
    degrees_of_freedom: Floats
    bound: Floats
    scale: Floats
    square_total: Floats
    variance_trace: Floats
    variance_trace_square: Floats

    def sums(self, rows: Rows, tau2: Floats) -> Sums:
        """Return the sums at each heterogeneity variance; ``rows`` are all 0.

        Parameters
        ----------
        rows : (N,) array of int
        tau2 : (N,) array
            Not negative.

        Returns
        -------
        Sums
        """
        inverse = 1.0 / (self.spectrum + tau2[:, None])
        w = 1.0 / (self.variances + tau2[:, None])
        return Sums(
            ypy=inverse @ self.squares,
            yppy=inverse**2 @ self.squares,
            ypppy=inverse**3 @ self.squares,
            trace=inverse.sum(axis=1),
            trace_square=_inner(inverse, inverse),
            weight=w.sum(axis=1),
            weight_square=_inner(w, w),
        )

    def log_likelihood(self, rows: Rows, tau2: Floats, *, restricted: bool) -> Floats:
        """Return the log-likelihood at each heterogeneity variance, without its constant.

        Parameters
        ----------
        rows : (N,) array of int
            All 0.
        tau2 : (N,) array
            Not negative.
        restricted : bool
            Whether the restricted one is wanted.

        Returns
        -------
        (N,) array
        """
        inverse = 1.0 / (self.spectrum + tau2[:, None])
        weights = inverse if restricted else 1.0 / (self.variances + tau2[:, None])
        return np.asarray(0.5 * (np.log(weights).sum(axis=1) - inverse @ self.squares))


def mean_spread(effects: Floats, variances: Floats) -> MeanSpread:
    """Arrange meta-analyses for :class:`MeanSpread`.

    Parameters
    ----------
    effects, variances : (M, K)
        A study that is not there has infinite variance.

    Returns
    -------
    MeanSpread
    """
    first = np.argmin(variances, axis=1)[:, None]
    rows = np.arange(len(effects))[:, None]
    order = np.broadcast_to(np.arange(effects.shape[1]), effects.shape).copy()
    order[rows, first], order[:, :1] = 0, first
    y, v = effects[rows, order], variances[rows, order]
    there = np.isfinite(v)
    y = np.where(there, y - y[:, :1], 0.0)
    count = there.sum(axis=1).astype(np.float64)
    mean = y.sum(axis=1) / np.maximum(count, 1)
    squares = np.where(there, (y - mean[:, None]) ** 2, 0.0).sum(axis=1)
    finite = np.where(there, v, 0.0)
    total, total_square = finite.sum(axis=1), _inner(finite, finite)
    trace = total * (1 - 1 / count)
    trace_square = total_square * (1 - 2 / count) + (total / count) ** 2
    return MeanSpread(y, v, count, count - 1, squares, v[:, 0], squares, trace, trace_square)


def regression_spread(effects: Floats, variances: Floats, design: Floats) -> RegressionSpread:
    """Arrange a meta-regression for :class:`RegressionSpread`.

    Parameters
    ----------
    effects, variances : (K,)
    design : (K, p)
        Of full column rank, p < K.

    Returns
    -------
    RegressionSpread
    """
    k, p = design.shape
    basis = np.linalg.qr(design, mode="complete").Q[:, p:]
    spectrum, vectors = np.linalg.eigh((basis.T * variances) @ basis)
    squares = (vectors.T @ (basis.T @ effects)) ** 2
    return RegressionSpread(
        variances,
        np.maximum(spectrum, variances.min()),  # Cauchy's interlacing; rounding may fall short of it
        squares,
        np.array([float(k)]),
        np.array([float(k - p)]),
        np.array([squares.sum()]),
        np.array([variances.min()]),
        np.array([np.sum((effects - effects.mean()) ** 2)]),
        np.array([spectrum.sum()]),
        np.array([np.sum(spectrum**2)]),
    )


def _total(values: Floats) -> Floats:
    """Sum along the last axis; a product with ones is several times as fast as a sum over a short axis."""
    return values @ np.ones(values.shape[1])


def _inner(first: Floats, second: Floats) -> Floats:
    """Sum of products along the last axis."""
    return np.einsum("nk,nk->n", first, second)
