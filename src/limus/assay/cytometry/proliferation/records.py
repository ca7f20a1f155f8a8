"""What the analysis of a proliferation plate gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limus.assay.curve.inhibition import PercentCurve
from limus.assay.cytometry.gate.gates import Gate
from limus.assay.cytometry.gate.gating_ml import SpectrumMatrix
from limus.assay.cytometry.generation.bootstrap import IndexEstimates
from limus.assay.cytometry.generation.peak_shapes import Floor
from limus.assay.cytometry.generation.records import GenerationFit, GenerationStatus, UndividedControl
from limus.assay.cytometry.proliferation.settings import ProliferationSettings
from limus.assay.cytometry.tube.spillover import Spillover
from limus.assay.layout.records import Layout, LayoutWell
from limus.assay.plate.uncertainty import Estimate
from limus.kernel.checks import Finding

__all__ = ["DoseResponse", "ProliferationAnalysis", "WellResult"]


@dataclass(frozen=True, eq=False)
class WellResult:
    """One well.

    Attributes
    ----------
    well : LayoutWell
    file : Path or None
    status : str
        That of the fit, or ``no_file``, ``unreadable``, ``no_gate``.
    events : int
        In the file.
    gated : dict of str to int
        Events in each gate.
    gates : tuple of Gate
        Of this file, where gates are proposed for each; else empty.
    fit : GenerationFit or None
    estimates : IndexEstimates or None
    drift_percent : dict of str to float
    margin_percent : dict of str to float
    findings : tuple of Finding
    """

    well: LayoutWell
    file: Path | None
    status: str
    events: int
    gated: Mapping[str, int]
    gates: tuple[Gate, ...]
    fit: GenerationFit | None
    estimates: IndexEstimates | None
    drift_percent: Mapping[str, float]
    margin_percent: Mapping[str, float]
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether there are indices."""
        return self.fit is not None and self.fit.status.usable

    def index(self, name: str) -> Estimate:
        """Return an index with its interval, NaN where there is none."""
        if self.estimates is None or not self.usable:
            return Estimate(float("nan"))
        return self.estimates.indices[name]

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        w, f = self.well, self.fit
        row: dict[str, Any] = {
            "well": w.name,
            "role": str(w.role),
            "compound": w.compound,
            "concentration": w.concentration.value,
            "unit": w.concentration.unit,
            "group": w.group,
            "replicate": w.replicate,
            "file": "" if self.file is None else self.file.name,
            "status": self.status,
            "events": self.events,
            "gated": dict(self.gated),
            "generations": -1 if f is None else f.generations,
            "cells": [] if f is None else [float(n) for n in f.counts],
            "dye_median": float("nan") if f is None else f.dye,
            "dye_log_sd": float("nan") if f is None else f.width,
            "division_log_variance": float("nan") if f is None else f.growth,
            "deviance": float("nan") if f is None else f.deviance,
            "dispersion": float("nan") if f is None else f.dispersion,
        }
        if self.estimates is not None:
            for name, estimate in self.estimates.indices.items():
                row |= {name: estimate.value, f"{name}_ci": estimate.interval}
        return row


@dataclass(frozen=True, eq=False)
class DoseResponse:
    """The dose-response of one index to one compound.

    Attributes
    ----------
    compound, group, index, unit : str
    doses : tuple of float
        Above 0, ascending, in ``unit``.
    wells : tuple of tuple of WellResult
        Of each dose.
    percent : tuple of Estimate
        Mean of each dose, per cent of the controls, with its interval.
    control, lowest : Estimate
        Index of the stimulated controls, and that taken as no proliferation.
    lowest_measured : bool
        Whether that is the unstimulated wells', else what the index is without division.
    curve : PercentCurve
    """

    compound: str
    group: str
    index: str
    unit: str
    doses: tuple[float, ...]
    wells: tuple[tuple[WellResult, ...], ...]
    percent: tuple[Estimate, ...]
    control: Estimate
    lowest: Estimate
    lowest_measured: bool
    curve: PercentCurve

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        c = self.curve
        return {
            "compound": self.compound,
            "group": self.group,
            "index": self.index,
            "unit": self.unit,
            "ic50_absolute": c.ic50_absolute.value,
            "ic50_absolute_ci": c.ic50_absolute.interval,
            "ic50_absolute_status": c.absolute_status,
            "ic50_relative": c.ic50_relative.value,
            "ic50_relative_ci": c.ic50_relative.interval,
            "ic50_relative_status": c.relative_status,
            "hill": c.hill.value,
            "lower_percent": c.lower_percent.value,
            "upper_percent": c.upper_percent.value,
            "model": c.model,
            "control": self.control.value,
            "lowest": self.lowest.value,
            "doses": list(self.doses),
            "percent": [e.value for e in self.percent],
            "percent_ci": [e.interval for e in self.percent],
        }


@dataclass(frozen=True, eq=False)
class ProliferationAnalysis:
    """A plate, analysed.

    Attributes
    ----------
    folder : Path
    layout : Layout
    settings : ProliferationSettings
    wells : tuple of WellResult
        Row by row.
    gates : tuple of Gate
        Of the plate; of the first well where each has its own.
    matrices : mapping of str to SpectrumMatrix
    population : str
    spillover : Spillover or None
        Of the plate; None where there is none or each file has its own.
    compensation : str
        What was done, in words.
    floor : Floor or None
    control : UndividedControl or None
    control_fits : tuple of GenerationFit
    doses : tuple of DoseResponse
    findings : tuple of Finding
    """

    folder: Path
    layout: Layout
    settings: ProliferationSettings
    wells: tuple[WellResult, ...]
    gates: tuple[Gate, ...]
    matrices: Mapping[str, SpectrumMatrix]
    population: str
    spillover: Spillover | None
    compensation: str
    floor: Floor | None
    control: UndividedControl | None
    control_fits: tuple[GenerationFit, ...]
    doses: tuple[DoseResponse, ...]
    findings: tuple[Finding, ...]

    @property
    def n_failed(self) -> int:
        """Wells without numbers, of those that should have some."""
        return sum(not w.usable for w in self.wells)

    @property
    def poor(self) -> tuple[WellResult, ...]:
        """Wells whose numbers are restricted by their status."""
        good = {GenerationStatus.OK, GenerationStatus.NO_CONTROL}
        return tuple(w for w in self.wells if w.usable and w.status not in good)
