"""``limus stats cox``: hazard ratios by Cox regression."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError, NothingSucceededError
from limus.kernel.execution import Execution
from limus.kernel.statistics.survival import (
    Concordance,
    CoxFit,
    CoxStatus,
    ProportionalHazards,
    Ties,
    concordance,
    cox,
    proportional_hazards,
)
from limus.workflows.request import Request, json_value, open_run
from limus.workflows.stats.data import Subjects, decode_status, numbers_of, read_subjects
from limus.workflows.stats.design import Term, code_covariates, combine_strata, parse_references, split_names

__all__ = ["StatsCoxRequest", "StatsCoxResult", "run"]

_EVENTS_PER_TERM = (
    10  # fewer make estimates and intervals unreliable (Peduzzi and others 1995, J Clin Epidemiol 48:1503)
)


class StatsCoxRequest(Request):
    """A table of subjects, and which columns say what."""

    file: str
    time: str
    status: str
    covariates: str | None = Field(default=None, description="columns, a,b")
    group: str | None = Field(default=None, description="a covariate whose values are names")
    strata: str | None = Field(default=None, description="columns, a,b; each combination has its own hazard")
    categorical: str | None = Field(default=None, description="covariates whose numbers are names of levels")
    reference: tuple[str, ...] = Field(default=(), description="column=level")
    event: tuple[str, ...] = ()
    entry: str | None = None
    weights: str | None = None
    subject: str | None = Field(default=None, description="column that joins rows of one subject; robust variance")
    robust: bool = False
    ties: Ties = Ties.EFRON
    level: float = Field(default=95.0, gt=0, lt=100)
    seed: int = 1


@dataclass(frozen=True, eq=False)
class StatsCoxResult:
    """A Cox regression.

    Attributes
    ----------
    hazards : ProportionalHazards or None
        None where a coefficient is infinite.
    concordance : Concordance or None
        None with delayed entry or weights.
    """

    request: StatsCoxRequest
    subjects: Subjects
    terms: tuple[Term, ...]
    fit: CoxFit
    hazards: ProportionalHazards | None
    concordance: Concordance | None
    findings: tuple[Finding, ...]
    paths: tuple[tuple[str, Path], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        from limus.workflows.stats.as_json import cox_as_dict  # noqa: PLC0415

        return cox_as_dict(self)


def run(request: StatsCoxRequest, *, out: Path | None = None, execution: Execution | None = None) -> StatsCoxResult:
    """Fit a Cox regression.

    Parameters
    ----------
    request : StatsCoxRequest
    out : Path, optional
        Run directory: report, forest plot with its data, ``result.json``.
    execution : Execution, optional
        How to run; nothing here is random.

    Returns
    -------
    StatsCoxResult

    Raises
    ------
    FileReadError
        The file cannot be read, or a cell is not what it must be.
    UnknownNameError
        No such column or value; near names are given.
    InputError
        No covariate, a coding that is not known, or no events.
    NothingSucceededError
        The fit did not converge.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed)
    columns = tuple(dict.fromkeys((*split_names(request.group), *split_names(request.covariates))))
    if not columns:
        raise InputError("--covariates", "none", "--covariates a,b or --group", "name the columns of the regression")
    subjects = _read(request, columns)
    event, subjects = decode_status(subjects, request.status, request.event)
    time = numbers_of(subjects, request.time, at_least=0)
    categorical = (*split_names(request.categorical), *split_names(request.group))
    references = parse_references(request.reference)
    terms, x = code_covariates(subjects, columns, categorical=categorical, references=references)
    strata = combine_strata(subjects, split_names(request.strata))
    entry = None if request.entry is None else numbers_of(subjects, request.entry, at_least=0)
    weights = None if request.weights is None else numbers_of(subjects, request.weights, at_least=0)
    happened = (event == 1).astype(np.int64)
    fit = cox(
        time,
        happened,
        x,
        names=[term.name for term in terms],
        strata=strata,
        weights=weights,
        entry=entry,
        cluster=None if request.subject is None else subjects.columns[request.subject].astype(str),
        robust=request.robust,
        ties=request.ties,
        level_percent=request.level,
    )
    if fit.status is CoxStatus.NOT_CONVERGED:
        got = f"not converged after {fit.steps} steps"
        raise NothingSucceededError("limus stats cox", got, "a likelihood with a maximum", "use fewer covariates")
    index = None
    if entry is None and weights is None and fit.status is CoxStatus.OK:
        used = fit.position.free
        index = concordance(time, happened, x[:, used] @ fit.coefficient[used], strata=strata)
    hazards = proportional_hazards(fit) if fit.status is CoxStatus.OK else None
    findings = (*subjects.findings, *_findings(fit, int(np.sum(event == 2))))
    result = StatsCoxResult(request, subjects, terms, fit, hazards, index, findings)
    return result if out is None else _keep(result, out, execution)


def _read(request: StatsCoxRequest, columns: tuple[str, ...]) -> Subjects:
    wanted = [("--time", request.time), ("--status", request.status)]
    wanted += [("--group" if name == request.group else "--covariates", name) for name in columns]
    wanted += [("--strata", name) for name in split_names(request.strata)]
    wanted += [(f"--{name}", value) for name in ("entry", "weights", "subject") if (value := getattr(request, name))]
    both = set(columns) & set(split_names(request.strata))
    if both:
        raise InputError(
            "--strata", ", ".join(both), "a column that is no covariate", "stratify by it or adjust for it"
        )
    return read_subjects(request.file, wanted)


def _findings(fit: CoxFit, competing: int) -> list[Finding]:
    found = []
    states = dict(zip(fit.names, fit.coefficient_status, strict=True))
    infinite = [name for name, state in states.items() if state is CoxStatus.INFINITE]
    if infinite:
        found.append(
            Finding(
                "monotone-likelihood",
                Severity.WARNING,
                ", ".join(infinite),
                "each event has the highest value of those at risk, or each the lowest: the coefficient is infinite",
                "covariates that leave the likelihood a maximum",
                "use the likelihood ratio or log-rank test, or join levels",
            )
        )
    aliased = [name for name, state in states.items() if state is CoxStatus.ALIASED]
    if aliased:
        text = "constant, or a combination of the covariates before it; left out"
        found.append(
            Finding("aliased", Severity.WARNING, ", ".join(aliased), text, "independent covariates", "leave it out")
        )
    terms = fit.likelihood_ratio.degrees_of_freedom
    if fit.events < _EVENTS_PER_TERM * terms:
        text = f"{fit.events:g} events for {terms} coefficients"
        allowed = f"{_EVENTS_PER_TERM} events a coefficient"
        found.append(Finding("few-events", Severity.WARNING, "covariates", text, allowed, "use fewer covariates"))
    if competing:
        text = f"{competing} subjects had another event and are taken as censored: these are cause-specific hazards"
        allowed = "hazard ratios, read as such"
        found.append(Finding("cause-specific", Severity.NOTE, "status", text, allowed, "see limus stats cif for risks"))
    return found


def _keep(result: StatsCoxResult, out: Path, execution: Execution) -> StatsCoxResult:
    from limus.workflows.stats.report.cox import write_cox_report  # noqa: PLC0415

    directory = open_run(out, "stats_cox", result.request.as_dict(), execution, [result.subjects.path])
    kept = replace(result, paths=write_cox_report(result, directory.path, seed=result.request.seed))
    text = json.dumps(json_value(kept.as_dict()), indent=1)
    (directory.path / "result.json").write_text(f"{text}\n", encoding="utf-8")
    return kept
