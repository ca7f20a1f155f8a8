r"""How good forecasts were: errors in per cent, within limits, bands, and what patients drawn again would have given.

With predicted p and observed y an error in per cent is :math:`100 (p - y) / y`. The continuous ranked probability score
of a forecast by draws X is :math:`E|X - y| - \tfrac12 E|X - X'|`, in the unit of the levels; for a single number it is
the absolute error, so that both can be compared (Gneiting and Raftery 2007, J Am Stat Assoc 102:359).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import spawn_generators

__all__ = ["Difference", "Scores", "paired_differences", "ranked_probability_scores", "score"]

Floats = NDArray[np.float64]
_COPIES = 2000
MEASURES = ("mape_percent", "mdape_percent", "rmse", "within_20", "within_30", "crps")


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of n forecasts.

    Attributes
    ----------
    n, patients : int
    bias_percent, mdpe_percent : float
        Mean and median error.
    mape_percent, mdape_percent : float
        Mean and median of its size.
    rmse : float
        Root of the mean squared error, in the unit of the levels.
    within_20, within_30 : float
        Share, in per cent, of errors of at most 20 and 30 %.
    coverage_percent : float
        Share of levels inside the 90 % band; NaN for a forecast without.
    band_width_percent : float
        Median width of the band over its forecast; NaN without.
    crps : float
        Mean, in the unit of the levels.
    """

    n: int
    patients: int
    bias_percent: float
    mdpe_percent: float
    mape_percent: float
    mdape_percent: float
    rmse: float
    within_20: float
    within_30: float
    coverage_percent: float
    band_width_percent: float
    crps: float


@dataclass(frozen=True, slots=True)
class Difference:
    """One score of a method less that of another on the same levels, with its 95 % interval over patients."""

    measure: str
    difference: float
    lower: float
    upper: float


def ranked_probability_scores(draws: Floats, observed: Floats, weights: Floats | None = None) -> Floats:
    """Return the continuous ranked probability score of each forecast.

    Parameters
    ----------
    draws : (n, R) array
    observed : (n,) array
    weights : (n, R) array, optional
        Of the draws, each row's sum 1; equal by default.

    Returns
    -------
    (n,) array
    """
    order = np.argsort(draws, axis=1)
    ordered = np.take_along_axis(draws, order, axis=1)
    if weights is None:
        share = np.full(draws.shape, 1.0 / draws.shape[1])
    else:
        share = np.take_along_axis(weights, order, axis=1)
    away = (share * np.abs(ordered - observed[:, None])).sum(axis=1)
    # E|X - X'| / 2 = sum of w_i x_i (2 F_i - w_i - 1), with F the cumulated weights
    spread = (share * ordered * (2.0 * np.cumsum(share, axis=1) - share - 1.0)).sum(axis=1)
    return np.asarray(away - spread)


def score(
    observed: Floats,
    predicted: Floats,
    patient: NDArray[np.int64],
    *,
    lower: Floats | None = None,
    upper: Floats | None = None,
    crps: Floats | None = None,
) -> Scores:
    """Score forecasts.

    Parameters
    ----------
    observed, predicted : (n,) array
        Above 0; forecasts that are NaN are left out.
    patient : (n,) array of int
        Whose each is.
    lower, upper : (n,) array, optional
        Band.
    crps : (n,) array, optional
        The absolute error by default.

    Returns
    -------
    Scores
        NaN where nothing was forecast.
    """
    known = np.isfinite(predicted) & np.isfinite(observed) & (observed > 0)
    y, p = observed[known], predicted[known]
    if not len(y):
        return Scores(0, 0, *([float("nan")] * 10))
    error = 100.0 * (p - y) / y
    size = np.abs(error)
    ranked = np.abs(p - y) if crps is None else crps[known]
    inside = width = float("nan")
    if lower is not None and upper is not None:
        low, high = lower[known], upper[known]
        inside = float(100.0 * ((y >= low) & (y <= high)).mean())
        width = float(100.0 * np.median((high - low) / p))
    return Scores(
        n=len(y),
        patients=len(np.unique(patient[known])),
        bias_percent=float(error.mean()),
        mdpe_percent=float(np.median(error)),
        mape_percent=float(size.mean()),
        mdape_percent=float(np.median(size)),
        rmse=float(np.sqrt(((p - y) ** 2).mean())),
        within_20=float(100.0 * (size <= 20.0).mean()),
        within_30=float(100.0 * (size <= 30.0).mean()),
        coverage_percent=inside,
        band_width_percent=width,
        crps=float(ranked.mean()),
    )


def paired_differences(
    observed: Floats,
    one: Floats,
    other: Floats,
    patient: NDArray[np.int64],
    *,
    crps_one: Floats | None = None,
    crps_other: Floats | None = None,
    seed: int = 1,
) -> tuple[Difference, ...]:
    """Compare two methods on the levels that both forecast, drawing patients again with replacement.

    Parameters
    ----------
    observed, one, other : (n,) array
    patient : (n,) array of int
    crps_one, crps_other : (n,) array, optional
        The absolute errors by default.
    seed : int

    Returns
    -------
    tuple of Difference
        One less other; empty where they share no level. Less is better but for the shares within limits.
    """
    known = np.isfinite(one) & np.isfinite(other) & np.isfinite(observed) & (observed > 0)
    if not known.any():
        return ()
    y = observed[known]
    owner = np.unique(patient[known], return_inverse=True)[1].reshape(-1)
    rows = [np.flatnonzero(owner == k) for k in range(int(owner.max()) + 1)]
    columns = [
        (prediction[known], np.abs(prediction[known] - y) if ranked is None else ranked[known])
        for prediction, ranked in ((one, crps_one), (other, crps_other))
    ]
    first, second = (_measures(y, p, c) for p, c in columns)
    generator = spawn_generators(seed, 1, stream="patients drawn again")[0]
    copies = np.empty((_COPIES, len(MEASURES)))
    for b in range(_COPIES):
        drawn = np.concatenate([rows[k] for k in generator.integers(len(rows), size=len(rows))])
        copies[b] = [a - b for a, b in zip(*(_measures(y[drawn], p[drawn], c[drawn]) for p, c in columns), strict=True)]
    lower, upper = np.percentile(copies, (2.5, 97.5), axis=0)
    return tuple(
        Difference(name, first[k] - second[k], float(lower[k]), float(upper[k])) for k, name in enumerate(MEASURES)
    )


def _measures(y: Floats, p: Floats, crps: Floats) -> tuple[float, ...]:
    size = 100.0 * np.abs(p - y) / y
    return (
        float(size.mean()),
        float(np.median(size)),
        float(np.sqrt(((p - y) ** 2).mean())),
        float(100.0 * (size <= 20.0).mean()),
        float(100.0 * (size <= 30.0).mean()),
        float(crps.mean()),
    )
