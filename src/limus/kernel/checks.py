"""Checks as small named objects, shared by API, command line and web page.

A check looks at one thing and returns findings. A list of checks is run with :func:`run_checks`; whoever called
decides what to do with an ``error`` (usually :func:`raise_on_errors`) and shows the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from limus.kernel.errors import InputError

__all__ = ["Check", "Finding", "Severity", "raise_on_errors", "run_checks"]

Subject = TypeVar("Subject")


class Severity(StrEnum):
    """How bad a finding is: an ``error`` stops the work, a ``warning`` is shown, a ``note`` informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    check : str
        Name of the check.
    severity : Severity
        How bad it is.
    where, got, allowed, do : str
        Place, what stands there, what would be accepted, what to do.
    """

    check: str
    severity: Severity
    where: str
    got: str = ""
    allowed: str = ""
    do: str = ""

    @property
    def message(self) -> str:
        """The finding as one line of text."""
        parts = [f"{self.severity} [{self.check}] {self.where}"]
        parts += [f"{name}: {text}" for name in ("got", "allowed", "do") if (text := getattr(self, name))]
        return "; ".join(parts)

    def as_dict(self) -> dict[str, str]:
        """The finding as a JSON object."""
        return {name: str(getattr(self, name)) for name in ("check", "severity", "where", "got", "allowed", "do")}


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject]):
    """A named question about a subject; ``ask`` yields a finding for each thing that is wrong.

    Attributes
    ----------
    name : str
        Short name, words joined by hyphens.
    sentence : str
        What holds when the check is silent.
    ask : callable
        Takes the subject, returns findings.
    """

    name: str
    sentence: str
    ask: Callable[[Subject], Iterable[Finding]]


def run_checks(subject: Subject, checks: Sequence[Check[Subject]]) -> tuple[Finding, ...]:
    """Run every check on the subject and return all findings, in the order of the checks.

    Parameters
    ----------
    subject
        Whatever the checks look at.
    checks : sequence of Check
        The list to run.

    Returns
    -------
    tuple of Finding
    """
    return tuple(finding for check in checks for finding in check.ask(subject))


def raise_on_errors(findings: Iterable[Finding], error: type[InputError] = InputError) -> None:
    """Raise the first finding of severity ``error``; mention how many more there are.

    Parameters
    ----------
    findings : iterable of Finding
        What the checks found.
    error : type
        The class to raise.

    Raises
    ------
    InputError
        If any finding is an error.
    """
    bad = [finding for finding in findings if finding.severity is Severity.ERROR]
    if bad:
        first = bad[0]
        more = f" ({len(bad) - 1} more errors)" if len(bad) > 1 else ""
        raise error(f"{first.where} [{first.check}]{more}", first.got, first.allowed, first.do)
