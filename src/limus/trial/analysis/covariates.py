"""Covariates of ADSL as columns of numbers: a text variable becomes one column for each value but the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import UnknownNameError, near_names
from limus.kernel.tables import Table
from limus.trial.design.endpoint_library import EndpointLibrary

__all__ = ["covariate_columns", "covariate_variables"]

Floats = NDArray[np.float64]

# variables of ADSL that come from another domain than the library's characteristics
_ELSEWHERE = {"WT": "WEIGHTBL", "HT": "HEIGHTBL", "BLACK": "RACE"}


def covariate_variables(words: EndpointLibrary) -> dict[str, str]:
    """Return the variable of ADSL for each covariate name of a design that has another name there."""
    return {**_ELSEWHERE, **{one.name: one.code for one in words.characteristics}}


def covariate_columns(
    adsl: Table, subjects: Sequence[str], names: Sequence[str], characteristics: Mapping[str, str]
) -> tuple[Floats, tuple[str, ...], NDArray[np.bool_]]:
    """Return covariates of subjects, numbers centred at their mean.

    Parameters
    ----------
    adsl : Table
    subjects : sequence of str
        In the order wanted.
    names : sequence of str
        Variables of ADSL, or names that ``characteristics`` translates.
    characteristics : mapping of str to str
        Variable of ADSL by name of a covariate in a design.

    Returns
    -------
    tuple of ((N, P) array, tuple of str, (N,) array of bool)
        Columns, their names, and which subjects have all of them.

    Raises
    ------
    UnknownNameError
        A covariate that ADSL does not hold.
    """
    place = {subject: k for k, subject in enumerate(adsl["USUBJID"].tolist())}
    rows = np.array([place[subject] for subject in subjects], dtype=np.int64)
    columns: list[Floats] = []
    labels: list[str] = []
    known = np.ones(len(rows), dtype=np.bool_)
    for name in names:
        variable = characteristics.get(name, name)
        if variable not in adsl.names:
            near = ", ".join(near_names(variable, adsl.names)) or ", ".join(adsl.names)
            raise UnknownNameError("covariate", name, near, "name a variable of ADSL")
        values = adsl[variable][rows]
        if values.dtype != object:
            there = np.isfinite(values)
            columns.append(np.where(there, values - values[there].mean() if there.any() else values, 0.0))
            labels.append(name)
            known &= there
            continue
        known &= np.array([bool(text) for text in values.tolist()], dtype=np.bool_)
        for level in sorted(set(values.tolist()) - {""})[1:]:
            columns.append((values == level).astype(np.float64))
            labels.append(f"{name} {level}")
    stacked = np.column_stack(columns) if columns else np.zeros((len(rows), 0))
    return stacked, tuple(labels), known
