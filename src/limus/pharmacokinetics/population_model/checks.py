"""Questions asked of every population model: are its two files one whole, does it behave as a model must."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from limus.kernel.checks import Check, Finding, Severity, run_checks
from limus.kernel.errors import LimusError, UnitError, near_names
from limus.kernel.language import MODEL_CHECKS, free_symbols
from limus.kernel.units import convert
from limus.molecule.catalogue import load_compounds
from limus.pharmacokinetics.population_model.mass_balance import area_of_one_dose, is_linear
from limus.pharmacokinetics.population_model.random_effects import RandomEffects
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.residual_error import ResidualError, residual_variance
from limus.pharmacokinetics.population_model.units import unit_findings
from limus.pharmacokinetics.population_model.validity_limits import Limit
from limus.pharmacokinetics.population_profile import typical_parameters, typical_profile

__all__ = ["POPULATION_MODEL_CHECKS", "check_population_model"]

NEEDED_LIMITS = ("age", "organ", "formulation")
_CANONICAL = {"time": "h", "volume": "L", "substance": "mg"}
_WRITTEN = {"0.001*gram": "mg", "litre": "L"}  # as the reader of model text writes declared units
_MASS_BALANCE = 1e-9  # relative: a linear system of at most a dozen amounts, solved in double precision


def _finding(check: str, model: PopulationModel, place: str, got: str, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, f"model {model.name}, {place}", got, allowed, do)


def _names(model: PopulationModel) -> Iterator[Finding]:
    """Each constant of the equations has an entry, and each entry is used by the equations."""
    equations = model.model
    rules = {rule.variable for rule in equations.rules}
    constants = {p.name for p in equations.parameters} - rules
    effects = (*model.between_subject.names, *model.between_occasion.names)
    entries = [*model.values, *model.covariates, *effects]
    for name in sorted({name for name in entries if entries.count(name) > 1}):
        yield _finding("names", model, name, "two entries", "one entry for each name", "remove one of them")
    for name in sorted(constants - set(entries)):
        near = near_names(name, entries)
        do = f"did you mean {' or '.join(near)}?" if near else "add a value, a covariate or a random effect"
        yield _finding("names", model, name, "no entry in the .toml", "an entry for each name of the equations", do)
    used = frozenset[str]().union(*(free_symbols(r.formula) for r in equations.rules))
    used |= frozenset[str]().union(*(free_symbols(r.rate) for r in equations.reactions))
    for name in sorted(set(entries) - (constants & used)):
        near = near_names(name, constants)
        do = f"did you mean {' or '.join(near)}?" if near else "remove the entry, or use it"
        yield _finding("names", model, name, "not used in the .ant", "names that the equations use", do)
    for name in (*model.parameters, model.observation.output, model.observation.linear, model.observation.clearance):
        if name not in rules:
            do = "write it as an assignment rule (:=)"
            yield _finding("names", model, name, "no rule in the .ant", ", ".join(sorted(rules)), do)


def _equations(model: PopulationModel) -> Iterator[Finding]:
    """The equations pass the checks of every model; covariates have their typical values for that."""
    known = model.model.values
    typical = {name: value for name, value in model.typical.covariates.items() if name in known}
    yield from run_checks(model.model.with_values(typical), MODEL_CHECKS)
    for name, canonical in _CANONICAL.items():
        text = getattr(model.model.units, name)
        declared = _WRITTEN.get(text, text)
        if declared and not _is_unit(declared, canonical):
            yield _finding("equations", model, f"unit of {name}", declared, canonical, f"declare {canonical}")


def _is_unit(unit: str, wanted: str) -> bool:
    """Whether two texts mean the same unit, size included."""
    try:
        return math.isclose(convert(1.0, unit, wanted), 1.0, rel_tol=1e-12)
    except UnitError:
        return False


def _covariance(model: PopulationModel) -> Iterator[Finding]:
    for level, effects in _levels(model):
        if effects.names and np.linalg.eigvalsh(effects.covariance).min() <= 0:
            got = f"eigenvalues from {np.linalg.eigvalsh(effects.covariance).min():.3g}"
            do = "correct the correlations; one that is not reported cannot always be 0"
            yield _finding("covariance", model, level, got, "a positive definite covariance", do)


def _levels(model: PopulationModel) -> tuple[tuple[str, RandomEffects], ...]:
    return ("between subjects", model.between_subject), ("between occasions", model.between_occasion)


def _residual(model: PopulationModel) -> Iterator[Finding]:
    every = {"residual": model.residual} | dict(model.residual_alternatives)
    for name, residual in every.items():
        yield from _one_residual(model, name, residual)


def _one_residual(model: PopulationModel, name: str, residual: ResidualError) -> Iterator[Finding]:
    units = {"proportional": "dimensionless", "additive": model.units.DV, "log_additive": "dimensionless"}
    for part, (sourced, given_as) in residual.printed.items():
        wanted = units[part] if given_as == "standard_deviation" else f"({units[part]})**2"
        percent = sourced.unit == "percent" and wanted == "dimensionless" and given_as == "standard_deviation"
        if not (percent or _is_unit(sourced.unit, wanted)):
            yield _finding("residual", model, f"{name}.{part}", sourced.unit, wanted, "give the number in this unit")
    try:
        variance = residual_variance(model, [1.0, 10.0], model.typical.covariates, residual=residual)
    except LimusError as error:
        yield _finding("residual", model, name, error.got, error.allowed, error.do)
        return
    if not (np.isfinite(variance) & (variance > 0)).all():
        yield _finding("residual", model, name, f"{variance}", "a positive variance", "correct the residual error")


def _limits(model: PopulationModel) -> Iterator[Finding]:
    """Age, organ and formulation are limited for every model; body size where the equations use it."""
    covariates = {name.casefold() for name in model.covariates}
    named = [limit.name for limit in model.limits]
    for name in NEEDED_LIMITS:
        if name not in named and name not in covariates:
            do = "say what is known, or what you assume"
            yield _finding("limits", model, name, "no limit", f"limits for {', '.join(NEEDED_LIMITS)}", do)
    for name in sorted({name for name in named if named.count(name) > 1 or name in model.covariates}):
        yield _finding("limits", model, name, "two limits of one name", "one", "rename one of them")
    for entry in model.limited:
        taken = model.values.get(f"{entry.name}_reference")
        if taken is not None and taken.value is not None and not entry.lower <= taken.value <= entry.upper:
            got = f"reference {taken.value:g} outside {entry.lower:g} to {entry.upper:g}"
            yield _finding("limits", model, entry.name, got, "a reference inside the limits", "correct one of them")
        if (
            not isinstance(entry, Limit)
            and entry.default is not None
            and not entry.lower <= entry.default <= entry.upper
        ):
            yield _finding("limits", model, entry.name, f"default {entry.default:g}", "inside the limits", "correct it")


def _typical(model: PopulationModel) -> Iterator[Finding]:
    given = model.typical.covariates
    for name in sorted(set(model.covariates) ^ set(given)):
        got = "no typical value" if name in model.covariates else "not a covariate"
        yield _finding("typical", model, name, got, "one value for each covariate", "correct [typical.covariates]")
    for name, covariate in model.covariates.items():
        value = given.get(name, covariate.lower)
        if not covariate.lower <= value <= covariate.upper or (covariate.codes and value not in covariate.codes):
            yield _finding("typical", model, name, f"{value:g}", "a value inside its limits", "correct it")


def _dosing(model: PopulationModel) -> Iterator[Finding]:
    species = {s.name for s in model.model.species}
    dosing = model.dosing
    targets = {"compartment": dosing.compartment} | {f"route {r}": s for r, s in dosing.routes.items()}
    targets |= {f"CMT {number}": s for number, s in dosing.numbered.items()}
    for place, name in targets.items():
        if name not in species:
            yield _finding("dosing", model, place, name, f"one of {', '.join(sorted(species))}", "correct the name")
    rules = {rule.variable: rule.formula for rule in model.model.rules if rule.kind == "assignment"}
    for place, name in (("lag", dosing.lag), ("bioavailability", dosing.bioavailability)):
        if name and name not in rules:
            yield _finding("dosing", model, place, name, "a rule of the equations", "write it as a rule (:=)")
    for unit, kind in ((model.units.AMT, "mg"), (model.units.DV, "ng/mL"), (model.units.TIME, "h")):
        try:
            convert(1.0, unit, kind)
        except UnitError as error:
            yield _finding("dosing", model, "units", unit, f"a unit like {kind}", error.do)


def _sources(model: PopulationModel) -> Iterator[Finding]:
    """Everything cited is in the bibliography, and the drug in the library."""
    cited = {model.paper, *model.via} | {key for value in model.values.values() for key in value.source}
    for _, effects in _levels(model):
        cited |= {key for p in effects.printed for key in p.sourced.source}
        cited |= {key for c in effects.correlations for key in c.sourced.source}
    for residual in (model.residual, *model.residual_alternatives.values()):
        cited |= {key for sourced, _ in residual.printed.values() for key in sourced.source}
    cited |= {key for entry in model.limited for key in entry.source}
    for key in sorted(cited - set(model.bibliography)):
        near = near_names(key, model.bibliography)
        do = f"did you mean {' or '.join(near)}?" if near else "add it to references.bib beside the file"
        yield _finding("sources", model, "source", key, "a key of the bibliography", do)
    if model.drug not in load_compounds():
        where = f"model {model.name}, drug"
        yield Finding("sources", Severity.WARNING, where, model.drug, ", ".join(load_compounds()), "use a library name")


def _behaviour(model: PopulationModel) -> Iterator[Finding]:
    """The typical subject has parameters and levels above 0, and a linear model gives back what it was given."""
    try:
        for name, value in typical_parameters(model).items():
            if not value >= 0 or math.isinf(value) or (value == 0 and name == model.observation.clearance):
                allowed = "a clearance above 0, and no negative parameter"
                yield _finding(
                    "behaviour", model, f"typical subject, {name}", f"{value:g}", allowed, "look at the numbers"
                )
        profile = typical_profile(model, subjects=0)
        if not (np.isfinite(profile.typical) & (profile.typical > 0)).all():
            got = f"from {np.min(profile.typical):.3g} to {np.max(profile.typical):.3g} {model.units.DV}"
            yield _finding("behaviour", model, "typical subject", got, "finite, positive levels", "look at the numbers")
        if is_linear(model):
            area = area_of_one_dose(model, model.typical.covariates, model.typical.dose)
            if not area.relative_error <= _MASS_BALANCE:
                got = f"area {area.area:.9g}, F dose/CL {area.expected:.9g} {model.units.DV} h"
                do = "look for a lost factor of units, or a clearance that is not the way out"
                yield _finding("behaviour", model, "area of one dose", got, "the two equal", do)
    except LimusError as error:
        yield _finding("behaviour", model, error.where, error.got, error.allowed, error.do)


_READ: tuple[Check[PopulationModel], ...] = (
    Check("names", "The equations and the file of numbers know the same names.", _names),
    Check("equations", "The equations are whole and in mg, h and L.", _equations),
    Check("units", "The units of the numbers fit the equations.", unit_findings),
    Check("covariance", "Random effects have a positive definite covariance.", _covariance),
    Check("residual", "The residual error is positive and in the unit of the levels.", _residual),
    Check("limits", "Validity limits are there, and hold the references.", _limits),
    Check("typical", "The typical subject is whole and inside the limits.", _typical),
    Check("dosing", "Doses go where the equations have an amount.", _dosing),
    Check("sources", "Every source is in the bibliography.", _sources),
)
_RUN = Check("behaviour", "Levels are positive, and a linear model gives back F dose/CL.", _behaviour)
POPULATION_MODEL_CHECKS: tuple[Check[PopulationModel], ...] = (*_READ, _RUN)


def check_population_model(model: PopulationModel) -> tuple[Finding, ...]:
    """Run every check on a population model.

    Parameters
    ----------
    model : PopulationModel

    Returns
    -------
    tuple of Finding
        Empty for a sound model. With an error in what was read, the model is not run.
    """
    findings = run_checks(model, _READ)
    broken = any(finding.severity is Severity.ERROR for finding in findings)
    return findings if broken else (*findings, *run_checks(model, (_RUN,)))
