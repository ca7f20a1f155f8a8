"""Piecewise-constant hazards: exact times, exact risks with competition, cells cut where subjects change."""

import numpy as np
import pytest

from limus.kernel.errors import UnknownNameError
from limus.trial.design.hazard_library import load_hazards, with_values
from limus.trial.events.hazards import base_rates, cumulative_at, cut_cells, days_of_events, risks_with_competition

EDGES = np.array([0.0, 10.0, 30.0, 100.0])


def test_the_day_of_an_event_inverts_the_cumulative_hazard_exactly() -> None:
    generator = np.random.default_rng(1)
    rates = generator.random((500, 3)) * np.array([0.05, 0.0, 0.02])
    exponential = generator.exponential(size=500)
    days = days_of_events(rates, EDGES, exponential)
    reached = np.isfinite(days)
    assert 50 < reached.sum() < 450
    for n in np.flatnonzero(reached):
        assert cumulative_at(rates[n : n + 1], EDGES, float(days[n]))[0] == pytest.approx(exponential[n], rel=1e-12)
    assert (cumulative_at(rates, EDGES, 100.0)[~reached] < exponential[~reached]).all()
    assert not ((days > 10) & (days < 30)).any()  # no hazard there


def test_drawn_times_follow_the_hazard() -> None:
    rates = np.tile([0.03, 0.01, 0.002], (200_000, 1))
    days = days_of_events(rates, EDGES, np.random.default_rng(2).exponential(size=200_000))
    for day, hazard in ((10, 0.3), (30, 0.5), (100, 0.64)):
        assert (days <= day).mean() == pytest.approx(-np.expm1(-hazard), abs=4 * 0.0011)


def test_risk_with_competition_is_the_textbooks() -> None:
    # constant hazards a and b: a/(a+b) (1 - exp(-(a+b) t)) at any number of cells
    a, b = np.full((1, 3), 0.01), np.full((1, 3), 0.03)
    expected = 0.25 * -np.expm1(-0.04 * 60.0)
    assert risks_with_competition(a, b, EDGES, 60.0)[0] == pytest.approx(expected, rel=1e-12)
    assert risks_with_competition(a, 0 * b, EDGES, 60.0)[0] == pytest.approx(-np.expm1(-0.6), rel=1e-12)


def test_cells_are_cut_where_a_subject_changes() -> None:
    cells = cut_cells(EDGES, [np.array([20.0, np.inf]), np.array([5.0, 50.0])])
    assert cells.edges.tolist() == [[0, 5, 10, 20, 30, 100], [0, 10, 30, 50, 100, 100]]
    assert cells.common.tolist() == [[0, 0, 1, 1, 2], [0, 1, 2, 2, 2]]
    assert cells.width.sum(axis=1).tolist() == [100, 100]


def test_the_reference_hazard_gives_its_percent_by_its_day() -> None:
    for event in load_hazards("kidney").events.values():
        edges = np.array(sorted({0.0, *event.from_day, event.percent_day}))
        edges = edges[edges <= event.percent_day]
        rates = base_rates(event, 0.5 * (edges[1:] + edges[:-1]))
        risk = -100 * np.expm1(-(rates * np.diff(edges)).sum())
        assert risk == pytest.approx(event.percent, abs=1e-9)


def test_rejection_peaks_early() -> None:
    rejection = load_hazards("kidney").events["rejection"]
    rates = base_rates(rejection, np.array([2.0, 8.0, 20.0, 75.0, 300.0]))
    assert rates.argmax() == 1
    assert rates[1] > 10 * rates[-1]


def test_replaced_values_are_known_ones() -> None:
    hazards = with_values(
        load_hazards("kidney"), {"rejection.percent": 20.0, "kidney.plateau": 50.0, "cmv.prophylaxis": 1.0}
    )
    assert hazards.events["rejection"].percent == 20.0
    assert hazards.kidney["plateau"] == 50.0
    with pytest.raises(UnknownNameError, match=r"rejection\.percent"):
        with_values(hazards, {"rejection.percentage": 3.0})
    with pytest.raises(UnknownNameError):
        load_hazards("liver")
