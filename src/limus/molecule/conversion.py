"""Mass to molar conversion with the molar mass that the library holds for a compound."""

from __future__ import annotations

from limus.kernel.units import convert, same_dimension
from limus.molecule.compound import Compound

__all__ = ["convert_for_compound"]


def convert_for_compound(value: float, unit: str, to: str, compound: Compound) -> float:
    """Convert a value between units, by mass or by amount of the compound.

    Parameters
    ----------
    value : float
        Number in ``unit``; finite.
    unit, to : str
        Units such as ``ng/mL`` and ``nM``.
    compound : Compound
        Its molar mass is used only where one unit is by mass and the other by amount.

    Returns
    -------
    float
        The value in ``to``.

    Raises
    ------
    UnitError
        Unknown unit, or units that measure different things.
    ValueRangeError
        The value is not finite.
    InputError
        The molar mass is needed and the library has none (ABT-281).

    Examples
    --------
    >>> from limus.molecule.catalogue import find_compound
    >>> round(convert_for_compound(10.0, "ng/mL", "nM", find_compound("tacrolimus")), 3)
    12.437
    """
    where = f"conversion for {compound.name}"
    if same_dimension(unit, to):
        return convert(value, unit, to, where=where)
    return convert(value, unit, to, molar_mass_g_per_mol=compound.molar_mass_g_per_mol, where=where)
