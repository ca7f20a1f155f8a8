"""Units at the edges: text such as ``10 ng/mL`` in, plain float64 in canonical units inside.

Canonical units are nM (concentration), h (time), L (volume), mg (dose) and nmol (amount). Converting between a mass
and an amount of substance needs a molar mass; without one it is an error, never a guess.

Pint knows the units. What it said of a unit or of a pair of units is kept in the cache on disk, for importing it and
building its registry costs about 0.25 s; what it says of the library's own units is shipped (``unit_facts.toml``).
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limus.kernel.cache import KeptTable, hash_sources, key_of, package_stamp
from limus.kernel.errors import UnitError, ValueRangeError

if TYPE_CHECKING:
    import pint

__all__ = ["CANONICAL_UNITS", "canonical_unit", "convert", "dimension", "parse_quantity", "same_dimension"]

CANONICAL_UNITS: dict[str, str] = {
    "concentration": "nM",
    "time": "h",
    "volume": "L",
    "mass": "mg",
    "amount": "nmol",
}

_NUMBER = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)$")


_PER_AMOUNT = {"[mass]": 1.0, "[substance]": -1.0}
_Powers = Mapping[str, float]


def _table_name() -> str:
    return f"{key_of(hash_sources(Path(__file__).parent), package_stamp('pint'))}.json"


def _shipped() -> Mapping[str, Any]:
    """Facts of the units of the library's models, as pint has them."""
    path = Path(__file__).parents[1] / "library" / "constants" / "unit_facts.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


_KEPT = KeptTable("units", _table_name, _shipped)


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[float]:
    """Build the registry once, and only when a unit is met of which nothing is kept."""
    import pint  # noqa: PLC0415

    registry: pint.UnitRegistry[float] = pint.UnitRegistry(autoconvert_offset_to_baseunit=False)
    registry.define("cells = []")
    return registry


def _clean(text: str) -> str:
    return text.strip().replace("µ", "u").replace("μ", "u")


def _ask_pint(text: str, where: str) -> tuple[pint.Unit, Mapping[str, Any]]:
    """Unit and dimensions as pint has them."""
    cleaned = _clean(text)
    if not cleaned:
        raise UnitError(where, text or "no unit", "a unit such as nM, ng/mL, mg, h", "write the unit after the number")
    try:
        if "//" in cleaned:  # pint reads it as a division
            raise ValueError(cleaned)
        unit = _registry().parse_units(cleaned)
        return unit, unit.dimensionality
    except Exception:  # whatever pint's parser raises (tokenize errors, assertions, ...), it is the text that is wrong
        raise UnitError(
            where, text, "a unit such as nM, ng/mL, ug/L, mg, h", "check the spelling of the unit"
        ) from None


def _powers(text: str, where: str) -> _Powers:
    """Dimensions of a unit with their powers, in pint's order."""

    def ask() -> dict[str, float]:
        return {name: _power(power) for name, power in _ask_pint(text, where)[1].items()}

    found: dict[str, float] = _KEPT.get(f"powers of {_clean(text)}", ask)
    return found


def parse_quantity(text: str, *, where: str = "quantity", default_unit: str | None = None) -> tuple[float, str]:
    """Split ``'10 ng/mL'`` into a number and a unit.

    Parameters
    ----------
    text : str
        Number, then unit, with or without a space between.
    where : str
        Named in the error.
    default_unit : str, optional
        Unit of a bare number; without it a bare number is an error.

    Returns
    -------
    tuple of (float, str)
        Value and unit as written.

    Raises
    ------
    UnitError
        No unit, or an unknown one.
    ValueRangeError
        The text does not start with a finite number.

    Examples
    --------
    >>> parse_quantity("10 ng/mL")
    (10.0, 'ng/mL')
    """
    match = _NUMBER.match(text)
    if match is None:
        raise ValueRangeError(where, text, "a number followed by a unit, such as '10 ng/mL'", "give a number first")
    value, unit = float(match[1]), match[2].strip()
    if not math.isfinite(value):
        raise ValueRangeError(where, text, "a finite number", "correct the value")
    if not unit:
        if default_unit is None:
            raise UnitError(where, text, "a number with its unit, such as '10 ng/mL'", "write the unit")
        unit = default_unit
    _powers(unit, where)
    return value, unit


def dimension(unit: str, *, where: str = "unit") -> str:
    """Return the dimensionality of a unit as text, such as ``[substance] / [length] ** 3``.

    Parameters
    ----------
    unit : str
        Any unit that the registry knows.
    where : str
        Named in the error.

    Returns
    -------
    str

    Raises
    ------
    UnitError
        Unknown unit.
    """

    def ask() -> str:
        powers: Any = _ask_pint(unit, where)[1]
        # one text for one dimension, whatever the order in which the unit was written
        ordered = sorted(powers.items(), key=lambda item: (_power(item[1]) < 0, item[0]))
        return str(type(powers)(dict(ordered)))

    return str(_KEPT.get(f"dimension of {_clean(unit)}", ask))


def _power(power: Any) -> float:
    """Pint types the power of a dimension as any number; it is a plain one here."""
    return float(power)


