"""Histories cut where nothing before matters: a steady state or a reset begins a stretch of its own.

A dose at steady state (SS 1) and a reset erase what came before, so levels after it depend on what is given from then
on only. Each stretch is simulated as a subject of its own; where it lies within one occasion, the effects of that
occasion are constants of it, and levels of different occasions can be looked at side by side.

Covariates are first carried to every row by their rule, so that a stretch does not need the rows before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.covariate_history import covariate_history, covariates_at
from limus.pharmacokinetics.event_table.records import Doses, EventRecords, EventTable, Observations
from limus.pharmacokinetics.population_treatment import occasion_places, places_within

__all__ = ["Stretches", "cut_into_stretches", "with_carried_covariates"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stretches:
    """G stretches of the S subjects of a table.

    Attributes
    ----------
    table : EventTable
        One subject a stretch, labelled by its place; without observations.
    subject : (G,) array of int
        Whose it is, rising.
    begins_h : (G,) array
        Time of the steady state or reset that opens it; minus infinity for a subject's first.
    holds_begin : (G,) array of bool
        Whether a level at ``begins_h`` belongs to it: after a steady state, not after a reset.
    occasions : (G, L) array of int
        Place among the subject's occasions of each of the stretch's own, in order; -1 where it has fewer.
    """

    table: EventTable
    subject: Integers
    begins_h: Floats
    holds_begin: NDArray[np.bool_]
    occasions: Integers

    def of_times(self, subject: Integers, time_h: Floats) -> Integers:
        """Return the stretch to which levels belong.

        Parameters
        ----------
        subject : (n,) array of int
        time_h : (n,) array
            Not before the subject's first row.

        Returns
        -------
        (n,) array of int
        """
        count = len(self.subject)
        owner = np.concatenate([self.subject, subject])
        time = np.concatenate([self.begins_h, time_h])
        # at one time: what a steady state opens, then levels, then what a reset opens
        rank = np.concatenate([np.where(self.holds_begin, 0, 2), np.ones(len(subject), dtype=np.int64)])
        order = np.lexsort((rank, time, owner))
        latest = np.maximum.accumulate(np.where(order < count, order, -1))
        found = np.empty(len(order), dtype=np.int64)
        found[order] = latest
        return np.maximum(found[count:], np.searchsorted(self.subject, subject))


def with_carried_covariates(table: EventTable, rules: Mapping[str, str]) -> EventTable:
    """Write the value in force into every row that lacks one.

    Parameters
    ----------
    table : EventTable
    rules : mapping of str to str
        Rule that carries each covariate.

    Returns
    -------
    EventTable
        NaN is left only where a subject has no value at all.
    """
    records = table.records
    if not records.names:
        return table
    history = covariate_history(table, records.names, rule=dict(rules))
    values = covariates_at(history, records.subject, records.time_h)
    return replace(table, records=replace(records, values=values))


def cut_into_stretches(table: EventTable, rules: Mapping[str, str]) -> Stretches:
    """Cut the history of every subject at its steady states and resets.

    Parameters
    ----------
    table : EventTable
    rules : mapping of str to str
        Rule that carries each covariate.

    Returns
    -------
    Stretches
    """
    table = with_carried_covariates(table, rules)
    number, begins, holds = _stretch_of_rows(table)
    records, doses = table.records, table.doses
    keys = np.stack([records.subject, number], axis=1)
    found, stretch = np.unique(keys, axis=0, return_inverse=True)
    stretch = stretch.reshape(-1).astype(np.int64)
    order = np.argsort(stretch, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    dose_order = np.argsort(stretch[doses.record], kind="stable")
    count = len(found)
    moved = {c.name: getattr(doses, c.name)[dose_order] for c in fields(doses) if c.name != "offsets"}
    cut = EventTable(
        subjects=tuple(map(str, range(count))),
        doses=Doses(
            offsets=_offsets(stretch[doses.record], count), **(moved | {"record": place[doses.record[dose_order]]})
        ),
        observations=_no_observations(count),
        records=EventRecords(
            offsets=_offsets(stretch, count),
            names=records.names,
            time_h=records.time_h[order],
            values=records.values[order],
            occasion=records.occasion[order],
            line=records.line[order],
        ),
        concentration_unit=table.concentration_unit,
        source=table.source,
    )
    places = list(map(tuple, found.tolist()))
    opening = np.array([begins.get(place, -np.inf) for place in places])
    keeps = np.array([holds.get(place, True) for place in places], dtype=np.bool_)
    return Stretches(cut, found[:, 0], opening, keeps, _occasions(table, stretch, count))


def _stretch_of_rows(
    table: EventTable,
) -> tuple[Integers, dict[tuple[int, int], float], dict[tuple[int, int], bool]]:
    """Number of each row's stretch within its subject; when each begins, and whether a level then belongs to it."""
    doses, records = table.doses, table.records
    cuts = (doses.steady_state == 1) | doses.reset
    steady: dict[tuple[int, float], bool] = {}
    for s, t, full in zip(
        doses.subject[cuts].tolist(), doses.time_h[cuts].tolist(), (doses.steady_state[cuts] == 1).tolist(), strict=True
    ):
        steady[s, t] = steady.get((s, t), False) or full
    is_dose = np.zeros(len(records), dtype=np.bool_)
    is_dose[doses.record] = True
    number = np.zeros(len(records), dtype=np.int64)
    begins: dict[tuple[int, int], float] = {}
    holds: dict[tuple[int, int], bool] = {}
    counted: dict[int, int] = {}
    for (s, t), full in sorted(steady.items()):
        rows = slice(int(records.offsets[s]), int(records.offsets[s + 1]))
        here = records.time_h[rows] == t
        number[rows] += (records.time_h[rows] > t) | (here & (full | is_dose[rows]))
        counted[s] = counted.get(s, 0) + 1
        begins[s, counted[s]], holds[s, counted[s]] = t, full
    return number, begins, holds


def _occasions(table: EventTable, stretch: Integers, count: int) -> Integers:
    """For each stretch, the places of its occasions among those of the subject."""
    pairs = np.unique(np.stack([stretch, occasion_places(table)], axis=1), axis=0)
    local = places_within(pairs[:, 0], pairs[:, 1])
    found = np.full((count, int(local.max(initial=0)) + 1), -1, dtype=np.int64)
    found[pairs[:, 0], local] = pairs[:, 1]
    return found


def _offsets(group: Integers, count: int) -> Integers:
    return np.concatenate([[0], np.cumsum(np.bincount(group, minlength=count))]).astype(np.int64)


def _no_observations(count: int) -> Observations:
    columns: dict[str, Any] = {c.name: np.zeros(0) for c in fields(Observations) if c.name != "offsets"}
    return Observations(offsets=np.zeros(count + 1, dtype=np.int64), **columns)
