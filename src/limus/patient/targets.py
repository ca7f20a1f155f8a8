"""What a dose should reach: a range of troughs or of the area under the level."""

from __future__ import annotations

import re
from dataclasses import dataclass

from limus.kernel.errors import ValueRangeError

__all__ = ["Target", "parse_target"]

_ALLOWED = "trough:5-10 or auc:150-250, in the model's unit of DV (and h)"


@dataclass(frozen=True, slots=True)
class Target:
    """A range.

    Attributes
    ----------
    measure : str
        ``trough`` or ``auc`` (over one dosing interval).
    lower, upper : float
        Both belong to it; in the unit of DV, or that times h.
    """

    measure: str
    lower: float
    upper: float

    @property
    def middle(self) -> float:
        """The middle of the range."""
        return 0.5 * (self.lower + self.upper)


def parse_target(text: str) -> Target:
    """Read a target.

    Parameters
    ----------
    text : str

    Returns
    -------
    Target

    Raises
    ------
    ValueRangeError
        Another form, or limits that do not rise.

    Examples
    --------
    >>> parse_target("trough:5-10")
    Target(measure='trough', lower=5.0, upper=10.0)
    """
    match = re.fullmatch(r"\s*(trough|auc)\s*:\s*(\d*\.?\d+)\s*[-:]\s*(\d*\.?\d+)\s*", text.lower())
    if match is None:
        raise ValueRangeError("--target", text, _ALLOWED, "write it so")
    lower, upper = float(match[2]), float(match[3])
    if not lower < upper:
        raise ValueRangeError("--target", text, f"a lower limit below the upper; {_ALLOWED}", "give two rising numbers")
    return Target(match[1], lower, upper)
