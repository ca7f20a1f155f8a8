"""Simulated phosphatase plates: what a stated truth would give under a layout."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from limus.assay.layout.records import Layout, LayoutWell, Role
from limus.assay.phosphatase.tight_binding import occupied_fraction
from limus.assay.reader.simulation import NoiseTruth, NotNegative, Positive, add_noise
from limus.kernel.errors import InputError
from limus.kernel.tables import Entry

__all__ = ["InhibitorTruth", "PhosphataseTruth", "simulate_phosphatase"]

Floats = NDArray[np.float64]


class InhibitorTruth(Entry):
    """Affinity of a drug for the immunophilin, and of the complex for the enzyme."""

    dissociation_constant_nM: Positive  # noqa: N815
    inhibition_constant_nM: Positive  # noqa: N815


class PhosphataseTruth(Entry):
    """Everything that decides the absorbances of a simulated phosphatase plate."""

    limus_truth: Literal[1]
    assay: Literal["phosphatase"]
    seed: int
    note: str = ""
    intercept: float
    slope_per_nmol: Positive
    bend_per_nmol2: float = 0.0
    background_nmol: NotNegative
    activity_nmol_per_min_per_ug: Positive
    slowing_per_min: NotNegative = 0.0
    reaction_time_min: Positive
    enzyme_ug: Positive
    enzyme_nM: Positive  # noqa: N815
    immunophilin_nM: Positive  # noqa: N815
    inhibitors: dict[str, InhibitorTruth]
    noise: NoiseTruth


def simulate_phosphatase(layout: Layout, truth: PhosphataseTruth, generator: np.random.Generator) -> Floats:
    """Simulate the absorbances of a phosphatase plate.

    ``A = intercept + slope x + bend x**2`` at the phosphate x of the well; enzyme releases
    ``activity enzyme (1 - exp(-k t)) / k`` of it, times the share of enzyme that no complex holds in the equilibrium of
    drug, immunophilin and enzyme.

    Parameters
    ----------
    layout : Layout
    truth : PhosphataseTruth
    generator : numpy.random.Generator

    Returns
    -------
    (rows, columns) array
        NaN for wells that the layout does not name, or that are empty.

    Raises
    ------
    InputError
        A compound that the truth does not name.
    """
    signals = np.full((layout.plate.rows, layout.plate.columns), np.nan)
    for well in layout.wells:
        if well.role is Role.EMPTY:
            continue
        phosphate = _phosphate(well, truth)
        signals[well.row, well.column] = (
            truth.intercept + truth.slope_per_nmol * phosphate + truth.bend_per_nmol2 * phosphate**2
        )
    return add_noise(signals, layout, truth.noise, generator)


def _phosphate(well: LayoutWell, truth: PhosphataseTruth) -> float:
    if well.role is Role.BLANK:
        return 0.0
    if well.role is Role.STANDARD:
        return well.concentration.in_unit("nmol", where=well.where)
    if well.role is Role.NO_ENZYME:
        return truth.background_nmol
    time = well.time.in_unit("min") if well.time.given else truth.reaction_time_min
    enzyme = well.enzyme.in_unit("ug") if well.enzyme.given else truth.enzyme_ug
    slowing = truth.slowing_per_min
    effective = -math.expm1(-slowing * time) / slowing if slowing > 0 else time
    free = 1.0
    if well.role is Role.SAMPLE and well.concentration.value > 0:
        if well.compound not in truth.inhibitors:
            known = ", ".join(truth.inhibitors)
            raise InputError(f"{well.where}, compound", well.compound, known, "name it in the truth")
        drug = truth.inhibitors[well.compound]
        free -= float(
            occupied_fraction(
                well.concentration.in_unit("nM"),
                truth.immunophilin_nM,
                truth.enzyme_nM,
                drug.dissociation_constant_nM,
                drug.inhibition_constant_nM,
                "equilibrium",
            )
        )
    return truth.background_nmol + truth.activity_nmol_per_min_per_ug * enzyme * effective * free
