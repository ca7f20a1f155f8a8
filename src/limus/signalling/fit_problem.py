"""The fit of a pathway model to published potencies as residuals, ready for any fitter or sampler.

The sum of squares of the residuals is minus two log posterior, up to a constant. Residuals are (log10 predicted -
log10 observed)/sd for each observation (an interval counts only from its nearer end), (log10 value - log10 prior)/prior
sd for each parameter, and what the slope of each curve falls short of 0.7: an IC50 in a flat tail is met by chance and
is not accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.execution import Execution
from limus.kernel.inference import Bounds
from limus.signalling.observations import Potency
from limus.signalling.prediction import CalibrationSettings, predict
from limus.signalling.sourced_model import SourcedModel, SourcedParameter

__all__ = ["FitProblem", "fit_problem"]

_STEP = 0.02  # of log10, for differences
_FLAT_HILL = 0.7  # an IC50 on a flatter curve is not accepted as met; potency.py says why it warns only below 0.3
_FLAT_SD = 0.1  # of log10 of the slope, how strongly such a curve is refused


@dataclass(frozen=True, eq=False)
class FitProblem:
    """Residuals over log10 of the fitted parameters, with their prior.

    Attributes
    ----------
    parameters : tuple of SourcedParameter
        The fitted ones, P.
    prior, spread : (P,) array
        Centre and standard deviation, log10.
    bounds : Bounds
        log10.
    residuals : callable
        (B, P) to (B, R).
    jacobian : callable
        (B, P) to (B, R, P), by central differences with steps far above the solver's own noise.
    """

    parameters: tuple[SourcedParameter, ...]
    prior: NDArray[np.float64]
    spread: NDArray[np.float64]
    bounds: Bounds
    residuals: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    jacobian: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def fit_problem(
    model: SourcedModel, used: Sequence[Potency], settings: CalibrationSettings, execution: Execution
) -> FitProblem:
    """Make the problem of fitting a model to observations.

    Parameters
    ----------
    model : SourcedModel
    used : sequence of Potency
    settings : CalibrationSettings
    execution : Execution

    Returns
    -------
    FitProblem
    """
    free = model.fitted
    prior = np.log10([p.prior_value for p in free])
    spread = np.array([p.prior_log10_sd for p in free])
    bounds = Bounds.create(np.log10([p.lower for p in free]), np.log10([p.upper for p in free]))

    def residuals(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        sets = {p.name: 10.0 ** parameters[:, j] for j, p in enumerate(free)}
        sets |= {name: sets[leader] for name, leader in model.followers.items() if leader in sets}
        predicted, hill, _ = predict(model, used, settings, parameters=sets, execution=execution)
        flat = np.log10(np.fmax(_FLAT_HILL / np.nan_to_num(np.fmax(hill, 1e-2), nan=_FLAT_HILL), 1.0)) / _FLAT_SD
        misfit = [[row.log10_misfit(value) for row, value in zip(used, line, strict=True)] for line in predicted]
        execution.progress.advance()
        return np.hstack([np.array(misfit) / settings.observation_log10_sd, flat, (parameters - prior) / spread])

    def jacobian(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        # central differences with steps far above the solver's own noise; all shifted sets go through one call
        lanes, count = parameters.shape
        shifts = _STEP * np.eye(count)
        ends = [np.clip(parameters[:, None, :] + s, bounds.lower, bounds.upper) for s in (shifts, -shifts)]
        above, below = np.split(residuals(np.concatenate(ends).reshape(2 * lanes * count, count)), 2)
        width = np.einsum("bpp->bp", ends[0] - ends[1])[:, :, None]
        return np.swapaxes((above - below).reshape(lanes, count, -1) / width, 1, 2)

    return FitProblem(free, prior, spread, bounds, residuals, jacobian)
