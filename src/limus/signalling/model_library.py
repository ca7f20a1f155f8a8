"""Loading the models of the library: text, numbers with their origin, and the accepted fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import FileReadError, UnknownNameError, near_names
from limus.kernel.language import read_model
from limus.kernel.provenance import Kind, SourcedValue, hash_text
from limus.kernel.tables import Column, library_folder, read_csv, read_toml
from limus.kernel.units import canonical_unit, convert
from limus.molecule.catalogue import find_compound
from limus.signalling.model_file import ModelFile, ParameterEntry
from limus.signalling.sourced_model import Readout, SourcedModel, SourcedParameter, Validity

__all__ = ["FIT_COLUMNS", "covariance_path", "fit_path", "load_model", "model_names"]

FIT_COLUMNS = (
    Column("parameter", meaning="name in the model"),
    Column("value", number=True, meaning="fitted value in the unit beside it"),
    Column("unit", meaning="canonical unit"),
    Column("log10_standard_error", number=True, meaning="standard error of log10 of the value"),
    Column("at_bound", allowed=("yes", "no"), meaning="whether the value stands at its bound"),
    Column("model_sha256", meaning="hash of the model that was fitted"),
    Column("data_sha256", meaning="hash of the observations that it was fitted to"),
)


def _models_folder() -> Path:
    return library_folder() / "models"


def model_names() -> tuple[str, ...]:
    """Return the names of the models that the library ships."""
    return tuple(sorted(path.stem for path in _models_folder().glob("*.toml")))


@lru_cache(maxsize=8)
def load_model(name: str, *, with_fit: bool = True) -> SourcedModel:
    """Load a model of the library, with the accepted fit unless told otherwise.

    Parameters
    ----------
    name : str
        Such as ``t_cell``.
    with_fit : bool
        Whether the accepted fit (``library/fits``) replaces the centres of the priors.

    Returns
    -------
    SourcedModel

    Raises
    ------
    UnknownNameError
        No such model.
    FileReadError
        A library file is wrong, or a parameter has no entry.
    """
    if name not in model_names():
        near = near_names(name, model_names())
        raise UnknownNameError("model", name, ", ".join(model_names()), f"did you mean {near[0]}?" if near else "")
    path = _models_folder() / f"{name}.toml"
    file = read_toml(path, ModelFile)
    text = path.with_name(file.file)
    model = read_model(text)
    parameters = _resolve(file.parameters, path)
    sourced = SourcedModel(
        name=file.name,
        label=file.label,
        summary=file.summary,
        model=model.with_values({p.name: p.value for p in parameters.values()}, where=str(path)),
        parameters=MappingProxyType(parameters),
        readouts=MappingProxyType(
            {n: Readout(n, r.symbol, r.short, r.label, r.background) for n, r in file.readouts.items()}
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
        content_hash=_content_hash(text, parameters),
    )
    return _with_accepted_fit(sourced) if with_fit else sourced


def _content_hash(text: Path, parameters: Mapping[str, SourcedParameter]) -> str:
    """Hash of what a fit depends on: equations, parameters before the fit and priors; not of words."""
    numbers = [f"{p.name} {p.value!r} {p.lower!r} {p.upper!r} {p.prior_log10_sd!r}" for p in parameters.values()]
    return hash_text(text.read_text(encoding="utf-8"), *sorted(numbers))


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


def fit_path(name: str) -> Path:
    """Return where the accepted fit of a model stands."""
    return library_folder() / "fits" / f"{name}.csv"


def covariance_path(name: str) -> Path:
    """Return where the covariance of the accepted fit of a model stands."""
    return library_folder() / "fits" / f"{name}_covariance.csv"


def _with_accepted_fit(model: SourcedModel) -> SourcedModel:
    path = fit_path(model.name)
    if not path.exists():
        return model if model.fitted else replace(model, fit_status="nothing fitted")
    rows, hashes = _read_fit(path)
    unknown = sorted(set(rows) - {p.name for p in model.fitted})
    if unknown:
        raise FileReadError(
            str(path), ", ".join(unknown), "fitted parameters of the model", "run limus calibrate --accept"
        )
    fitted = model.with_fitted({name: value for name, (value, _) in rows.items()})
    parameters = {
        name: replace(p, origin=f"fits/{path.name}", log10_standard_error=rows[name][1]) if name in rows else p
        for name, p in fitted.parameters.items()
    }
    return replace(
        fitted,
        parameters=MappingProxyType(parameters),
        fit_covariance=_read_covariance(fitted),
        fit_status="accepted" if hashes == {model.content_hash} else "stale",
    )


def _read_covariance(model: SourcedModel) -> NDArray[np.float64]:
    names = [p.name for p in model.fitted]
    columns = [Column("parameter"), *(Column(name, number=True) for name in names)]
    table = read_csv(covariance_path(model.name), columns)
    if list(table["parameter"]) != names:
        raise FileReadError(
            str(covariance_path(model.name)), "other rows", ", ".join(names), "run limus calibrate --accept"
        )
    return np.column_stack([table[name] for name in names])


def _read_fit(path: Path) -> tuple[dict[str, tuple[float, float]], set[str]]:
    """Value and standard error by parameter, and the hashes of the model that was fitted."""
    table = read_csv(path, FIT_COLUMNS)
    rows = {row["parameter"]: (row["value"], row["log10_standard_error"]) for row in table.rows()}
    return rows, set(table["model_sha256"])
