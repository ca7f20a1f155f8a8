"""What a design is checked for before anything is simulated; the drug plans have a file of their own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

from limus.kernel.checks import Check, Finding, Severity, run_checks
from limus.kernel.errors import near_names
from limus.trial.design.design import AllocationMethod, Design, EndpointKind, Hypothesis
from limus.trial.design.drug_checks import DRUG_CHECKS
from limus.trial.design.endpoint_library import load_endpoints
from limus.trial.design.hazard_library import event_names, load_hazards, value_names
from limus.trial.design.population import changed, load_population
from limus.trial.design.population_checks import POPULATION_CHECKS
from limus.trial.design.regimen_checks import REGIMEN_CHECKS
from limus.trial.design.scenario import scenario_names

__all__ = ["CHECKS", "allocation_ratio", "check_design"]

_MOST_ARMS, _FEWEST_ARMS = 4, 2
_EXPECTED_INTERCURRENT = ("death", "graft loss", "discontinuation")


def check_design(design: Design) -> tuple[Finding, ...]:
    """Check a design.

    Parameters
    ----------
    design : Design

    Returns
    -------
    tuple of Finding
        Errors, warnings and notes.

    Raises
    ------
    UnknownNameError
        The population is not in the library.
    """
    return run_checks(design, CHECKS)


def allocation_ratio(design: Design) -> tuple[int, ...]:
    """Return the smallest whole numbers in the ratio of the arms' shares.

    Parameters
    ----------
    design : Design

    Returns
    -------
    tuple of int
        One an arm, e.g. ``(2, 1)``.
    """
    shares = [Fraction(arm.share).limit_denominator(60) for arm in design.arms]
    common = math.lcm(*(share.denominator for share in shares))
    whole = [int(share * common) for share in shares]
    divisor = math.gcd(*whole) or 1
    return tuple(number // divisor for number in whole)


def _error(check: str, where: str, got: object, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, where, str(got), allowed, do)


def _warning(check: str, where: str, got: object, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.WARNING, where, str(got), allowed, do)


def _unknown(check: str, where: str, got: str, known: Iterable[str]) -> Finding:
    names = tuple(known)
    near = near_names(got, names)
    do = f"did you mean {near[0]}?" if near else "use one of these"
    return _error(check, where, got, ", ".join(names), do)


def _unknown_event(check: str, where: str, got: str) -> Finding:
    """An event under another of its names is told by the library's name."""
    folded = got.strip().casefold()
    for event in load_endpoints().events:
        if event.name in event_names() and folded in {event.code.casefold(), *(also.casefold() for also in event.also)}:
            return _error(check, where, got, ", ".join(event_names()), f"write {event.name}")
    return _unknown(check, where, got, event_names())


def _visits(design: Design) -> Iterable[Finding]:
    visits, name = design.visits, "visit-order"
    if visits[0].day != 0:
        yield _error(name, f"visit {visits[0].name}", f"day {visits[0].day:g}", "day 0 for the first", "add a baseline")
    for before, after in pairwise(visits):
        if after.day <= before.day:
            got = f"day {after.day:g} after day {before.day:g} ({before.name})"
            yield _error(name, f"visit {after.name}", got, "days that rise", "put the visits in order")
        elif after.day - after.window_before_days <= before.day + before.window_after_days:
            got = f"windows of {before.name} and {after.name} meet"
            yield _error(name, f"visit {after.name}", got, "windows apart from each other", "narrow a window")
    if visits[-1].day > design.duration_days:
        got = f"day {visits[-1].day:g}"
        yield _error(name, f"visit {visits[-1].name}", got, f"at most {design.duration_days:g}", "lengthen the trial")
    if len({visit.name for visit in visits}) < len(visits):
        yield _error(name, "visits", "a name twice", "different names", "rename one")
    days = design.titration_days
    if any(b <= a for a, b in pairwise(days)) or (days and days[0] <= 0):
        yield _error(name, "titration_days", days, "days above 0 that rise", "put them in order")
    if days and max(days) > design.duration_days:
        allowed = f"up to duration_days, {design.duration_days:g}"
        yield _error(name, "titration_days", f"day {max(days):g}", allowed, "cut them off, or lengthen the trial")


