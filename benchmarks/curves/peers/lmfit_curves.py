"""Profile intervals of lmfit: Model.fit and conf_interval, one curve at a time."""

from __future__ import annotations

import warnings

import lmfit
import numpy as np
from timing import Answer, serve

warnings.simplefilter("ignore")
NAMES = ("slope", "lower", "upper", "middle")


def logistic(x, slope, lower, upper, middle):
    return lower + (upper - lower) / (1 + np.exp(slope * (x - middle)))


def profile(x: np.ndarray, y: np.ndarray, starts: np.ndarray) -> Answer:
    model = lmfit.Model(logistic)
    found, low, high = (np.full((len(y), 4), np.nan) for _ in range(3))
    for i in range(len(y)):
        fit = model.fit(y[i], x=x, **dict(zip(NAMES, starts[i, 0], strict=True)))
        found[i] = [fit.params[name].value for name in NAMES]
        ends = lmfit.conf_interval(fit, fit, sigmas=[0.95])
        for k, name in enumerate(NAMES):
            values = [value for _, value in ends[name]]
            low[i, k], high[i, k] = values[0], values[-1]
    return {"parameters": found, "lower": low, "upper": high}


serve({("lmfit", "profile"): profile}, ["lmfit", "scipy", "numpy"])
