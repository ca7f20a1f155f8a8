"""Printed spreads become distributions; sets of values come from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import InputError, UnknownNameError
from limus.kernel.execution import spawn_generators
from limus.kernel.provenance import Kind, SourcedValue
from limus.pharmacokinetics.parameter_uncertainty import draw_values, published_spreads, read_value_sets, spread_of
from limus.pharmacokinetics.population_model.library import load_population_model, population_model_names


def sourced(value: float, spread: str, unit: str = "L/h", printed: str = "") -> SourcedValue:
    return SourcedValue(value, unit, Kind.MEASURED, ("key",), printed=printed, spread=spread)


@pytest.mark.parametrize(
    ("value", "spread", "log_normal", "deviation"),
    [
        (20.0, "RSE 10%", True, np.sqrt(np.log(1.01))),
        (20.0, "SE 2", True, np.sqrt(np.log(1.01))),
        (-0.5, "RSE 10%", False, 0.05),
        (1.0, "SE 0.9", False, 0.9),
        (2.0, "95% CI 1-4", True, np.log(4) / 3.919928),
        (1.0, "95% CI -1 to 3", False, 4 / 3.919928),
    ],
)
def test_spreads(value: float, spread: str, log_normal: bool, deviation: float) -> None:
    found = spread_of("p", sourced(value, spread))
    assert found is not None
    assert found.log_normal is log_normal
    assert found.deviation == pytest.approx(deviation, rel=1e-6)


def test_a_change_in_per_cent_is_that_of_a_factor() -> None:
    found = spread_of("p", sourced(1.31, "95% CI 9.10-55.8%", "dimensionless", "+31%"))
    assert found is not None
    assert found.deviation == pytest.approx(np.log(1.558 / 1.091) / 3.919928, rel=1e-6)


@pytest.mark.parametrize("spread", ["SD 3", "RSE 3", "95% CI 30-40", "about 3"])
def test_what_is_not_understood_is_refused(spread: str) -> None:
    with pytest.raises(InputError, match="spread"):
        spread_of("p", sourced(20.0, spread))


def test_every_shipped_spread_is_understood_and_some_models_have_none() -> None:
    found, without = {}, []
    for name in population_model_names():
        model = load_population_model(name)
        if any(value.spread for value in model.values.values()):
            found[name] = published_spreads(model)
        else:
            without.append(name)
            with pytest.raises(InputError, match="no value with a spread"):
                published_spreads(model)
    assert {"Umpierrez_2021", "Jiao_2009", "TerHeine_2018"} <= set(found)
    assert "Woillard_2011" in without
    for spreads in found.values():
        for spread in spreads:
            assert 0.0 < spread.deviation < 1.0 or not spread.log_normal


def test_draws_have_the_printed_median_and_spread() -> None:
    spreads = published_spreads(load_population_model("Umpierrez_2021"))
    drawn = draw_values(spreads, 40_000, spawn_generators(1, 1)[0])
    by_name = {spread.name: spread for spread in spreads}
    assert np.median(drawn["CL_typical"]) == pytest.approx(30.3, rel=0.005)
    assert np.std(drawn["CL_typical"]) / 30.3 == pytest.approx(0.0825, rel=0.03)  # RSE 8.25 %
    assert (drawn["Vp_typical"] > 0).all()
    assert np.std(drawn["CL_CRCL"]) == pytest.approx(by_name["CL_CRCL"].deviation, rel=0.03)
    few = draw_values(spreads, 3, spawn_generators(1, 1)[0])
    np.testing.assert_array_equal(few["CL_typical"], drawn["CL_typical"][:3])


def test_sets_from_a_file(tmp_path: Path) -> None:
    model = load_population_model("Woillard_2011")
    path = tmp_path / "sets.csv"
    path.write_text("CL_typical,Vp_typical\n20,250\n22,290\n")
    found = read_value_sets(model, path)
    assert found["Vp_typical"].tolist() == [250.0, 290.0]
    path.write_text("CL_typicl\n20\n")
    with pytest.raises(UnknownNameError, match="did you mean CL_typical"):
        read_value_sets(model, path)
    path.write_text("CL_typical\n")
    with pytest.raises(InputError, match="no rows"):
        read_value_sets(model, path)
