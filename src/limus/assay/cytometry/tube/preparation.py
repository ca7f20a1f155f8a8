"""One FCS file made ready: channels by name, compensated, examined, and what each gate holds of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.fcs.read import FcsData, read_fcs
from limus.assay.cytometry.gate.gates import FILE, UNCOMPENSATED, Gate, apply_gates
from limus.assay.cytometry.gate.gating_ml import SpectrumMatrix
from limus.assay.cytometry.tube.acquisition import Acquisition, AcquisitionRules, examine_acquisition
from limus.assay.cytometry.tube.spillover import Spillover, compensate, find_spillover
from limus.kernel.checks import Finding
from limus.kernel.errors import UnknownNameError

__all__ = ["Tube", "TubeSettings", "columns_of", "gate_tube", "read_tube", "scatter_gates"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TubeSettings:
    """How files are made ready.

    Attributes
    ----------
    channels : tuple of str
        Names or labels of the channels that are needed; those that a file lacks are an error.
    spillover : Spillover or None
        The matrix of the plate; None with ``own_matrix`` off for no compensation.
    own_matrix : bool
        Whether each file's own matrix is used.
    watched : tuple of str
        Channels that are examined for margin events and drift.
    rules : AcquisitionRules
    """

    channels: tuple[str, ...]
    spillover: Spillover | None
    own_matrix: bool
    watched: tuple[str, ...]
    rules: AcquisitionRules


@dataclass(frozen=True, eq=False)
class Tube:
    """A file made ready.

    Attributes
    ----------
    data : FcsData
    names : dict of str to str
        Channel name by the name or label that was asked for.
    raw, compensated : dict of str to (N,) numpy.ndarray
        Values of the scale, all channels.
    tops : dict of str to float
        Largest number of each channel.
    spillover : Spillover or None
        What was taken off.
    acquisition : Acquisition
    """

    data: FcsData
    names: dict[str, str]
    raw: dict[str, Floats]
    compensated: dict[str, Floats]
    tops: dict[str, float]
    spillover: Spillover | None
    acquisition: Acquisition

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is odd about the file and its acquisition."""
        return (*self.data.findings, *self.acquisition.findings)


def read_tube(path: Path, settings: TubeSettings) -> Tube:
    """Read a file and make it ready.

    Parameters
    ----------
    path : Path
    settings : TubeSettings

    Returns
    -------
    Tube

    Raises
    ------
    FileReadError, UnsupportedFeatureError
        As :func:`limus.assay.cytometry.fcs.read.read_fcs`, or a matrix that cannot be read.
    UnknownNameError
        A channel is missing.
    ValueRangeError
        The matrix cannot be inverted or does not fit the file.
    """
    data = read_fcs(path)
    names = {wanted: data.names[data.place(wanted)] for wanted in settings.channels}
    raw = {name: data.values(name) for name in data.names}
    spillover = find_spillover(data) if settings.own_matrix else settings.spillover
    compensated = raw if spillover is None else compensate(raw, spillover)
    tops = {}
    for channel in data.channels:
        top = channel.range / channel.gain if np.isfinite(channel.range) and channel.range > 1 else 0.0
        if channel.logarithmic:
            top = 10.0**channel.decades * channel.at_zero
        largest = float(np.nanmax(raw[channel.name])) if data.events else 1.0
        tops[channel.name] = top if top >= largest else max(largest, 1.0)
    watched = tuple(names[wanted] for wanted in settings.watched)
    acquisition = examine_acquisition(data, raw, watched, settings.rules)
    return Tube(data, names, raw, compensated, tops, spillover, acquisition)


def gate_tube(
    tube: Tube, gates: Sequence[Gate], matrices: Mapping[str, SpectrumMatrix] | None = None
) -> dict[str, Mask]:
    """Find the events of a file in each gate; margin events are in none.

    Parameters
    ----------
    tube : Tube
    gates : sequence of Gate
    matrices : mapping of str to SpectrumMatrix
        Of the document that the gates come from.

    Returns
    -------
    dict of str to (N,) numpy.ndarray of bool

    Raises
    ------
    UnknownNameError
        A channel or a matrix that is not there.
    """
    found = apply_gates(gates, lambda name: columns_of(tube, name, matrices or {}), tube.data.events)
    return {name: mask & ~tube.acquisition.margin for name, mask in found.items()}


def columns_of(tube: Tube, compensation: str, matrices: Mapping[str, SpectrumMatrix]) -> Mapping[str, Floats]:
    """Return the channels of a file under a compensation of a gate.

    Parameters
    ----------
    tube : Tube
    compensation : str
        ``uncompensated``, ``FCS`` (what was taken off this file) or the name of a matrix.
    matrices : mapping of str to SpectrumMatrix

    Returns
    -------
    mapping of str to (N,) numpy.ndarray

    Raises
    ------
    UnknownNameError
        A channel or a matrix that is not there.
    """
    if compensation == UNCOMPENSATED:
        return tube.raw
    if compensation in matrices:
        return _unmix(tube.raw, matrices[compensation])
    if compensation == FILE:
        return tube.compensated
    allowed = ", ".join([UNCOMPENSATED, FILE, *matrices])
    raise UnknownNameError("compensation of a gate", compensation, allowed, "add the matrix to the document")


def _unmix(raw: Mapping[str, Floats], matrix: SpectrumMatrix) -> dict[str, Floats]:
    """Least-squares unmixing; with as many dyes as detectors, compensation."""
    missing = [name for name in matrix.detectors if name not in raw]
    if missing:
        raise UnknownNameError("detector of a matrix", ", ".join(missing), ", ".join(raw), "correct the document")
    measured = np.stack([raw[name] for name in matrix.detectors])
    separate = np.linalg.pinv(matrix.matrix).T @ measured
    return dict(raw) | dict(zip(matrix.dyes, separate, strict=True))


def scatter_gates(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Return the gates that look at scatter alone, for controls without stains.

    Parameters
    ----------
    gates : sequence of Gate
        In order; a gate counts if all its channels begin with FSC or SSC and its parent, if any, counts.

    Returns
    -------
    tuple of Gate
    """
    kept: dict[str, Gate] = {}
    for gate in gates:
        dimensions = getattr(gate.shape, "dimensions", ())
        channels = [d.channel if isinstance(d.channel, str) else "" for d in dimensions]
        scatter = bool(channels) and all(c.upper().startswith(("FSC", "SSC")) for c in channels)
        if scatter and (not gate.parent or gate.parent in kept):
            kept[gate.name] = gate
    return tuple(kept.values())
