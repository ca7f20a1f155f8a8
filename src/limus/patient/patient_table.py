"""The event table of patients for one model: read, with columns named and coded as the model wants them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity, raise_on_errors
from limus.kernel.errors import InputError, ValueRangeError, near_names
from limus.molecule.catalogue import load_compounds
from limus.patient.column_formulas import with_columns
from limus.patient.own_findings import own_findings
from limus.patient.plausible_levels import UNIT_SLIP
from limus.pharmacokinetics.event_table.records import EventTable, select_subjects
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.exchange.event_files import EventFileOptions, read_event_files
from limus.pharmacokinetics.exchange.fhir.bundle import is_fhir_file
from limus.pharmacokinetics.exchange.fhir.read import MonitoredDrug, words_of_bundle
from limus.pharmacokinetics.model_table import table_for_model, typical_ranges
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["PatientFile", "PatientTable", "check_overrides", "column_of", "monitored_drug", "read_patients"]


@dataclass(frozen=True, slots=True)
class PatientFile:
    """What is asked of a file.

    Attributes
    ----------
    paths : tuple of Path
        A NONMEM table, or files that belong together.
    units : tuple of str
        ``AMT=ug`` and the like, where they differ from the model's.
    settings : mapping of str to float or str
        Covariates that hold for all; words for limits such as the formulation.
    columns : tuple of str
        Covariates that are formulas of columns.
    overrides : tuple of str
        Limits beyond which the models are used all the same.
    occasions : str
        ``column`` (OCC) or ``gap:H``.
    subjects : tuple of str
        IDs wanted; all by default.
    """

    paths: tuple[Path, ...]
    units: tuple[str, ...] = ()
    settings: Mapping[str, float | str] | None = None
    columns: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    occasions: str = "column"
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PatientTable:
    """A table with the model's covariates; and with all columns of the file, and what was set for all."""

    table: EventTable
    raw: EventTable


def read_patients(model: PopulationModel, file: PatientFile) -> PatientTable:
    """Read the patients of a file for a model.

    Parameters
    ----------
    model : PopulationModel
    file : PatientFile

    Returns
    -------
    PatientTable

    Raises
    ------
    EventTableError, FileReadError, UnitError
        As :func:`limus.pharmacokinetics.exchange.event_files.read_event_files`.
    InputError
        A covariate is missing or wrong, or levels are in another unit than the model's.
    RefusedError
        A value outside a validity limit that is not overridden.
    """
    units = TableUnits(model.units.AMT, model.units.DV, model.units.TIME)
    drug = monitored_drug(model)
    options = EventFileOptions(units, file.units, dict(model.dosing.numbered), typical_ranges(model), drug=drug)
    raw = read_event_files(list(file.paths), options, molar_mass_g_per_mol=_molar_mass(model.drug))
    if file.subjects:
        raw = _of_subjects(raw, file.subjects, options)
    numbers = {name: value for name, value in (file.settings or {}).items() if not isinstance(value, str)}
    constants = tuple(f"{name}={value!r}" for name, value in numbers.items())
    raw = with_columns(regroup_occasions(raw, file.occasions), (*file.columns, *constants))
    own = [name for name in file.overrides if _is_limit(model, name)]
    try:
        table = table_for_model(model, raw, settings=_own_settings(model, file, _said(file.paths, drug)), overrides=own)
    except InputError as error:
        if _MISSING not in error.where:
            raise
        columns = ", ".join(raw.records.names) or "none"
        do = f"--set NAME=value for all rows, or --column NAME=formula of the table's columns ({columns})"
        raise InputError(error.where, error.got, error.allowed, do) from None
    return PatientTable(table, raw)


_MISSING = "[missing-covariate]"


def _of_subjects(table: EventTable, subjects: tuple[str, ...], options: EventFileOptions) -> EventTable:
    """Keep some subjects, and of what was noticed what is about them or about the file's columns."""
    chosen = select_subjects(table, subjects)
    found = own_findings(table, subjects, options.units, options.typical)
    raise_on_errors(found)
    return replace(chosen, findings=found)


def _molar_mass(drug: str) -> float | None:
    compound = load_compounds().get(drug)
    return None if compound is None else compound.molar_mass_g_per_mol


