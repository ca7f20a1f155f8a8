"""Checks of a study table: what a row cannot be, what leaves a study out, what a reader should know.

A row that fails is left out with the name of the check as its status; the rest of the table goes on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from limus.evidence.study_columns import measure_in_name
from limus.evidence.study_table import SCALE_COLUMNS, StudyTable, TableForm
from limus.kernel.checks import Check, Finding, Severity
from limus.kernel.errors import InputError

__all__ = ["ROW_CHECKS", "SCALE_CHECKS", "TABLE_CHECKS", "examine_rows", "place_of", "require_measure"]

_SUMMARY = re.compile(
    r"(?:(?:sub)?-?totals?|overall|pooled|summary|combined|all (?:studies|trials))(?:\s+(?:effects?|estimate))?"
    r"(?:\s*\(.*\))?",
    re.IGNORECASE,
)
Row = Mapping[str, Any]
RowProblem = tuple[str, str, str]  # what stands there, what is allowed, what to do


def place_of(row: Row) -> str:
    """Return where a row stands, for messages.

    Parameters
    ----------
    row : mapping
        A row of a study table.

    Returns
    -------
    str
    """
    arm = row["treatment"] if "treatment" in row else f"{row['treatment_1']} against {row['treatment_2']}"
    return f"row {row['row']:.0f}, {row['study']}, {arm}"


def _missing(row: Row, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if math.isnan(row[name]))


_NEEDED: Mapping[TableForm, tuple[str, ...]] = {
    TableForm.EVENTS: ("n", "events"),
    TableForm.MEANS: ("n", "mean", "sd"),
    TableForm.CONTRASTS: ("effect",),
    TableForm.ESTIMATES: ("estimate",),
    TableForm.LOG_RANK: ("p", "events", "n_1", "n_2"),
}


def _numbers_there(row: Row, form: TableForm) -> RowProblem | None:
    empty = list(_missing(row, _NEEDED[form]))
    if form is TableForm.ESTIMATES:
        pair = math.isnan(row.get("ci_low", math.nan)) or math.isnan(row.get("ci_high", math.nan))
        if pair and math.isnan(row.get("p", math.nan)):
            empty.append("ci_low and ci_high, or p")
    if form is TableForm.CONTRASTS and math.isnan(row["se"]) and math.isnan(row.get("variance", math.nan)):
        empty.append("se or variance" if "variance" in row else "se")
    if form is TableForm.LOG_RANK and not row["favours"]:
        empty.append("favours")
    return (
        (f"no {', '.join(empty)}", "numbers in these columns", "fill the cells, or leave the row out")
        if empty
        else None
    )


def _counts_whole(row: Row, form: TableForm) -> RowProblem | None:
    names = [name for name in ("n", "events", "n_1", "n_2") if name in row]
    bad = [
        f"{name} {row[name]:g}" for name in names if not math.isnan(row[name]) and row[name] != math.floor(row[name])
    ]
    return (", ".join(bad), "whole numbers", "give counts; a percentage is not a count") if bad else None


def _counts_possible(row: Row, form: TableForm) -> RowProblem | None:
    if form is TableForm.EVENTS and not (0 <= row["events"] <= row["n"] and row["n"] >= 1):
        return f"{row['events']:g} events of {row['n']:g}", "0 <= events <= n, n at least 1", "correct the counts"
    if form is TableForm.MEANS and row["n"] < 2:
        return f"n {row['n']:g}", "at least two participants", "correct n"
    if form is TableForm.LOG_RANK:
        total = row["n_1"] + row["n_2"]
        if not (row["n_1"] >= 1 and row["n_2"] >= 1 and 0 < row["events"] <= total):
            return (
                f"{row['events']:g} events of {total:g}",
                "0 < events <= n_1 + n_2, no empty arm",
                "correct the counts",
            )
    return None


def _spread_positive(row: Row, form: TableForm) -> RowProblem | None:
    name = {TableForm.MEANS: "sd", TableForm.CONTRASTS: "se"}.get(form)
    if name == "se" and math.isnan(row["se"]):
        name = "variance"
    if name is None or row[name] > 0:
        return None
    return (
        f"{name} {row[name]:g}",
        "above zero; a variance cannot be negative, nor known to be nothing",
        f"correct {name}",
    )


def _interval_ordered(row: Row, form: TableForm) -> RowProblem | None:
    low, high = row.get("ci_low", math.nan), row.get("ci_high", math.nan)
    if form is not TableForm.ESTIMATES or math.isnan(low) or math.isnan(high):
        return None
    if low <= row["estimate"] <= high and low < high:
        return None
    got = f"{row['estimate']:g} ({low:g} to {high:g})"
    return got, "the estimate inside its interval, lower end first", "correct the numbers"


def _p_possible(row: Row, form: TableForm) -> RowProblem | None:
    uses_p = form is TableForm.LOG_RANK or (form is TableForm.ESTIMATES and math.isnan(row.get("ci_low", math.nan)))
    if not uses_p or 0 < row["p"] < 1:
        return None
    return f"p {row['p']:g}", "between 0 and 1, both excluded", "give the interval, or the p-value as printed in full"


def _favours_an_arm(row: Row, form: TableForm) -> RowProblem | None:
    if form is not TableForm.LOG_RANK or row["favours"] in (row["treatment_1"], row["treatment_2"]):
        return None
    return f"favours {row['favours']}", f"{row['treatment_1']} or {row['treatment_2']}", "name one of the two arms"


def _a_study(row: Row, _: TableForm) -> RowProblem | None:
    if not _SUMMARY.fullmatch(str(row["study"]).strip()):
        return None
    return (str(row["study"]), "a study, not the sum of them", "leave the row out; its studies are there already")


ROW_CHECKS: tuple[tuple[str, str, Callable[[Row, TableForm], RowProblem | None]], ...] = (
    ("a-study-itself", "A row is a study, not a total of studies.", _a_study),
    ("numbers-there", "Every number that the form needs is filled in.", _numbers_there),
    ("counts-whole", "Counts are whole numbers.", _counts_whole),
    ("counts-possible", "Events do not exceed participants, and no arm is empty.", _counts_possible),
    ("spread-positive", "Standard deviations and errors are positive.", _spread_positive),
    ("interval-ordered", "The estimate stands inside its interval.", _interval_ordered),
    ("p-possible", "A p-value that is used lies between 0 and 1.", _p_possible),
    ("favours-an-arm", "What is favoured is one of the two arms.", _favours_an_arm),
)


def examine_rows(table: StudyTable) -> tuple[tuple[str, ...], tuple[Finding | None, ...]]:
    """Return the status of each row, and a finding for each that is left out (None for the others).

    Parameters
    ----------
    table : StudyTable

    Returns
    -------
    tuple of (statuses, findings)
        A status is ``ok`` or the name of the first check that failed.
    """
    statuses: list[str] = []
    findings: list[Finding | None] = []
    own_names = _studies_called_total(table)
    for row in table.rows.rows():
        status, finding = "ok", None
        for name, _, ask in ROW_CHECKS:
            problem = None if ask is _a_study and row["study"] in own_names else ask(row, table.form)
            if problem is not None:
                status, finding = name, Finding(name, Severity.WARNING, f"{place_of(row)}: left out", *problem)
                break
        statuses.append(status)
        findings.append(finding)
    return tuple(statuses), tuple(findings)


def _studies_called_total(table: StudyTable) -> set[str]:
    """Studies with the name of a sum that are none: fewer participants than the others of their treatment together."""
    if not table.form.by_arm:
        return set()
    people: dict[str, float] = {}
    called: dict[str, list[Row]] = {}
    for row in table.rows.rows():
        if _SUMMARY.fullmatch(str(row["study"]).strip()):
            called.setdefault(str(row["study"]), []).append(row)
        elif not math.isnan(row["n"]):
            people[str(row["treatment"])] = people.get(str(row["treatment"]), 0.0) + row["n"]
    return {
        name for name, rows in called.items() if any(row["n"] < people.get(str(row["treatment"]), 0.0) for row in rows)
    }


def require_measure(table: StudyTable, measure: str) -> None:
    """Refuse a table whose effects are of another measure than the one asked for.

    Parameters
    ----------
    table : StudyTable
    measure : str
        Such as OR.

    Raises
    ------
    InputError
        A column's name, or the column ``measure``, says another one.
    """
    said = table.measure
    if not table.form.by_arm and "measure" in table.rows.names:
        values = {measure_in_name(str(value)) for value in table.rows["measure"]}
        said = values.pop() if len(values) == 1 else said
    if said and not table.form.by_arm and said != measure:
        do = f"choose --measure {said}, or rename the column if its name is wrong"
        raise InputError("--measure", f"{measure} from effects that {table.name} calls {said}", said, do)


def _ask_one_value(column: str) -> Callable[[StudyTable], Iterator[Finding]]:
    def ask(table: StudyTable) -> Iterator[Finding]:
        if column not in table.rows.names:
            return
        values = list(dict.fromkeys(str(value) for value in table.rows[column]))
        if len(values) > 1:
            got = "; ".join(value or "(empty)" for value in values)
            do = {"unit": "convert to one unit, or choose with --where", "measure": "choose with --where"}.get(
                column, f"choose one with --{column}"
            )
            yield Finding(f"one-{column}", Severity.ERROR, f"{table.name}, column {column}", got, f"one {column}", do)

    return ask


def _ask_what_was_read(table: StudyTable) -> Iterator[Finding]:
    yield from table.findings


def _ask_names(table: StudyTable) -> Iterator[Finding]:
    for what, names in (
        ("treatment", table.treatments),
        ("study", tuple(dict.fromkeys(map(str, table.rows["study"])))),
    ):
        folded: dict[str, str] = {}
        for name in names:
            other = folded.setdefault("".join(name.casefold().split()), name)
            if other != name:
                got, do = f"{other!r} and {name!r}", "write one name in one way; they are taken as different"
                yield Finding("names-alike", Severity.WARNING, f"{table.name}, {what}", got, "names that differ", do)


SCALE_CHECKS: tuple[Check[StudyTable], ...] = tuple(
    Check(f"one-{name}", f"All rows have one {name}.", _ask_one_value(name)) for name in SCALE_COLUMNS
)
TABLE_CHECKS: tuple[Check[StudyTable], ...] = (
    *SCALE_CHECKS,
    Check("columns-read", "What stands under other names is said.", _ask_what_was_read),
    Check("names-alike", "No two names differ only in case or spaces.", _ask_names),
)
