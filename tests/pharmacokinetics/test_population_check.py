"""Checks of a model: bins, percentiles with levels below a limit, npde, residuals, shrinkage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import InputError, ValueRangeError
from limus.kernel.execution import Execution
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.population_check.bins import find_bins
from limus.pharmacokinetics.population_check.distribution_errors import find_distribution_errors, normality_tests
from limus.pharmacokinetics.population_check.goodness_of_fit import fit_table, goodness_of_fit, individual_residuals
from limus.pharmacokinetics.population_check.observed_levels import ObservedLevels, observed_levels
from limus.pharmacokinetics.population_check.shrinkage import effect_shrinkage, residual_shrinkage
from limus.pharmacokinetics.population_check.simulated_levels import SimulatedLevels, simulate_levels
from limus.pharmacokinetics.population_check.visual_check import check_visually, percentiles_below
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.pharmacokinetics.population_model.random_effects import RandomEffects

MODEL = "Woillard_2011"
SEEN_AT = (1.0, 3.0, 12.0)


def study(subjects: int = 30, limit: float | None = None) -> EventTable:
    """A steady state and three levels of each subject; the levels are put in by :func:`measured`."""
    rng = np.random.default_rng(3)
    columns: dict[str, list[float]] = {
        name: []
        for name in ("ID", "TIME", "EVID", "AMT", "II", "SS", "DV", "LLOQ", "HCT", "EXPRESSION", "immediate_release")
    }
    for subject in range(1, subjects + 1):
        dose, hct = float(rng.choice([1.0, 2.0, 4.0])), round(float(rng.uniform(25, 45)), 1)
        rows = [(0.0, 1, dose, 12.0, 1, np.nan)] + [(t, 0, 0.0, 0.0, 0, 5.0) for t in SEEN_AT]
        for time, kind, amount, interval, steady, level in rows:
            own = np.nan if limit is None or kind else limit
            row = (subject, time, kind, amount, interval, steady, level, own, hct, 0.0, 1.0)
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
    if limit is None:
        del columns["LLOQ"]
    table = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    records = table.records
    names = tuple("CYP3A5_expresser" if name == "EXPRESSION" else name for name in records.names)
    return replace(table, records=replace(records, names=names))


def measured(table: EventTable, seed: int) -> ObservedLevels:
    """The levels of a study, drawn from the model itself."""
    model, seen = load_population_model(MODEL), observed_levels(table)
    value = simulate_levels(model, table, seen, 1, execution=Execution(seed=seed, workers=1)).measured[0]
    below = value < np.where(np.isnan(seen.limit), -np.inf, seen.limit)
    return replace(seen, value=np.where(below, np.nan, value), censored=below)


@pytest.fixture(scope="module")
def checked() -> tuple[EventTable, ObservedLevels, SimulatedLevels]:
    table = study()
    seen = measured(table, 11)
    return table, seen, simulate_levels(load_population_model(MODEL), table, seen, 300)


# ---- levels and bins


def test_time_after_dose_counts_additional_and_steady_doses() -> None:
    columns = {
        "ID": [1] * 6 + [2, 2],
        "TIME": [0.0, 0.0, 5.0, 30.0, 36.0, 100.0, 0.0, 4.0],
        "EVID": [1, 0, 0, 0, 0, 0, 0, 1],
        "AMT": [2.0, 0, 0, 0, 0, 0, 0, 3.0],
        "II": [12.0, 0, 0, 0, 0, 0, 0, 0],
        "ADDL": [3, 0, 0, 0, 0, 0, 0, 0],
        "SS": [1, 0, 0, 0, 0, 0, 0, 0],
        "DV": [np.nan, 5.0, 6.0, 5.0, 4.0, 1.0, 2.0, np.nan],
    }
    seen = observed_levels(event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL")))
    np.testing.assert_allclose(seen.after_dose_h, [12.0, 5.0, 6.0, 12.0, 64.0, np.nan])
    assert seen.of(0) == slice(0, 5)
    empty = {"ID": [1], "TIME": [0.0], "AMT": [2.0], "DV": [np.nan]}
    with pytest.raises(InputError, match="no levels"):
        observed_levels(event_table_from_arrays(empty, units=TableUnits("mg", "ng/mL")))


def test_bins_by_each_rule() -> None:
    nominal = np.repeat([1.0, 3.0, 12.0], [40, 40, 120]) + np.concatenate([np.linspace(-0.1, 0.1, 80), np.zeros(120)])
    gaps = find_bins(nominal)
    assert (gaps.rule, gaps.count.tolist()) == ("gaps", [40, 40, 120])
    assert find_bins([1.0, 1.0, 2.0]).rule == "each"
    even = find_bins(np.linspace(0, 10, 200))
    assert even.rule == "count:8"
    assert even.count.tolist() == [25] * 8
    tied = find_bins(nominal, "count:8")
    assert tied.count.min() >= 0.5 * len(nominal) / 8
    assert (np.diff(tied.middle_h) > 0).all()
    edged = find_bins([0.0, 1.0, 2.0, 3.0, np.nan], "edges:0,2,3")
    assert edged.place.tolist() == [0, 0, 1, 1, -1]
    assert find_bins([0.0, 5.0], "edges:0,1").place.tolist() == [0, -1]
    for wrong in ("count:0", "count:x", "edges:1", "edges:2,1", "edges:a,b", "jenks"):
        with pytest.raises(ValueRangeError, match="bins"):
            find_bins([1.0, 2.0], wrong)
    with pytest.raises(ValueRangeError, match="puts levels into bins"):
        find_bins([5.0], "edges:0,1")


# ---- visual check


def test_percentiles_are_those_of_numpy_where_nothing_is_below() -> None:
    values = np.random.default_rng(1).normal(size=(4, 31))
    np.testing.assert_allclose(
        percentiles_below(values, np.array([5.0, 50.0, 95.0])), np.percentile(values, [5, 50, 95], axis=1), rtol=1e-13
    )


def test_a_percentile_that_rests_on_a_level_below_the_limit_is_unknown() -> None:
    values = np.array([-np.inf, -np.inf, 3.0, 4.0, 5.0, np.nan])
    found = percentiles_below(values, np.array([25.0, 40.0, 50.0, 100.0]))
    assert found.tolist() == [-np.inf, -np.inf, 3.0, 5.0]
    assert np.isnan(percentiles_below(np.array([np.nan]), np.array([50.0]))[0])


def test_a_right_model_is_found_right_and_a_wrong_one_is_not(checked: tuple) -> None:
    _, seen, simulated = checked
    good = check_visually(seen, simulated)
    assert good.bins.rule == "each"
    assert np.nanmean(good.inside) >= 7 / 9
    twice = replace(seen, value=2.0 * seen.value)
    assert np.nanmean(check_visually(twice, simulated).inside) <= 3 / 9
    assert np.isnan(good.below_observed).sum() == 0
    assert not good.below_observed.any()


def test_prediction_correction_takes_the_dose_out(checked: tuple) -> None:
    _, seen, simulated = checked
    factor = np.where(np.arange(len(seen)) % 2, 3.0, 1.0)
    # doses that differ more widen a bin; divided by what the model expects of each, nothing changes
    scaled = replace(simulated, typical=simulated.typical * factor, measured=simulated.measured * factor)
    plain = check_visually(replace(seen, value=seen.value * factor), scaled, corrected=True)
    as_before = check_visually(seen, simulated, corrected=True)
    ratio = plain.observed / as_before.observed
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[0], ratio.shape), rtol=1e-12)
    np.testing.assert_array_equal(plain.inside, as_before.inside)


def test_levels_below_the_limit_have_a_check_of_their_own() -> None:
    table = study(40, limit=3.0)
    seen = measured(table, 5)
    assert 5 <= seen.censored.sum() <= 80
    simulated = simulate_levels(load_population_model(MODEL), table, seen, 200)
    found = check_visually(seen, simulated)
    share = 100.0 * seen.censored[seen.after_dose_h == 12.0].mean()
    assert found.below_observed[-1] == pytest.approx(share)
    low, _, high = found.below_simulated[:, -1]
    assert low <= share <= high
    assert np.isnan(found.observed[0, -1])  # the 5th percentile of troughs lies below 3 ng/mL
    assert np.isfinite(found.observed[2]).all()
    corrected = check_visually(seen, simulated, corrected=True)
    assert not corrected.used[seen.censored].any()
    with pytest.raises(ValueRangeError, match="axis"):
        check_visually(seen, simulated, along="dose")
    with pytest.raises(ValueRangeError, match="rising"):
        check_visually(seen, simulated, percentiles=(50.0, 5.0))


# ---- npde


def test_npde_of_the_model_are_standard_normal_and_of_another_are_not(checked: tuple) -> None:
    _, seen, simulated = checked
    tests = find_distribution_errors(seen, simulated).tests
    assert tests.n == len(seen)
    assert tests.p_all > 0.01
    shifted = find_distribution_errors(replace(seen, value=1.6 * seen.value), simulated).tests
    # the second level, given the first, is less far off than the first: mean and variance both tell
    assert shifted.p_all < 1e-6
    assert shifted.mean > 0.25
    assert shifted.variance > 1.5


def test_npde_undo_the_correlation_of_a_subject() -> None:
    rng = np.random.default_rng(4)
    subjects, replicates = 400, 1000
    seen = ObservedLevels(
        tuple(map(str, range(subjects))),
        np.repeat(np.arange(subjects), 2),
        np.arange(2 * subjects),
        np.tile([1.0, 2.0], subjects),
        np.tile([1.0, 2.0], subjects),
        np.zeros(2 * subjects),
        np.zeros(2 * subjects, dtype=bool),
        np.full(2 * subjects, np.nan),
        np.arange(2 * subjects),
    )

    def draw(n: int) -> np.ndarray:
        shared = rng.normal(size=(n, subjects, 1))
        return (10.0 + 2.0 * shared + 0.5 * rng.normal(size=(n, subjects, 2))).reshape(n, -1)

    simulated = SimulatedLevels(np.full(2 * subjects, 10.0), draw(1), draw(replicates))
    found = find_distribution_errors(replace(seen, value=draw(1)[0]), simulated)
    first, second = found.npde.reshape(-1, 2).T
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.12  # 0.94 before; 0.1 is two standard errors
    assert found.tests.p_all > 0.01
    few = SimulatedLevels(simulated.typical, simulated.level, simulated.measured[:4])
    with pytest.raises(ValueRangeError, match="replicates"):
        find_distribution_errors(seen, few)


def test_levels_below_the_limit_are_drawn_below_it() -> None:
    table = study(40, limit=3.0)
    seen = measured(table, 6)
    simulated = simulate_levels(load_population_model(MODEL), table, seen, 400)
    found = find_distribution_errors(seen, simulated)
    assert (found.level[seen.censored] < 3.0).all()
    np.testing.assert_array_equal(found.level[~seen.censored], seen.value[~seen.censored])
    assert found.tests.p_all > 0.01


def test_too_few_errors_are_not_tested() -> None:
    assert normality_tests(np.array([0.1, np.nan])).status.startswith("1 different")
    assert np.isnan(normality_tests(np.array([0.1, 0.1, 0.1])).p_all)


# ---- residuals


def test_residuals_have_mean_0_and_variance_1_under_the_model(checked: tuple) -> None:
    table, seen, simulated = checked
    fit = goodness_of_fit(load_population_model(MODEL), table, seen, simulated)
    for name in ("weighted", "weighted_simulated"):
        residuals = getattr(fit, name)
        assert np.isfinite(residuals).all()
        assert abs(residuals.mean()) < 0.35  # 90 levels, and first order is biased
        assert 0.7 < residuals.std() < 1.35
    rows = fit_table(seen, fit, {"npde": np.zeros(len(seen))})
    assert rows.names[:6] == ("id", "line", "time_h", "after_dose_h", "measured", "below")
    assert len(rows) == len(seen)


def test_first_order_residuals_are_exact_where_the_model_is_linear_in_the_effects() -> None:
    """Small effects: the first-order covariance is then the covariance."""
    model = load_population_model(MODEL)
    small = replace(
        model,
        between_subject=replace(model.between_subject, covariance=model.between_subject.covariance * 1e-4),
        between_occasion=replace(model.between_occasion, covariance=model.between_occasion.covariance * 1e-4),
    )
    table = study(4)
    seen = measured(table, 8)
    simulated = simulate_levels(small, table, seen, 4_000)
    seen = replace(seen, value=simulated.measured[0])
    fit = goodness_of_fit(small, table, seen, simulated)
    np.testing.assert_allclose(fit.weighted, fit.weighted_simulated, atol=0.15)  # 4,000 draws of a covariance


def test_individual_residuals_and_shrinkage() -> None:
    model = load_population_model(MODEL)
    found = individual_residuals(model, np.array([12.0, np.nan, 3.0]), np.array([10.0, 10.0, np.nan]), {})
    assert found[0] == pytest.approx(2.0 / np.sqrt(0.71**2 + 1.13**2))
    assert np.isnan(found[1:]).all()
    level = RandomEffects(("eta_CL", "eta_V"), np.diag([0.04, 0.09]))
    shrinkage = effect_shrinkage(level, {"eta_CL": np.zeros(5), "eta_V": [-0.3, 0.3, 0.3, -0.3, np.nan]})
    assert shrinkage["eta_CL"] == pytest.approx(100.0)
    assert shrinkage["eta_V"] == pytest.approx(100.0 * (1.0 - np.sqrt(4 / 3)))
    assert np.isnan(effect_shrinkage(level, {"eta_CL": [0.1]})["eta_CL"])
    with pytest.raises(ValueRangeError, match="eta_Q"):
        effect_shrinkage(level, {"eta_Q": [0.1]})
    assert residual_shrinkage([-0.5, 0.5]) == pytest.approx(100.0 * (1.0 - np.sqrt(0.5)))


def test_replicates_do_not_depend_on_how_many_there_are(checked: tuple) -> None:
    table, seen, simulated = checked
    few = simulate_levels(load_population_model(MODEL), table, seen, 3)
    np.testing.assert_array_equal(few.measured, simulated.measured[:3])
    with pytest.raises(ValueRangeError, match="replicates"):
        simulate_levels(load_population_model(MODEL), table, seen, 0)
