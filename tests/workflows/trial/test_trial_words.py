"""Numbers of the trial report as a journal prints them."""

from __future__ import annotations

import pytest

from limus.trial.analysis.results import end_against_margin
from limus.workflows.trial.analysis.outcome import Origin
from limus.workflows.trial.analysis.words import decimals_text, percent, spread, value_cell

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.119, "11.9"), (0.1, "10.0"), (-0.0552, f"{MINUS}5.5"), (-0.0001, "0.0")]
)
def test_percentages_have_one_decimal(fraction: float, text: str) -> None:
    assert percent(fraction) == text


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [(60.0, 23.81, "60.0 (23.8)"), (8.013, 0.62, "8.01 (0.62)"), (1.7, 0.0642, "1.700 (0.064)"), (5.0, 0.0, "5 (0)")],
)
def test_means_have_the_decimals_of_their_deviation(mean: float, sd: float, text: str) -> None:
    assert spread(mean, sd) == text


def test_minus_signs_are_true() -> None:
    assert decimals_text(-4.25, 2) == f"{MINUS}4.25"


def test_an_end_of_an_interval_is_told_from_its_margin() -> None:
    assert end_against_margin(0.10042, 0.1, "fraction") == "10.04 against the margin 10 points"
    assert end_against_margin(0.0563, 0.1, "fraction") == "5.63 against the margin 10 points"
    assert end_against_margin(-5.21, -5.0, "mL/min") == f"{MINUS}5.21 against the margin {MINUS}5 mL/min"
    assert end_against_margin(1.2999, 1.3, "hazard ratio") == "1.2999 against the margin 1.3"


def test_an_effect_has_the_digits_of_its_interval() -> None:
    origin = Origin("study", True, "s", 1, "")
    cell = value_cell(-0.7524, "points", origin, low=-7.1366, high=5.6317)
    assert (cell.value, cell.interval) == (-0.8, (-7.1, 5.6))
    assert value_cell(1.2744, "", origin, low=0.64182, high=2.5306).value == 1.27
    assert value_cell(-23.71, "days", origin, low=-71.6, high=24.2).interval == (-72.0, 24.0)
