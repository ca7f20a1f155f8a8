"""Published potencies of the library: what was measured, in what, and whether a fit may use it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from limus.kernel.provenance import Kind
from limus.kernel.tables import Column, library_folder, read_csv

__all__ = ["POTENCY_COLUMNS", "Potency", "load_potencies"]

POTENCY_COLUMNS = (
    Column("id"),
    Column("compound"),
    Column("readout"),
    Column("cells"),
    Column("stimulus"),
    Column("metric", allowed=("ic50", "range", "ratio", "level", "effect")),
    Column("relation", allowed=("=", "interval", "<", ">"), blank=True),
    Column("value_nM", number=True, blank=True, meaning="nM"),
    Column("lower_nM", number=True, blank=True, meaning="nM"),
    Column("upper_nM", number=True, blank=True, meaning="nM"),
    Column("value_printed", blank=True),
    Column("unit_printed", blank=True),
    Column("kind", allowed=("measured", "compiled", "assumed")),
    Column("source", blank=True),
    Column("conditions", blank=True),
    Column("use", allowed=("fit", "check", "excluded")),
    Column("reason"),
)


@dataclass(frozen=True, slots=True)
class Potency:
    """One published potency.

    Attributes
    ----------
    id, compound, readout, cells, stimulus, metric, relation : str
    value_nM : float
        NaN for an interval.
    lower_nM, upper_nM : float
        Ends of an interval; NaN otherwise.
    printed : str
        Value and unit as printed.
    kind : Kind
    source : tuple of str
    conditions, use, reason : str
    """

    id: str
    compound: str
    readout: str
    cells: str
    stimulus: str
    metric: str
    relation: str
    value_nM: float  # noqa: N815
    lower_nM: float  # noqa: N815
    upper_nM: float  # noqa: N815
    printed: str
    kind: Kind
    source: tuple[str, ...]
    conditions: str
    use: str
    reason: str

    @property
    def is_interval(self) -> bool:
        """Whether the source prints a range."""
        return self.relation == "interval"

    @property
    def centre_nM(self) -> float:  # noqa: N802
        """The value, or the geometric middle of the interval, nM."""
        return math.sqrt(self.lower_nM * self.upper_nM) if self.is_interval else self.value_nM

    def log10_misfit(self, predicted_nM: float) -> float:
        """Return log10(predicted/observed), zero inside an interval, from the nearer end outside it."""
        if self.is_interval:
            if predicted_nM < self.lower_nM:
                return math.log10(predicted_nM / self.lower_nM)
            return max(math.log10(predicted_nM / self.upper_nM), 0.0)
        return math.log10(predicted_nM / self.value_nM)


def _path(name: str) -> Path:
    return library_folder() / "observations" / name


@lru_cache(maxsize=4)
def load_potencies(name: str = "potency.csv") -> tuple[Potency, ...]:
    """Load the published potencies.

    Parameters
    ----------
    name : str
        File in ``library/observations``.

    Returns
    -------
    tuple of Potency
        In the order of the file.

    Raises
    ------
    FileReadError
        The file does not follow its schema.
    """
    return tuple(
        Potency(
            id=row["id"],
            compound=row["compound"],
            readout=row["readout"],
            cells=row["cells"],
            stimulus=row["stimulus"],
            metric=row["metric"],
            relation=row["relation"],
            value_nM=row["value_nM"],
            lower_nM=row["lower_nM"],
            upper_nM=row["upper_nM"],
            printed=f"{row['value_printed']} {row['unit_printed']}".strip(),
            kind=Kind(row["kind"]),
            source=tuple(key.strip() for key in row["source"].split(";") if key.strip()),
            conditions=row["conditions"],
            use=row["use"],
            reason=row["reason"],
        )
        for row in read_csv(_path(name), POTENCY_COLUMNS).rows()
    )
