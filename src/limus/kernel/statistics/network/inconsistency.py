r"""Whether the designs of a network agree: Q within and between designs.

A design is the set of treatments of a study. Q = Q_within + Q_between: within, each design has effects of
its own (the design-by-treatment interaction model); what consistency costs beyond it is between designs. With random
effects the same difference is taken at the tau2 of the interaction model, estimated within designs by moments.

Source: Krahn, Binder and König 2013, BMC Med Res Methodol 13:35; Higgins and others 2012, Res Synth Methods 3:98.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limus.kernel.statistics.network.fit import generalised_tau2
from limus.kernel.statistics.network.studies import Network, NetworkStudy
from limus.kernel.statistics.network.sums import Sums, add_up

__all__ = ["DesignQ", "QTest", "decompose_q"]


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
