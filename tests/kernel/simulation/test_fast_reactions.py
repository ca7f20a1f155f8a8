"""Fast reactions are in equilibrium at every moment: closed forms of what is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.language import Model, Rule, read_model_text
from limus.kernel.simulation import Dose, compile_model, find_steady_state, simulate

TIMES = np.array([0.0, 0.5, 1.0, 2.0, 4.0])


def model(text: str, *fast: str) -> Model:
    read = read_model_text(f"model m()\n{text}\nend", language="antimony")
    return replace(read, reactions=tuple(replace(r, fast=r.name in fast) for r in read.reactions))


def run(text: str, *fast: str, outputs: str, doses: tuple[Dose, ...] = (), solver: str = "engine") -> np.ndarray:
    found = simulate(compile_model(model(text, *fast), outputs.split()), TIMES, doses=doses, solver=solver)
    assert found.status == ("ok",)
    return found.values[0].T


CHAIN = "species A, B, C; A = 3; B = 0; C = 0; J0: A -> B; 2*A - B; J1: B -> C; 0.3*B;"


@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_an_equilibrium_that_drains(solver: str) -> None:
    a, b, c = run(CHAIN, "J0", outputs="A B C", solver=solver)
    total = 3.0 * np.exp(-0.2 * TIMES)  # two thirds of it are B
    np.testing.assert_allclose([a, b, c], [total / 3, 2 * total / 3, 3.0 - total], rtol=1e-7, atol=1e-9)


def test_two_one_way_reactions_are_an_equilibrium_too() -> None:
    text = "species A, B, C; A = 3; B = 0; C = 0; J0: A -> B; 2*A; J2: B -> A; B; J1: B -> C; 0.3*B;"
    total = 3.0 * np.exp(-0.2 * TIMES)
    np.testing.assert_allclose(run(text, "J0", "J2", outputs="A B")[0], total / 3, rtol=1e-7)


def test_an_enzyme_that_binds_at_once() -> None:
    text = "species E, S, ES, P; E = 1; S = 5; ES = 0; P = 0; J0: E + S -> ES; 4*E*S - 2*ES; J1: ES -> E + P; 0.7*ES;"
    e, s, es, p = run(text, "J0", outputs="E S ES P")

    def bound(total: float) -> float:  # 4 (1 - x)(total - x) = 2 x
        half = 0.5 * (total + 1.5)
        return float(half - np.sqrt(half**2 - total))

    slow = solve_ivp(lambda _, y: [-0.7 * bound(y[0])], (0, 4), [5.0], t_eval=TIMES, rtol=1e-11, atol=1e-12).y[0]
    np.testing.assert_allclose(es, [bound(total) for total in slow], rtol=1e-7)
    np.testing.assert_allclose([e + es, s + es + p], [np.ones(5), np.full(5, 5.0)], rtol=1e-9)


@pytest.mark.parametrize("solver", ["engine", "reference"])
def test_what_is_given_reacts_at_once(solver: str) -> None:
    text = "species A, B; A = 0; B = 0; J0: A -> B; A; J1: B -> ; 0.5*B;"
    doses = (Dose(0.5, "A", 2.0), Dose(1.0, "A", 3.0, duration=1.0))
    a, b = run(text, "J0", outputs="A B", doses=doses, solver=solver)
    expected = 2.0 * np.exp(-0.5 * np.maximum(TIMES - 0.5, 0.0)) * (TIMES > 0.5)
    expected += 6.0 * (np.exp(-0.5 * np.maximum(TIMES - 2.0, 0.0)) - np.exp(-0.5 * np.maximum(TIMES - 1.0, 0.0)))
    np.testing.assert_allclose(b, expected, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(a, 0.0, atol=1e-8)


def test_events_see_the_equilibrium_and_disturb_it() -> None:
    text = CHAIN + "seen = 0; at (B > 1.5), t0=false: seen = B; k = 1; at (time >= 1): A = 6;"
    a, b, seen = run(text, "J0", outputs="A B seen")
    assert seen.tolist() == pytest.approx([2.0] * 5, rel=1e-9)
    total = 3.0 * np.exp(-0.2 * TIMES)
    at_one = 6.0 + 2.0 * np.exp(-0.2)
    total[2:] = at_one * np.exp(-0.2 * (TIMES[2:] - 1.0))
    np.testing.assert_allclose([a, b], [total / 3, 2 * total / 3], rtol=1e-7)


def test_a_reaction_that_uses_up_what_is_made() -> None:
    text = "species A, B, P; A = 0; B = 1; P = 0; J0: A + B -> P; A*B; J1: -> A; 1; J2: -> B; 0.5;"
    a, b, p = run(text, "J0", outputs="A B P")
    np.testing.assert_allclose([p + a, p + b], [TIMES, 1 + 0.5 * TIMES], rtol=1e-7, atol=1e-9)
    short = np.minimum(a, b)
    assert short[[0, 1, 2, 4]].max() < 1e-7
    assert short[3] < 1e-4  # just then both are used up: they are as small as sqrt(1/FAST) lets them be


def test_in_a_compartment_and_with_a_conversion_factor() -> None:
    text = "compartment V; V = 4; species A in V, B in V; A = 2; B = 0; J0: A -> B; (A - B)*V;"
    read = model(text, "J0")
    read = replace(read, species=(replace(read.species[0], conversion_factor="f"), *read.species[1:]))
    read = replace(read, parameters=(replace(model("f = 3;").parameters[0]),))
    found = simulate(compile_model(read, ["A", "B"]), TIMES).values[0]
    np.testing.assert_allclose(found, np.full((5, 2), 0.5), rtol=1e-9)  # 3 of A make 1 of B


def test_without_an_equilibrium_the_status_says_so() -> None:
    text = "species A, B; A = 3; B = 0; k = 1; J0: A -> B; k;"
    compiled = compile_model(model(text, "J0"), ["A"])
    found = simulate(compiled, TIMES, {"k": [1.0, 0.0]})
    assert found.status == ("fast reactions or algebraic rules have no solution near the state", "ok")
    assert np.isnan(found.values[0]).all()
    assert (found.values[1] == 3.0).all()


def test_a_fast_reaction_that_is_not_fast_is_a_status() -> None:
    text = "species A, B, C; A = 3; B = 0; C = 0; slow = 1; J0: A -> B; slow*(2*A - B); J1: B -> C; 0.3*B;"
    found = simulate(compile_model(model(text, "J0"), ["A"]), TIMES, {"slow": [1.0, 1e-3, 1e-8]})
    assert found.status == ("ok", "ok", "a fast reaction is not fast beside the others")
    np.testing.assert_allclose(found.values[1], found.values[0], rtol=1e-6)


@pytest.mark.parametrize("more", ["rate := J0;", "rate := rateOf(A);", "x = 1; x' = J0;", "at (J0 > 1): k = 2; k = 1;"])
def test_the_rate_of_a_fast_reaction_is_refused(more: str) -> None:
    with pytest.raises(UnsupportedFeatureError, match="fast reaction"):
        compile_model(model(CHAIN + more, "J0"))
    with pytest.raises(UnsupportedFeatureError, match="rate of J0"):
        compile_model(model(CHAIN, "J0"), ["J0"])


def test_what_needs_smooth_equations_is_refused() -> None:
    with pytest.raises(UnsupportedFeatureError, match="fast reactions or algebraic rules"):
        compile_model(model(CHAIN, "J0"), sensitivities=["A"])
    with pytest.raises(UnsupportedFeatureError, match="steady state"):
        find_steady_state(compile_model(model(CHAIN, "J0")))


@pytest.mark.parametrize(
    ("rate", "rule", "share"), [("2*A - B", "z^2 - B", 2 / 3), ("z*A - B", "z^2 + 0*B - 4", 2 / 3)]
)
def test_with_an_algebraic_rule(rate: str, rule: str, share: float) -> None:
    text = f"species A, B, C; A = 3; B = 0; C = 0; J0: A -> B; {rate}; J1: B -> C; 0.3*B; z = 1; zero := {rule};"
    read = model(text, "J0")
    rules = tuple(Rule("algebraic", "", r.formula) for r in read.rules)
    parameters = tuple(replace(p, constant=p.name != "z") for p in read.parameters if p.name != "zero")
    compiled = compile_model(replace(read, rules=rules, parameters=parameters), ["B", "z"])
    b, z = simulate(compiled, TIMES, relative_tolerance=1e-9).values[0].T
    expected = 3.0 * share * np.exp(-0.3 * share * TIMES)
    np.testing.assert_allclose(b, expected, rtol=1e-7)
    np.testing.assert_allclose(z, np.sqrt(expected) if "- B" in rule else 2.0, rtol=1e-7)
