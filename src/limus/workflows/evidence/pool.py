"""``limus evidence pool``: a meta-analysis of a study table, with report, forest and funnel plot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from limus.evidence.measures import Measure
from limus.evidence.plan import CiMethod, Method, Model, PoolPlan
from limus.evidence.study_table import find_study_table, narrow, read_conditions, read_study_table
from limus.kernel.execution import Execution
from limus.kernel.statistics.pooling import Correction, PredictionMethod, Tau2Method
from limus.workflows.evidence.pooling.analysis import Analysis, Questions, analyse
from limus.workflows.evidence.pooling.as_json import analysis_as_dict
from limus.workflows.evidence.pooling.report import write_report
from limus.workflows.request import Request, json_value, open_run

__all__ = ["EvidencePoolRequest", "EvidencePoolResult", "run"]


class EvidencePoolRequest(Request):
    """A study table, what is pooled and how."""

    file: str
    measure: Measure
    model: Model | None = Field(default=None, description="random by default; common with MH and PETO")
    method: Method = Method.IV
    tau2: Tau2Method = Tau2Method.REML
    ci: CiMethod = CiMethod.WALD
    prediction: PredictionMethod = PredictionMethod.T_K_MINUS_2
    level: float = Field(default=95.0, gt=0, lt=100)
    reference: str | None = None
    treatment: tuple[str, ...] = ()
    outcome: str | None = None
    time: str | None = None
    where: tuple[str, ...] = ()
    columns: tuple[str, ...] = Field(default=(), description="role=column where a column's name is not known")
    correction: Correction = Correction.CONSTANT
    keep_double_zero: bool = False
    subgroup: str | None = None
    common_tau2: bool = False
    moderators: tuple[str, ...] = ()
    order: str | None = None
    better: Literal["lower", "higher"] | None = None
    seed: int = 1

    @property
    def plan(self) -> PoolPlan:
        """What is pooled and how, with the model that the method has where none is asked for."""
        common = self.method in (Method.MH, Method.PETO)
        return PoolPlan(
            measure=self.measure,
            model=self.model or (Model.COMMON if common else Model.RANDOM),
            method=self.method,
            tau2_method=self.tau2,
            ci=self.ci,
            prediction=self.prediction,
            level_percent=self.level,
            correction=self.correction,
            keep_double_zero=self.keep_double_zero,
        )


@dataclass(frozen=True, eq=False)
class EvidencePoolResult:
    """A meta-analysis, and where its report stands."""

    analysis: Analysis
    seed: int
    report_html: Path | None = None
    report_pdf: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        paths = {"report_html": self.report_html, "report_pdf": self.report_pdf}
        shown = {name: str(path) for name, path in paths.items() if path is not None}
        return analysis_as_dict(self.analysis) | shown | {"seed": self.seed}


def run(
    request: EvidencePoolRequest, *, out: Path | None = None, execution: Execution | None = None
) -> EvidencePoolResult:
    """Pool a study table.

    Parameters
    ----------
    request : EvidencePoolRequest
    out : Path, optional
        Run directory: the report, its figures with their data, the tables, ``result.json``.
    execution : Execution, optional
        How to run; nothing here is random.

    Returns
    -------
    EvidencePoolResult

    Raises
    ------
    UnknownNameError
        No such shipped table, treatment, outcome or time.
    FileReadError
        The table cannot be read or is of no known form.
    InputError
        Several outcomes or treatments and none chosen, or measure, method and model that do not go together.
    NothingSucceededError
        No study compares the two, or there is no pooled effect.
    OutputError
        The folder cannot be written, or holds something else.

    Examples
    --------
    >>> chosen = {"outcome": "PGE at least 90 %", "time": "12 weeks", "treatment": ("tacrolimus 0.1%",)}
    >>> request = EvidencePoolRequest(
    ...     file="atopic_dermatitis", measure="RR", model="common", reference="vehicle", **chosen
    ... )
    >>> [round(x, 2) for x in (run(request).as_dict()["estimate"], *run(request).as_dict()["ci"])]
    [5.69, 3.72, 8.72]
    """
    execution = execution or Execution(seed=request.seed)
    chosen = read_conditions(request.where, outcome=request.outcome, time=request.time)
    table = narrow(read_study_table(request.file, request.measure, request.columns), chosen)
    questions = Questions(
        request.treatment, request.reference, request.subgroup, request.common_tau2, request.moderators, request.order
    )
    analysis = analyse(table, request.plan, questions, execution)
    if out is None:
        return EvidencePoolResult(analysis, request.seed)
    directory = open_run(out, "evidence_pool", request.as_dict(), execution, [find_study_table(request.file)])
    html, pdf = write_report(analysis, directory.path, better=request.better, seed=request.seed)
    result = EvidencePoolResult(analysis, request.seed, html, pdf)
    text = json.dumps(json_value(result.as_dict()), indent=1)
    (directory.path / "result.json").write_text(f"{text}\n", encoding="utf-8")
    return result
