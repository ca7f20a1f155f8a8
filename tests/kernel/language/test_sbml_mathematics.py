"""SBML written by hand, read and simulated: functions, time, rules and events. Each has a closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limus.kernel.simulation import compile_model, simulate

from .sbml_text import (
    START,
    SYMBOL,
    TIMES,
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
    rule,
    run,
    s,
    species,
)


def test_functions_that_call_later_functions() -> None:
    def function(name: str, body: str) -> str:
        lambda_ = m(f"<lambda><bvar><ci>a</ci></bvar>{body}</lambda>")
        return f'<functionDefinition id="{name}">{lambda_}</functionDefinition>'

    text = l3(
        "<listOfFunctionDefinitions>"
        + function("twice", "<apply><ci>square</ci><apply><times/><cn>2</cn><ci>a</ci></apply></apply>")
        + function("square", mul("a", "a"))
        + "</listOfFunctionDefinitions>"
        + parameters(parameter("a", "5"), parameter("y", constant=False))
        + '<listOfRules><assignmentRule variable="y">'
        + m("<apply><ci>twice</ci><cn>3</cn></apply>")
        + "</assignmentRule></listOfRules>"
    )
    near(run(text, "y")["y"], 36.0)  # the argument a, not the parameter a


def test_time_avogadro_and_constants() -> None:
    def rule(name: str, content: str) -> str:
        return f'<assignmentRule variable="{name}">{m(content)}</assignmentRule>'

    piece = (
        "<piecewise><piece><cn>1</cn><apply><lt/>" + SYMBOL.format("time") + "<cn>1</cn></apply></piece></piecewise>"
    )
    text = l3(
        parameters(*(parameter(n, constant=False) for n in ("t", "n", "p", "e", "r")))
        + "<listOfRules>"
        + rule("t", SYMBOL.format("time"))
        + rule("n", SYMBOL.format("avogadro"))
        + rule("p", piece)
        + rule("e", '<cn type="e-notation">2<sep/>-3</cn>')
        + rule("r", '<cn type="rational">1<sep/>3</cn>')
        + "</listOfRules>"
    )
    found = run(text, "t", "n", "p", "e", "r")
    near(found["t"], T)
    assert found["n"][0] == 6.02214179e23
    assert found["p"][:2].tolist() == [1.0, 1.0]
    assert math.isnan(found["p"][2])  # no piece holds and there is no otherwise: undefined
    assert (found["e"][0], found["r"][0]) == (0.002, 1 / 3)


def test_functions_of_level_3_version_2() -> None:
    two = "<cn>{}</cn><cn>{}</cn>"
    cases = {
        "<apply><max/><cn>3</cn></apply>": 3.0,
        "<apply><min/><cn>3</cn><cn>-1</cn><cn>2</cn></apply>": -1.0,
        "<apply><rem/>" + two.format(-7, 3) + "</apply>": -1.0,
        "<apply><quotient/>" + two.format(-7, 3) + "</apply>": -2.0,
        "<apply><implies/><true/><false/></apply>": 0.0,
        "<apply><implies/><false/><false/></apply>": 1.0,
        "<apply><lt/><cn>1</cn><cn>2</cn><cn>2</cn></apply>": 0.0,
        "<apply><lt/><cn>1</cn><cn>2</cn><cn>3</cn></apply>": 1.0,
        "<apply><minus/><cn>3</cn></apply>": -3.0,
        "<apply><root/><degree><cn>3</cn></degree><cn>8</cn></apply>": 2.0,
        "<apply><log/><logbase><cn>2</cn></logbase><cn>8</cn></apply>": 3.0,
        "<apply><log/><cn>1000</cn></apply>": 3.0,
        "<apply><sec/><cn>1</cn></apply>": 1 / math.cos(1),
        "<apply><arccot/><cn>0</cn></apply>": math.pi / 2,
        "<apply><arcsech/><cn>0.5</cn></apply>": math.acosh(2),
        "<apply><plus/></apply>": 0.0,
        "<apply><xor/><true/><true/><true/></apply>": 1.0,
    }
    for content, expected in cases.items():
        text = l3(
            parameters(parameter("y", constant=False))
            + f'<listOfRules><assignmentRule variable="y">{m(content)}</assignmentRule></listOfRules>'
        )
        assert run(text, "y")["y"][0] == pytest.approx(expected, rel=1e-15), content


EVENT = (
    parameters(parameter("y", "1", constant=False))
    + '<listOfEvents><event id="kick" useValuesFromTriggerTime="true"><trigger initialValue="false" persistent="true">'
    + m("<apply><gt/>" + SYMBOL.format("time") + "<cn>1</cn></apply>")
    + f"</trigger><delay>{m('<cn>2</cn>')}</delay><listOfEventAssignments>"
    + f'<eventAssignment variable="y">{m("<cn>5</cn>")}'
    + "</eventAssignment></listOfEventAssignments></event></listOfEvents>"
)


def test_events_are_read_and_happen() -> None:
    model = read(l3(EVENT))
    (event,) = model.events
    assert (event.name, event.initial_value, event.persistent, str(event.delay)) == ("kick", False, True, "2.0")
    assert [(a.variable, str(a.formula)) for a in event.assignments] == [("y", "5.0")]
    found = simulate(compile_model(model, ["y"]), [0.0, 2.9, 3.1])
    assert found.output("y")[0].tolist() == [1.0, 1.0, 5.0]  # after time 1, two later


def test_an_algebraic_rule_is_solved_for_the_name_that_may_change() -> None:
    # 0 = 2 y - q
    formula = "<apply><minus/><apply><times/><cn>2</cn><ci>y</ci></apply><ci>q</ci></apply>"
    both = rule("algebraicRule", formula, "").replace("<listOfParameters>", "<listOfParameters>" + parameter("q", "3"))
    assert simulate(compile_model(read(l3(both)), ["y"]), [0.0, 1.0]).output("y")[0].tolist() == [1.5, 1.5]


@pytest.mark.parametrize("place", ["rule", "initial"])
def test_rate_of_is_the_derivative(place: str) -> None:
    content = "<apply>" + SYMBOL.format("rateOf") + "<ci>q</ci></apply>"
    rate = f'<rateRule variable="q">{m("<apply><times/><cn>-2</cn><ci>q</ci></apply>")}</rateRule>'
    if place == "rule":
        text = rule("assignmentRule", content).replace("</listOfRules>", rate + "</listOfRules>")
    else:
        text = (
            parameters(parameter("y", "1"))
            + f'<listOfInitialAssignments><initialAssignment symbol="y">{m(content)}</initialAssignment>'
            + "</listOfInitialAssignments>"
            + f"<listOfRules>{rate}</listOfRules>"
        )
    text = text.replace("<listOfParameters>", "<listOfParameters>" + parameter("q", "1", constant=False))
    found = simulate(compile_model(read(l3(text)), ["y"]), [0.0, 1.0]).output("y")[0]
    assert found[0] == pytest.approx(-2.0)
    assert found[1] == pytest.approx(-2.0 * np.exp(-2.0) if place == "rule" else -2.0, rel=1e-6)


@pytest.mark.parametrize("wrap", [l2, l3])
def test_fast_reactions_are_read_in_every_level_that_has_them(wrap) -> None:
    reference = 'stoichiometry="1"/>' if wrap is l2 else 'stoichiometry="1" constant="true"/>'
    text = wrap(C.format(1) + species(s("S", START)) + decay("<ci>S</ci>", "", reference))
    text = text.replace("level3/version2", "level3/version1").replace('version="2"', 'version="1"')
    for fast in ("false", "true"):
        text = text.replace('reversible="false"', f'reversible="false" fast="{fast}"').replace(
            ' fast="true" fast="false"', ' fast="true"'
        )
        assert read(text).reactions[0].fast == (fast == "true")
    np.testing.assert_allclose(simulate(compile_model(read(text), ["S"]), TIMES).output("S")[0], 0.0, atol=1e-9)
