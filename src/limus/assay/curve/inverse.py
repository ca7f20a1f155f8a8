"""From a response back to the dose: closed forms where there are, else the last crossing along the doses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.formulae import LOG_ZERO, dose_slope
from limus.assay.curve.models import Family

__all__ = ["columns_of", "ends_of", "gradient_at", "invert"]

Floats = NDArray[np.float64]
SCAN_POINTS = 300
SCAN_BEYOND = float(np.log(1e6))
HALVINGS = 60


def columns_of(parameters: Floats) -> list[Floats]:
    """Return parameters (B, P) as columns (B, 1)."""
    return [parameters[:, k, np.newaxis] for k in range(parameters.shape[1])]


def ends_of(family: Family, parameters: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the responses at dose 0 and at an infinite dose with their gradients.

    Parameters
    ----------
    family : Family
        Not a line.
    parameters : (B, P) numpy.ndarray

    Returns
    -------
    zero, infinite : (B,) numpy.ndarray
    zero_slopes, infinite_slopes : (P, B) numpy.ndarray
    """
    doses = np.broadcast_to(np.array([LOG_ZERO, -LOG_ZERO]), (len(parameters), 2))
    with np.errstate(all="ignore"):
        response, slopes = family.formula(columns_of(parameters), doses)
    return response[:, 0], response[:, 1], slopes[:, :, 0], slopes[:, :, 1]


def gradient_at(family: Family, parameters: Floats, log_doses: Floats) -> tuple[Floats, Floats, Floats]:
    """Return response (B,), its gradient (P, B) and its derivative by the log dose (B,), one dose a curve."""
    columns, doses = columns_of(parameters), log_doses[:, np.newaxis]
    with np.errstate(all="ignore"):
        response, slopes = family.formula(columns, doses)
        steep = dose_slope(family.formula, columns, doses, slopes)
    return response[:, 0], slopes[:, :, 0], steep[:, 0]


def invert(family: Family, parameters: Floats, target: Floats, low: Floats, high: Floats) -> Floats:
    """Return the log doses at which curves have given responses, NaN where they have them nowhere.

    Parameters
    ----------
    family : Family
    parameters : (B, P) numpy.ndarray
    target : (B,) numpy.ndarray
        Responses.
    low, high : (B,) numpy.ndarray
        Lowest and highest log dose tested; families without a closed form are searched a million-fold beyond, from the
        high doses down: the last crossing counts, which for hormesis is the one behind the peak.

    Returns
    -------
    (B,) numpy.ndarray
    """
    p = parameters.T
    with np.errstate(all="ignore"):
        if family.name == "line":
            return np.log((target - p[0]) / p[1])
        if family.name in {"biphasic", "brain_cousens", "cedergreen", "bell"}:
            return _scan(family, parameters, target, low, high)
        slope, lower, upper, location = p[:4]
        share = (target - lower) / (upper - lower)
        if family.name == "logistic":
            power = np.log((1 - share) / share)
        elif family.name == "logistic5":
            power = np.log(np.expm1(-np.log(share) / p[4]))
        elif family.name == "weibull1":
            power = np.log(-np.log(share))
        else:
            power = np.log(-np.log1p(-share))
        found = location + power / slope
    return np.where(np.isfinite(found), found, np.nan)


def _scan(family: Family, parameters: Floats, target: Floats, low: Floats, high: Floats) -> Floats:
    begin, end = low - SCAN_BEYOND, high + SCAN_BEYOND
    grid = begin[:, np.newaxis] + np.linspace(0, 1, SCAN_POINTS) * (end - begin)[:, np.newaxis]
    columns = columns_of(parameters)
    above = family.formula(columns, grid)[0] > target[:, np.newaxis]
    crossing = above[:, 1:] != above[:, :-1]
    found = crossing.any(axis=1)
    last = crossing.shape[1] - 1 - np.argmax(crossing[:, ::-1], axis=1)
    rows = np.arange(len(grid))
    left, right, side = grid[rows, last], grid[rows, last + 1], above[rows, last]
    for _ in range(HALVINGS):
        middle = 0.5 * (left + right)
        same = (family.formula(columns, middle[:, np.newaxis])[0][:, 0] > target) == side
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    return np.where(found, 0.5 * (left + right), np.nan)
