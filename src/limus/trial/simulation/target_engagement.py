"""What an arm's troughs mean at the target, in summary: inhibition, and what a second drug on the immunophilin changes.

The equations are those of :mod:`limus.trial.exposure.target_inhibition`; hazards use troughs, not these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from limus.trial.design.titration_library import course_at, load_practice
from limus.trial.exposure.target_inhibition import CALCINEURIN, MTORC1, drugs_with_binding, target_inhibition
from limus.trial.simulation.replicates import SimulatedTrial

__all__ = ["ArmEngagement", "Competition", "arm_engagement", "show_competition"]

Floats = NDArray[np.float64]
_HAEMATOCRIT = "HCT"


@dataclass(frozen=True, slots=True)
class Competition:
    """What a second drug on an immunophilin does to the first at given troughs.

    Attributes
    ----------
    drug, other : str
    unbound_change_percent : float
        Of the drug in plasma, because the other takes sites of red cells.
    occupancy_change_percent : float
        Of what the drug holds of the immunophilin in lymphocytes, all ways of competing together.
    inhibition_alone_percent, inhibition_together_percent : float
        Of the drug's target.
    """

    drug: str
    other: str
    unbound_change_percent: float
    occupancy_change_percent: float
    inhibition_alone_percent: float
    inhibition_together_percent: float


@dataclass(frozen=True, slots=True)
class ArmEngagement:
    """Target engagement of an arm's subjects on treatment at a day: medians, and 10th and 90th percentiles.

    Attributes
    ----------
    arm : str
    day : float
    n : int
    trough_ng_per_ml : mapping of str to float
        Median, by compound.
    calcineurin_inhibition_percent, mtorc1_inhibition_percent : tuple of three float
        10th percentile, median, 90th percentile.
    competition : tuple of Competition
        At the median troughs and haematocrit, where the arm gives two drugs on one immunophilin.
    """

    arm: str
    day: float
    n: int
    trough_ng_per_ml: Mapping[str, float]
    calcineurin_inhibition_percent: tuple[float, float, float]
    mtorc1_inhibition_percent: tuple[float, float, float]
    competition: tuple[Competition, ...]


def show_competition(
    drug: str, trough_ng_per_ml: float, other: str, other_trough_ng_per_ml: float, haematocrit_percent: float
) -> Competition:
    """Compare a drug alone with the drug together with another on the same immunophilin.

    Parameters
    ----------
    drug, other : str
    trough_ng_per_ml, other_trough_ng_per_ml : float
        In whole blood.
    haematocrit_percent : float

    Returns
    -------
    Competition

    Raises
    ------
    InputError, UnknownNameError, ValueRangeError
        As :func:`limus.trial.exposure.target_inhibition.target_inhibition`.
    """
    alone = target_inhibition({drug: trough_ng_per_ml}, haematocrit_percent)
    together = target_inhibition({drug: trough_ng_per_ml, other: other_trough_ng_per_ml}, haematocrit_percent)
    target = drugs_with_binding()[drug][1]

    def change(before: Floats, after: Floats) -> float:
        return float(100.0 * (after / before - 1.0))

    return Competition(
        drug=drug,
        other=other,
        unbound_change_percent=change(alone.plasma_ng_per_ml[drug], together.plasma_ng_per_ml[drug]),
        occupancy_change_percent=change(alone.immunophilin_occupancy[drug], together.immunophilin_occupancy[drug]),
        inhibition_alone_percent=100.0 * float(alone.inhibition[target]),
        inhibition_together_percent=100.0 * float(together.inhibition[target]),
    )


def arm_engagement(trial: SimulatedTrial, day: float) -> tuple[ArmEngagement, ...]:
    """Summarise target engagement in each arm at the last dosing visit by a day.

    Parameters
    ----------
    trial : SimulatedTrial
    day : float

    Returns
    -------
    tuple of ArmEngagement
        Subjects who have all drugs that the arm gives on that day; an arm without such drugs is left out. Nothing where
        the population has no haematocrit.

    Raises
    ------
    InputError, UnknownNameError, ValueRangeError
        As :func:`limus.trial.exposure.target_inhibition.target_inhibition`.
    """
    if not trial.exposure or _HAEMATOCRIT not in trial.cohort.columns:
        return ()
    rows, binding = [], drugs_with_binding()
    days = next(iter(trial.exposure.values())).visit_day
    visit = int(np.flatnonzero(days <= day)[-1])
    # as the exposure took it: the subject's own at the start, recovering along the library's course
    recovered = float(course_at(load_practice().courses[_HAEMATOCRIT], days[visit]))
    haematocrit = trial.cohort.columns[_HAEMATOCRIT] + recovered
    for number, arm in enumerate(trial.design.arms):
        given = [plan.compound for plan in arm.drugs if plan.start_day < days[visit] <= plan.stop_day]
        members = trial.arm == number
        troughs = {name: trial.exposure[name].trough_true_ng_per_ml[members, visit] for name in given}
        treated = np.all([trial.exposure[name].dose_mg_per_day[members, visit - 1] > 0 for name in given], axis=0)
        if not given or not treated.any():
            continue
        troughs = {name: values[treated] for name, values in troughs.items()}
        percent = haematocrit[members][treated]
        inhibition = target_inhibition(troughs, percent).inhibition
        nothing = np.zeros(int(treated.sum()))
        middle, usual = {name: float(np.median(values)) for name, values in troughs.items()}, float(np.median(percent))
        pairs = [(one, other) for one, other in permutations(given, 2) if binding[one][0] == binding[other][0]]
        rows.append(
            ArmEngagement(
                arm=arm.name,
                day=float(days[visit]),
                n=int(treated.sum()),
                trough_ng_per_ml=middle,
                calcineurin_inhibition_percent=_spread(inhibition.get(CALCINEURIN, nothing)),
                mtorc1_inhibition_percent=_spread(inhibition.get(MTORC1, nothing)),
                competition=tuple(
                    show_competition(one, middle[one], other, middle[other], usual) for one, other in pairs
                ),
            )
        )
    return tuple(rows)


def _spread(shares: Floats) -> tuple[float, float, float]:
    low, middle, high = (100.0 * np.percentile(shares, (10.0, 50.0, 90.0))).tolist()
    return low, middle, high
