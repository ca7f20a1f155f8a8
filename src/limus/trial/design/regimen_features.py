"""What a regimen is at a time, as yes or no: the features that hazards and kidney function refer to.

=============================  ==========================================================================
feature                        yes while
=============================  ==========================================================================
ciclosporin                    ciclosporin is given, and no tacrolimus
no_calcineurin_inhibitor       neither tacrolimus nor ciclosporin is given
mtor                           sirolimus or everolimus is given
mtor_for_mycophenolate         one of them, and neither mycophenolate nor azathioprine
mtor_with_mycophenolate        one of them, and mycophenolate
no_antiproliferative           no mycophenolate, azathioprine, sirolimus or everolimus
azathioprine                   azathioprine, and no mycophenolate
no_steroids                    no steroids
no_induction                   no induction was given (by arm, where any arm says; else by subject)
depleting_induction            induction that depletes lymphocytes (antithymocyte globulin, alemtuzumab), by arm
=============================  ==========================================================================

The reference regimen (tacrolimus, mycophenolate, steroids, induction) has none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from limus.trial.design.background_names import DEPLETING, INDUCTION
from limus.trial.design.design import Arm, Design

__all__ = ["FEATURES", "arm_features", "given_drugs", "no_induction", "with_induction"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
FEATURES = (
    "ciclosporin",
    "no_calcineurin_inhibitor",
    "mtor",
    "mtor_for_mycophenolate",
    "mtor_with_mycophenolate",
    "no_antiproliferative",
    "azathioprine",
    "no_steroids",
    "no_induction",
    "depleting_induction",
)


def given_drugs(arm: Arm, days: Floats) -> dict[str, Flags]:
    """Tell which drugs and background drugs an arm gives on each day.

    Parameters
    ----------
    arm : Arm
    days : (G,) array

    Returns
    -------
    dict of str to (G,) array of bool
        By compound or background name; those that the arm never gives are left out.
    """
    given: dict[str, Flags] = {}
    entries = [(p.compound, p.start_day, p.stop_day) for p in arm.drugs]
    entries += [(b.name, b.start_day, b.stop_day) for b in arm.background]
    for name, start, stop in entries:
        given[name] = given.get(name, np.zeros(len(days), dtype=bool)) | ((days >= start) & (days < stop))
    return given


def arm_features(arm: Arm, days: Floats) -> dict[str, Flags]:
    """Return the features of an arm's regimen on each day, all but ``no_induction``.

    Parameters
    ----------
    arm : Arm
    days : (G,) array

    Returns
    -------
    dict of str to (G,) array of bool
    """
    none = np.zeros(len(days), dtype=bool)
    given = given_drugs(arm, days)
    tacrolimus, ciclosporin = given.get("tacrolimus", none), given.get("ciclosporin", none)
    mtor = given.get("sirolimus", none) | given.get("everolimus", none)
    mycophenolate, azathioprine = given.get("mycophenolate", none), given.get("azathioprine", none)
    return {
        "ciclosporin": ciclosporin & ~tacrolimus,
        "no_calcineurin_inhibitor": ~tacrolimus & ~ciclosporin,
        "mtor": mtor,
        "mtor_for_mycophenolate": mtor & ~mycophenolate & ~azathioprine,
        "mtor_with_mycophenolate": mtor & mycophenolate,
        "no_antiproliferative": ~mtor & ~mycophenolate & ~azathioprine,
        "azathioprine": azathioprine & ~mycophenolate,
        "no_steroids": ~given.get("steroids", none),
        "depleting_induction": none | (DEPLETING in given),
    }


def no_induction(design: Design, arm: NDArray[np.int64], columns: Mapping[str, Floats]) -> Flags:
    """Tell which subjects had no induction.

    Parameters
    ----------
    design : Design
    arm : (N,) array of int
    columns : mapping of str to (N,) array
        Covariates; ``INDUCTION`` is used where no arm lists induction of either kind in its background.

    Returns
    -------
    (N,) array of bool
    """
    by_arm = np.array([any(b.name in {INDUCTION, DEPLETING} for b in one.background) for one in design.arms])
    if by_arm.any():
        return np.asarray(~by_arm[arm])
    return np.asarray(columns["INDUCTION"] == 0)


def with_induction(design: Design, arm: NDArray[np.int64], columns: Mapping[str, Floats]) -> Mapping[str, Floats]:
    """Return covariates in which ``INDUCTION`` is what the arms were given, so that tables say the same as hazards.

    Parameters
    ----------
    design : Design
    arm : (N,) array of int
    columns : mapping of str to (N,) array

    Returns
    -------
    mapping of str to (N,) array
        The same columns where no arm lists induction.
    """
    given = np.where(no_induction(design, arm, columns), 0.0, 1.0)
    given.flags.writeable = False
    return MappingProxyType({**columns, "INDUCTION": given})
