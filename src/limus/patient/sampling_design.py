r"""When to take levels next: the times that leave the area under the level least uncertain.

At a point of the posterior, with the gradient g of the area and the slopes J of the levels at some times by the
effects, the variance of the area that is left after samples there is

.. math:: g' \left(C^{-1} + \sum_t J_t' J_t \left(\tfrac{1}{v_t} + \tfrac{v_t'^2}{2 v_t^2}\right)\right)^{-1} g

with the covariance C of the effects before. It is averaged over draws of the posterior, as a share of the area.
Linear around each draw; the samples are taken in one interval, an occasion of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import Execution, spawn_generators
from limus.patient.estimate import PatientEstimate, error_of
from limus.patient.future import current_regimen, with_future_doses
from limus.patient.future_exposure import last_stretch
from limus.patient.level_likelihood import level_terms
from limus.pharmacokinetics.event_table.records import EventTable, take_subjects
from limus.pharmacokinetics.exposure import find_exposure
from limus.pharmacokinetics.population_simulation import simulate_population

__all__ = ["SamplingPlan", "plan_samples"]

Floats = NDArray[np.float64]
_POINTS = 30  # draws at which the equations are linear
_STEP = 1e-4
_GRID = (0, 1, 2, 3, 4, 6, 8, 12, 16, 20)  # twenty-fourths of the interval; its end is the trough at 0 again


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """Some times after the dose, and how uncertain the area is before and after levels there.

    Attributes
    ----------
    times_h : tuple of float
    cv_before_percent, cv_after_percent : float
        Standard deviation of the area over the area.
    """

    times_h: tuple[float, ...]
    cv_before_percent: float
    cv_after_percent: float


def plan_samples(
    estimate: PatientEstimate,
    *,
    samples: int = 2,
    times_h: Sequence[float] = (),
    dose_mg: float | None = None,
    seed: int = 1,
    execution: Execution | None = None,
) -> tuple[SamplingPlan, ...]:
    """Rank the times at which levels would tell most about the area under the level.

    Parameters
    ----------
    estimate : PatientEstimate
        Of one patient, with draws.
    samples : int
        How many levels, 1 to 3.
    times_h : sequence of float, optional
        After the dose, 0 (the trough) to the interval; ten over the interval by default.
    dose_mg : float, optional
        Given at the patient's interval, at steady state; the current one by default.
    seed : int
    execution : Execution, optional

    Returns
    -------
    tuple of SamplingPlan
        Best first.

    Raises
    ------
    ValueRangeError
        Another number of samples, times outside the interval, or an estimate without draws.
    """
    now = current_regimen(estimate.table)
    grid = np.array(sorted(times_h) if len(times_h) else [now.interval_h * share / 24.0 for share in _GRID])
    if samples not in {1, 2, 3} or samples > len(grid):
        raise ValueRangeError("samples", samples, f"1 to {min(3, len(grid))}", "ask for fewer levels")
    if grid[0] < 0 or grid[-1] > now.interval_h * (1.0 + 1e-9):
        got, allowed = f"{grid[0]:g} to {grid[-1]:g} h", f"0 to {now.interval_h:g} h after the dose"
        raise ValueRangeError("sampling times", got, allowed, "stay inside the interval")
    if estimate.draws is None:
        raise ValueRangeError("draws", 0, "1 or more", "ask for draws")
    start = max(now.last_dose_h + now.interval_h, float(estimate.table.records.time_h[-1]))
    table = with_future_doses(
        estimate.table,
        start_h=start,
        dose_mg=now.dose_mg if dose_mg is None else dose_mg,
        interval_h=now.interval_h,
        count=1,
        compartment=now.compartment,
        steady_state=True,
    )
    part, _ = last_stretch(estimate.model, table)
    start = float(table.doses.time_h[-1])
    points, covariance = _points(estimate, seed)
    level, slopes, area, area_slopes = _derivatives(estimate, part, points, start + grid, execution)
    information = _information(estimate, table, level, slopes, start + grid)
    before = np.linalg.inv(covariance)
    plans = []
    for chosen in combinations(range(len(grid)), samples):
        gained = before + information[:, chosen].sum(axis=1)
        left = np.einsum("nk,nkl,nl->n", area_slopes, np.linalg.inv(gained), area_slopes)
        first = np.einsum("nk,kl,nl->n", area_slopes, covariance, area_slopes)
        cv_before, cv_after = (100.0 * float(np.sqrt((v / area**2).mean())) for v in (first, left))
        plans.append(SamplingPlan(tuple(grid[list(chosen)].tolist()), cv_before, cv_after))
    return tuple(sorted(plans, key=lambda plan: plan.cv_after_percent))


def _points(estimate: PatientEstimate, seed: int) -> tuple[Floats, Floats]:
    """Draws of the effects between subjects and of a new occasion's, and the covariance of both."""
    assert estimate.draws is not None
    count = len(estimate.model.between_subject.names)
    drawn = estimate.draws.effects[0][:, :count]
    within = estimate.model.between_occasion.covariance
    size = count + len(within)
    covariance = np.zeros((size, size))
    covariance[:count, :count] = np.atleast_2d(np.cov(drawn, rowvar=False)) if count else 0.0
    covariance[count:, count:] = within
    covariance += 1e-9 * np.eye(size)
    new = np.zeros((_POINTS, len(within)))
    if len(within):
        normal = spawn_generators(seed, 1, stream="sampling design")[0].standard_normal(new.shape)
        new = normal @ np.linalg.cholesky(within).T
    chosen = np.round(np.linspace(0, len(drawn) - 1, _POINTS)).astype(int)
    return np.concatenate([drawn[chosen], new], axis=1), covariance


