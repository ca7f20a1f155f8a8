"""SBML unit definitions as text that :mod:`limus.kernel.units` reads, such as ``nmol`` or ``3600*second``."""

from __future__ import annotations

from typing import Any

__all__ = ["unit_texts"]

_FAMILIAR = {
    "1e-09*mole": "nmol",
    "1e-06*mole": "umol",
    "0.001*mole": "mmol",
    "1e-09*mole*litre**-1": "nM",
    "1e-06*mole*litre**-1": "uM",
    "0.001*mole*litre**-1": "mM",
    "3600*second": "h",
    "60*second": "min",
    "86400*second": "day",
    "0.001*litre": "mL",
    "second": "s",
    "litre": "L",
    "0.000277777777777778*second**-1": "1/h",
    "dimensionless": "dimensionless",
}


def unit_texts(model: Any) -> dict[str, str]:
    """Write every unit definition of a model as text.

    Parameters
    ----------
    model : libsbml.Model

    Returns
    -------
    dict of str to str
        Identifier of the definition to a text such as ``nM``.
    """
    texts = {}
    for definition in model.getListOfUnitDefinitions():
        factor, parts = 1.0, []
        for unit in definition.getListOfUnits():
            exponent = unit.getExponentAsDouble()
            kind = _kind_name(unit)
            factor *= (unit.getMultiplier() * 10.0 ** unit.getScale()) ** exponent
            if kind != "dimensionless":
                parts.append(kind if exponent == 1 else f"{kind}**{exponent:g}")
        text = "*".join([f"{factor:.15g}"] * (abs(factor - 1) > 1e-12) + parts) or "dimensionless"
        texts[definition.getId()] = _FAMILIAR.get(text, text)
    return texts


def _kind_name(unit: Any) -> str:
    import libsbml  # noqa: PLC0415

    return str(libsbml.UnitKind_toString(unit.getKind()))
