"""What published protocols need of the design language, and what it must not pass over in silence."""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import InputError, UnknownNameError
from limus.kernel.execution import spawn_generators
from limus.kernel.tables import library_folder
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.trial.design.background_names import background_name, background_names
from limus.trial.design.file import load_design
from limus.trial.design.regimen_features import arm_features, no_induction
from limus.trial.design.scenario import load_scenario
from limus.trial.design.titration_library import load_practice
from limus.trial.events.rates import arm_and_standard_rates, make_context
from limus.trial.exposure.covariates import subject_covariates
from limus.trial.simulation.arm_factors import average_risks, make_reference
from limus.trial.simulation.replicates import simulate_replicates

Change = Callable[[dict[str, Any]], None]


def loaded(tmp_path: Path, change: Change, name: str = "us92-like") -> tuple[Any, tuple[Finding, ...]]:
    design = tomllib.loads((library_folder() / "designs" / f"{name}.toml").read_text())
    change(design)
    path = tmp_path / "design.toml"
    path.write_text(tomli_w.dumps(design))
    return load_design(str(path))


def test_background_drugs_go_by_the_names_of_protocols() -> None:
    assert background_name("MMF", "x") == background_name("enteric-coated mycophenolate sodium", "x") == "mycophenolate"
    assert background_name("Prednisone", "x") == "steroids"
    assert background_name("rATG", "x") == "depleting induction"
    assert background_name("basiliximab", "x") == "induction"
    assert len({background_name(name, "x") for name in background_names()}) == len(background_names())


@pytest.mark.parametrize("name", ["belatacept", "leflunomide", "mycofenolate mofetil"])
def test_a_background_drug_that_changes_no_hazard_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownNameError, match="background") as caught:
        loaded(tmp_path, lambda d: d["arms"][1]["background"].append({"name": name}))
    assert caught.value.got == name
    assert "mycophenolate" in caught.value.allowed


