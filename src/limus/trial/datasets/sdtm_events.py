"""CE and AE of a simulated trial: adjudicated events of the endpoints, and adverse events.

Which event goes where, and under which term, is the library's: an event whose first source is CE is a clinical event,
one whose first source is AE an adverse event. Deaths stand in DM and DS, ends of treatment and study in DS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.exchange.xpt import Dataset
from limus.trial.datasets.calendar import date_texts
from limus.trial.datasets.recorded_numbers import recorded_days
from limus.trial.datasets.sdtm_frame import TrialFrame
from limus.trial.datasets.spec import make_dataset
from limus.trial.design.endpoint_library import KnownEvent

__all__ = ["adverse_events", "clinical_events"]

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def clinical_events(frame: TrialFrame) -> Dataset:
    """Write CE."""
    known, place, which, day = _rows(frame, "CE")
    date = frame.date_of(day, place)
    terms = np.array([one.sources[0].terms[0] for one in known] or [""], dtype=object)[which]
    rows = frame.identity("CE", place) | {
        "CETERM": terms,
        "CEDECOD": terms,
        "CECAT": np.array([one.category for one in known] or [""], dtype=object)[which],
        "CESTDTC": date_texts(date),
        "CESTDY": frame.study_day(date, place),
    }
    return make_dataset("CE", rows)


def adverse_events(frame: TrialFrame) -> Dataset:
    """Write AE; the event before a discontinuation is not known to the simulation, so AEACN is not given."""
    known, place, which, day = _rows(frame, "AE")
    date = frame.date_of(day, place)
    terms = np.array([one.sources[0].terms[0] for one in known] or [""], dtype=object)[which]
    rows = frame.identity("AE", place) | {
        "AETERM": terms,
        "AEDECOD": terms,
        "AEBODSYS": np.array([one.body_system for one in known] or [""], dtype=object)[which],
        "AESTDTC": date_texts(date),
        "AESTDY": frame.study_day(date, place),
    }
    return make_dataset("AE", rows)


def _rows(frame: TrialFrame, domain: str) -> tuple[list[KnownEvent], Places, Places, Floats]:
    """Events of a domain in the order of subject and day: the events, subject, which event, whole day."""
    days = frame.trial.event_day
    known, columns = [], []
    for name, day in days.items():
        event = frame.words.event(name)
        if event.sources[0].domain == domain:
            known.append(event)
            columns.append(recorded_days(day))
    if not known:
        nothing = np.zeros(0, dtype=np.int64)
        return [], nothing, nothing, np.zeros(0)
    stacked = np.stack(columns, axis=1)
    place, which = np.nonzero(np.isfinite(stacked))
    day = stacked[place, which]
    order = np.lexsort((which, day, place))
    return known, place[order], which[order], day[order]
