"""``limus trial report``: the analysis and report of a trial's data sets, simulated or real."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from limus.kernel.errors import FileReadError, UnknownNameError
from limus.kernel.execution import Execution
from limus.kernel.tables import Table
from limus.trial.analysis.analyse import analyse_trial
from limus.trial.datasets.adam import AdamDatasets, adam_of
from limus.trial.datasets.files import find_datasets, read_datasets, write_datasets
from limus.trial.datasets.plan_from_data import plan_from_analysis_data, plan_from_data
from limus.trial.design.analysis_plan import plan_of
from limus.trial.design.endpoint_library import load_endpoints
from limus.trial.design.file import design_names, design_path, load_design
from limus.workflows.request import Request, keep_result, open_run
from limus.workflows.trial.analysis.outcome import DESIGN_FILE, TrialOutcome, origin_of
from limus.workflows.trial.analysis.power_page import read_power_run, write_power_page
from limus.workflows.trial.analysis.report import write_report

__all__ = ["PowerReport", "TrialReportRequest", "run"]


_STEPS = 3


class TrialReportRequest(Request):
    """Data sets, and the design that says how they are analysed."""

    data: str
    design: str | None = None
    endpoints: str | None = None
    scenario: str | None = None
    subjects: int | None = None
    seed: int = 1


@dataclass(frozen=True, eq=False)
class PowerReport:
    """The page of a finished ``limus trial power``; ``content`` is its result."""

    content: dict[str, Any]
    report_html: Path | None
    report_pdf: Path | None

    def as_dict(self) -> dict[str, Any]:
        """The result of the power run, with the paths of the page."""
        paths = {"report_html": self.report_html, "report_pdf": self.report_pdf}
        return self.content | {name: None if path is None else str(path) for name, path in paths.items()}


def run(
    request: TrialReportRequest, *, out: Path | None = None, execution: Execution | None = None
) -> TrialOutcome | PowerReport:
    """Analyse a folder of data sets, simulate a design and analyse that, or write the page of a power run.

    Parameters
    ----------
    request : TrialReportRequest
        ``data`` is a folder with SDTM or ADaM data sets (Parquet, XPT or CSV), the run directory of ``limus trial
        power``, or a design.
    out : Path, optional
        Run directory for ``report.html``, ``report.pdf``, ``adam/``, ``figures/`` and ``result.json``.
    execution : Execution, optional

    Returns
    -------
    TrialOutcome or PowerReport

    Raises
    ------
    UnknownNameError
        Neither a folder nor a design.
    FileReadError
        A data set is missing or wrong.
    InputError
        The design is impossible.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed, workers=1)
    folder = Path(request.data)
    if not folder.is_dir():
        return _simulated(request, out, execution)
    power = read_power_run(folder)
    if power is not None:
        return _power_page(request, power, folder, out, execution)
    execution.progress.start("read, analyse, report", _STEPS)
    try:
        outcome, derived, inputs = _analysed(request, folder, execution)
        if out is not None:
            directory = open_run(out, "trial_report", request.as_dict(), execution, inputs)
            if derived is not None:
                about = outcome.origin.about
                written = write_datasets(derived.datasets.values(), directory.path / "adam", about=about)
                outcome = replace(outcome, files={**outcome.files, **written})
            html, pdf = write_report(outcome, directory.path)
            outcome = replace(outcome, report_html=html, report_pdf=pdf)
            keep_result(outcome, out, "trial_report", request, execution)
        execution.progress.advance()
    finally:
        execution.progress.finish()
    return outcome


def _analysed(
    request: TrialReportRequest, folder: Path, execution: Execution
) -> tuple[TrialOutcome, AdamDatasets | None, list[Path]]:
    """Read and analyse: the outcome, ADaM where it was derived here, and the files that were read."""
    words = load_endpoints(Path(request.endpoints) if request.endpoints else None)
    sdtm_files, adam_files = find_datasets(folder, "SDTM"), find_datasets(folder, "ADaM")
    design = request.design
    if design is None and (folder / DESIGN_FILE).is_file():
        design = str(folder / DESIGN_FILE)
    plan = plan_of(load_design(design)[0], words) if design else None
    sdtm: dict[str, Table] = {}
    derived = None
    if "DM" in sdtm_files:
        sdtm = read_datasets(folder, "SDTM", ("DM", "DS"))
        plan = plan or plan_from_data(sdtm, words)
        derived = adam_of(sdtm, plan)
        adam = derived.tables
    elif "ADSL" in adam_files:
        adam = read_datasets(folder, "ADaM", ("ADSL", "ADTTE"))
        plan = plan or plan_from_analysis_data(adam, words)
    else:
        allowed = "SDTM (DM, DS, ...) or ADaM (ADSL, ADTTE, ...) as parquet, xpt or csv"
        raise FileReadError(str(folder), "no data sets", allowed, "name the folder that holds them")
    execution.progress.advance()
    origin = origin_of(folder, sdtm, adam)
    title = plan.title if plan.from_design else f"Study {origin.study}"
    records = {name: len(table) for name, table in (*sdtm.items(), *adam.items())}
    used = sdtm_files if sdtm else adam_files
    files = {name: {path.suffix[1:].lower(): path} for name, path in used.items()}
    findings = derived.findings if derived is not None else ()
    outcome = TrialOutcome(title, origin, analyse_trial(adam, plan), adam, records, files, findings)
    execution.progress.advance()
    return outcome, derived, [*used.values(), *([design_path(design)] if design else [])]


def _power_page(
    request: TrialReportRequest, content: dict[str, Any], folder: Path, out: Path | None, execution: Execution
) -> PowerReport:
    if out is None:
        return PowerReport(content, None, None)
    design = load_design(request.design or str(content["design"]))[0]
    directory = open_run(out, "trial_report", request.as_dict(), execution, [folder / "result.json"])
    html, pdf = write_power_page(content, design, directory.path)
    found = PowerReport(content, html, pdf)
    keep_result(found, out, "trial_report", request, execution)
    return found


def _simulated(request: TrialReportRequest, out: Path | None, execution: Execution) -> TrialOutcome:
    """Run a design, as ``limus trial run`` does."""
    from limus.workflows.trial import run as trial_run  # noqa: PLC0415

    if not request.data.endswith(".toml") and request.data not in design_names():
        allowed = f"a folder that exists, a .toml file, or {', '.join(design_names())}"
        raise UnknownNameError("limus trial report", request.data, allowed, "check the path")
    settings = request.as_dict()
    settings["design"] = settings.pop("data")
    return trial_run.run(trial_run.TrialRunRequest(**settings), out=out, execution=execution)
