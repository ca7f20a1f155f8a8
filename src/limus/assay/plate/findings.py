"""Findings in one line, for the checks of plates and assays."""

from __future__ import annotations

from limus.kernel.checks import Finding, Severity

__all__ = ["error", "note", "warning"]


def error(check: str, where: str, got: str, allowed: str = "", do: str = "") -> Finding:
    """Return a finding that stops the work; fields as in :class:`~limus.kernel.checks.Finding`."""
    return Finding(check, Severity.ERROR, where, got, allowed, do)


def warning(check: str, where: str, got: str, allowed: str = "", do: str = "") -> Finding:
    """Return a finding that is shown; fields as in :class:`~limus.kernel.checks.Finding`."""
    return Finding(check, Severity.WARNING, where, got, allowed, do)


def note(check: str, where: str, got: str, allowed: str = "", do: str = "") -> Finding:
    """Return a finding that informs; fields as in :class:`~limus.kernel.checks.Finding`."""
    return Finding(check, Severity.NOTE, where, got, allowed, do)
