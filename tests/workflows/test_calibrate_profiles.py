"""``limus calibrate --profiles``: what the workflow keeps and says; the fit and the profiles stand in for slow ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.cli.cell_commands import _show_calibration
from limus.signalling.calibration import Calibration
from limus.signalling.model_library import load_model
from limus.signalling.observations import load_potencies
from limus.signalling.potency import CurveStatus
from limus.signalling.prediction import PredictedRow
from limus.signalling.profiles import Profile, ProfileCurve, ProfileStatus
from limus.workflows import calibrate as workflow
from limus.workflows.calibrate import CalibrateRequest, run

GRID = np.linspace(-1.0, 1.0, 7)


def fake_calibration() -> Calibration:
    model = load_model("t_cell", with_fit=False)
    count = len(model.fitted)
    used = next(p for p in load_potencies() if p.use == "fit")
    return Calibration(
        model=model,
        parameters=model.fitted,
        values=np.array([p.value for p in model.fitted]),
        log10_covariance=0.04 * np.eye(count),
        at_bound=np.zeros(count, bool),
        sum_of_squares=1.0,
        draws=None,
        effective_sample=float("nan"),
        agreeing_starts=1,
        starts=1,
        status="converged",
        rows=(PredictedRow(used, 1.0, 1.0, CurveStatus.OK),),
        left_out=(),
    )


def fake_profiles() -> tuple[Profile, ...]:
    closed = ProfileCurve(10.0 * GRID**2, -0.62, 0.62, ProfileStatus.IDENTIFIED)
    flat = ProfileCurve(0.0 * GRID, float("nan"), float("nan"), ProfileStatus.FLAT)
    first, second = load_model("t_cell", with_fit=False).fitted[:2]
    return Profile(first, 0.0, GRID, closed, flat), Profile(second, 0.0, GRID, closed, closed)


def test_profiles_are_kept_drawn_and_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[int, ...]] = []

    def profiled(model: object, values: np.ndarray, covariance: np.ndarray, **_: object) -> tuple[Profile, ...]:
        asked.append((*values.shape, *covariance.shape))
        return fake_profiles()

    monkeypatch.setattr(workflow, "calibrate", lambda *_, **__: fake_calibration())
    monkeypatch.setattr(workflow, "profile_fit", profiled)
    result = run(CalibrateRequest(profiles=True), out=tmp_path / "run")
    assert asked == [(11, 11, 11)]
    first, second = result.as_dict()["profiles"]
    assert (first["status"], first["status_without_prior"], first["prior_driven"]) == ("identified", "flat", True)
    assert np.isnan(first["upper_without_prior"])
    assert second["upper"] == pytest.approx(10**0.62)
    assert not second["prior_driven"]
    assert (tmp_path / "run/results/profiles.parquet").exists()
    assert (tmp_path / "run/figures/profiles.svg").exists()
    assert "observations alone" in _show_calibration(result.as_dict())


def test_without_the_option_nothing_is_profiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "calibrate", lambda *_, **__: fake_calibration())
    result = run(CalibrateRequest())
    assert result.as_dict()["profiles"] == []
    assert "observations alone" not in _show_calibration(result.as_dict())
