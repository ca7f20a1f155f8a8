"""The names that an event table reserves, and the rule of their case: all upper or all lower, never mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import near_names

__all__ = ["DATE_COLUMNS", "RESERVED", "UNUSED", "header_findings", "reserved_name"]

RESERVED: dict[str, str] = {
    "ID": "subject",
    "TIME": "time since the subject's origin, or a clock time h:mm",
    "DATE": "date, month day year (year first if it has four digits)",
    "DAT1": "date, day month year",
    "DAT2": "date, year month day",
    "DAT3": "date, year day month",
    "AMT": "amount of a dose",
    "EVID": "event: 0 level, 1 dose, 2 other, 3 reset, 4 reset and dose",
    "CMT": "compartment dosed or observed; 0 or missing is the model's default",
    "RATE": "rate of an infusion, amount per time; -1 the model's rate, -2 the model's duration",
    "DUR": "duration of an infusion",
    "II": "interval between doses",
    "ADDL": "further doses, one interval apart",
    "SS": "steady state: 0 no, 1 replaces what is there, 2 is added to it",
    "DV": "level",
    "MDV": "1 where DV is no level",
    "OCC": "occasion",
    "DVID": "kind of level",
    "BLQ": "1 where the level lies below the limit of quantification",
    "CENS": "1 where the level is censored at its limit (as BLQ)",
    "LLOQ": "lower limit of quantification",
}
DATE_COLUMNS: tuple[str, ...] = ("DATE", "DAT1", "DAT2", "DAT3")
# items of NONMEM that would change what the table means; a covariate of that name would be a trap
UNUSED: tuple[str, ...] = ("PCMT", "CALL", "CONT", "L1", "L2", "RAW_", "MRG_", "RPT_")


def reserved_name(name: str) -> str:
    """Return the reserved name in capitals if a column has it in pure upper or lower case, else empty text.

    Parameters
    ----------
    name : str
        Header.

    Returns
    -------
    str
    """
    upper = name.upper()
    return upper if upper in RESERVED and name in {upper, upper.lower()} else ""


def header_findings(source: str, names: Sequence[str]) -> Iterator[Finding]:
    """Check the header: case of reserved names, doubled, missing and unused names.

    Parameters
    ----------
    source : str
        File, named in the findings.
    names : sequence of str
        Header, in order.

    Yields
    ------
    Finding
    """
    where = f"{source}, header"
    yield from _wrong_case(where, names)
    meant = [name.upper() if name.upper() in RESERVED else name for name in names]
    for name in dict.fromkeys(n for n in meant if meant.count(n) > 1):
        yield Finding(
            "columns-once", Severity.ERROR, where, f"{meant.count(name)} columns {name}", "each once", "remove one"
        )
    if "" in names:
        yield Finding("columns-named", Severity.ERROR, where, "a column without a name", "a name each", "name it")
    for name in ("ID", "TIME"):
        if name not in meant:
            near = near_names(name, names)
            do = f"rename {near[0]} to {name} if that is what it is" if near else f"add a column {name}"
            yield Finding("columns-needed", Severity.ERROR, where, ", ".join(names), f"a column {name}", do)
    if not {"AMT", "DV"} & set(meant):
        allowed = "a column AMT (doses) or DV (levels)"
        yield Finding("columns-needed", Severity.ERROR, where, ", ".join(names), allowed, "add one")
    if len({"DATE", "DAT1", "DAT2", "DAT3"} & set(meant)) > 1:
        yield Finding("one-date", Severity.ERROR, where, ", ".join(names), "one of DATE, DAT1, DAT2, DAT3", "keep one")
    if {"BLQ", "CENS"} <= set(meant):
        yield Finding("one-flag", Severity.ERROR, where, "BLQ and CENS", "one of them", "keep one")
    for name in names:
        if name.upper() in UNUSED:
            do = "left out, as NONMEM's item of that name; rename it if it is a covariate"
            yield Finding(
                "nonmem-items", Severity.WARNING, where, name, f"items that are used: {', '.join(RESERVED)}", do
            )


def _wrong_case(where: str, names: Sequence[str]) -> Iterator[Finding]:
    for name in names:
        if name.upper() in RESERVED and not reserved_name(name):
            yield Finding(
                "reserved-names-case",
                Severity.ERROR,
                where,
                name,
                f"{name.upper()} or {name.lower()}",
                f"rename {name} to {name.upper()}",
            )
    pure = [name for name in names if reserved_name(name)]
    lower = [name for name in pure if name.islower()]
    upper = [name for name in pure if not name.islower()]
    if lower and upper:
        fewer, case = (lower, "upper") if len(lower) <= len(upper) else (upper, "lower")
        yield Finding(
            "reserved-names-case",
            Severity.ERROR,
            where,
            f"{', '.join(upper)} beside {', '.join(lower)}",
            "reserved names all in upper case or all in lower case",
            f"write {', '.join(fewer)} in {case} case",
        )
