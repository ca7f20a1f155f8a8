r"""Carrying the uncertainty of everything that was measured into what is computed from it (delta method).

Inputs are independent blocks: the coefficients of a standard line with their covariance, the mean of a group of wells,
a single well. An output ``f(u)`` has the covariance ``J V J'`` with the Jacobian J by central differences, all shifted
inputs in one call, and each output the degrees of freedom of Satterthwaite (1946) Biometrics Bull 2:110,
``(sum v_b)**2 / sum(v_b**2 / d_b)``, with the variance ``v_b`` that block b brings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["NOT_KNOWN", "Carried", "Estimate", "InputBlock", "carry", "student_quantile"]

Floats = NDArray[np.float64]
_STEP = 0.01  # of a standard error: far above rounding and the fitter's own end, far below the curvature


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; NaN where it is not known."""

    value: float
    lower: float = math.nan
    upper: float = math.nan

    @property
    def interval(self) -> list[float]:
        """Lower and upper end."""
        return [self.lower, self.upper]

    @property
    def known(self) -> bool:
        """Whether there is a finite number."""
        return math.isfinite(self.value)


NOT_KNOWN = Estimate(math.nan)


@dataclass(frozen=True, eq=False)
class InputBlock:
    """Some measured numbers with their covariance; made by :meth:`create`.

    Attributes
    ----------
    values : (K,) numpy.ndarray
    covariance : (K, K) numpy.ndarray
    degrees_of_freedom : float
        Of the covariance; infinite where it is known.
    """

    values: Floats
    covariance: Floats
    degrees_of_freedom: float

    @classmethod
    def create(cls, values: ArrayLike, covariance: ArrayLike, degrees_of_freedom: float = math.inf) -> InputBlock:
        """Make a block.

        Parameters
        ----------
        values : float or (K,) array_like
        covariance : float or (K, K) array_like
        degrees_of_freedom : float

        Raises
        ------
        ValueRangeError
            The shapes differ, or a number is not finite.
        """
        v = np.atleast_1d(np.asarray(values, dtype=np.float64))
        c = np.atleast_2d(np.asarray(covariance, dtype=np.float64))
        if c.shape != (len(v), len(v)) or not (np.isfinite(v).all() and np.isfinite(c).all()):
            got = f"{len(v)} values, covariance {c.shape}"
            raise ValueRangeError("input block", got, "finite numbers of one size", "leave out what is not known")
        return cls(v, c, degrees_of_freedom)


@dataclass(frozen=True, eq=False)
class Carried:
    """Outputs with their uncertainty.

    Attributes
    ----------
    values : (M,) numpy.ndarray
    covariance : (M, M) numpy.ndarray
    degrees_of_freedom : (M,) numpy.ndarray
    shares : (M, blocks) numpy.ndarray
        Share of the variance that each block brings.
    """

    values: Floats
    covariance: Floats
    degrees_of_freedom: Floats
    shares: Floats

    @property
    def standard_errors(self) -> Floats:
        """Square roots of the variances, (M,)."""
        return np.sqrt(np.diag(self.covariance))

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return lower and upper ends, (M,) each, with Student's t at each output's degrees of freedom.

        Parameters
        ----------
        level : float
            A fraction.
        """
        half = student_quantile(self.degrees_of_freedom, level) * self.standard_errors
        return self.values - half, self.values + half

    def estimate(self, output: int, level: float = 0.95) -> Estimate:
        """Return one output with its interval.

        Parameters
        ----------
        output : int
        level : float
            A fraction.
        """
        lower, upper = self.interval(level)
        return Estimate(float(self.values[output]), float(lower[output]), float(upper[output]))


def carry(function: Callable[[Floats], Floats], blocks: Sequence[InputBlock]) -> Carried:
    """Carry the uncertainty of the inputs through a function.

    Parameters
    ----------
    function : callable
        ``(B, K) -> (B, M)``: the outputs for B sets of all inputs, blocks side by side.
    blocks : sequence of InputBlock

    Returns
    -------
    Carried
        An output that is not finite at some shifted input has NaN for its uncertainty.

    Examples
    --------
    >>> ratio = carry(lambda u: u[:, :1] / u[:, 1:], [InputBlock.create(1.0, 0.01), InputBlock.create(2.0, 0.04)])
    >>> round(float(ratio.standard_errors[0]), 5)
    0.07071
    """
    centre = np.concatenate([block.values for block in blocks])
    errors = np.concatenate([np.sqrt(np.diag(block.covariance)) for block in blocks])
    moving = np.flatnonzero(errors > 0)
    shifts = np.zeros((len(moving), len(centre)))
    shifts[np.arange(len(moving)), moving] = _STEP * errors[moving]
    answers = function(np.vstack([centre, centre + shifts, centre - shifts]))
    count = len(moving)
    jacobian = np.zeros((answers.shape[1], len(centre)))
    jacobian[:, moving] = ((answers[1 : count + 1] - answers[count + 1 :]) / (2 * _STEP * errors[moving, None])).T
    covariance = np.zeros((answers.shape[1],) * 2)
    parts = np.zeros((answers.shape[1], len(blocks)))
    at = 0
    for index, block in enumerate(blocks):
        own = jacobian[:, at : at + len(block.values)]
        part = own @ block.covariance @ own.T
        covariance += part
        parts[:, index] = np.diag(part)
        at += len(block.values)
    freedom = np.array([block.degrees_of_freedom for block in blocks])
    total = parts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = total**2 / np.sum(parts**2 / freedom, axis=1)
        shares = parts / total[:, np.newaxis]
    return Carried(answers[0], covariance, np.where(np.isnan(effective), np.inf, effective), shares)


def student_quantile(degrees_of_freedom: ArrayLike, level: float = 0.95) -> Floats:
    """Return the two-sided quantile of Student's t; of the normal distribution for infinite degrees of freedom.

    Parameters
    ----------
    degrees_of_freedom : float or array_like
    level : float
        A fraction.

    Returns
    -------
    array
    """
    from scipy import special  # noqa: PLC0415

    freedom = np.asarray(degrees_of_freedom, dtype=np.float64)
    normal = float(special.ndtri(0.5 + level / 2))
    finite = np.where(np.isfinite(freedom), freedom, 1.0)
    return np.where(np.isfinite(freedom), special.stdtrit(finite, 0.5 + level / 2), normal)
