"""What is pooled and how, and what comes out: the plan of a pooling and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from limus.evidence.measures import Measure
from limus.kernel.statistics.pooling import Correction, PredictionMethod, Tau2Method

__all__ = ["CiMethod", "Method", "Model", "PoolPlan", "Summary"]

Floats = NDArray[np.float64]


class Model(StrEnum):
    """One effect for all studies, or effects that vary between them."""

    COMMON = "common"
    RANDOM = "random"


class Method(StrEnum):
    """How the effects are pooled."""

    IV = "IV"
    MH = "MH"
    PETO = "PETO"
    GLMM = "GLMM"


class CiMethod(StrEnum):
    """Which confidence interval is given as the result; the others are given beside it."""

    WALD = "wald"
    HK = "hk"
    HK_CORRECTED = "hk_corrected"


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """What is pooled and how.

    Attributes
    ----------
    measure : Measure
    model : Model
    method : Method
    tau2_method : Tau2Method
        For random effects by inverse variance.
    ci : CiMethod
    prediction : PredictionMethod
    level_percent : float
    correction : Correction
    keep_double_zero : bool
    """

    measure: Measure
    model: Model = Model.RANDOM
    method: Method = Method.IV
    tau2_method: Tau2Method = Tau2Method.REML
    ci: CiMethod = CiMethod.WALD
    prediction: PredictionMethod = PredictionMethod.T_K_MINUS_2
    level_percent: float = 95.0
    correction: Correction = Correction.CONSTANT
    keep_double_zero: bool = False

    @property
    def estimator(self) -> Tau2Method | None:
        """The estimator of tau2; None for a common effect."""
        return self.tau2_method if self.model is Model.RANDOM else None


_NONE = (np.nan, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """A pooled effect, on the scale of pooling; NaN where a number has no meaning, with a reason.

    Attributes
    ----------
    studies : int
        Studies pooled.
    estimate, standard_error, p : float
    ci : tuple of two floats
        As the plan has it.
    intervals : mapping of str to (lower, upper)
        Every confidence interval there is.
    tau2, tau2_standard_error, i2_percent, h2, q, q_p : float
    tau2_ci, i2_ci : tuple of two floats
        Q-profile.
    degrees_of_freedom : float
        Of Q.
    predictions : mapping of str to (lower, upper)
    weights_percent : (K,)
        NaN for GLMM, which has none.
    status : str
        ``ok``, ``one_study`` or why there is no effect.
    reasons : mapping of str to str
        Why a number is missing.
    """

    studies: int
    estimate: float
    standard_error: float
    p: float
    ci: tuple[float, float]
    intervals: Mapping[str, tuple[float, float]]
    tau2: float
    i2_percent: float
    h2: float
    q: float
    q_p: float
    degrees_of_freedom: float
    weights_percent: Floats
    tau2_standard_error: float = np.nan
    tau2_ci: tuple[float, float] = _NONE
    i2_ci: tuple[float, float] = _NONE
    predictions: Mapping[str, tuple[float, float]] = field(default_factory=lambda: MappingProxyType({}))
    status: str = "ok"
    reasons: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
