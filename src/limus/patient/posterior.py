r"""The posterior of a patient's random effects, given the patient's levels.

.. math:: -2 \ln p(\eta | y) = \sum_j w_j l(y_j, f_j(\eta)) + \eta' \Omega^{-1} \eta + \ln|\Omega| + K \ln 2\pi + c

with l of :mod:`limus.patient.level_likelihood`. :math:`\eta` holds the effects between subjects and those of every
occasion. Derivatives use the expected curvature of l, which makes the matrix of second derivatives positive definite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.patient.level_likelihood import ErrorModel, level_terms
from limus.patient.levels import PatientLevels
from limus.patient.prediction import Prediction, predict_levels, predict_with_slopes

__all__ = ["Expansion", "Posterior", "expand", "minus_twice_log"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Posterior:
    """Everything that the posterior of S patients depends on.

    Attributes
    ----------
    prediction : Prediction
    levels : PatientLevels
    error : ErrorModel
    time_variance : (S, M) array or None
        Variance of the levels by uncertain sampling times, (unit of DV)^2.
    """

    prediction: Prediction
    levels: PatientLevels
    error: ErrorModel
    time_variance: Floats | None = None

    @property
    def informed(self) -> NDArray[np.bool_]:
        """Entries on which a level that is used can depend, (S, K)."""
        space, levels = self.prediction.space, self.levels
        found = np.zeros((len(levels.subjects), space.size), dtype=np.bool_)
        found[:, : len(space.subject)] = np.any(levels.used, axis=1, keepdims=True)
        if space.occasion:
            reached = _occasions_reached(self)
            for occasion in range(space.occasions):
                found[:, space.of_occasion(occasion)] = reached[:, occasion][:, None]
        return found


def _occasions_reached(posterior: Posterior) -> NDArray[np.bool_]:
    """Occasions of the stretches in which levels are used, (S, O)."""
    prediction = posterior.prediction
    found = np.zeros((prediction.patients, prediction.space.occasions), dtype=np.bool_)
    rows, slots = np.nonzero(posterior.levels.used)
    occasions = prediction.stretches.occasions[prediction.stretch[rows, slots]]
    for places in occasions.T:
        there = places >= 0
        found[rows[there], places[there]] = True
    return found


@dataclass(frozen=True, eq=False)
class Expansion:
    """Half of minus twice the log-posterior around n points, with derivatives.

    Attributes
    ----------
    value : (n,) array
    gradient : (n, K) array
    curvature : (n, K, K) array
        Positive definite.
    level : (n, M) array
        Predictions.
    slopes : (n, M, K) array
    """

    value: Floats
    gradient: Floats
    curvature: Floats
    level: Floats
    slopes: Floats


def minus_twice_log(posterior: Posterior, patients: ArrayLike, effects: Floats) -> Floats:
    """Return minus twice the logarithm of likelihood times prior, (n,).

    Parameters
    ----------
    posterior : Posterior
    patients : (n,) array_like of int
        Whose each vector is.
    effects : (n, K) array

    Returns
    -------
    (n,) array
        Infinite where a level cannot be predicted.
    """
    rows = np.asarray(patients, dtype=np.int64)
    level = predict_levels(posterior.prediction, rows, effects, wanted=posterior.levels.used[rows])
    return _of_levels(posterior, rows, level)[0] + _of_prior(posterior, effects)


def _of_levels(posterior: Posterior, rows: Integers, level: Floats) -> tuple[Floats, Floats, Floats]:
    levels = posterior.levels
    extra = None if posterior.time_variance is None else posterior.time_variance[rows]
    terms = level_terms(
        posterior.error,
        level,
        levels.value[rows],
        levels.below[rows],
        levels.weight[rows],
        extra_variance=extra,
        rows=rows,
    )
    return terms.value.sum(axis=1), terms.slope, terms.curvature


def _of_prior(posterior: Posterior, effects: Floats) -> Floats:
    space = posterior.prediction.space
    constant = space.log_determinant + space.size * float(np.log(2.0 * np.pi))
    return np.asarray(np.einsum("nk,kl,nl->n", effects, space.precision, effects) + constant)


def expand(posterior: Posterior, patients: ArrayLike, effects: Floats) -> Expansion:
    """Expand half of minus twice the log-posterior around n points.

    Parameters
    ----------
    posterior, patients, effects
        As :func:`minus_twice_log`.

    Returns
    -------
    Expansion
    """
    rows = np.asarray(patients, dtype=np.int64)
    space = posterior.prediction.space
    level, slopes = predict_with_slopes(posterior.prediction, rows, effects, wanted=posterior.levels.used[rows])
    value, slope, curvature = _of_levels(posterior, rows, level)
    finite = np.nan_to_num(slopes, nan=0.0, posinf=0.0, neginf=0.0)
    gradient = 0.5 * np.einsum("nm,nmk->nk", slope, finite) + effects @ space.precision
    matrix = 0.5 * np.einsum("nmk,nm,nml->nkl", finite, curvature, finite, optimize=True) + space.precision
    return Expansion(0.5 * (value + _of_prior(posterior, effects)), gradient, matrix, level, finite)
