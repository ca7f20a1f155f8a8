r"""Analysis of covariance: means of groups adjusted for covariates (least-squares means) and their differences.

::

    y = sum over groups of m_g 1{g} + (x - mean x)' b + e,    m = (Z'Z)^-1 Z'y,   Z = [group indicators, centred x]

Covariates are centred, so m_g is the expected response of group g at the mean of the covariates in all rows (for a
category coded 0 and 1: at its observed shares). The covariance of the coefficients is s^2 (Z'Z)^-1 with s^2 on N - rank
degrees of freedom or, robust to unequal variances, (Z'Z)^-1 Z' diag(u^2) Z (Z'Z)^-1 with u the residual e (HC0), e
sqrt(N/(N - rank)) (HC1), e/sqrt(1 - h) (HC2) or e/(1 - h) (HC3), h the leverage. Intervals and p take Student's t on
N - rank.

Source: MacKinnon and White 1985, J Econom 29:305; Searle, Speed and Milliken 1980, Am Stat 34:216.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = [
    "AdjustedMean",
    "AdjustedMeans",
    "MeanContrast",
    "Robust",
    "adjusted_means",
]

Floats = NDArray[np.float64]


class Robust(StrEnum):
    """Which covariance of the coefficients."""

    NONE = "none"
    HC0 = "HC0"
    HC1 = "HC1"
    HC2 = "HC2"
    HC3 = "HC3"


@dataclass(frozen=True, slots=True)
class AdjustedMean:
    """Mean of a group at the mean of the covariates.

    Attributes
    ----------
    group : str
    n : int
    mean : float
        Unadjusted.
    estimate, standard_error, low, high : float
        Adjusted, in the unit of the response.
    """

    group: str
    n: int
    mean: float
    estimate: float
    standard_error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MeanContrast:
    """Adjusted mean of a group less that of the reference.

    Attributes
    ----------
    group, reference : str
    estimate, standard_error, low, high : float
    t, p : float
        Against no difference, two-sided.
    """

    group: str
    reference: str
    estimate: float
    standard_error: float
    low: float
    high: float
    t: float
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class AdjustedMeans:
    """An analysis of covariance.

    Attributes
    ----------
    means : tuple of AdjustedMean
        In sorted order of the groups.
    contrasts : tuple of MeanContrast
        Each other group against the reference.
    covariate_names : tuple of str
    covariate_coefficient, covariate_standard_error : (P,)
    residual_sd : float
    degrees_of_freedom : int
    robust : Robust
    level_percent : float
    """

    means: tuple[AdjustedMean, ...]
    contrasts: tuple[MeanContrast, ...]
    covariate_names: tuple[str, ...]
    covariate_coefficient: Floats
    covariate_standard_error: Floats
    residual_sd: float
    degrees_of_freedom: int
    robust: Robust
    level_percent: float


def adjusted_means(
    response: ArrayLike,
    group: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    reference: str | None = None,
    robust: Robust | str = Robust.NONE,
    level_percent: float = 95.0,
) -> AdjustedMeans:
    """Compare groups, adjusted for covariates.

    Parameters
    ----------
    response : (N,) array
        Any unit, finite.
    group : (N,) array
        Labels.
    covariates : (N, P) array, optional
        Numbers; categories coded 0 and 1.
    names : sequence of str, optional
        Of the covariates.
    reference : str, optional
        Group that the others are set against; by default the first in sorted order.
    robust : Robust
    level_percent : float

    Returns
    -------
    AdjustedMeans

    Raises
    ------
    ValueRangeError
        Values that are not allowed, fewer than two groups, an unknown reference, covariates that determine each other
        or the group, or no degrees of freedom left.

    Examples
    --------
    >>> found = adjusted_means([1, 2, 3, 3, 4, 5.5], ["a", "a", "a", "b", "b", "b"], [[0], [1], [2], [0], [1], [2]])
    >>> round(found.contrasts[0].estimate, 3), found.degrees_of_freedom
    (2.167, 3)
    """
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415

    y = _finite("response", np.asarray(response, dtype=np.float64), 1)
    n = len(y)
    labels, codes = np.unique(np.asarray(group), return_inverse=True)
    groups = tuple(str(label) for label in labels)
    if codes.shape != (n,) or len(groups) < 2:
        raise ValueRangeError("group", f"{len(groups)} groups", f"two groups or more in {n} rows", "compare two groups")
    chosen = groups[0] if reference is None else reference
    if chosen not in groups:
        raise ValueRangeError("reference", chosen, ", ".join(groups), "name one of the groups")
    x = np.zeros((n, 0)) if covariates is None else _finite("covariates", np.asarray(covariates, dtype=np.float64), 2)
    if len(x) != n:
        raise ValueRangeError("covariates", f"{len(x)} rows", f"{n} rows", "give a row a response")
    covariate_names = tuple(names) if names is not None else tuple(f"x{i + 1}" for i in range(x.shape[1]))
    design = np.concatenate([codes[:, None] == np.arange(len(groups)), x - x.mean(axis=0)], axis=1).astype(np.float64)
    freedom = n - design.shape[1]
    if freedom < 1:
        raise ValueRangeError("rows", n, f"more than {design.shape[1]}, the coefficients", "use fewer covariates")
    if np.linalg.matrix_rank(design / np.maximum(np.linalg.norm(design, axis=0), 1e-300)) < design.shape[1]:
        text = "covariates that do not determine each other or the group"
        raise ValueRangeError("covariates", ", ".join(covariate_names), text, "leave one out")
    q, r = np.linalg.qr(design)
    inverse = np.linalg.inv(r)
    coefficient = inverse @ (q.T @ y)
    residual = y - design @ coefficient
    kind = Robust(robust)
    covariance = _covariance(q, inverse, residual, freedom, kind)
    t = float(stdtrit(freedom, 0.5 + level_percent / 200))

    def contrast(code: int) -> MeanContrast:
        pick = np.zeros(design.shape[1])
        pick[code], pick[base] = 1, -1
        estimate, error = float(pick @ coefficient), math.sqrt(float(pick @ covariance @ pick))
        ratio = estimate / error if error > 0 else math.nan
        p = 2 * float(stdtr(freedom, -abs(ratio)))
        return MeanContrast(groups[code], chosen, estimate, error, estimate - t * error, estimate + t * error, ratio, p)

    base = groups.index(chosen)
    errors = np.sqrt(np.diag(covariance))
    k = len(groups)
    means = tuple(
        AdjustedMean(
            groups[g],
            int(np.sum(codes == g)),
            float(y[codes == g].mean()),
            float(coefficient[g]),
            float(errors[g]),
            float(coefficient[g] - t * errors[g]),
            float(coefficient[g] + t * errors[g]),
        )
        for g in range(k)
    )
    return AdjustedMeans(
        means,
        tuple(contrast(g) for g in range(k) if g != base),
        covariate_names,
        coefficient[k:],
        errors[k:],
        math.sqrt(float(residual @ residual) / freedom),
        freedom,
        kind,
        level_percent,
    )


def _finite(where: str, values: Floats, dimensions: int) -> Floats:
    if values.ndim != dimensions or len(values) == 0 or not np.all(np.isfinite(values)):
        allowed = "finite numbers, one a row" if dimensions == 1 else "finite numbers, a column a covariate"
        raise ValueRangeError(where, f"shape {values.shape}", allowed, "leave out rows without a value")
    return values


def _covariance(q: Floats, inverse: Floats, residual: Floats, freedom: int, robust: Robust) -> Floats:
    if robust is Robust.NONE:
        return inverse @ inverse.T * (float(residual @ residual) / freedom)
    left = np.maximum(1 - np.einsum("ij,ij->i", q, q), 1e-12)  # 1 - leverage
    scale: Floats | float = 1.0
    if robust is Robust.HC1:
        scale = math.sqrt(len(residual) / freedom)
    elif robust is Robust.HC2:
        scale = 1 / np.sqrt(left)
    elif robust is Robust.HC3:
        scale = 1 / left
    share = (q * (residual * scale)[:, None]) @ inverse.T
    return share.T @ share
