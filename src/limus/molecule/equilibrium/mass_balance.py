"""The general equilibrium: any set of species, each a product of components, with the total of each component known.

With u the logarithms of the free components and ``s_j = beta_j exp(sum_n nu_jn u_n)`` the species, the equilibrium is
the minimum of the convex function ``F(u) = sum_j s_j - sum_n T_n u_n``, whose gradient is the mass balance. It is found
by damped Newton steps, for all lanes at once.

In floating point the difficulty is not finding the minimum but keeping digits where binding is tight: the free
concentrations are then small differences of large totals. So each step is written in the basis of the *dominant*
species: the N largest independent ones. There a balance reads, for two equal partners that are nearly all bound,
``A - P = a - p`` instead of ``A = a + complex``: every species in a balance is no larger than that balance's own basis
species, so rounding stays relative to it. The change of basis has entries 0, 1/2, 1, 2 and is exact; the totals are
combined in doubled precision.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import SolveError
from limus.molecule.equilibrium.concentrations import Floats

__all__ = ["solve_mass_balance"]

SWEEPS = 6
MOST_STEPS = 300
LARGEST_LOG_STEP = 20.0
STEP_TOLERANCE = 1e-12
ELEMENTS_AT_ONCE = 2_000_000


def solve_mass_balance(totals: Floats, stoichiometry: Floats, log_association: Floats) -> Floats:
    """Return the concentration of every species at equilibrium.

    Parameters
    ----------
    totals : (B, N) numpy.ndarray
        Totals of the components in B lanes, 0 or more, one unit.
    stoichiometry : (J, N) numpy.ndarray
        How often each component stands in each species, 0 or 1; the first N rows are the identity (the free
        components).
    log_association : (B, J) numpy.ndarray
        Natural logarithm of the overall association constant of each species, 0 for the free components, minus
        infinity for a species that does not form.

    Returns
    -------
    (B, J) numpy.ndarray
        Concentrations, same unit; 0 where a component is absent.

    Raises
    ------
    SolveError
        A lane did not converge (not known to happen).
    """
    present = totals > 0
    formed = ~((~present)[:, np.newaxis, :] & (stoichiometry > 0)).any(axis=2)
    components = totals.shape[1]
    association = np.where(formed, log_association, -np.inf)
    # An absent component is given an amount of 1 and no partner; its species are set to zero at the end.
    association[:, :components] = 0.0
    amounts = np.where(present, totals, 1.0)
    species = np.empty_like(association)
    lanes = max(1, ELEMENTS_AT_ONCE // stoichiometry.size)
    for start in range(0, len(totals), lanes):
        part = slice(start, start + lanes)
        species[part] = _solve_lanes(amounts[part], stoichiometry, association[part])
    return np.where(formed, species, 0.0)


def _solve_lanes(totals: Floats, stoichiometry: Floats, association: Floats) -> Floats:
    log_species = association + _first_guess(totals, stoichiometry, association) @ stoichiometry.T
    pending = np.arange(len(totals))
    for _ in range(MOST_STEPS):
        if not len(pending):
            return np.exp(log_species)
        log_species[pending], done = _newton_step(
            totals[pending], stoichiometry, association[pending], log_species[pending]
        )
        pending = pending[~done]
    raise SolveError("mass balance", f"{MOST_STEPS} steps", "convergence", "report the totals and constants")


def _first_guess(totals: Floats, stoichiometry: Floats, association: Floats) -> Floats:
    """Minimise F along one component after the other, which is exact: ``free_n`` times T_n over its present sum."""
    log_free: Floats = np.log(totals)
    for _ in range(SWEEPS):
        for n in range(totals.shape[1]):
            species = np.exp(association + log_free @ stoichiometry.T)
            log_free[:, n] += np.log(totals[:, n] / (species @ stoichiometry[:, n]))
    return log_free


def _newton_step(
    totals: Floats, stoichiometry: Floats, association: Floats, log_species: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Take one damped Newton step; return the new logarithms and which lanes have arrived."""
    basis, change = _dominant_basis(log_species, stoichiometry)
    log_basis = np.take_along_axis(log_species, basis, axis=1)
    # The species anew from the basis, so that they obey mass action to rounding whatever happened before.
    offset = association - _apply(change, np.take_along_axis(association, basis, axis=1))
    species = np.exp(offset + _apply(change, log_basis))
    missing = _combine_totals(totals, change) - np.einsum("bjk,bj->bk", change, species)
    scale = np.exp(-0.5 * log_basis)
    weighted = change * np.sqrt(species)[:, :, np.newaxis] * scale[:, np.newaxis, :]
    hessian = np.swapaxes(weighted, 1, 2) @ weighted
    direction = scale * np.linalg.solve(hessian, (scale * missing)[:, :, np.newaxis])[:, :, 0]
    slopes = _apply(change, direction)
    largest = np.max(np.abs(slopes), axis=1, where=species > 0, initial=0.0)
    gain = (missing * direction).sum(axis=1)
    share = _step_share(species, slopes, largest, gain)
    new = offset + _apply(change, log_basis + share[:, np.newaxis] * direction)
    return new, (share == 1) & (largest < STEP_TOLERANCE)


