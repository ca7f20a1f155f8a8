"""What a comparison of two arms gives, in R trials at once, and what it shows: the same for a report and for power.

A report is a batch of one. So the share of simulated trials that show a hypothesis is that of the analysis that will be
done on the trial's own data, by construction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import LimusError, RefusedError, ValueRangeError
from limus.trial.design.design import Hypothesis

__all__ = ["Comparisons", "Status", "comparison_error", "normal_comparisons", "normal_p", "shows"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FAILED = 10


class Status(IntEnum):
    """What came of a comparison in one trial; from ``NO_EVENT`` on there is no result."""

    OK = 0
    STRATA_LEFT_OUT = 1
    NOT_STRATIFIED = 2
    NO_EVENT = 10
    NOT_FOLLOWED = 11
    NO_COMPARISON = 12
    NO_VARIANCE = 13
    COMPETING = 14
    IMAGINED = 15


_REASONS: dict[Status, tuple[str, str, str]] = {
    Status.NO_EVENT: ("no event in either arm", "an event", "describe it: there is nothing to compare"),
    Status.NOT_FOLLOWED: ("an arm not followed to the day", "a day within follow-up of each arm", "choose it earlier"),
    Status.NO_COMPARISON: (
        "no estimate",
        "subjects and events in both arms, and covariates that do not give the arm away",
        "describe the arms",
    ),
    Status.NO_VARIANCE: ("no variance", "events or values that vary", "describe the arms"),
    Status.COMPETING: (
        "events compete",
        "a time that nothing rules out",
        "compare cumulative incidences, or make the events a composite",
    ),
    Status.IMAGINED: (
        "counts where an intercurrent event is imagined away",
        "Kaplan-Meier difference, Greenwood, or cumulative incidence, Aalen-Johansen",
        "subjects censored at the event have no outcome to count",
    ),
}


@dataclass(frozen=True, eq=False)
class Comparisons:
    """One analysis in R trials.

    Attributes
    ----------
    estimate, standard_error, low, high : (R,) array
        Test minus reference, or the logarithm of test over reference; NaN where there is none.
    p : (R,) array
        Two-sided against no difference; with a margin one-sided against it.
    status : (R,) array of int8
        :class:`Status`.
    ratio : bool
        Whether estimates are logarithms of a ratio.
    higher_is_better : bool
    used : (R, P) array of bool or None
        Of an analysis of covariance: columns that say something beside those before.
    """

    estimate: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    p: Floats
    status: NDArray[np.int8]
    ratio: bool = False
    higher_is_better: bool = False
    used: Flags | None = field(default=None)

    @property
    def failed(self) -> Flags:
        """Trials without a result."""
        return np.asarray(self.status >= _FAILED)


def normal_comparisons(
    estimate: Floats,
    error: Floats,
    status: NDArray[np.int8],
    *,
    z: float,
    margin: float = math.nan,
    ratio: bool = False,
    higher_is_better: bool = False,
) -> Comparisons:
    """Make comparisons of estimates with normal errors: interval ``estimate -/+ z error``.

    Parameters
    ----------
    estimate, error : (R,) array
    status : (R,) array of int8
        What is known so far; without an error above 0 there is no result.
    z : float
        Quantile.
    margin : float
        On the scale of the estimate, above 0 in the bad direction; NaN without one.
    ratio, higher_is_better : bool

    Returns
    -------
    Comparisons
    """
    lacking = np.where(np.isfinite(estimate) & np.isfinite(error), Status.NO_VARIANCE, Status.NO_COMPARISON)
    usable = np.isfinite(estimate) & np.isfinite(error) & (error > 0) & (status < _FAILED)
    status = np.where(usable | (status >= _FAILED), status, lacking).astype(np.int8)
    estimate, error = np.where(usable, estimate, np.nan), np.where(usable, error, np.nan)
    p = normal_p(estimate, error, margin, higher_is_better=higher_is_better)
    return Comparisons(estimate, error, estimate - z * error, estimate + z * error, p, status, ratio, higher_is_better)


def normal_p(estimate: Floats, error: Floats, margin: float, *, higher_is_better: bool = False) -> Floats:
    """Return p of normal estimates: two-sided against no difference, or one-sided against a margin.

    Parameters
    ----------
    estimate, error : (R,) array
    margin : float
        NaN without one.
    higher_is_better : bool

    Returns
    -------
    (R,) array
    """
    from scipy.special import ndtr  # noqa: PLC0415

    with np.errstate(divide="ignore", invalid="ignore"):
        if math.isnan(margin):
            return np.asarray(2 * ndtr(-np.abs(estimate) / error))
        distance = estimate + margin if higher_is_better else margin - estimate
        return np.asarray(ndtr(-distance / error))


def shows(found: Comparisons, hypothesis: Hypothesis | str, margin: float) -> Flags:
    """Tell in which trials the interval shows what the analysis sets out to show.

    Parameters
    ----------
    found : Comparisons
    hypothesis : Hypothesis
        Of non-inferiority: the end of the interval on the bad side lies within the margin. Else: the interval does not
        hold the value of no difference.
    margin : float
        Above 0; a ratio where estimates are logarithms of one; NaN without one.

    Returns
    -------
    (R,) array of bool
        False without a result.
    """
    with np.errstate(invalid="ignore"):
        if hypothesis == Hypothesis.NON_INFERIORITY:
            limit = math.log(margin) if found.ratio else margin
            inside = found.low > -limit if found.higher_is_better else found.high < limit
        else:
            inside = (found.low > 0) | (found.high < 0)
    return np.asarray(inside & ~found.failed)


def comparison_error(where: str, status: Status) -> LimusError:
    """Return the error that says why there is no result.

    Parameters
    ----------
    where : str
    status : Status
        From ``NO_EVENT`` on.

    Returns
    -------
    LimusError
        Refused where the method cannot answer the estimand.
    """
    kind = RefusedError if status in (Status.COMPETING, Status.IMAGINED) else ValueRangeError
    return kind(where, *_REASONS[status])
