"""From an event table to the posterior of its patients: levels, error, modes, draws, and what should be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import Execution
from limus.patient.level_likelihood import ErrorModel, error_model
from limus.patient.levels import PatientLevels, lay_out_levels, usable_levels, with_recency
from limus.patient.map_estimate import MapEstimate, find_modes
from limus.patient.posterior import Posterior
from limus.patient.prediction import prepare_prediction
from limus.patient.sampling import FEW, PosteriorDraws, draw_posterior
from limus.patient.sampling_time import time_error_variance
from limus.pharmacokinetics.covariate_history import covariate_history, covariates_at
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["EstimateOptions", "PatientEstimate", "error_of", "estimate_patients"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EstimateOptions:
    """How patients are estimated.

    Attributes
    ----------
    assay_sd : float
        Further standard deviation of a level, in the unit of DV.
    assay_cv : float
        The same as a fraction of the level.
    time_sd_h : float
        Standard deviation of the sampling times, h.
    recency_half_life_h : float or None
        Age at which a level counts half; None counts all alike.
    starts : int
        Of the search for modes.
    draws : int
        From the posterior; 0 for none.
    seed : int
    """

    assay_sd: float = 0.0
    assay_cv: float = 0.0
    time_sd_h: float = 0.0
    recency_half_life_h: float | None = None
    starts: int = 4
    draws: int = 1000
    seed: int = 1


@dataclass(frozen=True, eq=False)
class PatientEstimate:
    """What is known of S patients.

    Attributes
    ----------
    model : PopulationModel
    table : EventTable
    options : EstimateOptions
    posterior : Posterior
    modes : MapEstimate
    draws : PosteriorDraws or None
    findings : tuple of Finding
    """

    model: PopulationModel
    table: EventTable
    options: EstimateOptions
    posterior: Posterior
    modes: MapEstimate
    draws: PosteriorDraws | None
    findings: tuple[Finding, ...]

    @property
    def levels(self) -> PatientLevels:
        """The levels, used and not."""
        return self.posterior.levels

    @property
    def shrinkage_percent(self) -> Floats:
        """How much of each effect's prior variance is left, (S, K): 0 known from the levels, 100 prior only."""
        prior = np.diag(self.posterior.prediction.space.covariance)
        left = np.einsum("skk->sk", self.modes.covariance)
        return np.asarray(100.0 * left / prior)

    @property
    def log_marginal(self) -> Floats:
        """Logarithm of the marginal likelihood of the levels, (S,): by sampling, or Laplace's without draws."""
        if self.draws is not None:
            return self.draws.log_marginal
        size = self.posterior.prediction.space.size
        volume = 0.5 * np.linalg.slogdet(self.modes.covariance)[1]
        return np.asarray(-0.5 * self.modes.objective + volume + 0.5 * size * np.log(2.0 * np.pi))


def estimate_patients(
    model: PopulationModel,
    table: EventTable,
    options: EstimateOptions | None = None,
    *,
    levels: PatientLevels | None = None,
    execution: Execution | None = None,
) -> PatientEstimate:
    """Estimate the random effects of every patient of a table.

    Parameters
    ----------
    model : PopulationModel
        With the residual error that is wanted.
    table : EventTable
        Covariates under the model's names.
    options : EstimateOptions, optional
    levels : PatientLevels, optional
        Of the table, some perhaps not used; by default all that were measured.
    execution : Execution, optional

    Returns
    -------
    PatientEstimate

    Raises
    ------
    ValueRangeError
        An option out of range.
    InputError
        Occasions that go back in time.
    UnsupportedFeatureError
        A residual error that depends on random effects.
    """
    options = options or EstimateOptions()
    _check(options)
    levels = lay_out_levels(table) if levels is None else levels
    prediction = prepare_prediction(model, table, levels.time_h, execution=execution)
    levels, findings = usable_levels(prediction, levels, table)
    levels = with_recency(levels, options.recency_half_life_h)
    posterior = Posterior(prediction, levels, error_of(model, table, levels.time_h, options))
    modes = find_modes(posterior, starts=options.starts, seed=options.seed)
    if options.time_sd_h > 0.0:
        variance = time_error_variance(
            model, table, levels.time_h, modes.effects, options.time_sd_h, execution=execution
        )
        posterior = replace(posterior, time_variance=variance)
        modes = find_modes(posterior, starts=options.starts, seed=options.seed)
    draws = draw_posterior(posterior, modes, draws=options.draws, seed=options.seed) if options.draws else None
    return PatientEstimate(
        model, table, options, posterior, modes, draws, (*findings, *_said(posterior, table, modes, draws))
    )


