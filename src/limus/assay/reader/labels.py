"""What a reader writes around a plate: its wavelength and time, found in words, never guessed from position alone."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

__all__ = ["find_time_h", "find_wavelength_nm", "time_factor_h"]

_THREE = r"([2-9][0-9]{2})"
_NUMBER = _THREE + r"(?![0-9.])"
_WAVELENGTHS = (
    re.compile(rf"(?<![0-9.]){_THREE}\s*nm\b", re.IGNORECASE),
    re.compile(rf"wavelengths?\b\D{{0,12}}{_NUMBER}", re.IGNORECASE),
    re.compile(rf"\b(?:OD|A|abs|absorbance)[\s_(]*{_NUMBER}", re.IGNORECASE),
    re.compile(rf"\bRaw Data\b\D{{0,3}}{_NUMBER}", re.IGNORECASE),
    re.compile(rf"(?:^|:)\s*{_NUMBER}\s*$"),
)
_SEVERAL = re.compile(r"(?:^|\s)((?:[2-9][0-9]{2}[ ,;]+)+[2-9][0-9]{2})(?=\s|$)")
_TIME = re.compile(r"^(?:(kinetic|elapsed|measurement|reading|cycle)\s+)?time\b[\s:=(\[]*(.*)$", re.IGNORECASE)
_VALUE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|sec|seconds?|min|minutes?|h|hr|hours?)\b", re.IGNORECASE)
_CLOCK = re.compile(r"\b([0-9]{1,3}):([0-9]{2}):([0-9]{2})\b")
_SECONDS = {"m": 60.0, "h": 3600.0, "s": 1.0}


def find_wavelength_nm(texts: Iterable[str], place: tuple[int, int] = (0, 1)) -> float:
    """Find the wavelength that the nearest text names.

    Parameters
    ----------
    texts : iterable of str
        Nearest first. A text that names several wavelengths decides only for as many plates side by side.
    place : tuple of (int, int)
        The how-manieth of how many plates side by side, from 0.

    Returns
    -------
    float
        nm; NaN where no text names exactly one.

    Examples
    --------
    >>> find_wavelength_nm(["Label: Label1", "Measurement wavelength 620 nm"])
    620.0
    """
    for text in texts:
        several = [list(map(float, re.findall(r"[0-9]+", match))) for match in _SEVERAL.findall(text)]
        if place[1] > 1 and any(len(row) == place[1] for row in several):
            return next(row for row in several if len(row) == place[1])[place[0]]
        found = {float(value) for pattern in _WAVELENGTHS for value in pattern.findall(text)}
        if len(found) == 1 and not several:
            return found.pop()
    return math.nan


def find_time_h(texts: Iterable[str]) -> float:
    """Find the time that the nearest text names behind the word *time*; a bare time of day does not count.

    Parameters
    ----------
    texts : iterable of str
        Nearest first.

    Returns
    -------
    float
        h; NaN where no text names one.

    Examples
    --------
    >>> find_time_h(["Time: 90 s"])
    0.025
    """
    for text in texts:
        match = _TIME.match(text.strip())
        if match is None:
            continue
        clock, value = _CLOCK.search(match[2]), _VALUE.search(match[2])
        if clock is not None and match[1]:
            return int(clock[1]) + int(clock[2]) / 60 + int(clock[3]) / 3600
        if value is not None:
            return float(value[1]) * time_factor_h(value[2])
    return math.nan


def time_factor_h(unit: str) -> float:
    """Return how many hours a unit of time is: ms, s, min or h, written in full or not.

    Parameters
    ----------
    unit : str

    Returns
    -------
    float
    """
    unit = unit.lower()
    return 0.001 / 3600 if unit == "ms" else _SECONDS[unit[0]] / 3600
