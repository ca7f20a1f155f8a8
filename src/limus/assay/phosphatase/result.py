"""What the analysis of a phosphatase plate gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from limus.assay.phosphatase.activity import Activity
from limus.assay.phosphatase.binding import TightBinding
from limus.assay.phosphatase.conditions import PhosphataseConditions
from limus.assay.phosphatase.inhibition import InhibitionCurve
from limus.assay.phosphatase.linearity import Linearity
from limus.assay.phosphatase.standard import StandardCurve
from limus.assay.quality.controls import ControlQuality
from limus.assay.quality.noise import PlateNoise
from limus.assay.quality.position import PositionEffect
from limus.assay.reader.wells import PlateWells
from limus.kernel.checks import Finding

__all__ = ["Inhibitor", "PhosphataseAnalysis"]


@dataclass(frozen=True, eq=False)
class Inhibitor:
    """A compound's inhibition curve and, where it could be found, the constant of its complex."""

    curve: InhibitionCurve
    binding: TightBinding

    def as_dict(self) -> dict[str, Any]:
        """One row of the result."""
        return self.curve.as_dict() | self.binding.as_dict()


@dataclass(frozen=True, eq=False)
class PhosphataseAnalysis:
    """A phosphatase plate, analysed.

    Attributes
    ----------
    plate : PlateWells
    conditions : PhosphataseConditions
    noise : PlateNoise or None
        None where no group has replicates; then nothing has an interval.
    standard : StandardCurve
    activities : tuple of Activity
        Every group of wells.
    inhibitors : tuple of Inhibitor
    time, enzyme : Linearity
    substrate_used_percent : float
        By the controls of the compounds; NaN where substrate or volume are not known.
    quality : ControlQuality
        Controls against no enzyme.
    positions : tuple of PositionEffect
    findings : tuple of Finding
        Of layout, signals and analysis.
    """

    plate: PlateWells
    conditions: PhosphataseConditions
    noise: PlateNoise | None
    standard: StandardCurve
    activities: tuple[Activity, ...]
    inhibitors: tuple[Inhibitor, ...]
    time: Linearity
    enzyme: Linearity
    substrate_used_percent: float
    quality: ControlQuality
    positions: tuple[PositionEffect, ...]
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> int:
        """Groups and compounds without a number."""
        groups = sum(not a.phosphate_nmol.known for a in self.activities)
        return groups + sum(
            i.curve.fit.absolute_status not in {"ok", "above_doses", "not_reached"} for i in self.inhibitors
        )
