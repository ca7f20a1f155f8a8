"""SDTM in: the domains EX and PC, with covariates by subject, become an event table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.tables import Column
from limus.pharmacokinetics.event_table.cells import some
from limus.pharmacokinetics.event_table.error import raise_together
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.exchange.sdtm_doses import EX_COLUMNS, SdtmDose, read_doses
from limus.pharmacokinetics.exchange.sdtm_levels import PC_COLUMNS, SdtmLevel, read_levels
from limus.pharmacokinetics.exchange.xpt import numbers_of, read_dataset

__all__ = ["SUBJECT_COLUMNS", "read_sdtm"]

SUBJECT_COLUMNS = (Column("USUBJID", meaning="Unique Subject Identifier"),)


def read_sdtm(
    exposure: Path | str,
    concentrations: Path | str | None = None,
    *,
    concentration: str,
    subjects: Path | str | None = None,
    treatment: str | None = None,
    analyte: str | None = None,
    specimen: str | None = None,
    compartment_of_route: Mapping[str, int] | None = None,
    observed_compartment: int = 0,
    time_of_day_h: float | None = None,
    molar_mass_g_per_mol: float | None = None,
    occasions: str = "auto",
) -> EventTable:
    """Read EX and PC as an event table; time 0 is each subject's first dose or sample.

    Parameters
    ----------
    exposure : Path or str
        EX as transport file (``.xpt``) or CSV.
    concentrations : Path or str, optional
        PC likewise; without it there are doses only.
    concentration : str
        Unit wanted for levels.
    subjects : Path or str, optional
        One row a subject: USUBJID and variables; those that are numbers become constant covariates.
    treatment, analyte, specimen : str, optional
        EXTRT, PCTESTCD and PCSPEC to take; needed where there are several.
    compartment_of_route : mapping of str to int, optional
        Compartment that a dose of each EXROUTE enters; the model's default where left out.
    observed_compartment : int
        0 is the model's default.
    time_of_day_h : float, optional
        h after midnight at which doses without a time of day are taken.
    molar_mass_g_per_mol : float, optional
        Needed where levels come by amount of substance and are wanted by mass, or the reverse.
    occasions : str
        As in :func:`read_event_table`.

    Returns
    -------
    EventTable
        Subjects are USUBJIDs, in order; ``findings`` say what was left out or assumed.

    Raises
    ------
    FileReadError
        A file cannot be read or lacks a variable.
    EventTableError
        Rows that cannot be placed or contradict each other; all of them together.
    """
    ex, _ = read_dataset(exposure, EX_COLUMNS)
    doses, findings = read_doses(ex, str(exposure), treatment=treatment, time_of_day_h=time_of_day_h)
    source = str(exposure)
    levels: list[SdtmLevel] = []
    if concentrations is not None:
        source = f"{exposure} and {concentrations}"
        levels, found = read_levels(
            read_dataset(concentrations, PC_COLUMNS)[0],
            str(concentrations),
            concentration=concentration,
            molar_mass_g_per_mol=molar_mass_g_per_mol,
            analyte=analyte,
            specimen=specimen,
        )
        findings += found
    routes = compartment_of_route or {}
    raise_together(source, findings)
    raise_together(source, (*findings, *_joint_findings(doses, levels, routes, source)))
    columns = _columns(doses, levels, routes, observed_compartment)
    if subjects is not None:
        covariates, found = _covariates(subjects, columns["ID"])
        columns |= covariates
        findings += found
    table = event_table_from_arrays(columns, units=TableUnits("mg", concentration), occasions=occasions, source=source)
    return replace(table, findings=(*findings, *table.findings))


def _joint_findings(
    doses: Sequence[SdtmDose], levels: Sequence[SdtmLevel], routes: Mapping[str, int], source: str
) -> Iterator[Finding]:
    unknown = sorted({dose.route for dose in doses} - set(routes)) if routes else []
    if unknown:
        got, allowed = ", ".join(unknown), ", ".join(routes)
        yield Finding("route-known", Severity.ERROR, f"{source}, EXROUTE", got, allowed, "add the route")
    if not doses and not levels:
        yield Finding("rows-there", Severity.ERROR, source, "no rows", "a dose or a level", "check the files")
    both: list[SdtmDose | SdtmLevel] = [*doses, *levels]
    zones = {one.has_zone for one in both}
    if len(zones) > 1:
        got = "times with and without a zone"
        yield Finding("one-clock", Severity.ERROR, source, got, "one of the two", "give all times with a zone, or none")


def _columns(
    doses: Sequence[SdtmDose], levels: Sequence[SdtmLevel], routes: Mapping[str, int], observed: int
) -> dict[str, NDArray[Any]]:
    """Lay doses and levels out as the columns of an event table, sorted by subject and time."""
    both: list[SdtmDose | SdtmLevel] = [*doses, *levels]
    d, n = len(doses), len(levels)
    blank, zero = np.full(d, np.nan), np.zeros(n)
    columns: dict[str, NDArray[Any]] = {
        "ID": np.array([one.subject for one in both]),
        "TIME": np.array([one.hours for one in both]),
        "EVID": np.repeat([1.0, 0.0], [d, n]),
        "MDV": np.repeat([1.0, 0.0], [d, n]),
        "AMT": np.append([dose.amount_mg for dose in doses], zero),
        "CMT": np.append([routes.get(dose.route, 0) for dose in doses], np.full(n, observed)),
        "DUR": np.append([dose.duration_h for dose in doses], zero),
        "II": np.append([dose.interval_h for dose in doses], zero),
        "ADDL": np.append([dose.additional for dose in doses], zero),
        "DV": np.append(blank, [level.value for level in levels]),
    }
    if any(level.censored or not np.isnan(level.limit) for level in levels):
        columns["LLOQ"] = np.append(blank, [level.limit for level in levels])
        columns["BLQ"] = np.append(blank, [float(level.censored) for level in levels])
    order = np.lexsort((columns["EVID"], columns["TIME"], columns["ID"]))
    columns = {name: values[order] for name, values in columns.items()}
    columns["TIME"] = _since_first(columns["ID"], columns["TIME"])
    return columns


def _since_first(subject: NDArray[np.str_], hours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hours since the first row of each subject; rows are sorted."""
    _, first, place = np.unique(subject, return_index=True, return_inverse=True)
    # to a tenth of a second: hours since 1960 have no more digits to give
    return np.round(hours - hours[first][place], 5)


