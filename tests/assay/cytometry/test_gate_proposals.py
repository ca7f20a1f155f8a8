"""Gates that rules propose: they find the cells that were simulated as single, living T cells; valleys and flanks."""

from __future__ import annotations

import numpy as np
import pytest

from limus.assay.cytometry.gate.density_valley import cut_between, main_mode
from limus.assay.cytometry.gate.gates import apply_gates
from limus.assay.cytometry.gate.proposals import GateChannels, propose_gates
from limus.assay.cytometry.proliferation.rules import cytometry_rules
from limus.assay.cytometry.simulation.events import CHANNELS
from limus.assay.cytometry.tube.spillover import Spillover, compensate
from limus.kernel.errors import InputError

from .truths import changed, example_truth, simulate

RULES = cytometry_rules({}, "test").gates
ALL = GateChannels("FSC-A", "FSC-H", "APC-Cy7-A", "PE-A")
TOPS = dict.fromkeys(CHANNELS, 262144.0)


def compensated(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    names = ("CTV-A", "PE-A", "APC-Cy7-A")
    rows = example_truth().instrument.spillover
    matrix = np.array([[1.0 if a == b else rows[a].get(b, 0.0) for b in names] for a in names])
    return compensate(columns, Spillover(names, matrix, "truth"))


def test_single_living_t_cells_are_found() -> None:
    """At most 1 % of the gated are something else, at most 3 % of the right ones are lost."""
    columns, generation = simulate(example_truth(), 30_000, 11)
    clean = compensated(columns)
    gates = propose_gates(columns, clean, TOPS, ALL, RULES)
    assert [gate.name for gate in gates] == ["cells", "singlets", "live", "cd3"]
    assert [gate.parent for gate in gates] == ["", "cells", "singlets", "live"]
    assert all(gate.rule for gate in gates)
    masks = apply_gates(gates, lambda name: columns if name == "uncompensated" else clean, 30_000)
    right = generation >= 0
    assert np.mean(right[masks["cd3"]]) > 0.99
    assert np.mean(masks["cd3"][right]) > 0.97


def test_a_tube_without_dead_cells_is_cut_at_the_flank() -> None:
    columns, generation = simulate(changed(example_truth(), cells={"dead": 0.0}), 20_000, 12)
    clean = compensated(columns)
    gates = propose_gates(columns, clean, TOPS, GateChannels("FSC-A", "FSC-H", "APC-Cy7-A"), RULES)
    assert gates[-1].name == "live"
    assert "standard deviations above the only population" in gates[-1].rule
    masks = apply_gates(gates, lambda name: columns if name == "uncompensated" else clean, 20_000)
    assert np.mean(masks["live"][generation >= 0]) > 0.97


def test_too_few_events_are_an_error() -> None:
    columns, _ = simulate(example_truth(), 50, 13)
    with pytest.raises(InputError, match="proposal of the gate"):
        propose_gates(columns, columns, TOPS, ALL, RULES)


def test_a_valley_lies_between_two_populations() -> None:
    random = np.random.default_rng(14)
    both = np.concatenate([random.normal(0, 1, 9000), random.normal(8, 1, 500)])
    cut = cut_between(both, spread=3.0, keep="low")
    assert len(cut.modes) == 2
    assert 2.5 < cut.place < 6
    assert cut.modes == pytest.approx((0, 8), abs=0.5)


@pytest.mark.parametrize(("keep", "expected"), [("low", 3.0), ("high", -3.0)])
def test_one_population_is_cut_at_its_flank(keep: str, expected: float) -> None:
    values = np.random.default_rng(15).normal(0, 1, 20_000)
    cut = cut_between(values, spread=3.0, keep=keep)
    assert len(cut.modes) == 1
    assert cut.place == pytest.approx(expected, abs=0.3)


def test_values_that_are_all_the_same_or_nearly() -> None:
    assert main_mode(np.array([1.0, 1.0, 1.0])) == pytest.approx(1.0, abs=1e-3)
    assert np.isfinite(cut_between(np.full(200, 2.0), spread=3.0, keep="low").place)