def canonical_unit(unit: str, *, where: str = "unit") -> str:
    """Return the canonical unit of the same dimension: nM, h, L, mg, nmol and their products.

    Parameters
    ----------
    unit : str
        Any unit of substance, volume, time and mass, such as ``1/(M*s)``.
    where : str
        Named in the error.

    Returns
    -------
    str
        Such as ``nM**-1*h**-1``; ``dimensionless`` for a pure number.

    Raises
    ------
    UnitError
        Unknown unit, or one of another dimension (temperature, current, ...).

    Examples
    --------
    >>> canonical_unit("1/(M*s)")
    'nM**-1*h**-1'
    """
    powers = dict(_powers(unit, where))
    substance, length = powers.pop("[substance]", 0), powers.pop("[length]", 0)
    parts = {"h": powers.pop("[time]", 0), "mg": powers.pop("[mass]", 0)}
    if powers or length % 3:
        raise UnitError(where, unit, "a unit of substance, volume, time or mass", "check the unit")
    if substance and length == -3 * substance:
        parts = {"nM": substance} | parts
    else:
        parts = {"nmol": substance, "L": length / 3} | parts
    written = [name if power == 1 else f"{name}**{power:g}" for name, power in parts.items() if power]
    return "*".join(written) or "dimensionless"


def same_dimension(unit: str, other: str) -> bool:
    """Tell whether two units measure the same thing.

    Parameters
    ----------
    unit, other : str
        Units.

    Returns
    -------
    bool

    Raises
    ------
    UnitError
        Unknown unit.
    """
    return _powers(unit, "unit") == _powers(other, "unit")


def convert(
    value: float, unit: str, to: str, *, molar_mass_g_per_mol: float | None = None, where: str = "conversion"
) -> float:
    """Convert a value from one unit to another, between mass and amount through the molar mass.

    Parameters
    ----------
    value : float
        Number in ``unit``.
    unit, to : str
        Units; ng/mL, nM, ug/L, mg/L, mol, ... Both concentrations (or both amounts), one of them possibly by mass.
    molar_mass_g_per_mol : float, optional
        Molar mass of the compound, g/mol, needed only between mass and amount.
    where : str
        Named in the error.

    Returns
    -------
    float
        The value in ``to``.

    Raises
    ------
    UnitError
        Unknown unit, different dimensions, or mass against amount without a molar mass.
    ValueRangeError
        The value is not finite in either unit, or the molar mass is not positive.

    Examples
    --------
    >>> round(convert(10.0, "ng/mL", "nM", molar_mass_g_per_mol=804.031), 4)
    12.4373
    """
    if not math.isfinite(value):
        raise ValueRangeError(where, value, "a finite number", "correct the value")
    source, target = _powers(unit, where), _powers(to, where)
    got = f"{value:g} {unit} in {to}"
    if source == target:
        return _finite(_scale(value, unit, to, "same"), got, where)
    by_mass = _ratio(source, target)
    if by_mass not in (_PER_AMOUNT, _ratio({}, _PER_AMOUNT)):
        raise UnitError(
            where,
            f"{unit} to {to}",
            f"a unit of the same kind as {to}",
            "check both units; they measure different things",
        )
    if molar_mass_g_per_mol is None:
        raise UnitError(
            where,
            f"{unit} to {to}",
            "a molar mass, because one is by mass and the other by amount of substance",
            "name the compound (its molar mass is in the library)",
        )
    if not (math.isfinite(molar_mass_g_per_mol) and molar_mass_g_per_mol > 0):
        raise ValueRangeError(where, molar_mass_g_per_mol, "a positive molar mass in g/mol", "correct the molar mass")
    if by_mass == _PER_AMOUNT:
        return _finite(_scale(value / molar_mass_g_per_mol, unit, to, "by amount"), got, where)
    return _finite(_scale(value * molar_mass_g_per_mol, unit, to, "by mass"), got, where)


def _ratio(above: _Powers, below: _Powers) -> dict[str, float]:
    powers = {name: above.get(name, 0.0) - below.get(name, 0.0) for name in (*above, *below)}
    return {name: power for name, power in powers.items() if power}


def _scale(value: float, unit: str, to: str, kind: str) -> float:
    """Change the unit of a number (``kind`` same), of one divided by g/mol (by amount) or multiplied by it (by mass).

    Pint multiplies by one factor, which is all that needs to be kept, unless a unit has an offset or a logarithm.
    """

    def change(number: float) -> float:
        quantity: Any = _registry().Quantity(number, _ask_pint(unit, "unit")[0])
        if kind != "same":
            molar = _registry().Quantity(1.0, "g/mol")
            quantity = quantity / molar if kind == "by amount" else quantity * molar
        return float(quantity.to(_ask_pint(to, "unit")[0]).magnitude)

    def factor() -> float | None:
        found = change(1.0)
        return found if change(1e-30) == 1e-30 * found else None

    found = _KEPT.get(f"{_clean(unit)} to {_clean(to)}, {kind}", factor)
    return change(value) if found is None else value * float(found)


def _finite(magnitude: float, got: str, where: str) -> float:
    """Refuse what overflows in the unit wanted."""
    if not math.isfinite(magnitude):
        raise ValueRangeError(where, got, "a number below 1.8e308 in both units", "choose a larger unit")
    return float(magnitude)
