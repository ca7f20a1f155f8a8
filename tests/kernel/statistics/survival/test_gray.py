"""Gray's test against a slow one written from the paper, by hand, and at its limits."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import ValueRangeError
from limus.kernel.statistics.survival import gray_test, log_rank


def slow(time: np.ndarray, cause: np.ndarray, group: np.ndarray, rho: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores and covariance by loops over times and groups, each sum as section 3 of Gray 1988 writes it."""
    k = int(group.max()) + 1
    times = sorted({float(t) for t, c in zip(time, cause, strict=True) if c})
    s, f0 = np.ones(k), 0.0
    own, score = np.zeros(k), np.zeros(k)
    steps, c = [], np.zeros((k, k))
    for t in times:
        y = np.array([np.sum((time >= t) & (group == g)) for g in range(k)], float)
        d = np.array([np.sum((time == t) & (group == g) & (cause == 1)) for g in range(k)], float)
        e = np.array([np.sum((time == t) & (group == g) & (cause == 2)) for g in range(k)], float)
        h = np.where(y > 0, y / np.where(s > 0, s, 1.0), 0.0)
        r = h * (1 - own)
        w = (1 - f0) ** rho
        score += w * (d - d.sum() * r / r.sum())
        df = d.sum() / h.sum()
        a = w * np.array([[h[i] * ((i == j) - h[j] / h.sum()) for j in range(k)] for i in range(k)])
        c = c + a * df / (1 - f0)
        after = s * (1 - (d + e) / np.maximum(y, 1))
        own = own + s * d / np.maximum(y, 1)
        f0 += df
        steps.append((y, d, e, s.copy(), after.copy(), h, df, a, c.copy(), f0))
        s = after
    covariance = np.zeros((k, k))
    for y, d, e, before, after, h, df, a, then, f in steps:
        for g in range(k):
            if y[g] == 0:
                continue
            share = (1 - f) / after[g] if after[g] > 0 else 0.0
            ahead = c[:, g] - then[:, g]
            b = a[:, g] + (1 - share) * ahead
            ties = 1 - (d.sum() - 1) / (h.sum() * before[g] - 1) if d.sum() > 1 else 1.0
            covariance += np.outer(b, b) * df / h[g] * ties
            if e[g] and after[g] > 0:
                ties = 1 - (e[g] - 1) / (y[g] - 1) if e[g] > 1 else 1.0
                covariance += np.outer(ahead, ahead) * (share * before[g] / y[g]) ** 2 * e[g] * ties
    return score, covariance


@pytest.mark.parametrize("rho", [0.0, -1.0])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_slow_test(seed: int, rho: float) -> None:
    g = np.random.default_rng(seed)
    n, k = 60, 2 + seed % 3
    time, cause = g.integers(1, 25, n).astype(float), g.choice([0, 1, 2], n)
    group = np.r_[np.arange(k), g.integers(0, k, n - k)]
    time[: n // 4 * (seed % 2)] += 0.5  # fewer ties
    found = gray_test(time, cause, group, rho=rho)
    score, covariance = slow(time, cause, group, rho)
    np.testing.assert_allclose(found.score, score, atol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-12)
    free = score[:-1] @ np.linalg.solve(covariance[:-1, :-1], score[:-1])
    assert found.chi_square == pytest.approx(free)
    assert found.degrees_of_freedom == k - 1


def test_scores_of_strata_add_up() -> None:
    g = np.random.default_rng(9)
    time, cause, group = g.exponential(size=80), g.choice([0, 1, 2], 80), g.integers(0, 3, 80)
    stratum = np.where(np.arange(80) < 50, "u", "v")
    group[stratum == "v"] %= 2  # a stratum without the third group
    found = gray_test(time, cause, group, strata=stratum)
    parts = [slow(time[stratum == s], cause[stratum == s], group[stratum == s], 0.0) for s in ("u", "v")]
    np.testing.assert_allclose(found.score, parts[0][0] + np.append(parts[1][0], 0.0), atol=1e-12)
    np.testing.assert_allclose(found.covariance, parts[0][1] + np.pad(parts[1][1], (0, 1)), atol=1e-12)


def test_two_groups_by_hand() -> None:
    """At 1: 1 of 2 + 2 at risk; group b's competing event at 2 leaves it in the risk set of the incidence."""
    found = gray_test([1, 3, 2, 3], [1, 0, 2, 1], ["a", "a", "b", "b"])
    # at 1 R = (2, 2): 1 - 1/2; at 3 S_a = S_b = 1/2 and F_a = 1/2: R_a = 1/(1/2) 1/2 = 1, R_b = 1/(1/2) = 2: - 1/3
    assert found.score == pytest.approx([1 / 2 - 1 / 3, -1 / 2 + 1 / 3])
    assert found.z < 0
    assert found.z**2 == pytest.approx(found.chi_square)


def test_without_competing_events_the_scores_are_those_of_the_log_rank_test() -> None:
    g = np.random.default_rng(3)
    time, cause, group = g.integers(1, 30, 120).astype(float), g.integers(0, 2, 120), g.integers(0, 3, 120)
    found, ranked = gray_test(time, cause, group), log_rank(time, cause, group)
    np.testing.assert_allclose(found.score, (ranked.observed - ranked.expected)[0], atol=1e-12)
    assert found.chi_square == pytest.approx(ranked.chi_square, rel=0.15)  # another estimate of the variance


def test_weights_count_subjects_and_causes_may_have_any_number() -> None:
    g = np.random.default_rng(4)
    time, cause, group = g.exponential(size=40), g.choice([0, 1, 3], 40), g.integers(0, 2, 40)
    weight = g.integers(0, 4, 40)
    rows = np.repeat(np.arange(40), weight)
    one, other = (
        gray_test(time, cause, group, of=3, weights=weight),
        gray_test(time[rows], cause[rows], group[rows], of=3),
    )
    assert one.chi_square == pytest.approx(other.chi_square)
    assert one.n.tolist() == other.n.tolist()


def test_refusals() -> None:
    with pytest.raises(ValueRangeError, match="at least two groups"):
        gray_test([1, 2], [1, 2], ["a", "a"])
    with pytest.raises(ValueRangeError, match="no events of 1"):
        gray_test([1, 2], [2, 0], ["a", "b"])
    with pytest.raises(ValueRangeError, match="rho"):
        gray_test([1, 2], [1, 0], ["a", "b"], rho=np.inf)
