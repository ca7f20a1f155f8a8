"""Errors, steps and time of limus on one problem, against a reference that is itself checked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.course import stops_of, treatment_of
from engine.peer import Peer
from engine.problem import Floats, Problem, rows_of
from limus.kernel.simulation import ensemble, simulate

__all__ = ["TOLERANCES", "Outcome", "Reference", "fallback_error", "judge", "make_reference", "measure"]

TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10)
REFERENCE = 1e-14  # relative tolerance of CVODE
CHECK = 1e-11  # relative tolerance of Radau IIA, of order 5
FALLBACK_TOLERANCE, FALLBACK_FACTOR = 1e-8, 30.0
"""Of LSODA, which stands behind the engine: errors of one sign add up over a multistep method's many steps."""
CHECKED_STOPS = 60  # Radau starts anew, slowly, at each: as many sets as have these together, 1 to 3
TRAJECTORIES = 64  # at least, to take the time of one


@dataclass(frozen=True, eq=False)
class Reference:
    """States (N, T, S) by CVODE, and how far what else is known is away from them."""

    values: Floats
    uncertainty: float
    against: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """One problem at one tolerance.

    ``error`` is the largest over sets and states of max |x - reference| / max |reference|, both over times; ``steps``
    is the mean number of attempted steps, NaN where the reference solver did the work; ``end_error`` the largest
    relative error against published values.
    """

    problem: str
    label: str
    relative_tolerance: float
    error: float
    limit: float
    steps: float
    ms_per_trajectory: float
    solver: str
    status: str
    end_error: float


def relative_errors(values: Floats, reference: Floats, nothing: float) -> Floats:
    """Return max |x - reference| / max |reference| over times, (N, S); 0 for a state that stays below ``nothing``."""
    peak = np.abs(reference).max(axis=1)
    error = np.abs(values - reference).max(axis=1)
    found = np.where(
        peak > nothing, error / np.where(peak > nothing, peak, 1.0), np.where(error > nothing, np.inf, 0.0)
    )
    return np.nan_to_num(found, nan=np.inf)


