r"""The phosphate standard curve: a weighted straight line, or a parabola where the standards curve, with covariance.

``A = b_0 + b_1 x (+ b_2 x**2)`` for absorbance A and phosphate x, weighted by the plate's noise. The coefficients are
``b = (X' W X)**-1 X' W A`` with covariance ``s**2 (X' W X)**-1``, ``s**2 = sum w r**2 / (N - P)``. Two questions are
asked of the line: whether a parabola fits better (t test of b_2) and whether the levels scatter about it more than
their replicates do (F test of lack of fit). Draper and Smith (1998) Applied Regression Analysis, chapters 2 and 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from limus.assay.plate.uncertainty import student_quantile
from limus.kernel.errors import InputError

__all__ = ["StandardCurve", "fit_standard_curve", "phosphate_from_absorbance"]

Floats = NDArray[np.float64]
CURVED_AT = 0.01
_FEWEST_LEVELS = 3


@dataclass(frozen=True, eq=False)
class StandardCurve:
    """A fitted standard curve; arrays are read-only.

    Attributes
    ----------
    form : str
        ``line`` or ``quadratic``.
    coefficients : (P,) numpy.ndarray
        Absorbance, absorbance per nmol (and per nmol squared).
    covariance : (P, P) numpy.ndarray
    degrees_of_freedom : int
    residual_scale : float
        s; 1 where the line fits as well as the plate's noise allows.
    amounts_nmol, absorbances : (N,) numpy.ndarray
        The standards that were used.
    curvature_p, lack_of_fit_p : float
        p values of the two questions; NaN where they cannot be asked.
    curvature_percent : float
        How far the parabola lies from the line in the middle of the range, per cent of the span.
    """

    form: Literal["line", "quadratic"]
    coefficients: Floats
    covariance: Floats
    degrees_of_freedom: int
    residual_scale: float
    amounts_nmol: Floats
    absorbances: Floats
    curvature_p: float
    lack_of_fit_p: float
    curvature_percent: float

    @property
    def largest_nmol(self) -> float:
        """The highest standard."""
        return float(np.max(self.amounts_nmol))

    def absorbance(self, amounts_nmol: Floats) -> Floats:
        """Return the fitted absorbance.

        Parameters
        ----------
        amounts_nmol : array
        """
        return np.asarray(np.polynomial.polynomial.polyval(amounts_nmol, self.coefficients), dtype=np.float64)

    def band(self, amounts_nmol: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return the confidence band of the fitted absorbance.

        Parameters
        ----------
        amounts_nmol : array
        level : float
        """
        design = np.vander(amounts_nmol, len(self.coefficients), increasing=True)
        half = student_quantile(self.degrees_of_freedom, level) * np.sqrt(
            np.einsum("np,pq,nq->n", design, self.covariance, design)
        )
        centre = self.absorbance(amounts_nmol)
        return centre - half, centre + half

    def as_dict(self) -> dict[str, Any]:
        """Coefficients with their errors, and what the tests said."""
        errors = np.sqrt(np.diag(self.covariance))
        names = ("intercept", "slope_per_nmol", "curvature_per_nmol2")[: len(self.coefficients)]
        return {
            "form": self.form,
            **{name: float(value) for name, value in zip(names, self.coefficients, strict=True)},
            **{f"{name}_standard_error": float(value) for name, value in zip(names, errors, strict=True)},
            "covariance": self.covariance,
            "degrees_of_freedom": self.degrees_of_freedom,
            "wells": len(self.amounts_nmol),
            "highest_standard_nmol": self.largest_nmol,
            "curvature_p": self.curvature_p,
            "curvature_percent": self.curvature_percent,
            "lack_of_fit_p": self.lack_of_fit_p,
        }


