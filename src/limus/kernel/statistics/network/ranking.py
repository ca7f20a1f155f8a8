r"""Ranks of treatments and how sure they are.

The P-score of i is the mean over the others of Phi((theta_i - theta_j)/se_ij) (the other way round where lower is
better): the certainty that i is better than another treatment, without resampling. Ranks, their probabilities, the
surface under their cumulative curve SUCRA = (T - mean rank)/(T - 1) and intervals of the rank come from draws of the
multivariate normal distribution of the effects. SUCRA's expectation is the P-score; both are shown, since a P-score
alone hides how wide the ranks are.

Source: Rücker and Schwarzer 2015, BMC Med Res Methodol 15:58; Salanti, Ades and Ioannidis 2011, J Clin Epidemiol
64:163.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.network.fit import NetworkFit

__all__ = ["Ranking", "rank_draws", "rank_treatments"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Ranks of T treatments; rank 1 is the best.

    Attributes
    ----------
    p_score : (T,)
        NaN where ranks come from draws only.
    sucra, mean_rank, median_rank, rank_lower, rank_upper : (T,)
        From the draws.
    probability : (T, T)
        Treatment by rank.
    draws : int
    """

    p_score: Floats
    sucra: Floats
    mean_rank: Floats
    median_rank: Floats
    rank_lower: Floats
    rank_upper: Floats
    probability: Floats
    draws: int


def rank_treatments(
    fit: NetworkFit,
    generator: np.random.Generator,
    *,
    lower_is_better: bool,
    draws: int = 20_000,
    level_percent: float = 95.0,
) -> Ranking:
    """Rank the treatments of a network.

    Parameters
    ----------
    fit : NetworkFit
    generator : numpy.random.Generator
    lower_is_better : bool
    draws : int
        At least 100.
    level_percent : float
        Of the intervals of the ranks, between 0 and 100.

    Returns
    -------
    Ranking

    Raises
    ------
    ValueRangeError
        Too few draws.
    """
    from scipy.special import ndtr  # noqa: PLC0415

    if draws < 100:
        raise ValueRangeError("ranking, draws", draws, "100 or more", "give more")
    count = len(fit.network.treatments)
    sign = -1.0 if lower_is_better else 1.0
    error = fit.standard_error + np.eye(count)
    certainty = ndtr(sign * fit.effect / error)
    p_score = (certainty.sum(axis=1) - 0.5) / (count - 1)
    values, vectors = np.linalg.eigh(fit.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    effects = np.zeros((draws, count))
    effects[:, 1:] = fit.effect[1:, 0] + generator.standard_normal((draws, count - 1)) @ root.T
    return rank_draws(effects, lower_is_better=lower_is_better, level_percent=level_percent, p_score=p_score)


def rank_draws(
    effects: Floats, *, lower_is_better: bool, level_percent: float = 95.0, p_score: Floats | None = None
) -> Ranking:
    """Rank the treatments in each draw of their effects.

    Parameters
    ----------
    effects : (N, T) array
        Against one reference, whose column is zero.
    lower_is_better : bool
    level_percent : float
    p_score : (T,) array, optional

    Returns
    -------
    Ranking
    """
    count, draws = effects.shape[1], len(effects)
    order = np.argsort(effects if lower_is_better else -effects, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, count + 1)[None, :], axis=1)
    probability = np.array([np.bincount(ranks[:, at], minlength=count + 1)[1:] for at in range(count)]) / draws
    mean = ranks.mean(axis=0)
    tail = (100 - level_percent) / 2
    low, middle, high = np.percentile(ranks, [tail, 50, 100 - tail], axis=0, method="inverted_cdf").astype(float)
    none = np.full(count, np.nan)
    sucra = (count - mean) / (count - 1)
    return Ranking(none if p_score is None else p_score, sucra, mean, middle, low, high, probability, draws)
