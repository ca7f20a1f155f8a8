"""Draws from the posterior of a pathway model's constants, by importance sampling that improves its own proposal.

Proposals are multivariate t (five degrees of freedom) in log10 of the parameters around the fit; those beyond a bound
are dropped, for the prior is zero there. Each round weighs by posterior over proposal and takes the weighted mean and
covariance as the next proposal (population Monte Carlo, Cappe 2004), until the effective sample size sum(w)^2/sum(w^2)
is enough. The draws of the last round are resampled systematically.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import SolveError
from limus.kernel.execution import Execution, spawn_generators
from limus.signalling.fit_problem import FitProblem

__all__ = ["Posterior", "draw_posterior"]

_FREEDOM = 5.0
_WIDER = 1.2  # standard deviations of the proposal over those of the posterior: a proposal should not be too narrow
_LEAST_SPREAD = 0.02  # log10, for a parameter that a Laplace approximation holds at its bound
_AT_ONCE = 64  # proposals in one call of the residuals


@dataclass(frozen=True, eq=False)
class Posterior:
    """Draws of equal weight.

    Attributes
    ----------
    draws : (S, P) array
        log10 of the parameters.
    effective_sample : float
        Of the last round, before resampling.
    rounds : int
    """

    draws: NDArray[np.float64]
    effective_sample: float
    rounds: int


def draw_posterior(
    problem: FitProblem,
    centre: NDArray[np.float64],
    covariance: NDArray[np.float64],
    *,
    draws: int = 1000,
    proposals: int = 2000,
    least_effective: float = 200.0,
    most_rounds: int = 6,
    execution: Execution | None = None,
) -> Posterior:
    """Draw from the posterior around a fit.

    Parameters
    ----------
    problem : FitProblem
    centre : (P,) array
        The fit, log10.
    covariance : (P, P) array
        First guess, such as Laplace's; log10.
    draws : int
        Draws wanted.
    proposals : int
        Proposals a round.
    least_effective : float
        Effective sample size at which to stop.
    most_rounds : int
    execution : Execution, optional
        Seed and progress.

    Returns
    -------
    Posterior

    Raises
    ------
    SolveError
        The effective sample size stays below ``least_effective``.
    """
    execution = execution or Execution()
    generator = spawn_generators(execution.seed, 1, stream="posterior")[0]
    at = np.asarray(centre, dtype=np.float64)
    spread = np.array(covariance, dtype=np.float64)
    held = np.diag(spread) < _LEAST_SPREAD**2
    spread[held, held] = _LEAST_SPREAD**2
    effective = 0.0
    execution.progress.start("posterior", most_rounds * proposals)
    try:
        for turn in range(1, most_rounds + 1):
            points, log_proposal = _propose(generator, at, spread, proposals)
            inside = ((points >= problem.bounds.lower) & (points <= problem.bounds.upper)).all(axis=1)
            log_posterior = np.full(proposals, -np.inf)
            log_posterior[inside] = _log_posterior(problem, points[inside], execution)
            weight = np.exp(log_posterior - log_proposal - np.max(log_posterior - log_proposal))
            weight /= weight.sum()
            effective = float(1.0 / np.sum(weight**2))
            if effective >= least_effective:
                return Posterior(points[_systematic(generator, weight, draws)], effective, turn)
            # few draws carry the weight: temper it until a tenth of what is wanted counts
            tempered = _tempered(weight, max(10.0 * len(at), least_effective / 4.0))
            at = tempered @ points
            spread = (tempered[:, None] * (points - at)).T @ (points - at)
            spread += np.diag(np.full(len(at), (_LEAST_SPREAD / 2.0) ** 2))
    finally:
        execution.progress.finish()
    raise SolveError(
        "posterior of the fit",
        f"an effective sample of {effective:.0f} after {most_rounds} rounds of {proposals} proposals",
        f"at least {least_effective:g}",
        "give more proposals, or look for a second mode",
    )


def _propose(
    generator: np.random.Generator, at: NDArray[np.float64], spread: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draws of a multivariate t and the log of its density, up to a constant."""
    root = np.linalg.cholesky(_WIDER**2 * spread)
    normal = generator.standard_normal((count, len(at)))
    scale = generator.chisquare(_FREEDOM, count) / _FREEDOM
    standard = normal / np.sqrt(scale)[:, None]
    log_density = -0.5 * (_FREEDOM + len(at)) * np.log1p(np.sum(standard**2, axis=1) / _FREEDOM)
    return at + standard @ root.T, log_density


def _log_posterior(problem: FitProblem, points: NDArray[np.float64], execution: Execution) -> NDArray[np.float64]:
    found = np.empty(len(points))
    for start in range(0, len(points), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        found[part] = -0.5 * np.sum(problem.residuals(points[part]) ** 2, axis=1)
    return found


def _tempered(weight: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """Weights to the power in (0, 1] that gives the effective sample size asked for."""
    with np.errstate(divide="ignore"):
        logs = np.log(weight)
    power = 1.0
    while power > 1e-3:
        tempered = np.exp(power * (logs - logs.max()))
        tempered /= tempered.sum()
        if 1.0 / np.sum(tempered**2) >= least:
            return tempered
        power *= 0.8
    return tempered


def _systematic(generator: np.random.Generator, weight: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Systematic resampling: one uniform number, equal steps through the cumulated weights."""
    steps = (generator.random() + np.arange(count)) / count
    chosen = np.searchsorted(np.cumsum(weight), steps).clip(max=len(weight) - 1)
    return generator.permutation(chosen)
