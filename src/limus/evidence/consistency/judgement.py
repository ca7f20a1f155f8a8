"""What a consistency check says of one row: a verdict, and what was recomputed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limus.evidence.consistency.reported import Reported

__all__ = ["Consistency", "ConsistencyCheck", "Judgement"]


class Consistency(StrEnum):
    """The verdicts of a check."""

    CONSISTENT = "consistent"
    IMPRECISE = "imprecise"  # holds only if fewer digits are taken as printed, or is one unit of the last place off
    INCONSISTENT = "inconsistent"
    NOT_WALD = "not Wald"  # an interval that is not symmetric on its scale, which other methods give
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on one row.

    Attributes
    ----------
    check : str
        Name of the check.
    row : str
        Where it stands: ``row 3, TRANSFORM, EVR+rCNI``, or ``line 62``.
    verdict : Consistency
    reason : str
        What was recomputed, and what is printed.
    """

    check: str
    row: str
    verdict: Consistency
    reason: str

    def as_dict(self) -> dict[str, str]:
        """The judgement as a JSON object."""
        return {"row": self.row, "check": self.check, "verdict": str(self.verdict), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class ConsistencyCheck:
    """A named question about what is reported.

    Attributes
    ----------
    name : str
        Short name, words joined by hyphens.
    sentence : str
        What holds when the verdict is ``consistent``.
    needs : str
        What must be printed for the check to judge anything.
    ask : callable
        Yields a judgement for each thing that it can judge, and ``not judged`` where it nearly can.
    """

    name: str
    sentence: str
    needs: str
    ask: Callable[[Reported], Iterable[Judgement]]
