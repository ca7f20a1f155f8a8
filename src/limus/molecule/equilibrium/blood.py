"""Saturable binding of a drug to red cells: whole blood against plasma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from limus.kernel.errors import InputError, ValueRangeError
from limus.molecule.equilibrium.binary import free_after_binding
from limus.molecule.equilibrium.concentrations import Floats, read_constant, read_total, seal

__all__ = ["BloodEquilibrium", "bind_in_blood", "blood_from_plasma", "scale_capacity"]


@dataclass(frozen=True, eq=False)
class BloodEquilibrium:
    """A drug in whole blood, divided between plasma and red cells.

    Attributes
    ----------
    blood, plasma, red_cell_bound : numpy.ndarray
        Whole-blood concentration, total plasma concentration, and the drug held by red cells per volume of whole
        blood; one unit, ``blood = plasma + red_cell_bound``.
    """

    blood: Floats
    plasma: Floats
    red_cell_bound: Floats


def scale_capacity(capacity: ArrayLike, haematocrit: ArrayLike, reference_haematocrit: ArrayLike) -> Floats:
    """Scale a binding capacity of whole blood to a haematocrit: ``Bmax * haematocrit / reference_haematocrit``.

    Parameters
    ----------
    capacity : array_like
        Bmax at the reference haematocrit, 0 or more, any one unit (nM).
    haematocrit, reference_haematocrit : array_like
        Volume fractions of red cells, above 0 and below 1.

    Returns
    -------
    numpy.ndarray
        Capacity at ``haematocrit``, in the unit of ``capacity``.

    Raises
    ------
    ValueRangeError
        A capacity is negative or not finite, or a haematocrit is not a fraction between 0 and 1.

    Notes
    -----
    Assumes a fixed number of sites per volume of red cells.
    """
    sites = read_total("capacity", capacity)
    patient = _read_haematocrit("haematocrit", haematocrit)
    reference = _read_haematocrit("reference_haematocrit", reference_haematocrit)
    return seal(sites * (patient / reference))


def bind_in_blood(
    blood_total: ArrayLike,
    capacity: ArrayLike,
    dissociation_constant: ArrayLike,
    *,
    haematocrit: ArrayLike | None = None,
    reference_haematocrit: ArrayLike | None = None,
) -> BloodEquilibrium:
    """Find plasma and red-cell concentrations from whole blood.

    The positive root ``plasma`` of ``blood = plasma + Bmax * plasma / (Kd + plasma)``.

    Parameters
    ----------
    blood_total : array_like
        Whole-blood concentration, 0 or more, one unit (nM).
    capacity : array_like
        Bmax, binding sites per volume of whole blood, 0 or more, same unit; at ``reference_haematocrit`` if given.
    dissociation_constant : array_like
        Kd against the total (not the unbound) plasma concentration, positive, same unit.
    haematocrit, reference_haematocrit : array_like, optional
        Fractions; give both to scale the capacity with :func:`scale_capacity`, or neither.

    Returns
    -------
    BloodEquilibrium
        Concentrations in the broadcast shape, same unit; relative error below 1e-14.

    Raises
    ------
    ValueRangeError
        A concentration is negative or not finite, Kd is not positive, or a haematocrit is not a fraction.
    InputError
        Only one of the two haematocrits is given.

    Notes
    -----
    The form that Koomen et al. (2023) Clin Pharmacokinet 62:1117 fitted to tacrolimus in whole blood and plasma. The
    volume that plasma takes in whole blood is not divided out; it is part of the fitted capacity. The scaling to a
    haematocrit is not theirs.

    Examples
    --------
    >>> round(float(bind_in_blood(10.0, 30.0, 2.0).plasma), 4)
    0.8743
    """
    blood = read_total("blood_total", blood_total)
    constant = read_constant("dissociation_constant", dissociation_constant)
    sites = _read_capacity(capacity, haematocrit, reference_haematocrit)
    blood, sites, constant = np.broadcast_arrays(blood, sites, constant)
    plasma = free_after_binding(blood, sites, constant)
    return BloodEquilibrium(seal(blood), seal(plasma), seal(sites * (plasma / (constant + plasma))))


def blood_from_plasma(
    plasma: ArrayLike,
    capacity: ArrayLike,
    dissociation_constant: ArrayLike,
    *,
    haematocrit: ArrayLike | None = None,
    reference_haematocrit: ArrayLike | None = None,
) -> BloodEquilibrium:
    """Find whole-blood and red-cell concentrations from plasma: ``plasma + Bmax * plasma / (Kd + plasma)``.

    Parameters
    ----------
    plasma : array_like
        Total plasma concentration, 0 or more, one unit (nM).
    capacity, dissociation_constant, haematocrit, reference_haematocrit : array_like
        As in :func:`bind_in_blood`.

    Returns
    -------
    BloodEquilibrium
        Concentrations in the broadcast shape, same unit.

    Raises
    ------
    ValueRangeError
        A concentration is negative or not finite, Kd is not positive, or a haematocrit is not a fraction.
    InputError
        Only one of the two haematocrits is given.

    Examples
    --------
    >>> float(blood_from_plasma(2.0, 30.0, 2.0).blood)
    17.0
    """
    free = read_total("plasma", plasma)
    constant = read_constant("dissociation_constant", dissociation_constant)
    sites = _read_capacity(capacity, haematocrit, reference_haematocrit)
    free, sites, constant = np.broadcast_arrays(free, sites, constant)
    bound = sites * (free / (constant + free))
    return BloodEquilibrium(seal(free + bound), seal(free), seal(bound))


def _read_capacity(capacity: ArrayLike, haematocrit: ArrayLike | None, reference: ArrayLike | None) -> Floats:
    if haematocrit is None and reference is None:
        return read_total("capacity", capacity)
    if haematocrit is None or reference is None:
        raise InputError(
            "haematocrit and reference_haematocrit",
            "only one of the two",
            "both or neither",
            "name the haematocrit that the capacity holds for",
        )
    return scale_capacity(capacity, haematocrit, reference)


def _read_haematocrit(name: str, value: ArrayLike) -> Floats:
    fraction = np.asarray(value, dtype=np.float64)
    bad = ~((fraction > 0) & (fraction < 1))
    if bad.any():
        raise ValueRangeError(name, fraction[bad].flat[0], "fractions between 0 and 1", "divide a percentage by 100")
    return fraction
