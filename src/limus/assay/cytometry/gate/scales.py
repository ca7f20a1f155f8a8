"""Scales on which channels are drawn and gated: linear, logarithmic, asinh, logicle, hyperlog; both directions.

As Gating-ML 2.0 (Spidlen 2015, Cytometry A 87:683) defines them: place 1 is the value T, so that a gate means the same
in any program.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.assay.cytometry.gate.logicle import hyperlog, hyperlog_values, logicle, logicle_values
from limus.kernel.errors import ValueRangeError

__all__ = ["Scale", "ScaleKind", "choose_logicle", "place_on_scale", "values_at"]

Floats = NDArray[np.float64]
ScaleKind = Literal["linear", "log", "asinh", "logicle", "hyperlog"]
LN10 = math.log(10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale.

    Attributes
    ----------
    kind : str
        ``linear``: (x + A) / (T + A). ``log``: 1 + log10(x / T) / M. ``asinh``: (asinh(x sinh(M ln 10) / T) + A ln 10)
        / ((M + A) ln 10). ``logicle`` and ``hyperlog``: :mod:`limus.assay.cytometry.gate.logicle`.
    top : float
        T, the value at place 1.
    decades, width, additional : float
        M, W, A; those that the kind does not have are not used.
    """

    kind: ScaleKind
    top: float
    decades: float = 4.5
    width: float = 0.5
    additional: float = 0.0


def place_on_scale(values: ArrayLike, scale: Scale) -> Floats:
    """Return places of values on a scale.

    Parameters
    ----------
    values : array_like
    scale : Scale

    Returns
    -------
    numpy.ndarray
        On a logarithmic scale, minus infinity for 0 and NaN for negative values.

    Raises
    ------
    ValueRangeError
        A parameter of the scale is out of its range.
    """
    x = np.asarray(values, dtype=np.float64)
    t, m, w, a = scale.top, scale.decades, scale.width, scale.additional
    if scale.kind == "logicle":
        return logicle(x, t, w, m, a)
    if scale.kind == "hyperlog":
        return hyperlog(x, t, w, m, a)
    _check(scale)
    if scale.kind == "linear":
        return np.asarray((x + a) / (t + a))
    if scale.kind == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log10(x / t) / m + 1.0)
    return np.asarray((np.arcsinh(x * (math.sinh(m * LN10) / t)) + a * LN10) / ((m + a) * LN10))


def values_at(places: ArrayLike, scale: Scale) -> Floats:
    """Return the values at places of a scale; the inverse of :func:`place_on_scale`.

    Parameters
    ----------
    places : array_like
    scale : Scale

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    ValueRangeError
        A parameter of the scale is out of its range.
    """
    y = np.asarray(places, dtype=np.float64)
    t, m, w, a = scale.top, scale.decades, scale.width, scale.additional
    if scale.kind == "logicle":
        return logicle_values(y, t, w, m, a)
    if scale.kind == "hyperlog":
        return hyperlog_values(y, t, w, m, a)
    _check(scale)
    if scale.kind == "linear":
        return np.asarray(y * (t + a) - a)
    if scale.kind == "log":
        return np.asarray(t * 10.0 ** (m * (y - 1.0)))
    return np.asarray(np.sinh(y * (m + a) * LN10 - a * LN10) * (t / math.sinh(m * LN10)))


def choose_logicle(values: ArrayLike, top: float, *, decades: float = 4.5) -> Scale:
    """Choose the width of the linear part from the negative values (Parks 2006, Cytometry A 69:541).

    ``W = (M - log10(T / |r|)) / 2`` with r the 5th percentile of the values below 0.

    Parameters
    ----------
    values : array_like
    top : float
        T.
    decades : float
        M.

    Returns
    -------
    Scale
        W is 0 to M / 2; 0.5 where fewer than 20 values are negative.
    """
    cells = np.asarray(values, dtype=np.float64)
    negative = cells[np.isfinite(cells) & (cells < 0)]
    if len(negative) < 20:
        return Scale("logicle", top, decades)
    reach = abs(float(np.quantile(negative, 0.05)))
    return Scale("logicle", top, decades, min(max(0.5 * (decades - math.log10(top / reach)), 0.0), decades / 2))


def _check(scale: Scale) -> None:
    t, m, a = scale.top, scale.decades, scale.additional
    allowed = {
        "linear": ("T above 0, A 0 to T", t > 0 and 0 <= a <= t),
        "log": ("T and M above 0", t > 0 and m > 0),
        "asinh": ("T and M above 0, A 0 to M", t > 0 and m > 0 and 0 <= a <= m),
    }[scale.kind]
    if not (allowed[1] and math.isfinite(t) and math.isfinite(m) and math.isfinite(a)):
        raise ValueRangeError(f"{scale.kind} scale", f"T {t:g}, M {m:g}, A {a:g}", allowed[0], "correct the parameters")
