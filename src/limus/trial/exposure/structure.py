"""Read the linear kinetics of :mod:`limus.trial.exposure.kinetics` out of a population model's equations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

import numpy as np

from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.language import Expression, Number, Reaction, Symbol, apply, derivative, free_symbols, substitute
from limus.kernel.units import convert
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.trial.exposure.kinetics import Kinetics

__all__ = ["read_kinetics"]

_LEVEL = "ng/mL"


def read_kinetics(model: PopulationModel) -> Kinetics:
    """Read the kinetics out of a population model's equations.

    Parameters
    ----------
    model : PopulationModel

    Returns
    -------
    Kinetics

    Raises
    ------
    UnsupportedFeatureError
        The equations are not of the module's form.
    """
    return _read(_Source(model.content_hash, repr(model.model.values), model))


class _Source:
    """A model behind the cache's key: its files, and numbers that may have been changed since."""

    def __init__(self, content_hash: str, values: str, model: PopulationModel) -> None:
        self.key, self.model = (content_hash, values), model

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and self.key == other.key


@lru_cache(maxsize=32)
def _read(source: _Source) -> Kinetics:
    model = source.model
    species = {s.name for s in model.model.species}
    formulas = {rule.variable: rule.formula for rule in model.model.rules if rule.kind == "assignment"}
    if model.model.events or len(formulas) < len(model.model.rules):
        raise _unlike(model, "events, or rules that are not assignments")
    edges = _edges(model, species)
    chain = _absorption_chain(model, edges)
    central = chain[-1]
    exchange = _peripheral(model, edges, central)
    known = {name: Number(value) for name, value in model.model.values.items() if np.isfinite(value)}
    known = {name: value for name, value in known.items() if name not in formulas and name not in species}
    known = {name: value for name, value in known.items() if name not in _effects(model)}
    rules, moving = _ordered(formulas, species)
    level = formulas[model.observation.output]
    while free_symbols(level) & moving.keys():
        level = substitute(level, moving)
    factor = convert(1.0, model.units.DV, _LEVEL, where=f"model {model.name}, units.DV")
    level = apply("multiply", Number(float(factor)), level) if factor != 1.0 else level
    if free_symbols(level) & species - {central}:
        raise _unlike(model, "a level that depends on more than the central compartment")
    dosing = model.dosing
    return Kinetics(
        name=model.name,
        steps=len(chain) - 1,
        rules=tuple((name, substitute(formula, known)) for name, formula in rules),
        absorption=substitute(edges[chain[0], chain[1]], known),
        elimination=substitute(edges[central, ""], known),
        exchange=None if exchange is None else (substitute(exchange[0], known), substitute(exchange[1], known)),
        lag=Symbol(dosing.lag) if dosing.lag else Number(0.0),
        bioavailability=Symbol(dosing.bioavailability) if dosing.bioavailability else Number(1.0),
        central=central,
        level=substitute(level, known),
        linear=central not in free_symbols(derivative(level, central)),
        salt_factor=dosing.salt_factor,
        ng_per_ml=float(factor),
    )


def _unlike(model: PopulationModel, got: str) -> UnsupportedFeatureError:
    allowed = "equal absorption steps, a central compartment with first-order elimination, at most one peripheral"
    return UnsupportedFeatureError(f"model {model.name} in a trial", got, allowed, "choose another model")


def _effects(model: PopulationModel) -> set[str]:
    return {*model.between_subject.names, *model.between_occasion.names}


def _edges(model: PopulationModel, species: set[str]) -> dict[tuple[str, str], Expression]:
    """Rate constant of every path from a species to a species, or to '' (out)."""
    edges: dict[tuple[str, str], Expression] = {}
    for reaction in model.model.reactions:
        source, target = _ends(model, reaction)
        for name in free_symbols(reaction.rate) & species:
            slope = derivative(reaction.rate, name)
            if free_symbols(slope) & species or name not in {source, target}:
                raise _unlike(model, f"the rate of {reaction.name}")
            forward = name == source
            path = (source, target) if forward else (target, source)
            if path in edges:
                raise _unlike(model, f"two reactions from {path[0]} to {path[1] or 'outside'}")
            edges[path] = slope if forward else apply("negate", slope)
    return edges


def _ends(model: PopulationModel, reaction: Reaction) -> tuple[str, str]:
    left, right = reaction.reactants, reaction.products
    plain = all(isinstance(one.stoichiometry, Number) and one.stoichiometry.value == 1 for one in (*left, *right))
    if len(left) != 1 or len(right) > 1 or not plain:
        raise _unlike(model, f"the reaction {reaction.name}")
    return left[0].species, right[0].species if right else ""


def _absorption_chain(model: PopulationModel, edges: Mapping[tuple[str, str], Expression]) -> list[str]:
    """Species from the dose's compartment to the central one, which is the first that drug leaves the body from."""
    chain = [model.dosing.compartment]
    while (chain[-1], "") not in edges:
        following = [target for source, target in edges if source == chain[-1]]
        if len(following) != 1 or following[0] in chain:
            raise _unlike(model, f"paths from {chain[-1]} to {', '.join(following) or 'nowhere'}")
        chain.append(following[0])
    rates = {edges[pair] for pair in pairwise(chain)}
    if len(chain) < 2 or len(rates) != 1:
        raise _unlike(model, f"{len(rates)} rate constants of absorption")
    return chain


def _peripheral(
    model: PopulationModel, edges: Mapping[tuple[str, str], Expression], central: str
) -> tuple[Expression, Expression] | None:
    others = [target for source, target in edges if source == central and target]
    if not others:
        return None
    if len(others) > 1 or (others[0], central) not in edges or (others[0], "") in edges:
        raise _unlike(model, f"compartments {', '.join(others)} beside {central}")
    return edges[central, others[0]], edges[others[0], central]


def _ordered(
    formulas: Mapping[str, Expression], species: set[str]
) -> tuple[list[tuple[str, Expression]], dict[str, Expression]]:
    """Rules in order of dependence, and apart from them those that follow a species."""
    moving: dict[str, Expression] = {}
    while more := {
        n: f for n, f in formulas.items() if n not in moving and free_symbols(f) & (species | moving.keys())
    }:
        moving |= more
    rest = {name: formula for name, formula in formulas.items() if name not in moving}
    done: list[tuple[str, Expression]] = []
    while rest:
        ready = [name for name, formula in rest.items() if not free_symbols(formula) & rest.keys()]
        done += [(name, rest.pop(name)) for name in ready]
    return done, moving
