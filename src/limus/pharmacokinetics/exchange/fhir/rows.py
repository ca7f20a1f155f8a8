"""Doses, levels and covariates of a bundle as columns of an event table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.pharmacokinetics.exchange.fhir.codes import load_medications, names_any
from limus.pharmacokinetics.exchange.fhir.covariates import PatientFacts
from limus.pharmacokinetics.exchange.fhir.doses import FhirDose
from limus.pharmacokinetics.exchange.fhir.levels import FhirLevel

__all__ = ["columns_of", "covariates_at", "form_of"]

Floats = NDArray[np.float64]
_APART_H = 12.0  # between levels of two occasions


def form_of(dose: FhirDose) -> tuple[str, float]:
    """Tell the form of a medication by its words.

    Parameters
    ----------
    dose : FhirDose

    Returns
    -------
    tuple of (str, float)
        Formulation ('' if not known), and 1 for immediate release, 0 for prolonged (NaN if not known).
    """
    for form in load_medications().forms:
        if names_any(dose.words, form.words):
            release = form.immediate_release
            return form.formulation, np.nan if release is None else float(release)
    return "", np.nan


def columns_of(
    label: str,
    doses: Sequence[FhirDose],
    levels: Sequence[FhirLevel],
    facts: PatientFacts,
    routes: Mapping[str, int],
) -> tuple[dict[str, NDArray[Any]], float]:
    """Lay doses and levels out as columns of an event table, in the order of time.

    Parameters
    ----------
    label : str
        ID.
    doses : sequence of FhirDose
    levels : sequence of FhirLevel
    facts : PatientFacts
        What is known later than the last of them gets a row of its own.
    routes : mapping of str to int
        Routes and their compartments; the first is the default.

    Returns
    -------
    tuple of (dict of str to (n,) array, float)
        Columns without covariates; the h since the start of 1960 that are time 0.
    """
    later = _rows_of_facts(doses, levels, facts)
    d, n, k = len(doses), len(levels), len(later)
    none = np.full(k, np.nan)
    default = next(iter(routes))
    columns: dict[str, NDArray[Any]] = {
        "ID": np.array([label] * (d + n + k)),
        "TIME": np.array([*(dose.hours for dose in doses), *(level.hours for level in levels), *later]),
        "EVID": np.repeat([1.0, 0.0, 2.0], [d, n, k]),
        "MDV": np.repeat([1.0, 0.0, 1.0], [d, n, k]),
        "AMT": np.append([dose.amount_mg for dose in doses], np.zeros(n + k)),
        "CMT": np.append([0 if one.route == default else routes[one.route] for one in doses], np.zeros(n + k)),
        "DUR": np.append([dose.duration_h for dose in doses], np.zeros(n + k)),
        "DV": np.concatenate([np.full(d, np.nan), [np.nan if o.censored else o.value for o in levels], none]),
    }
    if any(level.censored for level in levels):
        limits = [level.value if level.censored else np.nan for level in levels]
        columns["LLOQ"] = np.concatenate([np.full(d, np.nan), limits, none])
        columns["BLQ"] = np.concatenate([np.zeros(d), [float(level.censored) for level in levels], np.zeros(k)])
    columns["OCC"] = _occasions(columns["TIME"], np.array([level.hours for level in levels]))
    order = np.lexsort((columns["EVID"], columns["TIME"]))
    columns = {name: values[order] for name, values in columns.items()}
    origin = float(columns["TIME"][0])
    # to a tenth of a second: hours since 1960 have no more digits to give
    columns["TIME"] = np.round(columns["TIME"] - origin, 5)
    return columns, origin


def _rows_of_facts(doses: Sequence[FhirDose], levels: Sequence[FhirLevel], facts: PatientFacts) -> tuple[float, ...]:
    """Times of covariates after the last dose and level; where there is neither, the last one known."""
    rows = [*(dose.hours for dose in doses), *(level.hours for level in levels)]
    times = sorted({since for _, since, _ in facts.values if np.isfinite(since)})
    if rows:
        return tuple(time for time in times if time > max(rows))
    return tuple(times[-1:]) or (0.0,)


def _occasions(hours: Floats, levels: Floats) -> Floats:
    """Number of the occasion of each row, from 1."""
    if not len(levels):
        return np.ones(len(hours))
    times = np.sort(levels)
    ends = times[np.append(np.diff(times) > _APART_H, True)]
    return np.minimum(np.searchsorted(ends, hours, side="left"), len(ends) - 1) + 1.0


def covariates_at(facts: PatientFacts, doses: Sequence[FhirDose], hours: Floats) -> dict[str, Floats]:
    """Return the covariates at the rows of an event table: the last value known, the first before it.

    Parameters
    ----------
    facts : PatientFacts
    doses : sequence of FhirDose
        Their medications tell the release.
    hours : (n,) array
        h since the start of 1960.

    Returns
    -------
    dict of str to (n,) array
    """
    known: dict[str, list[tuple[float, float]]] = {}
    for name, since, value in facts.values:
        known.setdefault(name, []).append((since, value))
    releases = [(dose.hours, release) for dose in doses if np.isfinite(release := form_of(dose)[1])]
    if releases:
        known["immediate_release"] = releases
    columns = {}
    for name, pairs in known.items():
        pairs.sort()
        since, values = np.array(pairs).T
        # a ten-thousandth of an hour: times of rows are rounded
        columns[name] = values[np.maximum(np.searchsorted(since, hours + 1e-4, side="right") - 1, 0)]
    for name, (origin, unit_h) in facts.origins.items():
        columns[name] = (hours - origin) / unit_h
    return columns
