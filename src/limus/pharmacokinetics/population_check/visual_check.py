r"""Visual predictive check: percentiles of what was measured among those of what the model would have measured.

In each bin, percentiles of the levels of a replicate are found as of the measured levels; over the replicates each
percentile has a median and an interval. A level below its limit of quantification counts as lower than every other;
simulated levels are held against the same limits. Where such a level takes part in a percentile, the percentile is
only known to lie below the limit and is left out. The share of levels below the limit is a check of its own.

With prediction correction (Bergstrand et al, AAPS J 2011;13:143, their lower bound being 0), every level,
measured or simulated, becomes :math:`y\,\tilde f / f`, with f the model's level without variability and
:math:`\tilde f` the median of f in the bin. Levels below a limit have no corrected number; they are left out of the
corrected percentiles, the simulated ones too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.pharmacokinetics.population_check.bins import Bins, find_bins
from limus.pharmacokinetics.population_check.observed_levels import ObservedLevels
from limus.pharmacokinetics.population_check.simulated_levels import SimulatedLevels

__all__ = ["PERCENTILES", "VisualCheck", "check_visually", "percentiles_below"]

Floats = NDArray[np.float64]
PERCENTILES = (5.0, 50.0, 95.0)
_BELOW = -np.inf


@dataclass(frozen=True, eq=False)
class VisualCheck:
    """A visual predictive check with P percentiles in B bins.

    Attributes
    ----------
    along : str
        ``after_dose`` or ``time``.
    bins : Bins
    percentiles : tuple of float
    interval_percent : float
        Of the intervals over replicates.
    replicates : int
    corrected : bool
        Whether levels are prediction-corrected.
    used : (M,) array of bool
        Levels that take part.
    time_h : (M,) array
        Where each level stands along the bins.
    points : (M,) array
        Levels as they take part, corrected or not; NaN where a level is below its limit or not used.
    observed : (P, B) array
        NaN where the percentile lies below the limit of quantification.
    simulated : (3, P, B) array
        Lower end, median and upper end over replicates; NaN likewise.
    below_observed : (B,) array
        Share of levels below their limit, per cent; of all levels, uncorrected.
    below_simulated : (3, B) array
        Lower end, median and upper end of that share over replicates.
    """

    along: str
    bins: Bins
    percentiles: tuple[float, ...]
    interval_percent: float
    replicates: int
    corrected: bool
    used: NDArray[np.bool_]
    time_h: Floats
    points: Floats
    observed: Floats
    simulated: Floats
    below_observed: Floats
    below_simulated: Floats

    @property
    def inside(self) -> NDArray[np.float64]:
        """1 where an observed percentile lies within its interval, 0 where not, NaN where either is unknown; (P, B)."""
        low, _, high = self.simulated
        known = np.isfinite(self.observed) & np.isfinite(high)
        # an interval whose lower end lies below the limit is open downwards
        within = (self.observed <= high) & ((self.observed >= low) | np.isnan(low))
        return np.where(known, within.astype(np.float64), np.nan)


def check_visually(
    seen: ObservedLevels,
    simulated: SimulatedLevels,
    *,
    along: str = "after_dose",
    rule: str = "auto",
    percentiles: Sequence[float] = PERCENTILES,
    interval_percent: float = 95.0,
    corrected: bool = False,
) -> VisualCheck:
    """Compare percentiles of measured and simulated levels, bin by bin.

    Parameters
    ----------
    seen : ObservedLevels
    simulated : SimulatedLevels
        Of the same levels.
    along : str
        ``after_dose``, or ``time`` from the start of each subject.
    rule : str
        Of :func:`limus.pharmacokinetics.population_check.bins.find_bins`.
    percentiles : sequence of float
        Rising, between 0 and 100.
    interval_percent : float
        Of the intervals over replicates, between 0 and 100.
    corrected : bool
        Whether levels are prediction-corrected.

    Returns
    -------
    VisualCheck
        Levels without a dose before them are in no bin.

    Raises
    ------
    ValueRangeError
        An unknown axis or rule, percentiles or an interval out of range.
    """
    if along not in {"after_dose", "time"}:
        raise ValueRangeError("axis of the visual check", along, "after_dose or time", "choose one")
    p = np.asarray(percentiles, dtype=np.float64)
    if not (len(p) and ((p > 0) & (p < 100)).all() and (np.diff(p) > 0).all() and 0 < interval_percent < 100):
        got = f"percentiles {list(percentiles)}, interval {interval_percent:g} %"
        raise ValueRangeError("visual check", got, "rising numbers between 0 and 100", "correct them")
    dosed = np.isfinite(seen.after_dose_h) & (simulated.typical > 0)
    time_h = np.where(dosed, seen.after_dose_h if along == "after_dose" else seen.time_h, np.nan)
    bins = find_bins(time_h, rule)
    limit = np.where(np.isnan(seen.limit), _BELOW, seen.limit)
    measured = np.where(seen.censored, _BELOW, seen.value)
    replicas = np.where(simulated.measured < limit, _BELOW, simulated.measured)
    ends = (50.0 - interval_percent / 2, 50.0, 50.0 + interval_percent / 2)
    shape = (len(p), len(bins.count))
    observed, spread = np.full(shape, np.nan), np.full((3, *shape), np.nan)
    below, below_spread = np.empty(shape[1]), np.empty((3, shape[1]))
    used, points = bins.place >= 0, np.full(len(seen), np.nan)
    for b in range(shape[1]):
        rows = np.flatnonzero(bins.place == b)
        below[b] = 100.0 * np.isneginf(measured[rows]).mean()
        shares = 100.0 * np.isneginf(replicas[:, rows]).mean(axis=1)
        below_spread[:, b] = np.percentile(shares, ends)
        y, x = measured[rows], replicas[:, rows]
        if corrected:
            factor = np.median(simulated.typical[rows]) / simulated.typical[rows]
            y, x = _without_below(y) * factor, _without_below(x) * factor
            used[rows[np.isnan(y)]] = False
        points[rows] = np.where(np.isneginf(y), np.nan, y)
        observed[:, b] = _shown(percentiles_below(y, p))
        of_replicates = percentiles_below(x, p)
        spread[:, :, b] = _shown(percentiles_below(of_replicates, np.array(ends)))
    return VisualCheck(
        along,
        bins,
        tuple(p.tolist()),
        interval_percent,
        len(simulated.measured),
        corrected,
        used,
        time_h,
        points,
        observed,
        spread,
        below,
        below_spread,
    )


def _without_below(values: Floats) -> Floats:
    return np.where(np.isneginf(values), np.nan, values)


def _shown(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def percentiles_below(values: Floats, percentiles: Floats) -> Floats:
    """Find percentiles of values of which some are only known to be lower than every other.

    Parameters
    ----------
    values : (..., n) array
        Minus infinity where only that is known; NaN is left out.
    percentiles : (P,) array
        0 to 100; between two ranks the straight line counts.

    Returns
    -------
    (P, ...) array
        Minus infinity where such a value takes part; NaN where there are no values.
    """
    ordered = np.sort(values, axis=-1)  # NaN last
    count = np.isfinite(ordered).sum(axis=-1) + np.isneginf(ordered).sum(axis=-1)
    found = []
    for percentile in percentiles:
        at = np.maximum(count - 1, 0) * percentile / 100.0
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        a, b = (np.take_along_axis(ordered, k[..., None], axis=-1)[..., 0] for k in (low, high))
        share = at - low
        # minus infinity takes part as soon as its share is more than rounding
        straight = np.where(np.isneginf(a), np.where(share > 1.0 - 1e-12, b, _BELOW), 0.0)
        finite = np.isfinite(a) & np.isfinite(b)
        line = np.where(finite, np.where(finite, a, 0.0) * (1 - share) + np.where(finite, b, 0.0) * share, straight)
        found.append(np.where(count > 0, line, np.nan))
    return np.stack(found)
