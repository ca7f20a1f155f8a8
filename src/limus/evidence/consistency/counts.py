"""Checks of counts: possible at all, percentages that are their fractions, means and percentages that n allows."""

from __future__ import annotations

import math
from collections.abc import Iterator

from limus.evidence.consistency.judgement import Consistency, Judgement
from limus.evidence.consistency.printed import Printed
from limus.evidence.consistency.reported import Arm, Reported
from limus.kernel.statistics.proportions import one_proportion_intervals

__all__ = [
    "check_counts_possible",
    "check_granularity",
    "check_percent",
    "check_single_interval",
    "counts_of",
    "events_that_round_to",
]

_MOST_COUNTS = 200  # that may round to one percentage; more and it says nothing


def check_counts_possible(reported: Reported) -> Iterator[Judgement]:
    """Events are whole, not negative and not above n; percentages lie in 0 to 100; a spread is not negative."""
    for arm in reported.arms:
        wrong = []
        for name, number in (("n", arm.n), ("events", arm.events)):
            if number and (number.value < 0 or number.value != math.floor(number.value)):
                wrong.append(f"{name} {number.text} is no count")
        if arm.n and arm.events and arm.events.value > arm.n.value:
            wrong.append(f"{arm.events.text} events of {arm.n.text}")
        if arm.n and arm.n.value == 0:
            wrong.append("an arm of nobody")
        if arm.percent and not 0 <= arm.percent.value <= 100:
            wrong.append(f"{arm.percent.text} per cent")
        if arm.sd and arm.sd.value < 0:
            wrong.append(f"a standard deviation of {arm.sd.text}")
        verdict = Consistency.INCONSISTENT if wrong else Consistency.CONSISTENT
        yield Judgement("counts-possible", arm.where, verdict, "; ".join(wrong) or "every count and percentage can be")


def _possible(arm: Arm) -> bool:
    n, events = arm.n, arm.events
    if n is None or n.value < 1 or n.value != math.floor(n.value):
        return False
    return events is None or (0 <= events.value <= n.value and events.value == math.floor(events.value))


def check_percent(reported: Reported) -> Iterator[Judgement]:
    """A percentage is its events over its n, rounded to the places that are printed."""
    for arm in reported.arms:
        if not (arm.percent and arm.events and arm.n and _possible(arm)):
            continue
        share = 100 * arm.events.value / arm.n.value
        said = f"{arm.events.value:g}/{arm.n.value:g} is {share:.{_decimals(arm.percent) + 1}f} %"
        yield _rounded("percent-of-counts", arm.where, arm.percent, share, said)


def _rounded(check: str, where: str, printed: Printed, value: float, said: str) -> Judgement:
    coarse = printed.coarser()
    if printed.relation:
        holds = printed.relation == "~" or (value < printed.value) == (printed.relation == "<")
        verdict = Consistency.CONSISTENT if holds else Consistency.INCONSISTENT
        return Judgement(check, where, verdict, f"{said}; printed {printed.text}")
    if printed.agrees(value):
        return Judgement(check, where, Consistency.CONSISTENT, f"{said}; printed {printed.text}")
    if coarse and coarse.agrees(value):
        why = f"{said}; printed {printed.text}, which holds only if it stands for {printed.value:.0f}"
        return Judgement(check, where, Consistency.IMPRECISE, why)
    if 0 <= abs(value) - abs(printed.value) < printed.place:
        why = f"{said}; printed {printed.text}: cut off, not rounded"
        return Judgement(check, where, Consistency.IMPRECISE, why)
    return Judgement(check, where, Consistency.INCONSISTENT, f"{said}; printed {printed.text}")


def _decimals(printed: Printed) -> int:
    return max(0, round(-math.log10(printed.place)))


def events_that_round_to(percent: Printed, n: int) -> tuple[int, ...]:
    """Return every count of events whose percentage of n rounds to what is printed.

    Parameters
    ----------
    percent : Printed
    n : int

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> from limus.evidence.consistency.printed import read_printed
    >>> events_that_round_to(read_printed("14.9"), 1022)
    (152,)
    """
    low = max(0, math.ceil(percent.lowest / 100 * n - 1e-9))
    high = min(n, math.floor(percent.highest / 100 * n + 1e-9))
    return tuple(range(low, high + 1)) if high - low < _MOST_COUNTS else ()


