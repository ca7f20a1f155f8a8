"""What a bench measured of a compound, as a file: the way from an assay to a model and a guide.

``result.toml`` holds values of kind *measured*, each with unit, interval, n, and the hash of the file it was measured
from. A quantity that a model has under the same name (``complex_dissociation_constant``) can take the place of the
model's own; the others (``ic50_absolute``, ``ic50_relative``) stand beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from limus.kernel.errors import InputError, OutputError
from limus.kernel.tables import Entry, read_toml

__all__ = ["BenchValue", "read_bench_result", "write_bench_result"]

Text = Annotated[str, Field(min_length=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class BenchValue:
    """A measured value.

    Attributes
    ----------
    compound : str
        Name in the library, or as the layout writes it.
    quantity : str
        ``complex_dissociation_constant``, ``ic50_absolute`` or ``ic50_relative``.
    readout : str
        What was read, such as ``calcineurin phosphatase``.
    value, lower, upper : float
        In ``unit``; the ends are NaN where there is no interval.
    unit : str
    level_percent : float
        Of the interval.
    n : int
    n_of : str
        What n counts, such as ``wells``.
    method, conditions : str
    file, layout : str
        Names of the files.
    file_sha256, layout_sha256 : str
        Their hashes.
    """

    compound: str
    quantity: str
    readout: str
    value: float
    lower: float
    upper: float
    unit: str
    level_percent: float
    n: int
    n_of: str
    method: str
    conditions: str
    file: str
    file_sha256: str
    layout: str
    layout_sha256: str

    @property
    def origin(self) -> str:
        """One line for people: file, hash, n, interval."""
        said = f"measured, {self.method}; {self.file} (SHA-256 {self.file_sha256[:12]}), {self.n} {self.n_of}"
        if math.isfinite(self.lower) and math.isfinite(self.upper):
            lower, upper = (float(f"{end:.3g}") for end in (self.lower, self.upper))
            said += f", {self.level_percent:g} % interval {lower:g} to {upper:g} {self.unit}"
        return f"{said}; {self.conditions}" if self.conditions else said

    @property
    def log10_standard_error(self) -> float:
        """Standard error of log10 of the value, from the interval; NaN where there is none."""
        if not (self.lower > 0 and math.isfinite(self.upper)):
            return math.nan
        from scipy import special  # noqa: PLC0415

        width = 2.0 * float(special.ndtri(0.5 + self.level_percent / 200.0))
        return (math.log10(self.upper) - math.log10(self.lower)) / width


class _ValueEntry(Entry):
    compound: Text
    quantity: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    readout: Text
    kind: Literal["measured"]
    value: Annotated[float, Field(gt=0)]
    lower: Annotated[float, Field(gt=0)] | None = None
    upper: Annotated[float, Field(gt=0)] | None = None
    unit: Text
    level_percent: Annotated[float, Field(gt=0, lt=100)]
    n: Annotated[int, Field(ge=1)]
    n_of: Text
    method: Text
    conditions: str = ""
    file: Text
    file_sha256: Digest
    layout: str = ""
    layout_sha256: str = ""


class _ResultFile(Entry):
    limus_result: Literal[1]
    values: list[_ValueEntry]


def write_bench_result(values: Iterable[BenchValue], path: Path) -> Path:
    """Write measured values.

    Parameters
    ----------
    values : iterable of BenchValue
    path : Path

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import tomli_w  # noqa: PLC0415

    entries = []
    for value in values:
        row = {"kind": "measured", **asdict(value)}
        entries.append({k: v for k, v in row.items() if not (isinstance(v, float) and not math.isfinite(v))})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(tomli_w.dumps({"limus_result": 1, "values": entries}), encoding="utf-8")
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another --out") from None
    return path


def read_bench_result(path: Path) -> tuple[BenchValue, ...]:
    """Read measured values.

    Parameters
    ----------
    path : Path
        As :func:`write_bench_result` wrote it.

    Returns
    -------
    tuple of BenchValue

    Raises
    ------
    FileReadError
        Unreadable, not TOML, or a key that is missing, unknown or wrong.
    InputError
        An interval that does not hold its value, or a file without values.
    """
    found = []
    for number, e in enumerate(read_toml(path, _ResultFile).values, start=1):
        lower, upper = (math.nan if end is None else end for end in (e.lower, e.upper))
        if not (lower <= e.value <= upper) and (e.lower is not None or e.upper is not None):
            got = f"{e.value:g} in {lower:g} to {upper:g}"
            raise InputError(f"{path}, value {number}", got, "an interval around the value", "correct the file")
        row = {name: getattr(e, name) for name in BenchValue.__slots__ if name not in ("lower", "upper")}
        found.append(BenchValue(**row, lower=lower, upper=upper))
    if not found:
        raise InputError(str(path), "no values", "values of an assay that gave some", "look at the assay's report")
    return tuple(found)
