r"""Bayesian network meta-analysis of events by arm, without a normal approximation and without a zero-cell correction.

::

    events_ik ~ Binomial(n_ik, p_ik)      logit p_ik = mu_i + d_t(ik) + u_ik      u_ik ~ N(0, tau^2/2)

so the log odds ratio of two arms of a study varies with variance tau^2 and two of them share half of it: the model of
the evidence synthesis guides (Dias and others 2011) in other letters. Priors: mu_i and each d against the reference
N(0, 100^2); tau uniform from 0 to ``widest_tau``, or half-normal with ``half_normal_tau``.

Sampler, for all chains at once: each logit by a Metropolis step scaled by its curvature; (mu, d) given the logits from
their normal distribution; tau by a Metropolis step on its logarithm. Where tau is small the logits hold (mu, d) fast,
so a second pass moves (mu, d) and tau with u/tau held, where the data decide. Steps are tuned in the warm-up only.

R-hat (split chains) and the effective sample size (initial positive sequence) say whether to believe the draws.

Source: Dias, Welton, Sutton and Ades 2011, NICE DSU Technical Support Documents 2 and 4; Yu and Meng 2011, J Comput
Graph Stat 20:531 (the two passes); Gelman and others 2013, Bayesian Data Analysis, 11.4 and 11.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["BinomialArms", "BinomialDraws", "sample_binomial"]

Floats = NDArray[np.float64]

_PRIOR_SD = 100.0
_SMALLEST_TAU = 1e-4
_TUNED_EVERY = 50


@dataclass(frozen=True, slots=True, eq=False)
class BinomialArms:
    """Arms of a connected network of T treatments and K studies.

    Attributes
    ----------
    study, treatment : (A,) of int
        Treatment 0 is the reference.
    events, n : (A,)
    """

    study: NDArray[np.intp]
    treatment: NDArray[np.intp]
    events: Floats
    n: Floats

    @classmethod
    def create(cls, study: Sequence[int], treatment: Sequence[int], events: ArrayLike, n: ArrayLike) -> BinomialArms:
        """Check and make the arms.

        Parameters
        ----------
        study, treatment : sequence of int
            Numbers from 0 without a gap.
        events, n : (A,) array_like

        Returns
        -------
        BinomialArms

        Raises
        ------
        ValueRangeError
            Counts that cannot be, fewer than two treatments, or a treatment that no study connects to the reference.
        """
        s, t = np.asarray(study, dtype=np.intp), np.asarray(treatment, dtype=np.intp)
        e, size = np.asarray(events, dtype=float), np.asarray(n, dtype=float)
        if not ((e >= 0) & (e <= size) & (size >= 1)).all():
            raise ValueRangeError("arms", "counts that cannot be", "0 <= events <= n, n at least 1", "correct them")
        reached = {0}
        for _ in range(int(t.max()) + 1):
            reached |= {int(x) for at in set(s[np.isin(t, list(reached))]) for x in t[s == at]}
        if len(reached) < 2 or len(reached) <= int(t.max()):
            got = f"{len(reached)} of {int(t.max()) + 1} treatments reached"
            raise ValueRangeError("arms", got, "a connected network", "analyse its components apart")
        return cls(s, t, e, size)


@dataclass(frozen=True, slots=True, eq=False)
class BinomialDraws:
    """Draws of C chains, N each.

    Attributes
    ----------
    effect : (C, N, T)
        Log odds ratios against the reference, whose column is zero.
    tau : (C, N)
    r_hat, effective : (T,)
        Of the effects against the reference and, in place of the reference, of tau.
    """

    effect: Floats
    tau: Floats
    r_hat: Floats
    effective: Floats

    @property
    def converged(self) -> bool:
        """Whether all R-hat are below 1.01 and all effective sizes at least 400."""
        return bool((self.r_hat < 1.01).all() and (self.effective >= 400).all())


def sample_binomial(
    arms: BinomialArms,
    generator: np.random.Generator,
    *,
    chains: int = 4,
    draws: int = 5000,
    warm_up: int = 2000,
    widest_tau: float = 5.0,
    half_normal_tau: float | None = None,
    further: Floats | None = None,
    advance: Callable[[], None] | None = None,
) -> BinomialDraws:
    """Sample the posterior distribution.

    Parameters
    ----------
    arms : BinomialArms
    generator : numpy.random.Generator
    chains, draws, warm_up : int
    widest_tau : float
        Upper end of tau's uniform prior.
    half_normal_tau : float, optional
        Scale of a half-normal prior in its place.
    further : (A,) array, optional
        Of a further effect omega: each arm's logit has so many times omega. Its draws stand behind the treatments'.
    advance : callable, optional
        Called a hundred times on the way.

    Returns
    -------
    BinomialDraws

    Raises
    ------
    ValueRangeError
        Fewer than two chains, too few draws, or a prior that is none.
    """
    for name, value, least in (("chains", chains, 2), ("draws", draws, 100), ("warm-up", warm_up, 100)):
        if value < least:
            raise ValueRangeError(name, value, f"{least} or more", "give more")
    if not (widest_tau > 0 and (half_normal_tau is None or half_normal_tau > 0)):
        raise ValueRangeError("prior of tau", widest_tau, "above zero", "give a positive number")
    state = _State(arms, generator, chains, (widest_tau, half_normal_tau), further)
    count = int(arms.treatment.max()) + 1 + (further is not None)
    effect, tau = np.zeros((chains, draws, count)), np.zeros((chains, draws))
    total = warm_up + draws
    for at in range(total):
        state.step()
        if at < warm_up and (at + 1) % _TUNED_EVERY == 0:
            state.tune()
        if at >= warm_up:
            effect[:, at - warm_up, 1:] = state.beta[:, state.studies :]
            tau[:, at - warm_up] = state.tau
        if advance is not None and (at + 1) % max(total // 100, 1) == 0:
            advance()
    series = [tau, *(effect[:, :, at] for at in range(1, count))]
    diagnosed = np.array([_diagnose(one) for one in series])
    return BinomialDraws(effect, tau, diagnosed[:, 0], diagnosed[:, 1])


class _State:
    """Where the chains are; ``beta`` holds mu of every study, d of every treatment but the reference, and omega."""

    def __init__(
        self,
        arms: BinomialArms,
        generator: np.random.Generator,
        chains: int,
        prior: tuple[float, float | None],
        omega: Floats | None,
    ) -> None:
        self.arms, self.generator = arms, generator
        self.widest, self.half_normal = prior
        self.studies = int(arms.study.max()) + 1
        width = self.studies + int(arms.treatment.max()) + (omega is not None)
        self.design = np.zeros((len(arms.n), width))
        if omega is not None:
            self.design[:, -1] = omega
        self.design[np.arange(len(arms.n)), arms.study] = 1.0
        further = arms.treatment > 0
        self.design[np.flatnonzero(further), self.studies + arms.treatment[further] - 1] = 1.0
        p = (arms.events + 0.5) / (arms.n + 1)
        self.curve = arms.n * p * (1 - p)
        self.logit = np.log(p / (1 - p)) + 0.3 * generator.standard_normal((chains, len(p)))
        self.tau = generator.uniform(0.1, 0.9, chains) * min(self.widest, 1.0)
        self.beta = np.zeros((chains, width))
        self.gram = self.design.T @ self.design
        information = (self.design.T * self.curve) @ self.design + np.eye(width) / _PRIOR_SD**2
        self.jump = np.linalg.cholesky(np.linalg.inv(information))
        self.scale_logit, self.scale_tau, self.scale_free, self.scale_jump = 2.4, 0.4, 0.4, 2.4 / width**0.5
        self.accepted = np.zeros(4)

    def step(self) -> None:
        self._logits()
        self._means()
        self._tau_given_logits()
        self._tau_given_shape()
        self._means_given_shape()

    def tune(self) -> None:
        rates = self.accepted / _TUNED_EVERY
        factor = np.exp(np.clip(rates - np.array([0.44, 0.44, 0.44, 0.25]), -0.4, 0.4))
        self.scale_logit *= factor[0]
        self.scale_tau *= factor[1]
        self.scale_free *= factor[2]
        self.scale_jump *= factor[3]
        self.accepted[:] = 0

    def _likelihood(self, logit: Floats) -> Floats:
        return np.asarray(self.arms.events * logit - self.arms.n * np.logaddexp(0.0, logit))

    def _log_prior(self, tau: Floats) -> Floats:
        inside = (tau > _SMALLEST_TAU) & (tau < self.widest)
        if self.half_normal is not None:
            return np.where(tau > _SMALLEST_TAU, -0.5 * (tau / self.half_normal) ** 2, -np.inf)
        return np.where(inside, 0.0, -np.inf)

    def _accept(self, gain: Floats, kind: int) -> NDArray[np.bool_]:
        taken = np.log(self.generator.random(gain.shape)) < gain
        self.accepted[kind] += taken.mean()
        return taken

    def _logits(self) -> None:
        centre = self.beta @ self.design.T
        variance = self.tau[:, None] ** 2 / 2
        wide = self.scale_logit / np.sqrt(self.curve + 1 / variance)
        there = self.logit + wide * self.generator.standard_normal(self.logit.shape)
        gain = self._likelihood(there) - self._likelihood(self.logit)
        gain -= ((there - centre) ** 2 - (self.logit - centre) ** 2) / (2 * variance)
        self.logit = np.where(self._accept(gain, 0), there, self.logit)

    def _means(self) -> None:
        variance = self.tau[:, None, None] ** 2 / 2
        precision = self.gram / variance + np.eye(len(self.gram)) / _PRIOR_SD**2
        root = np.linalg.cholesky(precision)
        right = ((self.logit @ self.design) / variance[:, :, 0])[..., None]
        mean = np.linalg.solve(precision, right)
        noise = self.generator.standard_normal(right.shape)
        self.beta = (mean + np.linalg.solve(np.swapaxes(root, 1, 2), noise))[..., 0]

    def _tau_given_logits(self) -> None:
        square = ((self.logit - self.beta @ self.design.T) ** 2).sum(axis=1)
        there = self.tau * np.exp(self.scale_tau * self.generator.standard_normal(len(self.tau)))

        def height(tau: Floats) -> Floats:
            return np.asarray(self._log_prior(tau) - (self.logit.shape[1] - 1) * np.log(tau) - square / tau**2)

        self.tau = np.where(self._accept(height(there) - height(self.tau), 1), there, self.tau)

    def _tau_given_shape(self) -> None:
        centre = self.beta @ self.design.T
        shape = (self.logit - centre) / self.tau[:, None]
        there = self.tau * np.exp(self.scale_free * self.generator.standard_normal(len(self.tau)))
        moved = centre + shape * there[:, None]
        gain = (self._likelihood(moved) - self._likelihood(self.logit)).sum(axis=1)
        gain += self._log_prior(there) - self._log_prior(self.tau) + np.log(there / self.tau)
        taken = self._accept(gain, 2)
        self.tau = np.where(taken, there, self.tau)
        self.logit = np.where(taken[:, None], moved, self.logit)

    def _means_given_shape(self) -> None:
        step = self.scale_jump * self.generator.standard_normal(self.beta.shape) @ self.jump.T
        there = self.beta + step
        moved = self.logit + step @ self.design.T
        gain = (self._likelihood(moved) - self._likelihood(self.logit)).sum(axis=1)
        gain -= ((there**2 - self.beta**2) / (2 * _PRIOR_SD**2)).sum(axis=1)
        taken = self._accept(gain, 3)
        self.beta = np.where(taken[:, None], there, self.beta)
        self.logit = np.where(taken[:, None], moved, self.logit)


def _diagnose(series: Floats) -> tuple[float, float]:
    """Split R-hat and effective sample size of (C, N) draws."""
    half = series.shape[1] // 2
    split = np.concatenate([series[:, :half], series[:, half : 2 * half]])
    chains, length = split.shape
    within = float(split.var(axis=1, ddof=1).mean())
    between = length * float(split.mean(axis=1).var(ddof=1))
    pooled = (length - 1) / length * within + between / length
    if within <= 0:
        return np.inf, 0.0
    centred = split - split.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(centred, 2 * length, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, axis=1)[:, :length].mean(axis=0) / length
    correlation = 1 - (within - covariance) / pooled
    pairs = correlation[: length // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    kept = np.minimum.accumulate(pairs[: int(ends[0]) if len(ends) else len(pairs)])
    time = max(2 * float(kept.sum()) - 1, 1 / np.log10(max(chains * length, 10)))
    return float(np.sqrt(pooled / within)), chains * length / time
