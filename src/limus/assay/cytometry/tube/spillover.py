r"""Compensation: light of each dye in the channels of the others, from the file's keyword or from single stains.

A cell with dyes ``s`` shows ``m = s F`` with the spillover matrix F: row i is what dye i of amount 1 shows in each
channel, 1 in its own (FCS 3.1, $SPILLOVER; Bagwell and Adams 1993). Compensated channels are ``s = m F**-1``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.fcs.read import FcsData
from limus.assay.cytometry.gate.density_valley import cut_between
from limus.assay.plate.findings import note
from limus.kernel.checks import Finding
from limus.kernel.errors import FileReadError, ValueRangeError

__all__ = ["KEYWORDS", "Spillover", "compensate", "find_spillover", "learn_spillover", "remarks_on_compensation"]

Floats = NDArray[np.float64]
KEYWORDS = ("$SPILLOVER", "SPILLOVER", "$SPILL", "SPILL")
_WORST_CONDITION = 1e4
_PERCENTILES = 0.70, 0.98
_LEAST_CELLS = 50


@dataclass(frozen=True, eq=False)
class Spillover:
    """A spillover matrix.

    Attributes
    ----------
    names : tuple of str
        Channels, n.
    matrix : (n, n) numpy.ndarray
        Row: dye; column: channel; 1 on the diagonal as a rule.
    source : str
        Keyword, or the files it was computed from.
    """

    names: tuple[str, ...]
    matrix: Floats
    source: str

    def __post_init__(self) -> None:
        count = len(self.names)
        good = self.matrix.shape == (count, count) and bool(np.isfinite(self.matrix).all())
        if not good or len(set(self.names)) < count or not _condition(self.matrix) < _WORST_CONDITION:
            got = f"{count} channels, matrix {self.matrix.shape}"
            allowed = "one row and column a channel, finite, each channel once, invertible"
            raise ValueRangeError(f"spillover matrix, {self.source}", got, allowed, "correct the matrix")


def _condition(matrix: Floats) -> float:
    try:
        return float(np.linalg.cond(matrix))
    except np.linalg.LinAlgError:
        return math.inf


def find_spillover(data: FcsData) -> Spillover | None:
    """Read the matrix that a file carries.

    Parameters
    ----------
    data : FcsData

    Returns
    -------
    Spillover or None
        None where there is no keyword, or one of no channels.

    Raises
    ------
    FileReadError
        The keyword is not a matrix, or names channels that the file does not have.
    ValueRangeError
        The matrix cannot be inverted.
    """
    for keyword in KEYWORDS:
        text = data.keywords.get(keyword, "").strip()
        if text:
            return _parse(text, keyword, data)
    return None


def _parse(text: str, keyword: str, data: FcsData) -> Spillover | None:
    where = f"{data.path}, {keyword}"
    parts = [part.strip() for part in text.split(",")]
    allowed = "n, n channels, n times n numbers"
    if not parts[0].isdecimal():
        raise FileReadError(where, text[:60], allowed, "correct the keyword, or give another matrix")
    count = int(parts[0])
    if count == 0:
        return None
    if len(parts) != 1 + count + count * count:
        got = f"{len(parts)} entries for n = {count}"
        raise FileReadError(where, got, allowed, "correct the keyword, or give another matrix")
    names = parts[1 : count + 1]
    if all(name.isdecimal() for name in names) and not set(names) <= set(data.names):
        names = [data.names[int(n) - 1] if 1 <= int(n) <= len(data.names) else n for n in names]
    unknown = [name for name in names if name not in data.names]
    if unknown:
        do = "correct the keyword, or give another matrix"
        raise FileReadError(where, ", ".join(unknown), "channels: " + ", ".join(data.names), do)
    try:
        numbers = np.array([float(part) for part in parts[count + 1 :]]).reshape(count, count)
    except ValueError as error:
        raise FileReadError(where, error, allowed, "correct the keyword, or give another matrix") from None
    return Spillover(tuple(names), numbers, keyword)


def remarks_on_compensation(data: FcsData) -> tuple[Finding, ...]:
    """Tell of compensation that the instrument has already done ($COMP, $DFCiTOj), which is not done again."""
    found = [name for name in data.keywords if name == "$COMP" or (name.startswith("$DFC") and "TO" in name)]
    found = [name for name in found if any(c in "123456789" for c in data.keywords[name].partition(",")[2] or "1")]
    if not found:
        return ()
    got = ", ".join(found[:6])
    return (note("compensated-by-instrument", str(data.path), got, "", "the file says that this is done already"),)


def compensate(columns: Mapping[str, Floats], spillover: Spillover) -> dict[str, Floats]:
    """Take the light of other dyes off.

    Parameters
    ----------
    columns : mapping of str to (N,) numpy.ndarray
        Channels; those that the matrix does not name stay as they are.
    spillover : Spillover

    Returns
    -------
    dict of str to (N,) numpy.ndarray

    Raises
    ------
    ValueRangeError
        A channel of the matrix is not there.
    """
    missing = [name for name in spillover.names if name not in columns]
    if missing:
        got = f"no channel {', '.join(missing)}"
        raise ValueRangeError("compensation", got, ", ".join(columns), "use the matrix of these files")
    measured = np.stack([columns[name] for name in spillover.names])
    separate = np.linalg.inv(spillover.matrix).T @ measured
    return dict(columns) | dict(zip(spillover.names, separate, strict=True))


def learn_spillover(
    stained: Mapping[str, Mapping[str, Floats]], unstained: Mapping[str, Floats] | None, names: Sequence[str]
) -> Spillover:
    """Compute a matrix from single-stain controls.

    For each dye the stained population is taken (above the valley of its own channel on an asinh scale, where there is
    one with enough cells, else between the 70th and the 98th percentile), and its median excess over the unstained
    cells in each channel is divided by that in its own. Without unstained cells, the cells below the valley, or the
    20th percentile, stand in.

    Parameters
    ----------
    stained : mapping of str to mapping of str to (N,) numpy.ndarray
        By the channel of the dye, the channels of its control.
    unstained : mapping of str to (N,) numpy.ndarray or None
    names : sequence of str
        Channels of the matrix; a channel without a control spills nothing.

    Returns
    -------
    Spillover

    Raises
    ------
    ValueRangeError
        A control has too few bright cells, is not brightest in its own channel, or the matrix cannot be inverted.
    """
    matrix = np.eye(len(names))
    for row, own in enumerate(names):
        if own not in stained:
            continue
        channels = stained[own]
        chosen, dark = _stained_cells(channels[own])
        if int(chosen.sum()) < _LEAST_CELLS:
            got = f"{int(chosen.sum())} bright cells"
            raise ValueRangeError(f"single stain of {own}", got, f"{_LEAST_CELLS} or more", "measure more cells")
        base = {name: channels[name][dark] for name in names} if unstained is None else unstained
        excess = np.array([np.median(channels[name][chosen]) - np.median(base[name]) for name in names])
        if not excess[row] > 0 or np.abs(excess).max() > excess[row] * 1.5:
            got = ", ".join(f"{name} {value:.3g}" for name, value in zip(names, excess, strict=True))
            do = "check which tube is which"
            raise ValueRangeError(f"single stain of {own}", got, f"brightest in {own}", do)
        matrix[row] = excess / excess[row]
    return Spillover(tuple(names), matrix, "single stains of " + ", ".join(sorted(stained)))


def _stained_cells(values: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Cells of the stained population, and cells that are not stained."""
    if len(values) < _LEAST_CELLS:
        return np.zeros(len(values), dtype=np.bool_), np.zeros(len(values), dtype=np.bool_)
    low, high = np.quantile(values, _PERCENTILES)
    scaled = np.arcsinh(values / max(float(np.median(np.abs(values))), 1e-9))
    cut = cut_between(scaled, spread=3.0, keep="high")
    above = scaled >= cut.place
    if len(cut.modes) > 1 and int(above.sum()) >= _LEAST_CELLS:
        return above & (values <= np.quantile(values, _PERCENTILES[1])), ~above
    return (values >= low) & (values <= high), values <= np.quantile(values, 0.2)
