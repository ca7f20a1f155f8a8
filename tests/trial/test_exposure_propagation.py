"""Equal doses every interval: closed forms against the matrix exponential, dose by dose."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from limus.trial.exposure.propagation import propagate
from limus.trial.exposure.rates import DoseRun, Rates, make_rates

Floats = NDArray[np.float64]
TAU = 12.0
SUBJECTS = 3
# far from equal rates modes keep nearly every digit; near them 8 are promised where modes still serve
FAR, NEAR = 1e-9, 1e-7


def drawn_rates(
    generator: np.random.Generator, steps: int, *, peripheral: bool, lag_h: float, gap: float | None
) -> Rates:
    """Random rate constants; ``gap`` sets the absorption at so much more than the fastest exponential."""
    values = {
        "absorption": np.exp(generator.normal(0.5, 1.0, SUBJECTS)),
        "elimination": np.exp(generator.normal(-1.5, 0.5, SUBJECTS)),
        "lag": np.full(SUBJECTS, lag_h),
    }
    if peripheral:
        values["to_peripheral"] = np.exp(generator.normal(-1.0, 0.5, SUBJECTS))
        values["from_peripheral"] = np.exp(generator.normal(-1.5, 0.5, SUBJECTS))
    rates = make_rates(values, steps, SUBJECTS)
    if gap is None:
        return rates
    return make_rates(values | {"absorption": rates.decay[0] * (1.0 + gap)}, steps, SUBJECTS)


def by_matrices(
    rates: Rates, start: Floats, doses: DoseRun, subject: int, after_h: list[float]
) -> tuple[Floats, list[float], float]:
    """Amounts at the visit, central amounts and area of one subject, by the exponential of its matrix."""
    n = rates.steps
    k, out = rates.absorption[subject], rates.elimination[subject]
    there, back, lag = rates.to_peripheral[subject], rates.from_peripheral[subject], rates.lag_h[subject]
    matrix = np.zeros((n + 3, n + 3))
    for step in range(n):
        matrix[step, step], matrix[step + 1, step] = -k, k
    matrix[n, n] = -out - there
    matrix[n + 1, n], matrix[n, n + 1], matrix[n + 1, n + 1] = there, back, -back
    matrix[n + 2, n] = 1.0  # area
    interval = expm(matrix * TAU)
    now = expm(matrix * lag) @ np.append(start[:, subject], 0.0)
    for i in range(int(doses.count[subject]) - 1, -1, -1):
        if i < doses.count[subject] - 1:
            now = interval @ now
        if doses.taken is None or doses.taken[i, subject]:
            now[0] += doses.dose_mg[subject]
    now[n + 2] = 0.0
    levels = [float((expm(matrix * max(hours - lag, 0.0)) @ now)[n]) for hours in after_h]
    return (expm(matrix * (TAU - lag)) @ now)[: n + 2], levels, float((interval @ now)[n + 2])


@pytest.mark.parametrize("steps", [1, 3, 5])
@pytest.mark.parametrize("peripheral", [False, True])
@pytest.mark.parametrize(("lag_h", "gap"), [(0.4, None), (0.0, 0.0), (0.0, 1e-9), (0.4, -1e-3), (0.4, 0.02)])
def test_doses_agree_with_the_matrix_exponential(steps: int, peripheral: bool, lag_h: float, gap: float | None) -> None:
    generator = np.random.default_rng(7)
    rates = drawn_rates(generator, steps, peripheral=peripheral, lag_h=lag_h, gap=gap)
    count = generator.integers(1, 8, SUBJECTS)
    most = int(count.max())
    taken = (generator.random((most, SUBJECTS)) < 0.7) & (np.arange(most)[:, None] < count)
    doses = DoseRun(generator.uniform(1.0, 5.0, SUBJECTS), TAU, count, most, taken)
    start = generator.uniform(0.0, 3.0, (steps + 2, SUBJECTS))
    start[-1] *= peripheral
    late = generator.uniform(9.0, 15.0, SUBJECTS)
    found = propagate(rates, start, doses, [late, 2.0])
    limit = FAR if gap is None else NEAR
    for subject in range(SUBJECTS):
        amounts, levels, area = by_matrices(rates, start, doses, subject, [float(late[subject]), 2.0])
        assert np.abs(found.amounts[:, subject] - amounts).max() < limit * np.abs(amounts).max()
        np.testing.assert_allclose(found.central[:, subject], levels, rtol=limit)
        np.testing.assert_allclose(found.area[subject], area, rtol=limit)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_geometric_sum_is_the_sum_over_doses(steps: int) -> None:
    generator = np.random.default_rng(2)
    rates = drawn_rates(generator, steps, peripheral=True, lag_h=0.3, gap=None)
    count = np.full(SUBJECTS, 60)
    dose = generator.uniform(1.0, 5.0, SUBJECTS)
    start = np.zeros((steps + 2, SUBJECTS))
    closed = propagate(rates, start, DoseRun(dose, TAU, count, 60, None), [12.0])
    summed = propagate(rates, start, DoseRun(dose, TAU, count, 60, np.ones((60, SUBJECTS), dtype=bool)), [12.0])
    np.testing.assert_allclose(closed.amounts, summed.amounts, rtol=1e-12)


def test_at_steady_state_the_area_is_the_dose_over_the_clearance() -> None:
    rates = drawn_rates(np.random.default_rng(3), 3, peripheral=True, lag_h=0.2, gap=None)
    dose = np.full(SUBJECTS, 2.0)
    run = DoseRun(dose, TAU, np.full(SUBJECTS, 4000), 4000, None)
    found = propagate(rates, np.zeros((5, SUBJECTS)), run, [])
    np.testing.assert_allclose(found.area, dose / rates.elimination, rtol=1e-9)


def test_nothing_comes_of_nothing() -> None:
    rates = drawn_rates(np.random.default_rng(4), 2, peripheral=True, lag_h=0.0, gap=None)
    run = DoseRun(np.ones(SUBJECTS), TAU, np.full(SUBJECTS, 5), 5, np.zeros((5, SUBJECTS), dtype=bool))
    found = propagate(rates, np.zeros((4, SUBJECTS)), run, [12.0])
    assert not found.amounts.any()
    assert not found.central.any()
    assert not found.area.any()
