"""ADPPK: doses of EX and levels of PC of all drugs in the order of time, ready for a population model.

Names are those of :mod:`limus.pharmacokinetics.exchange.adppk`; ANALYTE says which drug a row is of, and times count
from the first dose of that drug. ANL01FL marks the level that stands for an analysis visit: the nearest to its day,
taken on treatment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import UnitError
from limus.kernel.tables import Table
from limus.kernel.units import convert
from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.calendar import hours_of, study_days
from limus.trial.datasets.spec import make_dataset
from limus.trial.datasets.subject_rows import (
    first_of_groups,
    place_of,
    require_variables,
    text_column,
    unknown_subjects,
)
from limus.trial.datasets.visit_windows import level_visits, place_in_windows
from limus.trial.design.analysis_plan import AnalysisPlan

__all__ = ["adppk_of_domains"]

Floats = NDArray[np.float64]

_DAY_H = 24.0
# CDISC controlled terminology, code list FREQ: h between doses
_INTERVAL_H = {"QD": 24.0, "BID": 12.0, "TID": 8.0, "QID": 6.0, "QOD": 48.0}
_EVERY = re.compile(r"Q(\d+)H")


def adppk_of_domains(sdtm: Mapping[str, Table], adsl: Table, plan: AnalysisPlan) -> tuple[Dataset, list[Finding]]:
    """Derive ADPPK for randomised subjects.

    Parameters
    ----------
    sdtm : mapping of str to Table
        With EX and PC.
    adsl : Table
    plan : AnalysisPlan

    Returns
    -------
    tuple of (Dataset, list of Finding)

    Raises
    ------
    FileReadError
        A variable of EX or PC is missing.
    """
    require_variables("EX", sdtm["EX"], ("USUBJID", "EXTRT", "EXDOSE", "EXDOSU", "EXSTDTC"))
    require_variables("PC", sdtm["PC"], ("USUBJID", "PCTESTCD", "PCSTRESN", "PCSTRESU", "PCDTC"))
    subjects = adsl.where(adsl["RANDFL"] == "Y")
    names = subjects["USUBJID"].tolist()
    doses, findings = _doses(sdtm["EX"], names)
    levels, more = _levels(sdtm["PC"], names)
    findings += more
    findings += unknown_subjects("PC", sdtm["PC"], place_of(sdtm["PC"], adsl["USUBJID"].tolist()))
    rows = {name: np.concatenate([doses[name], levels[name]]) for name in doses}
    drugs = list(dict.fromkeys(doses["drug"].tolist())) + [
        one for one in dict.fromkeys(levels["drug"].tolist()) if one not in doses["drug"]
    ]
    number = {drug: k + 1 for k, drug in enumerate(drugs)}
    rows["drug_number"] = np.array([number[drug] for drug in rows["drug"].tolist()], dtype=np.float64)
    order = np.lexsort((rows["EVID"], rows["hours"], rows["drug_number"], rows["place"]))
    rows = {name: values[order] for name, values in rows.items()}
    return _dataset(rows, subjects, plan), findings


def _doses(ex: Table, names: list[str]) -> tuple[dict[str, NDArray[Any]], list[Finding]]:
    """Rows of doses in mg; a row that repeats says so by II and ADDL."""
    place, hours = place_of(ex, names), hours_of(ex["EXSTDTC"])
    amount, findings = ex["EXDOSE"], []
    factor = {unit: _factor(unit, "mg") for unit in set(text_column(ex, "EXDOSU"))}
    known = np.array([np.isfinite(factor[unit]) for unit in text_column(ex, "EXDOSU")], dtype=np.bool_)
    if not known.all():
        got = f"{int((~known).sum())} doses in a unit that is no mass"
        findings.append(
            Finding("dose-unit", Severity.WARNING, "EX, EXDOSU", got, "a unit of mass", "left out of ADPPK")
        )
    usable = (place >= 0) & (amount > 0) & np.isfinite(hours) & known
    undated = int(((place >= 0) & (amount > 0) & ~np.isfinite(hours)).sum())
    if undated:
        got = f"{undated} doses without a complete date"
        findings.append(Finding("dose-dated", Severity.WARNING, "EX, EXSTDTC", got, do="left out of ADPPK"))
    ends = hours_of(ex["EXENDTC"]) if "EXENDTC" in ex.names else hours
    interval = np.array([_interval(one) for one in text_column(ex, "EXDOSFRQ")])
    with np.errstate(invalid="ignore", divide="ignore"):
        further = np.where(interval > 0, np.floor((ends - hours) / interval + 1e-6), 0.0)
    further = np.where(np.isfinite(further), np.maximum(further, 0.0), 0.0)
    scale = np.array([factor[unit] for unit in text_column(ex, "EXDOSU")])
    rows = {
        "place": place,
        "hours": hours,
        "EVID": np.ones(len(ex)),
        "drug": np.array(text_column(ex, "EXTRT"), dtype=object),
        "AMT": amount * scale,
        "II": np.where(further > 0, interval, 0.0),
        "ADDL": further,
        "DV": np.full(len(ex), np.nan),
        "AVALU": np.full(len(ex), "", dtype=object),
        "ALLOQ": np.full(len(ex), np.nan),
        "below": np.zeros(len(ex)),
        "end": hours + further * interval,
        "trough": np.zeros(len(ex)),
    }
    return {name: values[usable] for name, values in rows.items()}, findings


def _levels(pc: Table, names: list[str]) -> tuple[dict[str, NDArray[Any]], list[Finding]]:
    """Rows of levels; a level below its limit has no number and a flag."""
    place, hours = place_of(pc, names), hours_of(pc["PCDTC"])
    done = np.array([text != "NOT DONE" for text in text_column(pc, "PCSTAT")], dtype=np.bool_)
    usable = (place >= 0) & done & np.isfinite(hours)
    value, limit = pc["PCSTRESN"], pc["PCLLOQ"] if "PCLLOQ" in pc.names else np.full(len(pc), np.nan)
    words = text_column(pc, "PCSTRESC")
    below = np.array([text.startswith("<") or "BLQ" in text or "BLOQ" in text for text in words], dtype=np.bool_)
    strange = usable & np.isnan(value) & ~below
    findings = []
    if strange.any():
        got, do = f"{int(strange.sum())} levels without a number", "say NOT DONE, or that they are below the limit"
        findings.append(Finding("level-there", Severity.WARNING, "PC, PCSTRESN", got, do=do))
    # a trough says so; where no row says what it is, every level is taken as one
    points = text_column(pc, "PCTPT")
    trough = np.array([not any(points) or "PRE" in text or "TROUGH" in text for text in points], dtype=np.float64)
    rows = {
        "place": place,
        "hours": hours,
        "EVID": np.zeros(len(pc)),
        "drug": np.array(text_column(pc, "PCTEST" if "PCTEST" in pc.names else "PCTESTCD"), dtype=object),
        "AMT": np.full(len(pc), np.nan),
        "II": np.full(len(pc), np.nan),
        "ADDL": np.full(len(pc), np.nan),
        "DV": value,
        "AVALU": pc["PCSTRESU"],
        "ALLOQ": limit,
        "below": below.astype(np.float64),
        "end": hours,
        "trough": trough,
    }
    kept = usable & ~strange
    return {name: values[kept] for name, values in rows.items()}, findings


def _interval(frequency: str) -> float:
    match = _EVERY.fullmatch(frequency)
    return float(match[1]) if match else _INTERVAL_H.get(frequency, 0.0)


def _factor(unit: str, to: str) -> float:
    try:
        return convert(1.0, unit.lower(), to, where="EX, EXDOSU")
    except UnitError:
        return np.nan


def _dataset(rows: Mapping[str, NDArray[Any]], subjects: Table, plan: AnalysisPlan) -> Dataset:
    place, hours = rows["place"].astype(np.int64), rows["hours"]
    is_level = rows["EVID"] == 0
    visits = level_visits(plan.level_days, plan.visits, plan.randomisation_day)
    since = np.floor(hours / _DAY_H) - subjects["RANDDT"][place]
    visit = np.where(is_level, place_in_windows(since, visits), -1)
    names = np.array([*(one.name for one in visits), ""], dtype=object)
    day = np.array([*(one.day for one in visits), np.nan])[visit]
    first, previous, treated = _dose_times(rows)
    flagged = is_level & (visit >= 0) & treated & (rows["trough"] == 1)
    analysed = np.zeros(len(place), dtype=np.bool_)
    found = np.flatnonzero(flagged)
    key = [place[found], rows["drug_number"][found], visit[found]]
    analysed[found] = first_of_groups(key, [np.abs(since - day)[found], -hours[found]])
    study = subjects["RANDDT"][place] * _DAY_H
    columns: dict[str, Any] = {
        "STUDYID": subjects["STUDYID"][place],
        "USUBJID": subjects["USUBJID"][place],
        "USUBJIDN": place + 1.0,
        "RECSEQ": np.arange(len(place)) + 1.0,
        "TRTP": subjects["TRT01P"][place],
        "TRTPN": subjects["TRT01PN"][place],
        "ANALYTE": rows["drug"],
        "AVISIT": names[visit],
        "AVISITN": np.where(visit >= 0, visit + 1.0, np.nan),
        "ADY": study_days(hours / _DAY_H, subjects["RANDDT"][place]),
        "AFRLT": hours - first,
        "APRLT": np.where(is_level, hours - previous, 0.0),
        "NFRLT": np.where(visit >= 0, day * _DAY_H - (first - study), np.nan),
        "RLTU": np.full(len(place), "h", dtype=object),
        "EVID": rows["EVID"],
        "DVID": np.where(is_level, rows["drug"], "DOSE"),
        "DVIDN": np.where(is_level, rows["drug_number"], 0.0),
        "CMT": np.zeros(len(place)),
        "DV": rows["DV"],
        "AVAL": rows["DV"],
        "AVALU": rows["AVALU"],
        "MDV": np.where(is_level & np.isfinite(rows["DV"]), 0.0, 1.0),
        "ALLOQ": rows["ALLOQ"],
        "BLQFL": np.where(is_level, np.where(rows["below"] == 1, "Y", "N"), ""),
        "BLQFN": np.where(is_level, rows["below"], np.nan),
        "AMT": rows["AMT"],
        "II": rows["II"],
        "ADDL": rows["ADDL"],
        "SS": np.where(is_level, np.nan, 0.0),
        "ANL01FL": np.where(analysed, "Y", ""),
    }
    columns |= {name: subjects[name][place] for name in ("AGE", "SEX", "RACE") if name in subjects.names}
    return make_dataset("ADPPK", columns)


def _dose_times(rows: Mapping[str, NDArray[Any]]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """First dose of the drug, the dose before each row, and whether the row lies within treatment, h since 1960.

    Rows are sorted by subject, drug and time. A level counts as on treatment up to two intervals after the last dose
    of its row, or two days where the row does not repeat.
    """
    count = len(rows["hours"])
    first, previous = np.full(count, np.nan), np.full(count, np.nan)
    treated = np.zeros(count, dtype=np.bool_)
    key = rows["place"] * 1000.0 + rows["drug_number"]
    begin = 0
    while begin < count:
        stop = int(np.searchsorted(key, key[begin], side="right"))
        block = slice(begin, stop)
        dose = np.flatnonzero(rows["EVID"][block] == 1) + begin
        if len(dose):
            starts, ends = rows["hours"][dose], rows["end"][dose]
            interval = np.where(rows["ADDL"][dose] > 0, rows["II"][dose], _DAY_H)
            first[block] = starts[0]
            # a level at the time of a dose is the trough of the one before
            last = np.searchsorted(starts, rows["hours"][block] - 1e-9, side="left") - 1
            known = last >= 0
            at = np.maximum(last, 0)
            passed = np.floor((np.minimum(rows["hours"][block] - 1e-6, ends[at]) - starts[at]) / interval[at])
            previous[block] = np.where(known, starts[at] + np.maximum(passed, 0.0) * interval[at], starts[0])
            treated[block] = known & (rows["hours"][block] <= ends[at] + 2.0 * interval[at])
        begin = stop
    return first, previous, treated
