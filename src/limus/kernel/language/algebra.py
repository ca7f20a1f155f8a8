"""Algebraic rules, 0 = f: which name each one determines, and its formula where f is linear in it.

A rule may determine a name that is not constant and that no rule or reaction determines. Where there is a choice it is
a name without a value, before one with a value, before a boundary species, before one that an event sets; where the
choice is still open the model is refused. Rules that need each other are solved together. What is not linear is left
to the solver (:mod:`limus.kernel.simulation.settling`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.language.derivative import derivative
from limus.kernel.language.expression import ZERO, Apply, Expression, Number, apply, free_symbols, substitute, walk
from limus.kernel.language.model import Model, Rule

__all__ = ["solve_linear", "with_algebraic_rules_solved"]

_NEVER, _SET_BY_EVENT, _HAS_VALUE, _IS_BOUNDARY, _IS_USED = 1e9, 1e6, 1e3, 1.0, 1e-3


def with_algebraic_rules_solved(model: Model) -> Model:
    """Return the model with each algebraic rule solved for the name that it determines.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Model
        Unchanged if it has no algebraic rule. A rule that is linear in its name is an assignment rule; another is
        still algebraic and has the name as its ``variable``.

    Raises
    ------
    UnsupportedFeatureError
        A rule that determines nothing, or leaves open what it determines; or one whose name an event sets.
    """
    rules = [rule for rule in model.rules if rule.kind == "algebraic"]
    if not rules:
        return model
    formulas = _inlined(model, [rule.formula for rule in rules], free := _undetermined(model))
    names = _match(model, formulas, free)
    found: dict[int, Rule] = {}
    for group in _groups(formulas, names):
        own, of_group = [formulas[i] for i in group], [names[i] for i in group]
        solved = None if _hold_concentrations(model, of_group, own) else _solve(own, of_group)
        for k, i in enumerate(group):
            kind, formula = ("algebraic", formulas[i]) if solved is None else ("assignment", solved[k])
            found[id(rules[i])] = Rule(kind, names[i], formula)
    assigned = {rule.variable for rule in found.values() if rule.kind == "assignment"}
    for name in sorted(assigned & _set_by_events(model)):
        raise _refusal(model, f"{name}, which an algebraic rule determines and an event sets", "one of them")
    return replace(
        model,
        rules=tuple(found.get(id(rule), rule) for rule in model.rules),
        initial_assignments=tuple(a for a in model.initial_assignments if a.variable not in assigned),
    )


def _hold_concentrations(model: Model, names: Sequence[str], formulas: Sequence[Expression]) -> bool:
    """Whether one of the names is a compartment on whose size a concentration in the formulas depends."""
    inside = {s.name for s in model.species if s.compartment in names and not s.symbol_is_amount}
    return any(free_symbols(formula) & inside for formula in formulas)


def _refusal(model: Model, got: str, allowed: str) -> UnsupportedFeatureError:
    do = "solve the rule for one name and write it as an assignment rule"
    return UnsupportedFeatureError(f"model {model.name}", got, allowed, do)


def _set_by_events(model: Model) -> set[str]:
    return {assignment.variable for event in model.events for assignment in event.assignments}


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
    names |= {r.name for x in model.reactions for r in (*x.reactants, *x.products) if r.name and not r.constant}
    return names - ruled


def _inlined(model: Model, formulas: Sequence[Expression], names: set[str]) -> list[Expression]:
    """Formulas with the assignment rules and reaction rates in place that lead to one of the names."""
    explicit = {rule.variable: rule.formula for rule in model.rules if rule.kind == "assignment"}
    explicit |= {reaction.name: reaction.rate for reaction in model.reactions}
    leading: set[str] = set()
    while True:
        more = {name for name, formula in explicit.items() if free_symbols(formula) & (names | leading)}
        if more == leading:
            break
        leading = more
    inlined = list(formulas)
    for _ in leading:
        if not any(free_symbols(formula) & leading for formula in inlined):
            break
        inlined = [substitute(formula, {name: explicit[name] for name in leading}) for formula in inlined]
    return inlined


def _match(model: Model, formulas: Sequence[Expression], names: set[str]) -> list[str]:
    """Give each rule a name of its own, at the least cost."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    candidates = sorted(names & frozenset[str]().union(*map(free_symbols, formulas)))
    prices = _prices(model, candidates)
    costs = np.full((len(formulas), max(len(candidates), len(formulas))), _NEVER)
    for i, formula in enumerate(formulas):
        for name in free_symbols(formula) & set(candidates):
            if name not in _below_rate_of(formula) and derivative(formula, name) != ZERO:
                costs[i, candidates.index(name)] = prices[name]
    _, chosen = linear_sum_assignment(costs)
    best = float(costs[np.arange(len(formulas)), chosen].sum())
    if best >= _NEVER:
        raise _refusal(model, "an algebraic rule", "algebraic rules that each determine a name that nothing else does")
    for place in chosen.tolist():  # the best without this name must cost more
        without = costs.copy()
        without[:, place] = _NEVER
        other = float(without[linear_sum_assignment(without)].sum())
        if other <= best:
            got = f"algebraic rules that may determine {candidates[place]} or another name"
            raise _refusal(model, got, "one name for each rule, all others constant")
    return [candidates[place] for place in chosen.tolist()]


