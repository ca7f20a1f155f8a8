"""Run random variants of the SBML Test Suite's models beside libroadrunner: combinations that no case has.

``python validation/sbml_variants.py [--reference-data DIR] [--count N] [--seed N] [--json]`` prints one line; exit
status 0 only if all that ran agrees.

A variant is a case's model with one to four changes: symbols that mean an amount or a concentration, boundary and
constant species, compartments that grow by a rule or jump in an event, events with delay, priority, values of trigger
time or of execution, initial values and persistence of triggers, conversion factors, stoichiometries that rules and
events change, rates in formulas. Each has times of its own, so that nothing is left to chance. Left out is what
libroadrunner cannot read (delay, algebraic rules, fast reactions), and a species with a rate rule in a compartment that
changes size: there it takes the rate as one of amounts, where SBML has it of the symbol (its issue 868). So is rateOf
beside a stoichiometry that changes: with S' = 0.01 (1 + t/10) S, known in closed form, it is 0.8 % off. At most 1e-4
of an output's largest value may lie between the two.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import libsbml
import numpy as np

from limus.kernel.errors import LimusError
from limus.kernel.language import read_model
from limus.kernel.simulation import compile_model, simulate
from reference_data import REFERENCE_DATA
from sbml_export import NAME, PEER, PYTHON, VERSION, make_environment
from sbml_suite import Case, read_case

Outcome = tuple[str, str, str, bool | None]
LIMIT = 1e-4
POINTS = 11
ATTEMPTS = 20  # for each variant that is asked for


class Variant:
    """One model and what is changed in it."""

    def __init__(self, model: Any, end: float, random: np.random.Generator) -> None:
        self.model, self.end, self.random = model, end, random
        shares = np.array([0.13, 0.23, 0.37, 0.47, 0.61, 0.79])
        self.times = (end * random.permutation(shares)).tolist()
        self.ruled = {rule.getVariable() for rule in model.getListOfRules()}
        self.set = {a.getVariable() for e in model.getListOfEvents() for a in e.getListOfEventAssignments()}
        self.started = {a.getSymbol() for a in model.getListOfInitialAssignments()}

    def choose(self, items: Sequence[Any]) -> Any:
        return items[int(self.random.integers(len(items)))]

    def flag(self) -> bool:
        return bool(self.random.random() < 0.5)

    def add_event(self, variable: str, formula: str) -> None:
        """An event at a time of its own."""
        event, time = self.model.createEvent(), self.times.pop()
        event.setId(f"variant_event_{len(self.times)}")
        event.setUseValuesFromTriggerTime(self.flag())
        trigger = event.createTrigger()
        trigger.setMath(libsbml.parseL3Formula(f"time >= {time!r}"))
        trigger.setPersistent(self.flag())
        trigger.setInitialValue(self.flag())
        if self.flag():
            event.createDelay().setMath(libsbml.parseL3Formula(repr(0.071 * self.end)))
        assignment = event.createEventAssignment()
        assignment.setVariable(variable)
        assignment.setMath(libsbml.parseL3Formula(formula))

    def add_rule(self, kind: str, variable: str, formula: str) -> None:
        rule = self.model.createRateRule() if kind == "rate" else self.model.createAssignmentRule()
        rule.setVariable(variable)
        rule.setMath(libsbml.parseL3Formula(formula))
        self.ruled.add(variable)

    def add_parameter(self, name: str, value: float | None, *, constant: bool) -> None:
        parameter = self.model.createParameter()
        parameter.setId(name)
        parameter.setConstant(constant)
        if value is not None:
            parameter.setValue(value)


def meaning(v: Variant) -> None:
    """What a species' symbol means, or what may change the species."""
    species = v.choose(v.model.getListOfSpecies())
    if v.flag():
        species.setHasOnlySubstanceUnits(not species.getHasOnlySubstanceUnits())
    elif species.getId() not in v.ruled:
        species.setBoundaryCondition(not species.getBoundaryCondition())


