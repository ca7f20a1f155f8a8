r"""The heterogeneity variance of greatest likelihood, restricted or not, found with a bound on what was not looked at.

The derivative of the restricted log-likelihood by t is f = (B - A)/2 with B = y'PPy and A = tr P (sum(w) in place of
the trace for the unrestricted one). A and B both fall as t grows, and so do B1 = -B' = 2 y'PPPy and A1 = -A' = tr PP.
So on any interval [lo, hi]

::

    B(hi) - A(lo) <= 2 f <= B(lo) - A(hi)         A1(hi) - B1(lo) <= 2 f' <= A1(lo) - B1(hi)

An interval on which the first bound excludes zero has no stationary point; one on which the second does has at most
one, which the signs at its ends tell. All others are cut in two. What is left is every maximum there is between 0 and a
bound beyond which f is negative; the one of greatest likelihood is returned. Fisher scoring and Newton's method,
started anywhere, can cycle or stop at a lesser maximum; this cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.pooling.spread import Spread

__all__ = ["Maximum", "maximise_likelihood"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_FIRST_CELLS = 4
_NARROWEST = 1e-11  # of t + scale; a cell as narrow as this is taken for its middle
_MOST_STEPS = 100
_CLOSE_ENOUGH = 1e-11  # of t + scale; Newton squares what is left


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """Where the likelihoods of M meta-analyses are greatest.

    Attributes
    ----------
    tau2 : (M,)
        The heterogeneity variance.
    maxima : (M,) array of int
        How many local maxima the likelihood has on tau2 >= 0.
    """

    tau2: Floats
    maxima: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Ends:
    """What is known at one end of cells: t, and A, B, A1, B1 there."""

    tau2: Floats
    fall: Floats
    rise: Floats
    fall_slope: Floats
    rise_slope: Floats

    def take(self, chosen: NDArray[np.bool_]) -> _Ends:
        return _Ends(*(getattr(self, name)[chosen] for name in self.__slots__))

    @property
    def slope(self) -> Floats:
        return self.rise - self.fall

    @staticmethod
    def join(first: _Ends, second: _Ends) -> _Ends:
        pairs = ((getattr(first, name), getattr(second, name)) for name in first.__slots__)
        return _Ends(*(np.concatenate(pair) for pair in pairs))


def maximise_likelihood(spread: Spread, *, restricted: bool) -> Maximum:
    """Find the heterogeneity variance of greatest (restricted) likelihood.

    Parameters
    ----------
    spread : Spread
        M meta-analyses, each with at least one degree of freedom and finite, positive variances.
    restricted : bool
        True for REML, False for ML.

    Returns
    -------
    Maximum
    """
    count = len(spread.bound)
    rows, low, high = _first_cells(spread, restricted)
    at_zero = low.slope[:count]
    found_rows, found = [np.arange(count)], [np.zeros(count)]
    brackets: list[tuple[Rows, _Ends, _Ends]] = []
    while len(rows):
        flat = (high.rise - low.fall < 0) == (low.rise - high.fall < 0)  # the bounds of f have one sign
        falls = low.fall_slope - high.rise_slope < 0
        rises = high.fall_slope - low.rise_slope > 0
        peak = ~flat & falls & (low.slope > 0) & (high.slope <= 0)
        brackets.append((rows[peak], low.take(peak), high.take(peak)))
        open_ = ~flat & ~falls & ~rises
        narrow = open_ & (high.tau2 - low.tau2 <= _NARROWEST * (high.tau2 + spread.scale[rows]))
        found_rows.append(rows[narrow])
        found.append(0.5 * (low.tau2 + high.tau2)[narrow])
        split = open_ & ~narrow
        rows, low, high = _split(spread, rows[split], low.take(split), high.take(split), restricted)
    ends = _Ends.join
    peak_rows = np.concatenate([rows for rows, _, _ in brackets])
    peak_low, peak_high = brackets[0][1], brackets[0][2]
    for _, more_low, more_high in brackets[1:]:
        peak_low, peak_high = ends(peak_low, more_low), ends(peak_high, more_high)
    found_rows.append(peak_rows)
    found.append(_close_in(spread, peak_rows, peak_low.tau2, peak_high.tau2, restricted))
    return _greatest(spread, np.concatenate(found_rows), np.concatenate(found), at_zero, restricted)


def _look(spread: Spread, rows: Rows, tau2: Floats, restricted: bool) -> _Ends:
    sums = spread.sums(rows, tau2)
    fall, fall_slope = (sums.trace, sums.trace_square) if restricted else (sums.weight, sums.weight_square)
    return _Ends(tau2, fall, sums.yppy, fall_slope, 2 * sums.ypppy)


def _first_cells(spread: Spread, restricted: bool) -> tuple[Rows, _Ends, _Ends]:
    """Cut 0 to the bound into a few cells, of equal length in ln(t + scale)."""
    count = len(spread.bound)
    rows = np.tile(np.arange(count), _FIRST_CELLS + 1)
    share = np.repeat(np.linspace(0, 1, _FIRST_CELLS + 1), count)
    tau2 = spread.scale[rows] * np.expm1(share * np.log1p(spread.bound / spread.scale)[rows])
    edges = _look(spread, rows, tau2, restricted)
    first = np.arange(len(rows)) < count * _FIRST_CELLS
    last = np.arange(len(rows)) >= count
    return rows[first], edges.take(first), edges.take(last)


def _split(spread: Spread, rows: Rows, low: _Ends, high: _Ends, restricted: bool) -> tuple[Rows, _Ends, _Ends]:
    scale = spread.scale[rows]
    middle = np.sqrt((low.tau2 + scale) * (high.tau2 + scale)) - scale
    middle = np.clip(middle, low.tau2, high.tau2)
    cut = _look(spread, rows, middle, restricted)
    return np.concatenate([rows, rows]), _Ends.join(low, cut), _Ends.join(cut, high)


def _close_in(spread: Spread, rows: Rows, low: Floats, high: Floats, restricted: bool) -> Floats:
    """Find where f falls through zero in each bracket: Newton's method, bisection where it leaves the bracket."""
    low, high = low.copy(), high.copy()
    tau2 = 0.5 * (low + high)
    active = np.arange(len(rows))
    for _ in range(_MOST_STEPS):
        if not len(active):
            break
        here = _look(spread, rows[active], tau2[active], restricted)
        above = here.slope > 0
        low[active] = np.where(above, here.tau2, low[active])
        high[active] = np.where(above, high[active], here.tau2)
        bend = here.fall_slope - here.rise_slope  # 2 f'
        step = np.divide(-here.slope, bend, out=np.full_like(bend, np.inf), where=bend < 0)
        wanted = here.tau2 + step
        inside = (wanted >= low[active]) & (wanted <= high[active])
        tau2[active] = np.where(inside, wanted, 0.5 * (low[active] + high[active]))
        moved = np.abs(tau2[active] - here.tau2)
        active = active[moved > _CLOSE_ENOUGH * (tau2[active] + spread.scale[rows[active]])]
    return tau2


def _greatest(spread: Spread, rows: Rows, tau2: Floats, at_zero: Floats, restricted: bool) -> Maximum:
    height = spread.log_likelihood(rows, tau2, restricted=restricted)
    count = len(spread.bound)
    order = np.lexsort((-tau2, height, rows))  # the last of each meta-analysis is its highest, the smaller t of equals
    last = np.searchsorted(rows[order], np.arange(count), side="right") - 1
    maxima = np.bincount(rows, minlength=count) - 1 + (at_zero <= 0)
    return Maximum(tau2[order][last], maxima)
