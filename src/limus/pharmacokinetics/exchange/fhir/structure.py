"""Checks of FHIR R4's structure: elements, their types, how often they come, required value sets, choices.

The description is ``library/exchange/fhir_r4.toml``. A type that stands there is looked into; others are left alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import near_names
from limus.kernel.tables import Entry, library_folder, read_toml

__all__ = ["VERSION", "described_resources", "structure_findings"]

VERSION = "4.0.1"
_ELEMENT = re.compile(
    r"(?P<kind>[\w.]+) (?P<least>[01])\.\.(?P<most>[1*])(?: (?P<codes>[\w-]+))?(?: \[(?P<choice>.+)\])?"
)
_YEAR = r"\d{4}"
_DATE = rf"{_YEAR}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
_ZONE = r"(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))"
_TEXTS = {
    "code": r"[^\s]+(\s[^\s]+)*",
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "uri": r"\S*",
    "date": _DATE,
    # without a zone against the rule of FHIR: read, and said where it matters
    "dateTime": rf"{_DATE}|{_YEAR}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?{_ZONE}?",
    "instant": rf"{_YEAR}-\d\d-\d\dT{_CLOCK}{_ZONE}",
    "string": r"[\s\S]+",
    "markdown": r"[\s\S]+",
    "xhtml": r"[\s\S]+",
}
_WHOLE = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}


class _File(Entry):
    limus_fhir_structure: Literal[1]
    version: Literal["4.0.1"]
    kind: Literal["compiled"]
    source: list[str]
    note: str
    codes: dict[str, list[str]]
    types: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class _Element:
    kind: str
    needed: bool
    many: bool
    codes: tuple[str, ...]
    choice: str


@lru_cache(maxsize=1)
def _types() -> Mapping[str, Mapping[str, _Element]]:
    file = read_toml(library_folder() / "exchange" / "fhir_r4.toml", _File)
    return {name: _elements(name, file) for name in file.types}


def _elements(name: str, file: _File) -> dict[str, _Element]:
    own = dict(file.types[name])
    base = own.pop("base", None)
    found = {} if base is None else _elements(base, file)
    for element, text in own.items():
        match = _ELEMENT.fullmatch(text)
        assert match is not None, f"fhir_r4.toml, {name}.{element}"
        codes = tuple(file.codes[match["codes"]]) if match["codes"] else ()
        found[element] = _Element(
            match["kind"], match["least"] == "1", match["most"] == "*", codes, match["choice"] or ""
        )
    return found


def described_resources() -> tuple[str, ...]:
    """Return the types of FHIR that limus knows the structure of, data types among them."""
    return tuple(_types())


def structure_findings(resource: Any, path: str, kind: str | None = None) -> Iterator[Finding]:
    """Compare a resource or an element with its description.

    Parameters
    ----------
    resource : object
        As JSON gives it.
    path : str
        FHIRPath-like place, named in findings.
    kind : str, optional
        Type of FHIR; that of ``resourceType`` by default.

    Yields
    ------
    Finding
        Errors; nothing for a type that is not described.
    """
    if not isinstance(resource, Mapping):
        yield _wrong("object", path, _shown(resource), "an object", "correct the file")
        return
    if kind in (None, "Resource"):
        kind = str(resource.get("resourceType", ""))
        if not kind:
            yield _wrong("resource-type", path, "no resourceType", "the name of a resource", "name it")
            return
    elements = _types().get(kind)
    if elements is None:
        return
    yield from _names(resource, path, kind, elements)
    yield from _choices(resource, path, kind, elements)
    for name, element in elements.items():
        if name in resource:
            yield from _values(resource[name], f"{path}.{name}", element)
        elif element.needed and f"_{name}" not in resource:
            yield _wrong("element-needed", f"{path}.{name}", "missing", f"{kind} has {name}", "give it")


def _names(resource: Mapping[str, Any], path: str, kind: str, elements: Mapping[str, _Element]) -> Iterator[Finding]:
    for name in resource:
        plain = name.removeprefix("_")
        if plain in elements or plain in {"resourceType", "fhir_comments"}:
            continue
        near = near_names(plain, elements)
        do = f"did you mean {' or '.join(near)}? R5 has other names than R4" if near else "remove it"
        yield _wrong("element-known", f"{path}.{name}", name, f"elements of {kind} in R4", do)


def _choices(resource: Mapping[str, Any], path: str, kind: str, elements: Mapping[str, _Element]) -> Iterator[Finding]:
    for choice in dict.fromkeys(element.choice for element in elements.values() if element.choice):
        names = [name for name, element in elements.items() if element.choice == choice]
        given = [name for name in names if name in resource]
        place = f"{path}.{choice.rstrip('!')}[x]"
        if len(given) > 1:
            yield _wrong("one-choice", place, " and ".join(given), "one of them", "remove the others")
        if not given and choice.endswith("!"):
            yield _wrong("element-needed", place, "missing", f"one of {', '.join(names)}", f"{kind} needs one")


def _values(value: Any, path: str, element: _Element) -> Iterator[Finding]:
    if element.many:
        if not isinstance(value, list) or not value:
            yield _wrong("list", path, _shown(value), "a list of one or more", "put it into [ ]")
            return
        for place, one in enumerate(value):
            yield from _value(one, f"{path}[{place}]", element)
    elif isinstance(value, list):
        yield _wrong("single", path, _shown(value), f"one {element.kind}", "give it without [ ]")
    else:
        yield from _value(value, path, element)


def _value(value: Any, path: str, element: _Element) -> Iterator[Finding]:
    kind = element.kind
    if kind == "boolean":
        if not isinstance(value, bool):
            yield _wrong("boolean", path, _shown(value), "true or false", "correct it")
    elif kind in _WHOLE:
        if isinstance(value, bool) or not isinstance(value, int) or value < _WHOLE[kind]:
            yield _wrong("whole-number", path, _shown(value), f"a whole number ({kind})", "correct it")
    elif kind == "decimal":
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            yield _wrong("number", path, _shown(value), "a finite number, without quotation marks", "correct it")
    elif kind in _TEXTS:
        if not isinstance(value, str) or not re.fullmatch(_TEXTS[kind], value):
            yield _wrong("text", path, _shown(value), f"text of the form of {kind}", "correct it")
        elif element.codes and value not in element.codes:
            near = near_names(value, element.codes)
            do = f"did you mean {' or '.join(near)}?" if near else "choose one"
            yield _wrong("value-set", path, value, ", ".join(element.codes), do)
    elif kind == "Resource" or kind in _types():
        yield from structure_findings(value, path, kind)


def _shown(value: Any) -> str:
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST = 60


def _wrong(check: str, where: str, got: str, allowed: str, do: str) -> Finding:
    return Finding(f"fhir-{check}", Severity.ERROR, where, got, allowed, do)
