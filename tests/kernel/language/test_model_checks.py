from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.checks import Severity, run_checks
from limus.kernel.errors import UnknownNameError
from limus.kernel.language import MODEL_CHECKS, Model, conservation_check, read_model_text, without_inert_species
from limus.kernel.simulation import Dose, compile_model, simulate

GOOD = """
model good
  unit substance = 1e-9 mole; unit time_unit = 3600 second; unit volume = litre;
  compartment c = 1; species A in c, B in c, AB in c; A = 1; B = 2; AB = 0
  binding: A + B => AB; c*(k_on*A*B - k_off*AB); k_on = 1; k_off = 2
end
"""


def read(text: str) -> Model:
    return read_model_text(text, language="antimony")


def fired(text: str) -> set[str]:
    return {f.check for f in run_checks(read(text), MODEL_CHECKS)}


def test_every_check_is_silent_on_a_good_model() -> None:
    assert fired(GOOD) == set()


def test_undeclared_units_fire() -> None:
    assert fired("x := 1") == {"undeclared-units"}
    findings = run_checks(read("x := 1"), MODEL_CHECKS)
    assert {f.severity for f in findings} == {Severity.WARNING}
    assert len(findings) == 3


def test_unused_parameter_fires() -> None:
    (found,) = run_checks(read(GOOD.replace("k_off = 2", "k_off = 2; spare = 1")), MODEL_CHECKS)
    assert (found.check, found.got, found.severity) == ("unused-parameter", "spare", Severity.WARNING)


@pytest.mark.parametrize("change", ["k_on*A*B", "k_on*A*B*spare"])
def test_missing_value_fires_for_what_is_used(change: str) -> None:
    text = GOOD.replace("k_on = 1;", "") if change == "k_on*A*B" else GOOD.replace("k_on*A*B", change)
    (found,) = run_checks(read(text), MODEL_CHECKS)
    assert found.check == "missing-value"
    assert found.severity is Severity.ERROR
    assert ("k_on" if change == "k_on*A*B" else "spare") in found.got


def test_undefined_symbol_fires_and_names_the_reaction() -> None:
    model = read(GOOD)
    broken = replace(model, parameters=tuple(p for p in model.parameters if p.name != "k_on"))
    (found,) = run_checks(broken, MODEL_CHECKS)
    assert (found.check, found.got) == ("undefined-symbol", "k_on")
    assert "reaction binding" in found.where


def test_conservation_names_the_reaction() -> None:
    model = read(GOOD)
    assert run_checks(model, [conservation_check({"A": ["A", "AB"], "B": ["B", "AB"]})]) == ()
    (found,) = run_checks(model, [conservation_check({"A": ["A"]})])
    assert "binding changes it by -1" in found.got
    assert "A" in found.where
    twice = read(GOOD.replace("=> AB", "=> 2 AB"))
    (found,) = run_checks(twice, [conservation_check({"A": ["A", "AB"]})])
    assert "by 1" in found.got
    (found,) = run_checks(model, [conservation_check({"A": ["A", "AB", "ghost"]})])
    assert "ghost" in found.got


def test_with_values() -> None:
    model = read(GOOD + "")
    assert model.with_values({"A": 7.0, "c": 2.0}).values["A"] == 7.0
    assert model.values["A"] == 1.0
    with pytest.raises(UnknownNameError, match="k_on"):
        model.with_values({"k_onn": 1.0})
    started = read("a = 2; b = 3*a; x' = b; x = 0")
    assert [a.variable for a in started.initial_assignments] == ["b"]
    assert started.with_values({"b": 5.0}).initial_assignments == ()


TWO_DRUGS = """
model two
  compartment c = 2; species T in c, D in c, DT in c, E in c, ET in c, M in c
  T = 10; D = 4; DT = 0; E = 0; ET = 0; M = 0
  bind_D: D + T => DT; c*(0.3*D*T - 0.1*DT)
  bind_E: E + T => ET; c*(0.7*E*T - 0.2*ET)
  burn_E: E => M; c*E
  leave: D => ; c*0.05*D
  share := (DT + ET)/(T + DT + ET)
  burnt := burn_E/c
end
"""


def test_an_unused_drug_is_left_out_exactly() -> None:
    model = read(TWO_DRUGS)
    small = without_inert_species(model)
    assert {s.name for s in small.species} == {"T", "D", "DT"}
    assert {r.name for r in small.reactions} == {"bind_D", "leave"}
    names = ("T", "D", "DT", "share", "burnt")
    times = np.linspace(0, 30, 40)
    full = simulate(compile_model(model, names), times)
    less = simulate(compile_model(small, names), times)
    full.require_success("full")
    less.require_success("small")
    # not bit by bit: LSODA's error norm is a mean over species, so its steps differ; exactness is the next test
    np.testing.assert_allclose(less.values, full.values, rtol=1e-6, atol=1e-9)
    assert (less.output("burnt") == 0).all()
    assert without_inert_species(small) is small


def test_the_right_hand_side_is_exactly_equal_where_the_inert_are_zero() -> None:
    model = read(TWO_DRUGS)
    full, less = compile_model(model), compile_model(without_inert_species(model))
    generator = np.random.default_rng(1)
    for _ in range(20):
        state = dict(zip(less.states, generator.uniform(0, 10, len(less.states)), strict=True))
        wide = [float(state.get(name, 0.0)) for name in full.states]
        rates = dict(zip(full.states, full.evaluate("derivatives", 0.0, wide, full.defaults.tolist()), strict=True))
        narrow = less.evaluate("derivatives", 0.0, [float(v) for v in state.values()], less.defaults.tolist())
        assert [rates[name] for name in less.states] == narrow


def test_a_dose_target_is_kept_with_all_that_it_reaches() -> None:
    model = read(TWO_DRUGS)
    kept = without_inert_species(model, active=["E"])
    assert kept is model
    times = [0.0, 1.0, 5.0]
    doses = [Dose(0.0, "E", 3.0)]
    with_dose = simulate(compile_model(kept), times, doses=doses)
    assert with_dose.output("ET")[0, -1] > 0.1


def test_what_is_assigned_or_made_is_kept() -> None:
    assert without_inert_species(read("species A; A = 0; k = 1; -> A; k")).species
    assert without_inert_species(read("species A, B; A = 0; B = 2*k; k = 1; B -> A; B")).species
    ruled = read("species A; A = 0; A' = 1 - A")
    assert [s.name for s in without_inert_species(ruled).species] == ["A"]
    fed = read("species A, B, $C; A = 0; B = 0; C = 0; C -> B; C; B -> A; B")
    # a boundary species at zero may be set by the user, so what it makes stays
    assert {s.name for s in without_inert_species(fed).species} == {"A", "B", "C"}


def test_events_do_not_keep_the_name_of_what_was_left_out() -> None:
    model = read("species A, B; A = 0; B = 1; B -> ; B; A -> ; A; E: at (A > 1 || time > 2): B = 5 + A")
    small = without_inert_species(model)
    assert [s.name for s in small.species] == ["B"]
    assert {f.check for f in run_checks(small, MODEL_CHECKS)} <= {"undeclared-units"}
