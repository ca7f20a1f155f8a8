"""SBML that limus writes: read back it is the same model, in its equations and in its course."""

from __future__ import annotations

import re

import numpy as np
import pytest

from limus.kernel.language import Model, read_model_text
from limus.kernel.language.sbml_writer import sbml_identifiers, write_sbml
from limus.kernel.simulation import CompiledModel, compile_model, simulate

TEXT = """
function hill(x, k, n) x^n/(k^n + x^n) end
model part(factor) y = 1; y' = -factor*y; end
model *whole()
  unit substance = 1e-9 mole; unit extent = 1e-9 mole; unit time_unit = 3600 second; unit volume = litre;
  unit nM = 1e-9 mole/litre; unit per_hour = 1/(3600 second);
  compartment cell = 2, outside = 5;
  species A in cell = 3, B in cell = 0, $F in outside = 4;
  substanceOnly species N in outside = 6;
  k = 0.3 per_hour; limit = 2 nM;
  grow: A => 2 B; cell*k*hill(A, limit, 2);
  leave: B => ; cell*0.1*B*ln(1 + A)/log10(20 + time);
  enter: F => N; outside*0.01*F;
  gate := piecewise(A, time >= 0.7 && B < 4, A/2, !(B < 1), -1e-3);
  w = 1; w' = -w*gate*(A > 1) + sqrt(abs(w)) - exp(-time)*w^1.5;
  P: part(k);
  total := A + B; started = 3*limit; z := ceil(total) + floor(started) + sin(w)/cosh(w);
  kick: at 2 after time > 0.5, priority=3, t0=false, fromTrigger=false: A = A + 1, w = 0.5;
  A is "the first <one> & only";
end
"""
TIMES = np.linspace(0.0, 4.0, 17)


def read(text: str) -> Model:
    return read_model_text(text, language="sbml")


def pairs(model: Model) -> tuple[CompiledModel, CompiledModel, dict[str, str]]:
    return compile_model(model), compile_model(read(write_sbml(model))), sbml_identifiers(model)


def test_what_is_read_back_has_the_same_equations() -> None:
    ours, theirs, ids = pairs(read_model_text(TEXT, language="antimony"))
    assert tuple(ids[name] for name in ours.states) == theirs.states
    assert {ids[name] for name in ours.inputs} == set(theirs.inputs)
    generator = np.random.default_rng(1)
    given = dict(zip(theirs.inputs, theirs.defaults.tolist(), strict=True))
    assert [given[ids[name]] for name in ours.inputs] == ours.defaults.tolist()
    one, two = ours.defaults.tolist(), theirs.defaults.tolist()
    np.testing.assert_allclose(ours.evaluate("initial", 0.0, [], one), theirs.evaluate("initial", 0.0, [], two))
    for _ in range(5):
        state, time = generator.lognormal(size=len(ours.states)).tolist(), float(generator.uniform(0, 4))
        for name in ("derivatives", "outputs", "triggers", "delays", "priorities", "kicks"):
            a, b = ours.evaluate(name, time, state, one), theirs.evaluate(name, time, state, two)
            np.testing.assert_allclose(a, b, rtol=1e-13, err_msg=name)


def test_what_is_read_back_runs_the_same_course() -> None:
    model = read_model_text(TEXT, language="antimony")
    ours, theirs, _ = pairs(model)
    a, b = (simulate(c, TIMES, relative_tolerance=1e-9, absolute_tolerance=1e-12) for c in (ours, theirs))
    np.testing.assert_allclose(a.values, b.values, rtol=1e-9)
    assert np.ptp(a.output("w")) > 0.1


def test_dots_become_two_underscores_and_the_name_stays() -> None:
    model = read_model_text(TEXT, language="antimony")
    ids = sbml_identifiers(model)
    assert ids["P.y"] == "P__y"
    assert len(set(ids.values())) == len(ids)
    text = write_sbml(model)
    assert 'id="P__y" name="P.y"' in text
    assert 'name="the first &lt;one&gt; &amp; only"' in text


def test_names_that_would_meet_are_kept_apart() -> None:
    local = read(
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="m">'
        '<listOfCompartments><compartment id="c" size="1" constant="true"/></listOfCompartments>'
        '<listOfSpecies><species id="S" compartment="c" initialConcentration="1" hasOnlySubstanceUnits="false" '
        'boundaryCondition="false" constant="false"/></listOfSpecies>'
        '<listOfParameters><parameter id="r__k" value="9" constant="true"/></listOfParameters>'
        '<listOfReactions><reaction id="r" reversible="false" fast="false"><listOfReactants><speciesReference '
        'species="S" stoichiometry="1" constant="true"/></listOfReactants><kineticLaw>'
        '<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>k</ci><ci>S</ci></apply></math>'
        '<listOfLocalParameters><localParameter id="k" value="2"/></listOfLocalParameters></kineticLaw></reaction>'
        "</listOfReactions></model></sbml>"
    )
    ids = sbml_identifiers(local)
    assert {ids["r.k"], ids["r__k"]} == {"r__k", "r__k_"}
    again = read(write_sbml(local))
    assert again.values["r__k"] == 9
    assert again.values["r__k_"] == 2


def test_units_are_declared_where_the_model_has_them() -> None:
    model = read_model_text(TEXT, language="antimony")
    again = read(write_sbml(model))
    assert (again.units.time, again.units.substance, again.units.extent) == ("h", "nmol", "nmol")
    units = {p.name: p.unit for p in again.parameters}
    assert (units["k"], units["limit"], units["w"]) == ("1/h", "nM", "")


@pytest.mark.parametrize(("formula", "version"), [("max(x, 2)", 2), ("x^2", 1)])
def test_the_version_is_the_lowest_that_has_the_mathematics(formula: str, version: int) -> None:
    text = write_sbml(read_model_text(f"x = 1; x' = -x; y := {formula}", language="antimony"))
    assert f'level="3" version="{version}"' in text
    found = simulate(compile_model(read(text), ["y"]), [0.0]).output("y")[0, 0]
    assert found == {2: 2.0, 1: 1.0}[version]


def test_notes_are_kept_as_plain_text() -> None:
    text = write_sbml(Model("m"), notes=["a < b & c"])
    assert re.search(r"<p>a &lt; b &amp; c</p>", text)
