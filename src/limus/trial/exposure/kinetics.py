"""A population model seen as linear kinetics: equal absorption steps, a central and at most one peripheral compartment.

::

    dose, after a lag > step 1 > ... > step n > central <> peripheral
                                                central > out

Every shipped model has this form, whatever is observed of the central compartment (whole blood through red-cell
binding too). Rate constants are formulas of the model; those parts of a formula that do not change with time are
evaluated once for a subject.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.language import (
    Apply,
    Expression,
    Symbol,
    derivative,
    evaluate_arrays,
    free_symbols,
    transform,
)

__all__ = ["Kinetics", "SplitKinetics", "evaluate_kinetics", "split_kinetics"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Kinetics:
    """The equations of a population model in the form of the module.

    Attributes
    ----------
    name : str
    steps : int
        Absorption steps n, 1 or more; 1 is first-order absorption.
    rules : tuple of (str, Expression)
        Individual parameters in order of dependence; formulas in inputs and rules before them.
    absorption, elimination : Expression
        Rate constants, 1/h.
    exchange : (Expression, Expression) or None
        Rate constants to and from the peripheral compartment, 1/h.
    lag, bioavailability : Expression
    central : str
        Name of the central amount, mg, in ``level``.
    level : Expression
        Level in ng/mL.
    linear : bool
        Whether the level is proportional to the central amount.
    salt_factor : float
    ng_per_ml : float
        One unit of the model's levels (DV) in ng/mL.
    """

    name: str
    steps: int
    rules: tuple[tuple[str, Expression], ...]
    absorption: Expression
    elimination: Expression
    exchange: tuple[Expression, Expression] | None
    lag: Expression
    bioavailability: Expression
    central: str
    level: Expression
    linear: bool
    salt_factor: float
    ng_per_ml: float

    @property
    def results(self) -> dict[str, Expression]:
        """Everything that is evaluated at each visit, by name."""
        found = {
            "absorption": self.absorption,
            "elimination": self.elimination,
            "lag": self.lag,
            "bioavailability": self.bioavailability,
        }
        if self.exchange is not None:
            found |= {"to_peripheral": self.exchange[0], "from_peripheral": self.exchange[1]}
        if self.linear:
            found |= {"level_per_mg": derivative(self.level, self.central)}
        return found


@dataclass(frozen=True, eq=False)
class SplitKinetics:
    """Kinetics, with what does not change with time apart.

    Attributes
    ----------
    kinetics : Kinetics
    once : tuple of (str, Expression)
        To evaluate once for a subject, in order.
    each_time : tuple of (str, Expression)
        To evaluate at each visit, in order.
    level : Expression
        In the central amount and what was evaluated.
    """

    kinetics: Kinetics
    once: tuple[tuple[str, Expression], ...]
    each_time: tuple[tuple[str, Expression], ...]
    level: Expression


def split_kinetics(kinetics: Kinetics, changing: Collection[str]) -> SplitKinetics:
    """Set apart what does not depend on inputs that change with time.

    Parameters
    ----------
    kinetics : Kinetics
    changing : collection of str
        Covariates and effects that change.

    Returns
    -------
    SplitKinetics
    """
    moving = set(changing)
    once: list[tuple[str, Expression]] = []
    each: list[tuple[str, Expression]] = []
    for name, formula in (*kinetics.rules, *kinetics.results.items()):
        if free_symbols(formula) & moving:
            moving.add(name)
            each.append((name, _hoist(formula, moving, once)))
        else:
            once.append((name, formula))
    level = _hoist(kinetics.level, moving | {kinetics.central}, once)
    return SplitKinetics(kinetics, tuple(once), tuple(each), level)


def _hoist(formula: Expression, moving: set[str], once: list[tuple[str, Expression]]) -> Expression:
    """Replace the largest parts without a moving input by names that are evaluated once."""

    def replace(node: Expression) -> Expression | None:
        if not isinstance(node, Apply) or not free_symbols(node) or free_symbols(node) & moving:
            return None
        name = f"once {len(once)}"
        once.append((name, node))
        return Symbol(name)

    return transform(formula, replace)


def evaluate_kinetics(formulas: tuple[tuple[str, Expression], ...], values: Mapping[str, Floats]) -> dict[str, Floats]:
    """Evaluate formulas in order, each seeing those before it.

    Parameters
    ----------
    formulas : tuple of (str, Expression)
    values : mapping of str to array

    Returns
    -------
    dict of str to array
        ``values`` and what was evaluated.

    Raises
    ------
    ModelError
        A symbol without a value.
    """
    known = dict(values)
    for name, formula in formulas:
        known[name] = evaluate_arrays(formula, known)
    return known