def make_reference(problem: Problem, peer: Peer) -> Reference:
    """Solve with CVODE; compare with Radau IIA on some sets, with the closed form and published values where known."""
    values = peer.solve(problem, "cvode", REFERENCE, REFERENCE * problem.absolute)
    nothing = _nothing(problem)
    found: dict[str, float] = {}
    if problem.threshold is None:
        sets = max(1, min(3, len(values), CHECKED_STOPS // max(1, len(stops_of(problem, 0)))))
        some = list(range(sets))
        other = peer.solve(problem, "radau", CHECK, CHECK * problem.absolute, some)
        found["Radau IIA"] = float(relative_errors(values[some], other, nothing).max())
    if problem.exact is not None:
        found["the closed form"] = float(relative_errors(values, problem.exact(problem), nothing).max())
    against = tuple(f"{name} to {value:.0e}" for name, value in found.items())
    return Reference(values, max(found.values()), against)


def _nothing(problem: Problem) -> float:
    """A state that never exceeds this is absent, such as a drug that nobody gave, or is left out by the problem."""
    return max(TOLERANCES[-1] * problem.absolute, problem.smallest)


def measure(problem: Problem, reference: Reference) -> Iterator[Outcome]:
    """Yield the outcome at each tolerance."""
    for relative in TOLERANCES:
        absolute = relative * problem.absolute
        with counted_steps() as steps:
            result = simulate(
                problem.model,
                problem.times,
                problem.parameters,
                doses=treatment_of(problem),
                relative_tolerance=relative,
                absolute_tolerance=absolute,
            )
        errors = relative_errors(result.values, reference.values, max(_nothing(problem), absolute))
        yield Outcome(
            problem=problem.name,
            label=problem.label,
            relative_tolerance=relative,
            error=float(errors.max()),
            limit=problem.factor * relative + reference.uncertainty,
            steps=float(np.mean(steps[-1])) if steps and set(result.solver) != {"lsoda"} else np.nan,
            ms_per_trajectory=1e3 * _seconds(problem, relative, absolute, slow="lsoda" in result.solver),
            solver=" ".join(sorted(set(result.solver))),
            status=" ".join(sorted(set(result.status))),
            end_error=_end_error(problem, result.values[0, -1]),
        )


def fallback_error(problem: Problem, reference: Reference) -> float:
    """Return the largest error of the solver that stands behind the engine."""
    relative, absolute = FALLBACK_TOLERANCE, FALLBACK_TOLERANCE * problem.absolute
    result = simulate(
        problem.model,
        problem.times,
        problem.parameters,
        doses=treatment_of(problem),
        relative_tolerance=relative,
        absolute_tolerance=absolute,
        solver="reference",
    )
    return float(relative_errors(result.values, reference.values, max(_nothing(problem), absolute)).max())


def _end_error(problem: Problem, values: Floats) -> float:
    """Of the first set, over states that are not below the finest absolute tolerance."""
    printed = np.array([problem.published.get(name, 0.0) for name in problem.model.states])
    used = np.abs(printed) > _nothing(problem)
    return float(np.abs(values[used] / printed[used] - 1.0).max()) if used.any() else np.nan


@contextmanager
def counted_steps() -> Iterator[list[Floats]]:
    """Keep the step counts of the batches that are solved inside; :func:`simulate` does not hand them out."""
    kept: list[Floats] = []
    solve_batch = ensemble.solve_batch

    def counting(native: Any, batch: Any, **options: Any) -> None:
        solve_batch(native, batch, **options)
        kept.append(batch.steps)

    ensemble.solve_batch = counting
    try:
        yield kept
    finally:
        ensemble.solve_batch = solve_batch


def _seconds(problem: Problem, relative: float, absolute: float, *, slow: bool) -> float:
    """Processor time of a trajectory on one thread: the sets over and over until there are enough of them."""
    rows = rows_of(problem)
    copies = 1 if slow else -(-TRAJECTORIES // len(rows))
    parameters = {name: np.tile(np.broadcast_to(v, len(rows)), copies) for name, v in problem.parameters.items()}
    if copies > 1 and not parameters:
        parameters = {problem.model.inputs[0]: np.full(copies, problem.model.defaults[0])}
    treatment = treatment_of(problem, copies)
    best = np.inf
    for _ in range(1 if slow else 3):
        begin = time.process_time()
        simulate(
            problem.model,
            problem.times,
            parameters,
            doses=treatment,
            relative_tolerance=relative,
            absolute_tolerance=absolute,
        )
        best = min(best, time.process_time() - begin)
    return best / (copies * len(rows))


def judge(problem: Problem, outcomes: list[Outcome], fallback: float, reference: Reference) -> list[str]:
    """Say what is wrong, in sentences; nothing where all is well."""
    wrong = []
    for o in outcomes:
        if o.status != "ok":
            wrong.append(f"status {o.status} at {o.relative_tolerance:.0e}")
        if o.error > o.limit:
            wrong.append(f"error {o.error:.1e} at {o.relative_tolerance:.0e}, limit {o.limit:.1e}")
        if "lsoda" in o.solver:
            wrong.append(f"solved by {o.solver} at {o.relative_tolerance:.0e}")
    most = FALLBACK_FACTOR * problem.factor * FALLBACK_TOLERANCE
    if fallback > most:
        wrong.append(f"error {fallback:.1e} of lsoda at {FALLBACK_TOLERANCE:.0e}, limit {most:.0e}")
    if reference.uncertainty > 1e-8:
        wrong.append(f"the reference is uncertain to {reference.uncertainty:.0e}")
    best = outcomes[-1]
    if best.end_error > max(problem.published_error, best.limit):
        wrong.append(f"{best.end_error:.1e} away from the published values")
    return wrong
