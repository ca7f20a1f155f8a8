"""Names of a model looked up one after the other, each once, without going in a circle."""

from __future__ import annotations

from collections.abc import Callable

from limus.kernel.errors import ModelError
from limus.kernel.language import Expression

__all__ = ["LookUp"]


class LookUp:
    """Looks a name up once.

    Parameters
    ----------
    find : callable
        Gives the expression of a name; it may ask for other names.
    model_name : str
        For errors.
    """

    def __init__(self, find: Callable[[str], Expression], model_name: str) -> None:
        self._find = find
        self._model_name = model_name
        self._done: dict[str, Expression] = {}
        self._open: list[str] = []

    def __call__(self, name: str) -> Expression:
        """Return what a name stands for.

        Raises
        ------
        ModelError
            The name leads back to itself.
        """
        if name not in self._done:
            if name in self._open:
                circle = " -> ".join([*self._open[self._open.index(name) :], name])
                raise ModelError(f"model {self._model_name}", circle, "rules without a circle", "break the circle")
            self._open.append(name)
            self._done[name] = self._find(name)
            self._open.pop()
        return self._done[name]
