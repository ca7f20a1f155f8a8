"""The mode of the posterior (MAP estimate) of many patients at once, from several starts, with a second mode if found.

Fisher scoring with Levenberg's damping: a step solves (H + damping diag H) step = -gradient with the expected
curvature H, is taken where it lowers the objective, and the damping follows how well the step was foretold. Effects
have no bounds. Every patient and start is a row of its own; rows that have arrived are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import spawn_generators
from limus.patient.posterior import Expansion, Posterior, expand

__all__ = ["MapEstimate", "find_modes"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_MOST_STEPS = 100
_ARRIVED = 1e-10  # decrease of the objective that the gradient still promises: 1e-5 standard deviations away
_NEAR = 1e-6  # the same where no step lowers it further, because derivatives or levels are rounded
_ROUNDING = 1e-14  # of the objective
_PATIENCE = 4  # steps with the expected curvature; where levels lie far off it is a poor guide, and gradients take over
_FIRST_DAMPING = 1e-3
_MOST_DAMPING = 1e12
_LONGEST = 3.0  # of a step, in standard deviations of the prior
_APART = 2.0  # distance of two modes, in standard deviations of the posterior around the better one
_WORTH = 12.0  # a mode is reported while it is exp(-6) as high as the best, in units of minus twice the logarithm
_SPREAD = 1.5  # of further starts, in standard deviations of the prior: wider than it, to meet modes far out
_TINY = 1e-100  # bend along a step below which nothing can be learned from it

CONVERGED = "ok"
NOT_ARRIVED = "the search for the mode did not come to an end"
NO_LEVELS = "no level that could be used: the estimate is the population's"
NOT_FINITE = "the model gives no level at the start"


@dataclass(frozen=True, eq=False)
class MapEstimate:
    """Modes of S patients.

    Attributes
    ----------
    effects : (S, K) array
        The highest mode found.
    objective : (S,) array
        Minus twice the logarithm of likelihood times prior there, all constants included.
    curvature : (S, K, K) array
        Of half the objective there, expected; its inverse is Laplace's covariance.
    second : (S, K) array
        The next mode; NaN where none was found.
    second_objective : (S,) array
    second_curvature : (S, K, K) array
    status : tuple of str
        'ok' or what happened.
    steps : (S,) array of int
        Of the best start.
    """

    effects: Floats
    objective: Floats
    curvature: Floats
    second: Floats
    second_objective: Floats
    second_curvature: Floats
    status: tuple[str, ...]
    steps: Integers

    @property
    def covariance(self) -> Floats:
        """Laplace's covariance of the effects, (S, K, K)."""
        return np.asarray(np.linalg.inv(self.curvature))


def find_modes(posterior: Posterior, *, starts: int = 4, seed: int = 1) -> MapEstimate:
    """Find the mode of each patient's posterior.

    Parameters
    ----------
    posterior : Posterior
    starts : int
        1 or more: the population's effects (0), then draws from the prior, widened.
    seed : int
        Of those draws.

    Returns
    -------
    MapEstimate
        A patient without levels stays at 0, with a status.
    """
    patients, size = posterior.prediction.patients, posterior.prediction.space.size
    points = _starts(posterior, starts, seed)
    rows = np.tile(np.arange(patients), starts)
    ended = _descend(posterior, rows, points.reshape(-1, size))
    value = np.where(np.isfinite(ended.value), ended.value, np.inf).reshape(starts, patients)
    best = np.argmin(value, axis=0)
    at = best * patients + np.arange(patients)
    second, at_second = _second_modes(ended, value, at)
    empty = np.all(~posterior.levels.used, axis=1, keepdims=True)[:, 0]
    status = tuple(
        NO_LEVELS if empty[s] else ended.status[at[s]] if np.isfinite(value[best[s], s]) else NOT_FINITE
        for s in range(patients)
    )
    nothing = np.full((patients, size), np.nan)
    return MapEstimate(
        effects=ended.effects[at],
        objective=2.0 * value[best, np.arange(patients)],
        curvature=ended.curvature[at],
        second=np.where(second[:, None], ended.effects[at_second], nothing),
        second_objective=np.where(second, 2.0 * ended.value[at_second], np.nan),
        second_curvature=np.where(second[:, None, None], ended.curvature[at_second], np.nan),
        status=status,
        steps=ended.steps[at],
    )


def _starts(posterior: Posterior, starts: int, seed: int) -> Floats:
    """Start values (starts, S, K): 0, then draws around it, the same for each patient."""
    space = posterior.prediction.space
    root = np.linalg.cholesky(space.covariance) if space.size else space.covariance
    points = np.zeros((starts, posterior.prediction.patients, space.size))
    for k, generator in enumerate(spawn_generators(seed, starts - 1, stream="starts of a mode"), start=1):
        points[k] = _SPREAD * (root @ generator.standard_normal(space.size))
    return points


@dataclass(eq=False)
class _Rows:
    """Where each row of the search stands."""

    effects: Floats
    value: Floats
    gradient: Floats
    curvature: Floats
    matrix: Floats  # what steps are taken with: the curvature, or from some step on what gradients say of it
    steps: Integers
    status: list[str]


