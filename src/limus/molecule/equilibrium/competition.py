"""Several ligands that compete for one partner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from limus.kernel.errors import SolveError
from limus.molecule.equilibrium.concentrations import Floats, read_constant, read_total, seal

__all__ = ["CompetitiveEquilibrium", "bind_competitively"]

MOST_STEPS = 400


@dataclass(frozen=True, eq=False)
class CompetitiveEquilibrium:
    """Concentrations at equilibrium of L ligands that share one partner.

    Attributes
    ----------
    free_ligands, complexes : (..., L) numpy.ndarray
        Free ligands and their complexes, in the unit of the totals.
    free_partner : (...) numpy.ndarray
        Free partner.
    """

    free_ligands: Floats
    free_partner: Floats
    complexes: Floats


def bind_competitively(
    ligands_total: ArrayLike, partner_total: ArrayLike, dissociation_constants: ArrayLike
) -> CompetitiveEquilibrium:
    """Solve the binding of several ligands to one partner, with depletion of all.

    The free partner p solves ``g(p) = p + sum_i A_i p / (K_i + p) - P = 0``. g rises and is concave, so Newton's
    method from the lower bound ``P / (1 + sum_i A_i / K_i)`` rises monotonically to the root and cannot fail; it is
    kept inside that bound and P.

    Parameters
    ----------
    ligands_total : (..., L) array_like
        Totals A_i of the ligands, 0 or more, one unit (nM).
    partner_total : (...) array_like
        Total P of the partner, 0 or more; broadcast against the leading axes.
    dissociation_constants : (..., L) array_like
        K_i, positive; infinity for a ligand that does not bind.

    Returns
    -------
    CompetitiveEquilibrium
        Concentrations in the broadcast shape, same unit; relative error below 1e-14.

    Raises
    ------
    ValueRangeError
        A total is negative, NaN or infinite, or a constant is NaN or not positive.
    SolveError
        The iteration did not end (not known to happen).

    Notes
    -----
    Wang (1995) FEBS Lett 360:111 gives the cubic for two ligands, which loses digits under tight binding.

    Examples
    --------
    >>> result = bind_competitively([10.0, 10.0], 10.0, [1.0, 1.0])
    >>> bool(result.complexes[0] == result.complexes[1])
    True
    """
    ligands = np.atleast_1d(read_total("ligands_total", ligands_total))
    partner = read_total("partner_total", partner_total)
    constants = np.atleast_1d(read_constant("dissociation_constants", dissociation_constants, infinite=True))
    ligands, constants, column = np.broadcast_arrays(ligands, constants, partner[..., np.newaxis])
    partner = column[..., 0]
    free = _solve_free_partner(ligands, partner, constants)
    share = 1 / (1 + free[..., np.newaxis] / constants)
    with np.errstate(invalid="ignore"):
        occupancy = np.where(np.isinf(constants), 0.0, free[..., np.newaxis] / (constants + free[..., np.newaxis]))
    return CompetitiveEquilibrium(
        free_ligands=seal(ligands * share), free_partner=seal(free), complexes=seal(ligands * occupancy)
    )


def _solve_free_partner(ligands: Floats, partner: Floats, constants: Floats) -> Floats:
    lower = partner / (1 + (ligands / constants).sum(axis=-1))
    free = lower
    for _ in range(MOST_STEPS):
        residual, slope = _missing_partner(free, ligands, partner, constants)
        new = np.clip(free + residual / slope, lower, partner)
        if bool(np.all(np.abs(new - free) <= 4 * np.finfo(np.float64).eps * new)):
            return new
        free = new
    raise SolveError("bind_competitively", f"{MOST_STEPS} steps", "convergence", "report the totals and constants")


def _missing_partner(free: Floats, ligands: Floats, partner: Floats, constants: Floats) -> tuple[Floats, Floats]:
    """Return -g(p) and g'(p), without cancellation.

    A ligand that is mostly bound (p > K_i) enters with its free part: ``P - A_i = p + ... - free_i``. Then every term
    is at most of the size of p g'(p), and only the difference of the totals, summed in doubled precision, is small.
    """
    p = free[..., np.newaxis]
    unbound = 1 / (1 + p / constants)
    saturated = p > constants
    difference, lost = partner, np.zeros_like(partner)
    for i in range(ligands.shape[-1]):
        term = np.where(saturated[..., i], -ligands[..., i], 0.0)
        total = difference + term
        shadow = total - difference
        lost = lost + ((difference - (total - shadow)) + (term - shadow))
        difference = total
    parts = np.where(saturated, ligands * unbound, -ligands * (p / constants) * unbound).sum(axis=-1)
    slope = 1 + (ligands / constants * unbound**2).sum(axis=-1)
    return (difference - free + parts) + lost, slope
