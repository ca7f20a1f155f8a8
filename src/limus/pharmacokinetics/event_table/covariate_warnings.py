"""Covariates that should be looked at: two names for one thing, two values at one time, sudden changes, far values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Check, Finding, Severity
from limus.pharmacokinetics.event_table.cells import some
from limus.pharmacokinetics.event_table.records import EventTable

__all__ = ["COVARIATE_CHECKS", "sudden_changes"]

_SUDDEN = 1.5  # fold, the least change called sudden
_TIMES_MEDIAN = 6.0  # and this many times the file's median change of that covariate, on the log scale
_ALIKE = 0.75  # share of letters that two names have in common
_PROPORTIONAL = 1e-6  # relative spread of the ratio of two columns in different units
_MOSTLY = 0.9  # share of rows on which two columns are proportional to be called one quantity
_LOOKED_AT = 2000  # rows of a large table that tell most pairs of columns apart
_FENCES = 1.5  # interquartile ranges beyond the quartiles (Tukey 1977, Exploratory Data Analysis)
_FEW = 5  # distinct values; up to that a column is a code, not a quantity


def _names(table: EventTable) -> Iterator[Finding]:
    names = table.records.names
    mixed = [name for name in names if name not in {name.upper(), name.lower()}]
    where = f"{table.source}, header"
    if mixed:
        yield Finding(
            "covariate-case", Severity.NOTE, where, some(mixed), "any case", "kept as they are; name them so in a model"
        )
    for one, other in combinations(names, 2):
        a, b = (re.sub(r"[^a-z]", "", name.lower()) for name in (one, other))
        if a and b and (a == b or (min(len(a), len(b)) > 3 and SequenceMatcher(None, a, b).ratio() >= _ALIKE)):
            do = "check which one is meant; a model takes the name that it is given"
            yield Finding("covariate-names-alike", Severity.WARNING, where, f"{one} beside {other}", do=do)


def _one_thing_twice(table: EventTable) -> Iterator[Finding]:
    records = table.records
    quantities = [k for k in range(len(records.names)) if len(np.unique(_known(records.values[:, k]))) > _FEW]
    thinned = records.values[:: 1 + len(records) // _LOOKED_AT]
    for pair in combinations(quantities, 2):
        # most pairs of a large table are told apart by some of its rows
        if _agreement(thinned[:, pair])[1].mean() < _MOSTLY / 2:
            continue
        one, other = pair if np.nanmedian(records.values[:, pair], axis=0).argmax() == 0 else pair[::-1]
        usual, agrees, both = _agreement(records.values[:, (one, other)])
        if agrees.mean() < _MOSTLY:
            continue
        got = f"{records.names[one]} is {usual:.4g} times {records.names[other]}"
        where = f"{table.source}, header"
        if agrees.all():
            do = "one quantity in two units; a model uses one of them"
            yield Finding("covariate-twice", Severity.NOTE, where, f"{got} on every row", do=do)
            continue
        ids = some([table.subjects[s] for s in np.unique(records.subject[both][~agrees])])
        do = "one quantity in two units that disagree; check which one is right"
        yield Finding("covariate-twice", Severity.WARNING, where, f"{got}, except for IDs {ids}", do=do)


def _agreement(values: NDArray[np.float64]) -> tuple[float, NDArray[np.bool_], NDArray[np.bool_]]:
    """Usual ratio of two columns, whether each row that has both has it, and which rows have both."""
    both = (values[:, 0] > 0) & (values[:, 1] > 0)
    if not both.any():
        return np.nan, np.zeros(1, dtype=np.bool_), both
    ratio = values[both, 0] / values[both, 1]
    usual = float(np.median(ratio))
    return usual, np.abs(ratio / usual - 1.0) <= _PROPORTIONAL, both


def _one_value_at_a_time(table: EventTable) -> Iterator[Finding]:
    records = table.records
    same = (records.subject[1:] == records.subject[:-1]) & (records.time_h[1:] == records.time_h[:-1])
    for k, name in enumerate(records.names):
        a, b = records.values[:-1, k], records.values[1:, k]
        rows = np.flatnonzero(same & (a != b) & ~np.isnan(a) & ~np.isnan(b))
        if len(rows):
            listed = [
                f"{a[r]:g} then {b[r]:g} at {records.time_h[r]:g} h (ID {table.subjects[records.subject[r]]}, "
                f"line {records.line[r + 1]})"
                for r in rows
            ]
            do = "next observation backward takes the first, last observation forward the last; correct the row"
            where = f"{table.source}, column {name}"
            yield Finding(
                "covariate-one-value", Severity.WARNING, where, some(listed, 5), "one value at a time and subject", do
            )


def sudden_changes(
    table: EventTable,
    column: str,
    subject: NDArray[np.int64],
    values: NDArray[np.float64],
    line: NDArray[np.int64],
    time_h: NDArray[np.float64],
    unit: str = "",
) -> Iterator[Finding]:
    """Find changes within a subject that are out of line with the file's others.

    Between consecutive different positive values of a subject, with c the absolute logarithm of their ratio, a change
    is sudden if c > ln 1.5 and, where the file has ten changes or more, c > 6 median(c).

    Parameters
    ----------
    table : EventTable
    column : str
    subject, values, line, time_h : (n,) array
        Rows in the table's order.
    unit : str
        Printed after the values.

    Yields
    ------
    Finding
        One for the column.
    """
    kept = values > 0
    subject, values, line, time_h = subject[kept], values[kept], line[kept], time_h[kept]
    changed = (subject[1:] == subject[:-1]) & (values[1:] != values[:-1])
    change = np.abs(np.log(values[1:] / values[:-1]))
    limit = np.log(_SUDDEN)
    if changed.sum() >= 10:
        limit = max(limit, _TIMES_MEDIAN * float(np.median(change[changed])))
    rows = np.flatnonzero(changed & (change > limit))
    if len(rows):
        listed = [
            f"{values[r]:g} to {values[r + 1]:g}{unit} at {time_h[r + 1]:g} h "
            f"(ID {table.subjects[subject[r]]}, line {line[r + 1]})"
            for r in rows
        ]
        allowed = f"changes within a subject up to {np.exp(limit):.2g}-fold"
        where = f"{table.source}, column {column}"
        yield Finding("sudden-change", Severity.WARNING, where, some(listed, 12), allowed, "check these rows")


def _sudden_covariates(table: EventTable) -> Iterator[Finding]:
    records = table.records
    for k, name in enumerate(records.names):
        values = records.values[:, k]
        known = ~np.isnan(values)
        if len(np.unique(values[known])) > _FEW or known.sum() < 10:
            yield from sudden_changes(
                table, name, records.subject[known], values[known], records.line[known], records.time_h[known]
            )


def _follows_time(table: EventTable) -> Iterator[Finding]:
    records = table.records
    for k, name in enumerate(records.names):
        values = records.values[:, k]
        if not len(np.unique(_known(values))) > _FEW:
            continue
        for per, word in ((24.0, "days"), (1.0, "hours")):
            same = np.abs(values - records.time_h / per) < 1e-6
            known = ~np.isnan(values)
            if same.sum() >= known.sum() / 2 and not same[known].all():
                off = known & ~same
                ids = some([table.subjects[s] for s in np.unique(records.subject[off])], 20)
                got = f"TIME in {word} on {int(same.sum())} rows, something else on {int(off.sum())} (IDs {ids})"
                do = "such rows carry the value of another time; use TIME itself where time is meant"
                where = f"{table.source}, column {name}"
                yield Finding("covariate-follows-time", Severity.WARNING, where, got, do=do)


def _far_values(table: EventTable) -> Iterator[Finding]:
    records = table.records
    for k, name in enumerate(records.names):
        values = records.values[:, k]
        known = np.flatnonzero(~np.isnan(values))
        if len(np.unique(values[known])) <= _FEW:
            continue
        _, first = np.unique(np.stack([records.subject[known].astype(float), values[known]]), axis=1, return_index=True)
        rows = known[np.sort(first)]
        low, high = np.quantile(values[rows], (0.25, 0.75))
        margin = _FENCES * (high - low)
        far = rows[(values[rows] < low - margin) | (values[rows] > high + margin)]
        if margin > 0 and len(far):
            furthest = far[np.argsort(-np.abs(values[far] - (low + high) / 2), kind="stable")]
            listed = [f"{values[r]:g} (ID {table.subjects[records.subject[r]]})" for r in furthest]
            allowed = f"{max(low - margin, min(0.0, low)):.4g} to {high + margin:.4g}, Tukey's fences of this file"
            where = f"{table.source}, column {name}"
            yield Finding("far-values", Severity.NOTE, where, some(listed, 5), allowed, "check that they are right")


def _missing_covariates(table: EventTable) -> Iterator[Finding]:
    records = table.records
    count = len(table.subjects)
    for k, name in enumerate(records.names):
        known = np.bincount(records.subject[~np.isnan(records.values[:, k])], minlength=count)
        rows = np.diff(records.offsets)
        where = f"{table.source}, column {name}"
        without = np.flatnonzero(known == 0)
        if len(without):
            got = f"missing for {len(without)} subjects: IDs {some([table.subjects[s] for s in without], 20)}"
            do = "give it, or let the model's stated default apply"
            yield Finding("covariate-missing", Severity.WARNING, where, got, "a value for each subject", do)
        partly = np.flatnonzero((known > 0) & (known < rows))
        if len(partly):
            got = f"missing on some rows of {len(partly)} subjects: IDs {some([table.subjects[s] for s in partly], 20)}"
            yield Finding("covariate-gaps", Severity.NOTE, where, got, do="filled by the rule that carries covariates")


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[~np.isnan(values)]


COVARIATE_CHECKS: tuple[Check[EventTable], ...] = (
    Check("covariate-names", "No two covariates have names that are nearly the same.", _names),
    Check("covariate-twice", "No two covariates are one quantity in two units.", _one_thing_twice),
    Check("covariate-one-value", "A covariate has one value at a time and subject.", _one_value_at_a_time),
    Check("sudden-change", "No covariate changes suddenly within a subject.", _sudden_covariates),
    Check("covariate-follows-time", "A covariate follows TIME on all rows or on few.", _follows_time),
    Check("far-values", "No covariate lies beyond Tukey's fences.", _far_values),
    Check("covariate-missing", "Every covariate is known on every row.", _missing_covariates),
)
