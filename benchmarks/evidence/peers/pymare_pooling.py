"""PyMARE: all sets given at once as parallel data sets, and one set after the other."""

from __future__ import annotations

import numpy as np
from pymare import Dataset
from pymare.estimators import DerSimonianLaird, VarianceBasedLikelihoodEstimator

__all__ = ["METHODS", "VERSIONS"]

VERSIONS = ("pymare", "numpy")


def _pool(estimator: object, effects: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    design = np.ones((effects.shape[1], 1))
    estimator.fit_dataset(Dataset(effects.T, variances.T, X=design, add_intercept=False))
    summary = estimator.summary()
    return np.ravel(summary.tau2), np.ravel(summary.fe_params)


def _one_by_one(effects: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = [
        _pool(VarianceBasedLikelihoodEstimator(method="REML"), y[None], v[None])
        for y, v in zip(effects, variances, strict=True)
    ]
    return np.array([tau2[0] for tau2, _ in found]), np.array([estimate[0] for _, estimate in found])


METHODS = {
    "REML": _one_by_one,
    "REML, at once": lambda y, v: _pool(VarianceBasedLikelihoodEstimator(method="REML"), y, v),
    "DL": lambda y, v: _pool(DerSimonianLaird(), y, v),
}
