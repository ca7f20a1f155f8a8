"""One number against another, and a claim with all its numbers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Comparison", "Part"]


@dataclass(frozen=True)
class Comparison:
    """One number against another; relative to the larger of 1 and its size."""

    name: str
    ours: float
    theirs: float
    limit: float

    @property
    def error(self) -> float:
        return abs(self.ours - self.theirs) / max(1.0, abs(self.theirs))

    @property
    def holds(self) -> bool:
        return self.error <= self.limit


@dataclass(frozen=True)
class Part:
    """A claim with its comparisons."""

    claim: str
    against: str
    comparisons: tuple[Comparison, ...]

    @property
    def failed(self) -> list[Comparison]:
        return [one for one in self.comparisons if not one.holds]

    @property
    def result(self) -> str:
        worst = max(self.comparisons, key=lambda one: one.error / one.limit)
        said = f"{len(self.comparisons) - len(self.failed)} of {len(self.comparisons)} numbers agree"
        return f"{said}; nearest its limit: {worst.name}, off by {worst.error:.1e} (limit {worst.limit:.0e})"
