"""One ligand and one partner, 1:1, with depletion of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from limus.molecule.equilibrium.concentrations import Floats, read_constant, read_total, seal

__all__ = ["BinaryEquilibrium", "bind", "free_after_binding"]


@dataclass(frozen=True, eq=False)
class BinaryEquilibrium:
    """Concentrations at equilibrium of ligand + partner <-> complex.

    Attributes
    ----------
    free_ligand, free_partner, complex : numpy.ndarray
        Concentrations in the unit of the totals, in their broadcast shape.
    """

    free_ligand: Floats
    free_partner: Floats
    complex: Floats


def free_after_binding(total: Floats, other_total: Floats, dissociation_constant: Floats) -> Floats:
    """Return the free concentration of one partner of a 1:1 equilibrium, to a few units in the last place.

    The positive root of ``f**2 - b f - K A = 0`` with ``b = A - B - K``, in the one of its two forms that does not
    subtract: ``(b + r) / 2`` for b >= 0 and ``2 K A / (r - b)`` for b < 0, ``r = sqrt(b**2 + 4 K A)``.

    Parameters
    ----------
    total, other_total : numpy.ndarray
        Totals A of the partner asked for and B of the other one; broadcastable, 0 or more.
    dissociation_constant : numpy.ndarray
        K > 0, same unit.

    Returns
    -------
    numpy.ndarray
        Free concentration of the first partner, same unit.
    """
    balance = (total - other_total) - dissociation_constant
    root = np.hypot(balance, 2 * np.sqrt(dissociation_constant) * np.sqrt(total))
    rising = 0.5 * (balance + root)
    # At balance >= 0 this denominator may vanish by cancellation; that branch is not taken.
    denominator = np.where(balance < 0, root - balance, 1.0)
    return np.where(balance < 0, dissociation_constant * (2 * total / denominator), rising)


def bind(ligand_total: ArrayLike, partner_total: ArrayLike, dissociation_constant: ArrayLike) -> BinaryEquilibrium:
    """Solve 1:1 binding with depletion of both partners.

    ``complex = 2 A B / (A + B + K + sqrt((A - B)**2 + 2 K (A + B) + K**2))``; the free concentrations come from their
    own quadratics, so nothing is lost where one partner is in large excess.

    Parameters
    ----------
    ligand_total, partner_total : array_like
        Total concentrations A and B, 0 or more, one unit (nM); broadcastable.
    dissociation_constant : array_like
        K, positive, same unit.

    Returns
    -------
    BinaryEquilibrium
        Concentrations in the broadcast shape, same unit; relative error below 1e-14.

    Raises
    ------
    ValueRangeError
        A total is negative, NaN or infinite, or a constant is not positive and finite.

    Notes
    -----
    Mass action with conservation of both partners; Morrison (1969) Biochim Biophys Acta 185:269.

    Examples
    --------
    >>> result = bind(10.0, 10.0, 5.0)
    >>> float(result.complex), float(result.free_ligand)
    (5.0, 5.0)
    """
    ligand = read_total("ligand_total", ligand_total)
    partner = read_total("partner_total", partner_total)
    constant = read_constant("dissociation_constant", dissociation_constant)
    ligand, partner, constant = np.broadcast_arrays(ligand, partner, constant)
    root = np.hypot(ligand - partner, np.sqrt(constant) * np.sqrt(2 * (ligand + partner) + constant))
    larger, smaller = np.maximum(ligand, partner), np.minimum(ligand, partner)
    bound = smaller * (2 * larger / (ligand + partner + constant + root))
    return BinaryEquilibrium(
        free_ligand=seal(free_after_binding(ligand, partner, constant)),
        free_partner=seal(free_after_binding(partner, ligand, constant)),
        complex=seal(bound),
    )
