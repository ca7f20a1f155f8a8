"""Population-pharmacokinetic analysis data sets (ADPPK) in: names as in ``exchange_adppk``, units as they state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import UnitError
from limus.kernel.tables import Column, Table
from limus.pharmacokinetics.event_table.cells import some
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.exchange.adppk import ADPPK_LABELS
from limus.pharmacokinetics.exchange.xpt import numbers_of, read_dataset

__all__ = ["read_adppk"]

_TEXTS = frozenset({"STUDYID", "USUBJID", "RLTU", "DVID", "AVALU", "BLQFL", "SEX", "RACE"})
_ITEMS = {"DOSEDUR": "DUR", "BLQFN": "BLQ", "ALLOQ": "LLOQ", "DVIDN": "DVID", "USUBJID": "ID", "AFRLT": "TIME"}
_COPIED = ("EVID", "CMT", "RATE", "II", "ADDL", "SS", "MDV", "OCC", "AMT", "DV")
_NEEDED = frozenset({"USUBJID", "AFRLT", "EVID", "DV", "MDV", "AMT"})
_SCHEMA = tuple(
    Column(name, number=name not in _TEXTS, required=name in _NEEDED, blank=name != "USUBJID", meaning=label)
    for name, label in ADPPK_LABELS.items()
)
_UNIT_IN_LABEL = re.compile(r".*\(([^()]+)\)\s*")
_TIME_UNITS = {"hr": "h", "hrs": "h", "hours": "h", "days": "day"}
_DERIVED = frozenset(
    {"EXCLF", "NPRLT", "DVL", "DOSETDD", "ASEQ", "PARAMN", "STUDYIDN", "SUBJIDN", "SITEIDN", "PROJIDN"}
)


def read_adppk(
    path: Path | str,
    *,
    units: TableUnits | None = None,
    compartments: Mapping[int, str] | None = None,
    covariates: Sequence[str] | None = None,
    occasions: str = "auto",
) -> EventTable:
    """Read an ADPPK data set as an event table; time 0 is each subject's first row.

    Parameters
    ----------
    path : Path or str
        Transport file (``.xpt``) or CSV.
    units : TableUnits, optional
        Where left out: amounts as the label of AMT says in brackets, levels as AVALU, times as RLTU.
    compartments, covariates, occasions
        As in :func:`read_event_table`; by default every other variable of numbers is a covariate.

    Returns
    -------
    EventTable
        Subjects are USUBJIDs. Rows with EXCLF other than 0 are left out, and said. A row with BLQFN 1 is a level below
        its limit, whatever its MDV.

    Raises
    ------
    FileReadError
        The file cannot be read or lacks a variable.
    EventTableError
        The rows break a rule of event tables; the error lists everything that was found.
    UnitError
        Units are neither given nor in the file.
    """
    table, labels = read_dataset(path, _SCHEMA)
    units = units or _stated_units(table, labels, str(path))
    findings = list(_adppk_findings(table, str(path)))
    if "EXCLF" in table.names:
        table = table.where(~_excluded(table))
    columns = {_ITEMS.get(name, name): table[name] for name in (*_ITEMS, *_COPIED) if name in table.names}
    columns["TIME"] = _from_first_row(table["USUBJID"], table["AFRLT"])
    if "DVID" in columns:
        columns["DVID"] = np.where(columns["EVID"] == 0, columns["DVID"], 1.0)
    if "BLQ" in columns:
        # the guide flags a level below its limit, whose number is missing, with MDV 1 too
        below = (columns["EVID"] == 0) & (columns["BLQ"] == 1)
        columns["MDV"] = np.where(below, 0.0, columns["MDV"])
    others = {name: numbers_of(table[name]) for name in table.names if name not in {*ADPPK_LABELS, *_DERIVED}}
    columns |= {name: values for name, values in others.items() if values is not None}
    events = event_table_from_arrays(
        columns, units=units, compartments=compartments, covariates=covariates, occasions=occasions, source=str(path)
    )
    return replace(events, findings=(*findings, *events.findings))


def _from_first_row(subject: NDArray[Any], time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times from each subject's first row on; a sample before the first dose has a negative AFRLT."""
    _, first, place = np.unique(subject.astype(str), return_index=True, return_inverse=True)
    return time - time[first][place]


def _stated_units(table: Table, labels: Mapping[str, str], source: str) -> TableUnits:
    """Units as the data set states them."""
    in_label = _UNIT_IN_LABEL.fullmatch(labels.get("AMT", ""))
    stated = {
        "AMT": {in_label[1]} if in_label else set(),
        "AVALU": set(table["AVALU"].tolist()) - {""} if "AVALU" in table.names else set(),
        "RLTU": set(table["RLTU"].tolist()) - {""} if "RLTU" in table.names else set(),
    }
    for name, found in stated.items():
        if len(found) != 1:
            allowed = "a unit in brackets in the label of AMT, and one unit in AVALU and RLTU"
            raise UnitError(f"{source}, {name}", ", ".join(sorted(found)) or "no unit", allowed, "give the units")
    time = stated["RLTU"].pop()
    return TableUnits(stated["AMT"].pop(), stated["AVALU"].pop(), _TIME_UNITS.get(time.lower(), time))


def _adppk_findings(table: Table, source: str) -> Iterator[Finding]:
    if "AVAL" in table.names:
        differ = int((table["AVAL"] != table["DV"])[~np.isnan(table["AVAL"]) & ~np.isnan(table["DV"])].sum())
        if differ:
            got = f"{differ} rows on which AVAL is not DV"
            yield Finding("adppk-copy", Severity.WARNING, source, got, "DV as a copy of AVAL", "DV is read")
    if "EXCLF" in table.names:
        out = np.flatnonzero(_excluded(table))
        if len(out):
            got = f"{len(out)} rows with EXCLF: {some((out + 1).tolist())}"
            yield Finding("adppk-excluded", Severity.WARNING, source, got, do="left out")


def _excluded(table: Table) -> NDArray[np.bool_]:
    """Rows whose EXCLF is a number other than 0."""
    flag = numbers_of(table["EXCLF"])
    return np.zeros(len(table), dtype=np.bool_) if flag is None else np.nan_to_num(flag) != 0
