"""The bundle of one patient as an event table, for one drug.

Time 0 is the first row. An occasion ends with its last level: a level more than 12 h after the one before begins the
next, and the doses between belong to it. The interval of the last dose is that of the request it fulfils, else the gap
to the dose before, rounded to 6, 8, 12, 24 or 48 h where it lies within a fifth of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from limus.kernel.checks import Finding, Severity
from limus.pharmacokinetics.event_table.error import raise_together
from limus.pharmacokinetics.event_table.plausibility import TypicalRange, plausibility_findings
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.exchange.fhir.bundle import Bundle, open_bundle
from limus.pharmacokinetics.exchange.fhir.covariates import read_patient_facts
from limus.pharmacokinetics.exchange.fhir.doses import FhirDose, read_doses
from limus.pharmacokinetics.exchange.fhir.levels import FhirLevel, read_levels
from limus.pharmacokinetics.exchange.fhir.rows import columns_of, covariates_at, form_of

__all__ = ["MonitoredDrug", "level_names", "read_bundle", "words_of_bundle"]

_USUAL_H = (6.0, 8.0, 12.0, 24.0, 48.0)
_NEAR = 0.2
_DAY_H = 24.0
_KNOWN_DOSES = 3


@dataclass(frozen=True, slots=True)
class MonitoredDrug:
    """What to look for in a bundle.

    Attributes
    ----------
    drug, substance : str
        What is measured, and what AMT weighs.
    matrix : str
        "whole blood" or "plasma".
    routes : mapping of str to int
        Routes and their compartments; the first is the default.
    molar_mass_g_per_mol : float, optional
        For levels by amount of substance.
    """

    drug: str
    substance: str
    matrix: str
    routes: Mapping[str, int]
    molar_mass_g_per_mol: float | None = None


def read_bundle(
    path: Path, drug: MonitoredDrug, *, concentration: str, typical: Sequence[TypicalRange] = ()
) -> EventTable:
    """Read the bundle of one patient.

    Parameters
    ----------
    path : Path
        JSON of FHIR R4.
    drug : MonitoredDrug
    concentration : str
        Unit wanted for levels.
    typical : sequence of TypicalRange
        What to compare amounts and levels with; a slip of 1,000 is an error.

    Returns
    -------
    EventTable
        One subject; ``findings`` say what was left out or assumed, each with its place in the bundle.

    Raises
    ------
    FileReadError
        No JSON, or no bundle.
    EventTableError
        What cannot be placed or contradicts itself; all of it together.
    """
    bundle = open_bundle(path)
    levels, findings = _levels(bundle, drug, concentration)
    doses, more = read_doses(bundle, drug=drug.drug, substance=drug.substance, routes=drug.routes)
    facts, about = read_patient_facts(bundle)
    found = [*bundle.findings, *findings, *more, *about]
    raise_together(bundle.source, found)
    found += _joint_findings(bundle, drug, doses, levels)
    raise_together(bundle.source, found)
    columns, origin = columns_of(bundle.label, doses, levels, facts, drug.routes)
    columns |= covariates_at(facts, doses, columns["TIME"] + origin)
    units = TableUnits("mg", concentration)
    table = event_table_from_arrays(columns, units=units, occasions="column", source=bundle.source)
    slips = [one for one in plausibility_findings(table, units, typical) if one.severity is Severity.ERROR]
    raise_together(bundle.source, (*found, *(replace(one, do="correct the units in the bundle") for one in slips)))
    every, said = _interval(bundle, doses)
    if len(table.doses) and every > 0:
        interval = np.where(np.arange(len(table.doses)) == len(table.doses) - 1, every, 0.0)
        table = replace(table, doses=replace(table.doses, interval_h=interval))
    # names of columns are limus's own here
    own = [finding for finding in table.findings if finding.check != "covariate-case"]
    return replace(table, findings=(*found, *said, *own))


def _levels(bundle: Bundle, drug: MonitoredDrug, unit: str) -> tuple[list[FhirLevel], list[Finding]]:
    mass = drug.molar_mass_g_per_mol
    return read_levels(bundle, drug=drug.drug, matrix=drug.matrix, unit=unit, molar_mass_g_per_mol=mass)


def level_names(path: Path, drug: MonitoredDrug, *, concentration: str) -> tuple[str, ...]:
    """Return how references name the levels of a bundle, in the order of the event table.

    Parameters
    ----------
    path : Path
    drug : MonitoredDrug
    concentration : str
        Unit wanted for levels.

    Returns
    -------
    tuple of str
        ``Observation/id``, else the entry's URL; '' for one that has neither.

    Raises
    ------
    FileReadError, EventTableError
        As :func:`read_bundle`, for what it looks at.
    """
    bundle = open_bundle(path)
    entries = {entry.path: entry for entry in bundle.entries}
    levels = sorted(_levels(bundle, drug, concentration)[0], key=lambda level: level.hours)
    return tuple(entries[level.path].name or entries[level.path].url for level in levels)


def words_of_bundle(path: Path, drug: MonitoredDrug) -> dict[str, str]:
    """Return what a bundle says in words about a model's limits: formulation and organ, as far as they are known.

    Parameters
    ----------
    path : Path
    drug : MonitoredDrug

    Returns
    -------
    dict of str to str

    Raises
    ------
    FileReadError, EventTableError
        As :func:`read_bundle`, for what it looks at.
    """
    bundle = open_bundle(path)
    words = dict(read_patient_facts(bundle)[0].words)
    doses, _ = read_doses(bundle, drug=drug.drug, substance=drug.substance, routes=drug.routes)
    named = [form for dose in sorted(doses, key=lambda one: one.hours) if (form := form_of(dose)[0])]
    return words | ({"formulation": named[-1]} if named else {})


def _joint_findings(
    bundle: Bundle, drug: MonitoredDrug, doses: Sequence[FhirDose], levels: Sequence[FhirLevel]
) -> Iterator[Finding]:
    both: list[FhirDose | FhirLevel] = [*doses, *levels]
    if len({one.has_zone for one in both}) > 1:
        odd = next(one for one in both if not one.has_zone)
        where, allowed = f"{bundle.source}, {odd.path}", "a zone with each time, or with none"
        yield Finding(
            "one-clock", Severity.ERROR, where, "a time without a zone, others have one", allowed, "add the zone"
        )
    if not levels:
        do = "the population's forecast only"
        yield Finding("levels-there", Severity.WARNING, bundle.source, f"no level of {drug.drug}", do=do)
    if not doses:
        do = "check the names of the medications"
        yield Finding("doses-there", Severity.WARNING, bundle.source, f"no dose of {drug.substance}", do=do)
    if doses and levels:
        begin = sorted(dose.hours for dose in doses)[:_KNOWN_DOSES][-1]
        early = [level for level in levels if level.hours < begin]
        if early:
            got = f"a level before the third dose of the bundle ({early[0].path})"
            do = "taken as without drug at the first dose; if there were doses before, give them"
            yield Finding("history", Severity.WARNING, bundle.source, got, "all doses since the drug was begun", do)
    forms = sorted({form for dose in doses if (form := form_of(dose)[0])})
    if len(forms) > 1:
        do = "the last one counts for the limits of a model"
        yield Finding("one-formulation", Severity.WARNING, bundle.source, ", ".join(forms), "one", do)
    for level in levels:
        before = [level.hours - dose.hours for dose in doses if dose.hours < level.hours]
        if level.trough and before and min(before) < _SOON_H:
            got = f"a level coded as trough {min(before):.3g} h after a dose"
            do = "its time is used, not its name; check it"
            yield Finding("trough-is-trough", Severity.WARNING, f"{bundle.source}, {level.path}", got, do=do)


_SOON_H = 6.0  # half of the shorter usual interval


def _interval(bundle: Bundle, doses: Sequence[FhirDose]) -> tuple[float, list[Finding]]:
    """Interval of the regimen that goes on, h; 0 where it is left to the table's times."""
    by_time = sorted(doses, key=lambda dose: dose.hours)
    if not by_time:
        return 0.0, []
    last = by_time[-1]
    if last.interval_h > 0:
        return last.interval_h, []
    recent = {round(dose.amount_mg, 6) for dose in by_time if dose.hours > last.hours - _DAY_H}
    if len(by_time) == 1 or len(recent) > 1:
        return 0.0, []
    gap = last.hours - by_time[-2].hours
    near = min(_USUAL_H, key=lambda usual: abs(gap - usual))
    if abs(gap - near) > _NEAR * near or abs(gap - near) < _EXACT_H:
        return 0.0, []
    do = f"taken as every {near:g} h; --interval says otherwise"
    return near, [
        Finding("interval", Severity.NOTE, f"{bundle.source}, {last.path}", f"{gap:.4g} h after the dose before", do=do)
    ]


_EXACT_H = 1e-3
