"""Scheduled doses on any model: bolus, infusion, lag, bioavailability, repeats, steady state, resets, changing inputs.

Conventions: an output asked at the time of a dose is the value just before it (a trough), at the start too. What
happens at one time happens in the order reset, input change, steady state, dose. A reset, or a dose at steady state 1,
cancels what was given before it and is still to come (infusions, lagged and additional doses).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import UnknownNameError, ValueRangeError, near_names

__all__ = ["EVERY", "Dose", "DoseTable", "InputChanges", "Resets", "Treatment", "check_treatment"]

EVERY = int(np.iinfo(np.int64).min)  # as subject: all of them
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dose:
    """A dose, possibly repeated.

    Attributes
    ----------
    time : float
        Time of the first administration, in the model's time unit.
    target : str
        Species that receives it.
    amount : float
        Amount, in the model's substance unit; negative removes.
    duration : float
        Length of the infusion; 0 is a bolus.
    interval : float
        Time between repeats (NONMEM's II); needed with ``additional`` and ``steady_state``.
    additional : int
        Further administrations (NONMEM's ADDL).
    lag : float
        Delay before each administration reaches the target.
    bioavailability : float
        Fraction of the amount that reaches the target.
    subject : int or None
        Row of the parameter sets that gets it; None is every row.
    steady_state : int
        1: as if given every ``interval`` for ever, nothing else before it; 2: that on top of what is there; 0: neither.
    """

    time: float
    target: str
    amount: float
    duration: float = 0.0
    interval: float = 0.0
    additional: int = 0
    lag: float = 0.0
    bioavailability: float = 1.0
    subject: int | None = None
    steady_state: int = 0


@dataclass(frozen=True, eq=False)
class DoseTable:
    """Doses as columns of length D; see :class:`Dose` for their meaning.

    Attributes
    ----------
    targets : tuple of str
        Species names.
    target : (D,) array of int
        Place in ``targets``.
    subject : (D,) array of int
        Row of the parameter sets, or ``EVERY``.
    time, amount, duration, interval, lag, bioavailability : (D,) array
    additional, steady_state : (D,) array of int
    """

    targets: tuple[str, ...]
    target: Integers
    subject: Integers
    time: Floats
    amount: Floats
    duration: Floats
    interval: Floats
    lag: Floats
    bioavailability: Floats
    additional: Integers
    steady_state: Integers

    @classmethod
    def create(
        cls,
        targets: Sequence[str],
        *,
        time: ArrayLike,
        amount: ArrayLike,
        target: ArrayLike = 0,
        subject: ArrayLike = EVERY,
        duration: ArrayLike = 0.0,
        interval: ArrayLike = 0.0,
        lag: ArrayLike = 0.0,
        bioavailability: ArrayLike = 1.0,
        additional: ArrayLike = 0,
        steady_state: ArrayLike = 0,
    ) -> DoseTable:
        """Make a table of columns that broadcast to one length.

        Raises
        ------
        ValueRangeError
            Columns of different lengths.
        """
        given: dict[str, Any] = {
            "target": target,
            "subject": subject,
            "time": time,
            "amount": amount,
            "duration": duration,
            "interval": interval,
            "lag": lag,
            "bioavailability": bioavailability,
            "additional": additional,
            "steady_state": steady_state,
        }
        whole = {"target", "subject", "additional", "steady_state"}
        return cls(tuple(targets), **_columns(given, whole, "doses"))

    @classmethod
    def of(cls, doses: Sequence[Dose]) -> DoseTable:
        """Make a table of single doses."""
        targets = tuple(dict.fromkeys(dose.target for dose in doses))
        names = ("time", "amount", "duration", "interval", "lag", "bioavailability", "additional", "steady_state")
        return cls.create(
            targets,
            target=[targets.index(dose.target) for dose in doses],
            subject=[EVERY if dose.subject is None else dose.subject for dose in doses],
            **{name: [getattr(dose, name) for dose in doses] for name in names},
        )


@dataclass(frozen=True, eq=False)
class Resets:
    """Times (R,) at which a subject's (R,) states return to their initial values and its infusions end."""

    subject: Integers
    time: Floats

    @classmethod
    def create(cls, *, subject: ArrayLike = (), time: ArrayLike = ()) -> Resets:
        """Make a table of columns that broadcast to one length."""
        return cls(**_columns({"subject": subject, "time": time}, {"subject"}, "resets"))


@dataclass(frozen=True, eq=False)
class InputChanges:
    """Inputs that change: from ``time`` on, the input ``inputs[input]`` of a subject has ``value``; (C,) each."""

    inputs: tuple[str, ...]
    input: Integers
    subject: Integers
    time: Floats
    value: Floats

    @classmethod
    def create(
        cls,
        inputs: Sequence[str] = (),
        *,
        input: ArrayLike = (),
        subject: ArrayLike = (),
        time: ArrayLike = (),
        value: ArrayLike = (),
    ) -> InputChanges:
        """Make a table of columns that broadcast to one length."""
        columns = {"input": input, "subject": subject, "time": time, "value": value}
        return cls(tuple(inputs), **_columns(columns, {"input", "subject"}, "input changes"))


@dataclass(frozen=True, eq=False)
class Treatment:
    """Everything that is done to the subjects from outside."""

    doses: DoseTable
    resets: Resets
    changes: InputChanges

    @classmethod
    def create(
        cls,
        doses: Sequence[Dose] | DoseTable = (),
        resets: Resets | None = None,
        changes: InputChanges | None = None,
    ) -> Treatment:
        """Make a treatment; what is not given does not happen."""
        table = doses if isinstance(doses, DoseTable) else DoseTable.of(doses)
        return cls(table, resets or Resets.create(), changes or InputChanges.create())

    @property
    def is_shared(self) -> bool:
        """Whether every subject gets the same."""
        return all(bool((part.subject == EVERY).all()) for part in (self.doses, self.resets, self.changes))

    def digits(self) -> tuple[str, ...]:
        """Text that is the same for the same treatment, to be hashed."""
        parts = (self.doses, self.resets, self.changes)
        values = [getattr(part, f.name) for part in parts for f in fields(part)]
        return tuple(v.tobytes().hex() if isinstance(v, np.ndarray) else repr(v) for v in values)

    def with_own_steady_states(self, count: int) -> Treatment:
        """The same, with a row for each of ``count`` subjects for doses at steady state that all of them get."""
        doses = self.doses
        shared = (doses.steady_state > 0) & (doses.subject == EVERY)
        if not shared.any():
            return self
        index = np.concatenate([np.flatnonzero(~shared), np.repeat(np.flatnonzero(shared), count)])
        columns = {f.name: getattr(doses, f.name) for f in fields(doses)}
        own = {name: column[index] if isinstance(column, np.ndarray) else column for name, column in columns.items()}
        own["subject"][-count * int(shared.sum()) :] = np.tile(np.arange(count), int(shared.sum()))
        return Treatment(DoseTable(**own), self.resets, self.changes)

    def of_subjects(self, subjects: range) -> Treatment:
        """What concerns some neighbouring subjects, counted from the first of them."""
        return Treatment(*(_part_of(part, subjects) for part in (self.doses, self.resets, self.changes)))


def _columns(given: Mapping[str, ArrayLike], whole: set[str], what: str) -> dict[str, Any]:
    arrays = {
        name: np.atleast_1d(np.asarray(column, dtype=np.int64 if name in whole else np.float64))
        for name, column in given.items()
    }
    lengths = {array.shape for array in arrays.values()} - {(1,)}
    if len(lengths) > 1:
        got = ", ".join(f"{name}: {len(array)}" for name, array in arrays.items())
        raise ValueRangeError(what, got, "columns of one length", "give each the same number of values")
    shape = lengths.pop() if lengths else (1,)
    return {name: np.ascontiguousarray(np.broadcast_to(array, shape)) for name, array in arrays.items()}


def _part_of(part: Any, subjects: range) -> Any:
    chosen = (part.subject == EVERY) | ((part.subject >= subjects.start) & (part.subject < subjects.stop))
    columns = {f.name: getattr(part, f.name) for f in fields(part)}
    kept = {name: column[chosen] if isinstance(column, np.ndarray) else column for name, column in columns.items()}
    kept["subject"] = np.where(kept["subject"] == EVERY, EVERY, kept["subject"] - subjects.start)
    return type(part)(**kept)


def check_treatment(treatment: Treatment, *, dosable: Sequence[str], inputs: Sequence[str], starts: Floats) -> None:
    """Refuse what cannot be given.

    Parameters
    ----------
    treatment : Treatment
    dosable, inputs : sequence of str
        Species and inputs of the model.
    starts : (N,) array
        When each subject's simulation starts.

    Raises
    ------
    UnknownNameError
        A target or an input that the model does not have.
    ValueRangeError
        A number that is not finite or not allowed, a subject that is not there, something before the start.
    """
    doses = treatment.doses
    _check_names(doses.targets, doses.target, dosable, ("dose", "target", "a species that can change"))
    changes = treatment.changes
    _check_names(changes.inputs, changes.input, inputs, ("input change", "input", "an input of the model"))
    for what, part, columns in (
        ("dose", doses, ("time", "amount", "duration", "interval", "lag", "bioavailability")),
        ("reset", treatment.resets, ("time",)),
        ("input change", changes, ("time", "value")),
    ):
        for name in columns:
            _refuse(~np.isfinite(getattr(part, name)), part, what, name, "a finite number")
        outside = (part.subject != EVERY) & ((part.subject < 0) | (part.subject >= len(starts)))
        if outside.any():
            i = int(np.argmax(outside))
            allowed = f"a parameter set from 0 to {len(starts) - 1}"
            raise ValueRangeError(f"{what} {i + 1}", f"subject {part.subject[i]}", allowed, "correct the table")
        earliest = float(starts.max()) if len(starts) else 0.0
        start = np.where(part.subject == EVERY, earliest, starts[np.maximum(part.subject, 0)])
        early = part.time < start
        if early.any():
            where = f"{what} {np.argmax(early) + 1}, time"
            allowed = f"{start[np.argmax(early)]} or later"
            raise ValueRangeError(where, part.time[np.argmax(early)], allowed, "start the simulation before it")
    for name in ("duration", "interval", "lag", "bioavailability"):
        _refuse(getattr(doses, name) < 0.0, doses, "dose", name, "zero or more")
    repeated = (doses.additional > 0) | (doses.steady_state > 0)
    wrong = (doses.additional < 0) | (repeated & (doses.interval <= 0.0))
    if wrong.any():
        i = int(np.argmax(wrong))
        got = f"additional {doses.additional[i]}, steady state {doses.steady_state[i]}, interval {doses.interval[i]:g}"
        allowed = "additional 0, or a positive interval"
        raise ValueRangeError(f"dose {i + 1}", got, allowed, "give the interval of the repeats")
    _refuse(~np.isin(doses.steady_state, (0, 1, 2)), doses, "dose", "steady_state", "0, 1 or 2")


def _check_names(names: Sequence[str], used: Integers, allowed: Sequence[str], words: tuple[str, str, str]) -> None:
    what, column, kind = words
    for place, name in enumerate(names):
        if name not in allowed and place in used:
            near = near_names(name, allowed)
            hint = f"did you mean {' or '.join(near)}?" if near else "see the model's names"
            raise UnknownNameError(f"{what} {int(np.argmax(used == place)) + 1}, {column}", name, kind, hint)


def _refuse(wrong: NDArray[np.bool_], part: Any, what: str, name: str, allowed: str) -> None:
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueRangeError(f"{what} {i + 1}, {name}", getattr(part, name)[i], allowed, "correct the table")
