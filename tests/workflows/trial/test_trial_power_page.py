"""The page of a power run: every number of replicates with its Monte Carlo standard error, failures counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.cli.trial_text import show_trial
from limus.kernel.errors import FileReadError
from limus.kernel.execution import Execution
from limus.kernel.tables import Table
from limus.report.figures.trial_power import draw_operating_characteristics
from limus.workflows.trial import power as trial_power
from limus.workflows.trial import report as trial_report
from limus.workflows.trial.power import TrialPowerRequest
from limus.workflows.trial.report import PowerReport, TrialReportRequest

DESIGN = "tacrolimus-everolimus"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("power") / "run"
    request = TrialPowerRequest(design=DESIGN, replicates=4, subjects=40, reference_subjects=200, workers=1)
    trial_power.run(request, out=out, execution=Execution(seed=1, workers=1))
    return out


def test_page_stands_beside_its_result(finished: Path, tmp_path: Path) -> None:
    found = trial_report.run(TrialReportRequest(data=str(finished)), out=tmp_path / "page")
    assert isinstance(found, PowerReport)
    page = Path(found.as_dict()["report_html"]).read_text(encoding="utf-8")
    for words in ("Monte Carlo standard error", "No patient took part", "not stratified", "4 simulated trials of 40"):
        assert words in page
    for one in found.content["analyses"]:
        assert one["analysis"] in page
    assert "Monte Carlo standard error" in show_trial(found.as_dict())
    assert (tmp_path / "page" / "figures" / "power.csv").is_file()


def test_unfinished_run_is_named(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text((finished / "run.toml").read_text())
    with pytest.raises(FileReadError, match=r"no result\.json"):
        trial_report.run(TrialReportRequest(data=str(tmp_path)))


def test_figure_says_every_error() -> None:
    data = Table.create(
        {
            "analysis": ["primary", "second"],
            "shown_percent": [80.0, np.nan],
            "shown_mcse": [1.3, np.nan],
            "coverage_percent": [94.8, 95.2],
            "coverage_mcse": [0.7, 0.7],
            "level_percent": [95.0, 95.0],
        }
    )
    drawing = draw_operating_characteristics(data, shown="Power")
    assert drawing.alt == "Power of each analysis: primary 80 % (Monte Carlo standard error 1.3)."
