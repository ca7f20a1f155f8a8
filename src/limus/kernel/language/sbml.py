"""SBML text to the immutable model, through libsbml; submodels (comp) are flattened first.

A flattened name ``A__x`` becomes ``A.x``, as a user writes it; so does ``A_x`` where it stands for ``A.x`` only
because Antimony had to name it in the outer model.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from limus.kernel.errors import ModelError, UnsupportedFeatureError
from limus.kernel.language.expression import ONE, Expression, Number, Symbol, free_symbols, substitute
from limus.kernel.language.model import (
    Assignment,
    Compartment,
    Event,
    Model,
    ModelUnits,
    Parameter,
    Reaction,
    Rule,
    Species,
    SpeciesReference,
)
from limus.kernel.language.model_checks import formulas_of
from limus.kernel.language.sbml_math import FunctionBody, MathReader, own_symbol
from limus.kernel.language.sbml_names import dotted_names, rename_model
from limus.kernel.language.sbml_units import unit_texts

__all__ = ["read_sbml"]

# comp is flattened; libsbml counts the mathematics that Level 3 Version 2 added to core as a package; the others
# say nothing about the mathematics (libsbml calls layout required where Level 2 carries it as an annotation)
_READABLE = frozenset({"comp", "l3v2extendedmath", "layout", "render", "groups"})


def read_sbml(text: str, *, where: str = "SBML text", file: Path | None = None) -> Model:
    """Read SBML Level 2 or 3 (core, and comp by flattening) into a model.

    Parameters
    ----------
    text : str
        SBML.
    where : str
        File or name, for errors.
    file : Path, optional
        Where the text comes from: files that it names are looked for beside it.

    Returns
    -------
    Model
        Function definitions inlined; local parameters named ``reaction.parameter``. An element whose id is ``time`` is
        called ``time_``, with as many underscores as it takes, and a note says so.

    Raises
    ------
    ModelError
        Not SBML, or an SBML error; the message is libsbml's first.
    UnsupportedFeatureError
        ``delay``, flux balance (package fbc with an objective), or a required package other than comp.
    """
    import libsbml  # noqa: PLC0415

    document = libsbml.readSBMLFromString(text)
    if file is not None:
        document.setLocationURI(f"file:{file.absolute()}")  # libsbml reads no escapes
    _refuse_broken(libsbml, document, where)
    document, dotted = _flatten(libsbml, document, where)
    _refuse_silent_traps(document.getModel(), where)
    notes = _rename_time(document.getModel())
    _free_level_1(document)
    fast = frozenset(r.getId() for r in document.getModel().getListOfReactions() if r.isSetFast() and r.getFast())
    if document.getLevel() < 3 and not document.setLevelAndVersion(3, 2, False):
        document = libsbml.readSBMLFromString(text)  # libsbml would not convert: read the lower level as it stands
        _rename_time(document.getModel())
    model = rename_model(_Reader(libsbml, document, where, fast).model(), dotted)
    return replace(model, notes=(*notes, *model.notes))


def _refuse_broken(libsbml: Any, document: Any, where: str) -> None:
    for i in range(document.getNumErrors()):
        error = document.getError(i)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR:
            message = " ".join(error.getMessage().split())
            raise ModelError(f"{where}, line {error.getLine()}", message, "valid SBML", "correct the file")
    if document.getModel() is None:
        raise ModelError(where, "no model", "an SBML document with a model", "check the file")


def _refuse_silent_traps(model: Any, where: str) -> None:
    """Refuse what conversion between levels or later reading would drop without a word."""
    for r in model.getListOfReactions():
        for reference in (*r.getListOfReactants(), *r.getListOfProducts()):
            if model.getSpecies(reference.getSpecies()) is None:
                got = f"{reference.getSpecies()} in reaction {r.getId()}"
                raise ModelError(where, got, "a species of the model", f"define {reference.getSpecies()}")
    ruled = [rule.getVariable() for rule in model.getListOfRules() if not rule.isAlgebraic()]
    for variable in ruled:
        if ruled.count(variable) > 1:
            raise ModelError(where, f"{ruled.count(variable)} rules for {variable}", "one rule for each", "remove one")


def _rename_time(model: Any) -> tuple[str, ...]:
    """Give an element whose id is ``time`` another one, for in expressions that is the time."""
    own = [*model.getListOfCompartments(), *model.getListOfSpecies(), *model.getListOfParameters()]
    for reaction in model.getListOfReactions():
        own += [reaction, *reaction.getListOfReactants(), *reaction.getListOfProducts()]
    element = next((item for item in own if item.getId() == "time"), None)
    name = "time_"
    if element is None:
        return ()
    while model.getElementBySId(name) is not None:
        name += "_"
    element.setId(name)
    for other in (model, *model.getListOfAllElements()):
        other.renameSIdRefs("time", name)
    return (f"the element time is called {name}: time is the time",)


def _free_level_1(document: Any) -> None:
    """Let algebraic rules of Level 1 determine parameters and compartments: it cannot say what is constant."""
    model = document.getModel()
    if document.getLevel() > 1 or not any(rule.isAlgebraic() for rule in model.getListOfRules()):
        return
    document.setLevelAndVersion(2, 4, False)
    for element in (*model.getListOfParameters(), *model.getListOfCompartments()):
        element.setConstant(False)


def _flatten(libsbml: Any, document: Any, where: str) -> tuple[Any, dict[str, str]]:
    packages = {document.getPlugin(i).getPackageName() for i in range(document.getNumPlugins())}
    for name in sorted(packages):
        if name not in _READABLE and document.getPackageRequired(name):
            raise UnsupportedFeatureError(where, f"package {name}", "SBML core and comp", "convert the model to core")
    if "fbc" in packages and document.getModel().getPlugin("fbc").getNumObjectives():
        raise UnsupportedFeatureError(where, "package fbc, flux balance", "SBML core and comp", "give rates")
    if "comp" not in packages:
        return document, {}
    dotted = dotted_names(document.getModel())
    options = libsbml.ConversionProperties()
    options.addOption("flatten comp", True)
    options.addOption("leavePorts", False)
    options.addOption("performValidation", False)
    options.addOption("abortIfUnflattenable", "requiredOnly")
    if document.convert(options) != libsbml.LIBSBML_OPERATION_SUCCESS:
        log = document.getErrorLog()
        message = " ".join(log.getError(log.getNumErrors() - 1).getMessage().split()) if log.getNumErrors() else ""
        raise UnsupportedFeatureError(
            where,
            message or "submodels",
            "submodels that libsbml can flatten in one file",
            "give one self-contained file",
        )
    return document, dotted


class _Reader:
    """Reads one flat libsbml document; each method one list."""

    def __init__(self, libsbml: Any, document: Any, where: str, fast: frozenset[str]) -> None:
        self._model = document.getModel()
        self._fast = fast
        self._level = document.getLevel()
        self._where = where
        functions: dict[str, FunctionBody] = {}
        self._math = MathReader(libsbml, functions, where)
        self._read_functions(functions)
        self._units = unit_texts(self._model)
        self._notes: list[str] = []

    def _read_functions(self, functions: dict[str, FunctionBody]) -> None:
        waiting = [f for f in self._model.getListOfFunctionDefinitions() if f.getBody() is not None]
        while waiting:  # a body may call a function that is defined later
            ready = [f for f in waiting if not (_called(f.getBody()) - set(functions))]
            if not ready:
                names = ", ".join(f.getId() for f in waiting)
                raise ModelError(self._where, f"functions {names}", "defined, not circular functions", "correct them")
            for function in ready:
                arguments = tuple(function.getArgument(i).getName() for i in range(function.getNumArguments()))
                functions[function.getId()] = FunctionBody(arguments, self._math.read(function.getBody()))
            waiting = [f for f in waiting if f not in ready]

    def model(self) -> Model:
        m = self._model
        reactions, local_parameters = self._reactions()
        if self._fast:
            self._notes.append(f"fast reactions are kept in equilibrium: {', '.join(sorted(self._fast))}")
        if m.getNumConstraints():
            self._notes.append(f"{m.getNumConstraints()} constraints were not read")
        labels = {
            e.getId(): e.getName() for e in (*m.getListOfSpecies(), *m.getListOfReactions(), *m.getListOfParameters())
        }
        model = Model(
            name=m.getId() or m.getName() or "model",
            compartments=tuple(map(self._compartment, m.getListOfCompartments())),
            species=tuple(map(self._species, m.getListOfSpecies())),
            parameters=(*map(self._parameter, m.getListOfParameters()), *local_parameters),
            reactions=reactions,
            rules=tuple(self._rule(r) for r in m.getListOfRules() if r.getMath() is not None),
            initial_assignments=tuple(
                Assignment(a.getSymbol(), self._math.read(a.getMath()))
                for a in m.getListOfInitialAssignments()
                if a.getMath() is not None
            ),
            events=tuple(event for event in map(self._event, m.getListOfEvents()) if event is not None),
            units=ModelUnits(
                time=self._units.get(m.getTimeUnits(), m.getTimeUnits()),
                substance=self._units.get(m.getSubstanceUnits(), m.getSubstanceUnits()),
                volume=self._units.get(m.getVolumeUnits(), m.getVolumeUnits()),
                extent=self._units.get(m.getExtentUnits(), m.getExtentUnits()),
            ),
            labels={name: label for name, label in labels.items() if label},
            notes=tuple(self._notes),
        )
        return self._with_given_nan(model)

    def _with_given_nan(self, model: Model) -> Model:
        """A NaN that stands in the file is the value of a parameter that nothing uses; elsewhere a value is missing."""
        used = frozenset[str]().union(*(free_symbols(formula) for _, formula in formulas_of(model)))
        used |= {rule.variable for rule in model.rules} | {a.variable for a in model.initial_assignments}
        given = [p.getId() for p in self._model.getListOfParameters() if p.isSetValue() and math.isnan(p.getValue())]
        more = tuple(Assignment(name, Number(math.nan)) for name in given if name not in used)
        return replace(model, initial_assignments=(*model.initial_assignments, *more))

    def _unit(self, element: Any) -> str:
        return self._units.get(element.getUnits(), element.getUnits())

    def _compartment(self, c: Any) -> Compartment:
        dimensions = c.getSpatialDimensionsAsDouble() if c.isSetSpatialDimensions() else 3.0
        size = c.getSize() if c.isSetSize() else (1.0 if dimensions == 0 else math.nan)
        return Compartment(c.getId(), size, c.getConstant(), self._unit(c))

    def _species(self, s: Any) -> Species:
        is_amount = s.isSetInitialAmount()
        initial = (
            s.getInitialAmount()
            if is_amount
            else (s.getInitialConcentration() if s.isSetInitialConcentration() else math.nan)
        )
        home = self._model.getCompartment(s.getCompartment())
        without_size = home is not None and home.isSetSpatialDimensions() and home.getSpatialDimensionsAsDouble() == 0
        return Species(
            name=s.getId(),
            compartment=s.getCompartment(),
            initial=initial,
            initial_is_amount=is_amount,
            symbol_is_amount=s.getHasOnlySubstanceUnits() or without_size,
            boundary=s.getBoundaryCondition(),
            constant=s.getConstant(),
            conversion_factor=s.getConversionFactor() or self._model.getConversionFactor(),
            unit=self._units.get(s.getSubstanceUnits(), s.getSubstanceUnits()),
        )

    def _parameter(self, p: Any) -> Parameter:
        value = p.getValue() if p.isSetValue() else math.nan
        return Parameter(p.getId(), value, p.getConstant(), self._unit(p))

    def _reactions(self) -> tuple[tuple[Reaction, ...], list[Parameter]]:
        reactions: list[Reaction] = []
        local: list[Parameter] = []
        for r in self._model.getListOfReactions():
            law = r.getKineticLaw()
            names = {p.getId(): f"{r.getId()}.{p.getId()}" for p in _local_parameters(law)}
            local += [replace(self._parameter(p), name=names[p.getId()], constant=True) for p in _local_parameters(law)]
            rate: Expression = Number(0.0)
            if law is not None and law.getMath() is not None:
                symbols = {own_symbol(old).name: Symbol(new) for old, new in names.items()}
                rate = substitute(self._math.read(law.getMath()), symbols)
            else:
                self._notes.append(f"reaction {r.getId()} has no rate and does nothing")
            reactions.append(
                Reaction(
                    name=r.getId(),
                    reactants=tuple(self._reference(s) for s in r.getListOfReactants()),
                    products=tuple(self._reference(s) for s in r.getListOfProducts()),
                    modifiers=tuple(s.getSpecies() for s in r.getListOfModifiers()),
                    rate=rate,
                    reversible=r.getReversible(),
                    fast=r.getId() in self._fast,
                )
            )
        return tuple(reactions), local

    def _reference(self, reference: Any) -> SpeciesReference:
        stoichiometry: Expression
        if reference.isSetStoichiometryMath() and reference.getStoichiometryMath().getMath() is not None:
            stoichiometry = self._math.read(reference.getStoichiometryMath().getMath())
        elif reference.isSetStoichiometry():
            stoichiometry = Number(reference.getStoichiometry() / max(reference.getDenominator(), 1))
        else:
            stoichiometry = ONE if self._level < 3 else Number(math.nan)
        constant = self._level < 3 or reference.getConstant()
        return SpeciesReference(reference.getSpecies(), stoichiometry, reference.getId(), constant)

    def _rule(self, rule: Any) -> Rule:
        kind = "algebraic" if rule.isAlgebraic() else ("rate" if rule.isRate() else "assignment")
        return Rule(kind, "" if kind == "algebraic" else rule.getVariable(), self._math.read(rule.getMath()))

    def _event(self, event: Any) -> Event | None:
        trigger = event.getTrigger()
        if trigger is None or trigger.getMath() is None:
            self._notes.append(f"event {event.getId()} has no trigger and never happens")
            return None
        assignments = tuple(
            Assignment(a.getVariable(), self._math.read(a.getMath()))
            for a in event.getListOfEventAssignments()
            if a.getMath() is not None
        )
        delay, priority = event.getDelay(), event.getPriority()
        return Event(
            name=event.getId(),
            trigger=self._math.read(trigger.getMath()),
            assignments=assignments,
            delay=self._math.read(delay.getMath()) if delay is not None and delay.getMath() is not None else None,
            priority=self._math.read(priority.getMath())
            if priority is not None and priority.getMath() is not None
            else None,
            initial_value=trigger.getInitialValue() if trigger.isSetInitialValue() else True,
            persistent=trigger.getPersistent() if trigger.isSetPersistent() else True,
            values_from_trigger_time=event.getUseValuesFromTriggerTime(),
        )


def _local_parameters(law: Any) -> list[Any]:
    if law is None:
        return []
    return [*law.getListOfLocalParameters()] or [*law.getListOfParameters()]


def _called(node: Any) -> set[str]:
    names = {node.getName()} if node.getType() == _user_function_type() else set()
    for i in range(node.getNumChildren()):
        names |= _called(node.getChild(i))
    return names


def _user_function_type() -> int:
    import libsbml  # noqa: PLC0415

    return int(libsbml.AST_FUNCTION)
