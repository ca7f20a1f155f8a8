"""What a table may say without contradiction and yet should be seen: each check says its rule in its sentence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Check, Finding, Severity
from limus.pharmacokinetics.event_table.cells import some
from limus.pharmacokinetics.event_table.covariate_warnings import COVARIATE_CHECKS, sudden_changes
from limus.pharmacokinetics.event_table.expand import additional_times
from limus.pharmacokinetics.event_table.records import Doses, EventTable

__all__ = ["TABLE_CHECKS"]

_EARLY_H = 72.0  # a steady state before the fourth day of the clock is hardly one
_GAP = 1.5  # of the interval before
_DIGITS_H = 9  # decimals of an hour: a few microseconds
_RUN = 3  # doses one after the other without a steady state


def _ids(table: EventTable, subjects: NDArray[np.int64], most: int = 20) -> str:
    chosen = np.unique(subjects)
    word = "ID" if len(chosen) == 1 else "IDs"
    return f"{word} {some([table.subjects[place] for place in chosen], most)}"


def _levels_at_dose_times(table: EventTable) -> Iterator[Finding]:
    levels, doses = table.observations, table.doses
    measured = ~levels.missing
    parent, further_h = additional_times(doses)
    gives = _gives(doses)
    dosed = np.concatenate([doses.subject[gives], doses.subject[parent]])
    at_dose = _at_times(levels.subject, levels.time_h, dosed, np.concatenate([doses.time_h[gives], further_h]))
    shared = int((at_dose & measured).sum())
    if shared:
        got = f"{shared} of {int(measured.sum())} levels share the time of a dose"
        do = "taken as troughs before that dose, whatever the order of rows"
        yield Finding("levels-at-dose-times", Severity.NOTE, table.source, got, do=do)


def _levels_before_doses(table: EventTable) -> Iterator[Finding]:
    doses, levels = table.doses, table.observations
    first = np.full(len(table.subjects), np.inf)
    gives = _gives(doses)
    # a steady state holds at its own time already
    start = np.where(doses.steady_state > 0, np.nextafter(doses.time_h, -np.inf), doses.time_h)
    np.minimum.at(first, doses.subject[gives], start[gives])
    early = ~levels.missing & (levels.time_h <= first[levels.subject]) & np.isfinite(first[levels.subject])
    if early.any():
        got = f"{int(early.sum())} levels not after any dose: {_ids(table, levels.subject[early])}"
        do = "the model has no drug there; add the doses before, or leave the levels out (MDV 1)"
        yield Finding("levels-after-doses", Severity.WARNING, table.source, got, "levels after a dose", do)


def _subjects_complete(table: EventTable) -> Iterator[Finding]:
    everyone = np.arange(len(table.subjects))
    without = np.setdiff1d(everyone, table.doses.subject[_gives(table.doses)])
    if len(without):
        got = f"{len(without)} subjects without a dose: {_ids(table, without)}"
        yield Finding("subjects-have-doses", Severity.WARNING, table.source, got, "a dose each", "add their doses")
    without = np.setdiff1d(everyone, table.observations.subject)
    if 0 < len(without) < len(everyone):
        got = f"{len(without)} subjects without a level row: {_ids(table, without)}"
        yield Finding("subjects-have-levels", Severity.NOTE, table.source, got)


def _steady_state_erases(table: EventTable) -> Iterator[Finding]:
    doses, records = table.doses, table.records
    first = records.time_h[records.offsets[:-1]]
    steady = doses.steady_state == 1
    erases = steady & (doses.time_h > first[doses.subject])
    if erases.any():
        got = f"{int(erases.sum())} of {int(steady.sum())} steady-state doses erase what came before: "
        do = "doses and levels before such a row do not act on what follows; leave SS out to keep the history"
        yield Finding(
            "steady-state-erases", Severity.WARNING, table.source, got + _ids(table, doses.subject[erases]), do=do
        )
    early = (doses.steady_state > 0) & (doses.time_h > 0) & (doses.time_h <= _EARLY_H)
    if early.any():
        got = f"{int(early.sum())} steady-state doses at {_EARLY_H:g} h or before: {_ids(table, doses.subject[early])}"
        do = "hardly a steady state if TIME 0 is the start of treatment"
        yield Finding("steady-state-early", Severity.WARNING, table.source, got, do=do)


def _gaps(table: EventTable) -> Iterator[Finding]:
    doses = table.doses
    if len(doses) < 2:
        return
    same = doses.subject[1:] == doses.subject[:-1]
    spacing = np.append(np.nan, np.where(same, np.diff(doses.time_h), np.nan))
    interval = np.where(doses.interval_h > 0, doses.interval_h, spacing)[:-1]
    end = (doses.time_h + doses.additional * doses.interval_h)[:-1]
    gap = doses.time_h[1:] - end
    continues = same & (doses.steady_state[1:] != 1) & ~doses.reset[1:]
    long = continues & (gap > _GAP * interval)
    if long.any():
        got = (
            f"{int(long.sum())} gaps of {gap[long].min():g} to {gap[long].max():g} h before a dose without SS: "
            f"{_ids(table, doses.subject[1:][long])}"
        )
        do = "the model sees no drug there; add the doses between (ADDL), or SS where dosing went on"
        yield Finding("doses-without-gaps", Severity.WARNING, table.source, got, f"up to {_GAP:g} intervals", do)


def _runs_beside_steady_states(table: EventTable) -> Iterator[Finding]:
    doses = table.doses
    count = len(table.subjects)
    plain = (doses.steady_state == 0) & (doses.additional == 0) & (doses.amount_mg > 0)
    steady = np.bincount(doses.subject[doses.steady_state > 0], minlength=count)
    written = np.bincount(doses.subject[plain], minlength=count)
    if not (steady > 0).any():
        return
    mixed = np.flatnonzero(written >= _RUN)
    if len(mixed):
        got = f"{len(mixed)} subjects with {_RUN} or more doses written out beside steady states: {_ids(table, mixed)}"
        do = "a state built up by a few doses is below a steady state; check that it is meant"
        yield Finding("doses-written-out", Severity.WARNING, table.source, got, do=do)


def _additional_doses(table: EventTable) -> Iterator[Finding]:
    doses = table.doses
    parent, time_h = additional_times(doses)
    if not len(parent):
        return
    # compartments are small numbers; a million keeps subject and compartment apart in one
    key = doses.subject * 1_000_000 + doses.compartment
    gives = np.flatnonzero(_gives(doses) & (doses.steady_state != 2))
    twice = _at_times(key[parent], time_h, key[gives], doses.time_h[gives])
    for row in np.unique(parent[twice])[:20]:
        at = time_h[twice & (parent == row)][0]
        where = f"{table.source}, line {doses.line[row]}, ID {table.subjects[doses.subject[row]]}, column ADDL"
        got = f"ADDL {doses.additional[row]} gives a dose at {at:g} h, where a row gives one too"
        yield Finding(
            "one-dose-at-a-time", Severity.ERROR, where, got, "one dose at a time and compartment", "lower ADDL"
        )
    following = np.append(doses.time_h[1:], np.inf)
    last = np.append(doses.subject[1:] != doses.subject[:-1], True)
    past = np.unique(parent[(time_h > following[parent]) & ~last[parent]])
    if len(past):
        got = (
            f"{len(past)} dose rows whose further doses run past the next dose row: {_ids(table, doses.subject[past])}"
        )
        do = "both are given, as in NONMEM; lower ADDL if the regimen changed"
        yield Finding("additional-ends", Severity.WARNING, table.source, got, do=do)


def _infusions_end(table: EventTable) -> Iterator[Finding]:
    doses = table.doses
    long = (doses.duration_h > doses.interval_h) & (doses.interval_h > 0)
    if long.any():
        got = f"{int(long.sum())} infusions longer than their interval: {_ids(table, doses.subject[long])}"
        yield Finding("infusions-end", Severity.WARNING, table.source, got, do="they overlap; check RATE, DUR and II")


def _sudden_doses(table: EventTable) -> Iterator[Finding]:
    doses = table.doses
    kept = doses.amount_mg > 0
    yield from sudden_changes(
        table, "AMT", doses.subject[kept], doses.amount_mg[kept], doses.line[kept], doses.time_h[kept], " mg"
    )


def _gives(doses: Doses) -> NDArray[np.bool_]:
    return (doses.amount_mg > 0) | (doses.rate_mg_per_h > 0)


def _at_times(
    keys: NDArray[np.int64], times: NDArray[np.float64], other: NDArray[np.int64], other_times: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Rows whose key and time are among the others', up to the rounding of a multiple of an interval."""
    _, place = np.unique(np.round(np.concatenate([times, other_times]), _DIGITS_H), return_inverse=True)
    span = int(place.max(initial=0)) + 1
    return np.isin(keys * span + place[: len(times)], other * span + place[len(times) :])


TABLE_CHECKS: tuple[Check[EventTable], ...] = (
    Check("levels-at-dose-times", "No level shares the time of a dose.", _levels_at_dose_times),
    Check("levels-after-doses", "Every level comes after a dose.", _levels_before_doses),
    Check("subjects-complete", "Every subject has a dose and a level.", _subjects_complete),
    Check("steady-state-erases", "No steady state erases a history or comes within 72 h.", _steady_state_erases),
    Check("doses-without-gaps", "No dose comes later than 1.5 intervals after the one before.", _gaps),
    Check("doses-written-out", "No subject has both steady states and runs of doses.", _runs_beside_steady_states),
    Check("additional-doses", "Further doses neither double a row nor run past the next.", _additional_doses),
    Check("infusions-end", "Every infusion ends within its interval.", _infusions_end),
    Check("sudden-doses", "No subject's dose changes suddenly.", _sudden_doses),
    *COVARIATE_CHECKS,
)
