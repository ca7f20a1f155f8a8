"""What pint said of units is kept: the numbers have pint's own bits, and pint is not asked twice."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pint
import pytest

from limus.kernel import units
from limus.kernel.cache import KeptTable
from limus.kernel.errors import UnitError
from limus.kernel.tables import library_folder
from limus.kernel.units import canonical_unit, convert, dimension, parse_quantity, same_dimension
from limus.signalling.model_assembly import assemble_model
from limus.signalling.model_library import model_names

TEXTS = [
    path.read_text(encoding="utf-8")
    for folder in ("models", "compounds")
    for path in (library_folder() / folder).glob("*.toml")
]
LIBRARY = sorted({unit for text in TEXTS for unit in re.findall(r'^unit = "(.+)"$', text, re.MULTILINE)})
VALUES = (0.1, -3.0, 1e-300, 804.031, math.pi, 1 / 3)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    units._KEPT.save()
    monkeypatch.setenv("LIMUS_CACHE", str(tmp_path))
    forget(monkeypatch)
    yield tmp_path
    units._KEPT.save()


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one process ends and another begins."""
    units._KEPT.save()
    monkeypatch.setattr(units, "_KEPT", KeptTable("units", units._table_name))


def test_shipped_facts_are_what_pint_says() -> None:
    registry = units._registry()
    facts = units._shipped()
    assert facts
    for question, answer in facts.items():
        if question.startswith("powers of "):
            found = registry.parse_units(question.removeprefix("powers of ")).dimensionality
            assert answer == {name: float(power) for name, power in found.items()}, question
        else:
            unit, to = question.removesuffix(", same").split(" to ")
            assert bits(answer) == bits(registry.Quantity(1.0, unit).to(to).magnitude), question


@pytest.mark.parametrize("name", model_names())
def test_a_model_of_the_library_asks_pint_for_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "_KEPT", KeptTable("units", units._table_name, units._shipped))
    monkeypatch.setattr(units, "_registry", refuse)
    assemble_model(library_folder() / "models" / f"{name}.toml")
    assert units._KEPT._new == {}


def bits(value: float) -> bytes:
    return struct.pack("d", value)


def refuse() -> Any:
    raise AssertionError("pint was asked")


def test_every_pair_of_units_in_the_library_gives_the_bits_of_pint() -> None:
    registry = units._registry()
    pairs = [(a, b) for a, b in product([*LIBRARY, "nM", "ng/mL", "mg", "nmol", "%"], repeat=2) if same_dimension(a, b)]
    assert len(pairs) > len(LIBRARY)
    for (unit, to), value in product(pairs, VALUES):
        expected = registry.Quantity(value, registry.parse_units(unit)).to(registry.parse_units(to)).magnitude
        assert bits(convert(value, unit, to)) == bits(expected), (value, unit, to)


@pytest.mark.parametrize(
    ("unit", "to"), [("ng/mL", "nM"), ("nM", "mg/L"), ("ug", "nmol"), ("mol", "kg"), ("1/mg", "1/mol")]
)
def test_through_the_molar_mass_too(unit: str, to: str) -> None:
    registry = units._registry()
    molar_mass = registry.Quantity(804.031, "g/mol")
    for value in VALUES:
        quantity = registry.Quantity(value, unit)
        divided = quantity / molar_mass
        changed = divided if divided.is_compatible_with(to) else quantity * molar_mass
        assert bits(convert(value, unit, to, molar_mass_g_per_mol=804.031)) == bits(changed.to(to).magnitude)


def test_offsets_and_logarithms_are_left_to_pint() -> None:
    registry = pint.UnitRegistry(autoconvert_offset_to_baseunit=False)
    for value in (20.0, 1e-30, -5.0):
        for unit, to in (("degC", "K"), ("degC", "degF"), ("Np", "dB"), ("dB", "Np"), ("dBm", "mW")):
            for _ in range(2):
                assert convert(value, unit, to) == registry.Quantity(value, unit).to(to).magnitude


def test_what_is_kept_answers_without_pint(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers() -> list[Any]:
        return [
            *(convert(1 / 3, a, b) for a, b in product(LIBRARY, repeat=2) if same_dimension(a, b)),
            *map(dimension, LIBRARY),
            canonical_unit("1/(M*s)"),
            convert(10.0, "ng/mL", "nM", molar_mass_g_per_mol=804.031),
            parse_quantity("2 \u00b5M"),
        ]

    first = answers()
    forget(monkeypatch)
    monkeypatch.setattr(units, "_registry", refuse)
    assert answers() == first
    assert convert(2.0, " \u03bcM", "nM ") == convert(2.0, "uM", "nM")  # spaces and both letters mu are one unit
    with pytest.raises(UnitError, match="different things"):
        convert(1.0, "h", "nM")
    with pytest.raises(UnitError, match="molar mass"):
        convert(1.0, "ng/mL", "nM")


def test_a_damaged_table_is_made_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = convert(1.5, "ng/mL", "ug/L")
    units._KEPT.save()
    (file,) = (folder / "units").iterdir()
    file.write_bytes(file.read_bytes().replace(b"1.0", b"7.0"))
    forget(monkeypatch)
    assert convert(1.5, "ng/mL", "ug/L") == first


def test_an_unknown_unit_is_an_error_each_time_and_is_not_kept(folder: Path) -> None:
    for text in ("blorp", "dB/m", "", "3600*s"):  # pint itself fails to find a dimension for dB/m
        for _ in range(2):
            with pytest.raises(UnitError, match="dose"):
                parse_quantity(f"5 {text}" if text else "5", where="dose")
    units._KEPT.save()
    assert not (folder / "units").exists()
