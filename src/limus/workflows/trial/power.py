"""``limus trial power``: operating characteristics of a design, with Monte Carlo standard errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError, LimusError, UnknownNameError, near_names
from limus.kernel.execution import Execution
from limus.kernel.provenance import hash_text
from limus.kernel.tables import Table, library_folder, write_parquet
from limus.trial.analysis.estimands import check_analysis
from limus.trial.design.analysis_plan import plan_of
from limus.trial.design.design import Analysis, Design
from limus.trial.design.file import design_path, load_design
from limus.trial.design.scenario import Scenario, load_scenario
from limus.trial.power.characteristics import (
    ArmSummary,
    Characteristics,
    summarise,
    summarise_allocation,
)
from limus.trial.power.replicates import run_replicates
from limus.trial.power.truth import check_restricted_mean, find_null_factors, true_effect
from limus.trial.simulation.arm_factors import Reference, find_arm_factors, make_reference
from limus.trial.simulation.target_engagement import ArmEngagement, arm_engagement
from limus.workflows.request import Request, json_value, open_run
from limus.workflows.trial.analysis.power_page import write_power_page

__all__ = ["TrialPowerRequest", "TrialPowerResult", "run"]

Floats = NDArray[np.float64]
_ENGAGEMENT_DAY = 365.0
NOTICE = "Simulated; research use only, not for diagnosis, treatment or dosing."


class TrialPowerRequest(Request):
    """A design, how often it is simulated, and under what truth."""

    design: str
    scenario: str | None = Field(default=None, description="the design's first by default")
    replicates: int = Field(default=1000, ge=2, le=10_000_000)
    subjects: int | None = Field(default=None, ge=4, le=200_000, description="the design's number by default")
    analyses: tuple[str, ...] = Field(default=(), description="names in the design; all by default")
    null: bool = Field(default=False, description="make the true difference of the primary analysis its margin")
    reference_subjects: int = Field(default=4000, ge=100, le=100_000)
    workers: int | None = Field(default=None, ge=1, le=1024)
    dask: str | None = Field(default=None, description="address of a Dask scheduler")
    seed: int = 1

    def as_dict(self) -> dict[str, Any]:
        """What decides the result: not who computes it; the design by its content."""
        content = super().as_dict()
        for name in ("workers", "dask"):
            content.pop(name, None)
        return {**content, "design_sha256": hash_text(design_path(self.design).read_text(encoding="utf-8"))}


@dataclass(frozen=True, eq=False)
class TrialPowerResult:
    """Operating characteristics.

    Attributes
    ----------
    design : Design
    scenario : Scenario
    null : bool
    replicates, subjects : int
    characteristics : tuple of Characteristics
    arms : tuple of ArmSummary
    allocation : dict
    engagement : tuple of ArmEngagement
        Of the reference cohort at one year.
    arm_factors : dict of str to tuple of float
        Multipliers of hazards by arm, from totals or the null.
    findings : tuple of Finding
    paths : dict of str to Path
    seed : int
    """

    design: Design
    scenario: Scenario
    null: bool
    replicates: int
    subjects: int
    characteristics: tuple[Characteristics, ...]
    arms: tuple[ArmSummary, ...]
    allocation: dict[str, dict[str, float]]
    engagement: tuple[ArmEngagement, ...]
    arm_factors: dict[str, tuple[float, ...]]
    findings: tuple[Finding, ...]
    paths: dict[str, Path]
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says: the primary analysis at the top."""
        primary = next((c for c in self.characteristics if c.analysis == self.design.primary.name), None)
        first = primary or self.characteristics[0]
        return {
            "design": self.design.name,
            "scenario": self.scenario.name,
            "scenario_title": self.scenario.title,
            "fitted": dict(self.scenario.fitted),
            "truth": "null" if self.null else "scenario",
            "analysis": first.analysis,
            "power": first.shown_fraction,
            "mcse": first.shown_mcse,
            "replicates": self.replicates,
            "subjects": self.subjects,
            "analyses": [self._row(one) for one in self.characteristics],
            "endpoints": [asdict(one) for one in self.arms],
            "allocation": {"method": str(self.design.allocation.method), **self.allocation},
            "target_engagement": [asdict(one) for one in self.engagement],
            "arm_factors": {name: list(values) for name, values in self.arm_factors.items()},
            "n_failed": sum(one.not_converged for one in self.characteristics),
            "findings": [finding.as_dict() for finding in self.findings],
            "paths": {name: str(path) for name, path in self.paths.items()},
            "seed": self.seed,
            "notice": NOTICE,
        }

    def _row(self, one: Characteristics) -> dict[str, Any]:
        analysis = next(a for a in self.design.analyses if a.name == one.analysis)
        content = asdict(one)
        content["power"], content["mcse"] = content.pop("shown_fraction"), content.pop("shown_mcse")
        described = {
            "endpoint": analysis.endpoint,
            "estimand": analysis.estimand,
            "method": str(analysis.method),
            "hypothesis": str(analysis.hypothesis),
            "margin": analysis.margin.value if analysis.margin else None,
            "test_arm": analysis.test_arm,
            "reference_arm": analysis.reference_arm,
        }
        return {"analysis": content.pop("analysis"), **described, **content}


