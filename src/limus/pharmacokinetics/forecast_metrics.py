r"""How far forecasts lie from what was measured.

With observed :math:`y_i` and predicted :math:`\hat y_i`, the percentage error is
:math:`e_i = 100 (\hat y_i - y_i) / y_i`.

===================  ======================================================================
``bias_percent``     mean of :math:`e_i` (MPE); positive: predicted too high
``mape_percent``     mean of :math:`|e_i|` (MAPE)
``mdape_percent``    median of :math:`|e_i|` (MDAPE)
``rmse``             root of the mean of :math:`(\hat y_i - y_i)^2`, in the unit of the levels
``within_20``        share of levels with :math:`|e_i| \le 20`, per cent; ``within_30`` likewise
===================  ======================================================================

Sheiner and Beal, J Pharmacokinet Biopharm 1981;9:503 (bias and precision); Gneiting and Raftery, J Am Stat Assoc
2007;102:359 (continuous ranked probability score).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["ForecastMetrics", "forecast_metrics", "interval_coverage", "percentage_errors", "ranked_probability_score"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ForecastMetrics:
    """Summary of forecasts; the formulae stand at the top of this file.

    Attributes
    ----------
    n : int
        Pairs that count: a level above 0 and a finite forecast.
    left_out : int
        Pairs that do not.
    bias_percent, mape_percent, mdape_percent, within_20, within_30 : float
        Per cent.
    rmse : float
        In the unit of the levels.
    status : str
        'ok', or why the numbers are NaN.
    """

    n: int
    left_out: int
    bias_percent: float
    mape_percent: float
    mdape_percent: float
    rmse: float
    within_20: float
    within_30: float
    status: str

    def as_dict(self) -> dict[str, float | int | str]:
        """The numbers by name."""
        return asdict(self)


def _pairs(observed: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    y, f = np.asarray(observed, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if y.shape != f.shape or y.ndim != 1:
        raise ValueRangeError(
            "forecasts", f"{f.shape} for {y.shape} levels", "one for each level", "correct the arrays"
        )
    return y, f


def percentage_errors(observed: ArrayLike, predicted: ArrayLike) -> Floats:
    """Return the error of each forecast in per cent of the level.

    Parameters
    ----------
    observed : (n,) array_like
        Measured levels.
    predicted : (n,) array_like
        Forecasts, in the same unit.

    Returns
    -------
    (n,) array
        Positive where the forecast is too high; NaN where the level is not above 0 or a number is missing.

    Raises
    ------
    ValueRangeError
        Arrays of different lengths.

    Examples
    --------
    >>> percentage_errors([10.0, 5.0], [12.0, 4.0]).tolist()
    [20.0, -20.0]
    """
    y, f = _pairs(observed, predicted)
    usable = (y > 0) & np.isfinite(y) & np.isfinite(f)
    errors = np.full(len(y), np.nan)
    errors[usable] = 100.0 * (f[usable] - y[usable]) / y[usable]
    return errors


def forecast_metrics(observed: ArrayLike, predicted: ArrayLike) -> ForecastMetrics:
    """Summarise forecasts.

    Parameters
    ----------
    observed, predicted : (n,) array_like
        As :func:`percentage_errors`.

    Returns
    -------
    ForecastMetrics

    Raises
    ------
    ValueRangeError
        Arrays of different lengths.

    Examples
    --------
    >>> found = forecast_metrics([10.0, 5.0, 8.0], [12.0, 4.0, 8.0])
    >>> round(found.mape_percent, 3), found.within_20
    (13.333, 100.0)
    """
    y, f = _pairs(observed, predicted)
    errors = percentage_errors(y, f)
    used = np.isfinite(errors)
    n, left_out = int(used.sum()), int((~used).sum())
    if n == 0:
        return ForecastMetrics(0, left_out, *(float("nan"),) * 6, status="no level above 0 with a forecast")
    size = np.abs(errors[used])
    # a forecast of exactly 1.2 times the level is within 20 %; division leaves a last digit
    edge = 1.0 + 1e-12
    return ForecastMetrics(
        n=n,
        left_out=left_out,
        bias_percent=float(errors[used].mean()),
        mape_percent=float(size.mean()),
        mdape_percent=float(np.median(size)),
        rmse=float(np.sqrt(np.mean((f[used] - y[used]) ** 2))),
        within_20=float(100.0 * np.mean(size <= 20.0 * edge)),
        within_30=float(100.0 * np.mean(size <= 30.0 * edge)),
        status="ok",
    )


def ranked_probability_score(observed: ArrayLike, draws: ArrayLike) -> Floats:
    r"""Return the continuous ranked probability score of forecasts that are distributions.

    For draws :math:`x_1 \le \dots \le x_m` of the forecast of a level y it is
    :math:`\frac1m\sum_k |x_k - y| - \frac{1}{m^2}\sum_k (2k - m - 1) x_k`, the integral of the squared distance of
    their distribution function from the step at y. Of a single draw it is the absolute error.

    Parameters
    ----------
    observed : (n,) array_like
    draws : (m, n) array_like
        m draws of each forecast.

    Returns
    -------
    (n,) array
        In the unit of the levels, 0 at best; NaN where a number is missing.

    Raises
    ------
    ValueRangeError
        Shapes that do not fit, or no draws.

    Examples
    --------
    >>> ranked_probability_score([1.0], [[0.0], [2.0]]).tolist()
    [0.5]
    """
    y, x = np.asarray(observed, dtype=np.float64), np.sort(np.asarray(draws, dtype=np.float64), axis=0)
    if y.ndim != 1 or x.ndim != 2 or x.shape[1] != len(y) or not len(x):
        raise ValueRangeError("draws of forecasts", x.shape, f"(m, {y.size}) with m of 1 or more", "correct the arrays")
    m = len(x)
    weight = 2.0 * np.arange(1, m + 1) - m - 1.0
    return np.asarray(np.abs(x - y).mean(axis=0) - (weight[:, None] * x).sum(axis=0) / m**2)


def interval_coverage(observed: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """Return how many levels lie within the intervals of their forecasts, per cent.

    Parameters
    ----------
    observed, lower, upper : (n,) array_like
        Both ends belong to an interval.

    Returns
    -------
    float
        NaN where no triple is finite.

    Raises
    ------
    ValueRangeError
        Arrays of different lengths.
    """
    y, low = _pairs(observed, lower)
    _, high = _pairs(observed, upper)
    known = np.isfinite(y) & np.isfinite(low) & np.isfinite(high)
    inside = (y >= low) & (y <= high)
    return float(100.0 * inside[known].mean()) if known.any() else float("nan")
