"""Doses that can be made up of capsules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from limus.kernel.errors import ValueRangeError

__all__ = ["capsules_in_words", "makeable_doses", "round_to_strengths"]


def makeable_doses(strengths_mg: Sequence[float], most_mg: float) -> tuple[float, ...]:
    """List every dose that capsules of some strengths make up, from the smallest to a limit.

    Parameters
    ----------
    strengths_mg : sequence of float
        Above 0.
    most_mg : float

    Returns
    -------
    tuple of float
        mg, rising; empty where the smallest capsule is above the limit.

    Raises
    ------
    ValueRangeError
        No strength, or one that is not above 0.

    Examples
    --------
    >>> makeable_doses([0.5, 1, 5], 2.0)
    (0.5, 1.0, 1.5, 2.0)
    """
    units = _units(strengths_mg)
    step = Fraction(
        math.gcd(*[unit.numerator * (_common(units) // unit.denominator) for unit in units]), _common(units)
    )
    wanted = math.floor(Fraction(most_mg).limit_denominator(10**6) / step)
    counts = [round(unit / step) for unit in units]
    made = [False] * (wanted + 1)
    made[0] = True
    for total in range(1, wanted + 1):
        made[total] = any(total >= count and made[total - count] for count in counts)
    return tuple(float(total * step) for total in range(1, wanted + 1) if made[total])


def _units(strengths_mg: Sequence[float]) -> list[Fraction]:
    if not strengths_mg or min(strengths_mg) <= 0:
        raise ValueRangeError("strengths", list(strengths_mg), "one or more above 0 mg", "correct them")
    return [Fraction(strength).limit_denominator(10**6) for strength in strengths_mg]


def _common(units: Sequence[Fraction]) -> int:
    return math.lcm(*[unit.denominator for unit in units])


def round_to_strengths(dose_mg: float, strengths_mg: Sequence[float], *, most_mg: float = math.inf) -> float:
    """Round a dose to the nearest that capsules make up, down where two are as near.

    Parameters
    ----------
    dose_mg : float
    strengths_mg : sequence of float
    most_mg : float
        Limit that is not exceeded.

    Returns
    -------
    float
        The smallest capsule where the limit is below it.

    Raises
    ------
    ValueRangeError
        No strength, or one that is not above 0.

    Examples
    --------
    >>> round_to_strengths(3.3, [0.5, 1, 5])
    3.5
    """
    doses = makeable_doses(strengths_mg, min(most_mg, dose_mg + max(strengths_mg)))
    return min(doses, key=lambda dose: (abs(dose - dose_mg), dose), default=float(min(strengths_mg)))


def capsules_in_words(dose_mg: float, strengths_mg: Sequence[float]) -> str:
    """Say which capsules make up a dose, as few as possible.

    Parameters
    ----------
    dose_mg : float
    strengths_mg : sequence of float

    Returns
    -------
    str
        Such as ``1 x 5 mg + 2 x 1 mg``; empty where none do.

    Raises
    ------
    ValueRangeError
        No strength, or one that is not above 0.

    Examples
    --------
    >>> capsules_in_words(7.5, [0.5, 1, 5])
    '1 x 5 mg + 2 x 1 mg + 1 x 0.5 mg'
    """
    units = _units(strengths_mg)
    scale = _common(units)
    sizes = [unit.numerator * (scale // unit.denominator) for unit in units]
    total = round(dose_mg * scale)
    fewest: list[tuple[int, int] | None] = [(0, 0)] + [None] * total
    for amount in range(1, total + 1):
        options = [
            (before[0] + 1, size) for size in sizes if size <= amount and (before := fewest[amount - size]) is not None
        ]
        fewest[amount] = min(options, default=None)
    counts: dict[int, int] = {}
    while total > 0:
        step = fewest[total]
        if step is None:
            return ""
        counts[step[1]] = counts.get(step[1], 0) + 1
        total -= step[1]
    return " + ".join(f"{counts[size]} x {size / scale:g} mg" for size in sorted(counts, reverse=True))
