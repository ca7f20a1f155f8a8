"""ADLB: laboratory values by analysis visit, with baseline and change where a baseline means something.

A value belongs to the visit in whose window its day lies; of several in one window the one nearest to the target is
analysed (ANL01FL), the later one where two are as near. The baseline is the last value up to the day of first
treatment. Of kidney function there is no baseline where subjects are randomised at transplantation: before the graft
works it is that of the old kidneys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.tables import Table
from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.calendar import days_of, study_days
from limus.trial.datasets.spec import make_dataset
from limus.trial.datasets.subject_rows import (
    first_of_groups,
    place_of,
    require_variables,
    text_column,
    unknown_subjects,
)
from limus.trial.datasets.visit_windows import place_in_windows
from limus.trial.design.analysis_plan import AnalysisPlan

__all__ = ["adlb_of"]

Floats = NDArray[np.float64]


def adlb_of(sdtm: Mapping[str, Table], adsl: Table, plan: AnalysisPlan) -> tuple[Dataset, list[Finding]]:
    """Derive ADLB for randomised subjects.

    Parameters
    ----------
    sdtm : mapping of str to Table
        With LB.
    adsl : Table
    plan : AnalysisPlan

    Returns
    -------
    tuple of (Dataset, list of Finding)

    Raises
    ------
    FileReadError
        A variable of LB is missing.
    """
    lb = sdtm["LB"]
    require_variables("LB", lb, ("STUDYID", "USUBJID", "LBTESTCD", "LBSTRESN", "LBDTC"))
    everyone = place_of(lb, adsl["USUBJID"].tolist())
    findings = unknown_subjects("LB", lb, everyone)
    subjects = adsl.where(adsl["RANDFL"] == "Y")
    place, (days, _) = place_of(lb, subjects["USUBJID"].tolist()), days_of(lb["LBDTC"])
    usable = (place >= 0) & np.isfinite(lb["LBSTRESN"]) & np.isfinite(days)
    dropped = int(((place >= 0) & ~usable).sum())
    if dropped:
        got = f"{dropped} rows without a number or a date"
        findings.append(Finding("value-there", Severity.WARNING, "LB", got, do="left out"))
    rows, place, days = lb.where(usable), place[usable], days[usable]
    codes = np.array(text_column(rows, "LBTESTCD"), dtype=object)
    unit, strange = _units(rows, codes)
    findings += strange
    names = {code: k for k, code in enumerate(dict.fromkeys(codes.tolist()))}
    test = np.array([names[code] for code in codes.tolist()], dtype=np.int64)
    start = subjects["RANDDT"][place]
    visit = place_in_windows(days - start, plan.visits)
    target = np.array([one.day for one in plan.visits] or [0.0])[np.maximum(visit, 0)] + 1.0
    study_day = study_days(days, start)
    # study day -1 lies one day before day 1
    distance = np.abs(study_day + (study_day < 0) - target)
    analysed = (visit >= 0) & first_of_groups([place, test, visit], [distance, -days])
    meaningful = [plan.words.test(code).baseline or plan.randomisation_day > 0 for code in names]
    baseline = _baseline(rows, subjects, place, test, days, meaningful)
    base = np.full((len(subjects), max(len(names), 1)), np.nan)
    base[place[baseline], test[baseline]] = rows["LBSTRESN"][baseline]
    value, base_of = rows["LBSTRESN"], base[place, test]
    visit_names = np.array([*(one.name for one in plan.visits), ""], dtype=object)
    labels = _labels(rows, codes, unit)
    columns: dict[str, Any] = {
        "STUDYID": rows["STUDYID"],
        "USUBJID": rows["USUBJID"],
        "TRTP": subjects["TRT01P"][place],
        "TRTPN": subjects["TRT01PN"][place],
        "ITTFL": subjects["ITTFL"][place],
        "SAFFL": subjects["SAFFL"][place],
        "PARAM": labels,
        "PARAMCD": codes,
        "AVISIT": visit_names[visit],
        "AVISITN": np.where(visit >= 0, visit + 1.0, np.nan),
        "ADT": days,
        "ADY": study_day,
        "AWTARGET": np.where(visit >= 0, target - (target < 1), np.nan),
        "AWTDIFF": np.where(visit >= 0, distance, np.nan),
        "AVAL": value,
        "BASE": base_of,
        "CHG": np.where(baseline | (days <= _treated_from(subjects)[place]), np.nan, value - base_of),
        "ABLFL": np.where(baseline, "Y", ""),
        "ANL01FL": np.where(analysed, "Y", ""),
    }
    if "LBSEQ" in rows.names:
        columns["LBSEQ"] = rows["LBSEQ"]
    return make_dataset("ADLB", columns), findings


def _treated_from(subjects: Table) -> Floats:
    return np.where(np.isnan(subjects["TRTSDT"]), subjects["RANDDT"], subjects["TRTSDT"])


def _baseline(
    rows: Table,
    subjects: Table,
    place: NDArray[np.int64],
    test: NDArray[np.int64],
    days: Floats,
    meaningful: list[bool],
) -> NDArray[np.bool_]:
    """Mark the last value up to the first treatment; the laboratory's own flag goes before."""
    flagged = np.array([text == "Y" for text in text_column(rows, "LBLOBXFL")], dtype=np.bool_)
    candidate = (flagged | (days <= _treated_from(subjects)[place])) & np.array(meaningful, dtype=np.bool_)[test]
    marked = np.zeros(len(rows), dtype=np.bool_)
    found = np.flatnonzero(candidate)
    marked[found] = first_of_groups([place[found], test[found]], [~flagged[found], -days[found]])
    return marked


def _units(rows: Table, codes: NDArray[np.object_]) -> tuple[NDArray[np.object_], list[Finding]]:
    """Unit of each row, and tests that come in more than one: their values are not comparable."""
    unit = rows["LBSTRESU"] if "LBSTRESU" in rows.names else np.full(len(rows), "", dtype=object)
    findings = []
    for code in dict.fromkeys(codes.tolist()):
        found = sorted({str(one) for one in unit[codes == code].tolist()})
        if len(found) > 1:
            where, do = f"LB, {code}, LBSTRESU", "convert the values; until then they must not be pooled"
            findings.append(Finding("one-unit", Severity.WARNING, where, ", ".join(found), "one unit a test", do))
    return unit, findings


def _labels(rows: Table, codes: NDArray[np.object_], unit: NDArray[np.object_]) -> list[str]:
    test = rows["LBTEST"] if "LBTEST" in rows.names else codes
    return [f"{name} ({one})" if one else str(name) for name, one in zip(test.tolist(), unit.tolist(), strict=True)]
