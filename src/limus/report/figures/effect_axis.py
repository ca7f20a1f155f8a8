"""The axis of effects that forest and funnel plots share: limits, ticks that a reader knows, arrows where it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from limus.report.numbers import format_number

__all__ = ["effect_limits", "effect_ticks", "format_effect_axis"]

_LOG_TICKS: tuple[tuple[float, ...], ...] = (
    (0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2, 1.25),
    (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5),
    (0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 2.5),
    (0.25, 0.33, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6),
    (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50),
    (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
    tuple(10.0**power for power in range(-6, 7)),
    tuple(10.0**power for power in range(-12, 13, 2)),
)
_FEWEST, _MOST = 3, 7
_COVERED = 0.5  # share of the axis that the ticks must span
_APART = 0.1  # share of the axis between two of them
_FURTHEST_LOG = np.log(6.0)  # beyond the outermost estimates: longer intervals end in an arrow
_FURTHEST = 0.6  # of the range of the estimates


def effect_limits(
    estimates: Sequence[float], lower: Sequence[float], upper: Sequence[float], *, null: float, log: bool
) -> tuple[float, float]:
    """Choose the ends of the axis: every estimate, the null, and as much of the intervals as leaves them readable.

    Parameters
    ----------
    estimates, lower, upper : sequence of float
        As shown; NaN is passed over.
    null : float
        The value of no difference.
    log : bool
        Whether the axis is logarithmic.

    Returns
    -------
    tuple of two floats
    """
    change = np.log if log else np.asarray
    points = change(np.array([x for x in (*estimates, null) if np.isfinite(x)]))
    ends = change(np.array([x for x in (*lower, *upper) if np.isfinite(x) and (x > 0 or not log)] or [null]))
    low, high = float(points.min()), float(points.max())
    widest = _FURTHEST_LOG if log else max(_FURTHEST * (high - low), float(np.median(np.abs(ends - points.mean()))))
    low = max(min(low, float(ends.min())), low - widest)
    high = min(max(high, float(ends.max())), high + widest)
    margin = 0.04 * (high - low) or 0.1
    low, high = low - margin, high + margin
    return (float(np.exp(low)), float(np.exp(high))) if log else (low, high)


def effect_ticks(low: float, high: float, *, log: bool) -> list[float]:
    """Choose three to seven ticks that a reader knows: 0.5, 1 and 2 rather than 0.46 and 0.93.

    Parameters
    ----------
    low, high : float
        Ends of the axis.
    log : bool

    Returns
    -------
    list of float

    Examples
    --------
    >>> effect_ticks(0.08, 3.5, log=True)
    [0.1, 0.2, 0.5, 1.0, 2.0]
    """
    if not log:
        from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

        found = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        return [float(tick) for tick in found if low <= tick <= high]
    inside = [[float(tick) for tick in ticks if low <= tick <= high] for ticks in _LOG_TICKS]
    wide = _COVERED * np.log(high / low)
    apart = _APART * np.log(high / low)
    good = [
        t
        for t in inside
        if _FEWEST <= len(t) <= _MOST and np.log(t[-1] / t[0]) >= wide and np.diff(np.log(t)).min() >= apart
    ]
    return good[0] if good else max(inside, key=lambda ticks: len(ticks) if len(ticks) <= _MOST else 0)


def format_effect_axis(axes: Any, limits: tuple[float, float], *, log: bool) -> None:
    """Set scale, ends and ticks of a horizontal axis of effects.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    limits : tuple of two floats
    log : bool
    """
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator  # noqa: PLC0415

    if log:
        axes.set_xscale("log")
    axes.set_xlim(*limits)
    ticks = effect_ticks(*limits, log=log)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(ticks, [format_number(tick) for tick in ticks])
