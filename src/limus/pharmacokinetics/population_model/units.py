"""Do the units of a population model's numbers fit its equations? Dimensions are followed through every formula."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import UnitError
from limus.kernel.language import Apply, Expression, Number, Symbol
from limus.kernel.language.expression import LOGIC, RELATIONS
from limus.kernel.units import dimension
from limus.pharmacokinetics.population_model.record import PopulationModel

__all__ = ["unit_findings"]

Dimension = tuple[tuple[str, float], ...]
"""Base and power, sorted; empty for a pure number."""

Lookup = Callable[[str], Dimension | None]

_PURE: Dimension = ()
_FACTOR = re.compile(r"([*/]?)\s*(\[\w+\]|1)(?:\s*\*\*\s*([\d.]+))?\s*")
_ALIKE = frozenset(["add", "min", "max", "modulo", "quotient"])


class _DoesNotFitError(Exception):
    """A formula has parts that do not measure the same thing."""


def unit_findings(model: PopulationModel) -> Iterator[Finding]:
    """Yield a finding for each unit that is unknown, and for each formula in which units do not fit.

    A number stands in its file in the unit in which the equations use it, so nothing is converted. Dimensions are
    compared, not powers of ten: those are found by the area under the curve.

    Parameters
    ----------
    model : PopulationModel

    Yields
    ------
    Finding
        Severity error; ``where`` names the number or the formula.
    """
    formulas = {r.variable: r.formula for r in model.model.rules if r.kind == "assignment"}
    try:
        declared = _declared(model)
        wanted = {name: _dimension(p.unit, name) for name, p in model.parameters.items()}
        wanted[model.observation.output] = _dimension(model.units.DV, "units.DV")
        rate = _dimension(f"{model.units.states}/h", "rate")
    except UnitError as error:
        yield _finding(error.where, error.got, error.allowed, error.do)
        return
    lookup = _lookup(declared, formulas)
    every = formulas | {f"reaction {r.name}": r.rate for r in model.model.reactions}
    wanted |= {name: rate for name in every if name not in formulas}
    for name, formula in every.items():
        where = f"model {model.name}, {name}"
        try:
            got = _follow(formula, lookup)
        except _DoesNotFitError as problem:
            yield _finding(where, str(problem), "parts that measure the same thing", "check the units of its parts")
            continue
        if got is not None and name in wanted and got != wanted[name]:
            yield _finding(where, _words(got), _words(wanted[name]), "correct the unit or the formula")


def _finding(where: str, got: str, allowed: str, do: str) -> Finding:
    return Finding("units", Severity.ERROR, where, got, allowed, do)


def _declared(model: PopulationModel) -> dict[str, Dimension]:
    """Dimension of every name that has a unit of its own."""
    units = {name: value.unit for name, value in model.values.items()}
    units |= {name: covariate.unit for name, covariate in model.covariates.items()}
    units |= dict.fromkeys((*model.between_subject.names, *model.between_occasion.names), "dimensionless")
    units |= {s.name: model.units.states for s in model.model.species}
    units |= {c.name: "L" for c in model.model.compartments} | {"time": model.units.TIME}
    return {name: _dimension(unit, f"model {model.name}, unit of {name}") for name, unit in units.items()}


def _lookup(declared: Mapping[str, Dimension], formulas: Mapping[str, Expression]) -> Lookup:
    """Find the dimension of a name; None where it has none or its formula does not fit, which is reported there."""
    found: dict[str, Dimension | None] = dict(declared)

    def look(name: str) -> Dimension | None:
        if name not in found:
            found[name] = None
            if name in formulas:
                try:
                    found[name] = _follow(formulas[name], look)
                except _DoesNotFitError:
                    return None
        return found[name]

    return look


def _dimension(unit: str, where: str) -> Dimension:
    text = dimension(unit, where=where)
    powers: dict[str, float] = {}
    for sign, base, power in _FACTOR.findall("" if text == "dimensionless" else text):
        if base != "1":
            powers[base] = powers.get(base, 0.0) + (-1.0 if sign == "/" else 1.0) * float(power or 1)
    return _sorted(powers)


def _sorted(powers: Mapping[str, float]) -> Dimension:
    return tuple(sorted((base, power) for base, power in powers.items() if abs(power) > 1e-9))


def _words(measure: Dimension) -> str:
    return " ".join(base if power == 1 else f"{base}^{power:g}" for base, power in measure) or "a pure number"


def _follow(expression: Expression, look: Lookup) -> Dimension | None:
    if isinstance(expression, Number):
        return _PURE
    if isinstance(expression, Symbol):
        return look(expression.name)
    parts = [_follow(argument, look) for argument in expression.arguments]
    return _of_operator(expression, parts)


def _of_operator(node: Apply, parts: Sequence[Dimension | None]) -> Dimension | None:
    operator = node.operator
    if operator == "piecewise":
        return _alike(operator, parts[::2])
    if operator in RELATIONS or operator in LOGIC:
        _alike(operator, parts)
        return _PURE
    if operator in _ALIKE:
        return _alike(operator, parts)
    if operator in {"negate", "abs", "floor", "ceiling"}:
        return parts[0]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if operator in {"multiply", "divide"}:
        return _product(known, -1.0 if operator == "divide" else 1.0)
    if operator in {"power", "sqrt"}:
        return _power(node, known)
    if any(known):
        raise _DoesNotFitError(f"{operator} of {_words(next(part for part in known if part))}")
    return _PURE


def _alike(operator: str, parts: Sequence[Dimension | None]) -> Dimension | None:
    known = list(dict.fromkeys(part for part in parts if part is not None))
    if len(known) > 1:
        raise _DoesNotFitError(f"{operator} of {' and '.join(map(_words, known))}")
    return known[0] if len(known) == 1 and None not in parts else None


def _product(parts: Sequence[Dimension], sign: float) -> Dimension:
    powers: dict[str, float] = dict(parts[0])
    for part in parts[1:]:
        for base, power in part:
            powers[base] = powers.get(base, 0.0) + sign * power
    return _sorted(powers)


def _power(node: Apply, parts: Sequence[Dimension]) -> Dimension:
    if len(parts) == 2 and parts[1]:
        raise _DoesNotFitError(f"a power of {_words(parts[1])}")
    if not parts[0]:
        return _PURE
    exponent = Number(0.5) if node.operator == "sqrt" else node.arguments[1]
    if not isinstance(exponent, Number):
        raise _DoesNotFitError(f"{_words(parts[0])} to a power that is not a plain number; divide by a reference first")
    return _sorted({base: power * exponent.value for base, power in parts[0]})
