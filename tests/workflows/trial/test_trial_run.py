"""The seed's trial by one command: data sets, analysis and report; the same answer from its own data sets."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from limus.cli.trial_text import show_trial
from limus.kernel.errors import FileReadError, OutputError, UnknownNameError, ValueRangeError
from limus.kernel.execution import Execution
from limus.report.content import RESEARCH_USE, Notice
from limus.trial.design.file import design_path
from limus.workflows.request import json_value
from limus.workflows.trial import report as trial_report
from limus.workflows.trial import run as trial_run
from limus.workflows.trial.analysis.front import answers_section, question_section
from limus.workflows.trial.analysis.outcome import TrialOutcome
from limus.workflows.trial.report import TrialReportRequest
from limus.workflows.trial.run import TrialRunRequest

EXAMPLES = Path(__file__).parents[3] / "examples" / "trial"
SETTINGS = {"design": "tacrolimus-everolimus", "subjects": 24, "seed": 2}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialOutcome, Path]:
    """What the example does, with few subjects."""
    out = tmp_path_factory.mktemp("trial") / "run"
    spec = importlib.util.spec_from_file_location("seed_trial", EXAMPLES / "seed_trial.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example.main(["--subjects", "24", "--seed", "2", "--out", str(out)]), out


def test_run_folder_holds_everything(finished: tuple[TrialOutcome, Path]) -> None:
    _, out = finished
    for name in (
        "run.toml", "design.toml", "provenance.json", "result.json", "report.html", "report.pdf", "sdtm/dm.xpt",
        "sdtm/metadata.json", "adam/adtte.xpt", "adam/adppk.parquet", "adam/adsl.csv", "figures/flow.svg",
        "figures/troughs.csv", "results/estimands.csv",
    ):  # fmt: skip
        assert (out / name).is_file(), name
    assert (out / "design.toml").read_text() == design_path(SETTINGS["design"]).read_text()


def test_result_has_the_keys_of_the_contract(finished: tuple[TrialOutcome, Path]) -> None:
    outcome, out = finished
    content = json.loads((out / "result.json").read_text())
    assert content == json_value(outcome.as_dict())
    assert content["subjects"] == 24
    assert {one["name"] for one in content["endpoints"]} == {one.name for one in outcome.analysis.plan.analyses}
    assert Path(content["datasets"]["ADTTE"]["xpt"]).is_file()
    assert content["report_html"].endswith("report.html")
    assert sum(arm["allocated"] for arm in content["flow"]["arms"]) == 24


def test_report_says_what_it_is(finished: tuple[TrialOutcome, Path]) -> None:
    _, out = finished
    page = (out / "report.html").read_text(encoding="utf-8")
    assert RESEARCH_USE in page
    assert "No patient took part" in page
    assert page.count("<figure") >= 8
    assert page.count('role="img"') >= page.count('class="drawing"') > 0
    for words in ("Assessed for eligibility", "Intercurrent events", "Standardised difference", "At risk"):
        assert words in page or words == "At risk"  # drawn as paths


def test_its_own_data_sets_give_the_same_answer(finished: tuple[TrialOutcome, Path]) -> None:
    outcome, out = finished
    again = trial_report.run(TrialReportRequest(data=str(out)))
    first, second = json_value(outcome.as_dict()), json_value(again.as_dict())
    for part in ("endpoints", "events", "flow", "baseline", "troughs", "safety", "laboratory", "simulated", "seed"):
        assert second[part] == first[part], part


def test_analysis_data_sets_alone_are_enough(finished: tuple[TrialOutcome, Path], tmp_path: Path) -> None:
    outcome, out = finished
    found = trial_report.run(TrialReportRequest(data=str(out / "adam"), design=SETTINGS["design"]))
    assert json_value(found.as_dict())["endpoints"] == json_value(outcome.as_dict())["endpoints"]
    bare = trial_report.run(TrialReportRequest(data=str(out / "adam")))
    # nothing of a simulated trial passes for measured, not even a single file without metadata
    assert (bare.origin.simulated, bare.origin.seed) == (True, 2)
    for name in ("adsl", "adtte"):
        shutil.copy(out / "adam" / f"{name}.xpt", tmp_path)
    lone = trial_report.run(TrialReportRequest(data=str(tmp_path)))
    assert (lone.origin.simulated, lone.origin.scenario) == (True, "not named")
    assert bare.analysis.estimands == ()
    assert len(bare.analysis.events) == len(outcome.analysis.events)


def test_without_a_design_everything_is_described(finished: tuple[TrialOutcome, Path]) -> None:
    outcome, out = finished
    found = trial_report.run(TrialReportRequest(data=str(out / "sdtm")))
    assert found.analysis.estimands == ()
    assert {arm.arm for arm in found.analysis.flow.arms} == {"A", "B"}
    by_code = {one.code: one for one in found.analysis.events}
    for one in outcome.analysis.events:
        counts = [(arm.n, arm.events) for arm in one.arms]
        assert [(arm.n, arm.events) for arm in by_code[one.code].arms] == counts
    said = [block.text for block in question_section(found, ()).blocks if isinstance(block, Notice)]
    assert any("nothing is tested" in text for text in said)
    assert answers_section(found) is None


def test_another_seed_is_another_trial(finished: tuple[TrialOutcome, Path]) -> None:
    outcome, _ = finished
    other = trial_run.run(TrialRunRequest(**SETTINGS | {"seed": 5}), execution=Execution(seed=5))
    assert json_value(other.as_dict())["baseline"] != json_value(outcome.as_dict())["baseline"]
    assert other.files == {}
    text = show_trial(other.as_dict())
    assert "seed 5" in text
    assert "Research use only" in text


def test_another_request_does_not_overwrite(finished: tuple[TrialOutcome, Path]) -> None:
    _, out = finished
    with pytest.raises(OutputError):
        trial_run.run(TrialRunRequest(**SETTINGS | {"seed": 7}), out=out, execution=Execution(seed=7))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError):
        trial_run.run(TrialRunRequest(design="tacrolimus-everolimo"))
    with pytest.raises(ValueRangeError, match="sas7bdat"):
        trial_run.run(TrialRunRequest(**SETTINGS, formats=("sas7bdat",)))
    with pytest.raises(FileReadError):
        trial_report.run(TrialReportRequest(data=str(tmp_path)))
    with pytest.raises(UnknownNameError, match="folder that exists"):
        trial_report.run(TrialReportRequest(data=str(tmp_path / "nowhere")))


def test_data_sets_of_ones_own_need_no_design() -> None:
    """The ten subjects of ``tests/trial/sdtm_samples.py``, as CSV in the examples."""
    found = trial_report.run(TrialReportRequest(data=str(EXAMPLES / "own_data")))
    assert found.origin.simulated is False
    assert (found.analysis.flow.screened, found.analysis.flow.randomised) == (10, 8)
    by_code = {one.code: [arm.events for arm in one.arms] for one in found.analysis.events}
    assert by_code["BPAR"] == [1, 2]
    assert by_code["EFFFAIL"] == [3, 3]
    assert [one.check for one in found.findings if one.check == "date-complete"] == ["date-complete"]
