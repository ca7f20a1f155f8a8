"""The signed influence graph of a model: which name raises or lowers which, found by differentiating its formulas.

For a state b the influence of a on b is the sign of d(rate of change of b)/da, for an assigned name the sign of
d(formula of b)/da, with every other name held. Reactions and rules are taken by name, so that assigned names stay
nodes of their own and a longer influence is a path whose sign is the product of the signs on it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np

from limus.kernel.errors import ModelError, UnknownNameError, UnsupportedFeatureError, near_names
from limus.kernel.language import Expression, Model, Number, Symbol, apply, derivative, free_symbols, transform
from limus.kernel.simulation import compile_model, simulate
from limus.kernel.simulation.python_code import load_function, write_function
from limus.kernel.simulation.system import TIME

__all__ = ["InfluenceGraph", "SamplePoint", "Sign", "converts", "effect", "influence_graph", "sample_points"]

Sign: TypeAlias = Literal[-1, 0, 1, "mixed"]

_LOWEST_FACTOR = 0.1
_RELATIVE_TOLERANCE = 1e-6
_ABSOLUTE_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class SamplePoint:
    """A point at which signs are looked at: time, and a value for every name of the model, all consistent."""

    time: float
    values: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class InfluenceGraph:
    """Direct influences between the names of a model.

    Attributes
    ----------
    nodes : tuple of str
        States and assigned names, in the model's order.
    signs : mapping of (str, str) to Sign
        Source and target to 1, -1 or ``mixed``; a pair that is absent has no influence.
    conversions : frozenset of (str, str)
        Source and target of which a reaction consumes the one and makes the other.
    """

    nodes: tuple[str, ...]
    signs: Mapping[tuple[str, str], Sign]
    conversions: frozenset[tuple[str, str]]

    def sign(self, source: str, target: str) -> Sign:
        """Return the direct influence of one name on another; 0 where there is none."""
        return self.signs.get((source, target), 0)

    def targets(self, source: str) -> tuple[str, ...]:
        """Return the names that a name influences directly, in the model's order."""
        return tuple(node for node in self.nodes if (source, node) in self.signs)


def sample_points(
    model: Model, conditions: Sequence[Mapping[str, float]], hours: Sequence[float], *, points: int, seed: int
) -> tuple[SamplePoint, ...]:
    """Take points around simulated states of a model.

    Each state is multiplied by its own factor, log-uniform from 0.1 to 1: never above 1, so that a share of a
    conserved whole stays a share. Assigned names are computed from the states.

    Parameters
    ----------
    model : Model
        With a number for every parameter.
    conditions : sequence of mapping of str to float
        Inputs that differ from the model's own values, one mapping a simulation.
    hours : sequence of float
        When to look, in the model's time unit, increasing, not negative.
    points : int
        How many besides the simulated state itself, for each condition and time; 0 or more.
    seed : int
        Of the factors.

    Returns
    -------
    tuple of SamplePoint

    Raises
    ------
    SolveError
        A simulation failed.
    UnsupportedFeatureError
        A compartment changes its size, or the model has what the engine does not support.
    """
    _refuse_changing_compartments(model)
    compiled = compile_model(model, tuple(model.values))
    generator = np.random.default_rng(seed)
    found = []
    for condition in conditions:
        known = {name: value for name, value in condition.items() if name in compiled.inputs}
        result = simulate(
            compiled,
            np.unique([0.0, *hours]),
            known,
            relative_tolerance=_RELATIVE_TOLERANCE,
            absolute_tolerance=_ABSOLUTE_TOLERANCE,
        )
        result.require_success(f"model {model.name}")
        inputs = [known.get(n, float(default)) for n, default in zip(compiled.inputs, compiled.defaults, strict=True)]
        for hour in hours:
            row = result.values[0, int(np.searchsorted(result.times, hour))]
            row = np.where(np.abs(row) > _ABSOLUTE_TOLERANCE, row, 0.0)  # smaller values are the solver's noise
            at = dict(zip(compiled.outputs, row.tolist(), strict=True))
            for point in range(points + 1):
                exponents = generator.uniform(math.log10(_LOWEST_FACTOR), 0.0, len(compiled.states)) * (point > 0)
                state = [at[name] * 10.0**e for name, e in zip(compiled.states, exponents.tolist(), strict=True)]
                values = compiled.evaluate("outputs", hour, state, inputs)
                found.append(SamplePoint(hour, MappingProxyType(dict(zip(compiled.outputs, values, strict=True)))))
    return tuple(found)


