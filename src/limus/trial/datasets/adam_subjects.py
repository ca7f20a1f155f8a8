"""ADSL: one record a subject, with populations, dates, end of study and of treatment, and covariates at baseline.

===========  =========================================================================================
population   subjects
===========  =========================================================================================
RANDFL       DM.ARMCD is an arm
ITTFL        the same: analysed as randomised
SAFFL        a dose above 0 in EX (without EX, DM.RFXSTDTC is filled); analysed as treated
PPROTFL      in SAFFL, treated as allocated, no protocol deviation or violation in DS
===========  =========================================================================================

Covariates are every characteristic in SC under its own code, and weight, height and body mass index of VS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import FileReadError
from limus.kernel.tables import Table
from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.calendar import days_of
from limus.trial.datasets.spec import RUN_IN, Variable, make_dataset
from limus.trial.datasets.subject_rows import first_of_groups, place_of, require_variables, text_column
from limus.trial.design.analysis_plan import AnalysisPlan, is_arm

__all__ = ["adsl_of"]

Floats = NDArray[np.float64]

_DEVIATIONS = ("PROTOCOL DEVIATION", "PROTOCOL VIOLATION")
_STRATUM = "STRATUM"
_MEASUREMENTS = {
    "WEIGHT": ("WEIGHTBL", "Weight at Baseline (kg)"),
    "HEIGHT": ("HEIGHTBL", "Height at Baseline (cm)"),
    "BMI": ("BMIBL", "Body Mass Index at Baseline (kg/m2)"),
}
# (variable of date, domain): the last of these is the end of follow-up where nothing else says it
_DATED = (("LBDTC", "LB"), ("VSDTC", "VS"), ("PCDTC", "PC"), ("EXENDTC", "EX"), ("AESTDTC", "AE"), ("CESTDTC", "CE"))


def adsl_of(sdtm: Mapping[str, Table], plan: AnalysisPlan) -> tuple[Dataset, list[Finding]]:
    """Derive ADSL.

    Parameters
    ----------
    sdtm : mapping of str to Table
    plan : AnalysisPlan

    Returns
    -------
    tuple of (Dataset, list of Finding)

    Raises
    ------
    FileReadError
        DM, DS or one of their variables is missing, a subject stands twice in DM, or an arm of the plan has no subject.
    """
    dm, ds = _needed(sdtm, "DM"), _needed(sdtm, "DS")
    require_variables("DM", dm, ("STUDYID", "USUBJID", "RFSTDTC", "ARMCD"))
    require_variables("DS", ds, ("USUBJID", "DSDECOD", "DSSTDTC"))
    subjects = dm["USUBJID"].tolist()
    if len(set(subjects)) < len(subjects):
        twice = next(one for one in subjects if subjects.count(one) > 1)
        raise FileReadError("DM, USUBJID", twice, "each subject once", "remove the doubled rows")
    planned, actual = _arms(dm, plan)
    findings: list[Finding] = []
    start = _first_date(ds, subjects, "DSSTDTC", {"DSDECOD": ("RANDOMIZED", "RANDOMISED")})
    reference, flags = days_of(dm["RFSTDTC"])
    if any(flags):
        got = f"{sum(bool(flag) for flag in flags)} incomplete dates"
        findings.append(Finding("reference-date", Severity.WARNING, "DM, RFSTDTC", got, "complete dates"))
    start = np.where(np.isnan(start), reference, start)
    randomised = np.array([bool(arm) for arm in planned])
    undated = randomised & np.isnan(start)
    if undated.any():
        first = subjects[int(np.flatnonzero(undated)[0])]
        raise FileReadError("DM, RFSTDTC", f"{first} has no date", "a date of randomisation", "complete DM or DS")
    first_dose, last_dose, treated = _treatment(sdtm, subjects)
    columns: dict[str, Sequence[Any] | NDArray[Any]] = {
        name: dm[name] for name in ("STUDYID", "USUBJID", "SUBJID", "SITEID", "AGEU", "SEX", "RACE") if name in dm.names
    }
    columns["AGE"] = dm["AGE"] if "AGE" in dm.names else np.full(len(dm), np.nan)
    columns["ARM"] = dm["ARM"] if "ARM" in dm.names else dm["ARMCD"]
    columns["ACTARM"] = dm["ACTARM"] if "ACTARM" in dm.names else columns["ARM"]
    columns |= {"TRT01P": planned, "TRT01PN": _numbers(planned, plan)}
    columns |= {"TRT01A": actual, "TRT01AN": _numbers(actual, plan)}
    as_allocated = np.array([p == a for p, a in zip(planned, actual, strict=True)])
    deviates = ~np.isnan(_first_date(ds, subjects, "DSSTDTC", {"DSDECOD": _DEVIATIONS}))
    columns |= {
        "RANDFL": _flags(randomised),
        "ITTFL": _flags(randomised),
        "SAFFL": _flags(randomised & treated),
        "PPROTFL": _flags(randomised & treated & as_allocated & ~deviates),
        "RANDDT": np.where(randomised, start, np.nan),
        "TRTSDT": first_dose,
        "TRTEDT": last_dose,
    }
    if "STUDY TREATMENT" not in text_column(ds, "DSSCAT"):
        got, do = "no row of STUDY TREATMENT", "discontinuation of treatment is not known and counts as none"
        findings.append(Finding("end-of-treatment", Severity.WARNING, "DS, DSSCAT", got, "ends of treatment", do))
    columns |= _disposition(sdtm, subjects, randomised)
    columns["NOTRNDRS"] = np.where(randomised, "", _reasons(dm)).tolist()
    further, covariates = _covariates(sdtm, subjects)
    strata = covariates.pop(_STRATUM, None)
    if strata is not None:
        columns["STRATAR"] = strata
        further = [one for one in further if one.name != _STRATUM]
    return make_dataset("ADSL", columns | covariates, further=further), findings


def _needed(sdtm: Mapping[str, Table], name: str) -> Table:
    if name not in sdtm or not len(sdtm[name]):
        raise FileReadError(
            f"SDTM, {name}", ", ".join(sdtm) or "nothing", f"the domain {name} with rows", f"add {name}"
        )
    return sdtm[name]


def _arms(dm: Table, plan: AnalysisPlan) -> tuple[list[str], list[str]]:
    """Codes of planned and actual arms, empty for those who were not randomised."""
    codes = {code.upper(): code for code in plan.codes}
    planned = [code if is_arm(code) else "" for code in text_column(dm, "ARMCD")]
    unknown = sorted({code for code in planned if code and code not in codes})
    if unknown:
        raise FileReadError("DM, ARMCD", ", ".join(unknown), ", ".join(plan.codes), "give the design of these arms")
    empty = [code for code in codes.values() if code.upper() not in planned]
    if empty:
        allowed = "every arm of the plan"
        raise FileReadError("DM, ARMCD", f"no subject in {', '.join(empty)}", allowed, "give the design of this trial")
    actual = text_column(dm, "ACTARMCD") if "ACTARMCD" in dm.names else planned
    return (
        [codes.get(code, "") for code in planned],
        [codes.get(code if is_arm(code) else "", "") for code in actual],
    )


def _numbers(codes: Sequence[str], plan: AnalysisPlan) -> Floats:
    place = {code: k + 1.0 for k, code in enumerate(plan.codes)}
    return np.array([place.get(code, np.nan) for code in codes])


def _flags(mask: NDArray[np.bool_]) -> list[str]:
    return np.where(mask, "Y", "N").tolist()


def _reasons(dm: Table) -> NDArray[np.object_]:
    if "ARMNRS" in dm.names:
        return dm["ARMNRS"]
    return np.array([f"ARMCD {code}" if code else "" for code in text_column(dm, "ARMCD")], dtype=object)


def _first_date(
    table: Table, subjects: Sequence[str], date: str, where: Mapping[str, Sequence[str]], *, last: bool = False
) -> Floats:
    """First (or last) date of each subject among the rows that meet the conditions; NaN where there is none."""
    place, (days, _) = place_of(table, subjects), days_of(table[date])
    kept = (place >= 0) & np.isfinite(days)
    for name, terms in where.items():
        texts = text_column(table, name)
        kept &= np.array([text in terms for text in texts])
    found = np.full(len(subjects), np.nan)
    sign = -1.0 if last else 1.0
    order = np.flatnonzero(kept)[np.argsort(-sign * days[kept], kind="stable")]
    found[place[order]] = days[order]
    return found


def _treatment(sdtm: Mapping[str, Table], subjects: Sequence[str]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """First and last day of treatment, and who was treated; what was given before randomisation does not count."""
    dm = sdtm["DM"]
    first = days_of(dm["RFXSTDTC"])[0] if "RFXSTDTC" in dm.names else np.full(len(dm), np.nan)
    last = days_of(dm["RFXENDTC"])[0] if "RFXENDTC" in dm.names else np.full(len(dm), np.nan)
    ex = sdtm.get("EX")
    if ex is None or not len(ex):
        return first, last, np.isfinite(first)
    require_variables("EX", ex, ("USUBJID", "EXDOSE", "EXSTDTC"))
    before = np.array([text in (RUN_IN, "SCREENING") for text in text_column(ex, "EPOCH")], dtype=np.bool_)
    given = ex.where((ex["EXDOSE"] > 0) & ~before)
    starts = _first_date(given, subjects, "EXSTDTC", {})
    ends = _first_date(given, subjects, "EXENDTC" if "EXENDTC" in ex.names else "EXSTDTC", {}, last=True)
    return np.where(np.isnan(first), starts, first), np.where(np.isnan(last), ends, last), np.isfinite(starts)


def _disposition(
    sdtm: Mapping[str, Table], subjects: Sequence[str], randomised: NDArray[np.bool_]
) -> dict[str, Sequence[Any] | NDArray[Any]]:
    """End of study and of treatment, and death."""
    ds, dm = sdtm["DS"], sdtm["DM"]
    study = _last_status(ds, subjects, "STUDY PARTICIPATION")
    treatment = _last_status(ds, subjects, "STUDY TREATMENT")
    death = days_of(dm["DTHDTC"])[0] if "DTHDTC" in dm.names else np.full(len(subjects), np.nan)
    death = np.where(np.isnan(death), _first_date(ds, subjects, "DSSTDTC", {"DSDECOD": ("DEATH",)}), death)
    flag = np.array([text == "Y" for text in text_column(dm, "DTHFL")]) | np.isfinite(death)
    participation = days_of(dm["RFPENDTC"])[0] if "RFPENDTC" in dm.names else np.full(len(subjects), np.nan)
    end = np.where(np.isnan(study[1]), participation, study[1])
    end = np.where(np.isnan(end), _last_seen(sdtm, subjects), end)
    end = np.fmax(end, death)
    return {
        "EOSSTT": _status(study[0], randomised),
        "EOSDT": end,
        "DCSREAS": ["" if reason == "COMPLETED" else reason for reason in study[0]],
        "EOTSTT": _status(treatment[0], randomised),
        "EOTDT": treatment[1],
        "DCTREAS": ["" if reason == "COMPLETED" else reason for reason in treatment[0]],
        "DTHFL": ["Y" if one else "" for one in flag.tolist()],
        "DTHDT": death,
    }


def _last_status(ds: Table, subjects: Sequence[str], kind: str) -> tuple[list[str], Floats]:
    """What DS says last of a subject's participation or treatment, and when."""
    sub, cat = text_column(ds, "DSSCAT"), text_column(ds, "DSCAT")
    is_event = np.array([c in ("DISPOSITION EVENT", "") for c in cat])
    # data without DSSCAT: every disposition event is of the study
    kept = is_event & np.array([s == kind or (not s and kind == "STUDY PARTICIPATION") for s in sub])
    place, (days, _) = place_of(ds, subjects), days_of(ds["DSSTDTC"])
    terms = text_column(ds, "DSDECOD")
    status, when = [""] * len(subjects), np.full(len(subjects), np.nan)
    rows = np.flatnonzero(kept & (place >= 0))
    for row in rows[np.argsort(days[rows], kind="stable")].tolist():
        status[place[row]], when[place[row]] = terms[row], days[row]
    return status, when


