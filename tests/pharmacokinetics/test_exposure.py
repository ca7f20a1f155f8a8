"""Exposure: published oracles, closed forms, intervals, ranges."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import InputError, ValueRangeError
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.exposure import area_under_samples, find_exposure
from limus.pharmacokinetics.population_model.library import load_population_model, population_model_names
from limus.pharmacokinetics.population_simulation import simulate_population
from limus.pharmacokinetics.regimen import Regimen, regimen_events

UNITS = TableUnits("mg", "ng/mL")
WOILLARD = {"HCT": [32.3], "CYP3A5_expresser": [0.0], "immediate_release": [1.0]}


def typical(name: str):
    model = load_population_model(name)
    return model, {key: [value] for key, value in model.typical.covariates.items()}


def test_woillard_at_steady_state_as_the_issue_gives_it() -> None:
    table = regimen_events([Regimen(2.0, 12.0, steady_state=True)], covariates=WOILLARD)
    found = find_exposure(load_population_model("Woillard_2011"), table)
    assert found.status == ("ok",)
    assert found.auc[0] == pytest.approx(86.09, abs=0.005)
    assert found.trough[0] == pytest.approx(4.725, abs=0.0005)
    assert found.cmax[0] == pytest.approx(13.56, abs=0.005)
    assert found.tmax_h[0] == pytest.approx(0.975, abs=0.0125)  # given on a grid of 0.025 h
    assert found.auc[0] == pytest.approx(2000.0 / (21.2 * (32.3 / 35) ** -1.14), rel=1e-10)


def test_andrews_at_steady_state_and_on_day_90_as_the_issue_gives_them() -> None:
    model, covariates = typical("Andrews_2019")
    steady = find_exposure(model, regimen_events([Regimen(5.0, 12.0, steady_state=True)], covariates=covariates))
    assert steady.auc[0] == pytest.approx(217.39, abs=0.005)
    assert steady.trough[0] == pytest.approx(15.158, abs=0.0005)
    many = find_exposure(model, regimen_events([Regimen(5.0, 12.0, 181)], covariates=covariates), only_last=True)
    assert many.number.tolist() == [181]
    assert many.auc[0] == pytest.approx(213.9, abs=0.05)
    assert many.trough[0] == pytest.approx(14.87, abs=0.005)


@pytest.mark.parametrize("name", population_model_names())
def test_area_is_what_reaches_the_body_over_clearance(name: str) -> None:
    model, covariates = typical(name)
    from limus.kernel.units import convert
    from limus.pharmacokinetics.population_model.mass_balance import area_of_one_dose

    dose_mg = convert(model.typical.dose, model.units.AMT, "mg")
    table = regimen_events([Regimen(dose_mg, model.typical.interval_h, steady_state=True)], covariates=covariates)
    found = find_exposure(model, table)
    if model.observation.linear == model.observation.output:
        one = area_of_one_dose(model, model.typical.covariates, model.typical.dose)
        assert found.auc[0] == pytest.approx(one.expected, rel=1e-8)
    assert found.predose[0] == pytest.approx(found.trough[0], rel=1e-6)
    assert found.trough[0] <= found.average[0] <= found.cmax[0]


def test_superposition() -> None:
    model = load_population_model("Woillard_2011")
    times = np.linspace(0.0, 40.0, 41)
    one, two, both = (
        simulate_population(model, regimen_events(regimens, covariates=WOILLARD), times).level[0]
        for regimens in (
            [Regimen(2.0)],
            [Regimen(3.0, start_h=7.5)],
            [Regimen(2.0), Regimen(3.0, start_h=7.5)],
        )
    )
    np.testing.assert_allclose(one + two, both, rtol=1e-11, atol=1e-13)


def test_covariates_that_change_act_from_the_row_before() -> None:
    model = load_population_model("Woillard_2011")
    columns = {
        "ID": [1, 1, 1, 1],
        "TIME": [0.0, 12.0, 24.0, 36.0],
        "AMT": [2.0, 0.0, 0.0, 0.0],
        "DV": [np.nan, 3.0, 2.0, 1.0],
        "HCT": [30.0, 30.0, 45.0, 45.0],
        "CYP3A5_expresser": [0.0] * 4,
        "immediate_release": [1.0] * 4,
    }
    table = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    changing = simulate_population(model, table).level[0]
    low = simulate_population(model, regimen_events([Regimen(2.0)], covariates=WOILLARD | {"HCT": [30.0]}), [0.0, 12.0])
    assert changing[0] == pytest.approx(low.level[0, 1], rel=1e-12)
    forward = simulate_population(model, table, carry={"HCT": "last_observation_forward"}).level[0]
    assert forward[0] == pytest.approx(changing[0], rel=1e-12)
    assert forward[1] < changing[1]  # the lower clearance of a high haematocrit comes later


def test_effects_between_occasions_belong_to_the_occasion() -> None:
    model = load_population_model("Woillard_2011")
    columns = {
        "ID": [1, 1, 1, 1],
        "TIME": [0.0, 12.0, 100.0, 112.0],
        "AMT": [2.0, 0.0, 2.0, 0.0],
        "II": [12.0, 0.0, 12.0, 0.0],
        "SS": [1, 0, 1, 0],
        "DV": [np.nan, 3.0, np.nan, 2.0],
        "OCC": [1, 1, 2, 2],
        "HCT": [32.3] * 4,
        "CYP3A5_expresser": [0.0] * 4,
        "immediate_release": [1.0] * 4,
    }
    table = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    effects = {"kappa_CL": [[0.0, 0.3]], "eta_CL": [0.1]}
    found = find_exposure(model, table, effects=effects)
    typical_area = 2000.0 / (21.2 * (32.3 / 35) ** -1.14)
    np.testing.assert_allclose(found.auc, typical_area * np.exp([-0.1, -0.4]), rtol=1e-9)
    assert found.occasion.tolist() == [1, 2]
    np.testing.assert_allclose(found.end_h - found.start_h, 12.0)


def test_time_in_range() -> None:
    model = load_population_model("Woillard_2011")
    table = regimen_events([Regimen(2.0, 12.0, steady_state=True)], covariates=WOILLARD)
    times = np.linspace(0.0, 12.0, 20001)
    level = simulate_population(model, table, times).level[0]
    found = find_exposure(model, table, target=(5.0, 10.0))
    assert found.time_in_range_percent[0] == pytest.approx(100 * np.mean((level >= 5) & (level <= 10)), abs=0.05)
    assert np.isnan(find_exposure(model, table).time_in_range_percent[0])


def test_a_single_dose_without_an_end_says_so() -> None:
    table = regimen_events([Regimen(2.0)], covariates=WOILLARD)
    found = find_exposure(load_population_model("Woillard_2011"), table)
    assert found.status[0].startswith("no end")
    assert np.isnan(found.auc[0])


def test_one_subject_does_not_disturb_another() -> None:
    model = load_population_model("Woillard_2011")
    together = regimen_events(
        [Regimen(2.0, 12.0, 5)],
        subjects=["a", "b"],
        covariates={"HCT": [30.0, 40.0], "CYP3A5_expresser": [0.0, 1.0], "immediate_release": [1.0, 1.0]},
    )
    alone = regimen_events(
        [Regimen(2.0, 12.0, 5)],
        subjects=["b"],
        covariates={"HCT": [40.0], "CYP3A5_expresser": [1.0], "immediate_release": [1.0]},
    )
    np.testing.assert_array_equal(find_exposure(model, together).auc[5:], find_exposure(model, alone).auc)


def one_subject(**columns: list[float]):
    count = len(columns["TIME"])
    covariates = {name: values * count for name, values in WOILLARD.items()}
    return event_table_from_arrays({"ID": [1] * count, "DV": [np.nan] * count} | covariates | columns, units=UNITS)


def test_a_reset_empties_the_body_and_not_the_area() -> None:
    model = load_population_model("Woillard_2011")
    alone = find_exposure(model, one_subject(TIME=[0.0, 12.0], AMT=[2.0, 0.0], EVID=[1, 0]))
    again = find_exposure(model, one_subject(TIME=[0.0, 12.0], AMT=[2.0, 2.0], II=[0, 12], EVID=[1, 4]))
    np.testing.assert_allclose(again.auc, [alone.auc[0]] * 2, rtol=1e-9)
    np.testing.assert_allclose(again.trough, [alone.trough[0]] * 2, rtol=1e-9)
    # emptied half-way: the area up to there, and nothing at the end
    half = find_exposure(model, one_subject(TIME=[0.0, 6.0], AMT=[2.0, 0.0], II=[12, 0], EVID=[1, 3]))
    six = find_exposure(model, one_subject(TIME=[0.0, 6.0], AMT=[2.0, 0.0], EVID=[1, 0]))
    assert half.auc[0] == pytest.approx(six.auc[0], rel=1e-9)
    assert half.trough[0] == pytest.approx(0.0, abs=1e-12)


def test_parts_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    import limus.pharmacokinetics.exposure as module

    model = load_population_model("Woillard_2011")
    subjects = [f"s{k}" for k in range(7)]
    covariates = {name: values * 7 for name, values in WOILLARD.items()}
    table = regimen_events([Regimen(2.0, 12.0, 3)], subjects=subjects, covariates=covariates)
    given = {"eta_CL": np.linspace(-0.3, 0.3, 7), "kappa_CL": np.linspace(0.2, -0.2, 7)[:, None]}
    values = {"CL_typical": np.linspace(20.0, 22.0, 7)}
    whole = find_exposure(model, table, effects=given, values=values, target=(5.0, 10.0))
    monkeypatch.setattr(module, "_MOST_INTERVALS", 6)
    parts = find_exposure(model, table, effects=given, values=values, target=(5.0, 10.0))
    np.testing.assert_array_equal(parts.subject, whole.subject)
    for name in ("auc", "trough", "cmax", "tmax_h", "time_in_range_percent", "start_h", "number"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12)
    assert parts.status == whole.status


def test_what_is_missing_or_wrong_is_said() -> None:
    model = load_population_model("Woillard_2011")
    with pytest.raises(InputError, match="HCT"):
        find_exposure(model, regimen_events([Regimen(2.0, 12.0)], covariates={"immediate_release": [1.0]}))
    table = regimen_events([Regimen(2.0, 12.0)], covariates=WOILLARD)
    with pytest.raises(ValueRangeError, match="eta_CLX"):
        simulate_population(model, table, [0.0, 1.0], effects={"eta_CLX": [0.1]})
    with pytest.raises(ValueRangeError, match="eta_CL"):
        simulate_population(model, table, [0.0, 1.0], effects={"eta_CL": [0.1, 0.2]})
    with pytest.raises(ValueRangeError, match="target"):
        find_exposure(model, table, target=(10.0, 5.0))
    with pytest.raises(InputError, match="infusion"):
        simulate_population(
            model, regimen_events([Regimen(2.0, 12.0, infusion_h=2.0)], covariates=WOILLARD), [0.0, 1.0]
        )
    with pytest.raises(InputError, match="CMT"):
        simulate_population(model, regimen_events([Regimen(2.0, 12.0, compartment=7)], covariates=WOILLARD), [0.0, 1.0])


def test_trapezoids() -> None:
    times = np.linspace(0.0, 24.0, 25)
    level = 10.0 * np.exp(-0.2 * times)
    assert area_under_samples(times, level) == pytest.approx(10.0 / 0.2 * (1 - np.exp(-4.8)), rel=1e-12)
    assert area_under_samples([0.0, 2.0, 4.0], [0.0, 3.0, 0.0]) == pytest.approx(6.0)
    assert area_under_samples(times, level, rule="linear") > area_under_samples(times, level)
    for wrong in (([0.0], [1.0]), ([0.0, 0.0], [1.0, 2.0]), ([0.0, 1.0], [1.0, -2.0])):
        with pytest.raises(ValueRangeError):
            area_under_samples(*wrong)
    with pytest.raises(ValueRangeError, match="rule"):
        area_under_samples([0.0, 1.0], [1.0, 2.0], rule="simpson")