def influence_graph(model: Model, samples: Sequence[SamplePoint]) -> InfluenceGraph:
    """Find the direct influences in a model.

    Parameters
    ----------
    model : Model
        The model that the samples were taken of.
    samples : sequence of SamplePoint
        From :func:`sample_points`. A sign is ``mixed`` if it changes over them, and absent if it is 0 at each.

    Returns
    -------
    InfluenceGraph

    Raises
    ------
    ModelError
        A derivative is not finite at a sample.
    UnsupportedFeatureError
        A compartment changes its size.

    Notes
    -----
    The signs hold where they were looked at: an influence that reverses outside the sampled states is not seen.
    """
    _refuse_changing_compartments(model)
    formulas = _formulas(model)
    pairs = [(a, b) for b, formula in formulas.items() for a in formulas if a != b and a in free_symbols(formula)]
    expressions = [derivative(formulas[b], a) for a, b in pairs]
    names = tuple(model.values)
    variables = {name: f"y[{i}]" for i, name in enumerate(names)} | {TIME: "t"}
    source = write_function("influence", variables, expressions, careful=True)
    evaluate = load_function("influence", source, True)
    found = [evaluate(s.time, [s.values[name] for name in names], []) for s in samples]
    rows = np.array(found).reshape(len(samples), len(pairs))
    signs: dict[tuple[str, str], Sign] = {}
    for pair, column in zip(pairs, rows.T, strict=True):
        if not np.isfinite(column).all():
            where = f"model {model.name}, influence of {pair[0]} on {pair[1]}"
            raise ModelError(where, "not finite", "a finite derivative", "sample other states")
        rises, falls = bool((column > 0).any()), bool((column < 0).any())
        if rises or falls:
            signs[pair] = "mixed" if rises and falls else (1 if rises else -1)
    return InfluenceGraph(tuple(formulas), MappingProxyType(signs), _conversions(model))


def effect(
    graph: InfluenceGraph, source: str | Collection[str], target: str | Collection[str], hidden: Collection[str]
) -> Sign:
    """Return the sign of the shortest paths from source to target that pass through hidden names only.

    Parameters
    ----------
    graph : InfluenceGraph
    source, target : str or collection of str
        A name, or several that stand for one thing; a path starts and ends at any of them.
    hidden : collection of str
        Names that a path may pass.

    Returns
    -------
    Sign
        1 or -1 if all shortest paths agree, ``mixed`` if they do not, 0 if there is no path.

    Raises
    ------
    UnknownNameError
        A source or target that is no node of the graph.
    """
    starts, ends = ({names} if isinstance(names, str) else set(names) for names in (source, target))
    for name in sorted(starts | ends):
        if name not in graph.nodes:
            near = near_names(name, graph.nodes)
            do = f"did you mean {' or '.join(near)}?" if near else "use a state or an assigned name"
            raise UnknownNameError("influence", name, "a state or an assigned name of the model", do)
    passable = set(hidden) - starts - ends
    reached: dict[str, Sign] = dict.fromkeys(starts, 1)
    seen = set(starts)
    while reached:
        following: dict[str, Sign] = {}
        for name, so_far in reached.items():
            for goal in graph.targets(name):
                if goal in ends or (goal in passable and goal not in seen):
                    following[goal] = _joined(following.get(goal, 0), _product(so_far, graph.sign(name, goal)))
        arrived: Sign = 0
        for name in ends & following.keys():
            arrived = _joined(arrived, following[name])
        if arrived != 0:
            return arrived
        seen |= following.keys()
        reached = following
    return 0


def converts(graph: InfluenceGraph, source: Collection[str], target: Collection[str], hidden: Collection[str]) -> bool:
    """Return whether reactions turn what the source names into what the target names, through hidden names only.

    Parameters
    ----------
    graph : InfluenceGraph
    source, target : collection of str
        Names that stand for one thing each.
    hidden : collection of str
        Names that the matter may pass on its way.

    Returns
    -------
    bool
    """
    reached = seen = set(source)
    while reached:
        made = {b for a, b in graph.conversions if a in reached}
        if made & set(target):
            return True
        reached = (made & set(hidden)) - seen
        seen = seen | reached
    return False


def _product(one: Sign, other: Sign) -> Sign:
    if one == "mixed" or other == "mixed":
        return "mixed"
    return 1 if one == other else -1


def _joined(one: Sign, other: Sign) -> Sign:
    """Two paths side by side; 0 is no path."""
    if one == 0:
        return other
    return one if other in (one, 0) else "mixed"


def _refuse_changing_compartments(model: Model) -> None:
    changing = sorted({r.variable for r in model.rules} & {c.name for c in model.compartments})
    if changing:
        where = f"influences in model {model.name}"
        raise UnsupportedFeatureError(where, ", ".join(changing), "compartments of constant size", "fix the size")


def _formulas(model: Model) -> dict[str, Expression]:
    """Formula of each assigned name, rate of change of each state; a species' rate is left as amount per time."""
    rates = {r.name: r.rate for r in model.reactions}

    def without_reaction_names(expression: Expression) -> Expression:
        def change(node: Expression) -> Expression | None:
            rate = rates.get(node.name) if isinstance(node, Symbol) else None
            return rate if rate is None else without_reaction_names(rate)

        return transform(expression, change)

    ruled = {r.variable: r.formula for r in model.rules}
    formulas: dict[str, Expression] = {}
    for species in model.species:
        if species.name not in ruled and not (species.constant or species.boundary):
            formulas[species.name] = without_reaction_names(_made(model, species.name))
    return formulas | {name: without_reaction_names(formula) for name, formula in ruled.items()}


def _made(model: Model, species: str) -> Expression:
    terms = [
        apply("multiply", Number(direction), reference.stoichiometry, Symbol(reaction.name))
        for reaction in model.reactions
        for direction, side in ((-1.0, reaction.reactants), (1.0, reaction.products))
        for reference in side
        if reference.species == species
    ]
    return apply("add", *terms)


def _conversions(model: Model) -> frozenset[tuple[str, str]]:
    return frozenset(
        (consumed.species, made.species) for r in model.reactions for consumed in r.reactants for made in r.products
    )
