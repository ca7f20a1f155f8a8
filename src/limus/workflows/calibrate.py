"""``limus calibrate``: fit the pathway model anew, print what it was fitted to, the residuals and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from limus.kernel.execution import Execution
from limus.kernel.tables import Table, write_parquet
from limus.signalling.accepted_fit import library_inputs, write_fit
from limus.signalling.calibration import Calibration, calibrate
from limus.signalling.model_library import load_model
from limus.workflows.request import Request, open_run

__all__ = ["CalibrateRequest", "CalibrateResult", "run"]


class CalibrateRequest(Request):
    """Which model, from how many starts, and whether the library takes the result."""

    model: str = "t_cell"
    starts: int = Field(default=2, ge=1, le=64)
    draws: int = Field(
        default=0, ge=0, le=10000, description="draws of the posterior; 1000 on acceptance"
    )
    accept: bool = Field(default=False, description="write the fit into the library")
    seed: int = 1


@dataclass(frozen=True, eq=False)
class CalibrateResult:
    """A calibration in the keys of the command contract."""

    calibration: Calibration
    accepted: bool
    seed: int

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row an observation; ``fold`` is NaN where the model gives no IC50."""
        return [
            {
                "id": row.observation.id,
                "compound": row.observation.compound,
                "readout": row.observation.readout,
                "stimulus": row.observation.stimulus,
                "observed": row.observation.centre_nM,
                "observed_lower": row.observation.lower_nM,
                "observed_upper": row.observation.upper_nM,
                "predicted": row.predicted_nM,
                "unit": "nM",
                "fold": row.fold,
                "used": row.observation.use == "fit",
                "status": str(row.status),
                "source": list(row.observation.source),
            }
            for row in self.calibration.rows
        ]

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """One row a fitted parameter."""
        c = self.calibration
        return [
            {
                "parameter": p.name,
                "prior": p.prior_value,
                "prior_log10_sd": p.prior_log10_sd,
                "value": c.values[j],
                "unit": p.unit,
                "log10_standard_error": c.log10_standard_errors[j],
                "at_bound": bool(c.at_bound[j]),
            }
            for j, p in enumerate(c.parameters)
        ]

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        c = self.calibration
        return {
            "model": c.model.name,
            "rows": self.rows,
            "share_within_3_fold": c.share_within_3_fold,
            "parameters": self.parameters,
            "left_out": [{"id": p.id, "compound": p.compound, "reason": p.reason} for p in c.left_out],
            "sum_of_squares": c.sum_of_squares,
            "starts": c.starts,
            "agreeing_starts": c.agreeing_starts,
            "status": c.status,
            "draws": 0 if c.draws is None else len(c.draws),
            "effective_sample": c.effective_sample,
            "accepted": self.accepted,
            "seed": self.seed,
            "n_failed": sum(str(row.status) != "ok" for row in c.rows),
        }


def run(request: CalibrateRequest, *, out: Path | None = None, execution: Execution | None = None) -> CalibrateResult:
    """Calibrate a model to the published potencies.

    Parameters
    ----------
    request : CalibrateRequest
    out : Path, optional
        Run directory for the tables.
    execution : Execution, optional
        How to run; its seed draws the starts.

    Returns
    -------
    CalibrateResult

    Raises
    ------
    UnknownNameError
        No such model.
    SolveError
        A simulation failed.
    OutputError
        The folder or the library cannot be written.
    """
    model = load_model(request.model, with_fit=False)
    execution = execution or Execution(seed=request.seed)
    directory = (
        open_run(out, "calibrate", request.as_dict(), execution, library_inputs(model.name))
        if out is not None
        else None
    )
    calibration = calibrate(
        model, starts=request.starts, draws=request.draws or (1000 if request.accept else 0), execution=execution
    )
    if request.accept:
        write_fit(calibration)
    result = CalibrateResult(calibration, request.accept, request.seed)
    if directory is not None:
        kept = [{k: v for k, v in row.items() if k != "source"} for row in result.rows]
        write_parquet(Table.from_rows(kept), directory.path / "results" / "rows.parquet")
        write_parquet(Table.from_rows(result.parameters), directory.path / "results" / "parameters.parquet")
    return result
