"""Exposure as the pharmacokinetic-parameter data set (ADPP) of ADaM: one record a subject, interval and parameter.

====================  ==========  ==========================  ====================
column of exposure    PARAMCD     PARAM                       unit
====================  ==========  ==========================  ====================
``auc``               AUCTAU      AUC Over Dosing Interval    h times that of levels
``cmax``              CMAX        Max Conc                    of levels
``tmax_h``            TMAX        Time of CMAX                h
``trough``            CTROUGH     Conc Trough                 of levels
``average``           CAVG        Average Conc                of levels
``cmin``              CMIN        Min Conc                    of levels
====================  ==========  ==========================  ====================

Codes and texts are of CDISC's controlled terminology for pharmacokinetic parameters. The values are a model's, not a
laboratory's, and PARCAT1 says so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError
from limus.kernel.tables import Table
from limus.pharmacokinetics.exchange.xpt import Dataset

__all__ = ["ADPP_LABELS", "adpp_of"]

ADPP_LABELS: dict[str, str] = {
    "STUDYID": "Study Identifier",
    "USUBJID": "Unique Subject Identifier",
    "TRTA": "Actual Treatment",
    "AVISIT": "Analysis Visit",
    "AVISITN": "Analysis Visit (N)",
    "PARCAT1": "Parameter Category 1",
    "PARAM": "Parameter",
    "PARAMCD": "Parameter Code",
    "PARAMN": "Parameter (N)",
    "AVAL": "Analysis Value",
    "AVALU": "Analysis Value Unit",
    "PPSPEC": "Specimen Material Type",
    "ASEQ": "Analysis Sequence Number",
}
# column of exposure: code, text, and the unit as a pattern of the unit of levels
_PARAMETERS = {
    "auc": ("AUCTAU", "AUC Over Dosing Interval", "h*{}"),
    "cmax": ("CMAX", "Max Conc", "{}"),
    "tmax_h": ("TMAX", "Time of CMAX", "h"),
    "trough": ("CTROUGH", "Conc Trough", "{}"),
    "average": ("CAVG", "Average Conc", "{}"),
    "cmin": ("CMIN", "Min Conc", "{}"),
}
_NEEDED = ("subject", "start_h", "end_h")


def adpp_of(
    exposure: Table,
    *,
    study: str,
    treatment: str,
    specimen: str,
    concentration: str,
    category: str = "POPULATION PK MODEL",
) -> Dataset:
    """Lay exposure results out as ADPP.

    Parameters
    ----------
    exposure : Table
        One row a subject and dosing interval: ``subject`` (text), ``start_h`` and ``end_h`` of the interval, and any of
        the columns above.
    study, treatment : str
        STUDYID and TRTA.
    specimen : str
        PPSPEC, such as ``BLOOD`` or ``PLASMA``.
    concentration : str
        Unit of the levels.
    category : str
        PARCAT1: where the values come from.

    Returns
    -------
    Dataset
        Intervals are numbered within a subject in order of their start; AVAL is missing where exposure is NaN.

    Raises
    ------
    InputError
        A needed column is missing, or there is none of the columns above.
    """
    missing = [name for name in _NEEDED if name not in exposure.names]
    present = [name for name in _PARAMETERS if name in exposure.names]
    if missing or not present:
        allowed = f"{', '.join(_NEEDED)} and one or more of {', '.join(_PARAMETERS)}"
        raise InputError("ADPP, exposure", ", ".join(exposure.names), allowed, "add the columns")
    subject = np.array([str(label) for label in exposure["subject"].tolist()], dtype=object)
    _, place = np.unique(subject.astype(str), return_inverse=True)
    first = {label: row for row, label in reversed(list(enumerate(subject.tolist())))}
    appearance = np.array([first[label] for label in subject.tolist()])
    order = np.lexsort((exposure["start_h"], appearance))
    visit = _number_within(place[order])
    each = len(present)
    rows, visits = np.repeat(order, each), np.repeat(visit, each)
    units = [_PARAMETERS[name][2].format(concentration) for name in present]
    intervals = [f"{a:g} to {b:g} h" for a, b in zip(exposure["start_h"][order], exposure["end_h"][order], strict=True)]
    values = np.stack([exposure[name][order] for name in present], axis=1).ravel()
    count = len(order)
    columns = {
        "STUDYID": [study] * len(rows),
        "USUBJID": subject[rows].tolist(),
        "TRTA": [treatment] * len(rows),
        "AVISIT": [f"Interval {n:g}, {intervals[k // each]}" for k, n in enumerate(visits)],
        "AVISITN": visits,
        "PARCAT1": [category] * len(rows),
        "PARAM": [f"{_PARAMETERS[name][1]} ({unit})" for name, unit in zip(present, units, strict=True)] * count,
        "PARAMCD": [_PARAMETERS[name][0] for name in present] * count,
        "PARAMN": np.tile(np.array([list(_PARAMETERS).index(name) + 1.0 for name in present]), count),
        "AVAL": values,
        "AVALU": units * count,
        "PPSPEC": [specimen] * len(rows),
        "ASEQ": _number_within(place[rows]),
    }
    return Dataset("ADPP", "PK Parameters Analysis Data", Table.create(columns), ADPP_LABELS)


def _number_within(place: NDArray[np.int64]) -> NDArray[np.float64]:
    """Number each row within its subject, from 1; rows of a subject stand together."""
    starts = np.append(True, place[1:] != place[:-1])[: len(place)]
    running = np.arange(len(place))
    begun = np.maximum.accumulate(np.where(starts, running, 0)) if len(place) else running
    return (running - begun + 1).astype(np.float64)
