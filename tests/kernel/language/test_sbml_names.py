"""SBML written by hand: names that collide, files beside the model, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.kernel.errors import ModelError, UnsupportedFeatureError
from limus.kernel.language import read_model
from limus.kernel.simulation import compile_model, simulate

from .sbml_text import (
    START,
    SYMBOL,
    TIMES,
    C,
    T,
    decay,
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


def test_delay_is_refused_by_name() -> None:
    content = "<apply>" + SYMBOL.format("delay") + "<ci>y</ci><cn>1</cn></apply>"
    with pytest.raises(UnsupportedFeatureError, match=r"é\.xml: got 'delay'"):
        read(l3(rule("rateRule", content)))


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
