"""What every domain needs of a simulated trial: names of subjects, dates, sequence numbers, visits."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.trial.datasets.calendar import date_days, study_days
from limus.trial.datasets.recorded_numbers import recorded_days
from limus.trial.design.endpoint_library import EndpointLibrary
from limus.trial.simulation.simulated_trial import SimulatedTrial

__all__ = ["SIMULATED", "TrialFrame", "ascii_text", "number_text", "number_within", "trial_frame", "yes_or_no"]

SIMULATED = "SIM-"  # every STUDYID of a simulated trial begins so: no data set of it can pass for measured

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrialFrame:
    """A trial with its dates.

    Attributes
    ----------
    trial : SimulatedTrial
    words : EndpointLibrary
    study : str
        STUDYID.
    subject : (N,) array of str
        USUBJID.
    start : (N,) array
        Day of transplantation, days since 1960-01-01.
    randomised : (N,) array
        Day of randomisation, from which study days count, likewise.
    end : (N,) array
        Last day of follow-up, likewise.
    """

    trial: SimulatedTrial
    words: EndpointLibrary
    study: str
    subject: NDArray[np.object_]
    start: Floats
    randomised: Floats
    end: Floats

    @property
    def randomisation_day(self) -> float:
        """Whole days from transplantation to randomisation."""
        return math.floor(self.trial.design.randomisation_day)

    def date_of(self, day: Floats, place: Places) -> Floats:
        """Return days since transplantation of given subjects as days since 1960-01-01, with parts of days."""
        return self.start[place] + day

    def study_day(self, date: Floats, place: Places) -> Floats:
        """Return study days of dates: day 1 is that of randomisation."""
        return study_days(date, self.randomised[place])

    def identity(self, domain: str, place: Places) -> dict[str, Any]:
        """Return STUDYID, DOMAIN, USUBJID and the sequence number for rows in order of subject."""
        return {
            "STUDYID": [self.study] * len(place),
            "DOMAIN": [domain] * len(place),
            "USUBJID": self.subject[place],
            f"{domain}SEQ": number_within(place),
        }


def trial_frame(trial: SimulatedTrial, words: EndpointLibrary, first_date: str) -> TrialFrame:
    """Give a trial its names and dates.

    Parameters
    ----------
    trial : SimulatedTrial
    words : EndpointLibrary
    first_date : str

    Returns
    -------
    TrialFrame
    """
    count = trial.cohort.n
    name = "".join(letter if letter.isalnum() else "-" for letter in ascii_text(trial.design.name).upper())
    study = f"{SIMULATED}{name}"[:40].strip("-")
    digits = max(4, len(str(count)))
    subject = np.array([f"{study}-{k + 1:0{digits}d}" for k in range(count)], dtype=object)
    start = date_days(first_date) + np.floor(np.arange(count) * (trial.design.accrual_days / count))
    randomised = start + math.floor(trial.design.randomisation_day)
    return TrialFrame(trial, words, study, subject, start, randomised, start + recorded_days(trial.end_day))


def number_within(place: Places) -> Floats:
    """Number rows within their subject from 1; rows of a subject stand together.

    Parameters
    ----------
    place : (n,) array of int

    Returns
    -------
    (n,) array

    Examples
    --------
    >>> number_within(np.array([0, 0, 3])).tolist()
    [1.0, 2.0, 1.0]
    """
    starts = np.append(True, place[1:] != place[:-1])[: len(place)]
    running = np.arange(len(place))
    begun = np.maximum.accumulate(np.where(starts, running, 0)) if len(place) else running
    return (running - begun + 1).astype(np.float64)


_PLAIN = str.maketrans({"\u2013": "-", "\u2014": "-", "\u2264": "<=", "\u2265": ">=", "\u00b5": "u", "\u03bc": "u"})


def ascii_text(text: str) -> str:
    """Write a text with the letters that a transport file can hold, at most 200.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> ascii_text("Fran\u00e7ois, \u2264 5 \u00b5g")
    'Francois, <= 5 ug'
    """
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode()
    return plain[:200]


def number_text(values: Floats) -> list[str]:
    """Write numbers as results are reported; empty where there is none."""
    return ["" if np.isnan(value) else f"{value:.15g}" for value in values.tolist()]


def yes_or_no(values: Floats, names: Mapping[float, str]) -> list[str]:
    """Write coded values as their names."""
    return [names.get(value, "") for value in values.tolist()]
