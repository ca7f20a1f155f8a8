"""Exposure in every dosing interval: area, trough, peak and its time, average, time within a range.

The area is a state of the solved equations, not a sum over samples. The peak is looked for on a grid of the interval
and then on a finer one around the largest level, with a parabola through its highest three.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import Execution
from limus.pharmacokinetics.event_table.expand import additional_times
from limus.pharmacokinetics.event_table.records import EventTable, take_subjects
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_simulation import occasion_count, simulate_population

__all__ = ["Exposure", "area_under_samples", "find_exposure"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_NODES = 97  # of an interval, dense at its beginning
_FINE = 33  # around the largest
_MOST_INTERVALS = 20_000  # solved at once, to bound memory
_OPEN = "no end: a single dose without a later row"


@dataclass(frozen=True, eq=False)
class Exposure:
    """One row a dosing interval, K rows; levels in the model's unit of DV.

    Attributes
    ----------
    subjects : tuple of str
    subject, number, occasion : (K,) array of int
        Place of the subject; interval of that subject, from 1; occasion of its dose.
    start_h, end_h : (K,) array
        From a dose to the next, or as long as its II where that ends earlier; a last dose without II lasts as long as
        the one before it, or to the subject's last row.
    dose_mg : (K,) array
    auc : (K,) array
        In DV times h.
    average, predose, trough, cmax : (K,) array
        Area over length; level just before the dose; just before the next; the highest.
    tmax_h : (K,) array
        After the dose.
    time_in_range_percent : (K,) array
        Of the interval; NaN where no range was asked for.
    status : tuple of str
        'ok' or why a row has no numbers.
    """

    subjects: tuple[str, ...]
    subject: Integers
    number: Integers
    occasion: Integers
    start_h: Floats
    end_h: Floats
    dose_mg: Floats
    auc: Floats
    average: Floats
    predose: Floats
    trough: Floats
    cmax: Floats
    tmax_h: Floats
    time_in_range_percent: Floats
    status: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Intervals:
    subject: Integers
    number: Integers
    occasion: Integers
    start_h: Floats
    end_h: Floats
    asked_end_h: Floats  # a little before the end where a steady state takes the place of what was
    dose_mg: Floats


def find_exposure(
    model: PopulationModel,
    table: EventTable,
    *,
    effects: Mapping[str, ArrayLike] | None = None,
    values: Mapping[str, ArrayLike] | None = None,
    target: tuple[float, float] | None = None,
    only_last: bool = False,
    execution: Execution | None = None,
    label: str = "",
) -> Exposure:
    """Find the exposure of each subject in each dosing interval.

    Parameters
    ----------
    model : PopulationModel
    table : EventTable
    effects, values, execution, label
        As :func:`limus.pharmacokinetics.population_simulation.simulate_population`.
    target : (float, float), optional
        Range of levels, in the unit of DV; both ends belong to it.
    only_last : bool
        Only the last interval of each subject.

    Returns
    -------
    Exposure

    Raises
    ------
    ValueRangeError
        A range that is not two rising numbers.
    LimusError
        As :func:`limus.pharmacokinetics.population_simulation.simulate_population`.
    """
    if target is not None and not (np.isfinite(target).all() and 0 <= target[0] < target[1]):
        raise ValueRangeError("target", target, "two rising numbers", "give the lower limit first")
    counts = np.bincount(_intervals(table, only_last).subject, minlength=len(table.subjects))
    parts = _parts(counts)
    execution = execution or Execution(workers=1)
    occasions = {*model.between_occasion.names}

    def one_part(places: Integers) -> Exposure:
        part = take_subjects(table, places, tuple(table.subjects[k] for k in places.tolist()))
        most = occasion_count(part)
        own = {
            name: array[places, :most] if name in occasions else array[places]
            for name, array in _by_subject(effects, len(counts)).items()
        }
        of_values = {name: array[places] for name, array in _by_subject(values, len(counts)).items()}
        return _find_part(model, part, own, of_values, target, only_last)

    if len(parts) == 1:
        return _find_part(model, table, dict(effects or {}), dict(values or {}), target, only_last, execution, label)
    found = execution.map(one_part, parts, label=label, small=True)
    return _joined(table, parts, found)


def _parts(intervals: Integers) -> list[Integers]:
    """Subjects that are solved at once, so many that memory is bounded."""
    group = np.cumsum(intervals) // _MOST_INTERVALS
    return [np.flatnonzero(group == number) for number in np.unique(group)] or [np.zeros(0, dtype=np.int64)]


def _by_subject(given: Mapping[str, ArrayLike] | None, count: int) -> dict[str, Floats]:
    """What was given for all subjects or for each, for each."""
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in (given or {}).items()}
    return {name: np.full(count, array) if array.ndim == 0 else array for name, array in arrays.items()}


def _joined(table: EventTable, parts: list[Integers], found: list[Exposure]) -> Exposure:
    """One exposure of parts that were solved apart; their subjects are in order."""
    columns: dict[str, Any] = {
        column.name: np.concatenate([getattr(part, column.name) for part in found])
        for column in fields(Exposure)
        if column.name not in {"subjects", "subject", "status"}
    }
    subject = np.concatenate([places[part.subject] for places, part in zip(parts, found, strict=True)])
    status = tuple(word for part in found for word in part.status)
    return Exposure(subjects=table.subjects, subject=subject, status=status, **columns)


def _find_part(
    model: PopulationModel,
    table: EventTable,
    effects: Mapping[str, ArrayLike],
    values: Mapping[str, ArrayLike],
    target: tuple[float, float] | None,
    only_last: bool,
    execution: Execution | None = None,
    label: str = "",
) -> Exposure:
    """Exposure of subjects that are solved at once."""
    intervals = _intervals(table, only_last)
    count, width = len(table.subjects), _largest_count(intervals.subject, len(table.subjects))
    bends = np.linspace(0.0, 1.0, _NODES) ** 2
    nodes = intervals.start_h[:, None] + bends * (intervals.asked_end_h - intervals.start_h)[:, None]

    def solve(times: Floats, *, with_area: bool, label: str) -> tuple[Floats, Floats | None, tuple[str, ...]]:
        """Levels (and areas) at times (K, J) of the intervals."""
        grid = np.full((count, width * times.shape[1]), np.nan)
        place = (intervals.number - intervals.number[_first_of(intervals.subject)]) * times.shape[1]
        columns = place[:, None] + np.arange(times.shape[1])
        closed = np.isfinite(intervals.end_h)
        grid[intervals.subject[closed, None], columns[closed]] = times[closed]
        grid[np.isnan(grid[:, 0]), 0] = _any_time(table)[np.isnan(grid[:, 0])]
        found = simulate_population(
            model, table, grid, effects=effects, values=values, with_area=with_area, execution=execution, label=label
        )
        rows = intervals.subject[:, None], columns
        return found.level[rows], None if found.area is None else found.area[rows], found.status

    level, area, words = solve(nodes, with_area=True, label=label)
    assert area is not None
    tmax_h, cmax = _peak(nodes, level, lambda times: solve(times, with_area=False, label="")[0])
    auc = area[:, -1] - area[:, 0]
    inside = np.full(len(auc), np.nan) if target is None else _share_inside(nodes, level, target)
    open_ = ~np.isfinite(intervals.end_h)
    status = tuple(_OPEN if o else words[s] for s, o in zip(intervals.subject.tolist(), open_.tolist(), strict=True))
    return Exposure(
        subjects=table.subjects,
        subject=intervals.subject,
        number=intervals.number,
        occasion=intervals.occasion,
        start_h=intervals.start_h,
        end_h=intervals.end_h,
        dose_mg=intervals.dose_mg,
        auc=auc,
        average=auc / (intervals.end_h - intervals.start_h),
        predose=level[:, 0],
        trough=level[:, -1],
        cmax=cmax,
        tmax_h=tmax_h - intervals.start_h,
        time_in_range_percent=100.0 * inside,
        status=status,
    )


def _intervals(table: EventTable, only_last: bool) -> _Intervals:
    """Dosing intervals: from a dose to the next, or as long as the dose's II; doses of one time are one."""
    doses = table.doses
    parent, repeat_h = additional_times(doses)
    row = np.concatenate([np.arange(len(doses)), parent])
    time = np.concatenate([doses.time_h, repeat_h])
    order = np.lexsort((time, doses.subject[row]))
    order = order[doses.amount_mg[row[order]] > 0]
    row, time = row[order], time[order]
    subject = doses.subject[row]
    new = np.append(True, (subject[1:] != subject[:-1]) | (time[1:] != time[:-1]))[: len(time)]
    dose_mg = np.bincount(np.cumsum(new) - 1, weights=doses.amount_mg[row], minlength=int(new.sum()))
    row, subject, start = row[new], subject[new], time[new]
    last = np.append(subject[1:] != subject[:-1], True)[: len(subject)]
    following = np.where(last, np.inf, np.append(start[1:], np.inf)[: len(start)])
    own = np.where(doses.interval_h[row] > 0, start + doses.interval_h[row], np.inf)
    # two ways to the same time differ by rounding
    end = np.where(own < following * (1.0 - 1e-9), own, following)
    end = np.where(np.isinf(end), _end_of_last(table, subject, start), end)
    fresh = doses.steady_state == 1
    replaced = set(zip(doses.subject[fresh].tolist(), doses.time_h[fresh].tolist(), strict=True))
    pairs = zip(subject.tolist(), end.tolist(), strict=True)
    is_replaced = np.fromiter((pair in replaced for pair in pairs), dtype=bool, count=len(end))
    asked = np.where(is_replaced, end - 1e-9 * (end - start), end)
    number = np.arange(len(subject)) - _first_of(subject) + 1
    kept = last if only_last else np.ones(len(subject), dtype=bool)
    columns = (subject, number, doses.occasion[row], start, end, asked, dose_mg)
    return _Intervals(*(column[kept] for column in columns))


