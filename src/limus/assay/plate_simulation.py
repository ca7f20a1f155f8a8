"""Plates made by a computer, to try an analysis on: the signals that a layout would give if a stated truth held.

The truth is a text file with every number that goes in; the seed is stated with it. Noise is normal with a constant and
a proportional part, as in :mod:`limus.assay.quality_noise`, and the outer ring may read a share lower or higher.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.assay.layout import Layout, LayoutWell, Role
from limus.assay.plate import row_letters
from limus.assay.tight_binding import occupied_fraction
from limus.kernel.errors import InputError, OutputError
from limus.kernel.tables import Entry

__all__ = ["InhibitorTruth", "NoiseTruth", "PhosphataseTruth", "add_noise", "simulate_phosphatase", "write_reader_csv"]

Floats = NDArray[np.float64]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class NoiseTruth(Entry):
    """Scatter of a well: standard deviation, a share of the signal, and a share that the outer ring reads more."""

    constant_sd: NotNegative
    proportional_cv: NotNegative
    edge_share: float = 0.0


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


def add_noise(signals: Floats, layout: Layout, noise: NoiseTruth, generator: np.random.Generator) -> Floats:
    """Add the scatter of wells, and the outer ring's share.

    Parameters
    ----------
    signals : (rows, columns) array
    layout : Layout
    noise : NoiseTruth
    generator : numpy.random.Generator

    Returns
    -------
    (rows, columns) array
    """
    shifted = signals * np.where(layout.plate.edge, 1.0 + noise.edge_share, 1.0)
    spread = np.hypot(noise.constant_sd, noise.proportional_cv * shifted)
    return np.asarray(shifted + spread * generator.standard_normal(shifted.shape))


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


def write_reader_csv(path: Path, readings: Sequence[tuple[str, Floats]], *, head: Sequence[str] = ()) -> Path:
    """Write plates as a reader would export them: lines of settings, then each plate under its label.

    Parameters
    ----------
    path : Path
    readings : sequence of (str, (rows, columns) array)
        Label and absorbances, written with four decimals; NaN is left empty.
    head : sequence of str
        Lines of settings.

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    lines = list(head)
    for label, values in readings:
        lines += ["", label, "," + ",".join(str(column + 1) for column in range(values.shape[1]))]
        for row, numbers in enumerate(values):
            cells = ("" if math.isnan(x) else f"{x:.4f}" for x in numbers)
            lines.append(f"{row_letters(row)}," + ",".join(cells))
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another folder") from None
    return path