def run(request: TrialPowerRequest, *, out: Path | None = None, execution: Execution | None = None) -> TrialPowerResult:
    """Simulate a design many times and judge its analyses.

    Parameters
    ----------
    request : TrialPowerRequest
    out : Path, optional
        Run directory; finished chunks are kept in it, and the same request goes on where it was interrupted.
    execution : Execution, optional
        How to run; its seed makes the replicates' generators.

    Returns
    -------
    TrialPowerResult

    Raises
    ------
    UnknownNameError
        No such design, scenario or analysis.
    FileReadError, InputError
        The design is wrong.
    ValueRangeError
        A null hypothesis that cannot be reached, or hardly anyone eligible.
    RefusedError
        A drug plan outside its model's validity, or the only analysis asked for is one that no data can answer.
    OutputError
        The folder cannot be written, or holds something else.
    """
    execution = execution or Execution(seed=request.seed)
    execution = replace(execution, workers=request.workers) if request.workers else execution
    design, findings = load_design(request.design)
    scenario = load_scenario(request.scenario or design.scenarios[0])
    chosen, refusals = _answerable(design, scenario, _chosen(design, request.analyses))
    subjects = request.subjects or design.subjects
    directory = None
    if out is not None:
        inputs = (design_path(request.design), *_library_inputs(design, scenario))
        directory = open_run(out, "trial_power", request.as_dict(), execution, inputs)
    execution.progress.start("reference cohort", 0)
    factors, reference = _reference(design, scenario, request)
    truths = {analysis.name: true_effect(reference, analysis) for analysis in chosen}
    engagement = arm_engagement(reference.trial, _ENGAGEMENT_DAY)
    execution.progress.finish()
    with _executor(request, execution) as used:
        chunks = run_replicates(
            design,
            scenario,
            replicates=request.replicates,
            analyses=[analysis.name for analysis in chosen],
            subjects=subjects,
            execution=used,
            arm_factors=factors,
            directory=directory,
        )
    characteristics, arms = summarise(design, chunks, truths)
    paths: dict[str, Path] = {}
    result = TrialPowerResult(
        design=design,
        scenario=scenario,
        null=request.null,
        replicates=request.replicates,
        subjects=subjects,
        characteristics=characteristics,
        arms=arms,
        allocation=summarise_allocation(chunks),
        engagement=engagement,
        arm_factors={name: tuple(values.tolist()) for name, values in factors.items()},
        findings=(*findings, *refusals, *_interim_findings(design, arms, subjects)),
        paths=paths,
        seed=execution.seed,
    )
    if directory is not None:
        tables = {"analyses": [asdict(one) for one in characteristics], "endpoints": [asdict(one) for one in arms]}
        for name, rows in tables.items():
            paths[name] = directory.path / "results" / f"{name}.parquet"
            write_parquet(Table.from_rows(rows), paths[name])
        paths["result"] = directory.path / "result.json"
        content = json.loads(json.dumps(json_value(result.as_dict())))
        paths["report_html"], paths["report_pdf"] = write_power_page(content, design, directory.path)
        _write_result(result, paths["result"])
    return result


