"""Groups, strata and covariates of a table of subjects, coded for regression with named references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError, UnknownNameError
from limus.workflows.stats.data import Subjects, numbers_of, ordered_labels

__all__ = ["Term", "code_covariates", "combine_strata", "curve_name", "group_labels", "parse_references", "split_names"]

Floats = NDArray[np.float64]
Texts = NDArray[np.object_]

_MOST_GROUPS = 20


@dataclass(frozen=True, slots=True)
class Term:
    """A column of the regression.

    Attributes
    ----------
    column : str
        Of the file.
    level, reference : str
        Empty for a number; otherwise the level, against which.
    """

    column: str
    level: str = ""
    reference: str = ""

    @property
    def name(self) -> str:
        """As printed: the column, or column and level."""
        return f"{self.column}: {self.level}" if self.level else self.column


def curve_name(column: str | None, label: str) -> str:
    """Name a group for readers: with its column where the label is a bare number.

    Parameters
    ----------
    column : str or None
    label : str

    Returns
    -------
    str

    Examples
    --------
    >>> curve_name("sex", "1"), curve_name("arm", "A")
    ('sex 1', 'A')
    """
    return f"{column} {label}" if column and label.replace(".", "", 1).lstrip("-").isdigit() else label


def split_names(text: str | None) -> tuple[str, ...]:
    """Split ``a,b`` into names; none without text."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def group_labels(subjects: Subjects, column: str) -> tuple[list[str], Texts]:
    """Return the groups in order, and each subject's.

    Parameters
    ----------
    subjects : Subjects
    column : str

    Returns
    -------
    tuple of (list of str, (N,) array of str)

    Raises
    ------
    InputError
        One group only, or so many that the column is no grouping.
    """
    values = subjects.columns[column]
    labels = ordered_labels(values)
    if len(labels) < 2:
        raise InputError(f"--group {column}", f"one group ({labels[0]})", "two groups or more", "leave --group out")
    if len(labels) > _MOST_GROUPS:
        got, allowed = f"{len(labels)} different values", f"at most {_MOST_GROUPS} groups"
        raise InputError(f"--group {column}", got, allowed, "use a column with few values, such as a cut of this one")
    return labels, values


def combine_strata(subjects: Subjects, columns: Sequence[str]) -> Texts | None:
    """Join the values of several columns into one stratum a subject; None without columns."""
    if not columns:
        return None
    parts = [subjects.columns[name] for name in columns]
    return np.array([", ".join(row) for row in zip(*parts, strict=True)], dtype=object)


def parse_references(texts: Sequence[str]) -> dict[str, str]:
    """Read ``column=level``.

    Raises
    ------
    InputError
        No equals sign.
    """
    found = {}
    for text in texts:
        column, equals, level = text.partition("=")
        if not equals or not column.strip() or not level.strip():
            raise InputError("--reference", text, "column=level", "write for example sex=F")
        found[column.strip()] = level.strip()
    return found


def code_covariates(
    subjects: Subjects, columns: Sequence[str], *, categorical: Sequence[str], references: dict[str, str]
) -> tuple[tuple[Term, ...], Floats]:
    """Code covariates: numbers as they are, everything else as 0 and 1 for each level but the reference.

    Parameters
    ----------
    subjects : Subjects
    columns : sequence of str
    categorical : sequence of str
        Columns whose numbers are names of levels.
    references : dict of str to str
        Level that the others are set against; by default the first.

    Returns
    -------
    tuple of (terms, (N, P) array)

    Raises
    ------
    UnknownNameError
        A reference that is no level, or of a column that is no covariate.
    InputError
        A text column with one value only, or with a different value in most rows.
    FileReadError
        A cell that is no number in a column of numbers.
    """
    stray = [name for name in (*references, *categorical) if name not in columns]
    if stray:
        raise UnknownNameError("--reference, --categorical", ", ".join(stray), ", ".join(columns), "name a covariate")
    terms: list[Term] = []
    coded: list[Floats] = []
    for name in columns:
        values = subjects.columns[name]
        if name not in categorical and name not in references and _mostly_numbers(values):
            terms.append(Term(name))
            coded.append(numbers_of(subjects, name))
            continue
        labels = ordered_labels(values)
        if len(labels) > max(_MOST_GROUPS, subjects.n // 10):
            got = f"{len(labels)} different texts"
            raise InputError(f"covariate {name}", got, f"numbers, or at most {_MOST_GROUPS} levels", "leave it out")
        if len(labels) < 2:
            raise InputError(f"covariate {name}", f"{labels[0]} in every row", "two levels or more", "leave it out")
        reference = references.get(name, labels[0])
        if reference not in labels:
            raise UnknownNameError(f"--reference {name}", reference, ", ".join(labels), "name a level")
        for level in labels:
            if level != reference:
                terms.append(Term(name, level, reference))
                coded.append((values == level).astype(np.float64))
    return tuple(terms), np.column_stack(coded)


def _mostly_numbers(values: Texts) -> bool:
    """Whether a column is one of numbers, so that a stray text is an error and not a level."""
    labels = set(values.tolist())
    numbers = sum(_is_number(label) for label in labels)
    return numbers > len(labels) / 2


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
