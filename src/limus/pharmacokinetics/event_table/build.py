"""From checked rows to the event table: rules first, all errors together, then records in h and mg."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, run_checks
from limus.pharmacokinetics.event_table.dose_rules import DOSE_RULES, compartment_findings, modelled_findings
from limus.pharmacokinetics.event_table.error import raise_together
from limus.pharmacokinetics.event_table.level_rules import LEVEL_RULES, flag_of
from limus.pharmacokinetics.event_table.occasions import occasions_of
from limus.pharmacokinetics.event_table.order_rules import ORDER_RULES
from limus.pharmacokinetics.event_table.plausibility import TypicalRange, plausibility_findings
from limus.pharmacokinetics.event_table.records import Doses, EventRecords, EventTable, Observations
from limus.pharmacokinetics.event_table.rows import EventRows
from limus.pharmacokinetics.event_table.units import TableUnits, amount_in_mg, check_concentration, time_in_h
from limus.pharmacokinetics.event_table.warnings import TABLE_CHECKS

__all__ = ["ROW_RULES", "TableOptions", "build_event_table"]

ROW_RULES = (*ORDER_RULES, *DOSE_RULES, *LEVEL_RULES)


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What the caller knows beside the table.

    Attributes
    ----------
    units : TableUnits
    compartments : mapping of int to str, optional
        The model's compartments; without it any number is taken.
    modelled : collection of str
        "rate" and "duration", as far as the model gives them for RATE -1 and -2.
    occasions : str
        Rule of ``event_table_occasions``.
    typical : sequence of TypicalRange
        What to compare amounts, levels and covariates with.
    time_is_h : bool
        Whether times were clock times, so that the unit of TIME does not apply to them.
    """

    units: TableUnits
    compartments: Mapping[int, str] | None = None
    modelled: Collection[str] = ()
    occasions: str = "auto"
    typical: Sequence[TypicalRange] = ()
    time_is_h: bool = False


def build_event_table(rows: EventRows, options: TableOptions, said: Sequence[Finding] = ()) -> EventTable:
    """Check rows by every rule and turn them into an event table.

    Parameters
    ----------
    rows : EventRows
    options : TableOptions
    said : sequence of Finding
        What reading has found already.

    Returns
    -------
    EventTable
        With all findings that are not errors.

    Raises
    ------
    EventTableError
        Any rule is broken; the error lists all that was found.
    UnitError
        A unit is unknown or of the wrong kind.
    ValueRangeError
        An unknown rule for occasions.
    """
    to_mg, to_h = amount_in_mg(options.units), time_in_h(options.units)
    check_concentration(options.units)
    findings = [*said, *run_checks(rows, ROW_RULES)]
    if options.compartments is not None:
        findings += compartment_findings(rows, options.compartments)
    findings += modelled_findings(rows, options.modelled)
    raise_together(rows.source, findings)
    time_h = rows.time * (1.0 if options.time_is_h else to_h)
    occasion, derived = occasions_of(rows, time_h, options.occasions)
    if derived is not None:
        findings.append(derived)
    offsets = _offsets(rows.subject, len(rows.labels))
    values = np.stack(list(rows.covariates.values()), axis=1) if rows.covariates else np.empty((len(rows), 0))
    table = EventTable(
        subjects=rows.labels,
        doses=_doses(rows, time_h, occasion, to_mg, to_h),
        observations=_observations(rows, time_h, occasion),
        records=EventRecords(offsets, tuple(rows.covariates), time_h, values, occasion, rows.line),
        concentration_unit=options.units.concentration,
        source=rows.source,
    )
    findings += run_checks(table, TABLE_CHECKS)
    findings += plausibility_findings(table, options.units, options.typical)
    raise_together(rows.source, findings)
    return replace(table, findings=tuple(findings))


def _offsets(subject: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(subject, minlength=count))]).astype(np.int64)


def _doses(
    rows: EventRows, time_h: NDArray[np.float64], occasion: NDArray[np.int64], to_mg: float, to_h: float
) -> Doses:
    chosen = np.flatnonzero(np.isin(rows["EVID"], (1, 3, 4)))
    amount = rows["AMT"][chosen] * to_mg
    given_rate, given_duration = rows["RATE"][chosen], rows["DUR"][chosen] * to_h
    rate = np.maximum(given_rate, 0.0) * (to_mg / to_h)
    by_rate = (amount > 0) & (rate > 0) & (given_duration == 0)
    by_duration = (amount > 0) & (given_duration > 0) & (given_rate == 0)
    duration = given_duration.copy()
    duration[by_rate] = amount[by_rate] / rate[by_rate]
    rate[by_duration] = amount[by_duration] / given_duration[by_duration]
    return Doses(
        offsets=_offsets(rows.subject[chosen], len(rows.labels)),
        record=chosen,
        time_h=time_h[chosen],
        compartment=rows["CMT"][chosen].astype(np.int64),
        amount_mg=amount,
        rate_mg_per_h=rate,
        duration_h=duration,
        interval_h=rows["II"][chosen] * to_h,
        additional=rows["ADDL"][chosen].astype(np.int64),
        steady_state=rows["SS"][chosen].astype(np.int64),
        reset=np.isin(rows["EVID"][chosen], (3, 4)),
        modelled=np.where(given_rate < 0, -given_rate, 0).astype(np.int64),
        occasion=occasion[chosen],
        line=rows.line[chosen],
    )


def _observations(rows: EventRows, time_h: NDArray[np.float64], occasion: NDArray[np.int64]) -> Observations:
    chosen = np.flatnonzero(rows.is_level)
    level, limit = rows["DV"][chosen], rows["LLOQ"][chosen]
    missing = rows["MDV"][chosen] == 1
    flag = flag_of(rows)
    flagged = rows[flag][chosen] == 1 if flag else np.zeros(len(chosen), dtype=np.bool_)
    censored = ~missing & (flagged | (level < limit))
    limit = np.where(censored & np.isnan(limit), level, limit)
    measured_below = censored & (level > 0) & (level < limit)
    return Observations(
        offsets=_offsets(rows.subject[chosen], len(rows.labels)),
        record=chosen,
        time_h=time_h[chosen],
        value=np.where(missing | (censored & ~measured_below), np.nan, level),
        missing=missing,
        censored=censored,
        limit=limit,
        compartment=rows["CMT"][chosen].astype(np.int64),
        dvid=rows["DVID"][chosen].astype(np.int64),
        occasion=occasion[chosen],
        line=rows.line[chosen],
    )
