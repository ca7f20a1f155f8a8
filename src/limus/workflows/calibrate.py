"""``limus calibrate``: fit the pathway model anew, print what it was fitted to, the residuals and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from limus.kernel.errors import RefusedError
from limus.kernel.execution import Execution
from limus.kernel.tables import Table, write_parquet
from limus.report.figures import save
from limus.report.figures.profiles import draw_profiles
from limus.signalling.accepted_fit import library_inputs, write_fit
from limus.signalling.calibration import Calibration, calibrate
from limus.signalling.model_library import load_model, model_names
from limus.signalling.profiles import RISE_95, Profile, profile_fit
from limus.workflows.request import Request, open_run

__all__ = ["CalibrateRequest", "CalibrateResult", "run"]


class CalibrateRequest(Request):
    """Which model, from how many starts, and whether the library takes the result."""

    model: str = "t_cell"
    starts: int = Field(default=2, ge=1, le=64)
    draws: int = Field(default=0, ge=0, le=10000, description="draws of the posterior; 1000 on acceptance")
    accept: bool = Field(default=False, description="write the fit into the library")
    profiles: bool = Field(default=False, description="profile likelihood of every fitted constant; minutes")
    seed: int = 1


@dataclass(frozen=True, eq=False)
class CalibrateResult:
    """A calibration in the keys of the command contract."""

    calibration: Calibration
    accepted: bool
    seed: int
    profiles: tuple[Profile, ...] = ()

    @property
    def profile_rows(self) -> list[dict[str, Any]]:
        """One row a profiled constant, canonical units; an end is NaN where the curve does not end on that side."""
        return [
            {
                "parameter": p.parameter.name,
                "unit": p.parameter.unit,
                "value": 10.0**p.log10_fit,
                "lower": 10.0**p.with_prior.lower,
                "upper": 10.0**p.with_prior.upper,
                "status": str(p.with_prior.status),
                "lower_without_prior": 10.0**p.without_prior.lower,
                "upper_without_prior": 10.0**p.without_prior.upper,
                "status_without_prior": str(p.without_prior.status),
                "share_of_prior_width": p.share_of_prior_width,
                "prior_driven": p.prior_driven,
            }
            for p in self.profiles
        ]

    @property
    def profile_points(self) -> list[dict[str, Any]]:
        """One row a point of a profile."""
        return [
            {
                "parameter": p.parameter.name,
                "label": "" if p.parameter.unit == "dimensionless" else p.parameter.unit,
                "value": 10.0 ** p.log10_values[k],
                "rise_with_prior": p.with_prior.rise[k],
                "rise_without_prior": p.without_prior.rise[k],
                "fit": 10.0**p.log10_fit,
            }
            for p in self.profiles
            for k in range(len(p.log10_values))
        ]

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
            "profiles": self.profile_rows,
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
    RefusedError
        The model has nothing to fit.
    SolveError
        A simulation failed.
    OutputError
        The folder or the library cannot be written.
    """
    model = load_model(request.model, with_fit=False)
    if not model.fitted:
        fitted = ", ".join(name for name in model_names() if load_model(name, with_fit=False).fitted)
        raise RefusedError(
            "model to calibrate", request.model, f"a model with fitted constants: {fitted}", "choose one"
        )
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
    profiles = (
        profile_fit(model, calibration.values, calibration.log10_covariance, execution=execution)
        if request.profiles
        else ()
    )
    result = CalibrateResult(calibration, request.accept, request.seed, profiles)
    if directory is not None:
        kept = [{k: v for k, v in row.items() if k != "source"} for row in result.rows]
        write_parquet(Table.from_rows(kept), directory.path / "results" / "rows.parquet")
        write_parquet(Table.from_rows(result.parameters), directory.path / "results" / "parameters.parquet")
        if profiles:
            write_parquet(Table.from_rows(result.profile_rows), directory.path / "results" / "profiles.parquet")
            drawing = draw_profiles(Table.from_rows(result.profile_points), limit=RISE_95)
            save(drawing, directory.path / "figures", "profiles")
    return result
