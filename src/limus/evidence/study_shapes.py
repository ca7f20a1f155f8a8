"""From a table as somebody wrote it to one of the five forms: columns renamed, rows of several arms taken apart.

Everything here is text still; what was read as what is said in findings. Nothing is guessed: where two readings are
possible, the measure decides between them, or the table is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from limus.evidence.consistency.cells import read_effect
from limus.evidence.study_columns import (
    ArmColumns,
    TableForm,
    find_arm_columns,
    find_column,
    fold_name,
    measure_in_name,
)
from limus.evidence.study_names import Record, distinguish_studies
from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import FileReadError
from limus.kernel.statistics.pooling import normal_quantile

__all__ = ["FORM_COLUMNS", "MISSING_WORDS", "ShapedTable", "shape_table"]

# needed columns, then those that may be there
FORM_COLUMNS: Mapping[TableForm, tuple[tuple[str, ...], tuple[str, ...]]] = {
    TableForm.EVENTS: (("study", "treatment", "n", "events"), ()),
    TableForm.MEANS: (("study", "treatment", "n", "mean", "sd"), ()),
    TableForm.CONTRASTS: (
        ("study", "treatment_1", "treatment_2", "effect", "se"),
        ("variance", "shared_variance"),
    ),
    TableForm.ESTIMATES: (("study", "treatment_1", "treatment_2", "estimate"), ("ci_low", "ci_high", "p")),
    TableForm.LOG_RANK: (("study", "treatment_1", "treatment_2", "p", "events", "n_1", "n_2", "favours"), ()),
}
_FORMS_OF: Mapping[str, tuple[TableForm, ...]] = {
    **dict.fromkeys(("RR", "OR", "RD", "AS"), (TableForm.EVENTS, TableForm.CONTRASTS, TableForm.ESTIMATES)),
    **dict.fromkeys(("MD", "SMD"), (TableForm.MEANS, TableForm.CONTRASTS, TableForm.ESTIMATES)),
    "HR": (TableForm.CONTRASTS, TableForm.ESTIMATES, TableForm.LOG_RANK),
}
_NAMED_BY_MEASURE = ("estimate", "effect", "se", "ci_low", "ci_high")
_SHARED_ROLES = ("outcome", "time", "unit", "measure")
MISSING_WORDS = frozenset({"", "na", "n/a", "nr", ".", "-", "\N{EN DASH}", "null", "missing"})


@dataclass(frozen=True, slots=True)
class ShapedTable:
    """Rows of one form, as text.

    Attributes
    ----------
    form : TableForm
    columns : tuple of str
    records : tuple of dict of str to str
        With the number of the row they come from in ``row``.
    findings : tuple of Finding
        What was read as what.
    measure : str
        What the names of its columns say is measured; empty where they do not.
    """

    form: TableForm
    columns: tuple[str, ...]
    records: tuple[Record, ...]
    findings: tuple[Finding, ...]
    measure: str


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a table: column of each role, or the columns of the arms of each row."""

    form: TableForm
    columns: Mapping[str, str]
    arms: Mapping[str, ArmColumns]


def shape_table(
    name: str,
    header: Sequence[str],
    records: Sequence[Record],
    measure: str = "",
    named: Mapping[str, str] | None = None,
) -> ShapedTable:
    """Bring a table into one of the five forms.

    Parameters
    ----------
    name : str
        For messages.
    header : sequence of str
    records : sequence of dict
        Text of each row by column, with ``row``.
    measure : str
        What is asked for, such as OR; it decides where a table can be read in several ways.
    named : mapping of str to str, optional
        Role to column, as the person says.

    Returns
    -------
    ShapedTable

    Raises
    ------
    FileReadError
        The columns are of no form, or of two that the measure does not tell apart.
    """
    found = _readings(header, measure, named or {}) or _readings(header, "", named or {})
    reading = _choose(name, found, header, measure)
    build = _take_apart if reading.arms else _rename
    columns, shaped = build(reading, header, records)
    shaped = distinguish_studies(shaped, by_row=bool(reading.arms))
    findings = _say(name, reading, found, measure)
    value = reading.columns.get("estimate") or reading.columns.get("effect") or ""
    if reading.form is TableForm.CONTRASTS:
        columns, shaped, more = _against_baseline(name, columns, shaped)
        findings = [*(f for f in findings if not more or f.check != "no-comparator"), *more]
    return ShapedTable(reading.form, tuple(columns), tuple(shaped), tuple(findings), measure_in_name(value))


