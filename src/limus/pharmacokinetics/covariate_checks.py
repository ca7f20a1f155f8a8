"""Does a table of covariates lie where a population model may be used? Refused outside, unless the limit is named."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.checks import Finding, Severity, raise_on_errors
from limus.kernel.errors import RefusedError, near_names
from limus.kernel.tables import Table
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.validity_limits import Covariate, Limit, limits_in_words

__all__ = ["check_covariates", "covariate_columns", "refuse_outside_limits"]

LIMIT = "validity-limit"
_SLIPS = {  # factors of units that are often mistaken for the one wanted
    "percent": (100.0,),  # a fraction
    "umol/L": (88.42,),  # creatinine in mg/dL
    "g/L": (10.0,),  # g/dL
    "cm": (100.0, 2.54),  # m, inch
    "kg": (0.45359237,),  # pound
    "days": (1.0 / 24.0,),  # h
}
_SHOWN = 3


def covariate_columns(model: PopulationModel, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Find the columns of a table that hold each covariate and limit of a model, by name.

    Parameters
    ----------
    model : PopulationModel
    names : iterable of str
        The table's columns.

    Returns
    -------
    dict of str to tuple of str
        One column where the table is clear; several are for :func:`check_covariates` to refuse.
    """
    given = tuple(names)
    wanted = {c.name: (c.name, *c.columns) for c in model.limited}
    return {name: tuple(c for c in dict.fromkeys(columns) if c in given) for name, columns in wanted.items()}


