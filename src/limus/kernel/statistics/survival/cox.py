r"""Cox regression: hazard ratios from the partial likelihood, with its own diagnosis.

Newton's method on ln L of :mod:`limus.kernel.statistics.survival.cox_likelihood`, steps halved where ln L would fall.
The tests of beta = 0 are

::

    likelihood ratio  2 (ln L(b) - ln L(0)),    score  U(0)' I(0)^-1 U(0),    Wald  b' I(b) b

The robust variance is D'D with a row (or the sum over a cluster) of D = score residual times I^-1.

A covariate that is a linear combination of others is left out and said to be aliased. Where some combination of
covariates puts every event highest in its risk set, ln L rises for ever (monotone likelihood): the covariates are
named, their coefficients are infinite and have no standard error; the likelihood ratio test still holds.

Source: Cox 1972, J R Stat Soc B 34:187; Lin and Wei 1989, J Am Stat Assoc 84:1074; Bryson and Johnson 1981,
Technometrics 23:381 (monotone likelihood).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.survival.cox_design import CoxDesign, lay_out
from limus.kernel.statistics.survival.cox_likelihood import PartialLikelihood, partial_likelihood
from limus.kernel.statistics.survival.cox_newton import Climb, climb, independent_covariates
from limus.kernel.statistics.survival.cox_residuals import score_residuals
from limus.kernel.statistics.survival.observations import code_labels, freeze

__all__ = ["CoxFit", "CoxPosition", "CoxStatus", "CoxTest", "Ties", "cox"]

Floats = NDArray[np.float64]

_INVOLVED = 0.02  # a covariate is part of a direction from this share of its largest component on


class Ties(StrEnum):
    """How tied events share their risk set."""

    EFRON = "efron"
    BRESLOW = "breslow"


class CoxStatus(StrEnum):
    """What came of a fit, or of one coefficient."""

    OK = "ok"
    ALIASED = "aliased"  # a linear combination of other covariates, or constant: left out
    INFINITE = "infinite"  # monotone likelihood
    NOT_CONVERGED = "not converged"


@dataclass(frozen=True, slots=True)
class CoxTest:
    """A test of all coefficients being zero."""

    chi_square: float
    degrees_of_freedom: int
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class CoxPosition:
    """The likelihood at the estimate, in scaled covariates without the aliased ones.

    Attributes
    ----------
    design : CoxDesign
    beta : (Q,)
        Finite; large where a coefficient is infinite.
    free : (P,) of bool
        Which covariates are in.
    found : PartialLikelihood
    """

    design: CoxDesign
    beta: Floats
    free: NDArray[np.bool_]
    found: PartialLikelihood


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """A Cox regression with P covariates.

    Attributes
    ----------
    names : tuple of str
    coefficient : (P,)
        Log hazard ratios a unit of the covariate; NaN where aliased, infinite where the likelihood is monotone.
    standard_error : (P,)
        Robust where asked for; NaN without a finite coefficient.
    model_standard_error : (P,)
        From the information, robust or not.
    low, high : (P,)
        Wald interval of the log hazard ratio.
    p : (P,)
        Wald, two-sided.
    covariance : (P, P)
        As ``standard_error``.
    coefficient_status : tuple of CoxStatus
    status : CoxStatus
        The worst of the fit.
    log_likelihood_null, log_likelihood : float
    likelihood_ratio, score, wald : CoxTest
    steps : int
    n, events : float
        Rows and events; sums of weights.
    ties : Ties
    level_percent : float
    robust : bool
    position : CoxPosition
        What residuals and predictions need.
    """

    names: tuple[str, ...]
    coefficient: Floats
    standard_error: Floats
    model_standard_error: Floats
    low: Floats
    high: Floats
    p: Floats
    covariance: Floats
    coefficient_status: tuple[CoxStatus, ...]
    status: CoxStatus
    log_likelihood_null: float
    log_likelihood: float
    likelihood_ratio: CoxTest
    score: CoxTest
    wald: CoxTest
    steps: int
    n: float
    events: float
    ties: Ties
    level_percent: float
    robust: bool
    position: CoxPosition


def cox(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    strata: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    robust: bool = False,
    ties: Ties | str = Ties.EFRON,
    level_percent: float = 95.0,
) -> CoxFit:
    """Fit a proportional hazards model.

    Parameters
    ----------
    time : (N,) array
        Observed times, at least 0.
    event : (N,) array
        1 for an event, 0 for censored.
    covariates : (N, P) array
        Numbers; code categories as 0 and 1 against a reference.
    names : sequence of str, optional
        Of the covariates; ``x1`` ... without.
    strata : (N,) array, optional
        Labels; each stratum has its own baseline hazard.
    weights : (N,) array, optional
        With Breslow's ties, how many subjects a row stands for.
    entry : (N,) array, optional
        Start of watching: counting process data, one row an interval.
    cluster : (N,) array, optional
        Labels; implies ``robust``.
    robust : bool
        Variance that holds where hazards are not proportional.
    ties : Ties
    level_percent : float

    Returns
    -------
    CoxFit

    Raises
    ------
    ValueRangeError
        No event, no usable covariate, or values that are not allowed.

    Examples
    --------
    >>> found = cox([6, 7, 9, 4, 5, 8], [1, 0, 1, 1, 1, 1], [[0], [0], [0], [1], [1], [1]])
    >>> round(float(found.coefficient[0]), 4)
    1.523
    """
    z = normal_quantile(level_percent)
    efron = Ties(ties) is Ties.EFRON
    design = lay_out(time, event, covariates, strata=strata, weights=weights, entry=entry, efron=efron)
    count = len(design.x)
    names = tuple(names) if names is not None else tuple(f"x{i + 1}" for i in range(count))
    if len(names) != count:
        raise ValueRangeError("names", f"{len(names)} names", f"{count} names", "name each covariate once")
    null = partial_likelihood(design, np.zeros(count))
    free = independent_covariates(null.information, float(design.block_weight.sum()))
    if not free.any():
        allowed = "a covariate that varies among those at risk"
        raise ValueRangeError("covariates", ", ".join(names), allowed, "leave it out")
    kept = design
    if not free.all():
        scratch = np.ascontiguousarray(design.scratch[:, free])
        kept = replace(design, x=design.x[free], death_sum=design.death_sum[free], scratch=scratch)
        null = partial_likelihood(kept, np.zeros(len(kept.x)))
    top = climb(kept, null)
    infinite = np.abs(top.rising) > _INVOLVED * max(float(np.abs(top.rising).max()), 1e-300)
    finite = ~infinite
    model, covariance = _covariances(kept, top, finite, cluster, robust=robust or cluster is not None)
    wald = _wald(top.beta[finite], covariance[np.ix_(finite, finite)])
    score = _form(null.gradient, null.information)
    beta = np.where(infinite, np.copysign(np.inf, top.rising), top.beta)
    known = top.converged and bool(np.isfinite(np.diag(model)[finite]).all())
    state = CoxStatus.OK if known else CoxStatus.NOT_CONVERGED
    scale = design.scale[free]
    spread = _expand(free, covariance / np.outer(scale, scale))
    with np.errstate(invalid="ignore"):
        coefficient, error = _expand(free, beta / scale), np.sqrt(np.diag(spread))
        z_values = coefficient / error
    statuses = [CoxStatus.ALIASED] * count
    for place, is_infinite in zip(np.flatnonzero(free), infinite, strict=True):
        statuses[place] = CoxStatus.INFINITE if is_infinite else state
    degrees = int(free.sum())
    return CoxFit(
        names,
        freeze(coefficient),
        freeze(error),
        freeze(np.sqrt(np.diag(_expand(free, model / np.outer(scale, scale))))),
        freeze(coefficient - z * error),
        freeze(coefficient + z * error),
        freeze(_two_sided(z_values)),
        freeze(spread),
        tuple(statuses),
        CoxStatus.INFINITE if infinite.any() else state,
        null.value,
        top.found.value,
        _test(2 * (top.found.value - null.value), degrees),
        _test(score, degrees),
        _test(wald, int(finite.sum())),
        top.steps,
        float(design.weight.sum()),
        float(design.weight[design.deaths].sum()),
        Ties(ties),
        level_percent,
        robust or cluster is not None,
        CoxPosition(kept, freeze(top.beta), freeze(free), top.found),
    )


def _covariances(
    design: CoxDesign, top: Climb, finite: NDArray[np.bool_], cluster: ArrayLike | None, *, robust: bool
) -> tuple[Floats, Floats]:
    """Return the model's covariance and the one to use; NaN in rows and columns of infinite coefficients."""
    inner = np.zeros((0, 0))
    if finite.any():
        inner = np.linalg.inv(top.found.information[np.ix_(finite, finite)]).astype(np.float64)
        if not np.all(np.diag(inner) > 0):  # so flat that rounding decides: there is no error to give
            inner = np.full(inner.shape, np.nan)
    model = _expand(finite, inner)
    if not robust:
        return model, model
    share = inner @ score_residuals(design, top.found)[finite]
    if cluster is not None:
        names, codes = code_labels(np.asarray(cluster), len(design.order), "cluster")
        codes = codes[design.order]
        share = np.stack([np.bincount(codes, weights=row, minlength=len(names)) for row in share])
    return model, _expand(finite, share @ share.T)


def _expand(kept: NDArray[np.bool_], values: Floats) -> Floats:
    """Put values at the kept places of a vector or square matrix of NaN."""
    whole = np.full((len(kept),) * values.ndim, np.nan)
    whole[np.ix_(*[kept] * values.ndim)] = values
    return whole


def _wald(beta: Floats, covariance: Floats) -> float:
    return _form(beta, covariance) if len(beta) else math.nan


def _form(vector: Floats, matrix: Floats) -> float:
    return float(vector @ np.linalg.solve(matrix, vector))


def _test(chi_square: float, degrees: int) -> CoxTest:
    from scipy.special import chdtrc  # noqa: PLC0415

    p = float(chdtrc(degrees, chi_square)) if degrees and math.isfinite(chi_square) else math.nan
    return CoxTest(chi_square, degrees, p)


def _two_sided(z: Floats) -> Floats:
    from scipy.special import ndtr  # noqa: PLC0415

    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(z), 2 * ndtr(-np.abs(z)), np.nan)
