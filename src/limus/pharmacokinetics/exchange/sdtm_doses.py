"""Doses from the exposure domain (EX) of SDTM.

=================================  ========================================================================
EX row                             doses
=================================  ========================================================================
no end, or end = start             one at EXSTDTC
end after start, EXDOSFRQ repeats  from EXSTDTC every interval up to EXENDTC (to the day's end if a date)
end after start, ONCE or infusion  one infusion from EXSTDTC to EXENDTC
end after start, no frequency      an infusion if EXROUTE is intravenous, otherwise an error
EXDOSE 0                           none, said
EXSTDTC without time of day        an error, unless a time of day is given for such rows
=================================  ========================================================================
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
from limus.pharmacokinetics.exchange.dates import Moment, read_moment

__all__ = ["EX_COLUMNS", "SdtmDose", "read_doses", "route_is_intravenous"]

EX_COLUMNS = (
    Column("USUBJID", meaning="Unique Subject Identifier"),
    Column("EXTRT", meaning="Name of Treatment"),
    Column("EXDOSE", number=True, blank=True, meaning="Dose"),
    Column("EXDOSU", blank=True, meaning="Dose Units"),
    Column("EXDOSFRQ", required=False, blank=True, meaning="Dosing Frequency per Interval"),
    Column("EXROUTE", required=False, blank=True, meaning="Route of Administration"),
    Column("EXSTDTC", blank=True, meaning="Start Date/Time of Treatment"),
    Column("EXENDTC", required=False, blank=True, meaning="End Date/Time of Treatment"),
)
# CDISC controlled terminology, code list FREQ: h between doses
_INTERVALS_H = {"QD": 24.0, "BID": 12.0, "TID": 8.0, "QID": 6.0, "QOD": 48.0}
_EVERY = re.compile(r"Q(\d+)(H|D)")
_SINGLE = {"ONCE", "CONTINUOUS"}
_DAY_H = 24.0
_SAME = 1e-6  # h, a few milliseconds: rounding of a date's seconds


@dataclass(frozen=True, slots=True)
class SdtmDose:
    """One row of doses, in h and mg.

    Attributes
    ----------
    subject, route : str
    hours : float
        h since the start of 1960.
    has_zone : bool
        Whether that is universal time.
    amount_mg, interval_h, duration_h : float
    additional : int
    row : int
        Row of the domain, from 1.
    """

    subject: str
    route: str
    hours: float
    has_zone: bool
    amount_mg: float
    interval_h: float
    duration_h: float
    additional: int
    row: int


def route_is_intravenous(route: str) -> bool:
    """Tell whether a route of administration goes into a vein.

    Parameters
    ----------
    route : str
        EXROUTE.

    Returns
    -------
    bool
    """
    return route.upper().startswith("INTRAVENOUS")


def read_doses(
    table: Table, source: str, *, treatment: str | None, time_of_day_h: float | None
) -> tuple[list[SdtmDose], list[Finding]]:
    """Turn rows of EX into doses.

    Parameters
    ----------
    table : Table
        With ``EX_COLUMNS``.
    source : str
        File, named in findings.
    treatment : str, optional
        EXTRT to take; needed where there are several.
    time_of_day_h : float, optional
        h after midnight for starts without a time of day.

    Returns
    -------
    tuple of (list of SdtmDose, list of Finding)
        Findings may be errors; the caller raises them together.
    """
    findings: list[Finding] = []
    names = sorted(set(table["EXTRT"].tolist()))
    if treatment is None and len(names) > 1:
        allowed, do = "one treatment", "say which one"
        return [], [Finding("one-treatment", Severity.ERROR, f"{source}, EXTRT", ", ".join(names), allowed, do)]
    if treatment is not None and treatment not in names:
        return [], [
            Finding("one-treatment", Severity.ERROR, f"{source}, EXTRT", treatment, ", ".join(names), "choose one")
        ]
    doses, zero, assumed = [], 0, 0
    for number, row in enumerate(table.rows(), start=1):
        if treatment is not None and row["EXTRT"] != treatment:
            continue
        where = f"{source}, row {number}, USUBJID {row['USUBJID']}"
        if row["EXDOSE"] == 0:
            zero += 1
            continue
        start = read_moment(row["EXSTDTC"])
        if start is not None and not start.has_time and time_of_day_h is not None:
            start = Moment(start.hours + time_of_day_h, has_time=True, has_zone=start.has_zone)
            assumed += 1
        amount, wrong = _amount(row, where)
        wrong += _start_findings(start, row["EXSTDTC"], where)
        findings += wrong
        if wrong or start is None:
            continue
        schedule = _schedule(row, start, where)
        if isinstance(schedule, Finding):
            findings.append(schedule)
            continue
        interval, duration, additional = schedule
        route = str(row.get("EXROUTE", ""))
        doses.append(
            SdtmDose(row["USUBJID"], route, start.hours, start.has_zone, amount, interval, duration, additional, number)
        )
    if zero:
        findings.append(Finding("doses-of-zero", Severity.NOTE, source, f"{zero} rows with EXDOSE 0", do="left out"))
    if assumed:
        got = f"{assumed} starts without time of day"
        findings.append(Finding("time-of-day", Severity.WARNING, source, got, do=f"taken at {time_of_day_h:g} h"))
    return doses, findings


def _amount(row: Mapping[str, object], where: str) -> tuple[float, list[Finding]]:
    dose, unit = float(str(row["EXDOSE"])), str(row["EXDOSU"])
    if not dose > 0:
        got = "missing" if np.isnan(dose) else f"{dose:g}"
        return 0.0, [Finding("dose-there", Severity.ERROR, f"{where}, EXDOSE", got, "0 or more", "give the dose")]
    try:
        return convert(dose, unit, "mg", where=f"{where}, EXDOSU"), []
    except UnitError as error:
        allowed = "a unit of mass; doses per weight or as tablets need their mass"
        return 0.0, [Finding("dose-unit", Severity.ERROR, error.where, unit, allowed, "convert the doses")]


def _start_findings(start: Moment | None, text: str, where: str) -> list[Finding]:
    if start is None:
        allowed = "a complete date and time, 2024-03-05T08:00"
        got = text or "missing"
        return [Finding("start-there", Severity.ERROR, f"{where}, EXSTDTC", got, allowed, "complete it")]
    if not start.has_time:
        do = "complete it, or say at what time of day such doses are taken"
        return [Finding("start-has-time", Severity.ERROR, f"{where}, EXSTDTC", text, "a date with a time of day", do)]
    return []


def _schedule(row: Mapping[str, object], start: Moment, where: str) -> tuple[float, float, int] | Finding:
    """Interval, duration (h) and further doses of a row, or what is wrong."""
    text, frequency = str(row.get("EXENDTC", "")), str(row.get("EXDOSFRQ", "")).strip().upper()
    end = read_moment(text) if text else start
    if end is None or end.has_zone != start.has_zone:
        allowed = "a complete date, with a zone if the start has one"
        return Finding("end-there", Severity.ERROR, f"{where}, EXENDTC", text, allowed, "complete it")
    last = end.hours + (0.0 if end.has_time else _DAY_H - _SAME)
    if last < start.hours - _SAME:
        return Finding("end-after-start", Severity.ERROR, f"{where}, EXENDTC", text, "not before EXSTDTC", "correct it")
    interval = _interval_h(frequency)
    if interval:
        further = int(np.floor((last - start.hours) / interval + _SAME))
        return (interval if further else 0.0), 0.0, further
    if frequency and frequency not in _SINGLE:
        allowed = f"{', '.join(_INTERVALS_H)}, QnH, QnD, {', '.join(sorted(_SINGLE))}"
        do = "give one row for each dose"
        return Finding("frequency-known", Severity.ERROR, f"{where}, EXDOSFRQ", frequency, allowed, do)
    one_day = not end.has_time and last - start.hours < _DAY_H
    if one_day or last <= start.hours + _SAME:
        return 0.0, 0.0, 0
    if frequency or route_is_intravenous(str(row.get("EXROUTE", ""))):
        return 0.0, last - start.hours, 0
    do = "give EXDOSFRQ: ONCE for an infusion, QD, BID, ... for repeated doses"
    got = f"{row['EXSTDTC']} to {text}"
    return Finding("one-meaning", Severity.ERROR, f"{where}, EXENDTC", got, "one dose, or a frequency", do)


def _interval_h(frequency: str) -> float:
    match = _EVERY.fullmatch(frequency)
    if match:
        return float(match[1]) * (_DAY_H if match[2] == "D" else 1.0)
    return _INTERVALS_H.get(frequency, 0.0)