def fit_standard_curve(
    amounts_nmol: Floats,
    absorbances: Floats,
    variances: Floats,
    *,
    form: Literal["auto", "line", "quadratic"] = "auto",
    where: str = "phosphate standards",
) -> StandardCurve:
    """Fit the standard curve.

    Parameters
    ----------
    amounts_nmol, absorbances : (N,) array
        Phosphate in each standard well, nmol, and its absorbance; finite.
    variances : (N,) array
        Variance of each well, up to a common factor.
    form : {"auto", "line", "quadratic"}
        ``auto`` takes the parabola where its curvature is significant at 1 %.
    where : str
        Named in errors.

    Returns
    -------
    StandardCurve

    Raises
    ------
    InputError
        Fewer than three levels, no level above zero, a curve that does not rise over the standards, or no degree of
        freedom left.
    """
    levels = np.unique(amounts_nmol)
    if len(levels) < _FEWEST_LEVELS or not levels[-1] > 0:
        got = f"{len(levels)} usable levels" if len(levels) else "no standards"
        raise InputError(where, got, "three levels or more, one above zero", "name wells with role = standard")
    weights = 1.0 / variances
    line = _fit(amounts_nmol, absorbances, weights, 2)
    can_curve = len(levels) > _FEWEST_LEVELS and len(amounts_nmol) > 3
    parabola = _fit(amounts_nmol, absorbances, weights, 3) if can_curve else None
    curvature_p, percent = math.nan, math.nan
    if parabola is not None:
        curvature_p = _two_sided(float(parabola[0][2]), float(np.sqrt(parabola[1][2, 2])), parabola[2])
        percent = _bend(parabola[0], line[0], float(levels[-1]))
    quadratic = form == "quadratic" or (form == "auto" and curvature_p < CURVED_AT)
    if quadratic and parabola is None:
        raise InputError(where, f"{len(levels)} levels", "four levels for a parabola", 'use standard_model = "line"')
    chosen = parabola if quadratic and parabola is not None else line
    coefficients, covariance, freedom, scale = chosen
    slopes = coefficients[1] + (2 * coefficients[2] * levels if quadratic else 0.0 * levels)
    if freedom < 1 or not np.all(slopes > 0):
        got = "a curve that does not rise" if freedom >= 1 else "as many coefficients as wells"
        raise InputError(
            where, got, "absorbance that rises with phosphate, and replicates", "check standards and layout"
        )
    for array in (coefficients, covariance):
        array.flags.writeable = False
    return StandardCurve(
        form="quadratic" if quadratic else "line",
        coefficients=coefficients,
        covariance=covariance,
        degrees_of_freedom=freedom,
        residual_scale=scale,
        amounts_nmol=amounts_nmol,
        absorbances=absorbances,
        curvature_p=curvature_p,
        lack_of_fit_p=_lack_of_fit(amounts_nmol, absorbances, weights, coefficients),
        curvature_percent=percent,
    )


def phosphate_from_absorbance(coefficients: Floats, absorbances: Floats) -> Floats:
    """Return the phosphate that belongs to an absorbance.

    ``x = 2 (A - b_0) / (b_1 + sqrt(b_1**2 + 4 b_2 (A - b_0)))``, which is ``(A - b_0) / b_1`` for a line and loses no
    digits for a slight bend.

    Parameters
    ----------
    coefficients : (..., P) array
        P is 2 or 3; leading axes broadcast.
    absorbances : (..., M) array

    Returns
    -------
    (..., M) array
        nmol; NaN beyond the top of a parabola.

    Examples
    --------
    >>> float(phosphate_from_absorbance(np.array([0.1, 0.5, -0.02]), np.array([0.58]))[0])
    1.0
    """
    above = absorbances - coefficients[..., :1]
    slope = coefficients[..., 1:2]
    bend = coefficients[..., 2:3] if coefficients.shape[-1] == 3 else 0.0
    with np.errstate(invalid="ignore"):
        return np.asarray(2.0 * above / (slope + np.sqrt(slope**2 + 4.0 * bend * above)))


def _fit(x: Floats, y: Floats, weights: Floats, count: int) -> tuple[Floats, Floats, int, float]:
    scale = float(np.max(x))
    design = np.vander(x / scale, count, increasing=True)
    root = np.sqrt(weights)
    q, r = np.linalg.qr(design * root[:, np.newaxis])
    inverse = np.linalg.inv(r)
    found = inverse @ (q.T @ (y * root))
    freedom = len(x) - count
    squares = float(np.sum(weights * (y - design @ found) ** 2))
    variance = squares / freedom if freedom > 0 else math.nan
    back = scale ** -np.arange(count, dtype=np.float64)
    return found * back, variance * (inverse @ inverse.T) * np.outer(back, back), freedom, math.sqrt(variance)


def _bend(parabola: Floats, line: Floats, largest: float) -> float:
    """Largest distance of the parabola from the line over the range, per cent of the line's span."""
    x = np.linspace(0.0, largest, 101)
    apart = np.polynomial.polynomial.polyval(x, parabola) - np.polynomial.polynomial.polyval(x, line)
    return float(100.0 * np.max(np.abs(apart)) / (line[1] * largest))


def _two_sided(value: float, error: float, freedom: int) -> float:
    from scipy import special  # noqa: PLC0415

    return float(2.0 * special.stdtr(freedom, -abs(value / error))) if freedom > 0 and error > 0 else math.nan


def _lack_of_fit(x: Floats, y: Floats, weights: Floats, coefficients: Floats) -> float:
    """F test of the levels' distance from the curve against the scatter of their replicates; NaN without replicates."""
    from scipy import special  # noqa: PLC0415

    levels, at = np.unique(x, return_inverse=True)
    sums = np.bincount(at, weights=weights)
    means = np.bincount(at, weights=weights * y) / sums
    pure = float(np.sum(weights * (y - means[at]) ** 2))
    pure_freedom, freedom = len(x) - len(levels), len(levels) - len(coefficients)
    if pure_freedom < 1 or freedom < 1 or not pure > 0:
        return math.nan
    lack = float(np.sum(sums * (means - np.polynomial.polynomial.polyval(levels, coefficients)) ** 2))
    return float(special.fdtrc(freedom, pure_freedom, (lack / freedom) / (pure / pure_freedom)))
