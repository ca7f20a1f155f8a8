r"""Whether a network agrees with itself: Q within and between designs, and direct against indirect evidence.

**Designs.** A design is the set of treatments of a study. Q = Q_within + Q_between: within, each design has effects of
its own (the design-by-treatment interaction model); what consistency costs beyond it is between designs. With random
effects the same difference is taken at the tau2 of the interaction model, estimated within designs by moments.

**Node splitting** by back-calculation. The direct estimate d of a pair comes from the studies that have both arms, by
inverse variance with the network's tau2; the network's is n. With p = se_n^2/se_d^2 the indirect one is
(n - p d)/(1 - p), its variance se_n^2/(1 - p), and z = (d - i)/sqrt(se_d^2 + se_i^2). Where p is 1 there is no indirect
evidence, without a study there is no direct evidence: nothing can be compared, and the status says so. Studies of three
arms and more count for both sides, so the two are only nearly independent.

Source: Krahn, Binder and König 2013, BMC Med Res Methodol 13:35; Higgins and others 2012, Res Synth Methods 3:98; Dias
and others 2010, Stat Med 29:932; König, Krahn and Binder 2013, Stat Med 32:5414.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.network.fit import NetworkFit, generalised_tau2
from limus.kernel.statistics.network.studies import Network, NetworkStudy
from limus.kernel.statistics.network.sums import Sums, add_up

__all__ = ["DesignQ", "NodeSplit", "QTest", "decompose_q", "split_nodes"]

Floats = NDArray[np.float64]

_ALL_DIRECT = 1e-8


@dataclass(frozen=True, slots=True)
class QTest:
    """A Q with its degrees of freedom; p is NaN without any."""

    q: float
    degrees_of_freedom: int
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class DesignQ:
    """Heterogeneity and inconsistency.

    Attributes
    ----------
    total, within, between : QTest
        Common effects.
    between_random : QTest
        Between designs with random effects.
    tau2_within : float
        Of the interaction model; the one ``between_random`` takes.
    designs : tuple of (tuple of str, int, QTest)
        Each design: treatments, studies, Q within it.
    """

    total: QTest
    within: QTest
    between: QTest
    between_random: QTest
    tau2_within: float
    designs: tuple[tuple[tuple[str, ...], int, QTest], ...]


def decompose_q(network: Network) -> DesignQ:
    """Divide Q into what is within and what is between designs.

    Parameters
    ----------
    network : Network

    Returns
    -------
    DesignQ
    """
    groups: dict[frozenset[str], list[NetworkStudy]] = {}
    for study in network.studies:
        groups.setdefault(frozenset(study.treatments), []).append(study)
    parts = [Network.create(group) for group in groups.values()]
    at_zero = [_sums(part, 0.0) for part in parts]
    degrees = [part.degrees_of_freedom for part in parts]
    within_q = sum(found.q for found, df in zip(at_zero, degrees, strict=True) if df > 0)
    within_df = sum(degrees)
    tau2 = generalised_tau2(within_q, within_df, sum(found.trace for found in at_zero))
    total_q, total_df = _sums(network, 0.0).q, network.degrees_of_freedom
    between_df = total_df - within_df
    random_q = _sums(network, tau2).q - sum(_sums(part, tau2).q for part in parts)
    order = {name: at for at, name in enumerate(network.treatments)}
    designs = [
        (tuple(sorted(part.treatments, key=order.__getitem__)), len(part.studies), _test(found.q, df))
        for part, found, df in zip(parts, at_zero, degrees, strict=True)
    ]
    return DesignQ(
        _test(total_q, total_df),
        _test(within_q, within_df),
        _test(total_q - within_q, between_df),
        _test(random_q, between_df),
        tau2,
        tuple(designs),
    )


def _sums(network: Network, tau2: float) -> Sums:
    return add_up(network.blocks(), len(network.treatments), tau2)


def _test(q: float, degrees_of_freedom: int) -> QTest:
    from scipy.special import chdtrc  # noqa: PLC0415

    if degrees_of_freedom <= 0:
        return QTest(0.0, 0, np.nan)
    return QTest(max(q, 0.0), degrees_of_freedom, float(chdtrc(degrees_of_freedom, max(q, 0.0))))


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
    count = len(index)
    return tuple(_split(fit, b, a, direct.get((b, a), [])) for a in range(count) for b in range(a + 1, count))


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
