"""One patient under one or more models: levels known, the regimen that goes on, estimates and their weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding
from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.patient.estimate import PatientEstimate, estimate_patients
from limus.patient.extreme_effects import extreme_effects
from limus.patient.future import CurrentRegimen, current_regimen, with_future_doses
from limus.patient.levels import PatientLevels, lay_out_levels, with_last_occasions
from limus.patient.model_average import average_weights
from limus.patient.plausible_levels import plausible_levels
from limus.pharmacokinetics.event_table.records import EventTable
from limus.workflows.tdm.input import (
    MonitoringRequest,
    Source,
    estimate_options,
    findings_once,
    progress_over,
    read_sources,
)

__all__ = ["Case", "known_levels", "open_case"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Case:
    """A patient as the models see him or her.

    Attributes
    ----------
    label : str
    sources : tuple of Source
    tables : tuple of EventTable
        With the regimen that goes on after the last row.
    levels : PatientLevels
        Of the table, those in use marked.
    hidden : (M,) array of bool
        Measured levels that were kept from the estimate, to be forecast.
    estimates : tuple of PatientEstimate
    weights : tuple of float
    regimen : CurrentRegimen or None
        None where the table has a single dose without an interval.
    begins_h : float
        When the next dose is due.
    findings : tuple of Finding
    """

    label: str
    sources: tuple[Source, ...]
    tables: tuple[EventTable, ...]
    levels: PatientLevels
    hidden: NDArray[np.bool_]
    estimates: tuple[PatientEstimate, ...]
    weights: tuple[float, ...]
    regimen: CurrentRegimen | None
    begins_h: float
    findings: tuple[Finding, ...]


def open_case(request: MonitoringRequest, label: str, occasion: int | None, horizon: int, execution: Execution) -> Case:
    """Read and estimate one patient.

    Parameters
    ----------
    request : MonitoringRequest
    label : str
        ID.
    occasion : int or None
        Label of an occasion: its levels and later ones are not used.
    horizon : int
        Doses that the current regimen goes on for; 0 leaves the table as it is.
    execution : Execution

    Returns
    -------
    Case

    Raises
    ------
    LimusError
        As reading and estimating do.
    """
    sources = read_sources(request, subjects=(label,))
    options = estimate_options(request)
    regimen, begins_h = _regimen(sources[0].patients.table, needed=horizon > 0)
    tables = tuple(_extended(source.patients.table, regimen, begins_h, horizon) for source in sources)
    estimates = []
    first = sources[0]
    known, hidden = known_levels(first.patients.table, occasion)
    plausible, slips = plausible_levels(first.model, known, first.patients.table, request.overrides)
    levels = with_last_occasions(plausible, request.last_occasions)
    for source, table in zip(progress_over(sources, execution, f"estimates for ID {label}"), tables, strict=True):
        own = replace(lay_out_levels(source.patients.table), weight=levels.weight)
        estimates.append(estimate_patients(source.model, table, options, levels=own, execution=Execution(workers=1)))
    weights = tuple(average_weights(estimates)[0].tolist())
    said = [*slips, *(one for estimate in estimates for one in (*estimate.findings, *extreme_effects(estimate)))]
    return Case(
        label,
        sources,
        tables,
        levels,
        hidden,
        tuple(estimates),
        weights,
        regimen,
        begins_h,
        findings_once(sources, said),
    )


def known_levels(table: EventTable, occasion: int | None) -> tuple[PatientLevels, NDArray[np.bool_]]:
    """Lay out one patient's levels; keep those of an occasion and of later ones from being used.

    Parameters
    ----------
    table : EventTable
    occasion : int or None
        Label, as in the table.

    Returns
    -------
    tuple of (PatientLevels, (M,) array of bool)
        The levels, and which measured ones are not used.

    Raises
    ------
    InputError
        No such occasion, or none before it.
    """
    levels = lay_out_levels(table)
    if occasion is None:
        return levels, np.zeros(levels.time_h.shape[1], dtype=np.bool_)
    labels = table.observations.occasion
    known = sorted({int(one) for one in labels})
    if occasion not in known:
        allowed = ", ".join(map(str, known)) or "none"
        raise InputError(f"--occasion, ID {table.subjects[0]}", occasion, allowed, "name one of its occasions")
    later = np.where(levels.row >= 0, labels[np.maximum(levels.row, 0)] >= occasion, False)
    return levels.without(later), (later & levels.used)[0]


def _regimen(table: EventTable, *, needed: bool) -> tuple[CurrentRegimen | None, float]:
    """The current regimen and when its next dose is due, after the last row."""
    last = float(table.records.time_h[-1])
    try:
        now = current_regimen(table)
    except InputError:
        if needed and not (table.doses.amount_mg > 0).any():
            raise
        return None, last
    ahead = max(1.0, np.ceil((last - now.last_dose_h) / now.interval_h - 1e-9))
    return now, now.last_dose_h + ahead * now.interval_h


def _extended(table: EventTable, regimen: CurrentRegimen | None, begins_h: float, count: int) -> EventTable:
    if regimen is None or count == 0:
        return table
    return with_future_doses(
        table,
        start_h=begins_h,
        dose_mg=regimen.dose_mg,
        interval_h=regimen.interval_h,
        count=count,
        compartment=regimen.compartment,
    )
