"""Maximum a posteriori estimation as least squares: normal priors become residuals."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from limus.kernel.errors import ValueRangeError
from limus.kernel.inference.problem import Floats, JacobianFunction, ResidualFunction

__all__ = ["with_normal_prior", "with_normal_prior_rows"]


def with_normal_prior(residuals: ResidualFunction, mean: ArrayLike, standard_deviation: ArrayLike) -> ResidualFunction:
    """Return residuals with one more for each parameter: ``(parameter - mean) / standard_deviation``.

    Half the sum of squares is then the negative log posterior up to a constant, provided that the residuals given are
    divided by the standard deviation of their error; the posterior covariance (Laplace) is ``unscaled_covariance``.

    Parameters
    ----------
    residuals : ResidualFunction
        Residuals (B, R), standardised.
    mean : (P,) or (B, P) array_like
        Prior means, in the parameters' units.
    standard_deviation : (P,) or (B, P) array_like
        Prior standard deviations, positive; infinite for no prior.

    Returns
    -------
    ResidualFunction
        Residuals (B, R + P).

    Raises
    ------
    ValueRangeError
        A mean is not finite or a standard deviation not positive.

    Examples
    --------
    >>> wrapped = with_normal_prior(lambda p: p - 3.0, [1.0], [2.0])
    >>> wrapped(np.array([[5.0]])).tolist()
    [[2.0, 2.0]]
    """
    centre, deviation = np.asarray(mean, dtype=np.float64), _read_deviation(standard_deviation)
    if not np.isfinite(centre).all():
        raise ValueRangeError("prior mean", centre[~np.isfinite(centre)].flat[0], "finite numbers", "correct the mean")

    def with_rows(parameters: Floats, /) -> Floats:
        return np.concatenate([residuals(parameters), (parameters - centre) / deviation], axis=1)

    return with_rows


def with_normal_prior_rows(jacobian: JacobianFunction, standard_deviation: ArrayLike) -> JacobianFunction:
    """Return the Jacobian that belongs to :func:`with_normal_prior`: one more row a parameter.

    Parameters
    ----------
    jacobian : JacobianFunction
        Derivatives (B, R, P) of the residuals.
    standard_deviation : (P,) or (B, P) array_like
        As given to :func:`with_normal_prior`.

    Returns
    -------
    JacobianFunction
        Derivatives (B, R + P, P).

    Raises
    ------
    ValueRangeError
        A standard deviation is not positive.
    """
    deviation = _read_deviation(standard_deviation)

    def with_rows(parameters: Floats, /) -> Floats:
        rows = np.broadcast_to(1 / deviation, parameters.shape)[:, :, np.newaxis] * np.eye(parameters.shape[1])
        return np.concatenate([jacobian(parameters), rows], axis=1)

    return with_rows


def _read_deviation(value: ArrayLike) -> Floats:
    deviation = np.asarray(value, dtype=np.float64)
    bad = ~(deviation > 0)
    if bad.any():
        raise ValueRangeError("prior standard deviation", deviation[bad].flat[0], "positive numbers", "correct it")
    return deviation
