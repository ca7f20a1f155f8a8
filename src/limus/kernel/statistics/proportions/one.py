r"""Intervals of one proportion x/n by each usual method; p = x/n, q = 1 - p, z the normal quantile.

===================  ==============================================================================================
Wald                 p -/+ z sqrt(pq/n)
Wald, corrected      the same, wider by 1/(2n) on each side
Wilson               (2np + z^2 -/+ z sqrt(z^2 + 4npq))/(2(n + z^2))
Wilson, corrected    Newcombe's form with continuity correction
Agresti-Coull        Wald at (x + z^2/2)/(n + z^2) with n + z^2
Jeffreys             quantiles of Beta(x + 1/2, n - x + 1/2); 0 and 1 at the ends
Clopper-Pearson      quantiles of Beta(x, n - x + 1) and Beta(x + 1, n - x)
===================  ==============================================================================================

Source: Newcombe 1998, Stat Med 17:857; Brown, Cai and DasGupta 2001, Stat Sci 16:101.
"""

from __future__ import annotations

import math

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import normal_quantile

__all__ = ["one_proportion_intervals", "wilson"]

Ends = tuple[float, float]


def check_counts(events: int, n: int) -> None:
    """Raise ``ValueRangeError`` unless 0 <= events <= n and n >= 1."""
    if not (0 <= events <= n and n >= 1):
        raise ValueRangeError("counts", f"{events} of {n}", "0 <= events <= n, n at least 1", "correct the counts")


def wilson(events: int, n: int, z: float, *, corrected: bool = False) -> Ends:
    """Return Wilson's interval, by Newcombe's formula where it is corrected for continuity.

    Parameters
    ----------
    events, n : int
    z : float
        Normal quantile.
    corrected : bool

    Returns
    -------
    tuple of (float, float)
        Fractions.

    Raises
    ------
    ValueRangeError
        Impossible counts.
    """
    check_counts(events, n)
    p, q, z2 = events / n, 1 - events / n, z * z
    if not corrected:
        root = z * math.sqrt(z2 + 4 * n * p * q)
        return (2 * n * p + z2 - root) / (2 * (n + z2)), (2 * n * p + z2 + root) / (2 * (n + z2))
    low_root = z * math.sqrt(max(0.0, z2 - 2 - 1 / n + 4 * p * (n * q + 1)))
    high_root = z * math.sqrt(max(0.0, z2 + 2 - 1 / n + 4 * p * (n * q - 1)))
    low = 0.0 if events == 0 else max(0.0, (2 * n * p + z2 - 1 - low_root) / (2 * (n + z2)))
    high = 1.0 if events == n else min(1.0, (2 * n * p + z2 + 1 + high_root) / (2 * (n + z2)))
    return low, high


def one_proportion_intervals(events: int, n: int, level_percent: float = 95.0) -> dict[str, Ends]:
    """Return the interval of a proportion by each usual method.

    Parameters
    ----------
    events, n : int
    level_percent : float

    Returns
    -------
    dict of str to (float, float)
        Method to ends, fractions.

    Raises
    ------
    ValueRangeError
        Impossible counts or level.

    Examples
    --------
    >>> [round(100 * end, 1) for end in one_proportion_intervals(15, 18)["Clopper-Pearson"]]
    [58.6, 96.4]
    """
    from scipy.special import betaincinv  # noqa: PLC0415

    check_counts(events, n)
    z, p = normal_quantile(level_percent), events / n
    half = z * math.sqrt(p * (1 - p) / n)
    centre, size = (events + z * z / 2) / (n + z * z), n + z * z
    tail = (100 - level_percent) / 200
    coull = z * math.sqrt(centre * (1 - centre) / size)

    def beta(share: float, a: float, b: float) -> float:
        return float(betaincinv(a, b, share))

    low_end, high_end = events == 0, events == n
    return {
        "Wald": (p - half, p + half),
        "Wald with continuity correction": (p - half - 1 / (2 * n), p + half + 1 / (2 * n)),
        "Wilson": wilson(events, n, z),
        "Wilson with continuity correction": wilson(events, n, z, corrected=True),
        "Agresti-Coull": (centre - coull, centre + coull),
        "Jeffreys": (
            0.0 if low_end else beta(tail, events + 0.5, n - events + 0.5),
            1.0 if high_end else beta(1 - tail, events + 0.5, n - events + 0.5),
        ),
        "Clopper-Pearson": (
            0.0 if low_end else beta(tail, events, n - events + 1),
            1.0 if high_end else beta(1 - tail, events + 1, n - events),
        ),
    }
