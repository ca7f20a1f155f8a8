"""Reading a population model: a ``.toml`` of numbers and the ``.ant`` of equations beside it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np

from limus.kernel.errors import FileReadError, near_names
from limus.kernel.language import Model, read_model
from limus.kernel.provenance import Kind, Reference, SourcedValue, hash_text, load_bibliography
from limus.kernel.tables import Entry, library_folder, parse_record
from limus.pharmacokinetics.population_model.random_effects import (
    PrintedCorrelation,
    PrintedVariability,
    RandomEffects,
    variance_of,
)
from limus.pharmacokinetics.population_model.record import (
    Change,
    Conflict,
    Dosing,
    EventUnits,
    IndividualParameter,
    Observation,
    Population,
    PopulationModel,
    TypicalSubject,
)
from limus.pharmacokinetics.population_model.residual_error import ResidualError
from limus.pharmacokinetics.population_model.schema import (
    CovariateEntry,
    LimitEntry,
    PopulationModelFile,
    ResidualEntry,
    ValueEntry,
    VariabilityEntry,
)
from limus.pharmacokinetics.population_model.validity_limits import Covariate, Limit

__all__ = ["read_population_model"]


def read_population_model(path: Path) -> PopulationModel:
    """Read a population model.

    Parameters
    ----------
    path : Path
        The ``.toml``; equations are read from the ``.ant`` of the same name beside it, further references from
        ``references.bib`` beside it where there is one.

    Returns
    -------
    PopulationModel
        Whether it is sound is asked by :mod:`limus.pharmacokinetics.population_model.checks`.

    Raises
    ------
    FileReadError
        A file that is missing or unreadable, or a key that is missing, unknown (with near names) or wrong.
    ModelError, UnsupportedFeatureError
        The equations are wrong.
    """
    text, equations = _read(path), path.with_suffix(".ant")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileReadError(str(path), error, "a TOML file", "correct the line that the message names") from None
    _refuse_unknown_keys(content, PopulationModelFile, str(path))
    file = parse_record(content, PopulationModelFile, where=str(path), error=FileReadError)
    model = read_model(equations)
    by_default = (file.paper, *file.via)
    effects = file.random_effects
    return PopulationModel(
        name=file.name,
        title=file.title,
        drug=file.drug,
        matrix=file.matrix,
        assay=file.assay,
        structure=file.structure,
        paper=file.paper,
        via=tuple(file.via),
        units=EventUnits(file.units.AMT, file.units.DV, file.units.TIME, file.units.states),
        model=_with_numbers(model, file),
        values=MappingProxyType({name: _sourced(entry, by_default) for name, entry in file.values.items()}),
        parameters=MappingProxyType(
            {name: IndividualParameter(name, entry.unit, entry.meaning) for name, entry in file.parameters.items()}
        ),
        covariates=MappingProxyType({name: _covariate(name, e, by_default) for name, e in file.covariates.items()}),
        between_subject=_effects(effects.between_subject, file, by_default, path),
        between_occasion=_effects(effects.between_occasion, file, by_default, path),
        residual=_residual(file.residual, by_default, f"{path}, residual"),
        residual_alternatives=MappingProxyType(
            {
                name: _residual(entry, by_default, f"{path}, residual_alternatives.{name}")
                for name, entry in file.residual_alternatives.items()
            }
        ),
        observation=Observation(file.observation.output, file.observation.linear, file.observation.clearance),
        dosing=_dosing(file),
        limits=tuple(_limit(entry, by_default) for entry in file.limits),
        population=Population(**file.population.model_dump()),
        conflicts=tuple(Conflict(**entry.model_dump()) for entry in file.conflicts),
        changes=tuple(Change(**entry.model_dump()) for entry in file.changes),
        typical=TypicalSubject(
            covariates=MappingProxyType(dict(file.typical.covariates)),
            dose=file.typical.dose,
            interval_h=file.typical.interval_h,
            doses=file.typical.doses,
            note=file.typical.note,
        ),
        bibliography=_bibliography(path),
        path=path,
        content_hash=hash_text(text, _read(equations)),
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        allowed = "a readable UTF-8 file; a population model is NAME.toml with NAME.ant beside it"
        raise FileReadError(str(path), error, allowed, "check path and encoding") from None


def _refuse_unknown_keys(content: Any, schema: Any, where: str, key: str = "") -> None:
    """Refuse a key that the schema does not know, with the nearest ones that it does."""
    for place, found, entry in _entries(content, schema, key):
        known = {field.alias or name: field.annotation for name, field in entry.model_fields.items()}
        for name, value in found.items():
            if name not in known:
                near = near_names(name, known)
                do = f"did you mean {' or '.join(near)}?" if near else "remove the key"
                allowed = f"one of {', '.join(known)}"
                raise FileReadError(f"{where}, key {place}{name}", "an unknown key", allowed, do)
            _refuse_unknown_keys(value, known[name], where, f"{place}{name}.")


def _entries(content: Any, schema: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any], type[Entry]]]:
    """Yield each table of the content that a schema describes, with its place."""
    if isinstance(schema, type) and issubclass(schema, Entry):
        if isinstance(content, Mapping):
            yield key, content, schema
    elif get_origin(schema) in (UnionType, Union):
        for option in get_args(schema):
            yield from _entries(content, option, key)
    elif get_origin(schema) is dict and isinstance(content, Mapping):
        for name, value in content.items():
            yield from _entries(value, get_args(schema)[1], f"{key}{name}.")
    elif get_origin(schema) is list and isinstance(content, list):
        for number, value in enumerate(content, start=1):
            yield from _entries(value, get_args(schema)[0], f"{key.rstrip('.')}[{number}].")


def _with_numbers(model: Model, file: PopulationModelFile) -> Model:
    """Set what the equations know: values, and random effects at 0; a name they lack is left to the checks."""
    effects = (*file.random_effects.between_subject, *file.random_effects.between_occasion)
    numbers = {name: entry.value for name, entry in file.values.items() if entry.value is not None}
    numbers |= dict.fromkeys(effects, 0.0)
    known = model.values
    return model.with_values({name: value for name, value in numbers.items() if name in known})


def _sources(kind: str, given: list[str], by_default: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(given) or (() if kind == "assumed" else by_default)


def _sourced(entry: ValueEntry, by_default: tuple[str, ...]) -> SourcedValue:
    return SourcedValue(
        value=entry.value,
        unit=entry.unit,
        kind=Kind(entry.kind),
        source=_sources(entry.kind, entry.source, by_default),
        printed=entry.printed,
        spread=entry.spread,
        note=entry.note,
    )


def _fraction(entry: ValueEntry) -> float:
    value = math.nan if entry.value is None else entry.value
    return value / 100.0 if entry.unit == "percent" else value


def _effects(
    entries: Mapping[str, VariabilityEntry], file: PopulationModelFile, by_default: tuple[str, ...], path: Path
) -> RandomEffects:
    names = tuple(entries)
    printed = tuple(
        PrintedVariability(n, _sourced(e, by_default), e.given_as, variance_of(_fraction(e), e.given_as))
        for n, e in entries.items()
    )
    covariance = np.diag([p.variance for p in printed])
    correlations = []
    for entry in file.random_effects.correlations:
        first, second = entry.between
        levels = (file.random_effects.between_subject, file.random_effects.between_occasion)
        if first == second or not any(first in level and second in level for level in levels):
            allowed = "two different random effects of one level"
            raise FileReadError(f"{path}, correlations", f"{first}, {second}", allowed, "correct the names")
        if first not in entries:
            continue
        i, j = names.index(first), names.index(second)
        scale = math.sqrt(covariance[i, i] * covariance[j, j]) if entry.given_as == "correlation" else 1.0
        covariance[i, j] = covariance[j, i] = _fraction(entry) * scale
        correlations.append(PrintedCorrelation((first, second), _sourced(entry, by_default), entry.given_as))
    covariance.flags.writeable = False
    return RandomEffects(names, covariance, printed, tuple(correlations))


def _residual(entry: ResidualEntry, by_default: tuple[str, ...], where: str) -> ResidualError:
    parts = {}
    printed = {}
    for name in ("proportional", "additive", "log_additive"):
        part = getattr(entry, name)
        value = 0.0 if part is None else _fraction(part)
        if value < 0:
            raise FileReadError(f"{where}.{name}", value, "a number of 0 or more", "correct the number")
        parts[name] = math.sqrt(value) if part is not None and part.given_as == "variance" else value
        if part is not None:
            printed[name] = (_sourced(part, by_default), part.given_as)
    return ResidualError(entry.form, formula=entry.formula, printed=MappingProxyType(printed), note=entry.note, **parts)


def _covariate(name: str, entry: CovariateEntry, by_default: tuple[str, ...]) -> Covariate:
    codes = {float(code): meaning for code, meaning in entry.codes.items()}
    lower, upper = (min(codes), max(codes)) if codes else (entry.lower, entry.upper)
    return Covariate(
        name=name,
        unit=entry.unit,
        meaning=entry.meaning,
        lower=-math.inf if lower is None else lower,
        upper=math.inf if upper is None else upper,
        codes=MappingProxyType(codes),
        kind=Kind(entry.kind),
        source=_sources(entry.kind, entry.source, by_default),
        note=entry.note,
        default=entry.default,
        default_reason=entry.default_reason,
        carry=entry.carry,
        columns=tuple(entry.columns),
    )


def _limit(entry: LimitEntry, by_default: tuple[str, ...]) -> Limit:
    return Limit(
        name=entry.name,
        meaning=entry.meaning,
        unit=entry.unit,
        lower=-math.inf if entry.lower is None else entry.lower,
        upper=math.inf if entry.upper is None else entry.upper,
        allowed=tuple(entry.allowed),
        columns=tuple(entry.columns),
        kind=Kind(entry.kind),
        source=_sources(entry.kind, entry.source, by_default),
        note=entry.note,
    )


def _dosing(file: PopulationModelFile) -> Dosing:
    dosing = file.dosing
    return Dosing(
        substance=dosing.substance,
        compartment=dosing.compartment,
        routes=MappingProxyType(dict(dosing.routes)),
        numbered=MappingProxyType({int(number): species for number, species in dosing.numbered.items()}),
        infusion=dosing.infusion,
        lag=dosing.lag,
        bioavailability=dosing.bioavailability,
        salt_factor=dosing.salt_factor,
        note=dosing.note,
    )


def _bibliography(path: Path) -> Mapping[str, Reference]:
    references = dict(load_bibliography(library_folder() / "references.bib"))
    own = path.with_name("references.bib")
    return MappingProxyType(references | dict(load_bibliography(own)) if own.exists() else references)
