"""Which constants a potency depends on: elasticities against simulations of their own, distributions, the flat tail."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import InputError, SolveError, UnknownNameError
from limus.kernel.execution import Execution
from limus.signalling import sensitivity
from limus.signalling.constant_spread import MovableConstant, movable_constants, quantiles
from limus.signalling.culture import Culture, Responses, run_responses
from limus.signalling.model_library import load_model
from limus.signalling.potency import CurveStatus, concentration_grid, summarise_curve
from limus.signalling.protocol import find_protocol
from limus.signalling.sensitivity import Question, move_one_by_one
from limus.signalling.sourced_model import SourcedModel
from limus.signalling.variance_sensitivity import most_influential, vary_together

GRID = concentration_grid(1e-3, 1e3, 4)
HERE = Execution(seed=1, workers=1)


@pytest.fixture(scope="module")
def model() -> SourcedModel:
    return load_model("t_cell")


@pytest.fixture(scope="module")
def question(model: SourcedModel) -> Question:
    culture = Culture.usual(find_protocol("mlr"), "nfat")
    return Question(model, culture, "tacrolimus", "nfat", GRID, GRID)


def named(question: Question, *names: str, drug: str = "") -> tuple[MovableConstant, ...]:
    return movable_constants(question.model, question.culture, drug or question.drug, names)


def ic50(question: Question, drug: str = "tacrolimus", **parameters: float) -> float:
    """Of the model with other numbers, by a run of its own."""
    values = {name.replace("__", "."): np.array([value]) for name, value in parameters.items()}
    hours = {question.readout: question.culture.hours}
    answer = run_responses(question.model, question.culture, drug, GRID, hours, parameters=values)
    return summarise_curve(GRID, answer.percent[question.readout][0]).ic50_absolute_nM


def test_an_elasticity_is_what_two_runs_of_their_own_give(question: Question) -> None:
    (constant,) = named(question, "calcineurin_total")
    effect = move_one_by_one(question, (constant,), HERE).effects[0]
    base = ic50(question)
    up, down = (ic50(question, calcineurin_total=constant.value * f) for f in (1.1, 1 / 1.1))
    assert effect.fold_up == pytest.approx(up / base, rel=1e-4)
    assert effect.fold_down == pytest.approx(down / base, rel=1e-4)
    assert effect.elasticity == pytest.approx(math.log(up / down) / (2 * math.log(1.1)), rel=1e-3)
    far = ic50(question, calcineurin_total=constant.value * 10**constant.log10_sd)
    assert effect.fold_spread_up == pytest.approx(far / base, rel=1e-4)
    assert effect.status == "ok"


def test_the_order_of_the_constants_and_the_pieces_change_nothing(
    question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("calcineurin_total", "stimulus_strength", "fkbp12_total")
    together = {e.constant.name: e for e in move_one_by_one(question, named(question, *names), HERE).effects}
    monkeypatch.setattr(sensitivity, "_SETS_AT_ONCE", 3)
    other = move_one_by_one(question, named(question, *reversed(names)), HERE)
    assert [e.constant.name for e in other.effects] == list(reversed(names))
    for effect in other.effects:
        assert effect.elasticity == pytest.approx(together[effect.constant.name].elasticity, rel=1e-3)


def test_the_stimulus_moves_without_the_background(question: Question) -> None:
    (constant,) = named(question, "stimulus_strength")
    effect = move_one_by_one(question, (constant,), HERE).effects[0]
    culture = replace(question.culture, overrides={"stimulus_strength": 1.1 * constant.value})
    moved = ic50(replace(question, culture=culture))
    assert effect.fold_up == pytest.approx(moved / ic50(question), rel=1e-4)
    assert constant.is_condition


def test_followers_move_with_their_leader(model: SourcedModel, question: Question) -> None:
    ascomycin = replace(question, drug="ascomycin")
    names = {c.name for c in movable_constants(model, question.culture, "ascomycin")}
    assert "tacrolimus.complex_dissociation_constant" in names
    assert "ascomycin.complex_dissociation_constant" not in names
    assert "tacrolimus.dissociation_constant" not in names
    constants = named(question, "tacrolimus.complex_dissociation_constant", drug="ascomycin")
    effect = move_one_by_one(ascomycin, constants, HERE).effects[0]
    moved = ic50(question, "ascomycin", ascomycin__complex_dissociation_constant=1.1 * constants[0].value)
    assert effect.fold_up == pytest.approx(moved / ic50(question, "ascomycin"), rel=1e-4)
    assert abs(effect.elasticity) > 0.1


def test_shares_do_not_pass_one_and_fitted_constants_keep_their_posterior(question: Question) -> None:
    found = {c.name: c for c in movable_constants(question.model, question.culture, "tacrolimus")}
    assert found["mtor.akt_without_mtorc2"].upper == 1.0
    assert found["tacrolimus.fraction_unbound_plasma"].upper == 1.0
    assert found["calcium_stimulated"].upper == math.inf
    fitted = question.model.parameters["calcineurin_total"]
    assert found["calcineurin_total"].log10_sd == fitted.log10_standard_error
    assert "posterior" in found["calcineurin_total"].spread_from
    assert (found["calcineurin_total"].lower, found["calcineurin_total"].upper) == (fitted.lower, fitted.upper)
    assert "convention" in found["calcium_stimulated"].spread_from
    assert not {"medium", "stimulus_start", "il2_added", "tacrolimus.partition_coefficient"} & set(found)


def test_without_a_fit_the_prior_is_the_spread(question: Question) -> None:
    bare = load_model("t_cell", with_fit=False)
    (constant,) = movable_constants(bare, question.culture, "tacrolimus", ("calcineurin_total",))
    assert constant.log10_sd == bare.parameters["calcineurin_total"].prior_log10_sd
    assert constant.spread_from.startswith("prior")


def test_a_bound_cuts_the_step_and_the_distribution(question: Question) -> None:
    (free,) = named(question, "mtor.akt_without_mtorc2")
    near = replace(free, value=0.95, log10_sd=0.3)
    effect = move_one_by_one(question, (near,), HERE).effects[0]
    assert math.isnan(effect.fold_up)
    assert not math.isnan(effect.fold_down)
    assert effect.status == "ok"
    drawn = quantiles(near, np.linspace(0.001, 0.999, 999))
    assert drawn.max() <= 1.0
    assert np.all(np.diff(drawn) > 0)
    wide = quantiles(replace(near, upper=math.inf), np.array([0.5, 0.841344746]))
    np.testing.assert_allclose(wide, [0.95, 0.95 * 10**0.3], rtol=1e-6)


def _answer(ic50_of: dict[float, float], failing: float = -1.0) -> object:
    """A model that answers with a given IC50 for each value of calcineurin_total."""

    def respond(model, culture, drug, outside, readouts, *, parameters, execution):
        values = parameters["calcineurin_total"]
        if failing in values.tolist():
            raise SolveError("test", "no step", "a step", "")
        rows = [100.0 / (1.0 + outside / ic50_of.get(float(v), 1.0)) for v in values]
        return Responses(outside, {"nfat": np.array(rows)}, {}, {})

    return respond


def test_a_flat_tail_is_flagged(question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    (constant,) = named(question, "calcineurin_total")
    up, down = constant.value * 1.1, constant.value / 1.1
    for moved, flagged in (({up: 3.5}, True), ({up: 2.9}, False), ({down: 0.3}, True), ({up: 1e4}, True)):
        monkeypatch.setattr(sensitivity, "run_responses", _answer(moved))
        effect = move_one_by_one(question, (constant,), HERE).effects[0]
        assert effect.flat_tail is flagged, moved
    assert effect.status == "half_not_reached"
    assert effect.influence == pytest.approx(0.0, abs=1e-9)


def test_a_set_that_fails_does_not_stop_the_rest(question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = named(question, "calcineurin_total", "fkbp12_total")
    monkeypatch.setattr(sensitivity, "run_responses", _answer({}, failing=constants[0].value * 1.1))
    found = move_one_by_one(question, constants, HERE)
    assert [e.status for e in found.effects] == ["simulation_failed", "ok"]
    assert found.effects[0].fold_down == pytest.approx(1.0)
    assert not found.effects[0].flat_tail


def test_variance_is_divided_as_the_elasticities_say(question: Question) -> None:
    names = ("calcineurin_total", "tacrolimus.dissociation_constant", "permeation_rate")
    constants = tuple(replace(c, log10_sd=0.05) for c in named(question, *names))
    local = move_one_by_one(question, constants, HERE)
    found = vary_together(question, constants, local.base, 64, HERE)
    # close to its value a response is linear in the logarithms, so shares are squares of elasticities; with 64 points
    # the estimate of a share has a standard error of a few hundredths
    squares = np.array([e.elasticity**2 for e in local.effects])
    np.testing.assert_allclose(found.indices.total, squares / squares.sum(), atol=0.1)
    assert found.response == "log10_ic50_absolute_nM"
    assert found.sets == 64 * 5
    assert (found.failed_points, found.without_ic50) == (0, 0)
    again = vary_together(question, constants, local.base, 64, HERE)
    np.testing.assert_array_equal(found.indices.total_interval, again.indices.total_interval)
    assert [c.name for c in most_influential(local, 2)] == [names[i] for i in np.argsort(-squares)[:2]]


def test_without_an_ic50_the_largest_inhibition_stands_for_it(question: Question) -> None:
    weak = replace(question, concentrations=GRID[:5], outside=GRID[:5])
    constants = named(question, "calcineurin_total")
    local = move_one_by_one(weak, constants, HERE)
    assert local.base.status in {CurveStatus.HALF_NOT_REACHED, CurveStatus.NO_EFFECT}
    assert local.response == "max_inhibition_fraction"
    assert not local.effects[0].flat_tail
    assert vary_together(weak, constants, local.base, 16, HERE).response == "max_inhibition_fraction"


def test_names_are_checked(question: Question) -> None:
    with pytest.raises(UnknownNameError, match="calcineurin_total"):
        named(question, "calcineurin_totl")
    for name in ("tacrolimus.partition_coefficient", "ascomycin.complex_dissociation_constant", "medium"):
        with pytest.raises(InputError, match=name.split(".")[-1]):
            named(question, name)
    with pytest.raises(InputError, match="stimulus_strength"):
        vary_together(question, named(question, "stimulus_strength"), summarise_curve(GRID, 100 / (1 + GRID)), 16, HERE)
