"""Names of a flattened model as a user writes them: ``A.x`` for x of submodel A."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from limus.kernel.language.expression import Expression, Symbol, substitute
from limus.kernel.language.model import Assignment, Model, SpeciesReference

__all__ = ["dotted_names", "rename_model"]


def dotted_names(model: Any) -> dict[str, str]:
    """Find which flat names stand for an element of a submodel, before flattening.

    Parameters
    ----------
    model : libsbml.Model
        The outer model, with the comp package.

    Returns
    -------
    dict of str to str
        ``{'A__': 'A.'}`` for each submodel (a prefix), and ``{'A_x': 'A.x'}`` for each outer element that exists
        only to name an inner one.
    """
    plugin = model.getPlugin("comp")
    submodels = [plugin.getSubmodel(i).getId() for i in range(plugin.getNumSubmodels())] if plugin else []
    names = {f"{name}__": f"{name}." for name in submodels}
    for element in model.getListOfAllElements():
        inner = element.getPlugin("comp")
        if inner is None or not hasattr(inner, "getNumReplacedElements"):
            continue
        outer = element.getId()
        references = [inner.getReplacedElement(i) for i in range(inner.getNumReplacedElements())]
        if inner.isSetReplacedBy():
            references.append(inner.getReplacedBy())
        for reference in references:
            submodel = reference.getSubmodelRef()
            if outer.startswith(f"{submodel}_"):
                names[outer] = f"{submodel}.{outer[len(submodel) + 1 :]}"
    return names


def rename_model(model: Model, dotted: Mapping[str, str]) -> Model:
    """Give a flattened model its dotted names.

    Parameters
    ----------
    model : Model
    dotted : mapping
        From :func:`dotted_names`.

    Returns
    -------
    Model
        Unchanged if there is nothing to rename.
    """
    if not dotted:
        return model
    prefixes = [name for name in dotted if name.endswith("__")]
    every = tuple(dict.fromkeys((*model.names, *(event.name for event in model.events if event.name))))

    def dotted_name(name: str) -> str:
        for prefix in prefixes:
            if name.startswith(prefix):
                return dotted[prefix] + name[len(prefix) :].replace("__", ".")
        return dotted.get(name, name)

    uses = Counter(map(dotted_name, every))

    def new(name: str) -> str:
        found = dotted_name(name)
        return found if uses[found] == 1 else name  # two names stay two

    symbols: dict[str, Expression] = {name: Symbol(new(name)) for name in every if new(name) != name}

    def math(expression: Expression) -> Expression:
        return substitute(expression, symbols)

    def reference(item: SpeciesReference) -> SpeciesReference:
        return replace(item, species=new(item.species), stoichiometry=math(item.stoichiometry), name=new(item.name))

    def assignment(item: Assignment) -> Assignment:
        return Assignment(new(item.variable), math(item.formula))

    return replace(
        model,
        compartments=tuple(replace(c, name=new(c.name)) for c in model.compartments),
        species=tuple(
            replace(s, name=new(s.name), compartment=new(s.compartment), conversion_factor=new(s.conversion_factor))
            for s in model.species
        ),
        parameters=tuple(replace(p, name=new(p.name)) for p in model.parameters),
        reactions=tuple(
            replace(
                r,
                name=new(r.name),
                reactants=tuple(map(reference, r.reactants)),
                products=tuple(map(reference, r.products)),
                modifiers=tuple(map(new, r.modifiers)),
                rate=math(r.rate),
            )
            for r in model.reactions
        ),
        rules=tuple(replace(r, variable=new(r.variable), formula=math(r.formula)) for r in model.rules),
        initial_assignments=tuple(map(assignment, model.initial_assignments)),
        events=tuple(
            replace(
                e,
                name=new(e.name),
                trigger=math(e.trigger),
                assignments=tuple(map(assignment, e.assignments)),
                delay=None if e.delay is None else math(e.delay),
                priority=None if e.priority is None else math(e.priority),
            )
            for e in model.events
        ),
        labels={new(name): label for name, label in model.labels.items()},
    )
