"""Two arms compared by a value at a visit, in R trials at once: analysis of covariance with HC3's variance.

Arms, and values that stand for lost grafts, need not have one spread; hence HC3. Intervals and p take Student's t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.regression import Robust, adjusted_difference_batch
from limus.trial.analysis.comparisons import Comparisons, Status

__all__ = ["TrialValues", "compare_values", "stratum_columns"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TrialValues:
    """Values of N subjects in each of R trials, intercurrent events handled.

    Attributes
    ----------
    value : (R, N) array
        Finite where ``present``.
    test, present : (R, N) array of bool
        Whether of the arm under test; whether of either arm, with a value that counts and all covariates.
    covariates : (R, N, P) array
    stratum : (R, N) array of int or None
        None: not to be stratified.
    """

    value: Floats
    test: Flags
    present: Flags
    covariates: Floats
    stratum: Ints | None = None


def stratum_columns(stratum: Ints) -> Floats:
    """Return an indicator for each stratum but the first, (..., S - 1)."""
    return np.asarray(stratum[..., None] == np.arange(1, int(stratum.max(initial=0)) + 1), dtype=np.float64)


def compare_values(
    values: TrialValues,
    *,
    level_percent: float,
    margin: float = math.nan,
    higher_is_better: bool = True,
    robust: Robust = Robust.HC3,
) -> Comparisons:
    """Compare two arms.

    Parameters
    ----------
    values : TrialValues
    level_percent : float
        Of the interval.
    margin : float
        Of non-inferiority, in the unit of the value; NaN without one.
    higher_is_better : bool
    robust : Robust
        The plan's analysis takes HC3.

    Returns
    -------
    Comparisons
        With the columns used: covariates, then strata.
    """
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415

    columns = values.covariates
    if values.stratum is not None:
        columns = np.concatenate([columns, stratum_columns(values.stratum)], axis=2)
    found = adjusted_difference_batch(values.value, values.test, columns, present=values.present, robust=robust)
    estimate, error = found.estimate, found.standard_error
    usable = np.isfinite(estimate) & (error > 0)
    status = np.where(usable, Status.OK, np.where(np.isfinite(estimate), Status.NO_VARIANCE, Status.NO_COMPARISON))
    freedom = np.where(usable, found.degrees_of_freedom, 1.0)
    t = stdtrit(freedom, 0.5 + level_percent / 200.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if math.isnan(margin):
            p = 2 * stdtr(freedom, -np.abs(estimate) / error)
        else:
            p = stdtr(freedom, -(estimate + margin if higher_is_better else margin - estimate) / error)
    low, high = estimate - t * error, estimate + t * error
    estimate, error, low, high, p = (np.where(usable, column, np.nan) for column in (estimate, error, low, high, p))
    said = status.astype(np.int8)
    return Comparisons(estimate, error, low, high, p, said, higher_is_better=higher_is_better, used=found.used)
