"""Numbers in keywords: whole or decimal, spaces around, and an error that names the keyword."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from limus.kernel.errors import FileReadError

__all__ = ["Keywords"]

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}(\.0*)?")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Keywords:
    """Keywords of a data set, read as numbers.

    Attributes
    ----------
    pairs : mapping of str to str
        Keywords in capitals.
    where : str
        File and segment, named in errors.
    """

    pairs: Mapping[str, str]
    where: str

    def text(self, name: str) -> str:
        """Return a value without spaces around, empty where the keyword is missing."""
        return self.pairs.get(name, "").strip()

    def whole(self, name: str) -> int | None:
        """Return a whole number, None where the keyword is missing or empty.

        Raises
        ------
        FileReadError
            The value is no whole number.
        """
        text = self.text(name)
        if not text:
            return None
        if _WHOLE.fullmatch(text) is None:
            raise FileReadError(f"{self.where}, {name}", text, "a whole number", "the file is damaged")
        return int(text.partition(".")[0])

    def required(self, name: str) -> int:
        """Return a whole number, 0 or above, that must be there.

        Raises
        ------
        FileReadError
            The keyword is missing, or the value is no such number.
        """
        value = self.whole(name)
        if value is None or value < 0:
            got = "missing" if value is None else value
            raise FileReadError(f"{self.where}, {name}", got, "a whole number, 0 or above", "the file is damaged")
        return value

    def decimal(self, name: str) -> float | None:
        """Return a finite number, None where the keyword is missing or no number."""
        text = self.text(name)
        if _DECIMAL.fullmatch(text) is None:
            return None
        value = float(text)
        return value if math.isfinite(value) else None