def _derivatives(
    estimate: PatientEstimate, part: EventTable, points: Floats, times_h: Floats, execution: Execution | None
) -> tuple[Floats, Floats, Floats, Floats]:
    """Levels (n, T) with slopes (n, T, K), areas (n,) with slopes (n, K), by central differences."""
    count, size = points.shape
    shifts = np.concatenate([np.zeros((1, size)), _STEP * np.eye(size), -_STEP * np.eye(size)])
    moved = (points[:, None, :] + shifts).reshape(-1, size)
    model = estimate.model
    names = (*model.between_subject.names, *model.between_occasion.names)
    effects = {
        name: moved[:, k] if name in model.between_subject.names else moved[:, k, None] for k, name in enumerate(names)
    }
    repeated = take_subjects(part, np.zeros(len(moved), dtype=np.int64), tuple(map(str, range(len(moved)))))
    level = simulate_population(model, repeated, times_h, effects=effects, execution=execution).level
    area = find_exposure(model, repeated, effects=effects, only_last=True, execution=execution).auc
    level, area = level.reshape(count, len(shifts), -1), area.reshape(count, len(shifts))
    slopes = np.moveaxis(level[:, 1 : size + 1] - level[:, size + 1 :], 1, 2) / (2.0 * _STEP)
    area_slopes = (area[:, 1 : size + 1] - area[:, size + 1 :]) / (2.0 * _STEP)
    return level[:, 0], slopes, area[:, 0], area_slopes


def _information(
    estimate: PatientEstimate, table: EventTable, level: Floats, slopes: Floats, times_h: Floats
) -> Floats:
    """What a level at each time says of the effects, (n, T, K, K)."""
    error = error_of(estimate.model, table, times_h[None, :], estimate.options)
    ones = np.ones_like(level)
    rows = np.zeros(len(level), dtype=np.int64)
    terms = level_terms(error, level, level, ones < 0.0, ones, rows=rows)
    return np.asarray(0.5 * np.einsum("ntk,nt,ntl->ntkl", slopes, terms.curvature, slopes))
