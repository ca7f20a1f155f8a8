"""Covariates through time: from the rows of an event table to values at the start and changes, as flat arrays.

=============================  ======================================  ===============================================
rule                           value in force                          change to a row's value
=============================  ======================================  ===============================================
``next_observation_backward``  at t in (row before, row]: the row's    just after the time of the row before
``last_observation_forward``   at t in [row, row after): the row's     at the time of the row
``linear_interpolation``       straight between rows, in stated steps  at each step, to the middle of the step
=============================  ======================================  ===============================================

Next observation backward is what NONMEM does with a covariate in its data file, and is the default. Before the first
row that knows a covariate its first value holds, after the last its last, under every rule. Where two rows of one time
differ, next observation backward takes the first of them and the other rules the last. A missing cell is no value
(NONMEM reads it as 0): the rule passes over it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import UnknownNameError, ValueRangeError, near_names
from limus.pharmacokinetics.event_table.records import EventTable

__all__ = ["CARRY_RULES", "CovariateHistory", "covariate_history", "covariates_at"]

CARRY_RULES = ("next_observation_backward", "last_observation_forward", "linear_interpolation")

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class CovariateHistory:
    """Values of K covariates of S subjects: what holds at the start, and C changes in order of time.

    Attributes
    ----------
    names : tuple of str
        The K covariates.
    rules : tuple of str
        The rule of each.
    start : (S, K) array
        Values from the subject's first row on; NaN where the subject has none.
    constant : (K,) array of bool
        No subject's value changes.
    offsets : (S + 1,) array of int
        Changes of subject s are rows ``offsets[s]`` to ``offsets[s + 1]``.
    time_h : (C,) array
        When a change happens.
    name : (C,) array of int
        Place in ``names``.
    value : (C,) array
        Value from then on.
    after : (K,) array of bool
        True (next observation backward) if a covariate's changes take hold just after their time: what happens at that
        time, doses and steady states too, still has the old value. False if they hold at their time already.
    missing : tuple of (str, str)
        Subjects and the covariates that they have no value of.
    """

    names: tuple[str, ...]
    rules: tuple[str, ...]
    start: NDArray[np.float64]
    constant: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    time_h: NDArray[np.float64]
    name: NDArray[np.int64]
    value: NDArray[np.float64]
    after: NDArray[np.bool_]
    missing: tuple[tuple[str, str], ...]


def covariate_history(
    table: EventTable,
    names: Sequence[str] | None = None,
    *,
    rule: str | Mapping[str, str] = CARRY_RULES[0],
    step_h: float | None = None,
) -> CovariateHistory:
    """Carry covariates through time by a rule.

    Parameters
    ----------
    table : EventTable
    names : sequence of str, optional
        Covariates wanted; all of the table's where left out.
    rule : str or mapping of str to str
        One of ``CARRY_RULES``, for all covariates or by name (the default for those not named).
    step_h : float, optional
        Longest step of a linear interpolation, h; needed by that rule and refused without it.

    Returns
    -------
    CovariateHistory

    Raises
    ------
    UnknownNameError
        A covariate that the table has not, or an unknown rule.
    ValueRangeError
        Linear interpolation without a positive step, or a step without it.
    """
    records = table.records
    wanted = tuple(records.names if names is None else names)
    for name in wanted:
        if name not in records.names:
            near = near_names(name, records.names)
            hint = f"did you mean {', '.join(near)}?" if near else "read the table with this covariate"
            raise UnknownNameError(f"{table.source}, covariate", name, ", ".join(records.names) or "none", hint)
    rules = _rules(wanted, rule, step_h)
    subject = records.subject
    start = np.full((len(table.subjects), len(wanted)), np.nan)
    found = []
    for k, name in enumerate(wanted):
        values = records.values[:, records.names.index(name)]
        known = np.flatnonzero(~np.isnan(values))
        found.append(_changes(subject[known], records.time_h[known], values[known], rules[k], step_h, start[:, k]))
    owners = np.concatenate([owner for owner, _, _ in found] or [np.zeros(0, np.int64)])
    times = np.concatenate([time for _, time, _ in found] or [np.zeros(0)])
    values = np.concatenate([value for _, _, value in found] or [np.zeros(0)])
    which = np.repeat(np.arange(len(wanted)), [len(time) for _, time, _ in found])
    order = np.lexsort((which, times, owners))
    lacking = np.argwhere(np.isnan(start))
    return CovariateHistory(
        names=wanted,
        rules=rules,
        start=_fixed(start),
        constant=_fixed(np.bincount(which, minlength=len(wanted)) == 0),
        offsets=_fixed(np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(table.subjects)))])),
        time_h=_fixed(times[order]),
        name=_fixed(which[order]),
        value=_fixed(values[order]),
        after=_fixed(np.array([one == CARRY_RULES[0] for one in rules], dtype=np.bool_)),
        missing=tuple((table.subjects[s], wanted[k]) for s, k in lacking),
    )


def _rules(names: Sequence[str], rule: str | Mapping[str, str], step_h: float | None) -> tuple[str, ...]:
    rules = tuple(rule if isinstance(rule, str) else rule.get(name, CARRY_RULES[0]) for name in names)
    for one in rules:
        if one not in CARRY_RULES:
            raise UnknownNameError("rule that carries covariates", one, ", ".join(CARRY_RULES), "choose one of them")
    linear = CARRY_RULES[2] in rules
    if linear != (step_h is not None) or (step_h is not None and not step_h > 0):
        allowed = f"a step above 0 h with {CARRY_RULES[2]}, none without"
        raise ValueRangeError("step_h", step_h, allowed, "state the steps of an interpolation, and only of one")
    return rules


def _changes(
    subject: NDArray[np.int64],
    time_h: NDArray[np.float64],
    values: NDArray[np.float64],
    rule: str,
    step_h: float | None,
    start: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Fill ``start`` and return owner, time and value of each change of one covariate; rows are known ones."""
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
    same = (subject[1:] == subject[:-1]) & (time_h[1:] == time_h[:-1])
    kept = np.append(True, ~same) if rule == CARRY_RULES[0] else np.append(~same, True)
    subject, time_h, values = subject[kept], time_h[kept], values[kept]
    first = np.append(True, subject[1:] != subject[:-1])
    start[subject[first]] = values[first]
    row = np.flatnonzero(~first & np.append(False, values[1:] != values[:-1]))
    if rule == CARRY_RULES[0]:
        return subject[row], time_h[row - 1], values[row]
    if rule == CARRY_RULES[1]:
        return subject[row], time_h[row], values[row]
    assert step_h is not None
    return _steps(subject, time_h, values, row, step_h)


