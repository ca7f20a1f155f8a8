"""Whether a population lies within its models is judged once, so that no replicate is refused by chance."""

from dataclasses import replace

import numpy as np
import pytest

from limus.kernel.errors import RefusedError
from limus.kernel.execution import spawn_generators
from limus.trial.design.design import Design
from limus.trial.design.file import load_design
from limus.trial.design.frozen_mapping import FrozenMapping
from limus.trial.design.scenario import load_scenario
from limus.trial.simulation.model_limits import judged_limits
from limus.trial.simulation.replicates import dosing_days, simulate_replicates


def without_overrides(design: Design, **changes: object) -> Design:
    arms = tuple(replace(arm, drugs=tuple(replace(plan, overrides=()) for plan in arm.drugs)) for arm in design.arms)
    return replace(design, arms=arms, **changes)


def test_a_population_outside_a_model_is_refused_before_anything_is_simulated() -> None:
    old = without_overrides(
        load_design("us92-like")[0], population_changes=FrozenMapping({"AGE.mean": 75.0}), eligibility=()
    )
    with pytest.raises(RefusedError, match="arm EVR") as caught:
        judged_limits(old, dosing_days(old))
    assert "23 to 71 years" in caught.value.allowed
    assert "age" in caught.value.do


def test_near_the_allowed_share_every_replicate_is_treated_alike() -> None:
    # 16 to 80 years where the model has 23 to 71: close to a tenth lie outside, in some small trials more
    near = without_overrides(load_design("us92-like")[0], eligibility=())
    outside = []
    for seed in range(8):
        trial = simulate_replicates(
            near,
            load_scenario("bouamar_2013"),
            spawn_generators(seed, 1, stream="x"),
            subjects=60,
            with_area=False,
            with_laboratory=False,
        )
        age = trial.cohort.columns["AGE"]
        outside.append(float(np.mean((age < 23) | (age > 71))))
    assert min(outside) < 0.1 < max(outside)


def test_what_is_judged_are_covariates_not_days() -> None:
    design, _ = load_design("us92-like")
    judged = judged_limits(design, dosing_days(design))
    assert {"age", "WT"} <= set(judged["Storset_2014"])
    assert "time_after_transplantation" not in judged["Storset_2014"]
