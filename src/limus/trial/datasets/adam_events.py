"""ADTTE: the time to every event of the library, and to every composite of the plan.

AVAL = ADT - STARTDT + 1 in days: a subject with an event on the day of randomisation has 1, so the time says how many
days are over when the event's day is. CNSR is 0 for an event; 1 where follow-up ended without it; 2 where the subject
was lost or withdrew; 3 where another event came first after which it cannot happen (death, or the loss of the graft).
Only with 3 can an analysis know that 1 - Kaplan-Meier would be too high.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.tables import Table
from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.calendar import days_of
from limus.trial.datasets.spec import make_dataset
from limus.trial.datasets.subject_rows import place_of, text_column
from limus.trial.design.analysis_plan import AnalysisPlan, composites_of, event_names, in_running_text
from limus.trial.design.endpoint_library import EndpointLibrary, EventSource, KnownEvent

__all__ = ["COMPETING", "EVENT", "FINISHED", "LOST", "adtte_of", "first_of", "rivals_of", "time_of_first_day"]

Floats = NDArray[np.float64]
Texts = NDArray[np.object_]

EVENT, FINISHED, LOST, COMPETING = 0.0, 1.0, 2.0, 3.0


@dataclass(frozen=True, eq=False)
class _Dates:
    """First date of an event for each subject, days since 1960-01-01, infinite where it did not happen."""

    day: Floats
    flag: Texts
    label: Texts
    domain: Texts
    variable: Texts
    sequence: Floats


def adtte_of(sdtm: Mapping[str, Table], adsl: Table, plan: AnalysisPlan) -> tuple[Dataset, list[Finding]]:
    """Derive ADTTE for randomised subjects.

    Parameters
    ----------
    sdtm : mapping of str to Table
    adsl : Table
    plan : AnalysisPlan

    Returns
    -------
    tuple of (Dataset, list of Finding)
        Events before randomisation or after the end of follow-up are not counted, and named.
    """
    subjects = adsl.where(adsl["RANDFL"] == "Y")
    names = subjects["USUBJID"].tolist()
    findings: list[Finding] = []
    dates: dict[str, _Dates] = {}
    for event in plan.words.events:
        if any(source.domain in sdtm for source in event.sources):
            dates[event.name], more = _dates_of(sdtm, event, names, subjects)
            findings += more
    parameters: list[tuple[str, str, tuple[str, ...]]] = [
        (one.code, one.label, (one.name,)) for one in plan.words.events if _is_parameter(one, dates, plan)
    ]
    parameters += [
        (code, label, tuple(sorted(parts)))
        for parts, (code, label) in composites_of(plan).items()
        if parts <= set(dates)
    ]
    blocks = [_parameter(subjects, dates, plan, code, label, events) for code, label, events in parameters]
    columns: dict[str, Any] = {}
    for name in blocks[0] if blocks else ():
        columns[name] = np.concatenate([block[name] for block in blocks])
    columns["PARAMN"] = np.repeat(np.arange(len(blocks)) + 1.0, len(subjects))
    kept = [name for name in ("STUDYID", "USUBJID", "ITTFL", "SAFFL", "PPROTFL", "STRATAR") if name in subjects.names]
    for name in kept:
        columns[name] = np.tile(subjects[name], len(blocks))
    columns |= {"TRTP": np.tile(subjects["TRT01P"], len(blocks)), "TRTPN": np.tile(subjects["TRT01PN"], len(blocks))}
    columns["TRTA"] = np.tile(subjects["TRT01A"], len(blocks))
    return make_dataset("ADTTE", columns), findings


def _is_parameter(event: KnownEvent, dates: Mapping[str, _Dates], plan: AnalysisPlan) -> bool:
    """Whether an event stands alone in ADTTE: adverse events and what is there at baseline only as an endpoint."""
    if event.name not in dates:
        return False
    if event.category == "BIOPSY":  # of protocol biopsies, which many trials do not take
        return bool(np.isfinite(dates[event.name].day).any())
    if event.category not in ("ADVERSE EVENT", "BASELINE"):
        return True
    return any(event_names(plan, one.events) == {event.name} for one in plan.endpoints)


def _dates_of(
    sdtm: Mapping[str, Table], event: KnownEvent, names: Sequence[str], subjects: Table
) -> tuple[_Dates, list[Finding]]:
    """First date of an event over its sources."""
    count = len(names)
    blank = np.full(count, "", dtype=object)
    found = _Dates(
        np.full(count, np.inf), blank.copy(), blank.copy(), blank.copy(), blank.copy(), np.full(count, np.nan)
    )
    found.label[:] = event.label
    findings: list[Finding] = []
    for source in event.sources:
        table = sdtm.get(source.domain)
        if table is None or source.variable not in table.names or source.date not in table.names:
            continue
        rows, place, more = _rows_of(table, source, names)
        days, flags = days_of(table[source.date][rows])
        findings += more + _undated(event, source, rows, flags, days)
        start = subjects["RANDDT"][place]
        # an incomplete date is taken as early as it can be after randomisation
        incomplete = np.array([flag in ("D", "M") for flag in flags], dtype=np.bool_)
        days = np.where(incomplete, np.maximum(days, start), days)
        early = np.isfinite(days) & (days < start)
        late = np.isfinite(days) & (days > subjects["EOSDT"][place])
        findings += _outside(event, source, int(early.sum()), int(late.sum()))
        sequence = f"{source.domain}SEQ"
        for k in np.flatnonzero(np.isfinite(days) & ~early & ~late).tolist():
            s = place[k]
            if days[k] < found.day[s]:
                found.day[s], found.flag[s] = days[k], flags[k]
                found.domain[s], found.variable[s] = source.domain, source.date
                found.sequence[s] = table[sequence][rows[k]] if sequence in table.names else np.nan
    return found, findings


def _rows_of(
    table: Table, source: EventSource, names: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Finding]]:
    """Rows of a domain that are the event, with the places of their subjects."""
    texts = text_column(table, source.variable)
    terms = {term.upper() for term in source.terms}
    without = {term.upper() for term in source.but_not}
    kept = np.array([bool(text) and (not terms or text in terms) and text not in without for text in texts])
    for name, values in source.where:
        allowed = {value.upper() for value in values}
        kept &= np.array([text in allowed for text in text_column(table, name)])
    place = place_of(table, names)
    if source.domain == "DM":
        return np.flatnonzero(kept & (place >= 0)), place[kept & (place >= 0)], []
    known = place_of(table, names) >= 0
    return np.flatnonzero(kept & known), place[kept & known], []


def _undated(
    event: KnownEvent, source: EventSource, rows: NDArray[np.int64], flags: Sequence[str], days: Floats
) -> list[Finding]:
    findings = []
    where = f"{source.domain}, {source.date}"
    missing = int(np.isnan(days).sum())
    if missing:
        got = f"{missing} of {len(rows)} rows of {event.label.lower()} without a date"
        findings.append(Finding("event-dated", Severity.WARNING, where, got, "a date", "not counted: complete them"))
    partial = sum(flag in ("D", "M") for flag in flags)
    if partial:
        got = f"{partial} incomplete dates of {event.label.lower()}"
        do = "taken as early as they can be after randomisation; ADTF says which"
        findings.append(Finding("date-complete", Severity.WARNING, where, got, "complete dates", do))
    return findings


def _outside(event: KnownEvent, source: EventSource, early: int, late: int) -> list[Finding]:
    findings = []
    for count, what in ((early, "before randomisation"), (late, "after the end of follow-up")):
        if count:
            got = f"{count} rows of {event.label.lower()} {what}"
            where = f"{source.domain}, {source.date}"
            findings.append(Finding("event-within-follow-up", Severity.WARNING, where, got, do="not counted"))
    return findings


def _parameter(
    subjects: Table, dates: Mapping[str, _Dates], plan: AnalysisPlan, code: str, label: str, events: Sequence[str]
) -> dict[str, Any]:
    """Columns of one parameter: the first of its events, or what ended the wait for it."""
    parts = [dates[name] for name in events]
    rivals = rivals_of(plan.words, events)
    day, which = _earliest(parts, len(subjects))
    rival_day, rival = _earliest([dates[name] for name in rivals if name in dates], len(subjects))
    end = subjects["EOSDT"]
    happened, ruled_out = first_of(day, rival_day)
    known = np.where(happened, which, 0)
    status = subjects["EOSSTT"]
    lost = np.array([one == "DISCONTINUED" for one in status.tolist()]) & (subjects["DTHFL"] != "Y")
    ended = ~happened & ~ruled_out
    present = [dates[name] for name in rivals if name in dates]
    rival_labels = _pick(present, "label", rival)
    reason = np.where(lost, subjects["DCSREAS"], np.where(status == "ONGOING", "STILL IN THE STUDY", "END OF STUDY"))
    date = np.where(happened, day, np.where(ruled_out, rival_day, end))
    chosen = [(happened, parts, known), (ruled_out, present, rival)]
    return {
        "PARAM": np.full(len(subjects), f"Time to {in_running_text(label)} (days)", dtype=object),
        "PARAMCD": np.full(len(subjects), code, dtype=object),
        "STARTDT": subjects["RANDDT"],
        "ADT": date,
        "ADTF": _join(chosen, "flag", len(subjects)),
        "AVAL": date - subjects["RANDDT"] + 1.0,
        "CNSR": np.where(happened, EVENT, np.where(ruled_out, COMPETING, np.where(lost, LOST, FINISHED))),
        "EVNTDESC": np.where(happened, _pick(parts, "label", known), np.where(ruled_out, rival_labels, reason)),
        "CNSDTDSC": np.where(happened, "", np.where(ruled_out, "DATE OF " + _upper(rival_labels), _end_words(ended))),
        "SRCDOM": np.where(ended, "ADSL", _join(chosen, "domain", len(subjects))),
        "SRCVAR": np.where(ended, "EOSDT", _join(chosen, "variable", len(subjects))),
        "SRCSEQ": np.where(
            happened, _pick(parts, "sequence", known), np.where(ruled_out, _pick(present, "sequence", rival), np.nan)
        ),
    }


def first_of(day: Floats, rival_day: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell whether an event happened, and else whether another ruled it out; on one day the event comes first.

    Parameters
    ----------
    day, rival_day : (...) array
        Whole days, infinite for never.

    Returns
    -------
    tuple of two (...) arrays of bool
    """
    happened = np.isfinite(day) & (day <= rival_day)
    return happened, ~happened & np.isfinite(rival_day)


