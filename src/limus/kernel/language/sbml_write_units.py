"""Units written as text, such as ``nM*h**-1``, to SBML unit definitions."""

from __future__ import annotations

import re
from typing import Any

from limus.kernel.errors import UnitError
from limus.kernel.units import canonical_unit, convert

__all__ = ["UnitWriter"]

# each part of a canonical unit in SBML's base units: kind, power, multiplier
_PARTS: dict[str, tuple[tuple[str, int, float], ...]] = {
    "nM": (("MOLE", 1, 1e-9), ("LITRE", -1, 1.0)),
    "nmol": (("MOLE", 1, 1e-9),),
    "h": (("SECOND", 1, 3600.0),),
    "L": (("LITRE", 1, 1.0),),
    "mg": (("GRAM", 1, 1e-3),),
}


class UnitWriter:
    """Adds a unit definition to a libsbml model when a unit is first met.

    Parameters
    ----------
    libsbml : module
        The imported library.
    model : libsbml.Model
        What the definitions are added to.
    """

    def __init__(self, libsbml: Any, model: Any) -> None:
        self._libsbml = libsbml
        self._model = model
        self._known: dict[str, str] = {"": "", "dimensionless": "dimensionless"}

    def id_of(self, text: str) -> str:
        """Return the identifier of a unit, '' where SBML cannot say it (a unit that limus does not know).

        Parameters
        ----------
        text : str
            Such as ``nM``, ``1/h``, ``3600*second``.

        Returns
        -------
        str
        """
        if text not in self._known:
            self._known[text] = self._define(text)
        return self._known[text]

    def _define(self, text: str) -> str:
        try:
            canonical = canonical_unit(text)
            factor = 1.0 if canonical == "dimensionless" else convert(1.0, text, canonical)
        except UnitError:
            return ""
        if canonical == "dimensionless":
            return "dimensionless"
        definition = self._model.createUnitDefinition()
        name = _identifier(text, {d.getId() for d in self._model.getListOfUnitDefinitions()})
        definition.setId(name)
        if abs(factor - 1.0) > 1e-12:
            self._add(definition, "DIMENSIONLESS", 1.0, factor)
        for part in re.split(r"(?<!\*)\*(?!\*)", canonical):  # at a star that is no power
            unit, _, power = part.partition("**")
            for kind, one, multiplier in _PARTS[unit]:
                self._add(definition, kind, one * float(power or 1), multiplier)
        return name

    def _add(self, definition: Any, kind: str, exponent: float, multiplier: float) -> None:
        unit = definition.createUnit()
        unit.setKind(getattr(self._libsbml, f"UNIT_KIND_{kind}"))
        unit.setExponent(exponent)
        unit.setScale(0)
        unit.setMultiplier(multiplier)


def _identifier(text: str, taken: set[str]) -> str:
    """A unit's text as an SBML identifier: ``nM*h**-1`` becomes ``unit_nM_per_h``."""
    words = text.replace("1/", "per_").replace("**-1", "_inverse").replace("/", "_per_").replace("**", "_")
    name = "unit_" + re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_")
    while name in taken:
        name += "_"
    return name
