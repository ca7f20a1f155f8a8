"""An event table read for a model: its units, compartments and covariates, checked against the model's validity."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError
from limus.pharmacokinetics.covariate_checks import check_covariates, covariate_columns, refuse_outside_limits
from limus.pharmacokinetics.event_table.plausibility import TypicalRange
from limus.pharmacokinetics.event_table.read import read_event_table
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits, override_units
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_profile import typical_profile

__all__ = ["read_table_for_model", "table_for_model", "typical_ranges"]

_SPREAD = 30.0  # how far doses and levels may lie from the typical subject's before a slip of 1,000 is looked for


def read_table_for_model(
    model: PopulationModel,
    path: Path,
    *,
    units: Sequence[str] = (),
    settings: Mapping[str, float] | None = None,
    overrides: Collection[str] = (),
) -> EventTable:
    """Read a NONMEM event table in the units and compartments of a model.

    Parameters
    ----------
    model : PopulationModel
    path : Path
    units : sequence of str
        ``AMT=ug`` and the like, where the table's differ from the model's.
    settings : mapping of str to float, optional
        Covariates that hold for every subject, over what the table says.
    overrides : collection of str
        Covariates and limits outside of which the model is used all the same.

    Returns
    -------
    EventTable
        Covariates under the model's names; what was noticed is in ``findings``.

    Raises
    ------
    EventTableError, FileReadError, UnitError
        As :func:`limus.pharmacokinetics.event_table_read.read_event_table`.
    InputError
        A covariate is missing or wrong.
    RefusedError
        A value lies outside a validity limit that is not overridden.
    """
    table_units = override_units(TableUnits(model.units.AMT, model.units.DV, model.units.TIME), units)
    table = read_event_table(
        path,
        units=table_units,
        compartments=dict(model.dosing.numbered),
        typical=typical_ranges(model),
        text_ids=True,
    )
    if table.concentration_unit != model.units.DV:
        raise InputError(
            f"{path}, DV", table.concentration_unit, f"{model.units.DV}, the unit of {model.name}", "convert the levels"
        )
    return table_for_model(model, table, settings=settings, overrides=overrides)


def table_for_model(
    model: PopulationModel,
    table: EventTable,
    *,
    settings: Mapping[str, float] | None = None,
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
    records = table.records
    columns: dict[str, NDArray[np.float64]] = {
        name: records.values[:, k] for k, name in enumerate(records.names) if name not in (settings or {})
    }
    columns |= {name: np.full(len(records), float(value)) for name, value in (settings or {}).items()}
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


def _known(columns: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Rows without a value take the first known one: gaps are filled later, subject by subject."""
    filled = {}
    for name, column in columns.items():
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
