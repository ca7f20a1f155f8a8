"""Study tables: what published studies report, one row an arm or one row a contrast, read strictly.

Five forms are told apart by their columns, under these names or others that are known (``study_columns``), a row also
with all arms of a study:

==========  ======================================================================================================
events      ``study, treatment, n, events``: one row an arm
means       ``study, treatment, n, mean, sd``: one row an arm
contrasts   ``study, treatment_1, treatment_2, effect, se``: one row a contrast, 1 against 2; ratios as logarithms
estimates   ``study, treatment_1, treatment_2, estimate, ci_low, ci_high`` (or ``p``): ratios as ratios
log_rank    ``study, treatment_1, treatment_2, p, events, n_1, n_2, favours``: ``favours`` names the better arm
==========  ======================================================================================================

Contrasts may have ``variance`` for ``se``, and ``shared_variance`` for studies with three arms or more that give each
arm against one. ``outcome``, ``time``, ``unit`` and ``measure`` are known by name, and a table that mixes them must be
narrowed before it is pooled. Any other column is kept as text: a covariate of the study, a source, a note. An empty
number (or NA) leaves out its row, not the table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.evidence.study_columns import TableForm, fold_name
from limus.evidence.study_shapes import FORM_COLUMNS, MISSING_WORDS, ShapedTable, shape_table
from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import FileReadError, InputError, UnknownNameError, near_names
from limus.kernel.tables import Table, library_folder, read_csv

__all__ = [
    "SCALE_COLUMNS",
    "StudyTable",
    "TableForm",
    "find_study_table",
    "narrow",
    "read_conditions",
    "read_study_table",
    "shipped_tables",
]

SCALE_COLUMNS = ("outcome", "time", "unit", "measure")


_NUMBERS: Mapping[TableForm, Mapping[str, str]] = {
    TableForm.EVENTS: {"n": "participants", "events": "participants with the event"},
    TableForm.MEANS: {"n": "participants", "mean": "mean of the arm", "sd": "standard deviation of the arm"},
    TableForm.CONTRASTS: {
        "effect": "effect of 1 against 2; a ratio as its natural logarithm",
        "se": "standard error of the effect",
        "variance": "its square",
        "shared_variance": "variance of the arm that all contrasts of a study share: their covariance",
    },
    TableForm.ESTIMATES: {
        "estimate": "effect of 1 against 2; a ratio as a ratio",
        "ci_low": "lower end of its 95 % interval",
        "ci_high": "upper end of its 95 % interval",
        "p": "two-sided p-value, where there is no interval",
    },
    TableForm.LOG_RANK: {
        "p": "two-sided p-value of the log-rank test",
        "events": "events in both arms together",
        "n_1": "participants with treatment 1",
        "n_2": "participants with treatment 2",
    },
}
_MAY_BE_BLANK = ("favours",)
_THOUSANDS = r"[1-9]\d{0,2}(?:,\d{3})+"


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
    findings : tuple of Finding
        What was read as what.
    measure : str
        What the names of its columns say is measured, such as OR; empty where they do not.
    """

    name: str
    form: TableForm
    rows: Table
    findings: tuple[Finding, ...] = ()
    measure: str = ""

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
        needed, further = FORM_COLUMNS[self.form]
        own = {*needed, *further, "row", "measure"}
        return tuple(name for name in self.rows.names if name not in own)

    def where(self, mask: NDArray[np.bool_]) -> StudyTable:
        """Return the table with some of its rows.

        Parameters
        ----------
        mask : (n,) array of bool

        Returns
        -------
        StudyTable
        """
        return replace(self, rows=self.rows.where(mask))


def shipped_tables() -> tuple[str, ...]:
    """Return the names of the study tables of the library.

    Returns
    -------
    tuple of str
    """
    return tuple(sorted(path.stem for path in (library_folder() / "evidence").glob("*.csv")))


def find_study_table(name: str) -> Path:
    """Return the file of a study table.

    Parameters
    ----------
    name : str
        Name of a shipped table, or path of a CSV file.

    Returns
    -------
    Path

    Raises
    ------
    UnknownNameError
        Neither a file nor a shipped table.
    """
    path = Path(name)
    if path.suffix or path.is_file():
        return path
    if name not in shipped_tables():
        near = near_names(name, shipped_tables())
        hint = f"did you mean {near[0]}?" if near else "or give the path of a CSV file"
        raise UnknownNameError("study table", name, ", ".join(shipped_tables()), hint)
    return library_folder() / "evidence" / f"{name}.csv"


def read_conditions(where: Sequence[str], *, outcome: str | None = None, time: str | None = None) -> dict[str, str]:
    """Read which rows are wanted.

    Parameters
    ----------
    where : sequence of str
        Such as ``population=adults``.
    outcome, time : str, optional

    Returns
    -------
    dict of str to str
        Column to value, for :func:`narrow`.

    Raises
    ------
    InputError
        A condition that is not column=value.

    Examples
    --------
    >>> read_conditions(["population=adults"], time="12 weeks")
    {'population': 'adults', 'time': '12 weeks'}
    """
    chosen = {}
    for text in where:
        column, equals, value = text.partition("=")
        if not equals or not column.strip():
            raise InputError("--where", text, "column=value", "write for example population=adults")
        chosen[column.strip()] = value.strip()
    return chosen | {name: value for name, value in (("outcome", outcome), ("time", time)) if value}


