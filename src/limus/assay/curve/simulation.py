"""Simulated dose-response curves with known truth: for examples, coverage of intervals, and trying out designs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.assay.curve.formulae import log_dose
from limus.assay.curve.inverse import columns_of
from limus.assay.curve.models import find_model
from limus.kernel.errors import ValueRangeError
from limus.kernel.execution import spawn_generators
from limus.kernel.tables import Table

__all__ = ["EXAMPLE_SEED", "SimulatedCurves", "example_table", "simulate_curves"]

Floats = NDArray[np.float64]
EXAMPLE_SEED = 47


@dataclass(frozen=True, eq=False)
class SimulatedCurves:
    """Simulated responses and the curves behind them.

    Attributes
    ----------
    doses : (N,), responses : (C, N), curves : (C, N)
        Doses, responses with error, and without.
    """

    doses: Floats
    responses: Floats
    curves: Floats


def simulate_curves(
    model: str,
    parameters: ArrayLike,
    doses: ArrayLike,
    *,
    seed: int,
    standard_deviation: float = 0.0,
    coefficient_of_variation: float = 0.0,
    replicates: int = 1,
) -> SimulatedCurves:
    """Simulate normal responses around curves: ``variance = sd**2 + (cv f)**2``.

    Parameters
    ----------
    model : str
        See :data:`limus.assay.curve.models.MODELS`.
    parameters : (C, P) array_like
        All parameters in the model's order, doses as natural logarithms.
    doses : (K,) array_like
        Doses, 0 or above.
    seed : int
        Root of the randomness.
    standard_deviation : float
        The same for all responses.
    coefficient_of_variation : float
        Standard deviation as a share of the curve.
    replicates : int
        Responses a dose.

    Returns
    -------
    SimulatedCurves
        N is the number of doses times replicates.

    Raises
    ------
    ValueRangeError
        Parameters that do not fit the model, negative doses or deviations.
    UnknownNameError
        No such model.
    """
    chosen = find_model(model)
    rows = np.atleast_2d(np.asarray(parameters, dtype=np.float64))
    if rows.shape[1] != len(chosen.parameters):
        raise ValueRangeError(
            "parameters", f"{rows.shape[1]} columns", ", ".join(chosen.parameters), "give all of them"
        )
    if standard_deviation < 0 or coefficient_of_variation < 0 or replicates < 1:
        got = f"{standard_deviation}, {coefficient_of_variation}, {replicates}"
        raise ValueRangeError("deviations and replicates", got, "not negative, at least one replicate", "correct them")
    places = np.repeat(np.asarray(doses, dtype=np.float64), replicates)
    if not (places >= 0).all():
        raise ValueRangeError("doses", places[~(places >= 0)][0], "0 or above", "correct the dose")
    generator = spawn_generators(seed, 1, stream="simulated curves")[0]
    with np.errstate(all="ignore"):
        curves = chosen.family.formula(columns_of(rows), np.broadcast_to(log_dose(places), (len(rows), len(places))))[0]
    spread = np.sqrt(standard_deviation**2 + (coefficient_of_variation * curves) ** 2)
    return SimulatedCurves(places, curves + spread * generator.standard_normal(curves.shape), curves)


def example_table(seed: int = EXAMPLE_SEED) -> Table:
    """Return the example file: six curves in per cent of control, each with something to notice.

    A plain inhibitor, a partial one (its absolute IC50 is not reached), one whose IC50 lies above the doses, one
    without effect, one with an outlier, and one measured only down to 5 per cent (below that ``<5``). The usual seed is
    one with which each of them shows what it is for.

    Parameters
    ----------
    seed : int
        Root of the randomness.

    Returns
    -------
    Table
        ``curve, dose, response, dose_unit``; responses as text.
    """
    doses = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0]
    truth = {
        "compound A": (1.1, 2.0, 100.0, 4.0),
        "compound B, partial": (1.0, 62.0, 100.0, 6.0),
        "compound C, weak": (1.0, 0.0, 100.0, 900.0),
        "vehicle": (1.0, 100.0, 100.0, 10.0),
        "compound D, one outlier": (1.5, 5.0, 100.0, 12.0),
        "compound E, censored": (1.3, 0.0, 100.0, 2.5),
    }
    parameters = [(slope, lower, upper, np.log(ec50)) for slope, lower, upper, ec50 in truth.values()]
    made = simulate_curves("ll4", parameters, doses, seed=seed, standard_deviation=4.0, replicates=3)
    rows = []
    for name, responses in zip(truth, made.responses, strict=True):
        for place, (dose, response) in enumerate(zip(made.doses, responses, strict=True)):
            value = response + (45.0 if "outlier" in name and place == 19 else 0.0)
            censored = "censored" in name and value < 5
            text = "<5" if censored else f"{value:.1f}"
            rows.append({"curve": name, "dose": float(dose), "response": text, "dose_unit": "nM"})
    return Table.from_rows(rows)
