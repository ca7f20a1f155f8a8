"""Replicates: their numbers are their own; totals and null hypotheses are met; operating characteristics."""

import math
import multiprocessing
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import InputError, ValueRangeError
from limus.kernel.execution import Execution, RunDirectory, spawn_generators
from limus.kernel.provenance import stamp_run
from limus.trial.analysis.comparisons import Status
from limus.trial.design.analysis_plan import plan_of
from limus.trial.design.design import Allocation, AllocationMethod, AnalysisMethod, Strategy
from limus.trial.design.file import load_design
from limus.trial.design.scenario import load_scenario
from limus.trial.exposure.draws import ReplicateDraws, replicate_generators
from limus.trial.power import replicates
from limus.trial.power.analyses import analyse_replicates
from limus.trial.power.characteristics import summarise, summarise_allocation
from limus.trial.power.replicates import run_replicates
from limus.trial.power.truth import find_null_factors, true_effect, true_risks
from limus.trial.simulation.allocation import allocate_subjects, make_concealed_list
from limus.trial.simulation.arm_factors import (
    average_risks,
    find_arm_factors,
    make_reference,
    redraw,
    true_values,
)
from limus.trial.simulation.cohort import draw_cohort
from limus.trial.simulation.replicates import dosing_days, simulate_replicates
from limus.trial.simulation.simulated_trial import simulate_trial

DESIGN = load_design("tacrolimus-everolimus")[0]
SCENARIO = load_scenario("israni_2013", with_fit=False)
NAMES = ("primary", "kidney function")


def test_generators_are_those_of_the_seed_by_number() -> None:
    for one, other in zip(
        replicate_generators(7, 3, 5, stream="x"), spawn_generators(7, 5, stream="x")[3:], strict=True
    ):
        assert one.random() == other.random()


def test_a_stack_draws_each_block_from_its_own_generator() -> None:
    stack = ReplicateDraws(spawn_generators(1, 2, stream="x"), (3, 1))
    drawn = stack.standard_normal((4, 2))
    first, second = spawn_generators(1, 2, stream="x")
    np.testing.assert_array_equal(drawn[:3], first.standard_normal((3, 2)))
    np.testing.assert_array_equal(drawn[3:], second.standard_normal((1, 2)))
    with pytest.raises(ValueRangeError, match="5 subjects"):
        stack.random(5)


def test_a_replicate_is_the_same_alone_and_in_a_chunk() -> None:
    def simulate(first: int, last: int):
        generators = replicate_generators(3, first, last, stream="x")
        return simulate_replicates(DESIGN, SCENARIO, generators, subjects=30, with_area=False)

    alone, together = simulate(2, 3), simulate(0, 4)
    rows = slice(60, 90)
    np.testing.assert_array_equal(alone.arm, together.arm[rows])
    np.testing.assert_array_equal(alone.egfr, together.egfr[rows])
    for name, day in alone.event_day.items():
        np.testing.assert_array_equal(day, together.event_day[name][rows])
    for name, history in alone.exposure.items():
        np.testing.assert_array_equal(
            history.trough_true_ng_per_ml, together.exposure[name].trough_true_ng_per_ml[rows]
        )


@pytest.mark.parametrize("method", list(AllocationMethod))
def test_every_method_allocates_in_the_ratio(method: AllocationMethod) -> None:
    design = replace(DESIGN, allocation=Allocation(method, (2, 4), ("DONOR_LIVING",), (), 0.8))
    generators = spawn_generators(1, 4, stream="x")
    cohort = draw_cohort(design, 200, generators)
    arm = allocate_subjects(design, cohort, spawn_generators(2, 4, stream="x")).reshape(4, 200)
    shares = arm.mean(axis=1)
    assert np.abs(shares - 0.5).max() < (0.16 if method is AllocationMethod.SIMPLE else 0.03)


def test_a_sealed_list_covers_every_stratum() -> None:
    sealed = make_concealed_list(DESIGN, np.random.default_rng(1))
    strata = {row[0] for row in sealed.rows}
    assert len(strata) == 4
    assert len(sealed.rows) == 4 * DESIGN.subjects
    assert len(sealed.sha256) == 64


