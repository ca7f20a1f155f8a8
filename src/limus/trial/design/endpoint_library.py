"""The words of endpoints: which terms in SDTM mean which event, what rules it out, which laboratory test is which.

Read from ``library/endpoints/*.toml``; a trial with other words gives a file of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from limus.kernel.errors import FileReadError, UnknownNameError, near_names
from limus.kernel.tables import Entry, library_folder, read_toml

__all__ = [
    "Characteristic",
    "Composite",
    "EndpointLibrary",
    "EventSource",
    "KnownEvent",
    "LaboratoryTest",
    "load_endpoints",
]

_DEFAULT = "kidney_transplantation"


@dataclass(frozen=True, slots=True)
class EventSource:
    """Where an event stands: rows of ``domain`` whose ``variable`` is one of the terms and not one of ``but_not``.

    ``where`` holds conditions on other variables; without terms every filled row counts.
    """

    domain: str
    variable: str
    date: str
    terms: tuple[str, ...]
    but_not: tuple[str, ...]
    where: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event: name in designs, PARAMCD, label, category in CE, what rules it out (names), sources.

    An adverse event has a body system; it is a parameter of ADTTE only where the plan makes it an endpoint.
    """

    name: str
    also: tuple[str, ...]
    code: str
    label: str
    category: str
    ruled_out_by: tuple[str, ...]
    sources: tuple[EventSource, ...]
    body_system: str = ""


@dataclass(frozen=True, slots=True)
class Composite:
    """A composite endpoint with a PARAMCD of its own."""

    code: str
    label: str
    events: frozenset[str]


@dataclass(frozen=True, slots=True)
class LaboratoryTest:
    """A laboratory value: name in designs, LBTESTCD, LBTEST, LBCAT, unit, and whether its baseline means anything."""

    name: str
    code: str
    label: str
    category: str
    unit: str
    baseline: bool


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A covariate: name in designs, SCTESTCD, SCTEST, unit; ``yes`` and ``no`` are what 1 and 0 are written as."""

    name: str
    code: str
    label: str
    unit: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class EndpointLibrary:
    """All events, composites, tests and characteristics of one file."""

    path: Path
    events: tuple[KnownEvent, ...]
    composites: tuple[Composite, ...]
    tests: tuple[LaboratoryTest, ...]
    characteristics: tuple[Characteristic, ...] = ()

    def event(self, name: str) -> KnownEvent:
        """Return an event by its name, another name of it, or its code; case does not matter.

        Raises
        ------
        UnknownNameError
            No such event.
        """
        asked = name.casefold()
        for one in self.events:
            if asked in (one.name.casefold(), one.code.casefold(), *(word.casefold() for word in one.also)):
                return one
        known = [word for one in self.events for word in (one.name, *one.also)]
        near = ", ".join(near_names(name, known)) or ", ".join(one.name for one in self.events)
        raise UnknownNameError(f"{self.path.name}, event", name, near, "use a known event, or add it to the file")

    def test(self, name: str) -> LaboratoryTest:
        """Return a laboratory test by name or code; one that the file does not know is named after itself."""
        asked = name.replace("_", " ").casefold()
        for one in self.tests:
            if asked in (one.name.casefold(), one.code.casefold()):
                return one
        code = "".join(letter for letter in name.upper() if letter.isalnum())[:8]
        return LaboratoryTest(name, code, name.replace("_", " ").capitalize()[:40], "", "", baseline=True)


class _Source(Entry):
    domain: str
    variable: str
    date: str
    terms: list[str]
    but_not: list[str] = Field(default_factory=list)
    where: dict[str, list[str]] = Field(default_factory=dict)


class _Event(Entry):
    name: str
    also: list[str] = Field(default_factory=list)
    code: str = Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")
    label: str
    category: str = ""
    body_system: str = ""
    ruled_out_by: list[str]
    source: list[_Source]


class _Composite(Entry):
    code: str = Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")
    label: str
    events: list[str]


class _Laboratory(Entry):
    name: str
    code: str = Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")
    label: str
    category: str
    unit: str
    baseline: bool


class _Characteristic(Entry):
    name: str
    code: str = Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")
    label: str
    unit: str = ""
    yes: str = ""
    no: str = ""


class _EndpointFile(Entry):
    limus_endpoints: Literal[1]
    event: list[_Event]
    composite: list[_Composite] = Field(default_factory=list)
    laboratory: list[_Laboratory] = Field(default_factory=list)
    characteristic: list[_Characteristic] = Field(default_factory=list)


@lru_cache(maxsize=8)
def load_endpoints(path: Path | None = None) -> EndpointLibrary:
    """Read the words of endpoints.

    Parameters
    ----------
    path : Path, optional
        A file of one's own; the shipped one for kidney transplantation without it.

    Returns
    -------
    EndpointLibrary

    Raises
    ------
    FileReadError
        Unreadable, a key that is missing, unknown or wrong, or an event that is named and not there.
    """
    path = path or library_folder() / "endpoints" / f"{_DEFAULT}.toml"
    file = read_toml(path, _EndpointFile)
    names = {one.name for one in file.event}
    for one in file.event:
        for name in one.ruled_out_by:
            if name not in names:
                raise FileReadError(f"{path}, event {one.name}, ruled_out_by", name, ", ".join(names), "correct it")
    for composite in file.composite:
        for name in composite.events:
            if name not in names:
                raise FileReadError(f"{path}, composite {composite.code}", name, ", ".join(names), "correct it")
    return EndpointLibrary(
        path,
        tuple(
            KnownEvent(
                one.name,
                tuple(one.also),
                one.code,
                one.label,
                one.category,
                tuple(one.ruled_out_by),
                tuple(_source(source) for source in one.source),
                one.body_system,
            )
            for one in file.event
        ),
        tuple(Composite(one.code, one.label, frozenset(one.events)) for one in file.composite),
        tuple(LaboratoryTest(**one.model_dump()) for one in file.laboratory),
        tuple(Characteristic(**one.model_dump()) for one in file.characteristic),
    )


def _source(one: _Source) -> EventSource:
    where = tuple((name, tuple(values)) for name, values in one.where.items())
    return EventSource(one.domain, one.variable, one.date, tuple(one.terms), tuple(one.but_not), where)
