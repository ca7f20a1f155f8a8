"""Data sets of SDTM and ADaM: which variables stand in which order, with label and type.

The specification is text: ``library/datasets/datasets.csv`` and ``variables.csv``. Types are text, number and date; a
date is a number of days since 1960-01-01, as SAS counts, and is written with the format DATE9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError, UnknownNameError, near_names
from limus.kernel.tables import Column, Table, library_folder, read_csv
from limus.pharmacokinetics.exchange.xpt import Dataset

__all__ = [
    "RUN_IN",
    "TREATMENT",
    "DatasetSpec",
    "Variable",
    "dataset_spec",
    "dataset_specs",
    "make_dataset",
    "schema_of",
]

_DATE_FORMAT = "DATE9."

# of CDISC's EPOCH: before randomisation, and after
RUN_IN, TREATMENT = "RUN-IN", "TREATMENT"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a data set; ``kind`` is text, number or date."""

    name: str
    label: str
    kind: str
    origin: str


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """What a data set holds.

    Attributes
    ----------
    name, label : str
        Such as ``DM`` and ``Demographics``.
    model : str
        ``SDTM`` or ``ADaM``.
    observation_class : str
        CDISC's class, such as ``FINDINGS``.
    structure : str
        What one record is.
    keys : tuple of str
        Variables that tell records apart.
    variables : tuple of Variable
        In order.
    """

    name: str
    label: str
    model: str
    observation_class: str
    structure: str
    keys: tuple[str, ...]
    variables: tuple[Variable, ...]


@lru_cache(maxsize=1)
def dataset_specs() -> Mapping[str, DatasetSpec]:
    """Return every specification by name, in the order of the library.

    Returns
    -------
    mapping of str to DatasetSpec
    """
    folder = library_folder() / "datasets"
    text = tuple(Column(name) for name in ("dataset", "model", "class", "label", "structure", "keys"))
    rows = read_csv(folder / "datasets.csv", text)
    allowed = ("text", "number", "date")
    columns = (Column("dataset"), Column("variable"), Column("label"), Column("type", allowed=allowed))
    variables: dict[str, list[Variable]] = {}
    for row in read_csv(folder / "variables.csv", (*columns, Column("origin"))).rows():
        found = Variable(row["variable"], row["label"], row["type"], row["origin"])
        variables.setdefault(row["dataset"], []).append(found)
    return {
        row["dataset"]: DatasetSpec(
            row["dataset"],
            row["label"],
            row["model"],
            row["class"],
            row["structure"],
            tuple(row["keys"].split()),
            tuple(variables[row["dataset"]]),
        )
        for row in rows.rows()
    }


def dataset_spec(name: str) -> DatasetSpec:
    """Return the specification of a data set.

    Parameters
    ----------
    name : str

    Returns
    -------
    DatasetSpec

    Raises
    ------
    UnknownNameError
        No such data set.
    """
    known = dataset_specs()
    if name not in known:
        near = ", ".join(near_names(name, known)) or ", ".join(known)
        raise UnknownNameError("data set", name, near, "give one of these")
    return known[name]


def schema_of(spec: DatasetSpec) -> tuple[Column, ...]:
    """Return the columns that a reader expects; keys are required, dates are read as text.

    Parameters
    ----------
    spec : DatasetSpec

    Returns
    -------
    tuple of Column
    """
    return tuple(
        Column(one.name, number=one.kind == "number", required=False, blank=True, meaning=one.label)
        for one in spec.variables
    )


def make_dataset(
    name: str,
    columns: Mapping[str, Sequence[Any] | NDArray[Any]],
    *,
    further: Sequence[Variable] = (),
) -> Dataset:
    """Lay columns out as a data set: variables of the specification in its order, then further ones.

    Parameters
    ----------
    name : str
        Of the data set.
    columns : mapping
        Values by variable; a variable of the specification that is left out is left out of the data set.
    further : sequence of Variable
        Variables beside those of the specification, such as covariates.

    Returns
    -------
    Dataset

    Raises
    ------
    UnknownNameError
        No such data set.
    InputError
        A column that is neither of the specification nor a further variable.
    """
    spec = dataset_spec(name)
    variables = [one for one in (*spec.variables, *further) if one.name in columns]
    known = {one.name for one in variables}
    strange = [column for column in columns if column not in known]
    if strange:
        allowed = ", ".join(one.name for one in spec.variables)
        raise InputError(f"data set {name}", ", ".join(strange), allowed, "give them as further variables")
    table = Table.create({one.name: _typed(columns[one.name], one.kind) for one in variables})
    labels = {one.name: one.label for one in variables}
    formats = {one.name: _DATE_FORMAT for one in variables if one.kind == "date"}
    return Dataset(name, spec.label, table, labels, formats=formats)


def _typed(values: Sequence[Any] | NDArray[Any], kind: str) -> Sequence[Any] | NDArray[Any]:
    """A number column as float64 even where it is empty, a text column as texts."""
    if kind == "text":
        return ["" if value is None else str(value) for value in values]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
