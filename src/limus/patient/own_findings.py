"""What was noticed about some patients of a table: what concerns others only is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from limus.kernel.checks import Finding, run_checks
from limus.pharmacokinetics.event_table.covariate_warnings import COVARIATE_CHECKS
from limus.pharmacokinetics.event_table.plausibility import TypicalRange, plausibility_findings
from limus.pharmacokinetics.event_table.records import EventTable, select_subjects
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.event_table.warnings import TABLE_CHECKS

__all__ = ["own_findings"]

_BY_FILE = {"sudden-doses", *(check.name for check in COVARIATE_CHECKS)}  # they need the other patients to compare
_NAMED = re.compile(r"[^()]*\(ID ([^,()]+)(?:, [^()]*)?\)")
_LISTED = re.compile(r"IDs? ([^()]*)")


def own_findings(
    table: EventTable, subjects: Sequence[str], units: TableUnits, typical: Sequence[TypicalRange]
) -> tuple[Finding, ...]:
    """Return what was noticed when a table was read, as far as it concerns some subjects or the file's columns.

    Parameters
    ----------
    table : EventTable
        With the findings of its reading.
    subjects : sequence of str
    units : TableUnits
        As the file was read.
    typical : sequence of TypicalRange

    Returns
    -------
    tuple of Finding
        Errors too, where the subjects alone show a slip of a unit.

    Raises
    ------
    UnknownNameError
        No such subject.
    """
    every = (*run_checks(table, TABLE_CHECKS), *plausibility_findings(table, units, typical))
    about_columns = [finding for finding in table.findings if finding not in set(every)]
    chosen = select_subjects(table, subjects)
    alone = [check for check in TABLE_CHECKS if check.name not in _BY_FILE]
    found = [*run_checks(chosen, alone), *plausibility_findings(chosen, units, typical)]
    # lists are cut: those asked for stand first
    first = select_subjects(table, [*subjects, *(one for one in table.subjects if one not in set(subjects))])
    compared = run_checks(first, [check for check in TABLE_CHECKS if check.name in _BY_FILE])
    return (*about_columns, *found, *_concerning(compared, set(subjects)))


def _concerning(findings: Sequence[Finding], subjects: set[str]) -> Iterator[Finding]:
    for finding in findings:
        named = list(_NAMED.finditer(finding.got))
        listed = _LISTED.search(finding.got)
        if named:
            own = [match[0].strip(", ") for match in named if match[1] in subjects]
            if own:
                yield replace(finding, got=", ".join(own))
        elif listed is None or subjects & set(re.split(r",? |, ", listed[1])):
            yield finding
