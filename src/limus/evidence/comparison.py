"""From a study table to one comparison: which treatments, which studies, what becomes of studies with several arms.

The rule, decided once. The reference is one treatment. The treatment is one, or several that are meant as one: their
arms within a study are combined (events and participants added; means and standard deviations as of one group), so no
participant is counted twice. Other arms of a study are not used. A study without an arm on either side, with two rows
for one arm, or with two contrasts that share an arm, is left out, and a finding says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from limus.evidence.study_checks import TABLE_CHECKS, examine_rows, place_of
from limus.evidence.study_table import StudyTable, TableForm
from limus.kernel.checks import Finding, Severity, raise_on_errors, run_checks
from limus.kernel.errors import InputError, NothingSucceededError, UnknownNameError, near_names
from limus.kernel.statistics.pooling import combine_means

__all__ = ["Comparison", "Study", "compare_treatments", "is_control"]

Row = Mapping[str, Any]

_CONTROL_WORDS = ("placebo", "vehicle", "control", "no treatment", "standard care", "usual care", "no intervention")


def is_control(name: str) -> bool:
    """Say whether a treatment has the name of a control.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool

    Examples
    --------
    >>> is_control("Placebo/control"), is_control("drug + placebo")
    (True, False)
    """
    return all(part.strip() in _CONTROL_WORDS for part in re.split(r"/|\bor\b", name.casefold()))


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """One study as it enters the comparison.

    Attributes
    ----------
    name : str
    status : str
        ``compared``, or why it is left out.
    numbers : mapping of str to float
        What the form has for both sides, such as ``events_1, n_1, events_2, n_2``; empty where left out. ``turned`` is
        1 where a contrast was given the other way round.
    arms : tuple of str
        Treatments of the first side.
    covariates : mapping of str to str
        The table's other columns; empty text where the study's rows differ.
    origins : tuple of mapping
        ``kind``, ``source`` and ``note`` of each side, or of the contrast, as the table has them.
    """

    name: str
    status: str
    numbers: Mapping[str, float]
    arms: tuple[str, ...]
    covariates: Mapping[str, str]
    origins: tuple[Mapping[str, str], ...] = ()

    @property
    def assumed(self) -> bool:
        """Whether a number of it is only assumed, as the table's column ``kind`` says."""
        return any(origin["kind"] == "assumed" for origin in self.origins)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One comparison of a treatment with a reference.

    Attributes
    ----------
    name : str
        The table.
    form : TableForm
    treatment : tuple of str
        One treatment, or several taken as one.
    reference : str
    scale : mapping of str to str
        Outcome, time and unit, where the table says.
    studies : tuple of Study
        In the order of the table.
    findings : tuple of Finding
    """

    name: str
    form: TableForm
    treatment: tuple[str, ...]
    reference: str
    scale: Mapping[str, str]
    studies: tuple[Study, ...]
    findings: tuple[Finding, ...]

    @property
    def treatment_name(self) -> str:
        """The treatment in words."""
        return " or ".join(self.treatment)

    @property
    def compared(self) -> tuple[Study, ...]:
        """The studies that are not left out."""
        return tuple(study for study in self.studies if study.status == "compared")


def compare_treatments(table: StudyTable, treatment: Sequence[str] = (), reference: str | None = None) -> Comparison:
    """Make one comparison out of a study table.

    Parameters
    ----------
    table : StudyTable
        Narrowed to one outcome, time and unit.
    treatment : sequence of str
        The treatments that are taken as one; may be empty where only one is not the reference.
    reference : str, optional
        By default the only treatment with a name such as placebo or vehicle, or else the second one of the first study
        in a table of two treatments; a finding says which.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        Several outcomes, times or units; several treatments and none chosen; a treatment that is also the reference.
    UnknownNameError
        A treatment that is not in the table.
    NothingSucceededError
        No study compares the two.
    """
    findings = list(run_checks(table, TABLE_CHECKS))
    raise_on_errors(findings, InputError)
    chosen, notes = _choose_reference(table, treatment, reference)
    findings += notes
    named = _choose_treatment(table, treatment, chosen)
    statuses, row_findings = examine_rows(table)
    concerned = [_concerns(row, named, chosen) for row in table.rows.rows()]
    findings += [finding for finding, ours in zip(row_findings, concerned, strict=True) if finding and ours]
    studies = []
    for name in dict.fromkeys(str(name) for name in table.rows["study"]):
        at = [i for i, study in enumerate(table.rows["study"]) if study == name]
        rows: list[Row] = [row for i, row in enumerate(table.rows.rows()) if i in set(at)]
        study, more = _make_study(table, name, rows, [statuses[i] for i in at], (named, chosen))
        studies.append(study)
        findings += more
    comparison = Comparison(table.name, table.form, named, chosen, _scale(table), tuple(studies), tuple(findings))
    if not comparison.compared:
        reasons = "; ".join(f"{study.name}: {study.status.replace('-', ' ')}" for study in studies)
        where = f"{comparison.treatment_name} against {chosen}"
        raise NothingSucceededError(where, f"no study left ({reasons})", "a study with both", "choose other treatments")
    return comparison


def _concerns(row: Row, treatment: tuple[str, ...], reference: str) -> bool:
    if "treatment" in row:
        return row["treatment"] in treatment or row["treatment"] == reference
    pair = {row["treatment_1"], row["treatment_2"]}
    return reference in pair and bool(pair & set(treatment))


def _scale(table: StudyTable) -> dict[str, str]:
    names = [name for name in ("outcome", "time", "unit") if name in table.rows.names]  # measure is the plan's
    return {name: str(table.rows[name][0]) for name in names if str(table.rows[name][0])}


def _known(table: StudyTable, name: str, what: str) -> str:
    if name not in table.treatments:
        near = near_names(name, table.treatments)
        hint = f"did you mean {near[0]}?" if near else "choose one of these"
        raise UnknownNameError(f"{table.name}, {what}", name, "; ".join(table.treatments), hint)
    return name


def _choose_reference(table: StudyTable, treatment: Sequence[str], reference: str | None) -> tuple[str, list[Finding]]:
    if reference is not None:
        return _known(table, reference, "reference"), []
    others = [name for name in table.treatments if name not in treatment]
    controls = [name for name in others if is_control(name)]
    if len(controls) == 1:
        rule, found = "the only treatment with the name of a control", controls[0]
    elif len(others) == 1:
        rule, found = "the only treatment that is not the one named", others[0]
    elif len(table.treatments) == 2 and not treatment:
        rule, found = "the second treatment of the first study", _second(table)
    else:
        got = "; ".join(table.treatments)
        raise InputError("--reference", "none given", f"one of {got}", "name what the treatment is compared with")
    do = "name it with --reference to be sure"
    got = f"the reference is {found}, {rule}"
    return found, [Finding("reference-chosen", Severity.WARNING, table.name, got, "", do)]


def _second(table: StudyTable) -> str:
    return table.treatments[1]


def _choose_treatment(table: StudyTable, treatment: Sequence[str], reference: str) -> tuple[str, ...]:
    if reference in treatment:
        raise InputError("--treatment", reference, "another treatment than the reference", "leave one of the two out")
    if treatment:
        return tuple(dict.fromkeys(_known(table, name, "treatment") for name in treatment))
    others = tuple(name for name in table.treatments if name != reference)
    if len(others) != 1:
        do = "choose one with --treatment; several named are combined within a study and taken as one"
        got = f"{len(others)} treatments besides the reference {reference}"
        raise InputError("--treatment", got, "; ".join(others) or "a second treatment", do)
    return others


def _make_study(
    table: StudyTable, name: str, rows: list[Row], statuses: list[str], sides: tuple[tuple[str, ...], str]
) -> tuple[Study, list[Finding]]:
    build = _study_of_arms if table.form.by_arm else _study_of_contrasts
    good = [row for row, status in zip(rows, statuses, strict=True) if status == "ok"]
    covariates = {}
    for column in table.other_columns:
        values = {str(row[column]) for row in rows}
        covariates[column] = values.pop() if len(values) == 1 else ""
    status, numbers, used, findings = build(table, name, good, sides)
    failed = [found for found in statuses if found != "ok"]
    if status in ("single-arm", "other-treatments") and failed:
        status = failed[0]
    arms = tuple(str(row["treatment"]) for row in used[0]) if used and table.form.by_arm else ()
    if used and not table.form.by_arm:
        row = used[0][0]
        arms = (str(row["treatment_2"] if row["treatment_1"] == sides[1] else row["treatment_1"]),)
    return Study(name, status, numbers, arms, covariates, tuple(_origin(side) for side in used)), findings


def _origin(rows: Sequence[Row]) -> dict[str, str]:
    """Kind, source and note of the rows of one side; assumed if one of them is."""
    said = {name: [str(row.get(name, "")) for row in rows] for name in ("kind", "source", "note")}
    joined = {name: "; ".join(dict.fromkeys(filter(None, texts))) for name, texts in said.items()}
    joined["source"] = joined["source"].replace("; ", ";")
    return joined | {"kind": "assumed" if "assumed" in said["kind"] else said["kind"][0]}


# status, numbers, the rows used on each side, findings
_Made = tuple[str, dict[str, float], tuple[list[Row], ...], list[Finding]]


def _left_out(status: str, name: str, table: StudyTable, got: str, allowed: str, do: str) -> _Made:
    severity = Severity.NOTE if status == "other-treatments" else Severity.WARNING
    return status, {}, (), [Finding(status, severity, f"{table.name}, {name}: left out", got, allowed, do)]


def _study_of_arms(table: StudyTable, name: str, rows: list[Row], sides: tuple[tuple[str, ...], str]) -> _Made:
    treatment, reference = sides
    ours = [row for row in rows if row["treatment"] in treatment or row["treatment"] == reference]
    names = [str(row["treatment"]) for row in ours]
    doubled = sorted({arm for arm in names if names.count(arm) > 1})
    if doubled:
        got = "; ".join(place_of(row) for row in ours if row["treatment"] in doubled)
        return _left_out("duplicate-arm", name, table, got, "one row an arm", "remove one, or narrow the table")
    first = [row for row in ours if row["treatment"] in treatment]
    second = [row for row in ours if row["treatment"] == reference]
    if not first or not second:
        got = ", ".join(str(row["treatment"]) for row in rows) or "no usable arm"
        status = "single-arm" if len(rows) == 1 else "other-treatments"
        allowed = f"an arm of {' or '.join(treatment)} and one of {reference}"
        return _left_out(status, name, table, got, allowed, "nothing, if that is meant")
    findings = []
    if len(first) > 1:
        got = " and ".join(str(row["treatment"]) for row in first)
        do = "name one of them to choose it"
        findings.append(Finding("arms-combined", Severity.NOTE, f"{table.name}, {name}", got, "combined into one", do))
    keys = ("events", "n") if table.form is TableForm.EVENTS else ("mean", "sd", "n")
    numbers: dict[str, float] = {}
    for side, arms in ((1, first), (2, second)):
        numbers |= {f"{key}_{side}": value for key, value in zip(keys, _combine(arms, keys), strict=True)}
    return "compared", numbers, (first, second), findings


def _combine(arms: list[Row], keys: tuple[str, ...]) -> tuple[float, ...]:
    if len(arms) == 1:
        return tuple(float(arms[0][key]) for key in keys)
    if keys == ("events", "n"):
        return tuple(float(sum(arm[key] for arm in arms)) for key in keys)
    mean, sd, n = (np.array([arm[key] for arm in arms]) for key in keys)
    return combine_means(mean, sd, n)


def _study_of_contrasts(table: StudyTable, name: str, rows: list[Row], sides: tuple[tuple[str, ...], str]) -> _Made:
    treatment, reference = sides
    found = []
    for row in rows:
        first, second = str(row["treatment_1"]), str(row["treatment_2"])
        if first in treatment and second == reference:
            found.append((row, 0.0, first))
        elif second in treatment and first == reference:
            found.append((row, 1.0, second))
    if not found:
        got = "; ".join(f"{row['treatment_1']} against {row['treatment_2']}" for row in rows) or "no usable contrast"
        allowed = f"{' or '.join(treatment)} against {reference}"
        return _left_out("other-treatments", name, table, got, allowed, "nothing, if that is meant")
    if len(found) > 1:
        status = "duplicate-contrast" if len({arm for _, _, arm in found}) == 1 else "contrasts-share-an-arm"
        got = "; ".join(place_of(row) for row, _, _ in found)
        do = "name one treatment, or give the arms; how the contrasts go together is not in the table"
        return _left_out(status, name, table, got, "one contrast a study", do)
    row, turned, _ = found[0]
    numbers = {key: float(value) for key, value in row.items() if isinstance(value, float) and key != "row"}
    if table.form is TableForm.LOG_RANK:
        numbers["sign"] = -1.0 if row["favours"] == row["treatment_1"] else 1.0
    return "compared", numbers | {"turned": turned}, ([row],), []