def _status(reasons: Sequence[str], randomised: NDArray[np.bool_]) -> list[str]:
    words = {"": "ONGOING", "COMPLETED": "COMPLETED"}
    return [
        words.get(reason, "DISCONTINUED") if one else ""
        for reason, one in zip(reasons, randomised.tolist(), strict=True)
    ]


def _last_seen(sdtm: Mapping[str, Table], subjects: Sequence[str]) -> Floats:
    found = np.full(len(subjects), np.nan)
    for date, domain in _DATED:
        if domain in sdtm and date in sdtm[domain].names:
            found = np.fmax(found, _first_date(sdtm[domain], subjects, date, {}, last=True))
    return found


def _covariates(
    sdtm: Mapping[str, Table], subjects: Sequence[str]
) -> tuple[list[Variable], dict[str, Sequence[Any] | NDArray[Any]]]:
    """Characteristics of SC and measurements of VS, one value a subject."""
    further: list[Variable] = []
    columns: dict[str, Sequence[Any] | NDArray[Any]] = {}
    sc = sdtm.get("SC")
    if sc is not None:
        place, codes = place_of(sc, subjects), text_column(sc, "SCTESTCD")
        for code in dict.fromkeys(codes):
            rows = np.flatnonzero((place >= 0) & np.array([one == code for one in codes]))
            label = str(sc["SCTEST"][rows[0]])[:40] if len(rows) and "SCTEST" in sc.names else code
            numbers = sc["SCSTRESN"][rows] if "SCSTRESN" in sc.names else np.full(len(rows), np.nan)
            if np.isfinite(numbers).all() and code != _STRATUM:
                values = np.full(len(subjects), np.nan)
                values[place[rows]] = numbers
                columns[code] = values
                further.append(Variable(code, label, "number", f"SC where SCTESTCD is {code}"))
                continue
            texts = [""] * len(subjects)
            for row in rows.tolist():
                texts[place[row]] = str(sc["SCSTRESC"][row])
            columns[code] = texts
            further.append(Variable(code, label, "text", f"SC where SCTESTCD is {code}"))
    vs = sdtm.get("VS")
    if vs is not None and len(vs):
        _measurements(vs, subjects, further, columns)
    return further, columns


def _measurements(
    vs: Table,
    subjects: Sequence[str],
    further: list[Variable],
    columns: dict[str, Sequence[Any] | NDArray[Any]],
) -> None:
    """Add the first value of each measurement, the flagged one before others."""
    place, codes = place_of(vs, subjects), text_column(vs, "VSTESTCD")
    flagged = np.array([text == "Y" for text in text_column(vs, "VSLOBXFL")])
    days, _ = days_of(vs["VSDTC"])
    for code, (name, label) in _MEASUREMENTS.items():
        rows = np.flatnonzero((place >= 0) & np.array([one == code for one in codes]) & np.isfinite(vs["VSSTRESN"]))
        if not len(rows):
            continue
        first = rows[first_of_groups([place[rows]], [~flagged[rows], days[rows]])]
        values = np.full(len(subjects), np.nan)
        values[place[first]] = vs["VSSTRESN"][first]
        columns[name] = values
        further.append(Variable(name, label, "number", f"VS where VSTESTCD is {code}"))
