"""Populations from ``library/populations``: joint distributions of covariates, each number with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from limus.kernel.errors import FileReadError, UnknownNameError, ValueRangeError, near_names
from limus.kernel.provenance import Kind
from limus.kernel.tables import library_folder, read_toml
from limus.trial.design.frozen_mapping import FrozenMapping
from limus.trial.design.schema import Sourced
from limus.trial.design.treatment import Origin

__all__ = ["Column", "Population", "changed", "load_population", "population_names"]

Forms = Literal["normal", "lognormal", "yes_no", "zero_or_exponential"]


@dataclass(frozen=True, slots=True)
class Column:
    """The distribution of one covariate.

    Attributes
    ----------
    name, form, unit : str
        ``normal`` and ``lognormal`` (mean and SD of the value itself) are cut to the limits; ``yes_no`` is 1 with
        ``share``; ``zero_or_exponential`` is 0 with ``zero_share``, else exponential of ``mean``, at most ``upper``.
    parameters : mapping of str to float
        Of the form: mean, sd, lower, upper, share, zero_share.
    given : tuple of (mapping of str to float, mapping of str to float)
        Where earlier columns have these values, these parameters hold instead; later entries win.
    origin : Origin
    """

    name: str
    form: str
    unit: str
    parameters: Mapping[str, float]
    given: tuple[tuple[Mapping[str, float], Mapping[str, float]], ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Population:
    """A joint distribution: columns in the order in which they are drawn, correlations of their normal scores."""

    name: str
    title: str
    columns: tuple[Column, ...]
    correlations: tuple[tuple[str, str, float], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)


class _Column(Sourced):
    form: Forms
    unit: str
    mean: float | None = None
    sd: Annotated[float, Field(gt=0)] | None = None
    lower: float | None = None
    upper: float | None = None
    share: Annotated[float, Field(ge=0, le=1)] | None = None
    zero_share: Annotated[float, Field(ge=0, le=1)] | None = None
    given: list[dict[str, float | dict[str, float]]] = Field(default_factory=list)


class _File(Sourced):
    limus_population: Literal[1]
    name: str
    title: str
    columns: dict[str, _Column]
    correlations: dict[str, Annotated[float, Field(gt=-1, lt=1)]] = Field(default_factory=dict)


_PARAMETERS = ("mean", "sd", "lower", "upper", "share", "zero_share")
_TAKEN = {
    "normal": ("mean", "sd", "lower", "upper"),
    "lognormal": ("mean", "sd", "lower", "upper"),
    "yes_no": ("share",),
    "zero_or_exponential": ("zero_share", "mean", "upper"),
}
_NEEDED = {
    "normal": ("mean", "sd"),
    "lognormal": ("mean", "sd"),
    "yes_no": ("share",),
    "zero_or_exponential": ("zero_share", "mean"),
}


def population_names() -> tuple[str, ...]:
    """Return the names of the populations that the library ships."""
    return tuple(sorted(path.stem for path in (library_folder() / "populations").glob("*.toml")))


@lru_cache(maxsize=16)
def load_population(name: str) -> Population:
    """Load a population by name.

    Parameters
    ----------
    name : str

    Returns
    -------
    Population

    Raises
    ------
    UnknownNameError
        No such population, or a column that depends on one that is not drawn before it.
    FileReadError
        The file is wrong.
    ValueRangeError
        A parameter that the form needs is missing.
    """
    if name not in population_names():
        near = near_names(name, population_names())
        do = f"did you mean {near[0]}?" if near else "give a shipped name"
        raise UnknownNameError("population", name, ", ".join(population_names()), do)
    path = library_folder() / "populations" / f"{name}.toml"
    file = read_toml(path, _File)
    columns: list[Column] = []
    for column_name, entry in file.columns.items():
        columns.append(_column(column_name, entry, [c.name for c in columns], str(path)))
    correlations = tuple((*_pair(pair, str(path)), value) for pair, value in file.correlations.items())
    for name_used in {one for first, second, _ in correlations for one in (first, second)}:
        _known(name_used, [c.name for c in columns], f"{path}, correlations")
    return Population(file.name, file.title, tuple(columns), correlations)


def _pair(text: str, path: str) -> tuple[str, str]:
    first, colon, second = text.partition(":")
    if not colon:
        raise FileReadError(f"{path}, correlations", text, "COLUMN:COLUMN", "join two columns by a colon")
    return first, second


def _column(name: str, entry: _Column, before: list[str], path: str) -> Column:
    where = f"{path}, columns.{name}"
    parameters = {key: getattr(entry, key) for key in _PARAMETERS if getattr(entry, key) is not None}
    for needed in _NEEDED[entry.form]:
        if needed not in parameters:
            raise ValueRangeError(where, f"no {needed}", f"{needed} for form {entry.form}", "add it")
    given = []
    for rule in entry.given:
        conditions, changes = rule.get("where", {}), {k: v for k, v in rule.items() if k != "where"}
        if not isinstance(conditions, dict) or not all(isinstance(v, float) for v in changes.values()):
            raise ValueRangeError(where, rule, "where = { COLUMN = value } and numbers", "correct given")
        for condition in conditions:
            _known(condition, before, f"{where}, given")
        for key in changes:
            _known(key, _PARAMETERS, f"{where}, given")
        numbers = {key: float(value) for key, value in changes.items() if isinstance(value, float)}
        given.append((FrozenMapping(conditions), FrozenMapping(numbers)))
    origin = Origin(Kind(entry.kind), tuple(entry.source), entry.note)
    return Column(name, entry.form, entry.unit, FrozenMapping(parameters), tuple(given), origin)


def _known(name: str, known: list[str] | tuple[str, ...], where: str) -> None:
    if name not in known:
        raise UnknownNameError(where, name, ", ".join(known) or "no column before it", "correct the name or the order")


def changed(population: Population, changes: Mapping[str, float]) -> Population:
    """Return a population with some parameters changed by a design.

    Parameters
    ----------
    population : Population
    changes : mapping of str to float
        ``COLUMN.parameter`` to the new value; it holds for everyone (what depends on other columns is dropped for
        this parameter).

    Returns
    -------
    Population

    Raises
    ------
    UnknownNameError
        No such column, or a parameter that its form does not have.
    ValueRangeError
        A share outside 0 to 1, a standard deviation of 0 or less.
    """
    columns = {column.name: column for column in population.columns}
    for key, value in changes.items():
        name, _, parameter = key.partition(".")
        _known(name, tuple(columns), "population_changes")
        column = columns[name]
        _known(parameter, _TAKEN[column.form], f"population_changes.{name}")
        if parameter in {"share", "zero_share"} and not 0 <= value <= 1:
            raise ValueRangeError(f"population_changes.{key}", value, "0 to 1", "give a fraction")
        if parameter == "sd" and not value > 0:
            raise ValueRangeError(f"population_changes.{key}", value, "above 0", "give a standard deviation")
        given = tuple((where, {k: v for k, v in new.items() if k != parameter}) for where, new in column.given)
        columns[name] = replace(
            column,
            parameters=FrozenMapping({**column.parameters, parameter: value}),
            given=tuple((where, FrozenMapping(new)) for where, new in given if new),
        )
    return replace(population, columns=tuple(columns.values()))
