"""Loading the models of the library: text, numbers with their origin, and the accepted fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from limus.kernel.cache import hash_sources, package_stamp, remembered
from limus.kernel.errors import FileReadError, UnknownNameError, near_names
from limus.kernel.language.read import MODEL_RECORDS
from limus.kernel.provenance import Kind, SourcedValue
from limus.kernel.tables import Column, library_folder, read_csv
from limus.signalling.sourced_model import Readout, SourcedModel, SourcedParameter, Validity

__all__ = ["FIT_COLUMNS", "draws_path", "fit_path", "load_model", "model_names"]

FIT_COLUMNS = (
    Column("parameter", meaning="name in the model"),
    Column("value", number=True, meaning="fitted value in the unit beside it"),
    Column("unit", meaning="canonical unit"),
    Column("log10_standard_error", number=True, meaning="standard error of log10 of the value"),
    Column("at_bound", allowed=("yes", "no"), meaning="whether the value stands at its bound"),
    Column("model_sha256", meaning="hash of the model that was fitted"),
    Column("data_sha256", meaning="hash of the observations that it was fitted to"),
)

_RECORDS = (*MODEL_RECORDS, Kind, Readout, SourcedModel, SourcedParameter, SourcedValue, Validity)
# folders of every module that is loaded to read a model
_CODE = (
    "kernel",
    "kernel/execution",
    "kernel/language",
    "kernel/provenance",
    "kernel/tables",
    "molecule",
    "signalling",
)
_PACKAGES = ("antimony", "libsbml", "pint", "pydantic")


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
        do = f"did you mean {near[0]}?" if near else "use one of the allowed names"
        raise UnknownNameError("model", name, ", ".join(model_names()), do)
    sourced = remembered("library", _decided_by(name), _RECORDS, lambda: _assemble(name))
    return _with_accepted_fit(sourced) if with_fit else sourced


def _assemble(name: str) -> SourcedModel:
    from limus.signalling.model_assembly import assemble_model  # noqa: PLC0415 (it needs pydantic)

    return assemble_model(_models_folder() / f"{name}.toml")


def _decided_by(name: str) -> Iterator[str]:
    """Everything that decides a model: the library's texts, the code that reads them, the packages that it uses."""
    yield name
    for folder in (_models_folder(), library_folder() / "compounds"):
        for path in sorted(folder.rglob("*.*")):
            yield path.name
            with suppress(OSError):  # the reader says what is wrong with the file
                yield path.read_text(encoding="utf-8", errors="surrogateescape")
    yield from (hash_sources(library_folder().parent / folder) for folder in _CODE)
    yield from map(package_stamp, _PACKAGES)


def fit_path(name: str) -> Path:
    """Return where the accepted fit of a model stands."""
    return library_folder() / "fits" / f"{name}.csv"


def draws_path(name: str) -> Path:
    """Return where the draws from the posterior of the accepted fit of a model stand."""
    return library_folder() / "fits" / f"{name}_draws.csv"


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
        fit_draws=_read_draws(fitted),
        fit_status="accepted" if hashes == {model.content_hash} else "stale",
    )


def _read_draws(model: SourcedModel) -> NDArray[np.float64]:
    names = [p.name for p in model.fitted]
    table = read_csv(draws_path(model.name), [Column(name, number=True) for name in names])
    return np.column_stack([table[name] for name in names])


def _read_fit(path: Path) -> tuple[dict[str, tuple[float, float]], set[str]]:
    """Value and standard error by parameter, and the hashes of the model that was fitted."""
    table = read_csv(path, FIT_COLUMNS)
    rows = {row["parameter"]: (row["value"], row["log10_standard_error"]) for row in table.rows()}
    return rows, set(table["model_sha256"])
