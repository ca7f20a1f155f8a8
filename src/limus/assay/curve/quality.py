"""How well curves are described: likelihood and AICc, lack of fit against replicates, bands, residuals, outliers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.data import CurveData
from limus.assay.curve.dose import quantile, variance_of
from limus.assay.curve.fit import fit_data
from limus.assay.curve.inverse import columns_of
from limus.assay.curve.problem import CurveProblem
from limus.assay.curve.records import CurveFits, CurveStatus
from limus.kernel.errors import ValueRangeError

__all__ = [
    "LackOfFit",
    "Outliers",
    "akaike",
    "choose_models",
    "find_outliers",
    "lack_of_fit",
    "log_likelihood",
    "predict",
    "studentised",
]

Floats = NDArray[np.float64]
# Share of the responses that may be outliers, and false discovery rate: Motulsky and Brown (2006) BMC Bioinf 7:123.
LARGEST_SHARE, FALSE_DISCOVERY = 0.3, 0.01
ONE_SIGMA = 0.6827


@dataclass(frozen=True, eq=False)
class LackOfFit:
    """F-test of the curve against the means by dose; (C,) arrays, NaN without replicates or further doses."""

    statistic: Floats
    p_value: Floats
    model_freedom: Floats
    error_freedom: Floats


@dataclass(frozen=True, eq=False)
class Outliers:
    """Responses that lie too far from a robust curve.

    Attributes
    ----------
    flagged : (C, N) numpy.ndarray of bool
    distance : (C, N) numpy.ndarray
        Residual over the robust standard deviation.
    p_value : (C, N) numpy.ndarray
        Two-sided, Student's t; NaN where nothing was measured.
    """

    flagged: NDArray[np.bool_]
    distance: Floats
    p_value: Floats


def log_likelihood(fits: CurveFits) -> Floats:
    """Return the normal log likelihood (C,) at the maximum over the standard deviation.

    ``-(n log(2 pi S / n) + n - sum log w) / 2``; where errors are known ``-(S + sum log(2 pi / w)) / 2``; censored
    responses with log Phi, at ``sigma**2 (n - p) / n``.

    Parameters
    ----------
    fits : CurveFits

    Returns
    -------
    (C,) numpy.ndarray
        NaN where nothing was fitted, or the fit was robust (its loss has no likelihood).
    """
    from scipy.special import log_ndtr  # noqa: PLC0415

    data, weights, n = fits.data, fits.weights, fits.data.counts
    used = weights > 0
    free = len(fits.layout.free)
    known = np.isinf(fits.degrees_of_freedom)
    with np.errstate(all="ignore"):
        sigma = np.where(known, 1.0, fits.residual_standard_deviation * np.sqrt((n - free) / n))
        fitted = fits.model.family.formula(columns_of(fits.parameters), data.log_doses)[0]
        away = (fitted - data.responses) * np.sqrt(weights) / sigma[:, np.newaxis]
        density = -0.5 * away**2 - 0.5 * np.log(2 * np.pi * sigma[:, np.newaxis] ** 2 / np.where(used, weights, 1.0))
        hidden = log_ndtr(data.censoring * away)
        found = np.where(used, np.where(data.censoring == 0, density, hidden), 0.0).sum(axis=1)
    lost = np.isnan(fits.parameters).any(axis=1) | (fits.robust != "none")
    return np.where(lost, np.nan, found)


def akaike(fits: CurveFits) -> tuple[Floats, Floats]:
    """Return AIC and AICc (C,); the standard deviation counts as a parameter where it is estimated.

    ``AICc = -2 log L + 2 k + 2 k (k + 1) / (n - k - 1)``; Hurvich and Tsai (1989) Biometrika 76:297. Infinite where n
    is not above k + 1.

    Parameters
    ----------
    fits : CurveFits

    Returns
    -------
    tuple of two (C,) numpy.ndarray
    """
    k = len(fits.layout.free) + np.isfinite(fits.degrees_of_freedom).astype(np.float64)
    plain = -2 * log_likelihood(fits) + 2 * k
    left = fits.data.counts - k - 1
    correction = np.where(left > 0, 2 * k * (k + 1) / np.where(left > 0, left, 1.0), np.inf)
    return plain, plain + correction


def choose_models(candidates: Sequence[CurveFits]) -> NDArray[np.int64]:
    """Choose for each curve the candidate with the smallest AICc among the fits whose status is ok.

    Parameters
    ----------
    candidates : sequence of CurveFits
        Fits of the same curves.

    Returns
    -------
    (C,) numpy.ndarray of int
        Place among the candidates; the first one where none is ok.

    Raises
    ------
    ValueRangeError
        No candidates.
    """
    if not candidates:
        raise ValueRangeError("candidates", "none", "one fit or more", "name models")
    heights = []
    for fits in candidates:
        good = np.array([status is CurveStatus.OK for status in fits.status], dtype=np.bool_)
        height = akaike(fits)[1]
        heights.append(np.where(good & ~np.isnan(height), height, np.inf))
    return np.asarray(np.argmin(np.stack(heights), axis=0), dtype=np.int64)


def lack_of_fit(fits: CurveFits) -> LackOfFit:
    """Test each curve against free means by dose: ``F = ((S - E) / (k - p)) / (E / (n - k))`` for k doses.

    E is the pure error of replicates, with the weights of the fit. Bates and Watts (1988) section 1.3.

    Parameters
    ----------
    fits : CurveFits

    Returns
    -------
    LackOfFit
    """
    from scipy.special import fdtrc  # noqa: PLC0415

    gathered = fits.data.weigh(fits.weights).gather()
    model = gathered.distinct.astype(np.float64) - len(fits.layout.free)
    error = (fits.data.counts - gathered.distinct).astype(np.float64)
    possible = (model > 0) & (error > 0) & (gathered.pure_error > 0) & np.isfinite(fits.sum_of_squares)
    possible &= (fits.robust == "none") & ~(fits.data.censoring != 0).any(axis=1)
    with np.errstate(all="ignore"):
        statistic = (fits.sum_of_squares - gathered.pure_error) / model / (gathered.pure_error / error)
        statistic = np.where(possible, np.maximum(statistic, 0.0), np.nan)
        p_value = np.where(possible, fdtrc(np.maximum(model, 1), np.maximum(error, 1), statistic), np.nan)
    return LackOfFit(statistic, p_value, model, error)


def predict(fits: CurveFits, log_doses: Floats, *, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Return the curves at given doses with a pointwise band for the mean response.

    Parameters
    ----------
    fits : CurveFits
    log_doses : (C, M) numpy.ndarray
        Natural logarithms.
    level : float
        Confidence level, a fraction.

    Returns
    -------
    response, lower, upper : (C, M) numpy.ndarray
        NaN where nothing was fitted; the band also where a parameter is not determined.

    Raises
    ------
    ValueRangeError
        The level is out of range.
    """
    with np.errstate(all="ignore"):
        response, slopes = fits.model.family.formula(columns_of(fits.parameters), log_doses)
        flat = slopes.reshape(len(slopes), -1)
        rows = np.repeat(np.arange(len(fits)), log_doses.shape[1])
        error = np.sqrt(variance_of(flat, fits.covariance[rows])).reshape(response.shape)
        half = quantile(level, fits.degrees_of_freedom)[:, np.newaxis] * error
    half = np.where(np.isfinite(half), half, np.nan)
    return response, response - half, response + half


