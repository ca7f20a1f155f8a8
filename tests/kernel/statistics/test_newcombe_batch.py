"""Newcombe's interval of many trials is that of one trial, many times."""

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.proportions.score import ContrastScale
from limus.kernel.statistics.proportions.two import two_proportion_intervals
from limus.kernel.statistics.risk_difference.newcombe_batch import newcombe_batch


def test_it_agrees_with_the_interval_of_one_trial() -> None:
    generator = np.random.default_rng(1)
    n = generator.integers(5, 300, (40, 2))
    events = (generator.random((40, 2)) * (n + 1)).astype(int)
    _, low, high = newcombe_batch(events, n)
    for r in range(40):
        counts = (int(events[r, 0]), int(n[r, 0]), int(events[r, 1]), int(n[r, 1]))
        expected = two_proportion_intervals(ContrastScale.RD, counts)["Newcombe"]
        assert (low[r], high[r]) == pytest.approx(expected, abs=1e-12)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="impossible"):
        newcombe_batch([[3, 1]], [[2, 2]])
    with pytest.raises(ValueRangeError, match="equal shapes"):
        newcombe_batch([[1, 1]], [[2, 2, 2]])
