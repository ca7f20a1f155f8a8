r"""Shrinkage: how much estimates of random effects are drawn to their mean for lack of data.

:math:`100\,(1 - \mathrm{SD}(\hat\eta)/\omega)`, with :math:`\omega` the model's standard deviation; 0 where the data
say all, 100 where they say nothing. Savic and Karlsson, AAPS J 2009;11:558: beyond about 20 to 30 per cent, plots of
individual estimates and predictions mislead.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.pharmacokinetics.population_model.random_effects import RandomEffects

__all__ = ["effect_shrinkage", "residual_shrinkage"]


def effect_shrinkage(effects: RandomEffects, estimates: Mapping[str, ArrayLike]) -> dict[str, float]:
    """Find the shrinkage of each random effect.

    Parameters
    ----------
    effects : RandomEffects
        Between subjects, or between occasions.
    estimates : mapping of str to (S,) or (S, O) array_like
        Estimated effects; NaN where a subject or occasion has no data and does not count.

    Returns
    -------
    dict of str to float
        Per cent; NaN with fewer than two estimates. Negative where estimates vary more than the model says.

    Raises
    ------
    ValueRangeError
        A name that is no effect of the level.

    Examples
    --------
    >>> import numpy as np
    >>> level = RandomEffects(("eta_CL",), np.array([[0.04]]))
    >>> round(effect_shrinkage(level, {"eta_CL": [-0.1, 0.1]})["eta_CL"], 1)
    29.3
    """
    found = {}
    for name, values in estimates.items():
        if name not in effects.names:
            raise ValueRangeError("random effect", name, ", ".join(effects.names) or "none", "use the model's names")
        k = effects.names.index(name)
        found[name] = _shrinkage(np.asarray(values, dtype=np.float64), float(np.sqrt(effects.covariance[k, k])))
    return found


def residual_shrinkage(weighted: ArrayLike) -> float:
    """Find the shrinkage of residual errors: 100 (1 - SD of individual weighted residuals).

    Parameters
    ----------
    weighted : (M,) array_like
        IWRES; NaN is left out.

    Returns
    -------
    float
        Per cent; NaN with fewer than two residuals.
    """
    return _shrinkage(np.asarray(weighted, dtype=np.float64), 1.0)


def _shrinkage(values: NDArray[np.float64], deviation: float) -> float:
    known = values[np.isfinite(values)]
    return 100.0 * (1.0 - float(known.std(ddof=1)) / deviation) if len(known) > 1 else float("nan")