@pytest.mark.parametrize(("name", "said"), [("cyclosporine", "did you mean ciclosporin"), ("belatacept", "background")])
def test_a_drug_without_titrated_troughs_is_refused_by_name(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(UnknownNameError, match="compound") as caught:
        loaded(tmp_path, lambda d: d["arms"][1]["drugs"].append({"compound": name}))
    assert said in caught.value.do


def test_windows_that_leave_out_days_follow_each_other(tmp_path: Path) -> None:
    def steps(d: dict[str, Any]) -> None:
        d["arms"][1]["drugs"][0]["windows"] = [
            {"to_day": 60.0, "low_ng_per_ml": 8.0, "high_ng_per_ml": 12.0},
            {"low_ng_per_ml": 7.0, "high_ng_per_ml": 10.0},
            {"from_day": 180.0, "low_ng_per_ml": 5.0, "high_ng_per_ml": 8.0},
        ]

    windows = loaded(tmp_path, steps)[0].arms[1].drugs[0].windows
    assert [(w.from_day, w.to_day) for w in windows] == [(0.0, 60.0), (60.0, 180.0), (180.0, 366.0)]


def test_a_window_of_a_drug_that_starts_later_begins_with_it() -> None:
    everolimus = load_design("zeus-like")[0].arm_named("EVR").drugs[1]
    assert (everolimus.windows[0].from_day, everolimus.windows[0].to_day) == (135.0, 1096.0)


def young(d: dict[str, Any]) -> None:
    d["eligibility"][0] |= {"lower": 2.0, "upper": 17.0}


def young_by_one_end(d: dict[str, Any]) -> None:
    del d["eligibility"][0]["lower"]
    d["eligibility"][0]["upper"] = 17.0


def young_population(d: dict[str, Any]) -> None:
    d["population_changes"] = {"AGE.mean": 9.0}


def light(d: dict[str, Any]) -> None:
    d["population_changes"] = {"WT.lower": 10.0}


def once_a_day(d: dict[str, Any]) -> None:
    d["drugs"]["tacrolimus"]["interval_h"] = 24.0


def wrong_release(d: dict[str, Any]) -> None:
    d["drugs"]["tacrolimus"] |= {"model": "Woillard_2011", "formulation": {"immediate_release": 0.0}}
    d["drugs"]["tacrolimus"]["overrides"] = ["age", "time_after_transplantation"]


def idle_override(d: dict[str, Any]) -> None:
    d["drugs"]["tacrolimus"]["overrides"] = ["aeg"]


def idle_formulation(d: dict[str, Any]) -> None:
    d["drugs"]["tacrolimus"]["formulation"] = {"immediate": 1.0}


def uncut(d: dict[str, Any]) -> None:
    d["allocation"]["strata"] = ["AGE"]


def falling_cuts(d: dict[str, Any]) -> None:
    d["allocation"] |= {"strata": ["AGE"], "cuts": {"AGE": [60.0, 40.0]}}


def twice(d: dict[str, Any]) -> None:
    d["arms"][1]["drugs"].append(dict(d["arms"][1]["drugs"][0]))


def backwards(d: dict[str, Any]) -> None:
    d["arms"][1]["background"][0] |= {"start_day": 30.0, "stop_day": 8.0}


def late_titration(d: dict[str, Any]) -> None:
    d["titration_days"].append(500.0)


def late_randomisation(d: dict[str, Any]) -> None:
    d["randomisation_day"] = 365.0


def early_endpoint(d: dict[str, Any]) -> None:
    d["randomisation_day"] = 400.0
    d["duration_days"] = 730.0


def other_event_name(d: dict[str, Any]) -> None:
    d["endpoints"][1]["events"] = ["BPAR"]


def bare_margin(d: dict[str, Any]) -> None:
    d["analyses"][0]["margin"] = 0.1


def idle_parameter(d: dict[str, Any]) -> None:
    d["population_changes"] = {"AGE.share": 0.5}


def no_spread(d: dict[str, Any]) -> None:
    d["population_changes"] = {"AGE.sd": 0.0}


def between_doses(d: dict[str, Any]) -> None:
    d["titration_days"].insert(1, 3.3)


def switch_between_doses(d: dict[str, Any]) -> None:
    d["arms"][0]["drugs"][0] |= {"start_day": 30.2, "windows": [{"low_ng_per_ml": 3.0, "high_ng_per_ml": 8.0}]}


def lost_step(d: dict[str, Any]) -> None:
    d["drugs"]["tacrolimus"]["rule"] = {"form": "step", "step_mg": 0.3}


def always_held(d: dict[str, Any]) -> None:
    d["drugs"]["tacrolimus"]["rule"]["hold_above_ng_per_ml"] = 3.0


def idle_cuts(d: dict[str, Any]) -> None:
    d["allocation"]["cuts"] = {"AGE": [50.0]}


def same_looks(d: dict[str, Any]) -> None:
    d["interims"] = [{"name": "a", "events": 10}, {"name": "a", "events": 20}]


def negative_function(d: dict[str, Any]) -> None:
    d["endpoints"][2]["graft_loss_value"] = -5.0


def carried_without_a_plan_before(d: dict[str, Any]) -> None:
    d["arms"][1]["drugs"][0]["start_dose"] = {"carried": 1.0}


def carried_and_an_amount(d: dict[str, Any]) -> None:
    d["arms"][1]["drugs"][0]["start_dose"] = {"carried": 1.0, "amount": 2.0}


def timed_threshold(d: dict[str, Any]) -> None:
    d["endpoints"][0] |= {"variable": "egfr", "threshold": 40.0}
    d["analyses"][0]["method"] = "Kaplan-Meier difference, Greenwood"


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        (young, "AGE", "16 to 80 years"),
        (young_by_one_end, "AGE", "16 to 80 years"),
        (young_population, "AGE.mean", "16 to 80 years"),
        (light, "WT.lower", "51 to 110 kg"),
        (once_a_day, "formulation", "twice daily"),
        (wrong_release, "formulation", "0 once a day"),
        (idle_override, "overrides", "age"),
        (idle_formulation, "formulation", "prednisolone_dose"),
        (uncut, "strata, AGE", "cut into classes"),
        (falling_cuts, "cuts, AGE", "rise"),
        (twice, "arm MMF", "one plan of a drug"),
        (backwards, "background", "after the start_day"),
        (late_titration, "titration_days", "duration_days"),
        (late_randomisation, "randomisation_day", "below duration_days"),
        (early_endpoint, "endpoint", "after randomisation_day"),
        (other_event_name, "endpoint rejection", "rejection"),
        (bare_margin, "margin", "justification"),
        (carried_without_a_plan_before, "start_dose", "stops on that day"),
        (carried_and_an_amount, "start_dose", "or carried alone"),
        (timed_threshold, "method", "a risk difference"),
        (idle_parameter, "population_changes.AGE", "mean, sd, lower, upper"),
        (no_spread, "AGE.sd", "above 0"),
        (between_doses, "titration_days", "every 12 h is due"),
        (switch_between_doses, "start_day", "every 12 h is due"),
        (lost_step, "rule", "0.5 mg or more"),
        (always_held, "rule", "the highest target"),
        (idle_cuts, "cuts, AGE", "columns of the strata"),
        (same_looks, "interims", "different names"),
        (negative_function, "graft_loss_value", "0"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_field(tmp_path: Path, change: Change, place: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, change)
    error = caught.value
    assert place in error.where
    assert said in error.allowed
    assert error.do


def test_criteria_a_little_beyond_the_population_are_a_warning(tmp_path: Path) -> None:
    _, findings = loaded(tmp_path, lambda d: d["eligibility"][0].update(upper=85.0))
    (found,) = (f for f in findings if f.check == "population")
    assert found.severity is Severity.WARNING
    assert "85" in found.got


def test_arms_that_differ_before_randomisation_are_a_warning(tmp_path: Path) -> None:
    _, findings = loaded(tmp_path, lambda d: d.update(randomisation_day=30.0))
    assert [f.where for f in findings if f.check == "randomisation-day"] == ["randomisation_day"]
    for name in ("zeus-like", "elevate-like", "central-like", "sirolimus-conversion"):
        assert not [f for f in load_design(name)[1] if f.check == "randomisation-day"]


def to_once_a_day(d: dict[str, Any]) -> None:
    daily = tomllib.loads((library_folder() / "designs" / "harmony-like.toml").read_text())["drugs"]["tacrolimus"]
    plans = d["arms"][1]["drugs"]
    plans[0] |= {"stop_day": 28.0, "windows": [{"low_ng_per_ml": 8.0, "high_ng_per_ml": 12.0}]}
    window = {"low_ng_per_ml": 5.0, "high_ng_per_ml": 10.0}
    plans.append({**daily, "compound": "tacrolimus", "start_day": 28.0, "windows": [window]})
    plans[1]["start_dose"] = {"carried": 1.0}


def test_a_change_of_release_keeps_the_daily_dose(tmp_path: Path) -> None:
    design, _ = loaded(tmp_path, to_once_a_day)
    history = make_reference(design, load_scenario("bouamar_2013"), subjects=100).trial.exposure["tacrolimus"]
    days = history.visit_day.tolist()
    doses = history.dose_mg_per_day[100:]  # the second arm
    before, after = doses[:, days.index(21.0)], doses[:, days.index(28.0)]
    on = (before > 0) & (after > 0)
    assert on.sum() > 80
    assert np.abs(after[on] - before[on]).max() <= 0.5  # capsules


def test_nothing_happens_before_randomisation_and_hazards_follow_the_switch() -> None:
    design, _ = load_design("elevate-like")
    scenario = load_scenario("bouamar_2013")
    trial = simulate_replicates(
        design, scenario, spawn_generators(1, 2, stream="x"), subjects=150, with_area=False, with_laboratory=False
    )
    for days in trial.events.unobserved.values():
        assert days.min() >= 84.0
    context = make_context(design, scenario, np.array([0, 1]), {k: v[:2] for k, v in trial.cohort.columns.items()}, {})
    own, _ = arm_and_standard_rates(context, scenario.hazards.events["rejection"])
    before = context.middle < 84.0
    assert (own[:, before] == 0).all()
    terms = {term.name: term.factor for term in scenario.hazards.events["rejection"].terms}
    features = arm_features(design.arm_named("EVR"), context.middle)
    assert features["no_calcineurin_inhibitor"].tolist() == (~before).tolist()
    columns = {name: np.repeat(values[:1], 2) for name, values in trial.cohort.columns.items()}
    same = make_context(design, scenario, np.array([0, 1]), columns, {})
    rates, _ = arm_and_standard_rates(same, scenario.hazards.events["rejection"])
    expected = terms["no_calcineurin_inhibitor"]
    np.testing.assert_allclose(rates[0, ~before] / rates[1, ~before], expected)


def test_risks_count_from_randomisation() -> None:
    design, _ = load_design("elevate-like")
    scenario = load_scenario("bouamar_2013")
    late = make_reference(design, scenario, subjects=150)
    early = make_reference(replace(design, randomisation_day=0.0), scenario, subjects=150)
    assert (average_risks(late, ["rejection"], 84.0, competing=True) == 0).all()
    whole, part = (average_risks(one, ["rejection"], 365.0, competing=True) for one in (early, late))
    assert (part < 0.8 * whole).all()


def test_depleting_induction_is_induction_with_hazards_of_its_own() -> None:
    design, _ = load_design("harmony-like")
    days = np.array([1.0, 100.0])
    assert not arm_features(design.arm_named("A"), days)["depleting_induction"].any()
    assert arm_features(design.arm_named("C"), days)["depleting_induction"].all()
    assert not no_induction(design, np.array([0, 1, 2]), {}).any()
    terms = {t.name for t in load_scenario("israni_2013").hazards.events["cmv"].terms}
    assert "depleting_induction" in terms


def test_covariates_say_the_induction_that_the_arms_gave() -> None:
    design, _ = load_design("caesar-like")  # daclizumab in two of three arms
    trial = make_reference(design, load_scenario("bouamar_2013"), subjects=60).trial
    given = trial.cohort.columns["INDUCTION"].reshape(3, -1)
    assert given[:2].all()
    assert not given[2].any()


def test_the_course_of_steroids_stops_when_the_arm_stops_them() -> None:
    design, _ = load_design("osaka-like")
    plan = design.arm_named("BD").drugs[0]
    days = np.broadcast_to(np.array([0.0, 5.0, 30.0, 180.0]), (2, 4))
    columns = {"WT": [70.0] * 2, "HT": [170.0] * 2, "SEX": [0.0] * 2, "HCT": [33.0] * 2, "CYP3A5": [0.0] * 2}
    model = load_population_model("Storset_2014")

    def course(steroids: tuple[tuple[float, float], ...] | None) -> list[float]:
        found = subject_covariates(model, replace(plan, steroids=steroids), columns, days, load_practice())
        return found.changing["prednisolone_dose"][0].tolist()

    throughout = course(None)
    assert min(throughout) > 0
    assert course(((0.0, 7.0),)) == [*throughout[:2], 0.0, 0.0]
    assert course(()) == [0.0] * 4
    assert course(((0.0, float("inf")),)) == throughout
    assert design.arm_named("BAS").drugs[0].steroids == ((0.0, 7.0),)
