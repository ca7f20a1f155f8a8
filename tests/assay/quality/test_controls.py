"""Quality of plates: formulae against worked numbers, the noise model and the effects of position."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from limus.assay.plate.uncertainty import InputBlock, carry, student_quantile
from limus.assay.quality.controls import (
    QualityStatus,
    assess_controls,
    coefficient_of_variation_percent,
    robust_spread,
    ssmd,
    z_prime,
)
from limus.assay.quality.noise import fit_noise
from limus.assay.quality.position import assess_positions, position_effect
from limus.assay.reader.wells import PlateWells
from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import Execution

HIGH, LOW = [10.0, 11.0, 12.0, 13.0], [1.0, 2.0, 3.0, 2.0]


def test_z_prime_and_ssmd_are_their_formulae() -> None:
    s_h, s_l = math.sqrt(5 / 3), math.sqrt(2 / 3)
    assert z_prime(HIGH, LOW) == pytest.approx(1 - 3 * (s_h + s_l) / 9.5)
    assert z_prime(LOW, HIGH) == pytest.approx(z_prime(HIGH, LOW)), "which control is the high one does not matter"
    assert ssmd(HIGH, LOW) == pytest.approx(9.5 / math.sqrt(5 / 3 + 2 / 3))
    assert robust_spread([1.0, 2.0, 3.0, 100.0]) == pytest.approx(1.4826)
    assert z_prime([10.0, 11.0, 12.0], [0.0, 1.0, 2.0], robust=True) == pytest.approx(1 - 3 * 2 * 1.4826 / 10)
    assert coefficient_of_variation_percent([9.0, 11.0]) == pytest.approx(100 * math.sqrt(2) / 10)


def test_robust_forms_do_not_follow_an_outlier() -> None:
    spoiled = [*HIGH, 60.0]
    assert z_prime(spoiled, LOW) < 0 < z_prime(spoiled, LOW, robust=True)
    assert abs(ssmd(spoiled, LOW)) < ssmd(spoiled, LOW, robust=True)


@pytest.mark.parametrize(
    ("high", "low", "status"),
    [
        ([10.0, 10.1, 9.9], [1.0, 1.1, 0.9], QualityStatus.EXCELLENT),
        ([10.0, 11.5, 8.5], [1.0, 1.5, 0.5], QualityStatus.MARGINAL),
        ([10.0, 14.0, 6.0], [1.0, 4.0, -2.0], QualityStatus.OVERLAPPING),
        ([10.0], [1.0, 1.1], QualityStatus.TOO_FEW_WELLS),
        ([1.0, 1.0], [1.0, 1.0], QualityStatus.NO_SIGNAL),
        ([], [], QualityStatus.TOO_FEW_WELLS),
    ],
)
def test_controls_have_a_status_and_no_silent_number(
    high: list[float], low: list[float], status: QualityStatus
) -> None:
    found = assess_controls([*high, math.nan], low, names=("controls", "blanks"))
    assert found.status is status
    assert found.high_wells == len(high), "wells without a signal do not count"
    assert math.isnan(found.z_prime) == (status is QualityStatus.TOO_FEW_WELLS)


def test_noise_finds_its_two_parts() -> None:
    # 400 plates: medians within 10 %, which is 5 standard errors of a median of these
    generator = np.random.default_rng(3)
    means, groups = np.repeat(np.linspace(0.1, 1.2, 12), 3), list(np.repeat(np.arange(12), 3))
    constant, proportional = 0.01, 0.05
    found = []
    for _ in range(400):
        spread = np.hypot(constant, proportional * means)
        noise = fit_noise(means + spread * generator.standard_normal(len(means)), groups)
        assert noise is not None
        found.append([float(noise.variance(m)) / (constant**2 + (proportional * m) ** 2) for m in (0.3, 1.0)])
    assert np.median(found, axis=0) == pytest.approx([1.0, 1.0], abs=0.1)


def test_noise_is_pooled_where_groups_are_few_and_absent_without_replicates() -> None:
    noise = fit_noise(np.array([1.0, 1.2, 3.0, 3.4]), ["a", "a", "b", "b"])
    assert noise is not None
    assert noise.proportional == 0
    assert noise.constant == pytest.approx((0.02 + 0.08) / 2)
    assert float(noise.freedom(2.0)) == pytest.approx(2.0)
    assert fit_noise(np.array([1.0, 2.0, math.nan]), ["a", "b", "b"]) is None


def test_carrying_gives_covariance_shares_and_satterthwaites_freedom() -> None:
    blocks = [InputBlock.create([3.0, 2.0], [[0.04, 0.01], [0.01, 0.09]], 5.0), InputBlock.create(4.0, 0.25, 7.0)]
    carried = carry(lambda u: np.stack([u[:, 0] + 2 * u[:, 1], u[:, 0] * u[:, 2]], axis=1), blocks)
    first = 0.04 + 4 * 0.01 + 4 * 0.09
    assert carried.covariance[0, 0] == pytest.approx(first)
    second = (16 * 0.04, 9 * 0.25)
    assert carried.covariance[1, 1] == pytest.approx(sum(second))
    assert carried.covariance[0, 1] == pytest.approx(4 * (0.04 + 2 * 0.01))
    assert carried.shares[1] == pytest.approx(np.array(second) / sum(second))
    assert carried.degrees_of_freedom[0] == pytest.approx(5.0)
    assert carried.degrees_of_freedom[1] == pytest.approx(sum(second) ** 2 / (second[0] ** 2 / 5 + second[1] ** 2 / 7))
    assert carried.estimate(0).upper - 7.0 == pytest.approx(float(student_quantile(5.0)) * math.sqrt(first))
    with pytest.raises(ValueRangeError):
        InputBlock.create([1.0, 2.0], 1.0)


def test_an_edge_effect_is_found_with_its_size(phosphatase_plate: Callable[..., PlateWells]) -> None:
    plain = phosphatase_plate(seed=4)

    def brighten(values: np.ndarray) -> None:
        values[plain.layout.plate.edge] += 0.06

    reference = 0.4
    effects = {e.name: e for e in assess_positions(phosphatase_plate(seed=4, change=brighten), reference, Execution())}
    assert effects["edge"].status == "large"
    assert effects["edge"].effect == pytest.approx(0.06, abs=0.01)
    assert effects["edge"].percent == pytest.approx(15.0, abs=2.5)
    again = {e.name: e for e in assess_positions(phosphatase_plate(seed=4, change=brighten), reference, Execution())}
    assert again["edge"] == effects["edge"], "the same seed gives the same p value"


def test_drift_along_rows_is_found_and_treatments_are_not_taken_for_it() -> None:
    generator = np.random.default_rng(7)
    rows = np.repeat(np.arange(8), 12)
    treatments = list(np.tile(np.arange(12), 8))
    signal = np.array(treatments) * 0.5 + 0.02 * rows + 0.01 * generator.standard_normal(96)
    found = position_effect("row", signal, treatments, rows / 7, 1.0, generator)
    assert found.status == "large"
    assert found.effect == pytest.approx(0.14, abs=0.02)
    # every treatment in its own row: the place cannot be told from the treatment
    confounded = position_effect("row", signal, list(rows), rows / 7, 1.0, generator)
    assert confounded.status == "not_testable"
    assert math.isnan(confounded.effect)


def test_the_position_test_keeps_its_level_where_groups_scatter_differently() -> None:
    # 400 plates without an effect: 5 % tests, binomial standard error 1.1 %
    generator = np.random.default_rng(11)
    groups = list(np.repeat(np.arange(8), 4))
    spread = np.repeat([0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.1, 0.3], 4)
    score = np.tile([0.0, 0.0, 1.0, 1.0], 8)
    hits = 0
    for _ in range(400):
        signal = spread * generator.standard_normal(32)
        hits += position_effect("edge", signal, groups, score, 1.0, generator).p_value <= 0.05
    assert hits / 400 == pytest.approx(0.05, abs=0.035)
