r"""Goodness of fit: each level beside the model's, with residuals in units of what the model expects.

======================  ===========================================================================================
``typical``             the model's level f without variability (PRED)
``weighted``            (WRES) :math:`L^{-1}(y - f)`, L the Cholesky factor of
                        :math:`H \Omega H^T + \Sigma(f)`, H the derivatives of f by the random effects at 0: first order
``expected``            mean of the simulated levels (EPRED)
``weighted_simulated``  (EWRES) :math:`L^{-1}(y - E)` with mean and covariance of the simulated levels
``individual``          the level with a subject's own effects (IPRED), where the caller has them
``individual_weighted`` (IWRES) :math:`(y - f_i)/\sigma(f_i)`
======================  ===========================================================================================

Where the residual error is normal on logarithms, y and f are logarithms. Hooker, Staatz and Karlsson, Pharm Res
2007;24:2187 compare the residuals: first order is misleading where variability is large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.population_check.decorrelation import decorrelate, levels_by_subject
from limus.pharmacokinetics.population_check.observed_levels import ObservedLevels
from limus.pharmacokinetics.population_check.simulated_levels import (
    SimulatedLevels,
    covariates_of_levels,
    predict_typical,
)
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.residual_error import residual_variance
from limus.pharmacokinetics.population_simulation import occasion_count

__all__ = ["GoodnessOfFit", "first_order_residuals", "fit_table", "goodness_of_fit", "individual_residuals"]

Floats = NDArray[np.float64]
_STEP = 1e-4  # of a standard deviation, for the derivatives by random effects


@dataclass(frozen=True, eq=False)
class GoodnessOfFit:
    """Predictions and residuals of M levels, as above; NaN for levels below a limit and before any dose.

    Attributes
    ----------
    typical, weighted, expected, weighted_simulated : (M,) array
    individual, individual_weighted : (M,) array
        NaN where the caller has no individual predictions.
    """

    typical: Floats
    weighted: Floats
    expected: Floats
    weighted_simulated: Floats
    individual: Floats
    individual_weighted: Floats


def goodness_of_fit(
    model: PopulationModel,
    table: EventTable,
    seen: ObservedLevels,
    simulated: SimulatedLevels,
    *,
    individual: ArrayLike | None = None,
) -> GoodnessOfFit:
    """Set levels beside the model's.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
    seen : ObservedLevels
        Of the table.
    simulated : SimulatedLevels
        Of the same levels.
    individual : (M,) array_like, optional
        Predictions with each subject's own effects.

    Returns
    -------
    GoodnessOfFit

    Raises
    ------
    ValueRangeError
        Too few replicates, or individual predictions of another length.
    LimusError
        As :func:`limus.pharmacokinetics.population_simulation.simulate_population`.
    """
    covariates = covariates_of_levels(model, table, seen)
    logarithm = model.residual.on_logarithm
    used = np.isfinite(seen.after_dose_h) & (simulated.typical > 0) & np.isfinite(seen.value)
    y, x = seen.value, simulated.measured
    if logarithm:
        used &= seen.value > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            y, x = np.log(y), np.log(x)
    weighted_simulated = np.full(len(seen), np.nan)
    for levels in levels_by_subject(seen, y, x, used):
        weighted_simulated[levels.rows] = decorrelate(levels)[0]
    own = np.full(len(seen), np.nan) if individual is None else np.asarray(individual, dtype=np.float64)
    if own.shape != (len(seen),):
        raise ValueRangeError("individual predictions", own.shape, f"({len(seen)},)", "give one for each level")
    expected = np.where(used, np.exp(np.mean(x, axis=0)) if logarithm else np.mean(x, axis=0), np.nan)
    return GoodnessOfFit(
        typical=np.where(used, simulated.typical, np.nan),
        weighted=first_order_residuals(model, table, seen, simulated.typical, covariates, used),
        expected=expected,
        weighted_simulated=weighted_simulated,
        individual=own,
        individual_weighted=individual_residuals(model, seen.value, own, covariates),
    )


def first_order_residuals(
    model: PopulationModel,
    table: EventTable,
    seen: ObservedLevels,
    typical: Floats,
    covariates: Mapping[str, Floats],
    used: NDArray[np.bool_],
) -> Floats:
    """Residuals weighted by the first-order covariance of the population.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
    seen : ObservedLevels
    typical : (M,) array
    covariates : mapping of str to (M,) array
        In force at the levels, for the residual error.
    used : (M,) array of bool
        Levels that take part.

    Returns
    -------
    (M,) array
        NaN for the others.

    Raises
    ------
    LimusError
        As :func:`limus.pharmacokinetics.population_simulation.simulate_population`.
    """
    slopes, covariance = _slopes(model, table, seen)
    clean = np.maximum(typical, 0.0)
    noise = residual_variance(model, clean, covariates)
    y, f = seen.value, clean
    if model.residual.on_logarithm:
        with np.errstate(divide="ignore", invalid="ignore"):
            y, slopes, f = np.log(y), slopes / clean, np.log(f)
    found = np.full(len(seen), np.nan)
    for subject in range(len(seen.subjects)):
        own = seen.of(subject)
        rows = own.start + np.flatnonzero(used[own])
        if len(rows):
            h = slopes[:, rows]
            root = np.linalg.cholesky(h.T @ covariance @ h + np.diag(noise[rows]))
            found[rows] = np.linalg.solve(root, y[rows] - f[rows])
    return found


def _slopes(model: PopulationModel, table: EventTable, seen: ObservedLevels) -> tuple[Floats, Floats]:
    """Derivatives of levels by every random effect, (K, M), and the covariance of these effects, (K, K)."""
    subject, occasion = model.between_subject, model.between_occasion
    occasions, count = occasion_count(table), len(table.subjects)
    rows, blocks = [], [subject.covariance] + [occasion.covariance] * occasions
    for k, name in enumerate(subject.names):
        step = _STEP * float(np.sqrt(subject.covariance[k, k]))
        rows.append(_slope(model, table, seen, {name: np.ones(count)}, step))
    for o in range(occasions):
        for k, name in enumerate(occasion.names):
            step = _STEP * float(np.sqrt(occasion.covariance[k, k]))
            only = np.zeros((count, occasions))
            only[:, o] = 1.0
            rows.append(_slope(model, table, seen, {name: only}, step))
    size = sum(len(block) for block in blocks)
    covariance, at = np.zeros((size, size)), 0
    for block in blocks:
        covariance[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    return np.array(rows).reshape(size, len(seen)), covariance


def _slope(
    model: PopulationModel, table: EventTable, seen: ObservedLevels, unit: Mapping[str, Floats], step: float
) -> Floats:
    """Central difference of the levels by an effect."""
    up, down = (
        predict_typical(model, table, seen, effects={name: sign * step * one for name, one in unit.items()})
        for sign in (1.0, -1.0)
    )
    return np.asarray((up - down) / (2.0 * step))


def individual_residuals(
    model: PopulationModel, value: Floats, individual: Floats, covariates: Mapping[str, Floats]
) -> Floats:
    """Residuals of individual predictions in units of the residual error.

    Parameters
    ----------
    model : PopulationModel
    value : (M,) array
        Levels; NaN where there is none.
    individual : (M,) array
        Predictions with each subject's own effects; NaN where there is none.
    covariates : mapping of str to (M,) array
        In force at the levels.

    Returns
    -------
    (M,) array

    Raises
    ------
    ModelError
        The residual error needs a name without a number.
    """
    known = np.isfinite(value) & np.isfinite(individual) & (individual > 0)
    found = np.full(len(value), np.nan)
    if known.any():
        at = {name: column[known] for name, column in covariates.items()}
        y, f = value[known], individual[known]
        deviation = np.sqrt(residual_variance(model, f, at))
        with np.errstate(divide="ignore", invalid="ignore"):
            found[known] = (np.log(y) - np.log(f) if model.residual.on_logarithm else y - f) / deviation
    return found


def fit_table(seen: ObservedLevels, fit: GoodnessOfFit, more: Mapping[str, Floats] | None = None) -> Table:
    """Lay levels, predictions and residuals out as a table.

    Parameters
    ----------
    seen : ObservedLevels
    fit : GoodnessOfFit
    more : mapping of str to (M,) array, optional
        Further columns, such as npde.

    Returns
    -------
    Table
        ``id, line, time_h, after_dose_h, measured, below, limit, typical, ...``.
    """
    columns: dict[str, Any] = {
        "id": [seen.subjects[k] for k in seen.subject.tolist()],
        "line": seen.line,
        "time_h": seen.time_h,
        "after_dose_h": seen.after_dose_h,
        "measured": seen.value,
        "below": seen.censored,
        "limit": seen.limit,
        "typical": fit.typical,
        "weighted": fit.weighted,
        "expected": fit.expected,
        "weighted_simulated": fit.weighted_simulated,
        "individual": fit.individual,
        "individual_weighted": fit.individual_weighted,
    }
    return Table.create(columns | dict(more or {}))
