"""Pooled effects and their intervals: what must hold for every set of studies, and published results."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.pooling import (
    BinaryMeasure,
    PoolStatus,
    PredictionMethod,
    QProfileStatus,
    Side,
    Tau2Method,
    TwoByTwo,
    binary_effects,
    fit_meta_regression,
    hartung_knapp_interval,
    mean_spread,
    measure_influence,
    pool_cumulatively,
    pool_effects,
    pool_leaving_one_out,
    pool_subgroups,
    prediction_interval,
    profile_q,
    run_begg,
    run_egger,
    run_harbord,
    run_peters,
    trim_and_fill,
    wald_interval,
)
from limus.kernel.statistics.pooling.intervals import t_quantile

# Raudenbush and Bryk 1985 (teacher expectancy), as metadat 1.4 has it: effect, variance, weeks of contact before
TEACHERS = np.array(
    [
        (0.03, 0.0156, 2), (0.12, 0.0216, 21), (-0.14, 0.0279, 19), (1.18, 0.1391, 0), (0.26, 0.1362, 0),
        (-0.06, 0.0106, 3), (-0.02, 0.0106, 17), (-0.32, 0.0484, 24), (0.27, 0.0269, 0), (0.80, 0.0630, 1),
        (0.54, 0.0912, 0), (0.18, 0.0497, 0), (-0.02, 0.0835, 1), (0.23, 0.0841, 2), (-0.18, 0.0253, 17),
        (-0.06, 0.0279, 5), (0.30, 0.0193, 1), (0.07, 0.0088, 2), (-0.07, 0.0303, 7),
    ]
)  # fmt: skip
studies = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.01, 2)), min_size=2, max_size=10)


@pytest.fixture(scope="session")
def bcg(reference_data: Path) -> TwoByTwo:
    with (reference_data / "dat_bcg.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    a, b, c, d = (np.array([float(row[name]) for row in rows]) for name in ("tpos", "tneg", "cpos", "cneg"))
    return TwoByTwo.create(a, a + b, c, c + d)


@settings(max_examples=80, deadline=None)
@given(studies, st.sampled_from([None, *Tau2Method]))
def test_what_holds_for_every_pool(pairs: list[tuple[float, float]], model: Tau2Method | None) -> None:
    y, v = (np.array(part) for part in zip(*pairs, strict=True))
    pooled = pool_effects(y, v, model)
    assert y.min() - 1e-12 <= pooled.estimate[0] <= y.max() + 1e-12
    assert pooled.weights_percent[0].sum() == pytest.approx(100)
    assert 0 <= pooled.i2_percent[0] <= 100
    turned = pool_effects(-y[::-1], v[::-1], model)
    assert turned.estimate[0] == pytest.approx(-pooled.estimate[0], abs=1e-9)
    if model is not None and pooled.tau2[0] == 0:
        common = pool_effects(y, v, None)
        assert (pooled.estimate[0], pooled.standard_error[0]) == (common.estimate[0], common.standard_error[0])
    wald, corrected = wald_interval(pooled), hartung_knapp_interval(pooled, corrected=True)
    assert corrected.upper[0] - corrected.lower[0] >= wald.upper[0] - wald.lower[0] - 1e-12


def test_absent_studies_do_not_count() -> None:
    padded = pool_effects([[0.1, np.nan, 0.4, 0.9], [0.2, 0.3, 0.1, 0.0]], [[0.1, np.nan, 0.2, 0.1], [0.1] * 4])
    alone = pool_effects([0.1, 0.4, 0.9], [0.1, 0.2, 0.1])
    assert padded.studies.tolist() == [3, 4]
    assert padded.estimate[0] == pytest.approx(alone.estimate[0], rel=1e-12)
    assert padded.weights_percent[0, 1] == 0


def test_one_study_and_none_have_a_status() -> None:
    found = pool_effects([[0.3, np.nan], [np.nan, np.nan]], [[0.04, np.nan], [np.nan, np.nan]])
    assert found.status == (PoolStatus.ONE_STUDY, PoolStatus.NO_STUDY)
    assert found.estimate[0] == 0.3
    assert found.standard_error[0] == pytest.approx(0.2)
    assert np.isnan(found.tau2).all()
    assert np.isnan(found.estimate[1])


@pytest.mark.parametrize(
    ("effects", "variances"), [([0.1, 0.2], [0.1, -0.1]), ([0.1, 0.2], [0, 1]), ([np.inf, 1], [1, 1])]
)
def test_what_cannot_be_is_refused(effects: list[float], variances: list[float]) -> None:
    with pytest.raises(ValueRangeError):
        pool_effects(effects, variances)


def test_no_prediction_interval_below_three_studies_or_for_a_common_effect() -> None:
    for y, model in (([0.1, 0.5], Tau2Method.REML), ([0.1, 0.5, 0.9], None)):
        pooled = pool_effects(y, [0.01] * len(y), model)
        for method in PredictionMethod:
            assert np.isnan(prediction_interval(pooled, pooled.standard_error, method)).all()
    pooled = pool_effects([0.1, 0.5, 0.9], [0.01] * 3)
    low, high = prediction_interval(pooled, pooled.standard_error)
    half = 12.7062047361747 * np.sqrt(pooled.tau2[0] + pooled.standard_error[0] ** 2)  # t(1), tables
    assert high[0] - low[0] == pytest.approx(2 * half, rel=1e-9)


def test_q_profile_contains_the_estimate_and_can_be_empty() -> None:
    spread = mean_spread(TEACHERS[None, :, 0], TEACHERS[None, :, 1])
    found = profile_q(spread)
    assert found.lower[0] < pool_effects(TEACHERS[:, 0], TEACHERS[:, 1]).tau2[0] < found.upper[0]
    alike = profile_q(mean_spread(np.array([[0.1, 0.1001, 0.1, 0.1]]), np.ones((1, 4))))
    assert alike.status == (QProfileStatus.EMPTY,)
    assert alike.upper[0] == 0


def test_teacher_expectancy_as_published() -> None:
    """Raudenbush 2009, Handbook of Research Synthesis, tables 16.2 and 16.3 (and metafor's own tests of them)."""
    y, v = TEACHERS[:, 0], TEACHERS[:, 1]
    wanted = {
        None: (0, 0.060, 0.036), "ML": (0.013, 0.078, 0.047), "REML": (0.019, 0.084, 0.052),
        "DL": (0.026, 0.089, 0.056), "HE": (0.080, 0.114, 0.079),
    }  # fmt: skip
    for name, (tau2, estimate, error) in wanted.items():
        found = pool_effects(y, v, None if name is None else Tau2Method(name))
        assert (found.tau2[0], found.estimate[0], found.standard_error[0]) == pytest.approx(
            (tau2, estimate, error), abs=5e-4
        )
    assert found.q[0] == pytest.approx(35.83, abs=5e-3)
    knapp = hartung_knapp_interval(pool_effects(y, v))
    assert (knapp.standard_error[0], knapp.lower[0], knapp.upper[0]) == pytest.approx((0.062, -0.046, 0.213), abs=5e-4)
    weeks = np.minimum(TEACHERS[:, 2], 3)
    fit = fit_meta_regression(y, v, weeks[:, None], ["weeks"])
    assert fit.coefficients == pytest.approx([0.407, -0.157], abs=5e-4)
    assert fit.statistics == pytest.approx([4.68, -4.39], abs=5e-3)
    assert fit.qe == pytest.approx(16.57, abs=5e-3)
    assert fit.tau2 == 0


def test_leaving_one_out_and_adding_one_by_one_equal_pooling_them() -> None:
    y, v = TEACHERS[:, 0], TEACHERS[:, 1]
    without = pool_leaving_one_out(y, v)
    alone = pool_effects(np.delete(y, 3), np.delete(v, 3))
    assert without.estimate[3] == pytest.approx(alone.estimate[0], rel=1e-10)
    assert without.tau2[3] == pytest.approx(alone.tau2[0], rel=1e-9)
    order = np.argsort(v)
    added = pool_cumulatively(y, v, order)
    five = pool_effects(y[order[:5]], v[order[:5]])
    assert added.estimate[4] == pytest.approx(five.estimate[0], rel=1e-10)
    assert added.status[0] is PoolStatus.ONE_STUDY
    with pytest.raises(ValueRangeError):
        pool_cumulatively(y, v, [0, 0, 1])


def test_an_outlier_is_influential_and_its_residual_is_large() -> None:
    y, v = np.append(TEACHERS[:, 0], 3.0), np.append(TEACHERS[:, 1], 0.01)
    found = measure_influence(y, v)
    assert found.influential[-1]
    assert abs(found.studentised_residual[-1]) == np.abs(found.studentised_residual).max() > 5
    assert found.q_contribution.sum() == pytest.approx(pool_effects(y, v).q[0])
    assert found.hat.sum() == pytest.approx(1)


def test_subgroups_separate_and_common() -> None:
    y, v = TEACHERS[:, 0], TEACHERS[:, 1]
    labels = ["short" if weeks < 3 else "long" for weeks in TEACHERS[:, 2]]
    separate, common = (pool_subgroups(y, v, labels, common_tau2=both) for both in (False, True))
    short = np.array(labels) == "short"
    assert separate.pooled.estimate[0] == pytest.approx(pool_effects(y[short], v[short]).estimate[0])
    assert common.pooled.tau2[0] == common.pooled.tau2[1]
    fit = fit_meta_regression(y, v, short[:, None].astype(float), ["short"])
    assert common.pooled.tau2[0] == pytest.approx(fit.tau2, abs=1e-10)
    assert common.q_between == pytest.approx(fit.qm, rel=1e-8)
    for wrong in (["one"] * len(y), labels[:3]):
        with pytest.raises(ValueRangeError):
            pool_subgroups(y, v, wrong)


def test_meta_regression_with_knapp_and_hartung_is_weighted_least_squares_without_tau2() -> None:
    """With tau2 = 0 the method is an ordinary weighted regression with free dispersion."""
    y, v, x = TEACHERS.T
    fit = fit_meta_regression(y, v, x[:, None], ["weeks"], None, hartung_knapp=True)
    root = 1 / np.sqrt(v)
    design = np.column_stack([np.ones_like(x), x]) * root[:, None]
    beta, squares, *_ = np.linalg.lstsq(design, y * root, rcond=None)
    covariance = squares[0] / (len(y) - 2) * np.linalg.inv(design.T @ design)
    assert fit.coefficients == pytest.approx(beta)
    assert fit.covariance == pytest.approx(covariance)
    assert fit.qm == pytest.approx(fit.statistics[1] ** 2)
    half = t_quantile(95, np.array([17.0]))[0] * np.sqrt(covariance[1, 1])
    assert fit.upper[1] == pytest.approx(beta[1] + half)


@pytest.mark.parametrize("columns", [np.ones((19, 1)), np.column_stack([TEACHERS[:, 2]] * 2), np.zeros((19, 19))])
def test_moderators_that_say_nothing_are_refused(columns: np.ndarray) -> None:
    names = [f"x{i}" for i in range(columns.shape[1])]
    with pytest.raises(ValueRangeError):
        fit_meta_regression(TEACHERS[:, 0], TEACHERS[:, 1], columns, names)


def test_egger_is_the_regression_of_the_standardised_effect_on_precision() -> None:
    y, v = TEACHERS[:, 0], TEACHERS[:, 1]
    found = run_egger(y, v)
    slope, intercept = np.polyfit(1 / np.sqrt(v), y / np.sqrt(v), 1)
    assert found.coefficient == pytest.approx(intercept)
    assert found.limit == pytest.approx(slope)


def test_asymmetry_of_the_magnesium_trials_as_published(magnesium: TwoByTwo) -> None:
    """Egger, Davey Smith and Altman 2001 (metadat egger2001); metafor 3.8's tests: ranktest 0.15, p 0.4503."""
    effects = binary_effects(magnesium, BinaryMeasure.OR)
    begg = run_begg(effects.effect, effects.variance)
    assert (begg.statistic, begg.p) == pytest.approx((0.15, 0.4503), abs=5e-5)
    assert run_harbord(magnesium).p < 0.001
    assert run_peters(magnesium).p < 0.01


@pytest.fixture(scope="session")
def magnesium() -> TwoByTwo:
    rows = (
        (1, 40, 2, 36), (9, 135, 23, 135), (2, 200, 7, 200), (1, 48, 1, 46), (10, 150, 8, 148), (1, 59, 9, 56),
        (1, 25, 3, 23), (0, 22, 1, 21), (6, 76, 11, 75), (1, 27, 7, 27), (2, 89, 12, 80), (5, 23, 13, 33),
        (4, 130, 8, 122), (90, 1159, 118, 1157), (4, 107, 17, 108), (2216, 29011, 2103, 29039),
    )  # fmt: skip
    return TwoByTwo.create(*np.array(rows).T)


def test_trim_and_fill_fills_what_was_cut_off() -> None:
    rng = np.random.default_rng(7)
    v = rng.uniform(0.01, 0.3, 60)
    y = 0.3 + rng.normal(size=60) * np.sqrt(v)
    cut = y > 0.1
    found = trim_and_fill(y[cut], v[cut], None)
    assert found.side is Side.LEFT
    assert found.missing > 0
    assert found.settled
    assert found.pooled.studies[0] == cut.sum() + found.missing
    assert found.pooled.estimate[0] < pool_effects(y[cut], v[cut], None).estimate[0]
    mirrored = trim_and_fill(-y[cut], v[cut], None)
    assert (mirrored.missing, mirrored.side) == (found.missing, Side.RIGHT)
    assert mirrored.pooled.estimate[0] == pytest.approx(-found.pooled.estimate[0])


def test_a_symmetric_funnel_lacks_nothing() -> None:
    y, v = np.array([-1.0, -0.49, 0.5, 0.99]), np.array([0.4, 0.2, 0.21, 0.41])
    assert trim_and_fill(y, v).missing == 0
    with pytest.raises(ValueRangeError):
        trim_and_fill(y[:2], v[:2])


def test_bcg_restricted_likelihood(bcg: TwoByTwo) -> None:
    """metafor 3.8.1 on dat.bcg; it stops at a step of 1e-5 in tau2, which is the tolerance here."""
    effects = binary_effects(bcg, BinaryMeasure.RR)
    found = pool_effects(effects.effect, effects.variance)
    assert found.estimate[0] == pytest.approx(-0.7145323483651, abs=1e-6)
    assert found.tau2[0] == pytest.approx(0.3132433259809, abs=1e-5)