def _step_share(species: Floats, slopes: Floats, largest: Floats, gain: Floats) -> Floats:
    """Halve the step until F falls by a tenth of what its slope promises (Armijo's rule).

    ``F(u + a d) - F(u) = -a gain + sum_j s_j (exp(a l_j) - 1 - a l_j)``: no cancellation. Steps below 0.001 are in the
    region where Newton's method converges quadratically and are taken whole.
    """
    share = np.minimum(1.0, LARGEST_LOG_STEP / np.maximum(largest, 1e-300))
    while True:
        moved = share[:, np.newaxis] * np.where(species > 0, slopes, 0.0)
        curvature = (species * (np.expm1(moved) - moved)).sum(axis=1)
        long = (share * largest > 1e-3) & (curvature > 0.9 * share * gain)
        if not long.any():
            return share
        share = np.where(long, 0.5 * share, share)


def _dominant_basis(log_species: Floats, stoichiometry: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Choose the N largest independent species of each lane, greedily, by elimination.

    Returns
    -------
    basis : (B, N) numpy.ndarray of int
        Index of the species in each place of the basis.
    change : (B, J, N) numpy.ndarray
        Every species as powers of the basis species; its first N rows also turn totals into totals of the basis.
    """
    lanes = np.arange(len(log_species))
    components = stoichiometry.shape[1]
    change = np.repeat(stoichiometry[np.newaxis], len(lanes), axis=0)
    weight = np.maximum(log_species, -1e300)
    basis = np.zeros((len(lanes), components), dtype=np.intp)
    used = np.zeros((len(lanes), components), dtype=np.bool_)
    for _ in range(components):
        independent = ((change != 0) & ~used[:, np.newaxis, :]).any(axis=2)
        chosen = np.argmax(np.where(independent, weight, -np.inf), axis=1)
        row = change[lanes, chosen]
        place = np.argmax(np.where(used, 0.0, np.abs(row)), axis=1)
        column = change[lanes, :, place] / row[lanes, place][:, np.newaxis]
        row[lanes, place] = 0.0
        change -= column[:, :, np.newaxis] * row[:, np.newaxis, :]
        change[lanes, :, place] = column
        used[lanes, place] = True
        basis[lanes, place] = chosen
    return basis, change


def _combine_totals(totals: Floats, change: Floats) -> Floats:
    """Return the totals of the basis species, ``sum_n change_nk T_n``, summed in doubled precision."""
    result = np.zeros_like(totals)
    lost = np.zeros_like(totals)
    for n in range(totals.shape[1]):
        term = change[:, n, :] * totals[:, n, np.newaxis]
        new = result + term
        shadow = new - result
        lost += (result - (new - shadow)) + (term - shadow)
        result = new
    return result + lost


def _apply(change: Floats, log_basis: Floats) -> Floats:
    return np.einsum("bjk,bk->bj", change, log_basis)
