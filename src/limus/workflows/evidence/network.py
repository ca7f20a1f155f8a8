"""``limus evidence network``: a network meta-analysis of study tables, with report, league table and ranks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from limus.evidence.measures import Measure
from limus.evidence.plan import Model
from limus.evidence.study_table import find_study_table, narrow, read_conditions, read_study_table
from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError
from limus.kernel.execution import Execution
from limus.kernel.statistics.network import NETWORK_TAU2
from limus.kernel.statistics.pooling import Tau2Method
from limus.workflows.evidence.networks.analysis import NetworkAnalysis, analyse_networks
from limus.workflows.evidence.networks.as_json import networks_as_dict
from limus.workflows.evidence.networks.plan import NetworkPlan
from limus.workflows.evidence.networks.report import write_report
from limus.workflows.request import Request, json_value, open_run

__all__ = ["EvidenceNetworkRequest", "EvidenceNetworkResult", "run"]


class EvidenceNetworkRequest(Request):
    """Study tables, what is compared and how."""

    file: str
    beside: tuple[str, ...] = Field(default=(), description="further tables of the same outcome, such as contrasts")
    measure: Measure
    model: Model = Model.RANDOM
    tau2: Tau2Method = Tau2Method.REML
    reference: str | None = None
    outcome: str | None = None
    time: str | None = None
    where: tuple[str, ...] = ()
    columns: tuple[str, ...] = Field(default=(), description="role=column where a column's name is not known")
    level: float = Field(default=95.0, gt=0, lt=100)
    better: Literal["lower", "higher"] | None = None
    draws: int = Field(default=20_000, ge=100, le=1_000_000)
    binomial: bool = Field(default=False, description="also a Bayesian model of the events; odds ratios")
    binomial_splits: bool = Field(default=False, description="also split each pair in that model; odds ratios")
    seed: int = 1


@dataclass(frozen=True, eq=False)
class EvidenceNetworkResult:
    """A network meta-analysis, and where its report stands."""

    analysis: NetworkAnalysis
    findings: tuple[Finding, ...]
    seed: int
    report_html: Path | None = None
    report_pdf: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        paths = {"report_html": self.report_html, "report_pdf": self.report_pdf}
        shown = {name: str(path) for name, path in paths.items() if path is not None}
        findings = [finding.as_dict() for finding in self.findings]
        return networks_as_dict(self.analysis) | shown | {"findings": findings, "seed": self.seed}


def run(
    request: EvidenceNetworkRequest, *, out: Path | None = None, execution: Execution | None = None
) -> EvidenceNetworkResult:
    """Analyse the network, or the networks, of one outcome.

    Parameters
    ----------
    request : EvidenceNetworkRequest
    out : Path, optional
        Run directory: the report, its figures with their data, the tables, ``result.json``.
    execution : Execution, optional
        How to run; its seed decides the draws of the ranks.

    Returns
    -------
    EvidenceNetworkResult

    Raises
    ------
    UnknownNameError
        No such shipped table, reference, outcome or time.
    FileReadError
        A table cannot be read or is of no known form.
    InputError
        Several outcomes or times, or tables, measure and estimator that do not go together.
    NothingSucceededError
        No study is left.
    OutputError
        The folder cannot be written, or holds something else.

    Examples
    --------
    >>> chosen = {"outcome": "PGE at least 90 %", "time": "12 weeks", "better": "higher", "reference": "vehicle"}
    >>> found = run(EvidenceNetworkRequest(file="atopic_dermatitis", measure="RR", model="common", **chosen)).as_dict()
    >>> [(row["treatment"], row["comparator"], round(row["estimate"], 2)) for row in found["league"]][0]
    ('tacrolimus 0.03%', 'vehicle', 4.56)
    """
    execution = execution or Execution(seed=request.seed)
    if request.model is Model.RANDOM and request.tau2 not in NETWORK_TAU2:
        raise InputError("--tau2", str(request.tau2), ", ".join(NETWORK_TAU2), "choose one that networks have")
    whole = [read_study_table(name, request.measure, request.columns) for name in (request.file, *request.beside)]
    chosen = read_conditions(request.where, outcome=request.outcome, time=request.time)
    tables = [narrow(table, chosen) for table in whole]
    plan = NetworkPlan(
        request.measure,
        request.model,
        request.tau2,
        request.level,
        request.better != "higher",
        request.draws,
        request.binomial,
        request.binomial_splits,
    )
    treatments = [name for table in whole for name in table.treatments]
    analysis = analyse_networks(tables, plan, request.reference, treatments, execution)
    findings = analysis.findings
    if request.better is None:
        got, do = "lower effects are taken as better", "say --better lower or --better higher; ranks turn with it"
        findings = (*findings, Finding("direction-assumed", Severity.WARNING, "ranks", got, "", do))
    if out is None:
        return EvidenceNetworkResult(analysis, findings, request.seed)
    sources = [find_study_table(name) for name in (request.file, *request.beside)]
    directory = open_run(out, "evidence_network", request.as_dict(), execution, sources)
    html, pdf = write_report(analysis, findings, directory.path, seed=request.seed)
    result = EvidenceNetworkResult(analysis, findings, request.seed, html, pdf)
    text = json.dumps(json_value(result.as_dict()), indent=1)
    (directory.path / "result.json").write_text(f"{text}\n", encoding="utf-8")
    return result
