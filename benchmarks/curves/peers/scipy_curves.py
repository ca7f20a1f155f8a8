"""SciPy's curve_fit, one curve at a time."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.optimize import curve_fit
from scipy.stats import t
from timing import Answer, serve

warnings.simplefilter("ignore")


def logistic(x, slope, lower, upper, middle):
    return lower + (upper - lower) / (1 + np.exp(slope * (x - middle)))


def slopes(x, slope, lower, upper, middle):
    share = 1 / (1 + np.exp(slope * (x - middle)))
    bend = (upper - lower) * share * (1 - share)
    return np.stack([-bend * (x - middle), 1 - share, share, bend * slope], axis=1)


def bounds_of(x: np.ndarray, y: np.ndarray) -> tuple[list[float], list[float]]:
    spread = 10 * (y.max() - y.min())
    far = np.log(1e4)
    low, high = y.min() - spread, y.max() + spread
    return [-50, low, low, x.min() - far], [50, high, high, x.max() + far]


def work(count: int, **settings):
    bounded = settings.pop("bounded", False)

    def run(x: np.ndarray, y: np.ndarray, starts: np.ndarray) -> Answer:
        found, errors = np.full((len(y), 4), np.nan), np.full((len(y), 4), np.nan)
        for i in range(len(y)):
            best = np.inf
            for start in starts[i, :count]:
                own = settings | ({"bounds": bounds_of(x, y[i])} if bounded else {})
                try:
                    parameters, covariance = curve_fit(logistic, x, y[i], p0=start, **own)
                except RuntimeError:
                    continue
                squares = np.sum((logistic(x, *parameters) - y[i]) ** 2) if count > 1 else 0.0
                if squares < best:
                    best, found[i], errors[i] = squares, parameters, np.sqrt(np.diag(covariance))
        half = t.ppf(0.975, len(x) - 4) * errors
        return {"parameters": found, "lower": found - half, "upper": found + half}

    return run


serve(
    {
        ("scipy", "fit"): work(1),
        ("scipy with derivatives", "fit"): work(1, jac=slopes),
        ("scipy with bounds", "fit"): work(1, bounded=True),
        ("scipy", "fit, 3 starts"): work(3),
    },
    ["scipy", "numpy"],
)
