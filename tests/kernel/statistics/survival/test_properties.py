"""What must hold for any data: order of rows, weights, one cause, one stratum, trials at once, tied times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limus.kernel.statistics.survival import (
    aalen_johansen,
    compare_restricted_means,
    concordance,
    cox,
    incidence_difference_batch,
    kaplan_meier,
    kaplan_meier_difference,
    log_rank,
    log_rank_batch,
    restricted_mean_batch,
)

QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def trials(draw: st.DrawFn, *, causes: int = 1) -> dict[str, np.ndarray]:
    """Times on a coarse grid, so that many are tied."""
    seed, n = draw(st.integers(0, 2**32 - 1)), draw(st.integers(8, 60))
    generator = np.random.default_rng(seed)
    event = generator.integers(0, causes + 1, n)
    event[:2] = 1
    group = generator.integers(0, 2, n)
    group[:4] = [0, 1, 0, 1]
    return {
        "time": generator.integers(1, draw(st.integers(3, 40)), n).astype(float),
        "event": event,
        "group": group,
        "stratum": generator.integers(0, 3, n),
        "weight": generator.integers(1, 4, n),
        "x": generator.normal(size=(n, 2)),
        "order": generator.permutation(n),
    }


def repeated(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.repeat(values, data["weight"], axis=0) for name, values in data.items()}


@QUICK
@given(trials(causes=2))
def test_order_of_rows_does_not_matter(data: dict[str, np.ndarray]) -> None:
    moved = {name: values[data["order"]] for name, values in data.items()}
    for one, other in ((data, moved),):
        first, second = (aalen_johansen(d["time"], d["event"]) for d in (one, other))
        assert first.incidence == pytest.approx(second.incidence, abs=1e-13)
        assert first.standard_error == pytest.approx(second.standard_error, abs=1e-12)
        first, second = (log_rank(d["time"], d["event"] == 1, d["group"], strata=d["stratum"]) for d in (one, other))
        assert first.chi_square == pytest.approx(second.chi_square, abs=1e-10)
        first, second = (cox(d["time"], d["event"] == 1, d["x"]) for d in (one, other))
        assert first.coefficient_status == second.coefficient_status
        assert first.log_likelihood == pytest.approx(second.log_likelihood, abs=1e-5)


@QUICK
@given(trials(causes=2))
def test_weights_are_repeated_rows(data: dict[str, np.ndarray]) -> None:
    many, w = repeated(data), data["weight"]
    weighted, plain = (
        kaplan_meier(data["time"], data["event"] == 1, weights=w),
        kaplan_meier(many["time"], many["event"] == 1),
    )
    assert weighted.survival == pytest.approx(plain.survival, abs=1e-13)
    assert weighted.standard_error == pytest.approx(plain.standard_error, abs=1e-13)
    both = [
        aalen_johansen(data["time"], data["event"], weights=w),
        aalen_johansen(many["time"], many["event"]),
    ]
    assert both[0].standard_error == pytest.approx(both[1].standard_error, abs=1e-12)
    tests = [
        log_rank(data["time"], data["event"] == 1, data["group"], weights=w),
        log_rank(many["time"], many["event"] == 1, many["group"]),
    ]
    assert tests[0].variance == pytest.approx(tests[1].variance, abs=1e-10)
    fits = [
        cox(data["time"], data["event"] == 1, data["x"], weights=w, ties="breslow"),
        cox(many["time"], many["event"] == 1, many["x"], ties="breslow"),
    ]
    assert fits[0].log_likelihood - fits[0].log_likelihood_null == pytest.approx(
        fits[1].log_likelihood - fits[1].log_likelihood_null,
        abs=1e-5,  # the limit of a likelihood that rises for ever is met to about 1e-6
    )


@QUICK
@given(trials())
def test_one_cause_is_kaplan_meier(data: dict[str, np.ndarray]) -> None:
    curve = kaplan_meier(data["time"], data["event"])
    curves = aalen_johansen(data["time"], data["event"])
    assert curves.incidence[0] == pytest.approx(1 - curve.survival, abs=1e-13)
    assert curves.standard_error[0] == pytest.approx(curve.standard_error, abs=1e-12)
    assert curves.survival_standard_error == pytest.approx(curve.standard_error, abs=1e-12)


@QUICK
@given(trials(causes=3))
def test_incidences_and_survival_add_up(data: dict[str, np.ndarray]) -> None:
    curves = aalen_johansen(data["time"], data["event"])
    assert curves.incidence.sum(axis=0) + curves.survival == pytest.approx(np.ones(len(curves.time)), abs=1e-13)
    one_minus = 1 - kaplan_meier(data["time"], data["event"] == curves.causes[0]).survival
    assert np.all(one_minus >= curves.incidence[0] - 1e-12)


@QUICK
@given(trials())
def test_delayed_entry_at_zero_is_no_entry(data: dict[str, np.ndarray]) -> None:
    zero = np.zeros(len(data["time"]))
    for estimate in (kaplan_meier, aalen_johansen):
        plain, delayed = estimate(data["time"], data["event"]), estimate(data["time"], data["event"], entry=zero)
        assert plain.n_at_risk == pytest.approx(delayed.n_at_risk)
        assert plain.standard_error == pytest.approx(delayed.standard_error, abs=1e-12)
    plain_fit = cox(data["time"], data["event"], data["x"])
    delayed_fit = cox(data["time"], data["event"], data["x"], entry=zero)
    assert plain_fit.log_likelihood == pytest.approx(delayed_fit.log_likelihood, abs=1e-5)


@QUICK
@given(trials())
def test_split_rows_are_one_subject(data: dict[str, np.ndarray]) -> None:
    """A subject watched in two intervals is the same as in one."""
    half = np.floor(data["time"] / 2)
    cut = half > 0
    entry = np.concatenate([np.zeros(len(half)), half[cut]])
    stop = np.concatenate([np.where(cut, half, data["time"]), data["time"][cut]])
    event = np.concatenate([np.where(cut, 0, data["event"]), data["event"][cut]])
    both = [np.concatenate([data[name], data[name][cut]]) for name in ("x", "group")]
    one, two = cox(data["time"], data["event"], data["x"]), cox(stop, event, both[0], entry=entry)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-5)
    first, second = log_rank(data["time"], data["event"], data["group"]), log_rank(stop, event, both[1], entry=entry)
    assert first.chi_square == pytest.approx(second.chi_square, abs=1e-9)
    curve, split = kaplan_meier(data["time"], data["event"]), kaplan_meier(stop, event, entry=entry)
    known = np.searchsorted(split.time, curve.time)
    assert split.survival[known] == pytest.approx(curve.survival, abs=1e-13)


@QUICK
@given(trials())
def test_one_stratum_is_none(data: dict[str, np.ndarray]) -> None:
    same = np.full(len(data["time"]), "one")
    args = (data["time"], data["event"], data["group"])
    assert log_rank(*args, strata=same).chi_square == log_rank(*args).chi_square
    fits = [cox(data["time"], data["event"], data["x"], strata=s) for s in (None, same)]
    assert fits[0].log_likelihood == fits[1].log_likelihood
    # two copies of the data as two strata double every sum
    twice = [np.concatenate([values, values]) for values in args]
    doubled = log_rank(*twice, strata=np.repeat([0, 1], len(same)))
    assert doubled.chi_square == pytest.approx(2 * log_rank(*args).chi_square, abs=1e-9)


@QUICK
@given(st.lists(trials(), min_size=1, max_size=3))
def test_trials_at_once_are_single_trials(several: list[dict[str, np.ndarray]]) -> None:
    size = min(len(data["time"]) for data in several)
    time, event, group, stratum = (
        np.stack([data[name][:size] for data in several]) for name in ("time", "event", "group", "stratum")
    )
    for strata in (None, stratum):
        found = log_rank_batch(time, event, group, strata=strata)
        for i in range(len(time)):
            one = log_rank(time[i], event[i], group[i], strata=None if strata is None else strata[i])
            assert found.variance[i] == pytest.approx(one.variance[1, 1], abs=1e-10)
            assert found.observed[i] - found.expected[i] == pytest.approx(
                float((one.observed - one.expected).sum(axis=0)[1]), abs=1e-10
            )
    at = float(np.min([time[i][group[i] == g].max() for i in range(len(time)) for g in (0, 1)]))
    batch = incidence_difference_batch(time, event, group, at)
    for i in range(len(time)):
        one = kaplan_meier_difference(time[i], event[i], group[i], at)
        assert (batch.estimate[i], batch.standard_error[i]) == pytest.approx(
            (one.estimate, one.standard_error), abs=1e-12
        )
    means = restricted_mean_batch(time, event, group, at)
    for i in range(len(time)):
        both = compare_restricted_means(time[i], event[i], group[i], at)
        assert means.mean[:, i] == pytest.approx([m.estimate for m in both.means], abs=1e-10)
        assert means.standard_error[i] == pytest.approx(both.difference.standard_error, abs=1e-10)


@QUICK
@given(trials())
def test_restricted_mean_without_censoring_is_a_mean(data: dict[str, np.ndarray]) -> None:
    tau = float(min(data["time"][data["group"] == g].max() for g in (0, 1)))
    event = np.ones(len(data["time"]))
    found = compare_restricted_means(data["time"], event, data["group"], tau)
    for g in (0, 1):
        cut = np.minimum(data["time"][data["group"] == g], tau)
        assert found.means[g].estimate == pytest.approx(cut.mean(), abs=1e-10)
        assert found.means[g].standard_error == pytest.approx(cut.std() / np.sqrt(len(cut)), abs=1e-10)


@QUICK
@given(trials())
def test_concordance_counts_every_pair(data: dict[str, np.ndarray]) -> None:
    time, event, risk = data["time"], data["event"], np.round(data["x"][:, 0], 1)
    counts = [0, 0, 0]
    for i in range(len(time)):
        for j in range(len(time)):
            later = time[j] > time[i] or (time[j] == time[i] and not event[j])
            if i != j and event[i] and later:
                counts[0 if risk[i] > risk[j] else 1 if risk[i] < risk[j] else 2] += 1
    found = concordance(time, event, risk)
    assert [found.concordant, found.discordant, found.tied] == counts


@QUICK
@given(trials())
def test_score_test_of_one_group_is_the_log_rank_test(data: dict[str, np.ndarray]) -> None:
    """With no tied events; with ties the variances differ."""
    time = data["time"] + np.arange(len(data["time"])) / 1000
    fit = cox(time, data["event"], data["group"][:, None])
    assert fit.score.chi_square == pytest.approx(log_rank(time, data["event"], data["group"]).chi_square, abs=1e-8)
