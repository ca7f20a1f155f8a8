"""Study tables: what published studies report, one row an arm or one row a contrast, read strictly.

Five forms are told apart by their columns, nothing else:

==========  ======================================================================================================
events      ``study, treatment, n, events``: one row an arm
means       ``study, treatment, n, mean, sd``: one row an arm
contrasts   ``study, treatment_1, treatment_2, effect, se``: one row a contrast, 1 against 2; ratios as logarithms
estimates   ``study, treatment_1, treatment_2, estimate, ci_low, ci_high`` (or ``p``): ratios as ratios
log_rank    ``study, treatment_1, treatment_2, p, events, n_1, n_2, favours``: ``favours`` names the better arm
==========  ======================================================================================================

``outcome``, ``time`` and ``unit`` are known by name, and a table that mixes them must be narrowed before it is pooled.
Any other column is kept as text: a covariate of the study, a source, a note. An empty number leaves out its row, not
the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import FileReadError, InputError, UnknownNameError, near_names
from limus.kernel.tables import Column, Table, library_folder, read_csv

__all__ = ["SCALE_COLUMNS", "StudyTable", "TableForm", "narrow", "read_study_table", "shipped_tables"]

SCALE_COLUMNS = ("outcome", "time", "unit")


class TableForm(StrEnum):
    """What a row of a study table holds."""

    EVENTS = "events"
    MEANS = "means"
    CONTRASTS = "contrasts"
    ESTIMATES = "estimates"
    LOG_RANK = "log_rank"

    @property
    def by_arm(self) -> bool:
        """Whether a row is an arm (or else a contrast of two)."""
        return self in (TableForm.EVENTS, TableForm.MEANS)


def _text(name: str, meaning: str) -> Column:
    return Column(name, meaning=meaning)


def _number(name: str, meaning: str, *, required: bool = True) -> Column:
    return Column(name, number=True, blank=True, required=required, meaning=meaning)


_ARM = (_text("study", "name of the study"), _text("treatment", "name of the arm's treatment"))
_PAIR = (_text("study", "name of the study"), _text("treatment_1", "treatment"), _text("treatment_2", "its comparator"))
_COLUMNS: Mapping[TableForm, tuple[Column, ...]] = {
    TableForm.EVENTS: (*_ARM, _number("n", "participants"), _number("events", "participants with the event")),
    TableForm.MEANS: (
        *_ARM,
        _number("n", "participants"),
        _number("mean", "mean of the arm"),
        _number("sd", "standard deviation of the arm"),
    ),
    TableForm.CONTRASTS: (
        *_PAIR,
        _number("effect", "effect of 1 against 2; a ratio as its natural logarithm"),
        _number("se", "standard error of the effect"),
    ),
    TableForm.ESTIMATES: (
        *_PAIR,
        _number("estimate", "effect of 1 against 2; a ratio as a ratio"),
        _number("ci_low", "lower end of its 95 % interval", required=False),
        _number("ci_high", "upper end of its 95 % interval", required=False),
        _number("p", "two-sided p-value, where there is no interval", required=False),
    ),
    TableForm.LOG_RANK: (
        *_PAIR,
        _number("p", "two-sided p-value of the log-rank test"),
        _number("events", "events in both arms together"),
        _number("n_1", "participants with treatment 1"),
        _number("n_2", "participants with treatment 2"),
        Column("favours", blank=True, meaning="the treatment with the lower hazard"),
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class StudyTable:
    """A table of studies.

    Attributes
    ----------
    name : str
        The file, for messages.
    form : TableForm
    rows : Table
        With a column ``row`` (number of the row in the file's body, from 1).
    """

    name: str
    form: TableForm
    rows: Table

    @property
    def treatments(self) -> tuple[str, ...]:
        """Every treatment, in order of first appearance."""
        if self.form.by_arm:
            return tuple(dict.fromkeys(str(t) for t in self.rows["treatment"]))
        pairs = zip(self.rows["treatment_1"], self.rows["treatment_2"], strict=True)
        return tuple(dict.fromkeys(str(t) for pair in pairs for t in pair))

    @property
    def other_columns(self) -> tuple[str, ...]:
        """Columns that the form does not need."""
        needed = {column.name for column in _COLUMNS[self.form]} | {"row"}
        return tuple(name for name in self.rows.names if name not in needed)

    def where(self, mask: NDArray[np.bool_]) -> StudyTable:
        """Return the table with some of its rows.

        Parameters
        ----------
        mask : (n,) array of bool

        Returns
        -------
        StudyTable
        """
        return StudyTable(self.name, self.form, self.rows.where(mask))


def shipped_tables() -> tuple[str, ...]:
    """Return the names of the study tables of the library.

    Returns
    -------
    tuple of str
    """
    return tuple(sorted(path.stem for path in (library_folder() / "evidence").glob("*.csv")))


def read_study_table(name: str) -> StudyTable:
    """Read a study table, of the library by its name or of one's own by its path.

    Parameters
    ----------
    name : str
        Name of a shipped table, or path of a CSV file.

    Returns
    -------
    StudyTable

    Raises
    ------
    UnknownNameError
        Neither a file nor a shipped table.
    FileReadError
        A file that cannot be read, whose columns are of no form or of two, or with a cell that is not a number.
    """
    path = Path(name)
    if not path.suffix and not path.is_file():
        if name not in shipped_tables():
            near = near_names(name, shipped_tables())
            hint = f"did you mean {near[0]}?" if near else "or give the path of a CSV file"
            raise UnknownNameError("study table", name, ", ".join(shipped_tables()), hint)
        path = library_folder() / "evidence" / f"{name}.csv"
    header = read_csv(path, (Column("study", blank=True),), other_columns=True).names
    form = _form_of(path, set(header))
    rows = read_csv(path, _COLUMNS[form], other_columns=True)
    if not len(rows):
        raise FileReadError(str(path), "no rows", "one row an arm or a contrast", "check the file")
    columns = dict(rows.columns)
    if "row" in columns:
        raise FileReadError(f"{path}, header", "row", "another name", "rename the column; limus numbers rows itself")
    return StudyTable(path.name, form, Table.create(columns | {"row": np.arange(1.0, len(rows) + 1)}))


def narrow(table: StudyTable, chosen: Mapping[str, str]) -> StudyTable:
    """Return the rows of one outcome, one time, or any other value of a text column.

    Parameters
    ----------
    table : StudyTable
    chosen : mapping of str to str
        Column to value.

    Returns
    -------
    StudyTable

    Raises
    ------
    InputError
        No such column.
    UnknownNameError
        No row with the value; the message lists those there are.
    """
    for column, value in chosen.items():
        if column not in table.rows.names or table.rows[column].dtype != object:
            there = ", ".join(table.other_columns) or "none"
            raise InputError(f"{table.name}, column", column, f"a text column: {there}", "choose one of these")
        mask = np.array([str(cell) == value for cell in table.rows[column]])
        if not mask.any():
            values = list(dict.fromkeys(str(cell) for cell in table.rows[column]))
            near = near_names(value, values)
            hint = f"did you mean {near[0]}?" if near else "choose one of these"
            raise UnknownNameError(f"{table.name}, {column}", value, "; ".join(values), hint)
        table = table.where(mask)
    return table


def _form_of(path: Path, names: set[str]) -> TableForm:
    found = [
        form
        for form, columns in _COLUMNS.items()
        if {column.name for column in columns if column.required} <= names
        and (form is not TableForm.ESTIMATES or {"ci_low", "ci_high"} <= names or "p" in names)
    ]
    if len(found) == 1:
        return found[0]
    forms = "; ".join(f"{form}: " + ", ".join(c.name for c in columns) for form, columns in _COLUMNS.items())
    got = f"columns of {' and '.join(found)}" if found else ", ".join(sorted(names))
    raise FileReadError(f"{path}, header", got, f"the columns of one form ({forms})", "rename or remove columns")
