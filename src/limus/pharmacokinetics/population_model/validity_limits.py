"""Where a population model may be used: limits on its covariates, and on what its equations do not use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from limus.kernel.provenance import Kind

__all__ = ["Covariate", "Limit", "limits_in_words"]


@dataclass(frozen=True, slots=True)
class Covariate:
    """What the equations need to know of a subject.

    Attributes
    ----------
    name, unit, meaning : str
    lower, upper : float
        Validity limits in ``unit``, both allowed; infinite where open.
    codes : mapping of float to str
        For a coded covariate, what each code stands for; else empty.
    kind : Kind
        Where the limits come from.
    source : tuple of str
    note : str
    default : float or None
        Used where the value is missing, only because the authors did so; None refuses.
    default_reason : str
    carry : str
        Between records: ``next_observation_backward`` (NONMEM's habit) or ``last_observation_forward``.
    columns : tuple of str
        Other names of a table's column that hold it in the same unit and coding.
    """

    name: str
    unit: str
    meaning: str
    lower: float
    upper: float
    codes: Mapping[float, str]
    kind: Kind
    source: tuple[str, ...]
    note: str
    default: float | None
    default_reason: str
    carry: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A validity limit on something that the equations do not use, such as age or the organ.

    Attributes
    ----------
    name, meaning : str
        ``name`` is what an override names.
    unit : str
        Of numbers; '' for words.
    lower, upper : float
        Infinite where open.
    allowed : tuple of str
        The words that are allowed; empty for numbers.
    columns : tuple of str
        Names of a table's column that hold it.
    kind : Kind
    source : tuple of str
    note : str
    """

    name: str
    meaning: str
    unit: str
    lower: float
    upper: float
    allowed: tuple[str, ...]
    columns: tuple[str, ...]
    kind: Kind
    source: tuple[str, ...]
    note: str


def limits_in_words(entry: Covariate | Limit) -> str:
    """Write the limits of a covariate, or of something else, as a reader sees them.

    Parameters
    ----------
    entry : Covariate or Limit

    Returns
    -------
    str
        Such as ``20.9 to 46.6 percent``, or the codes with their meaning.
    """
    if isinstance(entry, Covariate) and entry.codes:
        return "; ".join(f"{code:g} = {meaning}" for code, meaning in entry.codes.items())
    if isinstance(entry, Limit) and entry.allowed:
        return " or ".join(entry.allowed)
    unit = {"dimensionless": ""}.get(entry.unit, entry.unit)
    if math.isinf(entry.upper):
        return f"{entry.lower:g} {unit} or more".replace("  ", " ")
    if math.isinf(entry.lower):
        return f"{entry.upper:g} {unit} or less".replace("  ", " ")
    return f"{entry.lower:g} to {entry.upper:g} {unit}".rstrip()