def _below_rate_of(formula: Expression) -> frozenset[str]:
    below = [node for node in walk(formula) if isinstance(node, Apply) and node.operator in {"rate_of", "delay"}]
    return frozenset[str]().union(*map(free_symbols, below))


def _prices(model: Model, candidates: Sequence[str]) -> dict[str, float]:
    values, by_event = model.values, _set_by_events(model)
    given = {a.variable for a in model.initial_assignments}
    given |= {name for name in candidates if not math.isnan(values.get(name, math.nan))}
    boundary = {species.name for species in model.species if species.boundary}
    reasons = ((_HAS_VALUE, given), (_SET_BY_EVENT, by_event), (_IS_BOUNDARY, boundary))
    return {name: _IS_USED + sum(price for price, names in reasons if name in names) for name in candidates}


def _groups(formulas: Sequence[Expression], names: Sequence[str]) -> Iterator[list[int]]:
    """Rules that need each other's names, all together; what a group needs of others stands as a symbol."""
    count = len(names)
    needs = np.array([[name in free_symbols(formula) for name in names] for formula in formulas])
    for _ in range(count):
        needs = needs | (needs.astype(int) @ needs.astype(int) > 0)
    left = list(range(count))
    while left:
        group = [i for i in left if i == left[0] or (needs[left[0], i] and needs[i, left[0]])]
        left = [i for i in left if i not in group]
        yield group


def _solve(formulas: Sequence[Expression], names: Sequence[str]) -> list[Expression] | None:
    """Solve formulas that are linear in the names, by elimination; None where they are not."""
    rows: list[list[Expression]] = [[derivative(formula, name) for name in names] for formula in formulas]
    if any(free_symbols(slope) & set(names) for row in rows for slope in row):
        return None
    if not all(_is_smooth(formula, set(names)) for formula in formulas):
        return None
    zeros: Mapping[str, Expression] = dict.fromkeys(names, ZERO)
    for row, formula in zip(rows, formulas, strict=True):
        row.append(apply("negate", substitute(formula, zeros)))
    return solve_linear(rows)


def solve_linear(rows: Sequence[Sequence[Expression]]) -> list[Expression] | None:
    """Solve linear equations by elimination.

    Parameters
    ----------
    rows : sequence of K sequences of K + 1 Expressions
        Coefficients and right-hand side of each equation.

    Returns
    -------
    list of Expression or None
        None where there is no pivot. A pivot that is zero for some numbers makes the solution infinite there.
    """
    table = [list(row) for row in rows]
    for k in range(len(table)):
        usable = [i for i in range(k, len(table)) if table[i][k] != ZERO]
        if not usable:
            return None
        pivot = next((i for i in usable if isinstance(table[i][k], Number)), usable[0])
        table[k], table[pivot] = table[pivot], table[k]
        table[k] = [apply("divide", entry, table[k][k]) for entry in table[k]]
        for i in range(len(table)):
            if i != k and table[i][k] != ZERO:
                share = apply("negate", table[i][k])
                added = [apply("multiply", share, entry) for entry in table[k]]
                table[i] = [apply("add", a, b) for a, b in zip(table[i], added, strict=True)]
                table[i][k] = ZERO
    return [row[-1] for row in table]


def _is_smooth(formula: Expression, names: set[str]) -> bool:
    """Whether the names stand only in sums, products, quotients and values of piecewise, not in steps or conditions."""
    for node in walk(formula):
        if isinstance(node, Apply) and free_symbols(node) & names:
            if node.operator == "piecewise":
                if any(free_symbols(condition) & names for condition in node.arguments[1::2]):
                    return False
            elif node.operator not in {"add", "negate", "multiply", "divide"}:
                return False
    return True
