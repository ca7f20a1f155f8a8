r"""Subgroups: a pooled effect for each, and the test whether they differ.

With separate heterogeneity each subgroup has its own tau2; with common heterogeneity one tau2 is estimated within
subgroups (a meta-regression on the subgroups), which is steadier where some of them have few studies.

::

    Q_between = sum(w_g (mu_g - m)^2), w_g = 1/se_g^2, m = sum(w_g mu_g)/sum(w_g), chi-squared with G - 1

Source: Borenstein and Higgins 2013, Prev Sci 14:134; Cochrane Handbook 10.11.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling.heterogeneity_variance import Tau2Method, estimate_tau2
from limus.kernel.statistics.pooling.random_effects import Pooled, check_effects, pool_effects
from limus.kernel.statistics.pooling.spread import regression_spread

__all__ = ["Subgroups", "pool_subgroups"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Subgroups:
    """Pooled effects of G subgroups and their comparison.

    Attributes
    ----------
    names : tuple of str
        In order of first appearance.
    pooled : Pooled
        G meta-analyses.
    common_tau2 : bool
        Whether the subgroups share one heterogeneity variance.
    q_between, q_between_p : float
    degrees_of_freedom : int
        G - 1.
    """

    names: tuple[str, ...]
    pooled: Pooled
    common_tau2: bool
    q_between: float
    q_between_p: float
    degrees_of_freedom: int


def pool_subgroups(
    effects: ArrayLike,
    variances: ArrayLike,
    labels: Sequence[str],
    model: Tau2Method | None = Tau2Method.REML,
    *,
    common_tau2: bool = False,
) -> Subgroups:
    """Pool each subgroup and compare them.

    Parameters
    ----------
    effects, variances : (K,) array_like
    labels : sequence of str
        Subgroup of each study.
    model : Tau2Method, optional
        None for a common effect.
    common_tau2 : bool
        Whether one heterogeneity variance is shared; needs more studies than subgroups.

    Returns
    -------
    Subgroups

    Raises
    ------
    ValueRangeError
        Fewer than two subgroups, no study to spare for a common tau2, or an effect or variance that is not allowed.
    """
    from scipy.special import chdtrc  # noqa: PLC0415

    y, v = (rows[0] for rows in check_effects(effects, variances))
    names = tuple(dict.fromkeys(labels))
    if len(names) < 2 or len(labels) != len(y):
        got = f"{len(names)} subgroups of {len(labels)} labels for {len(y)} studies"
        raise ValueRangeError("subgroups", got, "two or more, one label a study", "choose another column")
    belongs = np.array([[label == name for label in labels] for name in names])
    shared = None
    if common_tau2 and model is not None:
        if len(y) <= len(names):
            got = f"{len(names)} subgroups of {len(y)} studies"
            raise ValueRangeError(
                "common tau2", got, "more studies than subgroups", "use separate tau2, or fewer groups"
            )
        shared = float(estimate_tau2(regression_spread(y, v, belongs.T.astype(float)), model)[0])
    pooled = pool_effects(np.where(belongs, y, 0.0), np.where(belongs, v, np.inf), model, tau2=shared)
    weights = 1 / pooled.standard_error**2
    middle = float(weights @ pooled.estimate / weights.sum())
    between = float(weights @ (pooled.estimate - middle) ** 2)
    degrees = len(names) - 1
    return Subgroups(names, pooled, common_tau2, between, float(chdtrc(degrees, between)), degrees)
