"""Difference of two risks of one trial: :mod:`limus.kernel.statistics.risk_difference.batch` with a batch of one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.risk_difference.batch import DifferenceMethod, StratumWeights, risk_difference_batch

__all__ = ["RiskDifference", "risk_difference"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RiskDifference:
    """Risk of the arm under test less that of the control.

    Attributes
    ----------
    estimate, low, high : float
        Fractions.
    standard_error : float
        Wald's (Sato's for Mantel-Haenszel); score intervals are not made of it.
    risk : (2,)
        Arm under test, control; weighted as the difference is.
    p : float
        Two-sided, against no difference.
    margin, p_non_inferiority : float
        NaN without a margin.
    method : DifferenceMethod
    weights : (S,)
        Of the strata that have both arms, adding up to 1.
    level_percent : float
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    risk: Floats
    p: float
    margin: float
    p_non_inferiority: float
    method: DifferenceMethod
    weights: Floats
    level_percent: float

    @property
    def non_inferior(self) -> bool | None:
        """Whether the interval lies below the margin; None without one."""
        return None if math.isnan(self.margin) else self.high < self.margin


def risk_difference(
    events: ArrayLike,
    n: ArrayLike,
    method: DifferenceMethod | str = DifferenceMethod.MIETTINEN_NURMINEN,
    *,
    weights: StratumWeights | str = StratumWeights.CMH,
    margin: float | None = None,
    level_percent: float = 95.0,
) -> RiskDifference:
    """Compare two risks.

    Parameters
    ----------
    events, n : (2,) or (S, 2) array
        Events and participants of the arm under test, then of the control; a row a stratum. Strata without one of the
        arms are left out.
    method : DifferenceMethod
    weights : StratumWeights
        Mantel-Haenszel has its own.
    margin : float, optional
        Largest acceptable difference, a fraction above 0; events are bad.
    level_percent : float

    Returns
    -------
    RiskDifference

    Raises
    ------
    ValueRangeError
        Impossible counts, margin or level, or no stratum with both arms.

    Examples
    --------
    >>> found = risk_difference([56, 48], [70, 80], "newcombe")
    >>> [round(x, 4) for x in (found.estimate, found.low, found.high)]
    [0.2, 0.0524, 0.3339]
    """
    chosen = DifferenceMethod(method)
    e, m = _tables(events, n)
    if margin is not None and not 0 < margin < 1:
        raise ValueRangeError("margin", f"{margin:g}", "a fraction between 0 and 1", "write 0.1 for ten per cent")
    found = risk_difference_batch(
        e[None], m[None], chosen, weights=weights, margin=margin or 0.0, level_percent=level_percent
    )
    return RiskDifference(
        float(found.estimate[0]),
        float(found.low[0]),
        float(found.high[0]),
        float(found.standard_error[0]),
        found.risk[0],
        float(found.p[0]),
        math.nan if margin is None else margin,
        math.nan if margin is None else float(found.p_non_inferiority[0]),
        chosen,
        found.weights[0],
        level_percent,
    )


def _tables(events: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    e, m = np.atleast_2d(np.asarray(events, dtype=np.float64)), np.atleast_2d(np.asarray(n, dtype=np.float64))
    if e.shape != m.shape or e.ndim != 2 or e.shape[1] != 2:
        raise ValueRangeError("events, n", f"shapes {e.shape}, {m.shape}", "(2,) or (strata, 2)", "give equal shapes")
    bad = ~((e >= 0) & (e <= m))
    if bad.any():
        row, arm = (int(i[0]) for i in np.nonzero(bad))
        got = f"{e[row, arm]:g} of {m[row, arm]:g}"
        raise ValueRangeError(
            f"events, stratum {row + 1}, arm {arm + 1}", got, "0 <= events <= n", "correct the counts"
        )
    both = (m > 0).all(axis=1)
    if not both.any():
        raise ValueRangeError("n", "no stratum with both arms", "participants in both arms", "join strata")
    return e[both], m[both]
