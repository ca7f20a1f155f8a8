"""One well of a proliferation plate, from its file to indices; runs in a process of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from limus.assay.cytometry.gate.gates import Gate
from limus.assay.cytometry.gate.gating_ml import SpectrumMatrix
from limus.assay.cytometry.gate.proposals import GateChannels, GateRules, propose_gates
from limus.assay.cytometry.generation.bootstrap import bootstrap_indices
from limus.assay.cytometry.generation.fit import Widening, fit_generations
from limus.assay.cytometry.generation.histogram import bin_dye, bin_edges
from limus.assay.cytometry.generation.peak_shapes import Floor
from limus.assay.cytometry.generation.records import DeconvolutionRules, UndividedControl
from limus.assay.cytometry.proliferation.records import WellResult
from limus.assay.cytometry.tube.preparation import Tube, TubeSettings, gate_tube, read_tube
from limus.assay.layout.records import LayoutWell
from limus.assay.plate.findings import warning
from limus.kernel.checks import Finding
from limus.kernel.errors import LimusError

__all__ = ["WellJob", "analyse_well", "gate_channels", "gates_of", "own_gates"]


@dataclass(frozen=True, eq=False)
class WellJob:
    """A well and everything that its analysis needs.

    Attributes
    ----------
    well : LayoutWell
    file : Path or None
    tube : TubeSettings
    dye, viability, cd3, area, height : str
        Channels as the layout names them.
    gates : tuple of Gate
        Of the plate; None proposes gates for this file.
    gate_rules : GateRules
    matrices : mapping of str to SpectrumMatrix
    compensation : str
        What gates call the compensated channels.
    population : str
        Empty for the last gate.
    floor : Floor or None
    control : UndividedControl or None
    rules : DeconvolutionRules
    widening : str
    most_generations : int or None
    replicates : int
    generator : numpy.random.Generator
    """

    well: LayoutWell
    file: Path | None
    tube: TubeSettings
    dye: str
    viability: str
    cd3: str
    area: str
    height: str
    gates: tuple[Gate, ...] | None
    gate_rules: GateRules
    matrices: Mapping[str, SpectrumMatrix]
    compensation: str
    population: str
    floor: Floor | None
    control: UndividedControl | None
    rules: DeconvolutionRules
    widening: Widening
    most_generations: int | None
    replicates: int
    generator: np.random.Generator


def gate_channels(names: Mapping[str, str], job: WellJob) -> GateChannels:
    """Return the channels that gates are proposed on.

    Parameters
    ----------
    names : mapping of str to str
        Channel by what the layout calls it.
    job : WellJob

    Returns
    -------
    GateChannels
        Empty for those that the layout leaves out.
    """
    return GateChannels(*(names[said] if said else "" for said in (job.area, job.height, job.viability, job.cd3)))


def own_gates(tube: Tube, job: WellJob) -> tuple[Gate, ...]:
    """Propose gates for one file.

    Parameters
    ----------
    tube : Tube
    job : WellJob

    Returns
    -------
    tuple of Gate

    Raises
    ------
    InputError
        Too few events.
    """
    names = tube.names
    channels = gate_channels(names, job)
    return propose_gates(tube.raw, tube.compensated, tube.tops, channels, job.gate_rules, compensation=job.compensation)


def gates_of(tube: Tube, job: WellJob) -> tuple[Gate, ...]:
    """Return the plate's gates, or those proposed for this file."""
    return own_gates(tube, job) if job.gates is None else job.gates


def analyse_well(job: WellJob) -> WellResult:
    """Analyse a well; what goes wrong is its status.

    Parameters
    ----------
    job : WellJob

    Returns
    -------
    WellResult
    """
    if job.file is None:
        finding = warning("no-file", f"well {job.well.name}", "no file", "an FCS file", "add it, or correct the layout")
        return _nothing(job, "no_file", finding)
    try:
        tube = read_tube(job.file, job.tube)
    except LimusError as error:
        finding = warning("unreadable", f"well {job.well.name}: {error.where}", error.got, error.allowed, error.do)
        return _nothing(job, "unreadable", finding)
    try:
        gates = gates_of(tube, job)
        masks = gate_tube(tube, gates, job.matrices)
    except LimusError as error:
        finding = warning("no-gate", f"well {job.well.name}: {error.where}", error.got, error.allowed, error.do)
        return _nothing(job, "no_gate", finding, events=tube.data.events)
    inside = masks[job.population or gates[-1].name]
    dye = tube.compensated[tube.names[job.dye]][inside]
    fit = estimates = None
    if len(dye) > 1 and dye.min() < dye.max():
        edges, cofactor = bin_edges(dye, job.floor)
        histogram = bin_dye(dye, edges, cofactor)
        fit = fit_generations(
            histogram,
            job.floor,
            job.control,
            job.rules,
            widening=job.widening,
            most_generations=job.most_generations,
        )
        estimates = bootstrap_indices(fit, job.generator, replicates=job.replicates)
    return WellResult(
        well=job.well,
        file=job.file,
        status="too_few_events" if fit is None else str(fit.status),
        events=tube.data.events,
        gated={name: int(mask.sum()) for name, mask in masks.items()},
        gates=gates if job.gates is None else (),
        fit=fit,
        estimates=estimates,
        drift_percent=tube.acquisition.drift_percent,
        margin_percent=tube.acquisition.margin_percent,
        findings=tube.findings,
    )


def _nothing(job: WellJob, status: str, finding: Finding, events: int = 0) -> WellResult:
    nan: dict[str, float] = dict.fromkeys(job.tube.watched, math.nan)
    return WellResult(job.well, job.file, status, events, {}, (), None, None, nan, nan, (finding,))
