"""Questions asked of every model, as named objects: do its names exist, what is unused, is matter conserved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from limus.kernel.checks import Check, Finding, Severity
from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.language.algebra import with_algebraic_rules_solved
from limus.kernel.language.expression import Expression, Number, free_symbols
from limus.kernel.language.model import Model, SpeciesReference

__all__ = ["MODEL_CHECKS", "conservation_check", "formulas_of"]


def formulas_of(model: Model) -> Iterator[tuple[str, Expression]]:
    """Yield every formula of a model with where it stands.

    Parameters
    ----------
    model : Model

    Yields
    ------
    tuple of (str, Expression)
    """
    for reaction in model.reactions:
        yield f"reaction {reaction.name}", reaction.rate
        for reference in (*reaction.reactants, *reaction.products):
            yield f"stoichiometry of {reference.species} in {reaction.name}", reference.stoichiometry
    for rule in model.rules:
        yield f"{rule.kind} rule for {rule.variable}".removesuffix(" for "), rule.formula
    for assignment in model.initial_assignments:
        yield f"initial assignment to {assignment.variable}", assignment.formula
    for event in model.events:
        yield f"trigger of event {event.name}", event.trigger
        yield from ((f"event {event.name}, {a.variable}", a.formula) for a in event.assignments)
        yield from ((f"event {event.name}", f) for f in (event.delay, event.priority) if f is not None)


def _undefined_symbols(model: Model) -> Iterator[Finding]:
    known = {*model.names, "time"}
    for where, formula in formulas_of(model):
        for name in sorted(free_symbols(formula) - known):
            yield Finding(
                "undefined-symbol",
                Severity.ERROR,
                f"model {model.name}, {where}",
                name,
                "a name of the model",
                f"define {name}",
            )


def _missing_values(model: Model) -> Iterator[Finding]:
    given = {r.variable for r in model.rules} | {a.variable for a in model.initial_assignments}
    with suppress(UnsupportedFeatureError):  # said when the model is compiled
        given |= {r.variable for r in with_algebraic_rules_solved(model).rules if r.kind == "assignment"}
    used = frozenset[str]().union(*(free_symbols(f) for _, f in formulas_of(model)))
    for name, value in model.values.items():
        if math.isnan(value) and name not in given and name in used:
            yield Finding(
                "missing-value",
                Severity.ERROR,
                f"model {model.name}",
                f"{name} without a value",
                "a number for every name that the mathematics uses",
                f"give {name} a value",
            )


def _unused_parameters(model: Model) -> Iterator[Finding]:
    used = frozenset[str]().union(*(free_symbols(f) for _, f in formulas_of(model)))
    used |= {r.variable for r in model.rules} | {s.conversion_factor for s in model.species}
    for parameter in model.parameters:
        if parameter.name not in used:
            yield Finding(
                "unused-parameter",
                Severity.WARNING,
                f"model {model.name}",
                parameter.name,
                "parameters that the mathematics uses",
                "remove it, or use it",
            )


def _undeclared_units(model: Model) -> Iterator[Finding]:
    for name in ("time", "substance", "volume"):
        if not getattr(model.units, name):
            yield Finding(
                "undeclared-units",
                Severity.WARNING,
                f"model {model.name}",
                f"no unit of {name}",
                f"a declared unit of {name}",
                f"declare the model's unit of {name}",
            )


MODEL_CHECKS: tuple[Check[Model], ...] = (
    Check("undefined-symbol", "Every name in the mathematics is defined.", _undefined_symbols),
    Check("missing-value", "Every name that the mathematics uses has a value.", _missing_values),
    Check("unused-parameter", "Every parameter is used.", _unused_parameters),
    Check("undeclared-units", "Units of time, substance and volume are declared.", _undeclared_units),
)


def conservation_check(conserved: Mapping[str, Sequence[str]]) -> Check[Model]:
    """Make a check that each named group of species is conserved, in amount, by every reaction.

    Parameters
    ----------
    conserved : mapping of str to sequence of str
        Name of the group to its species, each counted once.

    Returns
    -------
    Check
        Its findings name the group and the reaction that makes or loses some of it.
    """

    def ask(model: Model) -> Iterator[Finding]:
        species = {s.name for s in model.species}
        for group, members in conserved.items():
            for name in sorted(set(members) - species):
                yield _unbalanced(model, group, f"species {name} is not in the model")
            for reaction in model.reactions:
                change = _change_of(reaction.products, members) - _change_of(reaction.reactants, members)
                if change != 0.0:
                    yield _unbalanced(model, group, f"reaction {reaction.name} changes it by {change:g}")

    return Check("unbalanced-conservation", "What is declared conserved is conserved by every reaction.", ask)


def _change_of(references: Sequence[SpeciesReference], members: Sequence[str]) -> float:
    amounts = [reference.stoichiometry for reference in references if reference.species in members]
    return sum(amount.value if isinstance(amount, Number) else math.nan for amount in amounts)


def _unbalanced(model: Model, group: str, got: str) -> Finding:
    return Finding(
        "unbalanced-conservation",
        Severity.ERROR,
        f"model {model.name}, {group}",
        got,
        "reactions that conserve the group",
        "balance the reaction or correct the declaration",
    )
