"""Fit the unknown constants of a pathway model to published potencies: maximum a posteriori, in log10."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution, spawn_generators
from limus.kernel.inference import LeastSquaresFit, fit_least_squares
from limus.signalling.fit_problem import FitProblem, fit_problem
from limus.signalling.observations import Potency
from limus.signalling.posterior import draw_posterior
from limus.signalling.prediction import PredictedRow, load_settings, predict_observations, split_observations
from limus.signalling.sourced_model import SourcedModel, SourcedParameter

__all__ = ["Calibration", "calibrate"]

_SCREENED = 64  # draws from the prior, of which the best become starts
_TOLERANCE = 3e-2  # distance to the minimum in standard errors at which the fit has arrived


@dataclass(frozen=True, eq=False)
class Calibration:
    """The outcome of a calibration.

    Attributes
    ----------
    model : SourcedModel
        With the fitted values.
    parameters : tuple of SourcedParameter
        The fitted ones, with the values before.
    values : (P,) array
        Fitted values, canonical units.
    log10_covariance : (P, P) array
        Of their log10, prior included; zero where a value is held at its bound.
    at_bound : (P,) array of bool
    sum_of_squares : float
        At the best start.
    draws : (S, P) array or None
        Draws from the posterior, log10; None where they were not asked for.
    effective_sample : float
        Of the draws; NaN without them.
    agreeing_starts : int
        Starts that reached the same minimum within 1 %.
    starts : int
    status : str
        Of the best start.
    rows : tuple of PredictedRow
        Observations that were used or that check the fit.
    left_out : tuple of Potency
        The rest; each has its reason.
    """

    model: SourcedModel
    parameters: tuple[SourcedParameter, ...]
    values: NDArray[np.float64]
    log10_covariance: NDArray[np.float64]
    at_bound: NDArray[np.bool_]
    sum_of_squares: float
    draws: NDArray[np.float64] | None
    effective_sample: float
    agreeing_starts: int
    starts: int
    status: str
    rows: tuple[PredictedRow, ...]
    left_out: tuple[Potency, ...]

    @property
    def log10_standard_errors(self) -> NDArray[np.float64]:
        """Standard errors of the log10 of the values, (P,)."""
        return np.sqrt(np.diag(self.log10_covariance))

    @property
    def share_within_3_fold(self) -> float:
        """Share of the used observations that the model meets within a factor of three."""
        used = [row.fold for row in self.rows if row.observation.use == "fit"]
        return sum(fold <= 3.0 for fold in used) / len(used)


def calibrate(
    model: SourcedModel, *, starts: int = 3, draws: int = 0, execution: Execution | None = None
) -> Calibration:
    """Fit the model's fitted parameters to the observations marked ``fit``.

    Parameters
    ----------
    model : SourcedModel
        Loaded without its accepted fit, so that it starts from the priors.
    starts : int
        How many of the best of 64 draws from the prior (its centre among them) are followed to their minimum.
    draws : int
        Draws from the posterior around the fit; 0 leaves them out.
    execution : Execution, optional
        Seed, workers and progress.

    Returns
    -------
    Calibration

    Raises
    ------
    SolveError
        A simulation failed, or the posterior cannot be sampled.
    """
    execution = execution or Execution()
    settings = load_settings(model.name)
    shown, _ = split_observations(model, settings)
    used = [row for row in shown if row.use == "fit"]
    problem = fit_problem(model, used, settings, execution)
    free = problem.parameters
    fit = _fit(problem, starts, execution)
    best = int(np.nanargmin(fit.sum_of_squares))
    values = 10.0 ** fit.parameters[best]
    covariance = np.nan_to_num(fit.unscaled_covariance[best])
    posterior = (
        draw_posterior(problem, fit.parameters[best], covariance, draws=draws, execution=execution) if draws else None
    )
    fitted = model.with_fitted(dict(zip((p.name for p in free), values.tolist(), strict=True)))
    rows, left_out = predict_observations(fitted, execution=execution)
    return Calibration(
        model=fitted,
        parameters=free,
        values=values,
        log10_covariance=covariance,
        at_bound=fit.at_bound[best],
        sum_of_squares=float(fit.sum_of_squares[best]),
        draws=posterior.draws if posterior else None,
        effective_sample=posterior.effective_sample if posterior else math.nan,
        agreeing_starts=int((fit.sum_of_squares <= 1.01 * fit.sum_of_squares[best] + 1e-6).sum()),
        starts=starts,
        status=str(fit.status[best]),
        rows=rows,
        left_out=left_out,
    )


def _fit(problem: FitProblem, starts: int, execution: Execution) -> LeastSquaresFit:
    generator = spawn_generators(execution.seed, 1, stream="calibration starts")[0]
    draws = problem.prior + problem.spread * generator.standard_normal((_SCREENED - 1, len(problem.prior)))
    candidates = np.clip(np.vstack([problem.prior, draws]), problem.bounds.lower, problem.bounds.upper)
    execution.progress.start("fitting", 0)
    try:
        screened = np.sum(problem.residuals(candidates) ** 2, axis=1)
        start = candidates[np.argsort(screened, kind="stable")[:starts]]
        return fit_least_squares(
            problem.residuals,
            start,
            bounds=problem.bounds,
            jacobian=problem.jacobian,
            max_iterations=60,
            tolerance=_TOLERANCE,
        )
    finally:
        execution.progress.finish()
