r"""Trim and fill: how many studies a symmetric funnel would lack, and the pooled effect with them filled in.

The k0 most extreme studies on the fuller side are taken off, the rest is pooled, and k0 is estimated anew from the
ranks of the distances to that pooled effect, until it stays. With S the sum of the ranks of the studies on the fuller
side and g the number of largest ranks there without one from the other side

::

    L0 = (4 S - k (k + 1))/(2 k - 1)          R0 = g - 1

The extreme studies are then mirrored about the pooled effect of the trimmed ones, and all are pooled. It is a
sensitivity analysis against one kind of selection, not a corrected estimate.

Source: Duval and Tweedie 2000, Biometrics 56:455 and J Am Stat Assoc 95:89.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling.heterogeneity_variance import Tau2Method
from limus.kernel.statistics.pooling.random_effects import Pooled, check_effects, pool_effects
from limus.kernel.statistics.pooling.small_study import run_egger_mixed

__all__ = ["MissingEstimator", "Side", "TrimAndFill", "trim_and_fill"]

Floats = NDArray[np.float64]

_FEWEST = 3
_MOST_ROUNDS = 100


class Side(StrEnum):
    """Where studies are missing: at the left (low effects) or the right."""

    LEFT = "left"
    RIGHT = "right"


class MissingEstimator(StrEnum):
    """Estimator of the number of missing studies."""

    L0 = "L0"
    R0 = "R0"


@dataclass(frozen=True, slots=True, eq=False)
class TrimAndFill:
    """What the method found.

    Attributes
    ----------
    missing : int
        Studies filled in.
    side : Side
        Where.
    estimator : MissingEstimator
    filled_effects, filled_variances : (missing,)
        The mirrored studies.
    pooled : Pooled
        One meta-analysis of the studies and the filled ones.
    settled : bool
        Whether the number of missing studies came to rest.
    """

    missing: int
    side: Side
    estimator: MissingEstimator
    filled_effects: Floats
    filled_variances: Floats
    pooled: Pooled
    settled: bool


def trim_and_fill(
    effects: ArrayLike,
    variances: ArrayLike,
    model: Tau2Method | None = Tau2Method.REML,
    *,
    estimator: MissingEstimator = MissingEstimator.L0,
    side: Side | None = None,
) -> TrimAndFill:
    """Trim and fill.

    Parameters
    ----------
    effects, variances : (K,) array_like
        Three or more studies.
    model : Tau2Method, optional
        None for a common effect.
    estimator : MissingEstimator
    side : Side, optional
        Where studies are missing; by default, opposite to where the smaller studies lie (Egger's regression).

    Returns
    -------
    TrimAndFill

    Raises
    ------
    ValueRangeError
        Fewer than three studies, all of one precision and no side given, or an effect that is not finite.
    """
    y, v = (rows[0] for rows in check_effects(effects, variances))
    k = len(y)
    if k < _FEWEST:
        raise ValueRangeError("trim and fill", f"{k} studies", "three or more", "leave the analysis out")
    if side is None:
        side = Side.RIGHT if run_egger_mixed(y, v, model).coefficient < 0 else Side.LEFT
    sign = 1.0 if side is Side.LEFT else -1.0
    order = np.argsort(sign * y, kind="stable")
    turned, spread = sign * y[order], v[order]
    missing, settled, seen = 0, False, set[int]()
    centre = 0.0
    for _ in range(_MOST_ROUNDS):
        kept = k - missing
        centre = float(pool_effects(turned[:kept], spread[:kept], model).estimate[0])
        found = _count_missing(turned - centre, estimator)
        if found == missing:
            settled = True
            break
        if found in seen:  # it goes round in a circle
            missing = max(found, missing)
            centre = float(pool_effects(turned[: k - missing], spread[: k - missing], model).estimate[0])
            break
        seen.add(found)
        missing = found
    mirrored = sign * (2 * centre - turned[k - missing :])
    variance = spread[k - missing :]
    pooled = pool_effects(np.concatenate([y, mirrored]), np.concatenate([v, variance]), model)
    return TrimAndFill(missing, side, estimator, mirrored, variance, pooled, settled)


def _count_missing(distances: Floats, estimator: MissingEstimator) -> int:
    k = len(distances)
    ranks = np.empty(k)
    ranks[np.argsort(np.abs(distances), kind="stable")] = np.arange(1, k + 1)
    right = ranks[distances > 0].sum()
    if estimator is MissingEstimator.L0:
        found = (4 * right - k * (k + 1)) / (2 * k - 1)
    else:
        below = ranks[distances < 0]
        found = k - (below.max() if len(below) else 0) - 1
    return int(min(max(0, round(found)), k - 2))
