"""A model of the library from its files: equations, and each parameter's number with its origin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from limus.kernel.errors import FileReadError
from limus.kernel.language import read_model
from limus.kernel.language.antimony_text import code_of, read_antimony
from limus.kernel.provenance import Kind, SourcedValue, hash_text
from limus.kernel.tables import read_toml
from limus.kernel.units import canonical_unit, convert
from limus.molecule.catalogue import find_compound
from limus.signalling.model_file import ModelFile, ParameterEntry
from limus.signalling.sourced_model import Readout, SourcedModel, SourcedParameter, Validity

__all__ = ["assemble_model"]


def assemble_model(path: Path) -> SourcedModel:
    """Read a model's file of numbers and the text that it names, without an accepted fit.

    Parameters
    ----------
    path : Path
        TOML, with ``limus_model = 1``.

    Returns
    -------
    SourcedModel
        Values set, in canonical units.

    Raises
    ------
    FileReadError
        A file is wrong, or a parameter has no number.
    UnknownNameError
        A compound, constant or name of the model that there is not.
    UnitError
        A unit that is unknown or of another kind.
    ModelError, UnsupportedFeatureError
        As :func:`limus.kernel.language.read_model`.
    """
    file = read_toml(path, ModelFile)
    text = path.with_name(file.file)
    model = read_model(text)
    parameters = _resolve(file.parameters, path)
    return SourcedModel(
        name=file.name,
        label=file.label,
        summary=file.summary,
        model=model.with_values({p.name: p.value for p in parameters.values()}, where=str(path)),
        parameters=MappingProxyType(parameters),
        readouts=MappingProxyType(
            {
                n: Readout(n, r.symbol, r.short, r.label, r.background, r.detection_limit)
                for n, r in file.readouts.items()
            }
        ),
        validity=Validity(
            species=file.validity.species,
            hours_upper=file.validity.hours_upper,
            cells_per_ml=(file.validity.cells_per_ml_lower, file.validity.cells_per_ml_upper),
            serum_percent=(file.validity.serum_percent_lower, file.validity.serum_percent_upper),
            concentration_upper_nM=file.validity.concentration_upper_nM,
            cannot_say=tuple(file.validity.cannot_say),
        ),
        conserved=MappingProxyType({n: tuple(members) for n, members in file.conserved.items()}),
        papers=tuple(file.papers),
        changes=tuple(file.changes),
        content_hash=_content_hash(code_of(read_antimony(text)), parameters),
    )


def _content_hash(text: str, parameters: Mapping[str, SourcedParameter]) -> str:
    """Hash of what a fit depends on: equations, parameters before the fit and priors; not of words."""
    numbers = [f"{p.name} {p.value!r} {p.lower!r} {p.upper!r} {p.prior_log10_sd!r}" for p in parameters.values()]
    return hash_text(text, *sorted(numbers))


def _resolve(entries: Mapping[str, ParameterEntry], path: Path) -> dict[str, SourcedParameter]:
    resolved = {name: _parameter(name, e, path) for name, e in entries.items() if e.same_as is None}
    for name, entry in entries.items():
        if entry.same_as is not None:
            if entry.same_as not in resolved:
                raise FileReadError(f"{path}, {name}", entry.same_as, "a parameter with a value", "correct same_as")
            leader = resolved[entry.same_as]
            sourced = SourcedValue(leader.value, leader.unit, Kind.ASSUMED, note=entry.note)
            resolved[name] = SourcedParameter(name, leader.value, leader.unit, f"same as {leader.name}", sourced)
    return resolved


def _parameter(name: str, entry: ParameterEntry, path: Path) -> SourcedParameter:
    if entry.from_ is not None:
        compound_name, _, constant_id = entry.from_.partition(":")
        constant = find_compound(compound_name).constant(constant_id)
        sourced, origin = constant.value, entry.from_
    else:
        sourced = SourcedValue(entry.value, entry.unit, Kind(entry.kind), tuple(entry.source), note=entry.note)
        origin = path.name
    if sourced.value is None:
        raise FileReadError(f"{path}, {name}", origin, "a constant with a number", "name another constant")
    unit = canonical_unit(sourced.unit, where=f"{path}, {name}")

    def canonical(value: float | None) -> float:
        return math.nan if value is None else convert(value, sourced.unit, unit)

    return SourcedParameter(
        name=name,
        value=canonical(sourced.value),
        unit=unit,
        origin=origin,
        sourced=sourced,
        lower=canonical(entry.lower),
        upper=canonical(entry.upper),
        prior_log10_sd=math.nan if entry.prior_log10_sd is None else entry.prior_log10_sd,
        prior_value=canonical(entry.value) if entry.kind == "fitted" else math.nan,
    )
