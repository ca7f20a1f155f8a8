r"""Draws from the posterior by importance resampling, with the marginal likelihood that comes with them.

Effects are drawn from a mixture q: a Student distribution around each mode with Laplace's covariance widened, and the
prior as a defence, so that weights :math:`w = p(y | \eta) p(\eta) / q(\eta)` stay bounded where the prior is. Where
the effective sample size :math:`(\sum w)^2 / \sum w^2` is small, q is extended by a Student distribution with the
weighted mean and covariance, more is drawn, and all draws are weighted by the mixture of all rounds. The mean of w is
the marginal likelihood of the patient's levels. Effects of occasions without a level are drawn from their prior.

Where the effective sample size stays small, many of the resampled draws are copies of a few. They are then moved apart
by some steps of a Metropolis random walk, each draw a chain of its own, which leaves the posterior as it is.

Adaptive multiple importance sampling: Cornuet and others 2012, Scand J Stat 39:798; the defence: Hesterberg 1995,
Technometrics 37:185; resampling and moving: Gilks and Berzuini 2001, J R Stat Soc B 63:127.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import spawn_generators
from limus.patient.map_estimate import MapEstimate
from limus.patient.posterior import Posterior, minus_twice_log

__all__ = ["FEW", "PosteriorDraws", "draw_posterior"]

Floats = NDArray[np.float64]

_FREEDOM = 6.0  # least, of the Student distributions; as many as dimensions, or their radius would vary too much
_WIDER = 1.05  # their scale over Laplace's
_DEFENCE = 0.05  # share of the prior in the mixture
_ENOUGH = 0.2  # effective share of the draws below which another round follows
_ROUNDS = 4
_AT_ONCE = 40_000  # vectors
FEW = 0.1  # effective share of the draws below which they are moved, and a finding says so
_MOVES = 40
_ACCEPTED = (0.15, 0.4)  # share of steps outside of which their length changes


@dataclass(frozen=True, eq=False)
class PosteriorDraws:
    """Equally weighted draws from the posterior of S patients.

    Attributes
    ----------
    effects : (S, R, K) array
    effective : (S,) array
        Effective sample size of the weighted draws that they come from.
    drawn : (S,) array of int
        How many those were.
    largest : (S,) array
        Share of the largest weight.
    log_marginal : (S,) array
        Natural logarithm of the marginal likelihood of the patient's levels; 0 without levels.
    log_marginal_error : (S,) array
        Its standard error by sampling.
    accepted : (S,) array
        Share of the steps that were accepted where the draws were moved; NaN where they were not.
    """

    effects: Floats
    effective: Floats
    drawn: NDArray[np.int64]
    largest: Floats
    log_marginal: Floats
    log_marginal_error: Floats
    accepted: Floats


@dataclass(frozen=True, eq=False)
class _Component:
    """A part of the proposal: Student's where ``freedom`` is finite, else normal."""

    mean: Floats
    root: Floats
    freedom: float
    share: float

    def draw(self, count: int, generator: np.random.Generator) -> Floats:
        normal = generator.standard_normal((count, len(self.mean))) @ self.root.T
        if np.isfinite(self.freedom):
            normal /= np.sqrt(generator.chisquare(self.freedom, count) / self.freedom)[:, None]
        return self.mean + normal

    def log_density(self, points: Floats) -> Floats:
        size = len(self.mean)
        rest = np.linalg.solve(self.root, (points - self.mean).T)
        square = (rest**2).sum(axis=0)
        volume = float(np.log(np.diag(self.root)).sum())
        if not np.isfinite(self.freedom):
            return np.asarray(-0.5 * square - volume - 0.5 * size * log(2.0 * pi))
        nu = self.freedom
        constant = lgamma(0.5 * (nu + size)) - lgamma(0.5 * nu) - 0.5 * size * log(nu * pi)
        return np.asarray(constant - volume - 0.5 * (nu + size) * np.log1p(square / nu))


