"""A number as it is printed: its value, and the range of values that round to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["NUMBER", "Printed", "read_printed"]

NUMBER = r"[-+\N{MINUS SIGN}]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)?(?:(?<=\d)|(?=\.\d))(?:\.\d+)?(?:[eE][-+]?\d+)?"
_WHOLE = re.compile(
    rf"(?P<relation>[<>~=\N{{LESS-THAN OR EQUAL TO}}\N{{GREATER-THAN OR EQUAL TO}}]?)\s*(?P<number>{NUMBER})\s*%?"
)
_BETWEEN_THOUSANDS = re.compile(r"(?<=\d)[ '\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}](?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class Printed:
    """A printed number.

    Attributes
    ----------
    text : str
        As it stands.
    value : float
    place : float
        One unit of the last printed place: 0.1 for 48.2.
    relation : str
        ``<`` or ``>`` for a bound, ``~`` for about, or nothing.
    """

    text: str
    value: float
    place: float
    relation: str = ""

    @property
    def lowest(self) -> float:
        """The least value that rounds to it."""
        return self.value - self.place / 2

    @property
    def highest(self) -> float:
        """The greatest value that rounds to it."""
        return self.value + self.place / 2

    def agrees(self, value: float, *, places: float = 0.5) -> bool:
        """Say whether a value rounds to what is printed; halves may go either way.

        Parameters
        ----------
        value : float
        places : float
            How far it may lie, in units of the last place.

        Returns
        -------
        bool
        """
        return abs(value - self.value) <= places * self.place * (1 + 1e-9) + 1e-12

    def coarser(self) -> Printed | None:
        """Return the number as a whole one if its only decimals are zeros that a spreadsheet may have put there."""
        if re.search(r"\.0+%?$", self.text.strip()) and self.place < 1:
            return Printed(self.text, self.value, 1.0, self.relation)
        return None


def read_printed(text: str) -> Printed | None:
    """Read a printed number.

    Parameters
    ----------
    text : str
        Such as ``48.2``, ``1,022``, ``<0.001``, ``~30``, ``83%``.

    Returns
    -------
    Printed or None
        None where the text is no single number.

    Examples
    --------
    >>> found = read_printed("48.2 %")
    >>> found.value, found.place
    (48.2, 0.1)
    """
    match = _WHOLE.fullmatch(_BETWEEN_THOUSANDS.sub("", text.strip()))
    if match is None or not match["number"]:
        return None
    number = match["number"].replace(",", "").replace("\N{MINUS SIGN}", "-")
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    place = 10.0 ** (int(exponent or 0) - decimals)
    relation = match["relation"].replace("\N{LESS-THAN OR EQUAL TO}", "<").replace("\N{GREATER-THAN OR EQUAL TO}", ">")
    return Printed(text.strip(), float(number), place, "" if relation == "=" else relation)
