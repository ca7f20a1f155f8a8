"""Fitting the apparent constant of a tight-binding inhibitor, many sets of activities at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.assay.phosphatase.tight_binding import BindingModel, occupied_fraction
from limus.kernel.inference import FitStatus, fit_least_squares

__all__ = ["TightBindingFit", "Titration", "fit_tight_binding", "upper_limit"]

Floats = NDArray[np.float64]
_STARTS = np.geomspace(1e-3, 1e5, 33)  # of the enzyme's concentration
_LN_STEP = 1e-4
_FARTHEST = 60.0  # of the logarithm of a constant in nM: beyond it nothing changes


@dataclass(frozen=True, eq=False)
class TightBindingFit:
    """Fits of B sets of activities; arrays are read-only.

    Attributes
    ----------
    log_constant : (B,) numpy.ndarray
        Natural logarithm of the apparent constant K, nM.
    top, bottom : (B,) numpy.ndarray
        Activity without inhibitor and with all enzyme held, in the unit of the responses.
    sum_of_squares : (B,) numpy.ndarray
        Weighted.
    at_zero : (B,) numpy.ndarray
        Weighted sum of squares as K goes to zero (stoichiometric titration), top and bottom fitted.
    status : tuple of FitStatus
    """

    log_constant: Floats
    top: Floats
    bottom: Floats
    sum_of_squares: Floats
    at_zero: Floats
    status: tuple[FitStatus, ...]


@dataclass(frozen=True, eq=False)
class Titration:
    """Activities at doses of a tight-binding inhibitor, ready to be fitted; made by :meth:`create`.

    Attributes
    ----------
    doses : (U,) numpy.ndarray
        Different doses, nM.
    at : (N,) numpy.ndarray of int
        Dose of each response.
    responses : (B, N) numpy.ndarray
    roots : (N,) numpy.ndarray
        Square roots of the weights.
    immunophilin, enzyme, affinity : (B, 1) numpy.ndarray
        nM.
    model : str
        ``preformed`` or ``equilibrium``.
    residual_activity : bool
        Whether a bottom is fitted; else it is zero.
    """

    doses: Floats
    at: NDArray[np.intp]
    responses: Floats
    roots: Floats
    immunophilin: Floats
    enzyme: Floats
    affinity: Floats
    model: BindingModel
    residual_activity: bool

    @classmethod
    def create(
        cls,
        drug_nM: ArrayLike,
        responses: ArrayLike,
        weights: ArrayLike,
        *,
        immunophilin_nM: ArrayLike,
        enzyme_nM: ArrayLike,
        dissociation_constant_nM: ArrayLike,
        model: BindingModel = "preformed",
        residual_activity: bool = False,
    ) -> Titration:
        """Make a titration of B sets of activities at the same doses.

        Parameters
        ----------
        drug_nM : (N,) array_like
            Total drug of each response, nM, 0 for controls.
        responses : (B, N) array_like
            Activities.
        weights : (N,) array_like
            Inverse variances.
        immunophilin_nM, enzyme_nM, dissociation_constant_nM : float or (B,) array_like
            nM.
        model : {"preformed", "equilibrium"}
        residual_activity : bool
        """
        y = np.atleast_2d(np.asarray(responses, dtype=np.float64))
        doses, at = np.unique(np.asarray(drug_nM, dtype=np.float64), return_inverse=True)
        protein, enzyme, affinity = (
            np.broadcast_to(np.asarray(value, dtype=np.float64), (len(y),))[:, np.newaxis]
            for value in (immunophilin_nM, enzyme_nM, dissociation_constant_nM)
        )
        roots = np.sqrt(np.asarray(weights, dtype=np.float64))
        return cls(doses, at, y, roots, protein, enzyme, affinity, model, residual_activity)

    def free_share(self, log_constant: Floats, model: BindingModel | None = None) -> Floats:
        """Return the share of free enzyme at each response, (B, N), for constants (B,).

        Parameters
        ----------
        log_constant : (B,) array
        model : {"preformed", "equilibrium"}, optional
            The titration's own by default.
        """
        constant = np.exp(np.clip(log_constant, -_FARTHEST, _FARTHEST))[:, np.newaxis]
        occupied = occupied_fraction(
            self.doses[np.newaxis], self.immunophilin, self.enzyme, self.affinity, constant, model or self.model
        )
        return (1.0 - occupied)[:, self.at]

    def plateaus(self, share: Floats) -> tuple[Floats, Floats]:
        """Return top (and bottom) by weighted least squares for a given share, (B, 1 or 2), and the misfit, (B,).

        Parameters
        ----------
        share : (B, N) array
        """
        basis = np.stack([share, np.ones_like(share)], axis=2)[:, :, : 2 if self.residual_activity else 1]
        left = basis * self.roots[np.newaxis, :, np.newaxis]
        normal = np.einsum("bnp,bnq->bpq", left, left) + 1e-12 * np.eye(left.shape[2])
        right = np.einsum("bnp,bn->bp", left, self.responses * self.roots)
        found = np.linalg.solve(normal, right[:, :, np.newaxis])[:, :, 0]
        misfit = np.einsum("bnp,bp->bn", basis, found) - self.responses
        return found, np.sum((misfit * self.roots) ** 2, axis=1)


def fit_tight_binding(titration: Titration) -> TightBindingFit:
    """Fit the apparent constant and the plateaus in each lane.

    Parameters
    ----------
    titration : Titration

    Returns
    -------
    TightBindingFit

    Raises
    ------
    ValueRangeError
        A concentration is negative or a constant is not positive.
    """
    t = titration
    lanes = len(t.responses)

    def residuals(parameters: Floats) -> Floats:
        bottom = parameters[:, 2:] if t.residual_activity else 0.0
        return np.asarray((parameters[:, 1:2] * t.free_share(parameters[:, 0]) + bottom - t.responses) * t.roots)

    def jacobian(parameters: Floats) -> Floats:
        share = t.free_share(parameters[:, 0])
        slope = (t.free_share(parameters[:, 0] + _LN_STEP) - t.free_share(parameters[:, 0] - _LN_STEP)) / (2 * _LN_STEP)
        columns = [parameters[:, 1:2] * slope, share] + ([np.ones_like(share)] if t.residual_activity else [])
        return np.asarray(np.stack(columns, axis=2) * t.roots[np.newaxis, :, np.newaxis])

    fit = fit_least_squares(residuals, _best_start(t), jacobian=jacobian)
    _, at_zero = t.plateaus(t.free_share(np.log(t.enzyme[:, 0] * _STARTS[0])))
    bottom = fit.parameters[:, 2] if t.residual_activity else np.zeros(lanes)
    return TightBindingFit(fit.parameters[:, 0], fit.parameters[:, 1], bottom, fit.sum_of_squares, at_zero, fit.status)


def _best_start(titration: Titration) -> Floats:
    """The best of a grid of constants in each lane, with its plateaus; by the closed form, which is much quicker."""
    log_enzyme = np.log(titration.enzyme[:, 0])
    tried = []
    for factor in _STARTS:
        constant = log_enzyme + np.log(factor)
        found, squares = titration.plateaus(titration.free_share(constant, "preformed"))
        tried.append((np.column_stack([constant, found]), squares))
    best = np.argmin([squares for _, squares in tried], axis=0)
    return np.array([tried[k][0][lane] for lane, k in enumerate(best)])


def upper_limit(titration: Titration, misfit: float, rise: float) -> float:
    """Return the largest apparent constant that the data allow, by the profile of the misfit.

    Parameters
    ----------
    titration : Titration
        One lane.
    misfit : float
        Smallest weighted sum of squares.
    rise : float
        By how much it may rise: 2.706 for a one-sided 95 % limit with known variances.

    Returns
    -------
    float
        nM; infinite where no constant is excluded.
    """
    grid = np.log(float(titration.enzyme[0, 0])) + np.log(np.geomspace(_STARTS[0], _STARTS[-1], 241))
    squares = np.array([titration.plateaus(titration.free_share(np.array([g])))[1][0] for g in grid])
    allowed = np.flatnonzero(squares <= misfit + rise)
    if not len(allowed) or allowed[-1] == len(grid) - 1:
        return float("inf")
    k = int(allowed[-1])
    share = (misfit + rise - squares[k]) / (squares[k + 1] - squares[k])
    return float(np.exp(grid[k] + share * (grid[k + 1] - grid[k])))
