"""One simulated trial: what a design would look like, once, under a scenario and a seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import spawn_generators
from limus.trial.design.design import Design
from limus.trial.design.scenario import load_scenario
from limus.trial.simulation.arm_factors import find_arm_factors
from limus.trial.simulation.replicates import STREAM, SimulatedTrial, simulate_replicates

__all__ = ["SimulatedTrial", "simulate_trial"]

Floats = NDArray[np.float64]


def simulate_trial(
    design: Design,
    scenario_name: str | None = None,
    *,
    subjects: int | None = None,
    arm_factors: Mapping[str, Floats] | None = None,
    seed: int = 1,
) -> SimulatedTrial:
    """Simulate one trial.

    Parameters
    ----------
    design : Design
    scenario_name : str, optional
        The design's first by default.
    subjects : int, optional
        The design's number by default.
    arm_factors : mapping of str to (A,) array, optional
        By default those of :func:`limus.trial.simulation.arm_factors.find_arm_factors`: none but for a scenario with
        totals.
    seed : int

    Returns
    -------
    SimulatedTrial

    Raises
    ------
    UnknownNameError
        No such scenario.
    LimusError
        As :func:`limus.trial.exposure.simulate.simulate_exposure` and
        :func:`limus.trial.simulation.cohort.draw_cohort`.
    """
    scenario = load_scenario(scenario_name or design.scenarios[0])
    if arm_factors is None:
        arm_factors = find_arm_factors(design, scenario)
    generators = spawn_generators(seed, 1, stream=STREAM)
    return simulate_replicates(
        design, scenario, generators, subjects=subjects or design.subjects, arm_factors=arm_factors, seed=seed
    )
