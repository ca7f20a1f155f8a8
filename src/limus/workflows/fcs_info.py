"""``limus fcs info``: what an FCS file holds: version, events, channels and their medians."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from limus.assay.cytometry.fcs.read import FcsData, read_fcs
from limus.kernel.execution import Execution
from limus.workflows.request import Request, keep_result

__all__ = ["FcsInfoRequest", "FcsInfoResult", "run"]


class FcsInfoRequest(Request):
    """A file, and which of its data sets."""

    file: Path
    data_set: int = Field(default=1, ge=1)


@dataclass(frozen=True, eq=False)
class FcsInfoResult:
    """A data set and the median of each channel.

    Attributes
    ----------
    data : FcsData
    median : dict of str to float
        Over all events, amplifier and gain taken off, not compensated; NaN where there are no events or no numbers.
    """

    data: FcsData
    median: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says."""
        d = self.data
        return {
            "file": str(d.path),
            "version": d.version,
            "events": d.events,
            "channels": list(d.names),
            "median": self.median,
            "status": "ok" if d.events else "no_events",
            "data_set": d.data_set,
            "data_sets": d.data_sets,
            "parameters": [
                {
                    "name": c.name,
                    "label": c.label,
                    "datatype": c.datatype,
                    "bits": c.bits,
                    "range": c.range,
                    "decades": c.decades,
                    "at_zero": c.at_zero,
                    "gain": c.gain,
                }
                for c in d.channels
            ],
            "cytometer": d.keywords.get("$CYT", ""),
            "date": d.keywords.get("$DATE", ""),
            "findings": [finding.as_dict() for finding in d.findings],
        }


def run(request: FcsInfoRequest, *, out: Path | None = None, execution: Execution | None = None) -> FcsInfoResult:
    """Read a file and find the medians.

    Parameters
    ----------
    request : FcsInfoRequest
    out : Path, optional
        Run directory; the result is kept in ``result.json``.
    execution : Execution, optional
        Not used.

    Returns
    -------
    FcsInfoResult

    Raises
    ------
    FileReadError
        No FCS file, or one that is cut short or contradicts itself.
    UnsupportedFeatureError
        Histograms in place of events, or numbers that are not read.
    UnknownNameError
        The file has no such data set.
    OutputError
        The folder cannot be written, or holds something else.
    """
    data = read_fcs(request.file, data_set=request.data_set)
    median = {name: float(np.median(data.values(name))) if data.events else float("nan") for name in data.names}
    result = FcsInfoResult(data, median)
    keep_result(result, out, "fcs_info", request, execution)
    return result
