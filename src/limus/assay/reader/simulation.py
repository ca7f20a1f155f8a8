"""Plates made by a computer, to try an analysis on: the signals that a layout would give if a stated truth held.

The truth is a text file with every number that goes in; the seed is stated with it. Noise is normal with a constant and
a proportional part, as in :mod:`limus.assay.quality.noise`, and the outer ring may read a share lower or higher. What
an assay adds stands with it: :mod:`limus.assay.phosphatase.simulation`, :mod:`limus.assay.elisa.simulation`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from limus.assay.layout.records import Layout
from limus.assay.plate.format import row_letters
from limus.kernel.errors import OutputError
from limus.kernel.tables import Entry

__all__ = ["NoiseTruth", "NotNegative", "Positive", "add_noise", "write_reader_csv"]

Floats = NDArray[np.float64]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class NoiseTruth(Entry):
    """Scatter of a well: standard deviation, a share of the signal, and a share that the outer ring reads more."""

    constant_sd: NotNegative
    proportional_cv: NotNegative
    edge_share: float = 0.0


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
