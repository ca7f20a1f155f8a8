"""lifelines, one trial after the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.statistics import logrank_test

__all__ = ["VERSIONS", "WORK"]

VERSIONS = ("lifelines", "numpy", "pandas")


def log_rank(case: dict[str, np.ndarray]) -> np.ndarray:
    found = []
    for time, event, group in zip(case["time"], case["event"], case["group"], strict=True):
        second = group == 1
        test = logrank_test(time[~second], time[second], event[~second], event[second])
        found.append(test.test_statistic)
    return np.array(found)


def cox(case: dict[str, np.ndarray]) -> np.ndarray:
    names = [f"x{i}" for i in range(case["x"].shape[1])]
    table = pd.DataFrame(case["x"], columns=names).assign(time=case["time"], event=case["event"])
    return CoxPHFitter().fit(table, "time", "event").params_[names].to_numpy()


WORK = {"log-rank": log_rank, "Cox": cox}
