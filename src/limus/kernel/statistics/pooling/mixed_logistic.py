r"""Odds ratios pooled from the counts themselves: a logistic model with an effect that varies between studies.

::

    logit p_i1 = a_i + theta + u_i/2        logit p_i2 = a_i - u_i/2        u_i ~ N(0, tau2)

a_i is free for each study (fixed study effects). There is nothing to correct in a zero cell, and no effect or variance
of a single study is needed, so the model holds for rare events where inverse variance does not. The likelihood of a
study is an integral over u_i, taken by adaptive Gauss-Hermite quadrature; all parameters are found together by Newton's
method with the observed information (Louis 1982), whose form is an arrow: the a_i know one another only through theta
and tau. Studies without events, or with nothing else, contribute nothing and are left out.

Source: Turner and others 2000, Stat Med 19:3417; Stijnen, Hamza and Özdemir 2010, Stat Med 29:3046; Jackson and others
2018, Stat Med 37:1059 (model 5, which metafor calls UM.FS with coding 1/2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import NothingSucceededError, ValueRangeError
from limus.kernel.statistics.pooling.two_by_two import TwoByTwo

__all__ = ["MixedLogistic", "fit_mixed_logistic"]

Floats = NDArray[np.float64]

_NODES = 15
_MOST_STEPS = 200
_SMALL_GRADIENT = 1e-9  # of the score, in units of its standard deviation
_ZERO_TAU = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class MixedLogistic:
    """A fitted model.

    Attributes
    ----------
    studies : int
        Those with events and non-events.
    estimate, standard_error : float
        theta, the log odds ratio.
    tau2 : float
        0 where the likelihood is greatest there.
    log_likelihood : float
        Without the binomial coefficients.
    """

    studies: int
    estimate: float
    standard_error: float
    tau2: float
    log_likelihood: float


def fit_mixed_logistic(tables: TwoByTwo, *, random: bool = True) -> MixedLogistic:
    """Fit the model.

    Parameters
    ----------
    tables : TwoByTwo
        K studies.
    random : bool
        Whether the effect varies between studies; False is logistic regression with fixed study effects.

    Returns
    -------
    MixedLogistic

    Raises
    ------
    ValueRangeError
        Fewer than two studies have both events and non-events, or one arm has no event, or nothing else, in any study.
    NothingSucceededError
        The likelihood's maximum was not reached.
    """
    events = tables.events_1 + tables.events_2
    some = tables.where((events > 0) & (events < tables.n_1 + tables.n_2))
    a, c, n_1, n_2 = some.events_1, some.events_2, some.n_1, some.n_2
    if len(a) < (2 if random else 1):
        got = f"{len(a)} studies with events and non-events"
        raise ValueRangeError("logistic model", got, "two or more", "use another method")
    if not (0 < a.sum() < n_1.sum() and 0 < c.sum() < n_2.sum()):
        got = f"{a.sum():g} of {n_1.sum():g} and {c.sum():g} of {n_2.sum():g} events"
        raise ValueRangeError("logistic model", got, "events and non-events in both arms", "use another method")
    odds = (a.sum() + 0.5) * (n_2.sum() - c.sum() + 0.5) / ((n_1.sum() - a.sum() + 0.5) * (c.sum() + 0.5))
    level = np.log((a + c) / (n_1 + n_2 - a - c)) - np.log(odds) / 2
    parameters = np.append(level, [np.log(odds), 0.5 if random else 0.0])
    fit = _climb(some, parameters, random)
    if random and abs(fit[0][-1]) < _ZERO_TAU:
        fit = _climb(some, np.append(fit[0][:-1], 0.0), random=False)
    found, point = fit
    core = point.core if abs(found[-1]) > 0 else point.core[:1, :1]
    error = float(np.sqrt(np.linalg.inv(core)[0, 0]))
    return MixedLogistic(len(a), float(found[-2]), error, float(found[-1] ** 2), point.height)


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """Log-likelihood, score and observed information at some parameters; the arrow's diagonal, barb and core."""

    height: float
    score: Floats
    diagonal: Floats
    barb: Floats
    core: Floats  # of theta and tau, the a_i taken out