def test_visits_lie_in_their_windows_and_levels_follow_the_design() -> None:
    trial = simulate_trial(DESIGN, subjects=40, seed=5)
    for v, visit in enumerate(DESIGN.visits):
        assert (trial.actual_day[:, v] >= visit.day - visit.window_before_days).all()
        assert (trial.actual_day[:, v] <= visit.day + visit.window_after_days).all()
    assert set(DESIGN.titration_days) <= set(dosing_days(DESIGN).tolist())
    everolimus = trial.exposure["everolimus"]
    assert np.isnan(everolimus.trough_true_ng_per_ml[trial.arm == 0]).all()
    assert np.nanmedian(everolimus.trough_true_ng_per_ml[trial.arm == 1, 8]) == pytest.approx(5.5, abs=1.5)


def test_arms_show_the_totals_of_a_scenario() -> None:
    scenario = load_scenario("seed_table")
    factors = find_arm_factors(DESIGN, scenario, subjects=300)
    reference = make_reference(DESIGN, scenario, subjects=300)
    reference = redraw(reference, replace(reference.context, arm_factors=factors))
    for total in scenario.totals:
        found = 100 * average_risks(reference, [total.event], total.day, competing=True)
        assert found == pytest.approx([total.without_mtor_percent, total.with_mtor_percent], abs=0.05)
    assert find_arm_factors(DESIGN, SCENARIO) == {}


def test_under_the_null_the_true_difference_is_the_margin() -> None:
    for name in ("primary", "efficacy failure", "kidney function"):
        analysis = next(a for a in DESIGN.analyses if a.name == name)
        factors = find_null_factors(DESIGN, SCENARIO, analysis, subjects=300)
        reference = make_reference(DESIGN, SCENARIO, subjects=300, factors=factors)
        margin = analysis.margin.value if analysis.margin else 0.0
        # a composite's graft losses follow infections that were drawn, and those the rejections
        tolerance = 0.05 if name == "kidney function" else 1e-5
        assert true_effect(reference, analysis) == pytest.approx(margin, abs=tolerance)


def test_the_true_risk_is_what_is_drawn() -> None:
    reference = make_reference(DESIGN, SCENARIO, subjects=1500)
    for events in (["rejection"], ["rejection", "graft loss", "death"], ["cmv"]):
        expected = average_risks(reference, events, 365.0, competing=True)
        first = np.minimum.reduce([reference.trial.events.unobserved[name] for name in events])
        drawn = (first.reshape(2, -1) <= 365).mean(axis=1)
        assert drawn == pytest.approx(expected, abs=4 * math.sqrt(0.2 * 0.8 / 1500))
    endpoint = DESIGN.endpoint_named("egfr month 12")
    assert (true_values(reference, endpoint) > 40).all()
    with pytest.raises(InputError, match="a hazard"):
        average_risks(reference, ["subclinical rejection"], 365.0, competing=True)


def test_the_truth_is_that_of_the_estimand_and_not_of_the_methods_name() -> None:
    reference = make_reference(DESIGN, SCENARIO, subjects=300)
    primary = DESIGN.primary
    assert primary.method is AnalysisMethod.KAPLAN_MEIER_DIFFERENCE
    risks = true_risks(reference, primary)
    alone = average_risks(reference, ["rejection"], 365.0, competing=False)
    assert risks is not None
    assert (risks < alone - 1e-5).all()  # death and graft loss compete, so the analysis takes cumulative incidences
    infection = next(one for one in DESIGN.analyses if one.endpoint == "cmv")
    policy = true_risks(reference, infection)
    estimand = next(one for one in DESIGN.estimands if one.name == infection.estimand)
    ended = replace(
        estimand,
        intercurrent_events=tuple(
            replace(one, strategy=Strategy.WHILE_ALIVE) if one.event == "graft loss" else one
            for one in estimand.intercurrent_events
        ),
    )
    other = replace(DESIGN, estimands=tuple(ended if one is estimand else one for one in DESIGN.estimands))
    alive = true_risks(replace(reference, trial=replace(reference.trial, design=other)), infection)
    assert policy is not None
    assert alive is not None
    assert (alive < policy - 1e-5).all()


def characteristics(execution: Execution, directory: RunDirectory | None = None):
    chunks = run_replicates(
        DESIGN, SCENARIO, replicates=9, analyses=NAMES, subjects=24, execution=execution, directory=directory
    )
    return chunks, summarise(DESIGN, chunks, {"primary": 0.08})


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicates, "SUBJECTS_AT_ONCE", 48)


