"""limus: all trials in one call; Cox regression with everything that the fit returns."""

from __future__ import annotations

import numpy as np

from limus.kernel.statistics.survival import cox, cox_batch, log_rank_batch

__all__ = ["VERSIONS", "WORK"]

VERSIONS = ("limus", "numpy", "scipy")


def simulate_and_test(case: dict[str, np.ndarray]) -> np.ndarray:
    """Draw exponential times under a hazard ratio of 0.7, censored uniformly, and test."""
    replicates, subjects = case["time"].shape
    generator = np.random.default_rng(1)
    group = np.arange(subjects) % 2 == 1
    time = generator.standard_exponential((replicates, subjects))
    time *= np.where(group, 100 / 0.7, 100.0)
    end = generator.uniform(0, 300, (replicates, subjects))
    return log_rank_batch(np.minimum(time, end), time <= end, group).z ** 2


def one_by_one(case: dict[str, np.ndarray]) -> np.ndarray:
    """Fit a hazard ratio to each trial alone."""
    trials = zip(case["time"], case["event"], case["group"], strict=True)
    return np.array([cox(time, event, group[:, None]).coefficient[0] for time, event, group in trials])


WORK = {
    "log-rank": lambda c: log_rank_batch(c["time"], c["event"], c["group"]).z ** 2,
    "simulate and log-rank": simulate_and_test,
    "Cox of many trials": lambda c: cox_batch(c["time"], c["event"], c["group"][..., None]).coefficient[:, 0],
    "Cox, one trial after another": one_by_one,
    "Cox": lambda c: cox(c["time"], c["event"], c["x"]).coefficient,
}
