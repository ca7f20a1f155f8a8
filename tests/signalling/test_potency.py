"""IC50s of simulated curves against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from limus.signalling.potency import CurveStatus, concentration_grid, summarise_curve

GRID = concentration_grid(1e-3, 1e4, 4)


def hill(ic50: float, slope: float, largest: float = 1.0) -> np.ndarray:
    return 100.0 * (1.0 - largest * GRID**slope / (GRID**slope + ic50**slope))


@pytest.mark.parametrize("ic50", [0.013, 0.5, 77.0])
@pytest.mark.parametrize("slope", [0.7, 1.0, 3.0])
def test_full_inhibition_gives_both_ic50s(ic50: float, slope: float) -> None:
    found = summarise_curve(GRID, hill(ic50, slope))
    assert found.status is CurveStatus.OK
    assert found.ic50_absolute_nM == pytest.approx(ic50, rel=0.01)
    assert found.hill == pytest.approx(slope, rel=0.02)


def test_partial_inhibition_separates_absolute_from_relative() -> None:
    found = summarise_curve(GRID, hill(1.0, 1.0, largest=0.8))
    # 1 - 0.8 c/(c+1) = 0.5 at c = 5/3; half of the largest effect at c = 1
    assert found.ic50_absolute_nM == pytest.approx(5.0 / 3.0, rel=0.01)
    assert found.ic50_relative_nM == pytest.approx(1.0, rel=0.01)
    assert found.max_inhibition_fraction == pytest.approx(0.8, rel=1e-3)


def test_half_not_reached_has_a_relative_ic50_only() -> None:
    found = summarise_curve(GRID, hill(1.0, 1.0, largest=0.3))
    assert found.status is CurveStatus.HALF_NOT_REACHED
    assert np.isnan(found.ic50_absolute_nM)
    assert found.ic50_relative_nM == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize(
    ("percent", "status"),
    [
        (np.full(len(GRID), 100.0), CurveStatus.NO_EFFECT),
        (np.full(len(GRID), np.nan), CurveStatus.NO_SIGNAL),
        (hill(1e-5, 1.0), CurveStatus.BELOW_RANGE),
    ],
)
def test_what_is_no_number_is_a_status(percent: np.ndarray, status: CurveStatus) -> None:
    found = summarise_curve(GRID, percent)
    assert found.status is status
    assert np.isnan(found.ic50_absolute_nM)


def test_the_grid_has_both_ends() -> None:
    assert GRID[0] == pytest.approx(1e-3)
    assert GRID[-1] == pytest.approx(1e4)
    assert len(GRID) == 29
