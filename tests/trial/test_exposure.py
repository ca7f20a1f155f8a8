"""One drug of a trial arm: exact against event tables; sampling, adherence, conversion, refusals, reproducibility."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from limus.kernel.errors import (
    InputError,
    ModelError,
    RefusedError,
    UnknownNameError,
    UnsupportedFeatureError,
    ValueRangeError,
)
from limus.kernel.execution import Execution, spawn_generators
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.trial.design.treatment import DosingRule, DrugPlan, LevelSampling, RuleKind, StartDose, TargetWindow
from limus.trial.exposure import simulate as exposure
from limus.trial.exposure.draws import ReplicateDraws
from limus.trial.exposure.history import Decision, ExposureHistory, Sample
from limus.trial.exposure.replicates import ArmTask, simulate_replicates
from limus.trial.exposure.simulate import simulate_exposure
from limus.trial.exposure.structure import read_kinetics
from limus.trial.exposure.tables import decision_counts, decision_log, troughs_in_window

Floats = NDArray[np.float64]
DAYS = (0.0, 3.0, 7.0, 14.0, 28.0, 60.0, 90.0, 180.0)
TACROLIMUS = DrugPlan(
    compound="tacrolimus",
    model="Storset_2014",
    start_dose=StartDose(0.1, "mg/kg", "day", factors=(("CYP3A5", 1.5),)),
    interval_h=12.0,
    strengths_mg=(0.5, 1.0, 5.0),
    largest_daily_mg=30.0,
    windows=(TargetWindow(0.0, 60.0, 6.0, 12.0), TargetWindow(60.0, 1e9, 4.0, 8.0)),
    rule=DosingRule(RuleKind.PROPORTIONAL),
)
EVEROLIMUS = replace(
    TACROLIMUS,
    compound="everolimus",
    model="TerHeine_2018",
    start_dose=StartDose(0.75, "mg", "dose"),
    strengths_mg=(0.25, 0.5, 0.75, 1.0),
    largest_daily_mg=10.0,
    windows=(TargetWindow(0.0, 1e9, 3.0, 8.0),),
)
REAL = LevelSampling(
    assay_cv_percent=6.0,
    lower_limit_ng_per_ml=1.0,
    sampling_time_sd_h=1.0,
    missed_level_probability=0.1,
    missed_dose_fraction=0.2,
    missed_dose_sd_logit=1.0,
    residual_fraction=1.0,
)


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    """The validation script, which holds the event-table simulation; it is not part of the package."""
    path = Path(__file__).parents[2] / "validation" / "trial_exposure.py"
    spec = importlib.util.spec_from_file_location("validation_trial_exposure", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def cohort(subjects: int, seed: int = 1) -> dict[str, Floats]:
    """Covariates inside the limits of both models."""
    generator = np.random.default_rng(seed)
    return {
        "AGE": generator.uniform(25.0, 65.0, subjects),
        "SEX": (generator.random(subjects) < 0.35).astype(np.float64),
        "HT": generator.normal(172.0, 8.0, subjects),
        "WT": generator.uniform(55.0, 105.0, subjects),
        "HCT": generator.uniform(29.0, 39.0, subjects),
        "CYP3A5": (generator.random(subjects) < 0.2).astype(np.float64),
    }


def simulate(plan: DrugPlan, subjects: int = 300, seed: int = 5, **options: object) -> ExposureHistory:
    """Simulate a plan in the cohort."""
    (generator,) = spawn_generators(seed, 1, stream="test")
    return simulate_exposure(plan, cohort(subjects), DAYS, generator, **options)  # type: ignore[arg-type]


# ---- exactness


@pytest.mark.parametrize(
    ("name", "own_days"),
    [("Woillard_2011", False), ("Storset_2014", True), ("TerHeine_2018", False), ("Han_2013_preDose", True)],
)
def test_the_loop_is_the_simulation_of_its_event_table(oracle: ModuleType, name: str, own_days: bool) -> None:
    case = oracle.simulate_case(name, 3, 3, own_days=own_days)
    trough, sample, area = oracle.compare(case)
    assert trough < oracle.LEVEL_LIMIT
    assert sample < oracle.LEVEL_LIMIT
    assert area < (oracle.AREA_LIMIT if read_kinetics(case.model).linear else oracle.QUADRATURE_LIMIT)


def test_a_stopped_drug_washes_out_as_its_event_table_does(oracle: ModuleType) -> None:
    case = oracle.simulate_case("Woillard_2011", 3, 8, stop_day=12.5)
    trough, sample, _ = oracle.compare(case)
    assert max(trough, sample) < oracle.LEVEL_LIMIT
    assert (case.history.trough_true_ng_per_ml[:, -1] < 1e-6).all()


@pytest.mark.parametrize("plan", [TACROLIMUS, EVEROLIMUS], ids=["tacrolimus", "everolimus"])
def test_blocks_of_subjects_do_not_matter(plan: DrugPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = replace(plan, sampling=REAL)
    whole = simulate(plan, 1501)  # of everolimus, some have an absorption about as fast as the distribution
    monkeypatch.setattr(exposure, "_BLOCK", 100)
    parts = simulate(plan, 1501)
    assert np.array_equal(parts.trough_true_ng_per_ml, whole.trough_true_ng_per_ml)
    assert np.array_equal(parts.decision, whole.decision)


def test_a_replicate_has_its_numbers_whatever_stands_beside_it() -> None:
    plan, columns = replace(TACROLIMUS, sampling=REAL), cohort(40)
    alone = [simulate_exposure(plan, columns, DAYS, one) for one in spawn_generators(9, 3)]
    tiled = {name: np.tile(values, 3) for name, values in columns.items()}
    together = simulate_exposure(plan, tiled, DAYS, ReplicateDraws(spawn_generators(9, 3)))
    for k, one in enumerate(alone):
        rows = slice(40 * k, 40 * k + 40)
        levels = together.trough_measured_ng_per_ml[rows]
        assert np.array_equal(levels, one.trough_measured_ng_per_ml, equal_nan=True)
        assert np.array_equal(together.decision[rows], one.decision)


def test_chunks_and_workers_do_not_matter() -> None:
    task = ArmTask(replace(EVEROLIMUS, sampling=REAL), cohort(20), DAYS, companions=("tacrolimus",), with_area=False)
    one = simulate_replicates(task, 6, execution=Execution(seed=4, workers=1))
    small = simulate_replicates(task, 6, execution=Execution(seed=4, workers=1), chunk_subjects=40)
    two = simulate_replicates(task, 6, execution=Execution(seed=4, workers=2), chunk_subjects=60)
    for other in (small, two):
        assert np.array_equal(other.percentiles, one.percentiles, equal_nan=True)
        assert np.array_equal(other.mean_dose_mg_per_day, one.mean_dose_mg_per_day)


# ---- levels, doses, adherence


def test_troughs_are_brought_into_the_window() -> None:
    found = simulate(TACROLIMUS, 600)
    table = troughs_in_window(found, TACROLIMUS)
    days, within = table["day"], table["within_percent"]
    assert within[days == 28.0][0] > within[days == 3.0][0] + 20.0
    assert within[days == 28.0][0] > 60.0
    assert table["low_ng_per_ml"][days == 60.0][0] == 6.0  # the window before the visit is the one aimed at
    assert table["low_ng_per_ml"][days == 90.0][0] == 4.0
    total = table["below_percent"] + within + table["above_percent"]
    np.testing.assert_allclose(total[1:], 100.0)


def test_without_errors_the_measured_level_is_the_true_trough() -> None:
    found = simulate(TACROLIMUS)
    on_drug = found.sample == Sample.MEASURED
    assert on_drug[:, 1:].all()
    np.testing.assert_allclose(found.trough_measured_ng_per_ml[on_drug], found.trough_true_ng_per_ml[on_drug])
    assert found.adherence.min() == 1.0


def test_measured_levels_vary_about_the_true_ones_by_assay_and_model() -> None:
    sampling = LevelSampling(assay_cv_percent=6.0, residual_fraction=1.0)
    found = simulate(replace(TACROLIMUS, sampling=sampling), 2000)
    ratio = found.trough_measured_ng_per_ml[:, -1] / found.trough_true_ng_per_ml[:, -1]
    # Storset: 14.9 % in all, of which the assay is a part; four standard errors of a standard deviation
    error = 0.149 / np.sqrt(2 * 2000)
    assert abs(ratio.std() - 0.149) < 4 * error
    assert abs(ratio.mean() - 1.0) < 4 * 0.149 / np.sqrt(2000)
    alone = simulate(replace(TACROLIMUS, sampling=LevelSampling(assay_cv_percent=6.0)), 2000)
    ratio = alone.trough_measured_ng_per_ml[:, -1] / alone.trough_true_ng_per_ml[:, -1]
    assert abs(ratio.std() - 0.06) < 4 * 0.06 / np.sqrt(2 * 2000)


def test_the_share_of_missed_doses_is_the_plans() -> None:
    found = simulate(replace(TACROLIMUS, sampling=REAL), 2000)
    missed = 1.0 - found.adherence
    assert abs(missed.mean() - 0.2) < 4 * missed.std() / np.sqrt(2000)
    assert missed.std() > 0.1  # a spread of 1 on the logit
    assert (found.sample[:, 1:] == Sample.MISSED).mean() == pytest.approx(0.1, abs=0.015)
    assert set(np.unique(found.decision[found.sample == Sample.MISSED])) <= {
        Decision.KEPT_WITHOUT_LEVEL,
        Decision.STARTED,
    }


def test_below_the_limit_of_quantification_has_a_status_and_raises_the_dose() -> None:
    sampling = LevelSampling(lower_limit_ng_per_ml=5.0)
    found = simulate(replace(TACROLIMUS, sampling=sampling))
    low = found.sample == Sample.BELOW_LIMIT
    assert low.any()
    assert np.isnan(found.trough_measured_ng_per_ml[low]).all()
    assert set(np.unique(found.decision[low])) <= {
        Decision.RAISED,
        Decision.KEPT_AT_LARGEST,
    }


def test_a_c2_is_a_level_of_two_hours() -> None:
    plan = replace(
        TACROLIMUS,
        compound="ciclosporin",
        model="Press_2010",
        start_dose=StartDose(8.0, "mg/kg", "day"),
        strengths_mg=(25.0, 50.0, 100.0),
        largest_daily_mg=1200.0,
        windows=(TargetWindow(0.0, 1e9, 800.0, 1200.0),),
        sampling=LevelSampling(hours_after_dose=2.0),
    )
    found = simulate(plan)
    assert found.level_hour == 2.0
    later = found.trough_measured_ng_per_ml[:, -1]
    assert (later > 2.0 * found.trough_true_ng_per_ml[:, -1]).all()
    assert np.median(later) == pytest.approx(1000.0, rel=0.1)
    np.testing.assert_allclose(found.actual_day[:, -1] - found.sampling_day[:, -1], 10.0 / 24.0)


def test_covariates_that_change_change_the_level() -> None:
    columns = cohort(50) | {"HCT": np.linspace(28.0, 40.0, len(DAYS)) * np.ones((50, 1))}
    low = cohort(50) | {"HCT": np.full((50, len(DAYS)), 28.0)}
    fixed = replace(TACROLIMUS, rule=DosingRule(RuleKind.FIXED))
    rising, flat = (simulate_exposure(fixed, one, DAYS, np.random.default_rng(2)) for one in (columns, low))
    gain = rising.trough_true_ng_per_ml[:, 1:] / flat.trough_true_ng_per_ml[:, 1:]
    assert (np.diff(np.median(gain, axis=0)) > 0).all()  # more red cells hold more drug


# ---- starts, stops, holds


def test_a_conversion_stops_one_drug_and_starts_the_other() -> None:
    before = simulate(replace(TACROLIMUS, stop_day=28.0))
    after = simulate(replace(EVEROLIMUS, start_day=28.0))
    v = DAYS.index(28.0)
    assert (before.decision[:, v] == Decision.STOPPED).all()
    assert (after.decision[:, v] == Decision.STARTED).all()
    assert not after.dose_mg_per_day[:, :v].any()
    assert not before.dose_mg_per_day[:, v:].any()
    assert (after.dose_mg_per_day[:, v] == 1.5).all()
    assert (after.trough_true_ng_per_ml[:, v] == 0.0).all()
    assert (after.trough_true_ng_per_ml[:, v + 1] > 0.0).all()
    assert (before.trough_true_ng_per_ml[:, -1] < 1e-3).all()
    assert np.isnan(before.trough_measured_ng_per_ml[:, v + 1 :]).all()


def test_every_subject_may_stop_on_its_own_day() -> None:
    stops = np.where(np.arange(300) % 2 == 0, 20.0, np.inf)
    found = simulate(TACROLIMUS, stop_day=stops)
    assert (found.decision[::2, DAYS.index(28.0)] == Decision.STOPPED).all()
    assert (found.decision[1::2, -1] != Decision.NONE).all()
    assert found.doses_due[0] == 40
    assert found.doses_due[1] == 360


def test_a_level_above_the_limit_holds_the_drug() -> None:
    rule = DosingRule(RuleKind.PROPORTIONAL, hold_above_ng_per_ml=12.0)
    plan = replace(TACROLIMUS, start_dose=StartDose(10.0, "mg", "dose"), rule=rule)
    found = simulate(plan)
    held = found.decision[:, 1] == Decision.HELD
    assert 0.2 < held.mean() < 1.0
    assert not found.dose_mg_per_day[held, 1].any()
    again = found.decision[held, 2]
    assert set(np.unique(again)) <= {Decision.HELD, Decision.RESUMED}
    assert (found.dose_mg_per_day[held, 2][again == Decision.RESUMED] > 0.0).all()
    short = simulate(replace(plan, rule=replace(rule, hold_days=1.0)))
    assert (short.dose_mg_per_day[held, 1] > 0.0).all()  # in force again before the next visit
    assert np.median(short.trough_true_ng_per_ml[held, 2]) > np.median(found.trough_true_ng_per_ml[held, 2])


def test_the_log_tells_every_decision() -> None:
    found = simulate(TACROLIMUS, 20)
    log = decision_log(found, TACROLIMUS)
    assert len(log["day"]) == (found.decision != Decision.NONE).sum() == 20 * len(DAYS)
    one = decision_log(found, TACROLIMUS, subjects=[7])
    assert set(one["subject"]) == {"7"}
    np.testing.assert_allclose(one["before_mg_per_day"][1:], one["after_mg_per_day"][:-1])
    assert one["decision"][0] == "started"
    raised = log["decision"] == "raised"
    assert raised.any()
    assert (log["level_ng_per_ml"][raised] < log["low_ng_per_ml"][raised]).all()
    assert sum(decision_counts(found).values()) == 20 * len(DAYS)
    with pytest.raises(ValueRangeError, match="subjects"):
        decision_log(found, TACROLIMUS, subjects=[20])


def test_the_first_dose_follows_weight_and_genotype() -> None:
    found, columns = simulate(TACROLIMUS), cohort(300)
    exact = 0.1 * columns["WT"] * np.where(columns["CYP3A5"] > 0.5, 1.5, 1.0)
    assert np.abs(found.dose_mg_per_day[:, 0] - exact).max() <= 0.5 + 1e-9
    capped = simulate(replace(TACROLIMUS, largest_daily_mg=8.0))
    assert capped.dose_mg_per_day.max() == 8.0
    assert "start-dose" in {finding.check for finding in capped.findings}


# ---- refusals


@pytest.mark.parametrize(
    ("plan", "options", "said"),
    [
        (replace(EVEROLIMUS, model="Kovarik_2001"), {"companions": ("tacrolimus",)}, "without ciclosporin"),
        (EVEROLIMUS, {"companions": ("ciclosporin",)}, "with ciclosporin"),
        (replace(EVEROLIMUS, model="deWit_2016"), {}, "organ"),
        (replace(TACROLIMUS, windows=(TargetWindow(0.0, 1e9, 30.0, 40.0),)), {}, "30 to 40"),
        (replace(TACROLIMUS, windows=(TargetWindow(0.0, 1e9, 0.5, 1.5),)), {}, "0.5 to 1.5"),
        (
            replace(TACROLIMUS, model="Woillard_2011", formulation=(("immediate_release", 1.0),)),
            {},
            "time_after_transplantation",
        ),
    ],
)
def test_what_lies_outside_a_model_is_refused(plan: DrugPlan, options: dict[str, object], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        simulate(plan, 20, **options)  # type: ignore[arg-type]


def test_an_override_by_name_is_a_warning() -> None:
    plan = replace(TACROLIMUS, model="Woillard_2011", formulation=(("immediate_release", 1.0),))
    found = simulate(replace(plan, overrides=("time_after_transplantation",)), 20)
    assert any(f.severity == "warning" and "time_after" in f.where for f in found.findings)
    alone = (("macrolide", 0.0), ("itraconazole", 0.0), ("black", 0.0))
    simulate(replace(EVEROLIMUS, model="Kovarik_2001", formulation=alone), 20, overrides=("comedication",))


def test_a_cohort_outside_the_limits_is_refused_and_a_few_subjects_are_flagged() -> None:
    columns = cohort(100)
    columns["AGE"][:5] = 80.0
    found = simulate_exposure(TACROLIMUS, columns, DAYS, np.random.default_rng(1))
    assert found.outside_limits[:5].all()
    columns["AGE"][:20] = 80.0
    with pytest.raises(RefusedError, match=r"20\.0% of 100 subjects"):
        simulate_exposure(TACROLIMUS, columns, DAYS, np.random.default_rng(1))


@pytest.mark.parametrize("name", ["HCT", "CYP3A5", "HT", "SEX"])
def test_a_missing_covariate_is_named(name: str) -> None:
    columns = {key: values for key, values in cohort(10).items() if key != name}
    plan = replace(TACROLIMUS, start_dose=StartDose(4.0, "mg", "dose"))
    with pytest.raises(InputError, match=name):
        simulate_exposure(plan, columns, DAYS, np.random.default_rng(1))


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"HT": np.where(np.arange(10) == 3, np.nan, 170.0)}, InputError, "no value of subject 4"),
        ({"CYP3A5": np.full(10, 2.0)}, InputError, "CYP3A5"),
        ({"HT": np.ones((10, 3))}, ValueRangeError, "shape"),
        ({"female": np.zeros(10)}, InputError, "one column"),
    ],
)
def test_bad_columns_are_told(changed: dict[str, Floats], error: type[InputError], said: str) -> None:
    with pytest.raises(error, match=said):
        simulate_exposure(TACROLIMUS, cohort(10) | changed, DAYS, np.random.default_rng(1))


def test_a_cohort_without_columns_is_told() -> None:
    with pytest.raises(InputError, match="no columns"):
        simulate_exposure(TACROLIMUS, {}, DAYS, np.random.default_rng(1))


@pytest.mark.parametrize("days", [(3.0, 2.0), (-1.0, 2.0), (0.0, 3.3), ()])
def test_days_that_no_dose_falls_on_are_refused(days: tuple[float, ...]) -> None:
    with pytest.raises(ValueRangeError, match="visit days"):
        simulate_exposure(TACROLIMUS, cohort(5), days, np.random.default_rng(1))


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (replace(TACROLIMUS, windows=()), "windows"),
        (replace(TACROLIMUS, windows=TACROLIMUS.windows[::-1]), "windows"),
        (replace(TACROLIMUS, windows=(TargetWindow(0.0, 9.0, 10.0, 5.0),)), "windows"),
        (replace(TACROLIMUS, interval_h=7.0), "interval"),
        (replace(TACROLIMUS, stop_day=0.0), "stop_day"),
        (replace(TACROLIMUS, model="TerHeine_2018"), "everolimus"),
        (replace(TACROLIMUS, strengths_mg=()), "strengths"),
    ],
)
def test_plans_that_cannot_be_followed(plan: DrugPlan, said: str) -> None:
    with pytest.raises(InputError, match=said):
        simulate(plan, 5)


def test_a_covariate_that_makes_a_clearance_negative_is_told() -> None:
    plan = replace(
        TACROLIMUS,
        compound="sirolimus",
        model="Golubovic_2019",
        formulation=(("AST", 20.0),),
        windows=(TargetWindow(0.0, 1e9, 5.0, 10.0),),
    )
    columns = cohort(10) | {"AGE": np.full(10, 120.0)}
    with pytest.raises(ModelError, match="elimination"):
        simulate_exposure(plan, columns, DAYS, np.random.default_rng(1), overrides=("AGE",))


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(UnknownNameError, match="Storset"):
        simulate(replace(TACROLIMUS, model="Storset"), 5)


def test_equations_of_another_form_are_refused() -> None:
    model = load_population_model("Woillard_2011")
    leaking = next(reaction for reaction in model.model.reactions if reaction.name == "elimination")
    more = replace(leaking, name="leak", reactants=(replace(leaking.reactants[0], species="transit_1"),))
    other = replace(model.model, reactions=(*model.model.reactions, more))
    with pytest.raises(UnsupportedFeatureError, match="Woillard"):
        read_kinetics(replace(model, model=other, content_hash="changed"))