def _check(options: EstimateOptions) -> None:
    for name, value, least in (
        ("assay standard deviation", options.assay_sd, 0.0),
        ("assay coefficient of variation", options.assay_cv, 0.0),
        ("standard deviation of sampling times", options.time_sd_h, 0.0),
        ("starts", options.starts, 1),
        ("draws", options.draws, 0),
    ):
        if not (np.isfinite(value) and value >= least):
            raise ValueRangeError(name, value, f"{least:g} or more", "correct the number")
    half_life = options.recency_half_life_h
    if half_life is not None and not (np.isfinite(half_life) and half_life > 0):
        raise ValueRangeError("recency half-life", half_life, "above 0 h", "leave it out to count all levels alike")


def error_of(
    model: PopulationModel,
    table: EventTable,
    times_h: Floats,
    options: EstimateOptions,
    patients: NDArray[np.int64] | None = None,
) -> ErrorModel:
    """Prepare the error of levels at some times.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
    times_h : (S, M) array
        NaN after a patient's last.
    options : EstimateOptions
        What an assay adds.
    patients : (n,) array of int, optional
        Rows of ``times_h`` wanted, in that order; all by default.

    Returns
    -------
    ErrorModel

    Raises
    ------
    UnsupportedFeatureError
        A variance that depends on random effects.
    """
    covariates: dict[str, Floats] = {}
    if model.residual.form == "formula":
        covariates = _covariates_at(model, table, times_h)
        if patients is not None:
            covariates = {name: c[patients] if c.ndim else c for name, c in covariates.items()}
    return error_model(
        model, assay_additive=options.assay_sd, assay_proportional=options.assay_cv, covariates=covariates
    )


def _covariates_at(model: PopulationModel, table: EventTable, times_h: Floats) -> dict[str, Floats]:
    """Covariates of the model at some times, in their shape."""
    names = [name for name in model.covariates if name in table.records.names]
    history = covariate_history(table, names, rule={name: model.covariates[name].carry for name in names})
    there = np.isfinite(times_h)
    subject, _ = np.nonzero(there)
    found = covariates_at(history, subject, times_h[there])
    columns = {}
    for k, name in enumerate(names):
        column = np.ones(times_h.shape)
        column[there] = found[:, k]
        columns[name] = column
    defaults = {n: np.asarray(c.default) for n, c in model.covariates.items() if c.default is not None}
    return defaults | columns


def _said(
    posterior: Posterior, table: EventTable, modes: MapEstimate, draws: PosteriorDraws | None
) -> Iterator[Finding]:
    model, names = posterior.prediction.model, posterior.prediction.space.names
    for s, label in enumerate(table.subjects):
        where = f"{model.name}, ID {label}"
        if modes.status[s] != "ok":
            yield Finding("estimate", Severity.WARNING, where, modes.status[s], "a mode", "look at the levels")
        if np.isfinite(modes.second_objective[s]):
            lower = modes.second_objective[s] - modes.objective[s]
            got = f"another mode, exp(-{0.5 * lower:.2g}) as high: {_effects_in_words(modes, names, s)}"
            do = "both are drawn from; a level at another time would tell"
            yield Finding("two-modes", Severity.WARNING, where, got, "one mode", do)
        if draws is not None and draws.effective[s] < FEW * draws.drawn[s]:
            got = f"{draws.effective[s]:.0f} effective of {draws.drawn[s]} draws"
            do = "the draws were moved apart by a random walk"
            do += f" ({100 * draws.accepted[s]:.0f} % of its steps accepted); raise --draws to be surer"
            yield Finding("few-effective-draws", Severity.WARNING, where, got, f"{100 * FEW:g} % or more", do)


def _effects_in_words(modes: MapEstimate, names: tuple[str, ...], s: int) -> str:
    apart = np.abs(modes.second[s] - modes.effects[s])
    k = int(np.argmax(apart))
    return f"{names[k]} is {modes.second[s, k]:.2f} there and {modes.effects[s, k]:.2f} here"
