"""What a table or a text reports, in the form that the checks look at: arms, contrasts, rows and references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from limus.evidence.consistency.printed import Printed

__all__ = ["Arm", "Contrast", "Reported", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table as it stands: number from 1 (or line), the text of each cell, and how many cells it has."""

    number: int
    where: str
    cells: Mapping[str, str]
    width: int


@dataclass(frozen=True, slots=True)
class Arm:
    """What is reported of one arm.

    Attributes
    ----------
    where : str
        For messages.
    n, events : Printed or None
    percent : Printed or None
        0 to 100.
    mean, sd : Printed or None
    low, high : Printed or None
        Interval of the percentage, where one is printed.
    whole_numbers : bool
        Whether what was averaged is known to be whole numbers.
    items : int
        Of a score that is an average of items; 1 otherwise.
    """

    where: str
    n: Printed | None = None
    events: Printed | None = None
    percent: Printed | None = None
    mean: Printed | None = None
    sd: Printed | None = None
    low: Printed | None = None
    high: Printed | None = None
    whole_numbers: bool = False
    items: int = 1


@dataclass(frozen=True, slots=True)
class Contrast:
    """An effect of arm 1 against arm 2 as printed.

    Attributes
    ----------
    where : str
        For messages.
    measure : str
        RR, OR, RD, HR, MD, SMD, or '' where it is not said.
    estimate, low, high, p : Printed or None
        Differences of proportions in percentage points.
    arms : tuple of Arm
        The two arms, or none.
    level_percent : float
        Of the interval.
    percent : bool
        Whether a difference is printed in percentage points, or else as a fraction.
    study, group : str
        The study, and what its studies share (outcome, time, treatments), where a table says.
    kind : str
        What the row says of its analysis, such as Kaplan-Meier; shown with a verdict.
    """

    where: str
    measure: str
    estimate: Printed | None = None
    low: Printed | None = None
    high: Printed | None = None
    p: Printed | None = None
    arms: tuple[Arm, ...] = ()
    level_percent: float = 95.0
    percent: bool = True
    kind: str = ""
    study: str = ""
    group: str = ""

    @property
    def is_ratio(self) -> bool:
        """Whether it is a ratio."""
        return self.measure in ("RR", "OR", "HR")

    @property
    def null(self) -> float:
        """The value of no difference."""
        return 1.0 if self.is_ratio else 0.0

    @property
    def said(self) -> str:
        """The contrast as it is printed."""
        text = f"{self.measure} {self.estimate.text if self.estimate else '?'}".strip()
        if self.low and self.high:
            text += f" ({self.low.text} to {self.high.text})"
        return text + (f", p {self.p.text}" if self.p else "")


@dataclass(frozen=True, slots=True)
class Reported:
    """Everything that the checks look at.

    Attributes
    ----------
    name : str
        File.
    header : tuple of str
        Columns; empty for a text.
    rows : tuple of Row
    arms : tuple of Arm
    contrasts : tuple of Contrast
    references : tuple of (str, str)
        Place and text of each entry of a list of references.
    unread : tuple of (str, str, str)
        Place, column and text of each cell of a column of numbers that holds none.
    """

    name: str
    header: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    arms: tuple[Arm, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    unread: tuple[tuple[str, str, str], ...] = ()