def _steps(
    subject: NDArray[np.int64],
    time_h: NDArray[np.float64],
    values: NDArray[np.float64],
    row: NDArray[np.int64],
    step_h: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Cut each sloping stretch that ends in ``row`` into steps of at most ``step_h``; then the row's own value."""
    span = time_h[row] - time_h[row - 1]
    steps = np.maximum(np.ceil(span / step_h - 1e-9), 1).astype(np.int64)
    stretch = np.repeat(np.arange(len(row)), steps)
    number = np.arange(int(steps.sum())) - np.repeat(np.cumsum(steps) - steps, steps)
    fraction = number / steps[stretch]
    middle = (number + 0.5) / steps[stretch]
    before = row[stretch] - 1
    owners = np.concatenate([subject[before], subject[row]])
    times = np.concatenate([time_h[before] + fraction * span[stretch], time_h[row]])
    change = values[row] - values[row - 1]
    levels = np.concatenate([values[before] + middle * change[stretch], values[row]])
    # where one stretch follows another, the second's first step replaces the first's last value
    replaced = np.isin(row, row - 1)
    kept = np.concatenate([np.ones(len(stretch), np.bool_), ~replaced])
    return owners[kept], times[kept], levels[kept]


def covariates_at(
    history: CovariateHistory, subject: NDArray[np.int64], time_h: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the covariates in force at given times.

    Parameters
    ----------
    history : CovariateHistory
    subject : (n,) array of int
        Place of each subject.
    time_h : (n,) array

    Returns
    -------
    (n, K) array
        Under next observation backward the value of the interval that ends at the time; NaN where a subject has none.
    """
    values = history.start[subject].copy()
    owner = np.repeat(np.arange(len(history.offsets) - 1), np.diff(history.offsets))
    for k in range(len(history.names)):
        rows = np.flatnonzero(history.name == k)
        # one sorted axis for all subjects: place of the time among all times, offset by subject
        ticks, place = np.unique(np.concatenate([history.time_h[rows], time_h]), return_inverse=True)
        key = owner[rows] * len(ticks) + place[: len(rows)]
        asked = subject * len(ticks) + place[len(rows) :]
        last = np.searchsorted(key, asked, side="left" if history.after[k] else "right") - 1
        valid = (last >= 0) & (owner[rows[np.maximum(last, 0)]] == subject) if len(rows) else np.zeros(len(asked), bool)
        values[valid, k] = history.value[rows[last[valid]]]
    return values


def _fixed(values: NDArray[Scalar]) -> NDArray[Scalar]:
    values.flags.writeable = False
    return values
