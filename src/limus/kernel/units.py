"""Units at the edges: text such as ``10 ng/mL`` in, plain float64 in canonical units inside.

Canonical units are nM (concentration), h (time), L (volume), mg (dose) and nmol (amount). Converting between a mass
and an amount of substance needs a molar mass; without one it is an error, never a guess.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

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


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[float]:
    """Build the registry once; importing pint costs about 0.4 s, so only when a unit is met."""
    import pint  # noqa: PLC0415

    registry: pint.UnitRegistry[float] = pint.UnitRegistry(autoconvert_offset_to_baseunit=False)
    registry.define("cells = []")
    return registry


def _parse_unit(text: str, where: str) -> pint.Unit:
    cleaned = text.strip().replace("µ", "u").replace("μ", "u")
    if not cleaned:
        raise UnitError(where, text or "no unit", "a unit such as nM, ng/mL, mg, h", "write the unit after the number")
    try:
        if "//" in cleaned:  # pint reads it as a division
            raise ValueError(cleaned)
        return _registry().parse_units(cleaned)
    except Exception:  # whatever pint's parser raises (tokenize errors, assertions, ...), it is the text that is wrong
        raise UnitError(
            where, text, "a unit such as nM, ng/mL, ug/L, mg, h", "check the spelling of the unit"
        ) from None


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
    _parse_unit(unit, where)
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
    powers = _parse_unit(unit, where).dimensionality
    # one text for one dimension, whatever the order in which the unit was written
    ordered = sorted(powers.items(), key=lambda item: (_power(item[1]) < 0, item[0]))
    return str(type(powers)(dict(ordered)))


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
    powers = {name: _power(power) for name, power in _parse_unit(unit, where).dimensionality.items()}
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
    return bool(_parse_unit(unit, "unit").dimensionality == _parse_unit(other, "unit").dimensionality)


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
    source, target = _parse_unit(unit, where), _parse_unit(to, where)
    if source.dimensionality == target.dimensionality:
        return _finite(_registry().Quantity(value, source).to(target).magnitude, f"{value:g} {unit} in {to}", where)
    by_mass = source.dimensionality / target.dimensionality
    mass_per_amount = _registry().parse_units("g/mol").dimensionality
    if by_mass not in (mass_per_amount, 1 / mass_per_amount):
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
    molar_mass = _registry().Quantity(molar_mass_g_per_mol, "g/mol")
    quantity = _registry().Quantity(value, source)
    scaled = quantity / molar_mass if by_mass == mass_per_amount else quantity * molar_mass
    return _finite(scaled.to(target).magnitude, f"{value:g} {unit} in {to}", where)


def _finite(magnitude: float, got: str, where: str) -> float:
    """Refuse what overflows in the unit wanted."""
    if not math.isfinite(magnitude):
        raise ValueRangeError(where, got, "a number below 1.8e308 in both units", "choose a larger unit")
    return float(magnitude)
