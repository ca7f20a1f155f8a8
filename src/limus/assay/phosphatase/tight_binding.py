r"""Tight-binding inhibition: Morrison's equation on the drug-immunophilin complex, and the full equilibrium.

A calcineurin inhibitor acts as its complex with an immunophilin, so the inhibitor of the equation is that complex, and
drug + immunophilin is solved first. Two models give the occupied share q of the enzyme E:

``preformed``    C = [D P] from drug D, immunophilin P and K_d alone; then
                 ``q = ((E + C + K) - sqrt((E + C + K)**2 - 4 E C)) / (2 E)``: Morrison (1969) Biochim Biophys Acta
                 185:269, equation of the tight-binding inhibitor. Complex that the enzyme takes is not replaced.
``equilibrium``  drug, immunophilin and enzyme in one equilibrium with K_d and K
                 (:func:`limus.molecule.equilibrium.bind_ternary`): complex that the enzyme takes is replaced.

The two agree where immunophilin and drug are in excess of K_d. The activity is ``bottom + top (1 - q)``; K is the
apparent inhibition constant. Where the inhibitor competes with the substrate, ``K_i = K / (1 + S / K_m)`` (Cheng and
Prusoff 1973 Biochem Pharmacol 22:3099); where it does not, ``K_i = K``. FKBP12-FK506 binds away from the active site
of calcineurin (Kissinger and others 1995 Nature 378:641), so competition is never assumed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.molecule.equilibrium import bind, bind_ternary

__all__ = [
    "BindingModel",
    "HalfEnzyme",
    "compare_with_half_enzyme",
    "inhibition_constant",
    "occupied_fraction",
]

Floats = NDArray[np.float64]
BindingModel = Literal["preformed", "equilibrium"]


class HalfEnzyme(StrEnum):
    """How an IC50 stands to half the enzyme, the least drug that can hold half of it.

    ``above``: at least the whole enzyme; ``near``: between half and the whole, so it reflects the amount of enzyme as
    much as affinity; ``below_within_error``: below half, but its interval is not; ``impossible``: its whole interval
    lies below half, which no stoichiometric inhibitor can reach: active enzyme or doses are not what was stated.
    """

    ABOVE = "above"
    NEAR = "near"
    BELOW_WITHIN_ERROR = "below_within_error"
    IMPOSSIBLE = "impossible"


def occupied_fraction(
    drug_nM: ArrayLike,
    immunophilin_nM: ArrayLike,
    enzyme_nM: ArrayLike,
    dissociation_constant_nM: ArrayLike,
    constant_nM: ArrayLike,
    model: BindingModel = "preformed",
) -> Floats:
    """Return the share of the enzyme that the drug-immunophilin complex holds.

    Parameters
    ----------
    drug_nM, immunophilin_nM, enzyme_nM : array_like
        Total concentrations, nM; broadcastable.
    dissociation_constant_nM : array_like
        Of drug and immunophilin, nM.
    constant_nM : array_like
        Apparent inhibition constant of the complex, nM.
    model : {"preformed", "equilibrium"}

    Returns
    -------
    array
        0 to 1.

    Raises
    ------
    ValueRangeError
        A total is negative or a constant is not positive.

    Examples
    --------
    >>> round(float(occupied_fraction(20.0, 1000.0, 10.0, 0.001, 5.0)), 4)
    0.7192
    """
    enzyme = np.asarray(enzyme_nM, dtype=np.float64)
    if model == "equilibrium":
        held = bind_ternary(drug_nM, immunophilin_nM, enzyme, dissociation_constant_nM, constant_nM).ternary
    else:
        held = bind(bind(drug_nM, immunophilin_nM, dissociation_constant_nM).complex, enzyme, constant_nM).complex
    return np.asarray(held / enzyme, dtype=np.float64)


def inhibition_constant(apparent_nM: ArrayLike, substrate_over_km: float | None) -> Floats:
    """Return the inhibition constant from the apparent one (Cheng and Prusoff).

    ``K_i = K / (1 + S / K_m)`` for a competitive inhibitor; ``K_i = K`` otherwise.

    Parameters
    ----------
    apparent_nM : array_like
        nM.
    substrate_over_km : float or None
        S / K_m where the inhibitor competes with the substrate; None where it does not.

    Returns
    -------
    array
        nM.

    Examples
    --------
    >>> float(inhibition_constant(30.0, 2.0))
    10.0
    """
    apparent = np.asarray(apparent_nM, dtype=np.float64)
    return apparent if substrate_over_km is None else apparent / (1.0 + substrate_over_km)


def compare_with_half_enzyme(ic50_nM: float, upper_nM: float, enzyme_nM: float) -> HalfEnzyme:
    """Compare an IC50, as total drug, with half the enzyme.

    Parameters
    ----------
    ic50_nM, upper_nM : float
        The IC50 and the upper end of its interval (NaN where there is none), nM.
    enzyme_nM : float
        Concentration of active enzyme in the reaction, nM.

    Returns
    -------
    HalfEnzyme

    Examples
    --------
    >>> compare_with_half_enzyme(3.0, 4.0, 10.0).value
    'impossible'
    """
    half = enzyme_nM / 2.0
    if ic50_nM >= enzyme_nM:
        return HalfEnzyme.ABOVE
    if ic50_nM >= half:
        return HalfEnzyme.NEAR
    return HalfEnzyme.BELOW_WITHIN_ERROR if not upper_nM < half else HalfEnzyme.IMPOSSIBLE
