"""What a simulation of exposure found, as a record, as rows for JSON and tables, and as ADPP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import OutputError
from limus.kernel.tables import Table
from limus.pharmacokinetics.exchange.adpp import adpp_of
from limus.pharmacokinetics.exchange.xpt import write_dataset
from limus.pharmacokinetics.exposure import Exposure
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.virtual_exposure import MEASURES, VirtualExposure

__all__ = ["ExposureFindings", "exposure_rows", "spread_rows", "write_adpp"]

_NUMBERS = ("start_h", "end_h", "dose_mg", "auc", "average", "predose", "trough", "cmax", "tmax_h")
_SPECIMEN = {"whole blood": "BLOOD", "plasma": "PLASMA", "serum": "SERUM"}
_PERCENTILES = ("p5", "p50", "p95")


@dataclass(frozen=True, eq=False)
class ExposureFindings:
    """What a simulation found.

    Attributes
    ----------
    exposure : Exposure
        Without random effects.
    target : (float, float) or None
        Range of levels, in the unit of DV.
    virtual : VirtualExposure or None
        Copies with random effects, and with typical values of their own where they are uncertain.
    copies : int
    uncertain : VirtualExposure or None
        Copies with typical values of their own and no random effects.
    uncertainty : str
        ``published``, the file of sets, or nothing.
    value_sets : mapping of str to (R,) array
    overrides : tuple of str
    seed : int
    """

    exposure: Exposure
    target: tuple[float, float] | None
    virtual: VirtualExposure | None
    copies: int
    uncertain: VirtualExposure | None
    uncertainty: str
    value_sets: Mapping[str, NDArray[np.float64]]
    overrides: tuple[str, ...]
    seed: int


def exposure_rows(exposure: Exposure) -> list[dict[str, Any]]:
    """Return the rows of an exposure, as JSON holds them.

    Parameters
    ----------
    exposure : Exposure

    Returns
    -------
    list of dict
    """
    return [
        {
            "id": exposure.subjects[int(exposure.subject[k])],
            "interval": int(exposure.number[k]),
            "occasion": int(exposure.occasion[k]),
            **{name: float(getattr(exposure, name)[k]) for name in _NUMBERS},
            "time_in_range_percent": float(exposure.time_in_range_percent[k]),
            "status": exposure.status[k],
        }
        for k in range(len(exposure.auc))
    ]


def spread_rows(
    exposure: Exposure, virtual: VirtualExposure, target: tuple[float, float] | None = None
) -> list[dict[str, Any]]:
    """Return percentiles of virtual copies, a row for each dosing interval.

    Parameters
    ----------
    exposure : Exposure
        Whose intervals they are.
    virtual : VirtualExposure
    target : (float, float), optional
        Range of levels for the share of troughs within it.

    Returns
    -------
    list of dict
    """
    spread = {name: virtual.percentiles(name) for name in MEASURES}
    inside = None if target is None else virtual.share_within("trough", target)
    rows = []
    for k, subject in enumerate(exposure.subject.tolist()):
        row: dict[str, Any] = {"id": exposure.subjects[subject], "interval": int(exposure.number[k])}
        for name in MEASURES:
            row |= {f"{name}_{p}": float(spread[name][i, k]) for i, p in enumerate(_PERCENTILES)}
        rows.append(row | {"trough_in_target_percent": None if inside is None else float(inside[k])})
    return rows


def write_adpp(
    model: PopulationModel, rows: Sequence[Mapping[str, Any]], folder: Path, study: str
) -> tuple[Path, tuple[Finding, ...]]:
    """Write exposure as ADPP: a transport file, or CSV where version 5 cannot hold the texts.

    Parameters
    ----------
    model : PopulationModel
    rows : sequence of mapping
        Of :func:`exposure_rows`.
    folder : Path
    study : str
        STUDYID.

    Returns
    -------
    tuple of (Path, tuple of Finding)
        The file, and a note where it is not a transport file.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    finite = [row for row in rows if np.isfinite(row["end_h"])]
    columns: dict[str, Any] = {"subject": [row["id"] for row in finite]}
    columns |= {name: [row[name] for row in finite] for name in ("start_h", "end_h", "auc", "cmax", "tmax_h", "trough")}
    columns["average"] = [row["average"] for row in finite]
    dataset = adpp_of(
        Table.create(columns),
        study=study,
        treatment=model.dosing.substance.upper(),
        specimen=_SPECIMEN.get(model.matrix, model.matrix.upper()),
        concentration=model.units.DV,
    )
    try:
        return write_dataset(dataset, folder / "adpp.xpt"), ()
    except OutputError as error:
        path = write_dataset(dataset, folder / "adpp.csv")
        return path, (Finding("adpp-file", Severity.NOTE, error.where, error.got, error.allowed, "written as CSV"),)
