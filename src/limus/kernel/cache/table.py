"""A table of small facts that are costly to find, kept as one file that grows."""

from __future__ import annotations

import atexit
import json
from collections.abc import Callable, Mapping
from typing import Any

from limus.kernel.cache.folder import keep, read_kept

__all__ = ["KeptTable"]

_MOST = 2000


class KeptTable:
    """Facts by key; read from disk when the first is asked for, written when the process ends.

    Parameters
    ----------
    part : str
        Folder within the cache.
    name : callable
        Gives the name of the file, which says what made the facts.
    shipped : callable, optional
        Gives facts that are known from the start: nothing is asked or kept for them.
    """

    def __init__(self, part: str, name: Callable[[], str], shipped: Callable[[], Mapping[str, Any]] = dict) -> None:
        self._part = part
        self._name = name
        self._shipped = shipped
        self._facts: dict[str, Any] | None = None
        self._new: dict[str, Any] = {}

    def get(self, key: str, find: Callable[[], Any]) -> Any:
        """Return a fact, found where it is not known.

        Parameters
        ----------
        key : str
        find : callable
            Gives the fact, as JSON reads it; what it raises is raised, and nothing is kept.

        Returns
        -------
        fact
        """
        if self._facts is None:
            self._facts = self._read() | dict(self._shipped())
        if key not in self._facts:
            fact = find()
            if not self._new:
                atexit.register(self.save)
            self._facts[key] = self._new[key] = fact
        return self._facts[key]

    def save(self) -> None:
        """Write what is new beside what is there by now; a full table stays as it is."""
        new, self._new = self._new, {}
        if new:
            facts = self._read() | new
            if len(facts) <= _MOST:
                keep(self._part, self._name(), json.dumps(facts).encode())

    def _read(self) -> dict[str, Any]:
        kept = read_kept(self._part, self._name())
        try:
            facts = {} if kept is None else json.loads(kept)
        except ValueError:
            return {}
        return facts if isinstance(facts, dict) else {}