def time_of_first_day(adtte: Table) -> float:
    """Return AVAL of an event on the day of randomisation: 1 in ADaM; 0 where the dates, or their absence, say so.

    Parameters
    ----------
    adtte : Table
        Without ADT and STARTDT, AVAL is a time that has passed.

    Returns
    -------
    float
    """
    if not {"ADT", "STARTDT"} <= set(adtte.names):
        return 0.0
    days = adtte["AVAL"] - (adtte["ADT"] - adtte["STARTDT"])
    days = days[np.isfinite(days)]
    return float(np.round(np.median(days))) if len(days) else 0.0


def rivals_of(words: EndpointLibrary, events: Collection[str]) -> list[str]:
    """Return the names of the events that rule out the first of some events."""
    return sorted({rival for name in events for rival in words.event(name).ruled_out_by} - set(events))


def _earliest(parts: Sequence[_Dates], count: int) -> tuple[Floats, NDArray[np.int64]]:
    if not parts:
        return np.full(count, np.inf), np.zeros(count, dtype=np.int64)
    days = np.stack([part.day for part in parts])
    which = np.argmin(days, axis=0)
    return days[which, np.arange(count)], which


def _pick(parts: Sequence[_Dates], name: str, which: NDArray[np.int64]) -> NDArray[Any]:
    if not parts:
        return np.full(len(which), np.nan if name == "sequence" else "", dtype=float if name == "sequence" else object)
    picked: NDArray[Any] = np.stack([getattr(part, name) for part in parts])[which, np.arange(len(which))]
    return picked


def _join(
    chosen: Sequence[tuple[NDArray[np.bool_], Sequence[_Dates], NDArray[np.int64]]], name: str, count: int
) -> Texts:
    out = np.full(count, "", dtype=object)
    for mask, parts, which in chosen:
        out[mask] = _pick(parts, name, which)[mask]
    return out


def _upper(labels: NDArray[Any]) -> Texts:
    return np.array([str(label).upper() for label in labels.tolist()], dtype=object)


def _end_words(ended: NDArray[np.bool_]) -> Texts:
    return np.where(ended, "LAST DATE OF FOLLOW-UP", "").astype(object)
