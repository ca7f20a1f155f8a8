"""Covariance of the parameters: plain, robust (Huber's), and with censored responses (observed information)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.data import CurveData
from limus.assay.curve.problem import CurveProblem, Layout, censored_terms
from limus.assay.curve.refit import Refit
from limus.assay.curve.weights import robust_slopes, robust_weights
from limus.kernel.inference.factorisation import factorise, inverse_of_curvature
from limus.kernel.inference.small_systems import cholesky, invert

__all__ = ["Spread", "find_spread"]

Floats = NDArray[np.float64]
# Smallest pivot of the scaled matrix at which the quick inverse has 6 digits; below it the careful one.
SMALLEST_PIVOT = 1e-9
# Singular values below this share of the largest count as directions without influence.
FLAT_BELOW = 1e-12


@dataclass(frozen=True, eq=False)
class Spread:
    """How well parameters are known.

    Attributes
    ----------
    covariance : (C, F, F) numpy.ndarray
        NaN for parameters at a bound, infinite for those that the data do not determine.
    deviation, freedom : (C,) numpy.ndarray
        Residual standard deviation and degrees of freedom.
    held : (C, F) numpy.ndarray of bool
        Parameters at a bound.
    flat : (C,) numpy.ndarray of bool
        Whether some parameter has no influence.
    """

    covariance: Floats
    deviation: Floats
    freedom: Floats
    held: NDArray[np.bool_]
    flat: NDArray[np.bool_]


def find_spread(
    data: CurveData, layout: Layout, walls: tuple[Floats, Floats], result: Refit, loss: str, known_errors: bool
) -> Spread:
    """Find covariance, residual standard deviation and degrees of freedom.

    Plain: ``s**2 (J'WJ)**-1``, ``s**2 = S / (n - p)``. Robust:
    ``K**2 (sum psi**2 / (n - p)) / mean(psi')**2 (J'WJ)**-1`` with ``K = 1 + p/n var(psi') / mean(psi')**2`` (Huber
    1981, Robust Statistics, section 7.6). Censored: inverse of the observed information in parameters and log sigma,
    so that the uncertainty of sigma is in it.

    Parameters
    ----------
    data : CurveData
    layout : Layout
    walls : tuple of two (C, F) numpy.ndarray
        Bounds of the fitted parameters.
    result : Refit
    loss : str
        Robust loss, or ``none``.
    known_errors : bool
        Whether the weights are 1 / variance.

    Returns
    -------
    Spread
    """
    free = result.parameters.shape[1]
    freedom = (data.counts - free).astype(np.float64)
    with np.errstate(all="ignore"):
        deviation = np.sqrt(result.squares / np.where(freedom > 0, freedom, np.nan))
    if known_errors:
        deviation, freedom = np.ones(len(data)), np.full(len(data), np.inf)
    held = (result.parameters <= walls[0]) | (result.parameters >= walls[1])
    columns = CurveProblem.create(data, layout, result.base).evaluate(result.parameters)[1]
    unscaled, flat = _invert(columns, ~held)
    with np.errstate(invalid="ignore"):  # a perfect fit with a parameter that has no influence
        covariance = deviation[:, np.newaxis, np.newaxis] ** 2 * unscaled
    if loss != "none":
        covariance = _huber_factor(data, layout, result, loss)[:, np.newaxis, np.newaxis] * unscaled
        deviation = result.scale
    censored = (data.censoring != 0).any(axis=1) & np.isfinite(result.scale)
    if censored.any():
        rows = np.flatnonzero(censored)
        sigma = np.ones(len(rows)) if known_errors else result.scale[rows]
        covariance[rows] = _information(data, layout, result, rows, columns[:, rows], sigma, ~held[rows], known_errors)
        deviation = np.where(censored & (not known_errors), result.scale, deviation)
    return Spread(covariance, deviation, freedom, held, flat)


def _invert(columns: Floats, free: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """(J'J)**-1 (C, F, F) over the free parameters, and where a direction has no influence."""
    count, curves, _ = columns.shape
    with np.errstate(all="ignore"):
        matrix = np.empty((count, count, curves))
        for i in range(count):
            for j in range(i + 1):
                matrix[i, j] = matrix[j, i] = np.einsum("br,br->b", columns[i], columns[j])
        lengths = np.sqrt(np.einsum("iib->ib", matrix))
        scales = np.where(lengths > 0, lengths, 1.0)
        matrix /= scales * scales[:, np.newaxis]
        fixed = ~free.T
        matrix = np.where(fixed | fixed[:, np.newaxis], np.eye(count)[:, :, np.newaxis], matrix)
        triangle, pivot = cholesky(matrix)
        inverse = np.moveaxis(invert(triangle) / (scales * scales[:, np.newaxis]), 2, 0)
    inverse = np.where(fixed.T[:, :, np.newaxis] | fixed.T[:, np.newaxis], np.nan, inverse)
    flat = np.zeros(curves, dtype=np.bool_)
    poor = np.flatnonzero(~(pivot > SMALLEST_PIVOT) & np.isfinite(columns).all(axis=(0, 2)))
    if len(poor):
        careful, _, _ = factorise(columns[:, poor], np.zeros(columns.shape[1:])[poor])
        inverse[poor], flat[poor] = inverse_of_curvature(careful, free[poor], FLAT_BELOW)
    return inverse, flat


def _huber_factor(data: CurveData, layout: Layout, result: Refit, loss: str) -> Floats:
    """What (J'WJ)**-1 is multiplied with."""
    used, free = data.weights > 0, result.parameters.shape[1]
    values = CurveProblem.create(data, layout, result.base).evaluate(result.parameters)[0]
    with np.errstate(all="ignore"):
        standard = np.where(used, values / result.scale[:, np.newaxis], 0.0)
        psi = standard * robust_weights(standard, loss)
        slope = np.where(used, robust_slopes(standard, loss), 0.0)
        count = data.counts
        mean = slope.sum(axis=1) / count
        variance = (np.where(used, (slope - mean[:, np.newaxis]) ** 2, 0.0)).sum(axis=1) / count
        correction = 1 + free / count * variance / mean**2
        return correction**2 * result.scale**2 * (psi**2).sum(axis=1) / (count - free) / mean**2


def _information(
    data: CurveData,
    layout: Layout,
    result: Refit,
    rows: NDArray[np.intp],
    columns: Floats,
    sigma: Floats,
    free: NDArray[np.bool_],
    known: bool,
) -> Floats:
    """Covariance (G, F, F) from the observed information of Tobin's model, second derivatives of the curve left out."""
    sides, count = data.censoring[rows], len(columns)
    values = CurveProblem.create(data, layout, result.base).evaluate(result.parameters)[0][rows] / sigma[:, np.newaxis]
    scaled = columns / sigma[:, np.newaxis]
    hidden = sides != 0
    distance = sides[hidden] * values[hidden]
    hazard = censored_terms(distance)[2]
    bend = hazard * (hazard + distance)
    weight, cross, own = np.ones_like(values), -2 * values, 2 * values**2
    weight[hidden] = bend
    cross[hidden] = sides[hidden] * (hazard - bend * distance)
    own[hidden] = bend * distance**2 - hazard * distance
    matrix = np.einsum("pbn,qbn,bn->bpq", scaled, scaled, weight)
    if not known:
        beside = np.einsum("pbn,bn->bp", scaled, cross)
        matrix -= np.einsum("bp,bq->bpq", beside, beside) / own.sum(axis=1)[:, np.newaxis, np.newaxis]
    outside = ~free
    blank = outside[:, :, np.newaxis] | outside[:, np.newaxis]
    matrix = np.where(blank, np.eye(count), matrix)
    size = np.sqrt(np.abs(np.einsum("bpp->bp", matrix)))
    size = np.where(size > 0, size, 1.0)[:, :, np.newaxis] * np.where(size > 0, size, 1.0)[:, np.newaxis]
    inverse = np.linalg.pinv(matrix / size, rcond=FLAT_BELOW, hermitian=True) / size
    return np.where(blank, np.nan, inverse)
