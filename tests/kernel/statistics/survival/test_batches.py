"""Statistics of many trials at once are those of each trial alone: risks, Cox, restricted means."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival import (
    CoxStatus,
    aalen_johansen,
    compare_restricted_means,
    cox,
    cox_batch,
    incidence_at,
    incidence_difference_batch,
    kaplan_meier_difference,
    restricted_mean_batch,
)

R, N, DAY = 12, 90, 7.0


def data(seed: int) -> dict[str, np.ndarray]:
    """Many ties, some rows that do not count, three strata."""
    g = np.random.default_rng(seed)
    return {
        "time": g.integers(1, 12, (R, N)).astype(float),
        "cause": g.choice([0, 1, 2], (R, N), p=[0.5, 0.3, 0.2]),
        "group": g.integers(0, 2, (R, N)),
        "present": g.random((R, N)) < 0.9,
        "strata": g.integers(0, 3, (R, N)),
    }


def test_incidences_are_those_of_aalen_and_johansen_with_their_errors() -> None:
    d = data(1)
    found = incidence_difference_batch(d["time"], d["cause"], d["group"], DAY, present=d["present"])
    for r in range(R):
        for group in (0, 1):
            rows = d["present"][r] & (d["group"][r] == group)
            curve = aalen_johansen(d["time"][r][rows], d["cause"][r][rows])
            at = incidence_at(curve, [DAY])
            assert found.risk[group, r] == pytest.approx(at.incidence[0, 0], abs=1e-14)
            assert found.variance[group, r] == pytest.approx(at.standard_error[0, 0] ** 2, abs=1e-15)
    assert found.estimate == pytest.approx(found.risk[1] - found.risk[0])


def test_without_competing_events_they_are_kaplan_meier_with_greenwood_also_in_strata() -> None:
    d = data(2)
    event = (d["cause"] == 1).astype(int)
    found = incidence_difference_batch(d["time"], event, d["group"], DAY, present=d["present"], strata=d["strata"])
    for r in range(R):
        k = d["present"][r]
        one = kaplan_meier_difference(d["time"][r][k], event[r][k], d["group"][r][k], DAY, strata=d["strata"][r][k])
        assert found.estimate[r] == pytest.approx(one.estimate, abs=1e-14)
        assert found.standard_error[r] == pytest.approx(one.standard_error, abs=1e-14)


def test_a_group_not_followed_has_no_risk_and_a_stratum_with_one_group_is_left_out() -> None:
    time, cause = np.array([[1.0, 2, 9, 1, 2, 3]]), np.array([[1, 0, 0, 1, 1, 0]])
    found = incidence_difference_batch(time, cause, [0, 0, 0, 1, 1, 1], 5.0)
    assert np.isnan(found.risk[1, 0])
    assert np.isnan(found.estimate[0])
    found = incidence_difference_batch(time, cause, [0, 0, 0, 1, 1, 1], 3.0, strata=[[0, 0, 1, 0, 0, 0]])
    assert found.strata_left_out.tolist() == [1]
    # of the first stratum: 1/2 against 2/3, and the one of group 0 left there was not followed to 3
    assert np.isnan(found.estimate[0])
    found = incidence_difference_batch(time, cause, [0, 0, 0, 1, 1, 1], 2.0, strata=[[0, 0, 1, 0, 0, 0]])
    assert found.estimate[0] == pytest.approx(2 / 3 - 1 / 2)
    with pytest.raises(ValueRangeError, match="0, 1 or 2"):
        incidence_difference_batch(time, cause + 2, [0, 0, 0, 1, 1, 1], 2.0)


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("covariates", [1, 4])
def test_cox_of_many_trials_is_cox_of_each(covariates: int, stratified: bool) -> None:
    g, d = np.random.default_rng(covariates), data(3)
    x = np.round(g.normal(size=(R, N, covariates)), 1)
    x[..., 0] = d["group"]
    if covariates > 1:
        x[0, :, 1] = 2 * x[0, :, 0] + 1  # aliased
        x[1, :, 2] = 7.0  # constant
    event = d["cause"] == 1
    event[2] = False
    event[3] &= d["group"][3] == 1  # an infinite coefficient
    strata = d["strata"] if stratified else None
    found = cox_batch(d["time"], event, x, present=d["present"], strata=strata)
    assert found.one_by_one[3]
    assert not found.one_by_one[4:].any()
    for r in range(R):
        k = d["present"][r]
        if r == 2:
            assert np.isnan(found.coefficient[r]).all()
            assert (found.status[r] == CoxStatus.NOT_CONVERGED).all()
            continue
        one = cox(d["time"][r][k], event[r][k], x[r][k], strata=None if strata is None else strata[r][k])
        assert tuple(found.status[r]) == one.coefficient_status
        # within 1e-8 standard errors, the limit at which the climb of one trial ends
        finite = np.isfinite(one.standard_error)
        gap = (found.coefficient[r][finite] - one.coefficient[finite]) / one.standard_error[finite]
        assert np.abs(gap).max(initial=0.0) < 1e-8
        np.testing.assert_allclose(found.standard_error[r], one.standard_error, rtol=1e-8)


def test_a_covariate_that_is_constant_within_strata_is_aliased() -> None:
    """Its information is 0 but for rounding, which must not pass for a little information."""
    d = data(5)
    x = np.stack([d["group"].astype(float), 0.1 + (d["strata"] == 1) / 3], axis=2)
    found = cox_batch(d["time"], d["cause"] == 1, x, strata=d["strata"])
    assert (found.status == [CoxStatus.OK, CoxStatus.ALIASED]).all()
    for r in range(R):
        one = cox(d["time"][r], d["cause"][r] == 1, x[r], strata=d["strata"][r])
        assert one.coefficient_status == (CoxStatus.OK, CoxStatus.ALIASED)
        alone = cox(d["time"][r], d["cause"][r] == 1, x[r, :, :1], strata=d["strata"][r])
        assert one.coefficient[0] == pytest.approx(alone.coefficient[0], abs=1e-12)


def test_restricted_means_leave_out_rows_that_do_not_count() -> None:
    d = data(4)
    event = d["cause"] == 1
    found = restricted_mean_batch(d["time"], event, d["group"], DAY, present=d["present"])
    for r in range(R):
        k = d["present"][r]
        one = compare_restricted_means(d["time"][r][k], event[r][k], d["group"][r][k], DAY).difference
        assert found.estimate[r] == pytest.approx(one.estimate, abs=1e-12)
        assert found.standard_error[r] == pytest.approx(one.standard_error, abs=1e-12)


def test_matrices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="matrices that fit"):
        cox_batch([[1.0, 2.0]], [[1, 1]], [[0.0, 1.0]])
    with pytest.raises(ValueRangeError, match="finite"):
        cox_batch([[1.0, 2.0]], [[1, 1]], [[[0.0], [np.nan]]])
