"""Covariates through time, by each rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limus.kernel.errors import UnknownNameError, ValueRangeError
from limus.pharmacokinetics.covariate_history import CARRY_RULES, covariate_history, covariates_at
from limus.pharmacokinetics.event_table.expand import expand_additional
from limus.pharmacokinetics.event_table.read import event_table_from_arrays
from limus.pharmacokinetics.event_table.records import EventTable
from limus.pharmacokinetics.event_table.units import TableUnits

BACKWARD, FORWARD, LINEAR = CARRY_RULES
NAN = float("nan")


def events(**columns: list[float]) -> EventTable:
    count = len(columns["TIME"])
    base = {"ID": [1.0] * count, "EVID": [2.0] * count, "AMT": [0.0] * count}
    return event_table_from_arrays(base | columns, units=TableUnits("mg", "ng/mL"))


# the covariates of the published NONMEM case, times in h
CASE = events(TIME=[0, 1.5, 4.4, 7.1, 24.6], BW=[77, 113, 92, 132, 126], SEX=[0, 0, 1, 0, 1])


def test_next_observation_backward_is_the_default_and_changes_just_after_a_row() -> None:
    history = covariate_history(CASE, ["BW"])
    assert history.rules == (BACKWARD,)
    assert history.start.tolist() == [[77.0]]
    assert history.time_h.tolist() == [0.0, 1.5, 4.4, 7.1]
    assert history.value.tolist() == [113.0, 92.0, 132.0, 126.0]
    assert history.after.tolist() == [True]
    at = covariates_at(history, np.zeros(6, int), np.array([0.0, 1.0, 1.5, 1.6, 24.6, 30.0]))
    assert at[:, 0].tolist() == [77, 113, 113, 92, 126, 126]


def test_last_observation_forward_changes_at_a_row() -> None:
    history = covariate_history(CASE, ["BW"], rule=FORWARD)
    assert history.start.tolist() == [[77.0]]
    assert history.time_h.tolist() == [1.5, 4.4, 7.1, 24.6]
    assert history.value.tolist() == [113.0, 92.0, 132.0, 126.0]
    assert history.after.tolist() == [False]
    at = covariates_at(history, np.zeros(4, int), np.array([0.0, 1.4, 1.5, 30.0]))
    assert at[:, 0].tolist() == [77, 77, 113, 126]


def test_linear_interpolation_is_done_in_stated_steps_only() -> None:
    ramp = events(TIME=[0, 4, 6, 7], X=[10, 18, 18, 20])
    with pytest.raises(ValueRangeError, match="step_h"):
        covariate_history(ramp, rule=LINEAR)
    with pytest.raises(ValueRangeError, match="step_h"):
        covariate_history(ramp, rule=BACKWARD, step_h=1.0)
    with pytest.raises(ValueRangeError, match="step_h"):
        covariate_history(ramp, rule=LINEAR, step_h=0.0)
    history = covariate_history(ramp, rule=LINEAR, step_h=2.0)
    assert history.time_h.tolist() == [0, 2, 4, 6, 7]
    assert history.value.tolist() == [12, 16, 18, 19, 20]
    follow = covariate_history(events(TIME=[0, 2, 4], X=[0, 2, 0]), rule=LINEAR, step_h=2.0)
    assert list(zip(follow.time_h, follow.value, strict=True)) == [(0, 1), (2, 1), (4, 0)]


def test_constant_covariates_are_recognised_and_give_no_changes() -> None:
    history = covariate_history(CASE, ["SEX", "BW"])
    assert history.names == ("SEX", "BW")
    assert history.constant.tolist() == [False, False]
    constant = covariate_history(events(TIME=[0, 12, 24], WT=[70, 70, 70], HCT=[30, 30, 31]))
    assert constant.constant.tolist() == [True, False]
    assert constant.name.tolist() == [1]
    assert constant.time_h.tolist() == [12.0]


def test_missing_cells_are_passed_over_and_subjects_without_a_value_named() -> None:
    columns = {"ID": [1, 1, 1, 2], "TIME": [0, 12, 24, 0], "AMT": [5] * 4}
    columns |= {"WT": [NAN, 70, NAN, 60], "ALB": [40, NAN, 42, NAN]}
    table = event_table_from_arrays(columns, units=TableUnits("mg", "ng/mL"))
    history = covariate_history(table)
    assert history.start[:, 0].tolist() == [70.0, 60.0]
    assert history.missing == (("2", "ALB"),)
    assert np.isnan(history.start[1, 1])
    assert history.time_h.tolist() == [0.0]
    assert history.value.tolist() == [42.0]
    forward = covariate_history(table, ["ALB"], rule=FORWARD)
    assert forward.time_h.tolist() == [24.0]


def test_two_rows_at_one_time() -> None:
    table = events(TIME=[0, 12, 12, 24], X=[1, 2, 3, 4])
    backward = covariate_history(table)
    assert list(zip(backward.time_h, backward.value, strict=True)) == [(0, 2), (12, 4)]
    forward = covariate_history(table, rule=FORWARD)
    assert list(zip(forward.time_h, forward.value, strict=True)) == [(12, 3), (24, 4)]


def test_a_rule_for_each_covariate() -> None:
    history = covariate_history(CASE, rule={"SEX": FORWARD})
    assert history.rules == (BACKWARD, FORWARD)
    assert history.after.tolist() == [True, False]


def test_unknown_names_and_rules() -> None:
    with pytest.raises(UnknownNameError, match="BW"):
        covariate_history(CASE, ["BWT"])
    with pytest.raises(UnknownNameError, match=BACKWARD):
        covariate_history(CASE, rule="locf")


def test_doses_written_out_change_no_history() -> None:
    table = event_table_from_arrays(
        {"ID": [1, 1], "TIME": [0, 100], "AMT": [5, 0], "DV": [NAN, 7], "II": [12, 0], "ADDL": [5, 0], "WT": [70, 80]},
        units=TableUnits("mg", "ng/mL"),
    )
    for rule in (BACKWARD, FORWARD):
        before, after = covariate_history(table, rule=rule), covariate_history(expand_additional(table), rule=rule)
        assert before.time_h.tolist() == after.time_h.tolist()
        assert before.value.tolist() == after.value.tolist()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from([1.0, 2.0, NAN])), min_size=1, max_size=12),
    st.sampled_from([BACKWARD, FORWARD]),
)
def test_the_flat_changes_agree_with_a_plain_reading_of_the_rule(rows: list[tuple[int, float]], rule: str) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    subject = [row[0] for row in rows]
    time = [float(n) for n in range(len(rows))]
    table = event_table_from_arrays(
        {"ID": subject, "TIME": time, "EVID": [2] * len(rows), "AMT": [0] * len(rows), "X": [row[1] for row in rows]},
        units=TableUnits("mg", "ng/mL"),
        covariates=["X"],
    )
    history = covariate_history(table, rule=rule)
    for place, label in enumerate(table.subjects):
        known = [(t, x) for (s, x), t in zip(rows, time, strict=True) if str(s) == label and not np.isnan(x)]
        for asked in np.arange(-0.5, len(rows) + 0.5, 0.5):
            got = covariates_at(history, np.array([place]), np.array([asked]))[0, 0]
            if not known:
                assert np.isnan(got)
            elif rule == BACKWARD:
                assert got == next((x for t, x in known if t >= asked), known[-1][1])
            else:
                assert got == next((x for t, x in reversed(known) if t <= asked), known[0][1])
