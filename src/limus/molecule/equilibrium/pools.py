"""Several drugs, immunophilins and targets at once: who holds whom."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import InputError
from limus.molecule.equilibrium.concentrations import Floats, read_constant, read_total, seal
from limus.molecule.equilibrium.mass_balance import solve_mass_balance

__all__ = ["PoolEquilibrium", "bind_pools"]


@dataclass(frozen=True, eq=False)
class PoolEquilibrium:
    """Concentrations at equilibrium of L ligands, I immunophilins and T targets.

    Attributes
    ----------
    free_ligands : (..., L) numpy.ndarray
        Free ligands, in the unit of the totals.
    free_immunophilins : (..., I) numpy.ndarray
        Free immunophilins.
    free_targets : (..., T) numpy.ndarray
        Free targets.
    complexes : (..., L, I) numpy.ndarray
        Binary complexes of ligand and immunophilin.
    ternaries : (..., L, I, T) numpy.ndarray
        Ternary complexes of ligand, immunophilin and target.
    ligand_targets : (..., L, T) numpy.ndarray
        Ligand bound to a target without an immunophilin.
    """

    free_ligands: Floats
    free_immunophilins: Floats
    free_targets: Floats
    complexes: Floats
    ternaries: Floats
    ligand_targets: Floats


def bind_pools(
    ligands_total: ArrayLike,
    immunophilins_total: ArrayLike,
    targets_total: ArrayLike,
    binary_constants: ArrayLike,
    complex_target_constants: ArrayLike,
    ligand_target_constants: ArrayLike = np.inf,
) -> PoolEquilibrium:
    """Solve ligands that share immunophilins and whose complexes share targets.

    ``[A_i P_k] = a_i p_k / K_ik``, ``[A_i P_k T_t] = [A_i P_k] t_t / Q_ikt``, ``[A_i T_t] = a_i t_t / D_it``, with
    every total conserved. E.g. tacrolimus and sirolimus on FKBP12, ciclosporin on cyclophilin A; the first and the
    last complex on calcineurin, the sirolimus complex on mTORC1.

    Parameters
    ----------
    ligands_total : (..., L) array_like
        Totals of the ligands, 0 or more, one unit (nM).
    immunophilins_total : (..., I) array_like
        Totals of the immunophilins, same unit.
    targets_total : (..., T) array_like
        Totals of the targets, same unit.
    binary_constants : (..., L, I) array_like
        K, positive; infinity where a pair does not bind.
    complex_target_constants : (..., L, I, T) array_like
        Q of the complex for the target, positive; infinity where they do not bind.
    ligand_target_constants : (..., L, T) array_like
        D of the ligand alone for the target, positive; infinity (the default) for none.

    Returns
    -------
    PoolEquilibrium
        Concentrations in the broadcast leading shape, same unit; relative error below 1e-12.

    Raises
    ------
    ValueRangeError
        A total is negative, NaN or infinite, or a constant is NaN or not positive.
    InputError
        Shapes do not fit together.
    SolveError
        A lane did not converge (not known to happen).

    Examples
    --------
    >>> inf = float("inf")
    >>> pools = bind_pools([10.0, 5.0], [50.0], [8.0, 4.0], [[0.2], [0.3]], [[[20.0, inf]], [[inf, 12.0]]])
    >>> bool(abs(pools.ternaries.sum() + pools.free_targets.sum() - 12.0) < 1e-12)
    True
    """
    ligands = np.atleast_1d(read_total("ligands_total", ligands_total))
    immunophilins = np.atleast_1d(read_total("immunophilins_total", immunophilins_total))
    targets = np.atleast_1d(read_total("targets_total", targets_total))
    binary = read_constant("binary_constants", binary_constants, infinite=True)
    ternary = read_constant("complex_target_constants", complex_target_constants, infinite=True)
    direct = read_constant("ligand_target_constants", ligand_target_constants, infinite=True)
    sizes = ligands.shape[-1], immunophilins.shape[-1], targets.shape[-1]
    lead, totals, association = _flatten((ligands, immunophilins, targets), (binary, ternary, direct), sizes)
    species = _solve_formed(totals, _stoichiometry(*sizes), association)
    shapes = [sizes[:1], sizes[1:2], sizes[2:], sizes[:2], sizes, sizes[::2]]
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = np.split(species, ends[:-1], axis=1)
    return PoolEquilibrium(*(seal(part.reshape(*lead, *shape)) for part, shape in zip(parts, shapes, strict=True)))


def _flatten(
    pools: tuple[Floats, Floats, Floats], constants: tuple[Floats, Floats, Floats], sizes: tuple[int, int, int]
) -> tuple[tuple[int, ...], Floats, Floats]:
    """Return the leading shape, the totals (B, L + I + T) and the log association constants of all species (B, J)."""
    try:
        ends = sizes[:2], sizes, sizes[::2]
        full = [np.broadcast_to(c, np.broadcast_shapes(c.shape, end)) for c, end in zip(constants, ends, strict=True)]
        leads = [c.shape[: -len(end)] for c, end in zip(full, ends, strict=True)]
        lead = np.broadcast_shapes(*(pool.shape[:-1] for pool in pools), *leads)
        binary, ternary, direct = (
            -np.log(np.broadcast_to(c, (*lead, *end)).reshape(-1, *end)) for c, end in zip(full, ends, strict=True)
        )
    except ValueError as error:
        got = f"L, I, T = {sizes}; totals {[p.shape for p in pools]}; constants {[c.shape for c in constants]}"
        raise InputError("bind_pools", got, "constants (..., L, I), (..., L, I, T), (..., L, T)", str(error)) from None
    totals = np.concatenate([np.broadcast_to(p, (*lead, p.shape[-1])).reshape(-1, p.shape[-1]) for p in pools], axis=1)
    bound = (binary, binary[..., np.newaxis] + ternary, direct)
    flat = [block.reshape(len(totals), math.prod(block.shape[1:])) for block in bound]
    return lead, totals, np.concatenate([np.zeros_like(totals), *flat], axis=1)


def _stoichiometry(ligands: int, immunophilins: int, targets: int) -> Floats:
    """Return the components of each species: free ones, binary, ternary, ligand-target; shape (J, L + I + T)."""
    unit = np.eye(ligands + immunophilins + targets)
    a, p, t = np.split(unit, [ligands, ligands + immunophilins])
    binary = a[:, np.newaxis] + p[np.newaxis]
    ternary = binary[:, :, np.newaxis] + t
    direct = a[:, np.newaxis] + t[np.newaxis]
    return np.concatenate([unit, *(block.reshape(-1, len(unit)) for block in (binary, ternary, direct))])


def _solve_formed(totals: Floats, stoichiometry: Floats, association: Floats) -> Floats:
    """Leave out the species that form in no lane; they only cost time."""
    formed: NDArray[np.bool_] = np.any(np.isfinite(association), axis=0)
    formed[: totals.shape[1]] = True
    species = np.zeros_like(association)
    species[:, formed] = solve_mass_balance(totals, stoichiometry[formed], association[:, formed])
    return species