def _readings(header: Sequence[str], measure: str, named: Mapping[str, str]) -> list[_Reading]:
    found = []
    study = find_column("study", header, named=named)
    arms = find_arm_columns(header, named)
    if arms:
        roles = set.intersection(*(set(columns) for columns in arms.values()))
        form = TableForm.EVENTS if "events" in roles else TableForm.MEANS if "mean" in roles else None
        if form is not None:
            found.append(_Reading(form, {"study": study} if study else {}, arms))
    for form, (needed, further) in FORM_COLUMNS.items():
        columns = {
            role: column
            for role in (*needed, *further)
            if (column := find_column(role, header, measure if role in _NAMED_BY_MEASURE else "", named))
        }
        if form is TableForm.MEANS and "sd" not in columns:
            error = find_column("standard_error", header)
            columns |= {"standard_error": error} if error else {}
        if form is TableForm.CONTRASTS and not columns.keys() & {"se", "variance"}:
            log = re.match(r"(log|ln|te$|yi$)", fold_name(columns.get("effect", "")))
            if log or measure in ("RD", "MD", "SMD"):  # else an interval of ratios may be meant
                ends = {role: find_column(role, header) for role in ("ci_low", "ci_high")}
                columns |= {role: column for role, column in ends.items() if column}
        if form is TableForm.ESTIMATES:
            text = find_column("ci", header)
            columns |= {"ci": text} if text and "ci_low" not in columns else {}
        if _is_whole(form, columns) and not (arms and form.by_arm):
            found.append(_Reading(form, _no_column_twice(columns), {}))
    return found


def _is_whole(form: TableForm, columns: Mapping[str, str]) -> bool:
    there = set(columns)
    if form is TableForm.CONTRASTS:
        return {"study", "effect"} <= there and bool(there & {"se", "variance"} or {"ci_low", "ci_high"} <= there)
    if form is TableForm.ESTIMATES:
        in_cell = fold_name(columns.get("estimate", "")).endswith(("ci", "ci95"))  # 1.2 (0.9 to 1.6)
        spread = {"ci_low", "ci_high"} <= there or "ci" in there or "p" in there or in_cell
        return {"study", "estimate"} <= there and spread
    if form is TableForm.MEANS and "standard_error" in there:
        there |= {"sd"}
    return set(FORM_COLUMNS[form][0]) <= there


def _no_column_twice(columns: Mapping[str, str]) -> dict[str, str]:
    """Each column in the first role that takes it."""
    kept: dict[str, str] = {}
    for role, column in columns.items():
        if column not in kept.values():
            kept[role] = column
    return kept


def _choose(name: str, found: Sequence[_Reading], header: Sequence[str], measure: str) -> _Reading:
    fitting = [one for one in found if one.form in _FORMS_OF.get(measure, tuple(TableForm))]
    kept = fitting or found
    by_arm = [one for one in kept if one.form.by_arm]
    if len(by_arm) == 1:
        return by_arm[0]
    if kept and not by_arm:
        return kept[0]
    forms = "; ".join(f"{form}: {', '.join((*needed, *more))}" for form, (needed, more) in FORM_COLUMNS.items())
    got = f"columns of {' and '.join(one.form for one in kept)}" if kept else ", ".join(header)
    do = "rename or remove columns" if kept else _nearest(header, measure)
    raise FileReadError(f"{name}, header", got, f"the columns of one form ({forms})", do)


def _nearest(header: Sequence[str], measure: str) -> str:
    """What the form lacks that the columns are nearest to."""
    lacking = {
        form: [role for role in FORM_COLUMNS[form][0] if find_column(role, header) is None]
        for form in _FORMS_OF.get(measure, tuple(TableForm))
    }
    form, roles = min(lacking.items(), key=lambda item: len(item[1]))
    said = " ".join(f"--column {role}=NAME" for role in roles)
    return f"nearest is {form}, which lacks {', '.join(roles)}: rename columns, or say {said}"


def _rename(reading: _Reading, header: Sequence[str], records: Sequence[Record]) -> tuple[list[str], list[Record]]:
    roles = dict(reading.columns)
    for role in _SHARED_ROLES:
        column = find_column(role, header)
        if column and column not in roles.values():
            roles[role] = column
    taken = set(roles.values())
    others = [column for column in header if column not in taken]
    shaped = []
    for record in records:
        row = {role: _blank(record[column]) for role, column in roles.items()}
        row |= {column: record[column] for column in others} | {"row": record["row"]}
        if reading.form is TableForm.MEANS and "standard_error" in row:
            row["sd"] = _deviation(row.pop("standard_error"), row["n"])
        if "ci" in row and reading.form is TableForm.ESTIMATES:
            row |= _ends_of(row.pop("ci"))
        if reading.form is TableForm.ESTIMATES:
            row |= _ends_of(row["estimate"]) if not _is_number(row["estimate"]) else {}
        if not reading.form.by_arm and reading.form is not TableForm.LOG_RANK:
            row.setdefault("treatment_1", "treatment")
            row.setdefault("treatment_2", "control")
        if reading.form is TableForm.CONTRASTS and "se" not in row:
            row["se"] = _error_of(row.pop("ci_low", ""), row.pop("ci_high", ""))
        shaped.append(row)
    columns = list(dict.fromkeys(column for row in shaped for column in row if column != "row"))
    return columns, shaped