def size(v: Variant) -> None:
    """A compartment that grows or jumps."""
    home = v.choose(v.model.getListOfCompartments())
    name = home.getId()
    inside = {s.getId() for s in v.model.getListOfSpecies() if s.getCompartment() == name}
    if name in v.ruled | v.started or inside & v.ruled or home.getSpatialDimensions() == 0:
        return
    home.setConstant(False)
    kind = v.choose(["rate", "event", "assignment"])
    if kind == "event":
        v.add_event(name, f"{name} * {v.choose([2, 0.5])}")
    elif kind == "rate":
        v.add_rule("rate", name, f"{name} * {v.choose([0.5, -0.3])} / {v.end!r}")
    elif name not in v.set:
        v.add_rule("assignment", name, f"1 + 0.3 * sin(3 * time / {v.end!r})")


def event(v: Variant) -> None:
    """A new event."""
    names = [s.getId() for s in v.model.getListOfSpecies() if not s.getConstant()]
    names += [p.getId() for p in v.model.getListOfParameters() if not p.getConstant()]
    name = v.choose([n for n in names if n not in v.ruled])
    v.add_event(name, v.choose([f"{name} * 1.5", f"{name} + 1", "2"]))


def old_event(v: Variant) -> None:
    """Other attributes of an event that is there."""
    old = v.choose(v.model.getListOfEvents())
    v.choose(
        [
            lambda: old.getTrigger().setPersistent(v.flag()),
            lambda: old.getTrigger().setInitialValue(v.flag()),
            lambda: old.setUseValuesFromTriggerTime(v.flag()),
        ]
    )()


def factor(v: Variant) -> None:
    """A conversion factor of the model or of a species."""
    name = f"variant_factor_{v.model.getNumParameters()}"
    v.add_parameter(name, v.choose([0.5, 3.0]), constant=True)
    (v.model if v.flag() else v.choose(v.model.getListOfSpecies())).setConversionFactor(name)


def stoichiometry(v: Variant) -> None:
    """A stoichiometry that a rule, an event or an initial assignment gives."""
    reaction = v.choose(v.model.getListOfReactions())
    reference = v.choose([*reaction.getListOfReactants(), *reaction.getListOfProducts()])
    if reference.isSetId() or not reference.isSetStoichiometry():
        return
    name = f"variant_{reaction.getId()}_{reference.getSpecies()}"
    reference.setId(name)
    reference.setConstant(False)
    kind = v.choose(["event", "rate", "assignment"])
    if kind == "event":
        v.add_event(name, f"{name} * 2")
    else:
        v.add_rule(kind, name, f"1 / {v.end!r}" if kind == "rate" else f"1 + time / {v.end!r}")


def rate(v: Variant) -> None:
    """A parameter that follows the rate of a reaction."""
    name = f"variant_rate_{v.model.getNumParameters()}"
    v.add_parameter(name, 0.0, constant=False)
    v.add_rule("rate", name, f"2 * {v.choose(v.model.getListOfReactions()).getId()}")


CHANGES: tuple[Callable[[Variant], None], ...] = (
    meaning,
    size,
    size,
    event,
    event,
    old_event,
    factor,
    stoichiometry,
    rate,
)


def make_variant(case: Case, random: np.random.Generator, file: Path) -> bool:
    """Write a variant; return whether it is one, and valid SBML."""
    document = libsbml.readSBML(str(case.model_file))
    model = document.getModel()
    words = (case.model_file.parent / f"{case.name}-model.m").read_text(encoding="utf-8", errors="replace")
    left_out = ("AlgebraicRule", "CSymbolDelay", "FastReaction", "RandomEventExecution", "comp:", "0D-Compartment")
    if any(word in words for word in left_out) or not document.setLevelAndVersion(3, 2, False):
        return False
    before = libsbml.writeSBMLToString(document)
    variant = Variant(model, float(case.times[-1]), random)
    for _ in range(int(random.integers(1, 5))):
        try:
            variant.choose(CHANGES)(variant)
        except ValueError:  # nothing to choose from
            continue
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, False)
    document.checkConsistency()
    severities = [document.getError(i).getSeverity() for i in range(document.getNumErrors())]
    text = libsbml.writeSBMLToString(document)
    file.write_text(text, encoding="utf-8")
    if "rateOf" in text and any(reference_changes(reaction) for reaction in model.getListOfReactions()):
        return False
    return text != before and not any(severity >= libsbml.LIBSBML_SEV_ERROR for severity in severities)