def check_covariates(
    model: PopulationModel,
    table: Table | Mapping[str, Any],
    overrides: Collection[str] = (),
    *,
    labels: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Check covariates and validity limits, row by row.

    Parameters
    ----------
    model : PopulationModel
    table : Table or mapping
        Column name to numbers, or to words for a limit such as ``organ``; a single value counts for every row.
    overrides : collection of str
        Names of covariates and limits that are not refused; case does not matter.
    labels : sequence of str
        What to call each row in a finding; by default its number.

    Returns
    -------
    tuple of Finding
        ``validity-limit`` is an error, or a warning where it was overridden. A missing covariate without a default,
        a code that the model does not know, an impossible number and an override without a meaning are errors that
        nothing overrides. Defaults that are used, and limits that the table does not show, are notes.
    """
    columns = dict(table.columns) if isinstance(table, Table) else dict(table)
    found = covariate_columns(model, columns)
    waived = {name.casefold() for name in overrides}
    findings = list(_unknown_overrides(model, overrides))
    for entry in model.limited:
        where = f"model {model.name}, {entry.name} ({entry.meaning})"
        if len(found[entry.name]) > 1:
            got = " and ".join(found[entry.name])
            findings.append(_error("doubled-covariate", where, got, "one column", "leave one of them out"))
        elif not found[entry.name]:
            findings.append(_absent(entry, where))
        else:
            values = np.atleast_1d(np.asarray(columns[found[entry.name][0]]))
            findings += _column(entry, where, values, entry.name.casefold() in waived, labels)
    return tuple(findings)


def refuse_outside_limits(findings: Iterable[Finding]) -> None:
    """Stop where covariates are wrong, or lie outside validity limits that were not overridden.

    Parameters
    ----------
    findings : iterable of Finding
        From :func:`check_covariates`.

    Raises
    ------
    InputError
        A covariate is missing or wrong.
    RefusedError
        A value lies outside a validity limit.
    """
    bad = [finding for finding in findings if finding.severity is Severity.ERROR]
    raise_on_errors(finding for finding in bad if finding.check != LIMIT)
    if bad:
        more = f" ({len(bad) - 1} more)" if len(bad) > 1 else ""
        raise RefusedError(f"{bad[0].where}{more}", bad[0].got, bad[0].allowed, bad[0].do)


def _error(check: str, where: str, got: str, allowed: str, do: str) -> Finding:
    return Finding(check, Severity.ERROR, where, got, allowed, do)


def _unknown_overrides(model: PopulationModel, overrides: Collection[str]) -> Iterator[Finding]:
    known = [entry.name for entry in model.limited]
    for name in overrides:
        if name.casefold() not in {other.casefold() for other in known}:
            near = near_names(name, known)
            do = f"did you mean {' or '.join(near)}?" if near else "leave it out"
            yield _error("override", f"override of model {model.name}", name, ", ".join(known), do)


def _absent(entry: Covariate | Limit, where: str) -> Finding:
    if isinstance(entry, Limit):
        return Finding(
            "limit-not-shown", Severity.NOTE, where, "no such column", limits_in_words(entry), "check it yourself"
        )
    if entry.default is None:
        names = " or ".join(dict.fromkeys((entry.name, *entry.columns)))
        allowed = f"a column {names} in {entry.unit}"
        return _error("missing-covariate", where, "no such column", allowed, "add it; nothing is substituted")
    got = f"{entry.default:g} {entry.unit} for all: {entry.default_reason}"
    return Finding(
        "default-covariate", Severity.NOTE, where, got, limits_in_words(entry), "add the column where it is known"
    )


def _column(
    entry: Covariate | Limit, where: str, values: NDArray[Any], waived: bool, labels: Sequence[str]
) -> Iterator[Finding]:
    if isinstance(entry, Limit) and entry.allowed:
        words = {word.casefold() for word in entry.allowed}
        bad = np.array([str(value).casefold() not in words for value in values])
        if bad.any():
            yield _outside(entry, where, values, bad, waived, labels)
        return
    try:
        numbers = values.astype(np.float64)
    except ValueError:
        yield _error("covariate-not-a-number", where, str(values[0]), limits_in_words(entry), "correct the table")
        return
    absent = np.isnan(numbers)
    if absent.all():
        yield _absent(entry, where)
        return
    if absent.any() and isinstance(entry, Covariate):
        got = f"no value in {absent.sum()} of {len(numbers)} rows"
        do = "the values of other rows are carried there"
        yield Finding("missing-value", Severity.NOTE, where, got, f"carried by the rule {entry.carry}", do)
    impossible = _impossible(entry, numbers) & ~absent
    if impossible.any():
        rows = _rows(numbers, impossible, labels)
        yield _error("impossible-value", where, rows, limits_in_words(entry), "correct the table")
    bad = ((numbers < entry.lower) | (numbers > entry.upper)) & ~absent & ~impossible
    if bad.any():
        yield _outside(entry, where, numbers, bad, waived, labels)


def _impossible(entry: Covariate | Limit, numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    """What no override allows: not finite, negative where nothing is, an unknown code."""
    wrong = np.isinf(numbers)
    if isinstance(entry, Covariate) and entry.codes:
        return wrong | ~np.isin(numbers, list(entry.codes))
    return wrong | ((numbers <= 0) if entry.lower > 0 else (numbers < 0) & (entry.lower >= 0))


def _outside(
    entry: Covariate | Limit,
    where: str,
    values: NDArray[Any],
    bad: NDArray[np.bool_],
    waived: bool,
    labels: Sequence[str],
) -> Finding:
    got, allowed = _rows(values, bad, labels), limits_in_words(entry)
    if waived:
        return Finding(
            LIMIT, Severity.WARNING, where, got, allowed, "overridden by name: the model was not built for it"
        )
    do = f"choose another model, or name the override {entry.name}"
    return _error(LIMIT, where, got, allowed, f"{_slip(entry, values)}{do}")


def _slip(entry: Covariate | Limit, values: NDArray[Any]) -> str:
    """Name the factors that would bring every value inside, as a wrong unit does."""
    if values.dtype.kind != "f" or (isinstance(entry, Covariate) and entry.codes):
        return ""
    numbers = values[~np.isnan(values)]
    fits = [
        f"{factor:.4g}"
        for factor in (*_SLIPS.get(entry.unit, ()), 1000.0, 0.001)
        if ((numbers * factor >= entry.lower) & (numbers * factor <= entry.upper)).all()
    ]
    said = f"{' or '.join(fits)} times each value would be inside: is the column in {entry.unit}? If it is, "
    return said if fits else ""


def _rows(values: ArrayLike, bad: NDArray[np.bool_], labels: Sequence[str]) -> str:
    column = np.asarray(values)
    shown = [f"{column[i]:g}" if column.dtype.kind == "f" else str(column[i]) for i in np.flatnonzero(bad)[:_SHOWN]]
    names = [labels[i] if i < len(labels) else f"row {i + 1}" for i in np.flatnonzero(bad)[:_SHOWN]]
    said = ", ".join(f"{value} ({name})" for value, name in zip(shown, names, strict=True))
    return said if bad.sum() <= _SHOWN else f"{said} and {bad.sum() - _SHOWN} more rows"
