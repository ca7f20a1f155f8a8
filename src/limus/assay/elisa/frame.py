"""What a compound's secretion is measured against, and the way from measured means to per cent of control."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.curve.inhibition import PercentPoints
from limus.assay.elisa.samples import SampleGroup, curve_block, read_log_concentration
from limus.assay.elisa.standard import ElisaStandard
from limus.assay.plate.uncertainty import InputBlock

__all__ = ["SecretionFrame", "secretion_points"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SecretionFrame:
    """What a series is measured against: the controls, and the function from inputs to responses.

    Attributes
    ----------
    standard : ElisaStandard
    stimulated : SampleGroup
        In range.
    unstimulated : SampleGroup or None
        Subtracted where it is in range.
    doses : tuple of SampleGroup
    """

    standard: ElisaStandard
    stimulated: SampleGroup
    unstimulated: SampleGroup | None
    doses: tuple[SampleGroup, ...]

    @property
    def read(self) -> tuple[SampleGroup, ...]:
        """Groups whose signals are inputs: stimulated, unstimulated where it counts, doses that can be read."""
        low = (self.unstimulated,) if self.subtracts and self.unstimulated is not None else ()
        return (self.stimulated, *low, *(g for g in self.doses if g.status == "ok"))

    @property
    def subtracts(self) -> bool:
        """Whether the unstimulated control is a number."""
        return self.unstimulated is not None and self.unstimulated.status == "ok"

    def blocks(self) -> list[InputBlock]:
        """Standard curve and mean signals."""
        return [curve_block(self.standard), *(g.block for g in self.read if g.block is not None)]

    def responses(self, inputs: Floats) -> Floats:
        """Return per cent of control, controls first.

        Parameters
        ----------
        inputs : (B, K) array
            Sets of what :meth:`blocks` holds.

        Returns
        -------
        (B, D + 1) array
            A censored dose has its limit; NaN for one without a signal.
        """
        count = len(self.standard.parameters)
        logs = read_log_concentration(self.standard, inputs[:, :count], inputs[:, count:])
        read = np.exp(logs) * np.array([g.first.dilution for g in self.read])
        full = read[:, :1]
        empty = read[:, 1:2] if self.subtracts else np.zeros_like(full)
        place = iter(range(2 if self.subtracts else 1, read.shape[1]))
        columns = [full]
        for g in self.doses:
            limit = np.full_like(full, g.limit)
            columns.append(read[:, [next(place)]] if g.status == "ok" else limit)
        return np.asarray(100.0 * (np.concatenate(columns, axis=1) - empty) / (full - empty))


def secretion_points(frame: SecretionFrame, doses: Floats, *, known: bool) -> PercentPoints:
    """Return the points of a curve, in per cent of control, with the weight of their own wells' scatter.

    Parameters
    ----------
    frame : SecretionFrame
    doses : (D,) array
    known : bool
        Whether the scatter of samples is known; without it all weigh the same.

    Returns
    -------
    PercentPoints
        Controls as dose zero.
    """
    blocks = frame.blocks()
    inputs = np.concatenate([b.values for b in blocks])[np.newaxis]
    centre = frame.responses(inputs)[0]
    count = len(frame.standard.parameters)
    places = {id(g): count + k for k, g in enumerate(frame.read)}
    errors = np.full(len(doses) + 1, np.nan)
    for k, g in enumerate((frame.stimulated, *frame.doses)):
        if id(g) in places and g.block is not None:
            shifted = inputs.copy()
            shifted[0, places[id(g)]] += math.sqrt(float(g.block.covariance[0, 0]))
            moved = _one(frame, shifted, k)
            errors[k] = abs(moved - centre[k])
    floor = float(np.nanmax(errors)) if np.isfinite(errors).any() else 0.0
    # a limit has no scatter of its own; that of the smallest measured point says how sharply it is known
    smallest = float(np.nanmin(errors[errors > 0])) if np.any(errors > 0) else 1.0
    errors = np.where(np.isfinite(errors), np.maximum(errors, 1e-6 * floor), smallest)
    weights = 1.0 / errors**2 if known and floor > 0 else np.ones(len(errors))
    weights = np.where(np.isfinite(centre), weights, 0.0)
    sides = {"below": -1, "above": 1}
    censoring = np.array([0, *(sides.get(g.status, 0) for g in frame.doses)], dtype=np.int64)
    return PercentPoints(np.array([0.0, *doses]), blocks, frame.responses, weights, censoring, known)


def _one(frame: SecretionFrame, inputs: Floats, k: int) -> float:
    """One point at shifted inputs; the controls' own error is that of their concentration, relative to what it was."""
    if k > 0:
        return float(frame.responses(inputs)[0, k])
    count = len(frame.standard.parameters)
    logs = read_log_concentration(frame.standard, inputs[:, :count], inputs[:, count : count + 1])
    at = frame.stimulated.concentration.value / frame.stimulated.first.dilution
    return 100.0 * float(np.exp(logs[0, 0])) / at
