"""Analysis of covariance of two groups in many trials at once; formulae as in ``adjusted_means``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["AdjustedDifferenceBatch", "adjusted_difference_batch"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AdjustedDifferenceBatch:
    """Adjusted differences in R trials, group 1 less group 0.

    Attributes
    ----------
    estimate, standard_error : (R,)
        NaN where a trial has no such contrast.
    degrees_of_freedom : (R,)
    """

    estimate: Floats
    standard_error: Floats
    degrees_of_freedom: Floats


def adjusted_difference_batch(
    response: ArrayLike, group: ArrayLike, covariates: ArrayLike | None = None, *, present: ArrayLike | None = None
) -> AdjustedDifferenceBatch:
    """Compare two groups, adjusted for covariates, in each of R trials, without a loop over trials.

    Parameters
    ----------
    response : (R, N) array
    group : (R, N) or (N,) array
        0 or 1.
    covariates : (R, N, P) array, optional
    present : (R, N) array, optional
        False for rows that do not count; their values may be anything, NaN included.

    Returns
    -------
    AdjustedDifferenceBatch
        With s^2 (Z'Z)^-1 as covariance.

    Raises
    ------
    ValueRangeError
        Shapes that do not fit, or a value that is not finite in a row that counts.
    """
    y = np.asarray(response, dtype=np.float64)
    if y.ndim != 2:
        raise ValueRangeError("response", f"shape {y.shape}", "(replicates, subjects)", "give a matrix")
    kept = np.ones(y.shape, dtype=np.bool_) if present is None else np.asarray(present, dtype=np.bool_)
    second = np.broadcast_to(np.asarray(group, dtype=np.float64), y.shape)
    x = np.zeros((*y.shape, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    if kept.shape != y.shape or x.shape[:2] != y.shape:
        raise ValueRangeError("covariates, present", f"{x.shape}, {kept.shape}", f"{y.shape}", "give equal shapes")
    z = np.concatenate([np.ones((*y.shape, 1)), second[..., None], x], axis=2)
    z, y = np.where(kept[..., None], z, 0.0), np.where(kept, y, 0.0)
    if not (np.all(np.isfinite(z)) and np.all(np.isfinite(y))):
        raise ValueRangeError(
            "response, covariates", "a missing value", "finite numbers", "mark the row as not present"
        )
    weight = kept.sum(axis=1).astype(np.float64)
    if x.shape[2]:  # centring keeps the normal equations well conditioned
        mean = z[..., 2:].sum(axis=1) / np.maximum(weight, 1)[:, None]
        z[..., 2:] = np.where(kept[..., None], z[..., 2:] - mean[:, None], 0.0)
    gram = np.einsum("rni,rnj->rij", z, z, optimize=True)
    moment = np.einsum("rni,rn->ri", z, y, optimize=True)
    freedom = weight - z.shape[2]
    size = np.sqrt(np.maximum(np.einsum("rii->ri", gram), 1e-300))
    scaled = gram / (size[:, :, None] * size[:, None, :])
    usable = (freedom >= 1) & (np.linalg.eigvalsh(scaled)[:, 0] > 1e-12)
    scaled[~usable] = np.eye(z.shape[2])
    inverse = np.linalg.inv(scaled) / (size[:, :, None] * size[:, None, :])
    coefficient = np.einsum("rij,rj->ri", inverse, moment)
    residual = y - np.einsum("rni,ri->rn", z, coefficient)
    variance = np.einsum("rn,rn->r", residual, residual) / np.maximum(freedom, 1)
    error = np.sqrt(variance * inverse[:, 1, 1])
    return AdjustedDifferenceBatch(
        np.where(usable, coefficient[:, 1], np.nan), np.where(usable, error, np.nan), np.where(usable, freedom, np.nan)
    )
