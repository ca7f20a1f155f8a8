"""What the analysis of an ELISA plate gives."""

from __future__ import annotations

from dataclasses import dataclass

from limus.assay.elisa.conditions import ElisaConditions
from limus.assay.elisa.dilution import Parallelism, Recovery
from limus.assay.elisa.inhibition import ElisaInhibitor
from limus.assay.elisa.samples import SampleGroup, SampleNoise
from limus.assay.elisa.standard import ElisaStandard
from limus.assay.elisa.viability import ViabilityPlate
from limus.assay.quality.controls import ControlQuality
from limus.assay.quality.position import PositionEffect
from limus.assay.reader.wells import PlateWells
from limus.kernel.checks import Finding

__all__ = ["ElisaAnalysis"]


@dataclass(frozen=True, eq=False)
class ElisaAnalysis:
    """An ELISA plate, analysed.

    Attributes
    ----------
    plate : PlateWells
    conditions : ElisaConditions
    standard : ElisaStandard
    noise : SampleNoise
    samples : tuple of SampleGroup
        Every group of wells, read off the curve.
    inhibitors : tuple of ElisaInhibitor
    viability : tuple of ViabilityPlate
        Plates read beside; the first one that has a treatment decides on it.
    parallelism : tuple of Parallelism
    recovery : tuple of Recovery
    hooks : tuple of str
    quality : ControlQuality
        Stimulated against unstimulated controls.
    positions : tuple of PositionEffect
    findings : tuple of Finding
    """

    plate: PlateWells
    conditions: ElisaConditions
    standard: ElisaStandard
    noise: SampleNoise
    samples: tuple[SampleGroup, ...]
    inhibitors: tuple[ElisaInhibitor, ...]
    viability: tuple[ViabilityPlate, ...]
    parallelism: tuple[Parallelism, ...]
    recovery: tuple[Recovery, ...]
    hooks: tuple[str, ...]
    quality: ControlQuality
    positions: tuple[PositionEffect, ...]
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> int:
        """Groups without a signal and compounds without a curve."""
        curves = {"ok", "above_doses", "below_doses", "not_reached"}
        return sum(g.status == "no_signal" for g in self.samples) + sum(
            i.curve.absolute_status not in curves for i in self.inhibitors
        )
