"""Forecast of levels from the posterior: the mode's course, the median and bands, with and without residual error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import Execution, spawn_generators
from limus.patient.estimate import PatientEstimate, error_of
from limus.patient.level_likelihood import ErrorModel, predictive_sd
from limus.patient.prediction import predict_levels, prepare_prediction

__all__ = ["BAND", "Forecast", "forecast_at", "measured_draws", "summarise_draws"]

Floats = NDArray[np.float64]
BAND = (5.0, 95.0)  # per cent: the band holds 90 %


@dataclass(frozen=True, eq=False)
class Forecast:
    """Levels at T times of each of S patients.

    Attributes
    ----------
    time_h : (S, T) array
        NaN after a patient's last.
    mode : (S, T) array
        At the mode of the effects; 0 for those of an occasion without levels.
    median : (S, T) array
    lower, upper : (S, T) array
        Band of the level in blood: uncertain effects, and the variation of a new occasion.
    measured_lower, measured_upper : (S, T) array
        Band of a level that would be measured: residual error on top.
    draws : (S, R, T) array
        Levels in blood of each draw.
    measured : (S, R, T) array
        The same with a residual error drawn.
    """

    time_h: Floats
    mode: Floats
    median: Floats
    lower: Floats
    upper: Floats
    measured_lower: Floats
    measured_upper: Floats
    draws: Floats
    measured: Floats


def forecast_at(
    estimate: PatientEstimate, times_h: ArrayLike, *, seed: int = 1, execution: Execution | None = None
) -> Forecast:
    """Forecast levels of every patient at some times.

    Parameters
    ----------
    estimate : PatientEstimate
        With draws. Its table holds the doses and covariates up to those times; effects of an occasion without levels
        are drawn from their prior.
    times_h : (S, T) array_like
        NaN after a patient's last; not before its first row.
    seed : int
        Of the residual error.
    execution : Execution, optional

    Returns
    -------
    Forecast

    Raises
    ------
    ValueRangeError
        An estimate without draws.
    """
    if estimate.draws is None:
        raise ValueRangeError("draws", 0, "1 or more for a forecast with a band", "ask for draws")
    times = np.atleast_2d(np.asarray(times_h, dtype=np.float64))
    prediction = prepare_prediction(estimate.model, estimate.table, times, execution=execution)
    patients, count = estimate.draws.effects.shape[:2]
    mode = predict_levels(prediction, np.arange(patients), estimate.modes.effects)
    rows = np.repeat(np.arange(patients), count)
    levels = predict_levels(prediction, rows, estimate.draws.effects.reshape(-1, prediction.space.size))
    draws = levels.reshape(patients, count, -1)
    generators = spawn_generators(seed, patients, stream="residual error")
    error = error_of(estimate.model, estimate.table, times, estimate.options)
    measured = np.stack(
        [measured_draws(error, draws[s], generators[s], np.full(count, s), alike=1) for s in range(patients)]
    )
    return summarise_draws(times, mode, draws, measured)


def measured_draws(
    error: ErrorModel,
    levels: Floats,
    generator: np.random.Generator,
    rows: NDArray[np.int64] | None = None,
    *,
    alike: int | None = None,
) -> Floats:
    """Draw a measured level around each predicted one.

    Parameters
    ----------
    error : ErrorModel
    levels : array
        Predictions; NaN where none is wanted.
    generator : numpy.random.Generator
    rows : array of int, optional
        Patient of each row of ``levels``, where the error depends on covariates.
    alike : int, optional
        Axis along which each draw keeps its residual: what is then asked of the draws place by place, such as a band,
        is as right as with residuals of their own, and does not jump from place to place.

    Returns
    -------
    array
        Not below 0: an assay reports no negative level.
    """
    there = np.isfinite(levels)
    safe = np.where(there, np.maximum(levels, 1e-12), 1.0)
    shape = tuple(1 if axis == alike else size for axis, size in enumerate(levels.shape))
    noise = predictive_sd(error, safe, rows) * generator.standard_normal(shape)
    found = safe * np.exp(noise) if error.on_logarithm else np.maximum(safe + noise, 0.0)
    return np.where(there, found, np.nan)


def summarise_draws(times_h: Floats, mode: Floats, draws: Floats, measured: Floats) -> Forecast:
    """Take medians and bands of drawn levels.

    Parameters
    ----------
    times_h, mode : (S, T) array
    draws, measured : (S, R, T) array

    Returns
    -------
    Forecast
    """
    there = np.isfinite(times_h)
    if not there.any():
        nothing = np.full(times_h.shape, np.nan)
        return Forecast(times_h, mode, nothing, nothing, nothing, nothing, nothing, draws, measured)
    # a draw that could not be solved counts for nothing; a time that is not asked has no percentiles
    held = np.where(there[:, None, :], draws, 0.0)
    held_measured = np.where(there[:, None, :], measured, 0.0)
    lower, median, upper = (
        np.where(there, part, np.nan) for part in np.nanpercentile(held, (BAND[0], 50.0, BAND[1]), axis=1)
    )
    low, high = (np.where(there, part, np.nan) for part in np.nanpercentile(held_measured, BAND, axis=1))
    return Forecast(times_h, mode, median, lower, upper, low, high, draws, measured)