def studentised(fits: CurveFits) -> Floats:
    """Return internally studentised residuals (C, N): ``sqrt(w) (y - f) / (s sqrt(1 - h))``, h the leverage.

    Parameters
    ----------
    fits : CurveFits

    Returns
    -------
    (C, N) numpy.ndarray
        NaN where there is no response or no residual standard deviation.
    """
    free = list(fits.layout.free)
    parameters = np.nan_to_num(fits.parameters[:, free])
    values, slopes = CurveProblem.create(fits.data, fits.layout, fits.weights).evaluate(parameters)
    with np.errstate(all="ignore"):
        s = fits.residual_standard_deviation[:, np.newaxis]
        covariance = np.nan_to_num(fits.covariance[:, free][:, :, free], posinf=0.0) / s[:, :, np.newaxis] ** 2
        leverage = np.einsum("pcn,cpq,qcn->cn", slopes, covariance, slopes)
        found = -values / (s * np.sqrt(np.maximum(1 - leverage, 1e-12)))
    return np.where(fits.weights > 0, found, np.nan)


def find_outliers(data: CurveData, settings: Mapping[str, object], *, rate: float = FALSE_DISCOVERY) -> Outliers:
    """Find outliers as ROUT does: distance from a robust (Cauchy) curve, false discovery rate over each curve.

    The robust standard deviation is the 68.27th percentile (linear between ranks) of the absolute residuals times
    ``n / (n - p)``; the largest
    30 % of the residuals are tested, from the smallest of them: where ``p < rate (n - i + 1) / n`` for rank i, that
    response and all farther ones are outliers. Motulsky and Brown (2006) BMC Bioinformatics 7:123.

    Parameters
    ----------
    data : CurveData
        Censored responses stand at their limits and are never outliers.
    settings : mapping
        Further arguments of :func:`limus.assay.curve.fit.fit_data`, ``robust`` left out.
    rate : float
        False discovery rate Q, between 0 and 1.

    Returns
    -------
    Outliers

    Raises
    ------
    ValueRangeError, UnknownNameError
        As :func:`limus.assay.curve.fit.fit_data`; or the rate is out of range.
    """
    from scipy.special import stdtr  # noqa: PLC0415

    if not 0 < rate < 1:
        raise ValueRangeError("false discovery rate", rate, "between 0 and 1", "0.01 is usual")
    measured = data.at_limits()
    robust = fit_data(measured, robust="cauchy", **settings)  # type: ignore[arg-type]
    free, n = len(robust.layout.free), measured.counts
    base = measured.weights if robust.exponent == 0 else _variance_part(robust)
    with np.errstate(all="ignore"):
        fitted = robust.model.family.formula(columns_of(robust.parameters), measured.log_doses)[0]
        away = np.abs(measured.responses - fitted) * np.sqrt(base)
        used = (measured.weights > 0) & np.isfinite(away)
        ordered = np.sort(np.where(used, away, np.inf), axis=1)
        rank = ONE_SIGMA * np.maximum(n - 1, 0)
        rows, below = np.arange(len(data)), np.floor(rank).astype(int)
        above = np.minimum(below + 1, np.maximum(n - 1, 0))
        share = rank - below
        percentile = ordered[rows, below] * (1 - share) + ordered[rows, above] * share
        scale = percentile * n / np.maximum(n - free, 1)
        distance = np.where(used & (scale > 0)[:, np.newaxis], away / scale[:, np.newaxis], np.nan)
        p_value = 2 * stdtr(np.maximum(n - free, 1)[:, np.newaxis].astype(float), -distance)
    place = np.argsort(np.argsort(np.where(used, away, np.inf), axis=1, kind="stable"), axis=1, kind="stable") + 1
    tested = (
        used
        & (data.censoring == 0)
        & (place > np.floor((1 - LARGEST_SHARE) * n)[:, np.newaxis])
        & (n > free)[:, np.newaxis]
    )
    hit = tested & (p_value < rate * (n[:, np.newaxis] - place + 1) / np.maximum(n, 1)[:, np.newaxis])
    first = np.where(hit, place, np.iinfo(np.int64).max).min(axis=1)
    return Outliers(tested & (place >= first[:, np.newaxis]), distance, p_value)


def _variance_part(fits: CurveFits) -> Floats:
    """Weights of given errors and variance model, without those of the robust loss."""
    from limus.assay.curve.weights import variance_weights  # noqa: PLC0415

    with np.errstate(all="ignore"):
        fitted = fits.model.family.formula(columns_of(fits.parameters), fits.data.log_doses)[0]
    used = fits.data.weights > 0
    return fits.data.weights * variance_weights(np.nan_to_num(fitted), used, fits.exponent)
