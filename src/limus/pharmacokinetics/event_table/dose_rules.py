"""What a dose row may say, as named checks; docs/event_tables.md has them as tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Check, Finding, Severity
from limus.pharmacokinetics.event_table.rows import EventRows, found

__all__ = ["DOSE_RULES", "compartment_findings", "modelled_findings", "says"]

_SAME_AMOUNT = 1e-6  # of the amount: what rounding in a file makes of RATE times DUR
_DOSE_ITEMS = ("RATE", "DUR", "II", "ADDL", "SS")


def says(rows: EventRows, *items: str) -> Callable[[int], str]:
    """Return what writes the items of a row, such as ``EVID 1, AMT 0``.

    Parameters
    ----------
    rows : EventRows
    *items : str

    Returns
    -------
    callable
    """
    return lambda row: ", ".join(
        f"{item} missing" if np.isnan(rows[item][row]) else f"{item} {rows[item][row]:g}" for item in items
    )


def _constant_infusion(rows: EventRows) -> NDArray[np.bool_]:
    """A steady-state infusion without end: SS with RATE and neither AMT nor II."""
    return (rows["SS"] > 0) & (rows["RATE"] > 0) & (rows["AMT"] == 0)


def _amount_not_negative(rows: EventRows) -> Iterator[Finding]:
    allowed, do = "zero or more", "correct the amount; what is taken out is not a dose"
    yield from found(rows, rows["AMT"] < 0, "amount-not-negative", "AMT", says(rows, "AMT"), allowed, do)


def _dose_has_amount(rows: EventRows) -> Iterator[Finding]:
    mask = rows.is_dose & (rows["AMT"] == 0) & ~_constant_infusion(rows)
    do = "give AMT, or EVID 0 (level), 2 (other) or 3 (reset) if the row is no dose"
    yield from found(rows, mask, "dose-has-amount", "AMT", says(rows, "EVID", "AMT"), "AMT above zero", do)


def _amount_on_dose_rows(rows: EventRows) -> Iterator[Finding]:
    mask = ~rows.is_dose & (rows["AMT"] > 0)
    do = "give EVID 1 (or 4) if it is a dose, or AMT 0 if it is not"
    yield from found(
        rows, mask, "amount-on-dose-rows", "EVID", says(rows, "EVID", "AMT"), "EVID 1 or 4 where AMT is above zero", do
    )


def _dose_items_on_dose_rows(rows: EventRows) -> Iterator[Finding]:
    for item in _DOSE_ITEMS:
        mask = ~rows.is_dose & (rows[item] != 0)
        allowed = f"{item} 0 or missing where EVID is 0, 2 or 3"
        check = "dose-items-on-dose-rows"
        yield from found(rows, mask, check, item, says(rows, "EVID", item), allowed, f"clear {item}, or correct EVID")


def _rate_and_duration(rows: EventRows) -> Iterator[Finding]:
    rate, duration, amount = rows["RATE"], rows["DUR"], rows["AMT"]
    unknown = (rate < 0) & ~np.isin(rate, (-1, -2))
    yield from found(rows, unknown, "rate-known", "RATE", says(rows, "RATE"), "0, above 0, -1 or -2", "correct RATE")
    yield from found(
        rows, duration < 0, "duration-not-negative", "DUR", says(rows, "DUR"), "zero or more", "correct DUR"
    )
    coded = (rate < 0) & (duration > 0)
    allowed = "one of them: -1 and -2 leave the duration to the model"
    yield from found(rows, coded, "one-duration", "RATE", says(rows, "RATE", "DUR"), allowed, "set one of them to 0")
    both = rows.is_dose & (rate > 0) & (duration > 0) & ~_constant_infusion(rows)
    differ = both & (np.abs(rate * duration - amount) > _SAME_AMOUNT * np.abs(amount))
    yield from found(
        rows,
        differ,
        "rate-agrees",
        "RATE",
        says(rows, "AMT", "RATE", "DUR"),
        "AMT = RATE times DUR",
        "keep one of them",
    )
    endless = _constant_infusion(rows) & (duration > 0)
    allowed = "DUR 0 for a constant infusion (SS, RATE, no AMT)"
    yield from found(rows, endless, "constant-infusion", "DUR", says(rows, "SS", "RATE", "DUR"), allowed, "clear DUR")


def _repeats(rows: EventRows) -> Iterator[Finding]:
    interval, additional, steady = rows["II"], rows["ADDL"], rows["SS"]
    yield from found(rows, interval < 0, "interval-not-negative", "II", says(rows, "II"), "zero or more", "correct II")
    odd = (additional < 0) | (additional != np.floor(additional))
    do = "correct ADDL; for NONMEM's empirical steady state (ADDL below 0) use SS 1"
    yield from found(rows, odd, "additional-whole", "ADDL", says(rows, "ADDL"), "a whole number, zero or more", do)
    lacking = rows.is_dose & (additional > 0) & (interval == 0)
    yield from found(
        rows, lacking, "additional-has-interval", "ADDL", says(rows, "ADDL", "II"), "ADDL with II above 0", "give II"
    )
    idle = rows.is_dose & (interval > 0) & (additional == 0) & (steady == 0)
    do = "nothing is repeated; add ADDL or SS if it should be"
    yield from found(
        rows,
        idle,
        "interval-used",
        "II",
        says(rows, "II", "ADDL", "SS"),
        "II with ADDL or SS",
        do,
        severity=Severity.WARNING,
    )


def _steady_state(rows: EventRows) -> Iterator[Finding]:
    steady, interval = rows["SS"], rows["II"]
    third = steady == 3
    do = "write SS 1: the same state; 3 only starts NONMEM's search from the state before"
    yield from found(rows, third, "steady-state-supported", "SS", says(rows, "SS"), "0, 1 or 2", do)
    unknown = ~np.isin(steady, (0, 1, 2, 3))
    yield from found(rows, unknown, "steady-state-known", "SS", says(rows, "SS"), "0, 1 or 2", "correct SS")
    known = rows.is_dose & np.isin(steady, (1, 2))
    constant = _constant_infusion(rows)
    lacking = known & ~constant & (rows["AMT"] > 0) & (interval == 0)
    allowed = "SS with II above 0 (or RATE above 0 and AMT 0: a constant infusion)"
    yield from found(rows, lacking, "steady-state-has-interval", "SS", says(rows, "SS", "II"), allowed, "give II")
    doubtful = known & constant & (interval > 0)
    yield from found(
        rows, doubtful, "constant-infusion", "II", says(rows, "SS", "AMT", "RATE", "II"), "II 0 without AMT", "clear II"
    )
    repeated = known & constant & (rows["ADDL"] > 0)
    yield from found(
        rows, repeated, "constant-infusion", "ADDL", says(rows, "SS", "AMT", "ADDL"), "ADDL 0 without AMT", "clear ADDL"
    )
    sums = rows.is_dose & (steady == 2)
    if sums.any():
        got = f"{int(sums.sum())} doses with SS 2"
        allowed = "models whose amounts add up (linear ones)"
        yield Finding(
            "steady-state-adds", Severity.WARNING, f"{rows.source}, column SS", got, allowed, "use SS 1 with others"
        )


def _compartment_number(rows: EventRows) -> Iterator[Finding]:
    compartment = rows["CMT"]
    odd = (compartment < 0) | (compartment != np.floor(compartment))
    do = "correct CMT; turning compartments off (CMT below 0) is not supported"
    yield from found(rows, odd, "compartment-whole", "CMT", says(rows, "CMT"), "a whole number, zero or more", do)


DOSE_RULES: tuple[Check[EventRows], ...] = (
    Check("amount-not-negative", "No amount is negative.", _amount_not_negative),
    Check("dose-has-amount", "Every dose has an amount, or is a constant infusion at steady state.", _dose_has_amount),
    Check("amount-on-dose-rows", "Amounts stand on dose rows only.", _amount_on_dose_rows),
    Check("dose-items-on-dose-rows", "RATE, DUR, II, ADDL and SS stand on dose rows only.", _dose_items_on_dose_rows),
    Check("rate-and-duration", "RATE and DUR are known and agree.", _rate_and_duration),
    Check("repeats", "ADDL is a whole number with an interval, and an interval is used.", _repeats),
    Check("steady-state", "SS is 0, 1 or 2 and has what it needs.", _steady_state),
    Check("compartment-whole", "CMT is a whole number.", _compartment_number),
)


def compartment_findings(rows: EventRows, compartments: Mapping[int, str]) -> Iterator[Finding]:
    """Find doses into and levels of compartments that a model has not.

    Parameters
    ----------
    rows : EventRows
    compartments : mapping of int to str
        Number and name of the model's compartments; 0 (the default) is always allowed.

    Yields
    ------
    Finding
    """
    known = (0, *compartments)
    mask = (rows.is_dose | rows.is_level) & ~np.isin(rows["CMT"], known)
    allowed = ", ".join(["0 (the model's default)", *(f"{number} ({name})" for number, name in compartments.items())])
    yield from found(
        rows, mask, "compartment-exists", "CMT", says(rows, "EVID", "CMT"), allowed, "correct CMT or choose the model"
    )


def modelled_findings(rows: EventRows, modelled: Collection[str]) -> Iterator[Finding]:
    """Find RATE -1 and -2 where the model does not give a rate or duration.

    Parameters
    ----------
    rows : EventRows
    modelled : collection of str
        "rate" and "duration", as far as the model gives them.

    Yields
    ------
    Finding
    """
    for code, name in ((-1, "rate"), (-2, "duration")):
        if name not in modelled:
            mask = rows.is_dose & (rows["RATE"] == code)
            allowed = f"RATE {code} only for a model that gives the {name} of its infusion"
            do = "give RATE or DUR, or choose such a model"
            yield from found(rows, mask, f"modelled-{name}", "RATE", says(rows, "RATE"), allowed, do)
