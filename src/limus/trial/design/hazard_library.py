"""Hazards from ``library/hazards``: events, terms that multiply them, kidney function, laboratory values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.errors import FileReadError, UnknownNameError, near_names
from limus.kernel.provenance import Kind
from limus.kernel.tables import Entry, library_folder, read_toml
from limus.trial.design.frozen_mapping import FrozenMapping
from limus.trial.design.regimen_features import FEATURES
from limus.trial.design.schema import Sourced
from limus.trial.design.treatment import Origin

__all__ = [
    "KIDNEY_VALUES",
    "AfterTerm",
    "EventHazard",
    "HazardLibrary",
    "LaboratoryValue",
    "Term",
    "event_names",
    "load_hazards",
    "value_names",
    "with_values",
]

Floats = NDArray[np.float64]
KIDNEY_VALUES = ("egfr", "creatinine", "creatinine clearance")


@dataclass(frozen=True, slots=True)
class Term:
    """One factor of a hazard: of a regimen's feature, of a subject's class, or of a continuous covariate.

    Attributes
    ----------
    name : str
    factor : float
        Hazard ratio; of ``column`` for each ``per`` above ``reference``.
    feature : str
        Of :mod:`limus.trial.design.regimen_features`; '' for none.
    where : mapping of str to float
        Covariates that must have these values; empty for everyone.
    column : str
    reference, per : float
    from_day, to_day : float
        When it acts.
    origin : Origin
    """

    name: str
    factor: float
    feature: str
    where: Mapping[str, float]
    column: str
    reference: float
    per: float
    from_day: float
    to_day: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class AfterTerm:
    """A factor that acts for ``days`` after another event of the same subject."""

    name: str
    event: str
    factor: float
    days: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class EventHazard:
    """The hazard of one event.

    Attributes
    ----------
    name : str
    percent, percent_day : float
        Risk of the reference subject by that day, 100 (1 - exp(-H)).
    from_day, shape : tuple of float
        Relative hazard from each of these days on.
    terms : tuple of Term
    after : tuple of AfterTerm
    ruled_out_by : tuple of str
        Events after which it cannot happen, or columns that exclude it.
    adverse : bool
        Whether it is an adverse event only.
    origin : Origin
    """

    name: str
    percent: float
    percent_day: float
    from_day: tuple[float, ...]
    shape: tuple[float, ...]
    terms: tuple[Term, ...]
    after: tuple[AfterTerm, ...]
    ruled_out_by: tuple[str, ...]
    adverse: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class LaboratoryValue:
    """A laboratory value: mean of the reference regimen, what features add, spreads, lower end."""

    name: str
    unit: str
    mean: float
    between_sd: float
    within_sd: float
    lower: float
    effects: Mapping[str, float]
    origin: Origin


@dataclass(frozen=True, slots=True)
class HazardLibrary:
    """Everything of one file.

    Attributes
    ----------
    name, title : str
    events : mapping of str to EventHazard
        In the order of the file.
    biopsy_done : float
        Probability that a protocol biopsy is taken.
    biopsy_positive_percent : float
        Findings among those taken, on the reference regimen.
    kidney : mapping of str to float
        Parameters of :mod:`limus.trial.events.kidney_function`.
    laboratory : mapping of str to LaboratoryValue
    between_trials : mapping of str to float
        Standard deviation between trials of an event's log hazard, and of ``kidney`` function.
    """

    name: str
    title: str
    events: Mapping[str, EventHazard]
    biopsy_done: float
    biopsy_positive_percent: float
    kidney: Mapping[str, float]
    laboratory: Mapping[str, LaboratoryValue]
    between_trials: Mapping[str, float]


class _Term(Sourced):
    name: str
    factor: Annotated[float, Field(gt=0)]
    feature: str = ""
    where: dict[str, float] = Field(default_factory=dict)
    column: str = ""
    reference: float = 0.0
    per: Annotated[float, Field(gt=0)] = 1.0
    from_day: float = 0.0
    to_day: float = float("inf")


class _After(Sourced):
    name: str
    event: str
    factor: Annotated[float, Field(gt=0)]
    days: Annotated[float, Field(gt=0)] = float("inf")


class _Event(Sourced):
    percent: Annotated[float, Field(ge=0, lt=100)]
    percent_day: Annotated[float, Field(gt=0)]
    from_day: Annotated[list[float], Field(min_length=1)]
    shape: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)]
    terms: list[_Term] = Field(default_factory=list)
    after: list[_After] = Field(default_factory=list)
    ruled_out_by: list[str] = Field(default_factory=list)
    adverse: bool = False


class _Biopsy(Sourced):
    done_probability: Annotated[float, Field(ge=0, le=1)]
    positive_percent: Annotated[float, Field(ge=0, lt=100)]


class _Number(Sourced):
    value: float
    unit: str


class _Laboratory(Sourced):
    unit: str
    mean: float
    between_sd: float
    within_sd: float
    lower: float
    effects: dict[str, float] = Field(default_factory=dict)


class _File(Entry):
    limus_hazards: Literal[1]
    name: str
    title: str
    events: dict[str, _Event]
    protocol_biopsy: _Biopsy
    between_trials: dict[str, _Number]
    kidney: dict[str, _Number]
    laboratory: dict[str, _Laboratory]


@lru_cache(maxsize=8)
def load_hazards(name: str) -> HazardLibrary:
    """Load hazards by name.

    Parameters
    ----------
    name : str

    Returns
    -------
    HazardLibrary

    Raises
    ------
    UnknownNameError
        No such file, feature or event.
    FileReadError
        The file is wrong.
    """
    folder = library_folder() / "hazards"
    path = folder / f"{name}.toml"
    known = sorted(file.stem for file in folder.glob("*.toml"))
    if name not in known:
        raise UnknownNameError("hazards", name, ", ".join(known), "use one of these")
    file = read_toml(path, _File)
    events = {key: _event(key, entry, str(path), tuple(file.events)) for key, entry in file.events.items()}
    for key, entry in file.laboratory.items():
        for feature in entry.effects:
            _feature(feature, f"{path}, laboratory {key}")
    return HazardLibrary(
        name=file.name,
        title=file.title,
        events=FrozenMapping(events),
        biopsy_done=file.protocol_biopsy.done_probability,
        biopsy_positive_percent=file.protocol_biopsy.positive_percent,
        kidney=FrozenMapping({key: entry.value for key, entry in file.kidney.items()}),
        between_trials=FrozenMapping({key: entry.value for key, entry in file.between_trials.items()}),
        laboratory=FrozenMapping(
            {
                key: LaboratoryValue(
                    key, e.unit, e.mean, e.between_sd, e.within_sd, e.lower, FrozenMapping(e.effects), _origin(e)
                )
                for key, e in file.laboratory.items()
            }
        ),
    )


def _event(name: str, entry: _Event, path: str, events: tuple[str, ...]) -> EventHazard:
    where = f"{path}, events.{name}"
    if len(entry.from_day) != len(entry.shape) or entry.from_day[0] != 0:
        raise FileReadError(where, entry.from_day, "as many days as shapes, the first 0", "correct from_day")
    if any(b <= a for a, b in zip(entry.from_day, entry.from_day[1:], strict=False)):
        raise FileReadError(where, entry.from_day, "days that rise", "put them in order")
    for term in entry.terms:
        if term.feature:
            _feature(term.feature, f"{where}, {term.name}")
    for after in entry.after:
        if after.event not in events[: events.index(name)]:
            allowed = ", ".join(events[: events.index(name)])
            raise UnknownNameError(f"{where}, {after.name}", after.event, allowed, "name an event that stands before")
    return EventHazard(
        name=name,
        percent=entry.percent,
        percent_day=entry.percent_day,
        from_day=tuple(entry.from_day),
        shape=tuple(entry.shape),
        terms=tuple(
            Term(
                t.name,
                t.factor,
                t.feature,
                FrozenMapping(t.where),
                t.column,
                t.reference,
                t.per,
                t.from_day,
                t.to_day,
                _origin(t),
            )
            for t in entry.terms
        ),
        after=tuple(AfterTerm(a.name, a.event, a.factor, a.days, _origin(a)) for a in entry.after),
        ruled_out_by=tuple(entry.ruled_out_by),
        adverse=entry.adverse,
        origin=_origin(entry),
    )


def _feature(name: str, where: str) -> None:
    if name not in FEATURES:
        raise UnknownNameError(where, name, ", ".join(FEATURES), "use a feature of regimens")


def _origin(entry: Sourced) -> Origin:
    return Origin(Kind(entry.kind), tuple(entry.source), entry.note)


def event_names(hazards: str = "kidney") -> tuple[str, ...]:
    """Return the names of the events that are simulated."""
    return tuple(load_hazards(hazards).events)


def value_names(hazards: str = "kidney") -> tuple[str, ...]:
    """Return the names of the values that are simulated at visits."""
    return (*KIDNEY_VALUES, *load_hazards(hazards).laboratory)


def with_values(hazards: HazardLibrary, values: Mapping[str, float]) -> HazardLibrary:
    """Return hazards with some numbers replaced, such as fitted ones.

    Parameters
    ----------
    hazards : HazardLibrary
    values : mapping of str to float
        ``EVENT.percent``, ``EVENT.TERM`` (a factor) or ``kidney.PARAMETER`` to the new value.

    Returns
    -------
    HazardLibrary

    Raises
    ------
    UnknownNameError
        No such number.
    """
    events, kidney = dict(hazards.events), dict(hazards.kidney)
    for key, value in values.items():
        owner, _, part = key.rpartition(".")
        if owner == "kidney" and part in kidney:
            kidney[part] = value
        elif owner in events and part == "percent":
            events[owner] = replace(events[owner], percent=value)
        elif owner in events and part in {term.name for term in events[owner].terms}:
            terms = tuple(replace(t, factor=value) if t.name == part else t for t in events[owner].terms)
            events[owner] = replace(events[owner], terms=terms)
        else:
            known = [f"{e.name}.{name}" for e in events.values() for name in ("percent", *(t.name for t in e.terms))]
            known += [f"kidney.{name}" for name in kidney]
            near = near_names(key, known)
            raise UnknownNameError("hazards", key, "EVENT.percent, EVENT.TERM, kidney.PARAMETER", ", ".join(near))
    return replace(hazards, events=FrozenMapping(events), kidney=FrozenMapping(kidney))
