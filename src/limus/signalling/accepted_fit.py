"""The accepted fit of a model: written with the hashes of model and data, and found stale when either has changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from limus.kernel.errors import InputError
from limus.kernel.provenance import hash_text
from limus.kernel.tables import Table, library_folder, read_csv, write_csv
from limus.signalling.calibration import Calibration
from limus.signalling.model_library import FIT_COLUMNS, draws_path, fit_path
from limus.signalling.observations import load_potencies
from limus.signalling.prediction import CalibrationSettings, load_settings
from limus.signalling.protocol import find_protocol
from limus.signalling.sourced_model import SourcedModel

__all__ = ["data_hash", "fit_is_current", "library_inputs", "write_fit"]


def write_fit(calibration: Calibration) -> None:
    """Accept a calibration: write it to ``library/fits``, with the hashes of model and data.

    Parameters
    ----------
    calibration : Calibration

    Raises
    ------
    InputError
        The calibration has no draws.
    OutputError
        A file cannot be written.
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
            "data_sha256": data_hash(model, settings),
        }
        for j, p in enumerate(calibration.parameters)
    )
    comment = "limus_fit = 1\nMade by `limus calibrate --accept`; edit the model or the observations, not this file."
    write_csv(table, fit_path(model.name), comment=comment)
    if calibration.draws is None:
        raise InputError("fit", "a calibration without draws", "draws from its posterior", "calibrate with draws")
    drawn = {p.name: np.round(calibration.draws[:, j], 4) for j, p in enumerate(calibration.parameters)}
    comment = (
        "Draws from the posterior of the fit beside it, log10 of the fitted parameters; "
        f"effective sample {calibration.effective_sample:.0f}."
    )
    write_csv(Table.create(drawn), draws_path(model.name), comment=comment)


def data_hash(model: SourcedModel, settings: CalibrationSettings) -> str:
    """Return the SHA-256 of what a fit is made to: observations used, their readouts and protocols, the settings.

    Parameters
    ----------
    model : SourcedModel
    settings : CalibrationSettings

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    used = [p for p in load_potencies(settings.observations) if p.use == "fit"]
    rows = [f"{p.id} {p.compound} {p.readout} {p.stimulus} {p.value_nM!r} {p.lower_nM!r} {p.upper_nM!r}" for p in used]
    protocols = [find_protocol(name) for name in {p.stimulus for p in used}]
    cultures = [f"{p.name} {sorted(p.settings.items())} {sorted(p.hours.items())}" for p in protocols]
    readouts = [f"{r.name} {r.symbol} {r.background}" for r in {model.readout(p.readout) for p in used}]
    return hash_text(*sorted(rows), *sorted(cultures), *sorted(readouts), settings.model_dump_json())


def fit_is_current(model: SourcedModel) -> bool:
    """Tell whether the accepted fit belongs to the model and the observations as they are now.

    Parameters
    ----------
    model : SourcedModel

    Returns
    -------
    bool
        False where there is no fit; True where nothing is fitted.

    Raises
    ------
    FileReadError
        The fit's file is wrong.
    """
    if not model.fitted:
        return True
    path = fit_path(model.name)
    if not path.exists():
        return False
    table = read_csv(path, FIT_COLUMNS)
    expected = (model.content_hash, data_hash(model, load_settings(model.name)))
    found = set(zip(table["model_sha256"], table["data_sha256"], strict=True))
    return found == {expected} and list(table["parameter"]) == [p.name for p in model.fitted]


def library_inputs(model_name: str) -> tuple[Path, ...]:
    """Return the library files that decide what a model says: its text, numbers, fit and observations.

    Parameters
    ----------
    model_name : str

    Returns
    -------
    tuple of Path
        Those that exist.
    """
    models, settings = library_folder() / "models", library_folder() / "fits" / f"{model_name}.toml"
    observed = [load_settings(model_name).observations] if settings.exists() else []  # nothing is fitted without
    files = (
        *sorted(models.glob(f"{model_name}.*")),
        fit_path(model_name),
        draws_path(model_name),
        *(library_folder() / "observations" / name for name in observed),
        *sorted((library_folder() / "compounds").glob("*.toml")),
    )
    return tuple(path for path in files if path.exists())
