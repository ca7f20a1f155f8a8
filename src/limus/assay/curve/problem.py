"""Curves as a problem for the batched fitter: weighted residuals and derivatives, censored responses included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.data import CurveData
from limus.assay.curve.models import Family

__all__ = ["CurveProblem", "Layout", "censored_terms"]

Floats = NDArray[np.float64]
HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))


@dataclass(frozen=True, eq=False)
class Layout:
    """Which parameters of a family are fitted, and the values of the others.

    Attributes
    ----------
    family : Family
    free : tuple of int
        Places of the fitted parameters among the family's.
    fixed : (C, P) numpy.ndarray
        Values of the others; 0 where fitted.
    """

    family: Family
    free: tuple[int, ...]
    fixed: Floats

    def columns(self, parameters: Floats) -> list[Floats]:
        """Return all parameters as columns (B, 1), the fitted ones from (B, F)."""
        place = {k: j for j, k in enumerate(self.free)}
        return [
            parameters[:, place[k], np.newaxis] if k in place else self.fixed[:, k, np.newaxis]
            for k in range(len(self.family.parameters))
        ]

    def fill(self, parameters: Floats) -> Floats:
        """Return all parameters (B, P)."""
        return np.concatenate(self.columns(parameters), axis=1)

    def take(self, lanes: NDArray[np.intp]) -> Layout:
        """Return the layout of some lanes."""
        return Layout(self.family, self.free, self.fixed[lanes])


@dataclass(frozen=True, eq=False)
class CurveProblem:
    """Residuals ``sqrt(w) (f - y)`` of B curves; with censored responses, all are divided by sigma.

    A response known to lie below L has the residual ``sqrt(-2 log Phi((L - f) sqrt(w) / sigma))``, one above L with the
    sign turned: half the sum of squares is then the negative log likelihood of Tobin's model at this sigma.

    Attributes
    ----------
    layout : Layout
    log_doses, responses : (B, N) numpy.ndarray
    roots : (B, N) numpy.ndarray, or None
        Roots of the weights; None where all are 1.
    censoring : (B, N) numpy.ndarray of int8, or None
        None where nothing is censored.
    sigma : (B,) numpy.ndarray
        Used with censored responses alone.
    """

    layout: Layout
    log_doses: Floats
    responses: Floats
    roots: Floats | None
    censoring: NDArray[np.int8] | None = None
    sigma: Floats | None = None

    @classmethod
    def create(cls, data: CurveData, layout: Layout, weights: Floats, sigma: Floats | None = None) -> CurveProblem:
        """Make the problem of some data with weights in place of the data's own; sigma (C,) if any is censored."""
        censoring = data.censoring if sigma is not None else None
        roots = None if (weights == 1).all() else np.sqrt(weights)
        return cls(layout, data.log_doses, data.responses, roots, censoring, sigma)

    def take(self, lanes: NDArray[np.intp], /) -> CurveProblem:
        """Return the problem of some curves."""
        return CurveProblem(
            self.layout.take(lanes),
            self.log_doses[lanes],
            self.responses[lanes],
            None if self.roots is None else self.roots[lanes],
            None if self.censoring is None else self.censoring[lanes],
            None if self.sigma is None else self.sigma[lanes],
        )

    def evaluate(self, parameters: Floats, /) -> tuple[Floats, Floats]:
        """Return residuals (B, N) and derivatives (F, B, N)."""
        layout = self.layout
        with np.errstate(all="ignore"):
            response, slopes = layout.family.formula(layout.columns(parameters), self.log_doses)
            if len(layout.free) < len(slopes):
                slopes = slopes[list(layout.free)]
            values = np.subtract(response, self.responses, out=response)
            if self.roots is not None:
                values *= self.roots
                slopes *= self.roots
            if self.censoring is not None and self.sigma is not None:
                values /= self.sigma[:, np.newaxis]
                slopes /= self.sigma[:, np.newaxis]
                rows = self.censoring != 0
                root, gain, _ = censored_terms(self.censoring[rows] * values[rows])
                slopes[:, rows] *= gain * self.censoring[rows]
                values[rows] = root
        return values, slopes


def censored_terms(distance: Floats) -> tuple[Floats, Floats, Floats]:
    """Return residuals of censored responses, their derivatives by z, and the hazards.

    With ``z`` how many standard deviations the curve lies on the allowed side of the limit:
    ``r = sqrt(-2 log Phi(z))``, ``dr/dz = -lambda / r``, ``lambda = phi / Phi = d log Phi / dz``; the second derivative
    of ``log Phi`` is ``-lambda (lambda + z)``.

    Parameters
    ----------
    distance : (n,) numpy.ndarray
        z.

    Returns
    -------
    tuple of three (n,) numpy.ndarray
    """
    from scipy.special import log_ndtr  # noqa: PLC0415

    height = log_ndtr(distance)
    root = np.sqrt(-2 * height)
    hazard = np.exp(-0.5 * distance**2 - HALF_LOG_TWO_PI - height)
    gain = np.where(root > 1e-150, -hazard / np.where(root > 0, root, 1.0), 0.0)
    return root, gain, hazard
