"""``limus trial run``: from a design to data sets, analysis and report, in one go."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import Execution
from limus.kernel.provenance import hash_text
from limus.trial.analysis.analyse import analyse_trial
from limus.trial.datasets.adam import adam_of
from limus.trial.datasets.files import FORMATS, read_datasets, write_datasets
from limus.trial.datasets.sdtm import sdtm_of
from limus.trial.design.analysis_plan import plan_of
from limus.trial.design.endpoint_library import load_endpoints
from limus.trial.design.file import design_path, load_design
from limus.trial.simulation.simulated_trial import simulate_trial
from limus.workflows.request import Request, keep_result, open_run
from limus.workflows.trial.analysis.outcome import DESIGN_FILE, Origin, TrialOutcome
from limus.workflows.trial.analysis.report import write_report

__all__ = ["TrialRunRequest", "run"]

_STEPS = 5


class TrialRunRequest(Request):
    """A design, a scenario, and how many subjects."""

    design: str
    scenario: str | None = Field(default=None, description="the design's first by default")
    subjects: int | None = Field(default=None, ge=4, le=1_000_000, description="the design's number by default")
    endpoints: str | None = Field(default=None, description="a file with other words for events")
    formats: tuple[str, ...] = Field(default=FORMATS, description="of parquet, csv, xpt")
    seed: int = 1

    def as_dict(self) -> dict[str, Any]:
        """What decides the result; the design by its content."""
        text = design_path(self.design).read_text(encoding="utf-8")
        return {**super().as_dict(), "design_sha256": hash_text(text)}


def run(request: TrialRunRequest, *, out: Path | None = None, execution: Execution | None = None) -> TrialOutcome:
    """Simulate a trial, write it as SDTM, derive ADaM from what was written, analyse and report.

    Parameters
    ----------
    request : TrialRunRequest
    out : Path, optional
        Run directory for ``design.toml``, ``sdtm/``, ``adam/``, ``figures/``, ``report.html``, ``report.pdf`` and
        ``result.json``.
    execution : Execution, optional
        Its progress is told of each step.

    Returns
    -------
    TrialOutcome

    Raises
    ------
    UnknownNameError
        No such design, scenario, or event.
    InputError
        The design is impossible, or a format is unknown.
    RefusedError
        A covariate outside a model's limits that the design does not override.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed, workers=1)
    _check_formats(request.formats)
    design, findings = load_design(request.design)
    words = load_endpoints(Path(request.endpoints) if request.endpoints else None)
    plan = plan_of(design, words)
    directory = None
    if out is not None:
        directory = open_run(out, "trial_run", request.as_dict(), execution, [design_path(request.design)])
    progress = execution.progress
    progress.start("simulate, write, derive, analyse, report", _STEPS)
    try:
        trial = simulate_trial(design, request.scenario, subjects=request.subjects, seed=request.seed)
        progress.advance()
        domains = sdtm_of(trial, words=words)
        sdtm = {name: dataset.table for name, dataset in domains.items()}
        files: dict[str, dict[str, Path]] = {}
        study = str(sdtm["DM"]["STUDYID"][0])
        origin = Origin(study, True, trial.scenario.name, request.seed, trial.scenario.title)
        about = {**origin.about, "design": design.name}
        if directory is not None:
            files |= write_datasets(domains.values(), directory.path / "sdtm", formats=request.formats, about=about)
            # the analysis reads what was written, as it would a real trial's
            sdtm = read_datasets(directory.path, "SDTM", ("DM", "DS"))
            shutil.copyfile(design_path(request.design), directory.path / DESIGN_FILE)
        progress.advance()
        derived = adam_of(sdtm, plan)
        adam = derived.tables
        if directory is not None:
            datasets = derived.datasets.values()
            files |= write_datasets(datasets, directory.path / "adam", formats=request.formats, about=about)
            adam = read_datasets(directory.path, "ADaM", ("ADSL", "ADTTE"))
        progress.advance()
        records = {name: len(table) for name, table in (*sdtm.items(), *adam.items())}
        said = (*findings, *trial.findings, *derived.findings)
        outcome = TrialOutcome(design.title, origin, analyse_trial(adam, plan), adam, records, files, said)
        progress.advance()
        if directory is not None:
            html, pdf = write_report(outcome, directory.path)
            outcome = replace(outcome, report_html=html, report_pdf=pdf)
            keep_result(outcome, out, "trial_run", request, execution)
        progress.advance()
    finally:
        progress.finish()
    return outcome


def _check_formats(formats: tuple[str, ...]) -> None:
    unknown = [form for form in formats if form not in FORMATS]
    if unknown or not formats:
        raise ValueRangeError("formats", ", ".join(unknown) or "none", ", ".join(FORMATS), "choose one or more")
