"""One colour and one line style for each drug, everywhere; read from ``library/constants/drug_styles.toml``."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

__all__ = ["DrugStyle", "drug_style", "known_styles", "mix_with_white"]

_NEUTRAL_COLOURS = ("#4D4D4D", "#737373", "#949494")
_NEUTRAL_DASHES: tuple[tuple[float, ...], ...] = ((3, 1), (7, 2, 1, 2), (2, 2), (9, 3))
_NEUTRAL_MARKERS = ("h", "8", "d", "*")


@dataclass(frozen=True, slots=True)
class DrugStyle:
    """How a drug is drawn.

    Attributes
    ----------
    name : str
        Name as in the file, or as asked for.
    colour : str
        ``#RRGGBB``.
    dashes : tuple of float
        Stroke and gap lengths in line widths; empty for solid.
    marker : str
        A matplotlib marker.
    """

    name: str
    colour: str
    dashes: tuple[float, ...]
    marker: str

    @property
    def line(self) -> str | tuple[float, tuple[float, ...]]:
        """The line style as matplotlib takes it."""
        return (0, self.dashes) if self.dashes else "-"


@lru_cache(maxsize=1)
def known_styles() -> Mapping[str, DrugStyle]:
    """Return the styles of the file by drug name in lower case.

    Returns
    -------
    mapping of str to DrugStyle
    """
    path = resources.files("limus").joinpath("library/constants/drug_styles.toml")
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["drug"]
    styles = {
        entry["name"].casefold(): DrugStyle(entry["name"], entry["colour"], tuple(entry["dashes"]), entry["marker"])
        for entry in entries
    }
    return MappingProxyType(styles)


def drug_style(name: str) -> DrugStyle:
    """Return the style of a drug; an unknown name gets a grey one that depends on the name alone.

    Parameters
    ----------
    name : str
        Drug name; case does not matter.

    Returns
    -------
    DrugStyle

    Examples
    --------
    >>> drug_style("tacrolimus").colour
    '#0072B2'
    """
    known = known_styles().get(name.casefold())
    if known is not None:
        return known
    digest = hashlib.sha256(name.casefold().encode()).digest()
    return DrugStyle(
        name,
        _NEUTRAL_COLOURS[digest[0] % len(_NEUTRAL_COLOURS)],
        _NEUTRAL_DASHES[digest[1] % len(_NEUTRAL_DASHES)],
        _NEUTRAL_MARKERS[digest[2] % len(_NEUTRAL_MARKERS)],
    )


def mix_with_white(colour: str, share: float) -> str:
    """Return a paler colour.

    Parameters
    ----------
    colour : str
        ``#RRGGBB``.
    share : float
        Share of the colour, 0 (white) to 1 (unchanged).

    Returns
    -------
    str
        ``#RRGGBB``.

    Examples
    --------
    >>> mix_with_white("#000000", 0.5)
    '#808080'
    """
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * share):02x}" for part in parts)
