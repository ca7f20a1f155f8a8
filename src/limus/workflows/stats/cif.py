"""``limus stats cif``: cumulative incidence of competing events."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from limus.kernel.checks import Finding
from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.kernel.statistics.survival import (
    CumulativeIncidence,
    GrayTest,
    IncidenceAt,
    LogRank,
    SurvivalInterval,
    aalen_johansen,
    competing_risks_finding,
    gray_test,
    incidence_at,
    log_rank,
)
from limus.workflows.request import Request, json_value, open_run
from limus.workflows.stats.data import Subjects, decode_causes, numbers_of, read_subjects
from limus.workflows.stats.design import combine_strata, group_labels, split_names
from limus.workflows.stats.times import parse_times, round_times

__all__ = ["GroupIncidence", "StatsCifRequest", "StatsCifResult", "run"]


class StatsCifRequest(Request):
    """A table of subjects, and which columns say what."""

    file: str
    time: str
    cause: str | None = Field(default=None, description="column with the cause, 0 where censored")
    status: str | None = Field(default=None, description="column that says who had any event")
    censored: str | None = Field(default=None, description="value of the cause that means censored")
    event: tuple[str, ...] = ()
    group: str | None = None
    strata: str | None = None
    entry: str | None = None
    weights: str | None = None
    at: str | None = None
    interval: SurvivalInterval = SurvivalInterval.LOG_LOG
    level: float = Field(default=95.0, gt=0, lt=100)
    seed: int = 1


@dataclass(frozen=True, eq=False)
class GroupIncidence:
    """A group and its cumulative incidences."""

    group: str
    curves: CumulativeIncidence
    at: IncidenceAt


@dataclass(frozen=True, eq=False)
class StatsCifResult:
    """Cumulative incidences; ``tests`` compare cause-specific hazards of groups, ``gray_tests`` their incidences."""

    request: StatsCifRequest
    subjects: Subjects
    causes: tuple[str, ...]
    groups: tuple[GroupIncidence, ...]
    tests: tuple[tuple[str, LogRank], ...]
    gray_tests: tuple[tuple[str, GrayTest], ...]
    findings: tuple[Finding, ...]
    paths: tuple[tuple[str, Path], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        from limus.workflows.stats.as_json import cif_as_dict  # noqa: PLC0415

        return cif_as_dict(self)


def run(request: StatsCifRequest, *, out: Path | None = None, execution: Execution | None = None) -> StatsCifResult:
    """Estimate cumulative incidences, by group where there is one.

    Parameters
    ----------
    request : StatsCifRequest
    out : Path, optional
        Run directory: report, figure with its data, ``result.json``.
    execution : Execution, optional
        How to run; nothing here is random.

    Returns
    -------
    StatsCifResult

    Raises
    ------
    FileReadError
        The file cannot be read, or a cell is not what it must be.
    UnknownNameError
        No such column or value; near names are given.
    InputError
        It is not known what means censored, one group, or no events.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed)
    subjects, cause = _read(request)
    status = request.status if request.cause is not None else None
    codes, causes, subjects = decode_causes(subjects, cause, request.censored, status, request.event)
    time = numbers_of(subjects, request.time, at_least=0)
    entry = None if request.entry is None else numbers_of(subjects, request.entry, at_least=0)
    weights = None if request.weights is None else numbers_of(subjects, request.weights, at_least=0)
    times = parse_times(request.at, "--at") if request.at else round_times(float(time.max()))
    labels, values = ["all"], np.full(subjects.n, "all", dtype=object)
    if request.group is not None:
        labels, values = group_labels(subjects, request.group)
    findings, groups = list(subjects.findings), []
    for label in labels:
        rows = values == label
        if not np.any(codes[rows] > 0):
            raise InputError(
                f"--group {request.group}", f"no events in {label}", "an event in each group", "leave it out"
            )
        curves = aalen_johansen(
            time[rows],
            codes[rows],
            weights=None if weights is None else weights[rows],
            entry=None if entry is None else entry[rows],
            interval=request.interval,
            level_percent=request.level,
        )
        groups.append(GroupIncidence(label, curves, incidence_at(curves, times)))
    if weights is None and entry is None:
        # one example is enough: the first cause, everyone
        found = competing_risks_finding(time, codes, 1, name=f"{cause} {causes[0]}")
        findings += [found] if found is not None else []
    tests: tuple[tuple[str, LogRank], ...] = ()
    gray_tests: tuple[tuple[str, GrayTest], ...] = ()
    if len(labels) > 1:
        strata = combine_strata(subjects, split_names(request.strata))
        numbers = np.array([labels.index(value) for value in values])
        tests = tuple(
            (name, log_rank(time, codes == i + 1, numbers, strata=strata, weights=weights, entry=entry))
            for i, name in enumerate(causes)
        )
        if entry is None:  # with late entry the incidence weights of Gray's test are not known
            gray_tests = tuple(
                (name, gray_test(time, codes, numbers, of=i + 1, strata=strata, weights=weights))
                for i, name in enumerate(causes)
            )
    result = StatsCifResult(request, subjects, causes, tuple(groups), tests, gray_tests, tuple(findings))
    return result if out is None else _keep(result, out, execution)


def _read(request: StatsCifRequest) -> tuple[Subjects, str]:
    cause = request.cause or request.status
    if cause is None:
        raise InputError("--cause", "none", "a column with 0 for censored and a value a cause", "name it with --cause")
    if request.strata and not request.group:
        raise InputError("--strata", request.strata, "--strata with --group", "strata are of the test between groups")
    wanted = [("--time", request.time), ("--cause", cause)]
    names = ("status", "group", "entry", "weights")
    wanted += [(f"--{name}", value) for name in names if (value := getattr(request, name)) and value != cause]
    wanted += [("--strata", name) for name in split_names(request.strata)]
    optional = cause if request.cause is not None and request.status is not None else ""
    return read_subjects(request.file, wanted, optional_in=optional), cause


def _keep(result: StatsCifResult, out: Path, execution: Execution) -> StatsCifResult:
    from limus.workflows.stats.report.cif import write_cif_report  # noqa: PLC0415

    directory = open_run(out, "stats_cif", result.request.as_dict(), execution, [result.subjects.path])
    kept = replace(result, paths=write_cif_report(result, directory.path, seed=result.request.seed))
    text = json.dumps(json_value(kept.as_dict()), indent=1)
    (directory.path / "result.json").write_text(f"{text}\n", encoding="utf-8")
    return kept