@pytest.mark.usefixtures("small_chunks")
def test_numbers_do_not_depend_on_workers_chunks_or_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    _, one = characteristics(Execution(seed=4, workers=1))
    with ThreadPoolExecutor(3) as pool:
        _, threads = characteristics(Execution(seed=4, executor=pool))
    monkeypatch.setattr(replicates, "SUBJECTS_AT_ONCE", 96)
    _, two = characteristics(Execution(seed=4, workers=2))
    assert repr(one) == repr(two) == repr(threads)
    _, other = characteristics(Execution(seed=5, workers=1))
    assert repr(other) != repr(one)


def open_directory(path: Path) -> RunDirectory:
    return RunDirectory.open(path, command="test", request={"replicates": 9}, stamp=stamp_run(4, ()))


def run_and_keep(path: Path) -> None:
    replicates.SUBJECTS_AT_ONCE = 48
    characteristics(Execution(seed=4, workers=1), open_directory(path))


@pytest.mark.usefixtures("small_chunks")
def test_a_run_killed_at_any_moment_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = multiprocessing.get_context("fork")
    process = context.Process(target=run_and_keep, args=(tmp_path,))
    process.start()
    deadline = time.monotonic() + 30
    while len(list(tmp_path.glob("parts/*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("parts/*.json")}
    assert 2 <= len(kept) < 5
    done = []
    original = replicates.simulate_chunk
    monkeypatch.setattr(replicates, "simulate_chunk", lambda task: done.append(task) or original(task))
    _, resumed = characteristics(Execution(seed=4, workers=1), open_directory(tmp_path))
    assert len(done) == 5 - len(kept)
    assert {name: (tmp_path / "parts" / name).stat().st_mtime_ns for name in kept} == kept
    _, fresh = characteristics(Execution(seed=4, workers=1))
    assert repr(resumed) == repr(fresh)


@pytest.mark.usefixtures("small_chunks")
def test_each_figure_has_its_monte_carlo_error() -> None:
    chunks, (found, arms) = characteristics(Execution(seed=4, workers=1))
    primary = found[0]
    shown = np.array([value for chunk in chunks for value in chunk["analyses"]["primary"]["shown"]])
    assert primary.shown_fraction == shown.mean()
    assert primary.shown_mcse == pytest.approx(math.sqrt(shown.mean() * (1 - shown.mean()) / 9))
    estimates = [value for chunk in chunks for value in chunk["analyses"]["primary"]["estimate"]]
    assert primary.bias == pytest.approx(np.mean(estimates) - 0.08)
    assert primary.bias_mcse == pytest.approx(np.std(estimates, ddof=1) / 3)
    assert all(math.isfinite(row.mcse) for row in arms)
    guess = summarise_allocation(chunks)["guess_fraction"]
    assert 0.6 < guess["mean"] < 0.85


def test_a_replicate_without_events_is_counted_not_hidden() -> None:
    generators = replicate_generators(1, 0, 3, stream="x")
    trial = simulate_replicates(DESIGN, SCENARIO, generators, subjects=12, with_area=False)
    never = {name: np.full_like(day, np.inf) for name, day in trial.event_day.items()}
    quiet = replace(trial, events=replace(trial.events, day=never))
    for method in (AnalysisMethod.LOG_RANK, AnalysisMethod.COX, AnalysisMethod.KAPLAN_MEIER_DIFFERENCE):
        found = analyse_replicates(quiet, plan_of(DESIGN), replace(DESIGN.primary, method=method))
        assert (found.compared.status == Status.NO_EVENT).all()
        assert not found.shown.any()
        assert np.isnan(found.compared.estimate).all()


def test_every_method_runs_on_three_arms_and_agrees_in_direction() -> None:
    design = load_design("a2309-like")[0]
    generators = replicate_generators(1, 0, 2, stream="x")
    trial = simulate_replicates(design, SCENARIO, generators, subjects=240, with_area=False)
    plan, primary = plan_of(design), design.primary
    shares = analyse_replicates(trial, plan, replace(primary, method=AnalysisMethod.NEWCOMBE)).compared.estimate
    for method in AnalysisMethod:
        if method is AnalysisMethod.MEAN_DIFFERENCE:
            continue
        found = analyse_replicates(trial, plan, replace(primary, method=method)).compared
        better = -1.0 if found.higher_is_better else 1.0
        clear = np.abs(shares) > 0.03
        assert (np.sign(found.estimate) == better * np.sign(shares))[clear & ~found.failed].all(), method
