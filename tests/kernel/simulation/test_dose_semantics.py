"""Random tables of doses into an SBML model, beside the sum of what each administration leaves.

The state of a linear model is the sum, over all administrations since the last reset, of e^(M (t - entry)) times what
entered. A dose at steady state is 400 doses before it.
"""

from __future__ import annotations

import numpy as np
import pytest

from limus.kernel.language import read_model_text
from limus.kernel.simulation import Dose, Resets, Treatment, compile_model, simulate

MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>'
REFERENCES = '<listOf{}><speciesReference species="{}" stoichiometry="1" constant="true"/></listOf{}>'
RATES = {"absorb": ("gut", "blood", 0.7), "leave": ("blood", "tissue", 0.4), "back": ("tissue", "blood", 0.2)}
MATRIX = np.array([[-0.7, 0.0, 0.0], [0.7, -0.4 - 0.3, 0.2], [0.0, 0.4, -0.2]])
NAMES, INITIAL, VOLUME = ("gut", "blood", "tissue"), np.array([0.0, 3.0, 0.0]), 5.0
RATE, VECTORS = np.linalg.eig(MATRIX)
INVERSE = np.linalg.inv(VECTORS)
TIMES = np.arange(0.0, 61.0, 1.0)


def sbml(bend: str = "") -> str:
    """Three amounts; blood also as a concentration in 5 litres, with a loss of its own."""
    species = "".join(
        f'<species id="{name}" compartment="V" initialAmount="{value}" hasOnlySubstanceUnits="true" '
        'boundaryCondition="false" constant="false"/>'
        for name, value in zip(NAMES, INITIAL, strict=True)
    ).replace('hasOnlySubstanceUnits="true"', 'hasOnlySubstanceUnits="false"', 2)
    # gut and blood are concentrations, so their rates have the volume; tissue is an amount
    reactions = ""
    for name, (source, target, rate) in (RATES | {"lose": ("blood", "", 0.3)}).items():
        volume = "" if source == "tissue" else "<ci>V</ci>"
        formula = f"<apply><times/><cn>{rate}</cn><ci>{source}</ci>{volume}{bend}</apply>"
        products = REFERENCES.format("Products", target, "Products") if target else ""
        reactions += (
            f'<reaction id="{name}" reversible="false">{REFERENCES.format("Reactants", source, "Reactants")}{products}'
            f"<kineticLaw>{MATH.format(formula)}</kineticLaw></reaction>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" '
        'version="2"><model id="m"><listOfCompartments><compartment id="V" spatialDimensions="3" '
        f'size="{VOLUME}" constant="true"/></listOfCompartments><listOfSpecies>{species}</listOfSpecies>'
        f"<listOfReactions>{reactions}</listOfReactions></model></sbml>"
    )


def modes(since: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Factors (entries, modes) of what entered, a while ago, at once or over a time; 0 before it enters."""
    gone = np.maximum(since, 0.0)[:, None] * RATE
    begun = np.maximum(np.minimum(since, lengths), 0.0)[:, None]
    slow = lengths > 0.0
    spread = np.exp(gone) * -np.expm1(-begun * RATE) / (RATE * np.where(slow, lengths, 1.0)[:, None])
    return np.where(slow[:, None], spread, np.exp(gone) * (since > 0.0)[:, None])


def expected(doses: list[Dose], resets: list[float]) -> np.ndarray:
    given, entry, amount, place, length = [], [], [], [], []
    for dose in doses:
        for k in range(-400 if dose.steady_state else 0, dose.additional + 1):
            given.append(dose.time)
            entry.append(dose.time + dose.lag + k * dose.interval)
            amount.append(dose.amount * dose.bioavailability)
            place.append(NAMES.index(dose.target))
            length.append(dose.duration)
    entered = INVERSE[:, place].T * np.array(amount)[:, None]
    steady = [dose.time for dose in doses if dose.steady_state == 1]
    found = np.zeros((len(TIMES), 3))
    for i, time in enumerate(TIMES.tolist()):
        # an output at a reset is before it; at a dose at steady state it is the steady state's trough
        cuts = [(t, True) for t in resets if t < time] + [(t, False) for t in steady if t <= time]
        cut, is_reset = max(cuts, default=(0.0, True))
        counts = (np.array(given) >= cut) & (np.array(given) <= time)
        factors = modes(time - np.array(entry), np.array(length)) * counts[:, None]
        found[i] = VECTORS @ (factors * entered).sum(axis=0)
        if is_reset:
            found[i] += VECTORS @ (np.exp(RATE * (time - cut)) * (INVERSE @ INITIAL))
    return found / np.array([VOLUME, VOLUME, 1.0])


def random_doses(random: np.random.Generator) -> tuple[list[Dose], list[float]]:
    times = np.sort(random.choice(np.arange(0.0, 50.0, 0.5), 6, replace=False)).tolist()
    doses = [
        Dose(
            time,
            str(random.choice(["gut", "blood"])),
            float(random.integers(1, 20)),
            duration=float(random.choice([0.0, 0.0, 1.5, 9.0])),
            interval=float(random.choice([4.0, 6.0])),
            additional=int(random.choice([0, 0, 2, 5])),
            lag=float(random.choice([0.0, 0.0, 0.75, 7.0])),
            bioavailability=float(random.choice([1.0, 0.4])),
            steady_state=int(random.choice([0, 0, 1, 2])),
        )
        for time in times[:5]
    ]
    resets = [times[5]] if random.random() < 0.5 else []
    return doses, resets


@pytest.mark.parametrize(("bend", "solver"), [("", "engine"), ("<ci>one</ci>", "engine"), ("", "reference")])
def test_tables_of_doses(bend: str, solver: str) -> None:
    text = sbml(bend)
    if bend:  # a factor that is 1 and makes the equations not linear
        rule = "<apply><plus/><cn>1</cn><apply><times/><cn>1e-300</cn><ci>blood</ci></apply></apply>"
        one = f'<assignmentRule variable="one">{MATH.format(rule)}</assignmentRule>'
        parameter = '<listOfParameters><parameter id="one" constant="false"/></listOfParameters>'
        text = text.replace("<listOfReactions>", f"{parameter}<listOfRules>{one}</listOfRules><listOfReactions>")
    compiled = compile_model(read_model_text(text, language="sbml"), NAMES)
    random = np.random.default_rng(11)
    for _ in range(12 if solver == "engine" else 3):
        doses, resets = random_doses(random)
        treatment = Treatment.create(doses, resets=Resets.create(subject=[0] * len(resets), time=resets))
        found = simulate(
            compiled, TIMES, doses=treatment, solver=solver, relative_tolerance=1e-9, absolute_tolerance=1e-12
        )
        assert found.status == ("ok",)
        assert found.solver[0] == ("lsoda" if solver == "reference" else "rodas5p" if bend else "exact")
        wanted = expected(doses, resets)
        np.testing.assert_allclose(found.values[0], wanted, rtol=3e-6, atol=1e-8, err_msg=f"{doses} {resets}")