def _arms(design: Design) -> Iterable[Finding]:
    arms, check = design.arms, "arms"
    if not _FEWEST_ARMS <= len(arms) <= _MOST_ARMS:
        yield _error(check, "arms", len(arms), f"{_FEWEST_ARMS} to {_MOST_ARMS}", "add or remove arms")
    total = sum(arm.share for arm in arms)
    if abs(total - 1) > 1e-6 or any(arm.share <= 0 for arm in arms):
        got = " + ".join(f"{arm.share:g}" for arm in arms) + f" = {total:g}"
        yield _error(
            check, "arms, share", got, "positive shares that add up to 1", 'correct them; "1/3" may be written'
        )
    if len({arm.name for arm in arms}) < len(arms):
        yield _error(check, "arms", "a name twice", "different names", "rename one")
    for arm in arms:
        if not arm.drugs:
            do = "add arms.drugs; belatacept and other drugs without a modelled level cannot stand alone"
            yield _error(check, f"arm {arm.name}", "no drug", "one at least", do)
    if design.subjects < 2 * len(arms):
        yield _error(check, "subjects", design.subjects, f"{2 * len(arms)} or more", "raise the number")


def _allocation(design: Design) -> Iterable[Finding]:
    plan, check = design.allocation, "allocation"
    unit = sum(allocation_ratio(design))
    if plan.method is AllocationMethod.PERMUTED_BLOCKS:
        if not plan.block_sizes:
            yield _error(check, "allocation, block_sizes", "none", f"multiples of {unit}", "give sizes")
        for size in plan.block_sizes:
            if size % unit:
                yield _error(check, "allocation, block_sizes", size, f"multiples of {unit}", "change the size")
        if len(set(plan.block_sizes)) == 1:
            yield _warning(check, "allocation, block_sizes", plan.block_sizes, "two or more sizes", "add another size")
    if plan.method is AllocationMethod.MINIMISATION and not plan.strata:
        yield _error(check, "allocation, strata", "none", "columns to balance", "name them")
    if plan.method is AllocationMethod.MINIMISATION and plan.best_probability < 1 / len(design.arms):
        allowed = f"{1 / len(design.arms):.3g} to 1"
        yield _error(check, "allocation, best_probability", plan.best_probability, allowed, "raise it")


def _columns(design: Design) -> Iterable[Finding]:
    known = changed(load_population(design.population), design.population_changes).names
    for criterion in design.eligibility:
        if criterion.column not in known:
            yield _unknown("columns", f"eligibility {criterion.name}", criterion.column, known)
        if criterion.lower > criterion.upper:
            got = f"{criterion.lower:g} to {criterion.upper:g}"
            yield _error("columns", f"eligibility {criterion.name}", got, "lower below upper", "exchange them")
    for column in (*design.allocation.strata, *(name for name, _ in design.allocation.cuts)):
        if column not in known:
            yield _unknown("columns", "allocation, strata", column, known)
    yes_no = {column.name for column in load_population(design.population).columns if column.form == "yes_no"}
    cuts = dict(design.allocation.cuts)
    for column in design.allocation.strata:
        if column in known and column not in yes_no and not cuts.get(column):
            do = f"add allocation.cuts = {{ {column} = [...] }}"
            yield _error("columns", f"allocation, strata, {column}", "no cuts", "where to cut into classes", do)
    for column, edges in cuts.items():
        if column not in design.allocation.strata:
            do = "name it among the strata, or remove the cuts"
            yield _error("columns", f"allocation, cuts, {column}", "no stratum", "columns of the strata", do)
        if any(b <= a for a, b in pairwise(edges)):
            yield _error("columns", f"allocation, cuts, {column}", edges, "values that rise", "put them in order")
    for analysis in design.analyses:
        for column in analysis.covariates:
            if column not in known:
                yield _unknown("columns", f"analysis {analysis.name}, covariates", column, known)


