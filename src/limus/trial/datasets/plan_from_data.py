"""A plan for data without a design: arms, visits and endpoints as the data themselves have them.

Nothing is tested and no estimand is named: every event is described by arm.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import FileReadError
from limus.kernel.tables import Table
from limus.trial.datasets.adam_events import time_of_first_day
from limus.trial.datasets.calendar import days_of
from limus.trial.design.analysis_plan import AnalysisPlan, PlannedArm, is_arm
from limus.trial.design.design import Endpoint, EndpointKind, Visit
from limus.trial.design.endpoint_library import EndpointLibrary, load_endpoints

__all__ = ["plan_from_analysis_data", "plan_from_data"]

Floats = NDArray[np.float64]

_YEAR_DAYS = 365.0


def plan_from_data(sdtm: Mapping[str, Table], words: EndpointLibrary | None = None) -> AnalysisPlan:
    """Make a plan that describes a trial's data: arms of DM, visits of LB and VS, every event that occurs.

    Parameters
    ----------
    sdtm : mapping of str to Table
        Domains by name.
    words : EndpointLibrary, optional

    Returns
    -------
    AnalysisPlan
        Without estimands and analyses; its endpoints are the library's events up to a year, or to the longest
        follow-up where that is shorter.

    Raises
    ------
    FileReadError
        DM names no arm.
    """
    words = words or load_endpoints()
    dm = sdtm["DM"]
    labels = dm["ARM"].tolist() if "ARM" in dm.names else dm["ARMCD"].tolist()
    arms = {code: label for code, label in zip(dm["ARMCD"].tolist(), labels, strict=True) if is_arm(code)}
    if not arms:
        do = "fill ARMCD for randomised subjects"
        raise FileReadError("DM, ARMCD", "no arm", "a code for each randomised subject", do)
    start = dict(zip(dm["USUBJID"].tolist(), days_of(dm["RFSTDTC"])[0].tolist(), strict=True))
    longest = 0.0
    for name, date in (("LB", "LBDTC"), ("VS", "VSDTC"), ("DS", "DSSTDTC"), ("CE", "CESTDTC")):
        if name in sdtm and date in sdtm[name].names:
            since = _days_since(sdtm[name], date, start)
            longest = max(longest, float(np.nanmax(since, initial=0.0)))
    horizon = min(_YEAR_DAYS, longest) or _YEAR_DAYS
    endpoints = tuple(
        Endpoint(one.name, one.label, EndpointKind.TIME_TO_EVENT, events=(one.name,), day=horizon)
        for one in words.events
        if one.category not in ("BASELINE", "ADVERSE EVENT")
    )
    visits = _visits_of(sdtm, start)
    ordered = tuple(PlannedArm(code, arms[code]) for code in sorted(arms))
    study = str(dm["STUDYID"][0]) if len(dm) else ""
    days = tuple(visit.day for visit in visits)
    return AnalysisPlan(
        study, study, ordered, visits, days, endpoints, (), (), max(longest, 1.0), words, from_design=False
    )


def plan_from_analysis_data(adam: Mapping[str, Table], words: EndpointLibrary | None = None) -> AnalysisPlan:
    """Make a plan that describes ADaM data sets: arms of ADSL, visits of ADLB and ADPPK.

    Parameters
    ----------
    adam : mapping of str to Table
        ADSL and ADTTE at least.
    words : EndpointLibrary, optional

    Returns
    -------
    AnalysisPlan

    Raises
    ------
    FileReadError
        ADSL names no arm.
    """
    words = words or load_endpoints()
    adsl = adam["ADSL"]
    labels = adsl["ARM"].tolist() if "ARM" in adsl.names else adsl["TRT01P"].tolist()
    arms = {code: label for code, label in zip(adsl["TRT01P"].tolist(), labels, strict=True) if is_arm(code)}
    if not arms:
        raise FileReadError("ADSL, TRT01P", "no arm", "a treatment for each randomised subject", "fill TRT01P")
    order = dict(zip(adsl["TRT01P"].tolist(), adsl["TRT01PN"].tolist(), strict=True)) if "TRT01PN" in adsl.names else {}
    ordered = sorted(arms, key=lambda code: (order.get(code, np.inf), code))
    visits: dict[str, float] = {}
    if "ADLB" in adam:
        rows = adam["ADLB"]
        for visit, day in zip(rows["AVISIT"].tolist(), rows["AWTARGET"].tolist(), strict=True):
            if visit and np.isfinite(day):
                visits[visit] = day - 1.0 if day > 0 else day  # study days have no day 0
    found = tuple(Visit(name, day) for name, day in sorted(visits.items(), key=lambda pair: pair[1]))
    longest = float(np.nanmax(adam["ADTTE"]["AVAL"], initial=1.0)) - time_of_first_day(adam["ADTTE"])
    study = str(adsl["STUDYID"][0]) if len(adsl) else ""
    return AnalysisPlan(
        study,
        study,
        tuple(PlannedArm(code, arms[code]) for code in ordered),
        found,
        tuple(visit.day for visit in found),
        (),
        (),
        (),
        max(longest, 1.0),
        words,
        from_design=False,
    )


def _days_since(table: Table, date: str, start: Mapping[str, float]) -> Floats:
    days, _ = days_of(table[date])
    return days - np.array([start.get(subject, np.nan) for subject in table["USUBJID"].tolist()])


def _visits_of(sdtm: Mapping[str, Table], start: Mapping[str, float]) -> tuple[Visit, ...]:
    """Visits as the data name them, at their median day, with windows that meet halfway."""
    days: dict[tuple[float, str], list[float]] = {}
    for name, date in (("LB", "LBDTC"), ("VS", "VSDTC")):
        if name not in sdtm or not {"VISITNUM", "VISIT", date} <= set(sdtm[name].names):
            continue
        table = sdtm[name]
        for number, label, since in zip(
            table["VISITNUM"].tolist(), table["VISIT"].tolist(), _days_since(table, date, start).tolist(), strict=True
        ):
            if label and np.isfinite(since) and "UNSCHED" not in label.upper():
                days.setdefault((number, label), []).append(since)
    found = sorted((float(np.median(values)), label) for (_, label), values in days.items())
    middles = [np.inf, *np.diff([day for day, _ in found]) / 2.0, np.inf]
    return tuple(
        Visit(label, day, float(np.floor(middles[k])), float(np.ceil(middles[k + 1]) - 1.0))
        for k, (day, label) in enumerate(found)
    )
