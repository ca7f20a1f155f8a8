"""Names of Gating-ML 2.0 and what a document of it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.gate.gates import Gate

__all__ = ["DATA_TYPES", "GATING", "NAMESPACES", "TRANSFORMS", "GatingDocument", "SpectrumMatrix", "tag"]

_BASE = "http://www.isac-net.org/std/Gating-ML/v2.0"
GATING, TRANSFORMS, DATA_TYPES = f"{_BASE}/gating", f"{_BASE}/transformations", f"{_BASE}/datatypes"
NAMESPACES = {"gating": GATING, "transforms": TRANSFORMS, "data-type": DATA_TYPES}


@dataclass(frozen=True, eq=False)
class SpectrumMatrix:
    """A compensation matrix of a document: rows are dyes, columns detectors."""

    dyes: tuple[str, ...]
    detectors: tuple[str, ...]
    matrix: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GatingDocument:
    """The gates of a document, in order, and its matrices by name."""

    gates: tuple[Gate, ...]
    matrices: Mapping[str, SpectrumMatrix]


def tag(space: str, name: str) -> str:
    """Return a name as ElementTree writes it."""
    return f"{{{space}}}{name}"
