"""Simulated ELISA and viability plates: what a stated truth would give under a layout."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.assay.layout.records import Layout, LayoutWell, Role
from limus.assay.reader.simulation import NoiseTruth, NotNegative, Positive, add_noise
from limus.kernel.errors import InputError
from limus.kernel.tables import Entry

__all__ = ["ElisaTruth", "SecretionTruth", "simulate_elisa", "simulate_viability"]

Floats = NDArray[np.float64]


class SecretionTruth(Entry):
    """How a compound acts: on secretion and on the cells."""

    ic50_nM: Positive  # noqa: N815
    hill: Positive
    largest_inhibition: NotNegative
    cc50_nM: Positive  # noqa: N815
    cc_hill: Positive


class ElisaTruth(Entry):
    """Everything that decides the signals of a simulated ELISA and its MTT or LDH plate."""

    limus_truth: Literal[1]
    assay: Literal["elisa"]
    seed: int
    note: str = ""
    unit: str
    lower: float
    upper: float
    ec50: Positive
    slope: Positive
    asymmetry: Positive = 1.0
    stimulated: Positive
    unstimulated: NotNegative
    culture_cv: NotNegative
    inhibitors: dict[str, SecretionTruth]
    samples: dict[str, NotNegative] = Field(default_factory=dict)
    noise: NoiseTruth
    viability_assay: Literal["mtt", "ldh"]
    viability_low: float
    viability_high: float
    viability_noise: NoiseTruth


def simulate_elisa(layout: Layout, truth: ElisaTruth, generator: np.random.Generator) -> Floats:
    """Simulate the absorbances of an ELISA plate.

    The signal of a concentration x in the well is ``lower + (upper - lower) / (1 + (ec50 / x)**slope)**asymmetry``.
    Cultures differ log-normally; a sample's analyte is diluted as the layout says.

    Parameters
    ----------
    layout : Layout
    truth : ElisaTruth
    generator : numpy.random.Generator

    Returns
    -------
    (rows, columns) array
        NaN for wells that the layout does not name.

    Raises
    ------
    InputError
        A compound or sample that the truth does not name.
    """
    signals = np.full((layout.plate.rows, layout.plate.columns), np.nan)
    for well in layout.wells:
        if well.role is not Role.EMPTY:
            inside = _in_the_well(well, truth, generator)
            share = (1.0 + (truth.ec50 / inside) ** truth.slope) ** -truth.asymmetry if inside > 0 else 0.0
            signals[well.row, well.column] = truth.lower + (truth.upper - truth.lower) * share
    return add_noise(signals, layout, truth.noise, generator)


def _in_the_well(well: LayoutWell, truth: ElisaTruth, generator: np.random.Generator) -> float:
    if well.role is Role.BLANK:
        return 0.0
    if well.role in (Role.STANDARD, Role.QUALITY_CONTROL):
        return well.concentration.in_unit(truth.unit, where=well.where) / well.dilution
    if well.sample:
        if well.sample not in truth.samples:
            raise InputError(f"{well.where}, sample", well.sample, ", ".join(truth.samples), "name it in the truth")
        added = well.spike.in_unit(truth.unit, where=well.where) if well.role is Role.SPIKE else 0.0
        return (truth.samples[well.sample] + added) / well.dilution
    culture = math.exp(truth.culture_cv * float(generator.standard_normal()))
    secreted = truth.unstimulated
    if well.role is not Role.UNSTIMULATED:
        inhibited, alive = _effects(well, truth)
        secreted = (truth.unstimulated + (truth.stimulated - truth.unstimulated) * (1.0 - inhibited)) * alive
    return secreted * culture / well.dilution


def _effects(well: LayoutWell, truth: ElisaTruth) -> tuple[float, float]:
    """Share of secretion inhibited, and share of cells alive."""
    if well.role is not Role.SAMPLE or not well.concentration.value > 0:
        return 0.0, 1.0
    if well.compound not in truth.inhibitors:
        known = ", ".join(truth.inhibitors)
        raise InputError(f"{well.where}, compound", well.compound, known, "name it in the truth")
    drug, dose = truth.inhibitors[well.compound], well.concentration.in_unit("nM")
    inhibited = drug.largest_inhibition / (1.0 + (drug.ic50_nM / dose) ** drug.hill)
    return inhibited, 1.0 / (1.0 + (dose / drug.cc50_nM) ** drug.cc_hill)


def simulate_viability(layout: Layout, truth: ElisaTruth, generator: np.random.Generator) -> Floats:
    """Simulate the MTT or LDH plate of the same cells.

    Parameters
    ----------
    layout : Layout
        Of the viability plate.
    truth : ElisaTruth
    generator : numpy.random.Generator

    Returns
    -------
    (rows, columns) array

    Raises
    ------
    InputError
        A compound that the truth does not name.
    """
    signals = np.full((layout.plate.rows, layout.plate.columns), np.nan)
    span = truth.viability_high - truth.viability_low
    for well in layout.wells:
        if well.role is Role.EMPTY:
            continue
        alive = 0.0 if well.role in (Role.BLANK, Role.MAXIMUM) else _effects(well, truth)[1]
        share = alive if truth.viability_assay == "mtt" else 1.0 - alive
        if truth.viability_assay == "ldh" and well.role is Role.BLANK:
            share = -0.1
        signals[well.row, well.column] = truth.viability_low + span * share
    return add_noise(signals, layout, truth.viability_noise, generator)
