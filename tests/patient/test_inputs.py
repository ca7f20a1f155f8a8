"""Inputs of an estimate: sampling times, another assay's error, columns made of columns, occasions by a rule."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import InputError, UnknownNameError, ValueRangeError
from limus.patient.column_formulas import with_columns
from limus.patient.estimate import EstimateOptions, estimate_patients
from limus.patient.levels import lay_out_levels, level_times, with_last_occasions
from limus.patient.model_choice import with_occasion_factor
from limus.patient.patient_table import regroup_occasions
from limus.patient.residual_choice import describe_residual, with_residual_choice
from limus.patient.sampling_time import time_error_variance
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.units import TableUnits
from limus.pharmacokinetics.population_model.library import load_population_model

from .cases import NAN, nonmem_table, one_compartment, visits


def test_time_error_is_the_slope_squared() -> None:
    """Mono-exponential decline: df/dt = -k f, at a level between doses and at a trough of a steady state."""
    model = one_compartment()
    columns = {"ID": [1] * 3, "TIME": [0, 0, 9], "EVID": [1, 0, 0], "AMT": [700, 0, 0], "II": [12, 0, 0]}
    columns |= {"SS": [1, 0, 0], "CMT": [2, 0, 0], "DV": [NAN, 5, 5], "BW": [75] * 3, "SEX": [0] * 3}
    table = event_table_from_arrays(columns, units=TableUnits("mg", "mg/L"))
    found = time_error_variance(model, table, level_times(table), np.zeros((1, 3)), 0.5)
    k = 4.0 / 70.0
    trough = 10.0 * np.exp(-12 * k) / (1 - np.exp(-12 * k))
    later = 10.0 * np.exp(-9 * k) / (1 - np.exp(-12 * k))
    # the second differences of an exponential over 0.04 h
    np.testing.assert_allclose(found, [[(0.5 * k * trough) ** 2, (0.5 * k * later) ** 2]], rtol=3e-3)


def test_more_error_leaves_more_to_the_prior() -> None:
    model, table = one_compartment(), nonmem_table()

    def left(**more: float) -> float:
        return float(estimate_patients(model, table, EstimateOptions(draws=0, **more)).shrinkage_percent[0, 1])

    plain = left()
    assert plain < left(assay_sd=20.0)
    assert plain < left(assay_cv=0.3)
    assert plain < left(time_sd_h=2.0)
    assert left(assay_sd=0.0) == plain
    assert plain < left(recency_half_life_h=2.0)
    for wrong in ({"assay_sd": -1.0}, {"recency_half_life_h": 0.0}, {"starts": 0}, {"draws": -1}):
        with pytest.raises(ValueRangeError):
            estimate_patients(model, table, EstimateOptions(**({"draws": 0} | wrong)))


def test_columns_of_columns() -> None:
    table = with_columns(nonmem_table(), ["female=1-SEX", "half=(BW+female)/2", "SEX=2*-SEX"])
    columns = dict(zip(table.records.names, table.records.values.T, strict=True))
    assert columns["female"].tolist() == [1, 1, 0, 1, 0]
    assert columns["half"].tolist() == [39, 57, 46, 66.5, 63]
    assert columns["SEX"].tolist() == [0, 0, -2, 0, -2]
    for text in ("female", "female=", "1x=SEX", "f=SEX**2", "f=abs(SEX)", "f=SEX if 1 else 2", "f='a'", "f=SEX.real"):
        with pytest.raises(InputError, match="--column"):
            with_columns(nonmem_table(), [text])
    with pytest.raises(UnknownNameError, match="SEX"):
        with_columns(nonmem_table(), ["f=SEXE"])
    with pytest.raises(InputError, match="division by 0"):
        with_columns(nonmem_table(), ["f=1/SEX"])


def test_occasions_by_gaps() -> None:
    model = load_population_model("Woillard_2011")
    table = visits(model, 2, 3, at_h=(0.0, 5.0))
    one = regroup_occasions(table, "gap:24")
    np.testing.assert_array_equal(one.records.occasion, table.records.occasion)
    np.testing.assert_array_equal(one.observations.occasion, table.observations.occasion)
    assert regroup_occasions(table, "gap:4").records.occasion.max() == 6
    assert regroup_occasions(table, "gap:1000").records.occasion.max() == 1
    assert regroup_occasions(table, "column") is table
    for wrong in ("gap", "gap:0", "gap:x", "day"):
        with pytest.raises(ValueRangeError, match="gap:H"):
            regroup_occasions(table, wrong)


def test_choice_of_the_residual_error() -> None:
    andrews = load_population_model("Andrews_2019")
    assert (
        describe_residual(with_residual_choice(andrews, "immunoassay")) == "proportional 17.7 % and additive 0.88 ng/mL"
    )
    assert describe_residual(with_residual_choice(andrews, "additive:0.4")) == "additive 0.4 ng/mL"
    both = with_residual_choice(andrews, "immunoassay")
    assert describe_residual(with_residual_choice(both, "proportional")) == "proportional 17.7 %"
    with pytest.raises(ValueRangeError, match=r"additive:0\.5"):
        with_residual_choice(andrews, "additive")
    with pytest.raises(ValueRangeError, match="above 0"):
        with_residual_choice(andrews, "proportional:-0.1")
    with pytest.raises(UnknownNameError, match="immunoassay"):
        with_residual_choice(andrews, "imunoassay")


def test_occasions_vary_more_by_a_factor() -> None:
    model = load_population_model("Storset_2014")
    wider = with_occasion_factor(model, 2.0)
    np.testing.assert_allclose(wider.between_occasion.covariance, 4.0 * model.between_occasion.covariance)
    assert wider.between_subject is model.between_subject
    with pytest.raises(ValueRangeError, match="above 0"):
        with_occasion_factor(model, 0.0)


def test_only_the_last_occasions_with_levels() -> None:
    model = load_population_model("Woillard_2011")
    levels = lay_out_levels(visits(model, 2, 3, at_h=(0.0, 5.0)))
    gone = levels.without((levels.occasion == 2) & (np.arange(2) == 1)[:, None])  # the second patient's third visit
    last = with_last_occasions(gone, 1)
    assert [sorted(set(occasion[used].tolist())) for occasion, used in zip(last.occasion, last.used, strict=True)] == [
        [2],
        [1],
    ]
    assert with_last_occasions(gone, 2).used.sum() == 8
    assert with_last_occasions(gone, None) is gone
