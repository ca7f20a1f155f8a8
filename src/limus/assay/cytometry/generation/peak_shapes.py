r"""The shape of a generation's peak: dye that halves, on a floor of autofluorescence.

A cell of generation g shows ``X = D + A``: dye ``D``, log-normal with median ``d 2**-g`` and the variance
``s**2 + g w**2`` of its logarithm (w: unequal sharing, added at each division), and autofluorescence with noise ``A``.
The sum has no closed form; the shifted log-normal with the same mean, variance and third central moment is used. It is
exact without floor and without dye, and smooth in all parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limus.kernel.errors import ValueRangeError

__all__ = ["Floor", "peak_moments", "peak_probabilities", "peak_probabilities_with_slopes", "peak_scales"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Floor:
    """Autofluorescence and noise of cells without dye, on the scale of the channel.

    Attributes
    ----------
    mean, variance, third : float
        Mean, variance and third central moment (0 or above).
    events : int
        Cells of the unstained control behind it; 0 where it is not measured.
    """

    mean: float
    variance: float
    third: float = 0.0
    events: int = 0

    @classmethod
    def measure(cls, values: ArrayLike) -> Floor:
        """Take the moments of an unstained control, the outermost 0.5 % on each side drawn in.

        Parameters
        ----------
        values : (N,) array_like
            Dye channel of unstained cells; two or more different values.

        Returns
        -------
        Floor

        Raises
        ------
        ValueRangeError
            Fewer than two different finite values.
        """
        cells = np.asarray(values, dtype=np.float64)
        cells = cells[np.isfinite(cells)]
        if len(cells) < 2 or cells.min() == cells.max():
            got = f"{len(cells)} cells"
            raise ValueRangeError("unstained control", got, "two or more different values", "measure more cells")
        inside = np.clip(cells, *np.quantile(cells, (0.005, 0.995)))
        centred = inside - inside.mean()
        return cls(float(inside.mean()), float(np.mean(centred**2)), max(0.0, float(np.mean(centred**3))), len(cells))

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.variance)


def peak_moments(log_dye: Floats, log_variance: Floats, floor: Floats) -> tuple[Floats, Floats, Floats]:
    """Return mean, variance and third central moment of peaks.

    Parameters
    ----------
    log_dye, log_variance : numpy.ndarray
        Mean and variance of the logarithm of the dye.
    floor : (3, ...) numpy.ndarray
        Mean, variance and third central moment of the floor, to be broadcast.

    Returns
    -------
    tuple of three numpy.ndarray
    """
    spread = np.expm1(log_variance)
    mean = np.exp(log_dye + 0.5 * log_variance)
    variance = mean**2 * spread
    third = mean**3 * spread**2 * (spread + 3.0)
    return mean + floor[0], variance + floor[1], third + floor[2]


def peak_scales(log_dye: Floats, log_variance: Floats, floor: Floats) -> tuple[Floats, Floats, Floats]:
    """Return shift, median above the shift, and width of the shifted log-normal that stands for each peak.

    Parameters
    ----------
    log_dye, log_variance, floor
        As for :func:`peak_moments`.

    Returns
    -------
    tuple of three numpy.ndarray
        ``X = shift + scale exp(width Z)`` with standard normal Z.
    """
    mean, variance, third = peak_moments(log_dye, log_variance, floor)
    # the skewness is t**3 + 3 t with t**2 = exp(width**2) - 1; below 1e-3 the peak is normal to rounding
    half = 0.5 * np.maximum(third / variance**1.5, 1e-3)
    root = np.cbrt(half + np.sqrt(half**2 + 1.0))
    tangent = root - 1.0 / root
    growth = 1.0 + tangent**2
    scale = np.sqrt(variance / growth) / tangent
    return mean - scale * np.sqrt(growth), scale, np.sqrt(np.log(growth))


def peak_probabilities(log_dye: Floats, log_variance: Floats, floor: Floats, edges: Floats) -> Floats:
    """Return the share of each peak in the bins that the edges make, with an open bin at each end.

    Parameters
    ----------
    log_dye, log_variance, floor
        As for :func:`peak_moments`, of shape (...).
    edges : (J,) numpy.ndarray
        On the scale of the channel.

    Returns
    -------
    (..., J + 1) numpy.ndarray
        Sums to 1 over the bins.
    """
    from scipy.special import ndtr  # noqa: PLC0415

    place, _ = _standardise(peak_scales(log_dye, log_variance, floor), edges)
    return _differences(np.asarray(ndtr(place)))


def peak_probabilities_with_slopes(
    log_dye: Floats, log_variance: Floats, floor: Floats, edges: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the shares of :func:`peak_probabilities` and their derivatives.

    Parameters
    ----------
    log_dye, log_variance, floor, edges
        As for :func:`peak_probabilities`.

    Returns
    -------
    tuple of three (..., J + 1) numpy.ndarray
        Shares; derivatives by the logarithm of the dye; derivatives by its variance.
    """
    from scipy.special import ndtr  # noqa: PLC0415

    shift, scale, width = peak_scales(log_dye, log_variance, floor)
    place, above = _standardise((shift, scale, width), edges)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        density = np.exp(-0.5 * place**2) / math.sqrt(2 * math.pi)
        by_shift = np.where(above > 0, -density / (above * width[..., np.newaxis]), 0.0)
        by_width = np.where(above > 0, -density * place / width[..., np.newaxis], 0.0)
    by_scale = -density / (scale * width)[..., np.newaxis]
    slopes = []
    for step in (_LOG_STEP, _VARIANCE_STEP * np.maximum(log_variance, 1e-4)):
        moves = (step, 0.0) if step is _LOG_STEP else (0.0, step)
        high = peak_scales(log_dye + moves[0], log_variance + moves[1], floor)
        low = peak_scales(log_dye - moves[0], log_variance - moves[1], floor)
        change = [((h - c) / (2 * step))[..., np.newaxis] for h, c in zip(high, low, strict=True)]
        slopes.append(_differences(change[0] * by_shift + change[1] * by_scale + change[2] * by_width, whole=0.0))
    return _differences(np.asarray(ndtr(place))), slopes[0], slopes[1]


_LOG_STEP = 1e-4
_VARIANCE_STEP = 1e-4


def _standardise(scales: tuple[Floats, Floats, Floats], edges: Floats) -> tuple[Floats, Floats]:
    """Standard normal place of the edges in each peak, and their distance above its shift."""
    shift, scale, width = scales
    above = edges - shift[..., np.newaxis]
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(above, 0.0) / scale[..., np.newaxis]) / width[..., np.newaxis], above


def _differences(below: Floats, *, whole: float = 1.0) -> Floats:
    bins = np.empty((*below.shape[:-1], below.shape[-1] + 1))
    bins[..., 0] = below[..., 0]
    np.subtract(below[..., 1:], below[..., :-1], out=bins[..., 1:-1])
    np.subtract(whole, below[..., -1], out=bins[..., -1])
    return bins
