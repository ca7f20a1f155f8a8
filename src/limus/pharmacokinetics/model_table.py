"""An event table read for a model: its units, compartments and covariates, checked against the model's validity."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError, UnknownNameError, near_names
from limus.molecule.catalogue import load_compounds
from limus.pharmacokinetics.covariate_checks import check_covariates, covariate_columns, refuse_outside_limits
from limus.pharmacokinetics.event_table.plausibility import TypicalRange
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.exchange.event_files import EventFileOptions, read_event_files
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.validity_limits import Limit
from limus.pharmacokinetics.population_profile import typical_profile

__all__ = ["read_table_for_model", "table_for_model", "typical_ranges"]

_SPREAD = 30.0  # how far doses and levels may lie from the typical subject's before a slip of 1,000 is looked for


def read_table_for_model(
    model: PopulationModel,
    paths: Path | Sequence[Path],
    *,
    units: Sequence[str] = (),
    choices: Mapping[str, str] | None = None,
    settings: Mapping[str, float | str] | None = None,
    overrides: Collection[str] = (),
) -> EventTable:
    """Read an event table in the units and compartments of a model.

    Parameters
    ----------
    model : PopulationModel
    paths : Path or sequence of Path
        A NONMEM table, an ADPPK, or EX with PC and a table of subjects.
    units : sequence of str
        ``AMT=ug`` and the like, where the table's differ from the model's.
    choices : mapping of str to str, optional
        Which EXTRT, PCTESTCD or PCSPEC to take of SDTM domains.
    settings : mapping of str to float or str, optional
        Covariates that hold for every subject, over what the table says; words for limits such as the organ.
    overrides : collection of str
        Covariates and limits outside of which the model is used all the same.

    Returns
    -------
    EventTable
        Covariates under the model's names; what was noticed is in ``findings``.

    Raises
    ------
    EventTableError, FileReadError, UnitError
        As :func:`limus.pharmacokinetics.exchange.event_files.read_event_files`.
    InputError
        A covariate is missing or wrong, files do not belong together, or a setting is no covariate of the model.
    RefusedError
        A value lies outside a validity limit that is not overridden.
    """
    options = EventFileOptions(
        TableUnits(model.units.AMT, model.units.DV, model.units.TIME),
        tuple(units),
        dict(model.dosing.numbered),
        typical_ranges(model),
        choices,
    )
    files = [paths] if isinstance(paths, Path) else list(paths)
    table = read_event_files(files, options, molar_mass_g_per_mol=_molar_mass(model.drug))
    return table_for_model(model, table, settings=settings, overrides=overrides)


def table_for_model(
    model: PopulationModel,
    table: EventTable,
    *,
    settings: Mapping[str, float | str] | None = None,
    overrides: Collection[str] = (),
) -> EventTable:
    """Give an event table the covariates of a model under its names, and check them.

    Parameters
    ----------
    model, settings, overrides
        As :func:`read_table_for_model`.
    table : EventTable

    Returns
    -------
    EventTable

    Raises
    ------
    InputError
        A covariate is missing or wrong.
    RefusedError
        A value lies outside a validity limit that is not overridden.
    """
    records, given = table.records, dict(settings or {})
    _check_settings(model, given)
    own = {column for name in covariate_columns(model, given).values() for column in name}
    replaced = {
        c for entry in model.limited if own & {entry.name, *entry.columns} for c in (entry.name, *entry.columns)
    }
    columns: dict[str, NDArray[Any]] = {
        name: records.values[:, k] for k, name in enumerate(records.names) if name not in replaced
    }
    columns |= {name: np.full(len(records), value) for name, value in given.items()}
    found = covariate_columns(model, columns)
    wanted = {column: columns[column] for names in found.values() for column in names}
    labels = [f"ID {table.subjects[s]}, line {line}" for s, line in zip(records.subject, records.line, strict=True)]
    findings = check_covariates(model, _known(wanted), overrides, labels=labels)
    refuse_outside_limits(findings)
    chosen = {name: columns[names[0]] for name, names in found.items() if names and name in model.covariates}
    matrix = np.stack(list(chosen.values()), axis=1) if chosen else np.zeros((len(records), 0))
    return replace(
        table,
        records=replace(records, names=tuple(chosen), values=matrix),
        findings=(*table.findings, *findings),
    )


def _molar_mass(drug: str) -> float | None:
    """Molar mass of what is measured, where the library has it."""
    compound = load_compounds().get(drug)
    known = compound is not None and any(constant.property == "molar_mass" for constant in compound.constants)
    return compound.molar_mass_g_per_mol if compound is not None and known else None


def _check_settings(model: PopulationModel, settings: Mapping[str, float | str]) -> None:
    """Refuse a setting that would do nothing."""
    known = {name: entry for entry in model.limited for name in (entry.name, *entry.columns)}
    for name, value in settings.items():
        if name not in known:
            near = near_names(name, known)
            do = f"did you mean {near[0]}?" if near else "limus pk show lists them"
            raise UnknownNameError(f"covariate of {model.name}", name, ", ".join(known), do)
        entry = known[name]
        if isinstance(value, str) and not (isinstance(entry, Limit) and entry.allowed):
            raise InputError(f"covariate {name} of {model.name}", value, f"a number in {entry.unit}", "correct it")


def _known(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Rows without a value take the first known one: gaps are filled later, subject by subject."""
    filled = {}
    for name, column in columns.items():
        if column.dtype.kind != "f":
            filled[name] = column
            continue
        known = column[~np.isnan(column)]
        filled[name] = np.where(np.isnan(column), known[0], column) if len(known) else column
    return filled


def typical_ranges(model: PopulationModel) -> tuple[TypicalRange, ...]:
    """Where doses and levels are expected: around those of the model's typical subject.

    Parameters
    ----------
    model : PopulationModel

    Returns
    -------
    tuple of TypicalRange
        For AMT and DV, in the model's units.
    """
    profile = typical_profile(model, subjects=0)
    levels = profile.typical[np.isfinite(profile.typical) & (profile.typical > 0)]
    source = f"thirty times around the typical subject of {model.name}"
    dose = model.typical.dose
    return (
        TypicalRange("AMT", dose / _SPREAD, dose * _SPREAD, model.units.AMT, source),
        TypicalRange("DV", float(levels.min()) / _SPREAD, float(levels.max()) * _SPREAD, model.units.DV, source),
    )
