r"""Node splitting in the Bayesian model of events: direct and indirect log odds ratios of a pair, sampled together.

For the pair (a, b), in every study that has both, the logit of a gets s omega more and that of b (1 - s) omega less.
Then d_a - d_b is what the other studies say, d_a - d_b + omega what those with both say, and omega their difference;
heterogeneity is one for both. In studies with two arms s is of no account. In those with more it decides which contrast
with the third arm is inconsistent too, and the result may depend on it: with s = 1/2 neither side is preferred.

A pair is split only if the studies without both arms still connect it (van Valkenhoef's rule).

Source: Dias and others 2010, Stat Med 29:932 (s = 1); White 2015, Stata Journal 15:951 (s = 1/2, "symmetric"); van
Valkenhoef and others 2016, Res Synth Methods 7:80.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.network.binomial import BinomialArms, sample_binomial

__all__ = ["BinomialSplit", "pairs_to_split", "split_binomial"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BinomialSplit:
    """Draws of one split, N of all chains together.

    Attributes
    ----------
    first, second : int
        The pair, first against second.
    direct, indirect : (N,)
        Log odds ratios.
    tau : (N,)
    r_hat, effective : float
        The worst of both treatments' effects, omega and tau.
    """

    first: int
    second: int
    direct: Floats
    indirect: Floats
    tau: Floats
    r_hat: float
    effective: float

    @property
    def difference(self) -> Floats:
        """Omega, the direct less the indirect log odds ratio."""
        return self.direct - self.indirect

    @property
    def p(self) -> float:
        """Twice the smaller share of draws on one side of no difference."""
        above = float((self.difference > 0).mean())
        return 2 * min(above, 1 - above)

    @property
    def converged(self) -> bool:
        """Whether R-hat is below 1.01 and the effective size at least 400."""
        return self.r_hat < 1.01 and self.effective >= 400


def pairs_to_split(arms: BinomialArms) -> tuple[tuple[int, int], ...]:
    """Return the pairs with both direct and independent indirect evidence, the later treatment first.

    Parameters
    ----------
    arms : BinomialArms

    Returns
    -------
    tuple of (int, int)
    """
    by_study = [set(arms.treatment[arms.study == study].tolist()) for study in np.unique(arms.study)]
    pairs = sorted({(a, b) for one in by_study for a in one for b in one if a > b}, key=lambda pair: pair[::-1])
    return tuple(pair for pair in pairs if _connected(pair, [one for one in by_study if not set(pair) <= one]))


def _connected(pair: tuple[int, int], studies: list[set[int]]) -> bool:
    reached, before = {pair[1]}, 0
    while len(reached) > before:
        before = len(reached)
        reached = reached.union(*(one for one in studies if one & reached))
    return pair[0] in reached


def split_binomial(
    arms: BinomialArms,
    pair: tuple[int, int],
    generator: np.random.Generator,
    *,
    share: float = 0.5,
    draws: int = 5000,
    warm_up: int = 2000,
    widest_tau: float = 5.0,
    half_normal_tau: float | None = None,
    advance: Callable[[], None] | None = None,
) -> BinomialSplit:
    """Split one pair.

    Parameters
    ----------
    arms : BinomialArms
    pair : tuple of int
        First against second; one of ``pairs_to_split``.
    generator : numpy.random.Generator
    share : float
        s, between 0 and 1.
    draws, warm_up : int
        Of each of four chains.
    widest_tau, half_normal_tau : float
        Prior of tau, as for :func:`sample_binomial`.
    advance : callable, optional
        Called a hundred times on the way.

    Returns
    -------
    BinomialSplit

    Raises
    ------
    ValueRangeError
        A pair without direct or without independent indirect evidence.
    """
    if pair not in pairs_to_split(arms):
        allowed = ", ".join(f"{a} against {b}" for a, b in pairs_to_split(arms)) or "no pair can be split"
        raise ValueRangeError("split", f"{pair[0]} against {pair[1]}", allowed, "choose one of these")
    first, second = pair
    has = [set(arms.study[arms.treatment == one].tolist()) for one in pair]
    inside = np.isin(arms.study, list(has[0] & has[1]))
    further = inside * (share * (arms.treatment == first) - (1 - share) * (arms.treatment == second))
    found = sample_binomial(
        arms,
        generator,
        draws=draws,
        warm_up=warm_up,
        widest_tau=widest_tau,
        half_normal_tau=half_normal_tau,
        further=further,
        advance=advance,
    )
    indirect = (found.effect[:, :, first] - found.effect[:, :, second]).ravel()
    of_interest = [first, second, -1, 0]  # tau's diagnosis stands in the place of the reference
    return BinomialSplit(
        first,
        second,
        indirect + found.effect[:, :, -1].ravel(),
        indirect,
        found.tau.ravel(),
        float(found.r_hat[of_interest].max()),
        float(found.effective[of_interest].min()),
    )
