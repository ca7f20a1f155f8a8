"""Background drugs that the hazards know, with the names under which protocols write them."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from pydantic import Field

from limus.kernel.errors import UnknownNameError, near_names
from limus.kernel.tables import Entry, library_folder, read_toml

__all__ = ["DEPLETING", "INDUCTION", "STEROIDS", "background_name", "background_names"]

STEROIDS = "steroids"
INDUCTION = "induction"
DEPLETING = "depleting induction"


class _Drug(Entry):
    name: str
    also: list[str] = Field(default_factory=list)


class _File(Entry):
    limus_background: Literal[1]
    title: str
    drug: list[_Drug]


@lru_cache(maxsize=1)
def _drugs() -> dict[str, tuple[str, ...]]:
    read = read_toml(library_folder() / "titration" / "background.toml", _File)
    return {drug.name: tuple(drug.also) for drug in read.drug}


def background_names() -> tuple[str, ...]:
    """Return the names of the background drugs that the hazards know."""
    return tuple(_drugs())


def background_name(given: str, where: str) -> str:
    """Return the library's name of a background drug.

    Parameters
    ----------
    given : str
        A name or a synonym of the library, without regard to case.
    where : str
        Named in the error.

    Returns
    -------
    str

    Raises
    ------
    UnknownNameError
        A drug that changes no hazard, so that it must not be taken for one that does.
    """
    folded = given.strip().casefold()
    for name, also in _drugs().items():
        if folded in {name, *(other.casefold() for other in also)}:
            return name
    known = {other: name for name, also in _drugs().items() for other in (name, *also)}
    near = near_names(given, known)
    guess = f"did you mean {near[0]}? " if near else ""
    do = f"{guess}a drug that no hazard knows cannot be simulated; one with a level belongs to arms.drugs"
    raise UnknownNameError(where, given, ", ".join(_drugs()), do)
