"""SBML written by hand, read and simulated: each test has a closed form or a named refusal."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import ModelError, UnsupportedFeatureError
from limus.kernel.language import Model, read_model, read_model_text
from limus.kernel.simulation import compile_model, simulate

MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">'
SYMBOL = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/{}"> s </csymbol>'
TIMES = [0.0, 0.5, 2.0]


def m(content: str) -> str:
    return f"{MATH}{content}</math>"


def mul(*parts: str) -> str:
    return "<apply><times/>" + "".join(f"<ci>{p}</ci>" for p in parts) + "</apply>"


def l3(content: str, attributes: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" '
        f'version="2"><model id="m" {attributes}>{content}</model></sbml>'
    )


def l2(content: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" '
        f'version="4"><model id="m">{content}</model></sbml>'
    )


def read(text: str) -> Model:
    return read_model_text(text, language="sbml", where="é.xml")


def run(text: str, *outputs: str) -> dict[str, np.ndarray]:
    result = simulate(compile_model(read(text), outputs), TIMES, relative_tolerance=1e-10, absolute_tolerance=1e-13)
    result.require_success("test")
    return {name: result.output(name)[0] for name in outputs}


def near(values: np.ndarray, expected: object) -> None:
    np.testing.assert_allclose(values, expected, rtol=1e-8, atol=1e-11)


T = np.array(TIMES)
C = '<listOfCompartments><compartment id="c" size="{}" spatialDimensions="3" constant="true"/></listOfCompartments>'


def species(*items: str) -> str:
    return "<listOfSpecies>" + "".join(items) + "</listOfSpecies>"


def s(
    name: str, start: str, *, only: bool = False, boundary: bool = False, constant: bool = False, more: str = ""
) -> str:
    flags = f'hasOnlySubstanceUnits="{str(only).lower()}" boundaryCondition="{str(boundary).lower()}"'
    return f'<species id="{name}" compartment="c" {start} {flags} constant="{str(constant).lower()}" {more}/>'


def parameter(name: str, value: str = "", constant: bool = True, more: str = "") -> str:
    given = f'value="{value}"' if value else ""
    return f'<parameter id="{name}" {given} constant="{str(constant).lower()}" {more}/>'


def parameters(*items: str) -> str:
    return "<listOfParameters>" + "".join(items) + "</listOfParameters>"


def decay(rate: str, local: str = "", reference: str = 'stoichiometry="1" constant="true"', level: int = 3) -> str:
    names = ("listOfLocalParameters", "localParameter") if level == 3 else ("listOfParameters", "parameter")
    inner = f"<{names[0]}><{names[1]} {local}/></{names[0]}>" if local else ""
    return (
        '<listOfReactions><reaction id="J" reversible="false"><listOfReactants>'
        f'<speciesReference species="S" {reference}</listOfReactants>'.replace('constant="true"<', 'constant="true"/><')
        + f"<kineticLaw>{m(rate)}{inner}</kineticLaw></reaction></listOfReactions>"
    )


START = 'initialConcentration="4"'


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


def rule(kind: str, content: str, variable: str = 'variable="y"') -> str:
    return (
        parameters(parameter("y", "1", constant=False))
        + f"<listOfRules><{kind} {variable}>{m(content)}</{kind}></listOfRules>"
    )


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


def test_delay_is_refused_by_name() -> None:
    content = "<apply>" + SYMBOL.format("delay") + "<ci>y</ci><cn>1</cn></apply>"
    with pytest.raises(UnsupportedFeatureError, match=r"é\.xml: got 'delay'"):
        read(l3(rule("rateRule", content)))


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


def test_names_that_are_time_and_the_time() -> None:
    time = SYMBOL.format("time")
    text = rule("assignmentRule", f"<apply><plus/><ci>time</ci>{time}</apply>")
    model = read(l3(text.replace("<listOfParameters>", "<listOfParameters>" + parameter("time", "10"))))
    assert "time_" in model.names
    assert "time_" in model.notes[0]
    np.testing.assert_allclose(simulate(compile_model(model, ["y", "time"]), TIMES).values[0].T, [T + 10, T])
    local = decay(f"<apply><times/><ci>time</ci><ci>S</ci>{time}</apply>", 'id="time" value="0.5"')
    near(run(l3(C.format(1) + species(s("S", START)) + local), "S")["S"], 4 * np.exp(-0.25 * T**2))
    both = parameters(parameter("time", "10"), parameter("y", constant=False))
    both += f'<listOfRules><assignmentRule variable="y">{m("<ci>time</ci>")}</assignmentRule></listOfRules>'
    found = run(l3(C.format(1) + species(s("S", START)) + both + local), "S", "y")
    near(found["S"], 4 * np.exp(-0.25 * T**2))
    near(found["y"], 10.0)
    function = (
        '<listOfFunctionDefinitions><functionDefinition id="f">'
        + m(f"<lambda><bvar><ci>time</ci></bvar><apply><plus/><ci>time</ci>{time}</apply></lambda>")
        + "</functionDefinition></listOfFunctionDefinitions>"
    )
    near(run(l3(function + rule("assignmentRule", "<apply><ci>f</ci><cn>7</cn></apply>")), "y")["y"], T + 7)


def test_a_number_that_the_file_gives_as_not_a_number() -> None:
    text = l3(parameters(parameter("y", "NaN"), parameter("q", "2")))
    found = simulate(compile_model(read(text), ["y", "q"]), TIMES)
    assert np.isnan(found.output("y")).all()
    assert (found.output("q") == 2.0).all()
    used = l3(C.format(1) + species(s("S", START)) + parameters(parameter("k", "NaN")) + decay(mul("k", "S")))
    with pytest.raises(ModelError, match="no value for k"):
        run(used, "S")


def test_a_submodel_from_a_file_beside_it(tmp_path: Path) -> None:
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" '
        'version="1" xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" comp:required="true">'
    )
    outer = (
        '<model id="outer"><comp:listOfSubmodels><comp:submodel comp:id="A" comp:modelRef="E"/></comp:listOfSubmodels>'
        '</model><comp:listOfExternalModelDefinitions><comp:externalModelDefinition comp:id="E" comp:modelRef="m" '
        'comp:source="inner model.xml"/></comp:listOfExternalModelDefinitions></sbml>'
    )
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "outer.xml").write_text(head + outer, encoding="utf-8")
    with pytest.raises(UnsupportedFeatureError, match="external model definition"):
        read_model(folder / "outer.xml")
    inner = head + f'<model id="m">{parameters(parameter("y", "3"))}</model></sbml>'
    (folder / "inner model.xml").write_text(inner, encoding="utf-8")
    assert read_model(folder / "outer.xml").values == {"A.y": 3.0}


def test_two_names_stay_two() -> None:
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" '
        'version="1" xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" comp:required="true">'
    )
    replaced = (
        '<comp:listOfReplacedElements><comp:replacedElement comp:submodelRef="A" comp:idRef="{}"/>'
        "</comp:listOfReplacedElements>"
    )
    text = (
        '<model id="m"><listOfParameters><parameter id="A_x" value="5" constant="true">{}</parameter>'
        "</listOfParameters>"
        '<comp:listOfSubmodels><comp:submodel comp:id="A" comp:modelRef="inner"/></comp:listOfSubmodels></model>'
        '<comp:listOfModelDefinitions><comp:modelDefinition id="inner">'
        f"{parameters(parameter('x', '3'), parameter('y', '4'))}</comp:modelDefinition>"
        "</comp:listOfModelDefinitions></sbml>"
    )
    assert read(head + text.format(replaced.format("x"))).values == {"A.x": 5.0, "A.y": 4.0}
    assert read(head + text.format(replaced.format("y"))).values == {"A_x": 5.0, "A__x": 3.0}


def test_flux_balance_is_refused_by_name() -> None:
    text = l3(C.format(1) + species(s("S", START)) + decay("<cn>1</cn>"))
    uri = "http://www.sbml.org/sbml/level3/version1/fbc/version2"
    text = text.replace('level="3"', f'xmlns:fbc="{uri}" fbc:required="false" level="3"', 1)
    text = text.replace('<model id="m"', '<model id="m" fbc:strict="false"')
    assert len(read(text).reactions) == 1  # charges and formulae do no harm
    objectives = (
        '<fbc:listOfObjectives fbc:activeObjective="o"><fbc:objective fbc:id="o" fbc:type="maximize">'
        '<fbc:listOfFluxObjectives><fbc:fluxObjective fbc:reaction="J" fbc:coefficient="1"/></fbc:listOfFluxObjectives>'
        "</fbc:objective></fbc:listOfObjectives>"
    )
    with pytest.raises(UnsupportedFeatureError, match="flux balance"):
        read(text.replace("</model>", objectives + "</model>"))


def test_traps_that_would_be_silent_are_refused() -> None:
    twice = rule("assignmentRule", "<cn>1</cn>")
    with pytest.raises(ModelError, match="2 rules for y"):
        read(l3(twice.replace("</listOfRules>", f'<rateRule variable="y">{m("<cn>1</cn>")}</rateRule></listOfRules>')))
    with pytest.raises(ModelError, match="S in reaction J"):
        read(l3(C.format(1) + decay("<cn>1</cn>")))
    with pytest.raises(ModelError, match="nowhere"):
        compile_model(read(l3(rule("assignmentRule", "<ci>nowhere</ci>"))))


@pytest.mark.parametrize("text", ["", "<sbml", "not xml", l3("").replace("<model", "<mod").replace("</model", "</mod")])
def test_what_is_not_sbml_is_a_model_error(text: str) -> None:
    with pytest.raises(ModelError, match=r"é\.xml"):
        read(text)


def test_units_as_text() -> None:
    def unit(kind: str, scale: int = 0, exponent: int = 1, multiplier: str = "1") -> str:
        return f'<unit kind="{kind}" exponent="{exponent}" scale="{scale}" multiplier="{multiplier}"/>'

    definitions = {
        "nanomole": (unit("mole", -9), "nmol"),
        "hour": (unit("second", 0, 1, "3600"), "h"),
        "nM": (unit("mole", -9) + unit("litre", 0, -1), "nM"),
        "per_hour": (unit("second", 0, -1, "3600"), "1/h"),
        "ml": (unit("litre", -3), "mL"),
        "odd": (unit("metre", 0, 3, "0.1"), "0.001*metre**3"),
    }
    listed = "".join(
        f'<unitDefinition id="{k}"><listOfUnits>{u}</listOfUnits></unitDefinition>' for k, (u, _) in definitions.items()
    )
    text = l3(
        f"<listOfUnitDefinitions>{listed}</listOfUnitDefinitions>"
        + parameters(*(parameter(f"p_{k}", "1", more=f'units="{k}"') for k in definitions)),
        'timeUnits="hour" substanceUnits="nanomole" volumeUnits="litre"',
    )
    model = read(text)
    assert {p.name.removeprefix("p_"): p.unit for p in model.parameters} == {k: u for k, (_, u) in definitions.items()}
    assert (model.units.time, model.units.substance, model.units.volume) == ("h", "nmol", "litre")
