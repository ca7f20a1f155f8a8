"""Algebraic rules, 0 = f, turned into assignment rules where f is linear in the name that the rule determines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.language.derivative import derivative
from limus.kernel.language.expression import ZERO, Expression, apply, free_symbols, substitute
from limus.kernel.language.model import Model, Rule

__all__ = ["without_algebraic_rules"]


def without_algebraic_rules(model: Model) -> Model:
    """Return the model with each algebraic rule solved for the name that nothing else determines.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Model
        Unchanged if it has no algebraic rule.

    Raises
    ------
    UnsupportedFeatureError
        No choice of names makes every rule linear in its own.
    """
    rules = [rule for rule in model.rules if rule.kind == "algebraic"]
    if not rules:
        return model
    found = _match(rules, _undetermined(model))
    if found is None:
        raise UnsupportedFeatureError(
            f"model {model.name}",
            "an algebraic rule",
            "algebraic rules that are linear in a name that nothing else determines",
            "solve the rule for one name and write it as an assignment rule",
        )
    solved = {id(rule): Rule("assignment", name, value) for rule, (name, value) in zip(rules, found, strict=True)}
    names = {name for name, _ in found}
    return replace(
        model,
        rules=tuple(solved.get(id(rule), rule) for rule in model.rules),
        initial_assignments=tuple(a for a in model.initial_assignments if a.variable not in names),
    )


def _undetermined(model: Model) -> set[str]:
    """Names that may change and that no rule or reaction determines."""
    ruled = {rule.variable for rule in model.rules}
    made = {
        reference.species for reaction in model.reactions for reference in (*reaction.reactants, *reaction.products)
    }
    names = {s.name for s in model.species if not s.constant and (s.boundary or s.name not in made)}
    names |= {p.name for p in model.parameters if not p.constant} | {
        c.name for c in model.compartments if not c.constant
    }
    names |= {r.name for x in model.reactions for r in (*x.reactants, *x.products) if r.name}
    return names - ruled


def _match(rules: Sequence[Rule], names: set[str]) -> list[tuple[str, Expression]] | None:
    """Give each rule a name of its own; names that only it can determine first, by trying in turn."""
    if not rules:
        return []
    first, *rest = rules
    for name in sorted(free_symbols(first.formula) & names):
        slope = derivative(first.formula, name)
        if slope == ZERO or name in free_symbols(slope):
            continue
        others = _match(rest, names - {name})
        if others is not None:
            value = apply("negate", apply("divide", substitute(first.formula, {name: ZERO}), slope))
            return [(name, value), *others]
    return None
