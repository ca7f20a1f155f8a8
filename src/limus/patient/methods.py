"""Every method of forecasting side by side: models, their average, baselines, and what comes of joining them.

======================  ================================================================================================
kind                    forecast
======================  ================================================================================================
model                   the mode of the patient's effects under one model
average                 the models' forecasts, weighted by the marginal likelihood of the patient's earlier levels
population              a model without the patient's levels: a baseline
ratio                   the last trough times the ratio of the dose rates: a baseline; its band is that of its errors
                        on all other patients
half                    geometric mean of the average and the ratio; nothing is fitted
learned                 the same with a share that is learned from all other patients, by least squares of logarithms
======================  ================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.patient.evaluation import ModelForecasts, Occasions
from limus.patient.model_average import weights_of
from limus.patient.scores import ranked_probability_scores
from limus.patient.weighted import weighted_quantiles

__all__ = ["AVERAGE", "HALF", "LEARNED", "RATIO", "Method", "all_methods", "learned_share", "with_errors_of_others"]

Floats = NDArray[np.float64]
AVERAGE = "average"
RATIO = "last trough x dose ratio"
HALF = "average and ratio, half each"
LEARNED = "average and ratio, share learned"
_BAND = (0.05, 0.5, 0.95)


@dataclass(frozen=True, eq=False)
class Method:
    """A way of forecasting n levels.

    Attributes
    ----------
    name, kind : str
    predicted : (n,) array
        NaN where it gives none.
    median, lower, upper : (n,) array or None
        Of a measured level; None for a method without a distribution.
    crps : (n,) array or None
    """

    name: str
    kind: str
    predicted: Floats
    median: Floats | None = None
    lower: Floats | None = None
    upper: Floats | None = None
    crps: Floats | None = None


def all_methods(
    names: Sequence[str],
    forecasts: Sequence[ModelForecasts],
    occasions: Occasions,
    ratio: Floats,
) -> tuple[tuple[Method, ...], Floats]:
    """Put every method beside the others.

    Parameters
    ----------
    names : sequence of str
        Of the models.
    forecasts : sequence of ModelForecasts
    occasions : Occasions
    ratio : (n,) array
        The baseline's forecasts; NaN where it has none.

    Returns
    -------
    tuple of (tuple of Method, (N, Q) array)
        The methods, and the weights of the models at each occasion.
    """
    models = [
        Method(name, "model", f.predicted, f.median, f.lower, f.upper, f.crps)
        for name, f in zip(names, forecasts, strict=True)
    ]
    weights = weights_of(np.stack([f.log_marginal for f in forecasts], axis=1))
    average = models[0] if len(models) == 1 else _average(forecasts, occasions, weights)
    populations = [
        Method(
            f"{name}, population",
            "population",
            f.population,
            None,
            f.population_lower,
            f.population_upper,
            f.population_crps,
        )
        for name, f in zip(names, forecasts, strict=True)
    ]
    patient = occasions.patient[occasions.lane]
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.sqrt(average.predicted * ratio)
    found = [
        *models,
        *([average] if len(models) > 1 else []),
        *populations,
        with_errors_of_others(RATIO, "ratio", ratio, occasions.observed, patient),
        with_errors_of_others(HALF, "half", half, occasions.observed, patient),
        with_errors_of_others(
            LEARNED,
            "learned",
            learned_share(occasions.observed, average.predicted, ratio, patient),
            occasions.observed,
            patient,
        ),
    ]
    return tuple(found), weights


def with_errors_of_others(
    name: str, kind: str, predicted: Floats, observed: Floats, patient: NDArray[np.int64]
) -> Method:
    r"""Give forecasts that are single numbers a band: that of the errors on all other patients.

    With :math:`e = \ln(y / p)` of the levels of other patients, the level is taken as :math:`p \exp(e)`, each error
    as likely as another.

    Parameters
    ----------
    name, kind : str
    predicted, observed : (n,) array
        A forecast that is NaN stays so.
    patient : (n,) array of int

    Returns
    -------
    Method
    """
    known = np.isfinite(predicted) & (predicted > 0)
    errors = np.log(np.where(known, observed / np.where(known, predicted, 1.0), 1.0))
    columns = {column: np.full(len(predicted), np.nan) for column in ("median", "lower", "upper", "crps")}
    for owner in np.unique(patient):
        own, others = np.flatnonzero(known & (patient == owner)), known & (patient != owner)
        if not len(own) or not others.any():
            continue
        drawn = predicted[own, None] * np.exp(errors[others])[None, :]
        low, middle, high = np.percentile(drawn, [100.0 * share for share in _BAND], axis=1)
        columns["lower"][own], columns["median"][own], columns["upper"][own] = low, middle, high
        columns["crps"][own] = ranked_probability_scores(drawn, observed[own])
    return Method(name, kind, predicted, **columns)


def _average(forecasts: Sequence[ModelForecasts], occasions: Occasions, weights: Floats) -> Method:
    own = weights[occasions.lane]
    predicted = np.sum([own[:, q] * f.predicted for q, f in enumerate(forecasts)], axis=0)
    draws = np.concatenate([f.draws for f in forecasts], axis=1)
    shares = np.concatenate(
        [np.repeat(own[:, q : q + 1] / f.draws.shape[1], f.draws.shape[1], axis=1) for q, f in enumerate(forecasts)],
        axis=1,
    )
    known = np.isfinite(draws)
    shares = np.where(known, shares, 0.0)
    shares /= shares.sum(axis=1, keepdims=True)
    filled = np.where(known, draws, 0.0)
    quantiles = np.array([weighted_quantiles(*row, _BAND) for row in zip(filled, shares, strict=True)])
    crps = ranked_probability_scores(filled, occasions.observed, shares)
    return Method(AVERAGE, "average", predicted, quantiles[:, 1], quantiles[:, 0], quantiles[:, 2], crps)


def learned_share(observed: Floats, one: Floats, other: Floats, patient: NDArray[np.int64]) -> Floats:
    r"""Join two forecasts by a share that every patient's own levels have no part in.

    With logarithms y of the levels and a, b of the forecasts, the share is
    :math:`s = \sum (a - b)(y - b) / \sum (a - b)^2` over all other patients, held to 0 to 1, and the forecast
    :math:`\exp(b + s (a - b))`.

    Parameters
    ----------
    observed, one, other : (n,) array
    patient : (n,) array of int

    Returns
    -------
    (n,) array
        NaN where one of the two is.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.log(one) - np.log(other)
        rest = np.log(observed) - np.log(other)
    known = np.isfinite(apart) & np.isfinite(rest)
    found = np.full(len(observed), np.nan)
    for owner in np.unique(patient):
        own, others = known & (patient == owner), known & (patient != owner)
        size = float((apart[others] ** 2).sum())
        share = float((apart[others] * rest[others]).sum()) / size if size > 0.0 else 0.5
        found[own] = other[own] * np.exp(np.clip(share, 0.0, 1.0) * apart[own])
    return found
