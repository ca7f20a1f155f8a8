"""Two drugs on one culture: the edges are the single drugs, and the shared immunophilin makes antagonists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import RefusedError
from limus.molecule.catalogue import find_compound
from limus.signalling.blood_level import blood_culture, blood_map
from limus.signalling.combination import combine_drugs
from limus.signalling.culture import Culture, run_culture, run_responses
from limus.signalling.model_library import load_model
from limus.signalling.protocol import find_protocol


def test_the_edges_of_a_surface_are_the_single_drugs() -> None:
    model = load_model("t_cell")
    culture = Culture.usual(find_protocol("pha"), "il2")
    levels = np.array([0.03, 0.1, 0.3]), np.array([1.0, 10.0, 100.0])
    surface = combine_drugs(model, culture, ("tacrolimus", "ciclosporin"), levels, "il2")
    for drug, values, edge in (
        ("tacrolimus", levels[0], surface.inhibition[0, 1:, 0]),
        ("ciclosporin", levels[1], surface.inhibition[0, 0, 1:]),
    ):
        alone = run_responses(model, culture, drug, values, {"il2": culture.hours}).percent["il2"][0]
        np.testing.assert_allclose(edge, 1.0 - alone / 100.0, atol=1e-4)
    assert surface.inhibition[0, 0, 0] == pytest.approx(0.0, abs=1e-12)


def test_sirolimus_antagonises_tacrolimus_on_calcineurin_and_two_calcineurin_inhibitors_do_not() -> None:
    model = load_model("t_cell")
    culture = Culture.usual(find_protocol("none"), "calcineurin")
    levels = np.array([0.1, 0.3, 1.0]), np.array([10.0, 100.0, 1000.0])
    surface = combine_drugs(model, culture, ("tacrolimus", "sirolimus"), levels, "calcineurin")
    assert (surface.inhibition[0, 1:, 3] < 0.3 * surface.inhibition[0, 1:, 0]).all()
    assert (surface.inhibition - surface.bliss)[0, 1:, 1:].min() < -0.3
    both = combine_drugs(
        model, culture, ("tacrolimus", "ciclosporin"), (levels[0], np.array([1.0, 5.0, 20.0])), "calcineurin"
    )
    assert np.abs((both.inhibition - both.loewe)[0]).max() < 0.15


def test_blood_gives_the_cells_what_was_measured_in_them() -> None:
    model = load_model("t_cell")
    drug = find_compound("tacrolimus")
    level = 6.2 / drug.molar_mass_g_per_mol * 1000.0
    plasma = blood_map(model, "tacrolimus").plasma(np.array([level]))
    culture = blood_culture(replace(Culture.usual(find_protocol("none"), "calcineurin"), hours=24.0))
    symbol = "tacrolimus.total_in_cells"
    held = run_culture(model, culture, {"tacrolimus": plasma}, [symbol], [0.0, 24.0]).output(symbol)[0, -1]
    picograms = held * model.parameters["cytosol_volume_per_cell"].value * drug.molar_mass_g_per_mol * 1e9
    assert picograms == pytest.approx(28.4, rel=0.02)


def test_blood_without_a_map_is_refused() -> None:
    assert blood_map(load_model("t_cell"), "ciclosporin").plasma(np.array([150.0]))[0] == pytest.approx(75.0)
    with pytest.raises(RefusedError, match="everolimus"):
        blood_map(load_model("t_cell"), "everolimus")
