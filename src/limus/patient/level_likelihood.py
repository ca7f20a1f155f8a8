r"""What a level says about the level that a model predicts: minus twice the logarithm of its density.

========================  ===================================================================================
a level y, prediction f   contribution
========================  ===================================================================================
measured                  :math:`(y - f)^2 / v(f) + \ln v(f) + \ln 2\pi`
measured, log-additive    :math:`(\ln y - \ln f)^2 / s^2 + \ln s^2 + \ln 2\pi + 2 \ln y`
below a limit L           :math:`-2 \ln \Phi((L - f) / \sqrt{v(f)})`, or of the logarithms (the method M3)
========================  ===================================================================================

v is the variance of the residual error, with what an assay or the uncertainty of a sampling time adds. The term
:math:`\ln v(f)` is left out by programs that weigh squares only; without it a proportional error draws predictions
upwards. Derivatives are by f; the curvature is the expected one (Fisher's), which is never negative.

M3: Beal 2001, J Pharmacokinet Pharmacodyn 28:481.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import UnsupportedFeatureError
from limus.kernel.language import Expression, derivative, evaluate_arrays, free_symbols
from limus.pharmacokinetics.population_model.record import PopulationModel
from limus.pharmacokinetics.population_model.residual_error import ResidualError, resolve_variance

__all__ = ["ErrorModel", "LevelTerms", "error_model", "level_terms", "predictive_sd"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_SMALLEST = 1e-12  # of a predicted level, in units of DV: below it a logarithm or a relative error has no meaning


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """The variance of a level around its prediction.

    Attributes
    ----------
    residual : ResidualError
    extra_additive, extra_proportional : float
        Standard deviations of what comes on top, such as another assay's error: in the unit of DV, and a fraction.
    formula, formula_slope : Expression or None
        Of the form ``formula``: the variance and its derivative by the level.
    level : str
        Name of the level in the formula.
    values : mapping of str to array
        What the formula uses beside the level; arrays in the shape of the levels.
    """

    residual: ResidualError
    extra_additive: float = 0.0
    extra_proportional: float = 0.0
    formula: Expression | None = None
    formula_slope: Expression | None = None
    level: str = ""
    values: Mapping[str, Floats] | None = None

    @property
    def on_logarithm(self) -> bool:
        """Whether levels are compared by their logarithms."""
        return self.residual.on_logarithm


@dataclass(frozen=True, eq=False)
class LevelTerms:
    """Contributions of levels: value, slope and expected curvature by the prediction; 0 where none is used."""

    value: Floats
    slope: Floats
    curvature: Floats


def error_model(
    model: PopulationModel,
    *,
    assay_additive: float = 0.0,
    assay_proportional: float = 0.0,
    covariates: Mapping[str, Floats] | None = None,
) -> ErrorModel:
    """Prepare the error of a model's levels.

    Parameters
    ----------
    model : PopulationModel
    assay_additive, assay_proportional : float
        Standard deviations to add, in the unit of DV and as a fraction.
    covariates : mapping of str to array, optional
        At the levels, in their shape; needed where the variance is a formula of them.

    Returns
    -------
    ErrorModel

    Raises
    ------
    UnsupportedFeatureError
        A variance that depends on random effects.
    """
    residual = model.residual
    if residual.form != "formula":
        return ErrorModel(residual, assay_additive, assay_proportional)
    formula = resolve_variance(model, residual.formula)
    level = model.observation.output
    random = free_symbols(formula) & {*model.between_subject.names, *model.between_occasion.names}
    if random:
        where, do = f"model {model.name}, residual.formula", "choose another residual error"
        raise UnsupportedFeatureError(where, ", ".join(sorted(random)), "a variance without random effects", do)
    known = {name: np.asarray(value) for name, value in model.model.values.items() if not np.isnan(value)}
    values = known | dict(covariates or {})
    return ErrorModel(residual, assay_additive, assay_proportional, formula, derivative(formula, level), level, values)


def _variance(error: ErrorModel, level: Floats, rows: NDArray[np.int64] | None) -> tuple[Floats, Floats]:
    """Variance at predicted levels, and its derivative."""
    residual = error.residual
    extra = error.extra_additive**2 + (error.extra_proportional * level) ** 2
    extra_slope = 2.0 * error.extra_proportional**2 * level
    if residual.on_logarithm:
        # what is added on the level is, on the logarithm, relative to it
        variance = np.full(level.shape, residual.log_additive**2) + extra / level**2
        return variance, extra_slope / level**2 - 2.0 * extra / level**3
    if error.formula is not None and error.formula_slope is not None:
        values = {name: v if rows is None or v.ndim == 0 else v[rows] for name, v in (error.values or {}).items()}
        values[error.level] = level
        found, slope = (
            np.broadcast_to(evaluate_arrays(e, values), level.shape) for e in (error.formula, error.formula_slope)
        )
        return found + extra, slope + extra_slope
    variance = residual.additive**2 + (residual.proportional * level) ** 2 + extra
    return variance, 2.0 * residual.proportional**2 * level + extra_slope


def predictive_sd(error: ErrorModel, level: Floats, rows: NDArray[np.int64] | None = None) -> Floats:
    """Return the standard deviation of measured levels around predicted ones.

    Parameters
    ----------
    error : ErrorModel
    level : array
        Predictions, above 0.
    rows : array of int, optional
        Patient of each row of ``level``, where the error depends on the patient.

    Returns
    -------
    array
        In the unit of DV; of the logarithm for a log-additive error.
    """
    return np.sqrt(_variance(error, np.maximum(level, _SMALLEST), rows)[0])


def level_terms(
    error: ErrorModel,
    level: Floats,
    measured: Floats,
    below: Flags,
    weight: Floats,
    *,
    extra_variance: Floats | None = None,
    rows: NDArray[np.int64] | None = None,
) -> LevelTerms:
    """Find the contributions of levels to minus twice the log-likelihood.

    Parameters
    ----------
    error : ErrorModel
    level : (n, M) array
        Predictions; NaN where none is wanted.
    measured : (n, M) array
        Levels, or the limit where ``below``.
    below : (n, M) array of bool
        The level is known only to lie below ``measured``.
    weight : (n, M) array
        Of each level: 1, or less for one that counts less; 0 leaves it out.
    extra_variance : (n, M) array, optional
        (Unit of DV)^2, such as that of an uncertain sampling time.
    rows : (n,) array of int, optional
        Patient of each row, where the error depends on the patient.

    Returns
    -------
    LevelTerms
        A prediction that is not finite gives an infinite value.
    """
    used = weight > 0.0
    lost = used & ~np.isfinite(level)
    safe = np.where(used & np.isfinite(level), np.maximum(level, _SMALLEST), 1.0)
    variance, slope = _variance(error, safe, rows)
    if extra_variance is not None:
        scale = safe**2 if error.on_logarithm else 1.0
        variance = variance + extra_variance / scale
        slope = slope - (2.0 * extra_variance / safe**3 if error.on_logarithm else 0.0)
    target = np.where(used, measured, 1.0)
    if error.on_logarithm:
        terms = _terms(np.log(np.maximum(target, _SMALLEST)), np.log(safe), variance, slope, 1.0 / safe, below)
        value = terms.value + np.where(below, 0.0, 2.0 * np.log(np.maximum(target, _SMALLEST)))
        terms = LevelTerms(value, terms.slope, terms.curvature)
    else:
        terms = _terms(target, safe, variance, slope, np.ones_like(safe), below)
    value = np.where(lost, np.inf, np.where(used, weight * terms.value, 0.0))
    return LevelTerms(value, np.where(used, weight * terms.slope, 0.0), np.where(used, weight * terms.curvature, 0.0))


def _terms(y: Floats, f: Floats, variance: Floats, slope: Floats, f_slope: Floats, below: Flags) -> LevelTerms:
    """Contributions of normal y around f; ``slope`` of the variance and ``f_slope`` of f are by the level."""
    rest = y - f
    value = rest**2 / variance + np.log(2.0 * np.pi * variance)
    first = -2.0 * rest / variance * f_slope + (1.0 / variance - (rest / variance) ** 2) * slope
    second = 2.0 * f_slope**2 / variance + (slope / variance) ** 2
    if not below.any():
        return LevelTerms(value, first, second)
    from scipy.special import log_ndtr  # noqa: PLC0415

    sd = np.sqrt(variance)
    z = rest / sd
    z_slope = -f_slope / sd - 0.5 * rest * slope / (variance * sd)
    logarithm = log_ndtr(z)
    ratio = np.exp(-0.5 * z**2 - logarithm) / np.sqrt(2.0 * np.pi)
    return LevelTerms(
        np.where(below, -2.0 * logarithm, value),
        np.where(below, -2.0 * ratio * z_slope, first),
        np.where(below, 2.0 * np.maximum(ratio * (z + ratio), 0.0) * z_slope**2, second),
    )
