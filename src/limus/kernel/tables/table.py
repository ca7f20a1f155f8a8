"""Tidy tables: named columns of equal length, read and written with a schema, never with a guess.

A :class:`Table` is what passes between stages and into figures. Numbers are float64 arrays, everything else is text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "Table"]


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a file must hold.

    Attributes
    ----------
    name : str
        Header, exactly.
    number : bool
        True for float64, False for text.
    required : bool
        Whether the column must be there.
    allowed : tuple of str
        The texts that may stand in it; empty for any.
    blank : bool
        Whether a cell may be empty (NaN for numbers).
    meaning : str
        One line, with the unit.
    """

    name: str
    number: bool = False
    required: bool = True
    allowed: tuple[str, ...] = ()
    blank: bool = False
    meaning: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length; arrays are read-only.

    Attributes
    ----------
    columns : mapping of str to numpy.ndarray
        float64 for numbers, object (str) for text.
    """

    columns: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a dict; made anew, the arrays are read-only again."""
        return type(self).create, (dict(self.columns),)

    @classmethod
    def create(cls, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> Table:
        """Make a table from sequences; numbers become float64, the rest text.

        Parameters
        ----------
        columns : mapping
            Column name to values, all of one length.

        Returns
        -------
        Table

        Raises
        ------
        ValueError
            Columns differ in length.
        """
        arrays = {name: _as_array(values) for name, values in columns.items()}
        lengths = {name: len(values) for name, values in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {lengths}")
        for values in arrays.values():
            values.flags.writeable = False
        return cls(arrays)

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]], names: Sequence[str] | None = None) -> Table:
        """Make a table from rows; a missing cell is NaN or empty text.

        Parameters
        ----------
        rows : iterable of mapping
            One mapping a row.
        names : sequence of str, optional
            Column order; by default, order of first appearance.

        Returns
        -------
        Table
        """
        rows = list(rows)
        if names is None:
            names = list(dict.fromkeys(name for row in rows for name in row))
        return cls.create({name: [row.get(name) for row in rows] for name in names})

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dict of plain Python values (float, or str)."""
        for index in range(len(self)):
            yield {
                name: values[index].item() if values.dtype != object else values[index]
                for name, values in self.columns.items()
            }

    def where(self, mask: NDArray[np.bool_]) -> Table:
        """Return the rows where ``mask`` is true.

        Parameters
        ----------
        mask : (n,) array of bool

        Returns
        -------
        Table
        """
        return Table.create({name: values[mask] for name, values in self.columns.items()})

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas DataFrame (pandas is imported here, not before)."""
        import pandas as pd  # noqa: PLC0415

        return pd.DataFrame({name: values.copy() for name, values in self.columns.items()})


def _as_array(values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return values.astype(np.float64)
    items = list(values)
    if items and all(item is None or isinstance(item, (int, float, np.number, np.bool_)) for item in items):
        return np.array([math.nan if item is None else float(item) for item in items], dtype=np.float64)
    out = np.empty(len(items), dtype=object)
    out[:] = ["" if item is None else str(item) for item in items]
    return out
