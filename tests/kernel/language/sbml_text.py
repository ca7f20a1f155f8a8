"""Pieces of SBML written by hand, and reading and running them."""

from __future__ import annotations

import numpy as np

from limus.kernel.language import Model, read_model_text
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


def rule(kind: str, content: str, variable: str = 'variable="y"') -> str:
    return (
        parameters(parameter("y", "1", constant=False))
        + f"<listOfRules><{kind} {variable}>{m(content)}</{kind}></listOfRules>"
    )
