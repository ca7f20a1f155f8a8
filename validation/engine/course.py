"""What is done to the sets of a problem: as limus takes it, and written out for the reference without limus' help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from engine.problem import Problem, rows_of
from limus.kernel.simulation import EVERY, Dose, InputChanges, Resets, Treatment

__all__ = ["Action", "Stop", "stops_of", "treatment_of"]

RUN_IN = 60
"""Doses before one at steady state, in the reference: 20 leave 1e-6 of what the start would do, 40 leave 1e-11."""
Action = tuple[str, int, float]
"""'add' | 'rate' | 'set' a state, set an 'input', or 'reset'; place of the state or input; value."""
Stop = tuple[float, list[Action]]


def treatment_of(problem: Problem, copies: int = 1) -> Treatment:
    """Return what is done to the sets, and to copies of them."""
    number = len(rows_of(problem))
    doses = [dose for dose in problem.doses if dose.subject is None]
    own = [(dose, dose.subject) for dose in problem.doses if dose.subject is not None]
    doses += [replace(dose, subject=subject + k * number) for k in range(copies) for dose, subject in own]
    names = tuple(dict.fromkeys(name for _, name, _ in problem.changes))
    changes = InputChanges.create(
        names,
        subject=np.full(len(problem.changes), EVERY),
        time=[time for time, _, _ in problem.changes],
        input=[names.index(name) for _, name, _ in problem.changes],
        value=[value for _, _, value in problem.changes],
    )
    resets = Resets.create(subject=np.full(len(problem.resets), EVERY), time=problem.resets)
    return Treatment.create(doses, resets, changes)


def stops_of(problem: Problem, subject: int) -> list[Stop]:
    """Write out what happens to one set, in time order; doses at steady state as many before them."""
    place = {name: i for i, name in enumerate(problem.model.states)}
    found: list[Stop] = [(time, []) for time in problem.breaks]
    found += [(time, [("reset", 0, 0.0)]) for time in problem.resets]
    found += [(time, [("input", problem.model.inputs.index(name), value)]) for time, name, value in problem.changes]
    found += [(time, [("set", place[name], value) for name, value in sets.items()]) for time, sets in problem.settings]
    for dose in problem.doses:
        if dose.subject in (None, subject):
            change = dose.amount * dose.bioavailability / problem.sizes.get(dose.target, 1.0)
            found += [(time, [action]) for time, action in _given(dose, place[dose.target], change)]
    merged: dict[float, list[Action]] = {}
    for time, actions in sorted(found, key=lambda stop: stop[0]):
        merged.setdefault(time, []).extend(actions)
    return [(time, actions) for time, actions in merged.items() if time < problem.times[-1]]


def _given(dose: Dose, state: int, change: float) -> Iterator[tuple[float, Action]]:
    for k in range(-RUN_IN if dose.steady_state else 0, dose.additional + 1):
        time = dose.time + dose.lag + k * dose.interval
        if dose.duration:
            yield time, ("rate", state, change / dose.duration)
            yield time + dose.duration, ("rate", state, -change / dose.duration)
        else:
            yield time, ("add", state, change)
