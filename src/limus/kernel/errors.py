"""The error tree of limus.

::

    LimusError
    ├── InputError                 exit 2   something the user gave is wrong
    │   ├── UnknownNameError                a name that is not in the library
    │   ├── UnitError                       a unit is missing, unknown or of the wrong dimension
    │   ├── ValueRangeError                 a value outside what is allowed
    │   ├── FileReadError                   a file that cannot be read or has the wrong content
    │   ├── OutputError                     a folder that cannot be written, or holds another request
    │   ├── ModelError                      a model text that is wrong
    │   └── UnsupportedFeatureError         a correct model that uses what limus does not support
    ├── RefusedError               exit 3   refused on purpose: outside a validity domain, without an override
    ├── NothingSucceededError      exit 1   every row of the work failed
    │   └── SolveError                      a simulation failed
    └── CancelledError             exit 130 the user interrupted; finished parts are kept

Each error says four things: where it happened, what came, what is allowed and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CancelledError",
    "FileReadError",
    "InputError",
    "LimusError",
    "ModelError",
    "NothingSucceededError",
    "OutputError",
    "RefusedError",
    "SolveError",
    "UnitError",
    "UnknownNameError",
    "UnsupportedFeatureError",
    "ValueRangeError",
    "near_names",
]


class LimusError(Exception):
    """The root of every error that limus raises on purpose.

    Parameters
    ----------
    where : str
        Place: file and line, option, column, parameter or function.
    got : object
        The offending value, with its unit if it has one.
    allowed : str
        What would have been accepted.
    do : str
        What the reader can do next.
    """

    exit_status: int = 4

    def __init__(self, where: str, got: object = "", allowed: str = "", do: str = "") -> None:
        self.where = where
        self.got = str(got)
        self.allowed = allowed
        self.do = do
        super().__init__(self.message)

    @property
    def kind(self) -> str:
        """The class name, as it stands in the JSON of a failure."""
        return type(self).__name__

    @property
    def message(self) -> str:
        """One paragraph: where, what came, what is allowed, what to do."""
        parts = [f"{self.where}: got {self.got!r}" if self.got else self.where]
        if self.allowed:
            parts.append(f"allowed: {self.allowed}")
        if self.do:
            parts.append(f"do: {self.do}")
        return "; ".join(parts)

    def as_dict(self) -> dict[str, str]:
        """The content of ``error`` in the JSON that a failing command prints."""
        return {"kind": self.kind, "where": self.where, "got": self.got, "allowed": self.allowed, "do": self.do}

    def __reduce__(self) -> tuple[type[LimusError], tuple[str, str, str, str]]:
        """Pickle by the four parts, so that an error survives the way back from a worker process."""
        return type(self), (self.where, self.got, self.allowed, self.do)


class InputError(LimusError):
    """Something the user gave is wrong."""

    exit_status = 2


class UnknownNameError(InputError):
    """A name that is not in the library; the message lists the nearest ones, nothing is substituted."""


class UnitError(InputError):
    """A unit is missing, unknown or of the wrong dimension."""


class ValueRangeError(InputError):
    """A value lies outside what is allowed."""


class FileReadError(InputError):
    """A file cannot be read or has the wrong content."""


class OutputError(InputError):
    """An output folder cannot be written, or holds the result of another request."""


class ModelError(InputError):
    """A model text is wrong."""


class UnsupportedFeatureError(InputError):
    """A correct model uses something that limus does not support."""


class RefusedError(LimusError):
    """Refused on purpose, because the request lies outside a validity domain and no override was named."""

    exit_status = 3


class NothingSucceededError(LimusError):
    """Every row of the work failed."""

    exit_status = 1


class SolveError(NothingSucceededError):
    """A simulation failed; the message names the time and the reason."""


class CancelledError(LimusError):
    """The user interrupted the run; finished parts are kept."""

    exit_status = 130


def near_names(name: str, known: Iterable[str], *, most: int = 3) -> tuple[str, ...]:
    """Return the known names nearest to ``name``, best first.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : iterable of str
        The names that exist.
    most : int
        How many to return at most.

    Returns
    -------
    tuple of str
        Possibly empty.

    Examples
    --------
    >>> near_names("tacrolimos", ["tacrolimus", "sirolimus", "ciclosporin"])[0]
    'tacrolimus'
    """
    by_folded: dict[str, list[str]] = {}
    for candidate in dict.fromkeys(known):
        by_folded.setdefault(candidate.casefold(), []).append(candidate)
    found = difflib.get_close_matches(name.casefold(), list(by_folded), n=most, cutoff=0.5) if most > 0 else []
    return tuple(candidate for key in found for candidate in by_folded[key])[:most]
