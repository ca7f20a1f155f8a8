r"""How well a plate tells its controls apart: Z', SSMD and their robust forms, CV, signal to background.

=====================  =========================================================  ================================
quantity               formula                                                    source
=====================  =========================================================  ================================
Z'                     1 - 3 (s_h + s_l) / abs(m_h - m_l)                         Zhang, Chung and Oldenburg 1999
robust Z'              the same with median and 1.4826 MAD                        Birmingham and others 2009
SSMD                   (m_h - m_l) / sqrt(s_h**2 + s_l**2)                        Zhang 2007
robust SSMD            the same with median and 1.4826 MAD                        Zhang 2007
CV, per cent           100 s / m
signal to background   m_h / m_l
=====================  =========================================================  ================================

m and s are mean and standard deviation (n - 1) of the high (h) and the low (l) controls. Zhang, Chung and Oldenburg
(1999) J Biomol Screen 4:67 call an assay excellent from Z' = 0.5 on; Zhang (2007) Genomics 89:552 defines SSMD;
Birmingham and others (2009) Nat Methods 6:569 review both with their robust forms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ControlQuality",
    "QualityStatus",
    "assess_controls",
    "coefficient_of_variation_percent",
    "robust_spread",
    "ssmd",
    "z_prime",
]

_EXCELLENT, _USABLE = 0.5, 0.0
_FEWEST = 2


class QualityStatus(StrEnum):
    """``excellent``: Z' of 0.5 or more; ``marginal``: between 0 and 0.5; ``overlapping``: below 0, the controls'
    three-sigma bands meet; ``too_few_wells``: fewer than two wells of a control; ``no_signal``: the means are equal."""  # noqa: D205, D209

    EXCELLENT = "excellent"
    MARGINAL = "marginal"
    OVERLAPPING = "overlapping"
    TOO_FEW_WELLS = "too_few_wells"
    NO_SIGNAL = "no_signal"


@dataclass(frozen=True, slots=True)
class ControlQuality:
    """Quality of a plate from its high and low controls; NaN where the status says that there is no number.

    Attributes
    ----------
    high, low : str
        What the controls are.
    high_wells, low_wells : int
    high_mean, low_mean : float
        In the unit of the signal.
    high_cv_percent, low_cv_percent : float
    z_prime, robust_z_prime, ssmd, robust_ssmd : float
    signal_to_background : float
    status : QualityStatus
    """

    high: str
    low: str
    high_wells: int
    low_wells: int
    high_mean: float
    low_mean: float
    high_cv_percent: float
    low_cv_percent: float
    z_prime: float
    robust_z_prime: float
    ssmd: float
    robust_ssmd: float
    signal_to_background: float
    status: QualityStatus

    def as_dict(self) -> dict[str, Any]:
        """The numbers under the names of the attributes."""
        return {name: getattr(self, name) for name in self.__slots__} | {"status": str(self.status)}


def robust_spread(values: ArrayLike) -> float:
    """Return 1.4826 times the median absolute deviation: the standard deviation of normal values, robustly.

    Parameters
    ----------
    values : (n,) array_like
        Finite, at least one.

    Returns
    -------
    float
        In the unit of the values.
    """
    array = np.asarray(values, dtype=np.float64)
    return float(1.4826 * np.median(np.abs(array - np.median(array))))


def z_prime(high: ArrayLike, low: ArrayLike, *, robust: bool = False) -> float:
    """Return Z' of two groups of controls.

    ``1 - 3 (s_h + s_l) / abs(m_h - m_l)``, with median and 1.4826 MAD where robust.

    Parameters
    ----------
    high, low : (n,) array_like
        Signals, finite, two or more each.
    robust : bool

    Returns
    -------
    float
        At most 1; minus infinity where the centres are equal.

    Notes
    -----
    Zhang, Chung and Oldenburg (1999) J Biomol Screen 4:67, equation 3 (there of the controls).

    Examples
    --------
    >>> z_prime([10.0, 11.0, 12.0], [0.0, 1.0, 2.0])
    0.4
    """
    (m_h, s_h), (m_l, s_l) = _centre(high, robust), _centre(low, robust)
    distance = abs(m_h - m_l)
    return 1.0 - 3.0 * (s_h + s_l) / distance if distance > 0 else -math.inf


def ssmd(high: ArrayLike, low: ArrayLike, *, robust: bool = False) -> float:
    """Return the strictly standardised mean difference of two groups of controls.

    ``(m_h - m_l) / sqrt(s_h**2 + s_l**2)``, with median and 1.4826 MAD where robust.

    Parameters
    ----------
    high, low : (n,) array_like
        Signals, finite, two or more each.
    robust : bool

    Returns
    -------
    float
        NaN where neither group varies.

    Notes
    -----
    Zhang (2007) Genomics 89:552; the moment estimate for independent groups.

    Examples
    --------
    >>> round(ssmd([10.0, 11.0, 12.0], [0.0, 1.0, 2.0]), 4)
    7.0711
    """
    (m_h, s_h), (m_l, s_l) = _centre(high, robust), _centre(low, robust)
    spread = math.hypot(s_h, s_l)
    return (m_h - m_l) / spread if spread > 0 else math.nan


def coefficient_of_variation_percent(values: ArrayLike) -> float:
    """Return the coefficient of variation, ``100 s / m``.

    Parameters
    ----------
    values : (n,) array_like
        Finite.

    Returns
    -------
    float
        Per cent; NaN for fewer than two values or a mean of zero.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) < _FEWEST or np.mean(array) == 0:
        return math.nan
    return float(100.0 * np.std(array, ddof=1) / np.mean(array))


def assess_controls(high: ArrayLike, low: ArrayLike, *, names: tuple[str, str]) -> ControlQuality:
    """Assess a plate by its controls.

    Parameters
    ----------
    high, low : (n,) array_like
        Signals of the controls; NaN (wells without a usable signal) are left out.
    names : tuple of (str, str)
        What the high and the low controls are.

    Returns
    -------
    ControlQuality
    """
    h, lo = _finite(high), _finite(low)
    few = min(len(h), len(lo)) < _FEWEST
    m_h = float(np.mean(h)) if len(h) else math.nan
    m_l = float(np.mean(lo)) if len(lo) else math.nan
    plain = math.nan if few else z_prime(h, lo)
    if few:
        status = QualityStatus.TOO_FEW_WELLS
    elif m_h == m_l:
        status = QualityStatus.NO_SIGNAL
    elif plain >= _EXCELLENT:
        status = QualityStatus.EXCELLENT
    else:
        status = QualityStatus.MARGINAL if plain >= _USABLE else QualityStatus.OVERLAPPING
    return ControlQuality(
        high=names[0],
        low=names[1],
        high_wells=len(h),
        low_wells=len(lo),
        high_mean=m_h,
        low_mean=m_l,
        high_cv_percent=coefficient_of_variation_percent(h),
        low_cv_percent=coefficient_of_variation_percent(lo),
        z_prime=plain,
        robust_z_prime=math.nan if few else z_prime(h, lo, robust=True),
        ssmd=math.nan if few else ssmd(h, lo),
        robust_ssmd=math.nan if few else ssmd(h, lo, robust=True),
        signal_to_background=m_h / m_l if m_l > 0 else math.nan,
        status=status,
    )


def _centre(values: ArrayLike, robust: bool) -> tuple[float, float]:
    array = np.asarray(values, dtype=np.float64)
    if robust:
        return float(np.median(array)), robust_spread(array)
    return float(np.mean(array)), float(np.std(array, ddof=1))


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return array[np.isfinite(array)]
