"""Cohorts: marginals and correlations of the population, eligibility, screening, replicates of their own."""

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import UnknownNameError, ValueRangeError
from limus.kernel.execution import spawn_generators
from limus.trial.design.design import Criterion
from limus.trial.design.file import load_design
from limus.trial.design.population import changed, load_population
from limus.trial.simulation.cohort import draw_cohort, draw_covariates, find_strata

DESIGN = load_design("tacrolimus-everolimus")[0]


def test_the_population_has_the_shares_and_means_of_its_sources() -> None:
    population = load_population("kidney_de_novo")
    drawn = draw_covariates(population, np.random.default_rng(1).standard_normal((100_000, len(population.names))))
    # symphony_fdcc_2015: men 64.9 %, living donors 35.6 %, D+/R- 13.3 %; standard errors below 0.0016
    assert drawn["SEX"].mean() == pytest.approx(0.351, abs=0.006)
    assert drawn["DONOR_LIVING"].mean() == pytest.approx(0.356, abs=0.006)
    assert ((drawn["CMV_D"] == 1) & (drawn["CMV_R"] == 0)).mean() == pytest.approx(0.133, abs=0.005)
    # passey_2011: expressers 15 % of non-black recipients
    assert drawn["CYP3A5"][drawn["BLACK"] == 0].mean() == pytest.approx(0.15, abs=0.005)
    assert np.median(drawn["AGE"]) == pytest.approx(47.3, abs=0.4)
    assert np.corrcoef(drawn["AGE"], drawn["DONOR_AGE"])[0, 1] == pytest.approx(0.30, abs=0.02)
    assert drawn["WT"].min() >= 51.0


def test_only_the_eligible_are_in_and_the_others_are_counted() -> None:
    cohort = draw_cohort(DESIGN, 300, spawn_generators(1, 2, stream="test"))
    assert cohort.n == 600
    assert cohort.columns["AGE"].min() >= 18
    assert cohort.columns["AGE"].max() <= 65
    assert cohort.columns["PRA"].max() <= 50
    assert (cohort.columns["INDUCTION"] == 1).all()  # changed by the design
    assert cohort.screening.screened == 600 + sum(count for _, count in cohort.screening.failures)
    assert [name for name, _ in cohort.screening.failures] == [c.name for c in DESIGN.eligibility]


def test_a_replicate_does_not_depend_on_the_others() -> None:
    alone = draw_cohort(DESIGN, 50, spawn_generators(1, 3, stream="test")[2:])
    together = draw_cohort(DESIGN, 50, spawn_generators(1, 3, stream="test"))
    for name, values in alone.columns.items():
        np.testing.assert_array_equal(values, together.columns[name][100:])


def test_strata_are_the_classes_of_the_columns() -> None:
    columns = {"DONOR_LIVING": np.array([0.0, 0.0, 1.0, 1.0]), "DONOR_AGE": np.array([30.0, 60.0, 30.0, 50.0])}
    assert find_strata(DESIGN, columns).tolist() == [0, 1, 2, 3]


def test_a_population_without_eligible_people_is_said() -> None:
    nobody = replace(DESIGN, eligibility=(Criterion("impossible", "AGE", lower=200.0),))
    with pytest.raises(ValueRangeError, match="0 of 20 subjects"):
        draw_cohort(nobody, 20, spawn_generators(1, 1, stream="test"))


def test_changes_of_a_population_are_checked() -> None:
    population = load_population("kidney_de_novo")
    assert {c.name: c for c in changed(population, {"CMV_D.share": 0.9}).columns}["CMV_D"].given == ()
    with pytest.raises(UnknownNameError, match="INDUKTION"):
        changed(population, {"INDUKTION.share": 1.0})
    with pytest.raises(ValueRangeError, match="0 to 1"):
        changed(population, {"INDUCTION.share": 100.0})
    with pytest.raises(UnknownNameError, match="kidney_de_novo"):
        load_population("kidney")