def draw_posterior(posterior: Posterior, modes: MapEstimate, *, draws: int = 1000, seed: int = 1) -> PosteriorDraws:
    """Draw effects from the posterior of each patient.

    Parameters
    ----------
    posterior : Posterior
    modes : MapEstimate
        Of the same patients.
    draws : int
        R, 2 or more; so many are drawn in each round.
    seed : int

    Returns
    -------
    PosteriorDraws
    """
    patients = posterior.prediction.patients
    generators = spawn_generators(seed, patients, stream="posterior draws")
    together = max(1, _AT_ONCE // draws)
    parts = [
        _some_patients(posterior, modes, range(begin, min(begin + together, patients)), draws, generators)
        for begin in range(0, patients, together)
    ]
    effects, effective, drawn, largest, marginal, error, accepted = (
        np.concatenate([part[k] for part in parts]) for k in range(7)
    )
    return PosteriorDraws(effects, effective, drawn.astype(np.int64), largest, marginal, error, accepted)


def _some_patients(
    posterior: Posterior, modes: MapEstimate, patients: range, draws: int, generators: Sequence[np.random.Generator]
) -> tuple[Floats, ...]:
    work = [_Sampler(posterior, modes, patient, generators[patient]) for patient in patients]
    open_ = [sampler for sampler in work if sampler.is_informed]
    for round_ in range(_ROUNDS):
        if not open_:
            break
        points = [sampler.propose(draws) for sampler in open_]
        owner = np.repeat([sampler.patient for sampler in open_], draws)
        target = -0.5 * minus_twice_log(posterior, owner, np.concatenate(points)).reshape(len(open_), draws)
        for sampler, new, log_target in zip(open_, points, target, strict=True):
            sampler.add(new, log_target)
        open_ = [s for s in open_ if s.effective < _ENOUGH * draws * (round_ + 1)]
        for sampler in open_:
            sampler.adapt()
    found = [sampler.resample(draws) for sampler in work]
    columns = tuple(np.array([one[k] for one in found]) for k in range(6))
    accepted = np.full(len(work), np.nan)
    few = [k for k, s in enumerate(work) if s.is_informed and s.effective < FEW * len(s.points)]
    if few:
        columns[0][few], accepted[few] = _moved(posterior, [work[k] for k in few], columns[0][few])
    return (*columns, accepted)


def _moved(posterior: Posterior, work: Sequence[_Sampler], effects: Floats) -> tuple[Floats, Floats]:
    """Move the draws (n, R, K) of n patients by a random walk; the share of steps that were accepted."""
    count, draws, _ = effects.shape
    owner = np.repeat([sampler.patient for sampler in work], draws)

    def log_density(points: Floats) -> Floats:
        found = -0.5 * minus_twice_log(posterior, owner, points.reshape(count * draws, -1))
        return np.nan_to_num(found, nan=-np.inf).reshape(count, draws)

    here, height = effects.copy(), log_density(effects)
    roots = [sampler.walk_root() for sampler in work]
    scale, accepted = np.ones(count), np.zeros(count)
    for _ in range(_MOVES):
        there = here.copy()
        for k, sampler in enumerate(work):
            steps = sampler.generator.standard_normal((draws, len(roots[k]))) @ roots[k].T
            there[k][:, sampler.informed] += scale[k] * steps
        value = log_density(there)
        chance = np.stack([np.log(sampler.generator.random(draws)) for sampler in work])
        taken = chance < value - height
        here, height = np.where(taken[..., None], there, here), np.where(taken, value, height)
        share = taken.mean(axis=1)
        accepted += share / _MOVES
        scale *= np.where(share < _ACCEPTED[0], 0.7, np.where(share > _ACCEPTED[1], 1.4, 1.0))
    return here, accepted


class _Sampler:
    """The rounds of one patient."""

    def __init__(self, posterior: Posterior, modes: MapEstimate, patient: int, generator: np.random.Generator) -> None:
        self.patient, self.generator = patient, generator
        self.space = posterior.prediction.space
        self.informed = posterior.informed[patient]
        self.is_informed = bool(self.informed.any())
        self.freedom = max(_FREEDOM, float(self.informed.sum()))
        self.rounds = [self._around_modes(modes)] if self.is_informed else []
        self.points = np.zeros((0, self.space.size))
        self.log_target = np.zeros(0)
        self.completed = 0
        rest = ~self.informed
        self.rest_root = _root(self.space.covariance[np.ix_(rest, rest)]) if rest.any() else None

    def _around_modes(self, modes: MapEstimate) -> list[_Component]:
        inside = np.ix_(self.informed, self.informed)
        centres = [(modes.effects[self.patient], modes.curvature[self.patient], modes.objective[self.patient])]
        if np.isfinite(modes.second_objective[self.patient]):
            second = modes.second_curvature[self.patient], modes.second_objective[self.patient]
            centres.append((modes.second[self.patient], *second))
        covariances = [np.linalg.inv(curvature[inside]) for _, curvature, _ in centres]
        heights = np.array(
            [
                0.5 * np.linalg.slogdet(covariance)[1] - 0.5 * height
                for covariance, (_, _, height) in zip(covariances, centres, strict=True)
            ]
        )
        shares = np.exp(heights - heights.max())
        shares = (1.0 - _DEFENCE) * np.maximum(shares / shares.sum(), 0.05)
        around = [
            _Component(centre[self.informed], _WIDER * _root(covariance), self.freedom, float(share))
            for (centre, _, _), covariance, share in zip(centres, covariances, shares, strict=True)
        ]
        prior = _root(self.space.covariance[inside])
        total = sum(component.share for component in around)
        return [*around, _Component(np.zeros(len(prior)), prior, np.inf, 1.0 - total if total < 1.0 else _DEFENCE)]

    def propose(self, count: int) -> Floats:
        """Draw from the newest round; effects of occasions without levels come from their prior."""
        components = self.rounds[-1]
        shares = np.array([component.share for component in components])
        which = self.generator.choice(len(components), size=count, p=shares / shares.sum())
        points = np.zeros((count, self.space.size))
        inside = np.zeros((count, int(self.informed.sum())))
        for k, component in enumerate(components):
            chosen = which == k
            inside[chosen] = component.draw(int(chosen.sum()), self.generator)
        points[:, self.informed] = inside
        if self.rest_root is not None:
            points[:, ~self.informed] = self.generator.standard_normal((count, len(self.rest_root))) @ self.rest_root.T
        return points

    def add(self, points: Floats, log_target: Floats) -> None:
        self.completed += 1
        self.points = np.concatenate([self.points, points])
        self.log_target = np.concatenate([self.log_target, np.nan_to_num(log_target, nan=-np.inf)])

    @property
    def log_weights(self) -> Floats:
        """Of all draws, by the mixture of all rounds so far."""
        densities = []
        for components in self.rounds[: self.completed]:
            shares = np.array([component.share for component in components])
            logs = np.array([component.log_density(self.points[:, self.informed]) for component in components])
            densities.append(_log_sum(logs + np.log(shares / shares.sum())[:, None]))
        proposal = _log_sum(np.array(densities)) - log(self.completed)
        if self.rest_root is not None:
            rest = _Component(np.zeros(len(self.rest_root)), self.rest_root, np.inf, 1.0)
            proposal = proposal + rest.log_density(self.points[:, ~self.informed])
        return self.log_target - proposal

    @property
    def weights(self) -> Floats:
        """Of all draws, their sum 1."""
        logs = self.log_weights
        scaled = np.exp(logs - logs.max())
        return np.asarray(scaled / scaled.sum())

    @property
    def effective(self) -> float:
        """Effective sample size."""
        return float(1.0 / (self.weights**2).sum())

    def moments(self) -> tuple[Floats, Floats]:
        """Weighted mean and covariance; by Laplace's where few effective draws do not make a covariance."""
        inside, weights = self.points[:, self.informed], self.weights
        mean = weights @ inside
        covariance = (inside - mean).T @ ((inside - mean) * weights[:, None])
        prior = self.space.covariance[np.ix_(self.informed, self.informed)]
        known = min(1.0, self.effective / (10.0 * len(mean)))
        laplace = self.rounds[0][0].root @ self.rounds[0][0].root.T
        return mean, known * covariance + (1.0 - known) * laplace + 1e-6 * prior

    def walk_root(self) -> Floats:
        """Root of the covariance of a random walk's steps."""
        return 2.4 / np.sqrt(max(int(self.informed.sum()), 1)) * _root(self.moments()[1])

    def adapt(self) -> None:
        """Add a round around the weighted mean."""
        mean, covariance = self.moments()
        centre = _Component(mean, _WIDER * _root(covariance), self.freedom, 1.0 - _DEFENCE)
        self.rounds.append([centre, self.rounds[0][-1]])

    def resample(self, count: int) -> tuple[Floats, float, int, float, float, float]:
        """Systematic resampling to equal weights."""
        if not self.is_informed:
            root = _root(self.space.covariance)
            draws = self.generator.standard_normal((count, self.space.size)) @ root.T
            return draws, float(count), count, 1.0 / count, 0.0, 0.0
        logs, weights = self.log_weights, self.weights
        ticks = (self.generator.random() + np.arange(count)) / count
        chosen = np.minimum(np.searchsorted(np.cumsum(weights), ticks), len(weights) - 1)
        marginal = float(logs.max() + log(float(np.exp(logs - logs.max()).mean())))
        relative = len(weights) * weights
        error = float(relative.std() / np.sqrt(len(weights)))
        shuffled = self.generator.permutation(chosen)
        return self.points[shuffled], self.effective, len(weights), float(weights.max()), marginal, error


def _root(covariance: Floats) -> Floats:
    return np.asarray(np.linalg.cholesky(covariance) if covariance.size else covariance, dtype=np.float64)


def _log_sum(logs: Floats) -> Floats:
    """Logarithm of the sum of exponentials over the first axis."""
    top = logs.max(axis=0)
    return np.asarray(top + np.log(np.exp(logs - top).sum(axis=0)))
