"""Every next occasion of every patient forecast from the earlier ones, by each model.

Doses and covariates of the forecast occasion are taken as known, as they stand in the table; its levels are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding
from limus.kernel.execution import Execution, spawn_generators
from limus.patient.estimate import EstimateOptions, error_of
from limus.patient.extreme_effects import warn_of
from limus.patient.forecast import BAND, measured_draws
from limus.patient.levels import PatientLevels, lay_out_levels, usable_levels, with_last_occasions, with_recency
from limus.patient.map_estimate import find_modes
from limus.patient.posterior import Posterior
from limus.patient.prediction import Prediction, predict_levels, prepare_prediction
from limus.patient.sampling import draw_posterior
from limus.patient.sampling_time import time_error_variance
from limus.patient.scores import ranked_probability_scores
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["ModelForecasts", "Occasions", "forecast_occasions", "next_occasions"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_AT_ONCE = 24  # occasions estimated together, so that progress is seen


@dataclass(frozen=True, eq=False)
class Occasions:
    """N occasions to forecast and their n levels.

    Attributes
    ----------
    patient, occasion : (N,) array of int
        Place of the patient; place of the occasion among the patient's.
    before, at : (N, M) array of bool
        Levels of earlier occasions that may be used; levels that are forecast.
    lane, slot : (n,) array of int
        Occasion and place of each forecast level.
    observed, time_h : (n,) array
    """

    patient: Integers
    occasion: Integers
    before: Flags
    at: Flags
    lane: Integers
    slot: Integers
    observed: Floats
    time_h: Floats


@dataclass(frozen=True, eq=False)
class ModelForecasts:
    """What one model forecast for n levels.

    Attributes
    ----------
    predicted : (n,) array
        At the mode, new effects between occasions 0.
    median, lower, upper : (n,) array
        Of a measured level: 50th, 5th and 95th percentile, residual error included.
    population : (n,) array
        Without the patient's levels: effects 0.
    crps : (n,) array
    population_crps : (n,) array
    population_lower, population_upper : (n,) array
    draws : (n, R) array
        Measured levels.
    log_marginal : (N,) array
        Of the earlier levels.
    status : tuple of str
        One an occasion.
    findings : tuple of Finding
    """

    predicted: Floats
    median: Floats
    lower: Floats
    upper: Floats
    population: Floats
    crps: Floats
    population_crps: Floats
    population_lower: Floats
    population_upper: Floats
    draws: Floats
    log_marginal: Floats
    status: tuple[str, ...]
    findings: tuple[Finding, ...]


def next_occasions(levels: PatientLevels) -> Occasions:
    """List the occasions that can be forecast: those with a measured level, after one with a level.

    Parameters
    ----------
    levels : PatientLevels

    Returns
    -------
    Occasions
    """
    measured = levels.used & ~levels.below & (levels.value > 0)
    pairs = [
        (s, k)
        for s in range(len(levels.subjects))
        for k in range(1, int(levels.occasion[s].max(initial=0)) + 1)
        if (measured[s] & (levels.occasion[s] == k)).any() and (levels.used[s] & (levels.occasion[s] < k)).any()
    ]
    patient, occasion = (np.array([pair[i] for pair in pairs], dtype=np.int64) for i in range(2))
    own = levels.occasion[patient]
    before = levels.used[patient] & (own < occasion[:, None])
    at = measured[patient] & (own == occasion[:, None])
    lane, slot = np.nonzero(at)
    return Occasions(
        patient,
        occasion,
        before,
        at,
        lane,
        slot,
        levels.value[patient[lane], slot],
        levels.time_h[patient[lane], slot],
    )


def forecast_occasions(
    model: PopulationModel,
    table: EventTable,
    occasions: Occasions,
    options: EstimateOptions,
    *,
    only_last: int | None = None,
    execution: Execution | None = None,
) -> ModelForecasts:
    """Forecast occasions by one model.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
        The model's.
    occasions : Occasions
        Of the same levels.
    options : EstimateOptions
        With draws.
    only_last : int, optional
        Use levels of so many occasions only, the last that have levels before the forecast one.
    execution : Execution, optional

    Returns
    -------
    ModelForecasts
    """
    execution = execution or Execution(workers=1)
    plain = lay_out_levels(table)
    prediction = prepare_prediction(model, table, plain.time_h, execution=execution)
    levels, findings = usable_levels(prediction, plain, table)
    time_variance = None
    if options.time_sd_h > 0.0:
        still = np.zeros((prediction.patients, prediction.space.size))
        time_variance = time_error_variance(model, table, levels.time_h, still, options.time_sd_h, execution=execution)
    count = len(occasions.patient)
    execution.progress.start(f"forecasts by {model.name}", count)
    parts = []
    try:
        for begin in range(0, count, _AT_ONCE):
            lanes = np.arange(begin, min(begin + _AT_ONCE, count))
            parts.append(_some(prediction, levels, occasions, lanes, options, model, table, time_variance, only_last))
            execution.progress.advance(len(lanes))
    finally:
        execution.progress.finish()
    columns: dict[str, Any] = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
    status = tuple(word for part in parts for word in part[1])
    return ModelForecasts(**columns, status=status, findings=findings)


def _some(
    prediction: Prediction,
    levels: PatientLevels,
    occasions: Occasions,
    lanes: Integers,
    options: EstimateOptions,
    model: PopulationModel,
    table: EventTable,
    time_variance: Floats | None,
    only_last: int | None,
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    patients = occasions.patient[lanes]
    own = _of_rows(prediction, patients)
    earlier = with_last_occasions(_levels_of(levels, patients, occasions.before[lanes]), only_last)
    known = with_recency(earlier, options.recency_half_life_h)
    error = error_of(model, table, levels.time_h, options, patients)
    variance = None if time_variance is None else time_variance[patients]
    posterior = Posterior(own, known, error, variance)
    modes = find_modes(posterior, starts=options.starts, seed=options.seed)
    draws = draw_posterior(posterior, modes, draws=options.draws, seed=options.seed)
    rows, at = np.arange(len(lanes)), occasions.at[lanes]
    mode = predict_levels(own, rows, modes.effects, wanted=at)
    typical = predict_levels(own, rows, np.zeros_like(modes.effects), wanted=at)
    size = draws.effects.shape[1]
    repeated = np.repeat(rows, size)
    drawn = predict_levels(own, repeated, draws.effects.reshape(-1, own.space.size), wanted=at[repeated])
    generators = spawn_generators(options.seed, len(occasions.patient), stream="residual error of occasions")
    root = np.linalg.cholesky(own.space.covariance) if own.space.size else own.space.covariance
    prior = np.stack([generators[lane].standard_normal((size, own.space.size)) @ root.T for lane in lanes])
    unknown = predict_levels(own, repeated, prior.reshape(-1, own.space.size), wanted=at[repeated])
    measured = np.stack(
        [
            measured_draws(error, both[row * size : (row + 1) * size], generators[lane], np.full(size, row))
            for both in (drawn, unknown)
            for row, lane in enumerate(lanes)
        ]
    ).reshape(2, len(lanes), size, -1)
    lane, slot = np.nonzero(at)
    first, second = measured[0][lane, :, slot], measured[1][lane, :, slot]
    observed = levels.value[patients[lane], slot]
    low, median, high = np.nanpercentile(first, (BAND[0], 50.0, BAND[1]), axis=1)
    wide = np.nanpercentile(second, BAND, axis=1)
    columns = {
        "predicted": mode[lane, slot],
        "median": median,
        "lower": low,
        "upper": high,
        "population": typical[lane, slot],
        "crps": ranked_probability_scores(first, observed),
        "population_crps": ranked_probability_scores(second, observed),
        "population_lower": wide[0],
        "population_upper": wide[1],
        "draws": first,
        "log_marginal": draws.log_marginal,
    }
    return columns, tuple(warn_of(posterior, modes, row) for row in range(len(lanes)))


def _of_rows(prediction: Prediction, patients: Integers) -> Prediction:
    """The same histories, one row for each of some patients."""
    return replace(
        prediction,
        time_h=prediction.time_h[patients],
        stretch=prediction.stretch[patients],
        column=prediction.column[patients],
    )


def _levels_of(levels: PatientLevels, patients: Integers, used: Flags) -> PatientLevels:
    return PatientLevels(
        subjects=tuple(levels.subjects[s] for s in patients.tolist()),
        time_h=levels.time_h[patients],
        value=levels.value[patients],
        below=levels.below[patients],
        weight=np.where(used, levels.weight[patients], 0.0),
        occasion=levels.occasion[patients],
        row=levels.row[patients],
    )
