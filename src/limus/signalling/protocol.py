"""Protocols and cell types: how cells are stimulated, how dense, in how much serum, how long, and which cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from limus.kernel.errors import UnknownNameError, near_names
from limus.kernel.tables import library_folder, read_toml
from limus.kernel.units import canonical_unit, convert
from limus.signalling.model_file import CellTypeFile, ProtocolFile, Valued

__all__ = [
    "STIMULUS_SETTINGS",
    "CellType",
    "Protocol",
    "find_cell_type",
    "find_protocol",
    "load_cell_types",
    "load_protocols",
]

STIMULUS_SETTINGS = ("stimulus_strength", "protein_kinase_c", "costimulation", "il2_added")


@dataclass(frozen=True, slots=True)
class Protocol:
    """A stimulus with its usual culture conditions.

    Attributes
    ----------
    name, label, short, note : str
        Name in commands; for sentences; for figures and tables; caveats.
    settings : mapping of str to float
        Parameters of the model, canonical units; ``cells_per_ml`` and ``serum_percent`` among them.
    hours : mapping of str to float
        Hours from stimulus to harvest by readout; ``default`` for the rest.
    """

    name: str
    label: str
    short: str
    note: str
    settings: Mapping[str, float]
    hours: Mapping[str, float]

    def hours_for(self, readout: str) -> float:
        """Return the hours from stimulus to harvest for a readout."""
        return self.hours.get(readout, self.hours["default"])


@lru_cache(maxsize=1)
def load_protocols() -> Mapping[str, Protocol]:
    """Load the protocols of the library.

    Returns
    -------
    mapping of str to Protocol

    Raises
    ------
    FileReadError
        A library file is wrong.
    """
    protocols = {}
    for path in sorted((library_folder() / "protocols").glob("*.toml")):
        file = read_toml(path, ProtocolFile)
        settings = _canonical(file.settings, path)
        protocols[file.name] = Protocol(
            file.name, file.label, file.short, file.note, MappingProxyType(settings), MappingProxyType(dict(file.hours))
        )
    return MappingProxyType(protocols)


def find_protocol(name: str) -> Protocol:
    """Find a protocol by name.

    Parameters
    ----------
    name : str
        Such as ``mlr``.

    Returns
    -------
    Protocol

    Raises
    ------
    UnknownNameError
        No such protocol; the message lists all.
    """
    protocols = load_protocols()
    if name not in protocols:
        near = near_names(name, protocols)
        do = f"did you mean {' or '.join(near)}?" if near else "use one of the allowed names"
        raise UnknownNameError("stimulus", name, ", ".join(protocols), do)
    return protocols[name]


def _canonical(settings: Mapping[str, Valued], path: Path) -> dict[str, float]:
    return {
        name: convert(entry.value or 0.0, entry.unit, canonical_unit(entry.unit, where=f"{path}, {name}"))
        for name, entry in settings.items()
    }


@dataclass(frozen=True, slots=True)
class CellType:
    """A type of cell: parameters of the model that differ from the model's own cell, canonical units."""

    name: str
    label: str
    note: str
    settings: Mapping[str, float]


@lru_cache(maxsize=1)
def load_cell_types() -> Mapping[str, CellType]:
    """Load the cell types of the library.

    Returns
    -------
    mapping of str to CellType

    Raises
    ------
    FileReadError
        A library file is wrong.
    """
    types = {}
    for path in sorted((library_folder() / "cells").glob("*.toml")):
        file = read_toml(path, CellTypeFile)
        types[file.name] = CellType(file.name, file.label, file.note, MappingProxyType(_canonical(file.settings, path)))
    return MappingProxyType(types)


def find_cell_type(name: str) -> CellType:
    """Find a cell type by name.

    Parameters
    ----------
    name : str
        Such as ``t_lymphocyte``.

    Returns
    -------
    CellType

    Raises
    ------
    UnknownNameError
        No such cell type; the message lists all.
    """
    types = load_cell_types()
    if name not in types:
        near = near_names(name, types)
        do = f"did you mean {' or '.join(near)}?" if near else "use one of the allowed names"
        raise UnknownNameError("cell type", name, ", ".join(types), do)
    return types[name]