def read_study_table(name: str, measure: str = "", columns: Sequence[str] = ()) -> StudyTable:
    """Read a study table, of the library by its name or of one's own by its path.

    Parameters
    ----------
    name : str
        Name of a shipped table, or path of a CSV file (comma, semicolon or tab).
    measure : str
        What is asked for, such as OR; it decides where a table could be read in several ways.
    columns : sequence of str
        Such as ``events=stroke``: where a column stands under a name that is not known.

    Returns
    -------
    StudyTable

    Raises
    ------
    InputError
        A column that is not there, or a role that there is not.
    UnknownNameError
        Neither a file nor a shipped table.
    FileReadError
        A file that cannot be read, whose columns are of no form or of two, or with a cell that is not a number.
    """
    path = find_study_table(name)
    found = read_csv(path, (), other_columns=True, separator=_separator(path), line_numbers="\n")
    header = [column for column in found.names if column != "\n"]
    if "row" in header:
        raise FileReadError(f"{path}, header", "row", "another name", "rename the column; limus numbers rows itself")
    if not len(found):
        raise FileReadError(str(path), "no rows", "one row an arm or a contrast", "check the file")
    lines = [int(line) for line in found["\n"]]
    records = [{column: str(found[column][at]) for column in header} | {"row": str(at + 1)} for at in range(len(found))]
    shaped = shape_table(str(path), header, records, measure, _read_columns(path, columns, header))
    bounds = [
        Finding(
            "p-is-a-bound",
            Severity.WARNING,
            f"{path.name}, row {record['row']}",
            f"p {record['p']}",
            "a p-value as it was computed",
            "no standard error follows from a bound: give the interval",
        )
        for record in shaped.records
        if _is_bound(record.get("p", ""))
    ]
    rows = _typed(path, shaped, lines)
    return StudyTable(path.name, shaped.form, rows, (*shaped.findings, *bounds), shaped.measure)


def _is_bound(cell: str) -> bool:
    return re.fullmatch(r"[<>≤≥]\s*[0-9.]+", cell.strip()) is not None


def _read_columns(path: Path, columns: Sequence[str], header: Sequence[str]) -> dict[str, str]:
    roles = list(dict.fromkeys(name for needed, more in FORM_COLUMNS.values() for name in (*needed, *more)))
    named = {}
    for text in columns:
        role, equals, column = (part.strip() for part in text.partition("="))
        if not equals or role not in roles:
            allowed = f"ROLE=COLUMN with a role of {', '.join(roles)}"
            raise InputError("--column", text, allowed, "write for example events=stroke")
        if not any(name == column or fold_name(name).startswith(fold_name(column)) for name in header):
            raise InputError(f"{path}, column", column, ", ".join(header), "choose one of these")
        named[role] = column
    return named


def _separator(path: Path) -> str:
    """Of the header line: the sign that it has most of."""
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileReadError(str(path), error, "a readable UTF-8 CSV file", "check path and encoding") from None
    header = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    return max(",;\t", key=header.count)


def _typed(path: Path, shaped: ShapedTable, lines: Sequence[int]) -> Table:
    numbers = _NUMBERS[shaped.form]
    columns: dict[str, Any] = {}
    for name in shaped.columns:
        cells = [(record[name], f"{path}, line {lines[int(record['row']) - 1]}, {name}") for record in shaped.records]
        if name in numbers:
            texts = [("" if name == "p" and _is_bound(cell) else cell, where) for cell, where in cells]
            columns[name] = np.array([_number(cell, where, numbers[name]) for cell, where in texts])
            continue
        needed = name in FORM_COLUMNS[shaped.form][0] and name not in _MAY_BE_BLANK
        for cell, where in cells:
            if needed and not cell.strip():
                raise FileReadError(where, "an empty cell", f"name of the {name.partition('_')[0]}", "fill the cell")
        columns[name] = [cell for cell, _ in cells]
    columns["row"] = np.array([float(record["row"]) for record in shaped.records])
    return Table.create(columns)


def _number(cell: str, where: str, meaning: str) -> float:
    if cell.strip().casefold() in MISSING_WORDS:
        return math.nan
    if meaning.startswith("participants"):  # a count: three digits behind a comma are thousands
        cell = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", cell) if re.fullmatch(_THOUSANDS, cell.strip()) else cell
    try:
        value = float(cell) if "_" not in cell else math.inf
    except ValueError:
        do = "write a plain number, no unit"
        if re.fullmatch(r"[-+]?\d+,\d+", cell.strip()):
            do = "write a decimal point, and no comma between thousands: limus does not guess which this is"
        raise FileReadError(where, cell, meaning, do) from None
    if not math.isfinite(value):
        raise FileReadError(where, cell, "a finite number", "leave the cell empty if the value is missing")
    return value


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