def _take_apart(reading: _Reading, header: Sequence[str], records: Sequence[Record]) -> tuple[list[str], list[Record]]:
    roles = {role: column for role in _SHARED_ROLES if (column := find_column(role, header))}
    study = reading.columns.get("study")
    taken = {column for arm in reading.arms.values() for column in arm.values()} | set(roles.values())
    others = [column for column in header if column not in taken and column != study]
    shaped = []
    for record in records:
        shared = {role: record[column] for role, column in roles.items()}
        shared |= {column: record[column] for column in others} | {"row": record["row"]}
        shared["study"] = record[study] if study else f"study {record['row']}"
        for arm, columns in reading.arms.items():
            cells = {role: _blank(record[column]) for role, column in columns.items()}
            named = _arm_name(arm, cells)
            if all(not text for role, text in cells.items() if role != "treatment"):
                continue
            shaped.append(shared | {"treatment": named} | _numbers_of(reading.form, cells))
    return [*FORM_COLUMNS[reading.form][0], *roles, *others], shaped


def _arm_name(arm: str, cells: Mapping[str, str]) -> str:
    if "treatment" in cells:
        return cells["treatment"]
    return {"1": "treated", "2": "control", "experimental": "treated"}.get(
        arm, arm if not arm.isdigit() else f"arm {arm}"
    )


def _numbers_of(form: TableForm, cells: Mapping[str, str]) -> Record:
    if form is TableForm.MEANS:
        sd = cells["sd"] if "sd" in cells else _deviation(cells["standard_error"], cells["n"])
        return {"n": cells["n"], "mean": cells["mean"], "sd": sd}
    events = cells["events"]
    if "n" in cells:
        return {"n": cells["n"], "events": events}
    rest = cells["nonevents"]
    total = f"{float(events) + float(rest):.15g}" if _is_number(events) and _is_number(rest) else ""
    return {"n": total, "events": events}


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text) is not None


def _deviation(error: str, n: str) -> str:
    """The standard deviation of an arm from the standard error of its mean."""
    if not (_is_number(error) and _is_number(n)) or float(n) < 0:
        return ""
    return f"{float(error) * float(n) ** 0.5:.15g}"


def _error_of(low: str, high: str) -> str:
    """The standard error that a 95 % interval by Wald has."""
    if not (_is_number(low) and _is_number(high)):
        return ""
    return f"{(float(high) - float(low)) / (2 * normal_quantile(95)):.15g}"


def _blank(text: str) -> str:
    return "" if text.strip().casefold() in MISSING_WORDS else text


def _ends_of(text: str) -> Record:
    read = read_effect(text)
    if read is None:
        return {}
    names = ("estimate", "ci_low", "ci_high")
    return {name: repr(number.value) for name, number in zip(names, read, strict=True) if number is not None}


def _against_baseline(
    name: str, columns: Sequence[str], shaped: Sequence[Record]
) -> tuple[list[str], list[Record], list[Finding]]:
    """Rows by arm, each against the one arm of its study that has no effect (gemtc and multinma write them so)."""
    by_study: dict[str, list[Record]] = {}
    for row in shaped:
        by_study.setdefault(row["study"], []).append(row)
    blank = {study: [row for row in rows if not row["effect"]] for study, rows in by_study.items()}
    same = {row["treatment_2"] for row in shaped} == {"control"}
    if not same or any(len(rows) != 1 for rows in blank.values()) or len(by_study) == len(shaped):
        return list(columns), list(shaped), []
    made = []
    for study, rows in by_study.items():
        base = blank[study][0]
        error = base["se"] or (f"{float(base['variance']) ** 0.5}" if _is_number(base.get("variance", "")) else "")
        shared = f"{float(error) ** 2:.15g}" if _is_number(error) else ""
        against = {"treatment_2": base["treatment_1"], "shared_variance": shared}
        made += [row | against for row in rows if row is not base]
    got = "each study has one arm without an effect: the others are against it, and its error is what they share"
    finding = Finding("rows-against-baseline", Severity.NOTE, name, got)
    return list(dict.fromkeys([*columns, "shared_variance"])), made, [finding]


def _say(name: str, reading: _Reading, found: Sequence[_Reading], measure: str) -> list[Finding]:
    """What was read as what, where the names are not limus' own."""
    said = [f"{column} as {role}" for role, column in reading.columns.items() if column != role]
    for arm, columns in reading.arms.items():
        named = "" if "treatment" in columns else f" of {_arm_name(arm, {})}"
        said += [f"{column} as {role}{named}" for role, column in columns.items()]
    findings = []
    if said:
        findings.append(Finding("columns-read", Severity.NOTE, name, ", ".join(said)))
    if not reading.form.by_arm and reading.form is not TableForm.LOG_RANK and "treatment_2" not in reading.columns:
        got = "no column names the comparator: treatment is called treatment, its comparator control"
        if "treatment_1" in reading.columns:
            got = "no column names the comparator: it is called control"
        findings.append(Finding("no-comparator", Severity.WARNING, name, got))
    rivals = [one.form for one in found if one.form is not reading.form]
    fitting = [form for form in rivals if form in _FORMS_OF.get(measure, tuple(TableForm))]
    if fitting:
        got = f"read by {reading.form}; the columns of {' and '.join(fitting)} are not used"
        findings.append(Finding("form-chosen", Severity.WARNING, name, got, "", "remove columns to have it otherwise"))
    return findings
