r"""Score intervals of two proportions: all values that a score test would not reject.

::

    difference   (p1 - p2 - t)^2/(v1 + v2) = z^2,          v_i = P_i(1 - P_i)/n_i,  P1 = P2 + t
    risk ratio   (p1 - t p2)^2/(v1 + t^2 v2) = z^2,        P1 = t P2
    odds ratio   (a - n1 P1)^2 (1/(n1 P1 Q1) + 1/(n2 P2 Q2)) = z^2,   P1/Q1 = t P2/Q2

P1 and P2 are the most likely proportions among those with contrast t. Miettinen and Nurminen multiply the variance by
N/(N - 1); without it the intervals are those of Mee (difference) and Koopman (risk ratio).

Source: Miettinen and Nurminen 1985, Stat Med 4:213, equations 8 to 27.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

from limus.kernel.statistics.pooling import normal_quantile
from limus.kernel.statistics.proportions.one import check_counts

__all__ = ["ContrastScale", "score_interval"]

_STEPS = 200
_WIDEST = 1e7  # of a ratio: further out the interval is open


class ContrastScale(StrEnum):
    """What is compared."""

    RD = "RD"
    RR = "RR"
    OR = "OR"


def score_interval(
    scale: ContrastScale, counts: tuple[int, int, int, int], level_percent: float = 95.0, *, corrected: bool = True
) -> tuple[float, float]:
    """Return the score interval of arm 1 against arm 2.

    Parameters
    ----------
    scale : ContrastScale
    counts : tuple of int
        Events and participants of arm 1, then of arm 2.
    level_percent : float
    corrected : bool
        Whether the variance is multiplied by N/(N - 1), as Miettinen and Nurminen do.

    Returns
    -------
    tuple of (float, float)
        The difference as a fraction; a ratio may end at infinity, and is not there (NaN) without any event.

    Raises
    ------
    ValueRangeError
        Impossible counts or level.

    Examples
    --------
    >>> [round(end, 4) for end in score_interval(ContrastScale.RD, (56, 70, 48, 80))]
    [0.0528, 0.3382]
    """
    a, n1, c, n2 = counts
    check_counts(a, n1)
    check_counts(c, n2)
    z = normal_quantile(level_percent)
    factor = (n1 + n2) / (n1 + n2 - 1) if corrected else 1.0
    if scale is ContrastScale.RD:

        def outside(t: float) -> bool:
            return _difference_score(counts, t) > z * z * factor

        return _end(outside, a / n1 - c / n2, -1.0), _end(outside, a / n1 - c / n2, 1.0)
    if a == c == 0 or (scale is ContrastScale.OR and a == n1 and c == n2):
        return math.nan, math.nan
    score = _risk_ratio_score if scale is ContrastScale.RR else _odds_ratio_score

    def outside_log(t: float) -> bool:
        return score(counts, math.exp(t)) > z * z * factor

    centre = _log_centre(scale, counts)
    far = math.log(_WIDEST)
    low = -math.inf if not outside_log(-far) else _end(outside_log, centre, -far)
    high = math.inf if not outside_log(far) else _end(outside_log, centre, far)
    return (0.0 if low == -math.inf else math.exp(low)), (math.inf if high == math.inf else math.exp(high))


def _log_centre(scale: ContrastScale, counts: tuple[int, int, int, int]) -> float:
    a, n1, c, n2 = (float(x) for x in counts)
    if scale is ContrastScale.RR:
        return math.log(((a or 0.5) / n1) / ((c or 0.5) / n2))
    b, d = (n1 - a) or 0.5, (n2 - c) or 0.5
    return math.log((a or 0.5) * d / (b * (c or 0.5)))


def _end(outside: Callable[[float], bool], inside: float, far: float) -> float:
    if not outside(far):
        return far
    for _ in range(_STEPS):
        middle = (inside + far) / 2
        if middle in (inside, far):
            break
        inside, far = (inside, middle) if outside(middle) else (middle, far)
    return (inside + far) / 2


def _difference_score(counts: tuple[int, int, int, int], t: float) -> float:
    a, n1, c, n2 = counts
    n, m = n1 + n2, a + c
    # the cubic of equation 9, by its trigonometric root
    l3, l2 = n, (n1 + 2 * n2) * t - n - m
    l1, l0 = (n2 * t - n - 2 * c) * t + m, c * t * (1 - t)
    q = l2**3 / (3 * l3) ** 3 - l1 * l2 / (6 * l3 * l3) + l0 / (2 * l3)
    root = math.sqrt(max(0.0, l2 * l2 / (3 * l3) ** 2 - l1 / (3 * l3)))
    p = math.copysign(root, q)
    angle = 0.0 if p == 0 else (math.pi + math.acos(max(-1.0, min(1.0, q / p**3)))) / 3
    p2 = min(1.0, max(0.0, 2 * p * math.cos(angle) - l2 / (3 * l3)))
    p1 = min(1.0, max(0.0, p2 + t))
    return _square_over((a / n1 - c / n2 - t) ** 2, p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)


def _risk_ratio_score(counts: tuple[int, int, int, int], t: float) -> float:
    a, n1, c, n2 = counts
    n, m = n1 + n2, a + c
    square, line = n * t, n1 * t + a + n2 + c * t
    p2 = (line - math.sqrt(max(0.0, line * line - 4 * square * m))) / (2 * square)
    p1 = min(1.0, t * p2)
    return _square_over((a / n1 - t * c / n2) ** 2, p1 * (1 - p1) / n1 + t * t * p2 * (1 - p2) / n2)


def _odds_ratio_score(counts: tuple[int, int, int, int], t: float) -> float:
    a, n1, c, n2 = counts
    m = a + c
    square, line = n2 * (t - 1), n1 * t + n2 - m * (t - 1)
    if abs(t - 1) < 1e-12:
        p2 = m / (n1 + n2)
    else:
        p2 = (-line + math.sqrt(max(0.0, line * line + 4 * square * m))) / (2 * square)
    p2 = min(1.0, max(0.0, p2))
    p1 = p2 * t / (1 + p2 * (t - 1))
    information = [n1 * p1 * (1 - p1), n2 * p2 * (1 - p2)]
    if min(information) <= 0:
        return 0.0 if a == n1 * p1 else math.inf
    return (a - n1 * p1) ** 2 * (1 / information[0] + 1 / information[1])


def _square_over(square: float, variance: float) -> float:
    if variance > 0:
        return square / variance
    return 0.0 if square < 1e-24 else math.inf
