"""Capsules, targets, starting doses, the search for a dose, when to sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import InputError, UnknownNameError, ValueRangeError
from limus.patient.capsules import capsules_in_words, makeable_doses, round_to_strengths
from limus.patient.dose_search import search_doses
from limus.patient.dosing_library import load_dosing
from limus.patient.estimate import EstimateOptions, estimate_patients
from limus.patient.future import current_regimen, with_future_doses
from limus.patient.future_exposure import expose_draws, is_proportional, last_stretch
from limus.patient.prediction import predict_with_slopes, prepare_prediction
from limus.patient.sampling_design import plan_samples
from limus.patient.starting_dose import starting_doses
from limus.patient.targets import Target, parse_target
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.population_model.library import load_population_model

from .cases import NAN, visits, with_simulated_levels

STRENGTHS = (0.5, 1.0, 5.0)


@pytest.fixture(scope="module")
def woillard():
    model = load_population_model("Woillard_2011")
    table, _, _ = with_simulated_levels(model, visits(model, 1, 2, at_h=(0.0, 2.0)), seed=1)
    return estimate_patients(model, table, EstimateOptions(draws=300))


def test_doses_that_capsules_make_up() -> None:
    assert makeable_doses([2.0, 5.0], 10.0) == (2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
    assert makeable_doses([0.5], 0.4) == ()
    assert makeable_doses([0.25, 0.75], 1.0) == (0.25, 0.5, 0.75, 1.0)
    assert round_to_strengths(6.4, [5.0, 2.0]) == 6.0
    assert round_to_strengths(9.0, STRENGTHS, most_mg=7.2) == 7.0
    assert capsules_in_words(6.0, [5.0, 2.0]) == "3 x 2 mg"
    assert capsules_in_words(3.0, [5.0, 2.0]) == ""
    with pytest.raises(ValueRangeError, match="above 0"):
        makeable_doses([0.0], 3.0)


@pytest.mark.parametrize("text", ["trough", "trough:10-5", "peak:5-10", "trough:5", "trough:-5-10", "trough:5-5"])
def test_wrong_targets_are_refused(text: str) -> None:
    with pytest.raises(ValueRangeError, match="--target"):
        parse_target(text)


def test_targets() -> None:
    assert parse_target("AUC: 100 : 200.5") == Target("auc", 100.0, 200.5)


def test_starting_doses_follow_the_guideline() -> None:
    """CPIC: expressers 1.5 to 2 times the standard dose, not above 0.3 mg/kg a day."""
    rules = load_dosing("tacrolimus")
    form = rules.forms[0]
    plain = starting_doses(rules, form, weight_kg=80.0, expresser=False)
    assert [one.daily_mg for one in plain] == pytest.approx([16.0, 8.0])
    assert [one.dose_mg for one in plain] == [8.0, 4.0]
    raised = starting_doses(rules, form, weight_kg=80.0, expresser=True)
    assert [(one.factor, one.daily_mg, one.capped) for one in raised] == [
        (1.5, pytest.approx(24.0), False),
        (2.0, pytest.approx(24.0), True),
        (1.5, pytest.approx(12.0), False),
        (2.0, pytest.approx(16.0), False),
    ]
    assert all(2 * one.dose_mg <= 0.3 * 80.0 + 1e-9 for one in raised)
    assert starting_doses(rules, form, weight_kg=None, expresser=True) == ()
    assert "not known" in starting_doses(rules, form, weight_kg=80.0, expresser=None)[0].reason


def test_every_file_of_doses_cites_what_the_library_has() -> None:
    from limus.kernel.provenance import load_bibliography
    from limus.kernel.tables import library_folder

    known = load_bibliography(library_folder() / "references.bib")
    for path in (library_folder() / "dosing").glob("*.toml"):
        rules = load_dosing(path.stem.replace("_", " "))
        origins = [form.origin for form in rules.forms] + [one.origin for one in rules.starting]
        origins += [one for one in (rules.cap_origin, rules.genotype and rules.genotype.origin) if one]
        for origin in origins:
            assert set(origin.source) <= set(known)
            assert origin.source or origin.kind == "assumed"
    with pytest.raises(UnknownNameError, match="tacrolimus"):
        load_dosing("tacrolimos")


def test_exposure_of_a_dose_is_that_of_a_simulation(woillard) -> None:
    """Scaled from one simulation, as every candidate is: the same as simulating the dose itself."""
    assert is_proportional(woillard.model)
    doses = np.array([1.0, 2.0, 6.0])
    scaled = expose_draws(woillard, doses, 12.0)
    alone = expose_draws(woillard, doses[:1], 12.0)
    np.testing.assert_allclose(scaled.trough[0], alone.trough[0], rtol=1e-6)
    np.testing.assert_allclose(scaled.auc[0], alone.auc[0], rtol=1e-6)
    clearance = woillard.model.values["CL_typical"].value
    assert np.median(scaled.auc[2]) == pytest.approx(6000.0 / clearance, rel=0.6)


def test_levels_through_red_cells_are_not_proportional() -> None:
    model = load_population_model("Storset_2014")
    assert not is_proportional(model)
    table, _, _ = with_simulated_levels(model, visits(model, 1, 2), seed=1)
    found = estimate_patients(model, table, EstimateOptions(draws=100))
    drawn = expose_draws(found, np.array([2.0, 8.0]), 12.0)
    assert (drawn.trough[1] < 4.0 * drawn.trough[0]).all()


def test_best_dose_is_the_most_probable_by_brute_force(woillard) -> None:
    target = parse_target("trough:5-10")
    found = search_doses([woillard], [1.0], target, strengths_mg=STRENGTHS, interval_h=12.0, most_mg=10.0)
    every = np.array(makeable_doses(STRENGTHS, 10.0))
    troughs = expose_draws(woillard, every, 12.0).trough
    inside = 100.0 * ((troughs >= 5.0) & (troughs <= 10.0)).mean(axis=1)
    best = found.candidates[found.best]
    assert best.probability_percent == pytest.approx(inside.max(), abs=1e-9)
    assert best.dose_mg == every[int(np.argmax(inside))]
    for one in found.candidates:
        assert one.probability_percent + one.below_percent + one.above_percent == pytest.approx(100.0)
        assert one.probability_percent == pytest.approx(inside[list(every).index(one.dose_mg)], abs=1e-9)
        assert (np.diff(one.trough) > 0).all()


def test_models_are_mixed_by_their_weights(woillard) -> None:
    model = replace(woillard.model, model=woillard.model.model.with_values({"CL_typical": 60.0}))
    other = replace(woillard, model=model)
    target = parse_target("trough:5-10")

    def chance(weights) -> float:
        found = search_doses([woillard, other], weights, target, strengths_mg=[3.0], interval_h=12.0, most_mg=3.0)
        return found.candidates[0].probability_percent

    one, two = chance([1.0, 0.0]), chance([0.0, 1.0])
    assert abs(one - two) > 10.0
    assert chance([0.25, 0.75]) == pytest.approx(0.25 * one + 0.75 * two, abs=1e-9)


def test_a_limit_that_holds_the_dose_down_is_said(woillard) -> None:
    target = parse_target("trough:50-60")
    found = search_doses([woillard], [1.0], target, strengths_mg=STRENGTHS, interval_h=12.0, most_mg=2.0)
    assert found.limited
    assert found.candidates[found.best].dose_mg == 2.0
    with pytest.raises(ValueRangeError, match="smallest capsule"):
        search_doses([woillard], [1.0], target, strengths_mg=STRENGTHS, interval_h=12.0, most_mg=0.3)


def test_time_on_the_dose_tends_to_its_steady_state(woillard) -> None:
    steady = expose_draws(woillard, np.array([3.0]), 12.0)
    long = expose_draws(woillard, np.array([3.0]), 12.0, after_h=2400.0)
    short = expose_draws(woillard, np.array([3.0]), 12.0, after_h=12.0)
    np.testing.assert_allclose(long.trough, steady.trough, rtol=1e-4)
    assert np.abs(short.trough / steady.trough - 1.0).max() > 0.05
    with pytest.raises(ValueRangeError, match="one interval"):
        expose_draws(woillard, np.array([3.0]), 12.0, after_h=6.0)


def test_current_regimen() -> None:
    columns = {"ID": [1] * 5, "TIME": [0, 8, 16, 24, 30], "AMT": [4, 4, 3, 4, 0], "DV": [NAN] * 5}
    columns |= {"EVID": [1, 1, 1, 1, 0], "MDV": [1] * 5}
    now = current_regimen(event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL")))
    assert (now.interval_h, now.last_dose_h) == (8.0, 24.0)
    assert now.dose_mg == pytest.approx(11.0 / 3.0)
    single = event_table_from_arrays(
        {"ID": [1, 1], "TIME": [0, 5], "AMT": [4, 0], "DV": [NAN, 3.0]}, units=TableUnits("mg", "ng/mL")
    )
    with pytest.raises(InputError, match="without an interval"):
        current_regimen(single)
    with pytest.raises(InputError, match="after the last row"):
        with_future_doses(single, start_h=1.0, dose_mg=2.0, interval_h=12.0, count=1)


def test_what_comes_next_is_an_occasion_of_its_own_also_right_after_a_trough() -> None:
    """The next dose is due at the time of the last level: that level is the old occasion's, the dose the new one's."""
    model = load_population_model("Woillard_2011")
    columns = {"ID": [1] * 3, "OCC": [1, 1, 1], "TIME": [0, 12, 24], "EVID": [1, 0, 0], "AMT": [4, 0, 0]}
    columns |= {"II": [12, 0, 0], "ADDL": [1, 0, 0], "SS": [1, 0, 0], "DV": [NAN, 6.0, 7.0]}
    columns |= {name: [value] * 3 for name, value in model.typical.covariates.items()}
    table = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    longer = with_future_doses(table, start_h=24.0, dose_mg=4.0, interval_h=12.0, count=2)
    times = np.array([[24.0, 26.0, 36.0]])
    prediction = prepare_prediction(model, longer, times)
    _, slopes = predict_with_slopes(prediction, [0], np.zeros((1, prediction.space.size)))
    of_clearance = [prediction.space.of_occasion(k).start + 1 for k in range(2)]
    old, new = (np.abs(slopes[0, :, k]) for k in of_clearance)
    assert old[0] > 0.1
    assert new[0] == 0.0
    assert (new[1:] > 0.1).all()
    steady = with_future_doses(table, start_h=24.0, dose_mg=4.0, interval_h=12.0, count=1, steady_state=True)
    part, occasions = last_stretch(model, steady)
    assert occasions.tolist() == [1]
    assert len(part.records) == 1


def test_levels_lessen_what_is_not_known_of_the_area(woillard) -> None:
    two = plan_samples(woillard, samples=2)
    three = plan_samples(woillard, samples=3)
    assert all(plan.cv_after_percent < plan.cv_before_percent for plan in two)
    assert three[0].cv_after_percent < two[0].cv_after_percent
    assert [plan.cv_after_percent for plan in two] == sorted(plan.cv_after_percent for plan in two)
    with pytest.raises(ValueRangeError, match="inside"):
        plan_samples(woillard, times_h=[0.0, 13.0])
    with pytest.raises(ValueRangeError, match="samples"):
        plan_samples(woillard, samples=4)


def test_the_gain_of_a_plan_is_what_estimates_of_simulated_samples_show(woillard) -> None:
    """Levels simulated at the best times bring the area's spread near what the plan foretold."""
    plan = plan_samples(woillard, samples=2)[0]
    base = expose_draws(woillard, np.array([woillard.model.typical.dose]), 12.0).auc[0]
    assert 100.0 * base.std() / base.mean() == pytest.approx(plan.cv_before_percent, rel=0.35)