def _endpoints(design: Design) -> Iterable[Finding]:
    check, visits = "endpoints", [visit.day for visit in design.visits]
    for endpoint in design.endpoints:
        where = f"endpoint {endpoint.name}"
        for event in endpoint.events:
            if event not in event_names():
                yield _unknown_event(check, where, event)
        if endpoint.variable and endpoint.variable not in value_names():
            yield _unknown(check, where, endpoint.variable, value_names())
        if endpoint.kind is EndpointKind.TIME_TO_EVENT and not endpoint.events:
            yield _error(check, where, "no events", "one event at least", "name its components")
        if endpoint.kind is EndpointKind.VALUE and not endpoint.variable:
            yield _error(check, where, "no variable", ", ".join(value_names()), "name the variable")
        if endpoint.variable and endpoint.day not in visits:
            allowed = ", ".join(f"{day:g}" for day in visits)
            yield _error(check, where, f"day {endpoint.day:g}", f"the day of a visit: {allowed}", "choose one")
        if endpoint.variable and endpoint.events and math.isnan(endpoint.threshold):
            yield _error(check, where, "a value among events", "threshold below which it counts", "add threshold")
        if endpoint.day > design.duration_days:
            allowed = f"at most {design.duration_days:g}"
            yield _error(check, where, f"day {endpoint.day:g}", allowed, "lengthen the trial or shorten the endpoint")
    names = [endpoint.name for endpoint in design.endpoints]
    if len(set(names)) < len(names):
        yield _error(check, "endpoints", "a name twice", "different names", "rename one")


def _estimands(design: Design) -> Iterable[Finding]:
    endpoints = [endpoint.name for endpoint in design.endpoints]
    for estimand in design.estimands:
        where = f"estimand {estimand.name}"
        if estimand.endpoint not in endpoints:
            yield _unknown("estimands", where, estimand.endpoint, endpoints)
        for event in estimand.intercurrent_events:
            if event.event not in event_names():
                yield _unknown_event("estimands", f"{where}, intercurrent event", event.event)
        named = {event.event for event in estimand.intercurrent_events}
        missing = [event for event in _EXPECTED_INTERCURRENT if event not in named]
        if missing:
            yield _warning("estimands", where, f"no strategy for {', '.join(missing)}", "a strategy each", "add them")


def _analyses(design: Design) -> Iterable[Finding]:
    check, arms = "analyses", [arm.name for arm in design.arms]
    estimands = {estimand.name: estimand for estimand in design.estimands}
    endpoints = {endpoint.name: endpoint for endpoint in design.endpoints}
    for analysis in design.analyses:
        where = f"analysis {analysis.name}"
        for arm in (analysis.test_arm, analysis.reference_arm):
            if arm not in arms:
                yield _unknown(check, where, arm, arms)
        if analysis.test_arm == analysis.reference_arm:
            yield _error(check, where, analysis.test_arm, "two different arms", "name another reference")
        if analysis.endpoint not in endpoints:
            yield _unknown("unknown-endpoint", where, analysis.endpoint, endpoints)
            continue
        if analysis.estimand not in estimands:
            yield _unknown(check, where, analysis.estimand, estimands)
        elif estimands[analysis.estimand].endpoint != analysis.endpoint:
            got = f"{analysis.endpoint}, but its estimand has {estimands[analysis.estimand].endpoint}"
            yield _error(check, where, got, "the estimand's endpoint", "name another estimand")
        if "mean difference" in str(analysis.method) and endpoints[analysis.endpoint].kind is not EndpointKind.VALUE:
            yield _error(check, where, analysis.method, "a method for times to an event", "change the method")
        if "mean difference" not in str(analysis.method) and endpoints[analysis.endpoint].kind is EndpointKind.VALUE:
            yield _error(check, where, analysis.method, "mean difference", "change the method")
        counted = endpoints[analysis.endpoint].variable and endpoints[analysis.endpoint].events
        if counted and "risk difference" not in str(analysis.method):
            got = f"{analysis.method}, of an endpoint with a value below a threshold, which has no time"
            yield _error(check, f"{where}, method", got, "a risk difference", "change the method")
    if not any(analysis.primary for analysis in design.analyses):
        yield _error(check, "analyses", "no primary one", "one at least", "set primary = true")