def _climb(tables: TwoByTwo, parameters: Floats, random: bool) -> tuple[Floats, _Point]:
    """Newton's method with halved steps; without a random effect tau is held."""
    here = _look(tables, parameters, random)
    for _ in range(_MOST_STEPS):
        free = 2 if random else 1
        core = here.core[:free, :free]
        values, vectors = np.linalg.eigh(core)
        bent = np.maximum(np.abs(values), 1e-8 * np.abs(values).max())  # uphill where the likelihood is not concave
        barb = here.barb[:, :free]
        outer = here.score[-2:][:free] - barb.T @ (here.score[:-2] / here.diagonal)
        scaled = vectors.T @ outer / np.sqrt(bent)
        step = np.zeros_like(parameters)
        step[len(parameters) - 2 :][:free] = vectors @ (scaled / np.sqrt(bent))
        step[:-2] = (here.score[:-2] - barb @ step[len(parameters) - 2 :][:free]) / here.diagonal
        size = float(scaled @ scaled + np.sum(here.score[:-2] ** 2 / here.diagonal))
        if size < _SMALL_GRADIENT**2:
            return parameters, here
        share = min(1.0, 2.0 / float(np.abs(step).max()))
        better = _look(tables, parameters + share * step, random)
        while not better.height > here.height and share > 1e-10:
            share /= 2
            better = _look(tables, parameters + share * step, random)
        if not better.height > here.height:
            if size < 1e-8:  # as high as rounding can tell
                return parameters, here
            break
        parameters, here = parameters + share * step, better
    raise NothingSucceededError(
        "logistic model", "its likelihood's maximum was not reached", do="use inverse variance or Mantel-Haenszel"
    )


def _look(tables: TwoByTwo, parameters: Floats, random: bool) -> _Point:
    level, theta, tau = parameters[:-2], parameters[-2], parameters[-1]
    nodes, weights = _quadrature(tables, level, theta, tau) if random else (np.zeros((len(level), 1)), np.zeros((1, 1)))
    first, second = _logits(level[:, None], theta, tau * nodes)
    p_1, p_2 = _probability(first), _probability(second)
    a, c, n_1, n_2 = (x[:, None] for x in (tables.events_1, tables.events_2, tables.n_1, tables.n_2))
    terms = a * first - n_1 * np.logaddexp(0, first) + c * second - n_2 * np.logaddexp(0, second)
    terms = terms + weights - (nodes**2 / 2 if random else 0.0)
    highest = terms.max(axis=1, keepdims=True)
    share = np.exp(terms - highest)
    total = share.sum(axis=1, keepdims=True)
    share = share / total
    height = float((highest + np.log(total)).sum())
    # complete-data score and information of (a_i, theta, tau) at each node
    e_1, e_2 = a - n_1 * p_1, c - n_2 * p_2
    v_1, v_2 = n_1 * p_1 * (1 - p_1), n_2 * p_2 * (1 - p_2)
    one, half = np.ones_like(nodes), nodes / 2
    x_1, x_2 = np.stack([one, one, half]), np.stack([one, 0 * one, -half])
    scores = e_1 * x_1 + e_2 * x_2
    mean = (share * scores).sum(axis=-1)
    expected = np.einsum("kn,ikn,jkn->ijk", share * v_1, x_1, x_1) + np.einsum("kn,ikn,jkn->ijk", share * v_2, x_2, x_2)
    centred = scores - mean[..., None]
    information = expected - np.einsum("kn,ikn,jkn->ijk", share, centred, centred)
    diagonal = np.maximum(information[0, 0], 1e-3 * expected[0, 0])
    barb = information[0, 1:].T
    core = information[1:, 1:].sum(axis=-1) - (barb / diagonal[:, None]).T @ barb
    return _Point(height, np.append(mean[0], mean[1:].sum(axis=1)), diagonal, barb, core)


def _quadrature(tables: TwoByTwo, level: Floats, theta: float, tau: float) -> tuple[Floats, Floats]:
    """Nodes around each study's most likely u/tau, (K, nodes), and their log weights."""
    x, w = np.polynomial.hermite.hermgauss(_NODES)
    a, c, n_1, n_2 = tables.events_1, tables.events_2, tables.n_1, tables.n_2
    mode = np.zeros(len(level))
    curve = np.ones(len(level))
    for _ in range(50):
        p_1, p_2 = (_probability(part) for part in _logits(level, theta, tau * mode))
        slope = tau / 2 * (a - n_1 * p_1 - c + n_2 * p_2) - mode
        curve = tau**2 / 4 * (n_1 * p_1 * (1 - p_1) + n_2 * p_2 * (1 - p_2)) + 1
        step = np.clip(slope / curve, -1, 1)
        mode = mode + step
        if np.abs(step).max() < 1e-10:
            break
    wide = np.sqrt(2 / curve)
    nodes = mode[:, None] + wide[:, None] * x
    return nodes, np.log(w) + x**2 + np.log(wide)[:, None] - 0.5 * np.log(2 * np.pi)


def _logits(level: Floats, theta: float, effect: Floats) -> tuple[Floats, Floats]:
    return level + theta + effect / 2, level - effect / 2


def _probability(logit: Floats) -> Floats:
    from scipy.special import expit  # noqa: PLC0415

    return np.asarray(expit(logit))
