r"""The score test of a risk difference against any value, stratified, for many trials at once.

With risks p1, p2 (1 is under test), difference d and weights w of the strata, against the difference t::

    z(t) = sum w (p1 - p2 - t)/sqrt(sum w^2 v(t)),     v = f [P1(1 - P1)/n1 + P2(1 - P2)/n2]

P1 and P2 are the most likely risks with P1 - P2 = t in the stratum; f = N/(N - 1) for Miettinen and Nurminen, 1 for
Farrington and Manning. The interval holds all t with |z(t)| below the normal quantile.

Source: Miettinen and Nurminen 1985, Stat Med 4:213; Farrington and Manning 1990, Stat Med 9:1447.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["restricted_risks", "score_interval_ends", "score_statistic"]

Floats = NDArray[np.float64]

_HALVINGS = 52


def restricted_risks(events: Floats, n: Floats, t: Floats | float) -> tuple[Floats, Floats]:
    """Return the most likely risks with difference t.

    Parameters
    ----------
    events, n : (..., 2)
        Of the arm under test, then of the control.
    t : (...) array or float
        Between -1 and 1.

    Returns
    -------
    tuple of two (...) arrays
        Risks of the arm under test and of the control.
    """
    a, c = events[..., 0], events[..., 1]
    n1, n2 = n[..., 0], n[..., 1]
    total, m = n1 + n2, a + c
    # the cubic of Miettinen and Nurminen's equation 9, by its trigonometric root
    l2 = (n1 + 2 * n2) * t - total - m
    l1, l0 = (n2 * t - total - 2 * c) * t + m, c * t * (1 - t)
    q = l2**3 / (3 * total) ** 3 - l1 * l2 / (6 * total * total) + l0 / (2 * total)
    p = np.copysign(np.sqrt(np.maximum(l2 * l2 / (3 * total) ** 2 - l1 / (3 * total), 0.0)), q)
    ratio = np.divide(q, p**3, out=np.zeros(np.shape(p)), where=p != 0)
    angle = np.where(p == 0, 0.0, (np.pi + np.arccos(np.clip(ratio, -1.0, 1.0))) / 3)
    p2 = np.clip(2 * p * np.cos(angle) - l2 / (3 * total), np.maximum(0.0, -t), np.minimum(1.0, 1.0 - t))
    return np.clip(p2 + t, 0.0, 1.0), p2


def score_statistic(
    events: Floats, n: Floats, t: Floats | float, weights: Floats | None = None, *, corrected: bool = True
) -> Floats:
    """Return z(t).

    Parameters
    ----------
    events, n : (..., S, 2)
        By stratum; the arm under test, then the control.
    t : (...) array or float
    weights : (..., S), optional
        By default n1 n2/(n1 + n2).
    corrected : bool
        Miettinen and Nurminen's N/(N - 1).

    Returns
    -------
    (...) array
        Infinite where the variance at t is 0 and the difference is not t.
    """
    n1, n2 = n[..., 0], n[..., 1]
    w = n1 * n2 / (n1 + n2) if weights is None else weights
    at = np.asarray(t)[..., None]
    p1, p2 = restricted_risks(events, n, at)
    factor = (n1 + n2) / (n1 + n2 - 1) if corrected else 1.0
    variance = (w * w * factor * (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)).sum(axis=-1)
    gap = (w * (events[..., 0] / n1 - events[..., 1] / n2 - at)).sum(axis=-1)
    small = np.abs(gap) <= 1e-12 * w.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(small, 0.0, gap / np.sqrt(variance))


def score_interval_ends(
    events: Floats, n: Floats, z: float, weights: Floats | None = None, *, corrected: bool = True
) -> tuple[Floats, Floats]:
    """Return the ends of the interval, by halving between the estimate and -1 or 1.

    Parameters
    ----------
    events, n : (..., S, 2)
    z : float
        Normal quantile.
    weights : (..., S), optional
    corrected : bool

    Returns
    -------
    tuple of two (...) arrays
    """
    n1, n2 = n[..., 0], n[..., 1]
    w = n1 * n2 / (n1 + n2) if weights is None else weights
    centre = (w * (events[..., 0] / n1 - events[..., 1] / n2)).sum(axis=-1) / w.sum(axis=-1)
    ends = []
    for far in (-1.0, 1.0):
        inside, outside = centre.copy(), np.full(centre.shape, far)
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            beyond = np.abs(score_statistic(events, n, middle, w, corrected=corrected)) > z
            outside, inside = np.where(beyond, middle, outside), np.where(beyond, inside, middle)
        ends.append((inside + outside) / 2)
    return ends[0], ends[1]
