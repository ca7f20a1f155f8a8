r"""Indices of proliferation from the cells of each generation.

With ``n_g`` cells in generation g, ``p_g = n_g / 2**g`` of the cells that were there at the beginning ended in it. All
indices are ratios of sums over p, n and g; none of them knows of cells that died.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from limus.kernel.tables import Entry, library_folder, read_toml

__all__ = ["INDICES", "IndexWords", "compute_indices", "index_words"]

Floats = NDArray[np.float64]
INDICES = (
    "percent_divided",
    "division_index",
    "proliferation_index",
    "expansion_index",
    "replication_index",
    "percent_divided_cells",
)


def compute_indices(counts: ArrayLike) -> dict[str, Floats]:
    """Compute the indices.

    Parameters
    ----------
    counts : (..., G + 1) array_like
        Cells of generations 0 to G, 0 or above.

    Returns
    -------
    dict of str to (...) numpy.ndarray
        By the names in :data:`INDICES`; NaN where there are no cells, and for the indices of divided cells where none
        divided.

    Examples
    --------
    >>> half_three_times = {k: float(v) for k, v in compute_indices([1, 0, 0, 8]).items()}
    >>> half_three_times["division_index"], half_three_times["proliferation_index"]
    (1.5, 3.0)
    >>> half_three_times["expansion_index"], half_three_times["replication_index"]
    (4.5, 8.0)
    """
    cells = np.asarray(counts, dtype=np.float64)
    generation = np.arange(cells.shape[-1])
    precursors = cells / 2.0**generation
    everyone, divided = precursors.sum(axis=-1), precursors[..., 1:].sum(axis=-1)
    divisions = (precursors * generation).sum(axis=-1)
    total, progeny = cells.sum(axis=-1), cells[..., 1:].sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "percent_divided": 100.0 * divided / everyone,
            "division_index": divisions / everyone,
            "proliferation_index": divisions / divided,
            "expansion_index": total / everyone,
            "replication_index": progeny / divided,
            "percent_divided_cells": 100.0 * progeny / total,
        }


class _Synonym(Entry):
    program: str
    name: str
    source: str


class IndexWords(Entry):
    """Name, formula, meaning and other programs' names of an index."""

    title: str
    formula: str
    meaning: str
    unit: str
    source: list[str]
    synonyms: list[_Synonym] = Field(default_factory=list)
    warning: str = ""


class _IndexFile(Entry):
    limus_proliferation_indices: Literal[1]
    percent_divided: IndexWords
    division_index: IndexWords
    proliferation_index: IndexWords
    expansion_index: IndexWords
    replication_index: IndexWords
    percent_divided_cells: IndexWords


@lru_cache(maxsize=1)
def index_words() -> dict[str, IndexWords]:
    """Return what the library says of each index.

    Returns
    -------
    dict of str to IndexWords
        In the order of :data:`INDICES`.

    Raises
    ------
    FileReadError
        The library file is wrong.
    """
    file = read_toml(library_folder() / "constants" / "proliferation_indices.toml", _IndexFile)
    return {name: getattr(file, name) for name in INDICES}
