"""A drug, its immunophilin and the target of their complex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from limus.molecule.equilibrium.concentrations import Floats, read_constant, read_total, seal
from limus.molecule.equilibrium.pools import bind_pools

__all__ = ["TernaryEquilibrium", "bind_ternary"]


@dataclass(frozen=True, eq=False)
class TernaryEquilibrium:
    """Concentrations at equilibrium of a ligand, its immunophilin and the target of the complex.

    Attributes
    ----------
    free_ligand, free_immunophilin, free_target : numpy.ndarray
        What is bound to nothing, in the unit of the totals.
    complex : numpy.ndarray
        Ligand and immunophilin, without target.
    ternary : numpy.ndarray
        Ligand, immunophilin and target.
    ligand_target : numpy.ndarray
        Ligand on the target without immunophilin.
    """

    free_ligand: Floats
    free_immunophilin: Floats
    free_target: Floats
    complex: Floats
    ternary: Floats
    ligand_target: Floats


def bind_ternary(
    ligand_total: ArrayLike,
    immunophilin_total: ArrayLike,
    target_total: ArrayLike,
    binary_constant: ArrayLike,
    complex_target_constant: ArrayLike,
    ligand_target_constant: ArrayLike = np.inf,
) -> TernaryEquilibrium:
    """Solve drug + immunophilin <-> complex, complex + target <-> ternary, with depletion of all three.

    ``complex = a p / K``, ``ternary = complex t / Q``, ``ligand_target = a t / D``.

    Parameters
    ----------
    ligand_total, immunophilin_total, target_total : array_like
        Totals, 0 or more, one unit (nM); broadcastable.
    binary_constant : array_like
        K of ligand and immunophilin, positive, same unit.
    complex_target_constant : array_like
        Q of the complex and the target, positive; infinity for none.
    ligand_target_constant : array_like
        D of the ligand alone and the target, positive; infinity (the default) for none. Sirolimus alone binds the FRB
        domain of mTOR weakly: Banaszynski, Liu and Wandless (2005) J Am Chem Soc 127:4715.

    Returns
    -------
    TernaryEquilibrium
        Concentrations in the broadcast shape, same unit; relative error below 1e-12.

    Raises
    ------
    ValueRangeError
        A total is negative, NaN or infinite, or a constant is NaN or not positive.
    SolveError
        A lane did not converge (not known to happen).

    Examples
    --------
    >>> result = bind_ternary(10.0, 100.0, 5.0, 0.2, 12.0)
    >>> bool(abs(result.free_target + result.ternary - 5.0) < 1e-12)
    True
    """
    ligand, immunophilin, target, binary, ternary, direct = np.broadcast_arrays(
        read_total("ligand_total", ligand_total),
        read_total("immunophilin_total", immunophilin_total),
        read_total("target_total", target_total),
        read_constant("binary_constant", binary_constant, infinite=True),
        read_constant("complex_target_constant", complex_target_constant, infinite=True),
        read_constant("ligand_target_constant", ligand_target_constant, infinite=True),
    )
    pools = bind_pools(
        ligand[..., np.newaxis],
        immunophilin[..., np.newaxis],
        target[..., np.newaxis],
        binary[..., np.newaxis, np.newaxis],
        ternary[..., np.newaxis, np.newaxis, np.newaxis],
        direct[..., np.newaxis, np.newaxis],
    )
    return TernaryEquilibrium(
        free_ligand=seal(pools.free_ligands[..., 0]),
        free_immunophilin=seal(pools.free_immunophilins[..., 0]),
        free_target=seal(pools.free_targets[..., 0]),
        complex=seal(pools.complexes[..., 0, 0]),
        ternary=seal(pools.ternaries[..., 0, 0, 0]),
        ligand_target=seal(pools.ligand_targets[..., 0, 0]),
    )
