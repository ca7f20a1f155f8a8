"""The factored form of a system with sensitivities: what its blocks of states share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from limus.kernel.language import Expression

__all__ = ["Blocks"]


@dataclass(frozen=True, eq=False)
class Blocks:
    """Sensitivities s_j = dy/dp_j of S states to P parameters: ds_j/dt = J s_j + F_j, with J = df/dy, F_j = df/dp_j.

    The system's states are y, then s_1, ..., s_P. Its Jacobian has J on every diagonal block, and left of it, in the
    columns of y, D_j with D_j[i, b] = sum_a H[i, a, b] s_j[a] + dF_j[i]/dy_b, H = dJ/dy.

    Attributes
    ----------
    size : int
        S.
    parameters : tuple of str
        P inputs.
    slopes : mapping of (i, k) to Expression
        Entries of J that are not zero.
    curvatures : mapping of (i, a, b) to Expression
        Entries of H, which is symmetric in a and b, with a <= b.
    rates : mapping of (j, i) to Expression
        Entries of F, in the order of j.
    rate_slopes : mapping of (j, i, b) to Expression
        Entries of dF/dy, in the order of j.
    """

    size: int
    parameters: tuple[str, ...]
    slopes: Mapping[tuple[int, int], Expression]
    curvatures: Mapping[tuple[int, int, int], Expression]
    rates: Mapping[tuple[int, int], Expression]
    rate_slopes: Mapping[tuple[int, int, int], Expression]

    @property
    def bent(self) -> tuple[tuple[int, int], ...]:
        """Row and column of each entry that some D_j may have."""
        places = {(i, k) for i, a, b in self.curvatures for k in (a, b)}
        return tuple(sorted(places | {(i, b) for _, i, b in self.rate_slopes}))
