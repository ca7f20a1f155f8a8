"""``limus trial calibrate``: fit totals to arms of published trials, predict the others, and say how well."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from limus.kernel.execution import Execution
from limus.kernel.tables import Table, write_parquet
from limus.trial.calibration.totals import Calibration, PredictedRow, calibrate_trials
from limus.trial.calibration.trial_arms import arms_path
from limus.trial.design.scenario import load_scenario
from limus.trial.design.trial_fit import fit_hashes, write_fit
from limus.workflows.request import Request, open_run

__all__ = ["TrialCalibrateRequest", "TrialCalibrateResult", "run"]


class TrialCalibrateRequest(Request):
    """Which scenario, how large the reference cohorts, and whether the library takes the result."""

    scenario: str = "israni_2013"
    subjects: int = Field(default=2000, ge=200, le=100_000)
    accept: bool = Field(default=False, description="write the fit into the library")
    seed: int = 1


@dataclass(frozen=True, eq=False)
class TrialCalibrateResult:
    """A calibration in the keys of the command."""

    calibration: Calibration
    accepted: Path | None
    seed: int

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row an observation: observed, predicted, 95 % predictive interval."""
        return [_row(row) for row in self.calibration.rows]

    def as_dict(self) -> dict[str, Any]:
        """Rows, parameters, coverage of the rows that were not fitted."""
        c = self.calibration
        inside, checked = c.coverage()
        verified_inside, verified = c.coverage(verified_only=True)
        return {
            "scenario": c.scenario,
            "parameters": [asdict(parameter) for parameter in c.parameters],
            "shifts": dict(c.shifts),
            "rows": self.rows,
            "chi_square": c.chi_square,
            "degrees_of_freedom": c.degrees_of_freedom,
            "status": c.status,
            "checked": checked,
            "checked_inside": inside,
            "coverage_percent": 100.0 * inside / checked if checked else float("nan"),
            "verified_checked": verified,
            "verified_inside": verified_inside,
            "note": "fitted totals are no evidence; rows with use = check are, and those of one trial share a shift",
            "accepted": None if self.accepted is None else str(self.accepted),
            "seed": self.seed,
            "n_failed": 0,
        }


def _row(row: PredictedRow) -> dict[str, Any]:
    arm = row.arm
    unit = {"risk": "percent", "low function": "percent", "ratio": "ratio"}.get(arm.kind, "mL/min")
    return {
        "id": arm.id,
        "design": arm.design,
        "arm": arm.arm,
        "other_arm": arm.other_arm,
        "kind": arm.kind,
        "what": arm.what,
        "day": arm.day,
        "n": arm.n,
        "unit": unit,
        "observed": arm.observed,
        "predicted": row.predicted,
        "low": row.low,
        "high": row.high,
        "inside": row.inside,
        "use": arm.use,
        "observation_status": arm.status,
        "source": arm.source,
        "interval": row.interval,
        "note": arm.note,
    }


def run(
    request: TrialCalibrateRequest, *, out: Path | None = None, execution: Execution | None = None
) -> TrialCalibrateResult:
    """Calibrate a scenario.

    Parameters
    ----------
    request : TrialCalibrateRequest
    out : Path, optional
        Run directory for the tables.
    execution : Execution, optional
        Its progress is told.

    Returns
    -------
    TrialCalibrateResult

    Raises
    ------
    UnknownNameError
        No such scenario.
    RefusedError
        A design outside a model's validity.
    OutputError
        The folder or the library cannot be written.
    """
    execution = execution or Execution(seed=request.seed)
    hashes = fit_hashes(load_scenario(request.scenario, with_fit=False).name)
    directory = None
    if out is not None:
        directory = open_run(out, "trial_calibrate", request.as_dict(), execution, [arms_path()])
    calibration = calibrate_trials(
        request.scenario, subjects=request.subjects, execution=execution, seed=execution.seed
    )
    accepted = None
    if request.accept:
        found = ((p.name, p.value, p.unit, p.standard_error) for p in calibration.parameters)
        accepted = write_fit(request.scenario, found, hashes)
    result = TrialCalibrateResult(calibration, accepted, execution.seed)
    if directory is not None:
        write_parquet(Table.from_rows(result.rows), directory.path / "results" / "rows.parquet")
        parameters = [asdict(parameter) for parameter in calibration.parameters]
        write_parquet(Table.from_rows(parameters), directory.path / "results" / "parameters.parquet")
    return result
