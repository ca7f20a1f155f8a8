"""What ``library/titration`` holds: courses of covariates, the levels that windows span, clinicians' departures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from limus.kernel.errors import FileReadError, UnknownNameError, near_names
from limus.kernel.provenance import Kind
from limus.kernel.tables import Entry, library_folder, read_toml
from limus.trial.design.treatment import Departure, LevelSampling, Origin

__all__ = [
    "Course",
    "LevelSpan",
    "TitrationPractice",
    "course_at",
    "departure_names",
    "load_departure",
    "load_practice",
    "load_sampling",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Course:
    """A covariate that changes with the day after transplantation, the same in everybody.

    Attributes
    ----------
    name, unit : str
    added : bool
        Whether it is added to the subject's own value, rather than being the value.
    days, values : tuple of float
        Straight lines between, flat outside.
    origin : Origin
    """

    name: str
    unit: str
    added: bool
    days: tuple[float, ...]
    values: tuple[float, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class LevelSpan:
    """Lowest and highest end of the published windows of a drug, ng/mL."""

    low_ng_per_ml: float
    high_ng_per_ml: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class TitrationPractice:
    """Courses by covariate, and level spans by drug (``DRUG_c2`` two hours after the dose)."""

    courses: Mapping[str, Course]
    levels: Mapping[str, LevelSpan]


class _Sourced(Entry):
    kind: Literal["measured", "compiled", "fitted", "assumed"]
    source: list[str] = Field(default_factory=list)
    note: str = ""

    @property
    def origin(self) -> Origin:
        return Origin(Kind(self.kind), tuple(self.source), self.note)


class _CourseEntry(_Sourced):
    unit: str
    added: bool
    days: list[float] = Field(min_length=1)
    values: list[float] = Field(min_length=1)


class _LevelEntry(_Sourced):
    low_ng_per_ml: float = Field(gt=0)
    high_ng_per_ml: float = Field(gt=0)


class _PracticeFile(Entry):
    limus_titration: Literal[1]
    title: str
    courses: dict[str, _CourseEntry]
    levels: dict[str, _LevelEntry]


class _DepartureEntry(_Sourced):
    no_change_probability: float = Field(ge=0, le=1)
    aim_ratio: float = Field(gt=0)
    aim_sd_log: float = Field(ge=0)


class _SamplingEntry(_Sourced):
    assay_cv_percent: float = Field(ge=0)
    lower_limit_ng_per_ml: float = Field(ge=0)
    sampling_time_sd_h: float = Field(ge=0)
    missed_level_probability: float = Field(ge=0, le=1)
    missed_dose_fraction: float = Field(ge=0, lt=1)
    missed_dose_sd_logit: float = Field(ge=0)
    residual_fraction: float = Field(ge=0, le=1)


class _HabitsFile(Entry):
    limus_habits: Literal[1]
    title: str
    departures: dict[str, _DepartureEntry]
    sampling: dict[str, _SamplingEntry]


def _folder() -> Path:
    return library_folder() / "titration"


@lru_cache(maxsize=1)
def load_practice() -> TitrationPractice:
    """Load courses and level spans.

    Returns
    -------
    TitrationPractice

    Raises
    ------
    FileReadError
        The library's file is wrong.
    """
    path = _folder() / "practice.toml"
    read = read_toml(path, _PracticeFile)
    courses = {}
    for name, entry in read.courses.items():
        if len(entry.days) != len(entry.values) or any(
            a >= b for a, b in zip(entry.days, entry.days[1:], strict=False)
        ):
            raise FileReadError(f"{path.name}, courses.{name}", entry.days, "rising days, one value each", "correct it")
        courses[name] = Course(name, entry.unit, entry.added, tuple(entry.days), tuple(entry.values), entry.origin)
    levels = {n: LevelSpan(e.low_ng_per_ml, e.high_ng_per_ml, e.origin) for n, e in read.levels.items()}
    return TitrationPractice(courses, levels)


def course_at(course: Course, days: ArrayLike) -> Floats:
    """Return a course's values on some days.

    Parameters
    ----------
    course : Course
    days : array_like
        After transplantation.

    Returns
    -------
    array
        In the shape of ``days`` and the unit of the course.
    """
    return np.asarray(np.interp(np.asarray(days, dtype=np.float64), course.days, course.values))


@lru_cache(maxsize=1)
def _habits() -> _HabitsFile:
    return read_toml(_folder() / "habits.toml", _HabitsFile)


def departure_names() -> tuple[str, ...]:
    """Return the names of the clinicians' departures in the library."""
    return tuple(_habits().departures)


def load_departure(name: str) -> Departure:
    """Load how clinicians depart from the protocol.

    Parameters
    ----------
    name : str
        Such as ``symphony``, which was fitted.

    Returns
    -------
    Departure

    Raises
    ------
    UnknownNameError
        No such departure.
    """
    known = _habits().departures
    if name not in known:
        raise _unknown("departure", name, known)
    entry = known[name]
    return Departure(entry.no_change_probability, entry.aim_ratio, entry.aim_sd_log, entry.origin)


def load_sampling(name: str) -> LevelSampling:
    """Load how levels are measured and doses are taken.

    Parameters
    ----------
    name : str
        Such as ``trial``.

    Returns
    -------
    LevelSampling

    Raises
    ------
    UnknownNameError
        No such entry.
    """
    known = _habits().sampling
    if name not in known:
        raise _unknown("sampling", name, known)
    entry = known[name]
    return LevelSampling(
        entry.assay_cv_percent,
        entry.lower_limit_ng_per_ml,
        entry.sampling_time_sd_h,
        entry.missed_level_probability,
        entry.missed_dose_fraction,
        entry.missed_dose_sd_logit,
        entry.residual_fraction,
        origin=entry.origin,
    )


def _unknown(where: str, name: str, known: Mapping[str, object]) -> UnknownNameError:
    near = near_names(name, known)
    do = f"did you mean {near[0]}?" if near else "choose one of them"
    return UnknownNameError(f"{where} in the library", name, ", ".join(known), do)
