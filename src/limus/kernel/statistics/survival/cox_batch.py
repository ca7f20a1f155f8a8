r"""Cox regression of many trials at once, without a loop over trials: Efron's ties, strata, covariates.

The sums are those of :mod:`limus.kernel.statistics.survival.cox_likelihood`. Subjects of each trial stand by stratum
and descending time, so that a risk set is a run of places and its sums are differences of running sums; every trial
climbs by its own Newton steps. A trial that this cannot judge (a covariate that is aliased, a likelihood that rises for
ever, a step that does not help) is given to :func:`limus.kernel.statistics.survival.cox.cox`, so its answer is that of
one trial.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival.cox import CoxStatus, cox
from limus.kernel.statistics.survival.cox_newton import ALIASED, CONSTANT
from limus.kernel.statistics.survival.observations import NEAR, freeze

__all__ = ["CoxBatch", "cox_batch"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_AT_ONCE = 1 << 15  # subjects
_STEPS = 12
_DONE = 1e-16  # Newton decrement, as for one trial
_FAR = 5.0  # coefficients of standardised covariates beyond this are looked at one by one


@dataclass(frozen=True, slots=True, eq=False)
class CoxBatch:
    """R Cox regressions with P covariates.

    Attributes
    ----------
    coefficient, standard_error : (R, P)
        Log hazard ratios; NaN where aliased or without an event, infinite (and no standard error) where the likelihood
        is monotone.
    status : (R, P) array of CoxStatus
        ``not converged`` also where a trial has no event.
    one_by_one : (R,) of bool
        Trials that were fitted alone.
    """

    coefficient: Floats
    standard_error: Floats
    status: NDArray[np.object_]
    one_by_one: Flags


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """R trials of N places each, by stratum and descending time; B times with events (blocks) and D events.

    ``x`` (P, R, N) is standardised; ``start`` (R, N) is the first place of the stratum in the trial; blocks have a
    trial, a last place and a first place of the stratum; events have a place and a block, and Efron's k/d.
    """

    x: Floats
    kept: Flags
    start: Ints
    block_trial: Ints
    block_last: Ints
    block_start: Ints
    event_trial: Ints
    event_place: Ints
    event_block: Ints
    fraction: Floats


def cox_batch(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    present: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> CoxBatch:
    """Fit a proportional hazards model to each of R trials.

    Parameters
    ----------
    time : (R, N) array
        Observed times, at least 0, finite.
    event : (R, N) array
        1 or true for an event.
    covariates : (R, N, P) array
        Numbers, finite in rows that count.
    present : (R, N) array, optional
        False for rows that do not count.
    strata : (R, N) array of int, optional
        Codes 0, 1, 2 ...

    Returns
    -------
    CoxBatch

    Raises
    ------
    ValueRangeError
        Shapes that do not fit, or a value that is not allowed.

    Examples
    --------
    >>> found = cox_batch([[6, 7, 9, 4, 5, 8]], [[1, 0, 1, 1, 1, 1]], [[[0], [0], [0], [1], [1], [1]]])
    >>> round(float(found.coefficient[0, 0]), 4)
    1.523
    """
    times = np.asarray(time, dtype=np.float64)
    happened, x = np.asarray(event).astype(np.bool_), np.asarray(covariates, dtype=np.float64)
    if times.ndim != 2 or happened.shape != times.shape or x.ndim != 3 or x.shape[:2] != times.shape or not x.shape[2]:
        got = f"shapes {times.shape}, {happened.shape}, {x.shape}"
        raise ValueRangeError("time, event, covariates", got, "(R, N), (R, N), (R, N, P)", "give matrices that fit")
    kept = np.ones(times.shape, dtype=np.bool_) if present is None else np.asarray(present, dtype=np.bool_)
    if not (np.all(np.isfinite(x[kept])) and np.all(np.isfinite(times[kept]) & (times[kept] >= 0))):
        raise ValueRangeError("time, covariates", "a value", "finite, times 0 or more", "mark the row as not present")
    codes = np.zeros(times.shape, dtype=np.int64) if strata is None else np.asarray(strata, dtype=np.int64)
    replicates, count = len(times), x.shape[2]
    coefficient, error = np.full((replicates, count), np.nan), np.full((replicates, count), np.nan)
    status = np.full((replicates, count), CoxStatus.NOT_CONVERGED, dtype=object)
    alone, aliased = np.zeros(replicates, dtype=np.bool_), np.zeros((replicates, count), dtype=np.bool_)
    rows = max(1, _AT_ONCE // max(times.shape[1], 1))
    for first in range(0, replicates, rows):
        piece = slice(first, first + rows)
        found = _fit(times[piece], happened[piece] & kept[piece], x[piece], kept[piece], codes[piece])
        coefficient[piece], error[piece], aliased[piece], alone[piece] = found
    alone &= (happened & kept).any(axis=1)
    for r in np.flatnonzero(alone).tolist():
        k = kept[r]
        try:
            fit = cox(times[r, k], happened[r, k], x[r, k], strata=codes[r, k])
        except ValueRangeError:  # no covariate varies among those at risk
            status[r] = CoxStatus.ALIASED
            continue
        coefficient[r], error[r], status[r] = fit.coefficient, fit.standard_error, fit.coefficient_status
    status[np.isfinite(error) & ~alone[:, None]] = CoxStatus.OK
    status[aliased] = CoxStatus.ALIASED
    return CoxBatch(freeze(coefficient), freeze(error), status, alone)


def _fit(times: Floats, event: Flags, x: Floats, kept: Flags, codes: Ints) -> tuple[Floats, Floats, Flags, Flags]:
    """Return coefficients, errors, which covariates are aliased, and which trials have to be looked at one by one."""
    replicates, _, count = x.shape
    weight = np.maximum(kept.sum(axis=1), 1)[:, None]
    centre = np.where(kept[..., None], x, 0.0).sum(axis=1) / weight
    x = np.where(kept[..., None], x - centre[:, None], 0.0)
    spread = np.sqrt((x**2).sum(axis=1) / weight)
    flat = spread <= 0
    scale = np.where(flat, 1.0, spread)
    rows = _lay_out(times, event, x / scale[:, None], kept, codes)
    with_events = np.bincount(rows.event_trial, minlength=replicates) > 0
    beta, steps = np.zeros((replicates, count)), np.zeros((replicates, count))
    value, gradient, information = _likelihood(rows, beta)
    free = _independent(information, np.bincount(rows.event_trial, minlength=replicates)) & ~flat
    rows = replace(rows, x=np.where(free.T[:, :, None], rows.x, 0.0))
    gradient, hollow = np.where(free, gradient, 0.0), ~free[:, :, None] * np.eye(count)
    information = np.where(free[:, :, None] & free[:, None, :], information, hollow)
    alone = with_events & ~free.any(axis=1)
    active, done = with_events & ~alone, np.zeros(replicates, dtype=np.bool_)
    information[~active] = np.eye(count)
    for _ in range(_STEPS):
        steps[:] = np.linalg.solve(information, gradient[..., None])[..., 0]
        done |= active & ((gradient * steps).sum(axis=1) < _DONE)
        climbing = active & ~done
        if not climbing.any():
            break
        ahead = beta + np.where(climbing[:, None], steps, 0.0)
        lost = climbing & (np.abs(ahead).max(axis=1) > _FAR)
        ahead[lost] = 0.0
        new_value, new_gradient, new_information = _likelihood(rows, ahead)
        lost |= climbing & ~(new_value >= value - 1e-13 * np.abs(value))
        alone |= lost
        active &= ~lost
        moved = climbing & ~lost
        beta[moved], value[moved], gradient[moved] = ahead[moved], new_value[moved], new_gradient[moved]
        information[moved] = new_information[moved] + hollow[moved]
        information[~active] = np.eye(count)
    information[~done] = np.eye(count)
    variance = np.diagonal(np.linalg.inv(information), axis1=1, axis2=2)
    fitted = active & done & (variance > 0).all(axis=1)
    alone |= active & ~fitted
    known = fitted[:, None] & free
    error = np.sqrt(np.where(known, variance, np.nan)) / scale
    return np.where(known, (beta + steps) / scale, np.nan), error, fitted[:, None] & ~free, alone


def _independent(information: Floats, events: Ints) -> Flags:
    """Tell which covariates are no linear combination of those before them, (R, P), as for one trial."""
    left, before = information.copy(), np.diagonal(information, axis1=1, axis2=2)
    found = np.zeros(before.shape, dtype=np.bool_)
    for i in range(information.shape[1]):
        pivot = left[:, i, i]
        found[:, i] = (before[:, i] > CONSTANT * events) & (pivot > ALIASED * before[:, i])
        safe = np.where(found[:, i], pivot, 1.0)
        part = left[:, :, i, None] * left[:, None, i, :] / safe[:, None, None]
        left = left - np.where(found[:, i, None, None], part, 0.0)
    return found


def _lay_out(times: Floats, event: Flags, x: Floats, kept: Flags, codes: Ints) -> _Rows:
    """Sort each trial by stratum and descending time, rows that do not count last, and find its blocks."""
    replicates, size = times.shape
    code = np.where(kept, codes, codes.max(initial=0) + 1)
    order = np.lexsort((-np.where(kept, times, 0.0), code), axis=1)
    t, code, event, kept = (np.take_along_axis(part, order, axis=1) for part in (times, code, event, kept))
    x = np.take_along_axis(x, order[..., None], axis=1)
    places = np.arange(size)
    edge = np.ones((replicates, size), dtype=np.bool_)
    edge[:, 1:] = code[:, 1:] != code[:, :-1]
    start = np.maximum.accumulate(np.where(edge, places, 0), axis=1)
    new = edge.copy()
    new[:, 1:] |= t[:, :-1] - t[:, 1:] > NEAR * t[:, :-1]
    begins = np.flatnonzero(new)
    last = np.append(begins[1:], new.size) - 1
    number = np.cumsum(new.ravel()) - 1
    at = np.flatnonzero(event & kept)
    blocks, event_block, deaths = np.unique(number[at], return_inverse=True, return_counts=True)
    rank = np.arange(len(at)) - np.searchsorted(event_block, event_block, side="left")
    block_last = last[blocks]
    return _Rows(
        np.ascontiguousarray(np.moveaxis(x, 2, 0)),
        kept,
        start,
        block_last // size,
        block_last,
        start.ravel()[block_last] + block_last // size * size,
        at // size,
        at,
        event_block,
        rank / deaths[event_block],
    )


def _likelihood(rows: _Rows, beta: Floats) -> tuple[Floats, Floats, Floats]:
    """Return ln L, gradient and information of each trial, (R,), (R, P), (R, P, P)."""
    x, replicates = rows.x, len(beta)
    eta = np.einsum("rp,prn->rn", beta, x)
    eta -= eta.max(axis=1, keepdims=True)
    risk = np.where(rows.kept, np.exp(eta), 0.0)
    weighted = x * risk
    total, first = _risk_sets(rows, risk[None])[0], _risk_sets(rows, weighted)
    own_risk, own_first = risk.ravel()[rows.event_place], weighted.reshape(len(x), -1)[:, rows.event_place]
    blocks, count = rows.event_block, len(rows.block_last)
    own_total = _totals(blocks, own_risk, count)
    own_sum = np.stack([_totals(blocks, row, count) for row in own_first])
    left = total[blocks] - rows.fraction * own_total[blocks]
    mean = (first[:, blocks] - rows.fraction * own_sum[:, blocks]) / left
    trial = rows.event_trial
    value = _totals(trial, eta.ravel()[rows.event_place] - np.log(left), replicates)
    gap = x.reshape(len(x), -1)[:, rows.event_place] - mean
    gradient = np.stack([_totals(trial, row, replicates) for row in gap], axis=1)
    # the sum over risk sets of r x x' is each row's r x x' times the hazard that it was at risk for
    hazard, lag = (_totals(blocks, one / left, count) for one in (1.0, rows.fraction))
    exposure = _exposures(rows, hazard)
    exposure.ravel()[rows.event_place] -= lag[blocks]
    weighted *= exposure
    information = np.einsum("prn,qrn->rpq", weighted, x, optimize=True)
    for p in range(len(x)):
        for q in range(p + 1):
            part = _totals(trial, mean[p] * mean[q], replicates)
            information[:, p, q] -= part
            information[:, q, p] = information[:, p, q]
    return value, gradient, information


def _totals(codes: Ints, values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(codes, weights=values, minlength=count), dtype=np.float64)


def _risk_sets(rows: _Rows, values: Floats) -> Floats:
    """Sum (Q, R, N) values over the risk set of each block, (Q, B)."""
    running = np.cumsum(values, axis=2).reshape(len(values), -1)
    size = values.shape[2]
    inside = rows.block_start % size > 0
    before = np.where(inside, running[:, np.maximum(rows.block_start - 1, 0)], 0.0)
    return np.asarray(running[:, rows.block_last] - before)


def _exposures(rows: _Rows, hazard: Floats) -> Floats:
    """Sum the hazards of the blocks that each row was at risk for, (R, N)."""
    shape = rows.kept.shape
    placed = np.zeros(shape)
    placed.ravel()[rows.block_last] = hazard
    later = np.cumsum(placed[:, ::-1], axis=1)[:, ::-1]
    # the running sum from the end of the stratum on
    ends = np.concatenate([rows.start[:, 1:] != rows.start[:, :-1], np.ones((shape[0], 1), dtype=np.bool_)], axis=1)
    following = np.concatenate([later[:, 1:], np.zeros((shape[0], 1))], axis=1)
    place = np.where(ends, np.arange(shape[1]), shape[1])
    end = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(later - np.take_along_axis(following, end, axis=1))
