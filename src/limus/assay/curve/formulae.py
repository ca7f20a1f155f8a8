"""The formulae of dose-response curves with their derivatives; dose enters as natural logarithm.

Throughout ``t = log(dose)``, ``c`` and ``d`` are the plateaus ``lower`` and ``upper``, ``b`` is a slope and ``e`` the
logarithm of a dose. Slopes have the sign of R's drc: with ``c < d``, a positive slope falls with the dose (Prism's
HillSlope is ``-b``).

A dose of 0 stands as ``t = -1e8`` (:data:`LOG_ZERO`): for every slope steeper than 1e-5 the response is then the
plateau to the last digit, and so are the derivatives, without a case of its own in any formula.

Each function takes columns (B, 1), one a parameter, and t (B, N), and returns the response (B, N) and its derivatives
(P, B, N), one a parameter in order. Products that overflow are plateaus: call them with numpy's warnings off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LOG_ZERO",
    "Formula",
    "bell",
    "biphasic",
    "brain_cousens",
    "cedergreen",
    "dose_slope",
    "line",
    "log_dose",
    "logistic",
    "logistic5",
    "weibull1",
    "weibull2",
]

Floats = NDArray[np.float64]
Formula = Callable[[Sequence[Floats], Floats], tuple[Floats, Floats]]

LOG_ZERO = -1e8


def log_dose(doses: Floats) -> Floats:
    """Return natural logarithms of doses, :data:`LOG_ZERO` for 0."""
    with np.errstate(divide="ignore"):
        return np.where(doses > 0, np.log(doses), LOG_ZERO)


def _stack(count: int, like: Floats) -> Floats:
    return np.empty((count, *like.shape))


def line(p: Sequence[Floats], t: Floats) -> tuple[Floats, Floats]:
    """Straight line in the dose, ``y = a + k exp(t)``; parameters intercept a, gradient k."""
    intercept, gradient = p
    dose = np.exp(t)
    slopes = _stack(2, t)
    slopes[0], slopes[1] = 1.0, dose
    return intercept + gradient * dose, slopes


def logistic(p: Sequence[Floats], t: Floats) -> tuple[Floats, Floats]:
    """Log-logistic, ``y = c + (d - c) / (1 + exp(b (t - e)))``; parameters b, c, d, e. Finney (1979)."""
    b, c, d, e = p
    slopes = _stack(4, t)
    # in place, because fresh memory for each step costs ten times the arithmetic
    by_slope, rest, share, by_dose = slopes
    np.subtract(t, e, out=by_slope)
    np.multiply(by_slope, b, out=by_dose)
    np.exp(by_dose, out=by_dose)
    by_dose += 1
    np.divide(1.0, by_dose, out=share)
    np.subtract(1.0, share, out=rest)
    np.multiply(share, rest, out=by_dose)
    by_dose *= c - d
    by_slope *= by_dose
    by_dose *= -b
    response = share * (d - c)
    response += c
    return response, slopes


def logistic5(p: Sequence[Floats], t: Floats) -> tuple[Floats, Floats]:
    """Asymmetric log-logistic, ``y = c + (d - c) / (1 + exp(b (t - e)))**g``; parameters b, c, d, e, g.

    Finney (1979); Gottschalk and Dunn (2005) Anal Biochem 343:54. The dose of half response is not exp(e).
    """
    b, c, d, e, g = p
    slopes = _stack(5, t)
    by_slope, rest, share, by_dose, by_asymmetry = slopes
    np.subtract(t, e, out=by_slope)
    np.multiply(by_slope, b, out=by_dose)
    # log(1 + exp(b (t - e))), exact where exp overflows
    np.logaddexp(0.0, by_dose, out=by_asymmetry)
    by_dose -= by_asymmetry
    np.exp(by_dose, out=by_dose)
    np.multiply(by_asymmetry, -g, out=share)
    np.exp(share, out=share)
    np.subtract(1.0, share, out=rest)
    by_dose *= share
    by_dose *= g * (c - d)
    by_slope *= by_dose
    by_dose *= -b
    by_asymmetry *= share
    by_asymmetry *= c - d
    response = share * (d - c)
    response += c
    return response, slopes


def weibull1(p: Sequence[Floats], t: Floats) -> tuple[Floats, Floats]:
    """Weibull of type 1, ``y = c + (d - c) exp(-exp(b (t - e)))``; parameters b, c, d, e.

    Seber and Wild (1989) Nonlinear Regression, pages 338-339; Ritz (2010) Environ Toxicol Chem 29:220.
    """
    b, c, d, e = p
    slopes = _stack(4, t)
    by_slope, rest, share, by_dose = slopes
    np.subtract(t, e, out=by_slope)
    np.multiply(by_slope, b, out=by_dose)
    np.minimum(by_dose, 700.0, out=by_dose)
    np.exp(by_dose, out=by_dose)
    np.negative(by_dose, out=share)
    np.exp(share, out=share)
    np.subtract(1.0, share, out=rest)
    by_dose *= share
    by_dose *= c - d
    by_slope *= by_dose
    by_dose *= -b
    response = share * (d - c)
    response += c
    return response, slopes


def weibull2(p: Sequence[Floats], t: Floats) -> tuple[Floats, Floats]:
    """Weibull of type 2, ``y = c + (d - c) (1 - exp(-exp(b (t - e))))``; parameters b, c, d, e.

    The mirror image of :func:`weibull1`; with ``c < d`` a positive slope rises with the dose, as in drc. Same sources.
    """
    b, c, d, e = p
    response, slopes = weibull1((b, d, c, e), t)
    return response, slopes[[0, 2, 1, 3]]


def biphasic(p: Sequence[Floats], t: Floats) -> tuple[Floats, Floats]:
    """Two sites, ``y = c + (d - c) (f / (1 + exp(b1 (t - e1))) + (1 - f) / (1 + exp(b2 (t - e2))))``.

    Parameters b1, b2, c, d, f, e1, e2; f is the fraction with e1. Prism Curve Fitting Guide, "Biphasic dose-response".
    """
    b1, b2, c, d, f, e1, e2 = p
    away1, away2 = t - e1, t - e2
    share1, share2 = 1 / (1 + np.exp(b1 * away1)), 1 / (1 + np.exp(b2 * away2))
    share = f * share1 + (1 - f) * share2
    bend1, bend2 = (d - c) * f * share1 * (1 - share1), (d - c) * (1 - f) * share2 * (1 - share2)
    slopes = _stack(7, t)
    slopes[0], slopes[1] = -bend1 * away1, -bend2 * away2
    slopes[2], slopes[3] = 1 - share, share
    slopes[4] = (d - c) * (share1 - share2)
    slopes[5], slopes[6] = bend1 * b1, bend2 * b2
    return c + (d - c) * share, slopes


def brain_cousens(p: Sequence[Floats], t: Floats) -> tuple[Floats, Floats]:
    """Hormesis, ``y = c + (d - c + h x) / (1 + exp(b (t - e)))`` with dose x; parameters b, c, d, e, h.

    Brain and Cousens (1989) Weed Res 29:93. Needs b > 1, else h x outgrows the denominator. exp(e) has no meaning of
    its own.
    """
    b, c, d, e, h = p
    dose = np.exp(np.minimum(t, 300.0))
    return _with_stimulus(b, c, d, e, h, t, dose)


def _with_stimulus(
    b: Floats, c: Floats, d: Floats, e: Floats, h: Floats, t: Floats, stimulus: Floats
) -> tuple[Floats, Floats]:
    away = t - e
    share = 1 / (1 + np.exp(b * away))
    rest = 1 - share
    height = d - c + h * stimulus
    bend = height * share * rest
    slopes = _stack(5, t)
    slopes[0] = -bend * away
    slopes[1], slopes[2] = rest, share
    slopes[3] = bend * b
    slopes[4] = stimulus * share
    return c + height * share, slopes


def cedergreen(p: Sequence[Floats], t: Floats) -> tuple[Floats, Floats]:
    """Hormesis, ``y = c + (d - c + h exp(-1 / x**a)) / (1 + exp(b (t - e)))`` with dose x; parameters b, c, d, e, h, a.

    Cedergreen, Ritz and Streibig (2005) Environ Toxicol Chem 24:3166; a is usually fixed at 1, 0.5 or 0.25. The
    stimulus depends on the unit of the dose, as published.
    """
    b, c, d, e, h, a = p
    power = np.exp(np.clip(-a * t, -700.0, 700.0))
    stimulus = np.exp(-power)
    response, slopes = _with_stimulus(b, c, d, e, h, t, stimulus)
    last = h * slopes[2] * stimulus * power * t
    return response, np.concatenate([slopes, last[np.newaxis]])


def bell(p: Sequence[Floats], t: Floats) -> tuple[Floats, Floats]:
    """Bell or hook, ``y = c + (d - c) / ((1 + exp(-b1 (t - e1))) (1 + exp(b2 (t - e2))))``; b1, b2, c, d, e1, e2.

    Rises around e1 and falls around e2 from and to one plateau; d is the height that is neared where e1 and e2 lie far
    apart. The product of two logistics, as for the hook of a sandwich assay; slopes are positive.
    """
    b1, b2, c, d, e1, e2 = p
    away1, away2 = t - e1, t - e2
    rise, fall = 1 / (1 + np.exp(-b1 * away1)), 1 / (1 + np.exp(b2 * away2))
    share = rise * fall
    height = (d - c) * share
    slopes = _stack(6, t)
    slopes[0], slopes[1] = height * (1 - rise) * away1, -height * (1 - fall) * away2
    slopes[2], slopes[3] = 1 - share, share
    slopes[4], slopes[5] = -height * (1 - rise) * b1, height * (1 - fall) * b2
    return c + height, slopes


def dose_slope(formula: Formula, p: Sequence[Floats], t: Floats, slopes: Floats) -> Floats:
    """Return the derivative (B, N) of the response by the logarithm of the dose.

    Parameters
    ----------
    formula : callable
        One of this file.
    p, t
        As the formula takes them.
    slopes : (P, B, N) numpy.ndarray
        As it returns them.

    Returns
    -------
    (B, N) numpy.ndarray
    """
    if formula is line:
        return p[1] * slopes[1]
    # a shift of all log doses is a shift of t the other way
    if formula in {biphasic, bell}:
        return -(slopes[-2] + slopes[-1])
    if formula is brain_cousens:
        return p[4] * slopes[4] - slopes[3]
    if formula is cedergreen:
        power = np.exp(np.clip(-p[5] * t, -700.0, 700.0))
        return p[4] * slopes[4] * power * p[5] - slopes[3]
    return -slopes[3]
