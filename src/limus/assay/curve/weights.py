"""Weights: variance as a power of the mean, and robust losses, both from the fitted curve and iterated with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import UnknownNameError, near_names

__all__ = [
    "ROBUST",
    "WEIGHTINGS",
    "choose",
    "fit_exponent",
    "robust_scale",
    "robust_slopes",
    "robust_weights",
    "variance_weights",
]

Floats = NDArray[np.float64]

# by name: the power of the fitted value to which the variance is proportional (None: fitted)
WEIGHTINGS: dict[str, float | None] = {"none": 0.0, "1/y": 1.0, "1/y2": 2.0, "power": None}
# tuning constants for 95 % efficiency with normal errors: Holland and Welsch (1977) Commun Stat A6:813, table 1
ROBUST = {"none": np.inf, "huber": 1.345, "cauchy": 2.385, "tukey": 4.685}
# a fitted value below this share of the curve's largest one counts as this share, so that no weight is infinite
SMALLEST_SHARE = 1e-3
EXPONENTS = (0.0, 4.0)
NORMAL_QUARTILE = 0.674489750196082


def choose(name: str, allowed: dict[str, float | None] | dict[str, float], what: str) -> str:
    """Return a known name, or raise.

    Raises
    ------
    UnknownNameError
        Not one of those allowed.
    """
    plain = name.strip().casefold().replace("^", "").replace(" ", "")
    if plain not in allowed:
        near = near_names(plain, allowed)
        raise UnknownNameError(what, name, ", ".join(allowed), f"use {' or '.join(near) or 'one of these'}")
    return plain


def variance_weights(fitted: Floats, used: NDArray[np.bool_], exponent: float) -> Floats:
    """Return ``|f|**-exponent`` (C, N), of the fitted value f; 1 for exponent 0.

    Scaled to 1 at the largest fitted value of each curve, so that the residual standard deviation is that of the
    largest response.

    Parameters
    ----------
    fitted : (C, N) numpy.ndarray
    used : (C, N) numpy.ndarray of bool
    exponent : float

    Returns
    -------
    (C, N) numpy.ndarray
    """
    if exponent == 0:
        return np.ones_like(fitted)
    size = np.where(used, np.abs(fitted), 0.0)
    largest = np.maximum(size.max(axis=1, keepdims=True), 1e-300)
    return np.maximum(size / largest, SMALLEST_SHARE) ** -exponent


def fit_exponent(residuals: Floats, fitted: Floats, used: NDArray[np.bool_], freedom: Floats) -> float:
    """Fit the power by pseudo-likelihood over all curves, each with its own s.

    Minimises ``sum over curves of freedom log(s**2) + 2 sum log(sd shape)``; Carroll and Ruppert (1988) Transformation
    and Weighting in Regression, section 3.2, with the degrees of freedom in place of the number of responses.

    Parameters
    ----------
    residuals : (C, N) numpy.ndarray
        Responses minus curve, times the root of the given weights.
    fitted : (C, N) numpy.ndarray
    used : (C, N) numpy.ndarray of bool
    freedom : (C,) numpy.ndarray
        Degrees of freedom, positive where a curve takes part.

    Returns
    -------
    float
        Between 0 and 4.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415

    counts = used.sum(axis=1)
    part = (freedom > 0) & (counts > 0)

    def height(exponent: float) -> float:
        weights = variance_weights(fitted, used, exponent)
        squares = np.where(used, weights * residuals**2, 0.0).sum(axis=1)
        logs = np.where(used, np.log(weights), 0.0).sum(axis=1) * freedom / np.maximum(counts, 1)
        good = part & (squares > 0)
        return float((freedom[good] * np.log(squares[good] / freedom[good]) - logs[good]).sum())

    return float(minimize_scalar(height, bounds=EXPONENTS, method="bounded", options={"xatol": 1e-6}).x)


def robust_scale(residuals: Floats, used: NDArray[np.bool_], parameters: int) -> Floats:
    """Return the median absolute residual over 0.6745, times ``sqrt(n / (n - p))``: a standard deviation (C,).

    Parameters
    ----------
    residuals : (C, N) numpy.ndarray
        Weighted.
    used : (C, N) numpy.ndarray of bool
    parameters : int
        p.

    Returns
    -------
    (C,) numpy.ndarray
    """
    counts = used.sum(axis=1)
    ordered = np.sort(np.where(used, np.abs(residuals), np.inf), axis=1)
    rows = np.arange(len(ordered))
    upper, lower = np.minimum(counts // 2, ordered.shape[1] - 1), np.maximum((counts - 1) // 2, 0)
    middle = 0.5 * (ordered[rows, lower] + ordered[rows, upper])
    return middle / NORMAL_QUARTILE * np.sqrt(counts / np.maximum(counts - parameters, 1))


def robust_weights(standardised: Floats, loss: str) -> Floats:
    """Return ``psi(u) / u`` for standardised residuals u.

    Huber ``min(1, k/|u|)``; Cauchy ``1 / (1 + (u/k)**2)`` (Lorentzian, as in Prism's robust regression); Tukey
    ``(1 - (u/k)**2)**2`` up to k, then 0.

    Parameters
    ----------
    standardised : numpy.ndarray
    loss : str
        ``huber``, ``cauchy`` or ``tukey``.

    Returns
    -------
    numpy.ndarray
    """
    share = np.abs(standardised) / ROBUST[loss]
    if loss == "huber":
        return 1 / np.maximum(share, 1.0)
    if loss == "cauchy":
        return 1 / (1 + share**2)
    return np.where(share < 1, (1 - np.minimum(share, 1.0) ** 2) ** 2, 0.0)


def robust_slopes(standardised: Floats, loss: str) -> Floats:
    """Return the derivative of ``psi``, for standard errors."""
    share = np.abs(standardised) / ROBUST[loss]
    if loss == "huber":
        return (share < 1).astype(np.float64)
    if loss == "cauchy":
        return (1 - share**2) / (1 + share**2) ** 2
    inside = np.minimum(share, 1.0) ** 2
    return np.where(share < 1, (1 - inside) * (1 - 5 * inside), 0.0)
