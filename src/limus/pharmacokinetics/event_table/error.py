"""One error for a whole event table: every finding of it, not the first alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import FileReadError

__all__ = ["EventTableError", "raise_together"]

_MOST_SHOWN = 50


class EventTableError(FileReadError):
    """An event table contradicts itself or cannot be read; ``findings`` holds all that was found, warnings too.

    Parameters
    ----------
    source : str
        File, or "arrays".
    findings : tuple of Finding
        At least one of severity ``error``.
    """

    def __init__(self, source: str, findings: tuple[Finding, ...]) -> None:
        self.source = source
        self.findings = findings
        self.errors = tuple(finding for finding in findings if finding.severity is Severity.ERROR)
        first = self.errors[0]
        count = f" ({len(self.errors)} errors; the first)" if len(self.errors) > 1 else ""
        super().__init__(f"{first.where} [{first.check}]{count}", first.got, first.allowed, first.do)

    @property
    def message(self) -> str:
        """Every error on a line of its own."""
        if len(self.errors) == 1:
            return super().message
        lines = [finding.message for finding in self.errors[:_MOST_SHOWN]]
        hidden = len(self.errors) - len(lines)
        return "\n".join(
            [f"{self.source}: {len(self.errors)} errors", *lines, *([f"and {hidden} more"] if hidden else [])]
        )

    def as_dict(self) -> dict[str, Any]:
        """The content of ``error`` in the JSON of a failure, with the list of ``findings``."""
        return {**super().as_dict(), "findings": [finding.as_dict() for finding in self.findings]}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by source and findings."""
        return type(self), (self.source, self.findings)


def raise_together(source: str, findings: Iterable[Finding]) -> None:
    """Raise one error with everything that was found, if any of it is an error.

    Parameters
    ----------
    source : str
        File, or "arrays".
    findings : iterable of Finding
        What the checks found so far.

    Raises
    ------
    EventTableError
        At least one finding is an error.
    """
    found = tuple(findings)
    if any(finding.severity is Severity.ERROR for finding in found):
        raise EventTableError(source, found)
