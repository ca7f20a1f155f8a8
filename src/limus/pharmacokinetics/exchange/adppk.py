"""The population-pharmacokinetic analysis data set (ADPPK) of ADaM: event tables out and in.

Names, labels and types follow the ADaM popPK implementation guide 1.0 (CDISC, 2023). Required there: STUDYID, USUBJID,
USUBJIDN, AFRLT, EVID, DV, MDV, AMT, SEX, RACE. AFRLT counts from the subject's first dose and may be negative, APRLT
from the dose before; DV is a copy of AVAL, and MDV is 1 where it is missing, below its limit too; AMT and its company
stand on dose rows only; units stand in labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import ValueRangeError
from limus.kernel.tables import Table
from limus.pharmacokinetics.event_table.expand import expand_additional
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.write import event_columns
from limus.pharmacokinetics.exchange.xpt import Dataset

__all__ = ["ADPPK_LABELS", "adppk_of"]

ADPPK_LABELS: dict[str, str] = {
    "STUDYID": "Study Identifier",
    "USUBJID": "Unique Subject Identifier",
    "USUBJIDN": "Unique Subject Identifier (N)",
    "RECSEQ": "Record Sequence",
    "AFRLT": "Actual Rel Time from First Dose",
    "APRLT": "Actual Rel Time from Previous Dose",
    "NFRLT": "Nominal Rel Time from First Dose",
    "RLTU": "Relative Time Unit",
    "OCC": "Occasion",
    "EVID": "Event ID",
    "DVID": "Dependent Variable Name",
    "DVIDN": "Dependent Variable Name (N)",
    "CMT": "Compartment",
    "DV": "Dependent Variable Result",
    "AVAL": "Analysis Value",
    "AVALU": "Dependent Variable Unit",
    "MDV": "Missing Dependent Variable Result",
    "ALLOQ": "Analysis Lower Limit of Quantitation",
    "BLQFL": "Below Lower Limit of Quant Flag",
    "BLQFN": "Below Lower Limit of Quant Flag (N)",
    "AMT": "Actual Amount of Dose Received (mg)",
    "DOSEA": "Actual Treatment Dose (mg)",
    "DOSEDUR": "Duration Of Dose Administration (h)",
    "RATE": "Infusion Rate (mg/h)",
    "II": "Dosing Interval (h)",
    "ADDL": "Number Of Additional Doses",
    "SS": "Steady State",
    "SEX": "Sex",
    "RACE": "Race",
}


def adppk_of(
    table: EventTable,
    *,
    study: str,
    analyte: str,
    subjects: Mapping[str, Sequence[str]] | None = None,
    names: Mapping[str, str] | None = None,
    nominal_h: ArrayLike | None = None,
) -> Dataset:
    """Lay an event table out as ADPPK.

    Parameters
    ----------
    table : EventTable
    study : str
        STUDYID.
    analyte : str
        Name of what is measured, for DVID.
    subjects : mapping of str to sequence of str, optional
        ``SEX`` and ``RACE``, a value for each subject; blank where left out, and said so.
    names : mapping of str to str, optional
        New names for covariates; a transport file allows eight capitals.
    nominal_h : (R,) array, optional
        Planned time of each record from the first dose, h, for NFRLT; an event table knows actual times only.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueRangeError
        ``subjects`` or ``nominal_h`` of another length, or a covariate whose name is a variable of ADPPK.
    """
    records, doses = table.records, table.doses
    columns = _event_variables(table, study, analyte)
    if nominal_h is not None:
        nominal = np.asarray(nominal_h, dtype=np.float64)
        if nominal.shape != (len(records),):
            raise ValueRangeError("ADPPK, NFRLT", f"{nominal.size} values", f"one for each of {len(records)} records")
        columns["NFRLT"] = nominal
    findings = []
    for name in ("SEX", "RACE"):
        values = list((subjects or {}).get(name, [""] * len(table.subjects)))
        if len(values) != len(table.subjects):
            allowed = f"one for each of {len(table.subjects)} subjects"
            raise ValueRangeError(f"ADPPK, {name}", f"{len(values)} values", allowed)
        columns[name] = [values[place] for place in records.subject]
        if not all(values):
            allowed, do = "a value for each subject", "give it, or fill it in"
            findings.append(Finding("adppk-required", Severity.WARNING, "ADPPK", f"no {name}", allowed, do))
    for k, covariate in enumerate(records.names):
        name = (names or {}).get(covariate, covariate)
        if name in columns:
            raise ValueRangeError("ADPPK, covariate", name, "a name that ADPPK has not", "give another in names")
        columns[name] = records.values[:, k]
    if doses.modelled.any():
        got = "RATE -1 or -2"
        findings.append(Finding("adppk-rate", Severity.NOTE, "ADPPK, RATE", got, do="NONMEM's codes, kept as they are"))
    labels = {name: ADPPK_LABELS.get(name, name)[:40] for name in columns}
    return Dataset("ADPPK", "Population PK Analysis Data", Table.create(columns), labels, tuple(findings))


def _event_variables(table: EventTable, study: str, analyte: str) -> dict[str, Any]:
    """Variables that an event table knows by itself."""
    records = table.records
    items = {name: np.asarray(values) for name, values in event_columns(table).items() if name != "ID"}
    is_dose, is_level = np.isin(items["EVID"], (1, 4)), items["EVID"] == 0
    first, previous, last_dose = _dose_times(table, is_dose, items["AMT"])
    columns: dict[str, Any] = {
        "STUDYID": [study] * len(records),
        "USUBJID": [table.subjects[place] for place in records.subject],
        "USUBJIDN": records.subject + 1.0,
        "RECSEQ": np.arange(len(records)) + 1.0,
        "AFRLT": records.time_h - first[records.subject],
        "APRLT": np.where(is_dose, 0.0, records.time_h - previous),
        "RLTU": ["h"] * len(records),
        "OCC": items["OCC"],
        "EVID": items["EVID"],
        "DVID": np.where(is_level, analyte, np.where(is_dose, "DOSE", "")).tolist(),
        "DVIDN": np.where(is_level, items.get("DVID", np.ones(len(records))), 0.0),
        "CMT": items["CMT"],
        "DV": items["DV"],
        "AVAL": items["DV"],
        "AVALU": np.where(is_level, table.concentration_unit, "").tolist(),
        "MDV": np.where(np.isnan(items["DV"]), 1.0, items["MDV"]),
    }
    if "BLQ" in items:
        flagged = items["BLQ"] == 1
        columns["ALLOQ"] = items["LLOQ"]
        columns["BLQFL"] = np.where(is_level, np.where(flagged, "Y", "N"), "").tolist()
        columns["BLQFN"] = np.where(is_level, flagged.astype(np.float64), np.nan)
    columns["AMT"] = np.where(is_dose, items["AMT"], np.nan)
    columns["DOSEA"] = last_dose
    for name, item in (("DOSEDUR", "DUR"), ("RATE", "RATE"), ("II", "II"), ("ADDL", "ADDL"), ("SS", "SS")):
        columns[name] = np.where(is_dose, items[item], np.nan)
    return columns


def _dose_times(
    table: EventTable, is_dose: NDArray[np.bool_], amount: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """First dose of each subject; time and amount of the dose before each record (the first one before any), h, mg.

    A level at a dose's time counts from the dose before, as it is that dose's trough; the doses that ADDL adds count.
    """
    records, count = table.records, len(table.subjects)
    given = expand_additional(table).doses
    gives = (given.amount_mg > 0) | (given.rate_mg_per_h > 0)
    subject, time_h, mg = given.subject[gives], given.time_h[gives], given.amount_mg[gives]
    first = np.full(count, np.nan)
    first[subject[::-1]] = time_h[::-1]
    first = np.where(np.isnan(first), records.time_h[records.offsets[:-1]], first)
    if not len(time_h):
        blank = np.full(len(records), np.nan)
        return first, blank, blank
    ticks, place = np.unique(np.concatenate([time_h, records.time_h]), return_inverse=True)
    key = subject * len(ticks) + place[: len(time_h)]
    asked = records.subject * len(ticks) + place[len(time_h) :]
    following = np.searchsorted(key, asked, side="left")
    before, after = np.maximum(following - 1, 0), np.minimum(following, len(key) - 1)
    has_before = (following > 0) & (subject[before] == records.subject)
    has_after = subject[after] == records.subject
    previous = np.where(has_before, time_h[before], first[records.subject])
    dose = np.where(has_before, mg[before], np.where(has_after, mg[after], np.nan))
    return first, previous, np.where(is_dose, amount, dose)
