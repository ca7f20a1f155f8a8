"""The outcome of a trial's analysis: where the data come from, what they say, where everything stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.kernel.checks import Finding
from limus.kernel.tables import Table
from limus.trial.analysis.analyse import TrialAnalysis
from limus.trial.datasets.sdtm_frame import SIMULATED
from limus.workflows.trial.analysis.as_json import analysis_as_dict

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
            seed = f", seed {self.seed}" if self.seed >= 0 else ""
            return f"one simulated trial, scenario {self.scenario}{seed}"
        return f"data sets of study {self.study}"

    @property
    def about(self) -> dict[str, str]:
        """What the metadata of data sets say."""
        if not self.simulated:
            return {"study": self.study}
        return {"study": self.study, "simulated": "Y", "scenario": self.scenario, "seed": str(self.seed)}

    @property
    def sentence(self) -> str:
        """The phrase as a sentence."""
        return self.words[:1].upper() + self.words[1:] + "."


def origin_of(folder: Path, sdtm: Mapping[str, Table], adam: Mapping[str, Table]) -> Origin:
    """Tell whether data are simulated, and how: TS says so, or the metadata beside the data, or the name of the study.

    Parameters
    ----------
    folder : Path
        Where the data sets stand.
    sdtm, adam : mapping of str to Table

    Returns
    -------
    Origin
        Measured where nothing says that they are simulated.
    """
    first = next((table for table in (*sdtm.values(), *adam.values()) if len(table)), None)
    study = str(first["STUDYID"][0]) if first is not None and "STUDYID" in first.names else "unknown"
    said = {"STYPE": "SIMULATION"} if study.startswith(SIMULATED) else {}
    for place in (folder, folder / "sdtm", folder / "adam"):
        said |= _metadata(place)
    if "TS" in sdtm:
        said |= dict(zip(sdtm["TS"]["TSPARMCD"].tolist(), sdtm["TS"]["TSVAL"].tolist(), strict=True))
    if said.get("STYPE") != "SIMULATION":
        return Origin(study, simulated=False)
    seed = said.get("SEED", "")
    return Origin(study, True, said.get("SCENARIO", "not named"), int(seed) if seed.lstrip("-").isdigit() else -1)


def _metadata(folder: Path) -> dict[str, str]:
    """What ``metadata.json`` says of a simulation, in the words of TS."""
    try:
        content = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("simulated") != "Y":
        return {}
    found = {"STYPE": "SIMULATION"}
    return found | {name.upper(): str(content[name]) for name in ("scenario", "seed") if name in content}


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
