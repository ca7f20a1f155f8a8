r"""Meta-regression: effects explained by what is known of the studies, with residual heterogeneity.

::

    y = X b + u + e,  u ~ N(0, tau2), e ~ N(0, v)       b = (X'WX)^-1 X'Wy,  var(b) = (X'WX)^-1,  W = diag(1/(v + tau2))
    QE = y'Py at tau2 = 0, chi-squared with k - p       QM = b_m' var(b_m)^-1 b_m, chi-squared with m
    Knapp and Hartung: var(b) times y'Py/(k - p), t with k - p, QM/m as F with m and k - p
    R2 = 100 max(0, 1 - tau2/tau2 without moderators)

Source: Viechtbauer 2005, J Educ Behav Stat 30:261; Knapp and Hartung 2003, Stat Med 22:2693; Raudenbush 2009 (R2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling.heterogeneity_variance import Tau2Method, estimate_tau2, tau2_standard_error
from limus.kernel.statistics.pooling.intervals import normal_quantile, t_quantile
from limus.kernel.statistics.pooling.random_effects import check_effects, pool_effects
from limus.kernel.statistics.pooling.spread import regression_spread

__all__ = ["MetaRegression", "fit_meta_regression"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MetaRegression:
    """A fitted meta-regression; the intercept is the first coefficient.

    Attributes
    ----------
    names : tuple of str
        Of the P coefficients.
    coefficients, standard_errors, statistics, p, lower, upper : (P,)
        Statistics are z, or t with Knapp and Hartung.
    covariance : (P, P)
    tau2, tau2_standard_error : float
        Residual heterogeneity variance.
    i2_percent, h2 : float
        Residual, from tau2.
    r2_percent : float
        Share of the heterogeneity explained; NaN where there is none without moderators.
    qe, qe_p : float
        Residual heterogeneity, with ``degrees_of_freedom``.
    qm, qm_p : float
        Test of all coefficients but the intercept: chi-squared, or F with Knapp and Hartung.
    studies, degrees_of_freedom : int
        K and K - P.
    hartung_knapp : bool
    """

    names: tuple[str, ...]
    coefficients: Floats
    standard_errors: Floats
    statistics: Floats
    p: Floats
    lower: Floats
    upper: Floats
    covariance: Floats
    tau2: float
    tau2_standard_error: float
    i2_percent: float
    h2: float
    r2_percent: float
    qe: float
    qe_p: float
    qm: float
    qm_p: float
    studies: int
    degrees_of_freedom: int
    hartung_knapp: bool


def fit_meta_regression(
    effects: ArrayLike,
    variances: ArrayLike,
    moderators: ArrayLike,
    names: Sequence[str],
    model: Tau2Method | None = Tau2Method.REML,
    *,
    hartung_knapp: bool = False,
    level_percent: float = 95.0,
) -> MetaRegression:
    """Fit a meta-regression with an intercept.

    Parameters
    ----------
    effects, variances : (K,) array_like
        Ratios as logarithms.
    moderators : (K, M) array_like
        Numbers; a factor as indicator columns.
    names : sequence of str
        Of the M moderators.
    model : Tau2Method, optional
        Estimator of the residual heterogeneity variance; None for none.
    hartung_knapp : bool
        Whether the covariance is scaled by the residual spread and t and F are used.
    level_percent : float
        Of the intervals.

    Returns
    -------
    MetaRegression

    Raises
    ------
    ValueRangeError
        Not more studies than coefficients, moderators that explain one another, or a value that is not finite.
    """
    from scipy.special import chdtrc  # noqa: PLC0415

    y_rows, v_rows = check_effects(effects, variances)
    y, v = y_rows[0], v_rows[0]
    x = _design(np.asarray(moderators, dtype=float), len(y))
    k, p = x.shape
    spread = regression_spread(y, v, x)
    rows = np.zeros(1, dtype=np.intp)
    tau2 = np.zeros(1) if model is None else estimate_tau2(spread, model)
    error = np.nan if model is None else float(tau2_standard_error(spread, model, tau2)[0])
    root = np.sqrt(1 / (v + tau2))
    beta, *_ = np.linalg.lstsq(root[:, None] * x, root * y, rcond=None)
    r = np.linalg.qr(root[:, None] * x, mode="r")
    inverse = np.linalg.inv(r)
    covariance = inverse @ inverse.T
    at_zero, at_tau2 = spread.sums(rows, np.zeros(1)), spread.sums(rows, tau2)
    if hartung_knapp:
        covariance = covariance * float(at_tau2.ypy[0]) / (k - p)
    test = _tests(beta, covariance, k - p if hartung_knapp else None, level_percent)
    qe, typical = float(at_zero.ypy[0]), (k - p) / float(at_zero.trace[0])
    without = np.nan if model is None else float(pool_effects(y, v, model).tau2[0])
    residual = float(tau2[0])
    return MetaRegression(
        names=("intercept", *names),
        coefficients=beta,
        standard_errors=test.errors,
        statistics=test.statistics,
        p=test.p,
        lower=beta - test.quantile * test.errors,
        upper=beta + test.quantile * test.errors,
        covariance=covariance,
        tau2=residual,
        tau2_standard_error=error,
        i2_percent=100 * residual / (residual + typical) if model else 100 * max(0.0, 1 - (k - p) / qe),
        h2=1 + residual / typical if model else qe / (k - p),
        r2_percent=100 * max(0.0, 1 - residual / without) if without > 0 else np.nan,
        qe=qe,
        qe_p=float(chdtrc(k - p, qe)),
        qm=test.qm,
        qm_p=test.qm_p,
        studies=k,
        degrees_of_freedom=k - p,
        hartung_knapp=hartung_knapp,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Tests:
    errors: Floats
    statistics: Floats
    p: Floats
    quantile: float
    qm: float
    qm_p: float


def _design(moderators: Floats, studies: int) -> Floats:
    x = moderators.reshape(studies, -1)
    if not np.isfinite(x).all():
        raise ValueRangeError("moderators", "a value that is not finite", "numbers", "leave out studies without it")
    x = np.column_stack([np.ones(studies), x])
    if x.shape[1] >= studies:
        got = f"{x.shape[1]} coefficients from {studies} studies"
        raise ValueRangeError("meta-regression", got, "more studies than coefficients", "use fewer moderators")
    scaled = x / np.maximum(np.linalg.norm(x, axis=0), 1e-300)
    if np.linalg.matrix_rank(scaled) < x.shape[1]:
        allowed = "moderators that vary and are not combinations of one another"
        raise ValueRangeError("meta-regression", "dependent columns", allowed, "leave one of them out")
    return x


def _tests(beta: Floats, covariance: Floats, degrees: int | None, level_percent: float) -> _Tests:
    from scipy.special import chdtrc, fdtrc, ndtr, stdtr  # noqa: PLC0415

    errors = np.sqrt(np.diag(covariance))
    statistics = beta / errors
    m = len(beta) - 1
    qm = float(beta[1:] @ np.linalg.solve(covariance[1:, 1:], beta[1:]))
    if degrees is None:
        p, quantile = 2 * ndtr(-np.abs(statistics)), normal_quantile(level_percent)
        return _Tests(errors, statistics, p, quantile, qm, float(chdtrc(m, qm)))
    quantile = float(t_quantile(level_percent, np.array([float(degrees)]))[0])
    p = 2 * stdtr(degrees, -np.abs(statistics))
    return _Tests(errors, statistics, p, quantile, qm / m, float(fdtrc(m, degrees, qm / m)))
