"""A number with its source, and how directly it is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Directness", "Kind", "SourcedValue"]


class Kind(StrEnum):
    """How a library constant came to be.

    ``measured``: read in the named source. ``compiled``: a database or handbook entry, or computed from one.
    ``fitted``: adjusted by a calibration that anyone can re-run. ``assumed``: a choice or a recollection; no source
    has been read that supports it.
    """

    MEASURED = "measured"
    COMPILED = "compiled"
    FITTED = "fitted"
    ASSUMED = "assumed"


class Directness(StrEnum):
    """How directly a cell of a guide is known: ``measured``, ``inferred`` (from what is said) or ``simulated``."""

    MEASURED = "measured"
    INFERRED = "inferred"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class SourcedValue:
    """A number, or the text as printed, with unit, spread, kind and source.

    Attributes
    ----------
    value : float or None
        The number in ``unit``; None where the source prints only text.
    unit : str
        Unit as printed ('' for a pure number).
    kind : Kind
        measured, compiled, fitted or assumed.
    source : tuple of str
        Keys in ``references.bib``; empty only where kind is assumed.
    printed : str
        The value as printed, e.g. ``'12 +/- 0.8'``.
    spread : str
        Uncertainty as printed, with its meaning, e.g. ``'SD 0.12'`` or ``'95% CI 31.0-40.4'``.
    conditions : str
        Species, assay, temperature and the like.
    note : str
        Caveats.
    """

    value: float | None
    unit: str
    kind: Kind
    source: tuple[str, ...] = ()
    printed: str = ""
    spread: str = ""
    conditions: str = ""
    note: str = ""

    @property
    def directness(self) -> Directness:
        """What a cell that shows this value may claim: measured only if it was measured, not compiled or fitted."""
        return Directness.MEASURED if self.kind is Kind.MEASURED else Directness.INFERRED
