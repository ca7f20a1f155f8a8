"""What tests simulate: the example's truth with changes, and tubes of it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from limus.assay.cytometry.simulation.events import CHANNELS, Stains, precursor_shares, simulate_events
from limus.assay.cytometry.simulation.truth import ProliferationTruth, read_truth

__all__ = ["EXAMPLE", "changed", "example_truth", "simulate"]

EXAMPLE = Path(__file__).parents[3] / "examples/assay/proliferation"


@functools.lru_cache(maxsize=1)
def example_truth() -> ProliferationTruth:
    return read_truth(EXAMPLE / "truth.toml")


def changed(truth: ProliferationTruth, **sections: dict[str, Any]) -> ProliferationTruth:
    """A truth with some numbers of its sections changed, as ``cells={"dead": 0.0}``."""
    new = {name: getattr(truth, name).model_copy(update=values) for name, values in sections.items()}
    return truth.model_copy(update=new)


def simulate(
    truth: ProliferationTruth, count: int, seed: int, precursors: np.ndarray | None = None, stains: Stains | None = None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Channels by name before compensation, and the generation of single live T cells."""
    shares = precursor_shares(truth.division) if precursors is None else precursors
    _, events, generation = simulate_events(
        count, shares, truth.cells, truth.instrument, np.random.default_rng(seed), stains=stains or Stains()
    )
    return dict(zip(CHANNELS, events.T, strict=True)), generation
