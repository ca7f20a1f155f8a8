from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limus.kernel.errors import InputError, UnitError, ValueRangeError
from limus.kernel.units import canonical_unit, convert, dimension, parse_quantity, same_dimension


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("10 ng/mL", 10.0, "ng/mL"),
        ("-5 nM", -5.0, "nM"),
        ("1e-3uM", 1e-3, "uM"),
        ("10 %", 10.0, "%"),
        ("+.5h", 0.5, "h"),
        (" 3. mg/kg ", 3.0, "mg/kg"),
        ("2 µM", 2.0, "µM"),
        ("2 μM", 2.0, "μM"),
        ("1E3 1/(M*s)", 1e3, "1/(M*s)"),
    ],
)
def test_parse_quantity(text: str, value: float, unit: str) -> None:
    assert parse_quantity(text) == (value, unit)


@pytest.mark.parametrize(
    "text", ["5", "5 blorp", "5 ng//mL", "5 ng/mL)", "5 1/0", '5 "', "5 \\", "5 [", "10,5 ng/mL", "5 2", "5 3600*s"]
)
def test_a_missing_or_wrong_unit_is_a_unit_error(text: str) -> None:
    with pytest.raises(UnitError, match="dose"):
        parse_quantity(text, where="dose")


@pytest.mark.parametrize("text", ["", "nM", "nan nM", "inf h", "-", "1e999 nM", "abc"])
def test_text_without_a_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValueRangeError, match="dose"):
        parse_quantity(text, where="dose")


def test_a_default_unit_serves_a_bare_number() -> None:
    assert parse_quantity("5", default_unit="nM") == (5.0, "nM")
    with pytest.raises(UnitError):
        parse_quantity("5", default_unit="blorp")


@given(st.text(max_size=12))
def test_any_unit_text_gives_an_answer_or_an_input_error(text: str) -> None:
    try:
        value, _ = parse_quantity("5 " + text)
    except InputError:
        return
    assert math.isfinite(value)


def test_mass_and_amount_through_the_molar_mass() -> None:
    # tacrolimus, 804.02 g/mol: 10 ng/mL = 10e-6 g/L / 804.02 g/mol = 12.4375e-9 mol/L
    nanomolar = convert(10.0, "ng/mL", "nM", molar_mass_g_per_mol=804.02)
    assert nanomolar == pytest.approx(10e-6 / 804.02 * 1e9, rel=1e-12)
    assert convert(nanomolar, "nM", "ng/mL", molar_mass_g_per_mol=804.02) == pytest.approx(10.0, rel=1e-12)
    assert convert(1.0, "mg", "nmol", molar_mass_g_per_mol=500.0) == pytest.approx(2000.0, rel=1e-12)
    assert convert(-3.0, "ng/mL", "ug/L") == pytest.approx(-3.0, rel=1e-12)
    assert convert(1.0, "µM", "nM") == pytest.approx(1000.0, rel=1e-12)
    assert convert(1.0, "μM", "nM") == pytest.approx(1000.0, rel=1e-12)
    assert convert(50.0, "%", "dimensionless") == pytest.approx(0.5, rel=1e-12)


def test_mass_against_amount_without_a_molar_mass_is_refused() -> None:
    with pytest.raises(UnitError, match="molar mass"):
        convert(10.0, "ng/mL", "nM")


@pytest.mark.parametrize(("unit", "to"), [("nM", "h"), ("ng", "nM"), ("mg", "L"), ("nM", "ng"), ("mol", "ng/mL")])
def test_different_dimensions_are_refused_even_with_a_molar_mass(unit: str, to: str) -> None:
    with pytest.raises(UnitError):
        convert(1.0, unit, to, molar_mass_g_per_mol=804.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(ValueRangeError):
        convert(bad, "nM", "uM")


@pytest.mark.parametrize("molar_mass", [0.0, -1.0, math.nan, math.inf])
def test_a_molar_mass_must_be_positive(molar_mass: float) -> None:
    with pytest.raises(ValueRangeError):
        convert(1.0, "ng/mL", "nM", molar_mass_g_per_mol=molar_mass)


@pytest.mark.parametrize(
    ("unit", "canonical"),
    [
        ("1/(M*s)", "nM**-1*h**-1"),
        ("uM", "nM"),
        ("ng/mL", "L**-1*mg"),
        ("mL/min", "L*h**-1"),
        ("s", "h"),
        ("umol", "nmol"),
        ("%", "dimensionless"),
        ("1/day", "h**-1"),
        ("cm**3", "L"),
        ("nM*h", "nM*h"),
        ("pmol/min/mL", "nM*h**-1"),
    ],
)
def test_canonical_unit(unit: str, canonical: str) -> None:
    found = canonical_unit(unit)
    assert sorted(found.split("*")) == sorted(canonical.split("*"))
    assert same_dimension(unit, found)


@pytest.mark.parametrize("unit", ["K", "cm", "cm**2", "ampere", "blorp", ""])
def test_units_of_other_dimensions_have_no_canonical_unit(unit: str) -> None:
    with pytest.raises(UnitError):
        canonical_unit(unit)


def test_dimension() -> None:
    assert dimension("nM") == dimension("mol/L") == "[substance] / [length] ** 3"
    assert dimension("pmol/min/mL") == dimension("nM/h")
    assert not same_dimension("nM", "ng/mL")
    with pytest.raises(UnitError, match="column c"):
        dimension("blorp", where="column c")
