"""Is a design's population one that its population models may be used for? Judged once, on a cohort that never changes.

The share of subjects outside a model's limits differs from draw to draw; a design near the allowed share would be
refused in one replicate and not in another. So the judgement is made on one fixed cohort of eligible subjects, before
anything is simulated, and subjects outside the limits are flagged from then on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import RefusedError
from limus.kernel.execution import spawn_generators
from limus.pharmacokinetics.population_model.library import load_population_model
from limus.trial.design.design import Design
from limus.trial.design.titration_library import load_practice
from limus.trial.exposure.covariates import cohort_limits, subject_covariates
from limus.trial.simulation.cohort import draw_cohort

__all__ = ["judged_limits"]

Floats = NDArray[np.float64]
_SUBJECTS = 1000
_SEED = 1
_STREAM = "limits of models"


def judged_limits(design: Design, days: Floats) -> dict[str, tuple[str, ...]]:
    """Refuse a design whose subjects lie outside a model, and return what need not be judged again.

    Parameters
    ----------
    design : Design
    days : (D,) array
        Scheduled dosing visits.

    Returns
    -------
    dict of str to tuple of str
        By population model, the limits on covariates of the cohort.

    Raises
    ------
    RefusedError
        More than a tenth of the eligible lie outside a limit that the plan does not override.
    InputError
        A covariate of a model that the population has not.
    """
    cohort = draw_cohort(design, _SUBJECTS, spawn_generators(_SEED, 1, stream=_STREAM))
    at = np.broadcast_to(days, (cohort.n, len(days)))
    judged = {}
    for arm in design.arms:
        for plan in arm.drugs:
            model = load_population_model(plan.model)
            try:
                subject_covariates(model, plan, cohort.columns, at, load_practice(), overrides=plan.overrides)
            except RefusedError as refusal:
                raise RefusedError(
                    f"arm {arm.name}, {refusal.where}", refusal.got, refusal.allowed, refusal.do
                ) from None
            judged[plan.model] = cohort_limits(model, cohort.columns)
    return judged