def _end_of_last(table: EventTable, subject: Integers, start: Floats) -> Floats:
    """Where the last interval ends if its dose has no II: as long as the one before it, else at the last row."""
    before = np.append(np.nan, start[1:] - start[:-1])[: len(start)]
    before[np.append(True, subject[1:] != subject[:-1])[: len(start)]] = np.nan
    latest = np.full(len(table.subjects), -np.inf)
    np.maximum.at(latest, table.records.subject, table.records.time_h)
    until = np.where(latest[subject] > start, latest[subject], np.nan)
    return np.where(np.isnan(before), until, start + before)


def _first_of(subject: Integers) -> Integers:
    """For each row, the first row of its subject."""
    first = np.append(True, subject[1:] != subject[:-1])[: len(subject)]
    return np.maximum.accumulate(np.where(first, np.arange(len(subject)), 0))


def _largest_count(subject: Integers, count: int) -> int:
    return int(np.bincount(subject, minlength=max(count, 1)).max(initial=1))


def _any_time(table: EventTable) -> Floats:
    """A time for subjects without an interval: their first row's."""
    first = np.full(len(table.subjects), np.inf)
    np.minimum.at(first, table.records.subject, table.records.time_h)
    return first


def _peak(nodes: Floats, level: Floats, solve: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Time and height of each row's highest level."""
    rows = np.arange(len(nodes))
    top = np.argmax(np.where(np.isnan(level), -np.inf, level), axis=1)
    left = nodes[rows, np.maximum(top - 1, 0)]
    right = nodes[rows, np.minimum(top + 1, nodes.shape[1] - 1)]
    fine = left[:, None] + np.linspace(0.0, 1.0, _FINE) * (right - left)[:, None]
    heights = solve(fine)
    top = np.clip(np.argmax(np.where(np.isnan(heights), -np.inf, heights), axis=1), 1, _FINE - 2)
    a, b, c = (heights[rows, top + k] for k in (-1, 0, 1))
    bend = a - 2.0 * b + c
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend < 0.0, np.clip(0.5 * (a - c) / bend, -1.0, 1.0), 0.0)
    step = fine[:, 1] - fine[:, 0]
    peak = b - 0.25 * (a - c) * shift
    highest = np.maximum(peak, heights.max(axis=1))
    return fine[rows, top] + shift * step, highest


