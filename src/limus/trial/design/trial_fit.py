"""The accepted calibration of a scenario: fitted totals and ratios in ``library/fits/trial_SCENARIO.csv``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from limus.kernel.provenance import hash_text
from limus.kernel.tables import Column, Table, library_folder, read_csv, write_csv

__all__ = ["FIT_COLUMNS", "fit_hashes", "fit_is_current", "fit_path", "load_fit", "write_fit"]

FIT_COLUMNS = (
    Column("parameter", meaning="EVENT.percent, EVENT.TERM or kidney.PARAMETER"),
    Column("value", number=True, meaning="fitted value"),
    Column("unit", meaning="percent, ratio, or the kidney parameter's"),
    Column(
        "standard_error", number=True, blank=True, meaning="of the logarithm for percent and ratio, else of the value"
    ),
    Column("hazards_sha256", meaning="hash of the hazards file"),
    Column("data_sha256", meaning="hash of the rows fitted to and the designs"),
)


def fit_path(scenario: str) -> Path:
    """Return where the accepted calibration of a scenario stands."""
    return library_folder() / "fits" / f"trial_{scenario}.csv"


def load_fit(scenario: str) -> dict[str, float]:
    """Load the accepted calibration of a scenario.

    Parameters
    ----------
    scenario : str

    Returns
    -------
    dict of str to float
        Empty where there is none.

    Raises
    ------
    FileReadError
        The file is wrong.
    """
    path = fit_path(scenario)
    if not path.is_file():
        return {}
    table = read_csv(path, FIT_COLUMNS)
    return {str(name): float(value) for name, value in zip(table["parameter"], table["value"], strict=True)}


def fit_hashes(scenario: str) -> tuple[str, str]:
    """Return the hashes of what a calibration depends on: hazards and scenario; rows, designs and populations.

    Parameters
    ----------
    scenario : str

    Returns
    -------
    tuple of two str
    """
    folder = library_folder()
    hazards = [*sorted((folder / "hazards").glob("*.toml")), folder / "scenarios" / f"{scenario}.toml"]
    data = [folder / "observations" / "trial_arms.csv"]
    for name in ("designs", "populations", "titration"):
        data += sorted((folder / name).glob("*.toml"))
    return _hash(hazards), _hash(data)


def _hash(paths: Iterable[Path]) -> str:
    return hash_text(*(path.read_text(encoding="utf-8") for path in paths))


def write_fit(scenario: str, rows: Iterable[tuple[str, float, str, float]], hashes: tuple[str, str]) -> Path:
    """Accept a calibration: write it to ``library/fits`` with the hashes of what it depends on.

    Parameters
    ----------
    scenario : str
    rows : iterable of (str, float, str, float)
        Parameter, value, unit, standard error.
    hashes : tuple of two str
        From :func:`fit_hashes` before the calibration began.

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    hazards, data = hashes
    table = Table.from_rows(
        {
            "parameter": name,
            "value": float(f"{value:.6g}"),
            "unit": unit,
            "standard_error": float(f"{error:.4g}"),
            "hazards_sha256": hazards,
            "data_sha256": data,
        }
        for name, value, unit, error in rows
    )
    comment = "limus_fit = 1\nMade by `limus trial calibrate --accept`; edit the hazards or the rows, not this file."
    write_csv(table, fit_path(scenario), comment=comment)
    return fit_path(scenario)


def fit_is_current(scenario: str) -> bool:
    """Tell whether the accepted calibration belongs to the library as it is now; True where there is none.

    Parameters
    ----------
    scenario : str

    Returns
    -------
    bool

    Raises
    ------
    FileReadError
        The file is wrong.
    """
    if not fit_path(scenario).is_file():
        return True
    table = read_csv(fit_path(scenario), FIT_COLUMNS)
    return set(zip(table["hazards_sha256"], table["data_sha256"], strict=True)) == {fit_hashes(scenario)}
