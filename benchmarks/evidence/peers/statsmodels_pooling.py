"""statsmodels, one set after the other; it has no REML ("iterated" is Paule and Mandel's estimator)."""

from __future__ import annotations

import numpy as np
from statsmodels.stats.meta_analysis import combine_effects

__all__ = ["METHODS", "VERSIONS"]

VERSIONS = ("statsmodels", "numpy")


def _pool(method: str, effects: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = [combine_effects(y, v, method_re=method) for y, v in zip(effects, variances, strict=True)]
    return np.array([one.tau2 for one in found]), np.array([one.mean_effect_re for one in found])


METHODS = {
    "PM": lambda y, v: _pool("iterated", y, v),
    "DL": lambda y, v: _pool("chi2", y, v),
}
