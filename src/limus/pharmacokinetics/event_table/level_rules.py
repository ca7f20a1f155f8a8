"""What a level row may say, as named checks; docs/event_tables.md has them as tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from limus.kernel.checks import Check, Finding, Severity
from limus.pharmacokinetics.event_table.dose_rules import says
from limus.pharmacokinetics.event_table.rows import EventRows, found

__all__ = ["LEVEL_RULES", "flag_of"]


def flag_of(rows: EventRows) -> str:
    """Return the column that flags censored levels, BLQ or CENS; empty text if there is none.

    Parameters
    ----------
    rows : EventRows

    Returns
    -------
    str
    """
    return next((name for name in ("BLQ", "CENS") if name in rows.given), "")


def _event_known(rows: EventRows) -> Iterator[Finding]:
    allowed = "0 level, 1 dose, 2 other, 3 reset, 4 reset and dose"
    mask = ~np.isin(rows["EVID"], (0, 1, 2, 3, 4))
    yield from found(rows, mask, "event-known", "EVID", says(rows, "EVID"), allowed, "correct EVID")


def _missing_flag(rows: EventRows) -> Iterator[Finding]:
    flag = rows["MDV"]
    unknown = ~np.isin(flag, (0, 1))
    do = "give 0 or 1; NONMEM's 100 and 101 (left out of estimation) are not supported"
    yield from found(rows, unknown, "mdv-known", "MDV", says(rows, "MDV"), "0 or 1", do)
    mask = (rows["EVID"] != 0) & (flag == 0)
    yield from found(
        rows, mask, "mdv-agrees", "MDV", says(rows, "EVID", "MDV"), "MDV 1 where EVID is not 0", "correct MDV or EVID"
    )


def _level_only_on_level_rows(rows: EventRows) -> Iterator[Finding]:
    mask = (rows["EVID"] != 0) & ~np.isnan(rows["DV"]) & (rows["DV"] != 0)
    do = "put the level on a row of its own with EVID 0, at the same TIME"
    yield from found(
        rows, mask, "level-on-level-rows", "DV", says(rows, "EVID", "DV"), "DV 0 or missing where EVID is not 0", do
    )


def _level_there(rows: EventRows) -> Iterator[Finding]:
    flag = flag_of(rows)
    censored = (rows[flag] == 1) if flag else np.zeros(len(rows), dtype=np.bool_)
    mask = rows.has_level & np.isnan(rows["DV"]) & ~censored
    do = "give the level, or MDV 1 if only its prediction is wanted"
    yield from found(rows, mask, "level-there", "DV", says(rows, "MDV", "DV"), "DV where MDV is 0", do)
    negative = rows.has_level & (rows["DV"] < 0)
    do = "correct the level; logarithms of levels are not read"
    yield from found(rows, negative, "level-not-negative", "DV", says(rows, "DV"), "zero or more", do)
    left_out = int((rows.is_level & (rows["MDV"] == 1) & (rows["DV"] > 0)).sum())
    if left_out:
        got = f"{left_out} levels with MDV 1"
        yield Finding("levels-left-out", Severity.NOTE, f"{rows.source}, column MDV", got, do="they are not used")


def _censoring(rows: EventRows) -> Iterator[Finding]:
    flag, level, limit = flag_of(rows), rows["DV"], rows["LLOQ"]
    below = rows.has_level & (level < limit)
    odd_limit = rows.is_level & (limit <= 0)
    yield from found(rows, odd_limit, "limit-positive", "LLOQ", says(rows, "LLOQ"), "above zero", "correct LLOQ")
    if not flag:
        zeros = rows.has_level & (level == 0) & ~below
        yield from _zero_levels(rows, zeros)
        if below.any():
            got = f"{int(below.sum())} levels below LLOQ without a flag"
            do = "taken as censored at LLOQ; add BLQ 0 where the number is meant"
            yield Finding("below-limit", Severity.WARNING, f"{rows.source}, column LLOQ", got, do=do)
        return
    value = rows[flag]
    yield from found(
        rows,
        rows.is_level & ~np.isnan(value) & ~np.isin(value, (0, 1)),
        "censoring-known",
        flag,
        says(rows, flag),
        "0 or 1 (censored below; above, -1, is not supported)",
        f"correct {flag}",
    )
    censored = rows.has_level & (value == 1)
    no_limit = censored & np.isnan(limit) & ~(level > 0)
    do = "give LLOQ, or the limit in DV"
    yield from found(rows, no_limit, "censored-has-limit", flag, says(rows, flag, "DV", "LLOQ"), "a limit above 0", do)
    above = censored & (level > limit)
    yield from found(
        rows,
        above,
        "censored-below-limit",
        "DV",
        says(rows, flag, "DV", "LLOQ"),
        f"DV up to LLOQ where {flag} is 1",
        f"correct {flag} or LLOQ",
    )
    unflagged = rows.has_level & (value == 0) & (level < limit)
    yield from found(
        rows,
        unflagged,
        "flag-agrees",
        flag,
        says(rows, flag, "DV", "LLOQ"),
        f"{flag} 1 where DV lies below LLOQ",
        f"set {flag} to 1, or clear LLOQ",
    )
    in_level = int((censored & np.isnan(limit) & (level > 0)).sum())
    if in_level:
        got = f"{in_level} levels with {flag} 1 and no LLOQ"
        yield Finding("limit-in-level", Severity.NOTE, f"{rows.source}, column {flag}", got, do="DV taken as the limit")
    yield from _zero_levels(rows, rows.has_level & (level == 0) & (value != 1) & ~unflagged)


def _zero_levels(rows: EventRows, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Iterator[Finding]:
    do = "say BLQ 1 with LLOQ if it was below the limit; taken as a measured zero"
    yield from found(
        rows, mask, "zero-levels", "DV", says(rows, "DV"), "a level above zero", do, severity=Severity.WARNING
    )


def _occasion(rows: EventRows) -> Iterator[Finding]:
    if "OCC" in rows.given:
        value = rows["OCC"]
        mask = np.isnan(value) | (value < 0) | (value != np.floor(value))
        yield from found(
            rows, mask, "occasion-whole", "OCC", says(rows, "OCC"), "a whole number, zero or more", "correct OCC"
        )


def _kind(rows: EventRows) -> Iterator[Finding]:
    value = rows["DVID"]
    mask = rows.is_level & ((value < 0) | (value != np.floor(value)))
    yield from found(rows, mask, "dvid-whole", "DVID", says(rows, "DVID"), "a whole number, zero or more", "correct it")


LEVEL_RULES: tuple[Check[EventRows], ...] = (
    Check("event-known", "EVID is 0 to 4.", _event_known),
    Check("missing-flag", "MDV is 0 or 1 and agrees with EVID.", _missing_flag),
    Check("level-on-level-rows", "Levels stand on level rows only.", _level_only_on_level_rows),
    Check("level-there", "A level row has a level, and it is not negative.", _level_there),
    Check("censoring", "BLQ, LLOQ and DV agree.", _censoring),
    Check("occasion-whole", "OCC is a whole number.", _occasion),
    Check("dvid-whole", "DVID is a whole number.", _kind),
)
