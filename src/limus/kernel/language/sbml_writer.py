"""The immutable model to SBML Level 3 text, through libsbml: one flat model that any simulator loads.

Version 1 is written, which the most programs read; Version 2 where the mathematics needs it. A dotted name ``A.x``
becomes the identifier ``A__x``, as libsbml's own flattening has it, and stands unchanged as the element's name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from limus.kernel.errors import ModelError, UnsupportedFeatureError
from limus.kernel.language.expression import Expression, Number, free_symbols
from limus.kernel.language.model import Event, Model, Reaction, Species, SpeciesReference
from limus.kernel.language.sbml_write_math import MathWriter, needs_version_2
from limus.kernel.language.sbml_write_units import UnitWriter

__all__ = ["sbml_identifiers", "write_sbml"]


def sbml_identifiers(model: Model) -> dict[str, str]:
    """Return the SBML identifier of every name of a model.

    Parameters
    ----------
    model : Model

    Returns
    -------
    dict of str to str
        Name to identifier: letters, digits and underscores, different for different names.
    """
    names = dict.fromkeys((*model.names, *(event.name for event in model.events if event.name)))
    plain = {name for name in names if _is_identifier(name)}
    found = {name: name for name in plain}
    taken = set(plain)
    for name in names:
        if name in found:
            continue
        new = re.sub(r"[^A-Za-z0-9_]", "_", name.replace(".", "__"))
        new = new if _is_identifier(new) else f"_{new}"
        while new in taken:
            new += "_"
        found[name] = new
        taken.add(new)
    return found


def _is_identifier(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_]\w*", name, flags=re.ASCII) is not None


def write_sbml(model: Model, *, notes: Sequence[str] = ()) -> str:
    """Write a model as SBML.

    Parameters
    ----------
    model : Model
        Its numbers are the ones that are written; units where it declares them.
    notes : sequence of str
        Paragraphs that stand in the file's notes, plain text.

    Returns
    -------
    str
        SBML Level 3 core, Version 1 or 2.

    Raises
    ------
    UnsupportedFeatureError
        Mathematics that SBML has not.
    ModelError
        The model cannot be said in valid SBML; the message is libsbml's first.
    """
    import libsbml  # noqa: PLC0415

    empty = any(not (reaction.reactants or reaction.products) for reaction in model.reactions)
    version = 2 if empty or any(map(needs_version_2, _expressions(model))) else 1
    fast = next((reaction.name for reaction in model.reactions if reaction.fast), "")
    if version == 2 and fast:  # only Version 1 can say it
        got = f"fast reaction {fast}, with what only Level 3 Version 2 can say"
        raise UnsupportedFeatureError(f"model {model.name} as SBML", got, "one of them", "change the model")
    document = libsbml.SBMLDocument(3, version)
    _Writer(libsbml, document.createModel(), model).write(notes)
    _refuse_invalid(libsbml, document, model.name)
    return str(libsbml.writeSBMLToString(document))


def _refuse_invalid(libsbml: Any, document: Any, name: str) -> None:
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, False)  # units may be declared in part
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_MODELING_PRACTICE, False)
    document.checkConsistency()
    for i in range(document.getNumErrors()):
        error = document.getError(i)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR:
            message = " ".join(error.getMessage().split())
            raise ModelError(f"model {name} as SBML", message, "a model that SBML allows", "change the model")


def _expressions(model: Model) -> Iterator[Expression]:
    yield from (rule.formula for rule in model.rules)
    yield from (assignment.formula for assignment in model.initial_assignments)
    for reaction in model.reactions:
        yield reaction.rate
        yield from (reference.stoichiometry for reference in (*reaction.reactants, *reaction.products))
    for event in model.events:
        yield from (part for part in (event.trigger, event.delay, event.priority) if part is not None)
        yield from (assignment.formula for assignment in event.assignments)


class _Writer:
    """Writes one model into one libsbml model; each method one list."""

    def __init__(self, libsbml: Any, target: Any, model: Model) -> None:
        self._target = target
        self._model = model
        self._ids = sbml_identifiers(model)
        self._math = MathWriter(libsbml, self._ids, f"model {model.name}")
        self._units = UnitWriter(libsbml, target)
        self._changing = {r.variable for r in model.rules} | {a.variable for e in model.events for a in e.assignments}
        self._assigned = {r.variable for r in model.rules if r.kind == "assignment"}
        self._started = {a.variable for a in model.initial_assignments} | self._assigned

    def write(self, notes: Sequence[str]) -> None:
        model, target = self._model, self._target
        target.setId(model.name if _is_identifier(model.name) else "model")
        target.setName(model.name)
        if notes or model.notes:
            text = "".join(f"<p>{_escaped(line)}</p>" for line in (*notes, *model.notes))
            target.setNotes(f'<body xmlns="http://www.w3.org/1999/xhtml">{text}</body>')
        self._set_units()
        self._write_compartments()
        for species in model.species:
            self._write_species(species)
        self._write_parameters()
        self._write_rules()
        for reaction in model.reactions:
            self._write_reaction(reaction)
        for event in model.events:
            self._write_event(event)

    def _set_units(self) -> None:
        units, target = self._model.units, self._target
        for text, setter in (
            (units.time, target.setTimeUnits),
            (units.substance, target.setSubstanceUnits),
            (units.volume, target.setVolumeUnits),
            (units.extent or units.substance, target.setExtentUnits),
        ):
            if identifier := self._units.id_of(text):
                setter(identifier)

    def _label(self, element: Any, name: str) -> None:
        element.setId(self._ids[name])
        label = self._model.labels.get(name, name)
        if label != self._ids[name]:
            element.setName(label)

    def _write_compartments(self) -> None:
        for compartment in self._model.compartments:
            c = self._target.createCompartment()
            self._label(c, compartment.name)
            c.setSpatialDimensions(3)
            if not math.isnan(compartment.size) and compartment.name not in self._started:
                c.setSize(compartment.size)
            c.setConstant(compartment.constant and compartment.name not in self._changing)
            if identifier := self._units.id_of(compartment.unit):
                c.setUnits(identifier)

    def _write_species(self, species: Species) -> None:
        s = self._target.createSpecies()
        self._label(s, species.name)
        s.setCompartment(self._ids[species.compartment])
        if not math.isnan(species.initial) and species.name not in self._started:
            (s.setInitialAmount if species.initial_is_amount else s.setInitialConcentration)(species.initial)
        s.setHasOnlySubstanceUnits(species.symbol_is_amount)
        s.setBoundaryCondition(species.boundary)
        s.setConstant(species.constant)
        if species.conversion_factor:
            s.setConversionFactor(self._ids[species.conversion_factor])
        if identifier := self._units.id_of(species.unit):
            s.setSubstanceUnits(identifier)

    def _write_parameters(self) -> None:
        for parameter in self._model.parameters:
            p = self._target.createParameter()
            self._label(p, parameter.name)
            if not math.isnan(parameter.value) and parameter.name not in self._started:
                p.setValue(parameter.value)
            p.setConstant(parameter.constant and parameter.name not in self._changing)
            if identifier := self._units.id_of(parameter.unit):
                p.setUnits(identifier)

    def _write_rules(self) -> None:
        for start in self._model.initial_assignments:
            a = self._target.createInitialAssignment()
            a.setSymbol(self._ids[start.variable])
            a.setMath(self._math.number(start.formula))
        makers = {
            "assignment": self._target.createAssignmentRule,
            "rate": self._target.createRateRule,
            "algebraic": self._target.createAlgebraicRule,
        }
        for rule in self._model.rules:
            r = makers[rule.kind]()
            if rule.kind != "algebraic":
                r.setVariable(self._ids[rule.variable])
            r.setMath(self._math.number(rule.formula))

    def _write_reaction(self, reaction: Reaction) -> None:
        r = self._target.createReaction()
        self._label(r, reaction.name)
        r.setReversible(reaction.reversible)
        r.setFast(reaction.fast)
        for items, create in ((reaction.reactants, r.createReactant), (reaction.products, r.createProduct)):
            for reference in items:
                self._write_reference(create(), reference)
        there = {reference.species for reference in (*reaction.reactants, *reaction.products)}
        species = {s.name for s in self._model.species}
        named = free_symbols(reaction.rate) & species
        for name in dict.fromkeys((*reaction.modifiers, *sorted(named - there))):
            r.createModifier().setSpecies(self._ids[name])
        r.createKineticLaw().setMath(self._math.number(reaction.rate))

    def _write_reference(self, element: Any, reference: SpeciesReference) -> None:
        element.setSpecies(self._ids[reference.species])
        if reference.name:
            element.setId(self._ids[reference.name])
        given = reference.stoichiometry
        if isinstance(given, Number):
            if not math.isnan(given.value) and reference.name not in self._started:
                element.setStoichiometry(given.value)
            element.setConstant(not (reference.name and reference.name in self._changing))
            return
        if not reference.name:
            element.setId(self._new_identifier(f"stoichiometry_of_{self._ids[reference.species]}"))
        element.setConstant(False)
        if reference.name in self._assigned:
            return
        rule = self._target.createAssignmentRule()
        rule.setVariable(element.getId())
        rule.setMath(self._math.number(given))

    def _new_identifier(self, wanted: str) -> str:
        taken = set(self._ids.values())
        while wanted in taken:
            wanted += "_"
        self._ids[wanted] = wanted
        return wanted

    def _write_event(self, event: Event) -> None:
        e = self._target.createEvent()
        if event.name:
            self._label(e, event.name)
        e.setUseValuesFromTriggerTime(event.values_from_trigger_time)
        trigger = e.createTrigger()
        trigger.setInitialValue(event.initial_value)
        trigger.setPersistent(event.persistent)
        trigger.setMath(self._math.truth(event.trigger))
        if event.delay is not None:
            e.createDelay().setMath(self._math.number(event.delay))
        if event.priority is not None:
            e.createPriority().setMath(self._math.number(event.priority))
        for assignment in event.assignments:
            a = e.createEventAssignment()
            a.setVariable(self._ids[assignment.variable])
            a.setMath(self._math.number(assignment.formula))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
