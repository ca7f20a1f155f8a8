"""Algebraic rules: which name they determine, and what it then is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.checks import Severity
from limus.kernel.errors import LimusError, ModelError, UnsupportedFeatureError
from limus.kernel.language import (
    MODEL_CHECKS,
    Model,
    Rule,
    read_model_text,
    with_algebraic_rules_solved,
    without_inert_species,
)
from limus.kernel.simulation import Dose, compile_model, simulate

TIMES = np.array([0.0, 0.5, 1.0, 3.0])


def model(text: str) -> Model:
    """An assignment to zero, zero1, ... is an algebraic rule; ``var`` makes a parameter one that may change."""
    read = read_model_text(f"model m()\n{text}\nend", language="antimony")
    rules = [Rule("algebraic", "", r.formula) if r.variable.startswith("zero") else r for r in read.rules]
    parameters = [p for p in read.parameters if not p.name.startswith("zero")]
    return replace(read, rules=tuple(rules), parameters=tuple(parameters))


def run(text: str, outputs: str, doses: tuple[Dose, ...] = (), solver: str = "reference") -> np.ndarray:
    found = simulate(compile_model(model(text), outputs.split()), TIMES, doses=doses, solver=solver)
    assert found.status == ("ok",)
    return found.values[0].T


DECAY = "x = 3; x' = -x; "
X = 3.0 * np.exp(-TIMES)


@pytest.mark.parametrize(
    ("text", "z"),
    [
        ("var z; zero := 2*z - x;", X / 2),
        ("var z; zero := x*z - 1;", 1 / X),
        ("var y, z; zero1 := y + z - x; zero2 := y - z - 1;", (X - 1) / 2),
        ("var z; y := 3*z; zero := y - z - x;", X / 2),  # through an assignment rule
        ("var z; zero := piecewise(z, x > 1, 2*z) - x;", np.where(X > 1, X, X / 2)),
        ("var z; zero := (z - x)*2 + z/4;", X * 8 / 9),
    ],
)
def test_what_is_linear_is_a_formula(text: str, z: np.ndarray) -> None:
    assert all(rule.kind != "algebraic" for rule in with_algebraic_rules_solved(model(DECAY + text)).rules)
    np.testing.assert_allclose(run(DECAY + text, "z")[0], z, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "z"),
    [
        ("var z; z = 1; zero := z^2 - x;", np.sqrt(X)),
        ("var z; z = -1; zero := z^2 - x;", -np.sqrt(X)),  # the solution near the value that the model gives
        ("var z; z = 1; y := z*z; zero := y + z - x;", np.sqrt(0.25 + X) - 0.5),
        ("var y, z; z = 3.5; y = 0.5; zero1 := y*z - x; zero2 := y + z - 4;", 2 + np.sqrt(4 - X)),
        ("var z; z = 0; zero := exp(z) - x - time;", np.log(X + TIMES)),
    ],
)
@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_what_is_not_linear_is_followed(text: str, z: np.ndarray, solver: str) -> None:
    np.testing.assert_allclose(run(DECAY + text, "z", solver=solver)[0], z, rtol=1e-6, atol=1e-8)


def test_a_compartment_whose_concentrations_decide_its_size() -> None:
    # the amount q of s halves each time unit; V^2 = q, as [s] V^2 = V [s] V
    text = "var compartment V; V = 2; species s in V; amount = 4; J: s -> ; 0.5*s*V; zero := s*V - V^2;"
    read = model(text)
    species = replace(read.species[0], initial=4.0, initial_is_amount=True)
    found = simulate(compile_model(replace(read, species=(species,)), ["s", "V"]), TIMES, solver="reference")
    size = np.sqrt(4.0 * np.exp(-0.5 * TIMES))
    np.testing.assert_allclose(found.values[0], np.stack([size, size], axis=1), rtol=1e-6)
    with pytest.raises(UnsupportedFeatureError, match="initial value of V"):
        compile_model(replace(read, species=(replace(species, initial_is_amount=False),)))


def test_a_species_that_a_rule_determines_is_neither_inert_nor_missing() -> None:
    read = model("species z; x = 3; x' = -x; zero := 2*z - x;")
    solved = without_inert_species(replace(read, species=(replace(read.species[0], initial=0.0),)))
    found = simulate(compile_model(solved, ["z"]), TIMES, solver="reference").output("z")[0]
    np.testing.assert_allclose(found, X / 2, rtol=1e-6)
    checked = replace(read, species=(replace(read.species[0], initial=float("nan")),))
    assert not [f for check in MODEL_CHECKS for f in check.ask(checked) if f.severity is Severity.ERROR]


def test_it_holds_after_events_and_doses() -> None:
    text = "species s; s = 3; s' = -s; var z; z = 1; zero := z^3 + z - s; seen = 0; at (time >= 1): s = 8;"
    text += "at (z > 2.5), t0=false: seen = z;"
    s, z, seen = run(text, "s z seen", doses=(Dose(2.0, "s", 30.0),))
    expected = 3.0 * np.exp(-TIMES)
    expected[2] = 8.0
    expected[3] = (8.0 * np.exp(-1.0) + 30.0) * np.exp(-1.0)
    np.testing.assert_allclose(s, expected, rtol=1e-7)
    np.testing.assert_allclose(z**3 + z, s, rtol=1e-6)
    height = 8.0 * np.exp(-1.0) + 30.0
    assert seen[-1] == pytest.approx(np.roots([1, 0, 1, -height]).real.max(), rel=1e-7)


def test_the_name_without_a_value_is_the_one_that_is_determined() -> None:
    solved = with_algebraic_rules_solved(model("var a, b, c; a = 1; b = 2; zero := a + b - c;"))
    assert [rule.variable for rule in solved.rules] == ["c"]
    event = "at (time > 1): a = 2;"
    solved = with_algebraic_rules_solved(model("var a, b; a = 1; b = 2; zero := a - b;" + event))
    assert [rule.variable for rule in solved.rules] == ["b"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("var a, b; a = 1; b = 2; zero := a - b;", "may determine"),
        ("var a, b; zero := a - b;", "may determine"),
        ("a = 1; b := a; zero := a - b;", "algebraic rule"),  # nothing is free
        ("var a; zero1 := a - 1; zero2 := a - 2;", "algebraic rule"),  # too many
        ("var z; x = 2; zero := z^2 - x;", "no value for z"),  # two solutions and nothing to choose by
        ("var z; z = 1; x = 2; zero := z^2 - x; y = 2*z; y' = -y;", "initial value of z"),
        ("var z; x = 1; x' = 1; zero := z - x; at (time > 1): z = 3;", "an event sets"),
    ],
)
def test_what_stays_open_is_refused(text: str, words: str) -> None:
    with pytest.raises((UnsupportedFeatureError, ModelError), match=words) as caught:
        simulate(compile_model(model(text)), TIMES)
    assert isinstance(caught.value, LimusError)


def test_without_a_solution_the_status_says_so() -> None:
    found = simulate(compile_model(model("var z; z = 1; x = 2; zero := z^2 - x;"), ["z"]), TIMES, {"x": [-1.0, 4.0]})
    assert found.status[0] == "fast reactions or algebraic rules have no solution near the state"
    np.testing.assert_allclose(found.values[1, :, 0], 2.0, rtol=1e-9)
    # the solution ends at time 1, where the square would become negative
    ends = simulate(compile_model(model("x = 1; x' = -1; var z; z = 1; zero := z^2 - x;"), ["z"]), TIMES)
    assert ends.status[0] != "ok"
    assert np.isfinite(ends.values[0, :2]).all()
    assert np.isnan(ends.values[0, 3]).all()
