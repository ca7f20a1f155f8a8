"""Limus."""

from __future__ import annotations

import numpy as np
from timing import Answer, serve

from limus.assay.curve.data import CurveData
from limus.assay.curve.fit import find_doses, fit_data
from limus.assay.curve.interval import parameter_intervals, profile_parameters


def data_of(x: np.ndarray, y: np.ndarray) -> CurveData:
    return CurveData.create(np.broadcast_to(np.exp(x), y.shape), y)


def fit(x: np.ndarray, y: np.ndarray, starts: np.ndarray) -> Answer:
    fits = fit_data(data_of(x, y), given_starts=starts[:, :1])
    ends = parameter_intervals(fits)
    return {"parameters": fits.parameters, "lower": ends.lower, "upper": ends.upper}


def fit_of_three(x: np.ndarray, y: np.ndarray, starts: np.ndarray) -> Answer:
    fits = fit_data(data_of(x, y), given_starts=starts)
    ends = parameter_intervals(fits)
    return {"parameters": fits.parameters, "lower": ends.lower, "upper": ends.upper}


def profile(x: np.ndarray, y: np.ndarray, starts: np.ndarray) -> Answer:
    fits = fit_data(data_of(x, y), given_starts=starts[:, :1])
    ends = profile_parameters(fits)
    lower, upper = ends.lower.copy(), ends.upper.copy()
    lower[:, 3], upper[:, 3] = np.log(lower[:, 3]), np.log(upper[:, 3])
    return {"parameters": fits.parameters, "lower": lower, "upper": upper}


def doses(x: np.ndarray, y: np.ndarray, starts: np.ndarray) -> Answer:
    fits = fit_data(data_of(x, y))
    ends = parameter_intervals(fits)
    found = [find_doses(fits, percent) for percent in (10.0, 50.0, 90.0)]
    return {
        "parameters": fits.parameters,
        "lower": ends.lower,
        "doses": np.stack([d.log_dose for d in found]),
        "upper": ends.upper,
    }


serve(
    {
        ("limus", "fit"): fit,
        ("limus", "fit, 3 starts"): fit_of_three,
        ("limus", "profile"): profile,
        ("limus", "fit, intervals, ED"): doses,
    },
    ["limus", "numpy"],
)
