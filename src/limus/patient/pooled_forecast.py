"""Forecasts of several models as one: the mixture of their draws, each model with its weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.patient.forecast import Forecast
from limus.patient.weighted import weighted_quantiles

__all__ = ["PooledForecast", "pool_forecasts"]

Floats = NDArray[np.float64]
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class PooledForecast:
    """Levels of one patient at T times.

    Attributes
    ----------
    time_h : (T,) array
    predicted : (T,) array
        Mean of the models' levels at their modes, by weight.
    quantiles : (5, T) array
        5th, 25th, 50th, 75th and 95th percentile of the level in blood.
    measured : (5, T) array
        The same of a level that would be measured.
    """

    time_h: Floats
    predicted: Floats
    quantiles: Floats
    measured: Floats


def pool_forecasts(forecasts: Sequence[Forecast], weights: Sequence[float], patient: int = 0) -> PooledForecast:
    """Pool the forecasts of models at the same times.

    Parameters
    ----------
    forecasts : sequence of Forecast
    weights : sequence of float
        Sum 1.
    patient : int

    Returns
    -------
    PooledForecast
    """
    times = forecasts[0].time_h[patient]
    predicted = sum(
        (weight * forecast.mode[patient] for forecast, weight in zip(forecasts, weights, strict=True)),
        np.zeros_like(times),
    )
    return PooledForecast(
        times,
        predicted,
        _pooled([forecast.draws[patient] for forecast in forecasts], weights),
        _pooled([forecast.measured[patient] for forecast in forecasts], weights),
    )


def _pooled(draws: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Quantiles (5, T) of draws (R, T) of each model."""
    found = np.full((len(_QUANTILES), draws[0].shape[1]), np.nan)
    for t in range(found.shape[1]):
        known = [part[np.isfinite(part[:, t]), t] for part in draws]
        shares = [np.full(len(part), weight / max(len(part), 1)) for part, weight in zip(known, weights, strict=True)]
        found[:, t] = weighted_quantiles(np.concatenate(known), np.concatenate(shares), _QUANTILES)
    return found
