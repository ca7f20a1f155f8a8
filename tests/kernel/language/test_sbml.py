"""SBML written by hand, read and simulated: species, compartments and reactions, each with a closed form."""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.errors import ModelError
from limus.kernel.simulation import compile_model

from .sbml_text import (
    START,
    C,
    T,
    decay,
    l2,
    l3,
    m,
    mul,
    near,
    parameter,
    parameters,
    read,
    run,
    s,
    species,
)


@pytest.mark.parametrize("size", ["1", "4"])
def test_amount_and_concentration_symbols(size: str) -> None:
    model = parameters(parameter("k", "0.3")) + decay(mul("k", "S"))
    v = float(size)
    # symbol is a concentration: dn/dt = -k*n/v
    near(run(l3(C.format(size) + species(s("S", START)) + model), "S")["S"], 4 * np.exp(-0.3 * T / v))
    # symbol is an amount: dn/dt = -k*n
    near(run(l3(C.format(size) + species(s("S", START, only=True)) + model), "S")["S"], 4 * v * np.exp(-0.3 * T))
    near(run(l3(C.format(size) + species(s("S", 'initialAmount="8"')) + model), "S")["S"], 8 / v * np.exp(-0.3 * T / v))


def growing(content: str) -> str:
    home = (
        '<listOfCompartments><compartment id="c" size="1" spatialDimensions="3" constant="false"/></listOfCompartments>'
    )
    rule = f'<listOfRules><rateRule variable="c">{m("<cn>1</cn>")}</rateRule></listOfRules>'
    return l3(home + content + rule)


def test_in_a_growing_compartment_the_amount_is_conserved() -> None:
    found = run(
        growing(species(s("S", START), s("B", START, boundary=True), s("K", START, constant=True))), "S", "B", "K", "c"
    )
    near(found["c"], 1 + T)
    for name in "SBK":
        near(found[name], 4 / (1 + T))
    near(run(growing(species(s("S", START, only=True))), "S")["S"], 4.0)


def test_a_rate_rule_on_a_concentration_in_a_growing_compartment_is_on_the_concentration() -> None:
    text = growing(species(s("S", START))).replace(
        "</listOfRules>", f'<rateRule variable="S">{m("<cn>2</cn>")}</rateRule></listOfRules>'
    )
    near(run(text, "S")["S"], 4 + 2 * T)


@pytest.mark.parametrize("level", [2, 3])
def test_a_local_parameter_shadows_a_global_one(level: int) -> None:
    wrap, given = (l3, 'constant="true"') if level == 3 else (l2, "")
    body = (C.format(1) + species(s("S", START)) + parameters(parameter("k", "100"))).replace(
        'spatialDimensions="3"', 'spatialDimensions="3"' if level == 3 else ""
    )
    reference = f'stoichiometry="1" {given}/>' if given else 'stoichiometry="1"/>'
    text = wrap(body + decay(mul("k", "S"), 'id="k" value="0.5"', reference, level))
    model = read(text)
    assert model.values["J.k"] == 0.5
    assert model.values["k"] == 100.0
    near(run(text, "S")["S"], 4 * np.exp(-0.5 * T))


def test_stoichiometry_math_of_level_2() -> None:
    reference = f"><stoichiometryMath>{m(mul('p', 'p'))}</stoichiometryMath></speciesReference>"
    text = l2(
        C.format(1).replace('spatialDimensions="3"', "")
        + species(s("S", START))
        + parameters(parameter("p", "3"))
        + decay("<cn>0.1</cn>", "", reference)
    )
    near(run(text, "S")["S"], 4 - 0.9 * T)


def test_a_named_species_reference_with_rules_and_in_mathematics() -> None:
    reference = 'id="n" stoichiometry="1" constant="false"/>'
    body = C.format(1) + species(s("S", START)) + parameters(parameter("y", constant=False))
    rules = (
        f'<listOfRules><rateRule variable="n">{m("<cn>2</cn>")}</rateRule>'
        f'<assignmentRule variable="y">{m("<apply><plus/><ci>n</ci><ci>J</ci></apply>")}</assignmentRule></listOfRules>'
    )
    found = run(l3(body + rules + decay("<cn>0.1</cn>", "", reference)), "S", "n", "y")
    near(found["n"], 1 + 2 * T)
    near(found["S"], 4 - 0.1 * (T + T**2))
    near(found["y"], 1 + 2 * T + 0.1)


@pytest.mark.parametrize("place", ["species", "model", "both"])
def test_conversion_factors(place: str) -> None:
    attribute = 'conversionFactor="f"'
    more = attribute if place != "model" else ""
    on_model = {"species": "", "model": attribute, "both": 'conversionFactor="g"'}[place]
    body = C.format(1) + species(s("S", START, more=more)) + parameters(parameter("f", "3"), parameter("g", "7"))
    near(run(l3(body + decay("<cn>0.1</cn>"), on_model), "S")["S"], 4 - 0.3 * T)


def test_boundary_and_constant_species_do_not_react() -> None:
    text = l3(C.format(1) + species(s("S", START, boundary=True)) + decay("<cn>1</cn>"))
    near(run(text, "S")["S"], 4.0)
    ruled = text.replace(
        "<listOfReactions>",
        f'<listOfRules><rateRule variable="S">{m("<cn>1</cn>")}</rateRule></listOfRules><listOfReactions>',
    )
    near(run(ruled, "S")["S"], 4 + T)


def test_initial_assignments_beat_values_and_follow_each_other() -> None:
    text = l3(
        parameters(parameter("a", "1"), parameter("b", "1"), parameter("z", constant=False))
        + f'<listOfInitialAssignments><initialAssignment symbol="a">{m(mul("b", "b"))}</initialAssignment>'
        f'<initialAssignment symbol="b">{m("<cn>3</cn>")}</initialAssignment></listOfInitialAssignments>'
        f'<listOfRules><assignmentRule variable="z">{m(mul("a", "b"))}</assignmentRule></listOfRules>'
    )
    near(run(text, "z", "a")["z"], 27.0)
    assert compile_model(read(text)).inputs == ()
    with pytest.raises(ModelError, match="b -> b"):
        compile_model(read(text.replace("<cn>3</cn>", "<ci>b</ci>")), ["z"])
