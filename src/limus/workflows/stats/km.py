"""``limus stats km``: survival by Kaplan-Meier, its groups compared."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.checks import Finding
from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.kernel.statistics.survival import (
    KaplanMeier,
    KaplanMeierDifference,
    LogRank,
    RestrictedMean,
    RestrictedMeanContrast,
    SurvivalAt,
    SurvivalInterval,
    compare_restricted_means,
    competing_risks_finding,
    kaplan_meier,
    kaplan_meier_difference,
    log_rank,
    restricted_mean,
    survival_at,
    survival_quantile,
)
from limus.workflows.request import Request, json_value, open_run
from limus.workflows.stats.data import Subjects, decode_status, numbers_of, read_subjects
from limus.workflows.stats.design import combine_strata, group_labels, split_names
from limus.workflows.stats.times import parse_times, round_times, within

__all__ = ["GroupCurve", "StatsKmRequest", "StatsKmResult", "run"]

Floats = NDArray[np.float64]


class StatsKmRequest(Request):
    """A table of subjects, and which columns say what."""

    file: str
    time: str
    status: str
    group: str | None = None
    strata: str | None = Field(default=None, description="columns, a,b; of the test")
    event: tuple[str, ...] = ()
    entry: str | None = Field(default=None, description="column with the start of watching")
    weights: str | None = Field(default=None, description="column with the number of subjects of a row")
    at: str | None = Field(default=None, description="times to read the curves at, 180,365")
    tau: float | None = Field(default=None, gt=0, description="end of the restricted mean")
    interval: SurvivalInterval = SurvivalInterval.LOG_LOG
    rho: float = Field(default=0.0, ge=0)
    gamma: float = Field(default=0.0, ge=0)
    level: float = Field(default=95.0, gt=0, lt=100)
    seed: int = 1


@dataclass(frozen=True, eq=False)
class GroupCurve:
    """A group and what is estimated of it.

    Attributes
    ----------
    group : str
    curve : KaplanMeier
    at : SurvivalAt
    median : tuple of three floats
        With its interval; NaN where not reached.
    mean : RestrictedMean or None
        None where the group is not followed to tau.
    """

    group: str
    curve: KaplanMeier
    at: SurvivalAt
    median: tuple[float, float, float]
    mean: RestrictedMean | None


@dataclass(frozen=True, eq=False)
class StatsKmResult:
    """Survival curves, and their comparison."""

    request: StatsKmRequest
    subjects: Subjects
    groups: tuple[GroupCurve, ...]
    test: LogRank | None
    means: RestrictedMeanContrast | None
    differences: tuple[KaplanMeierDifference, ...]
    findings: tuple[Finding, ...]
    tau: float
    paths: tuple[tuple[str, Path], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        from limus.workflows.stats.as_json import km_as_dict  # noqa: PLC0415

        return km_as_dict(self)


def run(request: StatsKmRequest, *, out: Path | None = None, execution: Execution | None = None) -> StatsKmResult:
    """Estimate survival, by group where there is one.

    Parameters
    ----------
    request : StatsKmRequest
    out : Path, optional
        Run directory: report, figure with its data, curves, ``result.json``.
    execution : Execution, optional
        How to run; nothing here is random.

    Returns
    -------
    StatsKmResult

    Raises
    ------
    FileReadError
        The file cannot be read, or a cell is not what it must be.
    UnknownNameError
        No such column or value; near names are given.
    InputError
        A coding that is not known, one group, no events, or times beyond follow-up.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed)
    subjects = _read(request)
    event, subjects = decode_status(subjects, request.status, request.event)
    time = numbers_of(subjects, request.time, at_least=0)
    entry = None if request.entry is None else numbers_of(subjects, request.entry, at_least=0)
    weights = None if request.weights is None else numbers_of(subjects, request.weights, at_least=0)
    labels, codes = _groups(request, subjects)
    happened = (event == 1).astype(np.int64)
    times = parse_times(request.at, "--at") if request.at else round_times(float(time.max()))
    tau = request.tau if request.tau is not None else min(float(time[codes == g].max()) for g in range(len(labels)))
    findings = list(subjects.findings)
    groups = []
    for g, label in enumerate(labels):
        rows = codes == g
        curve = kaplan_meier(
            time[rows],
            happened[rows],
            weights=None if weights is None else weights[rows],
            entry=None if entry is None else entry[rows],
            interval=request.interval,
            level_percent=request.level,
        )
        mean = restricted_mean(curve, tau, level_percent=request.level) if within(tau, curve) else None
        if mean is None and request.tau is not None:
            last = f"{curve.time[-1]:g}, the last time of {label}"
            raise InputError("--tau", f"{tau:g}", f"at most {last}", "choose an earlier end")
        groups.append(GroupCurve(label, curve, survival_at(curve, times), survival_quantile(curve), mean))
        if weights is None and entry is None:
            found = competing_risks_finding(time[rows], event[rows], name=label)
            findings += [found] if found is not None else []
    test = means = None
    differences: tuple[KaplanMeierDifference, ...] = ()
    if len(labels) > 1:
        strata = combine_strata(subjects, split_names(request.strata))
        powers = {"rho": request.rho, "gamma": request.gamma}
        test = log_rank(time, happened, codes, strata=strata, weights=weights, entry=entry, **powers)
    if len(labels) == 2:
        if all(group.mean is not None for group in groups):
            means = compare_restricted_means(
                time, happened, codes, tau, weights=weights, entry=entry, level_percent=request.level
            )
        if weights is None and entry is None:
            shared = [t for t in times if all(within(t, group.curve) for group in groups)]
            differences = tuple(
                kaplan_meier_difference(time, happened, codes, t, level_percent=request.level) for t in shared
            )
    result = StatsKmResult(request, subjects, tuple(groups), test, means, differences, tuple(findings), tau)
    return result if out is None else _keep(result, out, execution)


def _read(request: StatsKmRequest) -> Subjects:
    wanted = [("--time", request.time), ("--status", request.status)]
    wanted += [(f"--{name}", value) for name in ("group", "entry", "weights") if (value := getattr(request, name))]
    wanted += [("--strata", name) for name in split_names(request.strata)]
    if request.strata and not request.group:
        raise InputError("--strata", request.strata, "--strata with --group", "strata are of the test between groups")
    return read_subjects(request.file, wanted)


def _groups(request: StatsKmRequest, subjects: Subjects) -> tuple[list[str], NDArray[np.int64]]:
    if request.group is None:
        return ["all"], np.zeros(subjects.n, dtype=np.int64)
    labels, values = group_labels(subjects, request.group)
    return labels, np.array([labels.index(value) for value in values], dtype=np.int64)


def _keep(result: StatsKmResult, out: Path, execution: Execution) -> StatsKmResult:
    from limus.workflows.stats.report.km import write_km_report  # noqa: PLC0415

    directory = open_run(out, "stats_km", result.request.as_dict(), execution, [result.subjects.path])
    kept = replace(result, paths=write_km_report(result, directory.path, seed=result.request.seed))
    text = json.dumps(json_value(kept.as_dict()), indent=1)
    (directory.path / "result.json").write_text(f"{text}\n", encoding="utf-8")
    return kept
