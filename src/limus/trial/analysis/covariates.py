"""Covariates of ADSL as columns of numbers: a text variable becomes one column for each value but the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import UnknownNameError, near_names
from limus.kernel.tables import Table

__all__ = ["covariate_columns", "independent_columns"]

Floats = NDArray[np.float64]

_RANK = 1e-9  # of a column's norm: below it a column adds nothing to those before


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


def independent_columns(columns: Floats) -> NDArray[np.bool_]:
    """Mark columns that are no linear combination of those before them.

    Parameters
    ----------
    columns : (N, P) array

    Returns
    -------
    (P,) array of bool

    Examples
    --------
    >>> independent_columns(np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])).tolist()
    [True, True, False]
    """
    kept = np.zeros(columns.shape[1], dtype=np.bool_)
    basis: list[Floats] = []
    for k, column in enumerate(columns.T):
        rest = column.astype(np.float64)
        for _ in range(2):  # twice is enough for orthogonality to machine precision
            for direction in basis:
                rest = rest - direction * (direction @ rest)
        size = float(np.linalg.norm(rest))
        if size > _RANK * max(float(np.linalg.norm(column)), 1e-300):
            kept[k] = True
            basis.append(rest / size)
    return kept
