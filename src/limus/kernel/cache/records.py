"""Immutable records as JSON and back, exactly: shared parts stay shared, every float keeps its bits.

A text is a list of nodes, each ``[class, argument, ...]``; a whole number among the arguments is the place of an
earlier node, a list is a tuple, anything else is itself. Only the classes that the reader names are ever made, so a
file cannot run anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from limus.kernel.cache.folder import hash_sources, keep, key_of, read_kept

__all__ = ["read_record", "remembered", "write_record"]

Record = TypeVar("Record")
_PLAIN: dict[str, Callable[..., Any]] = {
    "int": int,
    "dict": dict,
    "frozenset": frozenset,
    "mappingproxy": lambda pairs: MappingProxyType(dict(pairs)),
}


def remembered(part: str, key: Iterable[str], classes: Iterable[type], make: Callable[[], Record]) -> Record:
    """Return the record that was kept under a key, or make and keep it.

    Parameters
    ----------
    part : str
        Folder within the cache.
    key : iterable of str
        Everything that decides the record, the code that makes it included (this package's own is added).
    classes : iterable of type
        Every dataclass and enumeration that may occur in it.
    make : callable
        Makes the record; what it raises is raised, and nothing is kept.

    Returns
    -------
    Record
    """
    classes, name = tuple(classes), f"{key_of(*key, hash_sources(Path(__file__).parent))}.json"
    kept = read_kept(part, name)
    if kept is not None:
        try:
            found: Record = read_record(kept.decode(), classes)
        except (ValueError, TypeError, LookupError):
            pass  # written by something else under this name
        else:
            return found
    made = make()
    with suppress(TypeError, RecursionError):  # not a record, or nested too deeply: it is made again each time
        keep(part, name, write_record(made, classes).encode())
    return made


def write_record(record: Any, classes: Iterable[type]) -> str:
    """Write a record as text.

    Parameters
    ----------
    record : dataclass instance
        Of text, numbers, True, False, None, tuples, frozensets, mappings, enumerations and records.
    classes : iterable of type
        Every dataclass and enumeration in it.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        A part of another type.
    """
    writer = _Writer(classes)
    writer.item(record)
    return json.dumps(writer.nodes, separators=(",", ":"))


def read_record(text: str, classes: Iterable[type]) -> Any:
    """Read what :func:`write_record` wrote.

    Parameters
    ----------
    text : str
    classes : iterable of type
        Every dataclass and enumeration in it.

    Returns
    -------
    dataclass instance

    Raises
    ------
    ValueError, TypeError, LookupError
        The text is not a record of these classes.
    """
    makers: dict[str, Callable[..., Any]] = _PLAIN | {one.__name__: one for one in classes}
    made: list[Any] = []

    def item(value: Any) -> Any:
        kind = type(value)
        if kind is int:
            return made[value]
        return tuple(map(item, value)) if kind is list else value

    for name, *arguments in json.loads(text):
        made.append(makers[name](*map(item, arguments)))
    return made[-1]


class _Writer:
    """Gives every distinct part one node, after the nodes of its own parts."""

    def __init__(self, classes: Iterable[Any]) -> None:
        self._arguments = {
            one: ["value"] if issubclass(one, Enum) else [field.name for field in fields(one) if field.init]
            for one in classes
        }
        self._by_object: dict[int, int] = {}
        self._by_text: dict[str, int] = {}
        self.nodes: list[list[Any]] = []

    def item(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind in (str, float, bool):
            return value
        if kind is tuple:
            return [self.item(one) for one in value]
        place = self._by_object.get(id(value))
        if place is None:
            node = self._node(kind, value)
            # by text, for 0.0 equals -0.0 and NaN equals nothing
            place = self._by_text.setdefault(json.dumps(node), len(self.nodes))
            if place == len(self.nodes):
                self.nodes.append(node)
            if kind is not int:  # numbers may be gone, and their identity given to another
                self._by_object[id(value)] = place
        return place

    def _node(self, kind: type, value: Any) -> list[Any]:
        if kind is int:
            return ["int", str(value)]
        if kind in (dict, MappingProxyType):
            return [kind.__name__, [[self.item(key), self.item(one)] for key, one in value.items()]]
        if kind is frozenset:
            return ["frozenset", [self.item(one) for one in sorted(value)]]
        if kind not in self._arguments:
            raise TypeError(f"{kind.__name__} is not a record")
        return [kind.__name__, *(self.item(getattr(value, name)) for name in self._arguments[kind])]