def reference_changes(reaction: Any) -> bool:
    """Whether a stoichiometry of the reaction changes with time."""
    references = [*reaction.getListOfReactants(), *reaction.getListOfProducts()]
    return any(not reference.getConstant() for reference in references)


def compare(file: Path, end: float) -> tuple[str, float]:
    """Run a variant in both; return 'compared' and the difference, or which of the two refused it, and why."""
    try:
        model = read_model(file)
        species = {s.name: s.symbol_is_amount for s in model.species}
        outputs = [name for name in model.values if "." not in name]
        found = simulate(
            compile_model(model, outputs),
            np.linspace(0.0, end, POINTS),
            relative_tolerance=1e-9,
            absolute_tolerance=1e-13,
        )
    except LimusError as error:
        return f"limus refuses {error.got}", 0.0
    if found.status[0] != "ok":
        return f"limus stops: {found.status[0]}", 0.0
    asked = [name if species.get(name, True) else f"[{name}]" for name in outputs]
    request = {"end": end, "points": POINTS, "relative": 1e-9, "absolute": 1e-13, "outputs": asked}
    file.with_suffix(".json").write_text(json.dumps(request), encoding="utf-8")
    command = [PYTHON, PEER, file, file.with_suffix(".json"), file.with_suffix(".npy")]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        return f"{NAME} refuses it", 0.0
    theirs, ours = np.load(file.with_suffix(".npy")), found.values[0]
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    scale = np.maximum(np.abs(np.where(np.isfinite(theirs), theirs, 0.0)).max(axis=0), 1e-6)
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(ours - theirs) / scale)
    return "compared", float(np.max(np.where(np.isnan(apart), np.inf, apart), initial=0.0))


def variants(cases: Sequence[Case], count: int, seed: int, folder: Path) -> Iterator[tuple[str, str, float]]:
    """Make and compare; give case, outcome and difference of each."""
    random = np.random.default_rng(seed)
    made = 0
    for attempt in range(count * ATTEMPTS):
        if made == count:
            return
        case, file = cases[int(random.integers(len(cases)))], folder / f"variant_{attempt}.xml"
        if case.times[0] == 0.0 and make_variant(case, random, file):
            made += 1
            yield (case.name, *compare(file, float(case.times[-1])))


def outcome(data: Path, count: int, seed: int) -> Outcome:
    """One claim: what, against, what came out, whether it holds (None: not run)."""
    claim, against = "variants of the SBML Test Suite give the same curve elsewhere", f"{NAME} {VERSION}, seed {seed}"
    archive = data / "sbml_semantic_odd.tar.xz"
    if not archive.is_file():
        return claim, against, "reference data absent", None
    if not make_environment():
        return claim, against, f"{NAME} could not be installed", None
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(archive) as packed:
            packed.extractall(name, filter="data")
        cases = [read_case(path) for path in sorted(Path(name).rglob("*-settings.txt"))]
        found = list(variants(cases, count, seed, Path(name)))
    counts = Counter(word for _, word, _ in found)
    worst = max((difference for _, word, difference in found if word == "compared"), default=0.0)
    wrong = [f"{case}: {difference:.1e}" for case, _, difference in found if difference > LIMIT]
    result = f"{counts.pop('compared', 0)} of {len(found)} variants compared, largest difference {worst:.1e} "
    result += f"(limit {LIMIT:.0e}), {len(wrong)} beyond"
    others = [f"{n} where {word}" for word, n in counts.most_common()]
    return claim, against, "; ".join([result, *others, *wrong[:5]]), not wrong and bool(found)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-data", type=Path, default=REFERENCE_DATA)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object only")
    options = parser.parse_args(arguments)
    claim, against, result, passed = outcome(options.reference_data, options.count, options.seed)
    if options.json:
        print(json.dumps({"rows": [{"claim": claim, "against": against, "result": result, "passed": passed}]}))
    else:
        print(f"{ {True: 'holds', False: 'FAILS', None: 'not run'}[passed] }  {claim} | {against} | {result}")
    return 1 if passed is False else 0


if __name__ == "__main__":
    sys.exit(main())
