"""The population models that the library ships, and those of a user: by name, or by the path of a ``.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from limus.kernel.errors import UnknownNameError, near_names
from limus.kernel.tables import Column, library_folder, read_csv
from limus.pharmacokinetics.population_model.file import read_population_model
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["NotShipped", "load_population_model", "models_not_shipped", "population_model_names"]

_NOT_SHIPPED_COLUMNS = (
    Column("name", meaning="name of the model where it was collected"),
    Column("drug", meaning="compound"),
    Column("paper", meaning="author and year"),
    Column("reason", meaning="what is missing"),
)


@dataclass(frozen=True, slots=True)
class NotShipped:
    """A published model that is not in the library, and why."""

    name: str
    drug: str
    paper: str
    reason: str


def _folder() -> Path:
    return library_folder() / "population_models"


def population_model_names() -> tuple[str, ...]:
    """Return the names of the population models that the library ships."""
    return tuple(sorted((path.stem for path in _folder().glob("*.toml")), key=str.casefold))


def models_not_shipped() -> tuple[NotShipped, ...]:
    """Return the published models that were left out, each with the reason.

    Returns
    -------
    tuple of NotShipped

    Raises
    ------
    FileReadError
        The library's list is wrong.
    """
    rows = read_csv(_folder() / "not_shipped.csv", _NOT_SHIPPED_COLUMNS).rows()
    return tuple(NotShipped(**{name: str(value) for name, value in row.items()}) for row in rows)


def load_population_model(name: str) -> PopulationModel:
    """Load a population model.

    Parameters
    ----------
    name : str
        A name of the library such as ``Woillard_2011``, or the path of a ``.toml`` with its ``.ant`` beside it.

    Returns
    -------
    PopulationModel
        Not checked; ask :mod:`limus.pharmacokinetics.population_model.checks` of a file of one's own.

    Raises
    ------
    UnknownNameError
        No such model; the message gives near names, or the reason why it is not shipped.
    FileReadError, ModelError, UnsupportedFeatureError
        As :func:`limus.pharmacokinetics.population_model.file.read_population_model`.

    Examples
    --------
    >>> load_population_model("Woillard_2011").values["CL_typical"].value
    21.2
    """
    if name.endswith(".toml"):
        return read_population_model(Path(name))
    names = population_model_names()
    if name in names:
        return _load_from_library(name)
    near = near_names(name, names)
    left_out = [model for model in models_not_shipped() if model.name.casefold() == name.casefold()]
    do = f"did you mean {' or '.join(near)}?" if near else "or give the path of a .toml of your own"
    if left_out:
        do = f"it is not shipped: {left_out[0].reason}"
    raise UnknownNameError("population model", name, ", ".join(names), do)


@lru_cache(maxsize=32)
def _load_from_library(name: str) -> PopulationModel:
    return read_population_model(_folder() / f"{name}.toml")
