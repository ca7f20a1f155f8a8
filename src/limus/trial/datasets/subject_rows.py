"""Rows of a domain placed by subject: which row belongs to whom, the first in a group, texts and dates by subject."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import FileReadError
from limus.kernel.tables import Table

__all__ = ["first_of_groups", "place_of", "require_variables", "text_column", "unknown_subjects"]

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def require_variables(domain: str, table: Table, names: Sequence[str]) -> None:
    """Refuse a domain that lacks a variable.

    Parameters
    ----------
    domain : str
    table : Table
    names : sequence of str

    Raises
    ------
    FileReadError
        Names the variables that are missing.
    """
    missing = [name for name in names if name not in table.names]
    if missing:
        allowed = "variables " + ", ".join(names)
        raise FileReadError(f"SDTM, {domain}", ", ".join(table.names), allowed, f"add {', '.join(missing)}")


def place_of(table: Table, subjects: Sequence[str]) -> Places:
    """Return the place of each row's subject among ``subjects``; -1 where it is none of them.

    Parameters
    ----------
    table : Table
        With USUBJID.
    subjects : sequence of str

    Returns
    -------
    (n,) array of int
    """
    index = {subject: k for k, subject in enumerate(subjects)}
    return np.array([index.get(subject, -1) for subject in table["USUBJID"].tolist()], dtype=np.int64)


def unknown_subjects(domain: str, table: Table, place: Places) -> list[Finding]:
    """Name rows whose subject is not in DM."""
    bad = int((place < 0).sum())
    if not bad:
        return []
    first = str(table["USUBJID"][int(np.flatnonzero(place < 0)[0])])
    got = f"{bad} rows of subjects that are not in DM, such as {first}"
    return [Finding("subject-known", Severity.WARNING, f"{domain}, USUBJID", got, "subjects of DM", "left out")]


def first_of_groups(groups: Sequence[NDArray[np.generic]], order: Sequence[NDArray[np.generic]]) -> NDArray[np.bool_]:
    """Mark the first row of each group, first in the sense of ``order``.

    Parameters
    ----------
    groups : sequence of (n,) arrays
        Rows are of one group where all of them agree.
    order : sequence of (n,) arrays
        Rising; later ones break ties of earlier ones.

    Returns
    -------
    (n,) array of bool
    """
    count = len(groups[0])
    if not count:
        return np.zeros(0, dtype=np.bool_)
    sequence = np.lexsort((*reversed(tuple(order)), *reversed(tuple(groups))))
    starts = np.zeros(count, dtype=np.bool_)
    starts[0] = True
    for keys in groups:
        sorted_keys = keys[sequence]
        starts[1:] |= sorted_keys[1:] != sorted_keys[:-1]
    marked = np.zeros(count, dtype=np.bool_)
    marked[sequence[starts]] = True
    return marked


def text_column(table: Table, name: str) -> list[str]:
    """Return a column as texts in upper case without blanks around; empty where it is not there."""
    if name not in table.names:
        return [""] * len(table)
    values = table[name]
    if values.dtype != object:
        return ["" if np.isnan(value) else f"{value:.15g}" for value in values.tolist()]
    return [str(value).strip().upper() for value in values.tolist()]
