"""A laboratory value at a visit, with the rule of its estimand for death, graft loss and discontinuation.

The rules stand in :mod:`limus.trial.analysis.strategies`. A value that is missing otherwise is left out, as if missing
at random within arm and covariates, and counted. Values of two arms are compared in
:mod:`limus.trial.analysis.means`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError
from limus.kernel.tables import Table
from limus.trial.analysis.intercurrent import time_of_event
from limus.trial.analysis.results import HandledEvent
from limus.trial.analysis.strategies import Happened, values_under, words_for_value
from limus.trial.datasets.adam_events import time_of_first_day
from limus.trial.design.analysis_plan import AnalysisPlan
from limus.trial.design.design import Endpoint, Estimand

__all__ = ["VisitValues", "values_at_visit", "values_below"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VisitValues:
    """Values of N subjects at a visit, the estimand's rules applied.

    Attributes
    ----------
    subject, arm, stratum : (N,) array of str
    value : (N,) array
        NaN where missing.
    left_out : (N,) array of bool
        By rule: not of the estimand's population of values.
    replaced : (N,) array of bool
        By the value that stands for death and graft loss.
    handled : tuple of HandledEvent
    unit : str
    """

    subject: NDArray[np.object_]
    arm: NDArray[np.object_]
    stratum: NDArray[np.object_]
    value: Floats
    left_out: NDArray[np.bool_]
    replaced: NDArray[np.bool_]
    handled: tuple[HandledEvent, ...]
    unit: str


def values_at_visit(
    adam: Mapping[str, Table], plan: AnalysisPlan, endpoint: Endpoint, estimand: Estimand, population: str
) -> VisitValues:
    """Take the values of an endpoint's visit with the intercurrent events of its estimand handled.

    Parameters
    ----------
    adam : mapping of str to Table
        ADSL, ADLB and ADTTE.
    plan : AnalysisPlan
    endpoint : Endpoint
    estimand : Estimand
    population : str
        Flag.

    Returns
    -------
    VisitValues

    Raises
    ------
    InputError
        No such value in ADLB, or no visit on that day.
    RefusedError
        A strategy that the data cannot answer.
    """
    adsl = adam["ADSL"].where(adam["ADSL"][population] == "Y")
    subjects = adsl["USUBJID"].tolist()
    rows, visit_name = _rows_of_visit(adam, plan, endpoint)
    place = {subject: k for k, subject in enumerate(subjects)}
    value = np.full(len(subjects), np.nan)
    here = rows.where((rows["AVISIT"] == visit_name) & (rows["ANL01FL"] == "Y"))
    for subject, number in zip(here["USUBJID"].tolist(), here["AVAL"].tolist(), strict=True):
        if subject in place:
            value[place[subject]] = number
    visit = next(one for one in plan.visits if one.name == visit_name)
    last_time = visit.day + visit.window_after_days + time_of_first_day(adam["ADTTE"])
    arm, handled, happened = adsl["TRT01P"], [], []
    for one in estimand.intercurrent_events:
        known = plan.words.event(one.event)
        when = time_of_event(adam["ADTTE"], known.code, subjects, population)
        counts = tuple((code, int(((when <= last_time) & (arm == code)).sum())) for code in plan.codes)
        handled.append(HandledEvent(one.event, str(one.strategy), words_for_value(one, known.name, endpoint), counts))
        happened.append(Happened(one.strategy, known.name, when))
    value, left_out, replaced = values_under(
        value,
        happened,
        last_time=last_time,
        stands_for=endpoint.graft_loss_value,
        last_before=lambda when: _last_before(rows, place, when),
    )
    unit = str(plan.words.test(endpoint.variable).unit)
    stratum = adsl["STRATAR"] if "STRATAR" in adsl.names else np.full(len(subjects), "", dtype=object)
    return VisitValues(adsl["USUBJID"], arm, stratum, value, left_out, replaced, tuple(handled), unit)


def _rows_of_visit(adam: Mapping[str, Table], plan: AnalysisPlan, endpoint: Endpoint) -> tuple[Table, str]:
    code = plan.words.test(endpoint.variable).code
    where = f"endpoint {endpoint.name}"
    if "ADLB" not in adam or code not in set(adam["ADLB"]["PARAMCD"].tolist()):
        raise InputError(f"{where}, ADLB", "not there", f"PARAMCD {code}", "add the laboratory values")
    visit = next((one for one in plan.visits if abs(one.day - endpoint.day) < 0.5), None)
    if visit is None:
        allowed = ", ".join(f"{one.day:g}" for one in plan.visits)
        raise InputError(f"{where}, day", f"{endpoint.day:g}", f"the day of a visit: {allowed}", "choose one")
    return adam["ADLB"].where(adam["ADLB"]["PARAMCD"] == code), visit.name


def _last_before(rows: Table, place: Mapping[str, int], when: Floats) -> Floats:
    """Return the last value up to given times, NaN where there is none."""
    found, seen = np.full(len(when), np.nan), np.full(len(when), -np.inf)
    for subject, day, number in zip(rows["USUBJID"].tolist(), rows["ADY"].tolist(), rows["AVAL"].tolist(), strict=True):
        k = place.get(subject, -1)
        if k >= 0 and seen[k] < day <= when[k]:
            seen[k], found[k] = day, number
    return found


def values_below(
    adam: Mapping[str, Table], plan: AnalysisPlan, endpoint: Endpoint, population: str
) -> dict[str, float]:
    """Return for each subject with a value at the endpoint's visit whether it lies below the threshold (1 or 0).

    Parameters
    ----------
    adam : mapping of str to Table
    plan : AnalysisPlan
    endpoint : Endpoint
        With ``variable`` and ``threshold``.
    population : str

    Returns
    -------
    dict of str to float

    Raises
    ------
    InputError
        No such value in ADLB, or no visit on that day.
    """
    rows, visit = _rows_of_visit(adam, plan, endpoint)
    here = rows.where((rows["AVISIT"] == visit) & (rows["ANL01FL"] == "Y") & (rows[population] == "Y"))
    return {
        subject: float(value < endpoint.threshold)
        for subject, value in zip(here["USUBJID"].tolist(), here["AVAL"].tolist(), strict=True)
    }