def _chosen(design: Design, names: tuple[str, ...]) -> tuple[Analysis, ...]:
    known = {analysis.name: analysis for analysis in design.analyses}
    for name in names:
        if name not in known:
            near = near_names(name, known)
            do = f"did you mean {near[0]}?" if near else "use a name of the design"
            raise UnknownNameError("analysis", name, ", ".join(known), do)
    return tuple(known[name] for name in names) if names else design.analyses


def _answerable(
    design: Design, scenario: Scenario, chosen: tuple[Analysis, ...]
) -> tuple[tuple[Analysis, ...], list[Finding]]:
    """Leave out analyses that no data can answer, and name them; a report would refuse them likewise."""
    plan, kept = plan_of(design), []
    said: list[Finding] = []
    for analysis in chosen:
        try:
            check_analysis(plan, analysis)
            check_restricted_mean(design, scenario, analysis)
        except LimusError as error:
            if len(said) + 1 == len(chosen):  # nothing would be left
                raise
            said.append(Finding("analysis", Severity.WARNING, error.where, error.got, error.allowed, error.do))
            continue
        kept.append(analysis)
    return tuple(kept), said


def _reference(design: Design, scenario: Scenario, request: TrialPowerRequest) -> tuple[dict[str, Floats], Reference]:
    count = request.reference_subjects
    if request.null:
        factors = find_null_factors(design, scenario, design.primary, subjects=count)
    else:
        factors = find_arm_factors(design, scenario, subjects=count)
    return factors, make_reference(design, scenario, subjects=count, factors=factors)


def _interim_findings(design: Design, arms: tuple[ArmSummary, ...], subjects: int) -> list[Finding]:
    """Looks that would come after the last event there is."""
    endpoint = design.endpoint_named(design.primary.endpoint)
    shares = {arm.name: arm.share for arm in design.arms}
    expected = 0.0
    for event in endpoint.events:
        rows = [row for row in arms if row.quantity.startswith(f"{event} by day")]
        expected += sum(row.mean / 100 * shares[row.arm] * subjects for row in rows)
    found = []
    for look in design.interims:
        if look.events > expected > 0:
            got = f"{look.events} events; about {expected:.0f} are expected"
            where = f"interim {look.name}"
            found.append(Finding("interims", Severity.WARNING, where, got, "fewer than are expected", "lower it"))
    return found


@contextmanager
def _executor(request: TrialPowerRequest, execution: Execution) -> Iterator[Execution]:
    if request.dask is None:
        yield execution
        return
    try:
        from distributed import Client  # noqa: PLC0415
    except ImportError:
        do = "install limus[dask], or leave --dask out"
        raise InputError("--dask", request.dask, "an installed dask.distributed", do) from None
    with Client(request.dask) as client, client.get_executor() as executor:
        yield replace(execution, executor=executor)


def _library_inputs(design: Design, scenario: Scenario) -> list[Path]:
    folder = library_folder()
    files = [
        folder / "populations" / f"{design.population}.toml",
        folder / "scenarios" / f"{scenario.name}.toml",
        folder / "hazards" / f"{scenario.hazards.name}.toml",
        folder / "fits" / f"trial_{scenario.name}.csv",
    ]
    files += [folder / "population_models" / f"{plan.model}.toml" for arm in design.arms for plan in arm.drugs]
    return [file for file in dict.fromkeys(files) if file.is_file()]


def _write_result(result: TrialPowerResult, path: Path) -> None:
    path.write_text(json.dumps(json_value(result.as_dict()), indent=1) + "\n", encoding="utf-8")