def counts_of(arm: Arm) -> tuple[tuple[int, int], ...]:
    """Return the (events, n) that an arm may have had: as printed, or as its percentage allows.

    Parameters
    ----------
    arm : Arm

    Returns
    -------
    tuple of (int, int)
        Empty where nothing is known.
    """
    if arm.n is None or not _possible(arm):
        return ()
    n = int(arm.n.value)
    if arm.events is not None:
        return ((int(arm.events.value), n),)
    if arm.percent is None or not 0 <= arm.percent.value <= 100:
        return ()
    return tuple((events, n) for events in events_that_round_to(arm.percent, n))


def check_granularity(reported: Reported) -> Iterator[Judgement]:
    """A percentage (or a mean of whole numbers) can be reached by n participants (GRIM).

    A mean of N whole numbers (n participants, L items each: N = nL) is a multiple of 1/N, so where N times the unit of
    the last place is below 1, some printed means cannot be (Brown and Heathers 2017, Soc Psychol Personal Sci 8:363).
    """
    for arm in reported.arms:
        if arm.n is None or not _possible(arm):
            continue
        n = int(arm.n.value)
        if arm.percent and arm.events is None and not arm.percent.relation and 0 <= arm.percent.value <= 100:
            yield _granular("granularity", arm.where, arm.percent, n, 100.0, "participants")
        if arm.mean is None or arm.mean.relation:
            continue
        if arm.whole_numbers:
            yield _granular("granularity", arm.where, arm.mean, n * arm.items, 1.0, "whole numbers")
        elif n * arm.mean.place < 1:
            why = (
                f"mean {arm.mean.text} of {n}: not known whether whole numbers were averaged (a column items would say)"
            )
            yield Judgement("granularity", arm.where, Consistency.NOT_JUDGED, why)


def _granular(check: str, where: str, printed: Printed, count: int, step: float, of: str) -> Judgement:
    if count * printed.place / step >= 1:
        why = f"{printed.text} of {count} {of}: multiples of {step / count:.3g} reach every printed value"
        return Judgement(check, where, Consistency.CONSISTENT, why)
    nearest = round(printed.value * count / step)
    value = nearest * step / count
    said = f"the nearest to {printed.text} that {count} {of} can give is {nearest}/{count}, {value:.4g}"
    return _rounded(check, where, printed, value, said)


def check_single_interval(reported: Reported) -> Iterator[Judgement]:
    """The interval of one percentage is that of its counts by some usual method."""
    for arm in reported.arms:
        if not (arm.low and arm.high):
            continue
        low, high, possible = arm.low, arm.high, counts_of(arm)
        if not possible:
            why = f"{low.text} to {high.text}: no counts are printed beside it"
            yield Judgement("interval-of-percentage", arm.where, Consistency.NOT_JUDGED, why)
            continue
        found = {
            name: (100 * ends[0], 100 * ends[1])
            for events, n in possible
            for name, ends in one_proportion_intervals(events, n).items()
        }
        reached = [
            name
            for name, (a, b) in found.items()
            if (low.agrees(max(0.0, a)) and high.agrees(min(100.0, b))) or (low.agrees(a) and high.agrees(b))
        ]
        counts = " or ".join(f"{events}/{n}" for events, n in possible[:3])
        if reached:
            why = f"{low.text} to {high.text} is the interval of {counts} by {', '.join(reached)}"
            yield Judgement("interval-of-percentage", arm.where, Consistency.CONSISTENT, why)
        else:
            near = "; ".join(f"{name} {a:.1f} to {b:.1f}" for name, (a, b) in found.items())
            why = f"{low.text} to {high.text} is not the 95 % interval of {counts} by any method tried ({near})"
            yield Judgement("interval-of-percentage", arm.where, Consistency.INCONSISTENT, why)
