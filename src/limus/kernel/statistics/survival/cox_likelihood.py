r"""The partial likelihood of Cox regression, its gradient and information, by running sums.

With r_j = w_j exp(beta' x_j), and S0, S1, S2 the sums of r, r x, r x x' over a risk set, the k-th of d tied events
(Efron) takes off k/d of the tied events' own sums; Breslow takes off nothing::

    ln L = sum over events of [w beta' x - w_bar ln S0_k]
    U    = sum over events of [w x - w_bar S1_k/S0_k]
    I    = sum over events of w_bar [S2_k/S0_k - (S1_k/S0_k)(S1_k/S0_k)']

w_bar is the mean weight of the tied events. The sum over S2 needs no running sum of matrices: it is sum_j r_j H_j x_j
x_j', with H_j the hazard w_bar/S0_k summed over the events that j was at risk for.

Source: Efron 1977, J Am Stat Assoc 72:557; Breslow 1974, Biometrics 30:89; Therneau and Grambsch 2000, Modeling
survival data, section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.statistics.survival.cox_design import CoxDesign

__all__ = ["PartialLikelihood", "event_means", "partial_likelihood", "sum_later", "tied_sums"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PartialLikelihood:
    """The likelihood at one beta; covariates as scaled in the design.

    Attributes
    ----------
    value : float
        ln L.
    gradient, information : (P,), (P, P)
    risk : (N,)
        r, relative to the largest of its stratum.
    exposure : (N,)
        H_j.
    total, first : (B,), (P, B)
        S0 and S1 of each block.
    own_total, own_first : (T,), (P, T)
        The same sums over the events of each block of tied events.
    """

    value: float
    gradient: Floats
    information: Floats
    risk: Floats
    exposure: Floats
    total: Floats
    first: Floats
    own_total: Floats
    own_first: Floats


def partial_likelihood(design: CoxDesign, beta: Floats) -> PartialLikelihood:
    """Evaluate the partial likelihood.

    Parameters
    ----------
    design : CoxDesign
    beta : (P,)

    Returns
    -------
    PartialLikelihood

    Notes
    -----
    The mean of the k-th tied event is (S1 - f T1) u with f = k/d, u = 1/(S0 - f T0) and T0, T1 the tied events' own
    sums. So gradient and information need the block's sums of u, f u, u^2, f u^2 and f^2 u^2 only.
    """
    x, deaths = design.x, design.deaths
    eta = beta @ x
    # only ratios within a stratum matter: the largest is 1, nothing overflows
    top = np.maximum.reduceat(eta, design.stratum_start)
    eta -= top[0] if len(top) == 1 else top[design.stratum]
    risk = np.exp(eta)
    if design.weighted:
        risk *= design.weight
    weighted = np.multiply(x, risk, out=design.scratch[0])
    total = _risk_set_sums(design, risk[None, :], design.scratch[1, :1])[0]
    first = _risk_set_sums(design, weighted, design.scratch[1])
    hazard = design.block_weight / total
    square = hazard / total
    value = float(design.weight[deaths] @ eta[deaths] - design.block_weight @ np.log(total))
    own_total, own_first = np.zeros(0), np.zeros((len(x), 0))
    lag = np.zeros(0)
    if len(tied := design.tied):
        places, blocks, starts = deaths[tied], design.tied_block, design.tied_start
        own_total = np.add.reduceat(risk[places], starts)
        own_first = np.add.reduceat(weighted[:, places], starts, axis=1)
        f, w = design.fraction[tied], design.mean_weight[tied]
        left = (np.repeat(total[blocks], design.tied_count)) - f * np.repeat(own_total, design.tied_count)
        value -= float(w @ np.log(left) - design.block_weight[blocks] @ np.log(total[blocks]))
        u = w / left
        hazard[blocks], lag = np.add.reduceat(u, starts), np.add.reduceat(f * u, starts)
        u /= left
        square[blocks], cross = np.add.reduceat(u, starts), np.add.reduceat(f * u, starts)
        last = np.add.reduceat(f * f * u, starts)
    gradient = design.death_sum - first @ hazard
    spread = (first * square) @ first.T
    if len(tied):
        gradient += own_first @ lag
        mixed = (first[:, blocks] * cross) @ own_first.T
        spread += (own_first * last) @ own_first.T - mixed - mixed.T
    exposure = sum_later(design, hazard[None])[0]
    if len(tied):
        # the k-th of d tied events is at risk to the share 1 - k/d only
        exposure[places] -= np.repeat(lag, design.tied_count)
    weighted *= exposure
    information = weighted @ x.T - spread
    information = (information + information.T) / 2
    return PartialLikelihood(value, gradient, information, risk, exposure, total, first, own_total, own_first)


def event_means(design: CoxDesign, found: PartialLikelihood) -> tuple[Floats, Floats]:
    """Return the weighted mean of the covariates in the risk set of each event, and the hazard at it.

    Parameters
    ----------
    design : CoxDesign
    found : PartialLikelihood

    Returns
    -------
    tuple of ((P, D), (D,))
        S1_k/S0_k and w_bar/S0_k.
    """
    total, first = found.total[design.death_block], found.first[:, design.death_block]
    if len(tied := design.tied):
        f = design.fraction[tied]
        total[tied] -= f * np.repeat(found.own_total, design.tied_count)
        first[:, tied] -= f * np.repeat(found.own_first, design.tied_count, axis=1)
    return first / total, design.mean_weight / total


def _risk_set_sums(design: CoxDesign, values: Floats, running: Floats) -> Floats:
    """Sum rows of values over the risk set of each block; ``running`` is written over."""
    for start, stop in design.strata:  # a difference of sums over several strata would lose small ones
        np.cumsum(values[:, start:stop], axis=1, out=running[:, start:stop])
    sums = running.take(design.last, axis=1)
    if design.entry_order is not None and design.entry_last is not None and design.entry_first is not None:
        late = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values[:, design.entry_order], axis=1)], axis=1)
        sums = sums - (late[:, design.entry_last] - late[:, design.entry_first])
    return sums


def tied_sums(design: CoxDesign, values: Floats) -> Floats:
    """Sum over each block of tied events, and give the sum to each of its events.

    Parameters
    ----------
    design : CoxDesign
    values : (Q, D')
        At the tied events.

    Returns
    -------
    (Q, D')
    """
    return np.repeat(np.add.reduceat(values, design.tied_start, axis=1), design.tied_count, axis=1)


def sum_later(design: CoxDesign, blocks: Floats) -> Floats:
    """Sum over the blocks that each row was at risk for.

    Parameters
    ----------
    design : CoxDesign
    blocks : (Q, B)

    Returns
    -------
    (Q, N)
    """
    # one place more a stratum, with 0: the place of rows without any event at or before their time
    running = np.zeros((len(blocks), blocks.shape[1] + len(design.strata)))
    for shift, (start, stop) in enumerate(design.block_strata):
        part = blocks[:, start:stop]
        running[:, start + shift : stop + shift] = np.cumsum(part[:, ::-1], axis=1)[:, ::-1]
    found = running[:, design.row_block]
    return found if design.entry_block is None else found - running[:, design.entry_block]
