"""The dose series of a phosphatase plate: what was measured for a compound, and its points in per cent of control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.layout.records import Role
from limus.assay.phosphatase.activity import released_phosphate
from limus.assay.phosphatase.groups import WellGroup, match_background, match_control
from limus.assay.phosphatase.standard import StandardCurve, phosphate_from_absorbance
from limus.assay.plate.uncertainty import InputBlock

__all__ = ["DoseSeries", "find_series", "percent_of_control", "point_weights", "series_blocks"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DoseSeries:
    """The dose groups of one compound, with the controls and the background that belong to them.

    Attributes
    ----------
    compound, written, label : str
    time_min, enzyme_ug : float
    doses : tuple of WellGroup
        Usable groups by ascending dose.
    controls, background : tuple of WellGroup
    left_out : tuple of WellGroup
        Groups without a usable mean (saturated, empty).
    """

    compound: str
    written: str
    label: str
    time_min: float
    enzyme_ug: float
    doses: tuple[WellGroup, ...]
    controls: tuple[WellGroup, ...]
    background: tuple[WellGroup, ...]
    left_out: tuple[WellGroup, ...]

    @property
    def doses_nM(self) -> Floats:  # noqa: N802
        """Doses of the points of the curve, the controls' zero first."""
        return np.array([0.0, *(g.dose_nM for g in self.doses)])


def find_series(groups: Sequence[WellGroup]) -> tuple[DoseSeries, ...]:
    """Find the dose series of a plate: one for each compound, label, time and amount of enzyme.

    Parameters
    ----------
    groups : sequence of WellGroup

    Returns
    -------
    tuple of DoseSeries
        In the order of the plate.
    """
    samples = [g for g in groups if g.role is Role.SAMPLE and g.compound]
    found: dict[tuple[str, str, float, float], list[WellGroup]] = {}
    for g in samples:
        found.setdefault((g.compound, g.label, g.time_min, g.enzyme_ug), []).append(g)
    series = []
    for (compound, label, time, enzyme), members in found.items():
        first = members[0]
        series.append(
            DoseSeries(
                compound,
                first.written,
                label,
                time,
                enzyme,
                tuple(sorted((g for g in members if g.usable), key=lambda g: g.dose_nM)),
                match_control(first, groups),
                match_background(first, groups),
                tuple(g for g in members if not g.usable),
            )
        )
    return tuple(series)


def series_blocks(series: DoseSeries, curve: StandardCurve) -> list[InputBlock]:
    """Return what was measured for a series: standard curve, background, controls, doses, in this order.

    Parameters
    ----------
    series : DoseSeries
    curve : StandardCurve

    Returns
    -------
    list of InputBlock
    """
    standards = InputBlock.create(curve.coefficients, curve.covariance, curve.degrees_of_freedom)
    return [standards, *(g.block for g in (*series.background, *series.controls, *series.doses))]


def percent_of_control(inputs: Floats, series: DoseSeries, coefficients: int) -> Floats:
    """Turn measured means into points of the curve.

    Parameters
    ----------
    inputs : (B, K) array
        As :func:`series_blocks` orders them.
    series : DoseSeries
    coefficients : int
        How many of the inputs are those of the standard curve.

    Returns
    -------
    (B, D + 1) array
        Per cent of control; the controls first (100).
    """
    curve, means = inputs[:, :coefficients], inputs[:, coefficients:]
    empty, controls = len(series.background), len(series.controls)
    released = released_phosphate(curve, means[:, empty:], means[:, :empty])
    full = released[:, :controls].mean(axis=1, keepdims=True)
    return np.asarray(100.0 * np.concatenate([full, released[:, controls:]], axis=1) / full)


def point_weights(series: DoseSeries, curve: StandardCurve) -> tuple[Floats, bool]:
    """Return the weight of each point of the curve, 1 / variance by the plate's noise, and whether that is known.

    Parameters
    ----------
    series : DoseSeries
    curve : StandardCurve

    Returns
    -------
    tuple of ((D + 1,) array, bool)
        Per cent to the power -2, the controls first; equal weights where no group has replicates.
    """
    members = (*series.controls, *series.doses)
    errors = np.sqrt([g.variance for g in members])
    if not np.isfinite(errors).all():
        return np.ones(len(series.doses) + 1), False
    means = np.array([g.mean for g in members])
    phosphate = phosphate_from_absorbance(curve.coefficients, means)
    spread = phosphate_from_absorbance(curve.coefficients, means + errors) - phosphate
    blocks = series_blocks(series, curve)
    centre = np.concatenate([block.values for block in blocks])[np.newaxis]
    count, controls = len(curve.coefficients), len(series.controls)
    skip = count + len(series.background)
    released = released_phosphate(centre[:, :count], centre[:, skip:], centre[:, count:skip])
    full = float(released[0, :controls].mean())
    control = float(np.sqrt(np.sum(spread[:controls] ** 2))) / controls
    return (full / (100.0 * np.array([control, *spread[controls:]]))) ** 2, True
