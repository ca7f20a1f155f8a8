"""The pooling of limus: all sets in one call, from the call a user makes to the arrays he gets."""

from __future__ import annotations

import numpy as np

from limus.kernel.statistics.pooling import Tau2Method, pool_effects

__all__ = ["METHODS", "VERSIONS"]

VERSIONS = ("limus", "numpy")


def _pool(method: str, effects: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pooled = pool_effects(effects, variances, Tau2Method(method))
    return pooled.tau2, pooled.estimate


METHODS = {name: lambda y, v, name=name: _pool(name, y, v) for name in ("REML", "PM", "DL")}
