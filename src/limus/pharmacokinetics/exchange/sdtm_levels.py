"""Levels from the concentration domain (PC) of SDTM.

==========================================  ====================================================
PC row                                      level
==========================================  ====================================================
PCSTAT ``NOT DONE``                         none, said
PCSTRESN a number                           that, in PCSTRESU
no number, PCSTRESC or PCORRES says below   censored at PCLLOQ; an error without it
(``<``, ``BLQ``, ``BLOQ``, ``LLOQ``)
no number otherwise                         an error
several PCTESTCD or PCSPEC                  an error, unless one is chosen
PCDTC without time of day                   an error
==========================================  ====================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import UnitError
from limus.kernel.tables import Column, Table
from limus.kernel.units import convert
from limus.pharmacokinetics.exchange.dates import read_moment

__all__ = ["PC_COLUMNS", "SdtmLevel", "read_levels"]

PC_COLUMNS = (
    Column("USUBJID", meaning="Unique Subject Identifier"),
    Column("PCTESTCD", meaning="Pharmacokinetic Test Short Name"),
    Column("PCORRES", required=False, blank=True, meaning="Result or Finding in Original Units"),
    Column("PCSTRESC", required=False, blank=True, meaning="Character Result/Finding in Std Format"),
    Column("PCSTRESN", number=True, blank=True, meaning="Numeric Result/Finding in Standard Units"),
    Column("PCSTRESU", blank=True, meaning="Standard Units"),
    Column("PCSPEC", required=False, blank=True, meaning="Specimen Material Type"),
    Column("PCLLOQ", number=True, required=False, blank=True, meaning="Lower Limit of Quantitation"),
    Column("PCSTAT", required=False, blank=True, meaning="Completion Status"),
    Column("PCDTC", blank=True, meaning="Date/Time of Specimen Collection"),
)
_BELOW = re.compile(r"<.*|.*\b(BLQ|BLOQ|BQL|LLOQ)\b.*", flags=re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SdtmLevel:
    """One level, in the unit asked for.

    Attributes
    ----------
    subject : str
    hours : float
        h since the start of 1960.
    has_zone : bool
        Whether that is universal time.
    value, limit : float
        NaN where there is none.
    censored : bool
    row : int
        Row of the domain, from 1.
    """

    subject: str
    hours: float
    has_zone: bool
    value: float
    limit: float
    censored: bool
    row: int


def read_levels(
    table: Table,
    source: str,
    *,
    concentration: str,
    molar_mass_g_per_mol: float | None,
    analyte: str | None,
    specimen: str | None,
) -> tuple[list[SdtmLevel], list[Finding]]:
    """Turn rows of PC into levels.

    Parameters
    ----------
    table : Table
        With ``PC_COLUMNS``.
    source : str
        File, named in findings.
    concentration : str
        Unit wanted.
    molar_mass_g_per_mol : float, optional
        Needed between mass and amount of substance.
    analyte, specimen : str, optional
        PCTESTCD and PCSPEC to take; needed where there are several.

    Returns
    -------
    tuple of (list of SdtmLevel, list of Finding)
        Findings may be errors; the caller raises them together.
    """
    kept = np.ones(len(table), dtype=np.bool_)
    for column, wanted in (("PCTESTCD", analyte), ("PCSPEC", specimen)):
        if column not in table.names:
            continue
        names = sorted(set(table[column].tolist()))
        if (wanted is None and len(names) > 1) or (wanted is not None and wanted not in names):
            got, allowed = (", ".join(names), "one of them") if wanted is None else (wanted, ", ".join(names))
            return [], [Finding("one-kind", Severity.ERROR, f"{source}, {column}", got, allowed, "say which one")]
        kept &= table[column] == (wanted if wanted is not None else names[0] if names else "")
    findings: list[Finding] = []
    levels, not_done = [], 0
    for number, row in enumerate(table.rows(), start=1):
        if not kept[number - 1]:
            continue
        if str(row.get("PCSTAT", "")).upper() == "NOT DONE":
            not_done += 1
            continue
        where = f"{source}, row {number}, USUBJID {row['USUBJID']}"
        level = _level(row, where, number, concentration, molar_mass_g_per_mol)
        if isinstance(level, Finding):
            findings.append(level)
        else:
            levels.append(level)
    if not_done:
        findings.append(Finding("not-done", Severity.NOTE, source, f"{not_done} samples not taken", do="left out"))
    return levels, findings


def _level(
    row: Mapping[str, object], where: str, number: int, unit: str, molar_mass: float | None
) -> SdtmLevel | Finding:
    when = read_moment(str(row["PCDTC"]))
    if when is None or not when.has_time:
        got = str(row["PCDTC"]) or "missing"
        allowed = "a complete date and time, 2024-03-05T08:00"
        return Finding("sample-time", Severity.ERROR, f"{where}, PCDTC", got, allowed, "complete it, or leave it out")
    value, limit = float(str(row["PCSTRESN"])), float(str(row.get("PCLLOQ", "nan")))
    said = str(row.get("PCSTRESC", "")) or str(row.get("PCORRES", ""))
    censored = bool(np.isnan(value) and _BELOW.fullmatch(said.strip()))
    if np.isnan(value) and not censored:
        allowed = "a number in PCSTRESN, or a text that says below the limit"
        got = said or "missing"
        return Finding("result-there", Severity.ERROR, f"{where}, PCSTRESN", got, allowed, "correct, or NOT DONE")
    if censored and not limit > 0:
        return Finding("limit-there", Severity.ERROR, f"{where}, PCLLOQ", said, "the limit, above 0", "give PCLLOQ")
    try:
        factor = convert(1.0, str(row["PCSTRESU"]), unit, molar_mass_g_per_mol=molar_mass, where=f"{where}, PCSTRESU")
    except UnitError as error:
        return Finding("result-unit", Severity.ERROR, error.where, error.got, error.allowed, error.do)
    return SdtmLevel(str(row["USUBJID"]), when.hours, when.has_zone, value * factor, limit * factor, censored, number)
