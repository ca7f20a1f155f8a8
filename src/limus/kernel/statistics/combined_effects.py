"""What two agents would do together if they did not interact: Loewe additivity and Bliss independence.

Effects are fractions of the full effect, 0 to 1. Bliss: e = a + b - a b. Loewe: the effect e at doses (d1, d2) solves
d1/D1(e) + d2/D2(e) = 1, where D(e) is the dose that has effect e alone; an agent that never reaches e has D(e) =
infinity, so that an inert agent adds nothing (Greco, Bravo and Parsons 1995 Pharmacol Rev 47:331).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import InputError

__all__ = ["bliss_effect", "combination_index", "dose_with_effect", "loewe_effect"]

_HALVINGS = 60


def bliss_effect(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Effect of two agents that act independently, a + b - a b.

    Parameters
    ----------
    first : (I,) array
        Effects of the first agent alone.
    second : (J,) array
        Effects of the second agent alone.

    Returns
    -------
    (I, J) array
    """
    return first[:, None] + second[None, :] - first[:, None] * second[None, :]


def dose_with_effect(
    doses: NDArray[np.float64], effects: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Dose of one agent that has an effect, by interpolation in log dose of the effect made monotone.

    Parameters
    ----------
    doses : (D,) array
        Positive, increasing.
    effects : (D,) array
    wanted : array
        Effects asked for.

    Returns
    -------
    array
        As ``wanted``; infinite above the largest effect, the lowest dose times wanted/effect below the smallest.

    Raises
    ------
    InputError
        Doses that are not positive and increasing, or other lengths.
    """
    doses, effects = np.asarray(doses, dtype=np.float64), np.asarray(effects, dtype=np.float64)
    if doses.shape != effects.shape or not (doses > 0).all() or not (np.diff(doses) > 0).all():
        raise InputError("doses", "not positive and increasing, or not one effect each", "a curve", "sort the doses")
    rising = np.maximum.accumulate(np.clip(effects, 0.0, None))
    # equal effects keep the lowest dose: a plateau is reached where it begins
    kept = np.concatenate(([True], np.diff(rising) > 0))
    x, y = np.log(doses[kept]), rising[kept]
    wanted = np.asarray(wanted, dtype=np.float64)
    found = np.exp(np.interp(wanted, y, x))
    if y[0] > 0:
        found = np.where(wanted < y[0], doses[0] * wanted / y[0], found)
    return np.where(wanted > y[-1], np.inf, found)


def loewe_effect(
    first_doses: NDArray[np.float64],
    first_curve: tuple[NDArray[np.float64], NDArray[np.float64]],
    second_doses: NDArray[np.float64],
    second_curve: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Effect of two agents that are dilutions of one another, by bisection of d1/D1(e) + d2/D2(e) = 1.

    Parameters
    ----------
    first_doses : (I,) array
        Doses in the combination, zero allowed.
    first_curve : tuple of two (D,) arrays
        Doses, positive and increasing, and effects of the first agent alone.
    second_doses : (J,) array
    second_curve : tuple of two arrays

    Returns
    -------
    (I, J) array
        No larger than the larger of the two agents' own largest effects.

    Raises
    ------
    InputError
        As :func:`dose_with_effect`.
    """
    one = np.asarray(first_doses, dtype=np.float64)[:, None]
    two = np.asarray(second_doses, dtype=np.float64)[None, :]
    shape = np.broadcast_shapes(one.shape, two.shape)
    low = np.zeros(shape)
    high = np.full(shape, max(float(np.max(first_curve[1])), float(np.max(second_curve[1])), 0.0))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        share = _share(one, first_curve, middle) + _share(two, second_curve, middle)
        low, high = np.where(share >= 1.0, middle, low), np.where(share >= 1.0, high, middle)
    return np.where((one == 0) & (two == 0), 0.0, 0.5 * (low + high))


def combination_index(
    first_dose: NDArray[np.float64],
    first_curve: tuple[NDArray[np.float64], NDArray[np.float64]],
    second_dose: NDArray[np.float64],
    second_curve: tuple[NDArray[np.float64], NDArray[np.float64]],
    effect: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Sum of the doses as shares of what has the same effect alone: below 1 synergy, above 1 antagonism (Loewe).

    Parameters
    ----------
    first_dose, second_dose, effect : arrays of one shape
    first_curve, second_curve : tuple of two arrays
        As :func:`loewe_effect`.

    Returns
    -------
    array
        NaN where neither agent alone has the effect.

    Raises
    ------
    InputError
        As :func:`dose_with_effect`.
    """
    alone = dose_with_effect(*first_curve, effect), dose_with_effect(*second_curve, effect)
    index = first_dose / alone[0] + second_dose / alone[1]
    return np.where(np.isinf(alone[0]) & np.isinf(alone[1]), np.nan, index)


def _share(
    dose: NDArray[np.float64], curve: tuple[NDArray[np.float64], NDArray[np.float64]], effect: NDArray[np.float64]
) -> NDArray[np.float64]:
    alone = dose_with_effect(*curve, effect)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(alone > 0, dose / alone, np.inf)
    return np.where(dose == 0, 0.0, share)
