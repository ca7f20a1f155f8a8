"""The accepted fit of a model: written with the hashes of model and data, and found stale when either has changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from limus.kernel.provenance import hash_text
from limus.kernel.tables import Table, read_csv, write_csv
from limus.signalling.calibration import Calibration, CalibrationSettings, load_settings
from limus.signalling.model_library import FIT_COLUMNS, covariance_path, fit_path
from limus.signalling.observations import load_potencies
from limus.signalling.protocol import load_protocols
from limus.signalling.sourced_model import SourcedModel

__all__ = ["data_hash", "fit_is_current", "write_fit"]


def write_fit(calibration: Calibration) -> None:
    """Accept a calibration: write it to ``library/fits``, with the hashes of model and data.

    Parameters
    ----------
    calibration : Calibration

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    model = calibration.model
    settings = load_settings(model.name)
    table = Table.from_rows(
        {
            "parameter": p.name,
            "value": float(f"{calibration.values[j]:.6g}"),
            "unit": p.unit,
            "log10_standard_error": float(f"{calibration.log10_standard_errors[j]:.4g}"),
            "at_bound": "yes" if calibration.at_bound[j] else "no",
            "model_sha256": model.content_hash,
            "data_sha256": data_hash(settings),
        }
        for j, p in enumerate(calibration.parameters)
    )
    comment = "limus_fit = 1\nMade by `limus calibrate --accept`; edit the model or the observations, not this file."
    write_csv(table, fit_path(model.name), comment=comment)
    names = [p.name for p in calibration.parameters]
    columns: dict[str, Any] = {name: np.round(calibration.log10_covariance[:, j], 8) for j, name in enumerate(names)}
    covariance = Table.create({"parameter": names, **columns})
    write_csv(covariance, covariance_path(model.name), comment="Covariance of the log10 of the fitted parameters.")


def data_hash(settings: CalibrationSettings) -> str:
    """Return the SHA-256 of what a fit is made to: the observations used, the protocols and the settings.

    Parameters
    ----------
    settings : CalibrationSettings

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    rows = [
        f"{p.id} {p.compound} {p.readout} {p.stimulus} {p.value_nM!r} {p.lower_nM!r} {p.upper_nM!r}"
        for p in load_potencies(settings.observations)
        if p.use == "fit"
    ]
    cultures = [f"{p.name} {sorted(p.settings.items())} {sorted(p.hours.items())}" for p in load_protocols().values()]
    return hash_text(*sorted(rows), *cultures, settings.model_dump_json())


def fit_is_current(model: SourcedModel) -> bool:
    """Tell whether the accepted fit belongs to the model and the observations as they are now.

    Parameters
    ----------
    model : SourcedModel

    Returns
    -------
    bool
        False too where there is no fit.

    Raises
    ------
    FileReadError
        The fit's file is wrong.
    """
    path = fit_path(model.name)
    if not path.exists():
        return False
    table = read_csv(path, FIT_COLUMNS)
    expected = (model.content_hash, data_hash(load_settings(model.name)))
    found = set(zip(table["model_sha256"], table["data_sha256"], strict=True))
    return found == {expected} and list(table["parameter"]) == [p.name for p in model.fitted]
