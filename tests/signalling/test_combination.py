"""Two drugs on one culture: the edges are the single drugs, and the shared immunophilin makes antagonists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from limus.kernel.errors import RefusedError
from limus.molecule.catalogue import find_compound
from limus.signalling.blood_level import blood_culture, blood_map
from limus.signalling.combination import combine_drugs
from limus.signalling.culture import Culture, run_culture, run_responses
from limus.signalling.model_library import load_model
from limus.signalling.protocol import find_protocol
from limus.signalling.sourced_model import draw_fitted


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


def test_loewe_bliss_and_the_index_are_those_of_an_own_calculation_from_each_drug_alone() -> None:
    model = load_model("t_cell")
    culture = Culture.usual(find_protocol("pha"), "il2")
    levels = {"tacrolimus": np.array([0.03, 0.08, 0.2]), "ciclosporin": np.array([2.0, 8.0, 30.0])}
    surface = combine_drugs(model, culture, ("tacrolimus", "ciclosporin"), tuple(levels.values()), "il2")

    def alone(drug: str, concentrations: np.ndarray) -> np.ndarray:
        answer = run_responses(model, culture, drug, concentrations, {"il2": culture.hours})
        return 1.0 - answer.percent["il2"][0] / 100.0

    one, two = (alone(drug, values) for drug, values in levels.items())
    bliss = 1.0 - np.outer(1.0 - one, 1.0 - two)
    np.testing.assert_allclose(surface.bliss[0, 1:, 1:], bliss, atol=1e-4)

    dense = {"tacrolimus": np.geomspace(1e-3, 10.0, 400), "ciclosporin": np.geomspace(0.1, 1000.0, 400)}
    curves = {drug: alone(drug, values) for drug, values in dense.items()}

    def needed(drug: str, effect: float) -> float:
        return float(np.exp(np.interp(effect, curves[drug], np.log(dense[drug]))))

    def excess(effect: float, a: float, b: float) -> float:
        return a / needed("tacrolimus", effect) + b / needed("ciclosporin", effect) - 1.0

    for i, a in enumerate(levels["tacrolimus"], start=1):
        for j, b in enumerate(levels["ciclosporin"], start=1):
            expected = brentq(excess, 1e-3, 0.999, args=(a, b))
            # interpolation between six points a decade is good to a third of a percentage point
            assert surface.loewe[0, i, j] == pytest.approx(expected, abs=0.003)
            seen = float(surface.inhibition[0, i, j])
            if 0.05 < seen < 0.95:
                assert surface.index[0, i, j] == pytest.approx(excess(seen, a, b) + 1.0, rel=0.02)


def test_loewe_gives_back_each_drug_alone_and_reaches_beyond_the_surface() -> None:
    model = load_model("t_cell")
    culture = Culture.usual(find_protocol("none"), "calcineurin")
    levels = np.array([0.05, 0.2, 0.5]), np.array([2.0, 8.0, 20.0])
    surface = combine_drugs(model, culture, ("tacrolimus", "ciclosporin"), levels, "calcineurin")
    for axis in ((slice(None), 0), (0, slice(None))):
        np.testing.assert_allclose(surface.loewe[0][axis], surface.inhibition[0][axis], atol=0.003)
    # both highest doses together are expected to do more than either, although the surface's own edges end there
    assert surface.loewe[0, -1, -1] > surface.inhibition[0, [-1, 0], [0, -1]].max() + 0.02


def test_in_blood_additivity_is_over_levels_in_blood() -> None:
    model = load_model("t_cell")
    culture = blood_culture(Culture.usual(find_protocol("none"), "calcineurin"))
    maps = blood_map(model, "tacrolimus"), blood_map(model, "ciclosporin")
    levels = np.array([20.0, 60.0]), np.array([100.0, 400.0])
    names = ("tacrolimus", "ciclosporin")
    surface = combine_drugs(model, culture, names, levels, "calcineurin", outside=(maps[0].plasma, maps[1].plasma))
    assert surface.first.tolist() == [0.0, 20.0, 60.0]
    assert surface.loewe[0, 1:, 0] == pytest.approx(surface.inhibition[0, 1:, 0], abs=0.003)
    plasma = tuple(to.plasma(c) for to, c in zip(maps, levels, strict=True))
    inside = combine_drugs(model, culture, names, plasma, "calcineurin")
    np.testing.assert_allclose(inside.inhibition, surface.inhibition, atol=1e-5)
    # red cells hold tacrolimus with saturation, so that levels in blood and in plasma are not proportional
    assert not np.allclose(inside.index[0, 1:, 1:], surface.index[0, 1:, 1:], rtol=0.01)


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


def test_each_parameter_set_has_the_uptake_that_gives_the_measured_content() -> None:
    model = load_model("t_cell")
    drug = find_compound("tacrolimus")
    sets = draw_fitted(model, 4, seed=2, fixed=["serum_binding"])
    level = np.array([6.2 / drug.molar_mass_g_per_mol * 1000.0])
    plasma = blood_map(model, "tacrolimus", sets).plasma(level)
    assert plasma.shape == (5, 1)
    assert plasma[0] == pytest.approx(blood_map(model, "tacrolimus").plasma(level), rel=1e-4)
    assert np.ptp(plasma) > 0.1 * plasma[0, 0]
    culture = blood_culture(replace(Culture.usual(find_protocol("none"), "calcineurin"), hours=24.0))
    symbol = "tacrolimus.total_in_cells"
    held = run_culture(model, culture, {"tacrolimus": plasma[:, 0]}, [symbol], [0.0, 24.0], parameters=sets)
    volume = model.parameters["cytosol_volume_per_cell"].value
    picograms = held.output(symbol)[:, -1] * volume * drug.molar_mass_g_per_mol * 1e9
    np.testing.assert_allclose(picograms, 28.4, rtol=0.02)


def test_blood_without_a_map_is_refused() -> None:
    assert blood_map(load_model("t_cell"), "ciclosporin").plasma(np.array([150.0]))[0] == pytest.approx(75.0)
    with pytest.raises(RefusedError, match="everolimus"):
        blood_map(load_model("t_cell"), "everolimus")
