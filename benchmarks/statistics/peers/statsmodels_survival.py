"""statsmodels, one trial after the other; its Cox regression is PHReg with Efron's ties."""

from __future__ import annotations

import numpy as np
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import survdiff

__all__ = ["VERSIONS", "WORK"]

VERSIONS = ("statsmodels", "numpy")


def log_rank(case: dict[str, np.ndarray]) -> np.ndarray:
    rows = zip(case["time"], case["event"], case["group"], strict=True)
    return np.array([survdiff(time, event.astype(int), group)[0] for time, event, group in rows])


def cox(case: dict[str, np.ndarray]) -> np.ndarray:
    return PHReg(case["time"], case["x"], status=case["event"].astype(int), ties="efron").fit(disp=0).params


WORK = {"log-rank": log_rank, "Cox": cox}
