r"""Direct against indirect evidence of every pair of treatments (node splitting), in two ways.

The direct estimate d of a pair comes from the studies that have both arms, by inverse variance with the network's tau2.

**Back-calculation.** The network's estimate is n. With p = se_n^2/se_d^2 the indirect one is (n - p d)/(1 - p), its
variance se_n^2/(1 - p), and z = (d - i)/sqrt(se_d^2 + se_i^2). Where p is 1 there is no indirect evidence, without a
study there is no direct evidence: nothing can be compared, and the status says so. Studies of three arms and more count
for both sides, so the two are only nearly independent.

**Separate.** The indirect estimate comes from the studies that do not have both arms (of whatever design), with the
same tau2: the two sides share no study. It needs those studies to connect the pair, so there are fewer of them.

Source: Dias and others 2010, Stat Med 29:932; König, Krahn and Binder 2013, Stat Med 32:5414; Efthimiou and others
2019, Stat Med 38:2992 (separating indirect from direct design evidence).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from limus.kernel.statistics.network.fit import NetworkFit

__all__ = ["NodeSplit", "split_nodes"]

_ALL_DIRECT = 1e-8


@dataclass(frozen=True, slots=True)
class NodeSplit:
    """Direct against indirect evidence of one pair, first against second; NaN where there is none.

    Attributes
    ----------
    first, second : str
    studies : int
        With both arms.
    status : str
        ``both``, ``direct_only`` or ``indirect_only``.
    share : float
        Of the network estimate that is direct.
    direct, direct_error, indirect, indirect_error, network, network_error : float
    difference, difference_error, p : float
        Direct less indirect.
    separate, separate_error, separate_p : float
        Indirect evidence of the studies that do not have both arms, and the test of the direct against it.
    """

    first: str
    second: str
    studies: int
    status: str
    share: float
    direct: float
    direct_error: float
    indirect: float
    indirect_error: float
    network: float
    network_error: float
    difference: float
    difference_error: float
    p: float
    separate: float = np.nan
    separate_error: float = np.nan
    separate_p: float = np.nan


def split_nodes(fit: NetworkFit) -> tuple[NodeSplit, ...]:
    """Split every pair of treatments.

    Parameters
    ----------
    fit : NetworkFit

    Returns
    -------
    tuple of NodeSplit
        In the order of the treatments, later against earlier.
    """
    direct: dict[tuple[int, int], list[tuple[float, float]]] = {}
    index = {name: at for at, name in enumerate(fit.network.treatments)}
    for study in fit.network.studies:
        level, whole = np.append(0.0, study.effect), np.pad(study.covariance, ((1, 0), (1, 0)))
        for a, b in combinations(range(len(level)), 2):
            variance = float(whole[a, a] + whole[b, b] - 2 * whole[a, b]) + fit.tau2
            i, j = index[study.treatments[a]], index[study.treatments[b]]
            effect = float(level[b] - level[a])
            key, value = ((j, i), effect) if j > i else ((i, j), -effect)
            direct.setdefault(key, []).append((value, variance))
    count, apart = len(index), _Apart(fit)
    splits = []
    for a, b in combinations(range(count), 2):
        split = _split(fit, b, a, direct.get((b, a), []))
        splits.append(_against_the_rest(split, apart.effect(b, a)) if split.studies else split)
    return tuple(splits)


def _against_the_rest(split: NodeSplit, rest: tuple[float, float] | None) -> NodeSplit:
    from scipy.special import ndtr  # noqa: PLC0415

    if rest is None:
        return split
    effect, error = rest
    z = (split.direct - effect) / (split.direct_error**2 + error**2) ** 0.5
    return replace(split, separate=effect, separate_error=error, separate_p=2 * float(ndtr(-abs(z))))


class _Apart:
    """Effects of a pair from the studies that do not have both of its arms."""

    def __init__(self, fit: NetworkFit) -> None:
        index = {name: at for at, name in enumerate(fit.network.treatments)}
        count = len(index)
        self.arms, self.laplacians, self.rights = [], [], []
        self.laplacian, self.right = np.zeros((count, count)), np.zeros(count)
        self.together = np.zeros((count, count), dtype=int)
        for study in fit.network.studies:
            m = len(study.effect)
            contrast = np.hstack([-np.ones((m, 1)), np.eye(m)])
            inverse = np.linalg.inv(study.covariance + fit.tau2 * (np.eye(m) + 1) / 2)
            at = np.array([index[name] for name in study.treatments])
            self.arms.append(at)
            self.laplacians.append(contrast.T @ inverse @ contrast)
            self.rights.append(contrast.T @ inverse @ study.effect)
            self.laplacian[np.ix_(at, at)] += self.laplacians[-1]
            self.right[at] += self.rights[-1]
            self.together[np.ix_(at, at)] += 1

    def effect(self, first: int, second: int) -> tuple[float, float] | None:
        """First against second, and its standard error; None where nothing else connects them."""
        laplacian, right, together = self.laplacian.copy(), self.right.copy(), self.together.copy()
        for at, its_laplacian, its_right in zip(self.arms, self.laplacians, self.rights, strict=True):
            if first in at and second in at:
                laplacian[np.ix_(at, at)] -= its_laplacian
                right[at] -= its_right
                together[np.ix_(at, at)] -= 1
        reached = np.zeros(len(right), dtype=bool)
        reached[second] = True
        while True:
            wider = reached | (together[reached] > 0).any(axis=0)
            if (wider == reached).all():
                break
            reached = wider
        if not reached[first]:
            return None
        reached[second] = False
        others = np.flatnonzero(reached)
        chosen = (others == first).astype(float)
        sides = np.column_stack([right[others], chosen])
        found = np.linalg.solve(laplacian[np.ix_(others, others)], sides)
        return float(chosen @ found[:, 0]), float(chosen @ found[:, 1]) ** 0.5


def _split(fit: NetworkFit, first: int, second: int, found: list[tuple[float, float]]) -> NodeSplit:
    names = (fit.network.treatments[first], fit.network.treatments[second])
    n, error = float(fit.effect[first, second]), float(fit.standard_error[first, second])
    none = np.nan
    if not found:
        return NodeSplit(*names, 0, "indirect_only", 0.0, none, none, n, error, n, error, none, none, none)
    weights = np.array([1 / variance for _, variance in found])
    d, d_variance = float(weights @ [value for value, _ in found] / weights.sum()), float(1 / weights.sum())
    share = min(error**2 / d_variance, 1.0)
    d_error = d_variance**0.5
    if share > 1 - _ALL_DIRECT:
        return NodeSplit(*names, len(found), "direct_only", 1.0, d, d_error, none, none, n, error, none, none, none)
    from scipy.special import ndtr  # noqa: PLC0415

    i, i_error = (n - share * d) / (1 - share), error / (1 - share) ** 0.5
    off, off_error = d - i, (d_variance + i_error**2) ** 0.5
    p = 2 * float(ndtr(-abs(off / off_error)))
    return NodeSplit(*names, len(found), "both", share, d, d_error, i, i_error, n, error, off, off_error, p)
