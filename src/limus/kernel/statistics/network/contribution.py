r"""How much each direct comparison contributes to each effect of a network, by random walks.

The network, its comparisons weighted by the adjusted weights of all studies, is an electric circuit. Between a and b
the evidence flows down the potential (L^+)(e_a - e_b); the flow over a comparison is its weight by the fall of
potential, the element of the hat matrix of aggregated comparisons. A walker from a follows the outgoing flows in their
proportions and ends in b; a path with k comparisons gives each of them 1/k of the path's probability. The flows have
no circles, so the sum over all paths is a sum over the comparisons and the numbers of steps before and after: exact,
and no path is listed. The shares of one effect add up to one.

Source: König, Krahn and Binder 2013, Stat Med 32:5414; Davies, Papakonstantinou, Nikolakopoulou, Rücker and Galla 2022,
Stat Med 41:2091.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.network.fit import NetworkFit

__all__ = ["Contributions", "share_evidence"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """Shares of E direct comparisons in N effects.

    Attributes
    ----------
    effects, comparisons : tuple of (str, str)
    share : (N, E)
        Rows add up to 1.
    """

    effects: tuple[tuple[str, str], ...]
    comparisons: tuple[tuple[str, str], ...]
    share: Floats


def share_evidence(fit: NetworkFit, effects: Sequence[tuple[str, str]]) -> Contributions:
    """Compute the contributions to some effects of a network.

    Parameters
    ----------
    fit : NetworkFit
    effects : sequence of (treatment, comparator)

    Returns
    -------
    Contributions

    Raises
    ------
    ValueRangeError
        A comparison has a negative adjusted weight, so that flows have no meaning; variances of a study with three or
        more arms make that.
    """
    names = fit.network.treatments
    index = {name: at for at, name in enumerate(names)}
    weight = -fit.laplacian
    np.fill_diagonal(weight, 0.0)
    size = float(np.abs(weight).max())
    if float(weight.min()) < -1e-9 * size:
        at = np.unravel_index(int(weight.argmin()), weight.shape)
        got = f"{names[at[1]]} against {names[at[0]]} has the weight {weight[at]:.3g}"
        raise ValueRangeError("contributions", got, "weights of zero or more", "look at the variances of its studies")
    rows, columns = np.nonzero(np.triu(weight > 1e-12 * size))
    inverse: Floats = np.asarray(np.linalg.pinv(fit.laplacian, hermitian=True), dtype=np.float64)
    edges = tuple((names[j], names[i]) for i, j in zip(rows, columns, strict=True))
    shares = [_walk(weight, inverse, index[a], index[b]) for a, b in effects]
    table = np.array([share[rows, columns] + share[columns, rows] for share in shares]).reshape(len(shares), len(edges))
    return Contributions(tuple(effects), edges, table)


def _walk(weight: Floats, inverse: Floats, start: int, end: int) -> Floats:
    """Shares (T, T) of the comparisons walked from row to column."""
    potential = inverse[:, start] - inverse[:, end]
    fall = potential[:, None] - potential[None, :]
    flow = np.where(fall > 1e-10 * np.abs(potential).max(), weight * fall, 0.0)
    out = flow.sum(axis=1, keepdims=True)
    step = np.divide(flow, out, out=np.zeros_like(flow), where=out > 1e-12 * flow.max())
    step[end] = 0.0
    forward, backward = [np.eye(len(weight))[start]], [np.eye(len(weight))[end]]
    while forward[-1].any():
        forward.append(forward[-1] @ step)
    while backward[-1].any():
        backward.append(step @ backward[-1])
    share = np.zeros_like(step)
    for before, reached in enumerate(forward):
        left = sum(after / (before + k + 1) for k, after in enumerate(backward))
        share += reached[:, None] * step * np.asarray(left)[None, :]
    return share
