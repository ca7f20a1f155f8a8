"""A measured constant takes the place of the model's own, in its simulations and in its draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import InputError, UnitError
from limus.kernel.provenance import Kind
from limus.molecule.bench_result import BenchValue
from limus.signalling.bench_parameters import with_bench_values
from limus.signalling.culture import Culture, run_responses
from limus.signalling.model_library import load_model
from limus.signalling.potency import concentration_grid, summarise_curve
from limus.signalling.protocol import find_protocol
from limus.signalling.sourced_model import SourcedModel, draw_fitted

NAME = "tacrolimus.complex_dissociation_constant"


def measured(compound: str = "tacrolimus", **changes: object) -> BenchValue:
    value = BenchValue(
        compound=compound,
        quantity="complex_dissociation_constant",
        readout="calcineurin phosphatase",
        value=20.0,
        lower=16.0,
        upper=25.0,
        unit="nM",
        level_percent=95.0,
        n=24,
        n_of="wells",
        method="tight-binding fit",
        conditions="",
        file="plate.csv",
        file_sha256="a1" * 32,
        layout="layout.toml",
        layout_sha256="b2" * 32,
    )
    return replace(value, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def model() -> SourcedModel:
    return load_model("t_cell")


def put(model: SourcedModel, *values: BenchValue) -> tuple[SourcedModel, tuple[BenchValue, ...]]:
    return with_bench_values(model, values, dict.fromkeys(values, "bench_key"))


def test_it_takes_the_place_of_the_models_own(model: SourcedModel) -> None:
    own = model.parameters[NAME].value
    value = measured()
    changed, used = put(model, value)
    assert used == (value,)
    assert own != pytest.approx(20.0, rel=0.1), "the test would say nothing"
    parameter = changed.parameters[NAME]
    assert parameter.value == 20.0
    assert parameter.sourced.kind is Kind.MEASURED
    assert parameter.sourced.source == ("bench_key",)
    assert {p.name: p.value for p in changed.model.parameters}[NAME] == 20.0
    assert model.parameters[NAME].value == own, "the model that was given is not changed"


def test_a_weaker_complex_simulates_as_less_potent(model: SourcedModel) -> None:
    """Ten-fold the constant: the IC50 rises, a little more than ten-fold at most, where the immunophilin fills up."""
    own = model.parameters[NAME].value
    weaker, _ = put(model, measured(value=10 * own, lower=9 * own, upper=11 * own))
    before, after = (_ic50(m, "tacrolimus") for m in (model, weaker))
    assert 1.5 * before < after < 15 * before
    assert _ic50(model, "ciclosporin") == _ic50(weaker, "ciclosporin")


def _ic50(model: SourcedModel, drug: str) -> float:
    grid = concentration_grid(1e-3, 1e4, 3)
    culture = Culture.usual(find_protocol("anti_cd3_cd28"), "il2")
    answer = run_responses(model, culture, drug, grid, {"il2": culture.hours})
    return summarise_curve(grid, answer.percent["il2"][0]).ic50_absolute_nM


def test_units_are_converted_and_other_kinds_refused(model: SourcedModel) -> None:
    changed, _ = put(model, measured(value=0.02, lower=0.016, upper=0.025, unit="uM"))
    assert changed.parameters[NAME].value == pytest.approx(20.0)
    with pytest.raises(UnitError):
        put(model, measured(unit="h"))


def test_those_that_are_the_same_follow(model: SourcedModel) -> None:
    followers = [name for name, leader in model.followers.items() if leader == NAME]
    assert followers
    changed, _ = put(model, measured())
    assert {changed.parameters[name].value for name in followers} == {20.0}


def test_a_fitted_parameter_leaves_the_fit_and_the_others_keep_their_covariance(model: SourcedModel) -> None:
    names = [p.name for p in model.fitted]
    assert NAME in names
    changed, _ = put(model, measured())
    assert [p.name for p in changed.fitted] == [name for name in names if name != NAME]
    kept = [k for k, name in enumerate(names) if name != NAME]
    assert model.fit_draws is not None
    assert np.array_equal(changed.fit_draws, model.fit_draws[:, kept])


def test_it_is_drawn_from_its_own_interval(model: SourcedModel) -> None:
    changed, _ = put(model, measured())
    drawn = draw_fitted(changed, 4000, seed=1)[NAME]
    assert drawn[0] == 20.0
    # 4000 draws: the share within a 95 % interval has a standard error of 0.34 %
    assert np.mean((drawn >= 16.0) & (drawn <= 25.0)) == pytest.approx(0.95, abs=0.015)
    assert set(map(len, draw_fitted(changed, 3, seed=1).values())) == {4}


def test_without_an_interval_it_is_held(model: SourcedModel) -> None:
    changed, _ = put(model, measured(lower=float("nan"), upper=float("nan")))
    assert NAME not in draw_fitted(changed, 3, seed=1)
    assert changed.parameters[NAME].value == 20.0


def test_what_the_model_does_not_have_changes_nothing(model: SourcedModel) -> None:
    for value in (measured(quantity="ic50_absolute"), measured(compound="analogue 7")):
        changed, used = put(model, value)
        assert used == ()
        assert changed is model


def test_two_values_for_one_parameter_are_not_chosen_between(model: SourcedModel) -> None:
    with pytest.raises(InputError, match="20 and 30 nM"):
        put(model, measured(), measured(value=30.0, lower=25.0, upper=36.0))