def _descend(posterior: Posterior, patients: Integers, points: Floats) -> _Rows:
    count = len(points)
    here = expand(posterior, patients, points)
    rows = _Rows(
        points.copy(),
        here.value,
        here.gradient,
        here.curvature,
        here.curvature.copy(),
        np.zeros(count, dtype=np.int64),
        [NOT_ARRIVED] * count,
    )
    limit = _LONGEST * np.sqrt(np.diag(posterior.prediction.space.covariance))
    open_ = np.arange(count)
    damping = np.full(count, _FIRST_DAMPING)
    for _ in range(_MOST_STEPS):
        newton = np.linalg.solve(rows.curvature[open_], rows.gradient[open_, :, None])[..., 0]
        decrease = 0.5 * np.einsum("nk,nk->n", rows.gradient[open_], newton)
        stuck = damping[open_] > _MOST_DAMPING
        arrived = (decrease <= _ARRIVED) | (stuck & (decrease <= _NEAR))
        for i in open_[arrived].tolist():
            rows.status[i] = CONVERGED
        open_ = open_[~arrived & ~stuck & np.isfinite(rows.value[open_])]
        if not len(open_):
            break
        step, promised = _step(rows.gradient[open_], rows.matrix[open_], damping[open_], limit)
        there = expand(posterior, patients[open_], rows.effects[open_] + step)
        won = rows.value[open_] - there.value
        taken = np.isfinite(there.value) & (won >= -_ROUNDING * np.abs(rows.value[open_]))
        good = taken & (won > 0.5 * promised)
        damping[open_] *= np.where(good, 0.2, np.where(taken, 1.0, 4.0))
        _take(rows, open_, taken, step, there)
    return rows


def _take(rows: _Rows, open_: Integers, taken: NDArray[np.bool_], step: Floats, there: Expansion) -> None:
    at = open_[taken]
    change, before = there.gradient[taken] - rows.gradient[at], rows.matrix[at]
    rows.effects[at] += step[taken]
    rows.value[at], rows.gradient[at] = there.value[taken], there.gradient[taken]
    rows.curvature[at] = there.curvature[taken]
    rows.steps[at] += 1
    rows.matrix[at] = rows.curvature[at]
    slow = rows.steps[at] > _PATIENCE
    if slow.any():
        rows.matrix[at[slow]] = _updated(before[slow], step[taken][slow], change[slow])


def _updated(matrix: Floats, step: Floats, change: Floats) -> Floats:
    """The matrix after a step, by the change of the gradient along it: BFGS, damped so that it stays definite."""
    moved = np.einsum("nkl,nl->nk", matrix, step)
    bend = np.einsum("nk,nk->n", step, moved)
    along = np.einsum("nk,nk->n", step, change)
    with np.errstate(divide="ignore", invalid="ignore"):
        mix = np.where(along < 0.2 * bend, 0.8 * bend / (bend - along), 1.0)
    change = mix[:, None] * change + (1.0 - mix)[:, None] * moved
    along = np.einsum("nk,nk->n", step, change)
    known = (bend > _TINY) & (along > _TINY)
    outer = np.einsum("nk,nl->nkl", change, change) / np.where(known, along, 1.0)[:, None, None]
    inner = np.einsum("nk,nl->nkl", moved, moved) / np.where(known, bend, 1.0)[:, None, None]
    return np.where(known[:, None, None], matrix + outer - inner, matrix)


def _step(gradient: Floats, matrix: Floats, damping: Floats, limit: Floats) -> tuple[Floats, Floats]:
    """Damped steps, cut to a length, and the decrease that they promise."""
    size = gradient.shape[1]
    diagonal = np.einsum("nkk->nk", matrix)
    damped = matrix + damping[:, None, None] * np.eye(size) * diagonal[:, :, None]
    step = -np.linalg.solve(damped, gradient[..., None])[..., 0]
    step = step / np.max(np.abs(step) / limit, axis=1, initial=1.0)[:, None]
    promised = -np.einsum("nk,nk->n", gradient, step) - 0.5 * np.einsum("nk,nkl,nl->n", step, matrix, step)
    return step, promised


def _second_modes(ended: _Rows, value: Floats, best: Integers) -> tuple[NDArray[np.bool_], Integers]:
    """Whether another start ended at another mode that is not much lower, and at which row."""
    starts, patients = value.shape
    arrived = np.array([word == CONVERGED for word in ended.status]).reshape(starts, patients)
    apart = ended.effects.reshape(starts, patients, -1) - ended.effects[best]
    distance = np.einsum("spk,pkl,spl->sp", apart, ended.curvature[best], apart)
    own = ended.curvature.reshape(starts, patients, *ended.curvature.shape[1:])
    distance = np.minimum(distance, np.einsum("spk,spkl,spl->sp", apart, own, apart))
    other = arrived & (distance > _APART**2) & (2.0 * (value - value.min(axis=0)) < _WORTH)
    candidates = np.where(other, value, np.inf)
    chosen = np.argmin(candidates, axis=0)
    found = np.isfinite(candidates[chosen, np.arange(patients)])
    return found, chosen * patients + np.arange(patients)