def _is_limit(model: PopulationModel, name: str) -> bool:
    return name.casefold() in {entry.name.casefold() for entry in model.limited}


def _own_settings(model: PopulationModel, file: PatientFile, said: Mapping[str, str]) -> dict[str, float | str]:
    """Settings that this model knows, over what the file says in words; with several models each takes its own."""
    known = {name for entry in model.limited for name in (entry.name, *entry.columns)}
    return {name: value for name, value in {**said, **(file.settings or {})}.items() if name in known}


def monitored_drug(model: PopulationModel) -> MonitoredDrug:
    """Say what a model looks for in a FHIR bundle.

    Parameters
    ----------
    model : PopulationModel

    Returns
    -------
    MonitoredDrug
    """
    number_of = {species: number for number, species in model.dosing.numbered.items()}
    routes = {route: number_of.get(species, 0) for route, species in model.dosing.routes.items()} or {"oral": 0}
    matrix, substance = model.matrix, model.dosing.substance
    return MonitoredDrug(model.drug, substance, matrix, routes, _molar_mass(model.drug))


def _said(paths: Sequence[Path], drug: MonitoredDrug) -> dict[str, str]:
    """What a FHIR bundle says in words; tables hold numbers only."""
    return words_of_bundle(paths[0], drug) if len(paths) == 1 and is_fhir_file(paths[0]) else {}


def check_overrides(models: Collection[PopulationModel], file: PatientFile) -> None:
    """Refuse an override or a setting that none of the models knows.

    Parameters
    ----------
    models : collection of PopulationModel
    file : PatientFile

    Raises
    ------
    InputError
        With near names.
    """
    limits = {entry.name for model in models for entry in model.limited} | {UNIT_SLIP}
    columns = {name for model in models for entry in model.limited for name in (entry.name, *entry.columns)}
    folded = {name.casefold() for name in limits}
    wrong = [("--override", name, limits) for name in file.overrides if name.casefold() not in folded]
    wrong += [("--set", name, columns) for name in file.settings or {} if name not in columns]
    for what, name, known in wrong:
        near = near_names(name, known)
        do = f"did you mean {' or '.join(near)}?" if near else "leave it out"
        raise InputError(what, name, ", ".join(sorted(known)), do)


def column_of(patients: PatientTable, names: Sequence[str], subject: int = 0) -> float | None:
    """Return the last known value of a column of the file, by any of its names; None where there is none.

    Parameters
    ----------
    patients : PatientTable
    names : sequence of str
    subject : int

    Returns
    -------
    float or None
    """
    records = patients.raw.records
    for name in names:
        if name in records.names:
            values = records.values[records.of(subject), records.names.index(name)]
            known = values[np.isfinite(values)]
            if len(known):
                return float(known[-1])
    return None


def regroup_occasions(table: EventTable, rule: str) -> EventTable:
    """Number occasions anew by a rule.

    Parameters
    ----------
    table : EventTable
    rule : str
        ``column`` leaves them; ``gap:H`` begins a new one with the first row more than H hours after the row before.

    Returns
    -------
    EventTable

    Raises
    ------
    ValueRangeError
        Another rule.
    """
    if rule == "column":
        return table
    hours = _gap(rule)
    records = table.records
    new = np.diff(records.time_h, prepend=0.0) > hours
    new |= np.diff(records.subject, prepend=-1) != 0
    running = np.cumsum(new)
    first = running[records.offsets[:-1][records.subject]]
    occasion: NDArray[np.int64] = np.asarray(running - first + 1, dtype=np.int64)
    said = Finding("occasions", Severity.NOTE, table.source, f"occasions by the rule {rule}", do="give OCC to set them")
    return replace(
        table,
        records=replace(records, occasion=occasion),
        doses=replace(table.doses, occasion=occasion[table.doses.record]),
        observations=replace(table.observations, occasion=occasion[table.observations.record]),
        findings=(*table.findings, said),
    )


def _gap(rule: str) -> float:
    name, _, text = rule.partition(":")
    try:
        hours = float(text) if name == "gap" else float("nan")
    except ValueError:
        hours = float("nan")
    if not hours > 0:
        raise ValueRangeError("--occasions", rule, "column, or gap:H with H in hours", "write for example gap:24")
    return hours
