"""ADAE: adverse events of treated subjects, by actual treatment, with the flag of those that began under treatment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from limus.kernel.checks import Finding, Severity
from limus.kernel.tables import Table
from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.calendar import days_of, study_days
from limus.trial.datasets.spec import make_dataset
from limus.trial.datasets.subject_rows import place_of, require_variables, unknown_subjects
from limus.trial.design.analysis_plan import AnalysisPlan

__all__ = ["adae_of"]


def adae_of(sdtm: Mapping[str, Table], adsl: Table, plan: AnalysisPlan) -> tuple[Dataset, list[Finding]]:
    """Derive ADAE for randomised subjects.

    Parameters
    ----------
    sdtm : mapping of str to Table
        With AE.
    adsl : Table
    plan : AnalysisPlan
        Not used; every derivation has the same arguments.

    Returns
    -------
    tuple of (Dataset, list of Finding)
        An event without a date counts as begun under treatment.

    Raises
    ------
    FileReadError
        A variable of AE is missing.
    """
    ae = sdtm["AE"]
    require_variables("AE", ae, ("STUDYID", "USUBJID", "AEDECOD", "AESTDTC"))
    findings = unknown_subjects("AE", ae, place_of(ae, adsl["USUBJID"].tolist()))
    subjects = adsl.where(adsl["RANDFL"] == "Y")
    place = place_of(ae, subjects["USUBJID"].tolist())
    rows, place = ae.where(place >= 0), place[place >= 0]
    days, flags = days_of(rows["AESTDTC"])
    start = subjects["TRTSDT"][place]
    incomplete = sum(bool(flag) for flag in flags) + int(np.isnan(days).sum())
    if incomplete:
        got, do = f"{incomplete} dates missing or incomplete", "counted as begun under treatment where it may be so"
        findings.append(Finding("adverse-event-dated", Severity.WARNING, "AE, AESTDTC", got, "complete dates", do))
    partial = np.array([bool(flag) for flag in flags], dtype=np.bool_)
    emergent = np.isfinite(start) & (np.isnan(days) | partial | (days >= start))
    names = ("STUDYID", "USUBJID", "AESEQ", "AETERM", "AEDECOD", "AEBODSYS", "AESER", "AEACN")
    columns: dict[str, Any] = {name: rows[name] for name in names if name in rows.names}
    columns |= {
        "TRTA": subjects["TRT01A"][place],
        "TRTAN": subjects["TRT01AN"][place],
        "SAFFL": subjects["SAFFL"][place],
        "ASTDT": days,
        "ASTDY": study_days(days, subjects["RANDDT"][place]),
        "TRTEMFL": np.where(emergent, "Y", ""),
    }
    return make_dataset("ADAE", columns), findings
