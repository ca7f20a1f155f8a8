"""The outcome of a trial's analysis: where the data come from, what they say, where everything stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.checks import Finding
from limus.kernel.tables import Table
from limus.trial.analysis import TrialAnalysis
from limus.workflows.trial_analysis.as_json import analysis_as_dict

__all__ = ["DESIGN_FILE", "NOTICE", "Origin", "TrialOutcome", "origin_of"]

NOTICE = "Research use only; not for diagnosis, treatment or dosing."
DESIGN_FILE = "design.toml"  # of a run directory: the design that its data were made with


@dataclass(frozen=True, slots=True)
class Origin:
    """Where data come from.

    Attributes
    ----------
    study : str
        STUDYID.
    simulated : bool
    scenario : str
        Of a simulation; empty otherwise.
    seed : int
        Of a simulation; -1 otherwise.
    scenario_title : str
    """

    study: str
    simulated: bool
    scenario: str = ""
    seed: int = -1
    scenario_title: str = ""

    @property
    def words(self) -> str:
        """One phrase for notes and captions."""
        if self.simulated:
            return f"one simulated trial, scenario {self.scenario}, seed {self.seed}"
        return f"data sets of study {self.study}"

    @property
    def sentence(self) -> str:
        """The phrase as a sentence."""
        return self.words[:1].upper() + self.words[1:] + "."


def origin_of(sdtm: Mapping[str, Table], adam: Mapping[str, Table]) -> Origin:
    """Read from TS whether data are simulated, and how.

    Parameters
    ----------
    sdtm, adam : mapping of str to Table

    Returns
    -------
    Origin
        Without TS, or where it does not say so, the data are taken as measured.
    """
    first = next((table for table in (*sdtm.values(), *adam.values()) if len(table)), None)
    study = str(first["STUDYID"][0]) if first is not None and "STUDYID" in first.names else "unknown"
    if "TS" not in sdtm:
        return Origin(study, simulated=False)
    said = dict(zip(sdtm["TS"]["TSPARMCD"].tolist(), sdtm["TS"]["TSVAL"].tolist(), strict=True))
    if said.get("STYPE") != "SIMULATION":
        return Origin(study, simulated=False)
    seed = said.get("SEED", "")
    return Origin(study, True, said.get("SCENARIO", ""), int(seed) if seed.lstrip("-").isdigit() else -1)


@dataclass(frozen=True, eq=False)
class TrialOutcome:
    """What a workflow of trials returns.

    Attributes
    ----------
    title : str
    origin : Origin
    analysis : TrialAnalysis
    adam : mapping of str to Table
    records : mapping of str to int
        Records by data set.
    files : mapping of str to mapping of str to Path
        Data sets on disk, by name and format.
    findings : tuple of Finding
    report_html, report_pdf : Path or None
    """

    title: str
    origin: Origin
    analysis: TrialAnalysis
    adam: Mapping[str, Table]
    records: Mapping[str, int]
    files: Mapping[str, Mapping[str, Path]]
    findings: tuple[Finding, ...]
    report_html: Path | None = None
    report_pdf: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; risks are per cent, effects in ``unit``."""
        origin = self.origin
        content = analysis_as_dict(self.analysis)
        return {
            "study": origin.study,
            "title": self.title,
            "simulated": origin.simulated,
            "scenario": origin.scenario or None,
            "seed": origin.seed if origin.simulated else None,
            "subjects": self.analysis.flow.randomised,
            **content,
            "records": dict(self.records),
            "datasets": {name: {form: str(path) for form, path in files.items()} for name, files in self.files.items()},
            "report_html": None if self.report_html is None else str(self.report_html),
            "report_pdf": None if self.report_pdf is None else str(self.report_pdf),
            "n_failed": sum(one.status != "ok" for one in self.analysis.estimands),
            "findings": [finding.as_dict() for finding in self.findings],
            "notice": NOTICE,
        }
