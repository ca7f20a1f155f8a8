"""The levels of patients, laid out for an estimate: which are used, which are only below a limit, how much each counts.

What cannot be used is said: a level where the model predicts none because no dose came before, and a level of 0 where
levels are compared by their logarithms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.patient.prediction import Prediction, predict_levels
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.population_treatment import occasion_places

__all__ = ["PatientLevels", "lay_out_levels", "level_times", "usable_levels", "with_last_occasions", "with_recency"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PatientLevels:
    """Up to M levels of each of S patients, in order of time.

    Attributes
    ----------
    subjects : tuple of str
    time_h : (S, M) array
        NaN after a patient's last.
    value : (S, M) array
        The level, in the table's unit; the limit where ``below``; NaN where none was measured.
    below : (S, M) array of bool
        Known only to lie below ``value``.
    weight : (S, M) array
        How much each counts: 1, less where recent levels count more, 0 where it is not used.
    occasion : (S, M) array of int
        Place of its occasion among the patient's, from 0; -1 after the last.
    row : (S, M) array of int
        Row of the table's observations; -1 after the last.
    """

    subjects: tuple[str, ...]
    time_h: Floats
    value: Floats
    below: Flags
    weight: Floats
    occasion: NDArray[np.int64]
    row: NDArray[np.int64]

    @property
    def used(self) -> Flags:
        """Which levels count, (S, M)."""
        return self.weight > 0.0

    def without(self, left_out: Flags) -> PatientLevels:
        """The same, with some levels not used."""
        return replace(self, weight=np.where(left_out, 0.0, self.weight))


def level_times(table: EventTable) -> Floats:
    """Return the times of all observations of a table, (S, M), NaN after a subject's last.

    Parameters
    ----------
    table : EventTable

    Returns
    -------
    (S, M) array
    """
    row = _rows(table)
    return np.where(row >= 0, table.observations.time_h[np.maximum(row, 0)], np.nan)


def _rows(table: EventTable) -> NDArray[np.int64]:
    observations = table.observations
    counts = np.diff(observations.offsets)
    row = np.full((len(counts), int(counts.max(initial=0))), -1, dtype=np.int64)
    place = np.arange(len(observations)) - np.repeat(observations.offsets[:-1], counts)
    row[observations.subject, place] = np.arange(len(observations))
    return row


def lay_out_levels(table: EventTable) -> PatientLevels:
    """Lay out the levels of a table.

    Parameters
    ----------
    table : EventTable

    Returns
    -------
    PatientLevels
        Each measured level, or level below a limit, counts 1; times at which a level is only wanted count 0.
    """
    observations, row = table.observations, _rows(table)
    there, at = row >= 0, np.maximum(row, 0)
    if not len(observations):
        nothing = np.zeros(row.shape)
        return PatientLevels(table.subjects, nothing, nothing, nothing > 0, nothing, row, row)
    censored = there & observations.censored[at]
    measured = there & ~observations.missing[at] & (censored | np.isfinite(observations.value[at]))
    value = np.where(censored, observations.limit[at], observations.value[at])
    place = occasion_places(table)[observations.record]
    return PatientLevels(
        subjects=table.subjects,
        time_h=np.where(there, observations.time_h[at], np.nan),
        value=np.where(measured, value, np.nan),
        below=censored,
        weight=measured.astype(np.float64),
        occasion=np.where(there, place[at], -1),
        row=row,
    )


def usable_levels(
    prediction: Prediction, levels: PatientLevels, table: EventTable
) -> tuple[PatientLevels, tuple[Finding, ...]]:
    """Leave out levels that an estimate cannot use, and say which.

    Parameters
    ----------
    prediction : Prediction
        Of the same patients and times.
    levels : PatientLevels
    table : EventTable

    Returns
    -------
    tuple of (PatientLevels, tuple of Finding)
    """
    typical = predict_levels(
        prediction, np.arange(prediction.patients), np.zeros((prediction.patients, prediction.space.size))
    )
    undosed = levels.used & ~(typical > 0.0)
    zero = levels.used & ~undosed & (levels.value <= 0.0) & prediction.model.residual.on_logarithm
    findings = tuple(_said(table, levels, undosed, zero))
    return levels.without(undosed | zero), findings


def _said(table: EventTable, levels: PatientLevels, undosed: Flags, zero: Flags) -> Iterator[Finding]:
    for mask, check, what, do in (
        (undosed, "level-before-dose", "no dose before", "not used; add the doses that came before, or a steady state"),
        (zero, "zero-level", "a level of 0, whose logarithm the model needs", "not used; give LLOQ, and it counts"),
    ):
        for s, m in np.argwhere(mask).tolist():
            line = table.observations.line[levels.row[s, m]]
            where = f"{table.source}, ID {levels.subjects[s]}, line {line}, level at {levels.time_h[s, m]:g} h"
            yield Finding(check, Severity.WARNING, where, what, "a level that the model can explain", do)


def with_recency(levels: PatientLevels, half_life_h: float | None) -> PatientLevels:
    """Let recent levels count more.

    A level of age a, counted back from the patient's last used level, counts 2^(-a / half-life): its log-likelihood is
    multiplied by that.

    Parameters
    ----------
    levels : PatientLevels
    half_life_h : float or None
        Above 0; None leaves all as they are.

    Returns
    -------
    PatientLevels
    """
    if half_life_h is None or not levels.used.any():
        return levels
    last = np.where(levels.used, levels.time_h, -np.inf).max(axis=1, keepdims=True)
    age = np.where(levels.used, last - np.nan_to_num(levels.time_h), 0.0)
    return replace(levels, weight=levels.weight * 2.0 ** (-age / half_life_h))


def with_last_occasions(levels: PatientLevels, count: int | None) -> PatientLevels:
    """Use only the levels of each patient's last occasions that have levels in use.

    Parameters
    ----------
    levels : PatientLevels
    count : int or None
        Occasions, 1 or more; None leaves all as they are.

    Returns
    -------
    PatientLevels
    """
    if count is None:
        return levels
    left_out = np.zeros_like(levels.used)
    for s, used in enumerate(levels.used):
        kept = np.unique(levels.occasion[s, used])[-count:]
        left_out[s] = used & ~np.isin(levels.occasion[s], kept)
    return levels.without(left_out)
