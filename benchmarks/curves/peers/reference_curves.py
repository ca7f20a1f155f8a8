"""The minimum of each curve, by MINPACK with analytic derivatives as far as it goes, from three starts."""

from __future__ import annotations

import sys
import warnings

import numpy as np
from scipy.optimize import least_squares

warnings.simplefilter("ignore")
arrays = np.load(sys.argv[1])
x, y, starts = arrays["x"], arrays["y"], arrays["starts"]
found, errors = np.empty((len(y), 4)), np.empty((len(y), 4))


def share_of(p: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(p[0] * (x - p[3])))


def slopes(p: np.ndarray) -> np.ndarray:
    share = share_of(p)
    bend = (p[2] - p[1]) * share * (1 - share)
    return np.stack([-bend * (x - p[3]), 1 - share, share, bend * p[0]], axis=1)


for i, own in enumerate(y):
    fits = [
        least_squares(
            lambda p, own=own: p[1] + (p[2] - p[1]) * share_of(p) - own,
            start,
            jac=slopes,
            method="lm",
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
        )
        for start in starts[i]
    ]
    best = min(fits, key=lambda fit: fit.cost)
    found[i] = best.x
    errors[i] = np.sqrt(np.diag(np.linalg.inv(best.jac.T @ best.jac)) * 2 * best.cost / (len(x) - 4))
np.savez(sys.argv[2], parameters=found, errors=errors)
