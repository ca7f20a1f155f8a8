r"""Pooling by inverse variance, one meta-analysis or thousands at once, common effect or random effects.

::

    w_i = 1/(v_i + tau2)      mu = sum(w y)/sum(w)      se(mu) = sum(w)^(-1/2)      Q = sum((y - mu_0)^2/v), tau2 = 0

I2 and H2 have two definitions. From Q: H2 = Q/df and I2 = 100 max(0, 1 - df/Q) (Higgins and Thompson 2002). From tau2:
s2 = df/tr P at tau2 = 0 is the typical within-study variance, H2 = (tau2 + s2)/s2 and I2 = 100 tau2/(tau2 + s2). They
agree for the DL estimator. The second is used with random effects, the first with a common effect; both are returned.

Source: Higgins and Thompson 2002, Stat Med 21:1539; Viechtbauer 2005, J Educ Behav Stat 30:261.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling.heterogeneity_variance import Tau2Method, estimate_tau2, tau2_standard_error
from limus.kernel.statistics.pooling.spread import mean_spread

__all__ = ["PoolStatus", "Pooled", "check_effects", "pool_effects"]

Floats = NDArray[np.float64]


class PoolStatus(StrEnum):
    """How the pooling of one meta-analysis ended."""

    OK = "ok"
    ONE_STUDY = "one_study"  # its own effect; nothing can be said about heterogeneity
    NO_STUDY = "no_study"


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """M pooled meta-analyses of up to K studies; NaN where a number has no meaning, and the status says why.

    Attributes
    ----------
    model : Tau2Method or None
        The estimator of tau2; None for a common effect.
    studies, degrees_of_freedom : (M,)
    estimate, standard_error : (M,)
        Pooled effect and its (Wald) standard error.
    tau2, tau2_standard_error : (M,)
        0 for a common effect.
    q, q_p : (M,)
        Cochran's Q with weights 1/v, and its upper tail probability.
    i2_percent, h2 : (M,)
        From tau2 for random effects, from Q for a common effect.
    i2_of_q_percent : (M,)
        From Q.
    typical_variance : (M,)
        s2 = df/tr P.
    generalised_q : (M,)
        sum(w (y - mu)^2); divided by df it is the factor of Hartung and Knapp.
    weights_percent : (M, K)
        Sum to 100.
    status : tuple of PoolStatus
    """

    model: Tau2Method | None
    studies: Floats
    degrees_of_freedom: Floats
    estimate: Floats
    standard_error: Floats
    tau2: Floats
    tau2_standard_error: Floats
    q: Floats
    q_p: Floats
    i2_percent: Floats
    h2: Floats
    i2_of_q_percent: Floats
    typical_variance: Floats
    generalised_q: Floats
    weights_percent: Floats
    status: tuple[PoolStatus, ...]


def check_effects(effects: ArrayLike, variances: ArrayLike) -> tuple[Floats, Floats]:
    """Return effects and variances as (M, K) arrays, with infinite variance where a study is not there.

    Parameters
    ----------
    effects, variances : array_like
        (K,) or (M, K); NaN in both, or an infinite variance, where a study is not there.

    Returns
    -------
    tuple of two (M, K) arrays

    Raises
    ------
    ValueRangeError
        Shapes differ, a variance is zero or negative, or an effect is not finite.
    """
    y, v = np.atleast_2d(np.asarray(effects, dtype=float)), np.atleast_2d(np.asarray(variances, dtype=float))
    if y.shape != v.shape or y.ndim != 2:
        raise ValueRangeError("effects and variances", f"{y.shape} and {v.shape}", "one shape", "give one for each")
    absent = (np.isnan(y) & np.isnan(v)) | np.isposinf(v)
    y, v = np.where(absent, 0.0, y), np.where(absent, np.inf, v)
    bad = ~(v > 0)
    if bad.any():
        raise ValueRangeError("variance", v[bad][0], "positive numbers", "leave the study out, or correct its variance")
    bad = ~np.isfinite(y)
    if bad.any():
        raise ValueRangeError("effect", y[bad][0], "finite numbers", "leave the study out, or correct zero cells")
    return y, v


def pool_effects(
    effects: ArrayLike,
    variances: ArrayLike,
    model: Tau2Method | None = Tau2Method.REML,
    *,
    tau2: float | None = None,
) -> Pooled:
    """Pool effects by inverse variance.

    Parameters
    ----------
    effects, variances : array_like
        (K,) for one meta-analysis or (M, K) for many; NaN in both where a study is not there. Ratios as logarithms.
    model : Tau2Method, optional
        Estimator of the heterogeneity variance; None for a common effect.
    tau2 : float, optional
        A heterogeneity variance known from elsewhere, used in the place of an estimate.

    Returns
    -------
    Pooled

    Raises
    ------
    ValueRangeError
        Shapes differ, a variance is zero or negative, or an effect is not finite.

    Examples
    --------
    >>> found = pool_effects([0.1, 0.3, 0.8], [0.01, 0.02, 0.05])
    >>> round(float(found.estimate[0]), 4), round(float(found.tau2[0]), 4)
    (0.3589, 0.087)
    """
    y, v = check_effects(effects, variances)
    count = np.isfinite(v).sum(axis=1).astype(np.float64)
    several = count >= 2
    variance, error, q, q_tau2, trace = (np.full(len(y), np.nan) for _ in range(5))
    if tau2 is not None:
        variance[:] = tau2
    q[~several] = q_tau2[~several] = 0.0
    if several.any():
        spread = mean_spread(y[several], v[several])
        rows = np.arange(int(several.sum()))
        if tau2 is not None:
            found = np.full(len(rows), tau2)
        else:
            found = np.zeros(len(rows)) if model is None else estimate_tau2(spread, model)
        at_zero = spread.sums(rows, np.zeros(len(rows)))
        q[several], trace[several] = at_zero.ypy, at_zero.trace
        q_tau2[several] = at_zero.ypy if model is None else spread.sums(rows, found).ypy
        variance[several] = found
        if model is not None and tau2 is None:
            error[several] = tau2_standard_error(spread, model, found)
    return _pooled(y, v, count, model, _Variances(variance, error, q, q_tau2, trace))


@dataclass(frozen=True, slots=True, eq=False)
class _Variances:
    tau2: Floats
    error: Floats
    q: Floats
    q_tau2: Floats
    trace: Floats


def _pooled(y: Floats, v: Floats, count: Floats, model: Tau2Method | None, found: _Variances) -> Pooled:
    from scipy.special import chdtrc  # noqa: PLC0415

    w = 1.0 / (v + np.nan_to_num(found.tau2)[:, None])
    total = np.where(count > 0, w.sum(axis=1), np.nan)
    share = w / total[:, None]
    estimate = (share * y).sum(axis=1)
    degrees = count - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        typical = degrees / found.trace
        of_q = np.where(count >= 2, 100 * np.maximum(0.0, 1 - degrees / found.q), np.nan)
        h2_of_q = found.q / degrees
    of_q = np.where((count >= 2) & (found.q == 0), 0.0, of_q)
    common = model is None
    return Pooled(
        model=model,
        studies=count,
        degrees_of_freedom=degrees,
        estimate=estimate,
        standard_error=1 / np.sqrt(total),
        tau2=found.tau2,
        tau2_standard_error=found.error,
        q=found.q,
        q_p=np.where(count >= 2, chdtrc(np.maximum(degrees, 1), found.q), np.nan),
        i2_percent=of_q if common else 100 * found.tau2 / (found.tau2 + typical),
        h2=np.where(count >= 2, h2_of_q, np.nan) if common else 1 + found.tau2 / typical,
        i2_of_q_percent=of_q,
        typical_variance=typical,
        generalised_q=found.q_tau2,
        weights_percent=100 * share,
        status=tuple(
            PoolStatus.OK if k >= 2 else PoolStatus.ONE_STUDY if k == 1 else PoolStatus.NO_STUDY for k in count
        ),
    )