def _covariates(path: Path | str, subject: NDArray[np.str_]) -> tuple[dict[str, NDArray[np.float64]], list[Finding]]:
    """Numbers of the subjects' table, one value for each row."""
    table, _ = read_dataset(path, SUBJECT_COLUMNS)
    findings = []
    place = {name: row for row, name in enumerate(table["USUBJID"].tolist())}
    if len(place) < len(table):
        findings.append(
            Finding("subject-once", Severity.ERROR, str(path), "a subject twice", "one row a subject", "remove one")
        )
    missing = sorted(set(subject.tolist()) - set(place))
    if missing:
        findings.append(Finding("subject-known", Severity.WARNING, str(path), f"no row for {some(missing)}"))
    raise_together(str(path), findings)
    rows = np.array([place.get(name, -1) for name in subject.tolist()])
    numbers = {name: numbers_of(values) for name, values in table.columns.items() if name != "USUBJID"}
    kept = {name: values for name, values in numbers.items() if values is not None and not np.isnan(values).all()}
    left_out = [name for name in numbers if name not in kept]
    if left_out:
        findings.append(Finding("text-columns", Severity.NOTE, str(path), some(left_out), do="no numbers; left out"))
    return {name: np.where(rows >= 0, values[rows], np.nan) for name, values in kept.items()}, findings
