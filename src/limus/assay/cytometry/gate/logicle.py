r"""The logicle scale and the hyperlog scale, exact in both directions.

Logicle (Moore and Parks 2012, Cytometry A 81:273; Gating-ML 2.0, section 6.5). With ``w = W / (M + A)``,
``x1 = A / (M + A) + w``, ``b = (M + A) ln 10`` and d from ``2 ln(d / b) + w (b + d) = 0``, a place x at a distance
``t = x - x1`` above the one of zero has the value

``S(t) = k (e**(b t) - 1 - (b / d)**2 (e**(-d t) - 1))``, with k such that ``S(1 - x1) = T``;

below it ``-S(-t)``. This is the paper's ``a e**(b x) - c e**(-d x) + f``, written so that nothing cancels at zero. The
hyperlog scale (Bagwell 2005, Cytometry A 64:34) has a line in place of the second exponential.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.gate.convex_root import solve_convex
from limus.kernel.errors import ValueRangeError

__all__ = ["hyperlog", "hyperlog_values", "logicle", "logicle_values"]

Floats = NDArray[np.float64]
Curve = Callable[[Floats], tuple[Floats, Floats]]
LN10 = math.log(10.0)


def logicle(values: Floats, top: float, width: float, decades: float, additional: float) -> Floats:
    """Return places on the logicle scale.

    Parameters
    ----------
    values : numpy.ndarray
    top : float
        T, the value at place 1; above 0.
    width : float
        W, decades of the linear part; 0 to M / 2.
    decades : float
        M, decades of the whole scale; above 0.
    additional : float
        A, further decades of negative values; -W to M - 2 W.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    ValueRangeError
        A parameter is out of its range.
    """
    zero, rate, fall, scale = _logicle_constants(top, width, decades, additional)
    ratio = (rate / fall) ** 2

    def curve(t: Floats) -> tuple[Floats, Floats]:
        up, down = np.exp(rate * t), np.exp(-fall * t)
        return scale * (up - 1.0 - ratio * (down - 1.0)), scale * (rate * up + ratio * fall * down)

    return _place(values, curve, scale, rate, zero)


def logicle_values(places: Floats, top: float, width: float, decades: float, additional: float) -> Floats:
    """Return the values at places on the logicle scale; the inverse of :func:`logicle`.

    Parameters
    ----------
    places : numpy.ndarray
    top, width, decades, additional : float
        As for :func:`logicle`.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    ValueRangeError
        A parameter is out of its range.
    """
    zero, rate, fall, scale = _logicle_constants(top, width, decades, additional)
    apart = np.asarray(places, dtype=np.float64) - zero
    t = np.abs(apart)
    with np.errstate(over="ignore"):
        return np.asarray(np.sign(apart) * scale * (np.expm1(rate * t) - (rate / fall) ** 2 * np.expm1(-fall * t)))


def hyperlog(values: Floats, top: float, width: float, decades: float, additional: float) -> Floats:
    """Return places on the hyperlog scale.

    Parameters
    ----------
    values : numpy.ndarray
    top, width, decades, additional : float
        As for :func:`logicle`; W above 0.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    ValueRangeError
        A parameter is out of its range.
    """
    zero, rate, line, scale = _hyperlog_constants(top, width, decades, additional)

    def curve(t: Floats) -> tuple[Floats, Floats]:
        up = np.exp(rate * t)
        return scale * (up - 1.0 + line * t), scale * (rate * up + line)

    return _place(values, curve, scale, rate, zero)


def hyperlog_values(places: Floats, top: float, width: float, decades: float, additional: float) -> Floats:
    """Return the values at places on the hyperlog scale; the inverse of :func:`hyperlog`.

    Parameters
    ----------
    places : numpy.ndarray
    top, width, decades, additional : float
        As for :func:`hyperlog`.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    ValueRangeError
        A parameter is out of its range.
    """
    zero, rate, line, scale = _hyperlog_constants(top, width, decades, additional)
    apart = np.asarray(places, dtype=np.float64) - zero
    t = np.abs(apart)
    with np.errstate(over="ignore"):
        return np.asarray(np.sign(apart) * scale * (np.expm1(rate * t) + line * t))


def _place(values: Floats, curve: Curve, scale: float, rate: float, zero: float) -> Floats:
    given = np.asarray(values, dtype=np.float64)
    size = np.abs(given).ravel()
    with np.errstate(invalid="ignore"):
        above = np.log1p(size / scale) / rate  # the second part of the curve is positive
    return np.asarray(zero + np.sign(given) * solve_convex(curve, size, above).reshape(given.shape))


def _check(top: float, width: float, decades: float, additional: float) -> None:
    finite = all(math.isfinite(x) for x in (top, width, decades, additional))
    inside = (
        finite and top > 0 and decades > 0 and 0 <= width <= decades / 2 and -width <= additional <= decades - 2 * width
    )
    if not inside:
        got = f"T {top:g}, W {width:g}, M {decades:g}, A {additional:g}"
        allowed = "T and M above 0, W 0 to M / 2, A -W to M - 2 W"
        raise ValueRangeError("logicle or hyperlog scale", got, allowed, "correct the parameters")


@lru_cache(maxsize=256)
def _logicle_constants(
    top: float, width: float, decades: float, additional: float
) -> tuple[float, float, float, float]:
    """Place of zero, b, d and k."""
    _check(top, width, decades, additional)
    w = width / (decades + additional)
    zero = additional / (decades + additional) + w
    rate = (decades + additional) * LN10
    low, high = 0.0, rate  # 2 ln(d / b) + w (b + d) rises from minus infinity to 2 w b
    fall = rate
    for _ in range(200):
        if w == 0:
            break
        fall = 0.5 * (low + high)
        if 2 * (math.log(fall) - math.log(rate)) + w * (rate + fall) > 0:
            high = fall
        else:
            low = fall
    rest = 1.0 - zero
    scale = top / (math.expm1(rate * rest) - (rate / fall) ** 2 * math.expm1(-fall * rest))
    return zero, rate, fall, scale


@lru_cache(maxsize=256)
def _hyperlog_constants(
    top: float, width: float, decades: float, additional: float
) -> tuple[float, float, float, float]:
    """Place of zero, b, the slope of the line over k, and k."""
    _check(top, width, decades, additional)
    if width == 0:
        raise ValueRangeError("hyperlog scale", "W 0", "W above 0", "use an asinh scale")
    w = width / (decades + additional)
    zero = additional / (decades + additional) + w
    rate = (decades + additional) * LN10
    # a e**(b x) + c x - f with c / a = e**(b x0) / w, x0 = x1 + w; from x1 on: a e**(b x1) (e**(b t) - 1 + line t)
    line = math.exp(rate * w) / w
    rest = 1.0 - zero
    return zero, rate, line, top / (math.expm1(rate * rest) + line * rest)
