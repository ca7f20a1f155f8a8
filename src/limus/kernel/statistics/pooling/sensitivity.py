r"""How much a pooled effect hangs on single studies: leave-one-out, cumulative pooling, and diagnostics of influence.

With mu(-i), se(-i), tau2(-i) from all studies but i

::

    studentised residual   (y_i - mu(-i))/sqrt(v_i + tau2(-i) + se(-i)^2)
    hat_i                  w_i/sum(w)
    DFFITS                 (mu - mu(-i))/sqrt(hat_i (v_i + tau2(-i)))
    Cook's distance        (mu - mu(-i))^2/se^2
    covariance ratio       se(-i)^2/se^2
    Baujat                 (y_i - mu_0)^2/v_i, the share of Q, against the squared shift of mu in standard errors

Source: Viechtbauer and Cheung 2010, Res Synth Methods 1:112; Baujat and others 2002, Stat Med 21:2641.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling.heterogeneity_variance import Tau2Method
from limus.kernel.statistics.pooling.random_effects import Pooled, check_effects, pool_effects

__all__ = ["Influence", "measure_influence", "pool_cumulatively", "pool_leaving_one_out"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """Diagnostics of K studies.

    Attributes
    ----------
    studentised_residual, dffits, cook_distance, covariance_ratio, hat : (K,)
    tau2_without, q_without : (K,)
        Of all studies but this one.
    q_contribution : (K,)
        Part of Cochran's Q.
    shift : (K,)
        (mu - mu(-i))^2/se(-i)^2, Baujat's ordinate.
    influential : (K,) array of bool
        A study that stands out: |DFFITS| above 3 sqrt(1/(K - 1)), Cook's distance beyond the lower half of chi-squared
        with one degree of freedom, or a hat value above 3/K.
    """

    studentised_residual: Floats
    dffits: Floats
    cook_distance: Floats
    covariance_ratio: Floats
    hat: Floats
    tau2_without: Floats
    q_without: Floats
    q_contribution: Floats
    shift: Floats
    influential: NDArray[np.bool_]


def pool_leaving_one_out(
    effects: ArrayLike, variances: ArrayLike, model: Tau2Method | None = Tau2Method.REML
) -> Pooled:
    """Pool all studies but one, for each of them.

    Parameters
    ----------
    effects, variances : (K,) array_like
    model : Tau2Method, optional
        None for a common effect.

    Returns
    -------
    Pooled
        K meta-analyses; row i is without study i.

    Raises
    ------
    ValueRangeError
        A variance is zero or negative, or an effect is not finite.
    """
    y, v = check_effects(effects, variances)
    keep = ~np.eye(y.shape[1], dtype=bool)
    return pool_effects(np.where(keep, y, 0.0), np.where(keep, v, np.inf), model)


def pool_cumulatively(
    effects: ArrayLike,
    variances: ArrayLike,
    order: ArrayLike,
    model: Tau2Method | None = Tau2Method.REML,
) -> Pooled:
    """Pool the first study, the first two, and so on.

    Parameters
    ----------
    effects, variances : (K,) array_like
    order : (K,) array_like of int
        Indices of the studies, first to last.
    model : Tau2Method, optional
        None for a common effect.

    Returns
    -------
    Pooled
        K meta-analyses; row i has the first i + 1 studies; columns in the order given.

    Raises
    ------
    ValueRangeError
        The order is not one of all studies, a variance is zero or negative, or an effect is not finite.
    """
    y, v = check_effects(effects, variances)
    chosen = np.asarray(order)
    k = y.shape[1]
    if sorted(chosen.tolist()) != list(range(k)):
        raise ValueRangeError("order", chosen.tolist(), f"each of 0 to {k - 1} once", "correct the order")
    keep = np.tri(k, dtype=bool)
    return pool_effects(np.where(keep, y[0, chosen], 0.0), np.where(keep, v[0, chosen], np.inf), model)


def measure_influence(
    effects: ArrayLike, variances: ArrayLike, model: Tau2Method | None = Tau2Method.REML
) -> Influence:
    """Measure the influence of each study on the pooled effect.

    Parameters
    ----------
    effects, variances : (K,) array_like
        At least three studies.
    model : Tau2Method, optional
        None for a common effect.

    Returns
    -------
    Influence

    Raises
    ------
    ValueRangeError
        Fewer than three studies, a variance is zero or negative, or an effect is not finite.
    """
    from scipy.special import chdtr  # noqa: PLC0415

    y, v = (rows[0] for rows in check_effects(effects, variances))
    k = len(y)
    if k < 3:
        raise ValueRangeError("influence", f"{k} studies", "three or more", "leave the diagnostics out")
    whole, rest = pool_effects(y, v, model), pool_leaving_one_out(y, v, model)
    common = whole if model is None else pool_effects(y, v, None)
    change = whole.estimate[0] - rest.estimate
    hat = whole.weights_percent[0] / 100
    dffits = change / np.sqrt(hat * (v + rest.tau2))
    cook = change**2 / whole.standard_error[0] ** 2
    stands_out = (np.abs(dffits) > 3 * np.sqrt(1 / (k - 1))) | (chdtr(1, cook) > 0.5) | (hat > 3 / k)
    return Influence(
        studentised_residual=(y - rest.estimate) / np.sqrt(v + rest.tau2 + rest.standard_error**2),
        dffits=dffits,
        cook_distance=cook,
        covariance_ratio=rest.standard_error**2 / whole.standard_error[0] ** 2,
        hat=hat,
        tau2_without=rest.tau2,
        q_without=rest.q,
        q_contribution=(y - common.estimate[0]) ** 2 / v,
        shift=change**2 / rest.standard_error**2,
        influential=stands_out,
    )