def _margins(design: Design) -> Iterable[Finding]:
    for analysis in design.analyses:
        where, margin = f"analysis {analysis.name}, margin", analysis.margin
        if analysis.hypothesis is Hypothesis.NON_INFERIORITY:
            if margin is None:
                yield _error("margin", where, "nothing", "a positive margin for non-inferiority", "add margin")
            elif not margin.value > 0:
                yield _error("margin", where, margin.value, "above 0", "write it as a positive number")
            elif "difference" in str(analysis.method) and "mean" not in str(analysis.method) and margin.value >= 1:
                yield _error("margin", where, margin.value, "a fraction below 1", "divide a percentage by 100")
            elif not margin.justification:
                yield _warning("margin", where, "no justification", "a reason", "say why it is acceptable")
        elif margin is not None:
            yield _warning("margin", where, margin.value, "none for " + str(analysis.hypothesis), "remove it")


def _interims(design: Design) -> Iterable[Finding]:
    looks, check = design.interims, "interims"
    if len({look.name for look in looks}) < len(looks):
        yield _error(check, "interims", "a name twice", "different names", "rename one")
    for look in looks:
        where = f"interim {look.name}"
        if look.events and not math.isnan(look.information_fraction):
            yield _error(check, where, "events and information_fraction", "one of them", "remove one")
        if not look.events and math.isnan(look.information_fraction):
            yield _error(check, where, "nothing", "events or information_fraction", "say when it happens")
        if look.events > design.subjects:
            yield _error(check, where, f"{look.events} events", f"at most {design.subjects} subjects", "lower it")
        if not math.isnan(look.information_fraction) and not 0 < look.information_fraction < 1:
            yield _error(check, where, look.information_fraction, "between 0 and 1", "correct it")
    counts = [look.events for look in looks if look.events]
    if any(b <= a for a, b in pairwise(counts)):
        yield _error(check, "interims", counts, "numbers of events that rise", "put them in order")
    fractions = [look.information_fraction for look in looks if not math.isnan(look.information_fraction)]
    if any(b <= a for a, b in pairwise(fractions)):
        yield _error(check, "interims", fractions, "fractions that rise", "put them in order")
    most = _most_events(design)
    for look in looks:
        if look.events > most:
            allowed = f"at most {most:.0f}, three times what the reference hazards give"
            yield _error(check, f"interim {look.name}", f"{look.events} events", allowed, "lower it")
    if len(looks) > most:
        yield _error(check, "interims", f"{len(looks)} looks", f"at most {most:.0f} events to look at", "remove some")


def _most_events(design: Design) -> float:
    """Events of the primary endpoint that could be expected at most; all subjects where that cannot be told."""
    primary = next((analysis for analysis in design.analyses if analysis.primary), None)
    endpoint = next((e for e in design.endpoints if primary is not None and e.name == primary.endpoint), None)
    if endpoint is None or endpoint.variable or not set(endpoint.events) <= set(event_names()):
        return float(design.subjects)
    hazards = load_hazards("kidney").events
    percents = [hazards[name].percent * max(1.0, endpoint.day / hazards[name].percent_day) for name in endpoint.events]
    return design.subjects * min(1.0, 3.0 * sum(percents) / 100.0)


def _scenarios(design: Design) -> Iterable[Finding]:
    for name in design.scenarios:
        if name not in scenario_names():
            yield _unknown("scenarios", "scenarios", name, scenario_names())


CHECKS: tuple[Check[Design], ...] = (
    Check("visit-order", "Visits are in order and their windows apart.", _visits),
    Check("arms", "Two to four arms whose shares add up to 1.", _arms),
    Check("allocation", "Blocks hold whole ratios.", _allocation),
    Check("columns", "Criteria and strata name covariates of the population.", _columns),
    Check("endpoints", "Endpoints name events and values that are simulated.", _endpoints),
    Check("estimands", "Estimands name endpoints and strategies.", _estimands),
    Check("analyses", "Analyses name arms, endpoints and estimands.", _analyses),
    Check("margin", "Non-inferiority has a margin.", _margins),
    Check("interims", "Interim looks come in order, not more than there can be events.", _interims),
    Check("scenarios", "Scenarios are in the library.", _scenarios),
    *POPULATION_CHECKS,
    *DRUG_CHECKS,
    *REGIMEN_CHECKS,
)
