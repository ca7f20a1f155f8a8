"""Times to events as the analysis takes them from ADTTE: one row a subject, with a cause where other events compete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import UnknownNameError
from limus.kernel.statistics.survival.aalen_johansen import aalen_johansen, incidence_at
from limus.kernel.statistics.survival.kaplan_meier import kaplan_meier, survival_at
from limus.kernel.tables import Table
from limus.trial.datasets.adam_events import COMPETING, EVENT, LOST, time_of_first_day

__all__ = ["EventTimes", "Landmark", "event_times", "followed_until", "one_minus_survival", "risk_at"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EventTimes:
    """Times of N subjects.

    Attributes
    ----------
    code, label : str
        PARAMCD and what happens, in words.
    subject, arm, stratum : (N,) array of str
    time : (N,) array
        AVAL, days.
    cause : (N,) array of int
        0 censored, 1 the event, 2 an event that rules it out.
    lost : (N,) array of bool
        Censored because the subject was lost or withdrew.
    left_out : int
        Subjects without a time.
    imagined : bool
        Whether an intercurrent event is imagined away that some subject had.
    first : float
        Time of an event on the day of randomisation.
    """

    code: str
    label: str
    subject: NDArray[np.object_]
    arm: NDArray[np.object_]
    stratum: NDArray[np.object_]
    time: Floats
    cause: Ints
    lost: NDArray[np.bool_]
    left_out: int = 0
    imagined: bool = False
    first: float = 1.0

    def time_on(self, day: float) -> float:
        """Return the time of an event on a day after randomisation: what is asked by a day holds that day."""
        return day + self.first

    def of_arm(self, code: str) -> EventTimes:
        """Return the subjects of one arm."""
        return self.where(self.arm == code)

    def where(self, mask: NDArray[np.bool_]) -> EventTimes:
        """Return the subjects where ``mask`` is true."""
        names = ("subject", "arm", "stratum", "time", "cause", "lost")
        return replace(self, **{name: getattr(self, name)[mask] for name in names})

    @property
    def competing(self) -> bool:
        """Whether another event ruled this one out in any subject."""
        return bool((self.cause == 2).any())

    @property
    def strata(self) -> NDArray[np.object_] | None:
        """The strata, or None where there are not two of them."""
        return self.stratum if len(set(self.stratum.tolist())) > 1 else None


@dataclass(frozen=True, slots=True)
class Landmark:
    """The risk of an event by a day, that day included; NaN where follow-up is shorter or nothing can be said."""

    day: float
    risk: float
    standard_error: float
    low: float
    high: float
    n_at_risk: float
    events: float


def event_times(adtte: Table, code: str, *, population: str = "ITTFL", treatment: str = "TRTP") -> EventTimes:
    """Take one parameter out of ADTTE.

    Parameters
    ----------
    adtte : Table
    code : str
        PARAMCD.
    population : str
        Flag of the population; ``Y`` belongs to it.
    treatment : str
        Variable of the arm: as planned, or ``TRTA`` as treated.

    Returns
    -------
    EventTimes

    Raises
    ------
    UnknownNameError
        No such parameter.
    """
    if code not in set(adtte["PARAMCD"].tolist()):
        raise UnknownNameError("ADTTE, PARAMCD", code, ", ".join(dict.fromkeys(adtte["PARAMCD"].tolist())), "add it")
    chosen = adtte["PARAMCD"] == code
    if population in adtte.names:
        chosen &= adtte[population] == "Y"
    rows = adtte.where(chosen)
    known = np.isfinite(rows["AVAL"]) & np.isfinite(rows["CNSR"]) & (rows["AVAL"] >= 0)
    label = str(rows["PARAM"][0]) if len(rows) else code
    kept = rows.where(known)
    arms = kept[treatment if treatment in kept.names else "TRTP"]
    return EventTimes(
        code,
        _short(label),
        kept["USUBJID"],
        arms,
        kept["STRATAR"] if "STRATAR" in kept.names else np.full(len(kept), "", dtype=object),
        kept["AVAL"],
        np.where(kept["CNSR"] == EVENT, 1, np.where(kept["CNSR"] == COMPETING, 2, 0)).astype(np.int64),
        kept["CNSR"] == LOST,
        int((~known).sum()),
        first=time_of_first_day(adtte),
    )


def _short(label: str) -> str:
    """``Time to graft loss (days)`` is about ``Graft loss``."""
    words = label.removesuffix(" (days)")
    words = words.removeprefix("Time to ")
    return words[:1].upper() + words[1:]


def followed_until(times: EventTimes, day: float) -> EventTimes:
    """End follow-up with a day after randomisation: later events have not happened yet.

    Parameters
    ----------
    times : EventTimes
    day : float

    Returns
    -------
    EventTimes
    """
    last = times.time_on(day)
    later = times.time > last
    return replace(
        times,
        time=np.minimum(times.time, last),
        cause=np.where(later, 0, times.cause),
        lost=times.lost & ~later,
    )


def risk_at(
    times: EventTimes, days: Sequence[float], level_percent: float = 95.0, *, competing: bool | None = None
) -> list[Landmark]:
    """Return the risk of the event by given days, these included: Aalen-Johansen where others compete, or Kaplan-Meier.

    Parameters
    ----------
    times : EventTimes
        Of one arm.
    days : sequence of float
        After randomisation.
    level_percent : float
        Of the intervals, which are log-log: of the incidence, or of survival for Kaplan-Meier.
    competing : bool, optional
        Whether other events compete in the trial, so that all arms are estimated alike; in this arm by default.

    Returns
    -------
    list of Landmark
    """
    if not len(times.time):
        return [Landmark(day, np.nan, np.nan, np.nan, np.nan, 0.0, 0.0) for day in days]
    at = np.array([times.time_on(day) for day in days], dtype=np.float64)
    events = np.array([float((times.cause[times.time <= last] == 1).sum()) for last in at.tolist()])
    if (times.competing if competing is None else competing) and (times.cause == 1).any():
        found = incidence_at(aalen_johansen(times.time, times.cause, level_percent=level_percent), at)
        row = 0  # cause 1 is the first
        parts = (found.incidence[row], found.standard_error[row], found.low[row], found.high[row], found.n_at_risk)
    else:
        read = survival_at(kaplan_meier(times.time, times.cause == 1, level_percent=level_percent), at)
        parts = (1.0 - read.survival, read.standard_error, 1.0 - read.high, 1.0 - read.low, read.n_at_risk)
    columns = (np.asarray(days, dtype=np.float64), *parts, events)
    return [Landmark(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def one_minus_survival(times: EventTimes, day: float) -> float:
    """Return 1 - Kaplan-Meier with the competing events censored, which is too high where there are any.

    Parameters
    ----------
    times : EventTimes
        Of one arm.
    day : float
        After randomisation.

    Returns
    -------
    float
        A fraction.
    """
    if not len(times.time):
        return float("nan")
    return float(1.0 - survival_at(kaplan_meier(times.time, times.cause == 1), [times.time_on(day)]).survival[0])