def _share_inside(times: Floats, level: Floats, target: tuple[float, float]) -> Floats:
    """Share of each row's time within a range, the level taken as straight between nodes."""
    low, high = np.minimum(level[:, :-1], level[:, 1:]), np.maximum(level[:, :-1], level[:, 1:])
    span = np.diff(times, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (np.minimum(high, target[1]) - np.maximum(low, target[0])) / (high - low)
    flat = (low >= target[0]) & (high <= target[1])
    part = np.where(high > low, np.clip(part, 0.0, 1.0), flat)
    share = np.asarray((part * span).sum(axis=1) / (times[:, -1] - times[:, 0]))
    return np.where(np.isfinite(level).all(axis=1), share, np.nan)


def area_under_samples(times_h: ArrayLike, levels: ArrayLike, *, rule: str = "linear_up_log_down") -> float:
    r"""Area under sampled levels by trapezoids.

    Between samples a rising level is taken as straight, a falling one as exponential,
    :math:`(c_1 - c_2) \Delta t / \ln(c_1 / c_2)`, which is exact for first-order loss; with ``linear`` all are
    straight.

    Parameters
    ----------
    times_h : (T,) array_like
        Rising.
    levels : (T,) array_like
        0 or more.
    rule : str
        ``linear_up_log_down`` or ``linear``.

    Returns
    -------
    float
        In the unit of the levels times h.

    Raises
    ------
    ValueRangeError
        Fewer than two samples, times that do not rise, a level that is negative or not finite, another rule.

    Examples
    --------
    >>> round(area_under_samples([0, 1, 3], [0, 8, 2]), 4)
    12.6562
    """
    t, c = np.asarray(times_h, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    if rule not in {"linear_up_log_down", "linear"}:
        raise ValueRangeError("rule", rule, "linear_up_log_down or linear", "choose one of them")
    if t.ndim != 1 or t.shape != c.shape or len(t) < 2 or not (np.diff(t) > 0).all():
        raise ValueRangeError("times_h", times_h, "two or more rising times, one a level", "sort the samples")
    if not (np.isfinite(c) & (c >= 0)).all():
        raise ValueRangeError("levels", levels, "finite numbers of 0 or more", "leave missing levels out")
    straight = 0.5 * (c[1:] + c[:-1]) * np.diff(t)
    falling = (c[1:] < c[:-1]) & (c[1:] > 0) & (rule == "linear_up_log_down")
    with np.errstate(divide="ignore", invalid="ignore"):
        bent = (c[:-1] - c[1:]) / np.log(c[:-1] / c[1:]) * np.diff(t)
    return float(np.where(falling, bent, straight).sum())
