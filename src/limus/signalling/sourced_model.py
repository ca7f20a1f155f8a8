"""A pathway model of the library with the origin of every number in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, run_checks
from limus.kernel.errors import FileReadError, InputError, UnknownNameError, near_names
from limus.kernel.execution import spawn_generators
from limus.kernel.language import MODEL_CHECKS, Model, conservation_check, read_model
from limus.kernel.provenance import Kind, SourcedValue, hash_text
from limus.kernel.tables import Column, read_csv, read_toml
from limus.kernel.units import canonical_unit, convert
from limus.molecule.compound import find_compound, library_folder
from limus.signalling.model_file import ModelFile, ParameterEntry

__all__ = [
    "FIT_COLUMNS",
    "Readout",
    "SourcedModel",
    "SourcedParameter",
    "Validity",
    "check_sourced_model",
    "covariance_path",
    "draw_fitted",
    "fit_path",
    "load_model",
    "model_names",
]

FIT_COLUMNS = (
    Column("parameter", meaning="name in the model"),
    Column("value", number=True, meaning="fitted value in the unit beside it"),
    Column("unit", meaning="canonical unit"),
    Column("log10_standard_error", number=True, meaning="standard error of log10 of the value"),
    Column("at_bound", allowed=("yes", "no"), meaning="whether the value stands at its bound"),
    Column("model_sha256", meaning="hash of the model that was fitted"),
    Column("data_sha256", meaning="hash of the observations that it was fitted to"),
)


@dataclass(frozen=True, slots=True)
class SourcedParameter:
    """A parameter of a model with its origin.

    Attributes
    ----------
    name : str
        As the model writes it, dotted for submodels.
    value : float
        In ``unit``, the canonical one.
    unit : str
        Canonical unit.
    origin : str
        Where the number stands: the model's file, a compound's constant, a fit, or another parameter.
    sourced : SourcedValue
        The number as printed in its source, with kind and source.
    lower, upper, prior_log10_sd : float
        For fitted parameters: bounds and prior (canonical unit; standard deviation in log10); else NaN.
    prior_value : float
        Centre of the prior, canonical unit; else NaN.
    log10_standard_error : float
        Of a fitted value; else NaN.
    """

    name: str
    value: float
    unit: str
    origin: str
    sourced: SourcedValue
    lower: float = math.nan
    upper: float = math.nan
    prior_log10_sd: float = math.nan
    prior_value: float = math.nan
    log10_standard_error: float = math.nan


@dataclass(frozen=True, slots=True)
class Readout:
    """A quantity that an assay measures and the symbol of the model that stands for it.

    ``background`` says what counts as 0 %: the ``unstimulated`` culture, or ``zero``.
    """

    name: str
    symbol: str
    short: str
    label: str
    background: str = "unstimulated"


@dataclass(frozen=True, slots=True)
class Validity:
    """Where a model may be used; ``cannot_say`` is printed in every guide."""

    species: str
    hours_upper: float
    cells_per_ml: tuple[float, float]
    serum_percent: tuple[float, float]
    concentration_upper_nM: float  # noqa: N815
    cannot_say: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SourcedModel:
    """A model with values set, and where each came from.

    Attributes
    ----------
    name, label, summary : str
    model : Model
        Values set, canonical units.
    parameters : mapping of str to SourcedParameter
    readouts : mapping of str to Readout
    validity : Validity
    conserved : mapping of str to tuple of str
        Groups of species whose amount is conserved.
    papers, changes : tuple of str
        Source keys, and what was changed against them.
    content_hash : str
        SHA-256 of equations, parameters before the fit, priors and readouts; a fit carries it to be found stale.
    fit_covariance : (P, P) array or None
        Covariance of the log10 of the fitted parameters, in the order of :attr:`fitted`; None without an accepted fit.
    """

    name: str
    label: str
    summary: str
    model: Model
    parameters: Mapping[str, SourcedParameter]
    readouts: Mapping[str, Readout]
    validity: Validity
    conserved: Mapping[str, tuple[str, ...]]
    papers: tuple[str, ...]
    changes: tuple[str, ...]
    content_hash: str
    fit_covariance: NDArray[np.float64] | None = None

    @property
    def fitted(self) -> tuple[SourcedParameter, ...]:
        """The parameters that a calibration adjusts."""
        return tuple(p for p in self.parameters.values() if p.sourced.kind is Kind.FITTED and not math.isnan(p.lower))

    @property
    def followers(self) -> dict[str, str]:
        """Parameters that take the value of another one: follower to leader."""
        marked = {p.name: p.origin for p in self.parameters.values() if p.origin.startswith("same as ")}
        return {name: origin.removeprefix("same as ") for name, origin in marked.items()}

    def readout(self, name: str) -> Readout:
        """Return a readout by name.

        Parameters
        ----------
        name : str

        Raises
        ------
        UnknownNameError
            The model has no such readout.
        """
        if name not in self.readouts:
            near = near_names(name, self.readouts)
            do = f"did you mean {' or '.join(near)}?" if near else "use one of the allowed names"
            raise UnknownNameError("readout", name, ", ".join(self.readouts), do)
        return self.readouts[name]

    def with_fitted(self, values: Mapping[str, float]) -> SourcedModel:
        """Return the model with other values of parameters; those that are ``same_as`` one of them follow.

        Parameters
        ----------
        values : mapping of str to float
            Canonical units.
        """
        new = dict(values) | {name: values[leader] for name, leader in self.followers.items() if leader in values}
        parameters = {name: replace(p, value=new.get(name, p.value)) for name, p in self.parameters.items()}
        return replace(self, model=self.model.with_values(new), parameters=MappingProxyType(parameters))


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
        content_hash=_content_hash(text, file, parameters),
    )
    return _with_accepted_fit(sourced) if with_fit else sourced


def _content_hash(text: Path, file: ModelFile, parameters: Mapping[str, SourcedParameter]) -> str:
    """Hash of what a fit depends on: equations, parameters before the fit, priors and readouts; not of words."""
    numbers = [f"{p.name} {p.value!r} {p.lower!r} {p.upper!r} {p.prior_log10_sd!r}" for p in parameters.values()]
    readouts = [f"{name} {r.symbol} {r.background}" for name, r in file.readouts.items()]
    return hash_text(text.read_text(encoding="utf-8"), *sorted(numbers), *sorted(readouts))


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
        return model
    rows = _read_fit(path)
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
    return replace(fitted, parameters=MappingProxyType(parameters), fit_covariance=_read_covariance(fitted))


def _read_covariance(model: SourcedModel) -> NDArray[np.float64]:
    names = [p.name for p in model.fitted]
    columns = [Column("parameter"), *(Column(name, number=True) for name in names)]
    table = read_csv(covariance_path(model.name), columns)
    if list(table["parameter"]) != names:
        raise FileReadError(
            str(covariance_path(model.name)), "other rows", ", ".join(names), "run limus calibrate --accept"
        )
    return np.column_stack([table[name] for name in names])


def draw_fitted(model: SourcedModel, draws: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Draw parameter sets from the accepted fit: normal in log10, within the bounds; the first is the fit itself.

    Parameters
    ----------
    model : SourcedModel
    draws : int
        How many, beside the fit.
    seed : int

    Returns
    -------
    dict of str to (draws + 1,) array
        Canonical units; followers (``same_as``) included.
    """
    free = model.fitted
    centre = np.log10([p.value for p in free])
    drawn = np.empty((0, len(free)))
    if draws and model.fit_covariance is not None:
        generator = spawn_generators(seed, 1, stream="fit draws")[0]
        drawn = generator.multivariate_normal(centre, model.fit_covariance, size=draws, method="eigh")
    sets = np.clip(np.vstack([centre, drawn]), np.log10([p.lower for p in free]), np.log10([p.upper for p in free]))
    values = {p.name: 10.0 ** sets[:, j] for j, p in enumerate(free)}
    return values | {name: values[leader] for name, leader in model.followers.items() if leader in values}


def _read_fit(path: Path) -> dict[str, tuple[float, float]]:
    table = read_csv(path, FIT_COLUMNS)
    return {row["parameter"]: (row["value"], row["log10_standard_error"]) for row in table.rows()}


def check_sourced_model(model: SourcedModel) -> tuple[Finding, ...]:
    """Run the checks of :mod:`limus.kernel.language` on a library model, with its conserved groups.

    Parameters
    ----------
    model : SourcedModel

    Returns
    -------
    tuple of Finding

    Raises
    ------
    InputError
        A parameter of the model text has no entry in the parameter file.
    """
    constant = {p.name for p in model.model.parameters if p.constant} | {"medium"}
    unsourced = sorted(constant - set(model.parameters))
    if unsourced:
        raise InputError(f"model {model.name}", ", ".join(unsourced), "an entry with a source for each", "add entries")
    return run_checks(model.model, (*MODEL_CHECKS, conservation_check(model.conserved)))
