"""What decides a simulated proliferation plate: cells, dye, divisions, drugs, instrument; read from a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from limus.kernel.tables import Entry, read_toml

__all__ = ["CellTruth", "DivisionTruth", "DrugTruth", "InstrumentTruth", "ProliferationTruth", "read_truth"]

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


class DivisionTruth(Entry):
    """When cells divide: a share of the precursors responds, times between divisions are log-normal."""

    hours: Positive
    responding: Share
    first_division_hours: Positive
    first_division_log_sd: Positive
    later_division_hours: Positive
    later_division_log_sd: Positive
    most_generations: Annotated[int, Field(ge=1, le=12)] = 10


class CellTruth(Entry):
    """Size and staining of the cells, on the scale of the channels."""

    forward_median: Positive
    side_median: Positive
    size_log_sd: Positive
    grain_log_sd: Positive
    blast_factor: Positive
    dye_median: Positive
    dye_log_sd: Positive
    division_log_sd: NotNegative
    well_log_sd: NotNegative
    autofluorescence_median: Positive
    autofluorescence_log_sd: Positive
    cd3_positive: Positive
    cd3_negative: Positive
    cd3_log_sd: Positive
    viability_live: Positive
    viability_dead: Positive
    viability_log_sd: Positive
    t_cells: Share
    dead: Share
    doublets: Share
    debris: Share


class InstrumentTruth(Entry):
    """Pulses, noise, spillover, time and the largest number of the instrument; heights are shares of the area."""

    height: Positive
    doublet_height: Positive
    height_cv: Positive
    noise_sd: NotNegative
    photon_gain: NotNegative
    largest: Positive
    events_per_second: Positive
    drift_share: float = 0.0
    spillover: dict[str, dict[str, NotNegative]] = Field(default_factory=dict)


class DrugTruth(Entry):
    """How a drug lowers the share that responds, and lengthens the time to the first division at full effect."""

    ic50_nM: Positive  # noqa: N815
    slope: Positive
    most_inhibition: Share = 1.0
    first_division_factor: Annotated[float, Field(ge=1)] = 1.0


class ProliferationTruth(Entry):
    """Everything that decides the files of a simulated proliferation plate."""

    limus_truth: Literal[1]
    assay: Literal["proliferation"]
    seed: Annotated[int, Field(ge=0)]
    note: str = ""
    events: Annotated[int, Field(ge=1)]
    control_events: Annotated[int, Field(ge=1)]
    cells: CellTruth
    division: DivisionTruth
    unstimulated_responding: Share
    instrument: InstrumentTruth
    drugs: dict[str, DrugTruth] = Field(default_factory=dict)


def read_truth(path: Path) -> ProliferationTruth:
    """Read a truth.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ProliferationTruth

    Raises
    ------
    FileReadError
        Unreadable, or a key that is missing, unknown or wrong.
    """
    return read_toml(path, ProliferationTruth)
