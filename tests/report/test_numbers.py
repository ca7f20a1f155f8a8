from __future__ import annotations

import math

import pytest

from limus.kernel.errors import ValueRangeError
from limus.report.numbers import format_count, format_interval, format_number, format_quantity


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.06, "0.06"),
        (0.0600001, "0.06"),
        (12.345, "12.3"),
        (99.96, "100"),
        (0.9996, "1"),
        (1536.0, "1536"),
        (1536.4, "1540"),
        (12345.0, "12,345"),
        (0.0, "0"),
        (-0.0, "0"),
        (-1.5, "\N{MINUS SIGN}1.5"),
        (0.00012, "0.00012"),
        (0.0000123, "1.23 \N{MULTIPLICATION SIGN} 10⁻⁵"),
        (999_999.7, "1 \N{MULTIPLICATION SIGN} 10⁶"),
        (2.5e7, "2.5 \N{MULTIPLICATION SIGN} 10⁷"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert format_number(value) == text


def test_more_digits_counts_quantities_and_intervals() -> None:
    assert format_number(804.031, 6) == "804.031"
    assert format_count(1536) == "1536"
    assert format_quantity(5, "") == "5"
    assert format_interval(0.5, 2) == "0.5\N{EN DASH}2"
    assert format_interval(-1, 2) == "\N{MINUS SIGN}1 to 2"
    assert format_interval(3, math.inf) == "≥ 3"
    assert format_interval(-math.inf, 3) == "≤ 3"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueRangeError):
        format_number(value)
    with pytest.raises(ValueRangeError):
        format_interval(2.0, 1.0)
